"""What a worker can do: one function per kind of run, named in :data:`TASKS`.

Each takes the run's configuration (plain values), a reporter and a folder for its result files,
and returns a short summary. Whatever it computes, it computes by the functions of the library.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from core.annotation import annotate
from core.config import MarkerConfig, RareTask, TrainingConfig, config_from_dict
from core.data import Dataset, demo_query, demo_reference, load_dataset
from core.embedding import dataset_umap, fit_umap
from core.errors import RunError
from core.jobs.database import get_database
from core.jobs.exploring import explore
from core.jobs.folders import annotation_model, run_of
from core.jobs.library import save_model
from core.jobs.reading import read
from core.jobs.reporter import Reporter
from core.jobs.results import save_annotation, save_synthetic
from core.jobs.schema import LOCAL
from core.jobs.training import train
from core.jobs.uploads import remove_upload
from core.markers import find_markers
from core.model import load_model
from core.synthetic import compare_synthetic
from core.transfer_config import TransferConfig

__all__ = ["TASKS", "warm_up"]

Config = dict[str, Any]


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
    settings = config_from_dict(TransferConfig, config.get("transfer", {}))
    annotation = annotate(model, dataset, transfer=settings)
    save_annotation(folder, annotation)
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
    "explore": explore,
    "synthetic": synthetic,
    "import_model": import_model,
    "annotate": annotate_query,
}


def _dataset(config: Config) -> Dataset:
    """Open the cells under their owner's name for them: somebody else may have named them first."""
    return load_dataset(config["dataset"], name=config.get("dataset_name"))


def _task(config: Config) -> RareTask:
    return config_from_dict(RareTask, config["task"])
