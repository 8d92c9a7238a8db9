"""Which cells take part in a cross-validation, and how they are divided into folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import RepeatedStratifiedKFold

from core.config import RareTask, TrainingConfig
from core.data import Dataset
from core.data.labels import clean_labels
from core.errors import ParameterError
from core.folds import FoldPlan, plan_folds

__all__ = ["MAX_SAMPLES", "ScoredCells", "Split", "iter_splits", "plan_of", "scored_cells"]

# A column with more values than that names cells or measures them, and says of no sample.
MAX_SAMPLES = 200


@dataclass(frozen=True)
class ScoredCells:
    """The cells that a cross-validation trains on and tests.

    Parameters
    ----------
    rows : int array of shape (n_cells,)
        Their rows of the dataset: those that carry a label, and a sample where samples matter.
    is_rare : bool array of shape (n_cells,)
        Which are the rare type.
    samples : object array of shape (n_cells,) or None
        Which sample each comes from.
    """

    rows: npt.NDArray[np.intp]
    is_rare: npt.NDArray[np.bool_]
    samples: npt.NDArray[np.object_] | None = None

    @property
    def n_rare(self) -> int:
        """Number of rare cells."""
        return int(self.is_rare.sum())

    @property
    def n_other(self) -> int:
        """Number of all others."""
        return len(self.is_rare) - self.n_rare

    def plan(self, config: TrainingConfig) -> FoldPlan:
        """Folds and repeats that these cells allow; see :func:`core.plan_folds`."""
        if self.samples is None:
            return plan_folds(self.n_rare, self.n_other, config)
        per_sample = {}
        for name in np.unique(self.samples.astype(str)).tolist():
            is_rare = self.is_rare[self.samples == name]
            per_sample[name] = int(is_rare.sum()), int((~is_rare).sum())
        return plan_folds(self.n_rare, self.n_other, config, per_sample=per_sample)


@dataclass(frozen=True)
class Split:
    """One fold: what is trained on and what is tested, by position among the tested cells."""

    repeat: int
    fold: int
    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]


def scored_cells(dataset: Dataset, task: RareTask, config: TrainingConfig) -> ScoredCells:
    """Find the cells that take part.

    Raises
    ------
    ParameterError
        ``E-SAMPLE-COLUMN`` when ``config.sample`` is no column of samples; those of
        ``dataset.rare_labels``.
    """
    truth = dataset.rare_labels(task)
    if config.sample is None:
        return ScoredCells(truth.rows, truth.is_rare)
    if config.sample not in dataset.obs:
        raise _no_samples(config.sample, "a column of the dataset that says where a cell is from")
    samples = clean_labels(dataset.obs[config.sample]).to_numpy()[truth.rows]
    is_known = np.array([name is not None for name in samples], dtype=bool)
    n_samples = len(set(samples[is_known]))
    if not 2 <= n_samples <= MAX_SAMPLES:
        required = f"a column with 2 to {MAX_SAMPLES} different samples"
        raise _no_samples(config.sample, required, f", which has {n_samples:,}")
    return ScoredCells(truth.rows[is_known], truth.is_rare[is_known], samples[is_known])


def plan_of(dataset: Dataset, task: RareTask, config: TrainingConfig) -> FoldPlan:
    """Folds and repeats of a cross-validation of `dataset`, samples included.

    Raises
    ------
    ParameterError
        ``E-SAMPLE-COLUMN`` or ``E-SAMPLES-FEW``; those of ``dataset.rare_labels``.
    """
    return scored_cells(dataset, task, config).plan(config)


def iter_splits(cells: ScoredCells, plan: FoldPlan, seed: int) -> Iterator[Split]:
    """Divide cells as planned: by samples, or stratified at random, as often as there are repeats.

    Parameters
    ----------
    cells : ScoredCells
    plan : FoldPlan
        Made for these cells, with at least one fold.
    seed : int
        Of the random folds.
    """
    if plan.samples:
        for fold, name in enumerate(plan.samples):
            is_test = cells.samples == name
            yield Split(0, fold, np.flatnonzero(~is_test), np.flatnonzero(is_test))
        return
    folds = RepeatedStratifiedKFold(
        n_splits=plan.n_splits, n_repeats=plan.n_repeats, random_state=seed
    )
    for number, (train, test) in enumerate(folds.split(cells.rows, cells.is_rare)):
        yield Split(*divmod(number, plan.n_splits), train, test)


def _no_samples(column: str, required: str, got: str = "") -> ParameterError:
    return ParameterError(
        f"`sample` must be {required}. Got {column!r}{got}.",
        code="E-SAMPLE-COLUMN",
        next_step="Choose another column, or folds of cells instead of samples.",
    )
