"""The scores of all cells, and what a threshold makes of them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.plots.checks import check_labels, check_shares, refuse
from core.plots.theme import RARE, UNSURE, finish, page
from core.text import call_words, cells_text, count_text, number_text, safe_text

__all__ = ["score_histogram"]

N_BARS = 40  # bars over the whole range of scores


def score_histogram(
    scores: np.ndarray,
    threshold: float,
    *,
    rare: str,
    calls: np.ndarray | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw how many cells have which score; bars at or above the threshold are vermilion.

    The count axis is logarithmic, so that one cell with a high score is seen beside thousands with
    low ones. The threshold is always the edge of a bar: no bar mixes both sides.

    Parameters
    ----------
    scores : ndarray of float, shape (n_cells,)
        Score of each cell, 0–1.
    threshold : float
        Cells with this score or more are called, 0–1.
    rare : str
        The rare type's name.
    calls : array of str, shape (n_cells,), or None
        When given, cells called "unsure" are drawn in front of the others.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a score or `threshold` is outside 0–1 or `calls` does not fit.

    Examples
    --------
    >>> fig = score_histogram([0.1, 0.2, 0.9], 0.5, rare="epsilon")
    >>> fig.layout.meta["alt"]
    'Histogram of the scores of 3 cells; 1 cell at or above the threshold of 0.500.'
    """
    scores = check_shares(scores, "scores")
    if not 0 <= threshold <= 1:
        raise refuse("threshold", "lie from 0 to 1", str(threshold))
    look, above, name = page(dark), scores >= threshold, safe_text(rare)
    fig = go.Figure()
    sides = [(~above, look.other, "below the threshold"), (above, RARE, f"called {name}")]
    if calls is not None:
        unsure = check_labels(calls, len(scores), "calls") == call_words(rare)[1]
        sides[1] = (above, RARE, "at or above")
        sides.append((unsure, UNSURE, "unsure"))
    lower, upper = _edges(threshold)
    for chosen, colour, label in sides:
        fig.add_trace(_bars(scores[chosen], lower, upper, threshold, colour, label, look.muted))
    fig.data[1].legendrank = 1001  # drawn before the unsure cells, named after them
    _log_counts(fig)
    fig.add_vline(
        threshold,
        line=dict(color=look.ink, width=1, dash="dot"),
        annotation=dict(
            text=f"threshold {number_text(threshold)}",
            y=1,
            yanchor="bottom",
            xanchor="right" if threshold > 0.8 else "left",
            font=dict(size=12, color=look.ink),
        ),
    )
    fig.update_xaxes(title_text="Score", range=[-0.01, 1.03], showgrid=False)
    n_above = int(above.sum())
    alt = f"Histogram of the scores of {cells_text(len(scores))}; {cells_text(n_above)} at or above"
    alt += f" the threshold of {number_text(threshold)}."
    note = f"{cells_text(len(scores))}, {count_text(n_above)} at or above the threshold"
    finish(fig, dark=dark, alt=alt, note=note, height=340, top=30)
    return fig.update_layout(barmode="overlay", bargap=0)


def _edges(threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Edges of bars below and above the threshold, both sides about equally wide."""
    n_lower = max(round(N_BARS * threshold), 1)
    n_upper = max(round(N_BARS * (1 - threshold)), 1)
    # A threshold of 0 or 1 leaves one side without width; its bar gets the usual one.
    start, end = min(threshold - 1 / N_BARS, 0.0), max(threshold + 1 / N_BARS, 1.0)
    start, end = (0.0 if threshold > 0 else start), (1.0 if threshold < 1 else end)
    return np.linspace(start, threshold, n_lower + 1), np.linspace(threshold, end, n_upper + 1)


def _bars(
    scores: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    threshold: float,
    colour: str,
    label: str,
    muted: str,
) -> go.Bar:
    below = np.histogram(scores[scores < threshold], lower)[0]
    above = np.histogram(scores[scores >= threshold], upper)[0]
    counts = np.concatenate([below, above])
    left = np.concatenate([lower[:-1], upper[:-1]])
    width = np.concatenate([np.diff(lower), np.diff(upper)])
    kept = counts > 0
    return go.Bar(
        x=left[kept] + width[kept] / 2,
        y=counts[kept],
        width=0.92 * width[kept],
        marker=dict(color=colour, line_width=0),
        customdata=np.column_stack([left, left + width])[kept],
        name=f"{label}  <span style='color:{muted}'>{count_text(len(scores))}</span>",
        hovertemplate="%{y:,} cells, score %{customdata[0]:.3f}–%{customdata[1]:.3f}"
        "<extra></extra>",
    )


def _log_counts(fig: go.Figure) -> None:
    most = max((int(bars.y.max()) for bars in fig.data if len(bars.y)), default=1)
    powers = [10**power for power in range(len(str(most)) + 1)]
    # The axis starts below 1, so that a single cell still has a bar.
    fig.update_yaxes(
        type="log",
        range=[np.log10(0.6), np.log10(most * 1.6)],
        tickvals=powers,
        showgrid=True,
        ticktext=[count_text(power) for power in powers],
        title_text="Cells (log scale)",
    )
