"""Training cells as they are: with every cell counting the same, or with weights by class."""

from __future__ import annotations

from core.config import TrainingConfig
from core.oversampling.row import SamplerRow, Seed

__all__ = ["NONE", "WEIGHTS"]


def _make_none(config: TrainingConfig, seed: Seed) -> None:
    return None


NONE = SamplerRow("none", 0, _make_none)
# The classifier is fitted with weights instead, so that rare cells count as more than they are.
WEIGHTS = SamplerRow("weights", 1, _make_none, weighs=True)
