"""What an annotation comes to: is the type there, how often, and what was done to tell."""

from __future__ import annotations

import streamlit as st

from core.annotation import Annotation
from core.errors import Finding
from core.text import number_text, percent_text
from core.transfer import FEWEST_CELLS
from core.transfer.verdict import LEAST_LIKENESS, LEAST_SCORE, LEAST_SIMILARITY
from core.wording import count, frequency
from pages.ui.messages import plain, plain_name

__all__ = ["ABSENT", "draw_sentence", "draw_steps", "draw_verdict"]

ABSENT = "W-TYPE-ABSENT"
# With one of these, calls may be wrong in a way that the verdict does not see.
_DOUBTS = ("W-QUERY-SHIFTED", "W-UNLIKE-REFERENCE", "W-GENES-REDUCED")


def draw_verdict(result: Annotation) -> None:
    """Say in one sentence whether the query has the type, and on which figures that rests."""
    if result.transfer is None:
        st.info(_why_not_carried_over(result), icon=":material/info:")
        return
    codes = {finding.code: finding for finding in result.findings}
    rare, name = plain_name(result.rare), plain_name(result.dataset.name)
    if result.is_absent:
        _draw_absent(result, codes.get(ABSENT))
    elif not result.n_called and result.transfer.config.votes != "none":
        st.warning(
            f"**No cluster of {name} is called {rare} as a whole**, though some of its cells look "
            "like the reference's. A rare type is often outvoted: call cells one by one.",
            icon=":material/how_to_vote:",
        )
    elif any(code in codes for code in _DOUBTS):
        st.warning(
            f"**{name} probably has {rare}**, but it differs much from the reference. Read the "
            "remarks below before you believe a call.",
            icon=":material/help:",
        )
    else:
        st.success(
            f"**{name} has {rare}**: the called cells are like those of the reference.",
            icon=":material/check_circle:",
        )
    _draw_figures(result)


def _why_not_carried_over(result: Annotation) -> str:
    own = "the model's own scores and threshold, as they were validated within its reference"
    if result.dataset.n_cells < FEWEST_CELLS:
        return (
            f"A query of fewer than {FEWEST_CELLS} cells is too small to be compared with the "
            f"reference as a whole. These are {own}."
        )
    return (
        f"This result is of an earlier version: {own}. Annotate again to have calls carried over."
    )


def _draw_absent(result: Annotation, finding: Finding | None) -> None:
    if finding is None:
        said, step, code = f"{result.dataset.name} probably has no {result.rare}.", "", ""
    else:
        said, step, code = finding.message, finding.next_step, f" `{finding.code}`"
    st.warning(f"**{plain(said)}** {plain(step)}{code}", icon=":material/search_off:")


def _draw_figures(result: Annotation) -> None:
    verdict, rare = result.transfer.verdict, plain_name(result.rare)
    figures = (
        ("Mean score", verdict.score, LEAST_SCORE, "with neighbours"),
        ("Similarity", verdict.similarity, LEAST_SIMILARITY, f"to {rare}"),
        ("Likeness", verdict.likeness, LEAST_LIKENESS, f"to {rare} over others"),
    )
    with st.container(key="verdict", gap="small"):
        for place, (label, value, least, about) in zip(st.columns(3), figures, strict=True):
            icon = ":material/check:" if value >= least else ":material/close:"
            shown = number_text(value) if verdict.n_cells else "–"
            place.markdown(f"{icon} **{label} {shown}** {about}")
            place.caption(f"At least {least:g} is asked of the group.")


def draw_sentence(result: Annotation) -> None:
    """Say how many cells are called, and how frequent the type is by that."""
    n_cells, rare = len(result.table), plain_name(result.rare)
    unsure = f"; {count(result.n_unsure)} unsure" if result.n_unsure else ""
    comma = "," if result.n_called else ""  # after "1 in 61"
    called = f"{frequency(result.n_called, n_cells)}{comma} called {rare}"
    st.subheader(f"{called}{unsure}", anchor=False)
    estimate = _estimate(result)
    st.caption(
        f"{estimate}How well the model works was measured inside its reference. In another lab's "
        "data it may miss cells or call wrong ones: look at the markers below before you believe "
        "a call."
    )


def _estimate(result: Annotation) -> str:
    """Share of the rare type by the calls; nothing where these do not follow from the scores."""
    if result.transfer is None:
        return ""
    rare = plain_name(result.rare)
    share = result.share
    if result.is_absent and not result.n_called:
        return (
            "Estimated frequency: **none**, or at most "
            f"{percent_text(share.high)} if the best cells are {rare} after all. "
        )
    if not result.n_called:
        return ""
    return (
        f"Estimated frequency: **{percent_text(share.share)}** of the cells, between "
        f"{percent_text(share.low)} and {percent_text(share.high)} by chance and by where the "
        "threshold stands. "
    )


def draw_steps(result: Annotation) -> None:
    """List what was done to carry the calls over."""
    if result.transfer is None:
        return
    verdict = result.transfer.verdict
    with st.expander("What was done", icon=":material/list:"):
        genes = result.transfer.cells
        n_others = len(genes.genes) - genes.n_markers
        others = f" and {count(n_others)} of other types" if n_others else ""
        used = f"{count(genes.n_markers)} markers of {result.rare}{others} were compared"
        steps = [used, *result.transfer.steps]
        st.markdown("\n".join(f"1. {plain(step[0].upper() + step[1:])}." for step in steps))
        st.caption(
            f"The verdict was passed on {count(verdict.n_cells)} cells, those at or above "
            f"{number_text(result.transfer.threshold)}. Mean score: of these cells, 0 to 1, with "
            "their neighbours. Similarity: cosine of the angle between their mean profile and that "
            "of the rare type, −1 to 1. Likeness: how much nearer they are to the rare type than "
            "to any other; 0 is half-way, 1 is as the reference's own cells."
        )
