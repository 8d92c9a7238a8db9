"""ProWRAS in the registry."""

from __future__ import annotations

from dataclasses import asdict

from core.config import TrainingConfig
from core.oversampling.prowras import ProWRAS
from core.oversampling.row import SamplerRow, Seed
from core.oversampling.settings import require_two
from core.oversampling.targets import TargetRatio

__all__ = ["PROWRAS"]


def _make(config: TrainingConfig, seed: Seed) -> ProWRAS:
    ratio = TargetRatio(config.target_ratio)
    return ProWRAS(**asdict(config.prowras), sampling_strategy=ratio, random_state=seed)


def _check(config: TrainingConfig, n_train_rare: int) -> None:
    require_two("ProWRAS", n_train_rare, where=" in the smallest training part")


PROWRAS = SamplerRow("prowras", 11, _make, _check)
