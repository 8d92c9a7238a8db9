"""Apply a model to a query: who is rare, how sure, on what evidence."""

import streamlit as st

from core.config import config_from_dict, config_to_dict
from core.data import find_demo
from core.jobs.folders import model_of
from core.model import MIN_COVERAGE
from core.transfer_config import TransferConfig
from pages.ui import cache
from pages.ui.annotation import draw_annotation, draw_earlier
from pages.ui.carrying import choose_transfer
from pages.ui.choosing import follow_reading, is_still_in_use
from pages.ui.coverage import draw_coverage
from pages.ui.doctor import show_report
from pages.ui.following import begin, follow, is_running
from pages.ui.loading import adopt_query, load_upload, offer_files
from pages.ui.messages import plain_name
from pages.ui.models import available_models
from pages.ui.readings import change_of, offers_of
from pages.ui.state import AppState
from pages.ui.widgets import header, next_page


def choose_model(state: AppState) -> str | None:
    """Select a model of this session, of the library or of an earlier run, or load a file."""
    imported = follow(state, "importing")
    if imported is not None:
        state.model, state.importing = imported.summary["model"], None
    models = available_models(state)
    if not models:
        st.info(
            "No model yet. Train one, or load a model file below.", icon=":material/model_training:"
        )
        next_page("train", "Go to Train", icon=":material/arrow_back:")
    path = st.selectbox(
        "Model",
        list(models),
        format_func=models.get,
        key=state.key(f"model.{state.training}.{state.model}"),
        persist_state="session",
        placeholder="No model yet",
    )
    with st.expander("Use a model file"):
        st.file_uploader(
            "Model file",
            key="model-file",
            on_change=load_upload,
            args=("model",),
            help="A .skops file from `Save model`. It is kept in the library, on the page Models.",
        )
    return path


def choose_query(state: AppState) -> None:
    """Load the demo query or a file."""
    offer_files(
        "query",
        help_text="Cells with counts or log-normalised values. They need no labels.",
        busy=is_running(state.reading_query),
    )
    done = follow_reading(state, "reading_query")
    if done is not None:
        adopt_query(state, done.summary["dataset"])
        st.rerun()


state = header("Annotate", "Find your rare cells in another dataset.")
left, right = st.columns(2, gap="large")
with left:
    model_path = choose_model(state)
with right:
    choose_query(state)

if state.query:
    query = cache.dataset(state.query)
    if is_still_in_use(state, "reading_query"):
        st.divider()
        st.caption("Still in use")
    st.subheader(plain_name(query.name), anchor=False)
    is_demo = query.digest == find_demo("query")
    take_up = None if is_demo else offers_of(query, "reading_query")
    change = None if is_demo else change_of(query, "reading_query")
    show_report(
        query.report, role="query", take_up=take_up, change=change, quiet=is_demo, key="query"
    )
if state.query and model_path:
    model = cache.model(model_path)
    match = model.match(query)
    draw_coverage(model, match, query, take_up)
    choose_transfer(state)
    if st.button(
        "Annotate query",
        type="primary",
        disabled=is_running(state.annotating) or match.coverage < MIN_COVERAGE,
    ):
        config = {"dataset": state.query, "model": model_path}
        config["transfer"] = config_to_dict(state.transfer)
        begin(state, "annotating", "annotate", config, title=f"{model.task.rare} in {query.name}")
        st.rerun()
done = follow(state, "annotating")
if done is not None:
    if (done.config["dataset"], str(model_of(done))) == (state.query, model_path):
        made_with = config_from_dict(TransferConfig, done.config.get("transfer", {}))
        if made_with != state.transfer:
            st.warning("Settings changed: annotate again.", icon=":material/update:")
        draw_annotation(done)
    else:
        draw_earlier(done)
