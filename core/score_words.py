"""Sentences about thresholds and probabilities: what a score means, here and in a query."""

from __future__ import annotations

import math

import pandas as pd

from core.calibration import brier_score, reliability
from core.phrases import count
from core.query_outlook import QueryOutlook
from core.summary import CrossValidation
from core.text import cells_text, method_label, number_text, percent_text
from core.thresholds import Threshold

__all__ = ["calibration_sentence", "goal_words", "outlook_sentence", "threshold_words"]


def goal_words(threshold: Threshold) -> str:
    """What a threshold was chosen for, and that it is out of reach where it is.

    Examples
    --------
    >>> goal_words(Threshold("recall", 0.2, 0.5, 0.95, 0.66, True, 20, 100, 19, 19))
    'chosen for at least 90 % recall'
    """
    if threshold.goal == "fixed":
        return "a fixed threshold"
    if not threshold.n_rare:
        return "no rare cell to choose it on"
    if threshold.goal in ("f1", "f2"):
        return f"the best {threshold.goal.upper()}"
    least = percent_text(threshold.least)
    if not threshold.reached:
        return f"the highest {threshold.goal}, as {least} is out of reach"
    return f"chosen for at least {least} {threshold.goal}"


def threshold_words(threshold: Threshold) -> str:
    """From which score on cells are called, and what for.

    Examples
    --------
    >>> threshold_words(Threshold("f1", 0.314, 1.0, 0.9, 0.95, True, 20, 100, 18, 0))
    'called from a score of 0.31 on, the best F1'
    """
    return f"called from a score of {_threshold(threshold.value)} on, {goal_words(threshold)}"


def outlook_sentence(outlook: QueryOutlook, rare: str) -> str:
    """What calls may be expected to be in a query, with the bounds that chance sets.

    Parameters
    ----------
    outlook : QueryOutlook
    rare : str
        The rare cell type's name.
    """
    said = (
        f"Of {cells_text(round(outlook.n_cells))} with {_about(outlook.n_rare)} {rare} among them, "
        f"expect {_range(outlook.found, outlook.found_low, outlook.found_high)} found and "
        f"{_range(outlook.false_calls, outlook.false_calls_low, outlook.false_calls_high)} called "
        "wrongly"
    )
    if not outlook.found + outlook.false_calls:
        return f"{said}."
    return (
        f"{said}: {percent_text(outlook.precision)} of the calls would be right "
        f"({percent_text(outlook.precision_low)} to {percent_text(outlook.precision_high)})."
    )


def calibration_sentence(result: CrossValidation, method: str) -> str:
    """Whether the scores of a method, shifted to the reference's share, are probabilities.

    Parameters
    ----------
    result : CrossValidation
    method : str
        For example ``"loras+lr"``.

    Returns
    -------
    str
        Rare cells promised and found, where they differ by more than noise (the exact 95 %
        interval of a bin leaves the predicted share out), and the Brier score with its reference.
    """
    pooled, times = result.out_of_fold[method], result.times(method)
    probabilities = result.probabilities(method)
    brier = brier_score(pooled.is_rare, probabilities)
    promised, there = probabilities.sum() / times, pooled.is_rare.sum() / times
    return (
        f"Read as probabilities, the scores of {method_label(method)} promise "
        f"{_about(promised)} rare cells, and there are {_about(there)}; "
        f"{_where_off(reliability(pooled.is_rare, probabilities, times=times))}. Brier score "
        f"{number_text(brier.value)}, where always saying how rare the type is would give "
        f"{number_text(brier.reference)}."
    )


def _where_off(table: pd.DataFrame) -> str:
    high = table["predicted"] > table["observed_high"]
    low = table["predicted"] < table["observed_low"]
    if not (high | low).any():
        return "everywhere on the scale they are right within noise"
    off = [
        f"too {name} where they say " + " and ".join(map(_share, table.loc[which, "predicted"]))
        for name, which in (("high", high), ("low", low))
        if which.any()
    ]
    return f"they are {' and '.join(off)}"


def _share(p: float) -> str:
    return "hardly any" if p < 0.005 else "nearly all" if p > 0.995 else f"about {100 * p:.0f} %"


def _range(value: float, low: float, high: float) -> str:
    return f"{_about(value)} ({_about(low)} to {_about(high)})"


def _about(n: float) -> str:
    """Whole cells; one decimal below ten, where it matters; a dash for what nobody knows."""
    if not math.isfinite(n):
        return "–"
    return count(round(n, 1) if n < 10 else round(n))


def _threshold(x: float) -> str:
    # Two decimals, unless these would make it 0 or 1, which call all cells or hardly any.
    decimals = 2
    while decimals < 6 and 0 < x < 1 and round(x, decimals) in (0, 1):
        decimals += 1
    return f"{x:.{decimals}f}"
