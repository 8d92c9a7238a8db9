"""Settings that a search has chosen: what is remembered of it, and what Train says beside scores.

A search on the same cells has seen them all. The scores of a training with its settings are too
good, however honest the training itself is; the nested score of the search is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.config import TrainingConfig, config_from_dict, config_to_dict
from core.jobs import Run
from core.search import SearchResult
from pages.ui.state import AppState

__all__ = ["KEPT", "remember_search", "search_behind"]

# Settings of the page Train that say how it is tested, not what is trained: they stay.
KEPT = ("n_splits", "n_repeats", "seed", "sample", "goal", "markers_from")
# More methods beside the one that the search chose do not make its own score honest.
_METHODS = ("samplers", "classifiers")


def remember_search(run: Run, result: SearchResult, setting: TrainingConfig) -> dict[str, Any]:
    """Return what a training needs to know of the search that its settings are from."""
    nested = result.nested
    return {
        "run": run.id,
        "dataset": run.config["dataset"],
        "task": run.config["task"],
        "setting": config_to_dict(setting),
        "objective": result.config.objective,
        "nested": [nested.score, nested.low, nested.high],
    }


def search_behind(state: AppState) -> dict[str, Any] | None:
    """Return the search that the settings of the form are from, if they still are from one."""
    searched = state.searched
    if searched is None or state.task is None:
        return None
    task = searched["task"]
    same_cells = (searched["dataset"], task["label"], task["rare"]) == (
        state.dataset,
        state.label,
        state.rare,
    )
    setting = config_from_dict(TrainingConfig, searched["setting"])
    now = state.training_config()
    has_method = all(set(getattr(setting, name)) <= set(getattr(now, name)) for name in _METHODS)
    same = {name: getattr(now, name) for name in (*KEPT, *_METHODS)}
    return searched if same_cells and has_method and replace(setting, **same) == now else None
