"""A file is recognised by its content, read whole, or refused in plain words."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import warnings
import zipfile

import anndata as ad
import h5py
import numpy as np
import pytest
from scipy import sparse

import core
from core.data.formats import file_digest, read_h5ad, sniff
from core.errors import DataError
from tests.conftest import ROOT
from tests.files import cells, counts, dense, fingerprint, kept, write, write_bad_files, write_with


@pytest.fixture
def good(tmp_path):
    return write(cells(sparse.csr_matrix(counts())), tmp_path / "good.h5ad")


@pytest.mark.parametrize("name", ["cells.h5ad", "cells.csv", "cells", "CELLS.H5", "a b;é.txt"])
def test_an_h5ad_is_recognised_whatever_it_is_called(good, tmp_path, name):
    path = good.rename(tmp_path / name)
    assert sniff(path) == "h5ad"
    assert core.open_dataset(path).n_cells == 40


@pytest.mark.parametrize("name", ["nothing.h5ad", "."], ids=["no-such-file", "a-folder"])
def test_a_missing_file_is_refused(fresh_home, tmp_path, name):
    with pytest.raises(DataError, match="There is no file at") as refused:
        core.open_dataset(tmp_path / name)
    assert refused.value.code == "E-FILE-MISSING"
    assert kept(fresh_home) == []


def test_an_empty_file_is_refused(fresh_home, tmp_path):
    path = tmp_path / "cells.h5ad"
    path.touch()
    with pytest.raises(DataError, match=r"cells\.h5ad is empty \(0 bytes\)") as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-FILE-EMPTY"
    assert kept(fresh_home) == []


def zipped():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("matrix.mtx", "1 1 1")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        pytest.param(gzip.compress(b"gene,cell\n"), "a gzip file", id="gzip"),
        pytest.param(zipped(), "a zip archive", id="zip"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"0" * 50, "a PNG picture", id="png"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3", "a PDF document", id="pdf"),
        pytest.param(b"RDX3\nX\n\x00\x00", "an R data file", id="rdata"),
        pytest.param(pickle.dumps([1]), "a Python pickle", id="pickle"),
        pytest.param(b"<!doctype html>404", "a web page or XML file", id="html"),
        pytest.param(
            b"\r\n  <?xml version='1.0'?>", "a web page or XML file", id="xml-after-space"
        ),
        pytest.param(b"cell,CD3D\nc1,0\n", "a text file", id="csv"),
        pytest.param(("a" * 4095 + "é" * 9).encode(), "a text file", id="utf8-cut-in-a-letter"),
        pytest.param(("a" * 1023 + "é" * 9).encode(), "a text file", id="utf8"),
        pytest.param(bytes(range(129, 256)), "a file of an unknown kind", id="bytes"),
    ],
)
def test_what_is_no_h5ad_is_refused_by_what_it_looks_like(
    fresh_home, tmp_path, content, looks_like
):
    path = tmp_path / "upload.h5ad"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"no .h5ad file: it looks like {looks_like}") as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-NOT-H5AD"
    assert "write_h5ad" in refused.value.next_step
    assert kept(fresh_home) == []
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("groups", "looks_like"),
    [
        (["matrix", "row_attrs", "col_attrs"], "a loom file"),
        (["matrix"], r"a 10x Genomics .h5 file"),
        (["X", "obs"], "an HDF5 file without the tables `obs` and `var`"),
    ],
    ids=["loom", "10x", "other-hdf5"],
)
def test_other_hdf5_files_are_refused_by_their_name(fresh_home, tmp_path, groups, looks_like):
    path = tmp_path / "upload.h5ad"
    with h5py.File(path, "w") as file:
        for group in groups:
            file.create_group(group)
    with pytest.raises(DataError, match=looks_like) as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-NOT-H5AD"
    assert kept(fresh_home) == []


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_file_cut_short_is_refused(fresh_home, good, tmp_path, share):
    whole = good.read_bytes()
    cut = tmp_path / "cut.h5ad"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="cannot be read to its end") as refused:
        core.open_dataset(cut)
    assert refused.value.code == "E-H5AD-DAMAGED"
    assert kept(fresh_home) == []


def replace(name, value, *, keep_attributes=True):
    def change(file):
        attributes = dict(file[name].attrs)
        del file[name]
        file[name] = value
        if keep_attributes:
            file[name].attrs.update(attributes)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: f["X"].attrs.update({"encoding-type": "hologram"}), id="type"),
        pytest.param(lambda f: f["X"].attrs.update({"encoding-version": "99"}), id="version"),
        pytest.param(lambda f: f["obs"].attrs.pop("_index"), id="no-index"),
        pytest.param(lambda f: f["X"].pop("indices"), id="no-indices"),
        pytest.param(replace("obs", 1, keep_attributes=False), id="obs-is-a-number"),
        pytest.param(replace("obs", 1), id="obs-is-a-number-that-claims-a-table"),
        pytest.param(replace("X/indptr", np.array([])), id="no-pointers"),
        pytest.param(replace("X/indptr", np.array([b"a", b"b"])), id="pointers-are-text"),
        pytest.param(replace("X/indptr", np.arange(41.0)), id="pointers-are-fractions"),
        pytest.param(replace("X/data", np.array([b"a", b"b"])), id="values-are-text"),
        pytest.param(replace("obs/type/codes", np.arange(3)), id="too-few-labels"),
    ],
)
def test_a_file_damaged_inside_is_refused(fresh_home, tmp_path, change):
    path = write_with(cells(sparse.csr_matrix(counts())), tmp_path / "bad.h5ad", change)
    before = fingerprint(path)
    with pytest.raises(DataError, match=r"bad\.h5ad starts like an \.h5ad file") as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-H5AD-DAMAGED"
    assert kept(fresh_home) == []
    assert fingerprint(path) == before


OPEN_ALL = """
import sys, core
for path in sys.argv[1:]:
    try:
        core.open_dataset(path)
        print(path, "opened")
    except core.NeedleError as error:
        print(path, error.code)
