"""Calls against the truth, as a table of four counts."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.plots.checks import refuse
from core.plots.theme import finish, page
from core.text import count_text, percent_text, safe_text

__all__ = ["confusion"]


def confusion(
    tp: float, fp: float, fn: float, tn: float, *, rare: str, dark: bool = False
) -> go.Figure:
    """Draw the four counts of a two-class comparison as a table: rows truth, columns call.

    Parameters
    ----------
    tp, fp, fn, tn : float
        True positives, false positives, false negatives, true negatives; means over repeats need
        not be whole and are shown with one decimal.
    rare : str
        The rare type's name.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a count is negative or missing.

    Examples
    --------
    >>> confusion(9, 2, 1, 513, rare="epsilon").layout.meta["alt"]
    'Of 10 epsilon cells 9 were found; of 515 other cells 2 were called epsilon.'
    """
    counts = np.array([[tp, fn], [fp, tn]], dtype=float)
    for name, count in zip(("tp", "fn", "fp", "tn"), counts.ravel(), strict=True):
        if not 0 <= count < np.inf:
            raise refuse(name, "be 0 or more", str(count))
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    look, name = page(dark), safe_text(rare)
    columns, rows = [f"called {name}", "called other"], [f"truly {name}", "truly other"]
    # Tints pale enough for one ink on all of them.
    tints = ("#1D2228", "#1F5478") if dark else ("#F0F0EC", "#9CC7E2")
    fig = go.Figure(
        go.Heatmap(
            x=columns,
            y=rows,
            z=shares,
            zmin=0,
            zmax=1,
            xgap=4,
            ygap=4,
            showscale=False,
            colorscale=[[0, tints[0]], [1, tints[1]]],
            hoverinfo="skip",
            text=[
                [_cell_text(counts[i, j], shares[i, j], totals[i, 0], look.ink) for j in (0, 1)]
                for i in (0, 1)
            ],
            texttemplate="%{text}",
            textfont=dict(size=13, color=look.ink),
        )
    )
    fig.update_xaxes(type="category", side="top", showgrid=False, fixedrange=True)
    fig.update_yaxes(
        type="category",
        autorange="reversed",
        showgrid=False,
        fixedrange=True,
        tickvals=rows,
        ticklabelstandoff=6,
        ticktext=[
            f"{row}<br>{count_text(total)}" for row, total in zip(rows, totals[:, 0], strict=True)
        ],
    )
    alt = f"Of {count_text(tp + fn)} {rare} cells {count_text(tp)} were found; "
    alt += f"of {count_text(fp + tn)} other cells {count_text(fp)} were called {rare}."
    note = f"{count_text(counts.sum())} cells · percentages are shares of a row"
    finish(fig, dark=dark, alt=alt, note=note, height=280, legend="none")
    fig.update_xaxes(tickfont_color=look.ink)
    return fig.update_yaxes(tickfont_color=look.ink)


def _cell_text(count: float, share: float, total: float, ink: str) -> str:
    percent = percent_text(share) if total > 0 else "–"
    return f"<span style='font-size:22px;color:{ink}'>{count_text(count)}</span><br>{percent}"
