"""Explore parameters: try many settings, see which are good, and what the best is really worth."""

import streamlit as st

from core import jobs, plan_folds
from core.config import config_to_dict
from core.errors import ParameterError
from core.search import SearchConfig
from core.search.words import cost_sentence
from core.wording import count
from pages.ui import cache, people
from pages.ui.exploring import choose_search, cost_of
from pages.ui.following import begin, follow, is_running
from pages.ui.messages import plain, show_problem
from pages.ui.search_live import draw_search
from pages.ui.search_result import draw_found
from pages.ui.state import AppState
from pages.ui.widgets import guard, header, next_page, stop


def guard_enough(state: AppState) -> int:
    """Number of rare cells; with too few for any score the page says so, and ends."""
    truth = cache.dataset(state.dataset).rare_labels(state.task)
    if plan_folds(truth.n_rare, truth.n_other, SearchConfig().base).scheme == "none":
        st.info(
            f"There are only {min(truth.n_rare, truth.n_other)} cells of a kind: settings are "
            "compared by their scores, and from so few cells there are none. From 5 on there are; "
            "a model can be trained all the same.",
            icon=":material/info:",
        )
        next_page("train", "Go to Train", icon=":material/arrow_back:")
        stop()
    return truth.n_rare


def say_cost(config: SearchConfig) -> bool:
    """Say what the search is going to cost; whether it can be started."""
    try:
        cost = cost_of(state, config)
    except ParameterError as error:
        show_problem(error.code, error.message, error.next_step)
        return False
    left_out = ""
    if cost.n_left_out:
        do = "1 more does" if cost.n_left_out == 1 else f"{count(cost.n_left_out)} more do"
        left_out = f" {do} not fit this cluster, and will not be tried."
    st.markdown(f"{plain(cost_sentence(cost))}.{left_out}")
    return True


state = header(
    "Explore parameters", "Try many settings, and learn what the best of them is really worth."
)
guard(state, "reference", "labels", "rare")
config = choose_search(state, guard_enough(state))
ready = config is not None and say_cost(config)
running = is_running(state.exploring)
start, cancel, _ = st.columns([1.2, 1, 4])
if start.button("Start search", type="primary", disabled=running or not ready, width="stretch"):
    wanted = {
        "dataset": state.dataset,
        "task": config_to_dict(state.task),
        "search": config_to_dict(config),
    }
    data = cache.dataset(state.dataset)
    begin(state, "exploring", "explore", wanted, title=f"{state.rare} in {data.name}: search")
    st.rerun()
if cancel.button("Cancel", disabled=not running, width="stretch"):
    jobs.cancel(state.exploring, owner=people.owner())
    st.rerun()

done = follow(state, "exploring", draw=draw_search)
if done is not None:
    draw_found(done, state, config)
