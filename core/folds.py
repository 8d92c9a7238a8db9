"""The plan of a cross-validation: how many folds a number of rare cells allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.config import TrainingConfig
from core.errors import ParameterError

__all__ = ["FoldPlan", "plan_folds"]


@dataclass(frozen=True)
class FoldPlan:
    """Which cross-validation a number of rare cells allows.

    Parameters
    ----------
    scheme : {"k-fold", "leave-one-rare-cell-out", "leave-one-sample-out", "none"}
        ``"none"``: too few rare cells for any score.
    n_splits, n_repeats : int
        Folds and repeats; 0 for ``"none"``.
    n_rare : int
        Rare cells in all.
    reason : str
        One sentence for the user; empty when the settings were kept.
    samples : tuple of str
        Which sample each fold leaves out; empty for the other schemes.
    most_tested : int
        Most rare cells in the test part of a fold.
    """

    scheme: Literal["k-fold", "leave-one-rare-cell-out", "leave-one-sample-out", "none"]
    n_splits: int
    n_repeats: int
    n_rare: int
    reason: str
    samples: tuple[str, ...] = ()
    most_tested: int = 0

    @property
    def n_folds(self) -> int:
        """Folds over all repeats."""
        return self.n_splits * self.n_repeats


def plan_folds(
    n_rare: int,
    n_other: int,
    config: TrainingConfig,
    *,
    per_sample: Mapping[str, tuple[int, int]] | None = None,
) -> FoldPlan:
    """Decide folds and repeats for a number of rare cells.

    Parameters
    ----------
    n_rare, n_other : int
        Labelled cells of the rare type and of all others.
    config : TrainingConfig
        Wished ``n_splits`` and ``n_repeats``, or the column of samples.
    per_sample : mapping of str to (int, int) or None
        Rare and other cells of every sample; needed when ``config.sample`` is set.

    Returns
    -------
    FoldPlan
        k-fold from 10 rare cells on, with never more folds than cells of either class; 5 to 9:
        each fold leaves out exactly one rare cell; 2 to 4: no scores. With samples, each fold
        leaves out one of them, whatever the number of rare cells in it.

    Raises
    ------
    ParameterError
        ``E-SAMPLES-FEW`` when some sample holds all or all but one of the rare (or other) cells:
        whatever is trained without it would have none to learn from.
    """
    smallest = min(n_rare, n_other)
    if smallest < 5:
        which = "rare cells" if n_rare <= n_other else "other cells"
        reason = (
            f"There are only {smallest} {which}: a model can be trained, but a score from so few "
            "would be a matter of luck, so none is shown. From 5 cells on there are scores."
        )
        return FoldPlan("none", 0, 0, n_rare, reason)
    if config.sample is not None:
        return _leave_samples_out((n_rare, n_other), config.sample, per_sample or {})
    if n_rare < 10 and n_rare <= n_other:
        reason = (
            f"With {n_rare} rare cells every fold leaves out one rare cell ({n_rare} folds), "
            "and the intervals are wide."
        )
        scheme = "leave-one-rare-cell-out"
        return FoldPlan(scheme, n_rare, config.n_repeats, n_rare, reason, most_tested=1)
    n_splits = min(config.n_splits, smallest)
    reason = f"{n_splits} folds: there cannot be more folds than cells of a type."
    if n_splits == config.n_splits:
        reason = ""
    most = -(-n_rare // n_splits)
    return FoldPlan("k-fold", n_splits, config.n_repeats, n_rare, reason, most_tested=most)


def _leave_samples_out(
    totals: tuple[int, int], column: str, per_sample: Mapping[str, tuple[int, int]]
) -> FoldPlan:
    samples, with_rare = tuple(per_sample), sum(n > 0 for n, _ in per_sample.values())
    most = [max((counts[which] for counts in per_sample.values()), default=0) for which in (0, 1)]
    for which, kind in enumerate(("rare", "other")):
        if totals[which] - most[which] < 2:
            fullest = next((n for n, c in per_sample.items() if c[which] == most[which]), "")
            raise ParameterError(
                f"`sample` must be a column whose samples share the {kind} cells, so that 2 or "
                f"more are left to learn from. In {column!r}, {most[which]:,} of "
                f"{totals[which]:,} {kind} cells are in {fullest!r}.",
                code="E-SAMPLES-FEW",
                next_step="Choose another column, or folds of cells instead of samples.",
            )
    reason = (
        f"Every fold leaves out one sample of {column!r}: {len(samples)} folds, "
        f"{with_rare} of them with rare cells."
    )
    scheme = "leave-one-sample-out"
    return FoldPlan(
        scheme, len(samples), 1, totals[0], reason, samples=samples, most_tested=most[0]
    )
