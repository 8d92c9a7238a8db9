"""Who can reach this server, and what has to be settled before others may."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from core.errors import NeedleError
from pages.ui import people
from pages.ui.messages import plain

__all__ = ["draw_banner", "exposure", "is_local", "is_open"]

_ALLOW = "NEEDLE_ALLOW_NETWORK"
# What proxies add to what they pass on; a browser never does.
_PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via")


def is_local(address: str | None) -> bool:
    """Whether an address leads to the machine itself, so that nobody else gets there.

    Parameters
    ----------
    address : str or None
        As in Streamlit's setting ``server.address``: a host name, an IP address, a socket file
        (``unix://…``, which is there for a proxy), or ``None`` or nothing for all addresses that
        the machine has.

    Examples
    --------
    >>> is_local("localhost"), is_local("0.0.0.0"), is_local(None)
    (True, False, False)
    """
    name = (address or "").strip().lower().rstrip(".")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:  # a host name: whatever it leads to today, it may lead elsewhere tomorrow
        return False


def exposure(address: str | None, headers: Mapping[str, str]) -> str | None:
    """Say how others can get here; ``None`` when they cannot.

    Parameters
    ----------
    address : str or None
        Where the server listens; see :func:`is_local`.
    headers : mapping
        What the browser's request says. ``Host`` and ``Origin`` tell by which name it asked for
        this page: behind a proxy, and when a web site leads its own name to this machine (DNS
        rebinding), it is another one than the machine's own. A proxy may keep that to itself and
        ask as ``localhost``, but then adds headers of its own, or the browser's ``Origin`` stays.
    """
    if not is_local(address):
        everywhere = not address or address.strip("[]") in ("0.0.0.0", "::")
        return f"listens on {'all addresses of this computer' if everywhere else address}"
    host, origin = headers.get("Host"), headers.get("Origin")
    if host and not is_local(_name_in(f"//{host}")):
        return f"was reached by the name {host}"
    if origin and not is_local(_name_in(origin)):
        return f"was reached from the page {origin}"
    proxy = next((name for name in _PROXY_HEADERS if name in headers), None)
    return f"was reached through a proxy (`{proxy}`)" if proxy else None


def _name_in(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # brackets around what is no address
        return None


def is_open() -> bool:
    """Refuse to show anything on an open server, unless that is wanted.

    Returns
    -------
    bool
        Whether strangers may come in here, and every page must say so.

    Raises
    ------
    NeedleError
        ``E-OPEN-SERVER`` when others can get here, nobody has to log in, and the setting
        ``NEEDLE_ALLOW_NETWORK`` does not allow it.
    """
    how = _exposure_of_this_page()
    if how is None or people.is_log_in_configured():
        return False
    if os.environ.get(_ALLOW) == "1":
        return True
    raise NeedleError(
        f"This server {how} and asks nobody to log in: whoever gets here could see and delete "
        "everything. It shows nothing until that is settled.",
        code="E-OPEN-SERVER",
        next_step="Start it with `--server.address localhost` and open it as `localhost`, "
        f"configure a log-in, or set `{_ALLOW}=1` where everybody may be trusted.",
    )


def draw_banner() -> None:
    """Say that everybody may come in here."""
    st.warning(
        f"**Open to everybody.** This server {plain(_exposure_of_this_page())} and asks nobody to "
        "log in: whoever reaches this address sees and deletes everything.",
        icon=":material/lock_open:",
    )


def _exposure_of_this_page() -> str | None:
    return exposure(st.get_option("server.address"), st.context.headers)
