"""A search for good settings: the best score by two parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.checks import check_columns, check_shares, refuse
from core.plots.colours import score_scale
from core.plots.theme import bar_title, finish, page
from core.text import count_text, number_text, safe_text

__all__ = ["OBJECTIVES", "first_upper", "search_map"]

ROW_HEIGHT = 38  # pixels
# Numbers fit into this many columns; beyond, colour and hover text have to do.
MOST_NUMBERED = 16
# The colours' range moves in such steps, so that it hardly ever does while scores arrive.
COLOUR_STEP = 0.2
OBJECTIVES = {"f1": "F1", "average_precision": "average precision, mean of folds"}


def search_map(
    settings: pd.DataFrame,
    *,
    across: Sequence[str],
    down: Sequence[str],
    titles: tuple[str, str],
    objective: str = "f1",
    n_planned: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw the best score among the settings that share two values, as a table of colours.

    Made to be drawn again while settings are tried: columns, rows and number of traces depend
    only on `across` and `down`.

    Parameters
    ----------
    settings : DataFrame
        Columns ``across`` and ``down`` (values of the two parameters, as text) and ``score``
        (0–1), one row for each setting that was tried; may be empty. With ``round`` (from 1), only
        those of the highest round count where several meet: scores of different rounds come from
        different numbers of cells.
    across, down : sequence of str
        All values that are planned, from left to right and from top to bottom.
    titles : (str, str)
        Names of the two parameters.
    objective : {"f1", "average_precision"}
        What the score is.
    n_planned : int or None
        Settings that are going to be tried.
    dark : bool
        Whether the page is dark.

    Raises
    ------
    ParameterError
        When a column is missing, a score is outside 0–1 or a value is not among those planned.

    Examples
    --------
    >>> tried = pd.DataFrame({"across": ["10", "10"], "down": ["lr", "lr"], "score": [0.5, 0.75]})
    >>> fig = search_map(tried, across=["10", "20"], down=["lr"], titles=("Markers", "Method"))
    >>> fig.data[1].z.tolist()
    [[0.75, nan]]
    """
    best, n, rounds = _cells(settings, across, down)
    name = OBJECTIVES[objective]
    look = page(dark)
    quiet = go.Heatmap(
        z=np.zeros_like(best),
        colorscale=[[0, look.grid], [1, look.grid]],
        showscale=False,
        opacity=0.5,
        xgap=3,
        ygap=3,
        customdata=_about(across, down, n),
        hovertemplate=_hover(titles, "no setting tried"),
    )
    fig = go.Figure([quiet, _scores(best, n, across, down, titles, name, dark=dark)])
    furthest = np.where(rounds == rounds.max(), best, np.nan)
    _mark_best(fig, furthest, dark=dark)
    _category_axes(fig, across, down, titles)
    n_tried = int(n.sum())
    tried = count_text(n_tried) + ("" if n_planned is None else f" of {count_text(n_planned)}")
    note = f"{tried} settings tried · number: best {name} of the settings there"
    if rounds.max() > 1:
        note += " that got furthest"
    if not n_tried:
        note = f"{tried} settings tried"
    alt = f"Best {name} by {titles[0]} and {titles[1]}, {tried} settings tried. "
    alt += _best_words(furthest, across, down, titles)
    height = max(ROW_HEIGHT * len(down) + 118, 250)
    finish(
        fig, dark=dark, alt=alt, note=note, height=height, legend="none", uirevision="search-map"
    )
    # As wide as the colour bar, which is not there yet while there is no score.
    fig.update_layout(margin_r=88)
    return fig.update_yaxes(tickfont_color=look.ink).update_xaxes(tickfont_color=look.ink)


