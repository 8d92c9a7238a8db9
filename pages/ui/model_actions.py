"""What can be done with a model of the library: use it, take it away, rename it, delete it."""

from __future__ import annotations

import streamlit as st

from core.errors import NeedleError
from core.jobs.library import LONGEST_NAME, Model, delete_model, rename_model
from pages.ui.messages import plain, show_problem
from pages.ui.models import draw_what_a_file_gives_away, file_name
from pages.ui.state import AppState

__all__ = ["act"]

# Id of the model that is going to be deleted if the user says so again.
_DELETING = "models.deleting"


def act(model: Model, state: AppState, owner: str) -> None:
    """Offer what can be done with a model."""
    row = st.container(horizontal=True)
    if row.button("Use it in Annotate", type="primary", icon=":material/arrow_forward:"):
        state.model = str(model.path)
        st.switch_page("pages/annotate.py")
    row.download_button(
        "Download model",
        data=model.path.read_bytes,
        disabled=not model.path.exists(),
        file_name=file_name(model.name),
        mime="application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
    )
    if row.button("Delete", icon=":material/delete:"):
        st.session_state[_DELETING] = model.id
    if st.session_state.get(_DELETING) == model.id:
        _ask_before_deleting(model, state, owner)
    draw_what_a_file_gives_away()
    _offer_name(model, owner)


def _offer_name(model: Model, owner: str) -> None:
    field, button = st.columns([3, 1], vertical_alignment="bottom")
    name = field.text_input(
        "Name", value=model.name, max_chars=LONGEST_NAME, key=f"name.{model.id}.{model.name}"
    )
    if button.button("Rename", width="stretch"):
        try:
            rename_model(model.id, name, owner)
        except NeedleError as error:
            show_problem(error.code, error.message, error.next_step)
        else:
            st.rerun()


def _ask_before_deleting(model: Model, state: AppState, owner: str) -> None:
    """Ask once more, then delete."""
    with st.container(border=True):
        st.markdown(f"Delete **{plain(model.name)}** for good? Downloaded files of it stay.")
        row = st.container(horizontal=True)
        if row.button("Delete this model", type="primary"):
            delete_model(model.id, owner)
            del st.session_state[_DELETING]
            state.model = None if state.model == str(model.path) else state.model
            st.rerun()
        if row.button("Keep"):
            del st.session_state[_DELETING]
            st.rerun()
