"""Everything that was run here: find it, open it, compare, rename, run again, delete."""

import streamlit as st

from core import jobs
from core.jobs import Run
from pages.ui import people
from pages.ui.comparing import compare
from pages.ui.following import begin_again
from pages.ui.history import list_runs
from pages.ui.opening import PAGES, forget_run, open_run
from pages.ui.particulars import draw_particulars
from pages.ui.state import AppState
from pages.ui.widgets import header, stop

_DELETING = "runs.deleting"


def act(chosen: list[Run], state: AppState) -> None:
    """Draw the buttons for the ticked runs, and do what is pressed."""
    run = chosen[0] if len(chosen) == 1 else None
    row = st.container(horizontal=True, key="runs-actions")
    if _button(row, "Open", "folder_open", why_not_open(run, len(chosen))):
        open_run(run, state)
    if _button(row, "Run again", "replay", why_not_again(run, len(chosen))):
        open_run(begin_again(run), state)
    if run and jobs.can_resume(run) and _button(row, "Resume", "resume", ""):
        open_run(jobs.resume(run.id, owner=owner), state)
    under_way = [one for one in chosen if not one.is_over]
    if _button(row, "Cancel", "block", "" if under_way else "Tick a run that is under way."):
        for one in under_way:
            jobs.cancel(one.id, owner=owner)
        st.rerun()
    if _button(row, "Delete", "delete", why_not_delete(chosen)):
        st.session_state[_DELETING] = {one.id for one in chosen}
    if chosen and st.session_state.get(_DELETING) == {one.id for one in chosen}:
        ask_before_deleting(chosen, state)


def _button(row, label: str, icon: str, why_not: str) -> bool:
    return row.button(
        label, icon=f":material/{icon}:", disabled=bool(why_not), help=why_not or None
    )


def why_not_open(run: Run | None, n_ticked: int) -> str:
    """Why a run cannot be opened; empty when it can."""
    if run is None:
        return "Tick one run." if not n_ticked else "Tick only one run."
    return "" if run.kind in PAGES else "No page shows runs of this kind."


def why_not_again(run: Run | None, n_ticked: int) -> str:
    """Why a run cannot be run again; empty when it can."""
    if run is None or run.kind not in PAGES:
        return why_not_open(run, n_ticked)
    if not run.is_over:
        return "It is still under way."
    return "" if jobs.can_run_again(run) else "What it read is not there any more: load it again."


def why_not_delete(chosen: list[Run]) -> str:
    """Why the ticked runs cannot be deleted; empty when they can."""
    if not chosen:
        return "Tick the runs to delete."
    return "" if all(run.is_over for run in chosen) else "Cancel what is under way first."


def ask_before_deleting(chosen: list[Run], state: AppState) -> None:
    """Ask once more, then delete."""
    what = "this run" if len(chosen) == 1 else f"these {len(chosen)} runs"
    with st.container(border=True):
        st.markdown(f"Delete {what} with all results? This cannot be undone.")
        row = st.container(horizontal=True)
        if row.button(f"Delete {what}", type="primary"):
            for run in chosen:
                jobs.delete(run.id, owner=owner)
                forget_run(run.id, state)
            del st.session_state[_DELETING]
            st.rerun()
        if row.button("Keep"):
            del st.session_state[_DELETING]
            st.rerun()


state = header("Runs", "Everything that was computed here, with its settings and results.")
owner = people.owner()
if not jobs.get_database().count(owner=owner):
    st.info("Nothing was run yet.", icon=":material/history:")
    stop()
chosen = list_runs()
st.caption("Tick one run to see and open it, two to five trainings to compare them.")
act(chosen, state)
if len(chosen) == 1:
    draw_particulars(chosen[0])
elif chosen:
    compare(chosen)
