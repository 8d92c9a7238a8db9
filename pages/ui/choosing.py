"""Follow a reading to its end: done, refused with a report, or with questions to answer."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core import jobs
from core.data import FileReport
from core.jobs import Run, State
from core.jobs.reading import may_be_query
from core.jobs.uploads import has_upload
from pages.ui import people
from pages.ui.doctor import change_button, draw_remarks, facts, report_button
from pages.ui.following import follow, is_running
from pages.ui.messages import plain_name
from pages.ui.questions import ask
from pages.ui.readings import about, changing, report_of, use_as_query
from pages.ui.state import AppState

__all__ = ["follow_reading", "is_still_in_use"]


def follow_reading(state: AppState, step: str) -> Run | None:
    """Draw the progress, the failure or the questions of a reading.

    Returns
    -------
    Run or None
        The run, once it has brought a dataset.
    """
    run_id = getattr(state, step)
    done = follow(state, step)
    if done is not None and "question" in done.summary:
        ask(done, step)
        return None
    if done is None and getattr(state, step) is not None:
        run = jobs.get_database().get(run_id, owner=people.owner())
        if run.state is State.FAILED:
            report = report_of(run)
            _draw_ways_on(run, step, report)
            if report is not None:
                _draw_refused(run, report)
    return done


def is_still_in_use(state: AppState, step: str) -> bool:
    """Whether another file stands refused or with questions above the dataset of a page."""
    run_id = getattr(state, step)
    return run_id is not None and not is_running(run_id)


def _draw_ways_on(run: Run, step: str, report: FileReport | None) -> None:
    """Offer what can be done about a refusal without the file being loaded once more."""
    if not has_upload(run.config):
        return
    answers = run.config.get("choices")
    with st.container(horizontal=True, key=f"ways-on-{run.id}"):
        can_be_query = step == "reading" and may_be_query(report)
        if can_be_query and st.button("Use as query", type="primary", key=f"as-query.{run.id}"):
            use_as_query(run, {})
        if answers:
            change_button(changing(run, step, answers), key=run.id)


def _draw_refused(run: Run, report: FileReport) -> None:
    """Say what else was found in a file that was refused; why it was, stands above."""
    others = [f for f in about(run, report) if f.code != run.error["code"]]
    if report.n_cells is None and not others:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"refused-{run.id}"):
        st.markdown(f"**{plain_name(report.name)}** · {facts(report)}", width="content")
        report_button(report, key=run.id)
    if others:
        # Nothing can be taken up of what is offered about a file that is refused.
        others = [replace(f, next_step="", options={}) if f.options else f for f in others]
        with st.expander("What else was found in this file", icon=":material/fact_check:"):
            draw_remarks(sorted(others, key=lambda finding: "ECWF".index(finding.code[0])))
