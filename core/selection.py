"""What a selection of a query's cells is made of: their calls, clusters and markers."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.annotation import Annotation, write_cells
from core.config_checks import require
from core.text import call_words
from core.transfer.evidence import require_rows

__all__ = ["Selection", "describe_selection", "in_polygon"]

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Selection:
    """Some cells of a query, such as those within a lasso.

    Parameters
    ----------
    rows : int array of shape (n_cells,)
        Rows of the query, rising, each once.
    calls : pandas.Series
        Selected cells of each call: the rare type's name first, then unsure ones, then others; 0
        where there are none.
    clusters : pandas.DataFrame
        One row per cluster with a selected cell, the most selected first: ``cluster``;
        ``n_selected``; ``n_cells``, of the cluster. Without rows where there was no transfer.
    markers : pandas.DataFrame
        One row per marker gene of the model that the query has: ``gene``; ``mean_selected`` and
        ``mean_rest``, log1p of counts per 10,000; ``detected_selected`` and ``detected_rest``,
        shares of cells (0–1) with expression. Sorted by how much higher it is in the selected
        cells; the rest has no values when all cells are selected.
    table : pandas.DataFrame
        One row per selected cell: ``cell``, ``score``, ``score_before``, ``call`` and ``rank`` as
        in :class:`core.Annotation`, and ``cluster``, missing where there was no transfer.
    """

    rows: Rows
    calls: pd.Series
    clusters: pd.DataFrame
    markers: pd.DataFrame
    table: pd.DataFrame

    @property
    def n_cells(self) -> int:
        """Number of selected cells."""
        return len(self.rows)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table as CSV, one row per selected cell.

        Names that a spreadsheet would take for a formula have a single quote before them: see
        :func:`core.text.spreadsheet_text`, which says how to get them back.
        """
        write_cells(self.table, path)


def describe_selection(annotation: Annotation, rows: npt.ArrayLike) -> Selection:
    """Describe some cells of a query by their calls, clusters and markers.

    Parameters
    ----------
    annotation : Annotation
        Calls of the query's cells.
    rows : int array
        Rows of the query, at least one; repeats count once.

    Returns
    -------
    Selection

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for no rows, or rows that the query does not have.

    Examples
    --------
    >>> import core
    >>> task = core.RareTask("bulk_labels", "CD34+")
    >>> config = core.TrainingConfig(markers=20)
    >>> model = core.train(core.demo_reference(), task, config, method="none+lr")
    >>> describe_selection(core.annotate(model, core.demo_query()), [3, 4, 5]).n_cells
    3
    """
    rows = np.unique(require_rows(rows, len(annotation.table)))
    require(len(rows) > 0, "rows", "at least one row", "none")
    columns = ["cell", "score", "score_before", "call", "rank"]
    table = annotation.table.loc[rows, columns].reset_index(drop=True)
    clusters = None if annotation.transfer is None else annotation.transfer.clusters
    table["cluster"] = pd.Series(
        pd.NA if clusters is None else clusters[rows], index=table.index, dtype="Int64"
    )
    other, unsure = call_words(annotation.rare)
    sizes = table["call"].value_counts().rename("n_cells")
    return Selection(
        rows=rows,
        calls=sizes.reindex([annotation.rare, unsure, other], fill_value=0),
        clusters=_count_clusters(clusters, rows),
        markers=_compare_markers(annotation, rows),
        table=table,
    )


def in_polygon(points: npt.ArrayLike, polygon: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points lie within a polygon, such as a lasso drawn on a map.

    Inside is where a ray crosses the border an odd number of times, so that the polygon may cross
    itself. Of a point on the border either may come out.

    Parameters
    ----------
    points : array of shape (n_points, 2)
        Map positions; one that is not finite is nowhere.
    polygon : array of shape (n_corners, 2)
        Corners in their order, finite; the last is joined to the first.

    Returns
    -------
    bool array of shape (n_points,)

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for arrays of another shape, or corners that are not finite.

    References
    ----------
    Shimrat: Algorithm 112: Position of point relative to polygon. Communications of the ACM 5:434
    (1962), DOI 10.1145/368637.368653.

    Examples
    --------
    >>> in_polygon([[0.5, 0.2], [0.9, 0.9]], [[0, 0], [1, 0], [0, 1]])
    array([ True, False])
    """
    points, polygon = (np.asarray(part, dtype=np.float64) for part in (points, polygon))
    for name, got in (("points", points), ("polygon", polygon)):
        require(got.ndim == 2 and got.shape[1] == 2, name, "of shape (n, 2)", got.shape)
    require(bool(np.isfinite(polygon).all()), "polygon", "finite", "others")
    x, y = points.T
    inside = np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        # One end belongs to an edge and the other does not: no corner is counted twice, and edges
        # along the ray not at all.
        crossing = (y0 > y) != (y1 > y)
        if crossing.any():
            at = x0 + (y[crossing] - y0) * ((x1 - x0) / (y1 - y0))
            inside[crossing] ^= x[crossing] < at
    return inside & np.isfinite(points).all(axis=1)


def _count_clusters(clusters: Rows | None, rows: Rows) -> pd.DataFrame:
    if clusters is None:
        clusters = rows = np.zeros(0, dtype=np.intp)
    n_cells = np.bincount(clusters)
    n_selected = np.bincount(clusters[rows], minlength=len(n_cells))
    found = np.argsort(-n_selected, kind="stable")[: np.count_nonzero(n_selected)]
    return pd.DataFrame(
        {"cluster": found, "n_selected": n_selected[found], "n_cells": n_cells[found]}
    )


def _compare_markers(annotation: Annotation, rows: Rows) -> pd.DataFrame:
    genes = annotation.genes.found
    values = annotation.dataset.expression(genes)
    is_selected = np.zeros(len(values), dtype=bool)
    is_selected[rows] = True
    table = pd.DataFrame({"gene": genes})
    for what, numbers in (("mean", values), ("detected", values > 0)):
        for name, chosen in (("selected", is_selected), ("rest", ~is_selected)):
            table[f"{what}_{name}"] = _mean(numbers[chosen])
    higher = table["mean_selected"] - table["mean_rest"].fillna(0)
    order = np.argsort(-higher.to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _mean(values: npt.NDArray) -> npt.NDArray[np.float64]:
    if not len(values):
        return np.full(values.shape[1], np.nan)
    return values.mean(axis=0, dtype=np.float64)
