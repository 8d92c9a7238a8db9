"""Sentences about the scores of methods, as a biologist would say them."""

from __future__ import annotations

import math

import pandas as pd

from core.comparison import NEGLIGIBLE, TTest, complexity, shared_folds
from core.config import Method
from core.phrases import calls_sentence, count, false_calls, frequency, memory, span
from core.score_words import calibration_sentence, goal_words, outlook_sentence, threshold_words
from core.summary import CrossValidation, count_scores
from core.text import cells_text, method_label, percent_text

__all__ = [
    "calibration_sentence",
    "calls_sentence",
    "comparison_sentence",
    "comparison_sentences",
    "count",
    "false_calls",
    "frequency",
    "goal_words",
    "memory",
    "method_label",
    "optimistic_sentence",
    "outlook_sentence",
    "recommendation",
    "sampling_sentence",
    "shortfall_words",
    "span",
    "threshold_words",
]


def comparison_sentence(result: CrossValidation, first: str, second: str) -> str:
    """How the method `first` differs from `second` over the folds that both have.

    Parameters
    ----------
    result : CrossValidation
        With both methods.
    first, second : str
        For example ``"loras+lr"`` and ``"none+lr"``.

    Returns
    -------
    str
        Cells found and wrongly called per repeat, rounded to whole cells, and whether the
        difference in F1 is clear, as :func:`core.comparison.compare` has it, or within noise; empty
        when they have no fold in common.
    """
    both = shared_folds(result.out_of_fold[first], result.out_of_fold[second])
    (n_rare, n_other), (mine, other) = both[0].n_different(), (one.per_fold for one in both)
    if not len(mine):
        return ""
    found, found_other = (_per_repeat(folds, "tp", "fn", n_rare) for folds in (mine, other))
    wrong, wrong_other = (_per_repeat(folds, "fp", "tn", n_other) for folds in (mine, other))
    label, cells = method_label(second), cells_text(n_rare)
    more, more_wrong = _whole(found - found_other), _whole(wrong - wrong_other)
    if more:
        finds = f"{_more(more)} of {cells} than {label}"
    else:
        finds = f"as many of {cells} as {label} ({_whole(found)})"
    calls = f"{_more(more_wrong)} wrongly" if more_wrong else "no more wrongly"
    scores = [count_scores(folds.reset_index())["f1_mean"] for folds in (mine, other)]
    verdict = _verdict(result, first, second, *scores)
    return f"{method_label(first)} finds {finds} and calls {calls}; {verdict}."


def comparison_sentences(result: CrossValidation) -> list[str]:
    """For every classifier, what the best way to oversample changes: see `sampling_sentence`."""
    classifiers = dict.fromkeys(Method.parse(name).classifier for name in result.table.index)
    said = (sampling_sentence(result, classifier) for classifier in classifiers)
    return [sentence for sentence in said if sentence]


def sampling_sentence(result: CrossValidation, classifier: str, sampler: str | None = None) -> str:
    """What oversampling changed compared with the plain classifier on the same folds.

    Parameters
    ----------
    result : CrossValidation
        With both methods; otherwise the text is empty.
    classifier : str
        Name from the registry.
    sampler : str or None
        ``None``: of all samplers that were used (class weights included) the one of highest F1. As
        it was picked on the folds that it is judged by, the sentence says of how many it is the
        best: the more there are, the more of its lead is luck.

    Returns
    -------
    str
        As :func:`comparison_sentence`.
    """
    plain = str(Method("none", classifier))
    others = [
        name
        for name in result.table.index
        if name != plain
        and Method.parse(name).classifier == classifier
        and sampler in (None, Method.parse(name).sampler)
    ]
    if plain not in result.table.index or not others:
        return ""
    sentence = comparison_sentence(result, result.table.loc[others, "f1_mean"].idxmax(), plain)
    return sentence if len(others) == 1 else f"Best of {len(others)} samplers: {sentence}"


