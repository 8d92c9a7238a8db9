"""Load references, queries and model files: the demo at once, files by a worker."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.data import DEMO_MARKERS, DEMO_TASK, find_demo, load_dataset
from core.jobs import holdings
from core.paths import uploads_folder
from pages.ui import cache, people
from pages.ui.following import begin
from pages.ui.messages import show_errors
from pages.ui.state import AppState, get_state

__all__ = ["adopt_query", "adopt_reference", "load_demo", "load_upload", "offer_files"]

# Which step of the session loads what.
_STEPS = {"reference": "reading", "query": "reading_query", "model": "importing"}


def offer_files(part: str, *, help_text: str, busy: bool) -> None:
    """Draw the ways to load the ``"reference"`` or the ``"query"``: the demo's, or a file."""
    st.button(f"Load demo {part}", on_click=show_errors()(load_demo), args=(part,), disabled=busy)
    st.file_uploader(
        f"{part.capitalize()} file",
        key=f"{part}-file",
        on_change=load_upload,
        args=(part,),
        disabled=busy,
        help=help_text,
    )


def load_demo(part: str) -> None:
    """Load the demo's ``"reference"`` or ``"query"``; made by a worker the first time."""
    owner = people.owner()  # first of all: a button may be pressed after the log-out
    state, digest = get_state(), find_demo(part)
    state.is_demo = part == "reference" or state.is_demo
    if digest is None:
        begin(state, _STEPS[part], "read", {"demo": part}, title=f"Demo {part}")
        return
    holdings.hold(owner, digest, load_dataset(digest).name)
    if part == "reference":
        adopt_reference(state, digest)
    else:
        adopt_query(state, digest)


@show_errors()
def load_upload(what: str) -> None:
    """Hand the file in the uploader ``{what}-file`` to a worker; nothing here looks into it.

    It is called before the page is drawn, and shows above it what is refused.
    """
    people.owner()  # first of all: a file may be dropped after the log-out, and is not kept then
    upload, state = st.session_state[f"{what}-file"], get_state()
    if upload is None:
        return
    kind = "import_model" if what == "model" else "read"
    name = upload.name if what == "model" else Path(upload.name).stem
    config = {"path": str(_keep(upload)), "name": name, "is_upload": True}
    begin(state, _STEPS[what], kind, config, title=upload.name)
    state.is_demo = state.is_demo and what != "reference"


def adopt_reference(state: AppState, digest: str) -> None:
    """Take a dataset that was read as the reference, and propose its label column."""
    columns = [column.name for column in cache.dataset(digest).label_columns()]
    is_demo, state.reading = state.is_demo and DEMO_TASK.label in columns, None
    if is_demo:
        state.use_reference(digest, DEMO_TASK.label, DEMO_TASK.rare)
        state.is_demo, state.n_markers = True, DEMO_MARKERS
    else:
        state.use_reference(digest, columns[0] if columns else None)


def adopt_query(state: AppState, digest: str) -> None:
    """Take a dataset that was read as the query."""
    state.query, state.reading_query = digest, None


def _keep(upload: UploadedFile) -> Path:
    # A folder of its own, so that messages can name the file as its owner does.
    folder = uploads_folder() / uuid.uuid4().hex
    folder.mkdir()
    path = folder / (re.sub(r"[^\w.\- ()]", "_", upload.name).lstrip(".")[-100:] or "upload")
    with path.open("wb") as file:
        shutil.copyfileobj(upload, file)
    return path
