"""Summarise folds: means with spread and intervals, out-of-fold scores, a recommendation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.calibration import shift_prior
from core.comparison import chance_f1, compare, recommend
from core.config import RareTask, TrainingConfig
from core.errors import ParameterError
from core.fold_results import FoldResult, ratio
from core.out_of_fold import OutOfFold, pool_folds
from core.score_rows import count_scores, score_row
from core.spread import TTest, binomial_interval
from core.thresholds import LEAST, Counts, QueryOutlook, Threshold, choose_threshold, in_query

__all__ = ["CrossValidation", "OutOfFold", "binomial_interval", "count_scores", "summarise"]


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What the folds say together.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per method. Calls are by thresholds chosen for `goal`, each on folds other than the
        one whose cells it calls. For precision, recall, F1, average precision and balanced accuracy
        the ``…_mean`` and ``…_sd`` over repeats (counts pooled within a repeat); for the first four
        also ``…_low`` and ``…_high``, an approximate (Clopper–Pearson) 95 % interval that rests on
        the number of *different* cells, and ``…_repeats_low`` and ``…_repeats_high``, the corrected
        resampled t interval from the spread over folds and repeats (NaN below two folds); total
        counts ``tp``, ``fp``, ``fn``, ``tn``; ``n_rare``, ``n_repeats``, ``n_synthetic`` (mean per
        fold), ``seconds`` (median per fold).
    out_of_fold : dict of str to OutOfFold
        By method.
    recommended : str or None
        Among the eligible methods the simplest that is within one standard error of the best, in F1
        and average precision (:func:`core.comparison.recommend`); ``None`` when none is above
        chance.
    task, config
        What made it.
    goal : {"f1", "f2", "precision", "recall", "fixed"}
        What thresholds were chosen for.
    thresholds : dict of str to Threshold
        By method: chosen on all out-of-fold scores, for a model that is fitted on all cells. What
        it says of its own calls is too good; the table's scores are not.
    """

    table: pd.DataFrame
    out_of_fold: dict[str, OutOfFold]
    recommended: str | None
    task: RareTask
    config: TrainingConfig
    goal: str = "f1"
    thresholds: dict[str, Threshold] = field(default_factory=dict)

    @property
    def prevalence(self) -> float:
        """Share of rare cells among the different cells tested, 0–1."""
        return _prevalence(self.out_of_fold)

    @property
    def chance(self) -> float:
        """F1 of calling every cell rare, 0–1."""
        return chance_f1(self.prevalence)

    @property
    def above_chance(self) -> pd.Series:
        """Whether each method tells the rare type apart: its ``f1_low`` is above chance."""
        return self.table["f1_low"] > self.chance

    @property
    def eligible(self) -> pd.Series:
        """Which methods may be recommended: above chance, and true to the goal if any is."""
        return _eligible(self.table, self.above_chance, self.goal)

    def difference(self, first: str, second: str, *, score: str = "f1") -> TTest:
        """F1 (or another score) of `first` minus that of `second`, over the folds both have."""
        return compare(self.out_of_fold[first], self.out_of_fold[second], score=score)

    def probabilities(self, method: str) -> npt.NDArray[np.float64]:
        """Out-of-fold scores (0–1), shifted to how rare the type is in the reference.

        Scores are kept as they are where the share of rare cells in training is not known, and as
        long as no rare (or no other) cell was tested.
        """
        pooled, share = self.out_of_fold[method], self.prevalence
        if not 0 < share < 1:
            return pooled.scores.copy()
        return shift_prior(pooled.scores, trained_share=pooled.trained_share, share=share)

    def in_query(
        self, method: str, *, frequency: float | None = None, n_cells: float = 10_000
    ) -> QueryOutlook:
        """What the method's calls would be in a query; `frequency` is else the reference's own.

        It rests on the calls of the table, not on those that the threshold was chosen on.
        """
        row, (n_rare, n_other) = self.table.loc[method], self.out_of_fold[method].n_different()
        tp = ratio(row["tp"] * n_rare, row["tp"] + row["fn"])
        fp = ratio(row["fp"] * n_other, row["fp"] + row["tn"])
        counts = Counts(tp, fp, n_rare, n_other)
        share = self.prevalence if frequency is None else frequency
        return in_query(counts, frequency=share, n_cells=n_cells)

    def times(self, method: str) -> float:
        """How often each rare cell was tested, on average: the repeats when all folds are there."""
        row = self.table.loc[method]
        return max(1.0, ratio(row["tp"] + row["fn"], row["n_rare"]))


def summarise(folds: Iterable[FoldResult], *, goal: str | None = None) -> CrossValidation:
    """Summarise the folds of :func:`core.iter_folds`, all of them or the first ones so far.

    Parameters
    ----------
    folds : iterable of FoldResult
        Of one dataset, task and configuration.
    goal : {"f1", "f2", "precision", "recall", "fixed"} or None
        What thresholds are chosen for; ``None``: what the configuration says.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ParameterError
        ``E-NO-FOLDS`` when there is nothing to summarise, ``E-PARAMETER`` for an unknown goal.

    Notes
    -----
    A cell is called by a threshold that neither its own score nor its own type had a say in
    (:func:`core.thresholds.crossfit_calls`, with what dependence is left).

    Given the cells that are rare or were called, F1 grows with the share of them that is both
    (F1 = 2J / (1 + J) for the Jaccard index J), so its interval is the transformed interval of
    that share. Clopper–Pearson intervals are exact for independent trials; cells of one
    cross-validation share their models, which makes these approximate. The intervals from repeats
    are of another kind: they know how much folds differ, their few cells and training parts alike.

    References
    ----------
    Clopper, Pearson: The use of confidence or fiducial limits. Biometrika 26:404 (1934),
    DOI 10.1093/biomet/26.4.404.

    Nadeau, Bengio: Inference for the generalization error. Machine Learning 52:239 (2003),
    DOI 10.1023/A:1024068626366.
    """
    folds = list(folds)
    if not folds:
        raise ParameterError(
            "`folds` must hold at least one result. Got none.",
            code="E-NO-FOLDS",
            next_step="Wait for the first fold.",
        )
    task, config = folds[0].task, folds[0].config
    goal = config.goal if goal is None else goal
    by_method: dict[str, list[FoldResult]] = {}
    for fold in folds:
        by_method.setdefault(fold.method, []).append(fold)
    pooled = {method: pool_folds(results, goal) for method, results in by_method.items()}
    rows = [score_row(method, by_method[method], pooled[method]) for method in by_method]
    table = pd.DataFrame(rows).set_index("method")
    above_chance = table["f1_low"] > chance_f1(_prevalence(pooled))
    recommended = recommend(table["f1_mean"], _eligible(table, above_chance, goal), pooled)
    thresholds = {m: choose_threshold(p.is_rare, p.scores, goal) for m, p in pooled.items()}
    return CrossValidation(table, pooled, recommended, task, config, goal, thresholds)


def _eligible(table: pd.DataFrame, above_chance: pd.Series, goal: str) -> pd.Series:
    if goal not in ("precision", "recall"):
        return above_chance
    keeps = above_chance & (table[f"{goal}_mean"] >= LEAST)
    return keeps if keeps.any() else above_chance


def _prevalence(out_of_fold: dict[str, OutOfFold]) -> float:
    # All methods see the same folds; while folds come in, the first has seen the most.
    n_rare, n_other = next(iter(out_of_fold.values())).n_different()
    return n_rare / (n_rare + n_other)
