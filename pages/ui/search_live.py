"""A search as it comes in: the map of its scores and the best of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core import jobs
from core.config import config_from_dict
from core.jobs import Event, Run
from core.plots import search_map
from core.search import SearchConfig, SettingResult
from core.search.parameters import LISTS
from core.search.view import Axis, axes, best_table, place_settings, ranked
from pages.ui import people
from pages.ui.figures import figure
from pages.ui.following import draw_progress
from pages.ui.messages import show_errors

__all__ = ["COLUMNS", "draw_map", "draw_search", "laid_out", "search_of", "tried"]

N_BEST = 20
COLUMNS = {
    "Method": st.column_config.TextColumn(width=170, pinned=True),
    "F1": st.column_config.NumberColumn(format="%.3f", width=75),
    "AP, mean of folds": st.column_config.NumberColumn(
        format="%.3f", width=130, help="Average precision within each fold, the mean over folds."
    ),
    "Round": st.column_config.NumberColumn(
        width=70,
        help="The last one that this setting got to, and that its score is from. Each round trains "
        "on more of the other cells: scores of different rounds are not to be compared.",
    ),
    "Interval": st.column_config.TextColumn(
        width=105, help="Approximate 95 %, as if this setting had been the only one."
    ),
    "Calls": st.column_config.TextColumn(width=200),
    **{
        one.short: st.column_config.TextColumn(width=75, alignment="right", help=one.label)
        for one in LISTS.values()
    },
}
OPTIMISTIC = (
    "These are the search's own scores: the higher, the more of them is luck. What the winner is "
    "really worth is said at the end, by folds that had no part in choosing it."
)


@st.fragment(run_every=1.0)
def draw_search(run_id: str) -> None:
    """Progress, map and best settings of a search that is under way."""
    with show_errors():
        _draw_search(run_id)


def _draw_search(run_id: str) -> None:
    run = jobs.refresh(run_id, owner=people.owner())
    if run.is_over:
        st.rerun()
    events = jobs.get_database().events(run_id)
    draw_progress(run, already=_share_before(run, events))
    if run.is_waiting:
        return
    n_planned = next((e.payload["n_settings"] for e in events if e.kind == "plan"), None)
    results = ranked(tried(events))
    st.caption(OPTIMISTIC)
    draw_map(run, results, n_planned)
    if not results:
        return
    st.subheader(f"The best {N_BEST} so far", anchor=False)
    st.dataframe(
        best_table(results[:N_BEST], laid_out(run), search_of(run)),
        hide_index=True,
        height=38 + 35 * min(N_BEST, 10),
        column_config=COLUMNS,
        key=f"search.best.{run_id}",
        alt=f"Table of the best {N_BEST} settings so far, the best first",
    )


def draw_map(run: Run, results: Sequence[SettingResult], n_planned: int | None) -> None:
    """Two boxes that choose what is laid out, and the map of the best scores."""
    names = laid_out(run)
    left, right, _ = st.columns([1, 1, 2])
    options = list(names)
    wished = "markers" if "markers" in names else options[-1]
    across = _choose_axis(left, "Across", run, options, wished, names)
    others = [name for name in options if name != across] or options
    down = _choose_axis(right, "Down", run, others, "method", names)
    figure(
        search_map,
        place_settings(results, across, down),
        across=names[across].values,
        down=names[down].values,
        titles=(names[across].label, names[down].label),
        objective=search_of(run).objective,
        n_planned=n_planned,
        key=f"search.map.{run.id}",
    )


def _choose_axis(
    place: Any, label: str, run: Run, options: list[str], wished: str, names: dict[str, Axis]
) -> str:
    return place.selectbox(
        label,
        options,
        index=options.index(wished) if wished in options else 0,
        format_func=lambda name: names[name].label,
        # Other options make another box: Streamlit would go back to the first by itself.
        key=f"search.{label}.{run.id}.{'.'.join(options)}",
        persist_state="session",
    )


def search_of(run: Run) -> SearchConfig:
    """What a run searches."""
    return config_from_dict(SearchConfig, run.config["search"])


@st.cache_resource(max_entries=16, show_spinner=False)
def _laid_out(run_id: str, _run: Run) -> dict[str, Axis]:
    return axes(search_of(_run))


def laid_out(run: Run) -> dict[str, Axis]:
    """What the settings of a search can be laid out by."""
    return _laid_out(run.id, run)


def tried(events: Sequence[Event]) -> list[SettingResult]:
    """Results that a search has reported."""
    return [SettingResult.from_dict(event.payload) for event in events if event.kind == "setting"]


def _share_before(run: Run, events: Sequence[Event]) -> float:
    """Share of the settings that were there when a resumed run was started again."""
    results = [event for event in events if event.kind == "setting"]
    if not results or run.progress is None:
        return 0.0
    before = sum(run.started is None or event.time < run.started for event in results)
    return run.progress * before / len(results)
