"""Settings as frozen dataclasses: the part of a result that says how it was made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from numbers import Real
from typing import Any, Literal

from core.config_checks import is_number, keep_names, require, require_number, require_whole
from core.method_config import ClassifierConfig, LorasConfig, ProwrasConfig

__all__ = [
    "GOALS",
    "MARKER_TESTS",
    "MAX_MARKERS",
    "MIN_MARKERS",
    "ClassifierConfig",
    "LorasConfig",
    "MarkerConfig",
    "Method",
    "ProwrasConfig",
    "RareTask",
    "TrainingConfig",
    "config_from_dict",
    "config_to_dict",
]

MARKER_TESTS = ("wilcoxon", "t-test", "logreg")
MIN_MARKERS, MAX_MARKERS = 2, 2000
# What a threshold is chosen for; "fixed" is a score of 0.5, as in the sc-SynO paper.
GOALS = ("f1", "f2", "precision", "recall", "fixed")
MAX_REPEATS = 1000
# Random number generators take seeds of 32 bits.
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class RareTask:
    """Which cells are the needle.

    Parameters
    ----------
    label : str
        Column of ``dataset.obs`` that holds the cell types.
    rare : str
        The rare cell type's name in that column.
    """

    label: str
    rare: str


@dataclass(frozen=True)
class MarkerConfig:
    """How marker genes are chosen.

    Parameters
    ----------
    n : int
        Number of marker genes, 2 to 2,000.
    test : {"wilcoxon", "t-test", "logreg"}
        Test that ranks the genes.
    min_fraction : float
        A gene must be detected in at least this fraction (0–1) of the rare cells or of the rest.
    min_logfc : float
        Least log2 fold change of the rare cells over the rest.
    genes : tuple of str or None
        The user's own genes; when given, no test is run.
    """

    n: int = 50
    test: Literal["wilcoxon", "t-test", "logreg"] = "wilcoxon"
    min_fraction: float = 0.1
    min_logfc: float = 0.25
    genes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_marker_settings(self, number="n", test="test")


@dataclass(frozen=True)
class Method:
    """One row of a comparison: a sampler with a classifier, written ``loras+knn``."""

    sampler: str
    classifier: str

    def __str__(self) -> str:
        return f"{self.sampler}+{self.classifier}"

    @classmethod
    def parse(cls, text: str) -> Method:
        """Read ``"loras+knn"``.

        Raises
        ------
        ParameterError
            When the text is not two names joined by a plus.
        """
        sampler, plus, classifier = text.partition("+")
        require(bool(plus and sampler and classifier), "method", "written like 'loras+knn'", text)
        return cls(sampler, classifier)


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the result of a training, the seed included.

    Parameters
    ----------
    markers : int
        Number of marker genes, chosen anew inside each training part.
    marker_test, min_fraction, min_logfc, genes
        As in :class:`MarkerConfig`.
    classifiers, samplers : tuple of str
        Names from the registries; every pair is one method.
    n_splits, n_repeats : int
        Folds and repeats of the cross-validation, before they are clipped for tiny classes.
    sample : str or None
        Column of ``dataset.obs`` that says which sample (or batch) a cell comes from: every fold
        then leaves out one whole sample, and `n_splits` and `n_repeats` are not used.
    markers_from : {"training", "all"}
        ``"training"``: markers are chosen anew inside each training part. ``"all"``: once, on all
        cells, those that are tested included. That is how published scores often came about, and
        makes them too good; it is here to show by how much, never for a score to rely on.
    goal : {"f1", "f2", "precision", "recall", "fixed"}
        What the threshold on the scores is chosen for: the best F1 or F2, or at least 90 %
        precision or recall; ``"fixed"`` is a score of 0.5.
    target_ratio : float
        Rare cells per other cell after oversampling (or weighting), 0.05 to 1.
    smote_neighbors : int
        Neighbours of SMOTE, its variants and ADASYN, fewer only when there are fewer rare cells.
    loras, prowras : LorasConfig, ProwrasConfig
        Settings of these samplers.
    knn_neighbors : int
        Neighbours of the ``knn`` classifier (30 in the sc-SynO paper), fewer only when there are
        fewer training cells.
    classifier : ClassifierConfig
        Settings of the other classifiers.
    seed : int
        Seed of folds, oversampling and fitting.
    """

    markers: int = 50
    classifiers: tuple[str, ...] = ("knn", "lr")
    samplers: tuple[str, ...] = ("none", "loras")
    n_splits: int = 5
    n_repeats: int = 5
    seed: int = 0
    marker_test: Literal["wilcoxon", "t-test", "logreg"] = "wilcoxon"
    min_fraction: float = 0.1
    min_logfc: float = 0.25
    genes: tuple[str, ...] | None = None
    sample: str | None = None
    markers_from: Literal["training", "all"] = "training"
    goal: Literal["f1", "f2", "precision", "recall", "fixed"] = "f1"
    target_ratio: float = 1.0
    smote_neighbors: int = 5
    loras: LorasConfig = field(default_factory=LorasConfig)
    prowras: ProwrasConfig = field(default_factory=ProwrasConfig)
    knn_neighbors: int = 30
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)

    def __post_init__(self) -> None:
        keep_names(self, "classifiers")
        keep_names(self, "samplers")
        require_whole(self, "n_splits", 2)
        require_whole(self, "n_repeats", 1, MAX_REPEATS)
        require_whole(self, "knn_neighbors", 1)
        require_whole(self, "smote_neighbors", 1)
        require_number(self, "target_ratio", 0.05, 1)
        require(self.goal in GOALS, "goal", "one of " + ", ".join(GOALS), self.goal)
        scopes = ("training", "all")
        require(self.markers_from in scopes, "markers_from", "training or all", self.markers_from)
        for part in fields(self):
            if is_dataclass(part.default_factory):
                kind, got = part.default_factory, getattr(self, part.name)
                require(isinstance(got, kind), part.name, f"a {kind.__name__}", got)
        is_name = self.sample is None or (isinstance(self.sample, str) and bool(self.sample))
        require(is_name, "sample", "the name of a column, or None", self.sample)
        require_whole(self, "seed", 0, MAX_SEED)
        _check_marker_settings(self, number="markers", test="marker_test")

    def marker_config(self) -> MarkerConfig:
        """The marker part of these settings."""
        return MarkerConfig(
            n=self.markers,
            test=self.marker_test,
            min_fraction=self.min_fraction,
            min_logfc=self.min_logfc,
            genes=self.genes,
        )

    def methods(self) -> Iterator[Method]:
        """Every sampler with every classifier, samplers varying fastest."""
        for classifier in self.classifiers:
            for sampler in self.samplers:
                yield Method(sampler, classifier)


