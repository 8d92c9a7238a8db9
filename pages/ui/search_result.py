"""What a search found: the winner, what it is worth, and every setting to choose from."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core import jobs
from core.jobs import Run
from core.jobs.exploring import load_search
from core.plots import search_scores
from core.search import SearchConfig, SearchResult, SettingResult
from core.search.view import best_table, same_search, use_setting
from core.search.words import chosen_again, result_sentence, setting_words
from core.wording import count
from pages.ui.figures import figure
from pages.ui.messages import plain
from pages.ui.search_live import COLUMNS, draw_map, laid_out, search_of, tried
from pages.ui.searched import KEPT, remember_search
from pages.ui.state import AppState
from pages.ui.whose import cells_of, is_of, say_whose
from pages.ui.widgets import leave_note

__all__ = ["draw_found"]

MOST_ROWS = 12


def draw_found(run: Run, state: AppState, wanted: SearchConfig | None) -> None:
    """Everything about a finished search; `wanted` is what the form describes now."""
    result = _result(run.id)
    is_ours = is_of(run, state)
    config = search_of(run)
    winner = setting_words(result.best_method, result.best_varied, config)
    if not is_ours:
        say_whose(run)
        winner = f"{cells_of(run)}: {winner}"
    elif wanted is not None and not same_search(config, wanted):
        st.warning(
            "Settings changed: search again to see what they bring.", icon=":material/update:"
        )
    st.subheader(plain(winner), anchor=False)
    st.markdown(plain(result_sentence(result)))
    if result.nested.low <= result.chance:
        st.warning(
            "On unseen cells that is not clearly better than chance: no setting that was tried "
            "can be relied on.",
            icon=":material/warning:",
        )
    results = _in_order(run, result)
    figure(
        search_scores,
        # Of the last round alone: earlier ones had fewer cells to learn from.
        [one.score for one in results if one.rung == results[0].rung],
        best=(result.best_score, result.best_low, result.best_high),
        nested=(result.nested.score, result.nested.low, result.nested.high),
        n_rare=result.n_rare,
        objective=config.objective,
        chance=result.chance,
        key="search.scores",
    )
    st.caption(_explain(result))
    _choose_setting(run, state, result, results)
    st.subheader("Where good settings lie", anchor=False)
    draw_map(run, results, result.n_settings)


@st.cache_resource(max_entries=8, show_spinner=False)
def _result(run_id: str) -> SearchResult:
    return load_search(jobs.run_folder(run_id))


def _in_order(run: Run, result: SearchResult) -> list[SettingResult]:
    """Last result of every setting in the main race, the winner first."""
    there = {one.key: one for one in tried(jobs.get_database().events(run.id))}
    keys = zip(result.table["rung"], result.table["index"], strict=True)
    return [there[key] for key in keys if key in there]


def _explain(result: SearchResult) -> str:
    left_out = sum(result.left_out.values())
    parts = [
        "The first score is the highest of many, and the more settings are tried, the more of it "
        "is luck. The second one is what to expect for cells like this reference's own: one fold "
        "at a time was kept away from the whole search, choice of the winner and threshold "
        "included.",
        chosen_again(result),
    ]
    if result.table["rung"].max() > 0:
        parts.append("The small dots are the settings of the last round.")
    if left_out:
        parts.append(f"{count(left_out)} settings do not fit this cluster and were not tried.")
    return plain(" ".join(parts))


def _choose_setting(
    run: Run, state: AppState, result: SearchResult, results: list[SettingResult]
) -> None:
    """All settings in a table; the ticked one, or else the winner, can be taken over."""
    config, names = search_of(run), laid_out(run)
    head, place = st.columns([4, 1.3], vertical_alignment="bottom")
    table = best_table(results, names, config)
    picked = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"search.table.{run.id}",
        column_config=COLUMNS,
        height=38 + 35 * min(len(results), MOST_ROWS),
        alt=f"Table of {len(results)} settings, the best first",
    )
    st.download_button(
        "Settings (CSV)",
        data=lambda: table.to_csv(index=False).encode(),
        file_name="needle_settings.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    rows = [row for row in picked.selection.rows if row < len(results)]
    chosen = results[rows[0]] if rows else results[0]
    words = setting_words(chosen.method, chosen.varied, config)
    which = "Ticked" if rows else "The winner"
    head.markdown(
        f"{which}: **{plain(words)}**" + ("" if rows else ". Tick another row to use it.")
    )
    if place.button(
        "Use these settings",
        type="primary",
        width="stretch",
        disabled=not is_of(run, state),
        help=None if is_of(run, state) else f"They were found for {plain(cells_of(run))}.",
    ):
        setting = use_setting(config, chosen.method, chosen.varied)
        now = state.training_config()
        state.adopt(
            replace(setting, **{name: getattr(now, name) for name in KEPT}),
            optimistic=state.optimistic,
        )
        state.searched = remember_search(run, result, setting)
        leave_note(
            "Train",
            f"Taken over from the search: **{plain(words)}**. Folds, repeats, goal and seed stay "
            "as they were.",
        )
        st.switch_page("pages/train.py")
