"""Figures on the pages: drawn once for all sessions, in the theme of whoever looks at them."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

__all__ = ["figure", "is_dark"]

_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


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
    settings["dark"] = is_dark()
    # By content, all of it: the same cells and settings give the same figure to everybody.
    content = pickle.dumps((draw.__name__, data, settings), protocol=5)
    drawn = _drawn(hashlib.sha256(content).hexdigest(), draw, data, settings)
    st.plotly_chart(drawn, theme=None, key=key, alt=drawn.layout.meta["alt"], config=_CONFIG)


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(
    fingerprint: str, _draw: Callable[..., go.Figure], _data: tuple[Any, ...], _settings: Any
) -> go.Figure:
    """Build a figure: most of the time that a page takes, so it is kept, and never changed."""
    return _draw(*_data, **_settings)
