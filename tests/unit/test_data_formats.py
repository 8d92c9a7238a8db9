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
from core.data import links
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


CANARY = b"CANARY-7f3a-DO-NOT-LEAK"


def require_refused_links(home, path):
    with pytest.raises(DataError, match="refers to other files or places, which Needle") as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-H5AD-LINKS"
    assert refused.value.message.startswith(path.name)
    assert "adata.write_h5ad" in refused.value.next_step
    assert kept(home) == []


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("hdf5_external_link", "hdf5_external_link_abs.h5ad"),
        ("hdf5_external_link", "hdf5_external_link_rel.h5ad"),
        ("hdf5_external_storage", "hdf5_external_storage.h5ad"),
        ("hdf5_virtual_dataset", "hdf5_virtual_dataset.h5ad"),
    ],
)
def test_a_file_that_borrows_from_others_is_refused_before_anndata_sees_it(
    fresh_home, tmp_path, monkeypatch, case, name
):
    folder = write_bad_files(case, tmp_path)
    monkeypatch.setattr(ad, "read_h5ad", lambda path: pytest.fail("anndata saw it"))
    require_refused_links(fresh_home, folder / name)


def everything_at(home):
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("place", ["obs/leak", "uns/leak", "layers/leak", "obsm/deep/leak"])
@pytest.mark.parametrize("kind", ["external", "soft", "dangling soft"])
def test_a_link_that_is_not_hard_is_refused_wherever_it_is(fresh_home, tmp_path, place, kind):
    secret = write(cells(counts(), obs={"type": [CANARY.decode()] * 40}), tmp_path / "secret.h5ad")
    link = {
        "external": h5py.ExternalLink(str(secret), "/obs/type"),
        "soft": h5py.SoftLink("/obs/type"),
        "dangling soft": h5py.SoftLink("/nowhere"),
    }[kind]

    def change(file):
        file[place] = link

    path = write_with(cells(counts()), tmp_path / "cells.h5ad", change)
    require_refused_links(fresh_home, path)
    assert CANARY not in everything_at(fresh_home)


def test_borrowed_values_behind_a_reference_and_no_link_are_refused(fresh_home, tmp_path):
    (tmp_path / "secret.txt").write_bytes(CANARY)

    def change(file):
        storage = [(str(tmp_path / "secret.txt"), 0, len(CANARY))]
        hidden = file.create_dataset(None, (len(CANARY),), "u1", external=storage)
        codes = file["obs"].create_dataset("leak", data=np.zeros(40, dtype="i1"))
        codes.attrs["categories"] = hidden.ref
        # What nothing links to is freed when the file is closed; so it is looked at while open.
        assert links.refers_elsewhere(file)

    write_with(cells(counts()), tmp_path / "cells.h5ad", change)


def test_hard_links_in_a_circle_are_walked_once(tmp_path):
    with h5py.File(tmp_path / "circle.h5", "w") as file:
        file.create_group("a/b")
        file["a/b/up"] = file["a"]
        file["a/again"] = file["/"]
        assert not links.refers_elsewhere(file)
        file["a/b/leak"] = h5py.ExternalLink("other.h5", "/")
        assert links.refers_elsewhere(file)


def nested(depth):
    def change(file):
        file.create_group("uns/" + "/".join("a" * depth))

    return change


def test_a_file_nested_without_end_is_refused_before_anndata_follows_it(
    fresh_home, tmp_path, monkeypatch
):
    path = write_with(cells(counts()), tmp_path / "deep.h5ad", nested(links.DEEPEST + 1))
    monkeypatch.setattr(ad, "read_h5ad", lambda path: pytest.fail("anndata saw it"))
    with pytest.raises(DataError, match=r"deep\.h5ad starts like") as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-H5AD-DAMAGED"
    assert kept(fresh_home) == []


def test_a_file_of_more_objects_than_real_ones_have_is_refused(fresh_home, tmp_path, monkeypatch):
    path = write(cells(counts()), tmp_path / "cells.h5ad")
    with h5py.File(path) as file:
        names = []
        file.visit(names.append)
    monkeypatch.setattr(links, "MOST_OBJECTS", len(names))
    assert read_h5ad(path).n_obs == 40
    monkeypatch.setattr(links, "MOST_OBJECTS", len(names) - 1)
    with pytest.raises(DataError, match="cannot be read to its end") as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-H5AD-DAMAGED"


def test_ordinary_files_with_all_their_parts_open(tmp_path):
    adata = cells(
        sparse.csr_matrix(counts()),
        obs={"type": np.repeat(["a", "b"], 20), "batch": np.arange(40)},
        layers={"counts": sparse.csc_matrix(counts())},
        obsm={"X_umap": np.zeros((40, 2))},
        obsp={"distances": sparse.eye(40, format="csr")},
        uns={"neighbors": {"params": {"n": 15, "metric": "euclidean"}}, "log1p": {}},
    )
    adata.raw = adata.copy()
    adata.obs["type"] = adata.obs["type"].astype("category")
    path = write(adata, tmp_path / "all.h5ad")
    assert core.open_dataset(path).n_cells == 40


def test_every_shared_dataset_is_whole_in_itself(shared_data):
    found = {}
    for path in shared_data.glob("*.h5ad"):
        with h5py.File(path) as file:
            found[path.name] = links.refers_elsewhere(file)
    assert found
    assert not any(found.values())


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
