"""Tell genes from whatever else 10x Genomics counts in the same table."""

from __future__ import annotations

import anndata as ad
import numpy as np

from core.errors import DataError, Finding

__all__ = ["expression_only", "genomes_noted"]

_GENES = "Gene Expression"


def expression_only(adata: ad.AnnData, name: str) -> tuple[ad.AnnData, tuple[Finding, ...]]:
    """Keep the genes, and leave out antibodies, guides, hashtags and custom features.

    Parameters
    ----------
    adata : anndata.AnnData
        Cells × features, with ``var["feature_types"]`` if the file has them.
    name : str
        The file's name.

    Returns
    -------
    adata : anndata.AnnData
        Cells × genes.
    findings : tuple of Finding
        ``W-ANTIBODIES`` with the number of those left out, and their kinds.

    Raises
    ------
    DataError
        ``E-NO-EXPRESSION`` when none of the features are genes.
    """
    if "feature_types" not in adata.var:
        return adata, ()
    kinds = adata.var["feature_types"].astype(str)
    is_gene = (kinds == _GENES).to_numpy()
    if is_gene.all():
        return adata, ()
    others = kinds[~is_gene].value_counts()
    listed = ", ".join(f"{kind[:80]!r} ({n:,})" for kind, n in others.head(5).items())
    if not is_gene.any():
        raise DataError(
            f"{name} has no gene expression: its features are {listed}.",
            code="E-NO-EXPRESSION",
            next_step="Load the file that holds the gene expression of these cells.",
        )
    finding = Finding(
        "W-ANTIBODIES",
        f"{int(others.sum()):,} of {len(kinds):,} features are no genes and were left out: "
        f"{listed}.",
        "Needle compares cells by their gene expression; nothing needs to be done.",
    )
    return adata[:, is_gene].copy(), (finding,)


def genomes_noted(adata: ad.AnnData) -> tuple[Finding, ...]:
    """``W-GENOMES``, if the genes are of more than one genome.

    Parameters
    ----------
    adata : anndata.AnnData
        Cells × genes, with ``var["genome"]`` if the file has it.
    """
    if "genome" not in adata.var:
        return ()
    genomes = adata.var["genome"].astype(str).to_numpy()
    names, which = np.unique(genomes, return_inverse=True)
    if len(names) < 2:
        return ()
    per_gene = np.asarray(adata.X.sum(axis=0, dtype=np.float64)).ravel()
    counts = np.bincount(which, weights=per_gene)
    n_genes = np.bincount(which)
    listed = ", ".join(
        f"{name[:80]!r} ({n:,} genes, {total:,.0f} counts)"
        for name, n, total in list(zip(names.tolist(), n_genes, counts, strict=True))[:5]
    )
    return (
        Finding(
            "W-GENOMES",
            f"The genes are of {len(names)} genomes: {listed}.",
            "If cells of two organisms were mixed, keep those of one and load the file again.",
        ),
    )
