"""Small datasets with a known answer, and the demo's folds, which several test files share."""

from __future__ import annotations

import uuid
from functools import cache

import anndata as ad
import numpy as np
import pandas as pd

import core
from core.data import DEMO_MARKERS, DEMO_TASK, Dataset, load_dataset
from core.data.store import store_dataset
from core.evaluation import FoldResult

TASK = core.RareTask(label="type", rare="needle")
METHODS = ("none+knn", "loras+knn", "none+lr", "loras+lr")


def keep(values, labels, *, genes=None, cells=None, name="made", **obs) -> Dataset:
    """Store log1p values (cells × genes) with labels, and open them as a dataset."""
    values = np.asarray(values, dtype=np.float32)
    n_cells, n_genes = values.shape
    table = pd.DataFrame(
        {"type": np.asarray(labels, dtype=object), **obs},
        index=pd.Index(cells if cells is not None else [f"cell-{i}" for i in range(n_cells)]),
    )
    if genes is None:
        genes = [f"G{i}" for i in range(n_genes)]
    digest = uuid.uuid4().hex
    adata = ad.AnnData(X=values, obs=table, var=pd.DataFrame(index=genes))
    # Made-up values do not tell by themselves that they are logarithms.
    store_dataset(adata, digest=digest, name=name, choices={"C-SCALE": "log1p"})
    return load_dataset(digest)


def noise(n_cells: int, n_genes: int, seed: int = 0) -> np.ndarray:
    """Positive values that say nothing about any label; about a third are zero."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 0.6, size=(n_cells, n_genes))
    return np.where(rng.random(values.shape) < 0.3, 0.0, values).astype(np.float32)


def labels(n_rare: int, n_other: int, seed: int = 0) -> np.ndarray:
    """Rare and other labels in random order."""
    names = np.array(["needle"] * n_rare + ["hay"] * n_other, dtype=object)
    return np.random.default_rng(seed).permutation(names)


def haystack(n_rare: int, n_other: int, *, n_genes: int = 12, n_marked: int = 4, seed: int = 0):
    """Values and labels; the rare cells are higher, but not too clearly, in the first genes."""
    names = labels(n_rare, n_other, seed)
    values = noise(n_rare + n_other, n_genes, seed)
    values[np.ix_(names == "needle", np.arange(n_marked))] += 1.25
    return values, names


def small_config(**settings) -> core.TrainingConfig:
    """Few folds and genes, all four methods."""
    return core.TrainingConfig(**{"markers": 5, "n_repeats": 1, "n_splits": 3, **settings})


@cache
def demo_config() -> core.TrainingConfig:
    return core.TrainingConfig(markers=DEMO_MARKERS)


@cache
def demo_folds() -> tuple[FoldResult, ...]:
    """Every fold of the demo's reference, 5 × 5 folds and four methods."""
    return tuple(core.iter_folds(core.demo_reference(), DEMO_TASK, demo_config()))
