"""Two methods against each other, and honest scores against optimistic ones."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.summary import CrossValidation
from core.wording import comparison_sentence, method_label, optimistic_sentence
from pages.ui.messages import plain
from pages.ui.shown import best_first, counterpart
from pages.ui.widgets import number_columns

__all__ = ["draw_optimism", "draw_versus"]

# Of more methods the table says it all.
_MOST_SENTENCES = 6


def draw_versus(run_id: str, result: CrossValidation) -> None:
    """Compare any two methods over the same folds."""
    methods = best_first(result)
    if len(methods) < 2:
        return
    st.subheader("Two methods over the same folds", anchor=False)
    first = result.recommended or methods[0]
    usual = counterpart(result, first) or next(name for name in methods if name != first)
    left, right, said = st.columns([2, 2, 5], vertical_alignment="bottom")
    one, other = (
        place.selectbox(
            label,
            methods,
            index=methods.index(default),
            format_func=method_label,
            key=f"{label}.{run_id}.{result.recommended}",
        )
        for place, label, default in ((left, "Compare", first), (right, "with", usual))
    )
    if one == other:
        said.caption("Choose two different methods.")
    else:
        said.markdown(plain(comparison_sentence(result, one, other)))


def draw_optimism(honest: CrossValidation, optimistic: CrossValidation) -> None:
    """Say by how much scores are too good when markers are chosen on all cells."""
    st.subheader("What optimistic scores would have said", anchor=False)
    methods = best_first(honest)
    told = methods if len(methods) <= _MOST_SENTENCES else [honest.recommended or methods[0]]
    sentences = [plain(optimistic_sentence(honest, optimistic, method)) for method in told]
    st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
    table = _both(honest, optimistic).loc[methods]
    table.index = pd.Index([method_label(name) for name in methods], name="Method")
    numbers = {name: (name, "%.3f", None) for name in table.columns}
    st.dataframe(table, column_config=number_columns(numbers))
    if honest.config.genes is not None:
        st.caption("With genes of your own no markers are chosen: both variants are the same.")


def _both(honest: CrossValidation, optimistic: CrossValidation) -> pd.DataFrame:
    columns = {}
    for name, score in (("F1", "f1_mean"), ("Average precision", "average_precision_mean")):
        columns[f"{name}, honest"] = honest.table[score]
        columns[f"{name}, optimistic"] = optimistic.table[score]
        by = optimistic.table[score] - honest.table[score]
        # What is shown as 0 has no sign.
        columns[f"{name}, too good by"] = by.mask(by.abs() < 0.0005, 0.0)
    return pd.DataFrame(columns)
