"""From the scores of a setting's models to the few numbers that a search goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score

from core.fold_results import count_calls
from core.score_rows import count_scores
from core.search.plan import Part
from core.spread import average_precision_interval
from core.thresholds import choose_threshold, crossfit_calls

__all__ = ["FoldScores", "interval", "mean_precision", "score_setting"]

Scores = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Counts = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class FoldScores:
    """Scores of one setting's models.

    Parameters
    ----------
    is_rare : list of bool arrays
        Truth of each fold's cells.
    scores : dict of (Part, int) to array
        Scores of a fold's cells by the model of a part that leaves the fold out, 0–1.
    """

    is_rare: list[Truth]
    scores: dict[tuple[Part, int], Scores]

    @property
    def folds(self) -> range:
        """Numbers of all folds."""
        return range(len(self.is_rare))

    def main(self, fold: int) -> Scores:
        """Scores of a fold by the model that was trained on all others."""
        return self.scores[Part(fold, fold), fold]

    def inner(self, outer: int, fold: int) -> Scores:
        """Scores of a fold by the model that was trained without it and without `outer`."""
        return self.scores[Part(min(outer, fold), max(outer, fold)), fold]


def score_setting(scores: FoldScores, objective: str) -> dict[str, Any]:
    """Numbers of one setting, by the fields of :class:`SettingResult`.

    Parameters
    ----------
    scores : FoldScores
        Of all its models in one rung.
    objective : {"f1", "average_precision"}
        What the search goes by.

    Notes
    -----
    What stands at one fold in ``inner_score`` and ``threshold`` comes from scores that models
    without that fold gave to cells of other folds. The fold itself has no part in it.
    """
    ranks = [_average_precision(scores.is_rare[fold], scores.main(fold)) for fold in scores.folds]
    counts = _crossfit(scores.is_rare, [scores.main(fold) for fold in scores.folds])
    found = {"score": _objective(objective, counts, ranks)}
    n_rare = int(sum(map(np.sum, scores.is_rare)))
    found |= dict(
        zip(("low", "high"), interval(objective, counts, found["score"], n_rare), strict=True)
    )
    found |= dict(zip(("tp", "fp", "fn", "tn"), counts, strict=True))
    outer = [_without(scores, fold, objective) for fold in scores.folds]
    return found | {
        "average_precision": tuple(ranks),
        "inner_score": tuple(score for score, _ in outer),
        "threshold": tuple(threshold for _, threshold in outer),
        "calls": tuple(
            count_calls(scores.is_rare[fold], scores.main(fold) >= outer[fold][1])
            for fold in scores.folds
        ),
    }


def mean_precision(ranks: Sequence[float | None]) -> float:
    """Mean average precision within the folds that have rare cells; 0 when none has.

    The table of a training has another one, of all folds of a repeat together. Here every fold may
    have another winner, whose scores are on a scale of their own: they cannot be ranked together.
    """
    known = [rank for rank in ranks if rank is not None]
    return float(np.mean(known)) if known else 0.0


def interval(objective: str, counts: Counts, score: float, n_rare: int) -> tuple[float, float]:
    """Approximate 95 % interval of a score, as in the table of a training.

    That of F1 is an exact binomial interval of the share of right calls among rare and called
    cells; that of the average precision is one of a share of the rare cells.
    """
    if objective == "average_precision":
        return average_precision_interval(score, n_rare)
    tp, fp, fn, _ = counts
    table = pd.DataFrame([{"repeat": 0, "tp": tp, "fp": fp, "fn": fn}])
    scores = count_scores(table)
    return scores["f1_low"], scores["f1_high"]


def _without(scores: FoldScores, outer: int, objective: str) -> tuple[float, float]:
    """Objective and best-F1 threshold by all folds but one, and by models that never saw it."""
    others = [fold for fold in scores.folds if fold != outer]
    is_rare = [scores.is_rare[fold] for fold in others]
    inner = [scores.inner(outer, fold) for fold in others]
    if objective == "f1":
        score = _objective(objective, _crossfit(is_rare, inner), ())
    else:
        score = mean_precision([*map(_average_precision, is_rare, inner)])
    chosen = choose_threshold(np.concatenate(is_rare), np.concatenate(inner), "f1")
    return score, chosen.value


def _objective(objective: str, counts: Counts, ranks: Sequence[float | None]) -> float:
    if objective == "average_precision":
        return mean_precision(ranks)
    tp, fp, fn, _ = counts
    return 2 * tp / max(2 * tp + fp + fn, 1)


def _crossfit(is_rare: Sequence[Truth], scores: Sequence[Scores]) -> Counts:
    """Calls of all folds, each by the best-F1 threshold of the others."""
    fold = np.repeat(np.arange(len(scores)), [len(one) for one in scores])
    truth = np.concatenate(is_rare)
    repeat = np.zeros(len(fold), dtype=np.intp)
    _, called = crossfit_calls(repeat, fold, truth, np.concatenate(scores), "f1")
    return count_calls(truth, called)


def _average_precision(is_rare: Truth, scores: Scores) -> float | None:
    """Average precision; ``None`` for a fold of a sample without rare cells."""
    if not is_rare.any():
        return None
    return float(average_precision_score(is_rare, scores))