def recommendation(result: CrossValidation) -> tuple[bool, str]:
    """The recommended method and threshold with scores and reason, or that none is any good.

    Parameters
    ----------
    result : CrossValidation

    Returns
    -------
    found : bool
        Whether there is a method to recommend.
    sentence : str
        With a final full stop; it starts with the method's name when there is one.
    """
    best = result.table["f1_mean"].idxmax()
    if result.recommended is None:
        return False, (
            f"No method tells {result.task.rare} from other cells here: the best, "
            f"{method_label(best)}, reaches {_f1_with_interval(result, best)}; calling every cell "
            f"would give {_score(result.chance)}."
        )
    method = result.recommended
    row, threshold = result.table.loc[method], result.thresholds[method]
    calls = calls_sentence(int(row["tp"]), int(row["tp"] + row["fn"]), int(row["fp"]))
    repeats = int(row["n_repeats"])
    how = "" if threshold.goal == "fixed" else "With thresholds chosen that way on other folds: "
    return True, (
        f"{method_label(method)}, {threshold_words(threshold)}. {how}{calls} over {repeats} "
        f"repeat{'' if repeats == 1 else 's'}, {_f1_with_interval(result, method)}"
        f"{shortfall_words(result, method)}. Why: {_reason(result, method)}."
    )


def shortfall_words(result: CrossValidation, method: str) -> str:
    """Say where the folds did not keep what the threshold was chosen for; else nothing."""
    threshold = result.thresholds[method]
    if threshold.goal not in ("precision", "recall"):
        return ""
    kept = float(result.table.loc[method, f"{threshold.goal}_mean"])
    if kept >= threshold.least:
        return ""
    asked = percent_text(threshold.least)
    return f": {percent_text(round(kept, 2))} {threshold.goal}, short of the {asked} asked for"


def optimistic_sentence(honest: CrossValidation, optimistic: CrossValidation, method: str) -> str:
    """By how much scores are too good when markers are picked on all cells.

    Parameters
    ----------
    honest, optimistic : CrossValidation
        Of the same folds, markers chosen inside each training part, and once on all cells.
    method : str
        In both.
    """
    names = ("f1_mean", "average_precision_mean")
    (f1, average), (f1_seen, average_seen) = (
        result.table.loc[method, list(names)] for result in (honest, optimistic)
    )
    said = (
        f"With markers picked on all cells, those that are tested included, {method_label(method)} "
        f"would seem to reach F1 {f1_seen:.2f} and average precision {average_seen:.2f}, where it "
        f"reaches {f1:.2f} and {average:.2f}"
    )
    flattery = {
        "an F1": round(f1_seen, 2) - round(f1, 2),
        "an average precision": round(average_seen, 2) - round(average, 2),
    }
    too_good = [f"{name} that is {by:.2f} too good" for name, by in flattery.items() if by > 0.005]
    if too_good:
        return f"{said}: {' and '.join(too_good)}."
    return f"{said}: here neither is flattered."


def _verdict(result: CrossValidation, first: str, second: str, f1: float, f1_second: float) -> str:
    scores = f"{f1:.2f} against {f1_second:.2f}"
    if not result.above_chance[[first, second]].any():
        return (
            f"neither tells {result.task.rare} from other cells: F1 {scores}, where calling "
            f"every cell would give {_score(result.chance)}"
        )
    difference = result.difference(first, second)
    if not difference.can_tell:
        return f"F1 is {scores}, from too few folds to say whether that is more than noise"
    if difference.is_clear:
        return f"it is clearly {'better' if difference.mean > 0 else 'worse'}: F1 {scores}"
    if f"{f1:.2f}" == f"{f1_second:.2f}":
        return f"F1 is {f1:.2f} for both"
    if not difference.is_beyond_noise:
        return f"the difference in F1 ({scores}) is within noise"
    return (
        f"the difference in F1 ({scores}) is more than one standard error, but it "
        f"{_too_few_words(result, difference)}"
    )


def _too_few_words(result: CrossValidation, difference: TTest) -> str:
    """Say why a difference beyond noise is not a clear one."""
    cells = cells_text(int(result.table["n_rare"].max()), "rare")
    if not difference.has_spread:
        return f"is the same in every fold, too little to be sure of with {cells}"
    if difference.low <= 0 <= difference.high:
        return f"may be chance (95 % interval {_interval(difference)}): {cells} are too few to tell"
    return f"rests on too few cells to be sure (95 % interval {_interval(difference)})"


