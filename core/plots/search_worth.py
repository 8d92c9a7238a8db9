"""What the winner of a search is worth: its own score beside the honest one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.plots.checks import check_shares, refuse
from core.plots.scores import GOLDEN
from core.plots.search import OBJECTIVES, first_upper
from core.plots.theme import finish, page
from core.text import cells_text, count_text, number_text

__all__ = ["search_scores"]

IN_SEARCH, HONEST = 1.0, 0.0  # rows of the two numbers


def search_scores(
    scores: Sequence[float],
    *,
    best: tuple[float, float, float],
    nested: tuple[float, float, float],
    n_rare: int,
    objective: str = "f1",
    chance: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw the winner's score in the search beside what the same search reaches on unseen cells.

    Parameters
    ----------
    scores : sequence of float
        Of every setting in the search, 0–1.
    best, nested : (float, float, float)
        Score and both ends of its interval, 0–1: of the best setting in the search that chose it,
        and by nested cross-validation.
    n_rare : int
        Rare cells behind both.
    objective : {"f1", "average_precision"}
        What the score is.
    chance : float or None
        Score of a method that knows nothing.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When `scores` is empty or a number is outside 0–1.

    Examples
    --------
    >>> fig = search_scores([0.5, 0.9], best=(0.9, 0.6, 1.0), nested=(0.8, 0.5, 0.9), n_rare=10)
    >>> fig.layout.meta["alt"].partition(".")[0]
    'F1 of 2 settings, 10 rare cells'
    """
    tried = check_shares(scores, "scores")
    if not len(tried):
        raise refuse("scores", "hold the score of at least one setting", "none")
    check_shares(best, "best", 3)
    check_shares(nested, "nested", 3)
    look, name = page(dark), OBJECTIVES[objective]
    # The place of a dot in its row depends on its number alone, as in the live scores.
    heights = IN_SEARCH + 0.7 * ((np.arange(1, len(tried) + 1) * GOLDEN) % 1 - 0.5)
    dots = go.Scatter(
        x=tried,
        y=heights,
        mode="markers",
        marker=dict(size=5, color=look.plain, opacity=0.25),
        hovertemplate=f"{name} %{{x:.3f}}<extra></extra>",
    )
    fig = go.Figure([dots])
    fig.add_trace(_with_interval(best, IN_SEARCH, look.plain, "in the search", paper=look.paper))
    fig.add_trace(_with_interval(nested, HONEST, look.accent, "on unseen cells", paper=look.paper))
    for (score, _, _), row in ((best, IN_SEARCH), (nested, HONEST)):
        fig.add_annotation(
            x=1.02,
            xref="x domain",
            xanchor="left",
            y=row,
            text=f"<b>{number_text(score)}</b>",
            showarrow=False,
            font=dict(size=14, color=look.ink),
        )
    if chance is not None:
        fig.add_vline(chance, line=dict(width=1, dash="dot", color=look.muted))
    fig.update_xaxes(range=[-0.03, 1.03], tickvals=[0, 0.25, 0.5, 0.75, 1], fixedrange=True)
    fig.update_yaxes(
        range=[-0.55, 1.55],
        tickvals=[IN_SEARCH, HONEST],
        ticktext=["Best in the search<br>that chose it", "Chosen anew<br>for unseen cells"],
        showgrid=False,
        fixedrange=True,
        ticklabelstandoff=8,
    )
    settings = f"{count_text(len(tried))} setting{'' if len(tried) == 1 else 's'}"
    alt = f"{first_upper(name)} of {settings}, {cells_text(n_rare, 'rare')}. "
    alt += f"Best in the search: {number_text(best[0])}; by nested cross-validation: "
    alt += f"{number_text(nested[0])} ({number_text(nested[1])} to {number_text(nested[2])})."
    note = f"{first_upper(name)} · {settings}, {cells_text(n_rare, 'rare')} · small dot: one "
    note += "setting, line: interval" + ("" if chance is None else ", dotted: chance")
    finish(fig, dark=dark, alt=alt, note=note, height=240, legend="none")
    fig.update_layout(margin_r=80)  # room for the numbers, which plotly does not make
    return fig.update_yaxes(tickfont_color=look.ink)


def _with_interval(
    number: tuple[float, float, float], row: float, colour: str, what: str, *, paper: str
) -> go.Scatter:
    score, low, high = number
    return go.Scatter(
        x=[score],
        y=[row],
        mode="markers",
        marker=dict(size=13, color=colour, line=dict(width=2, color=paper), opacity=1),
        error_x=dict(
            array=[max(high - score, 0)],
            arrayminus=[max(score - low, 0)],
            color=colour,
            thickness=2.5,
            width=0,
        ),
        hovertemplate=f"{what} %{{x:.3f}} ({low:.3f}–{high:.3f})<extra></extra>",
    )
