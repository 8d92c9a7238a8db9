"""The form of a search: what may vary, and how good settings are sought."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.classifiers import CLASSIFIERS
from core.config import MARKER_TESTS, RareTask, config_to_dict
from core.data import Dataset
from core.errors import ParameterError
from core.oversampling import SAMPLERS
from core.search import MAX_SETTINGS, Estimate, SearchConfig, SearchSpace, estimate
from core.search.parameters import LISTS, base_value, matters, usual_space
from core.search.ranges import example_words, parse_numbers, write_numbers
from core.search.words import GOAL_NAMES, STRATEGY_NAMES, TEST_NAMES, value_text
from pages.ui import cache
from pages.ui.messages import show_problem
from pages.ui.state import AppState

__all__ = ["choose_search", "cost_of"]

N_SETTINGS = 60
PER_ROW = 5


def choose_search(state: AppState, n_rare: int) -> SearchConfig | None:
    """Draw the form and return the search that it describes; ``None`` while it has no method."""
    base = state.training_config()
    before = state.search.get(state.task) or _usual(state, n_rare)
    space = _choose_space(state, before.space)
    config = _choose_procedure(state, replace(before, base=base, space=space))
    state.search[state.task] = config
    if space.classifiers and space.samplers:
        return config
    st.info("Choose at least one classifier and one sampler.", icon=":material/arrow_upward:")
    return None


def cost_of(state: AppState, config: SearchConfig) -> Estimate:
    """Expected cost of a search on the chosen cells.

    Raises
    ------
    ParameterError
        When it cannot be done with these cells.
    """
    data = cache.dataset(state.dataset)
    asked = json.dumps([data.digest, config_to_dict(state.task), config_to_dict(config)])
    return _cost(asked, data, state.task, config)


@st.cache_resource(max_entries=64, show_spinner=False)
def _cost(asked: str, _data: Dataset, _task: RareTask, _config: SearchConfig) -> Estimate:
    return estimate(_data, _task, _config)


def _usual(state: AppState, n_rare: int) -> SearchConfig:
    base = state.training_config()
    space = usual_space(n_rare, n_splits=SearchConfig.n_splits, base=base)
    return SearchConfig(space=space, n_settings=N_SETTINGS, base=base, seed=base.seed)


def _key(state: AppState, name: str) -> str:
    """Key of a widget whose value fits one cluster."""
    return state.key(f"explore.{name}.{state.label}.{state.rare}")


def _choose_space(state: AppState, before: SearchSpace) -> SearchSpace:
    left, right = st.columns(2)
    chosen: dict[str, Any] = {
        "classifiers": _names(
            left, "Classifiers", CLASSIFIERS, before.classifiers, key=_key(state, "classifiers")
        ),
        "samplers": _names(
            right, "Samplers", SAMPLERS, before.samplers, key=_key(state, "samplers")
        ),
    }
    shown = matters(chosen["samplers"], chosen["classifiers"])
    if state.genes:
        shown.remove("markers")
        st.caption(f"Your own {len(state.genes)} genes are used: their number does not vary.")
    fields = [*shown[:1], *(() if state.genes else ("marker_test",)), *shown[1:]]
    rows = [
        st.columns(PER_ROW, vertical_alignment="bottom") for _ in range(0, len(fields), PER_ROW)
    ]
    places = [column for row in rows for column in row]
    problems: list[ParameterError] = []
    for name, place in zip(fields, places, strict=False):
        if name == "marker_test":
            chosen[name] = _choose_test(place, state, before.marker_test)
        else:
            chosen[name] = _choose_list(place, state, name, getattr(before, name), problems)
    for problem in problems:
        show_problem(problem.code, problem.message, problem.next_step)
    return replace(before, **chosen)


def _names(
    place: DeltaGenerator, label: str, rows: Any, default: Sequence[str], *, key: str
) -> tuple[str, ...]:
    return tuple(
        place.multiselect(
            label,
            list(rows),
            default=[name for name in default if name in rows],
            format_func=lambda name: rows[name].label,
            wrap=True,
            key=key,
            persist_state="session",
        )
    )


def _choose_test(place: DeltaGenerator, state: AppState, before: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        place.multiselect(
            "Marker test",
            MARKER_TESTS,
            default=list(before),
            format_func=TEST_NAMES.get,
            placeholder=f"{TEST_NAMES[state.marker_test]}, as on Train",
            wrap=True,
            key=_key(state, "marker_test"),
            persist_state="session",
        )
    )


def _choose_list(
    place: DeltaGenerator,
    state: AppState,
    name: str,
    before: Sequence[Any],
    problems: list[ParameterError],
) -> tuple[Any, ...]:
    """Read one list of numbers; while it cannot be read, the last one that could be stays."""
    one = LISTS[name]
    usual = value_text(name, base_value(state.training_config(), name))
    text = place.text_input(
        one.label,
        write_numbers(before),
        placeholder=f"{usual}, as on Train",
        key=_key(state, name),
        persist_state="session",
        help=f"{one.help} Numbers like {example_words(whole=one.whole, most=one.most)}.".strip(),
    )
    try:
        return parse_numbers(
            text,
            name=one.label,
            least=one.least,
            most=one.most,
            whole=one.whole,
            automatic=one.automatic,
        )
    except ParameterError as error:
        kept = write_numbers(before) or f"{usual}, as on Train"
        error.next_step += f" Until then it stays {kept}."
        problems.append(error)
        return tuple(before)


def _choose_procedure(state: AppState, before: SearchConfig) -> SearchConfig:
    search, number, goal, folds, seed = st.columns([2.4, 1.4, 1.6, 1, 1])
    strategy = search.selectbox(
        "Search",
        list(STRATEGY_NAMES),
        index=list(STRATEGY_NAMES).index(before.strategy),
        format_func=STRATEGY_NAMES.get,
        key=_key(state, "strategy"),
        persist_state="session",
        help="At random: as many settings of each method. Successive halving: all are tried with "
        "few of the other cells first, and the best third goes on.",
    )
    n_settings = number.number_input(
        "Settings to try",
        1,
        MAX_SETTINGS,
        before.n_settings,
        disabled=strategy == "grid",
        key=_key(state, "n_settings"),
        persist_state="session",
    )
    objective = goal.selectbox(
        "Goal",
        list(GOAL_NAMES),
        index=list(GOAL_NAMES).index(before.objective),
        format_func=GOAL_NAMES.get,
        key=_key(state, "objective"),
        persist_state="session",
        help="Best F1: of the calls at a threshold chosen on other folds. Average precision: how "
        "well the scores rank within each fold, without a threshold; the mean over the folds.",
    )
    n_splits = folds.number_input(
        "Folds",
        3,
        10,
        before.n_splits,
        disabled=state.sample is not None,  # every fold leaves out one sample, as on Train
        key=_key(state, "n_splits"),
        persist_state="session",
        help="Never more than there are rare cells.",
    )
    seed = seed.number_input(
        "Seed",
        0,
        2**31 - 1,
        before.seed,
        key=_key(state, "seed"),
        persist_state="session",
        help="The same seed gives the same numbers.",
    )
    return replace(
        before,
        strategy=strategy,
        n_settings=n_settings,
        objective=objective,
        n_splits=n_splits,
        seed=seed,
    )
