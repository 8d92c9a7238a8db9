"""Expression of a few genes, summarised by cell type."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from core.config import RareTask
from core.data import Dataset

__all__ = ["expression_by_type"]


def expression_by_type(dataset: Dataset, task: RareTask, genes: Sequence[str]) -> pd.DataFrame:
    """Fraction of expressing cells and mean expression, for each gene in each type.

    Parameters
    ----------
    dataset : Dataset
        Labelled cells.
    task : RareTask
        Label column and rare type.
    genes : sequence of str
        Genes of the dataset; repeats count once.

    Returns
    -------
    pandas.DataFrame
        Columns ``gene``, ``type``, ``fraction`` (0–1, cells with expression above zero) and
        ``mean`` (log1p of counts per 10,000, over all cells of the type). The rare type comes
        first, then the others from the largest to the smallest.

    Raises
    ------
    ParameterError
        ``E-GENE-UNKNOWN``, ``E-RARE-UNKNOWN`` or ``E-RARE-ONE``.
    DataError
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.
    """
    rows = dataset.rare_labels(task).rows
    labels = dataset.labels(task.label).to_numpy()[rows]
    genes = list(dict.fromkeys(genes))
    values = pd.DataFrame(dataset.expression(genes)[rows], columns=genes)
    means = values.groupby(labels).mean()
    fractions = (values > 0).groupby(labels).mean()
    others = [name for name in dataset.type_sizes(task.label).index if name != task.rare]
    return pd.DataFrame(
        [
            (gene, kind, fractions.loc[kind, gene], means.loc[kind, gene])
            for kind in [task.rare, *others]
            for gene in genes
        ],
        columns=["gene", "type", "fraction", "mean"],
    )
