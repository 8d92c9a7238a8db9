"""Seconds of each station of the road, and marker choice against scanpy on all genes.

``python -m benchmarks.road [FILE LABEL RARE]``; without a file, the demo.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import anndata as ad
import numpy as np
import pandas as pd
import scanpy

import core
from core.data import DEMO_TASK, Dataset

N_TIMES = 5


def seconds(work: Callable[[], object], *, times: int = N_TIMES) -> float:
    """Median seconds of a call, after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken)


def scanpy_on_all_genes(dataset: Dataset, task: core.RareTask) -> None:
    """Scanpy's Wilcoxon test of the rare type, without leaving out genes first."""
    rare = np.where(dataset.labels(task.label) == task.rare, "rare", "rest")
    obs = pd.DataFrame({"group": pd.Categorical(rare)}, index=dataset.cells)
    cells = ad.AnnData(dataset.matrix(), obs=obs, var=pd.DataFrame(index=dataset.genes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scanpy.tl.rank_genes_groups(cells, "group", groups=["rare"], method="wilcoxon")


def first_fold(dataset: Dataset, task: core.RareTask) -> None:
    """Every method on the first fold."""
    config = core.TrainingConfig(n_repeats=1)
    folds = core.iter_folds(dataset, task, config)
    for _ in config.methods():
        next(folds)


def measure(dataset: Dataset, task: core.RareTask) -> dict[str, float]:
    """Median seconds per station."""
    config = core.TrainingConfig()
    model = core.train(dataset, task, config, method="loras+lr")
    with tempfile.TemporaryDirectory() as folder:
        return {
            "find_markers": seconds(lambda: core.find_markers(dataset, task)),
            "scanpy on all genes": seconds(lambda: scanpy_on_all_genes(dataset, task), times=3),
            "first fold, 4 methods": seconds(lambda: first_fold(dataset, task)),
            "25 folds, 4 methods": seconds(
                lambda: core.summarise(core.iter_folds(dataset, task, config)), times=1
            ),
            "final model": seconds(
                lambda: core.train(dataset, task, config, method="loras+lr"), times=3
            ),
            "save model": seconds(lambda: model.save(Path(folder) / "model.skops")),
            "score all cells": seconds(lambda: model.score(dataset)),
        }


def main(arguments: list[str]) -> None:
    """Print a table of seconds."""
    if arguments:
        path, label, rare = arguments
        dataset, task = core.open_dataset(path), core.RareTask(label, rare)
    else:
        dataset, task = core.demo_reference(), DEMO_TASK
    table = measure(dataset, task)
    print(f"{dataset.name}: {dataset.n_cells:,} cells × {dataset.n_genes:,} genes, {task.rare}")
    for station, taken in table.items():
        print(f"  {station:<24}{taken:8.3f} s")
    ratio = table["find_markers"] / table["scanpy on all genes"]
    print(f"  find_markers / scanpy on all genes: {ratio:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
