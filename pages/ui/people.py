"""Who sits before this page: one local user, or whoever logged in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from core.errors import NeedleError
from core.jobs.schema import LOCAL
from pages.ui import links
from pages.ui.messages import plain

__all__ = ["greet", "is_log_in_configured", "is_logged_in", "owner", "require_login"]

LONGEST_OWNER = 255  # characters that the run database keeps of an owner
# Log-ins that were ended: other tabs of that browser would go on with them otherwise. Not in one
# of Streamlit's caches: any browser may ask the server to empty these.
_ENDED: set[str] = set()


def is_log_in_configured() -> bool:
    """Whether the secrets name somebody who says who people are.

    Raises
    ------
    NeedleError
        ``E-LOGIN-SETTINGS`` when there are secrets that cannot be read: what they were meant to
        protect must not stand open because of a typing error.
    """
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError as error:
        if any(Path(place).exists() for place in st.get_option("secrets.files")):
            raise _unusable("the file cannot be read. The server's log says why.") from error
        return False


def is_logged_in() -> bool:
    """Whether this session is somebody's; also the local user's, where nobody logs in."""
    if not is_log_in_configured():
        return True
    return bool(st.user.get("is_logged_in")) and _this_log_in() not in _ENDED


def owner() -> str:
    """Name the owner of what this session starts, loads and may see.

    Returns
    -------
    str
        ``"local"`` where nobody logs in. Otherwise issuer and subject of the log-in, which stay
        the same for life; names and e-mail addresses change hands.

    Raises
    ------
    NeedleError
        ``E-LOGIN`` when nobody is logged in, ``E-LOGIN-IDENTITY`` when the provider does not say
        who it is.

    References
    ----------
    OpenID Connect Core 1.0, section 5.7: claim stability and uniqueness.
    """
    if not is_log_in_configured():
        return LOCAL
    if not is_logged_in():
        raise NeedleError(
            "You are not logged in any more.",
            code="E-LOGIN",
            next_step="Reload the page and log in; your runs go on and are kept.",
        )
    issuer, subject = st.user.get("iss"), st.user.get("sub")
    if not (issuer and subject):
        raise NeedleError(
            "The log-in service named no issuer (`iss`) or no subject (`sub`), by which Needle "
            "tells people apart.",
            code="E-LOGIN-IDENTITY",
            next_step="Ask whoever runs this server to choose an OpenID Connect provider.",
        )
    # No issuer holds a space: two different people never get one name.
    name = f"{issuer} {subject}"
    return name if len(name) <= LONGEST_OWNER else hashlib.sha256(name.encode()).hexdigest()


def require_login(page: str) -> None:
    """Let nobody past who must log in first and has not; later they come back to `page`, a file.

    Raises
    ------
    NeedleError
        ``E-LOGIN-SETTINGS`` when the settings for it are incomplete.
    """
    if is_logged_in():
        if is_log_in_configured():
            links.come_back()
        return
    st.title("Log in to Needle", anchor=False)
    st.markdown("Your data, runs and models are kept under your name, and only you see them.")
    for provider in _providers():
        label = f"Log in with {provider.capitalize()}" if provider else "Log in"
        if st.button(label, type="primary", key=f"login.{provider}"):
            links.remember(page)
            try:
                st.login(provider)
            except StreamlitAuthError as error:
                raise _unusable(str(error)) from error
    st.stop()


def greet() -> None:
    """Show at the top who is logged in, with the way out."""
    if not is_log_in_configured():
        return
    row = {"horizontal_alignment": "right", "vertical_alignment": "center"}
    with st.container(horizontal=True, **row, key="person"):
        st.caption(f":material/person: {plain(_name())}", width="content")
        if st.button("Log out", type="tertiary"):
            _ENDED.add(_this_log_in())
            st.logout()


def _name() -> str:
    claims = ("name", "preferred_username", "email", "sub")
    return next(str(st.user[claim]) for claim in claims if st.user.get(claim))


def _providers() -> list[str | None]:
    """Return sections of ``[auth]``, each a provider; ``None`` when it is one by itself."""
    settings = st.secrets["auth"]
    sections = {name: value for name, value in settings.items() if isinstance(value, Mapping)}
    named = [name for name, section in sections.items() if "client_id" in section]
    return [None, *named] if "client_id" in settings or not named else named


def _this_log_in() -> str:
    """Name one log-in of one person; the provider's nonce makes the next one another."""
    claims = {name: value for name, value in st.user.to_dict().items() if name != "tokens"}
    return hashlib.sha256(json.dumps(claims, sort_keys=True).encode()).hexdigest()


def _unusable(reason: str) -> NeedleError:
    return NeedleError(
        f"The settings for logging in (`secrets.toml`) cannot be used: {reason}",
        code="E-LOGIN-SETTINGS",
        next_step="Ask whoever runs this server to mend them.",
    )
