"""The settings of LoRAS, on the page Train."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.ui.state import AppState

__all__ = ["loras_settings"]


def loras_settings(state: AppState) -> None:
    """Neighbours, shadow samples, noise; an empty field means the default."""
    loras = state.loras
    n_neighbors = _number_or_automatic(
        "Neighbours (k)",
        (1, 500),  # a limit by the number of rare cells would not survive a rarer type
        loras.n_neighbors,
        key=state.key("n_neighbors"),
        help_text="Rare cells in a neighbourhood. Automatic: 5 below 100 rare cells, else 30.",
    )
    n_affine = _number_or_automatic(
        "Shadow samples per cell (A)",
        (2, 500),
        loras.n_affine,
        key=state.key("n_affine"),
        help_text="How many noisy copies are mixed into one synthetic cell. Automatic: the number "
        "of markers, at most 50. A small number keeps more of the real variance.",
    )
    noise_scale = st.number_input(
        "Noise",
        0.0,
        1.0,
        loras.noise_scale,
        step=0.005,
        format="%.3f",
        key=state.key("noise_scale"),
        persist_state="session",
        help="Standard deviation of the noise per gene, in units of the scaled expression.",
    )
    spaces = {"features": "marker genes", "pca": "PCA", "tsne": "t-SNE (16 cells or more)"}
    space = st.selectbox(
        "Neighbours are sought in",
        list(spaces),
        index=list(spaces).index(loras.neighbour_space),
        format_func=spaces.get,
        key=state.key("neighbour_space"),
        persist_state="session",
    )
    weights = {"dirichlet": "Dirichlet", "integers": "integers, as published"}
    drawn = st.selectbox(
        "Weights",
        list(weights),
        index=list(weights).index(loras.weights),
        format_func=weights.get,
        key=state.key("loras.weights"),
        persist_state="session",
        help="How the weights of a combination are drawn.",
    )
    state.loras = replace(
        loras,
        n_neighbors=n_neighbors,
        n_affine=n_affine,
        noise_scale=noise_scale,
        weights=drawn,
        neighbour_space=space,
    )


def _number_or_automatic(
    label: str,
    limits: tuple[int, int],
    value: int | None,
    *,
    key: str,
    help_text: str,
) -> int | None:
    # A field can be emptied again only if it began empty, so a value is handed over by its key.
    if value is not None and key not in st.session_state:
        st.session_state[key] = value
    return st.number_input(
        label,
        *limits,
        None,
        key=key,
        persist_state="session",
        placeholder="automatic",
        help=help_text,
    )
