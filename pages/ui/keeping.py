"""The final models of a training: take one away as a file, or keep it in the library."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import jobs
from core.config import TrainingConfig
from core.jobs import Run
from core.jobs.library import LONGEST_NAME, models, save_model
from core.wording import method_label
from pages.ui import cache, people
from pages.ui.messages import plain
from pages.ui.models import draw_what_a_file_gives_away, file_name
from pages.ui.widgets import next_page

__all__ = ["keep_model"]


def keep_model(run: Run, training: TrainingConfig) -> None:
    """Offer the models that were trained on all cells."""
    st.subheader("The final model, trained on all cells", anchor=False)
    methods = [str(method) for method in training.methods()]
    choice, button = st.columns([3, 1], vertical_alignment="bottom")
    method = choice.selectbox(
        "Method of the model",
        methods,
        index=methods.index(run.summary["preselected"]),
        format_func=method_label,
        key=f"method.{run.id}",
    )
    path = jobs.run_folder(run.id) / f"{method}.skops"
    button.download_button(
        "Save model",
        data=path.read_bytes,
        file_name=file_name(f"needle_{run.config['task']['rare']}_{method}"),
        mime="application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
    _keep_in_library(run, method, path)
    draw_what_a_file_gives_away()
    next_page("synthetic", "Look at the synthetic cells")
    next_page("annotate", "Next: find them in other data")


def _keep_in_library(run: Run, method: str, path: Path) -> None:
    owner, place = people.owner(), st.empty()
    with place.container():
        field, button = st.columns([3, 1], vertical_alignment="bottom")
        name = field.text_input(
            "Name",
            value=_proposal(run, method),
            max_chars=LONGEST_NAME,
            key=f"name.{run.id}.{method}",
            persist_state="session",
        )
        if button.button("Keep in library", icon=":material/inventory_2:", width="stretch"):
            save_model(path, name=name, owner=owner, run_id=run.id)
    kept = [model for model in models(owner) if (model.run_id, model.method) == (run.id, method)]
    if kept:
        with place.container():
            said, link = st.columns([3, 1], vertical_alignment="center")
            said.success(
                f"Kept as **{plain(kept[0].name)}** — see Models.", icon=":material/check:"
            )
            with link:
                next_page("models", "See Models", icon=":material/inventory_2:")


def _proposal(run: Run, method: str) -> str:
    """Rare type, method and reference."""
    reference = cache.dataset(run.config["dataset"]).name
    return f"{run.config['task']['rare']} · {method_label(method)} · {reference}"[:LONGEST_NAME]
