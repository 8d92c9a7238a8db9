"""What can be done about a file that was read: read it again otherwise, or for another use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from core import jobs
from core.data import Dataset, FileReport
from core.errors import Finding
from core.jobs import Run, State
from core.jobs.uploads import discard_upload, has_upload
from pages.ui import people
from pages.ui.doctor import TakeUp
from pages.ui.following import begin
from pages.ui.messages import show_errors
from pages.ui.state import get_state

__all__ = [
    "about",
    "change_of",
    "changing",
    "forget",
    "given_answers",
    "offers_of",
    "read_again",
    "report_of",
    "use_as_query",
]

# Answers of an earlier reading, which are chosen already where the questions are put once more.
_GIVEN = "given"


def offers_of(data: Dataset, step: str) -> TakeUp | None:
    """Return what takes up offers about a dataset; ``None`` when its file is gone by now."""
    if not any(finding.options for finding in data.report.findings):
        return None
    run = _made_by(data)
    return None if run is None else show_errors()(partial(read_again, run, step))


def change_of(data: Dataset, step: str) -> Callable[[], None] | None:
    """Return what puts the questions about a dataset again; ``None`` when there is no way."""
    run = _made_by(data) if data.report.answers else None
    return None if run is None else changing(run, step, data.report.answers)


def changing(run: Run, step: str, answers: dict[str, str]) -> Callable[[], None]:
    """Return what reads a file once more without its answers, so that its questions are put."""
    return show_errors()(partial(_begin, run, step, choices={}, given=answers))


def read_again(run: Run, step: str, answers: dict[str, str]) -> None:
    """Read a file once more, with further answers."""
    _begin(run, step, choices=run.config.get("choices", {}) | answers)


def use_as_query(run: Run, answers: dict[str, str]) -> None:
    """Read a file that was to be the reference as the query, and go where queries are."""
    state = get_state()
    state.reading = None
    _begin(run, "reading_query", choices=run.config.get("choices", {}) | answers, role="query")
    st.switch_page("pages/annotate.py")


def given_answers(run: Run) -> dict[str, str] | None:
    """Return the answers of an earlier reading that are being changed; ``None`` when none are."""
    return run.config.get(_GIVEN)


def forget(run: Run, step: str) -> None:
    """Leave the questions about a file; answers that were being changed stay as they are."""
    people.owner()  # first of all: a button may be pressed after the log-out
    if given_answers(run) is None:
        discard_upload(run.config)
    setattr(get_state(), step, None)


def about(run: Run, report: FileReport) -> list[Finding]:
    """Leave out what is said of the labels of a query: it needs none."""
    is_query = run.config.get("role") == "query"
    return [f for f in report.findings if not (is_query and "-LABEL" in f.code)]


def report_of(run: Run) -> FileReport | None:
    """Return the report on a file that was refused, if it could be read as far as that."""
    told = [event for event in jobs.get_database().events(run.id) if event.kind == "report"]
    return FileReport.from_dict(told[-1].payload) if told else None


def _made_by(data: Dataset) -> Run | None:
    """Find the reading that brought a dataset, when what it has read is still there."""
    runs = jobs.get_database().runs("read", State.DONE, limit=None, owner=people.owner())
    made_by = (run for run in runs if run.summary.get("dataset") == data.digest)
    return next((run for run in made_by if has_upload(run.config)), None)


def _begin(run: Run, step: str, **changed: Any) -> None:
    begin(get_state(), step, "read", run.config | changed, title=run.title)
