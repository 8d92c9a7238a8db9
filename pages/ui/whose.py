"""Which cells a result is of, where they are not those that are chosen now."""

from __future__ import annotations

import streamlit as st

from core.jobs import Run
from pages.ui import cache
from pages.ui.messages import plain
from pages.ui.state import AppState

__all__ = ["cells_of", "is_of", "say_whose"]


def is_of(run: Run, state: AppState) -> bool:
    """Whether a run is of the dataset and the rare type that are chosen."""
    task = run.config["task"]
    mine = (run.config["dataset"], task["label"], task["rare"])
    return mine == (state.dataset, state.label, state.rare)


def cells_of(run: Run) -> str:
    """Rare type and dataset of a run, as its title began."""
    return f"{run.config['task']['rare']} in {cache.dataset(run.config['dataset']).name}"


def say_whose(run: Run) -> None:
    """Say that a result is of other cells than those that the page is about now."""
    st.warning(
        f"This result is of **{plain(cells_of(run))}**, not of the cells that are chosen now.",
        icon=":material/swap_horiz:",
    )
