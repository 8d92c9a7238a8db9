"""The result of a training: sentences, scores, curves, confusion, the model to keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import jobs
from core.config import TrainingConfig, config_from_dict, config_to_dict
from core.jobs import Run
from core.jobs.history import fold_table
from core.plots import confusion, precision_recall_curves
from core.summary import CrossValidation
from core.wording import method_label, recommendation, sampling_sentence
from pages.ui import cache
from pages.ui.figures import figure
from pages.ui.keeping import keep_model
from pages.ui.live import SCORES, draw_scores
from pages.ui.messages import plain
from pages.ui.state import AppState
from pages.ui.widgets import beside, number_columns

__all__ = ["draw_result"]

_NAMES = {"precision": "Precision", "recall": "Recall", "f1": "F1"}


def draw_result(run: Run, state: AppState) -> None:
    """Everything about a finished training: scores, curves, confusion, model."""
    rare = run.config["task"]["rare"]
    training = config_from_dict(TrainingConfig, run.config["training"])
    if (run.config["dataset"], run.config["task"], training) != (
        state.dataset,
        config_to_dict(state.task),
        state.training_config(),
    ):
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.warning("Settings changed: train again to see their scores.", icon=":material/update:")
        if right.button("Take back the changes", width="stretch"):
            state.adopt(training)
            state.dataset = run.config["dataset"]
            state.label, state.rare = run.config["task"]["label"], rare
            st.rerun()
    if run.summary["n_folds"]:
        result = cache.cross_validation(run.id)
        _draw_sentences(result, training)
        folds = fold_table(jobs.get_database().events(run.id))
        draw_scores(folds, run.summary["n_rare"], run.config["training"], key="scores")
        st.caption(_explain(result))
        st.dataframe(_table(result), column_config=_table_columns(), placeholder="–")
        _draw_curves(result, rare)
    keep_model(run, training)


def _draw_sentences(result: CrossValidation, training: TrainingConfig) -> None:
    sentences = [sampling_sentence(result, name) for name in training.classifiers]
    for sentence in filter(None, sentences):
        st.markdown(f"- {plain(sentence)}")
    works, advice = recommendation(result)
    if works:
        st.success(f"**Recommended:** {plain(advice)}", icon=":material/verified:")
    else:
        st.warning(plain(advice), icon=":material/warning:")


def _explain(result: CrossValidation) -> str:
    row = result.table.iloc[0]
    return (
        "Every dot is a fold; the large dot is the mean over the repeats, the line an approximate "
        f"95 % interval. Behind it stand {int(row['n_rare'])} different rare cells: more repeats "
        "do not make it narrower. These scores are for cells like this reference's own; in another "
        "lab's data expect lower ones."
    )


def _table(result: CrossValidation) -> pd.DataFrame:
    table = result.table
    called = (table["tp"] + table["fp"]).to_numpy() > 0
    shown = pd.DataFrame(index=pd.Index([method_label(m) for m in table.index], name="Method"))
    for score in SCORES:
        shown[_NAMES[score]] = table[f"{score}_mean"].to_numpy()
        spread = [
            f"± {sd:.2f}, {low:.2f} to {high:.2f}"
            if np.isfinite(sd)
            else f"{low:.2f} to {high:.2f}"
            for sd, low, high in table[[f"{score}_sd", f"{score}_low", f"{score}_high"]].to_numpy()
        ]
        shown[f"{_NAMES[score]}: sd, interval"] = spread
    nothing_called = {"Precision": np.nan, "Precision: sd, interval": "–"}
    for column, value in nothing_called.items():
        shown[column] = shown[column].where(called, value)
    shown["Average precision"] = table["average_precision_mean"].to_numpy()
    shown["Balanced accuracy"] = table["balanced_accuracy_mean"].to_numpy()
    shown["Found"] = [f"{r.tp:,} of {r.tp + r.fn:,}" for r in table.itertuples()]
    shown["False calls"] = table["fp"].to_numpy()
    shown["Synthetic per fold"] = table["n_synthetic"].to_numpy()
    return shown


def _table_columns() -> dict[str, Any]:
    scores = ("Precision", "Recall", "F1", "Average precision", "Balanced accuracy")
    return number_columns({name: (name, "%.3f", None) for name in scores}) | number_columns(
        {name: (name, "localized", None) for name in ("False calls", "Synthetic per fold")}
    )


def _draw_curves(result: CrossValidation, rare: str) -> None:
    left, right = beside([5, 4], key="curves")
    curves = {
        method: (*scores.precision_recall(), result.table.loc[method, "average_precision_mean"])
        for method, scores in result.out_of_fold.items()
    }
    any_scores = next(iter(result.out_of_fold.values()))
    with left:
        st.subheader("Precision and recall at every threshold", anchor=False)
        prevalence = float(any_scores.is_rare.mean())
        figure(precision_recall_curves, curves, prevalence=prevalence, key="curves")
    with right:
        st.subheader("Calls at a score of 0.5", anchor=False)
        methods = list(result.table.index)
        method = st.selectbox(
            "Method shown",
            methods,
            index=methods.index(result.recommended) if result.recommended else 0,
            format_func=method_label,
            key=f"confusion.{id(result)}",
        )
        counts = result.table.loc[method, ["tp", "fp", "fn", "tn"]]
        counts = counts / result.table.loc[method, "n_repeats"]
        figure(confusion, *counts.tolist(), rare=rare, key="confusion")
        st.caption("Cells per repeat: every cell is tested once in each.")
