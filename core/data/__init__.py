"""From a file to a :class:`Dataset`: recognise, check, normalise, keep.

The road of a file, one module or folder a station::

    source → formats → reading/ → checking/, checks → canonical → dataset
    (which   (what it  (one per   (what is odd,      (written    (opened
    files)   is)       kind)      repaired, asked)   once)       again)

``choices`` carries questions and answers along it, ``report`` what was found. ``gene_*`` know names
of genes, ``labels`` and ``column_names`` those of columns, ``scale`` what the values are.
"""

from core.data.dataset import Dataset, load_dataset
from core.data.demo import DEMO_MARKERS, DEMO_TASK, demo_query, demo_reference, find_demo
from core.data.genes import GeneMatch, match_genes, parse_gene_list
from core.data.labels import LabelColumn, RareLabels
from core.data.report import FileReport
from core.data.store import check_file, open_dataset

__all__ = [
    "DEMO_MARKERS",
    "DEMO_TASK",
    "Dataset",
    "FileReport",
    "GeneMatch",
    "LabelColumn",
    "RareLabels",
    "check_file",
    "demo_query",
    "demo_reference",
    "find_demo",
    "load_dataset",
    "match_genes",
    "open_dataset",
    "parse_gene_list",
]
