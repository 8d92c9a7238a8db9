"""What a training leaves, and whether anything in the data folder is half-written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, select

import core
from core.config import TrainingConfig, config_to_dict
from core.data import DEMO_MARKERS, DEMO_TASK, Dataset
from core.evaluation import FoldResult, fold_keys
from core.folds import plan_folds
from core.jobs import RunDatabase, run_folder
from core.jobs.checkpoints import Checkpoints
from core.jobs.folders import checkpoint_folder, unfinished_folder
from core.jobs.results import load_folds
from core.jobs.schema import EVENTS, UNFINISHED
from core.model import load_model
from core.summary import summarise

CONFIG = TrainingConfig(markers=DEMO_MARKERS, n_repeats=5)
SAME = {field.name for field in fields(FoldResult)} - {"seconds"}
PATIENCE = 120.0


@dataclass(frozen=True, eq=False)
class Outcome:
    """Folds, their summary and every model's scores of the reference."""

    folds: list[FoldResult]
    table: pd.DataFrame
    scores: dict[str, np.ndarray]

    @classmethod
    def of(cls, run_id: str, reference: Dataset) -> Outcome:
        folder = run_folder(run_id)
        folds = load_folds(folder)
        methods = map(str, CONFIG.methods())
        models = {method: load_model(folder / f"{method}.skops") for method in methods}
        scores = {method: model.score(reference) for method, model in models.items()}
        return cls(folds, summarise(folds).table.drop(columns="seconds"), scores)

    def is_identical(self, other: Outcome) -> bool:
        """Whether everything but the time it took is the same to the last bit."""
        same_folds = len(self.folds) == len(other.folds) and all(
            np.array_equal(getattr(one, name), getattr(two, name))
            for one, two in zip(self.folds, other.folds, strict=True)
            for name in SAME
        )
        same_scores = self.scores.keys() == other.scores.keys() and all(
            np.array_equal(self.scores[name], other.scores[name]) for name in self.scores
        )
        return same_folds and same_scores and self.table.equals(other.table)


def run_config(reference: Dataset) -> dict[str, Any]:
    return {
        "dataset": reference.digest,
        "task": config_to_dict(DEMO_TASK),
        "training": config_to_dict(CONFIG),
    }


def all_keys(reference: Dataset) -> list[tuple[int, int, str]]:
    truth = reference.rare_labels(DEMO_TASK)
    return fold_keys(plan_folds(truth.n_rare, truth.n_other, CONFIG), CONFIG)


def half_written(home: Path) -> list[str]:
    """Files and folders that only a write under way should leave."""
    return [str(path.relative_to(home)) for path in home.rglob("*") if ".part" in path.name]


def unreadable_checkpoints(run_id: str, reference: Dataset) -> list[str]:
    folder = checkpoint_folder(run_id)
    there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    kept = Checkpoints(unfinished_folder(run_id), reference.digest, DEMO_TASK, CONFIG)
    readable = {key for fold in kept.load(all_keys(reference)) for key in [fold.key]}
    names = {f"fold.{repeat}.{fold}.{method}.npz" for repeat, fold, method in readable}
    return sorted(set(there) - names)


def stuck(database: RunDatabase) -> list[str]:
    return [run.id for run in database.runs(state=UNFINISHED, limit=None)]


def n_fold_events(database: RunDatabase, run_id: str) -> int:
    query = select(func.count()).select_from(EVENTS)
    query = query.where(EVENTS.c.run_id == run_id, EVENTS.c.kind == "fold")
    with database.engine.connect() as connection:
        return connection.execute(query).scalar()


def told_once(database: RunDatabase, run_id: str, reference: Dataset) -> bool:
    """Whether every fold was reported, and none twice."""
    folds = [e.payload for e in database.events(run_id) if e.kind == "fold"]
    keys = [(fold["repeat"], fold["fold"], fold["method"]) for fold in folds]
    return sorted(keys) == sorted(all_keys(reference))


def await_folds(database: RunDatabase, run_id: str, n_folds: int) -> None:
    """Return when a run has reported so many folds, or is over."""
    end = time.monotonic() + PATIENCE
    while n_fold_events(database, run_id) < n_folds and not database.get(run_id).is_over:
        assert time.monotonic() < end, database.get(run_id)
        time.sleep(0.003)


def random_moments(seed: int, n: int, n_results: int, pace: float) -> Iterator[tuple[int, float]]:
    """Moments spread over a run: reported folds to wait for, and seconds to wait then.

    The first two are before the first fold, the last two while the final models are written;
    `pace` is the seconds that one fold of one method takes.
    """
    rng = np.random.default_rng(seed)
    for step in range(n):
        if step < 2:
            yield 0, float(rng.random() * 3 * pace)
        elif step < n - 2:
            share = (step - 2 + rng.random()) / (n - 4)
            yield 1 + int(share * (n_results - 1)), float(rng.random() * pace)
        else:
            yield n_results, float(rng.random() * 10 * pace)


def demo() -> Dataset:
    return core.demo_reference()
