"""Learn from the query's own confident calls, which know nothing of batch effects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

__all__ = ["learn_in_query", "split_threshold"]

Scores = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]

# Strong, as the calls it learns from are not all right.
_C = 0.01
_FOLDS = 5
# Standardised values beyond it count as it: one gene of one cell must not lead.
_MOST_SD = 5.0


def split_threshold(scores: Scores) -> float:
    """Score at which a query's cells fall apart best into two groups.

    The threshold with the highest variance between the two groups, half-way between neighbouring
    scores. It asks for no prior, and so moves with the query: where all scores are lower than in
    the reference, so is the threshold. It always divides: whether the upper group is the rare
    type, others must tell (:func:`core.transfer.judge_group`).

    Parameters
    ----------
    scores : array of shape (n_cells,)
        At least one, each 0–1.

    Returns
    -------
    float
        Scores from it on are the upper group; above all scores when they are all the same.

    References
    ----------
    Otsu: A threshold selection method from gray-level histograms. IEEE Transactions on Systems,
    Man, and Cybernetics 9:62 (1979), DOI 10.1109/TSMC.1979.4310076.

    Examples
    --------
    >>> split_threshold(np.array([0.1, 0.1, 0.3, 0.9, 0.7]))
    0.5
    """
    rising = np.sort(np.asarray(scores, dtype=float))
    if rising[0] == rising[-1]:
        return float(np.nextafter(rising[-1], np.inf))
    n_below = np.arange(1, len(rising))
    sums = np.cumsum(rising)
    below, above = sums[:-1] / n_below, (sums[-1] - sums[:-1]) / (len(rising) - n_below)
    between = n_below * (len(rising) - n_below) * (above - below) ** 2
    between[rising[1:] == rising[:-1]] = -1  # equal scores stay together
    cut = int(between.argmax())
    middle = (rising[cut] + rising[cut + 1]) / 2
    return float(max(middle, np.nextafter(rising[cut], np.inf)))  # rounding may have come down


def learn_in_query(
    values: npt.NDArray[np.float32], called: Truth, rejected: Truth, *, seed: int
) -> Scores | None:
    """Log odds of being called, learned from the calls of the *other* cells of the query.

    Class-weighted logistic regression on the query's own standardised genes. No cell has a part in
    its own score: called and rejected cells are scored by folds, the rest by all of them.

    Parameters
    ----------
    values : array of shape (n_cells, n_genes)
        Standardised by the query.
    called, rejected : bool arrays of shape (n_cells,)
        Cells that are taken for rare ones, and for others.
    seed : int
        Of the folds.

    Returns
    -------
    array of shape (n_cells,) or None
        ``None`` when there are fewer than two cells of either kind.

    References
    ----------
    Self-training: Scudder: Probability of error of some adaptive pattern-recognition machines.
    IEEE Transactions on Information Theory 11:363 (1965), DOI 10.1109/TIT.1965.1053799.
    """
    values = np.clip(values, -_MOST_SD, _MOST_SD)
    known = np.flatnonzero(called | rejected)
    # By what they express, so that the order of the query's cells has no part in the folds.
    known = known[np.argsort(values[known].sum(axis=1, dtype=np.float64), kind="stable")]
    truth = called[known]
    n_folds = min(_FOLDS, int(truth.sum()), int((~truth).sum()))
    if n_folds < 2:
        return None
    unknown = ~(called | rejected)
    odds = np.zeros(len(values))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    for train, test in folds.split(known, truth):
        fitted = LogisticRegression(C=_C, class_weight="balanced", max_iter=5000)
        # Several threads would wait for one another at each of many tiny steps, ten times as long.
        with threadpool_limits(1, user_api="blas"):
            fitted.fit(values[known[train]], truth[train])
        odds[known[test]] = fitted.decision_function(values[known[test]])
        if unknown.any():
            odds[unknown] += fitted.decision_function(values[unknown]) / n_folds
    return odds
