"""What runs were made with, in the words of the screen, and where several of them differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.config import (
    MarkerConfig,
    RareTask,
    TrainingConfig,
    config_from_dict,
    config_to_dict,
)
from core.jobs.schema import Run
from core.oversampling import SAMPLERS
from core.search import SearchConfig
from core.search.words import search_settings
from core.transfer_config import TransferConfig

__all__ = ["TRANSFER_WORDS", "differences", "settings"]

# Settings by their place in the configuration, under the names that the screen has for them.
NAMES = {
    "dataset": "Dataset",
    "demo": "Demo",
    "name": "File",
    "task.label": "Label column",
    "task.rare": "Rare cell type",
    "markers.n": "Number of markers",
    "markers.test": "Marker test",
    "training.markers": "Number of markers",
    "training.marker_test": "Marker test",
    "min_fraction": "Minimum fraction",
    "min_logfc": "Minimum log fold change",
    "genes": "Your own genes",
    "training.classifiers": "Classifiers",
    "training.samplers": "Samplers",
    "training.n_splits": "Folds",
    "training.n_repeats": "Repeats",
    "training.sample": "Leave out one sample at a time",
    "training.markers_from": "Markers chosen on",
    "optimistic": "Show the optimistic variant too",
    "training.goal": "Threshold chosen for",
    "training.target_ratio": "Target ratio (rare : rest)",
    "training.smote_neighbors": "SMOTE neighbours",
    "training.loras.n_neighbors": "Neighbours (k)",
    "training.loras.n_affine": "Shadow samples per cell (A)",
    "training.loras.noise_scale": "Noise",
    "training.loras.weights": "Weights",
    "training.loras.neighbour_space": "Neighbours are sought in",
    "training.prowras.n_levels": "ProWRAS: levels",
    "training.prowras.n_neighbors": "ProWRAS: neighbours",
    "training.prowras.n_affine": "ProWRAS: cells combined",
    "training.prowras.theta": "ProWRAS: theta",
    "training.knn_neighbors": "knn: neighbours",
    "training.classifier.lr_c": "lr: C",
    "training.classifier.svm_c": "svm: C",
    "training.classifier.forest_trees": "forest: trees",
    "training.classifier.boosting_iterations": "boosting: trees",
    "training.classifier.boosting_learning_rate": "boosting: learning rate",
    "training.classifier.mlp_units": "mlp: hidden units",
    "training.seed": "Seed",
    "n": "Synthetic cells to show",
    "transfer.scorer": "Scores are given by",
    "transfer.context": "Use the markers of the other types",
    "transfer.features": "What is compared",
    "transfer.standardise": "Genes are standardised by",
    "transfer.match_depth": "Match the depth",
    "transfer.harmony": "Align with Harmony",
    "transfer.refine": "Use the query's own structure",
    "transfer.n_neighbors": "Neighbours of a cell",
    "transfer.smoothness": "Smoothness",
    "transfer.n_components": "Principal components",
    "transfer.adapt": "Learn from the query's own calls",
    "transfer.threshold": "The threshold is",
    "transfer.votes": "Call clusters as a whole",
    "transfer.seed": "Seed of the transfer",
}
# What a screen says for the words among a transfer's settings.
TRANSFER_WORDS = {
    "scorer": {
        "auto": "automatic",
        "model": "the model's own method",
        "lr": "class-weighted logistic regression",
    },
    "features": {
        "expression": "expression, log1p of CP10k",
        "ranks": "ranks of the genes within each cell",
        "cosine": "direction of each cell (cosine)",
    },
    "standardise": {
        "both": "both datasets, and both count",
        "reference": "the reference",
        "query": "the query itself",
    },
    "match_depth": {None: "automatic", True: "yes", False: "no"},
    "threshold": {
        "query": "where the query's scores divide",
        "shift": "even odds, after label shift",
        "model": "the model's own",
    },
    "votes": {
        "none": "no",
        "calls": "by the most frequent call",
        "probabilities": "by the sum of probabilities",
    },
}
# Where a value is one of a few words, and what the screen says for them.
_CHOICES = ("test", "weights", "neighbour_space", "markers_from", "goal")
_VALUES = {
    "wilcoxon": "Wilcoxon rank-sum test",
    "logreg": "logistic regression",
    "features": "marker genes",
    "pca": "PCA",
    "tsne": "t-SNE",
    "dirichlet": "Dirichlet",
    "training": "training cells",
    "all": "all cells",
    "f1": "best F1",
    "f2": "best F2",
    "precision": "at least 90 % precision",
    "recall": "at least 90 % recall",
    "fixed": "a score of 0.5",
}
_TRANSFER = {f"transfer.{name}": words for name, words in TRANSFER_WORDS.items()}
_CLASSES = {
    "task": RareTask,
    "markers": MarkerConfig,
    "training": TrainingConfig,
    "transfer": TransferConfig,
}
# Where a file lies on the server is nobody's setting, and a model is named by what it can do.
_UNSAID = frozenset({"path", "paths", "is_upload", "on_server", "role", "model", "dataset_name"})
# What a search varies, and the search that the settings of a training are from.
_SEARCH = frozenset({"search", "searched"})
_MISSING = "–"
# What no value at all means.
_NOTHING = {"genes": "none", "sample": "no"}


def settings(run: Run, names: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the settings of a run, name on the screen to value in words.

    Parameters
    ----------
    run : Run
        Of any kind; settings that the screen has no name for keep their own.
    names : mapping of str to str or None
        Names of datasets by digest; else what the run called its own.

    Returns
    -------
    dict of str to str
        In the order of the screens; what an older run did not note has today's default.
    """
    plain = {name: value for name, value in run.config.items() if name not in _SEARCH}
    if run.kind == "train":
        plain = {"optimistic": False} | plain
    found = dict(_flat({name: _filled(name, value) for name, value in plain.items()}))
    if "dataset_name" in run.config:
        names = {run.config["dataset"]: run.config["dataset_name"]} | dict(names or {})
    order = {path: place for place, path in enumerate(NAMES)}
    shown = sorted(found, key=lambda path: order.get(_known(path), len(order)))
    told = {_label(path): _words(path, found[path], names or {}) for path in shown}
    if "search" in run.config:
        told |= search_settings(config_from_dict(SearchConfig, run.config["search"]))
    if "searched" in run.config:
        told["Settings chosen by"] = "a search on the same cells"
    return told


