"""Questions that a file leaves open, put all at once."""

from __future__ import annotations

import streamlit as st

from core.data import FileReport
from core.errors import Finding
from core.jobs import Run
from core.jobs.uploads import has_upload
from pages.ui.doctor import KEEP, draw_details, draw_remarks, facts, report_button, verb
from pages.ui.messages import plain, plain_name, show_errors, step_sentence
from pages.ui.readings import about, forget, given_answers, read_again, use_as_query
from pages.ui.state import get_state

__all__ = ["ask"]

MOST_RADIOS = 6
_LEAVE = ""
PLAIN_STEP = "Choose one of the answers."  # is said of every question that needs no other help


def ask(run: Run, step: str) -> None:
    """Draw all questions of a file, to be answered at once."""
    report = FileReport.from_dict(run.summary["question"])
    found, is_here = about(run, report), has_upload(run.config)
    asked = [finding for finding in found if finding.code.startswith("C-")]
    offered = [finding for finding in found if finding.code[0] == "W" and finding.options]
    with st.container(border=True, key=f"questions-{run.id}"):
        st.markdown(f"**{plain_name(report.name)} needs {_count(asked)} before it can be used**")
        st.markdown(facts(report))
        draw_details(report)
        if offered:
            st.markdown(":blue-badge[Needed]")
        answers = {f.code: _question(f, run) for f in asked}
        if offered:
            st.divider()
            st.markdown(":gray-badge[If you like]")
        answers |= {f.code: _question(f, run) for f in offered}
        draw_remarks([f for f in found if f not in asked and f not in offered])
        if not is_here:
            st.info(
                "This file is not kept here any more. Load it again.", icon=":material/schedule:"
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            _send(run, step, asked, answers, is_here=is_here)
            is_change = given_answers(run) is not None
            st.button(
                "Leave it as it is" if is_change else "Choose another file",
                key=f"other-file.{run.id}",
                on_click=forget,
                args=(run, step),
            )
            report_button(report, key=run.id)


def _count(asked: list[Finding]) -> str:
    if len(asked) == 1:
        return "one answer" if len(asked[0].options) > 1 else "a yes"
    return f"{len(asked)} answers"


def _send(
    run: Run, step: str, asked: list[Finding], answers: dict[str, str | None], *, is_here: bool
) -> None:
    """Draw the button that goes on, which says what it does where there is one way only."""
    chosen = {code: option for code, option in answers.items() if option}
    is_ready = is_here and all(answers[finding.code] for finding in asked)
    if step == "reading" and answers.get("C-LABEL-COLUMN") == "none":  # no reference without types
        pressed = st.button(
            "Use as query", type="primary", key=f"as-query.{run.id}", disabled=not is_ready
        )
        if pressed:
            use_as_query(run, chosen)
        return
    label = "Use these answers"
    if len(asked) == 1 and len(asked[0].options) == 1:
        ((option, meaning),) = asked[0].options.items()
        label = plain(verb(asked[0].code, option, meaning))
    st.button(
        label,
        type="primary",
        key=f"answer.{run.id}",
        on_click=show_errors()(read_again),
        args=(run, step, chosen),
        disabled=not is_ready,
    )


def _question(finding: Finding, run: Run) -> str | None:
    """Draw one question, and return the chosen option; an offer may be left as it is."""
    options = dict(finding.options)
    is_offer = not finding.code.startswith("C-")
    said = f"{plain(finding.message)} `{finding.code}`"
    if is_offer:
        options = {_LEAVE: options.pop(KEEP, "Leave it as it is.")} | options
    elif len(options) == 1:  # the button says what it does
        st.markdown(f"{said} :gray[{plain(_only_way(finding))}]")
        return next(iter(options))
    names, few = list(options), len(options) <= MOST_RADIOS
    key, default = f"question.{run.id}.{finding.code}", _default(finding, run, names)
    _choose_first(key, run, finding.code, names, default)
    choose = st.radio if few else st.selectbox
    answer = choose(
        said,
        names,
        index=None,
        format_func=lambda name: plain(options[name]) if few else options[name],
        key=key,
        help=plain(finding.next_step) if finding.next_step != PLAIN_STEP else None,
    )
    _remember(run, finding.code, answer, default)
    return answer


def _only_way(finding: Finding) -> str:
    """Say more of the one answer there is; to choose it is no advice."""
    ((option, meaning),) = finding.options.items()
    if verb(finding.code, option, meaning) != meaning.rstrip("."):  # the button says it in part
        return meaning
    step = step_sentence(finding.next_step)
    return "" if step.startswith("Choose") else step


def _default(finding: Finding, run: Run, names: list[str]) -> str | None:
    """Return the answer that was given before, else the likely one."""
    given = (given_answers(run) or {}).get(finding.code)
    given = _LEAVE if given == KEEP else given
    likely = (given, finding.suggested)
    return next((option for option in likely if option is not None and option in names), None)


def _choose_first(key: str, run: Run, code: str, names: list[str], default: str | None) -> None:
    """Give a question that is drawn for the first time its answer: a reload finds it again."""
    if key in st.session_state:
        return
    remembered = get_state().answers.get(f"{run.id}.{code}")
    first = remembered if remembered in names else default
    if first is not None:
        st.session_state[key] = first


def _remember(run: Run, code: str, answer: str | None, default: str | None) -> None:
    """Note an answer for the page's address, unless it is chosen anyway."""
    answers = get_state().answers
    answers.pop(f"{run.id}.{code}", None)
    if answer is not None and answer != default:
        answers[f"{run.id}.{code}"] = answer
