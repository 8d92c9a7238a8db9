"""What the threshold is chosen for, and what its calls mean for a query."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.query_outlook import QueryOutlook
from core.summary import CrossValidation
from core.text import count_text, percent_text
from core.wording import outlook_sentence
from pages.ui.messages import plain
from pages.ui.state import AppState

__all__ = ["GOAL_LABELS", "choose_goal", "draw_outlook"]

GOAL_LABELS = {
    "f1": "Best F1",
    "f2": "Best F2 (recall counts more)",
    "precision": "At least 90 % precision",
    "recall": "At least 90 % recall",
    "fixed": "A score of 0.5, as published",
}
N_CELLS = 10_000


def choose_goal(state: AppState) -> str:
    """Select what thresholds are chosen for; scores are counted anew, nothing is trained again."""
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    state.goal = left.selectbox(
        "Threshold chosen for",
        list(GOAL_LABELS),
        index=list(GOAL_LABELS).index(state.goal),
        format_func=GOAL_LABELS.get,
        key=state.key("goal"),
        persist_state="session",
    )
    if state.goal == "fixed":
        right.caption("Every cell is called from a score of 0.5 on, whatever the scores are.")
    else:
        right.caption(
            "From which score on a cell is called. Everything below follows it: the cells of each "
            "fold are called by the threshold that suits the *other* folds, so that no cell has a "
            "say in its own call. Nothing is trained again."
        )
    return state.goal


def draw_outlook(result: CrossValidation, method: str, state: AppState) -> None:
    """Say what 10,000 cells of a query would give, as rare as in the reference or as typed."""
    one_in = st.number_input(
        "One rare cell in",
        2,
        10_000_000,
        1_000,
        key=state.key("one_in"),
        persist_state="session",
        help="How rare you expect the type to be in your query: one in so many cells.",
    )
    outlooks = {
        f"1 in {round(1 / result.prevalence):,}, as in the reference": result.in_query(method),
        f"1 in {one_in:,}": result.in_query(method, frequency=1 / one_in),
    }
    st.markdown(
        "\n".join(
            f"- **{where}.** {plain(outlook_sentence(outlook, result.task.rare))}"
            for where, outlook in outlooks.items()
        )
    )
    st.dataframe(_table(outlooks), hide_index=True)
    st.caption(
        "For cells like this reference's own. Ranges are exact 95 % intervals from the different "
        "cells tested: no false call among few cells is not none ever. They know of chance alone, "
        "not of another lab's tissue or chemistry."
    )


def _about(n: float) -> str:
    """Write an expected number of cells: whole from 10 on, else with one decimal.

    Examples
    --------
    >>> _about(171.43), _about(3.81), _about(0.0), _about(0.02)
    ('171', '3.8', '0', 'fewer than 0.1')
    """
    if 0 < n < 0.05:
        return "fewer than 0.1"
    return count_text(round(n) if n >= 9.95 else round(n, 1))


def _with_range(outlook: QueryOutlook, name: str, write: Callable[[float], str]) -> str:
    """Write an expected value with its interval."""
    value, low, high = (write(getattr(outlook, f"{name}{end}")) for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def _table(outlooks: dict[str, QueryOutlook]) -> pd.DataFrame:
    """One column per frequency."""
    columns = {
        where: [
            _about(outlook.n_rare),
            _with_range(outlook, "found", _about),
            _with_range(outlook, "false_calls", _about),
            _with_range(outlook, "precision", percent_text),
        ]
        for where, outlook in outlooks.items()
    }
    rows = ("Rare cells", "Found", "False calls", "Calls that are right")
    return pd.DataFrame({f"Of {N_CELLS:,} cells": rows} | columns)
