"""Choose a file that lies on the server, below the folders that the administrator has opened."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import DataError
from core.jobs.roots import Listing, browse, data_roots
from pages.ui import people
from pages.ui.following import begin
from pages.ui.messages import show_errors, show_problem
from pages.ui.state import get_state

__all__ = ["offer_server"]

_WHOLE = "The whole folder"


def offer_server(part: str, step: str, *, busy: bool) -> None:
    """Draw the way to a file of the server, where there are folders to choose from."""
    roots = data_roots()
    if not roots:
        return
    place = st.session_state.get(_place(part), str(roots[0]))
    try:
        listing = browse(Path(place))
    except DataError as error:
        show_problem(error.code, error.message, error.next_step)
        listing = browse(roots[0])
    folders = _folders(listing, roots)
    left, right = st.columns(2)
    left.selectbox(
        "Folder on this server",
        list(folders),
        format_func=folders.get,
        key=f"{part}-folder-on-server.{listing.folder}",
        on_change=_go,
        args=(part, f"{part}-folder-on-server.{listing.folder}"),
        disabled=busy,
        help="Its files are read where they are, and stay there.",
    )
    files = {str(listing.folder): _WHOLE} | {str(file): _label(file) for file in listing.files}
    chosen = right.selectbox(
        "File on this server",
        list(files),
        format_func=files.get,
        index=1 if len(files) == 2 else None,
        placeholder="Choose a file, or the whole folder",
        key=f"{part}-file-on-server.{listing.folder}",
        disabled=busy,
    )
    if listing.is_cut:
        st.caption("This folder has more files than are listed here.")
    st.button(
        "Load from this server",
        key=f"{part}-load-from-server",
        on_click=_load,
        args=(part, step, chosen),
        disabled=busy or chosen is None,
    )


def _place(part: str) -> str:
    return f"needle.server-folder.{part}"


def _folders(listing: Listing, roots: tuple[Path, ...]) -> dict[str, str]:
    """Where one can go from a folder, by path: it itself first, up, down, and to other roots."""
    folders = {str(listing.folder): _from_root(listing.folder, roots)}
    if listing.parent is not None:
        folders[str(listing.parent)] = f"↑ {_from_root(listing.parent, roots)}"
    folders |= {str(folder): f"↳ {folder.name}" for folder in listing.folders}
    return folders | {str(root): root.name for root in roots if str(root) not in folders}


def _from_root(folder: Path, roots: tuple[Path, ...]) -> str:
    """Name a folder from its root on: what lies above that is nobody's business."""
    root = next(root for root in roots if folder.is_relative_to(root))
    return str(Path(root.name) / folder.relative_to(root))


def _label(file: Path) -> str:
    size = file.stat().st_size
    unit, amount = ("GB", size / 2**30) if size >= 2**30 else ("MB", size / 2**20)
    return f"{file.name} ({amount:.2f} {unit})"


def _go(part: str, key: str) -> None:
    st.session_state[_place(part)] = st.session_state[key]


@show_errors()
def _load(part: str, step: str, path: str) -> None:
    people.owner()  # first of all: a button may be pressed after the log-out
    state, name = get_state(), Path(path).name
    config = {"path": path, "on_server": True, "name": Path(name).stem, "role": part}
    begin(state, step, "read", config, title=name)
    state.is_demo = state.is_demo and part != "reference"
