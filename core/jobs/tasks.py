"""What a worker can do: one function per kind of run, named in :data:`TASKS`.

Each takes the run's configuration (plain values), a reporter and a folder for its result files,
and returns a short summary. Whatever it computes, it computes by the functions of the library.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from core.annotation import annotate
from core.config import MarkerConfig, RareTask, TrainingConfig, config_from_dict
from core.data import Dataset, demo_query, demo_reference, load_dataset
from core.embedding import dataset_umap, fit_umap
from core.errors import RunError
from core.evaluation import FoldKey, FoldResult, fold_keys, iter_folds
from core.folds import FoldPlan, plan_folds
from core.jobs.checkpoints import Checkpoints
from core.jobs.database import get_database
from core.jobs.folders import annotation_model, run_of
from core.jobs.library import save_model
from core.jobs.reading import read
from core.jobs.reporter import Reporter
from core.jobs.results import save_folds, save_scores, save_synthetic
from core.jobs.schema import LOCAL
from core.jobs.uploads import remove_upload
from core.markers import find_markers
from core.model import fit_models, load_model
from core.summary import CrossValidation, summarise
from core.synthetic import compare_synthetic

__all__ = ["TASKS", "warm_up"]

Config = dict[str, Any]

_FOLD_EVENT = (
    "method", "repeat", "fold", "precision", "recall", "f1", "tp", "fp", "fn", "tn",
    "average_precision", "seconds",
)  # fmt: skip


def layout(config: Config, report: Reporter, folder: Path) -> Config:
    """Compute the UMAP of a ``dataset`` and keep it beside it."""
    report.progress(None, "Laying the cells out in a map")
    return {"n_cells": len(dataset_umap(_dataset(config)))}


def markers(config: Config, report: Reporter, folder: Path) -> Config:
    """Rank the ``markers`` of a ``task`` on a ``dataset``; writes markers.csv."""
    report.progress(None, "Comparing the rare cells with all others, gene by gene")
    settings = config_from_dict(MarkerConfig, config["markers"])
    table = find_markers(
        _dataset(config),
        _task(config),
        n=settings.n,
        test=settings.test,
        min_fraction=settings.min_fraction,
        min_logfc=settings.min_logfc,
        genes=settings.genes,
    )
    table.to_csv(folder / "markers.csv", index=False)
    return {"n_markers": len(table)}


def train(config: Config, report: Reporter, folder: Path) -> Config:
    """Cross-validate all methods, one event per fold and method, then fit the final models.

    A run that is resumed goes on behind the folds that it has finished, and ends as if it had
    never been interrupted.
    """
    dataset, task = _dataset(config), _task(config)
    settings = config_from_dict(TrainingConfig, config["training"])
    truth = dataset.rare_labels(task)
    plan = plan_folds(truth.n_rare, truth.n_other, settings)
    result = _cross_validate(dataset, task, settings, plan, report, folder)
    report.progress(1.0, "Training the final model on all cells")
    methods = [str(method) for method in settings.methods()]
    for model in fit_models(dataset, task, settings, methods, result):
        model.save(folder / f"{model.method}.skops")
    recommended = result.recommended if result else None
    return {
        "recommended": recommended,
        "preselected": _preselected(methods, recommended),
        "scheme": plan.scheme,
        "reason": plan.reason,
        "n_folds": plan.n_folds,
        "n_rare": plan.n_rare,
    }


def synthetic(config: Config, report: Reporter, folder: Path) -> Config:
    """Draw ``n`` synthetic cells and map them beside the real ones."""
    report.progress(None, "Drawing synthetic cells and laying out two maps")
    settings = config_from_dict(TrainingConfig, config["training"])
    dataset = _dataset(config)
    comparison = compare_synthetic(dataset, _task(config), settings, n=config["n"])
    save_synthetic(folder, comparison)
    return {
        "variance_kept": comparison.variance_kept,
        "distance_synthetic": comparison.distance_synthetic,
        "distance_real": comparison.distance_real,
    }


def import_model(config: Config, report: Reporter, folder: Path) -> Config:
    """Check an uploaded model file (``path``, ``name``) and keep it in its owner's library."""
    report.progress(None, "Checking the model file")
    path, owner = Path(config["path"]), LOCAL
    with suppress(RunError):  # nobody's run, as from a notebook
        owner = get_database().get(run_of(folder)).owner
    try:
        model = save_model(path, name=Path(config.get("name", "")).stem, owner=owner)
    finally:
        remove_upload(path)
    return {"model": str(model.path), "model_id": model.id, "title": model.title}


