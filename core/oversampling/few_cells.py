"""Samplers of imbalanced-learn on few rare cells, and where they find nothing to draw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.base import clone

from core.config import TrainingConfig
from core.oversampling.row import SamplerRow, Seed
from core.oversampling.settings import require_two
from core.oversampling.targets import TargetRatio
from core.text import SAMPLER_LABELS

__all__ = ["FewCells", "few_cells_row"]


class FewCells(BaseOverSampler):
    """Run a sampler of imbalanced-learn on as few as two rare cells.

    Numbers of neighbours are cut to the cells that there are. A sampler that finds nothing to draw
    adds no cell, where some of imbalanced-learn's raise an error instead.

    Parameters
    ----------
    sampler : imblearn.over_sampling.base.BaseOverSampler
        The sampler; it is not changed. Its own `sampling_strategy` and `random_state` do not
        count.
    label : str
        What messages call it.
    among_rare, among_all : tuple of str
        Its settings that are a number of neighbours among the rare cells, or among all cells.
    nothing : tuple of str
        How the messages of those of its errors begin that mean "nothing to draw".
    sampling_strategy : float, str, dict or callable, default="auto"
        How many cells of which class there shall be, as everywhere in imbalanced-learn.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        Source of all randomness of one call.

    Raises
    ------
    ParameterError
        When the sampler looks for neighbours and there is one rare cell only.

    Examples
    --------
    >>> import numpy as np
    >>> from imblearn.over_sampling import SMOTE
    >>> sampler = FewCells(SMOTE(), "SMOTE", among_rare=("k_neighbors",), random_state=0)
    >>> cells = np.random.default_rng(0).normal(size=(20, 3))
    >>> balanced, is_rare = sampler.fit_resample(cells, np.arange(20) < 2)
    >>> balanced.shape, int(is_rare.sum())
    ((36, 3), 18)
    """

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "random_state": ["random_state", np.random.Generator],
        # Given by a row of the registry, never by the user.
        "sampler": "no_validation",
        "label": "no_validation",
        "among_rare": "no_validation",
        "among_all": "no_validation",
        "nothing": "no_validation",
    }

    def __init__(
        self,
        sampler: BaseOverSampler,
        label: str,
        *,
        among_rare: tuple[str, ...] = (),
        among_all: tuple[str, ...] = (),
        nothing: tuple[str, ...] = (),
        sampling_strategy="auto",
        random_state=None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.sampler = sampler
        self.label = label
        self.among_rare = among_rare
        self.among_all = among_all
        self.nothing = nothing
        self.random_state = random_state

    def _fit_resample(self, X, y):
        there = {label: int((y == label).sum()) for label in self.sampling_strategy_}
        wanted = {label: there[label] + n for label, n in self.sampling_strategy_.items() if n > 0}
        if not wanted:
            return X.copy(), y.copy()
        sampler = clone(self.sampler).set_params(
            **self._neighbours(min(there[label] for label in wanted), len(y)),
            sampling_strategy=wanted,
            random_state=_to_random_state(self.random_state),
        )
        try:
            return sampler.fit_resample(X, y)
        except (RuntimeError, ValueError) as error:
            if not str(error).startswith(self.nothing):
                raise
            return X.copy(), y.copy()

    def _neighbours(self, n_rare: int, n_cells: int) -> dict[str, int]:
        """Numbers of neighbours, the cell itself not counted, that there are cells for."""
        most = dict.fromkeys(self.among_all, n_cells - 1)
        most |= dict.fromkeys(self.among_rare, n_rare - 1)
        if most:
            require_two(self.label, n_rare)
        return {name: min(getattr(self.sampler, name), there) for name, there in most.items()}


def few_cells_row(
    name: str,
    complexity: int,
    build: Callable[[TrainingConfig], BaseOverSampler],
    *,
    among_rare: tuple[str, ...] = (),
    among_all: tuple[str, ...] = (),
    nothing: tuple[str, ...] = (),
) -> SamplerRow:
    """Make the row of a sampler of imbalanced-learn; parameters as in :class:`FewCells`."""
    label = SAMPLER_LABELS[name][0]
    looks_for_neighbours = bool(among_rare or among_all)

    def make(config: TrainingConfig, seed: Seed) -> FewCells:
        return FewCells(
            build(config),
            label,
            among_rare=among_rare,
            among_all=among_all,
            nothing=nothing,
            sampling_strategy=TargetRatio(config.target_ratio),
            random_state=seed,
        )

    def check(config: TrainingConfig, n_train_rare: int) -> None:
        if looks_for_neighbours:
            require_two(label, n_train_rare, where=" in the smallest training part")

    return SamplerRow(name, complexity, make, check)


def _to_random_state(random_state) -> np.random.RandomState:
    """One stream for a whole call.

    Given an int, samplers of imbalanced-learn start the same stream again for every group of
    cells that they draw, and the groups share their random numbers.
    """
    if isinstance(random_state, np.random.RandomState):
        return random_state
    if isinstance(random_state, np.random.Generator):
        random_state = int(random_state.integers(1 << 32))
    return np.random.RandomState(random_state)
