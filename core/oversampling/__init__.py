"""Oversampling of the rare cells: LoRAS, and the table of all samplers."""

from core.oversampling.loras import draw_synthetic
from core.oversampling.registry import SAMPLERS, SamplerRow, make_sampler, sampler_names
from core.oversampling.sampler import LoRAS
from core.oversampling.settings import check_loras

__all__ = [
    "SAMPLERS",
    "LoRAS",
    "SamplerRow",
    "check_loras",
    "draw_synthetic",
    "make_sampler",
    "sampler_names",
]
