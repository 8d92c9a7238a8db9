"""Sentences about numbers, as a biologist would say them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.config import Method
from core.summary import CrossValidation
from core.text import count_text, method_label

__all__ = ["calls_sentence", "count", "frequency", "method_label", "sampling_sentence", "span"]


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
    return f"{found:,} of {rare:,} found, {wrong:,} false call{'' if wrong == 1 else 's'}"


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
        With both methods; otherwise the sentence is empty.
    classifier, sampler : str
        Names from the registries.

    Returns
    -------
    str
        One sentence. A difference in F1 no larger than the spread over repeats is called none.
    """
    plain, sampled = str(Method("none", classifier)), str(Method(sampler, classifier))
    if plain not in result.table.index or sampled not in result.table.index:
        return ""
    before, after = result.table.loc[plain], result.table.loc[sampled]
    rare = result.task.rare
    tested = f"{int(after['tp'] + after['fn']):,}"
    counts = (
        f"{method_label(sampled)} found {int(after['tp']):,} of {tested} {rare} test cells with "
        f"{_false_calls(after)}; {method_label(plain)} found {int(before['tp']):,} with "
        f"{_false_calls(before)}"
    )
    return f"{counts}. {_verdict(before, after, method_label(sampled))}"


def _false_calls(row: pd.Series) -> str:
    return f"{int(row['fp']):,} false call{'' if int(row['fp']) == 1 else 's'}"


def _verdict(before: pd.Series, after: pd.Series, name: str) -> str:
    difference = after["f1_mean"] - before["f1_mean"]
    spread = float(np.nanmax([before["f1_sd"], after["f1_sd"], 0.0]))
    scores = f"F1 {after['f1_mean']:.2f} against {before['f1_mean']:.2f}"
    if abs(difference) <= spread or round(abs(difference), 2) == 0:
        return f"Oversampling made no clear difference here ({scores})."
    if difference > 0:
        return f"Oversampling helped: {scores}."
    return f"Oversampling did not help here: {scores}."
