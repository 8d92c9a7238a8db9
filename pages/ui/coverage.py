"""How many of a model's genes a query has, and a button where other names would find more."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.annotation import FULL_COVERAGE, Annotation
from core.data import Dataset, GeneMatch
from core.data.gene_advice import GeneAdvice
from core.errors import Finding
from core.model import MIN_COVERAGE, RareCellModel
from pages.ui.doctor import TakeUp, verb
from pages.ui.messages import first_few, plain, show_problem

__all__ = ["draw_coverage", "in_words_of_the_page"]


def draw_coverage(
    model: RareCellModel, match: GeneMatch, query: Dataset, take_up: TakeUp | None
) -> None:
    """Say, before anything else, how many of the model's genes the query has.

    `take_up` reads the query again under other names; ``None`` when its file is gone.
    """
    found = f"**{len(match.found)} of the model's {len(model.genes)} genes** are in this query."
    if match.coverage >= FULL_COVERAGE:
        st.markdown(f":material/check: {found}")
        return
    advice = model.query_advice(query)
    words = "" if advice and take_up else _advice_words(model, query)
    with st.container(key="coverage", gap="small"):
        if match.coverage < MIN_COVERAGE:
            error = model.mismatch(match, query)
            step = "" if advice and take_up else words or error.next_step
            show_problem(error.code, error.message, step)
        else:
            st.warning(
                f"{found} The result will be a reduced one. Missing: {first_few(match.missing)}. "
                f"{plain(words)}".strip(),
                icon=":material/warning:",
            )
        if advice and take_up:
            st.button(
                _label(advice, len(model.genes)),
                key=f"names.{query.digest}",
                type="primary" if match.coverage < MIN_COVERAGE else "secondary",
                icon=":material/swap_horiz:",
                on_click=take_up,
                args=(advice.choices,),
                help="Reads the query once more, with its genes under these names.",
            )


def in_words_of_the_page(finding: Finding, result: Annotation) -> Finding:
    """Put advice about gene names, which a finding gives as for a script, in terms of buttons."""
    if not finding.code.startswith("W-GENES-"):
        return finding
    advice = result.model.name_advice(result.dataset)
    if not advice or advice not in finding.next_step:
        return finding
    words = _advice_words(result.model, result.dataset)
    return replace(finding, next_step=finding.next_step.replace(advice, words))


def _advice_words(model: RareCellModel, query: Dataset) -> str:
    """Say which buttons to press on which page, once a file is loaded again."""
    if advice := model.query_advice(query):
        return f"Load the file again and choose {_buttons(advice)}: {_gain(advice, model)}"
    if advice := model.reference_advice(query):
        return (
            f"Load the reference's file again, choose {_buttons(advice)} and train anew: "
            f"{_gain(advice, model)}"
        )
    return ""


def _buttons(advice: GeneAdvice) -> str:
    return ", then ".join(f"`{verb(code, answer)}`" for code, answer in advice.choices.items())


def _gain(advice: GeneAdvice, model: RareCellModel) -> str:
    n = len(model.genes)
    return f"{advice.n_after} instead of {advice.n_before} of the {n} genes would be found."


def _label(advice: GeneAdvice, n_genes: int) -> str:
    """Say what the names are going to be, however many choices it takes, and what it brings."""
    names = [verb(code, answer) for code, answer in advice.choices.items()]
    to_human = advice.choices.get("W-MOUSE") == "human-orthologs"
    label = "Name genes by human symbols" if to_human else " and ".join(names)
    return plain(f"{label}: {advice.n_after} of {n_genes} instead of {advice.n_before}")
