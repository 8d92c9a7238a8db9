"""What is compared on the page Train: classifiers and samplers, with the settings of each."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.classifiers import CLASSIFIERS
from core.oversampling import SAMPLERS
from pages.ui.state import AppState

__all__ = ["choose_methods", "classifier_settings", "sampler_settings"]

# Samplers that look for neighbours as SMOTE does.
_SMOTE_FAMILY = {"smote", "borderline1", "borderline2", "svmsmote", "adasyn"}
# Settings of classifiers: name in the configuration, label, limits, step, format, help.
_CLASSIFIER_NUMBERS = {
    "lr": [("lr_c", "lr: C", (1e-6, 1e6), 0.1, "%g", "Smaller values hold the weights back more.")],
    "svm": [("svm_c", "svm: C", (1e-6, 1e6), 0.1, "%g", "Smaller values allow a wider margin.")],
    "forest": [("forest_trees", "forest: trees", (10, 2000), 10, None, None)],
    "boosting": [
        ("boosting_iterations", "boosting: trees", (10, 2000), 10, None, None),
        (
            "boosting_learning_rate",
            "boosting: learning rate",
            (1e-4, 1.0),
            0.01,
            "%g",
            "Share of each tree's correction that is applied.",
        ),
    ],
    "mlp": [("mlp_units", "mlp: hidden units", (2, 512), 1, None, "Of its one hidden layer.")],
}


def choose_methods(state: AppState) -> None:
    """Classifiers, samplers, folds and repeats."""
    left, right, folds, repeats = st.columns([3, 3, 1.2, 1.2])
    state.classifiers = tuple(
        left.multiselect(
            "Classifiers",
            list(CLASSIFIERS),
            default=list(state.classifiers),
            format_func=lambda name: CLASSIFIERS[name].label,
            help=" · ".join(f"{row.name}: {row.label}" for row in CLASSIFIERS.values()),
            wrap=True,
            key=state.key("classifiers"),
            persist_state="session",
        )
    )
    state.samplers = tuple(
        right.multiselect(
            "Samplers",
            list(SAMPLERS),
            default=list(state.samplers),
            format_func=lambda name: SAMPLERS[name].label,
            wrap=True,
            key=state.key("samplers"),
            persist_state="session",
            help="`No oversampling` is the plain classifier that every other is compared with; "
            "`Class weights` lets the rare cells count more, without adding any.",
        )
    )
    by_samples = state.sample is not None  # every fold leaves out one of them, once
    state.n_splits = folds.number_input(
        "Folds",
        2,
        max(20, state.n_splits),
        state.n_splits,
        disabled=by_samples,
        key=state.key("n_splits"),
        persist_state="session",
    )
    state.n_repeats = repeats.number_input(
        "Repeats",
        1,
        max(20, state.n_repeats),
        state.n_repeats,
        disabled=by_samples,
        key=state.key("n_repeats"),
        persist_state="session",
    )


def sampler_settings(state: AppState) -> None:
    """The ratio for all samplers, and what else the chosen ones have; those of LoRAS apart."""
    state.target_ratio = st.number_input(
        "Target ratio (rare : rest)",
        0.05,
        1.0,
        float(state.target_ratio),
        step=0.05,
        format="%.2f",
        key=state.key("target_ratio"),
        persist_state="session",
        help="Rare cells per other cell after oversampling or weighting. 1: as many as all others.",
    )
    if _SMOTE_FAMILY & set(state.samplers):
        state.smote_neighbors = st.number_input(
            "SMOTE neighbours",
            1,
            max(100, state.smote_neighbors),
            state.smote_neighbors,
            key=state.key("smote_neighbors"),
            persist_state="session",
            help="Of SMOTE, its variants and ADASYN; fewer only when there are fewer rare cells.",
        )
    if "prowras" in state.samplers:
        _prowras_settings(state)


def _prowras_settings(state: AppState) -> None:
    prowras = state.prowras
    whole = {
        "n_levels": ("ProWRAS: levels", (1, 100), "Groups of rare cells, by their distance."),
        "n_neighbors": ("ProWRAS: neighbours", (1, 1000), "Of each other cell, to form a level."),
        "n_affine": ("ProWRAS: cells combined", (2, 1000), "Into one synthetic cell."),
    }
    chosen: dict[str, float] = {
        name: st.number_input(
            label,
            *limits,
            getattr(prowras, name),
            key=state.key(f"prowras.{name}"),
            persist_state="session",
            help=help_text,
        )
        for name, (label, limits, help_text) in whole.items()
    }
    chosen["theta"] = st.number_input(
        "ProWRAS: theta",
        0.0,
        100.0,
        float(prowras.theta),
        step=0.1,
        format="%g",
        key=state.key("prowras.theta"),
        persist_state="session",
        help="How fast levels further from the other cells lose weight.",
    )
    state.prowras = replace(prowras, **chosen)


def classifier_settings(state: AppState) -> None:
    """What the chosen classifiers can be told."""
    if "knn" in state.classifiers:
        state.knn_neighbors = st.number_input(
            "knn: neighbours",
            1,
            max(200, state.knn_neighbors),
            state.knn_neighbors,
            key=state.key("knn_neighbors"),
            persist_state="session",
            help="30 in the paper; fewer only when there are fewer training cells.",
        )
    chosen = {}
    for classifier in state.classifiers:
        for name, label, limits, step, form, help_text in _CLASSIFIER_NUMBERS.get(classifier, ()):
            chosen[name] = st.number_input(
                label,
                *limits,
                getattr(state.classifier, name),
                step=step,
                format=form,
                key=state.key(name),
                persist_state="session",
                help=help_text,
            )
    state.classifier = replace(state.classifier, **chosen)
