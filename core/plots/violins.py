"""Expression of single genes in groups of cells, as small violins side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.plots.checks import check_labels, refuse
from core.plots.theme import RARE, finish, page
from core.text import cells_text, safe_text

__all__ = ["marker_violins"]

MOST_PANELS = 10
PANELS_PER_ROW = 5
FEW_CELLS = 50  # a group of at most this many cells shows every cell
MANY_CELLS = 2_000  # a larger group's violin is drawn from quantiles


def marker_violins(
    expression: pd.DataFrame,
    groups: np.ndarray,
    *,
    order: Sequence[str],
    colours: Mapping[str, str] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw each gene's expression in groups of cells, one panel for each gene.

    A group of at most 50 cells shows every cell as a point. The violin of a group of more than
    2,000 cells is drawn from 1,000 evenly spaced quantiles, which keep its shape.

    Parameters
    ----------
    expression : DataFrame of float, shape (n_cells, n_genes)
        log1p CP10k, at most 10 genes.
    groups : array of str, shape (n_cells,)
        Group of each cell, for example "called" and "other".
    order : sequence of str
        Groups to draw, from left to right; cells of other groups are left out.
    colours : mapping of str to str or None
        Colour of each group; without it the first is vermilion and the rest grey.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When there are no or too many genes, shapes do not fit, or `order` names an absent group.

    Examples
    --------
    >>> cells = pd.DataFrame({"GHRL": [4.0, 3.5, 0.0, 0.1]})
    >>> fig = marker_violins(cells, ["called", "called", "other", "other"],
    ...                      order=["called", "other"])
    >>> fig.layout.meta["alt"]
    'Expression of GHRL in 2 groups: called (2 cells), other (2 cells).'
    """
    genes = [str(gene) for gene in expression.columns]
    if not 1 <= len(genes) <= MOST_PANELS:
        raise refuse("expression", f"have 1 to {MOST_PANELS} genes", f"{len(genes)}")
    groups = check_labels(groups, len(expression), "groups")
    members = {name: np.flatnonzero(groups == name) for name in order}
    if not members:
        raise refuse("order", "name at least one group", "none")
    for name, cells in members.items():
        if not len(cells):
            raise refuse("order", "name groups that have cells", repr(name))
    colours = {name: page(dark).plain for name in order} | {order[0]: RARE} | dict(colours or {})
    values = expression.to_numpy(dtype=np.float32)
    n_columns = min(len(genes), PANELS_PER_ROW)
    n_rows = -(-len(genes) // n_columns)
    fig = make_subplots(
        n_rows,
        n_columns,
        shared_yaxes="all",
        horizontal_spacing=0.02,
        vertical_spacing=0.3 / n_rows,
        subplot_titles=[f"<i>{safe_text(g)}</i>" for g in genes],
    )
    for i in range(len(genes)):
        for name, cells in members.items():
            violin = _violin(values[cells, i], name, colours[name], first=i == 0)
            fig.add_trace(violin, row=i // n_columns + 1, col=i % n_columns + 1)
    fig.update_annotations(font=dict(size=13, color=page(dark).ink))
    fig.update_xaxes(showticklabels=False, showgrid=False)
    fig.update_yaxes(rangemode="tozero", showgrid=True, nticks=5)
    fig.update_yaxes(title_text="log1p CP10k", col=1)
    sizes = ", ".join(f"{name} ({cells_text(len(cells))})" for name, cells in members.items())
    alt = f"Expression of {', '.join(genes)} in {len(members)} groups: {sizes}."
    finish(fig, dark=dark, alt=alt, height=70 + 190 * n_rows, top=64, legend="top")
    # Above the panel titles, which stand on the panels.
    return fig.update_layout(violingap=0.15, legend=dict(y=1, yref="container", yanchor="top"))


def _violin(values: np.ndarray, name: str, colour: str, *, first: bool) -> go.Violin:
    n = len(values)
    if n > MANY_CELLS:
        values = np.quantile(values, np.linspace(0, 1, MANY_CELLS // 2)).astype(np.float32)
    return go.Violin(
        y=values,
        x0=name,
        name=f"{safe_text(name)}, {cells_text(n)}",
        legendgroup=name,
        showlegend=first,
        line=dict(color=colour, width=1.2),
        marker=dict(color=colour, size=4),
        points="all" if n <= FEW_CELLS else False,
        pointpos=0,
        jitter=0.6,
        spanmode="hard",
        scalemode="width",
        meanline=dict(visible=True),
        hoverinfo="skip",
    )
