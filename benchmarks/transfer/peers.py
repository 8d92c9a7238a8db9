"""CellTypist and SingleR on the files of a benchmark: ``python peers.py JOBS.json``.

Runs with the interpreter of the peers' own environment (``peers.txt``) and so imports nothing of
Needle. Both peers name every type of the reference; a reference is trained on once, however many
queries follow.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd

LABEL = "cell_type"
N_THREADS = os.cpu_count() or 1
# Labels of the cells, a column per way to call; and a column of scores per type of the reference.
Named = tuple[pd.DataFrame, pd.DataFrame]


def train_celltypist(reference: ad.AnnData, query: ad.AnnData) -> Any:
    """CellTypist's logistic regression, one type against the rest.

    On its own choice of genes (300 for each type, its default number): on all genes, its other
    default, it finds fewer of the rare cells. That choice is random, hence the seed.
    """
    import celltypist

    return celltypist.train(
        reference, labels=LABEL, use_SGD=False, feature_selection=True, random_state=0
    )


def run_celltypist(model: Any, query: ad.AnnData) -> Named:
    """Labels before and after the vote in CellTypist's own fine clusters; probabilities."""
    import celltypist

    found = celltypist.annotate(query.copy(), model=model, majority_voting=True)
    labels = found.predicted_labels
    ways = {
        "CellTypist, majority voting": labels["majority_voting"],
        "CellTypist, cell by cell": labels["predicted_labels"],
    }
    return pd.DataFrame(ways), found.probability_matrix


def train_singler(reference: ad.AnnData, query: ad.AnnData) -> Any:
    """SingleR's own defaults ("classic" markers), on the genes that both studies have."""
    import singler

    return singler.train_single(
        reference.X.T.tocsc(),
        list(reference.obs[LABEL].astype(str)),
        list(reference.var_names),
        test_features=list(query.var_names),
        num_threads=N_THREADS,
    )


def run_singler(model: Any, query: ad.AnnData) -> Named:
    """Labels after fine-tuning; as score of a type, how far it is ahead of the best other one.

    The bare correlations tell a cell's types apart, not cells: they rise with a cell's depth.
    """
    import singler

    found = singler.classify_single(query.X.T.tocsc(), model, num_threads=N_THREADS)
    columns = found["scores"]
    scores = pd.DataFrame({n: columns[n] for n in columns.column_names}, index=query.obs_names)
    ahead = {name: scores[name] - scores.drop(columns=name).max(axis=1) for name in scores}
    return pd.DataFrame({"SingleR": found["best"]}, index=query.obs_names), pd.DataFrame(ahead)


# Name, how to train, how to call, and whether the training needs to know the query's genes.
PEERS: dict[str, tuple[Callable, Callable, bool]] = {
    "CellTypist": (train_celltypist, run_celltypist, False),
    "SingleR": (train_singler, run_singler, True),
}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and its seconds."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def run_peer(name: str, jobs: list[dict[str, str]]) -> None:
    """Write the calls, scores and seconds of one peer for every job.

    The first job runs twice, and its first run does not count: it compiles (numba) and imports.
    """
    train, run, by_genes = PEERS[name]
    models: dict[tuple[str, ...], tuple[Any, float]] = {}
    for number, job in enumerate(jobs):
        reference, query = ad.read_h5ad(job["reference"]), ad.read_h5ad(job["query"])
        key = (job["reference"], *(query.var_names if by_genes else ()))
        if key not in models:
            models[key] = timed(lambda r=reference, q=query: train(r, q))
        model, training = models[key]
        if number == 0:
            run(model, query)
        (labels, scores), seconds = timed(lambda m=model, q=query: run(m, q))
        write(Path(job["out"]) / name, labels, scores, (training, seconds))


def write(
    folder: Path, labels: pd.DataFrame, scores: pd.DataFrame, took: tuple[float, float]
) -> None:
    """One folder per job and peer: ``calls.csv``, ``scores.csv`` and ``seconds.json``."""
    folder.mkdir(parents=True)
    labels.astype(str).to_csv(folder / "calls.csv", index_label="cell")
    scores.to_csv(folder / "scores.csv", index_label="cell")
    training, seconds = took
    (folder / "seconds.json").write_text(json.dumps({"training": training, "calling": seconds}))


def main(jobs: str) -> None:
    """Run every peer on the jobs of a file."""
    warnings.simplefilter("ignore")
    for name in PEERS:
        run_peer(name, json.loads(Path(jobs).read_text("utf-8")))


if __name__ == "__main__":
    main(*sys.argv[1:])
