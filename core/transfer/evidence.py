"""What a single call rests on: its scores, the nearest reference cells, and the genes' parts."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from core.classifiers.linear_svm import LinearSvm
from core.classifiers.random_forest import RandomForest
from core.config_checks import require
from core.data import Dataset
from core.fitting import rare_scores
from core.model import RareCellModel
from core.transfer.comparable import MOST_SD, Comparable
from core.transfer.pipeline import Transfer
from core.transfer.views import Fitted, fit_on, log_odds, probability
from core.transfer_config import TransferConfig

__all__ = [
    "CellEvidence",
    "explain_cell",
    "marker_space",
    "nearest_reference",
    "reference_space",
    "require_rows",
]

Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

# Query cells that are looked up at a time: their differences to some neighbours fit anywhere.
_AT_A_TIME = 1000
# Scores that are no shares of votes are believed up to here, or the genes of a clear cell would
# change nothing.
_LEAST_SMOOTH = 1e-9
_VOTING = (KNeighborsClassifier, RandomForest)
_LINEAR = (LogisticRegression, LinearSvm)


@dataclass(frozen=True, eq=False)
class CellEvidence:
    """What speaks for and against one cell of a query being the rare type.

    Parameters
    ----------
    row : int
        The cell, as a row of the query.
    before : float
        Score by the model, 0–1.
    refined : float
        The same, refined over the query's neighbour graph, 0–1.
    learned : float or None
        Probability (0–1) that was learned from the query's other calls; ``None`` where it was not.
    score : float
        Final score, 0–1.
    rank : int
        1 for the highest final score of the query; of equal scores the earlier cell comes first.
    neighbours : pandas.DataFrame
        See :func:`nearest_reference`.
    contributions : pandas.DataFrame
        One row per gene, the largest contribution of either sign first: ``gene``; ``is_marker``,
        whether it is a marker of the rare type and not one of another type; ``value``, its
        expression in the query as it was measured, log1p of counts per 10,000; ``contribution``,
        log odds: above 0 it speaks for the rare type.
    exact : bool
        Whether the contributions add up to the difference between the cell's log odds and those of
        the reference's mean cell.
    how : str
        How the contributions came about, in one sentence.
    neighbour_share : float or None
        For knn: share (0–1) of rare cells among the nearest training cells that the classifier
        looks at, synthetic ones included, as the mean of the views; ``None`` for other classifiers.
    """

    row: int
    before: float
    refined: float
    learned: float | None
    score: float
    rank: int
    neighbours: pd.DataFrame
    contributions: pd.DataFrame
    exact: bool
    how: str
    neighbour_share: float | None = None


def nearest_reference(
    model: RareCellModel, transfer: Transfer, rows: npt.ArrayLike, *, n: int = 5
) -> pd.DataFrame:
    """Find the reference cells that are most like some cells of the query.

    Distances are Euclidean between standardised genes (markers of the rare type and of the others),
    none beyond ±10 standard deviations. Cells of the query are standardised as the transfer did:
    by the query, by the reference, or, with both, the mean of both values.

    Parameters
    ----------
    model : RareCellModel
    transfer : Transfer
        Of this model to the query.
    rows : int array of shape (n_rows,)
        Cells of the query.
    n : int
        Neighbours of each, 1 or more; at most all reference cells.

    Returns
    -------
    pandas.DataFrame
        One row per cell and neighbour, in the order of `rows`, the nearest first: ``row``;
        ``rank``, from 1; ``reference_cell``, position among the model's training cells; ``type``,
        its label (``"other"`` for all other types in a model without context); ``is_rare``;
        ``distance``.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for rows that the query does not have, or fewer than 1 neighbour.
    """
    rows = require_rows(rows, len(transfer.scores))
    ok = isinstance(n, Integral) and not isinstance(n, bool) and n >= 1
    require(ok, "n", "a whole number of 1 or more", n)
    reference = reference_space(transfer.cells)
    n = min(int(n), len(reference))
    search = NearestNeighbors(n_neighbors=n).fit(reference)
    nearest, distances = np.empty((len(rows), n), dtype=np.intp), np.empty((len(rows), n))
    for start in range(0, len(rows), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        query = marker_space(transfer.cells, transfer.config, rows[part])
        nearest[part], distances[part] = _nearest(search, reference, query)
    names, is_rare = _type_names(model), model.training_is_rare
    return pd.DataFrame(
        {
            "row": np.repeat(rows, n),
            "rank": np.tile(np.arange(1, n + 1), len(rows)),
            "reference_cell": nearest.ravel(),
            "type": names[nearest.ravel()],
            "is_rare": is_rare[nearest.ravel()],
            "distance": distances.ravel(),
        }
    )


def explain_cell(
    model: RareCellModel,
    dataset: Dataset,
    transfer: Transfer,
    row: int,
    *,
    n_neighbors: int = 5,
    fitted: Fitted | None = None,
) -> CellEvidence:
    """Gather what the call of one cell rests on.

    Parameters
    ----------
    model : RareCellModel
    dataset : Dataset
        Query.
    transfer : Transfer
        Of this model to this query.
    row : int
        The cell, as a row of the query.
    n_neighbors : int
        Reference cells to name, 1 or more.
    fitted : Fitted or None
        The method on the genes that both datasets have (:func:`core.transfer.views.fit_on`), for
        callers that explain many cells; by default it is fitted here.

    Returns
    -------
    CellEvidence

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for a row that the query does not have, another query, or fewer than 1
        neighbour.

    Notes
    -----
    Contributions explain the model's own score, before the query's graph and what was learned from
    the query; they are means of the views that the query's genes were standardised by.

    With logistic regression and the linear support vector machine, a gene contributes its weight
    times the difference between the cell's standardised value and the mean over the reference's
    cells. These parts add up to the difference of the log odds exactly. (Scores themselves are held
    between 0.001 and 0.999, log odds of contributions are not.)

    With any other classifier it is the change of the log odds when the gene alone is set to its
    mean in the reference. Such parts do not add up: of two genes that say the same, neither may
    change anything. With shares of votes (knn, forest), log odds are held as the scores are.

    References
    ----------
    Robnik-Šikonja, Kononenko: Explaining classifications for individual instances. IEEE
    Transactions on Knowledge and Data Engineering 20:589 (2008), DOI 10.1109/TKDE.2007.190734.

    Štrumbelj, Kononenko: Explaining prediction models and individual predictions with feature
    contributions. Knowledge and Information Systems 41:647 (2014), DOI 10.1007/s10115-013-0679-x.
    (Exact contributions in linear models.)
    """
    n_cells = len(transfer.scores)
    require(dataset.n_cells == n_cells, "dataset", f"the query of {n_cells:,} cells", dataset.name)
    (row,) = map(int, require_rows([row], n_cells))
    cells = transfer.cells
    fitted = fit_on(model, cells, transfer.config) if fitted is None else fitted
    views = np.stack([view[row] for view in _views(cells, transfer.config)]).astype(np.float64)
    mean = cells.reference.mean(axis=0, dtype=np.float64)
    exact = isinstance(fitted.classifier, _LINEAR)
    parts = _linear(fitted.classifier, views, mean) if exact else _occluded(fitted, views, mean)
    share = _neighbour_share(fitted.classifier, views)
    is_larger = transfer.scores > transfer.scores[row]
    is_tied_before = transfer.scores[:row] == transfer.scores[row]
    learned = transfer.views.get("learned")
    return CellEvidence(
        row=row,
        before=float(transfer.before[row]),
        refined=float(transfer.refined[row]),
        learned=None if learned is None else float(probability(learned[row])),
        score=float(transfer.scores[row]),
        rank=int(is_larger.sum() + is_tied_before.sum()) + 1,
        neighbours=nearest_reference(model, transfer, [row], n=n_neighbors),
        contributions=_table(cells, dataset.expression(cells.genes)[row], parts),
        exact=exact,
        how=_how(model, fitted.classifier, parts, share),
        neighbour_share=share,
    )


def reference_space(cells: Comparable) -> Matrix:
    """The reference's cells where distances are measured, (n_reference_cells, n_genes)."""
    return np.clip(cells.reference, -MOST_SD, MOST_SD)


