"""Sentences about numbers, as a biologist would say them."""

from __future__ import annotations

import pandas as pd

from core.config import Method
from core.summary import CrossValidation
from core.text import cells_text, count_text, method_label, number_text

__all__ = [
    "calls_sentence",
    "count",
    "frequency",
    "memory",
    "method_label",
    "recommendation",
    "sampling_sentence",
    "span",
]


def frequency(n: int, total: int) -> str:
    """How rare a type is.

    Examples
    --------
    >>> frequency(10, 525)
    '10 of 525 cells, 1 in 52'
    """
    return f"{n:,} of {total:,} cells" + (f", 1 in {round(total / n):,}" if n else "")


count = count_text


def calls_sentence(found: int, rare: int, wrong: int) -> str:
    """What a set of calls achieved.

    Examples
    --------
    >>> calls_sentence(47, 50, 2)
    '47 of 50 found, 2 false calls'
    """
    return f"{found:,} of {rare:,} found, {_false_calls(wrong)}"


def memory(size: int) -> str:
    """An amount of memory, three significant digits.

    Parameters
    ----------
    size : int
        In bytes.

    Examples
    --------
    >>> memory(335_000_000), memory(6_550_000_000)
    ('0.312 GB', '6.10 GB')
    """
    return f"{number_text(size / 2**30)} GB"


def span(seconds: float) -> str:
    """A stretch of time in one rounded unit.

    Examples
    --------
    >>> span(8.2), span(95), span(7300)
    ('8 s', '2 min', '2 h')
    """
    if round(seconds) < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{round(seconds / 3600)} h"


def sampling_sentence(result: CrossValidation, classifier: str, sampler: str = "loras") -> str:
    """What oversampling changed compared with the plain classifier on the same folds.

    Parameters
    ----------
    result : CrossValidation
        With both methods; otherwise the text is empty.
    classifier, sampler : str
        Names from the registries.

    Returns
    -------
    str
        Counts and a verdict. Oversampling helped when its F1 is clearly higher (the 95 % interval
        of the difference is above 0) and above what calling every cell would give.
    """
    plain, sampled = str(Method("none", classifier)), str(Method(sampler, classifier))
    if plain not in result.table.index or sampled not in result.table.index:
        return ""
    before, after = result.table.loc[plain], result.table.loc[sampled]
    tested = int(after["tp"] + after["fn"])
    counts = (
        f"{method_label(sampled)} found {int(after['tp']):,} of {tested:,} {result.task.rare} test "
        f"cells ({_tests(after, tested)}) with {_false_calls(int(after['fp']))}; "
        f"{method_label(plain)} found {int(before['tp']):,} with {int(before['fp']):,}"
    )
    return f"{counts}. {_verdict(result, plain, sampled)}"


def recommendation(result: CrossValidation) -> tuple[bool, str]:
    """The recommended method with its scores, or that no method is better than chance.

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
    row = result.table.loc[result.recommended]
    found, repeats = int(row["tp"]), int(row["n_repeats"])
    calls = calls_sentence(found, int(row["tp"] + row["fn"]), int(row["fp"]))
    sentence = (
        f"{method_label(result.recommended)}, {calls} over {repeats} "
        f"repeat{'' if repeats == 1 else 's'}, {_f1_with_interval(result, result.recommended)}"
    )
    top = result.table.loc[best, "f1_mean"]
    if top > row["f1_mean"]:
        sentence += f"; simpler than {method_label(best)} and as good within noise (F1 {top:.2f})"
    return True, f"{sentence}."


def _f1_with_interval(result: CrossValidation, method: str) -> str:
    row = result.table.loc[method]
    return f"F1 {row['f1_mean']:.2f} ({row['f1_low']:.2f} to {row['f1_high']:.2f})"


def _score(x: float) -> str:
    return "below 0.01" if 0 < x < 0.005 else f"{x:.2f}"


def _tests(row: pd.Series, tested: int) -> str:
    repeats = int(row["n_repeats"])
    times = "once" if repeats == 1 else f"{repeats:,} times"
    # While folds come in, some cells have been tested once more than others.
    most = "" if tested == row["n_rare"] * repeats else "up to "
    return f"{cells_text(int(row['n_rare']))}, each tested {most}{times}"


def _false_calls(n: int) -> str:
    return f"{n:,} false call{'' if n == 1 else 's'}"


def _verdict(result: CrossValidation, plain: str, sampled: str) -> str:
    before, after = result.table.loc[[plain, sampled], "f1_mean"]
    scores = f"F1 {after:.2f} against {before:.2f}"
    if not result.above_chance[[plain, sampled]].any():
        return (
            f"Neither tells {result.task.rare} from other cells here: {scores}, where calling "
            f"every cell would give {_score(result.chance)}."
        )
    difference = result.difference(sampled, plain)
    if difference.low > 0 and result.above_chance[sampled]:
        return f"Oversampling helped: {scores}."
    if difference.high < 0:
        return f"Oversampling did not help here: {scores}."
    return f"Oversampling made no clear difference here ({scores})."
