"""The file of a model: a skops archive without pickle, with a readable JSON header.

What is in the file belongs to whoever sent it: nothing of it is executed, and every part is checked
before it is handed on.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from core.config import Method, RareTask, TrainingConfig, config_from_dict, config_to_dict
from core.errors import ModelFileError

__all__ = ["read_header", "read_parts", "write_parts"]

_FORMAT = 1
_HEADER = "needle.json"
_CELL_ARRAYS = ("training_values", "training_is_rare")
_HEADER_FIELDS = ("method", "genes", "threshold", "metrics", "reference", "n_synthetic", "created")
# What zipfile, json and skops raise for a file that is cut short, altered or made up.
_UNREADABLE = (
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_parts(path: Path, parts: Mapping[str, Any]) -> None:
    """Write the parts of a model to a file, which stands there whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        File to write; an existing one is replaced.
    parts : mapping
        The fields of a :class:`core.RareCellModel` by name.
    """
    part = path.with_name(f".{path.name}.part")
    header = {
        "format": _FORMAT,
        "task": config_to_dict(parts["task"]),
        "config": config_to_dict(parts["config"]),
    } | {name: parts[name] for name in _HEADER_FIELDS}
    skops.io.dump(parts["pipeline"], part)
    with zipfile.ZipFile(part, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in _CELL_ARRAYS:
            content = io.BytesIO()
            np.save(content, parts[name], allow_pickle=False)
            archive.writestr(f"{name}.npy", content.getvalue())
        archive.writestr(_HEADER, json.dumps(header))
    os.replace(part, path)


def read_parts(path: Path) -> dict[str, Any]:
    """Read back what :func:`write_parts` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : pathlib.Path
        Model file.

    Returns
    -------
    dict
        The fields of a :class:`core.RareCellModel` by name, checked against each other.

    Raises
    ------
    ModelFileError
        Those of :func:`read_header`, ``E-MODEL-FORMAT`` for another format, or
        ``E-MODEL-UNTRUSTED`` when the file wants types that no Needle model has.
    """
    header = read_header(path)
    if header.get("format") != _FORMAT:
        raise ModelFileError(
            f"{path.name} has model format {header.get('format')}; this Needle reads {_FORMAT}.",
            code="E-MODEL-FORMAT",
            next_step="Update Needle, or save the model again with this version.",
        )
    try:
        surplus = skops.io.get_untrusted_types(file=path)
        if surplus:
            raise _untrusted(path, surplus)
        return _assemble(header, skops.io.load(path, trusted=[]), _read_cells(path))
    except _UNREADABLE as error:
        raise _damaged(path) from error


def read_header(path: Path) -> dict[str, Any]:
    """Read the JSON header of a model file without loading the model.

    Raises
    ------
    ModelFileError
        ``E-MODEL-MISSING``, ``E-MODEL-PICKLE``, ``E-MODEL-FILE`` or ``E-MODEL-DAMAGED``.
    """
    if not path.exists():
        raise ModelFileError(
            f"The model {path.name} is not there any more.",
            code="E-MODEL-MISSING",
            next_step="Train it again, or choose another model.",
        )
    head = _first_bytes(path)
    if _is_pickle(head):
        raise ModelFileError(
            f"{path.name} is a Python pickle. Opening one runs whatever code is in it, "
            "so Needle never does.",
            code="E-MODEL-PICKLE",
            next_step="Ask for the .skops file that `Save model` writes.",
        )
    if not head.startswith(b"PK"):
        raise _no_model(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if _HEADER not in archive.namelist():
                raise _no_model(path)
            header = json.loads(archive.read(_HEADER))
    except _UNREADABLE as error:
        raise _damaged(path) from error
    if not isinstance(header, dict):
        raise _damaged(path)
    return header


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise _no_model(path) from error


def _is_pickle(head: bytes) -> bool:
    """Whether a file starts like a pickle, or like one that joblib compressed."""
    with suppress(zlib.error):  # raised by what is not compressed
        # At most one byte is unpacked; 47 lets zlib take its own and gzip's layout.
        head = zlib.decompressobj(wbits=47).decompress(head, 1)
    return head.startswith(b"\x80")


def _read_cells(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        contents = {name: io.BytesIO(archive.read(f"{name}.npy")) for name in _CELL_ARRAYS}
    return {name: np.load(content, allow_pickle=False) for name, content in contents.items()}


def _assemble(
    header: dict[str, Any], pipeline: Pipeline, cells: dict[str, np.ndarray]
) -> dict[str, Any]:
    fields = {name: header[name] for name in _HEADER_FIELDS}
    fields["genes"] = tuple(fields["genes"])
    _check_header(fields, pipeline)
    _check_cells(fields, **cells)
    return (
        fields
        | cells
        | {
            "task": config_from_dict(RareTask, header["task"]),
            "config": config_from_dict(TrainingConfig, header["config"]),
            "pipeline": pipeline,
        }
    )


def _check_header(fields: dict[str, Any], pipeline: Pipeline) -> None:
    """Raise ValueError (or what comes of a wrong type) for a header that is not this pipeline's."""
    scaler, classifier = (step for _, step in pipeline.steps)
    if type(scaler) is not StandardScaler or list(classifier.classes_) != [False, True]:
        raise ValueError("not a scaler followed by a classifier of rare cells")
    if {scaler.n_features_in_, classifier.n_features_in_} != {len(fields["genes"])}:
        raise ValueError("the header's genes do not belong to this pipeline")
    if not 0 <= fields["threshold"] <= 1:
        raise ValueError("the threshold is no score")
    Method.parse(fields["method"])
    fields["reference"]["name"]


def _check_cells(
    fields: dict[str, Any], training_values: np.ndarray, training_is_rare: np.ndarray
) -> None:
    """Raise ValueError for training cells that do not belong to the header."""
    n_cells, n_genes = training_values.shape
    if n_genes != len(fields["genes"]) or training_is_rare.shape != (n_cells,):
        raise ValueError("the training cells do not belong to this header")
    if training_is_rare.dtype != bool or not np.isfinite(training_values).all():
        raise ValueError("the training cells are no expression")


def _no_model(path: Path) -> ModelFileError:
    return ModelFileError(
        f"{path.name} is no model that Needle wrote.",
        code="E-MODEL-FILE",
        next_step="Choose a .skops file from `Save model`.",
    )


def _damaged(path: Path) -> ModelFileError:
    return ModelFileError(
        f"{path.name} is damaged: it is cut short, or was altered after it was saved.",
        code="E-MODEL-DAMAGED",
        next_step="Download or save it again.",
    )


def _untrusted(path: Path, types: list[str]) -> ModelFileError:
    return ModelFileError(
        f"{path.name} wants to load {', '.join(types[:3])}, which no Needle model contains.",
        code="E-MODEL-UNTRUSTED",
        next_step="Do not use this file; ask its sender for a model saved by Needle.",
    )
