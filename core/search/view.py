"""A search as tables for a reader: what its settings can be laid out by, and the best of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from core.classifiers import CLASSIFIERS
from core.config import TrainingConfig
from core.oversampling import SAMPLERS
from core.phrases import calls_sentence
from core.search.parameters import LISTS, base_value, matters
from core.search.result import SettingResult
from core.search.settings import list_settings
from core.search.space import SearchConfig
from core.search.words import value_text
from core.text import method_label

__all__ = ["Axis", "axes", "best_table", "place_settings", "ranked", "same_search", "use_setting"]

NOT_USED = "not used"
_WORDS = {"method": "Method", "sampler": "Sampler", "classifier": "Classifier"}
_WORDS |= {"marker_test": "Marker test", "loras_neighbour_space": "Neighbours are sought in"}
_LABELS = _WORDS | {name: one.label for name, one in LISTS.items()}
# Settings of a training that a search has its own of.
_NOT_SEARCHED = (
    "n_splits", "n_repeats", "seed", "goal", "markers_from", "samplers", "classifiers",
)  # fmt: skip
_SCORES = {"f1": "F1", "average_precision": "AP, mean of folds"}


class Axis(NamedTuple):
    """Name of a parameter on the screen, and its values there in order."""

    label: str
    values: tuple[str, ...]


def axes(config: SearchConfig) -> dict[str, Axis]:
    """Return what the settings of a search can be laid out by: all that differs between them.

    Parameters
    ----------
    config : SearchConfig
        The search.

    Returns
    -------
    dict of str to Axis
        By ``"method"``, ``"sampler"``, ``"classifier"`` or the field of :class:`SearchSpace`, the
        method always among them. Values that only some methods have end with ``"not used"``.
    """
    settings = [_facts(str(one.method), one.varied) for one in list_settings(config)]
    found = {name: Axis(label, _values(name, settings)) for name, label in _LABELS.items()}
    return {name: axis for name, axis in found.items() if name == "method" or len(axis.values) > 1}


def ranked(results: Iterable[SettingResult], *, best: int | None = None) -> list[SettingResult]:
    """Return every setting once, the best first.

    With halving, settings that got further stand first: their scores come from more cells. What
    only a race with one fold held back needed is left out, as it has no part in who wins.

    Parameters
    ----------
    results : iterable of SettingResult
        In any order; of a setting that the main race tried in several rungs the last one counts.
    best : int or None
        Number of the setting that won, which stands first among those that score alike.
    """
    last = {one.index: one for one in sorted(results, key=lambda one: one.key) if one.main}
    return sorted(
        last.values(), key=lambda one: (-one.rung, -one.score, one.index != best, one.index)
    )


def place_settings(results: Sequence[SettingResult], across: str, down: str) -> pd.DataFrame:
    """Return where each setting stands in a map by two parameters, and its score.

    Returns
    -------
    DataFrame
        Columns ``across`` and ``down`` (values of :func:`axes`), ``score`` (0–1) and ``round`` that
        it is from (from 1).
    """
    facts = [_facts(one.method, one.varied) for one in results]
    return pd.DataFrame(
        {
            "across": [_text(across, one) for one in facts],
            "down": [_text(down, one) for one in facts],
            "score": [one.score for one in results],
            "round": [one.rung + 1 for one in results],
        }
    )


def best_table(
    results: Sequence[SettingResult], names: Mapping[str, Axis], config: SearchConfig
) -> pd.DataFrame:
    """Put settings into a table for reading: method, score, interval, calls and what varied.

    With halving, whose scores come from more cells in every round, there is the round, too.

    Parameters
    ----------
    results : sequence of SettingResult
        One row each, in this order.
    names : mapping of str to Axis
        As from :func:`axes`; method, sampler and classifier make one column.
    config : SearchConfig
        The search.
    """
    facts = [_facts(one.method, one.varied) for one in results]
    table = {
        "Method": [method_label(one.method) for one in results],
        _SCORES[config.objective]: [one.score for one in results],
        "Interval": [f"{one.low:.2f} to {one.high:.2f}" for one in results],
        "Calls": [calls_sentence(one.tp, one.tp + one.fn, one.fp) for one in results],
    }
    if config.strategy == "halving":
        table["Round"] = [one.rung + 1 for one in results]
    for name in names:
        if name not in ("method", "sampler", "classifier"):
            short = LISTS[name].short if name in LISTS else _WORDS[name]
            table[short] = [_text(name, one).replace(NOT_USED, "–") for one in facts]
    return pd.DataFrame(table)


def use_setting(config: SearchConfig, method: str, varied: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration of one of a search's settings, ready for a training.

    Raises
    ------
    LookupError
        When the search has no such setting.
    """
    for setting in list_settings(config):
        if (str(setting.method), setting.varied) == (method, dict(varied)):
            return setting.config
    raise LookupError(f"The search has no setting {method} with {dict(varied)}.")


def same_search(one: SearchConfig, other: SearchConfig) -> bool:
    """Whether two searches do the same: of what varies in them the base's own value counts not."""
    return _reduced(one) == _reduced(other)


def _reduced(config: SearchConfig) -> SearchConfig:
    """Take out the candidates that matter for no method, and all of the base that is not used."""
    names, usual, base = ("marker_test", *LISTS), TrainingConfig(), config.base
    samplers, classifiers = (
        getattr(config.space, name) or getattr(base, name) for name in ("samplers", "classifiers")
    )
    used = {"marker_test", *matters(samplers, classifiers)}
    used -= {"markers", "marker_test"} if base.genes else set()
    space = replace(config.space, **{name: () for name in names if name not in used})
    loras, classifier = base.loras, base.classifier
    for name in names:
        if name in used and not getattr(space, name):
            continue  # what does not vary has the base's value
        value = base_value(usual, name)
        if name.startswith("loras_"):
            loras = replace(loras, **{name.removeprefix("loras_"): value})
        elif hasattr(base, name):
            base = replace(base, **{name: value})
        else:
            classifier = replace(classifier, **{name: value})
    changes = {name: getattr(usual, name) for name in _NOT_SEARCHED}
    base = replace(base, **changes, loras=loras, classifier=classifier)
    n_settings = 1 if config.strategy == "grid" else config.n_settings
    return replace(config, space=space, base=base, n_settings=n_settings)


def _facts(method: str, varied: Mapping[str, Any]) -> dict[str, Any]:
    sampler, _, classifier = method.partition("+")
    return {"method": method, "sampler": sampler, "classifier": classifier} | dict(varied)


def _values(name: str, settings: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    values = list(dict.fromkeys(one[name] for one in settings if name in one))
    if name in LISTS:
        values.sort(key=lambda value: (value is not None, value or 0))
    texts = [_text(name, {name: value}) for value in values]
    is_everywhere = all(name in one for one in settings)
    return (*texts, *([NOT_USED] if texts and not is_everywhere else []))


def _text(name: str, facts: Mapping[str, Any]) -> str:
    if name not in facts:
        return NOT_USED
    if name == "method":
        return method_label(facts[name])
    if name == "sampler":
        return SAMPLERS[facts[name]].label
    return CLASSIFIERS[facts[name]].label if name == "classifier" else value_text(name, facts[name])
