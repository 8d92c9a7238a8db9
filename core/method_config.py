"""Settings of samplers and classifiers: what belongs to one method rather than to a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.config_checks import require_number, require_whole

__all__ = ["MOST_UNITS", "ClassifierConfig", "LorasConfig", "ProwrasConfig"]

# Of the neural network's hidden layer.
MOST_UNITS = 512


@dataclass(frozen=True)
class LorasConfig:
    """Settings of LoRAS; see :class:`core.LoRAS` for what each one does.

    Parameters
    ----------
    n_neighbors : int or None
        Size of a neighbourhood, the parent included. ``None``: 5 below 100 rare cells, else 30.
    n_affine : int or None
        Shadow samples combined into one synthetic cell. ``None``: number of genes, at most 50.
    noise_scale : float
        Standard deviation of the shadow noise per gene, in units of the scaled expression.
    weights : {"dirichlet", "integers"}
        How the weights of a combination are drawn.
    neighbour_space : {"features", "pca", "tsne"}
        Where nearest neighbours are looked for.
    """

    n_neighbors: int | None = None
    n_affine: int | None = None
    noise_scale: float = 0.005
    weights: Literal["dirichlet", "integers"] = "dirichlet"
    neighbour_space: Literal["features", "pca", "tsne"] = "features"


@dataclass(frozen=True)
class ProwrasConfig:
    """Settings of ProWRAS; see :class:`core.oversampling.ProWRAS` for what each one does.

    Parameters
    ----------
    n_levels : int
        Most proximity levels that the rare cells are divided into, 1 or more.
    n_neighbors : int
        Rare cells nearest to each other cell that make up a level, and size of the neighbourhoods
        within a level, 1 or more.
    n_affine : int
        Cells combined into one synthetic cell of the first level, 2 or more; fewer in further ones.
    theta : float
        How fast levels further from the other cells lose weight, 0 or more.
    """

    n_levels: int = 5
    n_neighbors: int = 5
    n_affine: int = 5
    theta: float = 1.0

    def __post_init__(self) -> None:
        require_whole(self, "n_levels", 1, 100)
        require_whole(self, "n_neighbors", 1, 1000)
        require_whole(self, "n_affine", 2, 1000)
        require_number(self, "theta", 0, 100)


@dataclass(frozen=True)
class ClassifierConfig:
    """Settings of the classifiers, each used by the one that its name begins with.

    Parameters
    ----------
    lr_c, svm_c : float
        Inverse strength of the L2 penalty of logistic regression and linear SVM, above 0.
    forest_trees : int
        Trees of the random forest, 10 to 2,000.
    boosting_iterations : int
        Trees of gradient boosting, 10 to 2,000.
    boosting_learning_rate : float
        Share of each tree's correction that is applied, above 0 to 1.
    mlp_units : int
        Units of the neural network's one hidden layer, 2 to 512.
    """

    lr_c: float = 1.0
    svm_c: float = 1.0
    forest_trees: int = 100
    boosting_iterations: int = 100
    boosting_learning_rate: float = 0.1
    mlp_units: int = 32

    def __post_init__(self) -> None:
        require_number(self, "lr_c", 1e-6, 1e6)
        require_number(self, "svm_c", 1e-6, 1e6)
        require_whole(self, "forest_trees", 10, 2000)
        require_whole(self, "boosting_iterations", 10, 2000)
        require_number(self, "boosting_learning_rate", 1e-4, 1)
        require_whole(self, "mlp_units", 2, MOST_UNITS)
