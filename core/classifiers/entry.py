"""One row of the table of classifiers, and what the files of the rows share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from core.config import TrainingConfig

__all__ = ["ClassifierEntry", "require_numbers"]

Build = Callable[[TrainingConfig, int, int], ClassifierMixin]

# No number of a fitted classifier comes near this, and sums of such numbers stay finite.
_LARGEST = 1e30


@dataclass(frozen=True)
class ClassifierEntry:
    """One row of the registry.

    Parameters
    ----------
    name : str
        Name in a configuration.
    label : str
        Name on the screen.
    complexity : int
        Order in which equally good classifiers are preferred, simplest first.
    build : callable
        ``(config, n_training_cells, seed) -> classifier``, not fitted.
    kinds : tuple of type
        What `build` and `build_weighted` make: the types that a model file may hold.
    check : callable
        ``(classifier, n_genes) -> None``; raises ValueError for a fitted classifier, out of a file
        that anybody may have written, which is not in a state that fitting leaves it in.
    build_weighted : callable or None
        As `build`, for cells with weights; ``None``: `build` makes one that takes weights.
    carries_over : bool
        Whether its scores have held in other studies (``benchmarks/transfer``). Those of trees and
        neighbours are counts of votes: few for a rare type, and none where all cells have moved.
    """

    name: str
    label: str
    complexity: int
    build: Build
    kinds: tuple[type, ...]
    check: Callable[[Any, int], None]
    build_weighted: Build | None = None
    carries_over: bool = False


def require_numbers(values: Any, shape: tuple[int, ...], *, least: float = -_LARGEST) -> None:
    """Raise ValueError for what is no array of floating-point numbers, or of another shape.

    Parameters
    ----------
    values : object
        What a model file holds.
    shape : tuple of int
        The shape that it must have.
    least : float
        The smallest number allowed.
    """
    if not isinstance(values, np.ndarray) or values.dtype not in (np.float32, np.float64):
        raise ValueError("no array of floating-point numbers")
    if values.shape != shape:
        raise ValueError(f"an array of shape {values.shape} instead of {shape}")
    # Written so that a value that is no number fails, too.
    if not ((values >= least) & (values <= _LARGEST)).all():
        raise ValueError("a number that no fitted classifier has")
