"""LoRAS as a sampler of imbalanced-learn."""

from __future__ import annotations

from typing import Literal

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from core.config import LorasConfig
from core.oversampling.appending import append_synthetic
from core.oversampling.loras import fill_synthetic, to_dense, to_generator
from core.oversampling.settings import check_settings, choose_n_affine, choose_n_neighbors

__all__ = ["LoRAS"]


class LoRAS(BaseOverSampler):
    """Oversample rare cells with localised random affine shadow samples.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        How many cells of which class there shall be, as everywhere in imbalanced-learn.
    n_neighbors : int or None
        Cells in a neighbourhood, the parent included, 1 to the number of rare cells. ``None``: 5
        below 100 rare cells, else 30, never more than there are.
    n_affine : int or None
        Shadow samples in one combination, 2 or more. A small number keeps more of the real
        variance: 2 / (n_affine + 1) of it with Dirichlet weights. ``None``: number of genes, at
        most 50.
    noise_scale : float
        Standard deviation of the shadow noise per gene, 0 or more, in the units of `X`.
    weights : {"dirichlet", "integers"}
        Weights of a combination: Dirichlet(1, …, 1), or integers 0 to 99 divided by their sum.
    neighbour_space : {"features", "pca", "tsne"}
        Where nearest cells are looked for, always by Euclidean distance: all genes, at most 30
        principal components, or two t-SNE dimensions (16 rare cells or more).
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        Source of all randomness of one call.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of synthetic cells per class.
    n_neighbors_ : dict
        Size of a neighbourhood per class that was oversampled.
    n_affine_ : int
        Shadow samples in one combination.

    Raises
    ------
    ParameterError
        When a setting is out of range or does not fit the number of rare cells; when a class has
        one cell only.

    References
    ----------
    Bej et al. 2021, "LoRAS: an oversampling approach for imbalanced datasets", Machine Learning
    110:279-301, https://doi.org/10.1007/s10994-020-05913-4

    Bej et al. 2021, "Automated annotation of rare-cell types from single-cell RNA-sequencing data
    through synthetic oversampling", BMC Bioinformatics 22:557,
    https://doi.org/10.1186/s12859-021-04469-x

    Examples
    --------
    >>> import numpy as np
    >>> from core.oversampling import LoRAS
    >>> cells = np.random.default_rng(0).normal(size=(100, 6))
    >>> is_rare = np.arange(100) < 10
    >>> balanced, labels = LoRAS(random_state=0).fit_resample(cells, is_rare)
    >>> balanced.shape, int(labels.sum())
    ((180, 6), 90)
    """

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "random_state": ["random_state", np.random.Generator],
        # Checked by check_settings, which tells the user what to do.
        "n_neighbors": "no_validation",
        "n_affine": "no_validation",
        "noise_scale": "no_validation",
        "weights": "no_validation",
        "neighbour_space": "no_validation",
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        n_neighbors: int | None = None,
        n_affine: int | None = None,
        noise_scale: float = 0.005,
        weights: Literal["dirichlet", "integers"] = "dirichlet",
        neighbour_space: Literal["features", "pca", "tsne"] = "features",
        random_state=None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_neighbors = n_neighbors
        self.n_affine = n_affine
        self.noise_scale = noise_scale
        self.weights = weights
        self.neighbour_space = neighbour_space
        self.random_state = random_state

    def _fit_resample(self, X, y):
        settings = LorasConfig(
            self.n_neighbors, self.n_affine, self.noise_scale, self.weights, self.neighbour_space
        )
        check_settings(settings)
        rng = to_generator(self.random_state)
        self.n_affine_ = choose_n_affine(settings, X.shape[1])
        self.n_neighbors_ = {}

        def fill(label, out: np.ndarray) -> None:
            rare = to_dense(X[np.flatnonzero(y == label)])
            fill_synthetic(out, rare, settings, rng)
            self.n_neighbors_[label] = choose_n_neighbors(settings, len(rare))

        return append_synthetic(X, y, self.sampling_strategy_, fill)
