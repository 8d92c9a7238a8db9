"""Which settings go on and which one wins, by all folds and with each fold left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.search.plan import SearchPlan
from core.search.result import SettingResult

__all__ = ["Field", "rank", "survivors"]

# Sums in another order differ in their last digits, and must not decide.
DIGITS = 12


@dataclass(frozen=True)
class Field:
    """The settings that are still in the race for a rung.

    Parameters
    ----------
    main : tuple of int
        By the scores of all folds.
    outer : tuple of tuples of int
        For each fold as outer test fold: by the inner scores without it.
    """

    main: tuple[int, ...]
    outer: tuple[tuple[int, ...], ...]

    @property
    def tried(self) -> list[int]:
        """All of them, in the order of the list."""
        return sorted(set(self.main).union(*self.outer))


def survivors(plan: SearchPlan, results: Sequence[SettingResult], rung: int) -> Field:
    """Find who is in a rung: in the first one all, in each later one the best third of the last.

    Parameters
    ----------
    plan : SearchPlan
        The search.
    results : sequence of SettingResult
        All results of the rungs before.
    rung : int
        From 0.

    Notes
    -----
    Every outer fold has a race of its own, run by its inner scores alone. A setting that is tried
    because another race needs it has no part in this one.
    """
    everyone = tuple(range(len(plan.settings)))
    field = Field(everyone, (everyone,) * plan.n_splits)
    for before in range(rung):
        field = _go_on(plan, field, {r.index: r for r in results if r.rung == before})
    return field


def _go_on(plan: SearchPlan, field: Field, there: Mapping[int, SettingResult]) -> Field:
    outer = (
        _best_third(plan, racing, lambda index, fold=fold: there[index].inner_score[fold])
        for fold, racing in enumerate(field.outer)
    )
    return Field(_best_third(plan, field.main, lambda index: there[index].score), tuple(outer))


def rank(plan: SearchPlan, indices: Sequence[int], score: Callable[[int], float]) -> list[int]:
    """Put settings in order, the best first; among equal scores the simplest, see the search."""
    return sorted(
        indices,
        key=lambda index: (-round(score(index), DIGITS), plan.settings[index].preference),
    )


def _best_third(
    plan: SearchPlan, racing: Sequence[int], score: Callable[[int], float]
) -> tuple[int, ...]:
    return tuple(rank(plan, racing, score)[: math.ceil(len(racing) / 3)])
