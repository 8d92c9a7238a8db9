"""Model files as somebody alters them who knows how they are made."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import Pipeline

from core.errors import ModelFileError
from core.model import load_model

CONTEXT_PARTS = ("context_values.npy", "training_types.npy")
PARTS = (
    "needle.json",
    "schema.json",
    "training_values.npy",
    "training_is_rare.npy",
    *CONTEXT_PARTS,
)


def refused(path, code, match=None):
    """Make sure that loading a file is refused with this code, and return the error."""
    with pytest.raises(ModelFileError, match=match) as caught:
        load_model(path)
    assert caught.value.code == code, caught.value
    assert caught.value.next_step
    return caught.value


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts, *, sealed=True, compression=zipfile.ZIP_STORED):
    """Write an archive, and seal it by the words of the docstring, not by Needle's code."""
    with zipfile.ZipFile(path, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one name is there twice
        for name, content in parts.items() if isinstance(parts, dict) else parts:
            archive.writestr(name, content)
        archive.comment = b"0" * 64 if sealed else b""
    if sealed:
        body = path.read_bytes()[:-64]
        path.write_bytes(body + hashlib.sha256(body).hexdigest().encode())


def rewrite(path, part, content, *, sealed=True):
    """Replace one part of a model file, or add one."""
    write(path, parts_of(path) | {part: content}, sealed=sealed)


def change_header(path, **changes):
    header = json.loads(parts_of(path)["needle.json"])
    rewrite(path, "needle.json", json.dumps(header | changes))


def change_context(path, **changes):
    """Change the names of a context, in the header."""
    context = json.loads(parts_of(path)["needle.json"])["context"]
    change_header(path, context=context | changes)


def change_array(path, part, change):
    """Replace an array by what `change` makes of it."""
    rewrite(path, part, npy(change(np.load(io.BytesIO(parts_of(path)[part])))))


def without(path, part):
    """Take one part out of a model file."""
    write(path, {name: content for name, content in parts_of(path).items() if name != part})


def npy(array):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def with_object(path, thing):
    """Put another object under this model's header and cells."""
    ours = {name: content for name, content in parts_of(path).items() if name in PARTS}
    skops.io.dump(thing, path)
    write(path, ours | parts_of(path))


def cell_shape(path):
    return np.load(io.BytesIO(parts_of(path)["training_values.npy"])).shape


def fitted(*steps, n_genes=5, classes=(False, True)):
    values = np.random.default_rng(0).normal(size=(20, n_genes))
    labels = np.array(classes)[np.arange(20) % len(classes)]
    return Pipeline([(str(i), step) for i, step in enumerate(steps)]).fit(values, labels)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")
