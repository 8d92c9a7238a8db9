"""Who can reach this server, and what has to be settled before others may."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

import streamlit as st

from core.errors import NeedleError
from pages.ui import people
from pages.ui.messages import plain

__all__ = ["draw_banner", "exposure", "is_local", "is_open"]

_ALLOW = "NEEDLE_ALLOW_NETWORK"


def is_local(address: str | None) -> bool:
    """Whether an address leads to the machine itself, so that nobody else gets there.

    Parameters
    ----------
    address : str or None
        As in Streamlit's setting ``server.address``: a host name, an IP address, a socket file
        (``unix://…``), or ``None`` or nothing for all addresses that the machine has.

    Examples
    --------
    >>> is_local("localhost"), is_local("0.0.0.0"), is_local(None)
    (True, False, False)
    """
    name = (address or "").strip().lower().rstrip(".")
    if name.startswith("unix://") or name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:  # a host name: whatever it leads to today, it may lead elsewhere tomorrow
        return False


def exposure(address: str | None, host: str | None) -> str | None:
    """Say how others can get here; ``None`` when they cannot.

    Parameters
    ----------
    address : str or None
        Where the server listens; see :func:`is_local`.
    host : str or None
        Name by which the browser asked for this page. Behind a proxy, and when a web site leads
        its own name to this machine (DNS rebinding), it is another one than the machine's own.
    """
    if not is_local(address):
        everywhere = not address or address.strip("[]") in ("0.0.0.0", "::")
        return f"listens on {'all addresses of this computer' if everywhere else address}"
    if host and not is_local(urlsplit(f"//{host}").hostname):
        return f"was reached by the name {host}"
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
    return exposure(st.get_option("server.address"), st.context.headers.get("Host"))
