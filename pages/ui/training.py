"""The parts of the page Train: LoRAS settings, the live view, the result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import jobs
from core.config import TrainingConfig, config_from_dict, config_to_dict
from core.jobs import Run
from core.plots import confusion, live_scores, precision_recall_curves
from core.summary import CrossValidation, count_scores
from core.wording import calls_sentence, method_label, sampling_sentence
from pages.ui import cache
from pages.ui.following import time_left
from pages.ui.state import AppState
from pages.ui.widgets import beside, figure, is_dark, next_page, number_columns, plain, show_errors

__all__ = ["draw_live", "draw_result", "loras_settings"]

_SCORES = ("precision", "recall", "f1")
_NAMES = {"precision": "Precision", "recall": "Recall", "f1": "F1"}


def loras_settings(state: AppState) -> None:
    """Neighbours, shadow samples, noise; an empty field means the default."""
    loras, columns = state.loras, st.columns(4)
    n_neighbors = _number_or_automatic(
        columns[0],
        "Neighbours (k)",
        (1, 500),  # a limit by the number of rare cells would not survive a rarer type
        loras.n_neighbors,
        key=state.key("n_neighbors"),
        help_text="Rare cells in a neighbourhood. Automatic: 5 below 100 rare cells, else 30.",
    )
    n_affine = _number_or_automatic(
        columns[1],
        "Shadow samples per cell (A)",
        (2, 500),
        loras.n_affine,
        key=state.key("n_affine"),
        help_text="How many noisy copies are mixed into one synthetic cell. Automatic: the number "
        "of markers, at most 50. A small number keeps more of the real variance.",
    )
    noise_scale = columns[2].number_input(
        "Noise",
        0.0,
        1.0,
        loras.noise_scale,
        step=0.005,
        format="%.3f",
        key=state.key("noise_scale"),
        persist_state="session",
        help="Standard deviation of the noise per gene, in units of the scaled expression.",
    )
    spaces = {"features": "marker genes", "pca": "PCA", "tsne": "t-SNE (16 cells or more)"}
    space = columns[3].selectbox(
        "Neighbours are sought in",
        list(spaces),
        index=list(spaces).index(loras.neighbour_space),
        format_func=spaces.get,
        key=state.key("neighbour_space"),
        persist_state="session",
    )
    state.loras = replace(
        loras,
        n_neighbors=n_neighbors,
        n_affine=n_affine,
        noise_scale=noise_scale,
        neighbour_space=space,
    )
    columns = st.columns(4)
    state.knn_neighbors = columns[0].number_input(
        "knn: neighbours",
        1,
        200,
        state.knn_neighbors,
        key=state.key("knn_neighbors"),
        persist_state="session",
        help="30 in the paper; fewer only when there are fewer training cells.",
    )
    state.seed = columns[1].number_input(
        "Seed",
        0,
        2**31 - 1,
        state.seed,
        key=state.key("seed"),
        persist_state="session",
        help="The same seed gives the same numbers.",
    )


def _number_or_automatic(
    column: DeltaGenerator,
    label: str,
    limits: tuple[int, int],
    value: int | None,
    *,
    key: str,
    help_text: str,
) -> int | None:
    # A field can be emptied again only if it began empty, so a value is handed over by its key.
    if value is not None and key not in st.session_state:
        st.session_state[key] = value
    return column.number_input(
        label,
        *limits,
        None,
        key=key,
        persist_state="session",
        placeholder="automatic",
        help=help_text,
    )


@st.fragment(run_every=0.7)
def draw_live(run_id: str) -> None:
    """Progress and scores of a training that is under way."""
    with show_errors():
        _draw_live(run_id)


def _draw_live(run_id: str) -> None:
    run = jobs.refresh(run_id)
    if run.is_over:
        st.rerun()
    text = plain(run.message or "Starting")
    st.progress(run.progress or 0.0, text=f"{text}{time_left(run)}")
    events = [event.payload for event in jobs.get_database().events(run_id)]
    folds = pd.DataFrame([event for event in events if "method" in event])
    plan = next((event for event in events if "n_folds" in event), None)
    if plan is not None and plan["n_folds"]:
        _draw_scores(folds, plan["n_rare"], run.config["training"], key=f"live.{run_id}")


def _draw_scores(folds: pd.DataFrame, n_rare: int, training: dict[str, Any], *, key: str) -> None:
    methods = [str(m) for m in config_from_dict(TrainingConfig, training).methods()]
    rows = {}
    for method in methods:
        mine = folds[folds["method"] == method] if len(folds) else folds
        rows[method] = count_scores(mine, n_rare) if len(mine) else {}
    columns = [f"{score}_{part}" for score in _SCORES for part in ("mean", "low", "high")]
    summary = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns)
    if not len(folds):
        folds = pd.DataFrame(columns=["method", "repeat", "fold", *_SCORES])
    fig = live_scores(folds, summary, n_rare=n_rare, methods=methods, dark=is_dark())
    figure(fig, key=key)


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
        folds = pd.DataFrame(
            [e.payload for e in jobs.get_database().events(run.id) if "method" in e.payload]
        )
        _draw_scores(folds, run.summary["n_rare"], run.config["training"], key="scores")
        st.caption(_explain(result))
        st.dataframe(_table(result), column_config=_table_columns())
        _draw_curves(result, rare)
    _keep_model(run, training)


def _draw_sentences(result: CrossValidation, training: TrainingConfig) -> None:
    sentences = [sampling_sentence(result, name) for name in training.classifiers]
    for sentence in filter(None, sentences):
        st.markdown(f"- {plain(sentence)}")
    row = result.table.loc[result.recommended]
    found = calls_sentence(int(row["tp"]), int(row["tp"] + row["fn"]), int(row["fp"]))
    st.success(
        f"**Recommended: {method_label(result.recommended)}**, {found} over "
        f"{int(row['n_repeats'])} repeats, F1 {row['f1_mean']:.2f} "
        f"({row['f1_low']:.2f} to {row['f1_high']:.2f}).",
        icon=":material/verified:",
    )


def _explain(result: CrossValidation) -> str:
    row = result.table.iloc[0]
    return (
        f"Every dot is a fold; the large dot is the mean over {int(row['n_repeats'])} repeats, the "
        f"line an exact 95 % interval. Behind it stand {int(row['n_rare'])} different rare cells: "
        "more repeats do not make it narrower."
    )


def _table(result: CrossValidation) -> pd.DataFrame:
    table = result.table
    shown = pd.DataFrame(index=pd.Index([method_label(m) for m in table.index], name="Method"))
    for score in _SCORES:
        shown[_NAMES[score]] = table[f"{score}_mean"].to_numpy()
        spread = [
            f"± {sd:.2f}, {low:.2f} to {high:.2f}"
            if np.isfinite(sd)
            else f"{low:.2f} to {high:.2f}"
            for sd, low, high in table[[f"{score}_sd", f"{score}_low", f"{score}_high"]].to_numpy()
        ]
        shown[f"{_NAMES[score]}: sd, interval"] = spread
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
        figure(precision_recall_curves(curves, prevalence=prevalence, dark=is_dark()), key="curves")
    with right:
        st.subheader("Calls at a score of 0.5", anchor=False)
        methods = list(result.table.index)
        method = st.selectbox(
            "Method shown",
            methods,
            index=methods.index(result.recommended),
            format_func=method_label,
            key=f"confusion.{id(result)}",
        )
        counts = result.table.loc[method, ["tp", "fp", "fn", "tn"]]
        counts = counts / result.table.loc[method, "n_repeats"]
        figure(confusion(*counts.tolist(), rare=rare, dark=is_dark()), key="confusion")
        st.caption("Cells per repeat: every cell is tested once in each.")


def _keep_model(run: Run, training: TrainingConfig) -> None:
    st.subheader("The final model, trained on all cells", anchor=False)
    methods = [str(method) for method in training.methods()]
    choice, button = st.columns([3, 1], vertical_alignment="bottom")
    method = choice.selectbox(
        "Method of the model",
        methods,
        index=methods.index(run.summary["recommended"]),
        format_func=method_label,
        key=f"method.{run.id}",
    )
    path = jobs.run_folder(run.id) / f"{method}.skops"
    name = "".join(c if c.isalnum() else "_" for c in run.config["task"]["rare"])
    button.download_button(
        "Save model",
        data=path.read_bytes,
        file_name=f"needle_{name}_{method.replace('+', '_')}.skops",
        mime="application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
    if "knn" in method:
        st.caption("A knn model contains the markers' expression of the reference's cells.")
    next_page("synthetic", "Look at the synthetic cells")
    next_page("annotate", "Next: find them in other data")
