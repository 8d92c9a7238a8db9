"""Words by which columns and rows of a table are recognised."""

from __future__ import annotations

import re
from collections.abc import Container

__all__ = [
    "CELL_WORDS",
    "GENE_FACTS",
    "GENE_WORDS",
    "LABEL_WORDS",
    "NAME_WORDS",
    "free_name",
    "may_be_gene",
    "plain_word",
]


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
# Words for labels that are genes as well, where they are written like those: Stim of the fly.
_LABEL_GENES = _words("stim")
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


def may_be_gene(name: str | bytes) -> bool:
    """Whether a word for labels is written as a gene may be: one word with a capital.

    Examples
    --------
    >>> may_be_gene("Stim"), may_be_gene("stim"), may_be_gene("cluster_id")
    (True, False, False)
    """
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return text.lower() in _LABEL_GENES and text != text.lower()


def free_name(name: str, taken: Container[str]) -> str:
    """Name with a number behind it where it is taken.

    Examples
    --------
    >>> free_name("donor", {"donor", "donor 2"})
    'donor 3'
    """
    new, n = name, 1
    while new in taken:
        n += 1
        new = f"{name} {n}"
    return new
