"""Precision against recall over all thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from core.config import Method
from core.plots.checks import refuse
from core.plots.colours import classifier_colours
from core.plots.theme import RARE, finish, page
from core.text import method_label, number_text

__all__ = ["ChosenPoint", "corners", "precision_recall_curves"]

PLAIN_DASH = "6px,4px"  # short enough to be told from a full line in the legend
OTHER_DASHES = ("dot", "dashdot", "longdash", "longdashdot")


class ChosenPoint(NamedTuple):
    """A threshold of a method and where it lies on its curve, each 0–1."""

    method: str
    threshold: float
    recall: float
    precision: float


def precision_recall_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]],
    *,
    prevalence: float,
    chosen: ChosenPoint | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw precision against recall as steps, whose area is the average precision.

    Parameters
    ----------
    curves : mapping of str to (recall, precision, average_precision)
        For each method recall and precision (0–1, shape (n_points,), in order of recall either
        way) and average precision (0–1).
    prevalence : float
        Share of rare cells (0–1): the precision of a method that calls every cell rare.
    chosen : ChosenPoint or None
        The threshold in use, marked on the curve of its method, which is among `curves`; that
        curve is drawn full and in the accent's colour, the others are grey.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When `curves` is empty or lacks the method of `chosen`, a pair differs in length or
        `prevalence` is outside 0–1.

    Examples
    --------
    >>> curves = {"loras+knn": (np.array([1.0, 0.0]), np.array([0.5, 1.0]), 0.5)}
    >>> precision_recall_curves(curves, prevalence=0.02).data[0].name
    'LoRAS + knn  AP 0.500'
    """
    if not curves:
        raise refuse("curves", "hold at least one method", "none")
    if not 0 <= prevalence <= 1:
        raise refuse("prevalence", "lie from 0 to 1", str(prevalence))
    if chosen is not None and chosen.method not in curves:
        raise refuse("chosen", "be of a method among `curves`", chosen.method)
    methods = {name: Method.parse(name) for name in curves}
    colours = classifier_colours((method.classifier for method in methods.values()), dark=dark)
    dashes = _dashes(method.sampler for method in methods.values())
    fig = go.Figure()
    for name, (recall, precision, average) in curves.items():
        x, y = corners(name, np.asarray(recall, float), np.asarray(precision, float))
        method = methods[name]
        line = dict(
            shape="hv",
            width=2.2,
            color=colours[method.classifier],
            dash=dashes[method.sampler],
        )
        if chosen is not None:
            is_chosen = name == chosen.method
            line["color"] = page(dark).accent if is_chosen else page(dark).plain
            line["dash"] = "solid" if is_chosen else PLAIN_DASH
        label = f"{method_label(name)}  AP {number_text(average)}"
        hover = f"{method_label(name)}<br>recall %{{x:.3f}}, precision %{{y:.3f}}<extra></extra>"
        fig.add_trace(
            go.Scatter(x=x, y=y, mode="lines", line=line, name=label, hovertemplate=hover)
        )
    muted = page(dark).muted
    fig.add_hline(
        prevalence,
        line=dict(color=muted, width=1, dash="dot"),
        annotation=dict(
            text=f"all cells called: {number_text(prevalence)}",
            x=0,
            xanchor="left",
            yanchor="bottom",
            font=dict(size=12, color=muted),
            # The curve of a poor method runs along here.
            bgcolor=page(dark).paper,
        ),
    )
    if chosen is not None:
        _mark(fig, chosen, dark=dark)
    ticks = dict(range=[-0.02, 1.03], tickvals=[0, 0.25, 0.5, 0.75, 1], showgrid=True)
    fig.update_xaxes(title_text="Recall", **ticks)
    fig.update_yaxes(title_text="Precision", **ticks)
    best = max(curves, key=lambda name: curves[name][2])
    alt = f"Precision-recall curves of {len(curves)} methods at a share of rare cells of "
    alt += f"{number_text(prevalence)}. Highest average precision: {method_label(best)}, "
    alt += f"{number_text(curves[best][2])}."
    if chosen is not None:
        alt += f" At the threshold of {number_text(chosen.threshold)}, "
        alt += f"{method_label(chosen.method)} has precision {number_text(chosen.precision)} and "
        alt += f"recall {number_text(chosen.recall)}."
    return finish(fig, dark=dark, alt=alt, height=420)


def _mark(fig: go.Figure, chosen: ChosenPoint, *, dark: bool) -> None:
    """Draw the chosen threshold last, in the signal's colour, with its value beside it."""
    look, text = page(dark), f"threshold {number_text(chosen.threshold)}"
    fig.add_trace(
        go.Scatter(
            x=[chosen.recall],
            y=[chosen.precision],
            mode="markers",
            marker=dict(size=12, color=RARE, line=dict(width=2, color=look.paper)),
            cliponaxis=False,
            name=text,
            hovertemplate=f"{text}<br>recall %{{x:.3f}}, precision %{{y:.3f}}<extra></extra>",
        )
    )
    # Towards the middle of the figure, where curves of good methods leave room.
    is_right, is_high = chosen.recall > 0.5, chosen.precision > 0.5
    fig.add_annotation(
        x=chosen.recall,
        y=chosen.precision,
        text=text,
        showarrow=False,
        xanchor="right" if is_right else "left",
        yanchor="top" if is_high else "bottom",
        xshift=-8 if is_right else 8,
        yshift=-8 if is_high else 8,
        font=dict(size=12, color=look.ink),
    )


def _dashes(samplers: Iterable[str]) -> dict[str, str]:
    others = [name for name in dict.fromkeys(samplers) if name not in ("loras", "none")]
    rest = {name: OTHER_DASHES[i % len(OTHER_DASHES)] for i, name in enumerate(others)}
    return {"loras": "solid", "none": PLAIN_DASH} | rest


def corners(name: str, recall: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the points that a curve drawn in steps needs, in order of falling recall.

    Raises
    ------
    ParameterError
        When recall and precision of the curve `name` differ in length, or are empty.
    """
    if recall.ndim != 1 or recall.shape != precision.shape or not len(recall):
        got = f"shapes {recall.shape} and {precision.shape} for {name}"
        raise refuse("curves", "pair recall and precision of one length", got)
    if recall[0] < recall[-1]:
        recall, precision = recall[::-1], precision[::-1]
    # Many thresholds share one recall, one vertical line: its two ends draw it as well.
    changes = recall[1:] != recall[:-1]
    ends = np.concatenate([[True], changes]) | np.concatenate([changes, [True]])
    return recall[ends], precision[ends]
