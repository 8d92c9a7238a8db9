"""From the results of all settings to what a search has found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.fold_results import ratio
from core.search.plan import SearchPlan
from core.search.ranking import rank, survivors
from core.search.result import (
    NestedFold,
    NestedScore,
    SearchResult,
    SettingResult,
    as_table,
)
from core.search.scoring import Counts, interval, mean_precision

__all__ = ["conclude"]

COUNTS = ("tp", "fp", "fn", "tn")


def conclude(plan: SearchPlan, results: Iterable[SettingResult]) -> SearchResult:
    """Name the winner of a search, with its score and the honest estimate for it.

    Parameters
    ----------
    plan : SearchPlan
        The search.
    results : iterable of SettingResult
        All of its results, in any order.
    """
    results = list(results)
    last = len(plan.shares) - 1
    there = {result.index: result for result in results if result.rung == last}
    field = survivors(plan, results, last)
    best = there[rank(plan, field.main, lambda index: there[index].score)[0]]
    folds = [
        _nested_fold(fold, there[rank(plan, racing, _inner_score(there, fold))[0]])
        for fold, racing in enumerate(field.outer)
    ]
    return SearchResult(
        table=_table(plan, results),
        best=plan.settings[best.index].config,
        best_method=best.method,
        best_varied=best.varied,
        best_score=best.score,
        best_low=best.low,
        best_high=best.high,
        nested=_nested(plan, folds),
        n_settings=len(plan.settings),
        left_out=plan.left_out,
        n_splits=plan.n_splits,
        n_rare=plan.cells.n_rare,
        n_other=plan.cells.n_other,
        task=plan.task,
        config=plan.config,
    )


def _inner_score(there: Mapping[int, SettingResult], fold: int) -> Any:
    return lambda index: there[index].inner_score[fold]


def _nested_fold(fold: int, winner: SettingResult) -> NestedFold:
    return NestedFold(
        fold=fold,
        index=winner.index,
        method=winner.method,
        varied=winner.varied,
        inner_score=winner.inner_score[fold],
        threshold=winner.threshold[fold],
        **dict(zip(COUNTS, winner.calls[fold], strict=True)),
        average_precision=winner.average_precision[fold],
    )


def _nested(plan: SearchPlan, folds: Sequence[NestedFold]) -> NestedScore:
    counts: Counts = tuple(sum(getattr(fold, name) for fold in folds) for name in COUNTS)
    tp, fp, fn, _ = counts
    f1 = ratio(2 * tp, 2 * tp + fp + fn)
    average = mean_precision([fold.average_precision for fold in folds])
    objective = plan.config.objective
    score = f1 if objective == "f1" else average
    low, high = interval(objective, counts, score, plan.cells.n_rare)
    return NestedScore(
        score=score,
        low=low,
        high=high,
        **dict(zip(COUNTS, counts, strict=True)),
        precision=ratio(tp, tp + fp),
        recall=ratio(tp, tp + fn),
        f1=f1,
        average_precision=average,
        folds=tuple(folds),
    )


def _table(plan: SearchPlan, results: Sequence[SettingResult]) -> Any:
    """Put the last result of each setting in a row; who came further stands above.

    A setting may have been tried in a later rung because a race with a fold held back needed it.
    The main race, which the winner is from, had left it behind: that score has no part here.
    """
    latest: dict[int, SettingResult] = {}
    for result in sorted(results, key=lambda result: result.rung):
        if result.main:
            latest[result.index] = result
    order = rank(plan, list(latest), lambda index: latest[index].score)
    order.sort(key=lambda index: -latest[index].rung)
    names = list(dict.fromkeys(name for index in order for name in latest[index].varied))
    rows = [_row(plan, latest[index], names) for index in order]
    return as_table(list(rows[0]), [list(row.values()) for row in rows])


def _row(plan: SearchPlan, result: SettingResult, names: Sequence[str]) -> dict[str, Any]:
    method = plan.settings[result.index].method
    row = {
        "index": result.index,
        "rung": result.rung,
        "method": result.method,
        "sampler": method.sampler,
        "classifier": method.classifier,
    }
    row |= {name: result.varied.get(name) for name in names}
    row |= {name: getattr(result, name) for name in ("score", "low", "high")}
    tp, fp, fn = result.tp, result.fp, result.fn
    row |= {"precision": ratio(tp, tp + fp), "recall": ratio(tp, tp + fn)}
    row |= {"f1": ratio(2 * tp, 2 * tp + fp + fn)}
    row |= {"average_precision": mean_precision(result.average_precision)}
    return row | {name: getattr(result, name) for name in (*COUNTS, "seconds")}
