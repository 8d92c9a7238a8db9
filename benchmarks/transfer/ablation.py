"""What each step of carrying calls over is worth: all tasks anew, with one step changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import core
from benchmarks.transfer.outcomes import Outcome, by_method, mean_of
from benchmarks.transfer.recipes import METHOD, Recipe, carried, run_recipes
from benchmarks.transfer.tables import QUALITY, row_of_means, table
from benchmarks.transfer.tasks import Case

__all__ = ["ablation_table", "run_ablation", "steps"]


def steps() -> dict[str, core.TransferConfig]:
    """Settings by the words for the table; the first are the defaults."""
    everything = core.TransferConfig()
    changes: dict[str, dict[str, Any]] = {
        "everything": {},
        "without markers of the other types": {"context": False},
        "genes standardised by the reference alone": {"standardise": "reference"},
        "genes standardised by the query alone": {"standardise": "query"},
        "without thinning to equal depth": {"match_depth": False},
        "without the query's graph": {"refine": False},
        "without learning from the query": {"adapt": False},
        "without graph and learning": {"refine": False, "adapt": False},
        "threshold after label shift": {"threshold": "shift"},
        "the model's own threshold": {"threshold": "model"},
        "ranks within each cell": {"features": "ranks"},
        "directions (cosine)": {"features": "cosine"},
        "aligned by Harmony": {"harmony": True},
        "clusters called by most calls": {"votes": "calls"},
        "clusters called by probability": {"votes": "probabilities"},
        "smoothness 1": {"smoothness": 1.0},
        "smoothness 16": {"smoothness": 16.0},
        "class-weighted lr in any case": {"scorer": "lr"},
    }
    return {words: replace(everything, **change) for words, change in changes.items()}


def run_ablation(cases: Iterable[Case]) -> list[Outcome]:
    """Run every setting on every case, with the same models."""
    recipes = [
        Recipe(words, METHOD, core.TrainingConfig(), carried(transfer=transfer))
        for words, transfer in steps().items()
    ]
    return list(run_recipes(cases, recipes, anew=False))


def ablation_table(outcomes: Iterable[Outcome]) -> str:
    """A row per setting: means and the lowest F1 of the full queries; false calls of the others."""
    rows = []
    for words, group in by_method(outcomes).items():
        full = [outcome for outcome in group if not outcome.case.is_absent]
        absent = [outcome for outcome in group if outcome.case.is_absent]
        rows.append(
            [
                words,
                *row_of_means(full),
                f"{min(outcome.f1 for outcome in full):.2f}",
                f"{mean_of(absent, lambda o: o.per_thousand):.1f}",
                f"{max(outcome.per_thousand for outcome in absent):.1f}",
            ]
        )
    names = ("setting", *QUALITY, "lowest F1", "type absent: calls per 1,000", "most")
    return table(names, rows)
