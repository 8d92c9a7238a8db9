"""The models that can be chosen, and what every page says about their files."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import streamlit as st

from core import jobs
from core.config import TrainingConfig, config_from_dict
from core.errors import RunError
from core.jobs import Run, State
from core.jobs.folders import annotation_model, model_of
from core.jobs.library import Model, models
from core.wording import method_label
from pages.ui import people
from pages.ui.state import AppState
from pages.ui.thresholds import GOAL_LABELS
from pages.ui.widgets import local_time

__all__ = ["available_models", "draw_what_a_file_gives_away", "file_name", "goal_path"]

_N_EARLIER = 20


def available_models(state: AppState) -> dict[str, str]:
    """Path and title of every model on offer, the most likely one first.

    First comes the one that was just imported, opened or chosen in the library, then all methods of
    this session's training with the recommended one ahead (before them those that were written for
    the goal that is chosen now), then the library, then the recommended
    models of earlier trainings.
    """
    owner = people.owner()
    trainings = jobs.get_database().runs(kind="train", state=State.DONE, owner=owner)
    kept = {str(model.path): _kept_title(model) for model in models(owner)}
    titles = {_path(run, method): _title(run, method) for run in trainings for method in _all(run)}
    titles |= kept | _own_copy(state, owner)
    at_goal = _at_goal(trainings, state)
    titles |= at_goal
    order = [state.model] if state.model in titles else []
    order += at_goal
    order += [_path(run, m) for run in trainings if run.id == state.training for m in _all(run)]
    order += kept
    order += [_path(run, _all(run)[0]) for run in trainings[:_N_EARLIER]]
    return {path: titles[path] for path in order}


def draw_what_a_file_gives_away() -> None:
    """Say what whoever gets a model file can read in it."""
    st.caption(
        "A model file contains the expression of its marker genes in the reference's cells: giving "
        "it away gives those values away. A `knn` model cannot work without them; any other is "
        "fitted anew on them when a query lacks some of the genes."
    )


def file_name(text: str) -> str:
    """Make a name that every system takes for a file, from text of unknown origin."""
    return f"{re.sub(r'[^a-zA-Z0-9]+', '_', text).strip('_')[:80] or 'model'}.skops"


def goal_path(run: Run, method: str, goal: str) -> Path:
    """Where a training's model stands that was given the threshold of another goal."""
    return jobs.run_folder(run.id) / f"{method}.{goal}.skops"


def _at_goal(trainings: list[Run], state: AppState) -> dict[str, str]:
    """Models of this session's training with the threshold of the goal that is chosen now."""
    return {
        str(path): f"{GOAL_LABELS[state.goal]} · {_title(run, method)}"
        for run in trainings
        if run.id == state.training
        for method in _all(run)
        if (path := goal_path(run, method, state.goal)).exists()
    }


def _own_copy(state: AppState, owner: str) -> dict[str, str]:
    """Model of the annotation that is shown, where only the run itself has it any more."""
    if state.annotating is None:
        return {}
    with suppress(RunError):  # an unknown run is refused at the top of the page
        run = jobs.get_database().get(state.annotating, owner=owner)
        copy = annotation_model(jobs.run_folder(run.id))
        if model_of(run) == copy:
            return {str(copy): f"As in this annotation · {run.title}"}
    return {}


def _all(run: Run) -> list[str]:
    """Methods of a training, the recommended one first."""
    config = config_from_dict(TrainingConfig, run.config["training"])
    return sorted(map(str, config.methods()), key=lambda name: name != run.summary["preselected"])


def _path(run: Run, method: str) -> str:
    return str(jobs.run_folder(run.id) / f"{method}.skops")


def _title(run: Run, method: str) -> str:
    best = ", recommended" if method == run.summary["recommended"] else ""
    when = run.finished or run.created
    return f"{method_label(method)}{best} · {run.title} · {local_time(when):%d %b %H:%M}"


def _kept_title(model: Model) -> str:
    return f"{model.name} · in the library"
