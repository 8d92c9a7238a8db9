"""What an annotation's pages read again and again of a transfer, kept once for all sessions.

Keys are run ids, rows and digests, never the arrays themselves. Who may see a run and its cells was
asked before: :func:`pages.ui.cache.annotation` hands results only to these.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.annotation import Annotation
from core.data import Dataset
from core.errors import DataError, ParameterError
from core.transfer.evidence import CellEvidence, explain_cell
from core.transfer.placing import place_in_reference, reference_rows
from core.transfer.views import Fitted, fit_on
from pages.ui import cache
from pages.ui.messages import plain_name

__all__ = ["evidence", "on_reference", "why_not_on_reference"]

Points = npt.NDArray[np.float32]


def evidence(run_id: str, result: Annotation, row: int) -> CellEvidence:
    """What the call of one cell of a query rests on, where calls were carried over."""
    return _evidence(run_id, row, result)


@st.cache_resource(max_entries=128, show_spinner=False)
def _evidence(run_id: str, row: int, _result: Annotation) -> CellEvidence:
    fitted = _fitted(run_id, _result)
    return explain_cell(_result.model, _result.dataset, _result.transfer, row, fitted=fitted)


@st.cache_resource(max_entries=8, show_spinner=False)
def _fitted(run_id: str, _result: Annotation) -> Fitted:
    return fit_on(_result.model, _result.transfer.cells, _result.transfer.config)


def why_not_on_reference(result: Annotation) -> str:
    """Say why the query cannot be placed on its reference's map; empty when it can."""
    name = plain_name(str(result.model.reference["name"]))
    if result.transfer is None:
        return "Only calls that were carried over can be placed on the reference's map."
    try:
        reference = cache.dataset(result.model.reference["digest"])
        reference_rows(result.model, reference)
    except DataError:
        return f"The reference of this model, {name}, is not loaded: load it on the page Reference."
    except ParameterError:
        return f"The labels of {name} are others than those that the model was trained on."
    if not cache.has_umap(reference):
        return f"{name} has no map yet: have it drawn on the page Reference."
    return ""


def on_reference(run_id: str, result: Annotation) -> tuple[Points, Points]:
    """Map positions of the training cells and, placed among them, of the query's cells.

    To be asked for only when :func:`why_not_on_reference` knows no reason.
    """
    return _on_reference(run_id, result, cache.dataset(result.model.reference["digest"]))


@st.cache_resource(max_entries=8, show_spinner=False)
def _on_reference(run_id: str, _result: Annotation, _reference: Dataset) -> tuple[Points, Points]:
    points = cache.umap(_reference.digest)[reference_rows(_result.model, _reference)]
    return points, place_in_reference(_result.transfer, points)
