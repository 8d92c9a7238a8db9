"""Oversampling of the rare cells: LoRAS, ProWRAS, and the table of all samplers."""

from core.oversampling.loras import draw_synthetic
from core.oversampling.prowras import ProWRAS
from core.oversampling.registry import (
    SAMPLERS,
    SamplerRow,
    check_sampler,
    make_sampler,
    sampler_names,
)
from core.oversampling.sampler import LoRAS
from core.oversampling.settings import check_loras

__all__ = [
    "SAMPLERS",
    "LoRAS",
    "ProWRAS",
    "SamplerRow",
    "check_loras",
    "check_sampler",
    "draw_synthetic",
    "make_sampler",
    "sampler_names",
]