def marker_space(
    cells: Comparable, config: TransferConfig, rows: Rows | slice = slice(None)
) -> Matrix:
    """Cells of the query where distances are measured: see :func:`nearest_reference`."""
    parts = [view[rows] for view in _views(cells, config)]
    values = parts[0] if len(parts) == 1 else (parts[0] + parts[1]) / 2
    return np.clip(values, -MOST_SD, MOST_SD)


def require_rows(rows: npt.ArrayLike, n_cells: int) -> Rows:
    """Rows of a query as an array, or the refusal of others."""
    got = np.asarray(rows)
    ok = got.ndim == 1 and (got.dtype.kind in "iu" or got.size == 0)
    require(ok, "rows", "a list of whole numbers", rows)
    outside = got[(got < 0) | (got >= n_cells)].tolist()
    require(not outside, "rows", f"rows of the query, 0 to {n_cells - 1:,}", outside[:5])
    return got.astype(np.intp)


def _views(cells: Comparable, config: TransferConfig) -> list[Matrix]:
    views = {"reference": cells.by_reference, "query": cells.by_query}
    return list(views.values()) if config.standardise == "both" else [views[config.standardise]]


def _nearest(
    search: NearestNeighbors, reference: Matrix, query: Matrix
) -> tuple[Rows, npt.NDArray[np.float64]]:
    found = np.sort(search.kneighbors(query, return_distance=False), axis=1)
    # The search takes differences of squares, where the distance of equal cells is rounding.
    distances = np.empty(found.shape)
    for place, cells in enumerate(found.T):
        distances[:, place] = np.linalg.norm(query - reference[cells], axis=1)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(distances, order, axis=1)


