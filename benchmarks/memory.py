"""Predicted and measured peak of memory of every kind of run, in real worker processes.

``python -m benchmarks.memory [CELLS GENES SHARE]``: on the demo, and on generated counts of which
that share is not 0 (20,000 cells × 10,000 genes and a tenth, unless told otherwise).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from core import jobs
from core.config import MarkerConfig, RareTask, TrainingConfig, config_to_dict
from core.data import DEMO_TASK, load_dataset
from core.embedding import umap_file

SECONDS = 3600.0
TASK = RareTask("type", "rare")
N_MARKED = 100


def generated(path: Path, n_cells: int, n_genes: int, share: float) -> None:
    """Write sparse counts in which one cell in a hundred is rare and has more of some genes."""
    rng = np.random.default_rng(0)
    per_cell = int(n_genes * share)
    genes = [np.sort(rng.choice(n_genes, per_cell, replace=False)) for _ in range(n_cells)]
    is_rare = np.arange(n_cells) % 100 == 0
    indices = np.concatenate(genes).astype(np.int32)
    counts = rng.integers(1, 20, len(indices)).astype(np.float32)
    counts[np.repeat(is_rare, per_cell) & (indices < N_MARKED)] *= 4
    starts = np.arange(0, len(indices) + 1, per_cell)
    types = pd.Categorical(np.where(is_rare, "rare", np.where(rng.random(n_cells) < 0.5, "a", "b")))
    ad.AnnData(
        sparse.csr_matrix((counts, indices, starts), shape=(n_cells, n_genes)),
        obs=pd.DataFrame({"type": types}, index=[f"cell {i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=[f"GENE{i}" for i in range(n_genes)]),
    ).write_h5ad(path)


def finished(kind: str, config: dict[str, Any]) -> jobs.Run:
    """Start a run and return it when it is over."""
    return jobs.wait(jobs.start(kind, config), SECONDS)


def road(reading: dict[str, Any], task: RareTask) -> Iterator[jobs.Run]:
    """Every kind of run on one dataset, each in a process of its own."""
    yield (read := finished("read", reading))
    dataset = {"dataset": read.summary["dataset"]}
    settings = config_to_dict(TrainingConfig(n_splits=2, n_repeats=1))
    chosen = dataset | {"task": config_to_dict(task)}
    yield finished("markers", chosen | {"markers": config_to_dict(MarkerConfig())})
    yield (trained := finished("train", chosen | {"training": settings}))
    yield finished("synthetic", chosen | {"training": settings, "n": 500})
    model = str(jobs.run_folder(trained.id) / f"{trained.summary['preselected']}.skops")
    yield finished("layout", dataset)
    umap_file(load_dataset(dataset["dataset"])).unlink(missing_ok=True)  # else it is not made anew
    yield finished("annotate", dataset | {"model": model})
    yield finished("import_model", {"path": model})


def show(title: str, runs: Iterator[jobs.Run]) -> None:
    """Print a table of megabytes as the runs end."""
    print(f"{title}\n  {'kind':<14}{'predicted':>12}{'peak':>12}{'ratio':>8}")
    for run in runs:
        predicted, peak = run.predicted_memory or 0, run.peak_memory or 0
        megabytes = f"{predicted / 2**20:>9,.0f} MB{peak / 2**20:>9,.0f} MB"
        ratio = f"{predicted / peak:>8.2f}" if peak else f"{'–':>8}"
        print(f"  {run.kind:<14}{megabytes}{ratio}  {'' if run.error is None else run.error}")


def main(arguments: list[str]) -> None:
    """Measure in a data folder that is thrown away."""
    n_cells, n_genes, share = arguments or ("20000", "10000", "0.1")
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"NEEDLE_HOME": folder, "NEEDLE_NURSERY": "0", "NEEDLE_MAX_RUNS": "1"}
        show("demo", road({"demo": "reference"}, DEMO_TASK))
        path = Path(folder) / "generated.h5ad"
        generated(path, int(n_cells), int(n_genes), float(share))
        reading = {"path": str(path), "name": "generated"}
        show(f"{n_cells} cells × {n_genes} genes, {share} not 0", road(reading, TASK))


if __name__ == "__main__":
    main(sys.argv[1:])
