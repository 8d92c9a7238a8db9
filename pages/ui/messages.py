"""What the screen says when something is refused, was repaired, or went wrong."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import Finding, NeedleError

__all__ = ["plain", "show_errors", "show_findings", "show_problem"]

_LOG = logging.getLogger("needle.pages")


def plain(text: str) -> str:
    """Text of unknown origin made safe inside Markdown; what stands in backticks stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part[:1] == "`" == part[-1:] else _escape(part) for part in parts)


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:^])", r"\\\1", text)


@contextmanager
def show_errors() -> Iterator[None]:
    """Show what Needle refuses as code, sentence and next step; log anything else as a bug."""
    try:
        yield
    except NeedleError as error:
        show_problem(error.code, error.message, error.next_step)
    except Exception as error:
        # The one place where everything is caught: the page's outermost frame. A bug is written
        # to the log with an incident id, and the user's choices stay as they are.
        incident = secrets.token_hex(4)
        _LOG.error("incident %s", incident, exc_info=error)
        show_problem(
            "E-BUG",
            f"Something went wrong inside Needle, and it is not your fault (incident {incident}).",
            "Reload the page; your data and runs are kept.",
        )


def show_problem(code: str, message: str, next_step: str) -> None:
    """Draw one refusal."""
    st.error(f"{plain(message)} **{plain(next_step)}** `{code}`", icon=":material/error:")


def show_findings(findings: Iterable[Finding]) -> None:
    """Draw what was fixed (``F-``) or is odd (``W-``)."""
    for finding in findings:
        text = f"{plain(finding.message)} {plain(finding.next_step)} `{finding.code}`"
        if finding.code.startswith("W-"):
            st.warning(text, icon=":material/warning:")
        else:
            st.info(text, icon=":material/build:")
