"""The list of runs: filters, pages, a table that keeps up, and which rows are ticked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from core import jobs
from core.jobs import Run, State
from pages.ui import people
from pages.ui.messages import show_errors
from pages.ui.run_words import KINDS, message, peak_memory, state_word, took
from pages.ui.widgets import local_time

__all__ = ["list_runs"]

PER_PAGE = 50
N_PLACES = 12
SECONDS_BETWEEN_LOOKS = 1.0
# Ids of the ticked rows, and what the whole page was last drawn with.
_TICKED, _DRAWN = "runs.ticked", "runs.drawn"

Query = Callable[[], list[Run]]


def list_runs() -> list[Run]:
    """Draw filters and table of one's runs; return the ticked as they are now, newest first."""
    filters = _choose_filters()
    database = jobs.get_database()
    total = database.count(owner=people.owner(), **filters)
    place = st.container()
    if not total:
        place.info("No run fits these filters.", icon=":material/filter_alt_off:")
        return []
    offset = _choose_page(total, filters) * PER_PAGE

    def query() -> list[Run]:
        # Asked anew each time: the table keeps up by itself, but not after a log-out elsewhere.
        return database.runs(limit=PER_PAGE, offset=offset, owner=people.owner(), **filters)

    st.session_state.pop(_DRAWN, None)
    busy = not all(run.is_over for run in query())
    with place:
        # The fragment that Streamlit draws again by itself; it stops when nothing is under way.
        ticked = st.fragment(_keep_up, run_every=SECONDS_BETWEEN_LOOKS if busy else None)(query)
    return ticked or []


def _choose_filters() -> dict[str, Any]:
    text, kind, state = st.columns([2, 2, 2])
    words = text.text_input(
        "Title contains",
        key="runs.text",
        persist_state="session",
        placeholder="Any title",
        icon=":material/search:",
    )
    kinds = kind.multiselect(
        "Kind",
        list(KINDS),
        format_func=KINDS.get,
        key="runs.kinds",
        persist_state="session",
        placeholder="All kinds",
    )
    states = state.multiselect(
        "State",
        [str(one) for one in State],
        key="runs.states",
        persist_state="session",
        placeholder="All states",
    )
    return {"text": words.strip(), "kind": kinds or None, "state": states or None}


def _choose_page(total: int, filters: dict[str, Any]) -> int:
    """Number of the page, from 0; other filters begin at the first page again."""
    n_pages = -(-total // PER_PAGE)
    if n_pages == 1:
        return 0
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        page = st.pagination(n_pages, key=f"runs.page.{filters}", persist_state="session") - 1
    first = page * PER_PAGE + 1
    row.caption(f"{first:,} to {min(first + PER_PAGE - 1, total):,} of {total:,} runs")
    return page


def _keep_up(query: Query) -> list[Run] | None:
    # A fragment runs without the page around it, and needs its own frame.
    with show_errors():
        runs = query()
        ticked = _draw_table(runs)
        st.session_state[_TICKED] = [run.id for run in ticked]
        drawn = [(run.id, run.state) for run in runs], st.session_state[_TICKED]
        if st.session_state.setdefault(_DRAWN, drawn) != drawn:
            st.rerun()  # what stands below depends on it
        return ticked
    return None


def _draw_table(runs: list[Run]) -> list[Run]:
    """Draw the table and return the runs whose rows are ticked."""
    ids = tuple(run.id for run in runs)
    before = set(st.session_state.get(_TICKED, ()))
    kept = [row for row, one in enumerate(ids) if one in before]
    picked = st.dataframe(
        _table(runs),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        # Rows are ticked by number: with another list, the ticks would stand beside other runs.
        # So every list has its own ticks, and begins with those of the runs that it shares.
        key=f"runs.{hash(ids)}",
        selection_default={"selection": {"rows": kept}},
        column_config=_COLUMNS,
        height=min(38 + 35 * len(runs), 38 + 35 * 12),
        placeholder="–",
        alt=f"Table of {len(runs)} runs, newest first",
    )
    return [runs[row] for row in sorted(picked.selection.rows) if row < len(runs)]


_COLUMNS = {
    "Run": st.column_config.TextColumn(width=260, pinned=True),
    "Kind": st.column_config.TextColumn(width=120),
    "State": st.column_config.TextColumn(width=90),
    "Started": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss", width=170),
    "Took": st.column_config.TextColumn(width=60, alignment="right"),
    "Peak memory": st.column_config.TextColumn(width=105, alignment="right"),
    "Message": st.column_config.TextColumn(width="large"),
}


def _table(runs: list[Run]) -> pd.DataFrame:
    started = pd.to_datetime(pd.Series([run.started for run in runs], dtype=object), utc=True)
    return pd.DataFrame(
        {
            "Run": [run.title for run in runs],
            "Kind": [KINDS.get(run.kind, run.kind) for run in runs],
            "State": [state_word(run) for run in runs],
            "Started": started.dt.tz_convert(local_time(datetime.now(UTC)).tzinfo),
            "Took": [took(run) for run in runs],
            "Peak memory": [peak_memory(run) for run in runs],
            "Message": _messages(runs),
        }
    )


def _messages(runs: list[Run]) -> list[str]:
    """One line per run; places far back in the queue are not worth the look-ups."""
    waiting = [run.id for run in runs if run.is_waiting]
    later = set(waiting[:-N_PLACES])
    return ["Waits for its turn." if run.id in later else message(run) for run in runs]
