"""The form of a transfer: how calls are carried over to another lab's data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from core.jobs.settings import NAMES, TRANSFER_WORDS
from core.transfer_config import TransferConfig
from pages.ui.state import AppState

__all__ = ["choose_transfer"]

# Settings by what they are about; each has its name from the list that the page Runs has, too.
_PARTS = {
    "Comparable genes": ("standardise", "features", "match_depth", "context", "harmony"),
    "The query's own structure": ("n_neighbors", "n_components", "smoothness", "refine"),
    "Scores and decision": ("scorer", "threshold", "votes", "seed", "adapt"),
}
_LIMITS = {
    "n_neighbors": (2, 100),
    "n_components": (2, 30),
    "smoothness": (0.0, 100.0),
    "seed": (0, 2**32 - 1),
}
_HELP = {
    "scorer": "Fitted on the reference's cells with the genes that both datasets have. Automatic: "
    "the model's own method where its scores hold in other studies, else logistic regression.",
    "standardise": "Whose mean and standard deviation count. The query's own cancel what its lab "
    "does to a gene; the reference's keep what its mix of types does to it.",
    "features": "Ranks and directions ignore how strongly a cell was measured as a whole.",
    "match_depth": "The deeper dataset is thinned to the other's counts per cell. Automatic: when "
    "they differ by a factor of 10 or more.",
    "context": "They tell lookalikes apart: cytotoxic T cells have most of a natural killer cell's "
    "markers. Models of earlier versions have none.",
    "harmony": "Moves both datasets onto each other in the space of these genes, in the place of "
    "the query's own standardisation.",
    "refine": "Each cell's score is drawn towards those of the cells that are most like it in the "
    "query.",
    "n_neighbors": "In the graph of the query's cells, by which scores are refined and clusters "
    "found.",
    "n_components": "Of the query, by which its neighbours are found beside its marker genes.",
    "smoothness": "Weight of the neighbours against the cell's own score; at 0 it stays as it is.",
    "threshold": "Label shift estimates the share of rare cells first and needs calibrated scores; "
    "in other studies it missed most of them. The model's own was chosen inside its reference.",
    "votes": "All cells of a cluster get one call. A rare type without a cluster of its own is "
    "lost by it.",
    "seed": "Of oversampling, folds, thinning and clusters.",
    "adapt": "Half of the final score is learned from the calls of the query's other cells, which "
    "know nothing of the reference's lab.",
}


def choose_transfer(state: AppState) -> None:
    """Draw one field for each setting, folded away as they have good defaults."""
    before, chosen = state.transfer, {}
    with st.expander("How calls are carried over", icon=":material/tune:", key="carrying"):
        st.caption(
            "Another lab's chemistry, depth and mix of types move all scores. These steps make "
            "reference and query comparable and find the threshold in the query itself; its labels "
            "have no part in it."
        )
        for column, (title, names) in zip(st.columns(3, gap="large"), _PARTS.items(), strict=True):
            with column:
                st.markdown(f"**{title}**")
                chosen |= {name: _field(state, name, before) for name in names}
        state.transfer = replace(before, **chosen)
        is_default = state.transfer == TransferConfig()
        st.button(
            "Back to the defaults",
            icon=":material/restart_alt:",
            key="transfer-defaults",
            on_click=_reset,
            args=(state,),
            disabled=is_default,
        )
    if not is_default:
        st.caption("Not all of these settings are the defaults.")


def _reset(state: AppState) -> None:
    state.transfer = TransferConfig()
    state.edition += 1


def _field(state: AppState, name: str, before: TransferConfig) -> Any:
    value, label = getattr(before, name), NAMES[f"transfer.{name}"]
    common = {
        "key": state.key(f"transfer.{name}"),
        "persist_state": "session",
        "help": _HELP[name],
    }
    if name in TRANSFER_WORDS:
        # By its words, as Streamlit takes the value None for no choice.
        choices = {words: choice for choice, words in TRANSFER_WORDS[name].items()}
        index = list(choices.values()).index(value)
        return choices[st.selectbox(label, list(choices), index=index, **common)]
    if name in _LIMITS:
        return st.number_input(label, *_LIMITS[name], value, **common)
    return st.toggle(label, value, **common)
