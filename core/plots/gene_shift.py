"""How differently genes are measured in reference and query."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.checks import check_columns
from core.plots.layers import name_gene_rows
from core.plots.theme import RARE, finish, page
from core.text import count_text, number_text, safe_text

__all__ = ["gene_shift"]

ROW_HEIGHT = 20  # pixels


def gene_shift(
    table: pd.DataFrame, *, n_markers: int, rare: str, most: int = 20, dark: bool = False
) -> go.Figure:
    """Draw the genes whose means are the farthest apart, each as a dot with a line from zero.

    Parameters
    ----------
    table : DataFrame
        Columns ``gene``, ``mean_reference`` and ``mean_query`` (log1p CP10k), and ``shift``, the
        difference of both in standard deviations; see :func:`core.transfer.compare_genes`.
    n_markers : int
        How many genes, from the first row on, are markers of the rare type; the others are those
        of other types.
    rare : str
        The rare type's name.
    most : int
        Genes to draw.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"gene": ["PF4", "LYZ"], "mean_reference": [0.1, 2.0],
    ...                       "mean_query": [0.1, 1.0], "shift": [0.0, -1.2]})
    >>> gene_shift(table, n_markers=1, rare="Platelet").layout.meta["alt"]
    'Shift of 2 genes of 2 between reference and query, in standard deviations: LYZ -1.20 the most.'
    """
    check_columns(table, ("gene", "mean_reference", "mean_query", "shift"), "table")
    is_marker = np.arange(len(table)) < n_markers
    table = table.assign(is_marker=is_marker)
    far = table.loc[table["shift"].abs().sort_values(ascending=False, kind="stable").index[:most]]
    shown = far.sort_values("shift", ascending=False, kind="stable")
    look, fig = page(dark), go.Figure()
    fig.add_trace(_stems(shown, look.grid))
    for chosen, colour, label in (
        (True, RARE, f"markers of {safe_text(rare)}"),
        (False, look.plain, "markers of other types"),
    ):
        part = shown[shown["is_marker"] == chosen]
        if len(part):
            fig.add_trace(_dots(part, colour, label))
    fig.add_vline(0, line=dict(color=look.muted, width=1))
    genes = shown["gene"].astype(str).tolist()
    name_gene_rows(fig, genes)
    fig.update_xaxes(
        title_text="← lower in the query · standard deviations · higher in the query →",
        showgrid=True,
        nticks=7,
    )
    alt = f"Shift of {count_text(len(shown))} genes of {count_text(len(table))} between reference "
    alt += "and query, in standard deviations"
    if len(far):
        alt += f": {far['gene'].iloc[0]} {number_text(far['shift'].iloc[0])} the most"
    note = f"the {count_text(len(shown))} largest of {count_text(len(table))} genes"
    height = ROW_HEIGHT * max(len(genes), 4) + 120
    return finish(fig, dark=dark, alt=f"{alt}.", note=note, height=height, top=34, legend="top")


def _stems(table: pd.DataFrame, colour: str) -> go.Scatter:
    gap = [None] * len(table)
    zeros = np.zeros(len(table))
    genes = table["gene"].astype(str)
    return go.Scatter(
        x=[x for three in zip(zeros, table["shift"], gap, strict=True) for x in three],
        y=[y for three in zip(genes, genes, gap, strict=True) for y in three],
        mode="lines",
        line=dict(color=colour, width=2),
        hoverinfo="skip",
        showlegend=False,
        name="stems",
    )


def _dots(table: pd.DataFrame, colour: str, label: str) -> go.Scatter:
    return go.Scatter(
        x=table["shift"],
        y=table["gene"].astype(str),
        mode="markers",
        marker=dict(color=colour, size=9),
        name=label,
        customdata=table[["mean_reference", "mean_query"]].to_numpy(),
        hovertemplate="%{y}: %{x:+.2f} SD<br>mean %{customdata[0]:.3~g} in the reference, "
        "%{customdata[1]:.3~g} in the query<extra></extra>",
    )
