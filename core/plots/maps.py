"""Maps of cells: by type, with synthetic cells, by call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.checks import check_coordinates, check_labels, refuse
from core.plots.colours import type_colours
from core.plots.layers import Layer, draw_layers
from core.plots.theme import RARE, UNSURE, finish, page
from core.text import call_words, cells_text, count_text, safe_text

__all__ = ["map_by_type", "map_calls", "map_synthetic"]


def map_by_type(
    xy: np.ndarray, types: np.ndarray, *, rare: str | None = None, dark: bool = False
) -> go.Figure:
    """Draw cells coloured by type, the rare type last and larger.

    Parameters
    ----------
    xy : ndarray of float, shape (n_cells, 2)
        Map coordinates.
    types : array of str, shape (n_cells,)
        Cell type per cell; cells without one are grey, below all others, and are no type.
    rare : str or None
        The rare type.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When shapes do not fit or a coordinate is missing.

    Examples
    --------
    >>> fig = map_by_type(np.eye(2), ["beta", "epsilon"], rare="epsilon")
    >>> fig.layout.meta["alt"]
    'Map of 2 cells of 2 types; 1 cell is epsilon.'
    """
    xy = check_coordinates(xy)
    is_missing = pd.isna(np.asarray(types, dtype=object)).ravel()
    types = check_labels(types, len(xy), "types")
    names, counts = np.unique(types[~is_missing], return_counts=True)
    colours = type_colours(names, rare=rare, dark=dark)
    # Large types first, so that small ones are not buried; the rare type after all of them.
    largest_first = [str(names[i]) for i in np.argsort(-counts, kind="stable")]
    order = [name for name in largest_first if name != rare] + [rare] * (rare in largest_first)
    layers = [
        Layer(
            name,
            xy[(types == name) & ~is_missing],
            colours[name],
            0 if name == rare else place,
            name == rare,
        )
        for place, name in enumerate(order, start=1)
    ]
    rest = ""
    if is_missing.any():
        grey = Layer("unlabelled", xy[is_missing], page(dark).other, place=len(order) + 1)
        layers, rest = [grey, *layers], f", {count_text(int(is_missing.sum()))} unlabelled"
    n_rare = int((types == rare).sum())
    alt = f"Map of {cells_text(len(xy))} of {count_text(len(names))} types{rest}"
    alt += f"; {_are(n_rare)} {rare}." if rare is not None else "."
    note = f"{cells_text(len(xy))}, {count_text(len(names))} types{rest}"
    return finish(draw_layers(layers, dark=dark), dark=dark, alt=alt, note=note)


def map_synthetic(
    xy: np.ndarray, is_rare: np.ndarray, xy_synthetic: np.ndarray, *, rare: str, dark: bool = False
) -> go.Figure:
    """Draw synthetic cells as open circles below the real rare cells they were made from.

    Parameters
    ----------
    xy : ndarray of float, shape (n_cells, 2)
        Map coordinates of real cells.
    is_rare : ndarray of bool, shape (n_cells,)
        Which real cells are of the rare type.
    xy_synthetic : ndarray of float, shape (n_synthetic, 2)
        Where the synthetic cells fall on the same map.
    rare : str
        The rare type's name.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When shapes do not fit or a coordinate is missing.

    Examples
    --------
    >>> fig = map_synthetic(np.eye(2), [False, True], np.ones((3, 2)), rare="epsilon")
    >>> fig.layout.meta["alt"]
    'Map of 2 cells, of which 1 cell is epsilon, with 3 synthetic cells around them.'
    """
    xy = check_coordinates(xy)
    xy_synthetic = check_coordinates(xy_synthetic, "xy_synthetic")
    is_rare = np.array(is_rare, dtype=bool)
    if is_rare.shape != (len(xy),):
        raise refuse("is_rare", f"have one value per cell ({len(xy):,})", f"shape {is_rare.shape}")
    layers = [
        Layer("other cells", xy[~is_rare], page(dark).other, place=2),
        Layer("synthetic", xy_synthetic, RARE, place=1, hollow=True),
        Layer(rare, xy[is_rare], RARE, place=0, signal=True),
    ]
    n_rare, n_synthetic = int(is_rare.sum()), len(xy_synthetic)
    synthetic = cells_text(n_synthetic, "synthetic")
    alt = f"Map of {cells_text(len(xy))}, of which {_are(n_rare)} {rare},"
    alt += f" with {synthetic} around them."
    note = f"{cells_text(len(xy))}, {cells_text(n_rare, 'rare')}, {synthetic}"
    return finish(draw_layers(layers, dark=dark), dark=dark, alt=alt, note=note)


def map_calls(xy: np.ndarray, calls: np.ndarray, *, rare: str, dark: bool = False) -> go.Figure:
    """Draw what a model calls each cell of a query: the rare type, unsure, or other.

    Parameters
    ----------
    xy : ndarray of float, shape (n_cells, 2)
        Map coordinates.
    calls : array of str, shape (n_cells,)
        The rare type's name, "unsure" or "other" per cell.
    rare : str
        The rare type's name.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When shapes do not fit, a coordinate is missing or a call is none of the three.

    Examples
    --------
    >>> fig = map_calls(np.eye(2), ["other", "epsilon"], rare="epsilon")
    >>> fig.layout.meta["alt"]
    'Map of 2 cells: 1 called epsilon, 0 unsure.'
    """
    xy = check_coordinates(xy)
    calls = check_labels(calls, len(xy), "calls")
    other, unsure = call_words(rare)
    unknown = sorted(set(calls) - {rare, other, unsure})
    if unknown:
        raise refuse("calls", f'be "{rare}", "{unsure}" or "{other}"', f'"{unknown[0]}"')
    layers = [
        Layer(other, xy[calls == other], page(dark).other, place=2),
        Layer(unsure, xy[calls == unsure], UNSURE, place=1, signal=True),
        Layer(rare, xy[calls == rare], RARE, place=0, signal=True),
    ]
    called, doubtful = (count_text(int((calls == name).sum())) for name in (rare, unsure))
    alt = f"Map of {cells_text(len(xy))}: {called} called {rare}, {doubtful} {unsure}."
    note = f"{cells_text(len(xy))}, {called} called {safe_text(rare)}, {doubtful} {unsure}"
    return finish(draw_layers(layers, dark=dark), dark=dark, alt=alt, note=note)


def _are(n: int) -> str:
    return f"{cells_text(n)} {'is' if n == 1 else 'are'}"
