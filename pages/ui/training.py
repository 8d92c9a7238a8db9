"""The result of a training: sentences, scores, one method in detail, the model to keep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.config import TrainingConfig, config_from_dict, config_to_dict
from core.jobs import Run
from core.plots import live_scores
from core.search.words import searched_sentence
from core.summary import CrossValidation
from core.wording import comparison_sentences, method_label, recommendation
from pages.ui import cache
from pages.ui.figures import figure
from pages.ui.keeping import keep_model
from pages.ui.live import MOST_ROWS, SCORES
from pages.ui.messages import plain
from pages.ui.shown import best_first, draw_method
from pages.ui.state import AppState
from pages.ui.thresholds import choose_goal
from pages.ui.versus import draw_optimism, draw_versus
from pages.ui.whose import cells_of, is_of, say_whose
from pages.ui.widgets import number_columns

__all__ = ["draw_result", "say_searched"]

# In the order of the columns: what the recommendation rests on comes first.
_NAMES = {
    "f1": "F1",
    "average_precision": "Average precision",
    "precision": "Precision",
    "recall": "Recall",
}
_INTERVALS = (
    "Exact 95 % interval, which rests on the number of different rare cells; after the dot the "
    "interval from repeats, which says how much it varies from fold to fold."
)


def draw_result(run: Run, state: AppState) -> None:
    """Everything about a finished training: scores, curves, calls, model."""
    training = config_from_dict(TrainingConfig, run.config["training"])
    _draw_changes(run, training, state)
    if not is_of(run, state):
        st.subheader(plain(cells_of(run)), anchor=False)
    searched, result = run.config.get("searched"), None
    if run.summary["n_folds"]:
        goal = choose_goal(state)
        with st.spinner("Choosing thresholds", show_time=False):
            result = cache.cross_validation(run.id, goal)
        _draw_sentences(result)
        if searched:
            say_searched(searched)
        _draw_scores(result)
        st.caption(_explain(result))
        st.dataframe(_table(result), column_config=_table_columns(), placeholder="–")
        draw_method(run.id, result, state)
        draw_versus(run.id, result)
        if run.config.get("optimistic"):
            draw_optimism(result, cache.optimistic(run.id, goal))
    keep_model(run, training, result)


def _draw_changes(run: Run, training: TrainingConfig, state: AppState) -> None:
    """Say when the form is not what the result was made with, and offer to take it back."""
    # What the threshold is chosen for is no setting of the training: it is chosen on its scores.
    training = replace(training, goal=state.goal)
    optimistic = bool(run.config.get("optimistic"))
    made_with = (run.config["dataset"], run.config["task"], training, optimistic)
    task = config_to_dict(state.task)
    if made_with == (state.dataset, task, state.training_config(), state.optimistic):
        return
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        if is_of(run, state):
            changed = "Settings changed: train again to see their scores."
            st.warning(changed, icon=":material/update:")
        else:
            say_whose(run)
    if right.button("Take back the changes", width="stretch"):
        state.adopt(training, optimistic=optimistic)
        state.dataset = run.config["dataset"]
        state.label, state.rare = run.config["task"]["label"], run.config["task"]["rare"]
        state.searched = run.config.get("searched")
        st.rerun()


def say_searched(searched: dict[str, Any]) -> None:
    """Say that a search chose these settings on the same cells, and what they are worth."""
    sentence = searched_sentence(searched["objective"], *searched["nested"])
    st.warning(plain(sentence), icon=":material/tune:")


def _draw_sentences(result: CrossValidation) -> None:
    works, advice = recommendation(result)
    if works:
        st.success(f"**Recommended:** {plain(advice)}", icon=":material/verified:")
    else:
        st.warning(plain(advice), icon=":material/warning:")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in comparison_sentences(result)))


def _draw_scores(result: CrossValidation) -> None:
    """Precision, recall and F1 of every fold, as cells are called for the goal."""
    folds = pd.concat(
        scores.per_fold.reset_index().assign(method=method)
        for method, scores in result.out_of_fold.items()
    )
    columns = [f"{score}_{part}" for score in SCORES for part in ("mean", "low", "high")]
    figure(
        live_scores,
        folds,
        # Without a call there is no precision, here as in the table below.
        result.table[columns].mask(_no_precision(result.table)[columns]),
        n_rare=int(result.table["n_rare"].max()),
        methods=best_first(result),
        most=MOST_ROWS,
        marked=result.recommended,
        key="scores",
    )


def _no_precision(table: pd.DataFrame) -> pd.DataFrame:
    """Where a method called no cell: there, what is said of precision means nothing."""
    uncalled = (table["tp"] + table["fp"] == 0).to_numpy()[:, None]
    is_precision = table.columns.str.startswith("precision_")
    return pd.DataFrame(uncalled & is_precision, index=table.index, columns=table.columns)


def _explain(result: CrossValidation) -> str:
    row = result.table.iloc[0]
    return (
        "Every dot is a fold; the large dot is the mean over the repeats, the line an approximate "
        f"95 % interval. Behind it stand {int(row['n_rare'])} different rare cells: more repeats "
        "do not make it narrower. These scores are for cells like this reference's own; in another "
        "lab's data expect lower ones."
    )


def _table(result: CrossValidation) -> pd.DataFrame:
    """One row per method, that of the highest F1 first."""
    table = result.table.loc[best_first(result)]
    called = (table["tp"] + table["fp"]).to_numpy() > 0
    shown = pd.DataFrame(index=pd.Index([method_label(m) for m in table.index], name="Method"))
    for score, name in _NAMES.items():
        shown[name] = table[f"{score}_mean"].to_numpy()
        shown[f"{name}: intervals"] = [_intervals(row, score) for _, row in table.iterrows()]
        if score == "average_precision":
            shown["Found"] = [f"{r.tp:,} of {r.tp + r.fn:,}" for r in table.itertuples()]
            shown["False calls"] = table["fp"].to_numpy()
            shown["Threshold"] = [result.thresholds[name].value for name in table.index]
    for column, value in {"Precision": np.nan, "Precision: intervals": "–"}.items():
        shown[column] = shown[column].where(called, value)
    shown["Seconds per fold"] = table["seconds"].to_numpy()
    shown["Balanced accuracy"] = table["balanced_accuracy_mean"].to_numpy()
    shown["Synthetic per fold"] = table["n_synthetic"].to_numpy()
    return shown


def _intervals(row: pd.Series, score: str) -> str:
    """Exact interval, and the one from folds where these have a spread."""
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    exact = f"{low:.2f} to {high:.2f}"
    low, high = row[f"{score}_repeats_low"], row[f"{score}_repeats_high"]
    return f"{exact} · {low:.2f} to {high:.2f}" if low < high else f"{exact} · –"


def _table_columns() -> dict[str, Any]:
    scores = (*_NAMES.values(), "Balanced accuracy", "Threshold")
    columns = {name: (name, "%.3f", None) for name in scores}
    columns["Threshold"] = (
        "Threshold",
        "%.3f",
        "Of a model trained on all cells, chosen on all folds together.",
    )
    columns |= {name: (name, "localized", None) for name in ("False calls", "Synthetic per fold")}
    columns["Seconds per fold"] = ("Seconds per fold", "%.2f", "Half of the folds take less.")
    texts = {
        f"{name}: intervals": st.column_config.TextColumn(f"{name}: intervals", help=_INTERVALS)
        for name in _NAMES.values()
    }
    return number_columns(columns) | texts
