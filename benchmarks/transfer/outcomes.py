"""What a method made of a case, and how good that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import mean

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from benchmarks.transfer.tasks import Case

__all__ = ["Outcome", "by_method", "mean_of"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Calls of one method on one case.

    Parameters
    ----------
    case : Case
        The cells.
    method : str
        Name for the tables.
    called : bool array of shape (n_cells,)
        Which cells the method takes for the rare type.
    scores : array of shape (n_cells,)
        The higher, the more like the rare type; only their order counts.
    training, calling : float
        Seconds of training, and from a trained model and a loaded query to the calls.
    """

    case: Case
    method: str
    called: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    training: float
    calling: float

    @property
    def n_found(self) -> int:
        """Rare cells that were called."""
        return int((self.called & self.case.is_rare).sum())

    @property
    def n_false(self) -> int:
        """Other cells that were called."""
        return int((self.called & ~self.case.is_rare).sum())

    @property
    def precision(self) -> float:
        """Share (0–1) of the calls that are right; 0 where nothing was called."""
        return self.n_found / max(int(self.called.sum()), 1)

    @property
    def recall(self) -> float:
        """Share (0–1) of the rare cells that were called."""
        return self.n_found / int(self.case.is_rare.sum())

    @property
    def f1(self) -> float:
        """Harmonic mean (0–1) of precision and recall."""
        return 2 * self.n_found / int(self.called.sum() + self.case.is_rare.sum())

    @property
    def average_precision(self) -> float:
        """How well the scores rank the rare cells first, 0–1, whatever the threshold."""
        return float(average_precision_score(self.case.is_rare, self.scores))

    @property
    def per_thousand(self) -> float:
        """False calls per 1,000 cells of the query."""
        return 1000 * self.n_false / len(self.called)


def by_method(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes of each method, methods and tasks in the order in which they came."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.method, []).append(outcome)
    return groups


def mean_of(outcomes: Iterable[Outcome], figure: Callable[[Outcome], float]) -> float:
    """Mean of a figure over tasks, each of which counts the same."""
    return mean(figure(outcome) for outcome in outcomes)
