"""The model library: named models with their scores, to use, give away, rename and delete."""

import pandas as pd
import streamlit as st

from core.errors import ModelFileError
from core.jobs.library import Model, get_model, models
from core.wording import method_label
from pages.ui import people
from pages.ui.following import follow, is_running
from pages.ui.loading import load_upload
from pages.ui.messages import plain
from pages.ui.model_actions import act
from pages.ui.model_details import draw_details, score_of
from pages.ui.state import AppState
from pages.ui.widgets import header, local_time, next_page, number_columns

# Id of the ticked model, and how often this page has ticked one by itself.
_TICKED, _EDITION = "models.ticked", "models.edition"


def take_upload(state: AppState, owner: str) -> None:
    """Offer the uploader, and follow the check of what was uploaded."""
    with st.expander("Add a model file", expanded=not models(owner) or bool(state.importing)):
        st.file_uploader(
            "Model file",
            key="model-file",
            on_change=load_upload,
            args=("model",),
            disabled=is_running(state.importing),
            help="A .skops file from `Save model` or `Download model`.",
        )
        done = follow(state, "importing")
    if done is not None:
        state.importing = None
        try:
            name = get_model(done.summary["model_id"], owner).name
        except ModelFileError:  # an import of long ago, opened from Runs
            st.info("This model was deleted from the library.", icon=":material/delete:")
            return
        st.success(f"**{plain(name)}** is in the library.", icon=":material/check:")
        st.session_state[_TICKED] = done.summary["model_id"]
        st.session_state[_EDITION] = st.session_state.get(_EDITION, 0) + 1


def model_table(found: list[Model]) -> pd.DataFrame:
    """One row per model, newest first."""
    scores = {name: [score_of(model, name) for model in found] for name in ("f1", "precision")}
    return pd.DataFrame(
        {
            "Name": [model.name for model in found],
            "Rare type": [model.rare for model in found],
            "Method": [method_label(model.method) for model in found],
            "Genes": [len(model.genes) for model in found],
            "F1": pd.Series(scores["f1"], dtype=float),
            "Precision": pd.Series(scores["precision"], dtype=float),
            "Recall": pd.Series([score_of(model, "recall") for model in found], dtype=float),
            "Reference": [model.reference["name"] for model in found],
            "Date": [local_time(model.created) for model in found],
        }
    )


def tick(found: list[Model]) -> Model | None:
    """Draw the table and return the model whose row is ticked."""
    ids = tuple(model.id for model in found)
    rows = [row for row, one in enumerate(ids) if one == st.session_state.get(_TICKED)]
    picked = st.dataframe(
        model_table(found),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        # Rows are ticked by number: with another list, the tick would stand beside another model.
        # Every list has its own, and begins with the one that was ticked before.
        key=f"models.{st.session_state.get(_EDITION)}.{hash(ids)}",
        selection_default={"selection": {"rows": rows}},
        placeholder="–",
        alt=f"Table of {len(found)} {'model' if len(found) == 1 else 'models'}, newest first",
        column_config=number_columns(
            {name: (name, "%.3f", None) for name in ("F1", "Precision", "Recall")}
            | {"Genes": ("Genes", "localized", None)}
        )
        | {
            "Name": st.column_config.TextColumn(width=280, pinned=True),
            "Date": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
    )
    ticked = [found[row] for row in picked.selection.rows if row < len(found)]
    st.session_state[_TICKED] = ticked[0].id if ticked else None
    return ticked[0] if ticked else None


def draw_library(state: AppState, owner: str) -> None:
    """Search, table, and the ticked model."""
    text = st.text_input(
        "Search",
        key="models.text",
        persist_state="session",
        placeholder="Name, rare type, method, reference or gene",
        icon=":material/search:",
    )
    found = models(owner, text)
    if not found:
        st.info("No model fits this.", icon=":material/filter_alt_off:")
        return
    model = tick(found)
    if model is None:
        st.caption("Tick a model to see, use, download, rename or delete it.")
        return
    st.subheader(plain(model.name), anchor=False)
    act(model, state, owner)
    draw_details(model)


state = header("Models", "Models that you keep, under names of your own.")
owner = people.owner()
library = st.container()
take_upload(state, owner)
with library:
    if models(owner):
        draw_library(state, owner)
    else:
        st.info(
            "No model is kept yet. Train one and press `Keep in library`, or add a model file.",
            icon=":material/inventory_2:",
        )
        next_page("train", "Go to Train", icon=":material/arrow_back:")