def _type_names(model: RareCellModel) -> npt.NDArray[np.object_]:
    """Type of each training cell."""
    if model.context is None:
        return np.where(model.training_is_rare, model.task.rare, "other").astype(object)
    return np.array(model.context.types, dtype=object)[model.context.codes]


def _linear(
    classifier: LogisticRegression | LinearSvm,
    views: npt.NDArray[np.float64],
    mean: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    return classifier.coef_[0].astype(np.float64) * (views.mean(axis=0) - mean)


def _occluded(
    fitted: Fitted, views: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Log odds of a cell less those without each gene in turn, mean of the views."""
    changes = []
    for values in views:
        without = np.tile(values, (len(mean) + 1, 1))
        np.fill_diagonal(without[1:], mean)
        odds = _odds(fitted, without.astype(np.float32))
        changes.append(odds[0] - odds[1:])
    return np.mean(changes, axis=0)


def _odds(fitted: Fitted, values: Matrix) -> npt.NDArray[np.float64]:
    if isinstance(fitted.classifier, _VOTING):
        return fitted.log_odds(values)
    return log_odds(rare_scores(fitted.classifier, values), least=_LEAST_SMOOTH)


def _neighbour_share(classifier: ClassifierMixin, views: npt.NDArray[np.float64]) -> float | None:
    if not isinstance(classifier, KNeighborsClassifier):
        return None
    nearest = classifier.kneighbors(views.astype(np.float32), return_distance=False)
    return float(classifier.classes_[classifier._y[nearest]].mean())


def _table(cells: Comparable, values: Matrix, parts: npt.NDArray[np.float64]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "gene": cells.genes,
            "is_marker": np.arange(len(cells.genes)) < cells.n_markers,
            "value": values,
            "contribution": parts,
        }
    )
    order = np.argsort(-np.abs(parts), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _how(
    model: RareCellModel,
    classifier: ClassifierMixin,
    parts: npt.NDArray[np.float64],
    share: float | None,
) -> str:
    if isinstance(classifier, _LINEAR):
        return (
            "A gene's contribution is its weight times how far the cell is from the mean of the "
            "reference; together they are the difference between the log odds of both, before "
            "scores are held between 0.001 and 0.999."
        )
    change = (
        "a gene's contribution is how much the log odds change when it alone is set to its mean "
        "in the reference"
    )
    if not parts.any():
        change += ", and no gene alone changes anything here"
    if share is None:
        return f"{change[0].upper()}{change[1:]}."
    made = classifier.n_samples_fit_ > len(model.training_is_rare)
    return (
        f"{100 * share:.3g} % of the classifier's {classifier.n_neighbors} nearest training cells"
        f"{', synthetic ones included,' if made else ''} are rare; {change}."
    )
