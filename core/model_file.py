"""The file of a model: a skops archive without pickle, with a readable JSON header and a seal.

What is in the file belongs to whoever sent it: nothing of it is executed, and every part is checked
before it is handed on.

A file of format 3 is a zip archive of exactly these parts:

``needle.json``
    The header: ``format`` (3), ``needle`` (version that wrote it), ``task``, ``config``,
    ``method``, ``genes``, ``threshold``, ``metrics``, ``reference``, ``n_synthetic``, ``created``,
    ``context`` (``genes`` and ``types``).
``schema.json`` and arrays named by digits
    The fitted scaler and classifier as skops writes them, of types in
    :data:`core.model_trust.TRUSTED` and no others.
``training_values.npy``, ``training_is_rare.npy``
    Expression of the reference's labelled cells, and which of them are the rare type.
``context_values.npy``, ``training_types.npy``
    Their expression of the other types' markers, and their types as indices into ``types``.

Its last 64 bytes are the SHA-256 of all bytes before them; see :mod:`core.model_archive`. Format 1,
of Needle 0.1.0, has neither the seal nor ``needle``, and format 2 no context; both stay readable.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from core.context import ReferenceContext
from core.model_archive import (
    SEAL_ROOM,
    check_members,
    check_surplus,
    open_archive,
    read_array,
    seal,
)
from core.model_checks import check_cells, check_context, check_pipeline
from core.model_header import context_from_header, fields_from_header, header_from_fields
from core.model_refusals import no_model, other_format
from core.model_trust import TRUSTED_TYPES, check_schema
from core.version import __version__

__all__ = ["read_header", "read_parts", "write_parts"]

FORMAT = 3
_READABLE = (1, 2, 3)
_FIRST_SEALED = 2
_FIRST_WITH_CONTEXT = 3
_HEADER = "needle.json"
_SCHEMA = "schema.json"
_CELL_ARRAYS = ("training_values", "training_is_rare")
_CONTEXT_ARRAYS = ("context_values", "training_types")


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
    version = FORMAT if parts["context"] is not None else _FIRST_WITH_CONTEXT - 1
    header = {"format": version, "needle": __version__} | header_from_fields(parts)
    try:
        skops.io.dump(parts["pipeline"], part)
        with zipfile.ZipFile(part, "a") as archive:
            context = parts["context"]
            arrays = {name: parts[name] for name in _CELL_ARRAYS}
            if context is not None:
                arrays |= dict(zip(_CONTEXT_ARRAYS, (context.values, context.codes), strict=True))
            for name, values in arrays.items():
                _add_array(archive, f"{name}.npy", values)
            archive.writestr(_HEADER, json.dumps(header, allow_nan=False))
            archive.comment = SEAL_ROOM
        seal(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _add_array(archive: zipfile.ZipFile, member: str, values: np.ndarray) -> None:
    content = io.BytesIO()
    np.save(content, values, allow_pickle=False)
    # Nearly nothing but zeros would pack as tightly as the traps that a reader refuses.
    is_empty = 100 * np.count_nonzero(values) < values.size
    method = zipfile.ZIP_STORED if is_empty else zipfile.ZIP_DEFLATED
    archive.writestr(member, content.getvalue(), compress_type=method)


def read_parts(path: Path) -> dict[str, Any]:
    """Read back what :func:`write_parts` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : pathlib.Path
        Model file, of this or an older format.

    Returns
    -------
    dict
        The fields of a :class:`core.RareCellModel` by name, checked against each other.

    Raises
    ------
    ModelFileError
        Those of :func:`read_header`; ``E-MODEL-UNTRUSTED`` when the file wants types that no Needle
        model has, ``E-MODEL-CONTENT`` when it holds parts that none has.
    """
    with open_archive(path) as (file, archive):
        header = _header(archive, path.name)
        schema = json.loads(archive.read(_SCHEMA))
        arrays = check_schema(schema, path.name)
        has_context = header["format"] >= _FIRST_WITH_CONTEXT
        names = _CELL_ARRAYS + (_CONTEXT_ARRAYS if has_context else ())
        cells = [f"{name}.npy" for name in names]
        check_surplus(archive, {_HEADER, _SCHEMA, *cells, *arrays}, path.name)
        _require_seal(header, archive)
        for member in arrays:
            read_array(archive, member)
        values, is_rare, *context = (read_array(archive, member) for member in cells)
        pipeline = skops.io.load(file, trusted=sorted(TRUSTED_TYPES))
        fields = fields_from_header(header)
        check_cells(fields, values, is_rare)
        if has_context:
            genes, types = context_from_header(header)
            fields["context"] = ReferenceContext(genes, context[0], types, context[1])
            check_context(fields, is_rare)
        check_pipeline(fields, pipeline, values)
    return fields | dict(zip(_CELL_ARRAYS, (values, is_rare), strict=True)) | {"pipeline": pipeline}


def read_header(path: Path) -> dict[str, Any]:
    """Read the JSON header of a model file without loading the model.

    Parameters
    ----------
    path : pathlib.Path
        Model file, of this or an older format.

    Returns
    -------
    dict
        The header as it stands in the file; its values are checked by :func:`read_parts` alone.

    Raises
    ------
    ModelFileError
        ``E-MODEL-MISSING``, ``E-MODEL-PICKLE``, ``E-MODEL-FILE``, ``E-MODEL-CONTENT``,
        ``E-MODEL-FORMAT`` or ``E-MODEL-DAMAGED``.
    """
    with open_archive(path) as (_, archive):
        header = _header(archive, path.name)
        _require_seal(header, archive)
    return header


def _header(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """Return the header of an archive that could be a model, of a format that is known."""
    if _HEADER not in archive.namelist():
        raise no_model(name)
    check_members(archive, name)
    header = json.loads(archive.read(_HEADER))
    version = header.get("format")
    if type(version) is not int or version not in _READABLE:
        raise other_format(name, version, _READABLE)
    return header


def _require_seal(header: dict[str, Any], archive: zipfile.ZipFile) -> None:
    """Raise ValueError for a file without the seal that its format has.

    A wrong seal is known by now. A file that was packed anew has none, and when it also wants what
    it must not have, that is said first.
    """
    if header["format"] >= _FIRST_SEALED and not archive.comment:
        raise ValueError("the seal is missing")
