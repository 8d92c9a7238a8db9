"""Maps of a query: calls, scores step by step, its cells among the reference's, and selections."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.annotation import Annotation
from core.plots import map_calls, map_on_reference, map_scores
from core.selection import in_polygon
from core.text import number_text
from core.wording import count
from pages.ui import cache, people
from pages.ui.figures import figure, lasso_figure
from pages.ui.messages import show_errors
from pages.ui.selecting import draw_selection
from pages.ui.transferred import on_reference, why_not_on_reference
from pages.ui.widgets import beside

__all__ = ["draw_maps"]

Rows = npt.NDArray[np.intp]
_STAGES = {"before": "First scores", "refined": "With the graph", "scores": "Final"}


@st.fragment
def draw_maps(run_id: str, result: Annotation) -> None:
    """Draw the maps; a loop on one of them or another score draws nothing else anew."""
    # A fragment runs without the page around it, and needs its own frame.
    with show_errors():
        people.owner()
        xy = cache.umap(result.dataset.digest)
        left, right = beside([1, 1], key="maps")
        with left:
            selected = {"own": _draw_calls(run_id, result, xy)}
        with right:
            _draw_scores(run_id, result, xy)
        left, right = beside([1, 1], key="placed")
        with left:
            selected["reference"] = _draw_on_reference(run_id, result)
        with right:
            draw_selection(run_id, result, _latest(run_id, selected))


def _latest(run_id: str, selected: dict[str, Rows]) -> Rows:
    """Return the cells that were selected last; of a map without a selection, those of the other.

    A loop that holds no cell is a selection of none.
    """
    last = st.session_state.get(_last(run_id), "own")
    (other,) = set(selected) - {last}
    return selected[last] if len(selected[last]) else selected[other]


def _last(run_id: str) -> str:
    return f"needle.lasso.{run_id}"


def _remember(run_id: str, which: str) -> None:
    st.session_state[_last(run_id)] = which


def _inside(xy: npt.NDArray[np.float32], loops: list[npt.NDArray[np.float64]]) -> Rows:
    inside = np.zeros(len(xy), dtype=bool)
    for loop in loops:
        inside |= in_polygon(xy, loop)
    return np.flatnonzero(inside)


def _draw_calls(run_id: str, result: Annotation, xy: npt.NDArray[np.float32]) -> Rows:
    with st.container(key="map-head-calls", horizontal=True, vertical_alignment="center"):
        st.markdown("**Calls** on the query's own map")
    loops = lasso_figure(
        map_calls,
        xy,
        result.table["call"].to_numpy(),
        rare=result.rare,
        key=f"calls.{run_id}",
        on_select=lambda: _remember(run_id, "own"),
    )
    return _inside(xy, loops)


def _draw_scores(run_id: str, result: Annotation, xy: npt.NDArray[np.float32]) -> None:
    with st.container(key="map-head-scores", horizontal=True, vertical_alignment="center"):
        st.markdown("**Scores**", width="content")
        stage = _choose_stage(run_id, result)
    scores = result.table["score"].to_numpy()
    if stage != "scores":
        scores = getattr(result.transfer, stage)
    figure(map_scores, xy, scores, threshold=result.threshold, key=f"score-map.{run_id}")
    if result.transfer is not None:
        st.caption(_what_changed(result))


def _choose_stage(run_id: str, result: Annotation) -> str:
    """Let one choose between the steps that were taken; the last one without a choice."""
    if result.transfer is None:
        return "scores"
    stages = [name for name in _STAGES if name != "refined" or result.transfer.config.refine]
    return st.segmented_control(
        "Scores shown",
        stages,
        default="scores",
        required=True,
        format_func=_STAGES.get,
        key=f"stage.{run_id}",
        label_visibility="collapsed",
        help="First scores, these drawn towards those of a cell's neighbours, and with what the "
        "query's own calls have taught.",
    )


def _what_changed(result: Annotation) -> str:
    """Say how many cells the query's own structure took over the threshold, or below it."""
    threshold = result.threshold
    before = result.transfer.before >= threshold
    after = result.table["score"].to_numpy() >= threshold
    n_before, n_kept = int(before.sum()), int((before & after).sum())
    n_new = int((after & ~before).sum())
    cells = "cell is" if n_before == 1 else "cells are"
    return (
        f"By the first scores, {count(n_before)} {cells} at {number_text(threshold)} or above; the "
        f"final scores keep {count(n_kept)} of them and add {count(n_new)}."
    )


def _draw_on_reference(run_id: str, result: Annotation) -> Rows:
    with st.container(key="map-head-reference", horizontal=True, vertical_alignment="center"):
        st.markdown("**The query among the reference's cells**")
    reason = why_not_on_reference(result)
    if reason:
        st.caption(reason)
        return np.zeros(0, dtype=np.intp)
    reference, placed = on_reference(run_id, result)
    loops = lasso_figure(
        map_on_reference,
        reference,
        result.model.training_is_rare,
        placed,
        result.table["call"].to_numpy(),
        rare=result.rare,
        key=f"on-reference.{run_id}",
        on_select=lambda: _remember(run_id, "reference"),
    )
    return _inside(placed, loops)
