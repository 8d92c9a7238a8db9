"""From a file to a :class:`Dataset`: recognise, check, normalise, keep."""

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
