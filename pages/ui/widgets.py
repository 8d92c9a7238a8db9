"""Pieces that every page uses: header, summary line, guards, messages."""

from __future__ import annotations

import html
import runpy
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.pages_manager import PagesManager

from core import jobs
from core.data import Dataset, match_genes
from core.errors import DataError, NeedleError, RunError
from core.wording import frequency, method_label
from pages.ui import cache, people
from pages.ui.messages import show_problem
from pages.ui.state import RUN_STEPS, AppState, get_state, write_address

__all__ = [
    "LOGO",
    "STYLE",
    "beside",
    "enter_frame",
    "guard",
    "header",
    "leave_note",
    "local_time",
    "next_page",
    "number_columns",
    "show_summary",
    "stop",
]

APP = Path(__file__).resolve().parents[2] / "app.py"
ASSETS = APP.parent / "assets"
LOGO = str(ASSETS / "logo.svg")
STYLE = ASSETS / "style.css"

_SLOT = "needle.summary"
# What one page says at the top of another, once: its title and a sentence.
_NOTE = "needle.note"
_MISSING = {
    "reference": ("Load a reference first: the cells that Needle learns from.", "reference"),
    "labels": ("Choose the column that holds the cell types first.", "reference"),
    "rare": ("Choose the rare cell type first.", "markers"),
}


def local_time(moment: datetime) -> datetime:
    """A time as the clock beside the browser shows it."""
    zone = st.context.timezone
    return moment.astimezone(ZoneInfo(zone)) if zone else moment.astimezone()


def enter_frame() -> None:
    """Run app.py, which runs the page inside its frame, where Streamlit left it out.

    Streamlit takes a folder called ``pages`` beside the app for its older kind of multipage app,
    whose pages run on their own, until ``st.navigation`` was called once. So they would in the
    first browser that opens a new server at another page than Start.
    """
    if PagesManager.uses_pages_directory:
        runpy.run_path(str(APP))
        st.stop()


def header(title: str, sentence: str) -> AppState:
    """Draw the top of a page: its name, what it is for, and what is chosen so far."""
    enter_frame()
    state = get_state()
    st.title(title, anchor=False)
    st.caption(sentence)
    _forget_what_is_gone(state)
    write_address()  # already here, so that a reload finds a run also before the page is drawn
    st.session_state[_SLOT] = st.empty()
    show_summary(state)
    for_page, note = st.session_state.pop(_NOTE, ("", ""))
    if for_page == title:
        st.success(note, icon=":material/check:")
    return state


def leave_note(page: str, note: str) -> None:
    """Have a sentence, in Markdown, said once at the top of the page with that title."""
    st.session_state[_NOTE] = page, note


def show_summary(state: AppState) -> None:
    """Draw what is chosen so far at the top, again after a form in which it may have changed."""
    parts = [f"<span>{part}</span>" for part in _summary(state)]
    if parts:
        summary = f'<div class="needle-summary" role="status">{"".join(parts)}</div>'
        st.session_state[_SLOT].html(summary)


def _forget_what_is_gone(state: AppState) -> None:
    """An address may name cells, runs or a column that are not there (any more), or not one's own.

    Of each kind one is named: somebody else's link holds many ids, and none of them is known.
    """
    problems: dict[str, NeedleError] = {}
    for name in ("dataset", "query", *RUN_STEPS):
        value = getattr(state, name)
        if value is None:
            continue
        try:
            if name in RUN_STEPS:
                jobs.get_database().get(value, owner=people.owner())
            else:
                cache.dataset(value)
        except (DataError, RunError) as error:
            setattr(state, name, None)
            problems.setdefault(error.code, error)
    for error in problems.values():
        show_problem(error.code, error.message, error.next_step)
    if state.dataset is None or state.label not in cache.dataset(state.dataset).obs:
        state.label = state.rare = None


def _summary(state: AppState) -> Iterator[str]:
    if not state.dataset:
        return
    data = cache.dataset(state.dataset)
    yield f"<b>{html.escape(data.name)}</b>"
    if not state.label or state.label not in data.obs:
        return
    yield f'<span class="needle-quiet">labels from</span> {html.escape(state.label)}'
    sizes = data.type_sizes(state.label)
    if not state.rare or state.rare not in sizes:
        return
    how_rare = frequency(int(sizes[state.rare]), int(sizes.sum()))
    yield (
        f'<b class="needle-rare">{html.escape(state.rare)}</b>: '
        f'<span class="needle-quiet">{how_rare}</span>'
    )
    yield _markers(state, data)
    recommended = cache.recommended(state.training, state.dataset, state.task, state.goal)
    if recommended and state.model is None:
        yield f'<span class="needle-quiet">model</span> {method_label(recommended)}'


def _markers(state: AppState, data: Dataset) -> str:
    if not state.genes:
        return f"{state.n_markers} markers"
    known = len(match_genes(data.genes, state.genes).found)
    return f"{known} gene{'' if known == 1 else 's'} of your own"


def guard(state: AppState, *needs: str) -> None:
    """Stop the page, and say what is missing and where it is, unless `needs` are met."""
    met = {
        "reference": state.dataset is not None,
        "labels": state.label is not None,
        "rare": state.rare is not None,
    }
    for need in needs:
        if met[need]:
            continue
        sentence, page = _MISSING[need]
        st.info(sentence, icon=":material/arrow_back:")
        next_page(page, f"Go to {page.capitalize()}", icon=":material/arrow_back:")
        stop()


def stop() -> NoReturn:
    """End the page here; what was chosen stays in the address, as it does at a page's end."""
    write_address()
    st.stop()


def next_page(page: str, label: str, *, icon: str = ":material/arrow_forward:") -> None:
    """Draw a link that leads to another page."""
    with st.container(key=f"next-{page}"):
        st.page_link(f"pages/{page}.py", label=label, icon=icon)


def number_columns(columns: dict[str, tuple[str, str, str | None]]) -> dict[str, Any]:
    """Column settings for ``st.dataframe``: name to (label, number format, help)."""
    return {
        name: st.column_config.NumberColumn(label, format=form, help=help_text)
        for name, (label, form, help_text) in columns.items()
    }


def beside(spec: Sequence[float], *, key: str) -> list[DeltaGenerator]:
    """Columns for tables and figures; on a narrow page they come one below the other."""
    with st.container(key=f"beside-{key}"):
        return st.columns(spec, gap="large")
