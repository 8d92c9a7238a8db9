"""Load references, queries and model files: the demo at once, files by a worker."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core import jobs
from core.data import DEMO_MARKERS, DEMO_TASK, find_demo, load_dataset
from core.data.source import shared_name
from core.errors import RunError
from core.jobs import State, holdings
from core.jobs.schema import UNFINISHED
from core.jobs.uploads import discard_upload, keep_upload, remove_old_uploads
from pages.ui import cache, people
from pages.ui.following import begin
from pages.ui.messages import show_errors
from pages.ui.picking import offer_server
from pages.ui.state import AppState, get_state

__all__ = ["STEPS", "adopt_query", "adopt_reference", "load_demo", "load_upload", "offer_files"]

# Which step of the session loads what.
STEPS = {"reference": "reading", "query": "reading_query", "model": "importing"}
FORMATS = (
    ".h5ad, 10x Genomics .h5, 10x folder (matrix, features and barcodes: choose all three, or a "
    ".zip of them), .loom, .csv or .tsv (also .gz), .h5seurat, .rds or .RData. Choose files that "
    "belong together at once, such as a matrix and the table of its cells."
)
# Counts the lots of files that an uploader has had: each begins with an empty one.
_LOT = "needle.lot"


def offer_files(part: str, *, help_text: str, busy: bool) -> None:
    """Draw the ways to load the ``"reference"`` or the ``"query"``: the demo's, or files."""
    st.button(f"Load demo {part}", on_click=show_errors()(load_demo), args=(part,), disabled=busy)
    _uploader(part, "file", several=True, help_text=f"{help_text} {FORMATS}", busy=busy)
    st.caption(
        "h5ad, 10x Genomics, loom, csv or tsv, h5Seurat, R; files that belong together at once."
    )
    with st.expander("More ways to load"):
        sentence = (
            "For a dataset that is a folder of several files, such as `filtered_feature_bc_matrix` "
            "of Cell Ranger, with matrix, features and barcodes: choose the folder, and all of it "
            "is uploaded."
        )
        _uploader(part, "folder", several="directory", help_text=sentence, busy=busy)
        st.caption(
            "A folder is for a dataset of several files, such as Cell Ranger's "
            "`filtered_feature_bc_matrix`."
        )
        offer_server(part, STEPS[part], busy=busy)


def _uploader(
    part: str, what: str, *, several: Literal[True, "directory"], help_text: str, busy: bool
) -> None:
    key = f"{part}-{what}.{st.session_state.get(_LOT, 0)}"
    st.file_uploader(
        f"{part.capitalize()} {what}",
        accept_multiple_files=several,
        key=key,
        on_change=load_upload,
        args=(part, key),
        disabled=busy,
        help=help_text,
    )


def load_demo(part: str) -> None:
    """Load the demo's ``"reference"`` or ``"query"``; made by a worker the first time."""
    owner = people.owner()  # first of all: a button may be pressed after the log-out
    state, digest = get_state(), find_demo(part)
    state.is_demo = part == "reference" or state.is_demo
    if digest is None:
        begin(state, STEPS[part], "read", {"demo": part}, title=f"Demo {part}")
        return
    holdings.hold(owner, digest, load_dataset(digest).name)
    if part == "reference":
        adopt_reference(state, digest)
    else:
        adopt_query(state, digest)


@show_errors()
def load_upload(what: str, key: str | None = None) -> None:
    """Hand what is in an uploader to a worker; nothing here looks into it.

    It is called before the page is drawn, and shows above it what is refused. `key` is that of the
    uploader, by default ``{what}-file``.
    """
    people.owner()  # first of all: a file may be dropped after the log-out, and is not kept then
    uploads, state = _uploaded(st.session_state[key or f"{what}-file"]), get_state()
    if not uploads:
        return
    _tidy_up(getattr(state, STEPS[what]))
    try:
        config = keep_upload([(upload.name, upload) for upload in uploads])
    finally:
        _release(uploads)
    title = _title(uploads, Path(config["path"]).name)
    if what == "model":
        begin(state, STEPS[what], "import_model", config | {"name": title}, title=title)
        return
    st.session_state[_LOT] = st.session_state.get(_LOT, 0) + 1
    config |= {"name": _name(uploads, config), "role": what}
    begin(state, STEPS[what], "read", config, title=title)
    state.is_demo = state.is_demo and what != "reference"


def adopt_reference(state: AppState, digest: str, *, label: str | None = None) -> None:
    """Take a dataset that was read as the reference, and propose a label column, or `label`."""
    columns = [column.name for column in cache.dataset(digest).label_columns()]
    is_demo, state.reading = state.is_demo and DEMO_TASK.label in columns, None
    if is_demo:
        state.use_reference(digest, DEMO_TASK.label, DEMO_TASK.rare)
        state.is_demo, state.n_markers = True, DEMO_MARKERS
    else:
        state.use_reference(digest, next((c for c in (label, *columns) if c in columns), None))


def adopt_query(state: AppState, digest: str) -> None:
    """Take a dataset that was read as the query."""
    state.query, state.reading_query = digest, None


def _tidy_up(run_id: str | None) -> None:
    """Remove uploads that nobody reads: old ones, and those of questions and refusals left so."""
    database = jobs.get_database()
    unfinished = [run.config for run in database.runs(state=UNFINISHED, limit=None)]
    remove_old_uploads(unfinished)
    with suppress(RunError):  # deleted by now
        run = database.get(run_id, owner=people.owner()) if run_id else None
        in_use = {config.get("path") for config in unfinished}
        is_left = run and (run.state is State.FAILED or "question" in (run.summary or {}))
        if is_left and run.config.get("path") not in in_use:
            discard_upload(run.config)


def _uploaded(value: Any) -> list[UploadedFile]:
    """Return the files of an uploader, but for those that were taken over before."""
    files = value if isinstance(value, list) else [value]
    return [file for file in files if isinstance(file, UploadedFile)]


def _release(uploads: Sequence[UploadedFile]) -> None:
    """Give back the memory in which Streamlit holds files: they are on the disk now."""
    context = get_script_run_ctx()
    for upload in uploads:
        upload.truncate(0)  # not closed: Streamlit copies the value of a widget once more
        if context is not None:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def _title(uploads: Sequence[UploadedFile], folder: str) -> str:
    if "/" in uploads[0].name:
        return folder
    name = _shared(uploads)
    is_one_of_several = len(uploads) > 1 and name in {upload.name for upload in uploads}
    return f"{name} and {len(uploads) - 1} more" if is_one_of_several else name


def _shared(uploads: Sequence[UploadedFile]) -> str:
    return shared_name({upload.name: upload.size for upload in uploads})


def _name(uploads: Sequence[UploadedFile], config: dict[str, Any]) -> str:
    """What the dataset is going to be called: like its largest file without the endings."""
    if "paths" not in config and "/" in uploads[0].name:
        return Path(config["path"]).name
    name = Path(_shared(uploads))
    while name.suffix.lower() in (".gz", ".bz2", ".xz", ".zip"):
        name = name.with_suffix("")
    return name.stem
