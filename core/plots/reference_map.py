"""Map of a reference with the cells of a query placed in it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.plots.checks import check_coordinates, check_labels, refuse
from core.plots.layers import Layer, draw_layers
from core.plots.theme import RARE, UNSURE, finish, page
from core.text import call_words, cells_text, count_text, safe_text

__all__ = ["map_on_reference"]


def map_on_reference(
    xy: np.ndarray,
    is_rare: np.ndarray,
    xy_query: np.ndarray,
    calls: np.ndarray,
    *,
    rare: str,
    dark: bool = False,
) -> go.Figure:
    """Draw where the cells of a query come to lie among those of the reference.

    Reference cells are circles, its rare ones vermilion; called and unsure query cells are diamonds
    with a rim, above all others.

    Parameters
    ----------
    xy : ndarray of float, shape (n_reference_cells, 2)
        Map coordinates of the reference.
    is_rare : ndarray of bool, shape (n_reference_cells,)
        Which of its cells are of the rare type.
    xy_query : ndarray of float, shape (n_query_cells, 2)
        Where the query's cells fall on that map.
    calls : array of str, shape (n_query_cells,)
        The rare type's name, "unsure" or "other" per query cell.
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
    >>> fig = map_on_reference(np.eye(2), [False, True], np.eye(2), ["other", "epsilon"],
    ...                        rare="epsilon")
    >>> fig.layout.meta["alt"]
    "Map of the reference's 2 cells, 1 of them epsilon, with 2 query cells: 1 called, 0 unsure."
    """
    xy, xy_query = check_coordinates(xy), check_coordinates(xy_query, "xy_query")
    is_rare = np.array(is_rare, dtype=bool)
    if is_rare.shape != (len(xy),):
        raise refuse("is_rare", f"have one value per cell ({len(xy):,})", f"shape {is_rare.shape}")
    calls = check_labels(calls, len(xy_query), "calls")
    other, unsure = call_words(rare)
    unknown = sorted(set(calls) - {rare, other, unsure})
    if unknown:
        raise refuse("calls", f'be "{rare}", "{unsure}" or "{other}"', f'"{unknown[0]}"')
    look = page(dark)
    layers = [
        Layer(f"reference: {other}", xy[~is_rare], look.other, place=4),
        Layer(f"query: {other}", xy_query[calls == other], look.plain, place=3),
        Layer(f"reference: {rare}", xy[is_rare], RARE, place=2, signal=True),
        Layer(
            f"query: {unsure}",
            xy_query[calls == unsure],
            UNSURE,
            place=1,
            signal=True,
            diamond=True,
        ),
        Layer(f"query: {rare}", xy_query[calls == rare], RARE, place=0, signal=True, diamond=True),
    ]
    called, doubtful = (count_text(int((calls == name).sum())) for name in (rare, unsure))
    n_rare = count_text(int(is_rare.sum()))
    alt = f"Map of the reference's {cells_text(len(xy))}, {n_rare} of them {rare}, with "
    alt += f"{cells_text(len(xy_query), 'query')}: {called} called, {doubtful} {unsure}."
    note = f"{cells_text(len(xy_query), 'query')} among {cells_text(len(xy), 'reference')}"
    note += f", {n_rare} of these {safe_text(rare)}"
    return finish(draw_layers(layers, dark=dark), dark=dark, alt=alt, note=note)
