"""Scores of a training, drawn while the folds arrive."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core import jobs
from core.config import TrainingConfig, config_from_dict
from core.jobs import Event, Run
from core.jobs.history import fold_table
from core.plots import live_scores
from core.summary import count_scores
from pages.ui import people
from pages.ui.figures import figure
from pages.ui.following import draw_progress
from pages.ui.messages import show_errors

__all__ = ["MOST_ROWS", "SCORES", "draw_live"]

SCORES = ("precision", "recall", "f1")
# Methods in the figure; of more only the best are drawn.
MOST_ROWS = 16


@st.fragment(run_every=0.7)
def draw_live(run_id: str) -> None:
    """Progress and scores of a training that is under way."""
    with show_errors():
        _draw_live(run_id)


def _draw_live(run_id: str) -> None:
    run = jobs.refresh(run_id, owner=people.owner())
    if run.is_over:
        st.rerun()
    events = jobs.get_database().events(run_id)
    folds = [event for event in events if "method" in event.payload]
    plan = next((event.payload for event in events if "n_folds" in event.payload), None)
    draw_progress(run, already=_share_before(run, folds, plan))
    if plan is not None and plan["n_folds"]:
        _draw_scores(
            fold_table(events), plan["n_rare"], run.config["training"], key=f"live.{run_id}"
        )
        st.caption(
            "For now cells are called from a score of 0.5 on. Thresholds that suit each method are "
            "chosen when all folds are there."
        )


def _share_before(run: Run, folds: list[Event], plan: dict[str, Any] | None) -> float:
    """Share of the folds that were there when a resumed run was started again."""
    if not (plan and plan["n_folds"]):
        return 0.0
    methods = config_from_dict(TrainingConfig, run.config["training"]).methods()
    before = sum(run.started is None or event.time < run.started for event in folds)
    return before / (plan["n_folds"] * len(list(methods)) * plan.get("n_passes", 1))


def _draw_scores(folds: pd.DataFrame, n_rare: int, training: dict[str, Any], *, key: str) -> None:
    """Precision, recall and F1 of every fold so far, with mean and interval per method."""
    methods = [str(m) for m in config_from_dict(TrainingConfig, training).methods()]
    rows = {}
    for method in methods:
        mine = folds[folds["method"] == method] if len(folds) else folds
        rows[method] = count_scores(mine) if len(mine) else {}
    columns = [f"{score}_{part}" for score in SCORES for part in ("mean", "low", "high")]
    summary = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns)
    if not len(folds):
        folds = pd.DataFrame(columns=["method", "repeat", "fold", *SCORES])
    figure(live_scores, folds, summary, n_rare=n_rare, methods=methods, most=MOST_ROWS, key=key)
