"""Precision against recall of several runs, one curve each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.plots.checks import refuse
from core.plots.colours import SLATE_DARK_PAGE, SLATE_LIGHT_PAGE
from core.plots.curves import corners
from core.plots.theme import ACCENT, ACCENT_DARK, finish, page
from core.text import cells_text, method_label, number_text, safe_text

__all__ = ["MOST_RUNS", "RunCurve", "compare_runs"]

# Okabe and Ito's, without vermilion (the rare type's), orange (unsure) and what the paper swallows.
ON_LIGHT = (ACCENT, "#CC79A7", "#009E73", ACCENT_DARK, SLATE_LIGHT_PAGE)
ON_DARK = (ACCENT_DARK, "#CC79A7", "#009E73", "#F0E442", SLATE_DARK_PAGE)
# Curves that lie on each other are told apart by their gaps: wide lines below, narrow ones above.
DASHES = ("solid", "9px,4px", "2px,3px", "12px,4px,2px,4px", "5px,3px")
WIDTHS = (3.4, 2.8, 2.6, 2.2, 1.8)
MOST_RUNS = len(DASHES)
LONGEST_NAME = 40


class RunCurve(NamedTuple):
    """One run's curve: its method, recall and precision (0–1, shape (n_points,)) and what they say.

    ``average_precision`` and ``prevalence``, the share of rare cells, are 0–1; ``n_rare`` counts
    the different rare cells.
    """

    method: str
    recall: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    average_precision: float
    prevalence: float
    n_rare: int


def compare_runs(curves: Mapping[str, RunCurve], *, dark: bool = False) -> go.Figure:
    """Draw one precision–recall curve for each of several runs.

    Parameters
    ----------
    curves : mapping of str to RunCurve
        By the run's name, 1 to 5 of them.
    dark : bool
        Whether the page is dark.

    Returns
    -------
    plotly.graph_objects.Figure
        A dotted line at the precision of calling every cell: one where all runs share it, else
        one in each run's colour.

    Raises
    ------
    ParameterError
        When there are no curves or more than 5, or recall and precision differ in length.

    Examples
    --------
    >>> curve = RunCurve("loras+knn", np.array([1.0, 0.0]), np.array([0.5, 1.0]), 0.5, 0.02, 10)
    >>> compare_runs({"first": curve}).data[0].name
    'first<br>LoRAS + knn, AP 0.500'
    """
    if not 1 <= len(curves) <= MOST_RUNS:
        raise refuse("curves", f"hold 1 to {MOST_RUNS} runs", str(len(curves)))
    fig, colours = go.Figure(), ON_DARK if dark else ON_LIGHT
    for place, (name, curve) in enumerate(curves.items()):
        line = dict(shape="hv", color=colours[place], dash=DASHES[place], width=WIDTHS[place])
        fig.add_trace(_trace(name, curve, line))
    _draw_chance(fig, curves, colours, dark=dark)
    ticks = dict(range=[-0.02, 1.03], tickvals=[0, 0.25, 0.5, 0.75, 1], showgrid=True)
    fig.update_xaxes(title_text="Recall", **ticks)
    fig.update_yaxes(title_text="Precision", **ticks)
    return finish(fig, dark=dark, alt=_alt(curves), note=_note(curves), height=440)


def _trace(name: str, curve: RunCurve, line: dict[str, object]) -> go.Scatter:
    x, y = corners(name, np.asarray(curve.recall, float), np.asarray(curve.precision, float))
    shown = safe_text(name, longest=LONGEST_NAME)
    label = f"{shown}<br>{method_label(curve.method)}, AP {number_text(curve.average_precision)}"
    hover = f"{shown}<br>recall %{{x:.3f}}, precision %{{y:.3f}}<extra></extra>"
    return go.Scatter(x=x, y=y, mode="lines", line=line, name=label, hovertemplate=hover)


def _draw_chance(
    fig: go.Figure, curves: Mapping[str, RunCurve], colours: tuple[str, ...], *, dark: bool
) -> None:
    shares = [curve.prevalence for curve in curves.values()]
    dotted = dict(width=1, dash="dot")
    if len(set(shares)) > 1:
        for share, colour in zip(shares, colours, strict=False):
            fig.add_hline(share, line=dotted | dict(color=colour))
        return
    muted = page(dark).muted
    text = f"all cells called: {number_text(shares[0])}"
    font, paper = dict(size=12, color=muted), page(dark).paper
    fig.add_hline(
        shares[0],
        line=dotted | dict(color=muted),
        # On paper, since the curve of a poor method runs along here.
        annotation=dict(text=text, x=0, xanchor="left", yanchor="bottom", font=font, bgcolor=paper),
    )


def _rare_cells(curves: Mapping[str, RunCurve]) -> str:
    numbers = [curve.n_rare for curve in curves.values()]
    if len(set(numbers)) == 1:
        return cells_text(numbers[0], "rare")
    return ", ".join(f"{n:,}" for n in numbers) + " rare cells"


def _note(curves: Mapping[str, RunCurve]) -> str:
    shares = {curve.prevalence for curve in curves.values()}
    chance = "" if len(shares) == 1 else " · dotted: precision of calling every cell"
    return f"{_rare_cells(curves)}{chance}"


def _alt(curves: Mapping[str, RunCurve]) -> str:
    best = max(curves, key=lambda name: curves[name].average_precision)
    top = curves[best]
    runs = f"{len(curves)} run{'' if len(curves) == 1 else 's'}"
    return (
        f"Precision-recall curves of {runs}, {_rare_cells(curves)}. Highest average precision: "
        f"{best}, {method_label(top.method)}, {number_text(top.average_precision)}."
    )
