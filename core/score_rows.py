"""The scores of one method over all its folds: means, spread, and two kinds of intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.comparison import ratio_of_parts
from core.fold_results import FoldResult, ratio
from core.out_of_fold import COUNTS, OutOfFold
from core.spread import average_precision_interval, binomial_interval, corrected_interval

__all__ = ["count_scores", "score_row"]


def count_scores(counts: pd.DataFrame) -> dict[str, float]:
    """Precision, recall and F1 from confusion counts of folds, finished or not.

    Parameters
    ----------
    counts : pandas.DataFrame
        One row per fold of one method, with columns ``repeat``, ``tp``, ``fp`` and ``fn``.

    Returns
    -------
    dict
        For each score ``…_mean`` and ``…_sd`` over repeats (counts pooled within a repeat), and
        ``…_low`` and ``…_high``, the ends of an approximate 95 % interval: in every repeat each
        cell is tested once, which gives that repeat an exact (Clopper–Pearson) interval, and these
        are the means of their ends. So no number of repeats makes it narrower.
    """
    pooled = counts.groupby("repeat")[["tp", "fp", "fn"]].sum()
    per_repeat = pd.DataFrame(
        {
            "precision": [ratio(r.tp, r.tp + r.fp) for r in pooled.itertuples()],
            "recall": [ratio(r.tp, r.tp + r.fn) for r in pooled.itertuples()],
            "f1": [ratio(2 * r.tp, 2 * r.tp + r.fp + r.fn) for r in pooled.itertuples()],
        }
    )
    scores = _spread(per_repeat)
    intervals = pd.DataFrame([_intervals(repeat) for _, repeat in pooled.iterrows()])
    return scores | intervals.mean().to_dict()


def score_row(method: str, results: Sequence[FoldResult], pooled: OutOfFold) -> dict[str, object]:
    """One method's row of the table of a :class:`core.CrossValidation`, where it is described."""
    counts, (n_rare, _) = pooled.per_fold, pooled.n_different()
    ranking = pd.DataFrame([_repeat_ranking(pooled, r) for r in np.unique(pooled.repeat)])
    scores = count_scores(counts.reset_index()) | _spread(ranking)
    low, high = average_precision_interval(scores["average_precision_mean"], n_rare)
    return {
        "method": method,
        **scores,
        "average_precision_low": low,
        "average_precision_high": high,
        **_over_folds(scores, pooled.pseudo_values, ratio_of_parts(counts)),
        **{name: int(counts[name].sum()) for name in COUNTS},
        "n_rare": n_rare,
        "n_repeats": len(ranking),
        "n_synthetic": float(np.mean([r.n_synthetic for r in results])),
        "seconds": float(np.median([r.seconds for r in results])),
    }


def _over_folds(
    scores: dict[str, float], values: pd.DataFrame, test_train_ratio: float
) -> dict[str, float]:
    ends = {}
    for metric in values:
        interval = corrected_interval(scores[f"{metric}_mean"], values[metric], test_train_ratio)
        ends |= dict(
            zip((f"{metric}_repeats_low", f"{metric}_repeats_high"), interval, strict=True)
        )
    return ends


def _spread(per_repeat: pd.DataFrame) -> dict[str, float]:
    means, sds = per_repeat.mean(), per_repeat.std(ddof=1)
    return {f"{m}_mean": float(means[m]) for m in per_repeat} | {
        f"{m}_sd": float(sds[m]) for m in per_repeat
    }


def _repeat_ranking(pooled: OutOfFold, repeat: int) -> dict[str, float]:
    mine = pooled.repeat == repeat
    is_rare, called = pooled.is_rare[mine], pooled.called[mine]
    # So far there may be folds without rare cells alone, which rank nothing.
    if is_rare.all() or not is_rare.any():
        return dict.fromkeys(("average_precision", "balanced_accuracy"), float("nan"))
    found, left_out = called[is_rare].mean(), 1 - called[~is_rare].mean()
    return {
        "average_precision": float(pooled.per_repeat.loc[repeat, "average_precision"]),
        "balanced_accuracy": float(found + left_out) / 2,
    }


def _intervals(counts: pd.Series) -> dict[str, float]:
    tp, fp, fn = counts["tp"], counts["fp"], counts["fn"]
    low, high = binomial_interval(tp, tp + fp + fn)
    ends = {
        "precision": binomial_interval(tp, tp + fp),
        "recall": binomial_interval(tp, tp + fn),
        "f1": (2 * low / (1 + low), 2 * high / (1 + high)),
    }
    return {
        f"{score}_{end}": value
        for score, interval in ends.items()
        for end, value in zip(("low", "high"), interval, strict=True)
    }
