"""What a search may vary, and what it is looking for."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np

from core.config import MAX_SEED, ClassifierConfig, TrainingConfig
from core.config_checks import is_number, require, require_whole

__all__ = [
    "MAX_SETTINGS",
    "OBJECTIVES",
    "STRATEGIES",
    "SearchConfig",
    "SearchSpace",
]

STRATEGIES = ("grid", "random", "halving")
OBJECTIVES = ("f1", "average_precision")
# More would be an afternoon on the smallest dataset, and a list that nobody reads.
MAX_SETTINGS = 5000
# k folds are k (k + 1) / 2 models per setting, and an inner model is trained without two of them.
MIN_SPLITS, MAX_SPLITS = 3, 10


@dataclass(frozen=True)
class SearchSpace:
    """Candidates for each parameter that may vary; an empty tuple keeps the base's value.

    Each candidate counts only where it matters: ``lr_c`` for logistic regression, the settings of
    LoRAS for LoRAS. Settings that differ in nothing else are one setting (but an automatic
    value and the number that it comes to are two).

    Parameters
    ----------
    markers : tuple of int
        Numbers of marker genes, 2 to 2,000. Of no effect when the base has its own ``genes``.
    marker_test : tuple of {"wilcoxon", "t-test", "logreg"}
        Tests that rank the genes. Of no effect when the base has its own ``genes``.
    samplers, classifiers : tuple of str
        Names from the registries; every pair is one method.
    target_ratio : tuple of float
        Rare cells per other cell after oversampling (or weighting), 0.05 to 1.
    smote_neighbors : tuple of int
        Neighbours of SMOTE, its variants and ADASYN.
    loras_n_neighbors, loras_n_affine, loras_noise_scale, loras_neighbour_space : tuple
        Settings of LoRAS, see :class:`core.LorasConfig`; ``None`` among the first two stands for
        the automatic value. The spaces belong to the sampler ``loras``: the samplers ``loras-pca``
        and ``loras-tsne`` are LoRAS in these spaces, and the same setting by another name.
    knn_neighbors : tuple of int
        Neighbours of the ``knn`` classifier.
    lr_c, svm_c : tuple of float
        Inverse strength of the penalty.
    forest_trees : tuple of int
        Trees of the random forest.
    boosting_learning_rate : tuple of float
        Above 0 to 1.
    mlp_units : tuple of int
        Units of the neural network's hidden layer.

    Examples
    --------
    >>> SearchSpace(markers=(10, 20, 10)).markers
    (10, 20)
    """

    markers: tuple[int, ...] = (10, 20, 50, 100)
    marker_test: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ("none", "weights", "smote", "loras")
    classifiers: tuple[str, ...] = ("lr", "knn")
    target_ratio: tuple[float, ...] = (0.25, 0.5, 1.0)
    smote_neighbors: tuple[int, ...] = ()
    loras_n_neighbors: tuple[int | None, ...] = (None, 3)
    loras_n_affine: tuple[int | None, ...] = (None, 3, 10)
    loras_noise_scale: tuple[float, ...] = ()
    loras_neighbour_space: tuple[str, ...] = ()
    knn_neighbors: tuple[int, ...] = (5, 15, 30)
    lr_c: tuple[float, ...] = (0.1, 1.0, 10.0)
    svm_c: tuple[float, ...] = ()
    forest_trees: tuple[int, ...] = ()
    boosting_learning_rate: tuple[float, ...] = ()
    mlp_units: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for one in fields(self):
            self._keep_candidates(one.name)

    def candidates(self, name: str, base: Any) -> tuple[Any, ...]:
        """Candidates for the parameter `name`, and `base` alone where it does not vary."""
        return getattr(self, name) or (base,)

    def _keep_candidates(self, name: str) -> None:
        """Keep candidates as a tuple, each once, and refuse those that no setting can have."""
        got = getattr(self, name)
        is_list = isinstance(got, list | tuple)
        require(is_list, name, "a list or tuple of candidates", got)
        # numpy's numbers are not plain ones, which events and files want.
        plain = [one.item() if isinstance(one, np.generic) else one for one in got]
        for value in plain:
            _check_candidate(name, value)
        object.__setattr__(self, name, tuple(dict.fromkeys(plain)))


@dataclass(frozen=True)
class SearchConfig:
    """Everything that decides the result of a search, the seed included.

    Parameters
    ----------
    space : SearchSpace
        What may vary.
    strategy : {"grid", "random", "halving"}
        ``"grid"``: every setting. ``"random"``: `n_settings` of them, drawn without repeats, every
        method (sampler with classifier) equally often as far as it has as many. ``"halving"``: as
        many drawn likewise, tried first with few of the other cells; the best third goes on. That
        saves time from some thousands of cells on, and costs some below.
    n_settings : int
        Settings of a random search or halving, 1 to 5,000; fewer when there are no more.
    objective : {"f1", "average_precision"}
        ``"f1"``: F1 of the calls of all folds together, each fold called at the best threshold of
        the others. ``"average_precision"``: mean over the folds, which needs no threshold.
    n_splits : int
        Folds, 3 to 10, before they are clipped for tiny classes.
    seed : int
        Seed of folds, draws of settings, oversampling and fitting.
    base : TrainingConfig
        Everything that does not vary. Its classifiers and samplers count only where the space
        names none; markers are chosen inside the training part, whatever its ``markers_from``.

    Examples
    --------
    >>> SearchConfig(strategy="random", n_settings=50).n_splits
    5
    """

    space: SearchSpace = field(default_factory=SearchSpace)
    strategy: Literal["grid", "random", "halving"] = "random"
    n_settings: int = 100
    objective: Literal["f1", "average_precision"] = "f1"
    n_splits: int = 5
    seed: int = 0
    base: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        known = STRATEGIES
        require(self.strategy in known, "strategy", "one of " + ", ".join(known), self.strategy)
        known = OBJECTIVES
        require(self.objective in known, "objective", "one of " + ", ".join(known), self.objective)
        require_whole(self, "n_settings", 1, MAX_SETTINGS)
        require_whole(self, "n_splits", MIN_SPLITS, MAX_SPLITS)
        require_whole(self, "seed", 0, MAX_SEED)
        for name, kind in (("space", SearchSpace), ("base", TrainingConfig)):
            got = getattr(self, name)
            require(isinstance(got, kind), name, f"a {kind.__name__}", got)


_WHOLE_OR_AUTOMATIC = {"loras_n_neighbors": 1, "loras_n_affine": 2}
_SPACES = ("features", "pca", "tsne")
_TRAINING = ("markers", "marker_test", "target_ratio", "smote_neighbors", "knn_neighbors")


def _check_candidate(name: str, value: Any) -> None:
    """Refuse what the configuration of a training would refuse, or LoRAS whatever the cells."""
    if name in _TRAINING:
        TrainingConfig(**{name: value})
    elif name in ("samplers", "classifiers"):
        require(isinstance(value, str) and bool(value), name, "names", value)
    elif name in _WHOLE_OR_AUTOMATIC:
        least = _WHOLE_OR_AUTOMATIC[name]
        is_whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
        require(
            value is None or is_whole, name, f"whole numbers of {least} or more, or None", value
        )
    elif name == "loras_noise_scale":
        is_amount = is_number(value) and not isinstance(value, bool) and value >= 0
        require(is_amount, name, "finite numbers of 0 or more", value)
    elif name == "loras_neighbour_space":
        require(value in _SPACES, name, "some of " + ", ".join(_SPACES), value)
    else:
        ClassifierConfig(**{name: value})