def config_to_dict(config: Any) -> dict[str, Any]:
    """Turn a configuration into plain values for JSON, numpy's numbers included."""
    return asdict(config, dict_factory=lambda pairs: {k: _plain(v) for k, v in pairs})


def config_from_dict(cls: type, values: dict[str, Any]) -> Any:
    """Rebuild a configuration that :func:`config_to_dict` wrote; unknown names are ignored."""
    known = {f.name: f.default_factory for f in fields(cls)}
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
    for name, part in known.items():
        if is_dataclass(part) and isinstance(values.get(name), dict):
            values[name] = config_from_dict(part, values[name])
    return cls(**values)


def _plain(value: object) -> object:
    is_numpy = isinstance(value, Real | str) and hasattr(value, "item")
    return value.item() if is_numpy else value


def _check_marker_settings(config: Any, *, number: str, test: str) -> None:
    """Check what both configurations share, each field by the name that it has there."""
    require_whole(config, number, MIN_MARKERS, MAX_MARKERS)
    got = getattr(config, test)
    require(got in MARKER_TESTS, test, "one of " + ", ".join(MARKER_TESTS), got)
    fraction, logfc = config.min_fraction, config.min_logfc
    require(is_number(fraction) and 0 <= fraction <= 1, "min_fraction", "from 0 to 1", fraction)
    require(is_number(logfc), "min_logfc", "a finite number", logfc)
    if config.genes is not None:
        keep_names(config, "genes")
