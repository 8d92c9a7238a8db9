"""The result of an annotation: coverage, calls, maps, evidence, downloads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core.annotation import Annotation
from core.jobs import Run
from core.plots import (
    OTHER_DARK,
    OTHER_LIGHT,
    RARE,
    map_calls,
    map_scores,
    marker_violins,
    score_histogram,
)
from core.wording import count, frequency, method_label
from pages.ui import cache
from pages.ui.coverage import in_words_of_the_page
from pages.ui.figures import figure, is_dark
from pages.ui.mapping import draw_mapping
from pages.ui.messages import plain, plain_name, show_findings
from pages.ui.widgets import beside, number_columns

__all__ = ["draw_annotation", "draw_earlier"]

N_VIOLINS = 8


def draw_annotation(run: Run) -> None:
    """Show calls, scores, maps and evidence, and offer the files."""
    result = cache.annotation(run.id, run.config["dataset"])
    show_findings(in_words_of_the_page(finding, result) for finding in result.findings)
    threshold = st.slider(
        "Score threshold",
        0.0,
        1.0,
        value=result.threshold,
        step=0.01,
        key=f"threshold.{run.id}",
        persist_state="session",
        help="A cell is called when its score reaches this; up to 0.1 below, it is unsure.",
    )
    result = result.with_threshold(threshold)
    _draw_sentence(result)
    _downloads(result)
    _draw_maps(result)
    draw_mapping(result, key=run.id)
    _draw_evidence(result)
    _draw_table(result)


def draw_earlier(run: Run) -> None:
    """Fold the result away that another model or another query had."""
    result = cache.annotation(run.id, run.config["dataset"])
    made_by = f"{plain_name(result.rare)} by {method_label(result.model.method)}"
    box = st.expander(
        f"Earlier result: {made_by} in {plain_name(result.dataset.name)}",
        icon=":material/history:",
        key=f"earlier.{run.id}",
        on_change="rerun",  # nothing in it is drawn before it is opened
    )
    if box.open:
        with box:
            draw_annotation(run)


def _draw_sentence(result: Annotation) -> None:
    n_cells, rare = len(result.table), plain_name(result.rare)
    unsure = f", {count(result.n_unsure)} unsure" if result.n_unsure else ""
    st.subheader(f"{frequency(result.n_called, n_cells)} called {rare}{unsure}", anchor=False)
    st.caption(
        "How well the model works was measured inside its reference. In another lab's data it may "
        "miss cells or call wrong ones: look at the markers below before you believe a call."
    )


def _downloads(result: Annotation) -> None:
    files: tuple[tuple[str, str, str, Callable], ...] = (
        ("Predictions (CSV)", "needle_predictions.csv", "text/csv", result.to_csv),
        ("Cell IDs (TXT)", "needle_cell_ids.txt", "text/plain", result.to_cell_ids),
        (
            "Annotated data (H5AD)",
            "needle_annotated.h5ad",
            "application/x-hdf5",
            result.to_h5ad,
        ),
    )
    row = st.container(horizontal=True)
    for label, name, mime, write in files:
        row.download_button(
            label,
            data=lambda write=write: _bytes(write),
            file_name=name,
            mime=mime,
            on_click="ignore",
            icon=":material/download:",
        )


def _bytes(write: Callable[[Path], None]) -> bytes:
    """What a writer puts into a file; made only when the button is pressed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write(path)
        return path.read_bytes()


def _draw_maps(result: Annotation) -> None:
    xy = cache.umap(result.dataset.digest)
    left, right = beside([1, 1], key="maps")
    with left:
        st.markdown("**Calls** on the query's own UMAP")
        calls = result.table["call"].to_numpy()
        figure(map_calls, xy, calls, rare=result.rare, key="calls")
    with right:
        st.markdown("**Scores** on the same map")
        scores = result.table["score"].to_numpy()
        figure(map_scores, xy, scores, threshold=result.threshold, key="score-map")


def _draw_evidence(result: Annotation) -> None:
    scores = result.table["score"].to_numpy()
    st.markdown("**Scores of all cells**")
    calls = result.table["call"].to_numpy()
    rare = {"rare": result.rare, "calls": calls}
    figure(score_histogram, scores, result.threshold, **rare, key="histogram")
    if not result.n_called:
        st.info("No cell reaches the threshold, so there is no expression to compare.")
        return
    genes = list(result.genes.found[:N_VIOLINS])
    st.markdown(f"**Top {len(genes)} markers** in called and in all other cells")
    expression = pd.DataFrame(result.dataset.expression(genes), columns=genes)
    groups = np.where(calls == result.rare, "called", "other")
    colours = {"called": RARE, "other": OTHER_DARK if is_dark() else OTHER_LIGHT}
    order = [name for name in ("called", "other") if (groups == name).any()]
    figure(marker_violins, expression, groups, order=order, colours=colours, key="violins")


def _draw_table(result: Annotation) -> None:
    st.markdown("**All cells**, best first")
    st.dataframe(
        result.table.sort_values("rank"),
        hide_index=True,
        height=320,
        column_config=number_columns(
            {"score": ("Score", "%.3f", None), "rank": ("Rank", "localized", None)}
        )
        | {"cell": "Cell", "call": "Call"},
    )
    unsure = plain(f"`{result.unsure}`")
    st.caption(
        f"{unsure} means less than {result.unsure_width:g} below the threshold, and above half "
        "of it."
    )
