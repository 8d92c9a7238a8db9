"""SMOTE and its two borderline variants.

References
----------
Chawla et al. 2002, "SMOTE: synthetic minority over-sampling technique", Journal of Artificial
Intelligence Research 16:321-357, https://doi.org/10.1613/jair.953

Han et al. 2005, "Borderline-SMOTE: a new over-sampling method in imbalanced data sets learning",
Advances in Intelligent Computing, 878-887, https://doi.org/10.1007/11538059_91
"""

from __future__ import annotations

from imblearn import over_sampling

from core.oversampling.few_cells import few_cells_row

__all__ = ["BORDERLINE_1", "BORDERLINE_2", "SMOTE"]

SMOTE = few_cells_row(
    "smote",
    3,
    lambda config: over_sampling.SMOTE(k_neighbors=config.smote_neighbors),
    among_rare=("k_neighbors",),
)

# Both draw from the rare cells in danger: at least half of their neighbours, but not all, are
# other cells. Without such cells they draw nothing.
BORDERLINE_1 = few_cells_row(
    "borderline1",
    4,
    lambda config: over_sampling.BorderlineSMOTE(
        k_neighbors=config.smote_neighbors, kind="borderline-1"
    ),
    among_rare=("k_neighbors",),
    among_all=("m_neighbors",),
)

# The second variant also goes towards other cells, at most half of the way.
BORDERLINE_2 = few_cells_row(
    "borderline2",
    5,
    lambda config: over_sampling.BorderlineSMOTE(
        k_neighbors=config.smote_neighbors, kind="borderline-2"
    ),
    among_all=("k_neighbors", "m_neighbors"),
)
