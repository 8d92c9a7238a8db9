"""Start runs from a page and follow them until they are over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core import jobs
from core.errors import RunError
from core.jobs import Run, State
from core.wording import span
from pages.ui.messages import plain, show_errors, show_problem
from pages.ui.state import AppState

__all__ = ["begin", "follow", "is_running", "time_left"]


def begin(state: AppState, step: str, kind: str, config: dict[str, Any], *, title: str) -> None:
    """Start a run for a step, unless one is under way: a double click starts one run."""
    current = getattr(state, step)
    if current and is_running(current):
        return
    setattr(state, step, jobs.start(kind, config, title=title))


def is_running(run_id: str | None) -> bool:
    """Whether a run is queued or running."""
    if run_id is None:
        return False
    try:
        return not jobs.refresh(run_id).is_over
    except RunError:
        return False


def follow(state: AppState, step: str, *, draw: Callable[[str], None] | None = None) -> Run | None:
    """Draw the progress or the failure of a step's run; return the run once it is done.

    `draw` is what a page draws, given the run's id, while it is under way.
    """
    run_id = getattr(state, step)
    if run_id is None:
        return None
    try:
        run = jobs.refresh(run_id)
    except RunError as error:
        setattr(state, step, None)
        show_problem(error.code, error.message, error.next_step)
        return None
    if not run.is_over:
        (draw or _progress)(run_id)
    elif run.state is State.CANCELLED:
        st.info("Cancelled. Nothing was kept of it.", icon=":material/block:")
    elif run.error is not None:
        show_problem(run.error["code"], run.error["message"], run.error["next_step"])
    return run if run.state is State.DONE else None


@st.fragment(run_every=0.5)
def _progress(run_id: str) -> None:
    # A fragment runs without the page around it, and needs its own frame.
    with show_errors():
        _draw_progress(run_id)


def _draw_progress(run_id: str) -> None:
    run = jobs.refresh(run_id)
    if run.is_over:
        st.rerun()
    text = plain(run.message or "Starting")
    bar, button = st.columns([6, 1], vertical_alignment="center")
    if run.progress is None:
        elapsed = (datetime.now(UTC) - (run.started or run.created)).total_seconds()
        bar.markdown(f":material/progress_activity: {text} · {span(elapsed)}")
    else:
        bar.progress(run.progress, text=f"{text}{time_left(run)}")
    if button.button("Cancel", key=f"cancel.{run_id}", width="stretch"):
        jobs.cancel(run_id)
        st.rerun()


def time_left(run: Run) -> str:
    """Estimate of the rest from the share that is done, as `` · about 8 s left``."""
    if not run.progress or run.started is None or run.progress >= 1:
        return ""
    elapsed = (datetime.now(UTC) - run.started).total_seconds()
    return f" · about {span(elapsed * (1 / run.progress - 1))} left"
