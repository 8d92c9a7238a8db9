"""Open a run: its page, with the choices that it was made with."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import streamlit as st

from core import jobs
from core.config import MarkerConfig, RareTask, TrainingConfig, config_from_dict
from core.jobs import Run, State
from core.jobs.folders import model_of
from core.search import SearchConfig
from pages.ui import cache
from pages.ui.loading import adopt_query, adopt_reference
from pages.ui.state import AppState

__all__ = ["PAGES", "forget_run", "open_run"]

# Which step of the session a kind of run belongs to, and which page shows it.
PAGES = {
    "read": ("reading", "reference"),
    "layout": ("laying_out", "reference"),
    "markers": ("finding", "markers"),
    "train": ("training", "train"),
    "explore": ("exploring", "explore"),
    "synthetic": ("drawing", "synthetic"),
    "annotate": ("annotating", "annotate"),
    "import_model": ("importing", "models"),
}


def open_run(run: Run, state: AppState) -> None:
    """Go to the page of a run, under way or over, with the choices that it was made with.

    Raises
    ------
    DataError
        ``E-DATASET-UNKNOWN`` when its cells are not there any more.
    """
    for digest in run.datasets:
        cache.dataset(digest)
    step, page = PAGES[run.kind]
    if run.kind == "read":
        page = _open_cells(run, state)
    elif run.kind == "layout":
        _use_cells(run.config["dataset"], state)
        state.laying_out = run.id
    elif run.kind == "annotate":
        state.query, state.model = run.config["dataset"], str(model_of(run))
        state.annotating = run.id
        state.adopt_transfer(run)
    else:
        if "task" in run.config:
            _restore(run, state)
        setattr(state, step, run.id)
    st.switch_page(f"pages/{page}.py")


def forget_run(run_id: str, state: AppState) -> None:
    """Take a deleted run out of the session's choices."""
    for field in fields(AppState):
        if getattr(state, field.name) == run_id:
            setattr(state, field.name, None)
    if state.model and Path(state.model).is_relative_to(jobs.run_folder(run_id)):
        state.model = None


def _restore(run: Run, state: AppState) -> None:
    """Bring back all settings of a run that looks for a rare type."""
    task = config_from_dict(RareTask, run.config["task"])
    state.use_reference(run.config["dataset"], task.label, task.rare)
    if "training" in run.config:
        optimistic = bool(run.config.get("optimistic"))
        state.adopt(config_from_dict(TrainingConfig, run.config["training"]), optimistic=optimistic)
        state.searched = run.config.get("searched")
    elif "search" in run.config:
        search = config_from_dict(SearchConfig, run.config["search"])
        state.adopt(search.base)
        state.adopt_search(task, search)
    else:
        state.adopt_markers(config_from_dict(MarkerConfig, run.config["markers"]))
    state.n_synthetic = run.config.get("n", state.n_synthetic)


def _open_cells(run: Run, state: AppState) -> str:
    """Take what a reading has brought, as reference or, without labels, as query; name the page."""
    is_query = "query" in (run.config.get("demo"), run.config.get("role"))
    if run.state is not State.DONE or "question" in run.summary:
        setattr(state, "reading_query" if is_query else "reading", run.id)
    elif is_query or not cache.dataset(run.summary["dataset"]).label_columns():
        is_query = True
        adopt_query(state, run.summary["dataset"])
    else:
        state.is_demo = "demo" in run.config
        _use_cells(run.summary["dataset"], state)
    return "annotate" if is_query else "reference"


def _use_cells(digest: str, state: AppState) -> None:
    """Make cells the reference, unless they are it: then label column and rare type stay."""
    if state.dataset != digest:
        adopt_reference(state, digest)
