"""What the parameters of a search are called, what they may be, and which candidates suit cells."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.config import MAX_MARKERS, MIN_MARKERS, TrainingConfig
from core.search.settings import CLASSIFIER_FIELDS, SAMPLER_FIELDS
from core.search.space import SearchSpace

__all__ = ["LISTS", "Parameter", "base_value", "matters", "usual_space"]

# From so many rare cells on, the automatic neighbourhood is 30 instead of 5.
MANY_RARE = 100


@dataclass(frozen=True)
class Parameter:
    """A parameter whose candidates are a list of numbers.

    Parameters
    ----------
    label : str
        Name on the screen.
    words : str
        Name inside a sentence, before or after the number.
    short : str
        Name above a narrow column.
    least, most : float
        What each candidate may be.
    whole : bool
        Whether candidates are counts.
    automatic : bool
        Whether the choice may be left to Needle.
    help : str
        One sentence for the screen.
    """

    label: str
    words: str
    short: str
    least: float
    most: float
    whole: bool = True
    automatic: bool = False
    help: str = ""


LISTS: dict[str, Parameter] = {
    "markers": Parameter("Number of markers", "markers", "Markers", MIN_MARKERS, MAX_MARKERS),
    "target_ratio": Parameter(
        "Target ratio",
        "ratio",
        "Ratio",
        0.05,
        1,
        whole=False,
        help="Rare cells per other cell after oversampling or weighting, 0.05 to 1.",
    ),
    "loras_n_neighbors": Parameter(
        "Neighbours (k)",
        "k",
        "k",
        1,
        500,
        automatic=True,
        help="Rare cells in a neighbourhood of LoRAS. auto: 5 below 100 rare cells, else 30.",
    ),
    "loras_n_affine": Parameter(
        "Shadow samples per cell (A)",
        "A",
        "A",
        2,
        500,
        automatic=True,
        help="How many noisy copies LoRAS mixes into one synthetic cell. auto: the number of "
        "markers, at most 50. A small number keeps more of the real variance.",
    ),
    "loras_noise_scale": Parameter(
        "Noise",
        "noise",
        "Noise",
        0,
        1,
        whole=False,
        help="Standard deviation of LoRAS' noise per gene, in units of the scaled expression.",
    ),
    "smote_neighbors": Parameter(
        "SMOTE neighbours",
        "SMOTE neighbours",
        "SMOTE k",
        1,
        500,
        help="Of SMOTE, its variants and ADASYN; fewer only when there are fewer rare cells.",
    ),
    "knn_neighbors": Parameter("knn: neighbours", "neighbours", "knn k", 1, 500),
    "lr_c": Parameter(
        "lr: C",
        "C",
        "lr C",
        1e-6,
        1e6,
        whole=False,
        help="Smaller values hold the weights back more.",
    ),
    "svm_c": Parameter(
        "svm: C",
        "C",
        "svm C",
        1e-6,
        1e6,
        whole=False,
        help="Smaller values allow a wider margin.",
    ),
    "forest_trees": Parameter("forest: trees", "trees", "Trees", 10, 2000),
    "boosting_learning_rate": Parameter(
        "boosting: learning rate", "learning rate", "Rate", 1e-4, 1, whole=False
    ),
    "mlp_units": Parameter("mlp: hidden units", "hidden units", "Units", 2, 512),
}
"""By the field of :class:`SearchSpace`, in the order of the screen."""


def matters(samplers: Iterable[str], classifiers: Iterable[str]) -> list[str]:
    """Names of the lists that matter for at least one of these methods, in the screen's order.

    Examples
    --------
    >>> matters(["none"], ["lr"])
    ['markers', 'lr_c']
    """
    used = {"markers"}
    for name in samplers:
        used |= set(SAMPLER_FIELDS.get(name, ()))
    for name in classifiers:
        used |= set(CLASSIFIER_FIELDS.get(name, ()))
    return [name for name in LISTS if name in used]


def base_value(base: TrainingConfig, name: str) -> Any:
    """Value that a configuration has for a field of :class:`SearchSpace`.

    Examples
    --------
    >>> base_value(TrainingConfig(), "lr_c"), base_value(TrainingConfig(), "loras_n_affine")
    (1.0, None)
    """
    if name.startswith("loras_"):
        return getattr(base.loras, name.removeprefix("loras_"))
    home = base if hasattr(base, name) else base.classifier
    return getattr(home, name)


def usual_space(n_rare: int, *, n_splits: int, base: TrainingConfig) -> SearchSpace:
    """Candidates for a cluster of `n_rare` cells: a neighbourhood is never larger than there are.

    Parameters
    ----------
    n_rare : int
        Rare cells of the reference.
    n_splits : int
        Folds; an inner model is trained without two of them.
    base : TrainingConfig
        Its marker test is the one candidate.

    Examples
    --------
    >>> usual_space(10, n_splits=5, base=TrainingConfig()).loras_n_neighbors
    (3, 5)
    """
    n_trained = max(n_rare - 2 * math.ceil(n_rare / n_splits), 2)
    neighbours = (5, 15, 30) if n_rare >= MANY_RARE else (3, 5, 10)
    neighbours = tuple(k for k in neighbours if k <= n_trained) or (n_trained,)
    return SearchSpace(
        marker_test=(base.marker_test,),
        loras_n_neighbors=neighbours,
        smote_neighbors=tuple(k for k in (3, 5) if k < n_trained) or (1,),
        svm_c=(0.01, 0.1, 1.0),
        forest_trees=(100, 300),
        boosting_learning_rate=(0.05, 0.1, 0.3),
        mlp_units=(16, 32, 64),
    )
