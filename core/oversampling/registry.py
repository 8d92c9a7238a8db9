"""The samplers a training can use, by name: one row each.

A new sampler is one more row in ``_ROWS``; the screen, the configuration and the comparison of
methods read this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from core.config import TrainingConfig
from core.errors import ParameterError
from core.oversampling.sampler import LoRAS

__all__ = ["SAMPLERS", "SamplerRow", "make_sampler", "sampler_names"]

Seed = int | np.random.Generator


@dataclass(frozen=True)
class SamplerRow:
    """One sampler of the registry.

    Parameters
    ----------
    name : str
        How configurations and files call it.
    label : str
        How the screen calls it, one line.
    complexity : int
        Rank from simple to elaborate; between methods that score alike the simpler one wins.
    make : callable
        Takes a training configuration and a seed; returns a new sampler, or ``None`` when the
        training cells are to be used as they are.
    """

    name: str
    label: str
    complexity: int
    make: Callable[[TrainingConfig, Seed], BaseOverSampler | None]


def _make_none(config: TrainingConfig, seed: Seed) -> None:
    return None


def _make_loras(config: TrainingConfig, seed: Seed) -> LoRAS:
    return LoRAS(**asdict(config.loras), random_state=seed)


_ROWS = (
    SamplerRow("none", "No oversampling", 0, _make_none),
    SamplerRow("loras", "LoRAS", 1, _make_loras),
)

SAMPLERS: Mapping[str, SamplerRow] = MappingProxyType(
    {row.name: row for row in sorted(_ROWS, key=lambda row: row.complexity)}
)
"""Name to row, the simplest sampler first."""


def sampler_names() -> tuple[str, ...]:
    """Names of all samplers, the simplest first.

    Examples
    --------
    >>> sampler_names()
    ('none', 'loras')
    """
    return tuple(SAMPLERS)


def make_sampler(name: str, config: TrainingConfig, *, seed: Seed) -> BaseOverSampler | None:
    """Build the sampler called `name`.

    Parameters
    ----------
    name : str
        One of :func:`sampler_names`.
    config : TrainingConfig
        Holds the settings of every sampler.
    seed : int or numpy.random.Generator
        Source of the sampler's randomness.

    Returns
    -------
    imblearn.over_sampling.base.BaseOverSampler or None
        A sampler that has not seen any cell; ``None`` for no oversampling.

    Raises
    ------
    ParameterError
        When there is no sampler of that name.

    Examples
    --------
    >>> make_sampler("loras", TrainingConfig(), seed=0)
    LoRAS(random_state=0)
    """
    if name not in SAMPLERS:
        known = ", ".join(SAMPLERS)
        raise ParameterError(
            f"`samplers` must be chosen from {known}. Got {name!r}.",
            code="E-SAMPLER",
            next_step="Choose one of these names.",
        )
    return SAMPLERS[name].make(config, seed)
