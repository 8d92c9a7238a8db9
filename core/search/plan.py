"""The plan of a search: which cells stand in which fold, which settings are tried on them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from core.config import RareTask
from core.data import Dataset
from core.errors import ParameterError
from core.folds import FoldPlan
from core.oversampling import check_sampler
from core.search.settings import Setting, list_settings
from core.search.space import MAX_SPLITS, MIN_SPLITS, SearchConfig
from core.splits import ScoredCells, iter_splits, scored_cells

__all__ = ["Part", "SearchPlan", "plan_search"]

# What each round of a halving trains on: a share of the other cells; rare ones are never spared.
HALVING = (1 / 9, 1 / 3, 1.0)
# So few other cells would tell nothing of their variety.
MIN_OTHER = 30

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, order=True)
class Part:
    """Training cells: all but those of the folds `first` and `second`, which may be the same one.

    Trained without one fold, a model is tested on it. Trained without two folds, it is an inner
    model for both: with either as outer test fold, the other one is an inner test fold.
    """

    first: int
    second: int

    @property
    def tested(self) -> tuple[int, ...]:
        """The folds that its model is tested on."""
        return (self.first,) if self.first == self.second else (self.first, self.second)


@dataclass(frozen=True, eq=False)
class SearchPlan:
    """Everything that is settled before the first model is fitted.

    Parameters
    ----------
    cells : ScoredCells
        The cells that take part.
    fold_of : int array of shape (n_cells,)
        In which fold each of them is tested.
    n_splits : int
        Number of folds.
    settings : tuple of Setting
        What is tried.
    left_out : dict of str to int
        Why settings are not tried, and how many.
    shares : tuple of float
        Share of the other cells (0–1) that is trained on, one per rung.
    task, config
        What is searched.
    """

    cells: ScoredCells
    fold_of: Rows
    n_splits: int
    settings: tuple[Setting, ...]
    left_out: dict[str, int]
    shares: tuple[float, ...]
    task: RareTask
    config: SearchConfig

    @property
    def parts(self) -> list[Part]:
        """All training parts, those of a single fold among them."""
        return list(_parts(self.n_splits))

    def tested(self, fold: int) -> Rows:
        """Positions of the cells of a fold."""
        return np.flatnonzero(self.fold_of == fold)

    def trained(self, part: Part, rung: int) -> Rows:
        """Positions of the cells that are trained on: all rare ones, and this rung's others."""
        training = _without(self.fold_of, part)
        others = training[~self.cells.is_rare[training]]
        n_rare = len(training) - len(others)
        least = min(len(others), max(n_rare, MIN_OTHER))
        n = max(least, round(self.shares[rung] * len(others)))
        if n == len(others):
            return training
        rng = np.random.default_rng((self.config.seed, 1))
        # One order of all cells for all parts and rungs: what a rung has, the next one has, too.
        place = rng.permutation(len(self.fold_of))
        rest = others[np.argsort(place[others])[n:]]
        return np.setdiff1d(training, rest, assume_unique=True)

    def going_on(self, rung: int) -> float:
        """Share of the settings (0–1) that is tried in a rung, about.

        A third of the rung before goes on in each race, and the races for the folds differ: on
        real cells, one to four times as many go on as in a single race.
        """
        return min(1.0, 4 / 3**rung) if rung else 1.0

    def n_fits(self) -> int:
        """Models to fit; with halving about so many."""
        tried = sum(self.going_on(rung) for rung in range(len(self.shares)))
        return round(tried * len(self.settings)) * len(self.parts)


def plan_search(dataset: Dataset, task: RareTask, config: SearchConfig) -> SearchPlan:
    """Divide the cells into folds, list the settings, and leave out those that cannot be tried.

    Parameters
    ----------
    dataset : Dataset
        Reference cells; those without a label take no part.
    task : RareTask
        Label column and rare type.
    config : SearchConfig
        What is searched.

    Returns
    -------
    SearchPlan

    Raises
    ------
    ParameterError
        See :func:`core.search_parameters`.
    """
    cells = scored_cells(dataset, task, config.base)
    splits = list(iter_splits(*_folds(cells, config), config.seed))
    fold_of = np.empty(len(cells.rows), dtype=np.intp)
    for split in splits:
        fold_of[split.test] = split.fold
    sizes = _sizes(cells, fold_of, len(splits), config.base.sample)
    settings, left_out = _possible(list_settings(config), sizes)
    shares = HALVING if config.strategy == "halving" else (1.0,)
    return SearchPlan(
        cells, fold_of, len(splits), settings, left_out, shares, task=task, config=config
    )


