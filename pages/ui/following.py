"""Start runs from a page and follow them until they are over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core import jobs
from core.errors import RunError
from core.jobs import Run, State, holdings
from core.jobs.folders import model_of
from core.jobs.schema import UNFINISHED
from core.jobs.schema import plain as plain_values
from core.wording import span
from pages.ui import cache, people
from pages.ui.messages import plain, show_errors, show_problem
from pages.ui.run_words import next_step
from pages.ui.state import AppState

__all__ = ["begin", "begin_again", "draw_progress", "follow", "is_running"]

_starting = threading.Lock()
# Runs that this page was drawn for as under way.
_DRAWN = "needle.under-way"


def begin(state: AppState, step: str, kind: str, config: dict[str, Any], *, title: str) -> None:
    """Start a run for a step, unless one is under way: a double click starts one run.

    One that does the very same is followed instead, as when two tabs press one button.
    """
    current, owner = getattr(state, step), people.owner()
    if current and is_running(current):
        return
    if "dataset" in config:  # what its owner calls it: others may have loaded the same content
        config = config | {"dataset_name": cache.dataset(config["dataset"]).name}
    with _starting:
        same = _same_run(kind, config, owner)
        run_id = same.id if same else jobs.start(kind, config, title=title, owner=owner)
    setattr(state, step, run_id)


def begin_again(run: Run) -> Run:
    """Start a run of one's own once more, unless the very same is under way, as in :func:`begin`.

    Returns
    -------
    Run
        The one to follow: the new one, or that which is under way.
    """
    owner, config = people.owner(), run.config
    with _starting:
        if "model" in config:  # when its file is gone, the new run takes the copy that is left
            config = config | {"model": str(model_of(run))}
        same = _same_run(run.kind, config, owner)
        run_id = same.id if same else jobs.run_again(run.id, owner=owner)
    return jobs.get_database().get(run_id, owner=owner)


def _same_run(kind: str, config: dict[str, Any], owner: str) -> Run | None:
    """Return the run under way that does this very thing, if there is one; needs the lock."""
    under_way = jobs.get_database().runs(kind, UNFINISHED, None, owner=owner)
    return next((run for run in under_way if run.config == plain_values(config)), None)


def is_running(run_id: str | None) -> bool:
    """Whether a run of the person before the page is queued or running."""
    if run_id is None:
        return False
    try:
        running = not jobs.refresh(run_id, owner=people.owner()).is_over
    except RunError:
        return False
    drawn: set[str] = st.session_state.setdefault(_DRAWN, set())
    (drawn.add if running else drawn.discard)(run_id)
    return running


def follow(state: AppState, step: str, *, draw: Callable[[str], None] | None = None) -> Run | None:
    """Draw the progress or the failure of a step's run; return the run once it is done.

    `draw` is what a page draws, given the run's id, while it is under way.
    """
    run_id = getattr(state, step)
    if run_id is None:
        return None
    try:
        run = jobs.refresh(run_id, owner=people.owner())
    except RunError as error:
        setattr(state, step, None)
        show_problem(error.code, error.message, error.next_step)
        return None
    if run.is_over and run_id in st.session_state.get(_DRAWN, ()):
        st.session_state[_DRAWN].discard(run_id)
        st.rerun()  # it ended while the page was drawn, and its buttons are those of before
    if not run.is_over:
        (draw or _progress)(run_id)
    elif run.state is State.CANCELLED:
        st.info("Cancelled. Nothing was kept of it.", icon=":material/block:")
    elif run.error is not None:
        _refuse(run)
    elif run.kind == "read" and "dataset" in run.summary:
        holdings.hold(run.owner, run.summary["dataset"], run.summary["name"])
    return run if run.state is State.DONE else None


def _refuse(run: Run) -> None:
    """Say why a run failed, with a way to go on where there is one."""
    if not jobs.can_resume(run):
        show_problem(run.error["code"], run.error["message"], next_step(run))
        return
    text, button = st.columns([6, 1], vertical_alignment="center")
    with text:
        show_problem(run.error["code"], run.error["message"], next_step(run))
    if button.button("Resume", key=f"resume.{run.id}", type="primary", width="stretch"):
        _resume(run)
        st.rerun()


def _resume(run: Run) -> None:
    try:
        jobs.resume(run.id, owner=run.owner)
    except RunError:
        if jobs.refresh(run.id, owner=run.owner).is_over:  # else another tab was faster
            raise


@st.fragment(run_every=0.5)
def _progress(run_id: str) -> None:
    # A fragment runs without the page around it, and needs its own frame.
    with show_errors():
        run = jobs.refresh(run_id, owner=people.owner())
        if run.is_over:
            st.rerun()
        line, button = st.columns([6, 1], vertical_alignment="center")
        with line:
            draw_progress(run)
        if button.button("Cancel", key=f"cancel.{run_id}", width="stretch"):
            jobs.cancel(run_id, owner=run.owner)
            st.rerun()


def draw_progress(run: Run, *, already: float | None = None) -> None:
    """Draw how far a run is, or what it waits for.

    Parameters
    ----------
    run : Run
        A run that is not over.
    already : float or None
        Share, 0 to 1, that was done before this run was started or resumed; ``None`` for a run
        that may be unable to tell how far it is.
    """
    if run.is_waiting:
        reason = jobs.queue_place(run.id).reason
        st.markdown(f":material/hourglass_empty: {plain(reason or 'Starting')}")
        return
    text = plain(run.message or "Starting")
    elapsed = (datetime.now(UTC) - (run.started or run.created)).total_seconds()
    share = already if run.progress is None else run.progress
    if share is None:
        st.markdown(f":material/progress_activity: {text} · {span(elapsed)}")
    else:
        st.progress(share, text=f"{text}{_time_left(share, already or 0.0, elapsed)}")


def _time_left(progress: float, already: float, elapsed: float) -> str:
    """Estimate of the rest from the share done since the start, as `` · about 8 s left``."""
    if not already < progress < 1:
        return ""
    return f" · about {span(elapsed * (1 - progress) / (progress - already))} left"
