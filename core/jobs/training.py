"""The task ``train``: cross-validate all methods fold by fold, then fit the final models."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.comparison import complexity
from core.config import RareTask, TrainingConfig, config_from_dict
from core.data import Dataset, load_dataset
from core.evaluation import FoldKey, FoldResult, fold_keys, iter_folds
from core.folds import FoldPlan
from core.jobs.checkpoints import Checkpoints
from core.jobs.database import get_database
from core.jobs.folders import run_of
from core.jobs.reporter import Reporter
from core.jobs.results import save_folds
from core.splits import plan_of
from core.summary import CrossValidation, summarise
from core.training import fit_models

__all__ = ["HONEST", "OPTIMISTIC", "optimistic_folder", "train"]

Config = dict[str, Any]

# Kinds of events, one for each cross-validation that a run can hold.
HONEST, OPTIMISTIC = "fold", "optimistic"

_FOLD_EVENT = (
    "method", "repeat", "fold", "precision", "recall", "f1", "tp", "fp", "fn", "tn",
    "average_precision", "seconds",
)  # fmt: skip


def train(config: Config, report: Reporter, folder: Path) -> Config:
    """Cross-validate all methods, one event per fold and method, then fit the final models.

    With ``optimistic`` there is a second cross-validation, with markers chosen on all cells, whose
    folds go into a folder of their own: to show how much better scores seem that way.

    A run that is resumed goes on behind the folds that it has finished, and ends as if it had
    never been interrupted.
    """
    dataset = load_dataset(config["dataset"], name=config.get("dataset_name"))
    task = config_from_dict(RareTask, config["task"])
    settings = config_from_dict(TrainingConfig, config["training"])
    plan = plan_of(dataset, task, settings)
    result = None
    passes = _passes(settings, config.get("optimistic", False)) if plan.n_folds else []
    if not any(event.kind == "plan" for event in get_database().events(run_of(folder))):
        told = {"n_folds": plan.n_folds, "n_rare": plan.n_rare, "n_passes": len(passes)}
        report.event("plan", told)
    for one in passes:
        folds = _cross_validate(one, dataset, task, plan, report, folder)
        if one.kind == HONEST:
            save_folds(folder, folds)
            result = summarise(folds)
        else:
            optimistic_folder(folder).mkdir(exist_ok=True)
            save_folds(optimistic_folder(folder), folds)
    report.progress(1.0, "Training the final model on all cells")
    methods = [str(method) for method in settings.methods()]
    for model in fit_models(dataset, task, settings, methods, result):
        model.save(folder / f"{model.method}.skops")
    recommended = result.recommended if result else None
    return {
        "recommended": recommended,
        "preselected": _preselected(methods, result),
        "scheme": plan.scheme,
        "reason": plan.reason,
        "n_folds": plan.n_folds,
        "n_rare": plan.n_rare,
    }


def optimistic_folder(folder: Path) -> Path:
    """Where a run keeps the folds with markers from all cells, if it was asked for them."""
    return folder / "optimistic"


@dataclass(frozen=True)
class _Pass:
    """One cross-validation of a run: its number, from 0, and what its events are called."""

    kind: str
    settings: TrainingConfig
    number: int
    n_passes: int


def _passes(settings: TrainingConfig, with_optimistic: bool) -> list[_Pass]:
    n_passes = 1 + with_optimistic
    passes = [_Pass(HONEST, settings, 0, n_passes)]
    if with_optimistic:
        passes.append(_Pass(OPTIMISTIC, replace(settings, markers_from="all"), 1, n_passes))
    return passes


def _cross_validate(
    one: _Pass, dataset: Dataset, task: RareTask, plan: FoldPlan, report: Reporter, folder: Path
) -> list[FoldResult]:
    keys = fold_keys(plan, one.settings)
    checkpoints = Checkpoints(folder, dataset.digest, task, one.settings, kind=one.kind)
    folds = {fold.key: fold for fold in checkpoints.load(keys)}
    told = _already_told(run_of(folder), one.kind, folds)
    report.progress(_share(one, len(folds), len(keys)), "Reading the expression of all genes")
    for fold in folds.values():
        _tell(report, one.kind, fold, told)  # unless it was killed in between, that was done before
    note = "" if one.kind == HONEST else " with markers from all cells"
    for fold in iter_folds(dataset, task, one.settings, done=list(folds)):
        checkpoints.save(fold)
        _tell(report, one.kind, fold, told)
        folds[fold.key] = fold
        n_begun = -(-len(folds) * plan.n_folds // len(keys))
        share = _share(one, len(folds), len(keys))
        report.progress(share, f"Fold {n_begun} of {plan.n_folds}{note}")
    return [folds[key] for key in keys]


def _share(one: _Pass, n_done: int, n_keys: int) -> float:
    return (one.number + n_done / n_keys) / one.n_passes


def _already_told(run_id: str, kind: str, folds: Collection[FoldKey]) -> set[FoldKey]:
    """Return which of its finished `folds` a run has reported.

    What it has reported of others is taken back: their checkpoints are damaged or come from other
    versions of the libraries, and they are going to be computed again.
    """
    database = get_database()
    events = database.events(run_id)
    told = {event.id: _key(event.payload) for event in events if event.kind == kind}
    database.remove_events([number for number, key in told.items() if key not in folds])
    return set(told.values()) & set(folds)


def _key(fold: Config) -> FoldKey:
    return fold["repeat"], fold["fold"], fold["method"]


def _tell(report: Reporter, kind: str, fold: FoldResult, told: Collection[FoldKey]) -> None:
    if fold.key not in told:
        report.event(kind, {name: getattr(fold, name) for name in _FOLD_EVENT})


def _preselected(methods: list[str], result: CrossValidation | None) -> str:
    """Return the method to offer first for the final model, also when none is recommended.

    That is the one of the highest F1, as :func:`core.train` has it; without scores the simplest.
    """
    if result is None:
        return min(methods, key=complexity)
    return result.recommended or str(result.table["f1_mean"].idxmax())
