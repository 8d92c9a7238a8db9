"""Map of cells by score."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.colors import unlabel_rgb

from core.plots.checks import check_coordinates, check_shares
from core.plots.colours import score_scale
from core.plots.layers import VECTOR_LIMIT, add_picture, base_size, frame_axes
from core.plots.raster import frame_of
from core.plots.theme import bar_title, finish, page
from core.text import cells_text, count_text

__all__ = ["map_scores"]

HIGH = 0.5  # from here on a dot has a rim
EXTRA_SIZE = 4.0  # pixels by which a score of 1 is wider than a score of 0
MOST_SHARP = 2_000  # high scores that at most stay points when the rest of a map is a picture


def map_scores(
    xy: np.ndarray, scores: np.ndarray, *, threshold: float = 0.5, dark: bool = False
) -> go.Figure:
    """Draw each cell's score in cividis, high scores on top and larger.

    Parameters
    ----------
    xy : ndarray of float, shape (n_cells, 2)
        Map coordinates.
    scores : ndarray of float, shape (n_cells,)
        Score of each cell, 0–1.
    threshold : float
        From which score on cells are called, 0–1: how many these are is said.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When shapes do not fit, a coordinate is missing or a score is outside 0–1.

    Examples
    --------
    >>> fig = map_scores(np.eye(2), [0.1, 0.912])
    >>> fig.layout.meta["alt"]
    'Map of 2 cells by score from 0 to 1; 1 cell at 0.5 or above.'
    """
    xy = check_coordinates(xy)
    scores = check_shares(scores, "scores", len(xy))
    low_first = np.argsort(scores, kind="stable")
    xy, scores = xy[low_first], scores[low_first]
    fig, frame, n_high = go.Figure(), frame_of(xy), int((scores >= threshold).sum())
    n_pictured = 0
    if len(xy) > VECTOR_LIMIT:
        n_pictured = len(xy) - min(max(n_high, 1), MOST_SHARP)
        add_picture(fig, xy[:n_pictured], _score_rgb(scores[:n_pictured], dark=dark), frame)
    sharp = slice(n_pictured, None)
    fig.add_trace(_scored(xy[sharp], scores[sharp], base_size(len(xy)), dark=dark))
    alt = f"Map of {cells_text(len(xy))} by score from 0 to 1;"
    alt += f" {cells_text(n_high)} at {threshold:.2g} or above."
    note = f"{cells_text(len(xy))}, {count_text(n_high)} at {threshold:.2g} or above"
    return finish(frame_axes(fig, frame), dark=dark, alt=alt, note=note, legend="none")


def _scored(xy: np.ndarray, scores: np.ndarray, size: float, *, dark: bool) -> go.Scattergl:
    muted = page(dark).muted
    bar = dict(
        title=bar_title("Score"),
        thickness=10,
        len=0.6,
        outlinewidth=0,
        y=1,
        yanchor="top",
        ypad=0,
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        tickfont=dict(size=12, color=muted),
    )
    marker = dict(
        color=scores.astype(np.float32),
        colorscale=score_scale(dark),
        cmin=0,
        cmax=1,
        colorbar=bar,
        size=(size + EXTRA_SIZE * scores).astype(np.float32),
        opacity=1,
        # Cividis ends in a yellow that a light page would swallow without an edge.
        line=dict(width=np.where(scores >= HIGH, 0.8, 0).astype(np.float32), color=muted),
    )
    return go.Scattergl(
        x=np.ascontiguousarray(xy[:, 0]),
        y=np.ascontiguousarray(xy[:, 1]),
        mode="markers",
        marker=marker,
        hovertemplate="score %{marker.color:.3f}<extra></extra>",
    )


def _score_rgb(scores: np.ndarray, *, dark: bool) -> np.ndarray:
    places, colours = zip(*score_scale(dark), strict=True)
    table = np.array([unlabel_rgb(colour) for colour in colours])
    channels = [np.interp(scores, places, channel) for channel in table.T]
    return np.column_stack(channels).round().astype(np.uint8)
