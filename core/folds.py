"""The plan of a cross-validation: how many folds a number of rare cells allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.config import TrainingConfig

__all__ = ["FoldPlan", "plan_folds"]


@dataclass(frozen=True)
class FoldPlan:
    """Which cross-validation a number of rare cells allows.

    Parameters
    ----------
    scheme : {"k-fold", "leave-one-rare-cell-out", "none"}
        ``"none"``: too few rare cells for any score.
    n_splits, n_repeats : int
        Folds and repeats; 0 for ``"none"``.
    n_rare : int
        Rare cells in all.
    reason : str
        One sentence for the user; empty when the settings were kept.
    """

    scheme: Literal["k-fold", "leave-one-rare-cell-out", "none"]
    n_splits: int
    n_repeats: int
    n_rare: int
    reason: str

    @property
    def n_folds(self) -> int:
        """Folds over all repeats."""
        return self.n_splits * self.n_repeats


def plan_folds(n_rare: int, n_other: int, config: TrainingConfig) -> FoldPlan:
    """Decide folds and repeats for a number of rare cells.

    Parameters
    ----------
    n_rare, n_other : int
        Labelled cells of the rare type and of all others.
    config : TrainingConfig
        Wished ``n_splits`` and ``n_repeats``.

    Returns
    -------
    FoldPlan
        k-fold from 10 rare cells on, with never more folds than cells of either class; 5 to 9:
        each fold leaves out exactly one rare cell; 2 to 4: no scores.
    """
    smallest = min(n_rare, n_other)
    if smallest < 5:
        which = "rare cells" if n_rare <= n_other else "other cells"
        reason = (
            f"There are only {smallest} {which}: a model can be trained, but a score from so few "
            "would be a matter of luck, so none is shown. From 5 cells on there are scores."
        )
        return FoldPlan("none", 0, 0, n_rare, reason)
    if n_rare < 10 and n_rare <= n_other:
        reason = (
            f"With {n_rare} rare cells every fold leaves out one rare cell ({n_rare} folds), "
            "and the intervals are wide."
        )
        return FoldPlan("leave-one-rare-cell-out", n_rare, config.n_repeats, n_rare, reason)
    n_splits = min(config.n_splits, smallest)
    reason = f"{n_splits} folds: there cannot be more folds than cells of a type."
    return FoldPlan(
        "k-fold", n_splits, config.n_repeats, n_rare, reason if n_splits < config.n_splits else ""
    )
