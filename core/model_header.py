"""The header of a model file, ``needle.json``: plain values, each of them checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.config import (
    ClassifierConfig,
    LorasConfig,
    Method,
    ProwrasConfig,
    RareTask,
    TrainingConfig,
    config_from_dict,
    config_to_dict,
)
from core.config_checks import is_number
from core.oversampling.settings import check_settings

__all__ = ["context_from_header", "fields_from_header", "header_from_fields"]

_PLAIN = ("method", "genes", "threshold", "metrics", "reference", "n_synthetic", "created")
# The settings within the settings, and what they are built as; all but LoRAS check themselves.
_NESTED = {"loras": LorasConfig, "prowras": ProwrasConfig, "classifier": ClassifierConfig}
_COUNTS = ("n_cells", "n_rare")
_MOST = 2**53  # whole numbers below it are exact as floating point, and in any JSON
_YEARS = range(2000, 2201)  # far enough from a calendar's ends for any time zone


def header_from_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a model's fields that the header holds, as plain values for JSON."""
    header = {
        "task": config_to_dict(fields["task"]),
        "config": config_to_dict(fields["config"]),
    } | {name: fields[name] for name in _PLAIN}
    context = fields["context"]
    if context is not None:
        header["context"] = {"genes": list(context.genes), "types": list(context.types)}
    return header


def fields_from_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """Read back what :func:`header_from_fields` made, from a header that anybody may have written.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError
        For a value that is missing, of another type or impossible.
    """
    fields = {name: header[name] for name in _PLAIN}
    fields["task"] = config_from_dict(RareTask, header["task"])
    fields["config"] = config_from_dict(TrainingConfig, header["config"])
    fields["genes"] = _genes(header["genes"])
    _check_texts(fields["task"].label, fields["task"].rare, fields["method"], fields["created"])
    _check_nested(fields["config"], Method.parse(fields["method"]))
    _check_date(fields["created"])
    if not (is_number(fields["threshold"]) and 0 <= fields["threshold"] <= 1):
        raise ValueError("the threshold is no score")
    _check_metrics(fields["metrics"])
    _check_reference(fields["reference"])
    _check_counts(fields["n_synthetic"])
    return fields


def context_from_header(header: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the names of a model's context: its genes, none of which is a marker, and all types.

    Raises
    ------
    ValueError, TypeError, LookupError
        As :func:`fields_from_header`.
    """
    genes = _names(header["context"]["genes"])
    types = _names(header["context"]["types"])
    if set(genes) & set(header["genes"]) or header["task"]["rare"] not in types:
        raise ValueError("the context does not belong to this header")
    return genes, types


def _genes(genes: Any) -> tuple[str, ...]:
    if not genes:
        raise ValueError("a model without genes")
    return _names(genes)


def _names(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list):
        raise ValueError("the names are no list")
    _check_texts(*names)
    if len(set(names)) < len(names):
        raise ValueError("a name comes twice")
    return tuple(names)


def _check_texts(*values: Any) -> None:
    if not all(isinstance(value, str) for value in values):
        raise ValueError("a name is no text")


def _check_date(text: str) -> None:
    date = datetime.fromisoformat(text)
    if date.tzinfo is None or date.year not in _YEARS:
        raise ValueError("the date has no zone, or is none of a model")


def _check_nested(config: TrainingConfig, method: Method) -> None:
    for name, kind in _NESTED.items():
        if not isinstance(getattr(config, name), kind):
            raise TypeError(f"the settings named {name} are none")
    if method.sampler.startswith("loras"):
        check_settings(config.loras)


def _check_counts(*values: Any) -> None:
    if not all(type(value) is int and 0 <= value < _MOST for value in values):
        raise ValueError("a count is no whole number, or larger than any")


def _check_metrics(metrics: Any) -> None:
    if not all(value is None or is_number(value) for value in metrics.values()):
        raise ValueError("a score is no number")


def _check_reference(reference: Any) -> None:
    _check_texts(reference["name"], reference["digest"])
    _check_counts(*(reference[name] for name in _COUNTS))
    depth = reference.get("depth")
    if depth is not None and not (type(depth) in (int, float) and is_number(depth) and depth > 0):
        raise ValueError("the counts per cell are no number")
