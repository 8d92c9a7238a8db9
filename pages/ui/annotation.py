"""The result of an annotation: verdict, calls, maps, evidence, downloads."""

from __future__ import annotations

import streamlit as st

from core.annotation import Annotation
from core.jobs import Run
from core.wording import method_label
from pages.ui import cache
from pages.ui.coverage import in_words_of_the_page
from pages.ui.files import draw_downloads
from pages.ui.group_markers import draw_histogram, draw_markers
from pages.ui.mapping import draw_mapping
from pages.ui.measured import draw_clusters, draw_shift
from pages.ui.messages import plain_name, show_findings
from pages.ui.query_maps import draw_maps
from pages.ui.single_calls import draw_cells
from pages.ui.verdict import ABSENT, draw_sentence, draw_steps, draw_verdict

__all__ = ["draw_annotation", "draw_earlier"]


def draw_annotation(run: Run) -> None:
    """Show verdict, calls, maps and evidence, and offer the files."""
    result = cache.annotation(run.id, run.config["dataset"])
    draw_verdict(result)
    show_findings(
        in_words_of_the_page(finding, result)
        for finding in result.findings
        if finding.code != ABSENT  # the verdict says it
    )
    result = _choose_threshold(run.id, result)
    draw_sentence(result)
    draw_downloads(result)
    draw_steps(result)
    draw_maps(run.id, result)
    draw_mapping(result, key=run.id)
    draw_histogram(run.id, result)
    draw_markers(run.id, result)
    draw_cells(run.id, result)
    if result.transfer is not None:
        draw_clusters(run.id, result)
        draw_shift(run.id, result)


def draw_earlier(run: Run) -> None:
    """Fold the result away that another model or another query had."""
    result = cache.annotation(run.id, run.config["dataset"])
    made_by = f"{plain_name(result.rare)} by {method_label(result.model.method)}"
    box = st.expander(
        f"Earlier result: {made_by} in {plain_name(result.dataset.name)}",
        icon=":material/history:",
        key=f"earlier.{run.id}",
        on_change="rerun",  # nothing in it is drawn before it is opened
    )
    if box.open:
        with box:
            draw_annotation(run)


def _choose_threshold(run_id: str, result: Annotation) -> Annotation:
    """Let one move the threshold and, where the type is probably absent, have cells called."""
    anyway = False
    if result.is_absent:
        anyway = st.toggle(
            "Call them anyway",
            key=f"anyway.{run_id}",
            persist_state="session",
            help="Cells at or above the threshold are called, against the verdict.",
        )
    threshold = st.slider(
        "Score threshold",
        0.0,
        1.0,
        value=result.threshold,
        step=0.01,
        key=f"threshold.{run_id}",
        persist_state="session",
        help="A cell is called when its score reaches this; up to 0.1 below, it is unsure.",
    )
    return result.with_threshold(threshold, anyway=anyway)
