"""Calls of cells from scores, and of whole clusters from those of their cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.transfer.pipeline import Transfer
from core.transfer.views import even_at
from core.transfer.votes import highest_probability, most_frequent

__all__ = ["cluster_votes", "vote"]

Calls = npt.NDArray[np.object_]


def cluster_votes(
    transfer: Transfer, calls: Calls, threshold: float, names: tuple[str, str]
) -> pd.DataFrame:
    """Name every cluster of a query in two ways.

    Parameters
    ----------
    transfer : Transfer
        Its clusters and final scores.
    calls : array of str of shape (n_cells,)
        Call of each cell.
    threshold : float
        Score that counts as even odds, 0–1.
    names : tuple of str
        The rare type, and the word for other cells.

    Returns
    -------
    pandas.DataFrame
        Indexed by cluster, the largest first: ``n_cells``, ``n_called``; ``by_calls`` and
        ``share_by_calls``, the most frequent call with its part of the cells (0–1);
        ``by_probability`` and ``share_by_probability``, the name with the highest summed
        probability and its part of the sum (0–1).
    """
    clusters = transfer.clusters
    rare = even_at(transfer.scores, threshold)
    by_calls = most_frequent(calls.astype(str), clusters)
    by_sum = highest_probability(np.column_stack([rare, 1 - rare]), names, clusters)
    called = pd.Series(calls == names[0]).groupby(clusters).sum()
    return pd.DataFrame(
        {
            "n_cells": by_calls["n_cells"],
            "n_called": called.to_numpy(),
            "by_calls": by_calls["name"],
            "share_by_calls": by_calls["share"],
            "by_probability": by_sum["name"],
            "share_by_probability": by_sum["share"],
        }
    )


def vote(transfer: Transfer, calls: Calls, threshold: float, names: tuple[str, str]) -> Calls:
    """Replace the calls of cells by those of their clusters, if the configuration wants that."""
    if transfer.config.votes == "none":
        return calls
    column = "by_calls" if transfer.config.votes == "calls" else "by_probability"
    table = cluster_votes(transfer, calls, threshold, names)
    return table[column].to_numpy(dtype=object)[transfer.clusters]
