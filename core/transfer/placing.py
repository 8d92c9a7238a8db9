"""The query's cells in the map of the reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.config_checks import require
from core.data import Dataset
from core.embedding import place
from core.model import RareCellModel
from core.transfer.evidence import marker_space, reference_space
from core.transfer.pipeline import Transfer

__all__ = ["place_in_reference", "reference_rows"]

# Query cells that are placed at a time.
_AT_A_TIME = 10_000


def place_in_reference(
    transfer: Transfer, reference_points: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Place the query's cells in the map of the model's training cells, which does not move.

    Each cell comes among its nearest training cells (:func:`core.embedding.place`), by the same
    distance as in :func:`core.transfer.nearest_reference`. A cell that is like none of them is
    placed all the same.

    Parameters
    ----------
    transfer : Transfer
        Of a model to the query.
    reference_points : array of shape (n_reference_cells, 2)
        Map positions of the model's training cells, in their order: those of
        :func:`reference_rows` in a map of the whole reference.

    Returns
    -------
    array of shape (n_query_cells, 2), float32

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when there is not one finite position for each training cell.

    References
    ----------
    McInnes, Healy, Melville: UMAP: Uniform Manifold Approximation and Projection for Dimension
    Reduction. DOI 10.48550/arXiv.1802.03426, section 3.
    """
    reference = reference_space(transfer.cells)
    points = np.asarray(reference_points, dtype=np.float32)
    ok = points.shape == (len(reference), 2)
    require(ok, "reference_points", f"{len(reference):,} × 2", points.shape)
    require(bool(np.isfinite(points).all()), "reference_points", "finite", "others")
    placed = np.empty((len(transfer.scores), 2), dtype=np.float32)
    for start in range(0, len(placed), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        query = marker_space(transfer.cells, transfer.config, part)
        placed[part] = place(reference, points, query)
    return placed


def reference_rows(model: RareCellModel, reference: Dataset) -> npt.NDArray[np.intp]:
    """Rows of a dataset that are the model's training cells, in their order.

    Parameters
    ----------
    model : RareCellModel
    reference : Dataset
        The dataset that the model was trained on.

    Returns
    -------
    int array of shape (n_reference_cells,)

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for any other dataset.
    """
    wanted = f"{model.reference['name']}, which the model was trained on"
    require(reference.digest == model.reference["digest"], "reference", wanted, reference.name)
    truth = reference.rare_labels(model.task)
    same = np.array_equal(truth.is_rare, model.training_is_rare)
    require(same, "reference", f"{wanted}, with the same labels", reference.name)
    return truth.rows
