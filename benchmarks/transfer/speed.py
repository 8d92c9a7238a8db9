"""How long 10,000 cells take: ``python -m benchmarks.transfer.speed [TIMES]``.

The cells are drawn from a real query, with counts drawn anew for each, so that no two are the same.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np

import core
from benchmarks.transfer.tasks import KANG, LABEL, PBMC3K, SHARED, open_reference
from core.data import Dataset
from core.embedding import dataset_umap, fit_umap, principal_components, umap_file

N_CELLS = 10_000


def write_query(path: Path) -> None:
    """Write the cells."""
    cells, random = ad.read_h5ad(SHARED / f"{KANG}.h5ad"), np.random.default_rng(0)
    drawn = cells.X[random.integers(cells.n_obs, size=N_CELLS)].tocsr()
    drawn.data = random.poisson(drawn.data).astype(np.float32)
    drawn.eliminate_zeros()
    query = ad.AnnData(drawn, var=cells.var[[]])
    query.obs_names = [f"cell{number}" for number in range(N_CELLS)]
    query.write_h5ad(path)


def forget(query: Dataset) -> None:
    """Remove what is kept beside a dataset."""
    umap_file(query).unlink(missing_ok=True)
    query.path.with_name(f"{query.path.stem}.pca.npy").unlink(missing_ok=True)


def median_seconds(times: int, work: Callable[[], object], before: Callable[[], object]) -> str:
    """Median wall and processor seconds of some calls, for a table."""
    wall, cpu = [], []
    for _ in range(times):
        before()
        started = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - started[0])
        cpu.append(time.process_time() - started[1])
    return f"{statistics.median(wall):.2f} | {statistics.median(cpu):.2f}"


def main(times: str = "5") -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NEEDLE_HOME"] = folder
        path = Path(folder) / "query.h5ad"
        write_query(path)
        query = core.open_dataset(path)
        task = core.RareTask(LABEL, "Platelet")
        model = core.train(open_reference(PBMC3K), task, core.TrainingConfig(), method="loras+lr")
        fit_umap(principal_components(query)[:500])  # what is compiled once does not count
        core.annotate(model, query)
        print(f"| {N_CELLS:,} cells × {query.n_genes:,} genes | seconds | of a processor |")
        print("|---|--:|--:|")
        for words, work, before in (
            ("principal components", lambda: principal_components(query), lambda: forget(query)),
            ("the decision", lambda: core.annotate(model, query), lambda: None),
            ("the map", lambda: dataset_umap(query), lambda: umap_file(query).unlink(True)),
            (
                "all of it",
                lambda: (core.annotate(model, query), dataset_umap(query)),
                lambda: forget(query),
            ),
        ):
            print(f"| {words} | {median_seconds(int(times), work, before)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
