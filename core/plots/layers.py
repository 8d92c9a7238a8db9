"""Layers of a map: groups of cells drawn one over the other, as points or as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from core.plots.raster import Frame, draw_points, frame_of
from core.plots.theme import page
from core.text import count_text, safe_text

__all__ = [
    "VECTOR_LIMIT",
    "Layer",
    "add_picture",
    "base_size",
    "draw_layers",
    "frame_axes",
    "name_gene_rows",
]

VECTOR_LIMIT = 25_000  # points that a browser draws as points without losing its breath
SIGNAL_EXTRA = 4.0  # pixels by which a signal's points are wider than the other cells'


@dataclass(frozen=True, eq=False)
class Layer:
    """One group of cells of one colour.

    Parameters
    ----------
    name : str
        What the legend calls it; the number of cells is added.
    xy : ndarray of float32, shape (n, 2)
        Map coordinates.
    colour : str
        ``#RRGGBB``.
    place : int
        Place in the legend, which differs from the order of drawing.
    signal : bool
        Whether the cells are what the map is about: drawn larger and never left to a picture
        unless they alone are too many.
    hollow : bool
        Whether the cells are open circles.
    diamond : bool
        Whether the cells are diamonds with a rim of ink, as those of a second dataset are.
    """

    name: str
    xy: np.ndarray
    colour: str
    place: int
    signal: bool = False
    hollow: bool = False
    diamond: bool = False


def base_size(n: int) -> float:
    """Diameter in pixels of an ordinary cell on a map of `n` cells."""
    return 6.0 if n <= 1_000 else 4.5 if n <= 5_000 else 3.0


def draw_layers(layers: Sequence[Layer], *, dark: bool) -> go.Figure:
    """Draw layers in order, the last on top.

    Above 25,000 cells all but the signal and open circles become a picture.
    """
    n = sum(len(layer.xy) for layer in layers)
    n_signal = sum(len(layer.xy) for layer in layers if _stays_sharp(layer))
    frame = frame_of(np.concatenate([layer.xy for layer in layers]))
    kept = [layer for layer in layers if _stays_sharp(layer) and n_signal <= VECTOR_LIMIT]
    pictured = [layer for layer in layers if n > VECTOR_LIMIT and layer not in kept]
    fig = go.Figure()
    if pictured:
        colours = [np.tile(_rgb(layer.colour), (len(layer.xy), 1)) for layer in pictured]
        points = np.concatenate([layer.xy for layer in pictured])
        add_picture(fig, points, np.concatenate(colours), frame)
        # The legend cannot switch off a part of a picture, so it does not offer to.
        fig.update_layout(legend=dict(itemclick=False, itemdoubleclick=False))
    for layer in layers:
        fig.add_trace(_points(layer, base_size(n), dark=dark, empty=layer in pictured))
    return frame_axes(fig, frame)


def add_picture(fig: go.Figure, xy: np.ndarray, colours: np.ndarray, frame: Frame) -> None:
    """Lay a picture of points, shape (n, 2), under a map.

    An invisible trace holds the frame's corners, so that the map has axes to select on.
    """
    fig.add_layout_image(
        source=draw_points(xy, colours, frame),
        xref="x",
        yref="y",
        x=frame.x0,
        y=frame.y1,
        sizex=frame.x1 - frame.x0,
        sizey=frame.y1 - frame.y0,
        sizing="stretch",
        layer="below",
    )
    fig.add_trace(
        go.Scattergl(
            x=np.array([frame.x0, frame.x1], dtype=np.float32),
            y=np.array([frame.y0, frame.y1], dtype=np.float32),
            mode="markers",
            marker=dict(opacity=0),
            hoverinfo="skip",
            showlegend=False,
            name="frame",
        )
    )


def frame_axes(fig: go.Figure, frame: Frame) -> go.Figure:
    """Give a map bare axes of equal scale: distances in a UMAP have no unit to write."""
    bare = dict(showgrid=False, showticklabels=False, ticks="", title_standoff=6)
    fig.update_xaxes(range=[frame.x0, frame.x1], title_text="UMAP 1", **bare)
    fig.update_yaxes(
        range=[frame.y0, frame.y1], title_text="UMAP 2", scaleanchor="x", scaleratio=1, **bare
    )
    return fig


def _points(layer: Layer, size: float, *, dark: bool, empty: bool) -> go.Scattergl:
    look = page(dark)
    # An empty trace would lose its legend entry; one point nowhere keeps it.
    nowhere = np.full((1, 2), np.nan, dtype=np.float32)
    xy = nowhere if empty or not len(layer.xy) else layer.xy
    marker: dict[str, object] = dict(size=size, color=layer.colour, opacity=0.85)
    if layer.signal:
        # A hair of paper around each signal point keeps neighbours apart.
        line = dict(width=1, color=look.paper)
        marker = dict(size=size + SIGNAL_EXTRA, color=layer.colour, opacity=1, line=line)
    if layer.diamond:
        marker |= dict(symbol="diamond", line=dict(width=1.2, color=look.ink))
    if layer.hollow:
        # The more of them, the fainter each, so that real cells show above them.
        opacity = 0.5 if len(xy) <= 100 else 0.3 if len(xy) <= 500 else 0.18
        marker = dict(
            size=size + 1,
            color=layer.colour,
            opacity=opacity,
            symbol="circle-open",
            line=dict(width=1, color=layer.colour),
        )
    name, count = safe_text(layer.name), count_text(len(layer.xy))
    return go.Scattergl(
        x=np.ascontiguousarray(xy[:, 0]),
        y=np.ascontiguousarray(xy[:, 1]),
        mode="markers",
        marker=marker,
        name=f"{name}  <span style='color:{look.muted}'>{count}</span>",
        legendrank=layer.place + 1,
        # One text for the whole trace; a text per point would be sent with every point.
        hoverinfo="text",
        hovertext=name,
    )


def _stays_sharp(layer: Layer) -> bool:
    return layer.signal or layer.hollow


def _rgb(colour: str) -> np.ndarray:
    return np.array(hex_to_rgb(colour), dtype=np.uint8)


def name_gene_rows(fig: go.Figure, genes: list[str]) -> None:
    """Give every gene a row, from the top; few of them do not fill the height."""
    # Categories, said outright: plotly would read "MARCH1" as a date and "1" as a number.
    fig.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=genes,
        tickvals=genes,
        ticktext=[f"<i>{safe_text(gene)}</i>" for gene in genes],
        range=[max(len(genes), 4) - 0.4, -0.6],
        showgrid=False,
        ticklabelstandoff=6,
    )
