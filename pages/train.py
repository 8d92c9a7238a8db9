"""Train, watch precision, recall and F1 arrive fold by fold, choose a threshold, keep the model."""

import streamlit as st

from core import FoldPlan, ParameterError, jobs
from core.config import config_to_dict
from core.data import Dataset
from core.evaluation import check_methods
from core.splits import scored_cells
from pages.ui import cache, people
from pages.ui.following import begin, follow, is_running
from pages.ui.live import draw_live
from pages.ui.loras import loras_settings
from pages.ui.messages import plain, show_problem
from pages.ui.methods import choose_methods, classifier_settings, sampler_settings
from pages.ui.presets import choose_preset, choose_sample, choose_variant, draw_preset
from pages.ui.searched import search_behind
from pages.ui.state import AppState
from pages.ui.training import draw_result, say_searched
from pages.ui.widgets import guard, header


def draw_form(state: AppState) -> None:
    """Methods, folds, and folded away what has a good default.

    Fields are drawn in the order in which one needs to know of another, each at its place.
    """
    methods = st.container()
    with st.container(key="beside-settings"):
        columns = st.columns([1, 1, 1, 1.25])
    names = ("LoRAS settings", "Sampler settings", "Classifier settings", "Presets and folds")
    loras, samplers, classifiers, tests = (
        column.expander(name) for column, name in zip(columns, names, strict=True)
    )
    preset, sample, variant = (tests.container() for _ in range(3))
    with sample:
        choose_sample(state)
    with methods:
        choose_methods(state)
    with loras:
        loras_settings(state)
    with samplers:
        sampler_settings(state)
    with classifiers:
        classifier_settings(state)
    with variant:
        choose_variant(state)
    with preset:
        choose_preset(state)
    draw_preset(state)


def plan_training(data: Dataset, state: AppState) -> FoldPlan | None:
    """Return the folds when the settings fit these cells; if not, say what does not."""
    config = state.training_config()
    try:
        cells = scored_cells(data, state.task, config)
        plan = cells.plan(config)
        if plan.scheme != "none":
            check_methods(config, plan, cells.n_other)
    except ParameterError as error:
        show_problem(error.code, error.message, error.next_step)
        return None
    return plan


def describe(plan: FoldPlan, state: AppState) -> str:
    """Say how much there is to train."""
    n_methods = len(state.classifiers) * len(state.samplers)
    methods = f"{n_methods} method{'' if n_methods == 1 else 's'}"
    if not plan.n_folds:
        return f"{methods}, without scores"
    n_models = n_methods * plan.n_folds * (2 if state.optimistic else 1)
    twice = ", all of it twice" if state.optimistic else ""
    return f"{methods} × {plan.n_folds} folds{twice}: {n_models:,} models to train and test"


state = header("Train", "Cross-validated on real cells that the training never saw.")
guard(state, "reference", "labels", "rare")
data = cache.dataset(state.dataset)
data.rare_labels(state.task)  # a type that cannot be learned is refused before anything is asked
draw_form(state)
searched = search_behind(state)
if searched:
    say_searched(searched)
plan = None
if state.classifiers and state.samplers:
    plan = plan_training(data, state)
    if plan is not None and plan.reason:
        st.info(plain(plan.reason), icon=":material/info:")
else:
    st.info("Choose at least one classifier and one sampler.", icon=":material/arrow_upward:")
running = is_running(state.training)
start, cancel, about = st.columns([1.2, 1, 4], vertical_alignment="center")
if plan is not None:
    about.caption(describe(plan, state))
if start.button("Start training", type="primary", disabled=running or not plan, width="stretch"):
    config = {
        "dataset": state.dataset,
        "task": config_to_dict(state.task),
        "training": config_to_dict(state.training_config()),
        "optimistic": state.optimistic,
    }
    if searched:
        config["searched"] = searched
    begin(state, "training", "train", config, title=f"{state.rare} in {data.name}")
    state.model = None
    st.rerun()
if cancel.button("Cancel", disabled=not running, width="stretch"):
    jobs.cancel(state.training, owner=people.owner())
    st.rerun()

done = follow(state, "training", draw=draw_live)
if done is not None:
    draw_result(done, state)
