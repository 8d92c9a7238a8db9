"""Back to the link that somebody opened before they had to log in.

Streamlit leads everybody to the first page after a log-in and forgets the address they came with
(streamlit/streamlit#10162), so the server remembers it for that browser for a few minutes.
"""

from __future__ import annotations

import time
from itertools import cycle

import streamlit as st

__all__ = ["come_back", "remember"]

SECONDS_TO_LOG_IN = 600.0
MOST_REMEMBERED = 1000  # browsers; whoever calls for more than that is no person

# Page and parameters that a browser wanted, and when.
# Not in one of Streamlit's caches: any browser may ask the server to empty these.
_WANTED: dict[bytes, tuple[float, str, dict[str, list[str]]]] = {}


def remember(page: str) -> None:
    """Note, for this browser, the page (its file) and the address that it asked for."""
    _forget_the_old()
    browser = _browser()
    if browser is None or len(_WANTED) >= MOST_REMEMBERED:
        return
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    _WANTED[browser] = (time.monotonic(), page, parameters)


def come_back() -> None:
    """Go once, after a log-in, to what was asked for before it."""
    _forget_the_old()
    wanted = _WANTED.pop(_browser(), None)
    if wanted is not None:
        _, page, parameters = wanted
        st.switch_page(page, query_params=parameters)


def _forget_the_old() -> None:
    oldest = time.monotonic() - SECONDS_TO_LOG_IN
    for browser, (moment, _, _) in list(_WANTED.items()):
        if moment < oldest:
            _WANTED.pop(browser, None)


def _browser() -> bytes | None:
    """Tell one browser from others by its token against forged requests, masked anew each time."""
    parts = st.context.cookies.get("_streamlit_xsrf", "").strip('"').split("|")
    try:
        _version, mask, masked, _time = parts
        pairs = zip(bytes.fromhex(masked), cycle(bytes.fromhex(mask)), strict=False)
    except ValueError:  # no cookie, or one of another kind
        return None
    return bytes(one ^ other for one, other in pairs) or None
