"""Summarise folds: means with spread and interval, out-of-fold scores, a recommendation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta

from core.comparison import F1Difference, OutOfFold, chance_f1, compare, recommend
from core.config import RareTask, TrainingConfig
from core.errors import ParameterError
from core.evaluation import FoldResult, ratio, score_calls

__all__ = ["CrossValidation", "OutOfFold", "binomial_interval", "count_scores", "summarise"]

COUNTS = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What the folds say together.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per method: for precision, recall, F1, average precision and balanced accuracy the
        ``…_mean`` and ``…_sd`` over repeats (counts pooled within a repeat); for the first three
        also ``…_low`` and ``…_high``, an approximate (Clopper–Pearson) 95 % interval that rests on
        the number of *different* cells; total counts ``tp``, ``fp``, ``fn``, ``tn``; ``n_rare``,
        ``n_repeats``, ``n_synthetic`` (mean per fold), ``seconds`` (median per fold).
    out_of_fold : dict of str to OutOfFold
        By method.
    recommended : str or None
        Among the methods above chance, the simplest whose F1 is not clearly below that of the
        best; ``None`` when no method is above chance.
    task, config
        What made it.
    """

    table: pd.DataFrame
    out_of_fold: dict[str, OutOfFold]
    recommended: str | None
    task: RareTask
    config: TrainingConfig

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

    def difference(self, first: str, second: str) -> F1Difference:
        """F1 of the method `first` minus F1 of `second`, bootstrapped over different cells."""
        return compare(self.out_of_fold[first], self.out_of_fold[second], seed=self.config.seed)


def summarise(folds: Iterable[FoldResult]) -> CrossValidation:
    """Summarise the folds of :func:`core.iter_folds`, all of them or the first ones so far.

    Parameters
    ----------
    folds : iterable of FoldResult
        Of one dataset, task and configuration.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ParameterError
        ``E-NO-FOLDS`` when there is nothing to summarise.

    Notes
    -----
    Given the cells that are rare or were called, F1 grows with the share of them that is both
    (F1 = 2J / (1 + J) for the Jaccard index J), so its interval is the transformed interval of
    that share. Clopper–Pearson intervals are exact for independent trials; cells of one
    cross-validation share their models, which makes these approximate.

    References
    ----------
    Clopper, Pearson: The use of confidence or fiducial limits. Biometrika 26:404 (1934),
    DOI 10.1093/biomet/26.4.404.
    """
    folds = list(folds)
    if not folds:
        raise ParameterError(
            "`folds` must hold at least one result. Got none.",
            code="E-NO-FOLDS",
            next_step="Wait for the first fold.",
        )
    by_method: dict[str, list[FoldResult]] = {}
    for fold in folds:
        by_method.setdefault(fold.method, []).append(fold)
    pooled = {method: _pool(results) for method, results in by_method.items()}
    rows = [_row(method, by_method[method], pooled[method]) for method in by_method]
    table = pd.DataFrame(rows).set_index("method")
    above_chance = table["f1_low"] > chance_f1(_prevalence(pooled))
    seed = folds[0].config.seed
    recommended = recommend(table["f1_mean"], above_chance, pooled, seed=seed)
    return CrossValidation(table, pooled, recommended, folds[0].task, folds[0].config)


def _prevalence(out_of_fold: dict[str, OutOfFold]) -> float:
    # All methods see the same folds; while folds come in, the first has seen the most.
    return float(next(iter(out_of_fold.values())).per_cell()["is_rare"].mean())


def binomial_interval(hits: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Clopper–Pearson interval of a share, exact for independent trials.

    Parameters
    ----------
    hits, n : float
        Successes and trials; means over repeats need not be whole numbers.
    level : float
        Coverage, 0–1.

    Returns
    -------
    low, high : float
        Between 0 and 1; (0, 1) when there were no trials.
    """
    tail = (1 - level) / 2
    low = beta.ppf(tail, hits, n - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def _pool(results: Sequence[FoldResult]) -> OutOfFold:
    return OutOfFold(
        repeat=np.concatenate([np.full(len(r.scores), r.repeat) for r in results]),
        cells=np.concatenate([r.test_cells for r in results]),
        is_rare=np.concatenate([r.test_is_rare for r in results]),
        scores=np.concatenate([r.scores for r in results]),
    )


def count_scores(counts: pd.DataFrame, n_rare: int) -> dict[str, float]:
    """Precision, recall and F1 from confusion counts of folds, finished or not.

    Parameters
    ----------
    counts : pandas.DataFrame
        One row per fold of one method, with columns ``repeat``, ``tp``, ``fp`` and ``fn``.
    n_rare : int
        Different rare cells behind them.

    Returns
    -------
    dict
        For each score ``…_mean`` and ``…_sd`` over repeats (counts pooled within a repeat), and
        ``…_low`` and ``…_high``, the approximate (Clopper–Pearson) 95 %
        interval.
    """
    pooled = counts.groupby("repeat")[["tp", "fp", "fn"]].sum()
    per_repeat = pd.DataFrame(
        {
            "precision": [ratio(r.tp, r.tp + r.fp) for r in pooled.itertuples()],
            "recall": [ratio(r.tp, r.tp + r.fn) for r in pooled.itertuples()],
            "f1": [ratio(2 * r.tp, 2 * r.tp + r.fp + r.fn) for r in pooled.itertuples()],
        }
    )
    total = pooled.sum()
    # Each cell was tested about this many times, and counts as one cell all the same.
    times = max(1.0, ratio(total["tp"] + total["fn"], n_rare))
    scores = _spread(per_repeat)
    for metric, (low, high) in _intervals(total / times).items():
        scores[f"{metric}_low"], scores[f"{metric}_high"] = low, high
    return scores


def _row(method: str, results: Sequence[FoldResult], pooled: OutOfFold) -> dict[str, object]:
    counts = pd.DataFrame([{n: getattr(r, n) for n in ("repeat", *COUNTS)} for r in results])
    ranking = pd.DataFrame([_repeat_ranking(pooled, r) for r in np.unique(pooled.repeat)])
    n_rare = len(np.unique(pooled.cells[pooled.is_rare]))
    return {
        "method": method,
        **count_scores(counts, n_rare),
        **_spread(ranking),
        **{name: int(counts[name].sum()) for name in COUNTS},
        "n_rare": n_rare,
        "n_repeats": len(ranking),
        "n_synthetic": float(np.mean([r.n_synthetic for r in results])),
        "seconds": float(np.median([r.seconds for r in results])),
    }


def _spread(per_repeat: pd.DataFrame) -> dict[str, float]:
    means, sds = per_repeat.mean(), per_repeat.std(ddof=1)
    return {f"{m}_mean": float(means[m]) for m in per_repeat} | {
        f"{m}_sd": float(sds[m]) for m in per_repeat
    }


def _repeat_ranking(pooled: OutOfFold, repeat: int) -> dict[str, float]:
    mine = pooled.repeat == repeat
    scored = score_calls(pooled.is_rare[mine], pooled.scores[mine])
    return {name: scored[name] for name in ("average_precision", "balanced_accuracy")}


def _intervals(counts: pd.Series) -> dict[str, tuple[float, float]]:
    tp, fp, fn = counts["tp"], counts["fp"], counts["fn"]
    low, high = binomial_interval(tp, tp + fp + fn)
    return {
        "precision": binomial_interval(tp, tp + fp),
        "recall": binomial_interval(tp, tp + fn),
        "f1": (2 * low / (1 + low), 2 * high / (1 + high)),
    }
