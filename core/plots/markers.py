"""Marker genes: how many cells of each type express them, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.checks import check_columns, check_shares, refuse
from core.plots.colours import expression_scale
from core.plots.theme import RARE, bar_title, finish, page
from core.text import count_text, percent_text, safe_text

__all__ = ["marker_dotplot"]

WIDEST_DOT = 16  # pixels, a dot of 100 %; also the most that plotly's legend shows true to size
SIZE_LEGEND = (1.0, 0.75, 0.5, 0.25)
ROW_HEIGHT = 26  # pixels


def marker_dotplot(
    table: pd.DataFrame, *, rare: str, rows: str = "cell types", dark: bool = False
) -> go.Figure:
    """Draw marker genes against cell types as dots, the rare type in the first row.

    A dot's area is the fraction of cells that express the gene. Its colour is the mean expression
    scaled per gene: 0 for the type with the lowest mean, 1 for the one with the highest.

    Parameters
    ----------
    table : DataFrame
        Columns ``gene``, ``type``, ``fraction`` (0–1) and ``mean`` (log1p CP10k), one row for each
        gene in each type. Genes and types keep their order of appearance.
    rare : str
        The rare type.
    rows : str
        What the rows are, in the plural; groups of another kind than types can be compared, too.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a column is missing, a fraction is outside 0–1 or `rare` has no row.

    Examples
    --------
    >>> table = pd.DataFrame({"gene": "GHRL", "type": ["beta", "epsilon"],
    ...                       "fraction": [0.01, 1.0], "mean": [0.02, 4.0]})
    >>> fig = marker_dotplot(table, rare="epsilon")
    >>> fig.layout.yaxis.categoryarray
    ('epsilon', 'beta')
    """
    check_columns(table, ("gene", "type", "fraction", "mean"), "table")
    table = table.astype({"gene": str, "type": str})
    genes, types = list(dict.fromkeys(table["gene"])), list(dict.fromkeys(table["type"]))
    if rare not in types:
        raise refuse("rare", "be a type of the table", repr(rare))
    types = [rare, *(name for name in types if name != rare)]
    fraction = check_shares(table["fraction"], "fraction")
    scaled = _scale_per_gene(table)
    fig = go.Figure(_dots(table, fraction, scaled, dark=dark))
    fig.add_traces([_size_key(share, dark=dark) for share in SIZE_LEGEND])
    fig.add_hrect(-0.5, 0.5, fillcolor=RARE, opacity=0.07, line_width=0, layer="below")
    _name_axes(fig, genes, types)
    alt = f"Dot plot of {count_text(len(genes))} marker genes in {count_text(len(types))} {rows},"
    alt += f" {rare} first. Size: fraction of cells; colour: mean expression scaled per gene."
    note = f"{count_text(len(genes))} genes, {count_text(len(types))} {rows.removeprefix('cell ')}"
    note += " · means of log1p CP10k, scaled per gene"
    longest = max(len(gene) for gene in genes)
    height = max(ROW_HEIGHT * len(types) + 8 * longest + 90, 340)
    finish(fig, dark=dark, alt=alt, note=note, height=height)
    title = dict(text="Cells expressing", font=dict(size=12))
    # Clicking a size would hide nothing but itself.
    return fig.update_layout(
        legend=dict(itemsizing="trace", title=title, itemclick=False, itemdoubleclick=False)
    )


def _scale_per_gene(table: pd.DataFrame) -> np.ndarray:
    means = table.groupby("gene", sort=False)["mean"]
    low = means.transform("min")
    # A gene with one mean everywhere has no highest type: it stays at 0.
    span = (means.transform("max") - low).replace(0, 1)
    return ((table["mean"] - low) / span).to_numpy(dtype=float)


def _dots(
    table: pd.DataFrame, fraction: np.ndarray, scaled: np.ndarray, *, dark: bool
) -> go.Scatter:
    look = page(dark)
    bar = dict(
        title=bar_title("Expression,<br>scaled per gene"),
        thickness=10,
        len=110,
        lenmode="pixels",
        y=0,
        yanchor="bottom",
        ypad=0,
        xpad=0,
        x=1.03,
        outlinewidth=0,
        tickvals=[0, 0.5, 1],
        tickfont=dict(size=12, color=look.muted),
    )
    marker = dict(
        size=WIDEST_DOT * np.sqrt(fraction),
        sizemode="diameter",
        color=scaled,
        colorscale=expression_scale(dark),
        cmin=0,
        cmax=1,
        colorbar=bar,
        opacity=1,
        line=dict(width=0.5, color=look.muted),
    )
    return go.Scatter(
        x=table["gene"],
        y=table["type"],
        mode="markers",
        marker=marker,
        showlegend=False,
        customdata=np.column_stack([fraction, table["mean"]]),
        hovertemplate="%{x} in %{y}<br>%{customdata[0]:.1%} of cells, mean %{customdata[1]:.3~g}"
        "<extra></extra>",
    )


def _size_key(share: float, *, dark: bool) -> go.Scatter:
    marker = dict(size=WIDEST_DOT * np.sqrt(share), color=page(dark).other, opacity=1)
    return go.Scatter(x=[None], y=[None], mode="markers", name=percent_text(share), marker=marker)


def _name_axes(fig: go.Figure, genes: Sequence[str], types: Sequence[str]) -> None:
    # Categories, said outright: plotly would read "MARCH1" as a date and "1" as a number.
    fig.update_xaxes(
        type="category",
        categoryorder="array",
        categoryarray=genes,
        tickvals=genes,
        ticktext=[f"<i>{safe_text(gene)}</i>" for gene in genes],
        tickangle=-90 if len(genes) > 8 else 0,
        range=[-0.7, len(genes) - 0.3],
        showgrid=False,
    )
    labels = [f"<b><span style='color:{RARE}'>{safe_text(types[0])}</span></b>"]
    labels += [safe_text(name) for name in types[1:]]
    fig.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=types,
        tickvals=types,
        ticktext=labels,
        range=[len(types) - 0.3, -0.7],
        showgrid=True,
        ticklabelstandoff=6,
    )
