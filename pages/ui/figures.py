"""Figures on the pages: drawn once for all sessions, in the theme of whoever looks at them."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import streamlit as st

from core.plots import ACCENT, ACCENT_DARK

__all__ = ["figure", "is_dark", "lasso_figure"]

_LEGEND_BELOW_BUTTONS = 0.93  # in parts of the plot's height
_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
_LASSO_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d"]}


def is_dark() -> bool:
    """Whether the page is shown in the dark theme."""
    return st.context.theme.type == "dark"


def figure(draw: Callable[..., go.Figure], *data: Any, key: str, **settings: Any) -> None:
    """Draw a figure with its alternative text.

    Parameters
    ----------
    draw : callable
        Function of ``core.plots``; it is also told whether the theme is ``dark``.
    *data, **settings
        What to draw.
    key : str
        Name of the figure on its page.
    """
    drawn = _draw(draw, data, settings, lasso=False)
    st.plotly_chart(drawn, theme=None, key=key, alt=drawn.layout.meta["alt"], config=_CONFIG)


def lasso_figure(
    draw: Callable[..., go.Figure],
    *data: Any,
    key: str,
    on_select: Callable[[], None],
    **settings: Any,
) -> list[npt.NDArray[np.float64]]:
    """Draw a map on which cells can be looped in with the mouse.

    Parameters
    ----------
    draw, *data, key, **settings
        As in :func:`figure`.
    on_select : callable
        Called when a loop was drawn or taken away.

    Returns
    -------
    list of array of shape (n_corners, 2)
        The loops, in map coordinates. Points do not count: a map of many cells has none.
    """
    drawn = _draw(draw, data, settings, lasso=True)
    event = st.plotly_chart(
        drawn,
        theme=None,
        key=key,
        alt=drawn.layout.meta["alt"],
        config=_LASSO_CONFIG,
        on_select=on_select,
        selection_mode="lasso",
    )
    loops = [np.column_stack([loop["x"], loop["y"]]) for loop in event["selection"]["lasso"]]
    return [loop for loop in loops if len(loop) > 2 and np.isfinite(loop).all()]


def _draw(
    draw: Callable[..., go.Figure], data: tuple[Any, ...], settings: dict[str, Any], *, lasso: bool
) -> go.Figure:
    settings["dark"] = is_dark()
    # By content, all of it: the same cells and settings give the same figure to everybody.
    content = pickle.dumps((draw.__name__, data, settings), protocol=5)
    return _drawn(hashlib.sha256(content).hexdigest(), lasso, draw, data, settings)


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(
    fingerprint: str,
    lasso: bool,
    _draw: Callable[..., go.Figure],
    _data: tuple[Any, ...],
    _settings: dict[str, Any],
) -> go.Figure:
    """Build a figure: most of the time that a page takes, so it is kept, and never changed."""
    drawn = _draw(*_data, **_settings)
    if lasso:
        line = dict(color=ACCENT_DARK if _settings["dark"] else ACCENT, width=2, dash="solid")
        # The buttons are used here, and stand in the corner where the legend begins otherwise.
        drawn.update_layout(
            dragmode="lasso", newselection=dict(line=line), legend=dict(y=_LEGEND_BELOW_BUTTONS)
        )
    return drawn
