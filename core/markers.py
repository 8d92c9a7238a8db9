"""Rank the marker genes of one cell type against all other cells."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.stats import false_discovery_control, rankdata

from core.config import MarkerConfig, RareTask
from core.data import Dataset, RareLabels, match_genes
from core.errors import ParameterError

__all__ = ["choose_markers", "find_markers", "rank_markers"]

COLUMNS = ("gene", "score", "logfc", "pct_in", "pct_out", "pval_adj", "auc")


def find_markers(
    dataset: Dataset,
    task: RareTask,
    *,
    n: int = 50,
    test: str = "wilcoxon",
    min_fraction: float = 0.1,
    min_logfc: float = 0.25,
    genes: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Rank marker genes of the rare type on all labelled cells of a dataset.

    These are the markers to look at. Scores come from markers that are chosen anew within each
    training part (:func:`core.iter_folds`), never from these.

    Parameters
    ----------
    dataset : Dataset
        Reference cells.
    task : RareTask
        Label column and rare type.
    n : int
        Number of markers, 2 to 2,000.
    test : {"wilcoxon", "t-test", "logreg"}
        scanpy's test; see :func:`rank_markers`.
    min_fraction : float
        A gene must be detected in at least this fraction (0–1) of the rare cells or of the rest.
    min_logfc : float
        Least log2 fold change of the rare cells over the rest.
    genes : iterable of str or None
        The user's own genes. They are described, not chosen: no threshold applies, and they keep
        their order. Names that the dataset does not have are left out.

    Returns
    -------
    pandas.DataFrame
        Best first, at most `n` rows, with columns ``gene``; ``score``, the test's statistic
        (the coefficient for ``logreg``); ``logfc``, log2 fold change; ``pct_in`` and ``pct_out``,
        fraction of rare and of other cells with expression; ``pval_adj``, Benjamini–Hochberg over
        all genes of the dataset (NaN for ``logreg``); ``auc``, area under the ROC curve of the
        single gene.

    Raises
    ------
    ParameterError
        ``E-PARAMETER``, ``E-RARE-UNKNOWN``, ``E-RARE-ONE``, ``E-NO-MARKERS`` (no gene passes the
        thresholds) or ``E-NO-GENE-KNOWN`` (none of the user's genes is there).
    DataError
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.

    Examples
    --------
    >>> import core
    >>> reference = core.demo_reference()
    >>> markers = core.find_markers(reference, core.RareTask("bulk_labels", "CD34+"), n=20)
    >>> len(markers)
    20
    """
    own = tuple(genes) if genes is not None else None
    config = MarkerConfig(n=n, test=test, min_fraction=min_fraction, min_logfc=min_logfc, genes=own)
    truth = dataset.rare_labels(task)
    return rank_markers(dataset.matrix()[truth.rows], dataset.genes, truth.is_rare, config)


def rank_markers(
    matrix: sparse.csr_matrix,
    genes: pd.Index,
    is_rare: npt.NDArray[np.bool_],
    config: MarkerConfig,
) -> pd.DataFrame:
    """Rank marker genes on just the cells that are passed in.

    Genes below the thresholds are left out before the test, as Seurat's ``FindMarkers`` does;
    their p-values count as 1 in the adjustment.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes)
        log1p of counts per 10,000.
    genes : pandas.Index of shape (n_genes,)
        Their names.
    is_rare : bool array of shape (n_cells,)
        Which cells are the rare type.
    config : MarkerConfig
        Number, test and thresholds, or the user's own genes.

    Returns
    -------
    pandas.DataFrame
        See :func:`find_markers`.

    Raises
    ------
    ParameterError
        ``E-NO-MARKERS`` or ``E-NO-GENE-KNOWN``.

    Notes
    -----
    Wilcoxon is scanpy's rank-sum test without tie correction: its order is that of the AUC. The
    fold change is ``log2(mean(expm1(x)) + 1)`` of the rare cells minus that of the rest.

    References
    ----------
    Wolf, Angerer, Theis: SCANPY. Genome Biology 19:15 (2018), DOI 10.1186/s13059-017-1382-0.
    Stuart et al.: Comprehensive integration of single-cell data. Cell 177:1888 (2019),
    DOI 10.1016/j.cell.2019.05.031.
    Benjamini, Hochberg. J. R. Stat. Soc. B 57:289 (1995), DOI 10.1111/j.2517-6161.1995.tb02031.x.
    """
    summary = _describe(matrix, genes, is_rare)
    if config.genes is None:
        keep = np.flatnonzero(_passes(summary, config))
        if not keep.size:
            raise _no_markers(config)
    else:
        keep = _own_columns(genes, config.genes)
    table = summary.iloc[keep].reset_index(drop=True)
    test = config.test if config.genes is None else "wilcoxon"
    scores, p_values = _test(matrix[:, keep], is_rare, test)
    table["score"] = scores
    table["pval_adj"] = _adjust(p_values, len(genes))
    if config.genes is None:
        # Equal scores are common among few cells; the fold change orders them, then the name.
        # Rounded, because its last digits depend on the order of the cells in memory.
        order = np.lexsort((table["gene"], -table["logfc"].round(4), -scores))[: config.n]
        table, keep = table.iloc[order].reset_index(drop=True), keep[order]
    table["auc"] = _single_gene_auc(matrix[:, keep].toarray(), is_rare)
    return table[list(COLUMNS)]


