"""What stands above every page: who may come in here, and what was found amiss at the start."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

import streamlit as st

from core.errors import Finding, NeedleError
from pages.ui import network, people
from pages.ui.cache import warm_worker
from pages.ui.messages import show_findings

__all__ = ["admit", "menu_position"]

# Which findings which people have dismissed, until the server is restarted. Not in one of
# Streamlit's caches: any browser may ask the server to empty these.
_DISMISSED: set[tuple[str, Finding]] = set()


def menu_position() -> Literal["top", "hidden"]:
    """Where the menu of pages stands: nowhere for whoever may open none."""
    with suppress(NeedleError):  # a page says what is wrong
        if people.is_logged_in():
            return "top"
    return "hidden"


def admit(page: str) -> None:
    """Stand before every page: nothing of it is drawn for whoever it does not concern.

    Parameters
    ----------
    page : str
        Path of the page in the address, ``""`` for the first.

    Raises
    ------
    NeedleError
        ``E-OPEN-SERVER`` where strangers could come in, ``E-FOLDER`` and the like where Needle
        cannot work; then a page shows that and nothing else.
    """
    is_open = network.is_open()
    people.require_login(f"pages/{page or 'start'}.py")
    findings = warm_worker()
    people.greet()
    if is_open:
        network.draw_banner()
    for finding in findings:
        _show(finding)


def _show(finding: Finding) -> None:
    seen = (people.owner(), finding)
    if seen in _DISMISSED:
        return
    text, button = st.columns([6, 1], vertical_alignment="center")
    with text:
        show_findings([finding])
    button.button(
        "Dismiss",
        key=f"dismiss.{hash(seen)}",
        on_click=_DISMISSED.add,
        args=(seen,),
        width="stretch",
    )
