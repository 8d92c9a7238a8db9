"""Needle's own ways to call: the published recipe, class weights, and its default."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from benchmarks.transfer.outcomes import Outcome
from benchmarks.transfer.tasks import Case, Transfer, open_reference
from core.data import Dataset

__all__ = ["METHOD", "RECIPES", "Recipe", "carried", "run_recipes"]

# What Needle trains by default: the method that its cross-validation recommends.
METHOD = None
# The recipe of the sc-SynO paper: markers of the rare type alone, decision at 0.5.
PUBLISHED = core.TrainingConfig(markers=50, marker_test="wilcoxon", goal="fixed")
DECISION = 0.5

Calls = tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Recipe:
    """How to train and how to call.

    Parameters
    ----------
    name : str
        For the tables.
    method : str or None
        As :func:`core.train` takes it.
    config : TrainingConfig
        Its settings.
    call : callable
        Takes a model and a query; gives who is called, and the scores.
    """

    name: str
    method: str | None
    config: core.TrainingConfig
    call: Callable[[core.RareCellModel, Dataset], Calls]


def at_half(model: core.RareCellModel, query: Dataset) -> Calls:
    """Call at a score of 0.5 of the model as it is."""
    scores = model.score(query)
    return scores >= DECISION, scores


def carried(**how: Any) -> Callable[[core.RareCellModel, Dataset], Calls]:
    """Call as Needle does; `how` goes to :func:`core.annotate`. Unsure cells are not called."""

    def call(model: core.RareCellModel, query: Dataset) -> Calls:
        result = core.annotate(model, query, **how)
        return (result.table["call"] == result.rare).to_numpy(), result.table["score"].to_numpy()

    return call


RECIPES = (
    Recipe("published recipe (LoRAS + lr, 0.5)", "loras+lr", PUBLISHED, at_half),
    Recipe("class-weighted lr, 0.5", "weights+lr", PUBLISHED, at_half),
    Recipe("Needle's default", METHOD, core.TrainingConfig(), carried()),
)


@cache
def trained(
    transfer: Transfer, method: str | None, config: core.TrainingConfig
) -> tuple[core.RareCellModel, float]:
    """Train on the reference of a task; the model, and its seconds."""
    reference = open_reference(transfer.reference)
    started = time.perf_counter()
    model = core.train(reference, transfer.task, config, method=method)
    return model, time.perf_counter() - started


def run_recipes(
    cases: Iterable[Case], recipes: Iterable[Recipe] = RECIPES, *, anew: bool = True
) -> Iterator[Outcome]:
    """Run every recipe on every case.

    Before its first case a recipe is trained and run once without a clock, on the reference, so
    that no import counts; `anew`: what was trained for that, or for another recipe, is trained
    again.
    """
    cases = list(cases)
    for recipe in recipes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recipe.call(run_training(cases[0], recipe)[0], cases[0].reference)
            if anew:
                trained.cache_clear()
            yield from (run_recipe(case, recipe) for case in cases)


def run_training(case: Case, recipe: Recipe) -> tuple[core.RareCellModel, float]:
    """Train what a recipe needs for a case."""
    return trained(case.transfer, recipe.method, recipe.config)


def run_recipe(case: Case, recipe: Recipe) -> Outcome:
    """Run one recipe on one case."""
    model, training = run_training(case, recipe)
    started = time.perf_counter()
    called, scores = recipe.call(model, case.query)
    return Outcome(case, recipe.name, called, scores, training, time.perf_counter() - started)
