"""Which genes speak for the rare type in one cell, and which against it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.checks import check_columns, refuse
from core.plots.layers import name_gene_rows
from core.plots.theme import RARE, finish, page
from core.text import count_text, number_text, safe_text

__all__ = ["contribution_bars"]

MOST_FOR, MOST_AGAINST = 12, 8
BAR_HEIGHT = 22  # pixels


def contribution_bars(table: pd.DataFrame, *, rare: str, dark: bool = False) -> go.Figure:
    """Draw the genes with the largest contributions to one cell's score as horizontal bars.

    Parameters
    ----------
    table : DataFrame
        Columns ``gene``, ``is_marker`` (whether it is a marker of the rare type and not of another
        one), ``value`` (its expression in the cell) and ``contribution`` (above 0 speaks for the
        rare type, below against it). At most 12 genes for and 8 against are drawn.
    rare : str
        The rare type's name.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a column is missing or a contribution is not finite.

    Examples
    --------
    >>> table = pd.DataFrame({"gene": ["PF4", "LYZ"], "is_marker": [True, False],
    ...                       "value": [3.1, 2.0], "contribution": [1.5, -0.5]})
    >>> contribution_bars(table, rare="Platelet").layout.meta["alt"]
    'Genes that speak for Platelet in this cell: PF4; against it: LYZ.'
    """
    check_columns(table, ("gene", "is_marker", "value", "contribution"), "table")
    if not np.isfinite(table["contribution"].to_numpy(dtype=float)).all():
        raise refuse("table", "have finite contributions", "others")
    falling = table.sort_values("contribution", ascending=False, kind="stable")
    pro = falling[falling["contribution"] > 0][:MOST_FOR]
    contra = falling[falling["contribution"] < 0][-MOST_AGAINST:]
    look, name = page(dark), safe_text(rare)
    fig = go.Figure(
        [
            _bars(pro, RARE, f"for {name}"),
            _bars(contra, look.accent, f"against {name}"),
        ]
    )
    genes = [*pro["gene"].astype(str), *contra["gene"].astype(str)]
    _name_axes(fig, genes)
    fig.add_vline(0, line=dict(color=look.muted, width=1))
    said = f"Genes that speak for {rare} in this cell: {_names(pro)}; against it: {_names(contra)}."
    left_out = len(table) - len(genes)
    note = f"{count_text(len(genes))} of {count_text(len(table))} genes" if left_out else ""
    height = BAR_HEIGHT * max(len(genes), 4) + 110
    return finish(fig, dark=dark, alt=said, note=note, height=height, top=34, legend="top")


def _bars(table: pd.DataFrame, colour: str, label: str) -> go.Bar:
    kinds = np.where(table["is_marker"], "marker of the rare type", "marker of another type")
    said = [
        f"{safe_text(gene)}, {kind}<br>expression {number_text(value)}, counts {number_text(part)}"
        for gene, kind, value, part in zip(
            table["gene"], kinds, table["value"], table["contribution"], strict=True
        )
    ]
    return go.Bar(
        x=table["contribution"],
        y=table["gene"].astype(str),
        orientation="h",
        marker=dict(color=colour, line_width=0),
        name=label,
        hoverinfo="text",
        hovertext=said,
        textposition="none",
    )


def _name_axes(fig: go.Figure, genes: list[str]) -> None:
    name_gene_rows(fig, genes)
    fig.update_xaxes(title_text="Contribution to the score", showgrid=True, nticks=6)
    fig.update_layout(bargap=0.25, barmode="overlay")


def _names(table: pd.DataFrame) -> str:
    return ", ".join(table["gene"].astype(str)) or "none"