def _reason(result: CrossValidation, method: str) -> str:
    f1 = result.table["f1_mean"]
    possible = f1[result.eligible]
    best = possible.idxmax()
    if f1[best] > f1[method]:
        return _reason_for_the_simpler(result, method, best)
    simpler = [name for name in f1.index if complexity(name) < complexity(method)]
    if not simpler:
        return "no method here is simpler" + (", and none is better" if len(f1) > 1 else "")
    rivals = possible.index.intersection(simpler)
    if rivals.empty:
        ahead = [result.difference(method, name) for name in simpler]
        if all(one.is_clear and one.mean > 0 for one in ahead):
            return "clearly better than every simpler method"
        if (result.above_chance & ~result.eligible)[simpler].any():
            return f"the simplest method that keeps to the {result.goal} asked for"
        return "the simplest method that is better than chance"
    return _reason_for_the_best(result, str(best), str(f1[rivals].idxmax()))


def _reason_for_the_simpler(result: CrossValidation, method: str, best: str) -> str:
    """What `best`, of a higher F1, is ahead by, which is not enough to prefer it."""
    f1, other = result.table["f1_mean"], method_label(best)
    ahead, ranking = _differences(result, best, method)
    if not ahead.can_tell:
        return f"simpler than {other} (F1 {f1[best]:.2f}), and too few folds to say more"
    return (
        f"simpler than {other} (F1 {f1[best]:.2f}) and as good within noise: over the same folds "
        f"{other} is ahead by {_with_interval(ahead)} in F1 and by {_with_interval(ranking)} in "
        f"average precision, no more than one standard error ({ahead.error:.2f} and "
        f"{ranking.error:.2f}) or {NEGLIGIBLE:g}"
    )


def _reason_for_the_best(result: CrossValidation, best: str, rival: str) -> str:
    """What `best` is ahead by of the simpler method that comes nearest, and whether that is sure.

    One of both differences is beyond noise; the sentence is about that one, F1 first.
    """
    ahead, ranking = _differences(result, best, rival)
    score, one = ("F1", ahead) if ahead.is_beyond_noise else ("average precision", ranking)
    said = (
        "no simpler method comes within one standard error; over the same folds the nearest, "
        f"{method_label(rival)} (F1 {result.table.loc[rival, 'f1_mean']:.2f}), is behind by "
        f"{one.mean:.2f} in {score}"
    )
    if one.is_clear:
        return f"{said} (95 % interval {_interval(one)})"
    return f"{said}, which {_too_few_words(result, one)}"


def _differences(result: CrossValidation, first: str, second: str) -> tuple[TTest, TTest]:
    f1 = result.difference(first, second)
    return f1, result.difference(first, second, score="average_precision")


def _with_interval(difference: TTest) -> str:
    if not difference.has_spread:
        return _signed(difference.mean)
    return f"{_signed(difference.mean)} (95 % interval {_interval(difference)})"


def _interval(difference: TTest) -> str:
    return f"{_signed(difference.low)} to {_signed(difference.high)}"


def _signed(x: float) -> str:
    # What rounds to 0 has no sign.
    return f"{round(x, 2) + 0.0:.2f}".replace("-", "−")


def _f1_with_interval(result: CrossValidation, method: str) -> str:
    row = result.table.loc[method]
    return f"F1 {row['f1_mean']:.2f} ({row['f1_low']:.2f} to {row['f1_high']:.2f})"


def _score(x: float) -> str:
    return "below 0.01" if 0 < x < 0.005 else f"{x:.2f}"


def _per_repeat(folds: pd.DataFrame, count: str, rest: str, n_cells: int) -> float:
    """Cells counted in `count` per test of all `n_cells` cells that are in `count` or `rest`."""
    tests = float(folds[[count, rest]].to_numpy().sum())
    return float(folds[count].sum()) * n_cells / tests if tests else 0.0


def _whole(x: float) -> int:
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def _more(n: int) -> str:
    return f"{abs(n):,} {'more' if n > 0 else 'fewer'}"
