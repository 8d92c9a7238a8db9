"""From which score on a cell is called: chosen for a goal, on cells other than its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.config import GOALS
from core.config_checks import is_number, require
from core.query_outlook import Counts, QueryOutlook, in_query

__all__ = [
    "FIXED",
    "LEAST",
    "Counts",
    "QueryOutlook",
    "Threshold",
    "choose_threshold",
    "crossfit_calls",
    "in_query",
    "threshold_at",
]

Truth = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]

# The threshold of the goal "fixed", and where there is nothing to choose one on.
FIXED = 0.5
# The precision or recall that these goals ask for.
LEAST = 0.9
# How much more recall counts than precision, squared, as F-beta has it.
_BETA_SQUARED = {"f1": 1, "f2": 4}


@dataclass(frozen=True)
class Threshold:
    """A score from which on cells are called, and what the calls were on the cells it comes from.

    Parameters
    ----------
    goal : {"f1", "f2", "precision", "recall", "fixed"}
        What it was chosen for.
    value : float
        0–1; a cell is called when its score is at least this.
    precision, recall, f1 : float
        Of the calls, 0–1; 0 where there is nothing to divide by.
    reached : bool
        Whether the goal is met; False as well when there was no rare cell to choose it on.
    n_rare, n_other, tp, fp : int
        Rare and other scores, and how many of either are called. A cell that was scored in five
        repeats counts five times.
    least : float
        The precision or recall that these goals ask for, 0–1.
    """

    goal: str
    value: float
    precision: float
    recall: float
    f1: float
    reached: bool
    n_rare: int
    n_other: int
    tp: int
    fp: int
    least: float = LEAST


def choose_threshold(
    is_rare: Truth, scores: Scores, goal: str, *, least: float = LEAST
) -> Threshold:
    """Choose the threshold that serves a goal best on scored cells of known type.

    Parameters
    ----------
    is_rare : bool array of shape (n_scores,)
        Truth.
    scores : array of shape (n_scores,)
        0–1, of models that had not seen the cells.
    goal : {"f1", "f2", "precision", "recall", "fixed"}
        The highest F1 or F2; the highest recall among thresholds with a precision of at least
        `least`, or the highest precision among those with such a recall; 0.5.
    least : float
        Above 0, at most 1.

    Returns
    -------
    Threshold
        When no threshold has the precision asked for: the one of highest precision, not
        ``reached``. Without rare cells: 0.5, not ``reached``.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for an unknown goal, or `least` out of its range.

    Notes
    -----
    Thresholds lie half-way between neighbouring different scores, or between 0 and the lowest,
    where every cell is called. (To call none serves no goal.) Of equally good ones for F1 or F2
    the one in the widest gap is taken, as cells to come vary, then that of higher recall. What the
    threshold reaches on these very cells is too good: see :func:`crossfit_calls`.

    Examples
    --------
    >>> import numpy as np
    >>> choose_threshold(np.array([True, True, False]), np.array([0.75, 0.5, 0.25]), "f1").value
    0.375
    """
    is_rare, scores = np.asarray(is_rare, dtype=bool), np.asarray(scores, dtype=float)
    _check(goal, least)
    falling = np.argsort(-scores, kind="stable")
    value, reached = _choose(is_rare[falling], scores[falling], goal, least)
    return threshold_at(is_rare, scores, value, goal=goal, reached=reached, least=least)


def threshold_at(
    is_rare: Truth,
    scores: Scores,
    value: float,
    *,
    goal: str = "fixed",
    reached: bool = True,
    least: float = LEAST,
) -> Threshold:
    """What calling every cell from a score of `value` on achieves; the rest is kept as given."""
    called, n_rare = scores >= value, int(is_rare.sum())
    tp, fp = int((called & is_rare).sum()), int((called & ~is_rare).sum())
    return Threshold(
        goal=goal,
        value=float(value),
        precision=tp / max(tp + fp, 1),
        recall=tp / max(n_rare, 1),
        f1=2 * tp / max(n_rare + tp + fp, 1),
        reached=reached,
        n_rare=n_rare,
        n_other=len(is_rare) - n_rare,
        tp=tp,
        fp=fp,
        least=least,
    )


def crossfit_calls(
    repeat: npt.NDArray[np.intp],
    fold: npt.NDArray[np.intp],
    is_rare: Truth,
    scores: Scores,
    goal: str,
    *,
    least: float = LEAST,
) -> tuple[Scores, Truth]:
    """Call the cells of every fold by the threshold that suits the other folds of its repeat.

    Parameters
    ----------
    repeat, fold : int arrays of shape (n_scores,)
        Where each score comes from.
    is_rare, scores, goal, least
        As in :func:`choose_threshold`.

    Returns
    -------
    thresholds : array of shape (n_scores,)
        The threshold each cell was held against, 0–1; 0.5 where the other folds have no rare cell
        (or are not there yet).
    called : bool array of shape (n_scores,)
        Whether its score reaches that.

    Raises
    ------
    ParameterError
        As :func:`choose_threshold`.

    Notes
    -----
    No cell has a say in the threshold by which it is called itself: its score and its type are
    left out of the choice. One indirect dependence remains: the models that scored the other folds
    had the cells of this one among their training cells. It is weak, for what is chosen is a
    single number, but it is there; the nested cross-validation of the search has none of it.
    """
    _check(goal, least)
    thresholds = np.full(len(scores), FIXED)
    for one in np.unique(repeat):
        mine = np.flatnonzero(repeat == one)
        # Sorted once: leaving a fold out keeps the order.
        mine = mine[np.argsort(-scores[mine], kind="stable")]
        for part in np.unique(fold[mine]):
            tested = fold[mine] == part
            others = mine[~tested]
            thresholds[mine[tested]] = _choose(is_rare[others], scores[others], goal, least)[0]
    return thresholds, scores >= thresholds


def _check(goal: str, least: float) -> None:
    require(goal in GOALS, "goal", "one of " + ", ".join(GOALS), goal)
    ok = is_number(least) and 0 < least <= 1
    require(ok, "least", "a number above 0, at most 1", least)


def _choose(is_rare: Truth, scores: Scores, goal: str, least: float) -> tuple[float, bool]:
    """Threshold and whether it meets the goal, for scores in falling order."""
    n_rare = int(is_rare.sum())
    if goal == "fixed" or not n_rare:
        return FIXED, goal == "fixed"
    # A threshold falls after the last of equal scores.
    last = np.flatnonzero(np.append(scores[:-1] != scores[1:], True))
    upper, lower = scores[last], np.append(scores[last[:-1] + 1], 0.0)
    tp, called = np.cumsum(is_rare)[last], last + 1
    best, reached = _best(tp, called, n_rare, upper - lower, goal, least)
    middle = lower[best] + (upper[best] - lower[best]) / 2
    # Between scores that differ in their last bit there is nothing.
    return float(middle if middle > lower[best] else upper[best]), reached


def _best(
    tp: npt.NDArray[np.intp],
    called: npt.NDArray[np.intp],
    n_rare: int,
    gap: Scores,
    goal: str,
    least: float,
) -> tuple[int, bool]:
    precision, recall = tp / called, tp / n_rare
    if goal in _BETA_SQUARED:
        squared = _BETA_SQUARED[goal]
        f_beta = (1 + squared) * tp / (squared * n_rare + called)
        return _highest(np.arange(len(tp)), f_beta, gap, recall), True
    if goal == "recall":
        return _highest(np.flatnonzero(recall >= least), precision, recall), True
    precise = np.flatnonzero(precision >= least)
    if not len(precise):
        return _highest(np.arange(len(tp)), precision, recall), False
    return _highest(precise, recall, precision), True


def _highest(among: npt.NDArray[np.intp], *values: Scores) -> int:
    """First of those with the highest first value, among these the highest second, and so on."""
    for value in values:
        among = among[value[among] == value[among].max()]
    return int(among[0])
