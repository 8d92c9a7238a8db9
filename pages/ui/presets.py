"""How it is tested, on the page Train: presets, samples, the optimistic variant, the seed."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.presets import PRESETS, matching_preset
from pages.ui import cache
from pages.ui.messages import plain
from pages.ui.state import AppState

__all__ = ["choose_preset", "choose_sample", "choose_variant", "draw_preset"]


def choose_variant(state: AppState) -> None:
    """Whether the optimistic variant is shown, and the seed."""
    state.optimistic = st.toggle(
        "Show the optimistic variant too",
        state.optimistic,
        key=state.key("optimistic"),
        persist_state="session",
        help="Everything is computed a second time with markers chosen on all cells, those that "
        "are tested included. That is how many published scores came about; the difference is how "
        "much too good they are. Takes twice as long.",
    )
    state.seed = st.number_input(
        "Seed",
        0,
        2**31 - 1,
        state.seed,
        key=state.key("seed"),
        persist_state="session",
        help="The same seed gives the same numbers.",
    )


def draw_preset(state: AppState) -> None:
    """Say what the settings of a published study are, and what it leaves open."""
    now = matching_preset(state.training_config(), optimistic=state.optimistic)
    if now is not None and now.doi:
        st.caption(
            f"**{plain(now.label)}** ([{now.doi}](https://doi.org/{now.doi})): {plain(now.known)} "
            f"{plain(now.unknown)}"
        )


def choose_preset(state: AppState) -> None:
    """A box that names the preset in force; choosing another one replaces all settings.

    It needs to be drawn after all the fields that it speaks of.
    """
    now = matching_preset(state.training_config(), optimistic=state.optimistic)
    names = list(PRESETS)
    name = st.selectbox(
        "Presets",
        names,
        index=names.index(now.name) if now else None,
        format_func=lambda one: PRESETS[one].label,
        placeholder=_own_words(state),
        # Another box for other settings: it says what they are, not what was chosen once.
        key=state.key(f"preset.{now.name if now else 'own'}"),
        help="Settings to begin with. Dataset and rare type stay; all other settings, the number "
        "of markers included, are replaced.",
    )
    if name is not None and (now is None or name != now.name):
        preset = PRESETS[name]
        state.adopt(preset.apply(state.training_config()), optimistic=preset.optimistic)
        st.rerun()


def _own_words(state: AppState) -> str:
    """What to call settings that are no preset's, for which the number of markers is enough."""
    config = state.training_config()
    usual = replace(config, markers=PRESETS["defaults"].config.markers)
    near = matching_preset(usual, optimistic=state.optimistic)
    if near is None or near.name != "defaults":
        return "Your own settings"
    return f"{near.label}, but {config.markers} markers"


def choose_sample(state: AppState) -> None:
    """Select the column of samples, if folds are to leave out whole samples."""
    columns = [name for name in cache.sample_columns(state.dataset) if name != state.label]
    if state.sample is not None and state.sample not in columns:
        columns.append(state.sample)  # from a run or a notebook; the library says what it thinks
    if not columns:
        return
    options = [None, *columns]
    state.sample = st.selectbox(
        "Leave out one sample at a time",
        options,
        index=options.index(state.sample),
        format_func=lambda name: "No: folds of cells" if name is None else f"By {name}",
        key=state.key("sample"),
        persist_state="session",
        help="The column that says which sample, donor or batch a cell is from. Every fold then "
        "tests cells of a sample that the training has not seen, as a query's are.",
    )
