"""What the registry knows about a sampler, and what the files of the samplers fill in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from core.config import TrainingConfig
from core.text import SAMPLER_LABELS

__all__ = ["SamplerRow", "Seed"]

Seed = int | np.random.Generator


def _check_nothing(config: TrainingConfig, n_train_rare: int) -> None:
    """Accept every setting and every number of rare cells."""


@dataclass(frozen=True)
class SamplerRow:
    """One sampler of the registry.

    Parameters
    ----------
    name : str
        How configurations and files call it.
    complexity : int
        Rank from simple to elaborate; between methods that score alike the simpler one wins.
    make : callable
        Takes a training configuration and a seed; returns a new sampler, or ``None`` when the
        training cells are to be used as they are.
    check : callable
        Takes a training configuration and the number of rare cells in the smallest training part;
        raises :class:`core.ParameterError` when the sampler would refuse them.
    weighs : bool
        Whether the classifier weighs the classes instead: then ``make`` returns ``None``.

    Attributes
    ----------
    label, short : str
        How the screen calls it in a list, and in front of a classifier's name.
    """

    name: str
    complexity: int
    make: Callable[[TrainingConfig, Seed], BaseOverSampler | None]
    check: Callable[[TrainingConfig, int], None] = _check_nothing
    weighs: bool = False

    @property
    def label(self) -> str:
        """Name in a list to choose from: "LoRAS (PCA neighbours)"."""
        return SAMPLER_LABELS[self.name][0]

    @property
    def short(self) -> str:
        """Name in front of a classifier: "LoRAS (PCA)"."""
        return SAMPLER_LABELS[self.name][1]
