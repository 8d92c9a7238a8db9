"""What the screen says when something is refused, was repaired, or went wrong."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from core.errors import Finding, NeedleError

__all__ = [
    "draw_lines",
    "first_few",
    "plain",
    "plain_name",
    "show_errors",
    "show_findings",
    "show_problem",
    "step_sentence",
]

_LOG = logging.getLogger("needle.pages")
_CODE_OR_QUOTED = re.compile(r"""((?<!`)`[^`\n]+`(?!`)|(?<![\w`])'(?:[^'\\\n]|\\.)*'(?!\w))""")
# What the screen calls the parameters that the library's sentences name.
_LABELS = {
    "`n_neighbors`": "`Neighbours (k)`",
    "`n_affine`": "`Shadow samples per cell (A)`",
    "`noise_scale`": "`Noise`",
    "`neighbour_space`": "`Neighbours are sought in`",
    "`min_fraction`": "`Minimum fraction`",
    "`min_logfc`": "`Minimum log fold change`",
    "`knn_neighbors`": "`knn: neighbours`",
    "`sample`": "`Leave out one sample at a time`",
    "`target_ratio`": "`Target ratio (rare : rest)`",
    "`smote_neighbors`": "`SMOTE neighbours`",
    "`goal`": "`Threshold chosen for`",
}


def plain(text: str) -> str:
    """Text of unknown origin made safe inside Markdown; what stands in backticks stays code.

    Only single backticks on one line make code: Markdown pairs runs of them by their length, so
    that longer ones would end elsewhere than they seem to. Names that the library quotes (between
    ``'`` and ``'``) are a file's own, and nothing in them is code.
    """
    return "".join(
        part if n % 2 and part.startswith("`") else _escape(part)
        for n, part in enumerate(_CODE_OR_QUOTED.split(text))
    )


def plain_name(name: str) -> str:
    """A file's own name for something made safe inside Markdown: nothing in it is code."""
    return _escape(name)


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:^])", r"\\\1", text)


def first_few(names: Sequence[str], n: int = 8) -> str:
    """Name the first `n`, and say how many more there are."""
    more = f" and {len(names) - n:,} more" if len(names) > n else ""
    return plain_name(", ".join(map(str, names[:n]))) + more


def step_sentence(next_step: str) -> str:
    """Return what to do in prose: the first line. The rest of it is for :func:`draw_lines`."""
    return next_step.partition("\n")[0]


def draw_lines(code: str, next_step: str) -> None:
    """Draw the lines of a program that belong to what to do, to be copied; mostly there are none.

    `code` is that of the message: those about files of R bring lines in R.
    """
    lines = next_step.partition("\n")[2].strip("\n")
    if lines:
        st.code(lines, language="r" if code.startswith("E-R-") else None, wrap_lines=True)


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
    for name, label in _LABELS.items():
        message, next_step = message.replace(name, label), next_step.replace(name, label)
    step = plain(step_sentence(next_step))
    bold = f" **{step}**" if step else ""
    st.error(f"{plain(message)}{bold} `{code}`", icon=":material/error:")
    draw_lines(code, next_step)


def show_findings(findings: Iterable[Finding]) -> None:
    """Draw what was fixed (``F-``) or is odd (``W-``); several of one code stand together."""
    by_code: dict[str, list[str]] = {}
    for finding in findings:
        text = f"{plain(finding.message)} {plain(step_sentence(finding.next_step))}".strip()
        by_code.setdefault(finding.code, []).append(text)
    for code, texts in by_code.items():
        text = texts[0] if len(texts) == 1 else "\n".join(f"- {text}" for text in texts) + "\n\n"
        if code.startswith("W-"):
            st.warning(f"{text} `{code}`", icon=":material/warning:")
        else:
            st.info(f"{text} `{code}`", icon=":material/build:")
