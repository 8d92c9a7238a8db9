"""Whether a probability of 30 % means that 3 of 10 such cells are rare."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.checks import check_columns, refuse
from core.plots.theme import finish, page
from core.text import count_text, percent_text, safe_text

__all__ = ["reliability_curve"]

SHARES = ("predicted", "observed", "observed_low", "observed_high")
COLUMNS = (*SHARES, "n", "n_rare")
TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)


def reliability_curve(table: pd.DataFrame, *, rare: str, dark: bool = False) -> go.Figure:
    """Draw predicted probabilities against the share of rare cells that was found.

    Both axes have square roots, which keep 0 and spread what is small: nearly all cells have a
    probability close to 0 where a type is rare. The diagonal stays the diagonal.

    Parameters
    ----------
    table : DataFrame
        One row per bin of cells with similar probabilities: ``predicted``, their mean,
        ``observed``, the share of rare cells, with its interval ``observed_low`` to
        ``observed_high`` (all 0–1), ``n`` cells, ``n_rare`` of them rare.
    rare : str
        The rare type's name.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a column is missing or there are no rows.

    Examples
    --------
    >>> table = pd.DataFrame({"predicted": [0.01, 0.8], "observed": [0.0, 0.75], "n": [500, 8],
    ...                       "observed_low": [0.0, 0.35], "observed_high": [0.007, 0.97],
    ...                       "n_rare": [0, 6]})
    >>> reliability_curve(table, rare="epsilon").layout.meta["alt"]
    'Reliability curve of 508 cells in 2 bins, 6 of them epsilon: predicted 1 %, found 0 %; \
predicted 80 %, found 75 %.'
    """
    check_columns(table, COLUMNS, "table")
    if not len(table):
        raise refuse("table", "hold at least one bin", "none")
    fig = go.Figure([_diagonal(dark=dark), _bins(table, dark=dark)])
    ticks = dict(tickvals=np.sqrt(TICKS), ticktext=[f"{100 * t:g} %" for t in TICKS], showgrid=True)
    title = f"Share that is {safe_text(rare)}"
    fig.update_xaxes(title_text="Probability predicted", range=[-0.03, 1.04], **ticks)
    fig.update_yaxes(title_text=title, range=[-0.04, 1.06], **ticks)
    bins = [
        f"predicted {percent_text(row.predicted)}, found {percent_text(row.observed)}"
        for row in table.itertuples()
    ]
    n, n_rare = count_text(table["n"].sum()), count_text(table["n_rare"].sum())
    alt = f"Reliability curve of {n} cells in {len(table)} bins, {n_rare} of them {rare}: "
    alt += "; ".join(bins) + "."
    note = f"{n} scores, {n_rare} of rare cells · bar: 95 % interval"
    return finish(fig, dark=dark, alt=alt, note=note, height=420, legend="none")


def _diagonal(*, dark: bool) -> go.Scatter:
    line = dict(color=page(dark).muted, width=1, dash="dot")
    return go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip")


def _bins(table: pd.DataFrame, *, dark: bool) -> go.Scatter:
    look, root = page(dark), {name: np.sqrt(table[name].to_numpy(float)) for name in SHARES}
    interval = dict(
        array=(root["observed_high"] - root["observed"]).clip(min=0),
        arrayminus=(root["observed"] - root["observed_low"]).clip(min=0),
        color=look.accent,
        thickness=1.5,
        width=0,
    )
    return go.Scatter(
        x=root["predicted"],
        y=root["observed"],
        mode="lines+markers",
        line=dict(color=look.accent, width=2),
        marker=dict(size=9, color=look.accent, line=dict(width=1.5, color=look.paper)),
        error_y=interval,
        cliponaxis=False,
        customdata=[_hover(row) for row in table.itertuples()],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _hover(row: object) -> str:
    """Two lines for one bin."""
    interval = f"{percent_text(row.observed_low)} to {percent_text(row.observed_high)}"
    return (
        f"{count_text(row.n)} scores, {count_text(row.n_rare)} of rare cells"
        f"<br>predicted {percent_text(row.predicted)}, found {percent_text(row.observed)} "
        f"({interval})"
    )