def annotate_query(config: Config, report: Reporter, folder: Path) -> Config:
    """Apply a ``model`` file to a ``dataset`` and lay the query out in a map of its own.

    The model is kept with the scores: the training that it comes from may be deleted.
    """
    report.progress(0.1, "Scoring every cell of the query")
    dataset, model = _dataset(config), load_model(config["model"])
    shutil.copyfile(config["model"], annotation_model(folder))
    annotation = annotate(model, dataset)
    save_scores(folder, annotation.table["score"].to_numpy())
    report.progress(0.3, "Laying the query out in a map")
    dataset_umap(dataset)
    return {"n_called": annotation.n_called, "coverage": annotation.coverage}


def warm_up() -> None:
    """Prepare the demo, import what is slow, and let UMAP compile itself, all ahead of any run."""
    import tqdm

    tqdm.tqdm.monitor_interval = 0  # no watching thread: this process is going to fork
    demo_reference()
    demo_query()
    fit_umap(np.random.default_rng(0).normal(size=(40, 5)))


TASKS: dict[str, Callable[[Config, Reporter, Path], Config]] = {
    "read": read,
    "layout": layout,
    "markers": markers,
    "train": train,
    "synthetic": synthetic,
    "import_model": import_model,
    "annotate": annotate_query,
}


def _cross_validate(
    dataset: Dataset,
    task: RareTask,
    settings: TrainingConfig,
    plan: FoldPlan,
    report: Reporter,
    folder: Path,
) -> CrossValidation | None:
    keys = fold_keys(plan, settings) if plan.n_folds else []
    checkpoints = Checkpoints(folder, dataset.digest, task, settings)
    folds = {fold.key: fold for fold in checkpoints.load(keys)}
    has_plan, told = _already_told(run_of(folder), folds)
    if not has_plan:
        report.event("plan", {"n_folds": plan.n_folds, "n_rare": plan.n_rare})
    if plan.n_folds == 0:
        return None
    report.progress(len(folds) / len(keys), "Reading the expression of all genes")
    for fold in folds.values():
        _tell(report, fold, told)  # unless it was killed in between, that was done before
    for fold in iter_folds(dataset, task, settings, done=list(folds)):
        checkpoints.save(fold)
        _tell(report, fold, told)
        folds[fold.key] = fold
        n_begun = -(-len(folds) * plan.n_folds // len(keys))
        report.progress(len(folds) / len(keys), f"Fold {n_begun} of {plan.n_folds}")
    in_order = [folds[key] for key in keys]
    save_folds(folder, in_order)
    return summarise(in_order)


def _already_told(run_id: str, folds: Collection[FoldKey]) -> tuple[bool, set[FoldKey]]:
    """Return whether a run has reported its plan, and which of its finished `folds` it has.

    What it has reported of others is taken back: their checkpoints are damaged or come from other
    versions of the libraries, and they are going to be computed again.
    """
    database = get_database()
    events = database.events(run_id)
    told = {event.id: _key(event.payload) for event in events if event.kind == "fold"}
    database.remove_events([number for number, key in told.items() if key not in folds])
    return any(event.kind == "plan" for event in events), set(told.values()) & set(folds)


def _key(fold: Config) -> FoldKey:
    return fold["repeat"], fold["fold"], fold["method"]


def _tell(report: Reporter, fold: FoldResult, told: Collection[FoldKey]) -> None:
    if fold.key not in told:
        report.event("fold", {name: getattr(fold, name) for name in _FOLD_EVENT})


def _preselected(methods: list[str], recommended: str | None) -> str:
    """Return the method to offer first for the final model, also when the scores name none."""
    if recommended is not None:
        return recommended
    return "loras+lr" if "loras+lr" in methods else methods[0]


def _dataset(config: Config) -> Dataset:
    """Open the cells under their owner's name for them: somebody else may have named them first."""
    return load_dataset(config["dataset"], name=config.get("dataset_name"))


def _task(config: Config) -> RareTask:
    return config_from_dict(RareTask, config["task"])
