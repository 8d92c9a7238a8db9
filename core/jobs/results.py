"""What a finished run left in its folder, as the objects that the library returns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.annotation import Annotation, call_cells
from core.config import RareTask, TrainingConfig, config_from_dict, config_to_dict
from core.data import Dataset
from core.evaluation import FoldResult
from core.jobs.transfers import load_transfer, save_transfer
from core.model import RareCellModel
from core.synthetic import SyntheticComparison

__all__ = [
    "fold_from_parts",
    "fold_to_parts",
    "load_annotation",
    "load_folds",
    "load_markers",
    "load_synthetic",
    "save_annotation",
    "save_folds",
    "save_synthetic",
]

_FOLD_ARRAYS = ("test_cells", "test_is_rare", "scores")
_MADE_BY = ("task", "config")


def save_folds(folder: Path, folds: Sequence[FoldResult]) -> None:
    """Write folds as JSON (what is small) and NPZ (scores and truth per test cell)."""
    arrays, rows = {}, []
    for number, fold in enumerate(folds):
        row, parts = fold_to_parts(fold)
        rows.append(row)
        # All methods of a fold share their test cells: these are kept once.
        shared = f"{fold.repeat}_{fold.fold}"
        arrays[f"test_cells_{shared}"] = parts["test_cells"]
        arrays[f"test_is_rare_{shared}"] = parts["test_is_rare"]
        arrays[f"scores_{number}"] = parts["scores"]
    _write(folder, folds[0], {"folds": rows}, arrays)


def load_folds(folder: Path) -> list[FoldResult]:
    """Read what :func:`save_folds` wrote."""
    about, made_by, arrays = _read(folder)
    folds = []
    for number, row in enumerate(about["folds"]):
        shared = f"{row['repeat']}_{row['fold']}"
        parts = {
            "test_cells": arrays[f"test_cells_{shared}"],
            "test_is_rare": arrays[f"test_is_rare_{shared}"],
            "scores": arrays[f"scores_{number}"],
        }
        folds.append(fold_from_parts(row, parts, made_by))
    return folds


def fold_to_parts(fold: FoldResult) -> tuple[dict[str, Any], dict[str, npt.NDArray]]:
    """Take a fold apart into what JSON can hold and arrays, both by field, but for its maker."""
    return _small_fields(fold, _FOLD_ARRAYS), {name: getattr(fold, name) for name in _FOLD_ARRAYS}


def fold_from_parts(
    row: dict[str, Any], arrays: dict[str, npt.NDArray], made_by: dict[str, Any]
) -> FoldResult:
    """Put a fold together again; `made_by` are its task and configuration."""
    return FoldResult(**row | {"markers": tuple(row["markers"])}, **arrays, **made_by)


def save_synthetic(folder: Path, comparison: SyntheticComparison) -> None:
    """Write a comparison of synthetic with real cells."""
    values = {f.name: getattr(comparison, f.name) for f in fields(comparison)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    _write(folder, comparison, _small_fields(comparison, tuple(arrays)), arrays)


def load_synthetic(folder: Path) -> SyntheticComparison:
    """Read what :func:`save_synthetic` wrote."""
    about, made_by, arrays = _read(folder)
    return SyntheticComparison(**about, **made_by, **arrays)


def save_annotation(folder: Path, annotation: Annotation) -> None:
    """Write the scores of a query, and how they were carried over to it, if they were."""
    np.save(folder / "scores.npy", annotation.table["score"].to_numpy())
    if annotation.transfer is not None:
        save_transfer(folder, annotation.transfer)


def load_annotation(folder: Path, model: RareCellModel, dataset: Dataset) -> Annotation:
    """Calls from what an annotation run left; before version 0.3 that was the scores alone."""
    scores = np.load(folder / "scores.npy")
    transfer = load_transfer(folder, model, dataset)
    return call_cells(model, dataset, scores, transfer=transfer)


def load_markers(folder: Path) -> pd.DataFrame:
    """Marker table of a markers run."""
    return pd.read_csv(folder / "markers.csv", keep_default_na=False, na_values=[""])


def _small_fields(result: Any, without: tuple[str, ...]) -> dict[str, Any]:
    return {
        f.name: getattr(result, f.name)
        for f in fields(result)
        if f.name not in without and f.name not in _MADE_BY
    }


def _write(
    folder: Path, result: Any, about: dict[str, Any], arrays: dict[str, npt.NDArray]
) -> None:
    made_by = {name: config_to_dict(getattr(result, name)) for name in _MADE_BY}
    (folder / "result.json").write_text(json.dumps(about | made_by), encoding="utf-8")
    np.savez_compressed(folder / "arrays.npz", **arrays)


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, npt.NDArray]]:
    about = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    made_by = {
        "task": config_from_dict(RareTask, about.pop("task")),
        "config": config_from_dict(TrainingConfig, about.pop("config")),
    }
    with np.load(folder / "arrays.npz") as archive:
        arrays = dict(archive)
    return about, made_by, arrays
