"""What the name of a column says of it: cell types, samples, or a measure of each cell."""

from __future__ import annotations

import re

__all__ = ["label_rank", "names_measure", "names_sample"]

# What a biologist calls cell types, the surest first.
_LABELS = (
    r"cell[ _.-]?types?",
    r"cell[ _.-]?(class|identity|ontology|label|name_?anno)",
    r"label",
    r"annot",
    r"cluster",
    r"louvain",
    r"leiden",
    r"(^|[^a-z])(active[ _.-]?)?ident(ity)?s?$",
    r"(^|[^a-z])(type|subtype|subclass|class|lineage|population)s?([^a-z]|$)",
)
# Up to "leiden" the name of a sample does not make another thing of it: "sample_clusters".
_LAST_SURE = 6
_SAMPLES = re.compile(
    r"(^|[^a-z])(batch|sample|donor|patient|individual|subject|librar(y|ies)|orig[ _.-]?ident"
    r"|channel|stim|replicate|lane|plate|chip|pool|run|chemistry|assay|platform|technology"
    r"|stud(y|ies)|dataset|experiment|condition|treatment|disease|tissue|sex|gender|age|mouse"
    r"|sampleid|donorid|patientid|batchid|sample_?name)s?([^a-z]|$)"
)
_MEASURES = re.compile(
    r"(^|[^a-z])(n[ _.-]?(counts?|genes?|umis?|cells?|features?)|total|sum|pct|percent|percentage"
    r"|score|log1?p?|size[ _.-]?factors?|mito|ribo|mt|doublet[ _.-]?scores?|pseudotime|dpt"
    r"|ncount|nfeature|numi|ngene|umis?|reads?|detected|subsets)([^a-z]|$)"
)


def label_rank(name: str) -> int:
    """Place of a column among likely cell types, 0 first.

    Returns
    -------
    int
        ``9`` for a name that says nothing of types.

    Examples
    --------
    >>> label_rank("Cell_Type_final"), label_rank("leiden_r1"), label_rank("phase")
    (0, 6, 9)
    """
    name = name.lower()
    found = (rank for rank, words in enumerate(_LABELS) if re.search(words, name))
    return next(found, len(_LABELS))


def names_sample(name: str) -> bool:
    """Whether a column seems to say which sample, donor, batch or condition a cell is of.

    Examples
    --------
    >>> names_sample("orig.ident"), names_sample("sample_clusters"), names_sample("leiden")
    (True, False, False)
    """
    rest, n = _SAMPLES.subn("", name.lower())
    return n > 0 and label_rank(rest) > _LAST_SURE


def names_measure(name: str) -> bool:
    """Whether a column seems to hold a measure of each cell, such as its number of genes.

    Examples
    --------
    >>> names_measure("n_counts"), names_measure("nFeature_RNA"), names_measure("leiden")
    (True, True, False)
    """
    return bool(_MEASURES.search(name.lower()))
