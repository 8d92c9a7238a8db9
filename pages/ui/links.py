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
_Wanted = dict[bytes, tuple[float, str, dict[str, list[str]]]]


def remember(page: str) -> None:
    """Note, for this browser, the page (its file) and the address that it asked for."""
    _forget_the_old()
    browser, wanted = _browser(), _wanted()
    if browser is None or len(wanted) >= MOST_REMEMBERED:
        return
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    wanted[browser] = (time.monotonic(), page, parameters)


def come_back() -> None:
    """Go once, after a log-in, to what was asked for before it."""
    _forget_the_old()
    browser = _browser()
    if browser in (wanted := _wanted()):
        _, page, parameters = wanted.pop(browser)
        st.switch_page(page, query_params=parameters)


@st.cache_resource(show_spinner=False)
def _wanted() -> _Wanted:
    return {}


def _forget_the_old() -> None:
    oldest = time.monotonic() - SECONDS_TO_LOG_IN
    for browser, (moment, _, _) in list(_wanted().items()):
        if moment < oldest:
            _wanted().pop(browser, None)


def _browser() -> bytes | None:
    """Tell one browser from others by its token against forged requests, masked anew each time."""
    parts = st.context.cookies.get("_streamlit_xsrf", "").strip('"').split("|")
    try:
        _version, mask, masked, _time = parts
        pairs = zip(bytes.fromhex(masked), cycle(bytes.fromhex(mask)), strict=False)
    except ValueError:  # no cookie, or one of another kind
        return None
    return bytes(one ^ other for one, other in pairs) or None
