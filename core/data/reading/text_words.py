"""Words by which columns and rows of a table are recognised."""

from __future__ import annotations

import re

__all__ = ["CELL_WORDS", "GENE_FACTS", "GENE_WORDS", "LABEL_WORDS", "NAME_WORDS", "plain_word"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What the column is called that names cells, that names genes, and that names either.
CELL_WORDS = _words(
    "cell cells cellid cellname cellnames cellbarcode barcode barcodes obs obsnames nucleus"
)
GENE_WORDS = _words(
    "gene genes geneid geneids genename genenames genesymbol genesymbols symbol symbols feature "
    "features featureid featurename ensembl ensemblid ensemblgeneid ensg var varnames hgncsymbol "
    "externalgenename"
)
NAME_WORDS = _words("unnamed0 index rowname rownames name names id x") | {""}
# What labels of cells and measures of their quality are called: never expression.
LABEL_WORDS = _words(
    "celltype celltypes label labels annotation annotations cluster clusters clusterid graphclust "
    "kmeans louvain leiden seuratclusters origident ident class subclass type subtype lineage "
    "batch sample samples sampleid donor donorid patient patientid individual subject condition "
    "treatment group stim tissue organ sex age disease phase ncountrna nfeaturerna percentmt "
    "percentmito pctcountsmt ngenes ncounts ngenesbycounts totalcounts numi ngene umap1 umap2 "
    "tsne1 tsne2 doubletscore scrubletscore celltypelabel celltypeontologytermid "
    "cellontologyclass"
)
GENE_FACTS = _words("chr chrom chromosome start end strand length genebiotype biotype")


def plain_word(name: str | bytes) -> str:
    """Letters and digits of a name in lower case, by which column names are recognised.

    Examples
    --------
    >>> plain_word("Cell_Type"), plain_word("Unnamed: 0")
    ('celltype', 'unnamed0')
    """
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return re.sub(r"[\W_]+", "", text.lower())
