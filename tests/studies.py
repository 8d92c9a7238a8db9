"""Counts as two labs would have them: the same types, other factors per gene, another depth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.data import Dataset
from tests.cells import keep

N_GENES = 240
# Places of the genes that a type has more of, and how many times more. Pins are lookalikes: they
# have half of what makes a needle, and something of their own.
MARKERS = {
    "hay": (np.arange(60, 80), 4.0),
    "needle": (np.arange(0, 16), 6.0),
    "pin": (np.r_[8:16, 80:100], 6.0),
    "straw": (np.arange(100, 120), 4.0),
}
# Negative binomial: variance = mean + mean² / this.
_DISPERSION = 3.0


def study(
    sizes: Mapping[str, int],
    *,
    seed: int,
    depth: float = 3000,
    batch: float = 0.0,
    name: str = "made",
    labels=None,
    order=None,
) -> Dataset:
    """Draw negative-binomial counts of cells of some types, and open them as a dataset.

    Parameters
    ----------
    sizes : mapping of str to int
        Cells per type of :data:`MARKERS`.
    seed : int
        Of the cells and of the lab's factors; the types are the same for all.
    depth : float
        Mean counts per cell.
    batch : float
        Standard deviation of the logarithm of each gene's factor in this lab.
    labels : sequence or None
        What the file says of its cells, the truth by default.
    order : int array or None
        In which order the cells are kept.
    """
    types = np.repeat(list(sizes), list(sizes.values()))
    level = np.random.default_rng(99).lognormal(0.0, 1.0, N_GENES)
    rng = np.random.default_rng(seed)
    level = level * np.exp(rng.normal(0.0, batch, N_GENES))
    profiles = np.repeat(level[None], len(types), axis=0)
    for kind, (genes, times) in MARKERS.items():
        profiles[np.ix_(types == kind, genes)] *= times
    size = depth * rng.lognormal(0.0, 0.3, (len(types), 1))
    mean = profiles / profiles.sum(axis=1, keepdims=True) * size
    counts = rng.poisson(mean * rng.gamma(_DISPERSION, 1 / _DISPERSION, mean.shape))
    labels = types if labels is None else np.asarray(labels, dtype=object)
    cells = np.array([f"{kind}-{i}" for i, kind in enumerate(types)], dtype=object)
    order = np.arange(len(types)) if order is None else order
    return keep(counts[order], labels[order], cells=cells[order], name=name)
