"""One model of the library, with all that is known about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.config import LorasConfig, Method, TrainingConfig
from core.errors import ModelFileError
from core.jobs.library import Model
from core.model_file import read_header
from core.model_header import fields_from_header
from core.model_refusals import damaged
from core.text import number_text, percent_text
from core.wording import frequency, method_label
from pages.ui.messages import plain, show_problem
from pages.ui.thresholds import GOAL_LABELS
from pages.ui.widgets import beside, local_time, number_columns

__all__ = ["draw_details", "score_of", "threshold_of"]

_SCORES = {
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "average_precision": "Average precision",
    "balanced_accuracy": "Balanced accuracy",
}


def score_of(model: Model, score: str) -> float | None:
    """Mean of a score; ``None`` where there is none, as for the precision of no calls at all."""
    metrics = model.metrics
    if score == "precision" and not (metrics.get("tp") or metrics.get("fp")):
        return None
    return metrics.get(f"{score}_mean")


def threshold_of(model: Model) -> tuple[str, float] | None:
    """Goal and threshold of a model; ``None`` when its file is damaged."""
    try:
        _, fields = _header(str(model.path), model.sha256)
    except ModelFileError:
        return None
    return fields["config"].goal, fields["threshold"]


def draw_details(model: Model) -> None:
    """Draw what a model is for, what it was made from and how well it does."""
    try:
        header, fields = _header(str(model.path), model.sha256)
    except ModelFileError as error:
        show_problem(error.code, error.message, error.next_step)
        return
    left, right = beside([1, 1], key="model")
    with left:
        _draw_origin(model, fields)
    with right:
        _draw_scores(model)
    st.markdown(f"**{len(model.genes):,} marker genes**")
    st.markdown(plain(", ".join(model.genes)))
    version = f" · written by Needle {header['needle']}" if "needle" in header else ""
    st.caption(
        f"{_size(model.size)} · model format {header['format']}{plain(version)} · "
        f"SHA-256 `{model.sha256}`"
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _header(path: str, sha256: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a file's header as it stands there, and what is known to be sound in it."""
    header = read_header(Path(path))
    try:
        return header, fields_from_header(header)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise damaged(Path(path).name) from error


def _draw_origin(model: Model, fields: dict[str, Any]) -> None:
    reference = model.reference
    how_rare = frequency(reference["n_rare"], reference["n_cells"])
    st.markdown(
        f"**{plain(model.rare)}** in the column {plain(model.label)}  \n"
        f"Reference: {plain(reference['name'])}, {how_rare}  \n"
        f"Method: {method_label(model.method)}  \n"
        f"{_threshold_line(model, fields)}  \n"
        f"Trained: {local_time(model.created):%d %b %Y, %H:%M}"
    )
    config: TrainingConfig = fields["config"]
    lines = [_marker_line(config), *method_lines(Method.parse(model.method), config)]
    if fields["n_synthetic"]:
        lines.append(f"Synthetic cells: {fields['n_synthetic']:,}")
    st.markdown("  \n".join(lines))


def _marker_line(config: TrainingConfig) -> str:
    if config.genes is not None:
        return "Marker genes: a list of the user's own"
    return (
        f"Marker genes: {config.markers} by {config.marker_test}, in at least "
        f"{percent_text(config.min_fraction)} of the cells, log2 fold change from "
        f"{config.min_logfc:g}"
    )


def _threshold_line(model: Model, fields: dict[str, Any]) -> str:
    """From which score on cells are called, and what that was chosen for."""
    goal, value = fields["config"].goal, number_text(fields["threshold"])
    # Needle 0.1 and 0.2 knew no goals: whatever the model, cells were called from 0.5 on.
    is_chosen = model.metrics and "f1_repeats_low" in model.metrics
    if not is_chosen or goal == "fixed":
        return f"Threshold: a score of {value}, not chosen on scores"
    label = GOAL_LABELS[goal]
    return f"Threshold: a score of {value}, for {label[0].lower()}{label[1:]}"


def method_lines(method: Method, config: TrainingConfig) -> list[str]:
    """Name the settings that matter for a method, a line for each of its two parts."""
    lines = _sampler_lines(method.sampler, config)
    values = {
        "knn": f"{config.knn_neighbors} neighbours",
        "lr": f"C {config.classifier.lr_c:g}",
        "svm": f"C {config.classifier.svm_c:g}",
        "forest": f"{config.classifier.forest_trees:,} trees",
        "boosting": f"{config.classifier.boosting_iterations:,} trees, learning rate "
        f"{config.classifier.boosting_learning_rate:g}",
        "mlp": f"{config.classifier.mlp_units} hidden units",
    }
    if method.classifier in values:
        lines.append(f"{method.classifier}: {values[method.classifier]}")
    return lines


def _sampler_lines(sampler: str, config: TrainingConfig) -> list[str]:
    if sampler == "none":
        return []
    lines = [f"Target ratio (rare : rest): {config.target_ratio:g}"]
    if sampler.startswith("loras"):
        _, _, space = sampler.partition("-")
        lines.append(_loras_line(config.loras, space or config.loras.neighbour_space))
    elif sampler == "prowras":
        prowras = config.prowras
        lines.append(
            f"ProWRAS: {prowras.n_levels} levels, {prowras.n_neighbors} neighbours, "
            f"{prowras.n_affine} cells combined, theta {prowras.theta:g}"
        )
    elif sampler not in ("weights", "random"):
        lines.append(f"SMOTE neighbours: {config.smote_neighbors}")
    return lines


def _loras_line(loras: LorasConfig, space: str) -> str:
    k, affine = loras.n_neighbors or "automatic", loras.n_affine or "automatic"
    return (
        f"LoRAS: k {k}, A {affine}, noise {loras.noise_scale:g}, "
        f"{loras.weights} weights, neighbours in {space}"
    )


def _draw_scores(model: Model) -> None:
    if not model.metrics:
        st.info("This model was not scored.", icon=":material/info:")
        return
    rows = [
        {"Score": label, "Mean": score_of(model, name), "95 % interval": _interval(model, name)}
        for name, label in _SCORES.items()
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        placeholder="–",
        column_config=number_columns({"Mean": ("Mean", "%.3f", None)}),
    )
    found, rare = model.metrics.get("tp"), model.metrics.get("n_rare")
    if found is not None and rare is not None:
        st.caption(
            f"Cross-validated inside the reference, on {rare:,.0f} different rare cells. In "
            "another lab's data expect lower scores."
        )


def _interval(model: Model, score: str) -> str | None:
    low, high = (model.metrics.get(f"{score}_{end}") for end in ("low", "high"))
    if low is None or high is None or score_of(model, score) is None:
        return None
    return f"{low:.2f} to {high:.2f}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.1f} MB" if n_bytes >= 2**20 else f"{n_bytes / 2**10:,.0f} KB"
