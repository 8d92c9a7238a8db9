"""Sentences about a search, as a biologist would say them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from core.config import MARKER_TESTS
from core.oversampling import SAMPLERS
from core.phrases import calls_sentence, span
from core.search.estimate import Estimate
from core.search.parameters import LISTS, matters
from core.search.result import SearchResult
from core.search.space import SearchConfig
from core.text import count_text, method_label

__all__ = [
    "GOAL_NAMES",
    "STRATEGY_NAMES",
    "TEST_NAMES",
    "chosen_again",
    "cost_sentence",
    "outcome_words",
    "result_sentence",
    "search_settings",
    "searched_sentence",
    "setting_words",
    "value_text",
]

STRATEGY_NAMES = {
    "grid": "Every combination (grid)",
    "random": "At random",
    "halving": "Successive halving",
}
GOAL_NAMES = {"f1": "Best F1", "average_precision": "Average precision, mean of folds"}
TEST_NAMES = dict(zip(MARKER_TESTS, ("Wilcoxon", "t-test", "logistic regression"), strict=True))
_SPACES = {"features": "marker genes", "pca": "PCA", "tsne": "t-SNE"}
_SCORES = {"f1": "F1", "average_precision": "mean average precision of the folds"}
# Said after the number instead of before it.
_COUNTED = frozenset({"markers", "knn_neighbors", "smote_neighbors", "forest_trees", "mlp_units"})


def value_text(name: str, value: Any) -> str:
    """Write a candidate as it stands in a list.

    Examples
    --------
    >>> value_text("loras_n_affine", None), value_text("lr_c", 0.1), value_text("markers", 1000)
    ('auto', '0.1', '1,000')
    """
    if value is None:
        return "auto"
    if isinstance(value, str):
        return TEST_NAMES.get(value) or _SPACES.get(value, value)
    return count_text(value) if isinstance(value, int) else f"{value:g}"


def setting_words(method: str, varied: Mapping[str, Any], config: SearchConfig) -> str:
    """Say what a setting is: its method, and the value of everything that varied.

    Parameters
    ----------
    method : str
        As in :class:`core.config.Method`.
    varied : mapping of str to value
        Candidates by the field of :class:`SearchSpace`.
    config : SearchConfig
        The search; what has one candidate in it is not said.

    Examples
    --------
    >>> config = SearchConfig()
    >>> setting_words("loras+lr", {"markers": 20, "loras_n_affine": 10, "lr_c": 1.0}, config)
    'LoRAS + lr with 20 markers, A 10, C 1'
    """
    said = []
    for name, value in varied.items():
        if len(getattr(config.space, name)) < 2:
            continue
        text = value_text(name, value)
        if name in _COUNTED:
            said.append(f"{text} {LISTS[name].words}")
        elif name in LISTS:
            said.append(f"{LISTS[name].words} {'automatic' if value is None else text}")
        else:
            said.append(f"markers by {text}" if name == "marker_test" else f"neighbours in {text}")
    return method_label(method) + (f" with {', '.join(said)}" if said else "")


def cost_sentence(cost: Estimate) -> str:
    """Say what a search is going to cost.

    Examples
    --------
    >>> cost_sentence(Estimate(61.0, 640_000_000, 120, 1800, 0))
    '120 settings, 1,800 fits, about 1 min, 0.6 GB'
    """
    settings = f"{count_text(cost.n_settings)} {'setting' if cost.n_settings == 1 else 'settings'}"
    gigabytes = max(cost.memory_bytes / 2**30, 0.1)
    fits = f"{count_text(cost.n_fits)} fits"
    return f"{settings}, {fits}, about {span(cost.seconds)}, {gigabytes:.1f} GB"


def result_sentence(result: SearchResult) -> str:
    """Say what the best setting scored in the search, and what the same search is really worth."""
    nested, score = result.nested, _SCORES[result.config.objective]
    n = count_text(result.n_settings)
    best = f"The best of {n} settings" if result.n_settings > 1 else "The only setting"
    if (last := int(result.table["rung"].max())) > 0:
        n_last = int((result.table["rung"] == last).sum())
        best += (
            f" (one of {n_last} in the last round)" if n_last > 1 else " (alone in the last round)"
        )
    calls = calls_sentence(nested.tp, nested.tp + nested.fn, nested.fp)
    return (
        f"{best} scored {score} {result.best_score:.2f} in the search that chose it; chosen anew "
        f"inside each training part it reaches {nested.score:.2f} ({nested.low:.2f} to "
        f"{nested.high:.2f}), {calls}."
    )


def chosen_again(result: SearchResult) -> str:
    """Say how often the same method won when one fold at a time was kept away from the search."""
    methods = Counter(fold.method for fold in result.nested.folds)
    n, same = len(result.nested.folds), methods[result.best_method]
    settings = sum(
        (fold.method, fold.varied) == (result.best_method, result.best_varied)
        for fold in result.nested.folds
    )
    winner = method_label(result.best_method)
    return (
        f"Without one fold at a time, {winner} won {same} of {n} times, with the very same "
        f"settings {settings} of {n} times."
    )


def searched_sentence(objective: str, score: float, low: float, high: float) -> str:
    """Say beside the scores of a training that a search chose its settings on the same cells.

    Parameters
    ----------
    objective : {"f1", "average_precision"}
        What the search went by.
    score, low, high : float
        Its nested score with its interval, 0–1.

    Examples
    --------
    >>> searched_sentence("f1", 0.86, 0.7, 0.95).partition("; ")[2]
    'nested cross-validation says F1 0.86 (0.70 to 0.95).'
    """
    return (
        "These settings were chosen by a search on the same cells, so their scores are too good; "
        f"nested cross-validation says {_SCORES[objective]} {score:.2f} ({low:.2f} to {high:.2f})."
    )


def outcome_words(summary: Mapping[str, Any]) -> str:
    """Say what came out of a search in one line of a list, from the summary of its run.

    Examples
    --------
    >>> outcome_words({"n_settings": 60, "objective": "f1", "score": 0.97, "nested": 0.91,
    ...                "nested_low": 0.74, "nested_high": 0.98})
    'Best F1 of 60 settings: 0.97 in the search, 0.91 (0.74 to 0.98) on unseen cells'
    """
    n, score = summary["n_settings"], _SCORES[summary["objective"]]
    best = f"Best {score} of {count_text(n)} setting{'' if n == 1 else 's'}"
    low, high = summary["nested_low"], summary["nested_high"]
    honest = f"{summary['nested']:.2f} ({low:.2f} to {high:.2f}) on unseen cells"
    return f"{best}: {summary['score']:.2f} in the search, {honest}"


def search_settings(config: SearchConfig) -> dict[str, str]:
    """Return what a search was made with, name on the screen to value in words."""
    space, base = config.space, config.base
    samplers = space.samplers or base.samplers
    classifiers = space.classifiers or base.classifiers
    said = {"Classifiers": ", ".join(classifiers)}
    said["Samplers"] = ", ".join(SAMPLERS[name].label for name in samplers)
    lists = {name: LISTS[name].label for name in matters(samplers, classifiers)}
    for name, label in ({"marker_test": "Marker test"} | lists).items():
        if values := getattr(space, name):
            said[label] = ", ".join(value_text(name, value) for value in values)
    if base.genes:
        said["Your own genes"] = ", ".join(base.genes)
    said["Search"] = STRATEGY_NAMES[config.strategy]
    if config.strategy != "grid":
        said["Settings to try"] = count_text(config.n_settings)
    said |= {"Goal": GOAL_NAMES[config.objective], "Folds": str(config.n_splits)}
    said |= {"Minimum fraction": f"{base.min_fraction:g}"}
    return said | {"Minimum log fold change": f"{base.min_logfc:g}", "Seed": str(config.seed)}