def _cells(
    settings: pd.DataFrame, across: Sequence[str], down: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best score (NaN: none), number of settings, and round; each of shape (down, across)."""
    best = np.full((len(down), len(across)), np.nan)
    n, rounds = np.zeros(best.shape, dtype=int), np.zeros(best.shape, dtype=int)
    if not len(settings):
        return best, n, rounds
    check_columns(settings, ("across", "down", "score"), "settings")
    check_shares(settings["score"], "score")
    for name, planned in (("across", across), ("down", down)):
        if strangers := sorted(set(settings[name]) - set(planned)):
            raise refuse(name, "hold every value of `settings`", f"no {strangers[0]!r}")
    if "round" not in settings:
        settings = settings.assign(round=1)
    for (x, y), group in settings.groupby(["across", "down"], sort=False):
        place = list(down).index(y), list(across).index(x)
        n[place], rounds[place] = len(group), group["round"].max()
        best[place] = group.loc[group["round"] == rounds[place], "score"].max()
    return best, n, rounds


def _scores(
    best: np.ndarray,
    n: np.ndarray,
    across: Sequence[str],
    down: Sequence[str],
    titles: tuple[str, str],
    name: str,
    *,
    dark: bool,
) -> go.Heatmap:
    low, high = _colour_range(best)
    bar = dict(
        title=bar_title(f"Best<br>{first_upper(name)}"),
        thickness=10,
        len=110,
        lenmode="pixels",
        y=1,
        yanchor="top",
        ypad=0,
        xpad=0,
        x=1.03,
        outlinewidth=0,
        tickvals=[low, (low + high) / 2, high],
        tickformat=".1f",
        tickfont=dict(size=12, color=page(dark).muted),
    )
    text = [["" if np.isnan(value) else f"{value:.2f}" for value in row] for row in best]
    return go.Heatmap(
        z=best,
        zmin=low,
        zmax=high,
        colorscale=score_scale(dark),
        colorbar=bar,
        xgap=3,
        ygap=3,
        hoverongaps=False,
        text=text if len(across) <= MOST_NUMBERED else None,
        texttemplate="%{text}" if len(across) <= MOST_NUMBERED else None,
        textfont=dict(size=12),
        customdata=_about(across, down, n),
        hovertemplate=_hover(titles, f"best {name} %{{z:.3f}}, settings tried: %{{customdata[2]}}"),
    )


def _hover(titles: tuple[str, str], what: str) -> str:
    """Words for every cell, whose values and number of settings stand in its custom data."""
    place = "<br>".join(
        f"{safe_text(title)}: %{{customdata[{i}]}}" for i, title in enumerate(titles)
    )
    return f"{place}<br>{what}<extra></extra>"


def _about(across: Sequence[str], down: Sequence[str], n: np.ndarray) -> list[list[list[str]]]:
    """Both values and the number of settings of every cell: the axes themselves count from 0."""
    return [
        [[safe_text(x), safe_text(y), count_text(n[i, j])] for j, x in enumerate(across)]
        for i, y in enumerate(down)
    ]


def _colour_range(best: np.ndarray) -> tuple[float, float]:
    """Both ends of the colours: whole steps around all scores, 0 to 1 while there are none."""
    if np.isnan(best).all():
        return 0.0, 1.0
    low = np.floor(round(np.nanmin(best) / COLOUR_STEP, 9)) * COLOUR_STEP
    high = np.ceil(round(np.nanmax(best) / COLOUR_STEP, 9)) * COLOUR_STEP
    low = min(low, 1 - COLOUR_STEP)
    return round(float(low), 9), round(float(max(high, low + COLOUR_STEP)), 9)


def _mark_best(fig: go.Figure, best: np.ndarray, *, dark: bool) -> None:
    """Frame the cell with the highest score; the frame is there from the start, unseen at first."""
    down, across = (
        (0, 0) if np.isnan(best).all() else np.unravel_index(np.nanargmax(best), best.shape)
    )
    fig.add_shape(
        type="rect",
        x0=across - 0.5,
        x1=across + 0.5,
        y0=down - 0.5,
        y1=down + 0.5,
        line=dict(width=2.5, color=page(dark).ink),
        opacity=0.0 if np.isnan(best).all() else 1.0,
    )


def _category_axes(
    fig: go.Figure, across: Sequence[str], down: Sequence[str], titles: tuple[str, str]
) -> None:
    # Numbered places with words beside them: as categories plotly would take "10" for a number.
    fig.update_xaxes(
        title_text=safe_text(titles[0]),
        tickvals=list(range(len(across))),
        ticktext=[safe_text(value) for value in across],
        range=[-0.5, len(across) - 0.5],
        showgrid=False,
        fixedrange=True,
    )
    fig.update_yaxes(
        tickvals=list(range(len(down))),
        ticktext=[safe_text(value) for value in down],
        range=[len(down) - 0.5, -0.5],
        showgrid=False,
        fixedrange=True,
        ticklabelstandoff=6,
    )


def _best_words(
    best: np.ndarray, across: Sequence[str], down: Sequence[str], titles: tuple[str, str]
) -> str:
    if np.isnan(best).all():
        return "No score yet."
    y, x = np.unravel_index(np.nanargmax(best), best.shape)
    where = f"{titles[0]} {across[x]}, {titles[1]} {down[y]}"
    return f"Highest: {number_text(best[y, x])} at {where}."


def first_upper(name: str) -> str:
    """Write a name as a title begins."""
    return name[:1].upper() + name[1:]
