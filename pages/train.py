"""Train, watch precision, recall and F1 arrive fold by fold, keep the model."""

import streamlit as st

from core import FoldPlan, ParameterError, jobs, plan_folds
from core.classifiers import CLASSIFIERS
from core.config import config_to_dict
from core.evaluation import check_methods
from core.oversampling import SAMPLERS
from pages.ui import cache, people
from pages.ui.following import begin, follow, is_running
from pages.ui.live import draw_live
from pages.ui.loras import loras_settings
from pages.ui.messages import show_problem
from pages.ui.state import AppState
from pages.ui.training import draw_result
from pages.ui.widgets import guard, header


def choose_methods(state: AppState) -> None:
    """Classifiers, samplers, folds and repeats."""
    left, right, folds, repeats = st.columns([3, 3, 1.2, 1.2])
    state.classifiers = tuple(
        left.multiselect(
            "Classifiers",
            list(CLASSIFIERS),
            default=list(state.classifiers),
            help=" · ".join(f"{row.name}: {row.label}" for row in CLASSIFIERS.values()),
            wrap=True,
            key=state.key("classifiers"),
            persist_state="session",
        )
    )
    state.samplers = tuple(
        right.multiselect(
            "Samplers",
            list(SAMPLERS),
            default=list(state.samplers),
            format_func=lambda name: SAMPLERS[name].label,
            wrap=True,
            key=state.key("samplers"),
            persist_state="session",
            help="`No oversampling` is the plain classifier that LoRAS is compared with.",
        )
    )
    state.n_splits = folds.number_input(
        "Folds",
        2,
        max(20, state.n_splits),
        state.n_splits,
        key=state.key("n_splits"),
        persist_state="session",
    )
    state.n_repeats = repeats.number_input(
        "Repeats",
        1,
        max(20, state.n_repeats),
        state.n_repeats,
        key=state.key("n_repeats"),
        persist_state="session",
    )


def can_train(plan: FoldPlan) -> bool:
    """Whether the settings fit the smallest training part; if not, say what does not."""
    if plan.scheme == "none":
        return True
    try:
        check_methods(state.training_config(), plan, truth.n_other)
    except ParameterError as error:
        show_problem(error.code, error.message, error.next_step)
        return False
    return True


state = header("Train", "Cross-validated on real cells that the training never saw.")
guard(state, "reference", "labels", "rare")
data = cache.dataset(state.dataset)
truth = data.rare_labels(state.task)
choose_methods(state)
with st.expander("LoRAS settings"):
    loras_settings(state)
ready = bool(state.classifiers and state.samplers)
if not ready:
    st.info("Choose at least one classifier and one sampler.", icon=":material/arrow_upward:")
else:
    plan = plan_folds(truth.n_rare, truth.n_other, state.training_config())
    if plan.reason:
        st.info(plan.reason, icon=":material/info:")
    ready = can_train(plan)
running = is_running(state.training)
start, cancel, _ = st.columns([1.2, 1, 4])
if start.button("Start training", type="primary", disabled=running or not ready, width="stretch"):
    config = {
        "dataset": state.dataset,
        "task": config_to_dict(state.task),
        "training": config_to_dict(state.training_config()),
    }
    begin(state, "training", "train", config, title=f"{state.rare} in {data.name}")
    state.model = None
    st.rerun()
if cancel.button("Cancel", disabled=not running, width="stretch"):
    jobs.cancel(state.training, owner=people.owner())
    st.rerun()

done = follow(state, "training", draw=draw_live)
if done is not None:
    draw_result(done, state)
