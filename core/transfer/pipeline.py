"""From a model and a query to scores and a threshold that hold there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.data import Dataset
from core.embedding import principal_components
from core.model import RareCellModel
from core.transfer.adapting import learn_in_query, split_threshold
from core.transfer.comparable import Comparable, make_comparable
from core.transfer.graph import neighbour_graph
from core.transfer.label_shift import ShareEstimate, estimate_share
from core.transfer.refine import refine_scores
from core.transfer.space import query_space
from core.transfer.verdict import GroupVerdict, judge_group
from core.transfer.views import fit_on, probability, score_views, scoring_method
from core.transfer.votes import cluster_cells
from core.transfer_config import TransferConfig

__all__ = ["FEWEST_CELLS", "Transfer", "transfer_scores"]

Scores = npt.NDArray[np.float64]

# Of even odds; and the share of a query's cells that may reach them by the reference's scale before
# the query's own mean and spread are those of the rare type.
EVEN = 0.5
MOST_RARE = 0.3
_ENRICHED = (
    "as so much of the query looks like the rare type, its cells were called by the reference's "
    "scale and even odds alone"
)
_BY = {"calls": "as most of its cells", "probabilities": "by the sum of their probabilities"}
# Of fewer cells a query has no means, no spread and no neighbourhoods worth the name.
FEWEST_CELLS = 50


@dataclass(frozen=True, eq=False)
class Transfer:
    """Scores of a query's cells, step by step, and where they divide.

    Parameters
    ----------
    views : dict of str to array of shape (n_cells,)
        Log odds by the model's method, for the query standardised by the ``"reference"`` and by
        the ``"query"``; ``"learned"``, log odds learned from the query's own calls, where it was.
    before : array of shape (n_cells,)
        Scores of the model, 0–1: the mean log odds of its views, as if rare and other cells were
        equally frequent.
    refined : array of shape (n_cells,)
        These, refined over the query's neighbour graph, 0–1.
    scores : array of shape (n_cells,)
        Final scores, 0–1: with what the query has taught, refined again.
    threshold : float
        From which final score on a cell is called.
    verdict : GroupVerdict
        Whether the called cells are the rare type.
    shift : ShareEstimate
        Share of the rare type among the query's cells by label shift, from the scores before the
        graph: right only if these are calibrated in the query.
    cells : Comparable
        Reference and query on common scales.
    graph : sparse matrix of shape (n_cells, n_cells)
        Neighbour graph of the query.
    steps : tuple of str
        What was done, in words.
    config : TransferConfig
        How.
    """

    views: dict[str, Scores]
    before: Scores
    refined: Scores
    scores: Scores
    threshold: float
    verdict: GroupVerdict
    shift: ShareEstimate
    cells: Comparable
    graph: sparse.csr_matrix
    steps: tuple[str, ...]
    config: TransferConfig

    @cached_property
    def clusters(self) -> npt.NDArray[np.intp]:
        """Cluster of each cell of the query, by Leiden on its graph, the largest first."""
        return cluster_cells(self.graph, seed=self.config.seed)


def transfer_scores(model: RareCellModel, dataset: Dataset, config: TransferConfig) -> Transfer:
    """Score a query by a model so that the scores hold in it; its labels have no part in that.

    Parameters
    ----------
    model : RareCellModel
        Of which the query has at least half of the genes.
    dataset : Dataset
        Query of at least 50 cells.
    config : TransferConfig
        Which steps are taken.

    Returns
    -------
    Transfer
    """
    cells = make_comparable(model, dataset, config)
    steps = list(cells.steps)
    if str(scoring_method(model, config)) != model.method:
        steps.append("scores are those of class-weighted logistic regression on the same reference")
    views = score_views(fit_on(model, cells, config), cells, config)
    if is_enriched := _is_enriched(views):
        views = {"reference": views["reference"]}
        steps.append(_ENRICHED)
    odds = np.mean(list(views.values()), axis=0)
    before = probability(odds)
    space = query_space(principal_components(dataset), cells.own, n_components=config.n_components)
    graph = neighbour_graph(space, n_neighbors=config.n_neighbors, seed=config.seed)

    def smooth(scores: Scores) -> Scores:
        if not config.refine:
            return scores
        return refine_scores(graph, scores, smoothness=config.smoothness)

    def divide(scores: Scores) -> float:
        return model.threshold if config.threshold == "model" else split_threshold(scores)

    refined = scores = smooth(before)
    if config.refine:
        steps.append("scores were refined over the graph of the query's neighbours")
    threshold = first = EVEN if is_enriched else divide(refined)
    shift, learned = estimate_share(before, trained_share=0.5), None
    if config.threshold == "shift":
        scores, threshold = smooth(shift.probabilities), EVEN
        steps.append("scores were adjusted to the share of rare cells that fits them best")
    elif config.adapt and not is_enriched:
        learned = _learn(cells, refined, config)
        if learned is not None:
            scores = smooth(probability((odds + learned) / 2))
            threshold = divide(scores)
    verdict = judge_group(model, cells, scores >= threshold, refined, by_reference=is_enriched)
    if learned is not None and verdict.is_present:
        views = views | {"learned": learned}
        steps.append("half of the final score was learned from the query's own calls")
    elif learned is not None:
        scores, threshold = refined, first
        steps.append("nothing was kept of what the query's own calls taught: they are not the type")
    if config.votes != "none":
        steps.append(f"each cluster of the query was called as a whole, {_BY[config.votes]}")
    return Transfer(
        views=views,
        before=before,
        refined=refined,
        scores=scores,
        threshold=float(threshold),
        verdict=verdict,
        shift=shift,
        cells=cells,
        graph=graph,
        steps=tuple(steps),
        config=config,
    )


def _learn(cells: Comparable, refined: Scores, config: TransferConfig) -> Scores | None:
    """Log odds learned from the cells above and clearly below where the refined scores divide."""
    split = split_threshold(refined)
    return learn_in_query(cells.own, refined >= split, refined < split / 2, seed=config.seed)


def _is_enriched(views: dict[str, Scores]) -> bool:
    """Whether so many cells are rare that a query cannot be held against its own mean."""
    by_reference = views.get("reference")
    return by_reference is not None and float((by_reference >= 0).mean()) >= MOST_RARE
