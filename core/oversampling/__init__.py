"""Oversampling of the rare cells: LoRAS, and the table of all samplers."""

from core.oversampling.loras import LoRAS, draw_synthetic
from core.oversampling.registry import SAMPLERS, SamplerRow, make_sampler, sampler_names

__all__ = ["SAMPLERS", "LoRAS", "SamplerRow", "draw_synthetic", "make_sampler", "sampler_names"]