def differences(runs: Sequence[Run], names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the settings and versions in which runs differ: one row each, one column per run id.

    Parameters
    ----------
    runs : sequence of Run
        At least one.
    names : mapping of str to str or None
        Names of datasets by digest.

    Returns
    -------
    DataFrame
        Of text, indexed by the settings' names; without rows when nothing differs.
    """
    columns = {run.id: settings(run, names) | _versions(run) for run in runs}
    rows = list(dict.fromkeys(name for column in columns.values() for name in column))
    table = pd.DataFrame(columns, index=rows, dtype=object).fillna(_MISSING)
    return table[table.nunique(axis=1) > 1]


def _filled(name: str, value: Any) -> Any:
    """Add the defaults of what was not noted yet when a run was made."""
    cls = _CLASSES.get(name)
    return (
        config_to_dict(config_from_dict(cls, value)) if cls and isinstance(value, dict) else value
    )


def _flat(values: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{above}{name}.")
        elif name not in _UNSAID:
            pairs.append((above + name, value))
    return pairs


def _known(path: str) -> str:
    return path if path in NAMES else path.rpartition(".")[2]


def _label(path: str) -> str:
    return NAMES.get(_known(path)) or _known(path).replace("_", " ").capitalize()


def _words(path: str, value: Any, names: Mapping[str, str]) -> str:
    if path == "dataset":
        return f"{names[value]} ({value[:8]})" if value in names else value[:12]
    if path in _TRANSFER:
        return _TRANSFER[path].get(value, str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return _NOTHING.get(path.rpartition(".")[2], "automatic")
    if isinstance(value, list | tuple):
        return ", ".join(_words(path, one, names) for one in value)
    if path.endswith("samplers") and value in SAMPLERS:
        return SAMPLERS[value].label
    return _VALUES.get(value, value) if path.endswith(_CHOICES) else str(value)


def _versions(run: Run) -> dict[str, str]:
    return {f"Version of {name}": version for name, version in (run.versions or {}).items()}
