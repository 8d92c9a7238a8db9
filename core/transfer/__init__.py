"""Calls that hold in another lab's data.

A model's ranking of a query's cells is mostly right, and its decisions mostly wrong: other
chemistry, other depth and another mix of types move all scores. Here reference and query are made
comparable (:mod:`~core.transfer.comparable`), scored (:mod:`~core.transfer.views`), scores are
refined over the query's own neighbour graph (:mod:`~core.transfer.space`,
:mod:`~core.transfer.graph`, :mod:`~core.transfer.refine`), the query's own calls are learned from
and divided (:mod:`~core.transfer.adapting`), and the called group is judged
(:mod:`~core.transfer.verdict`). The query's labels have no part in any of it.
"""

from core.transfer.adapting import learn_in_query, split_threshold
from core.transfer.comparable import Comparable, compare_genes, make_comparable, thin
from core.transfer.evidence import CellEvidence, explain_cell, nearest_reference
from core.transfer.frequency import CalledShare, called_share, counted_share
from core.transfer.graph import neighbour_graph
from core.transfer.label_shift import ShareEstimate, estimate_share
from core.transfer.naming import cluster_votes, vote
from core.transfer.pipeline import FEWEST_CELLS, Transfer, transfer_scores
from core.transfer.placing import place_in_reference, reference_rows
from core.transfer.refine import refine_scores
from core.transfer.verdict import GroupVerdict, judge_group
from core.transfer.votes import cluster_cells, highest_probability, most_frequent

__all__ = [
    "FEWEST_CELLS",
    "CalledShare",
    "CellEvidence",
    "Comparable",
    "GroupVerdict",
    "ShareEstimate",
    "Transfer",
    "called_share",
    "cluster_cells",
    "cluster_votes",
    "compare_genes",
    "counted_share",
    "estimate_share",
    "explain_cell",
    "highest_probability",
    "judge_group",
    "learn_in_query",
    "make_comparable",
    "most_frequent",
    "nearest_reference",
    "neighbour_graph",
    "place_in_reference",
    "reference_rows",
    "refine_scores",
    "split_threshold",
    "thin",
    "transfer_scores",
    "vote",
]
