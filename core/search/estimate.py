"""How long a search is going to take, and how much memory it needs, before it starts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """What a search is going to cost.

    Parameters
    ----------
    seconds : float
        Expected time, on one core.
    memory_bytes : int
        Expected peak of the worker.
    n_settings : int
        Settings that are going to be tried.
    n_fits : int
        Models that are going to be fitted; for halving about so many.
    n_left_out : int
        Settings that are impossible for these cells, and are not tried.
    """

    seconds: float
    memory_bytes: int
    n_settings: int
    n_fits: int
    n_left_out: int
