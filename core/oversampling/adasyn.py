"""ADASYN: the more of a rare cell's neighbours are other cells, the more is drawn from it.

References
----------
He et al. 2008, "ADASYN: adaptive synthetic sampling approach for imbalanced learning", IEEE
International Joint Conference on Neural Networks, 1322-1328,
https://doi.org/10.1109/IJCNN.2008.4633969
"""

from __future__ import annotations

from imblearn import over_sampling

from core.oversampling.few_cells import few_cells_row

__all__ = ["ADASYN"]

# Each rare cell's share is rounded, so the number of cells is not exactly the one asked for.
ADASYN = few_cells_row(
    "adasyn",
    7,
    lambda config: over_sampling.ADASYN(n_neighbors=config.smote_neighbors),
    among_rare=("n_neighbors",),
    # No rare cell has another cell for a neighbour, or every share is rounded to none.
    nothing=("Not any neigbours belong to the majority", "No samples will be generated"),
)
