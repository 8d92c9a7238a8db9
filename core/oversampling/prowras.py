"""ProWRAS: most synthetic cells where the rare cells border on others, and there the calmest."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse

from core.config import ProwrasConfig
from core.oversampling.appending import append_synthetic
from core.oversampling.draws import draw_shares
from core.oversampling.loras import to_dense, to_generator
from core.oversampling.neighbourhoods import find_neighbours
from core.oversampling.proximity import (
    choose_n_combined,
    find_levels,
    level_weights,
    share_out,
)
from core.oversampling.settings import require_two

__all__ = ["ProWRAS", "fill_level"]

# Numbers per temporary array: few enough to stay small beside the synthetic cells themselves.
BLOCK_SIZE = 1 << 20


class ProWRAS(BaseOverSampler):
    """Oversample rare cells by proximity-weighted random affine shadow sampling.

    1. The rare cells are divided into proximity levels. Level 1 holds the `n_neighbors` rare cells
       that are nearest to any of the other cells, level 2 those of the remaining rare cells, and
       so on; level `n_levels` holds all that are left.
    2. Level l has the weight exp(-theta · (l - 1)), divided by the sum over all levels: its share
       of the synthetic cells.
    3. A synthetic cell of a level is a convex combination of cells of one neighbourhood: of a
       random cell of the level and its nearest in the same level, `n_neighbors` together, or of
       the whole level where it has no more cells than that. They are drawn with replacement,
       their weights are Dirichlet(1, …, 1).
    4. Level 1 combines `n_affine` cells, a further one `n_affine` times its weight over that of
       level 1, rounded up, and two at least: the nearer to other cells, the smaller the variance.

    The paper lets one number be the neighbours of step 1 and another the neighbourhoods of step 3,
    and by default both are 5; here they are one. It adds Gaussian noise of a negligible scale to
    the cells of a combination, and takes 2 of them in any level whose number lies below the number
    of genes. Here there is no noise, and the numbers of step 4 hold.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        How many cells of which class there shall be, as everywhere in imbalanced-learn.
    n_levels : int
        Most proximity levels, 1 to 100. One level is no weighting at all.
    n_neighbors : int
        Rare cells nearest to each other cell that make up a level, and cells in a neighbourhood,
        the cell itself included, 1 to 1,000. Fewer only where there are fewer.
    n_affine : int
        Cells combined into one synthetic cell of level 1, 2 to 1,000.
    theta : float
        How fast further levels lose weight, 0 (all alike) to 100.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        Source of all randomness of one call.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of synthetic cells per class.
    levels_ : dict
        Per class that was oversampled the rows of `X` in each level, a list of arrays.
    n_drawn_ : dict
        Per class that was oversampled the number of synthetic cells of each level. The cells come
        in the order of the levels.

    Raises
    ------
    ParameterError
        When a setting is out of range; when a class has one cell only.

    References
    ----------
    Bej et al. 2021, "A multi-schematic classifier-independent oversampling approach for imbalanced
    datasets", IEEE Access 9:123358-123374, https://doi.org/10.1109/ACCESS.2021.3108450

    Barua et al. 2013, "ProWSyn: proximity weighted synthetic oversampling technique for imbalanced
    data set learning", Advances in Knowledge Discovery and Data Mining, 317-328,
    https://doi.org/10.1007/978-3-642-37456-2_27

    Examples
    --------
    >>> import numpy as np
    >>> from core.oversampling import ProWRAS
    >>> cells = np.random.default_rng(0).normal(size=(100, 6))
    >>> is_rare = np.arange(100) < 10
    >>> balanced, labels = ProWRAS(random_state=0).fit_resample(cells, is_rare)
    >>> balanced.shape, int(labels.sum())
    ((180, 6), 90)
    """

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "random_state": ["random_state", np.random.Generator],
        # Checked by ProwrasConfig, which tells the user what to do.
        "n_levels": "no_validation",
        "n_neighbors": "no_validation",
        "n_affine": "no_validation",
        "theta": "no_validation",
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        n_levels: int = 5,
        n_neighbors: int = 5,
        n_affine: int = 5,
        theta: float = 1.0,
        random_state=None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_levels = n_levels
        self.n_neighbors = n_neighbors
        self.n_affine = n_affine
        self.theta = theta
        self.random_state = random_state

    def _fit_resample(self, X, y):
        settings = ProwrasConfig(self.n_levels, self.n_neighbors, self.n_affine, self.theta)
        rng = to_generator(self.random_state)
        self.levels_, self.n_drawn_ = {}, {}

        def fill(label, out: np.ndarray) -> None:
            is_rare = y == label
            rare, others = X[np.flatnonzero(is_rare)], X[np.flatnonzero(~is_rare)]
            levels, n_drawn = _fill(out, rare, others, settings, rng)
            self.levels_[label] = [np.flatnonzero(is_rare)[level] for level in levels]
            self.n_drawn_[label] = n_drawn

        return append_synthetic(X, y, self.sampling_strategy_, fill)


def _fill(
    out: np.ndarray, rare, others, settings: ProwrasConfig, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """Write ``len(out)`` synthetic cells, level by level; return the levels and their shares."""
    require_two("ProWRAS", rare.shape[0])
    n_neighbors = settings.n_neighbors
    levels = find_levels(rare, others, n_levels=settings.n_levels, n_neighbors=n_neighbors)
    weights = level_weights(len(levels), settings.theta)
    n_drawn = share_out(len(out), weights)
    n_combined = choose_n_combined(settings.n_affine, weights)
    rare = to_dense(rare).astype(out.dtype, copy=False)
    start = 0
    for level, n, n_affine in zip(levels, n_drawn, n_combined, strict=True):
        fill_level(out[start : start + n], rare[level], n_neighbors, int(n_affine), rng)
        start += n
    return levels, n_drawn


def fill_level(
    out: np.ndarray, level: np.ndarray, n_neighbors: int, n_affine: int, rng: np.random.Generator
) -> None:
    """Fill `out` (n, n_genes) with combinations of neighbouring cells of `level`."""
    n_neighbors = min(n_neighbors, len(level))
    neighbours = find_neighbours(level, n_neighbors, "features", rng)
    step = max(1, BLOCK_SIZE // max(n_neighbors, n_affine))
    for start in range(0, len(out), step):
        block = out[start : start + step]
        n = len(block)
        cells = neighbours[rng.integers(0, len(level), n)]
        shares, _ = draw_shares(n, n_neighbors, n_affine, "dirichlet", rng, out.dtype)
        entries = (shares.ravel(), cells.ravel(), np.arange(0, shares.size + 1, n_neighbors))
        block[:] = sparse.csr_array(entries, shape=(n, len(level))) @ level