def choose_markers(
    dataset: Dataset, truth: RareLabels, config: MarkerConfig
) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Choose markers on all labelled cells, for a final model or a picture, never for a score.

    Returns
    -------
    genes : tuple of str
        Marker genes, best first.
    values : array of shape (n_labelled, n_genes), float32
        Their expression, log1p of counts per 10,000.
    """
    matrix = dataset.matrix()[truth.rows]
    table = rank_markers(matrix, dataset.genes, truth.is_rare, config)
    columns = dataset.genes.get_indexer(pd.Index(table["gene"], dtype=object))
    return tuple(table["gene"]), matrix[:, columns].toarray()


def _describe(
    matrix: sparse.csr_matrix, genes: pd.Index, is_rare: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    linear = sparse.csr_matrix((np.expm1(matrix.data), matrix.indices, matrix.indptr), matrix.shape)
    columns = {"gene": genes.astype(object)}
    log_mean = {}
    for name, mask in (("in", is_rare), ("out", ~is_rare)):
        part = linear[np.flatnonzero(mask)]
        columns[f"pct_{name}"] = part.getnnz(axis=0) / part.shape[0]
        log_mean[name] = np.log2(np.asarray(part.mean(axis=0, dtype=np.float64)).ravel() + 1)
    columns["logfc"] = log_mean["in"] - log_mean["out"]
    return pd.DataFrame(columns)


def _passes(summary: pd.DataFrame, config: MarkerConfig) -> npt.NDArray[np.bool_]:
    detected = summary[["pct_in", "pct_out"]].max(axis=1) >= config.min_fraction
    return (detected & (summary["logfc"] >= config.min_logfc)).to_numpy()


def _own_columns(genes: pd.Index, own: tuple[str, ...]) -> npt.NDArray[np.intp]:
    match = match_genes(genes, own)
    if not match.found:
        raise ParameterError(
            "None of the genes in the list is a gene of this dataset: "
            + ", ".join(match.missing[:5])
            + (" …." if len(match.missing) > 5 else "."),
            code="E-NO-GENE-KNOWN",
            next_step="This dataset's genes look like " + ", ".join(map(str, genes[:3])) + ".",
        )
    return genes.get_indexer(pd.Index(match.found, dtype=object))


def _no_markers(config: MarkerConfig) -> ParameterError:
    return ParameterError(
        f"No gene is detected in {config.min_fraction:.0%} of the cells with a log2 fold change of "
        f"at least {config.min_logfc:g}.",
        code="E-NO-MARKERS",
        next_step="Lower the minimum fraction or the minimum log fold change.",
    )


def _test(
    matrix: sparse.csr_matrix, is_rare: npt.NDArray[np.bool_], test: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """Statistic and p-value per column, rare cells against the rest."""
    import scanpy  # costs 2 s to import, and most pages never need it

    # scanpy's two-group logistic regression gives the coefficients of the second category, under
    # the first one's name; the order of the categories makes "rare" the second.
    group = pd.Categorical(np.where(is_rare, "rare", "other"), categories=["other", "rare"])
    cells = ad.AnnData(
        X=matrix,
        obs=pd.DataFrame({"group": group}, index=np.arange(matrix.shape[0]).astype(str)),
        var=pd.DataFrame(index=np.arange(matrix.shape[1]).astype(str)),
    )
    if test == "logreg":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scanpy.tl.rank_genes_groups(cells, "group", method="logreg", max_iter=1000)
        names, scores = _by_column(cells, "other")
        return scores[np.argsort(names)], None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # genes that do not vary give 0/0 in the t-test
        scanpy.tl.rank_genes_groups(cells, "group", groups=["rare"], reference="rest", method=test)
    names, scores = _by_column(cells, "rare")
    p_values = np.asarray(cells.uns["rank_genes_groups"]["pvals"]["rare"], dtype=float)
    order = np.argsort(names)
    scores = np.where(np.isnan(scores), 0.0, scores)
    return scores[order], np.nan_to_num(p_values[order], nan=1.0)


def _by_column(
    cells: ad.AnnData, group: str
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    result = cells.uns["rank_genes_groups"]
    return result["names"][group].astype(int), result["scores"][group].astype(float)


def _adjust(
    p_values: npt.NDArray[np.float64] | None, n_genes: int
) -> npt.NDArray[np.float64] | float:
    if p_values is None:
        return np.nan
    all_genes = np.ones(n_genes)
    all_genes[: len(p_values)] = np.clip(p_values, 0, 1)
    return false_discovery_control(all_genes)[: len(p_values)]


def _single_gene_auc(
    values: npt.NDArray[np.float32], is_rare: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    n_rare, n_other = int(is_rare.sum()), int((~is_rare).sum())
    rank_sum = rankdata(values, axis=0)[is_rare].sum(axis=0)
    return (rank_sum - n_rare * (n_rare + 1) / 2) / (n_rare * n_other)
