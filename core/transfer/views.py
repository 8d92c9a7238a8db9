"""First scores of a query's cells, by a method fitted on the genes that both datasets have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from core.classifiers import CLASSIFIERS
from core.config import Method
from core.fitting import TrainingCells, fit_classifier, oversample, rare_scores
from core.model import RareCellModel
from core.transfer.comparable import Comparable
from core.transfer_config import TransferConfig

__all__ = [
    "LEAST",
    "Fitted",
    "even_at",
    "fit_on",
    "log_odds",
    "probability",
    "score_views",
    "scoring_method",
]

Scores = npt.NDArray[np.float64]

# Scores are held between this and 1 less this, as a few trees or neighbours that agree are no
# certainty, and log odds of 0 are endless.
LEAST = 1e-3
_ALMOST_CERTAIN = 1e-9
_FALLBACK = Method("weights", "lr")


def log_odds(probabilities: Scores, *, least: float = LEAST) -> Scores:
    """Logarithm of p / (1 − p), of probabilities held between `least` and 1 − `least`."""
    held = np.clip(probabilities, least, 1 - least)
    return np.log(held) - np.log1p(-held)


def probability(odds: Scores) -> Scores:
    """Probability (0–1) of log odds."""
    return 1 / (1 + np.exp(-odds))


def even_at(scores: Scores, threshold: float) -> Scores:
    """Scores with their log odds moved so that 0.5 is the threshold."""
    return probability(log_odds(scores) - log_odds(np.array([threshold])))


@dataclass(frozen=True, eq=False)
class Fitted:
    """The scoring method, fitted on the genes that both datasets have.

    Parameters
    ----------
    classifier : sklearn.base.ClassifierMixin
        For standardised genes.
    trained_share : float
        Share of rare cells (0–1) it was fitted with, synthetic ones and weights included.
    """

    classifier: ClassifierMixin
    trained_share: float

    def log_odds(self, values: npt.NDArray[np.float32]) -> Scores:
        """Log odds of the rare type for cells of standardised genes, (n_cells, n_genes).

        As if rare and other cells were equally frequent, so that methods which do and do not
        oversample give scores on one scale, and the share in the reference has no part in calls.
        """
        odds = log_odds(rare_scores(self.classifier, values), least=_ALMOST_CERTAIN)
        even = odds - log_odds(np.array([self.trained_share]), least=_ALMOST_CERTAIN)
        most = -log_odds(np.array([LEAST]))[0]
        return np.clip(even, -most, most)


def scoring_method(model: RareCellModel, config: TransferConfig) -> Method:
    """Which method gives the first scores; see :class:`core.TransferConfig`."""
    own = Method.parse(model.method)
    holds = CLASSIFIERS[own.classifier].carries_over
    return own if config.scorer == "model" or (config.scorer == "auto" and holds) else _FALLBACK


def fit_on(model: RareCellModel, cells: Comparable, config: TransferConfig) -> Fitted:
    """Fit the scoring method anew on the reference's cells; the query has no part in that."""
    method = scoring_method(model, config)
    training = TrainingCells(cells.reference, model.training_is_rare, 0)
    enlarged = oversample(training, method.sampler, model.config, seed=config.seed)
    fitted = fit_classifier(enlarged, method.classifier, model.config, seed=config.seed)
    return Fitted(fitted, enlarged.rare_share)


def score_views(fitted: Fitted, cells: Comparable, config: TransferConfig) -> dict[str, Scores]:
    """Log odds of the rare type, once per way to standardise the query.

    Returns
    -------
    dict of str to array of shape (n_query_cells,)
        ``"reference"`` and ``"query"``, or one of them.
    """
    views = {"reference": cells.by_reference, "query": cells.by_query}
    wanted = views if config.standardise == "both" else [config.standardise]
    return {name: fitted.log_odds(views[name]) for name in wanted}
