"""What the cells in a loop on a map are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core.annotation import Annotation
from core.selection import Selection, describe_selection
from core.text import cells_text
from core.wording import count
from pages.ui.files import content_of
from pages.ui.messages import plain_name
from pages.ui.widgets import number_columns

__all__ = ["draw_selection"]

_MOST_CLUSTERS = 5


def draw_selection(run_id: str, result: Annotation, rows: npt.NDArray[np.intp]) -> None:
    """Describe the selected cells, or say how to select some.

    Parameters
    ----------
    run_id : str
        Of the annotation.
    result : Annotation
        Calls as they are shown.
    rows : int array
        Selected cells, as rows of the query.
    """
    with st.container(key="map-head-selected", horizontal=True, vertical_alignment="center"):
        st.markdown("**Selected cells**")
    if not len(rows):
        st.info(
            "Draw a loop around cells on the map of calls, or on that of the reference, to see "
            "which they are. A double click takes the loop away.",
            icon=":material/gesture:",
        )
        return
    selection = describe_selection(result, rows)
    st.markdown(f"{_calls(selection)}. {_clusters(selection)}")
    st.dataframe(
        selection.markers,
        hide_index=True,
        height=330,
        column_config={"gene": st.column_config.TextColumn("Gene", pinned=True, width=110)}
        | number_columns(_columns()),
        key=f"selected-markers.{run_id}",
        alt=f"Mean markers of {cells_text(selection.n_cells)} beside all others",
    )
    st.download_button(
        "Selected cells (CSV)",
        data=lambda: content_of(selection.to_csv),
        file_name="needle_selection.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=f"selected-csv.{run_id}",
    )


def _calls(selection: Selection) -> str:
    parts = [f"{count(n)} {plain_name(name)}" for name, n in selection.calls.items() if n]
    return f"**{cells_text(selection.n_cells)}**: {', '.join(parts)}"


def _clusters(selection: Selection) -> str:
    table: pd.DataFrame = selection.clusters
    if table.empty:
        return ""
    parts = [
        f"{count(row.n_selected)} of the {count(row.n_cells)} cells of cluster {row.cluster}"
        for row in table[:_MOST_CLUSTERS].itertuples()
    ]
    more = len(table) - len(parts)
    rest = f" and some of {count(more)} more cluster{'' if more == 1 else 's'}" if more else ""
    return f"They are {', '.join(parts)}{rest}."


def _columns() -> dict[str, Any]:
    mean = "Mean of log1p of counts per 10,000."
    detected = "Share of cells with expression, 0 to 1."
    return {
        "mean_selected": ("Mean, selected", "%.3f", mean),
        "mean_rest": ("Mean, rest", "%.3f", mean),
        "detected_selected": ("Detected, selected", "%.3f", detected),
        "detected_rest": ("Detected, rest", "%.3f", detected),
    }
