"""What a model file may be made of: a fixed list, shorter than the one that skops trusts by itself.

A skops archive names, in ``schema.json``, the type of every object in it and the kind of node that
builds it. Both together must be on the list, whatever skops itself would say: it trusts all of
scikit-learn and numpy, and most of that is none of a model's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.model_refusals import untrusted

__all__ = ["TRUSTED", "TRUSTED_TYPES", "check_schema"]

# A seed or a number of neighbours may have come as one of these.
_WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
# Classes of Needle, by the places where files look for them: they stay there for good.
_OURS = (
    "gradient_boosting.GradientBoosting",
    "linear_svm.LinearSvm",
    "nearest_neighbours.WeightedNeighbours",
    "neural_network.NeuralNetwork",
    "random_forest.RandomForest",
)
# Kind of node and type. A classifier that is added to the registry adds its type here, and
# nothing is ever taken away: files of older versions stay readable. Only what holds plain values
# and arrays gets in. The compiled trees of scikit-learn never do: they take the indices in them on
# trust, and so the classes of Needle keep arrays instead, which core.model_checks looks through.
TRUSTED = frozenset(
    {
        ("DictNode", "builtins.dict"),
        ("JsonNode", "builtins.str"),
        ("ListNode", "builtins.list"),
        ("TupleNode", "builtins.tuple"),
        ("TypeNode", "builtins.str"),
        ("NdArrayNode", "numpy.float64"),
        ("NdArrayNode", "numpy.ndarray"),
        *(("NdArrayNode", f"numpy.{name}") for name in _WHOLE),
        *(("ObjectNode", f"core.classifiers.{name}") for name in _OURS),
        ("ObjectNode", "sklearn.linear_model._logistic.LogisticRegression"),
        ("ObjectNode", "sklearn.neighbors._classification.KNeighborsClassifier"),
        ("ObjectNode", "sklearn.pipeline.Pipeline"),
        ("ObjectNode", "sklearn.preprocessing._data.StandardScaler"),
    }
)
TRUSTED_TYPES = frozenset(type_name for _, type_name in TRUSTED)

# Older protocols of skops build some nodes in other ways, and no Needle model has one.
_PROTOCOLS = (2,)
_NODE_KEYS = {"__class__", "__module__", "__loader__"}


def check_schema(schema: dict[str, Any], name: str) -> set[str]:
    """Make sure that a schema names nothing but what Needle's own models contain.

    Parameters
    ----------
    schema : dict
        Content of ``schema.json``.
    name : str
        What messages call the file.

    Returns
    -------
    set of str
        The parts of the archive that hold the arrays of these objects.

    Raises
    ------
    ModelFileError
        ``E-MODEL-UNTRUSTED``, naming what is not on the list.
    ValueError
        For a schema of another protocol, or one that lacks what belongs to a node.
    """
    nodes = list(_nodes(schema))
    strangers = {stranger for node in nodes if (stranger := _stranger(node))}
    if strangers:
        raise untrusted(name, strangers)
    if not nodes or schema.get("protocol") not in _PROTOCOLS:
        raise ValueError("no schema of a protocol that Needle writes")
    return {node["file"] for node in nodes if node["__loader__"] == "NdArrayNode"}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema that names a type, or any part of one."""
    # A list of what is still to be looked at: a schema may be deeper than calls can be nested.
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if _NODE_KEYS & value.keys():
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _stranger(node: dict[str, Any]) -> str | None:
    """Name what is not trusted about a node."""
    kind, type_name = node.get("__loader__"), f"{node.get('__module__')}.{node.get('__class__')}"
    if (kind, type_name) in TRUSTED:
        holds_objects = kind == "NdArrayNode" and node.get("type") != "numpy"
        return f"{type_name} of objects" if holds_objects else None
    return f"{type_name} ({kind})" if type_name in TRUSTED_TYPES else type_name
