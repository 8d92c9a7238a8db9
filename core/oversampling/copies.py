"""Random copies of the rare cells, each as likely as the other."""

from __future__ import annotations

from imblearn.over_sampling import RandomOverSampler

from core.oversampling.few_cells import few_cells_row

__all__ = ["RANDOM"]

RANDOM = few_cells_row("random", 2, lambda config: RandomOverSampler())