"""


def test_sparse_pointers_out_of_bounds_are_refused_before_anything_follows_them(
    fresh_home, tmp_path
):
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
        "extra_data.h5ad": "E-H5AD-DAMAGED",
        "indices_negative.h5ad": "E-H5AD-DAMAGED",
        "indices_out.h5ad": "E-H5AD-DAMAGED",
        "indptr_down.h5ad": "E-H5AD-DAMAGED",
        "indptr_huge.h5ad": "E-H5AD-DAMAGED",
        "unsorted.h5ad": "opened",
    }
    assert len(kept(fresh_home)) == 1


def test_unsorted_pointers_give_the_same_values(tmp_path):
    matrix = sparse.csr_matrix(counts())
    stop = matrix.indptr[1]
    matrix.indices[:stop] = matrix.indices[:stop][::-1].copy()
    matrix.data[:stop] = matrix.data[:stop][::-1].copy()
    matrix.has_sorted_indices = False
    path = write(cells(matrix), tmp_path / "unsorted.h5ad")
    np.testing.assert_array_equal(core.open_dataset(path).stored_matrix().toarray(), counts())


@pytest.mark.parametrize("n_bytes", [1, 4096, 3_000_001])
def test_the_digest_is_sha256_of_all_bytes(tmp_path, n_bytes):
    path = tmp_path / "bytes"
    path.write_bytes(np.random.default_rng(0).bytes(n_bytes))
    assert file_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_reading_gives_what_was_written_and_leaves_the_file_alone(good):
    before = fingerprint(good)
    adata = read_h5ad(good)
    np.testing.assert_array_equal(dense(adata.X), counts())
    assert list(adata.obs["type"][:4]) == ["a", "b", "b", "a"]
    assert fingerprint(good) == before


def test_notes_of_anndata_do_not_reach_the_user(good, monkeypatch):
    def noisy(path):
        warnings.warn("an old layout", FutureWarning, stacklevel=1)
        return cells(counts())

    monkeypatch.setattr(ad, "read_h5ad", noisy)
    assert read_h5ad(good).n_obs == 40
