"""How calls are carried over to another lab's data: each step a named setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.config_checks import require, require_number, require_whole

__all__ = ["FEATURES", "SCORERS", "STANDARDS", "THRESHOLDS", "VOTES", "TransferConfig"]

SCORERS = ("auto", "model", "lr")
FEATURES = ("expression", "ranks", "cosine")
STANDARDS = ("both", "reference", "query")
THRESHOLDS = ("query", "shift", "model")
VOTES = ("none", "calls", "probabilities")
_SWITCHES = ("context", "harmony", "refine", "adapt")


@dataclass(frozen=True)
class TransferConfig:
    """Steps between a model and its calls in another dataset; each can be switched off.

    Parameters
    ----------
    scorer : {"auto", "model", "lr"}
        Which method gives the first scores: the model's own; class-weighted logistic regression on
        the model's reference cells; or the model's own where its classifier's scores carry over to
        other studies, and else the latter.
    context : bool
        Score on the markers of the reference's other types, too, which tell lookalikes apart.
    features : {"expression", "ranks", "cosine"}
        What is compared: log1p of counts per 10,000; its ranks within each cell; or its
        direction (each cell centred and of unit length).
    standardise : {"both", "reference", "query"}
        By whose mean and standard deviation the query's genes are standardised: the reference's,
        the query's own, or the mean log odds of both views.
    match_depth : bool or None
        Whether the deeper of both datasets is thinned to the other's counts per cell. ``None``:
        when the medians differ by a factor of 10 or more, and both are known.
    harmony : bool
        Whether both datasets are aligned by Harmony in the space of the genes' principal
        components, in the place of the query's own standardisation.
    refine : bool
        Refine scores over the query's neighbour graph (:func:`core.transfer.refine_scores`).
    n_neighbors : int
        Neighbours of each cell in that graph, 2 to 100.
    smoothness : float
        Weight of the graph against the model's scores, 0 to 100.
    adapt : bool
        Learn once more from the query's own confident calls.
    threshold : {"query", "shift", "model"}
        Where the refined scores of the query fall apart; even odds after the scores were adjusted
        to the query's share of rare cells (:func:`core.transfer.estimate_share`), without learning
        from the query; or the model's own threshold.
    votes : {"none", "calls", "probabilities"}
        Whether each cluster of the query is called as a whole: as most of its cells are, or by
        the highest sum of their probabilities.
    n_components : int
        Principal components of the query that its graph is made from, 2 to 30.
    seed : int
        Of oversampling, folds and thinning.
    """

    scorer: Literal["auto", "model", "lr"] = "auto"
    context: bool = True
    features: Literal["expression", "ranks", "cosine"] = "expression"
    standardise: Literal["both", "reference", "query"] = "both"
    match_depth: bool | None = None
    harmony: bool = False
    refine: bool = True
    n_neighbors: int = 15
    smoothness: float = 4.0
    adapt: bool = True
    threshold: Literal["query", "shift", "model"] = "query"
    votes: Literal["none", "calls", "probabilities"] = "none"
    n_components: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        for name, words in (
            ("scorer", SCORERS),
            ("features", FEATURES),
            ("standardise", STANDARDS),
            ("threshold", THRESHOLDS),
            ("votes", VOTES),
        ):
            got = getattr(self, name)
            require(got in words, name, "one of " + ", ".join(words), got)
        for name in _SWITCHES:
            got = getattr(self, name)
            require(isinstance(got, bool), name, "true or false", got)
        is_choice = self.match_depth is None or isinstance(self.match_depth, bool)
        require(is_choice, "match_depth", "true, false or None", self.match_depth)
        require_whole(self, "n_neighbors", 2, 100)
        require_whole(self, "n_components", 2, 30)
        require_number(self, "smoothness", 0, 100)
        require_whole(self, "seed", 0, 2**32 - 1)
