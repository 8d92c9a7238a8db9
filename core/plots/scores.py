"""How well methods find the rare cells: the scores of every fold, as they arrive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.config import Method
from core.plots.checks import check_columns, refuse
from core.plots.theme import finish, page
from core.text import cells_text, count_text, method_label, number_text

__all__ = ["live_scores"]

MEASURES = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
BOUNDS = ("mean", "low", "high")
ROW_HEIGHT = 46  # pixels for each method
JITTER = 0.26  # largest distance of a fold from its method's line, in rows
STAR = "★ "  # before the name of the recommended method
GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, never bunch up


def live_scores(
    folds: pd.DataFrame,
    summary: pd.DataFrame,
    *,
    n_rare: int,
    methods: Sequence[str] | None = None,
    most: int | None = None,
    marked: str | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw precision, recall and F1 of every fold, with each method's mean and interval.

    Made to be drawn again while folds arrive: axes, rows, number of traces and the place of a
    fold's dot depend only on `methods` and on the fold itself.

    Parameters
    ----------
    folds : DataFrame
        Columns ``method``, ``repeat``, ``fold``, ``precision``, ``recall`` and ``f1`` (0–1, NaN
        where undefined), one row for each finished fold; may be empty.
    summary : DataFrame
        Indexed by method, with columns ``precision_mean``, ``precision_low``, ``precision_high``
        and the same for ``recall`` and ``f1`` (NaN where not known yet); may be empty.
    n_rare : int
        Rare cells behind the scores.
    methods : sequence of str or None
        All methods that are planned, from top to bottom; without it those of `summary` and `folds`.
    most : int or None
        Most rows. Of more methods the ones with the highest mean F1 so far are drawn, best first,
        and the note says that there are others.
    marked : str or None
        The method that is recommended: a star stands before its name, and it is among those that
        are drawn, in the last row if it is not one of the best.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a column is missing or a fold's method is not among `methods`.

    Examples
    --------
    >>> folds = pd.DataFrame({"method": ["none+knn"], "repeat": [0], "fold": [0],
    ...                       "precision": [1.0], "recall": [0.5], "f1": [0.667]})
    >>> fig = live_scores(folds, pd.DataFrame(), n_rare=10, methods=["none+knn", "loras+knn"])
    >>> fig.layout.yaxis.ticktext
    ('knn alone', 'LoRAS + knn')
    """
    if len(folds):
        check_columns(folds, ("method", "repeat", "fold", *MEASURES), "folds")
    if len(summary):
        check_columns(summary, [f"{m}_{b}" for m in MEASURES for b in BOUNDS], "summary")
    seen = folds["method"].astype(str).tolist() if len(folds) else []
    planned = list(dict.fromkeys(methods or [*summary.index.astype(str), *seen]))
    if strangers := [name for name in dict.fromkeys(seen) if name not in planned]:
        raise refuse("methods", "hold every method of `folds`", f"folds of {strangers[0]}")
    n_folds = len(folds.drop_duplicates(["repeat", "fold"])) if len(folds) else 0
    n_methods = len(planned)
    if most is not None and n_methods > most:
        best = _best_first(planned, summary)[:most]
        planned = best if marked in (None, *best) else [*best[:-1], marked]
        folds = folds[folds["method"].isin(planned)] if len(folds) else folds
    # A fixed set of columns and rows: what is not known yet is NaN and is not drawn.
    summary = summary.reindex(planned)
    summary = summary.reindex(columns=[f"{m}_{b}" for m in MEASURES for b in BOUNDS]).astype(float)
    fig = make_subplots(
        1,
        len(MEASURES),
        subplot_titles=list(MEASURES.values()),
        shared_yaxes=True,
        horizontal_spacing=0.09,
    )
    for column, measure in enumerate(MEASURES, start=1):
        fig.add_trace(_fold_dots(folds, measure, planned, dark=dark), row=1, col=column)
        fig.add_trace(_means(summary, measure, dark=dark), row=1, col=column)
    _score_axes(fig, planned, marked, dark=dark)
    for panel, measure in zip(("x", "x2", "x3"), MEASURES, strict=True):
        fig.layout.annotations += tuple(_mean_texts(summary, measure, panel, dark=dark))
    note = f"{cells_text(n_rare, 'rare')}, {_folds_text(n_folds)} · dot: one fold, bar: mean"
    note += " with interval"
    if n_methods > len(planned):
        is_best = planned == best
        which = len(planned) if is_best else len(planned) - 1
        note += f" · the {which} best of {n_methods} methods"
        note += "" if is_best else " and the one recommended"
    if marked in planned:
        note += f" · {STAR}recommended"
    alt = f"Precision, recall and F1 of {n_methods} methods over {_folds_text(n_folds)}, "
    alt += f"{cells_text(n_rare, 'rare')}. {_best(summary)}"
    height = 110 + ROW_HEIGHT * max(len(planned), 2)
    finish(
        fig,
        dark=dark,
        alt=alt,
        note=note,
        height=height,
        top=36,
        legend="none",
        uirevision="live-scores",
    )
    # Room for the last panel's means, which plotly does not make by itself.
    fig.update_layout(margin_r=56)
    return fig.update_yaxes(tickfont_color=page(dark).ink)


