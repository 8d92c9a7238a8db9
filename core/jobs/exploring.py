"""A search for good parameters as a run: what it says, keeps and leaves behind.

The events are the truth: each holds all numbers of one setting, and the database has a whole event
or none. A run that goes on takes them from there, and computes what is missing. Events that other
versions of the libraries wrote, or that belong to another search, are removed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from core.config import RareTask, config_from_dict
from core.data import load_dataset
from core.jobs.checkpoints import fingerprint
from core.jobs.database import get_database
from core.jobs.folders import run_of
from core.jobs.reporter import Reporter
from core.search import (
    SearchConfig,
    SearchPlan,
    SearchResult,
    SettingResult,
    conclude,
    plan_search,
    run_search,
)
from core.search.words import setting_words

__all__ = ["explore", "load_search"]

Config = dict[str, Any]

# Raised whenever what an event means changes, so that those of older versions are not gone by.
LAYOUT = 2
RESULT = "search.json"


def explore(config: Config, report: Reporter, folder: Path) -> Config:
    """Search good parameters of a ``task`` on a ``dataset`` as ``search`` says, an event a setting.

    A run that is resumed goes on behind the settings that it has finished, and ends as if it had
    never been interrupted. Writes search.json.
    """
    dataset = load_dataset(config["dataset"], name=config.get("dataset_name"))
    task = config_from_dict(RareTask, config["task"])
    search = config_from_dict(SearchConfig, config["search"])
    report.progress(0.0, "Reading the expression of all genes")
    plan = plan_search(dataset, task, search)
    made_by = hashlib.sha256(
        f"search {LAYOUT}".encode() + fingerprint(dataset.digest, task, search)
    )
    done = _told(run_of(folder), made_by.hexdigest())
    if done is None:
        report.event("plan", _plan_event(plan) | {"made_by": made_by.hexdigest()})
    results, there = [], {result.key for result in done or ()}
    for result, place, of in run_search(dataset, plan, done=done or ()):
        results.append(result)
        if result.key not in there:
            report.event("setting", result.to_dict())
            report.progress(*_progress(plan, result.rung, place, of))
    report.progress(1.0, "Choosing the best, with each fold left out in turn")
    found = conclude(plan, results)
    text = json.dumps(found.to_dict(), allow_nan=False)
    (folder / RESULT).write_text(text, encoding="utf-8")
    return _summary(found)


def load_search(folder: Path) -> SearchResult:
    """Read what a finished run of :func:`explore` left in its folder."""
    return SearchResult.from_dict(json.loads((folder / RESULT).read_text(encoding="utf-8")))


def _told(run_id: str, made_by: str) -> list[SettingResult] | None:
    """Return what a run has reported of its settings; ``None`` when it has no plan yet.

    What it has reported under other conditions is taken back.
    """
    database = get_database()
    events = database.events(run_id)
    plans = [event.payload.get("made_by") for event in events if event.kind == "plan"]
    if plans != [made_by]:
        database.remove_events([event.id for event in events if event.kind in ("plan", "setting")])
        return None
    return [SettingResult.from_dict(event.payload) for event in events if event.kind == "setting"]


def _plan_event(plan: SearchPlan) -> Config:
    return {
        "n_settings": len(plan.settings),
        "n_fits": plan.n_fits(),
        "n_rungs": len(plan.shares),
        "n_splits": plan.n_splits,
        "n_rare": plan.cells.n_rare,
        "n_other": plan.cells.n_other,
        "left_out": plan.left_out,
    }


def _progress(plan: SearchPlan, rung: int, place: int, of: int) -> tuple[float, str]:
    n_rungs = len(plan.shares)
    text = f"etting {place:,} of {of:,}"
    round_ = f"Round {rung + 1} of {n_rungs}: s" if n_rungs > 1 else "S"
    return (rung + place / of) / n_rungs, round_ + text


def _summary(found: SearchResult) -> Config:
    return {
        "n_settings": found.n_settings,
        "best": setting_words(found.best_method, found.best_varied, found.config),
        "method": found.best_method,
        "objective": found.config.objective,
        "score": found.best_score,
        "nested": found.nested.score,
        "nested_low": found.nested.low,
        "nested_high": found.nested.high,
        "n_rare": found.n_rare,
    }
