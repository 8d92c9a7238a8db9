"""LoRAS in the registry: as it is set, and with neighbours in PCA or t-SNE space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from core.config import LorasConfig, TrainingConfig
from core.oversampling.row import SamplerRow, Seed
from core.oversampling.sampler import LoRAS
from core.oversampling.settings import check_loras
from core.oversampling.targets import TargetRatio

__all__ = ["LORAS", "LORAS_PCA", "LORAS_TSNE"]


def _row(name: str, complexity: int, settings: Callable[[LorasConfig], LorasConfig]) -> SamplerRow:
    """Make a row of LoRAS with ``settings`` of what the configuration holds."""

    def make(config: TrainingConfig, seed: Seed) -> LoRAS:
        ratio = TargetRatio(config.target_ratio)
        return LoRAS(**asdict(settings(config.loras)), sampling_strategy=ratio, random_state=seed)

    def check(config: TrainingConfig, n_train_rare: int) -> None:
        check_loras(settings(config.loras), n_train_rare)

    return SamplerRow(name, complexity, make, check)


LORAS = _row("loras", 8, lambda loras: loras)
LORAS_PCA = _row("loras-pca", 9, lambda loras: replace(loras, neighbour_space="pca"))
LORAS_TSNE = _row("loras-tsne", 10, lambda loras: replace(loras, neighbour_space="tsne"))