def _folds(cells: ScoredCells, config: SearchConfig) -> tuple[ScoredCells, FoldPlan]:
    """Return the plan of one repeat of folds, and the cells with what divides them."""
    plan = cells.plan(config.base)
    if plan.scheme == "none":
        raise ParameterError(
            plan.reason,
            code="E-TOO-FEW-FOR-SCORES",
            next_step="Train a model without scores, or label more cells.",
        )
    if cells.samples is not None:
        samples = _grouped_samples(cells, config)
        names = tuple(sorted(set(samples)))
        return replace(cells, samples=samples), replace(plan, n_splits=len(names), samples=names)
    n_splits = _n_splits(config.n_splits, min(cells.n_rare, cells.n_other))
    return cells, replace(plan, scheme="k-fold", n_splits=n_splits, n_repeats=1)


def _n_splits(wished: int, smallest: int) -> int:
    """Folds for a class of so many cells: no more than these, and any two must leave 2 of them."""
    n_splits = min(wished, smallest)
    each, more = divmod(smallest, n_splits)
    return n_splits + 1 if smallest - 2 * each - min(more, 2) < 2 else n_splits


def _grouped_samples(cells: ScoredCells, config: SearchConfig) -> npt.NDArray[np.object_]:
    """Put many samples together into few groups: k of them take k (k + 1) / 2 models per setting.

    A model is still tested on samples that it has seen no cell of.
    """
    names, codes = np.unique(cells.samples.astype(str), return_inverse=True)
    if len(names) < MIN_SPLITS:
        raise _few_samples(config.base.sample, f"has {len(names)} samples")
    if len(names) <= MAX_SPLITS:
        return names[codes].astype(object)
    groups = StratifiedGroupKFold(config.n_splits, shuffle=True, random_state=config.seed)
    group_of = np.empty(len(codes), dtype=object)
    for number, (_, test) in enumerate(groups.split(codes, cells.is_rare, groups=codes)):
        group_of[test] = f"group {number}"
    return group_of


def _few_samples(column: str | None, got: str) -> ParameterError:
    return ParameterError(
        f"A search needs at least {MIN_SPLITS} samples, and any two of them must leave at least 2 "
        f"rare and 2 other cells to learn from. The column '{column}' {got}.",
        code="E-SEARCH-SAMPLES",
        next_step="On the page Train, choose another column for `sample`, or folds of cells.",
    )


def _parts(n_splits: int) -> Iterator[Part]:
    pairs = itertools.combinations_with_replacement(range(n_splits), 2)
    return (Part(*pair) for pair in pairs)


def _without(fold_of: Rows, part: Part) -> Rows:
    return np.flatnonzero(~np.isin(fold_of, part.tested))


def _sizes(
    cells: ScoredCells, fold_of: Rows, n_splits: int, column: str | None
) -> list[tuple[int, int]]:
    """Rare and other cells of all training parts, refused where there is nothing to learn from."""
    sizes = []
    for part in _parts(n_splits):
        is_rare = cells.is_rare[_without(fold_of, part)]
        sizes.append((int(is_rare.sum()), int((~is_rare).sum())))
    if min(map(min, sizes)) < 2:
        raise _few_samples(column, "is not like that")
    return sorted(set(sizes))


def _possible(
    settings: list[Setting], sizes: list[tuple[int, int]]
) -> tuple[tuple[Setting, ...], dict[str, int]]:
    reasons = [_obstacle(setting, sizes) for setting in settings]
    left_out = dict(Counter(filter(None, reasons)))
    possible = [s for s, reason in zip(settings, reasons, strict=True) if not reason]
    if not possible:
        raise ParameterError(
            f"None of the {len(settings):,} settings is possible with these cells. For example: "
            + next(iter(left_out)),
            code="E-SEARCH-EMPTY",
            next_step="Add candidates that fit so few rare cells.",
        )
    return tuple(possible), left_out


def _obstacle(setting: Setting, sizes: list[tuple[int, int]]) -> str:
    """Say why a setting would be refused in some training part; empty when in none."""
    for n_rare, n_other in sizes:
        if n_rare < setting.config.target_ratio * n_other:  # else there is nothing to draw
            try:
                check_sampler(setting.method.sampler, setting.config, n_rare)
            except ParameterError as error:
                return error.message
    return ""
