"""One run in full: what it was made with, how it went, its name."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import pandas as pd
import streamlit as st

from core import jobs
from core.errors import DataError, ModelFileError
from core.jobs import Run, State
from core.jobs.folders import annotation_model
from core.jobs.history import outcome
from core.jobs.settings import settings
from pages.ui import cache, people
from pages.ui.following import draw_progress
from pages.ui.messages import plain, show_errors, show_problem
from pages.ui.run_words import KINDS, next_step, peak_memory, state_word, took
from pages.ui.widgets import beside, local_time

__all__ = ["dataset_names", "draw_particulars"]

LONGEST_TITLE = 200


def draw_particulars(run: Run) -> None:
    """Everything that is known about a run."""
    st.subheader(plain(run.title) or "Without a title", anchor=False)
    if run.error:
        show_problem(run.error["code"], run.error["message"], next_step(run))
    elif run.state is State.CANCELLED:
        st.info("Cancelled. Nothing was kept of it.", icon=":material/block:")
    elif not run.is_over:
        st.fragment(_draw_progress, run_every=1.0)(run.id)
    left, right = beside([1, 1], key="particulars")
    with left:
        _rename(run)
        _table(_facts(run), "How it went")
    with right:
        _table(_settings(run), "Settings")
    if run.versions:
        versions = " · ".join(f"{name} {number}" for name, number in run.versions.items())
        st.caption(f"Computed with {plain(versions)}")


def dataset_names(runs: list[Run]) -> dict[str, str]:
    """Names of the datasets of runs, by digest; those that are gone have none."""
    names = {}
    for digest in {digest for run in runs for digest in run.datasets}:
        with suppress(DataError):
            names[digest] = cache.dataset(digest).name
    return names


def _draw_progress(run_id: str) -> None:
    # A fragment runs without the page around it, and needs its own frame.
    with show_errors():
        run = jobs.get_database().get(run_id, owner=people.owner())
        if run.is_over:
            st.rerun()
        draw_progress(run)


def _rename(run: Run) -> None:
    field, button = st.columns([3, 1], vertical_alignment="bottom")
    title = field.text_input(
        "Title", run.title, max_chars=LONGEST_TITLE, key=f"title.{run.id}.{run.title}"
    ).strip()
    if not button.button("Rename", width="stretch"):
        return
    if not title:
        st.warning("A run needs a title.", icon=":material/edit:")
    elif title != run.title:
        jobs.get_database().rename(run.id, title)
        st.rerun()


def _facts(run: Run) -> dict[str, str]:
    names = dataset_names([run])
    facts = {"Kind": KINDS.get(run.kind, run.kind), "State": state_word(run)}
    facts["Result"] = outcome(run)
    for digest in run.datasets:
        facts["Dataset"] = names.get(digest, "not here any more")
        facts["Digest of the dataset"] = digest
    facts["Seed"] = "" if run.seed is None else str(run.seed)
    facts |= {"Created": _moment(run.created), "Started": _moment(run.started)}
    facts |= {"Finished": _moment(run.finished), "Took": took(run)}
    facts |= {"Peak memory": peak_memory(run), "Run": run.id}
    return {name: text for name, text in facts.items() if text and text != "–"}


def _moment(time: datetime | None) -> str:
    return "" if time is None else f"{local_time(time):%d %b %Y, %H:%M:%S}"


def _settings(run: Run) -> dict[str, str]:
    model = {}
    if run.kind == "annotate" and run.state is State.DONE:
        with suppress(ModelFileError):
            file = annotation_model(jobs.run_folder(run.id))
            model["Model"] = cache.model(str(file)).title
    return settings(run, dataset_names([run])) | model


def _table(rows: dict[str, str], title: str) -> None:
    """Draw names and values; both may hold what a user typed."""
    st.markdown(f"**{title}**")
    values = [plain(text) for text in rows.values()]
    index = pd.Index([plain(name) for name in rows], name="")
    st.table(
        pd.DataFrame({"value": values}, index=index),
        border="horizontal",
        hide_header=True,
        alt=title,
    )
