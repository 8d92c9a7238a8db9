"""Follow a reading to its end: done, refused with a report, or with questions to answer."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core import jobs
from core.data import Dataset, FileReport
from core.errors import Finding
from core.jobs import Run, State
from core.jobs.uploads import discard_upload, has_upload
from pages.ui import people
from pages.ui.doctor import KEEP, TakeUp, draw_remarks, facts, report_button
from pages.ui.following import begin, follow
from pages.ui.messages import plain, plain_name, show_errors
from pages.ui.state import AppState, get_state

__all__ = ["follow_reading", "offers_of"]

MOST_RADIOS = 6
_LEAVE = ""
PLAIN_STEP = "Choose one of the answers."  # is said of every question that needs no other help


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
        _ask(done, step)
        return None
    if done is None and getattr(state, step) is not None:
        run = jobs.get_database().get(run_id, owner=people.owner())
        if run.state is State.FAILED and (report := _report_of(run)) is not None:
            _draw_refused(run, report)
    return done


def offers_of(data: Dataset, step: str) -> TakeUp | None:
    """Return what takes up an offer about a dataset; ``None`` when its file is gone by now."""
    if not any(finding.options for finding in data.report.findings):
        return None
    runs = jobs.get_database().runs("read", State.DONE, limit=None, owner=people.owner())
    made_by = (run for run in runs if run.summary.get("dataset") == data.digest)
    run = next((run for run in made_by if has_upload(run.config)), None)
    return None if run is None else show_errors()(partial(_take_up, run, step))


def _take_up(run: Run, step: str, code: str, option: str) -> None:
    _read_again(run, step, {code: option})


def _read_again(run: Run, step: str, answers: dict[str, str]) -> None:
    config = run.config | {"choices": run.config.get("choices", {}) | answers}
    begin(get_state(), step, "read", config, title=run.title)


def _report_of(run: Run) -> FileReport | None:
    told = [event for event in jobs.get_database().events(run.id) if event.kind == "report"]
    return FileReport.from_dict(told[-1].payload) if told else None


def _draw_refused(run: Run, report: FileReport) -> None:
    """Say what else was found in a file that was refused; why it was, stands above."""
    others = [f for f in _about(run, report) if f.code != run.error["code"]]
    if report.n_cells is None and not others:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"refused-{run.id}"):
        st.markdown(f"{plain_name(report.name)}: {facts(report)}", width="content")
        report_button(report, key=run.id)
    if others:
        with st.expander("What else was found in this file", icon=":material/fact_check:"):
            draw_remarks(sorted(others, key=lambda finding: "ECWF".index(finding.code[0])))


def _ask(run: Run, step: str) -> None:
    """Draw all questions of a file, to be answered at once."""
    report = FileReport.from_dict(run.summary["question"])
    found, is_here = _about(run, report), has_upload(run.config)
    asked = [finding for finding in found if finding.code.startswith("C-")]
    offered = [finding for finding in found if finding.code[0] == "W" and finding.options]
    with st.container(border=True, key=f"questions-{run.id}"):
        count = "one answer" if len(asked) == 1 else f"{len(asked)} answers"
        st.markdown(f"**{plain_name(report.name)} needs {count} before it can be used**")
        st.markdown(facts(report))
        answers = {f.code: _question(f, run) for f in asked}
        answers |= {f.code: _question(f, run) for f in offered}
        draw_remarks([f for f in found if f not in asked and f not in offered])
        if not is_here:
            st.info(
                "This file is not kept here any more. Load it again.", icon=":material/schedule:"
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Use these answers",
                type="primary",
                key=f"answer.{run.id}",
                on_click=show_errors()(_read_again),
                args=(run, step, {code: o for code, o in answers.items() if o}),
                disabled=not is_here or any(not answers[finding.code] for finding in asked),
            )
            st.button(
                "Choose another file",
                key=f"other-file.{run.id}",
                on_click=_forget,
                args=(run, step),
            )
            report_button(report, key=run.id)


def _question(finding: Finding, run: Run) -> str | None:
    """Draw one question, and return the chosen option; an offer may be left as it is."""
    options = dict(finding.options)
    if not finding.code.startswith("C-"):
        options = {_LEAVE: options.pop(KEEP, "Leave it as it is.")} | options
    names = list(options)
    index = names.index(finding.suggested) if finding.suggested in names else None
    few = len(names) <= MOST_RADIOS
    choose = st.radio if few else st.selectbox
    return choose(
        plain(finding.message),
        names,
        index=index,
        format_func=lambda name: plain(options[name]) if few else options[name],
        key=f"question.{run.id}.{finding.code}",
        help=plain(finding.next_step) if finding.next_step != PLAIN_STEP else None,
    )


def _about(run: Run, report: FileReport) -> list[Finding]:
    """Leave out what is said of the labels of a query: it needs none."""
    is_query = run.config.get("role") == "query"
    return [f for f in report.findings if not (is_query and "-LABEL" in f.code)]


def _forget(run: Run, step: str) -> None:
    people.owner()  # first of all: a button may be pressed after the log-out
    discard_upload(run.config)
    setattr(get_state(), step, None)
