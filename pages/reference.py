"""Load the cells that Needle learns from, and see which types there are."""

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from core import plan_folds
from core.data import Dataset, LabelColumn, find_demo
from core.plots import map_by_type
from core.wording import count, frequency
from pages.ui import cache
from pages.ui.choosing import follow_reading, is_still_in_use
from pages.ui.doctor import show_report
from pages.ui.figures import figure
from pages.ui.following import begin, follow, is_running
from pages.ui.loading import adopt_reference, offer_files
from pages.ui.readings import change_of, offers_of
from pages.ui.state import AppState
from pages.ui.widgets import beside, header, next_page, show_summary

LONGEST_TYPE = 18  # letters for which there is room beside the other columns


def type_table(data: Dataset, label: str) -> pd.DataFrame:
    """Cells per type, rarest first, with what can be done from so few."""
    sizes = data.type_sizes(label)[::-1]
    total, config = int(sizes.sum()), replace(state.training_config(), sample=None)
    return pd.DataFrame(
        {
            "Cell type": sizes.index,
            "Cells": sizes.to_numpy(),
            "How rare": [frequency(int(n), total).replace(" cells", "") for n in sizes],
            "Scores": [_scores(plan_folds(int(n), total - int(n), config), int(n)) for n in sizes],
        }
    )


def _sizes_of(data: Dataset, column: LabelColumn) -> str:
    """Say how many types a column has, and how many cells it leaves without one."""
    n_unlabelled = int(data.labels(column.name).isna().sum())
    rest = f", {count(n_unlabelled)} unlabelled" if n_unlabelled else ""
    return f"{column.n_types} types{rest}"


def _widths(types: pd.DataFrame) -> dict[str, Any]:
    """Widths in pixels, so that a long name of a type does not push the other columns out."""
    is_long = types["Cell type"].str.len().max() > LONGEST_TYPE
    return {
        "Cell type": st.column_config.TextColumn(width=150 if is_long else None),
        "Cells": st.column_config.NumberColumn(width=65, format="localized"),
        "How rare": st.column_config.TextColumn(
            width=max(110, 7 * int(types["How rare"].str.len().max()) + 20)
        ),
        "Scores": st.column_config.TextColumn(width=70),
    }


def _scores(plan, n_cells: int) -> str:
    if n_cells < 2:
        return "too few"
    return {"none": "none", "leave-one-rare-cell-out": "wide"}.get(plan.scheme, "yes")


def draw(data: Dataset, state: AppState) -> None:
    """Show a reference: size, label columns, types, map."""
    is_demo = data.digest == find_demo("reference")
    show_report(
        data.report,
        role="reference",
        name=data.name,
        take_up=None if is_demo else offers_of(data, "reading"),
        change=None if is_demo else change_of(data, "reading"),
        quiet=is_demo,
        key="reference",
    )
    columns = {column.name: _sizes_of(data, column) for column in data.label_columns()}
    if not columns:
        return
    table, picture = beside([5, 6], key="types")
    state.label = table.selectbox(
        "Label column",
        list(columns),
        index=list(columns).index(state.label) if state.label in columns else 0,
        format_func=lambda name: f"{name} ({columns[name]})",
        key=state.key("label"),
        persist_state="session",
    )
    if state.rare not in data.type_sizes(state.label):
        state.rare = None
    show_summary(state)
    with table:
        types = type_table(data, state.label)
        st.dataframe(
            types,
            hide_index=True,
            height=min(38 + 35 * len(types), 425),
            column_config=_widths(types),
            key=f"types.{data.digest[:12]}.{state.label}",  # widths are of one table only
        )
        st.caption(
            "Scores: 5 to 9 cells give wide intervals, below 5 a model can be trained but not "
            "scored, and a single cell is too few."
        )
    with picture:
        draw_map(data, state)
    next_page("markers", "Next: choose the rare type and find its markers")


def draw_map(data: Dataset, state: AppState) -> None:
    """Show the map, computing it first where the file has none."""
    if not cache.has_umap(data):
        if state.laying_out is None:
            config = {"dataset": data.digest}
            begin(state, "laying_out", "layout", config, title=f"Map of {data.name}")
        if follow(state, "laying_out") is None:
            return
    labels = data.labels(state.label).to_numpy()
    figure(map_by_type, cache.umap(data.digest), labels, rare=state.rare, key="reference-map")


state = header("Reference", "The cells that Needle learns from, with their types.")
offer_files(
    "reference",
    help_text="Cells with counts or log-normalised values, and a column with their types.",
    busy=is_running(state.reading),
)
done = follow_reading(state, "reading")
if done is not None:
    chosen = done.config.get("choices", {}).get("C-LABEL-COLUMN")
    adopt_reference(state, done.summary["dataset"], label=chosen)
    st.rerun()
if state.dataset:
    if is_still_in_use(state, "reading"):
        st.divider()
        st.caption("Still in use")
    draw(cache.dataset(state.dataset), state)
elif not state.reading:
    st.info(
        "No reference yet. Load the demo, or a file of your own.", icon=":material/upload_file:"
    )
