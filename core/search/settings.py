"""The settings of a search: each combination of candidates that makes a difference, once."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.classifiers import CLASSIFIERS
from core.config import Method, TrainingConfig
from core.errors import ParameterError
from core.oversampling import SAMPLERS
from core.search.space import MAX_SETTINGS, SearchConfig

__all__ = ["CLASSIFIER_FIELDS", "SAMPLER_FIELDS", "Setting", "count_settings", "list_settings"]

_SMOTE = ("target_ratio", "smote_neighbors")
_LORAS = ("target_ratio", "loras_n_neighbors", "loras_n_affine", "loras_noise_scale")

# Which candidates matter for which method. A row that a registry has and this has not would only
# cost time: all that differs from no other setting is tried again.
SAMPLER_FIELDS: dict[str, tuple[str, ...]] = {
    "none": (),
    "weights": ("target_ratio",),
    "random": ("target_ratio",),
    "smote": _SMOTE,
    "borderline1": _SMOTE,
    "borderline2": _SMOTE,
    "svmsmote": _SMOTE,
    "adasyn": _SMOTE,
    "loras": _LORAS,
    "loras-pca": _LORAS,
    "loras-tsne": _LORAS,
    "prowras": ("target_ratio",),
}
CLASSIFIER_FIELDS: dict[str, tuple[str, ...]] = {
    "lr": ("lr_c",),
    "svm": ("svm_c",),
    "knn": ("knn_neighbors",),
    "forest": ("forest_trees",),
    "boosting": ("boosting_learning_rate",),
    "mlp": ("mlp_units",),
}
# LoRAS with neighbours sought elsewhere has names of its own.
_LORAS_IN = {"features": "loras", "pca": "loras-pca", "tsne": "loras-tsne"}


@dataclass(frozen=True, eq=False)
class Setting:
    """One combination of candidates.

    Parameters
    ----------
    method : Method
        Sampler and classifier.
    varied : dict of str to value
        Candidates by the field of :class:`SearchSpace`, just those that matter for the method.
    config : TrainingConfig
        The whole of it: the base's values, but for `method` and `varied`.
    """

    method: Method
    varied: dict[str, Any]
    config: TrainingConfig

    @property
    def preference(self) -> tuple[int, int, int, str]:
        """Order among settings that score alike: the simplest method, then the fewest markers.

        The text at the end decides between the rest, so that the order of the list never does.
        """
        sampler, classifier = SAMPLERS[self.method.sampler], CLASSIFIERS[self.method.classifier]
        text = f"{self.method} {json.dumps(self.varied, sort_keys=True)}"
        return sampler.complexity, classifier.complexity, self.config.markers, text


@dataclass(frozen=True)
class _Family:
    """All settings of one method: candidates by field."""

    method: Method
    candidates: dict[str, tuple[Any, ...]]

    @property
    def size(self) -> int:
        return math.prod(map(len, self.candidates.values()))

    def pick(self, number: int) -> dict[str, Any]:
        """Return the setting with that number, the last field varying fastest."""
        picked = {}
        for name, values in reversed(self.candidates.items()):
            number, place = divmod(number, len(values))
            picked[name] = values[place]
        return {name: picked[name] for name in self.candidates}


def count_settings(config: SearchConfig) -> int:
    """Number of different settings that a search tries, before any are left out."""
    n_all = sum(family.size for family in _families(config))
    return n_all if config.strategy == "grid" else min(n_all, config.n_settings)


def list_settings(config: SearchConfig) -> list[Setting]:
    """List the settings that a search tries.

    Raises
    ------
    ParameterError
        ``E-SEARCH-LARGE`` for a grid of more than 5,000, ``E-SAMPLER`` and ``E-CLASSIFIER`` for
        unknown names.
    """
    families = _families(config)
    if config.strategy == "grid":
        _refuse_large(sum(family.size for family in families))
        numbers = [range(family.size) for family in families]
    else:
        numbers = _draw(families, config)
    return [
        _make_setting(family.method, family.pick(int(number)), config.base)
        for family, chosen in zip(families, numbers, strict=True)
        for number in chosen
    ]


def _draw(families: list[_Family], config: SearchConfig) -> list[Iterator[int]]:
    """Draw settings without repeats, as evenly over the methods as these have settings."""
    rng = np.random.default_rng(config.seed)
    sizes = np.array([family.size for family in families], dtype=object)
    quotas, left = np.zeros(len(sizes), dtype=object), min(config.n_settings, sum(sizes))
    while left:
        # One more each, the order drawn, so that no method is favoured when there is no round sum.
        open_ = [place for place in rng.permutation(len(sizes)) if quotas[place] < sizes[place]]
        for place in open_[:left]:
            quotas[place] += 1
        left -= len(open_[:left])
    return [
        np.sort(rng.choice(int(size), int(quota), replace=False))
        for size, quota in zip(sizes, quotas, strict=True)
    ]


def _families(config: SearchConfig) -> list[_Family]:
    space, base = config.space, config.base
    samplers = list(dict.fromkeys(_named_samplers(config)))
    classifiers = space.classifiers or base.classifiers
    return [
        _Family(Method(*pair), _candidates(*pair, config))
        for pair in itertools.product(samplers, classifiers)
    ]


def _named_samplers(config: SearchConfig) -> Iterator[str]:
    for name in config.space.samplers or config.base.samplers:
        if name == "loras":
            spaces = config.space.candidates(
                "loras_neighbour_space", config.base.loras.neighbour_space
            )
            yield from (_LORAS_IN[space] for space in spaces)
        else:
            yield name


def _candidates(sampler: str, classifier: str, config: SearchConfig) -> dict[str, tuple[Any, ...]]:
    _require_known("samplers", sampler, SAMPLERS, "E-SAMPLER")
    _require_known("classifiers", classifier, CLASSIFIERS, "E-CLASSIFIER")
    of_markers = () if config.base.genes is not None else ("markers", "marker_test")
    names = (
        *of_markers,
        *SAMPLER_FIELDS.get(sampler, tuple(dict.fromkeys(_SMOTE + _LORAS))),
        *CLASSIFIER_FIELDS.get(classifier, ()),
    )
    return {name: values for name in names if (values := getattr(config.space, name))}


def _require_known(name: str, got: str, known: Any, code: str) -> None:
    if got not in known:
        raise ParameterError(
            f"`{name}` must be chosen from {', '.join(known)}. Got {got!r}.",
            code=code,
            next_step="Choose one of these names.",
        )


def _make_setting(method: Method, varied: dict[str, Any], base: TrainingConfig) -> Setting:
    loras = {
        name.removeprefix("loras_"): v for name, v in varied.items() if name.startswith("loras_")
    }
    if method.sampler == "loras":
        loras["neighbour_space"] = "features"
    names = CLASSIFIER_FIELDS.get(method.classifier, ())
    classifier = {n: v for n, v in varied.items() if n in names and n != "knn_neighbors"}
    changes = {
        n: v for n, v in varied.items() if not n.startswith("loras_") and n not in classifier
    }
    config = replace(
        base,
        **changes,
        samplers=(method.sampler,),
        classifiers=(method.classifier,),
        loras=replace(base.loras, **loras),
        classifier=replace(base.classifier, **classifier),
        # Markers that are chosen on all cells would tell the search what it is tested on.
        markers_from="training",
    )
    return Setting(method, varied, config)


def _refuse_large(n: int) -> None:
    if n > MAX_SETTINGS:
        raise ParameterError(
            f"A full grid may have at most {MAX_SETTINGS:,} settings. Got {n:,}.",
            code="E-SEARCH-LARGE",
            next_step="Take out some candidates, or choose a random search or successive halving.",
        )