def _best_first(planned: Sequence[str], summary: pd.DataFrame) -> list[str]:
    """Sort methods by their mean F1 so far; those without one follow in their order."""
    f1 = summary["f1_mean"].reindex(planned) if len(summary) else pd.Series(np.nan, index=planned)
    return f1.astype(float).sort_values(ascending=False, kind="stable").index.tolist()


def _fold_dots(
    folds: pd.DataFrame, measure: str, planned: Sequence[str], *, dark: bool
) -> go.Scatter:
    known = folds[folds[measure].notna()] if len(folds) else pd.DataFrame(columns=["method"])
    rows = np.array([planned.index(name) for name in known["method"].astype(str)], dtype=float)
    colours = [_method_colour(name, dark=dark) for name in known["method"].astype(str)]
    if len(known):
        # The fold alone decides its place, so that dots stay put while others arrive.
        number = 101 * known["repeat"].to_numpy(int) + known["fold"].to_numpy(int)
        rows += 2 * JITTER * ((number * GOLDEN) % 1 - 0.5)
    values = known[measure].to_numpy(float) if len(known) else np.array([])
    return go.Scatter(
        x=values,
        y=rows,
        mode="markers",
        hovertemplate="%{x:.3f}<extra></extra>",
        marker=dict(size=7, opacity=0.45, color=colours),
    )


def _means(summary: pd.DataFrame, measure: str, *, dark: bool) -> go.Scatter:
    mean, low, high = (summary[f"{measure}_{bound}"].to_numpy() for bound in BOUNDS)
    up, down = (np.nan_to_num(part).clip(min=0) for part in (high - mean, mean - low))
    look = page(dark)
    return go.Scatter(
        x=mean,
        y=np.arange(len(mean), dtype=float),
        mode="markers",
        marker=dict(size=9, color=look.ink, line=dict(width=1.5, color=look.paper), opacity=1),
        error_x=dict(array=up, arrayminus=down, color=look.ink, thickness=2.5, width=0),
        customdata=np.column_stack([low, high]),
        hovertemplate="mean %{x:.3f} (%{customdata[0]:.3f}–%{customdata[1]:.3f})<extra></extra>",
    )


def _mean_texts(summary: pd.DataFrame, measure: str, panel: str, *, dark: bool) -> list[dict]:
    # Annotations, since plotly hides the text of a point outside the axis. One for each row from
    # the start, empty at first, so that the frame never changes.
    return [
        dict(
            x=1.03,
            xref=f"{panel} domain",
            xanchor="left",
            y=row,
            yref="y",
            text=number_text(mean) if np.isfinite(mean) else "",
            showarrow=False,
            font=dict(size=12, color=page(dark).ink),
        )
        for row, mean in enumerate(summary[f"{measure}_mean"])
    ]


def _method_colour(name: str, *, dark: bool) -> str:
    look = page(dark)
    return look.accent if Method.parse(name).sampler.startswith("loras") else look.plain


def _score_axes(fig: go.Figure, planned: Sequence[str], marked: str | None, *, dark: bool) -> None:
    fig.update_xaxes(range=[-0.03, 1.03], tickvals=[0, 0.5, 1], showgrid=True, fixedrange=True)
    fig.update_yaxes(
        range=[len(planned) - 0.45, -0.55],
        tickvals=list(range(len(planned))),
        showgrid=False,
        ticktext=[f"{STAR if name == marked else ''}{method_label(name)}" for name in planned],
        fixedrange=True,
        ticklabelstandoff=6,
    )
    fig.update_annotations(font=dict(size=13, color=page(dark).ink))


def _best(summary: pd.DataFrame) -> str:
    f1 = summary["f1_mean"].dropna()
    if f1.empty:
        return "No mean yet."
    return f"Highest mean F1: {method_label(str(f1.idxmax()))}, {number_text(f1.max())}."


def _folds_text(n: int) -> str:
    return f"{count_text(n)} {'fold' if n == 1 else 'folds'}"
