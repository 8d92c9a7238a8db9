"""What a worker can do: one function per kind of run, named in :data:`TASKS`.

Each takes the run's configuration (plain values), a reporter and a folder for its result files,
and returns a short summary. Whatever it computes, it computes by the functions of the library.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.annotation import annotate
from core.config import MarkerConfig, RareTask, TrainingConfig, config_from_dict
from core.data import Dataset, demo_query, demo_reference, load_dataset, open_dataset
from core.embedding import dataset_umap, fit_umap
from core.evaluation import FoldResult, iter_folds
from core.folds import plan_folds
from core.jobs.reporter import Reporter
from core.jobs.results import annotation_model, save_folds, save_scores, save_synthetic
from core.jobs.uploads import remove_upload
from core.markers import find_markers
from core.model import fit_models, load_model
from core.paths import models_folder
from core.summary import CrossValidation, summarise
from core.synthetic import compare_synthetic

__all__ = ["TASKS", "warm_up"]

Config = dict[str, Any]

_DEMO = {"reference": demo_reference, "query": demo_query}
_FOLD_EVENT = (
    "method", "repeat", "fold", "precision", "recall", "f1", "tp", "fp", "fn", "tn",
    "average_precision", "seconds",
)  # fmt: skip


def read(config: Config, report: Reporter, folder: Path) -> Config:
    """Open a file (``path``, ``name``) or a ``demo`` part; an upload is removed afterwards."""
    report.progress(None, "Reading and checking the cells")
    if "demo" in config:
        return _describe(_DEMO[config["demo"]]())
    path = Path(config["path"])
    try:
        return _describe(open_dataset(path, name=config["name"]))
    finally:
        if config.get("is_upload"):
            remove_upload(path)


def layout(config: Config, report: Reporter, folder: Path) -> Config:
    """Compute the UMAP of a ``dataset`` and keep it beside it."""
    report.progress(None, "Laying the cells out in a map")
    return {"n_cells": len(dataset_umap(load_dataset(config["dataset"])))}


def markers(config: Config, report: Reporter, folder: Path) -> Config:
    """Rank the ``markers`` of a ``task`` on a ``dataset``; writes markers.csv."""
    report.progress(None, "Comparing the rare cells with all others, gene by gene")
    settings = config_from_dict(MarkerConfig, config["markers"])
    table = find_markers(
        load_dataset(config["dataset"]),
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
    """Cross-validate all methods, one event per fold and method, then fit the final models."""
    dataset, task = load_dataset(config["dataset"]), _task(config)
    settings = config_from_dict(TrainingConfig, config["training"])
    truth = dataset.rare_labels(task)
    plan = plan_folds(truth.n_rare, truth.n_other, settings)
    report.event("plan", {"n_folds": plan.n_folds, "n_rare": plan.n_rare})
    result = _cross_validate(dataset, task, settings, plan.n_folds, report, folder)
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
    dataset = load_dataset(config["dataset"])
    comparison = compare_synthetic(dataset, _task(config), settings, n=config["n"])
    save_synthetic(folder, comparison)
    return {
        "variance_kept": comparison.variance_kept,
        "distance_synthetic": comparison.distance_synthetic,
        "distance_real": comparison.distance_real,
    }


def import_model(config: Config, report: Reporter, folder: Path) -> Config:
    """Check an uploaded model file (``path``) and keep it in the model folder."""
    report.progress(None, "Checking the model file")
    path = Path(config["path"])
    try:
        model = load_model(path)
        kept = models_folder() / f"{uuid.uuid4().hex}.skops"
        shutil.copyfile(path, kept.with_suffix(".part"))
        kept.with_suffix(".part").rename(kept)
    finally:
        remove_upload(path)
    return {"model": str(kept), "title": model.title}


def annotate_query(config: Config, report: Reporter, folder: Path) -> Config:
    """Apply a ``model`` file to a ``dataset`` and lay the query out in a map of its own.

    The model is kept with the scores: the training that it comes from may be deleted.
    """
    report.progress(0.1, "Scoring every cell of the query")
    dataset, model = load_dataset(config["dataset"]), load_model(config["model"])
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
    n_folds: int,
    report: Reporter,
    folder: Path,
) -> CrossValidation | None:
    if n_folds == 0:
        return None
    report.progress(0.0, "Reading the expression of all genes")
    folds: list[FoldResult] = []
    n_results = n_folds * len(list(settings.methods()))
    for fold in iter_folds(dataset, task, settings):
        folds.append(fold)
        report.event("fold", {name: getattr(fold, name) for name in _FOLD_EVENT})
        done = len(folds) / n_results
        report.progress(done, f"Fold {-(-len(folds) * n_folds // n_results)} of {n_folds}")
    save_folds(folder, folds)
    return summarise(folds)


def _preselected(methods: list[str], recommended: str | None) -> str:
    """Return the method to offer first for the final model, also when the scores name none."""
    if recommended is not None:
        return recommended
    return "loras+lr" if "loras+lr" in methods else methods[0]


def _task(config: Config) -> RareTask:
    return config_from_dict(RareTask, config["task"])


def _describe(dataset: Dataset) -> Config:
    return {
        "dataset": dataset.digest,
        "name": dataset.name,
        "n_cells": dataset.n_cells,
        "n_genes": dataset.n_genes,
    }
