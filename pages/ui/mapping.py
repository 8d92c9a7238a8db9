"""Compare the calls with a query's own labels, whose study may have other names for the type."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from core.annotation import Annotation
from core.label_mapping import CallScores, score_calls, suggest_types
from core.wording import calls_sentence, count
from pages.ui.messages import plain_name
from pages.ui.widgets import beside, number_columns

__all__ = ["draw_mapping"]

_ROW = 35
MOST_ROWS_IN_SIGHT = 12


def draw_mapping(result: Annotation, *, key: str) -> None:
    """Let the user say which of the query's labels mean the rare type, and score by that.

    Parameters
    ----------
    result : Annotation
        Calls at the present threshold; they stay as they are.
    key : str
        Name of this result.
    """
    columns = {column.name: column for column in result.dataset.label_columns()}
    if not columns:
        return
    st.markdown("**Compared with the query's own labels**")
    st.caption("For scoring only: the calls do not change.")
    left, right = beside([1, 1], key="mapping")
    with left:
        column = st.selectbox(
            "Label column of the query",
            list(columns),
            index=list(columns).index(_likely(result, list(columns))),
            format_func=lambda name: f"{name} ({columns[name].n_types} types)",
            key=f"query-labels.{key}",
            persist_state="session",
        )
        labels = result.dataset.labels(column)
        rare = _choose_types(labels, result.rare, key=f"{key}.{column}")
    with right:
        if rare:
            _draw_scores(score_calls(result, labels, rare), result.rare)
        else:
            st.info(
                f"Tick the types that are {plain_name(result.rare)} to see how the calls agree.",
                icon=":material/checklist:",
            )


def _likely(result: Annotation, columns: list[str]) -> str:
    """Name the column to begin with: the model's own, else one that knows the rare type."""
    known = [c for c in columns if suggest_types(result.rare, _types(result.dataset.labels(c)))]
    own = result.model.task.label
    return own if own in known else [*known, *columns][0]


def _types(labels: pd.Series) -> list[str]:
    return list(labels.dropna().unique())


def _choose_types(labels: pd.Series, rare: str, *, key: str) -> list[str]:
    """Draw one row per type, likely ones first and ticked; return those that are ticked."""
    sizes = labels.value_counts()
    likely = suggest_types(rare, list(sizes.index))
    types = [*likely, *(name for name in sizes.index if name not in likely)]
    table = pd.DataFrame(
        {
            "type": types,
            "n_cells": [int(sizes[name]) for name in types],
            "is_rare": [name in likely for name in types],
        }
    )
    ticked = st.data_editor(
        table,
        hide_index=True,
        disabled=["type", "n_cells"],
        height=_ROW * min(len(table), MOST_ROWS_IN_SIGHT) + 38,
        column_config=number_columns({"n_cells": ("Cells", "localized", None)})
        | {"type": "Type", "is_rare": st.column_config.CheckboxColumn(f"Is {rare}")},
        key=f"mapping.{key}",
    )
    return ticked.loc[ticked["is_rare"], "type"].tolist()


def _draw_scores(scores: CallScores, rare: str) -> None:
    n_rare = scores.tp + scores.fn
    st.markdown(f"By these labels: **{calls_sentence(scores.tp, n_rare, scores.fp)}**.")
    intervals = {
        "Precision": (scores.precision, scores.precision_interval),
        "Recall": (scores.recall, scores.recall_interval),
        "F1": (scores.f1, scores.f1_interval),
    }
    table = {
        "Score": list(intervals),
        "Value": [_two_decimals(value) for value, _ in intervals.values()],
        "95 % interval": [" – ".join(map(_two_decimals, ends)) for _, ends in intervals.values()],
    }
    right = st.column_config.TextColumn(alignment="right")
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        column_config={"Value": right, "95 % interval": right},
    )
    agreement = {
        "Labels": [rare, "other types"],
        "Called": [scores.tp, scores.fp],
        "Not called": [scores.fn, scores.tn],
    }
    st.dataframe(
        pd.DataFrame(agreement),
        hide_index=True,
        column_config=number_columns(
            {name: (name, "localized", None) for name in ("Called", "Not called")}
        ),
    )
    if scores.n_unlabelled:
        st.caption(f"{count(scores.n_unlabelled)} cells without a label take no part.")


def _two_decimals(value: float) -> str:
    """Write all scores of the table alike; one that cannot be computed is a dash."""
    return f"{value:.2f}" if math.isfinite(value) else "–"
