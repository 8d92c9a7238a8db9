"""All cells of a query, and what the call of a single one rests on."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.annotation import Annotation
from core.plots import contribution_bars
from core.text import number_text, percent_text
from core.transfer.evidence import CellEvidence
from core.wording import count
from pages.ui import people
from pages.ui.figures import figure
from pages.ui.messages import plain, plain_name, show_errors
from pages.ui.transferred import evidence
from pages.ui.widgets import beside, number_columns

__all__ = ["draw_cells"]

_N_OFFERED = 50


@st.fragment
def draw_cells(run_id: str, result: Annotation) -> None:
    """Draw the table of all cells; a row of it, or a name, leads to what speaks for that call."""
    # A fragment runs without the page around it, and needs its own frame.
    with show_errors():
        people.owner()
        table = result.table.sort_values("rank")
        chosen = f"cell.{run_id}"
        _draw_table(run_id, result, table, chosen)
        if result.transfer is None:
            return
        st.markdown("**Look at single calls**")
        cell = _choose(table, chosen)
        if cell is None:
            return
        rows = result.table.index[result.table["cell"] == cell]
        if not len(rows):
            st.info(f"No cell of the query is called {plain_name(cell)}.", icon=":material/search:")
            return
        _draw_evidence(run_id, result, int(rows[0]))


def _draw_table(run_id: str, result: Annotation, table: pd.DataFrame, chosen: str) -> None:
    def take_over() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        st.session_state[chosen] = table["cell"].iloc[rows[0]] if rows else None

    key = f"cells.{run_id}"
    st.markdown("**All cells**, best first")
    numbers = {
        "score": ("Score", "%.3f", None),
        "rank": ("Rank", "localized", None),
        "score_before": ("First score", "%.3f", None),
    }
    picking = {} if result.transfer is None else {"on_select": take_over}
    st.dataframe(
        table,
        hide_index=True,
        height=320,
        selection_mode="single-row",
        key=key,
        column_config=number_columns(numbers) | {"cell": "Cell", "call": "Call"},
        alt=f"Table of all {count(len(table))} cells with score, call and rank, best first",
        **picking,
    )
    unsure = plain(f"`{result.unsure}`")
    hint = " Choose a row to see what its call rests on." if picking else ""
    st.caption(_unsure_words(result, unsure) + hint)


def _unsure_words(result: Annotation, unsure: str) -> str:
    if result.is_absent and not result.n_called:
        rare = plain_name(result.rare)
        return f"{unsure} means a high score, of a cell whose group is not clearly {rare}."
    width = f"{result.unsure_width:g}"
    return f"{unsure} means less than {width} below the threshold, and above half of it."


def _choose(table: pd.DataFrame, key: str) -> str | None:
    """Offer the best cells and that of the chosen row; any other can be typed."""
    best = table[:_N_OFFERED]
    words = {
        row.cell: f"{row.cell} · rank {row.rank}, {number_text(row.score)}"
        for row in best.itertuples()
    }
    picked = st.session_state.get(key)
    options = list(words) if picked in (None, *words) else [picked, *words]
    place, _ = st.columns([2, 3])
    return place.selectbox(
        "Cell to look at",
        options,
        index=None,
        format_func=lambda cell: words.get(cell, cell),
        key=key,
        placeholder="Choose a row above, or type a name",
        accept_new_options=True,
    )


def _draw_evidence(run_id: str, result: Annotation, row: int) -> None:
    found = evidence(run_id, result, row)
    cell, call = result.table.loc[row, ["cell", "call"]]
    st.markdown(
        f"**{plain_name(cell)}** is called {plain_name(call)}, at rank {count(found.rank)} of "
        f"{count(len(result.table))}."
    )
    _draw_scores(result, found)
    left, right = beside([4, 5], key="evidence")
    with left:
        _draw_neighbours(run_id, result, found)
    with right:
        figure(
            contribution_bars, found.contributions, rare=result.rare, key=f"contributions.{run_id}"
        )
        st.caption(f"Of the first score. {plain(found.how)}")


def _draw_scores(result: Annotation, found: CellEvidence) -> None:
    scores = {"First score": found.before}
    if result.transfer.config.refine:
        scores["With its neighbours"] = found.refined
    if found.learned is not None:
        scores["By the query's own calls"] = found.learned
    scores["Final"] = found.score
    with st.container(horizontal=True, gap="large", key="cell-scores"):
        for label, score in scores.items():
            st.metric(label, number_text(score), width="content")
    st.caption(f"The threshold of the final score is {number_text(result.threshold)}.")


def _draw_neighbours(run_id: str, result: Annotation, found: CellEvidence) -> None:
    near = found.neighbours
    n_rare = int(near["is_rare"].sum())
    share = percent_text(n_rare / len(near))
    st.markdown(
        f"**Nearest reference cells**: {count(n_rare)} of {count(len(near))} are "
        f"{plain_name(result.rare)} ({share})"
    )
    st.dataframe(
        near[["rank", "type", "distance"]],
        hide_index=True,
        key=f"neighbours.{run_id}",
        column_config={"type": st.column_config.TextColumn("Type")}
        | number_columns(
            {
                "rank": ("Place", "%d", None),
                "distance": ("Distance", "%.2f", "Between standardised genes, Euclidean."),
            }
        ),
        alt="The nearest reference cells with their types and distances",
    )
