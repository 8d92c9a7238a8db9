"""LoRAS in the registry: as it is set, and with neighbours in PCA or t-SNE space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from core.config import LorasConfig, TrainingConfig
from core.errors import ParameterError
from core.oversampling.row import SamplerRow, Seed
from core.oversampling.sampler import LoRAS
from core.oversampling.settings import MIN_TSNE_CELLS, check_loras
from core.oversampling.targets import TargetRatio
from core.text import SAMPLER_LABELS

__all__ = ["LORAS", "LORAS_PCA", "LORAS_TSNE"]


def _row(name: str, complexity: int, settings: Callable[[LorasConfig], LorasConfig]) -> SamplerRow:
    """Make a row of LoRAS with ``settings`` of what the configuration holds."""

    def make(config: TrainingConfig, seed: Seed) -> LoRAS:
        ratio = TargetRatio(config.target_ratio)
        return LoRAS(**asdict(settings(config.loras)), sampling_strategy=ratio, random_state=seed)

    def check(config: TrainingConfig, n_train_rare: int) -> None:
        wanted = settings(config.loras)
        is_own_space = wanted.neighbour_space != config.loras.neighbour_space
        # The sampler itself stands for its space: who chose it did not set `neighbour_space`.
        is_few = 2 <= n_train_rare < MIN_TSNE_CELLS
        if is_own_space and wanted.neighbour_space == "tsne" and is_few:
            raise ParameterError(
                f"{SAMPLER_LABELS[name][0]} needs at least {MIN_TSNE_CELLS} rare cells in the "
                f"smallest training part. Got {n_train_rare}.",
                code="E-TSNE-SMALL",
                next_step="Leave this sampler out.",
            )
        check_loras(wanted, n_train_rare)

    return SamplerRow(name, complexity, make, check)


LORAS = _row("loras", 8, lambda loras: loras)
LORAS_PCA = _row("loras-pca", 9, lambda loras: replace(loras, neighbour_space="pca"))
LORAS_TSNE = _row("loras-tsne", 10, lambda loras: replace(loras, neighbour_space="tsne"))
