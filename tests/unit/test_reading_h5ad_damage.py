"""An .h5ad file that is damaged, or in a layout that is not known, is refused in plain words."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest
from scipy import sparse

from core.errors import DataError
from tests.conftest import ROOT
from tests.files import cells, fingerprint, write, write_bad_files, write_with
from tests.hdf5_files import VALUES, codes, read


def put(name, value, **attributes):
    def change(file):
        if name in file:
            attributes.update({**dict(file[name].attrs), **attributes})
            del file[name]
        file[name] = value
        file[name].attrs.update(attributes)

    return change


def encoded(name, kind, version="0.1.0"):
    return lambda f: f[name].attrs.update({"encoding-type": kind, "encoding-version": version})


NEWER = {
    "type-of-x": (encoded("X", "hologram"), r"'/X' as 'hologram', version '0.1.0'"),
    "version-of-x": (encoded("X", "csr_matrix", "99"), "version '99'"),
    "version-of-obs": (encoded("obs", "dataframe", "0.3.0"), "'/obs' as 'dataframe'"),
    "version-of-file": (encoded("/", "anndata", "2.0"), "'/' as 'anndata', version '2.0'"),
    "mudata-of-nothing": (encoded("/", "MuData"), "'/' as 'MuData'"),
}


@pytest.mark.parametrize(("change", "says"), NEWER.values(), ids=NEWER)
def test_a_layout_that_is_not_known_is_named(tmp_path, change, says):
    path = write_with(cells(sparse.csr_matrix(VALUES)), tmp_path / "new.h5ad", change)
    with pytest.raises(DataError, match=says) as refused:
        read(path)
    assert refused.value.code == "E-LAYOUT-NEWER"


@pytest.mark.parametrize(
    "change",
    [encoded("obs/type", "hologram"), put("obs/type", np.zeros((40, 2)))],
    ids=["unknown", "two-dimensional"],
)
def test_a_column_that_cannot_be_read_is_left_out_and_named(tmp_path, change):
    found = read(write_with(cells(VALUES), tmp_path / "x.h5ad", change))
    assert codes(found) == ["W-COLUMNS-LEFT-OUT"]
    assert "'type'" in found.findings[0].message
    assert list(found.adata.obs) == []


DAMAGE = {
    "no-index": lambda f: f["obs"].pop("_index"),
    "no-column": lambda f: f["obs"].pop("type"),
    "no-indices": lambda f: f["X"].pop("indices"),
    "other-shape": lambda f: f["X"].attrs.update({"shape": [24, 40]}),
    "obs-is-a-number": put("obs", 1),
    "no-pointers": put("X/indptr", np.array([])),
    "pointers-are-text": put("X/indptr", np.array([b"a", b"b"])),
    "pointers-are-fractions": put("X/indptr", np.arange(41.0)),
    "pointers-begin-later": lambda f: f["X/indptr"].__setitem__(0, 1),
    "pointers-go-down": lambda f: f["X/indptr"].__setitem__(5, 0),
    "pointers-end-early": lambda f: f["X/indptr"].__setitem__(40, 3),
    "values-are-text": put("X/data", np.array([b"a", b"b"])),
    "values-are-a-table": put("X/data", np.zeros((3, 3))),
    "values-are-missing": put("X/data", np.zeros(3)),
    "places-outside": lambda f: f["X/indices"].__setitem__(3, 24),
    "places-negative": lambda f: f["X/indices"].__setitem__(3, -1),
    "places-beyond-32-bits": put("X/indices", np.full(np.count_nonzero(VALUES), 2**40)),
    "x-is-a-number": put("X", 1.0),
    "x-is-a-list": put("X", np.zeros(40)),
    "x-is-wider": put("X", np.zeros((40, 25))),
    "x-is-text": put("X", np.full((40, 24), b"a")),
    "too-few-labels": put("obs/type/codes", np.zeros(3, "i1")),
    "labels-of-no-category": put("obs/type/codes", np.full(40, 7, "i1")),
    "labels-below-none": put("obs/type/codes", np.full(40, -3, "i1")),
    "categories-twice": put("obs/type/categories", np.array([b"a", b"a"])),
    "categories-are-a-table": put("obs/type/categories", np.zeros((2, 2))),
    "too-few-names": put("var/_index", np.array([b"a", b"b"])),
    "names-are-a-table": put("var/_index", np.zeros((24, 2))),
    "umap-of-other-cells": put("obsm/X_umap", np.zeros((7, 2))),
    "layer-of-other-genes": put("layers/counts", np.zeros((40, 3))),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_file_damaged_inside_is_refused(tmp_path, change):
    adata = cells(sparse.csr_matrix(VALUES))
    adata.obs["type"] = adata.obs["type"].astype("category")

    def damage(file):
        change(file)
        if isinstance(file["X"], h5py.Dataset):
            file["X"].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})

    path = write_with(adata, tmp_path / "bad.h5ad", damage)
    before = fingerprint(path)
    with pytest.raises(DataError, match=r"bad\.h5ad (is damaged|starts like an \.h5ad)") as refused:
        read(path)
    assert refused.value.code == "E-FILE-DAMAGED"
    assert fingerprint(path) == before


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_file_cut_short_is_refused(tmp_path, share):
    path = write(cells(sparse.csr_matrix(VALUES)), tmp_path / "cut.h5ad")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataError, match="cannot be read to its end") as refused:
        read(path)
    assert refused.value.code == "E-FILE-DAMAGED"


OPEN_ALL = """
import sys
from tests.hdf5_files import read, codes
from core.errors import DataError
for path in sys.argv[1:]:
    try:
        print(path, *codes(read(__import__("pathlib").Path(path))))
    except DataError as error:
        print(path, error.code)
"""


def test_sparse_pointers_out_of_bounds_are_refused_before_anything_follows_them(tmp_path):
    folder = write_bad_files("file_bad_csr", tmp_path)
    paths = sorted(folder.glob("bad_csr_*.h5ad"))
    # In a process of its own: followed, such pointers end the whole process.
    command = [sys.executable, "-c", OPEN_ALL, *map(str, paths)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert {path.rsplit("bad_csr_", 1)[1]: code for path, code in said.items()} == {
        "extra_data.h5ad": "E-FILE-DAMAGED",
        "indices_negative.h5ad": "E-FILE-DAMAGED",
        "indices_out.h5ad": "E-FILE-DAMAGED",
        "indptr_down.h5ad": "E-FILE-DAMAGED",
        "indptr_huge.h5ad": "E-FILE-DAMAGED",
        "unsorted.h5ad": "F-ORDER",
    }
