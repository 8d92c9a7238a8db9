"""The samplers a training can use, by name: one row each.

A new sampler is a file with its row, a line in ``_ROWS``, and what it is called in
``core.text.SAMPLER_LABELS``; the screen, the configuration and the comparison of methods read
this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imblearn.over_sampling.base import BaseOverSampler

from core.config import TrainingConfig
from core.errors import ParameterError
from core.oversampling import (
    adasyn,
    copies,
    loras_rows,
    prowras_row,
    smote,
    svm_smote,
    unsampled,
)
from core.oversampling.row import SamplerRow, Seed

__all__ = ["SAMPLERS", "SamplerRow", "check_sampler", "make_sampler", "sampler_names"]

_ROWS = (
    unsampled.NONE,
    unsampled.WEIGHTS,
    copies.RANDOM,
    smote.SMOTE,
    smote.BORDERLINE_1,
    smote.BORDERLINE_2,
    svm_smote.SVM_SMOTE,
    adasyn.ADASYN,
    loras_rows.LORAS,
    loras_rows.LORAS_PCA,
    loras_rows.LORAS_TSNE,
    prowras_row.PROWRAS,
)

SAMPLERS: Mapping[str, SamplerRow] = MappingProxyType(
    {row.name: row for row in sorted(_ROWS, key=lambda row: row.complexity)}
)
"""Name to row, the simplest sampler first."""


def sampler_names() -> tuple[str, ...]:
    """Names of all samplers, the simplest first.

    Examples
    --------
    >>> sampler_names()[:4]
    ('none', 'weights', 'random', 'smote')
    """
    return tuple(SAMPLERS)


def make_sampler(name: str, config: TrainingConfig, *, seed: Seed) -> BaseOverSampler | None:
    """Build the sampler called `name`.

    Parameters
    ----------
    name : str
        One of :func:`sampler_names`.
    config : TrainingConfig
        Holds the settings of every sampler, and how many rare cells there shall be.
    seed : int or numpy.random.Generator
        Source of the sampler's randomness.

    Returns
    -------
    imblearn.over_sampling.base.BaseOverSampler or None
        A sampler that has not seen any cell; ``None`` for no oversampling, and for weights.

    Raises
    ------
    ParameterError
        When there is no sampler of that name.

    Examples
    --------
    >>> make_sampler("loras", TrainingConfig(), seed=0)
    LoRAS(random_state=0, sampling_strategy=TargetRatio(ratio=1.0))
    """
    return _row(name).make(config, seed)


def check_sampler(name: str, config: TrainingConfig, n_train_rare: int) -> None:
    """Refuse, before the first fold, what the sampler would refuse in one of the folds.

    Parameters
    ----------
    name : str
        One of :func:`sampler_names`.
    config : TrainingConfig
        Holds the settings of every sampler.
    n_train_rare : int
        Rare cells in the smallest training part.

    Raises
    ------
    ParameterError
        When there is no sampler of that name, or its settings do not fit that number of cells.

    Examples
    --------
    >>> check_sampler("smote", TrainingConfig(), 2)
    """
    _row(name).check(config, n_train_rare)


def _row(name: str) -> SamplerRow:
    if name not in SAMPLERS:
        known = ", ".join(SAMPLERS)
        raise ParameterError(
            f"`samplers` must be chosen from {known}. Got {name!r}.",
            code="E-SAMPLER",
            next_step="Choose one of these names.",
        )
    return SAMPLERS[name]
