"""The final models of a training: take one away as a file, or keep it in the library."""

from __future__ import annotations

import uuid
from pathlib import Path

import streamlit as st

from core import jobs
from core.config import TrainingConfig
from core.jobs import Run
from core.jobs.library import LONGEST_NAME, Model, models, save_model
from core.summary import CrossValidation
from core.wording import method_label, shortfall_words, threshold_words
from pages.ui import cache, people
from pages.ui.messages import plain
from pages.ui.model_details import threshold_of
from pages.ui.models import draw_what_a_file_gives_away, file_name, goal_path
from pages.ui.shown import best_first
from pages.ui.thresholds import GOAL_LABELS
from pages.ui.widgets import next_page

__all__ = ["keep_model", "model_file"]


def keep_model(run: Run, training: TrainingConfig, result: CrossValidation | None) -> None:
    """Offer the models that were trained on all cells, with the threshold that is chosen now.

    `result` is summarised for the goal that is chosen; ``None`` where there are no scores.
    """
    st.subheader("The final model, trained on all cells", anchor=False)
    methods = [str(method) for method in training.methods()]
    recommended = result.recommended if result else None
    choice, button = st.columns([3, 1], vertical_alignment="bottom")
    method = choice.selectbox(
        "Method of the model",
        methods,
        index=methods.index(_first(run, result)),
        format_func=method_label,
        key=f"method.{run.id}.{recommended}",
    )
    path = model_file(run, method, result)
    button.download_button(
        "Save model",
        data=path.read_bytes,
        file_name=file_name(f"needle_{run.config['task']['rare']}_{method}"),
        mime="application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
    if result is not None:
        words = threshold_words(result.thresholds[method]) + shortfall_words(result, method)
        st.caption(plain(f"{method_label(method)}: cells are {words}."))
    _keep_in_library(run, method, path, result)
    draw_what_a_file_gives_away()
    next_page("explore", "Explore parameters", icon=":material/tune:")
    next_page("synthetic", "Look at the synthetic cells")
    next_page("annotate", "Next: find them in other data")


def _first(run: Run, result: CrossValidation | None) -> str:
    """Method to offer first, for the goal that is chosen now."""
    if result is None:
        return run.summary["preselected"]
    return result.recommended or best_first(result)[0]


def model_file(run: Run, method: str, result: CrossValidation | None) -> Path:
    """Return the file of a model with the threshold and scores of `result`.

    The training wrote it for the goal that it was started with; for another one it is written
    anew, beside the first, where the page Annotate finds it.
    """
    path = jobs.run_folder(run.id) / f"{method}.skops"
    # Trainings of Needle 0.1 and 0.2 knew no goal, and all their models call from 0.5 on.
    if result is None or run.config["training"].get("goal") == result.goal:
        return path
    at_goal = goal_path(run, method, result.goal)
    if at_goal.exists():
        return at_goal
    wanted = cache.model(str(path)).with_goal(result)
    part = at_goal.with_name(f".{uuid.uuid4().hex}.part")
    try:
        wanted.save(part)
        part.replace(at_goal)  # whole or not at all, also when another tab does the same
    finally:
        part.unlink(missing_ok=True)
    return at_goal


def _keep_in_library(run: Run, method: str, path: Path, result: CrossValidation | None) -> None:
    owner, place = people.owner(), st.empty()
    goal = result.goal if result else ""
    with place.container():
        field, button = st.columns([3, 1], vertical_alignment="bottom")
        name = field.text_input(
            "Name",
            value=_proposal(run, method, goal),
            max_chars=LONGEST_NAME,
            key=f"name.{run.id}.{method}.{goal}",
            persist_state="session",
        )
        if button.button("Keep in library", icon=":material/inventory_2:", width="stretch"):
            save_model(path, name=name, owner=owner, run_id=run.id)
    kept = [model for model in models(owner) if _is_this(model, run, method, result)]
    if kept:
        with place.container():
            said, link = st.columns([3, 1], vertical_alignment="center")
            said.success(
                f"Kept as **{plain(kept[0].name)}** — see Models.", icon=":material/check:"
            )
            with link:
                next_page("models", "See Models", icon=":material/inventory_2:")


def _is_this(model: Model, run: Run, method: str, result: CrossValidation | None) -> bool:
    """Whether a model of the library is this method of this training, with this threshold."""
    if (model.run_id, model.method) != (run.id, method):
        return False
    return result is None or threshold_of(model) == (
        result.goal,
        result.thresholds[method].value,
    )


def _proposal(run: Run, method: str, goal: str) -> str:
    """Rare type, method and reference; and the goal, unless it is the usual one."""
    reference = cache.dataset(run.config["dataset"]).name
    parts = [run.config["task"]["rare"], method_label(method), reference]
    if goal not in ("", TrainingConfig().goal):
        parts.append(GOAL_LABELS[goal])
    return " · ".join(parts)[:LONGEST_NAME]
