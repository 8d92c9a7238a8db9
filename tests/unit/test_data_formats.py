"""A source is recognised by its content, whatever it is called, or refused in plain words."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import pickle
import zipfile

import h5py
import numpy as np
import pytest
from scipy import sparse

import core
from core.data.choices import Choices
from core.data.formats import FORMATS, recognise, sniff
from core.data.source import MOST_FILES, Source, file_digest
from core.errors import DataError
from tests.files import cells, counts, dense, fingerprint, kept, write
from tests.hdf5_files import VALUES, write_h5seurat, write_loom, write_tenx, write_tenx_v2


@pytest.fixture
def good(tmp_path):
    return write(cells(sparse.csr_matrix(counts())), tmp_path / "good.h5ad")


@pytest.mark.parametrize("name", ["cells.h5ad", "cells", "CELLS.H5AD", "a b;é.one"])
def test_an_h5ad_is_recognised_whatever_it_is_called(good, tmp_path, name):
    path = good.rename(tmp_path / name)
    assert sniff(path) == "h5ad"
    assert core.open_dataset(path).n_cells == 40


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (write_loom, "loom"),
        (write_tenx, "10x-h5"),
        (
            lambda path: write_tenx_v2(path, {"hg19": (VALUES, [f"c{i}" for i in range(40)])}),
            "10x-h5",
        ),
        (write_h5seurat, "h5seurat"),
    ],
    ids=["loom", "10x", "10x-v2", "h5seurat"],
)
def test_other_hdf5_files_are_told_apart_and_opened(tmp_path, make, kind):
    path = make(tmp_path / "upload")
    assert sniff(path) == kind
    dataset = core.open_dataset(path)
    np.testing.assert_array_equal(dense(dataset.stored_matrix()), VALUES)
    assert dataset.report.format == FORMATS[kind].name


@pytest.mark.parametrize("name", ["good.csv", "good.h5", "good.loom", "good.RDS", "good.zip"])
def test_a_name_that_says_something_else_is_asked_about(good, tmp_path, name):
    choices = Choices()
    source = Source.of(good.rename(tmp_path / name))
    assert recognise(source, choices) == "h5ad"
    (question,) = choices.open
    assert question.code == "C-FORMAT"
    assert f"The file is called {name}, but it is an .h5ad file." in question.message
    assert list(question.options) == [question.suggested] == ["h5ad"]
    answered = Choices({"C-FORMAT": "h5ad"})
    assert recognise(source, answered) == "h5ad"
    assert answered.open == ()


@pytest.mark.parametrize("name", ["good.h5ad", "good", "good.data", "GOOD.H5AD"])
def test_a_name_that_fits_or_says_nothing_is_not_asked_about(good, tmp_path, name):
    choices = Choices()
    recognise(Source.of(good.rename(tmp_path / name)), choices)
    assert choices.findings == ()


def test_a_missing_file_is_refused(fresh_home, tmp_path):
    with pytest.raises(DataError, match="There is no file at") as refused:
        core.open_dataset(tmp_path / "nothing.h5ad")
    assert refused.value.code == "E-FILE-MISSING"
    assert kept(fresh_home) == []


@pytest.mark.parametrize("n_files", [0, MOST_FILES + 1])
def test_a_folder_of_no_or_too_many_files_is_refused(tmp_path, n_files):
    folder = tmp_path / "folder"
    folder.mkdir()
    for i in range(n_files):
        (folder / f"{i}").write_bytes(b"x")
    with pytest.raises(DataError, match=f"folder has {n_files} files; 1 to 200") as refused:
        Source.of(folder)
    assert refused.value.code == "E-FOLDER-EMPTY"


def test_links_in_a_folder_are_no_part_of_it(tmp_path, good):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"x")
    (folder / "b.h5ad").symlink_to(good)
    assert [file.name for file in Source.of(folder).files] == ["a.txt"]


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
    ("content", "kind"),
    [
        pytest.param(b"cell,CD3D\nc1,0\n", "text", id="csv"),
        pytest.param(gzip.compress(b"cell,CD3D\nc1,0\n"), "text", id="csv.gz"),
        pytest.param(bz2.compress(b"cell,CD3D\nc1,0\n"), "text", id="csv.bz2"),
        pytest.param(lzma.compress(b"cell,CD3D\nc1,0\n"), "text", id="csv.xz"),
        pytest.param("cell\tCD3D\n".encode("utf-16"), "text", id="utf-16"),
        pytest.param("zelle;Größe\n".encode("latin-1"), "text", id="latin-1"),
        pytest.param(("a" * 4095 + "é" * 9).encode(), "text", id="utf-8-cut-in-a-letter"),
        pytest.param(zipped(), "zip", id="zip"),
        pytest.param(b"RDX3\nX\n\x00\x00\x00\x03", "r", id="rdata"),
        pytest.param(gzip.compress(b"X\n\x00\x00\x00\x03\x00\x04"), "r", id="rds"),
        pytest.param(gzip.compress(b"RDX2\nX\n\x00\x00"), "r", id="rdata.gz"),
    ],
)
def test_what_is_no_hdf5_is_told_apart_by_how_it_begins(tmp_path, content, kind):
    path = tmp_path / "upload.h5ad"
    path.write_bytes(content)
    assert sniff(path) == kind


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"0" * 50, "a PNG picture", id="png"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3", "a PDF document", id="pdf"),
        pytest.param(pickle.dumps([1]), "a Python pickle", id="pickle"),
        pytest.param(gzip.compress(pickle.dumps([1])), "a Python pickle", id="pickle.gz"),
        pytest.param(b"<!doctype html>404", "a web page or XML file", id="html"),
        pytest.param(
            b"\r\n  <?xml version='1.0'?>", "a web page or XML file", id="xml-after-space"
        ),
        pytest.param(b"x" * 257 + b"ustar\0", "a tar archive", id="tar"),
        pytest.param(bytes(range(1, 9)) * 40, "a file of an unknown kind", id="bytes"),
    ],
)
def test_what_holds_no_cells_is_refused_by_what_it_looks_like(
    fresh_home, tmp_path, content, looks_like
):
    path = tmp_path / "upload.h5ad"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"Needle reads: it looks like {looks_like}") as refused:
        core.open_dataset(path)
    assert refused.value.code == "E-FILE-FORMAT"
    assert "write_h5ad" in refused.value.next_step
    assert kept(fresh_home) == []
    assert path.read_bytes() == content


def test_an_hdf5_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "upload.h5ad"
    with h5py.File(path, "w") as file:
        file["X/obs"] = 1
    with pytest.raises(DataError, match="an HDF5 file without the tables `obs` and") as refused:
        sniff(path)
    assert refused.value.code == "E-FILE-FORMAT"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_cut_short_is_refused(tmp_path, pack):
    path = tmp_path / "cells.csv.gz"
    path.write_bytes(pack(np.random.default_rng(0).bytes(3000))[:40])
    with pytest.raises(DataError, match="starts like a compressed file") as refused:
        sniff(path)
    assert refused.value.code == "E-FILE-DAMAGED"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_file_cut_short_is_refused(fresh_home, good, tmp_path, share):
    whole = good.read_bytes()
    cut = tmp_path / "cut.h5ad"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="cannot be read to its end") as refused:
        core.open_dataset(cut)
    assert refused.value.code == "E-FILE-DAMAGED"
    assert kept(fresh_home) == []


def test_a_refused_file_leaves_nothing_behind_and_is_left_alone(fresh_home, good):
    with h5py.File(good, "r+") as file:
        file["X/indices"][3] = -1
    before = fingerprint(good)
    with pytest.raises(DataError, match=r"good\.h5ad is damaged") as refused:
        core.open_dataset(good)
    assert refused.value.code == "E-FILE-DAMAGED"
    assert kept(fresh_home) == []
    assert fingerprint(good) == before


def test_reading_leaves_the_file_alone(good):
    before = fingerprint(good)
    np.testing.assert_array_equal(dense(core.open_dataset(good).stored_matrix()), counts())
    assert fingerprint(good) == before


@pytest.mark.parametrize("n_bytes", [1, 4096, 3_000_001])
def test_the_digest_is_sha256_of_all_bytes(tmp_path, n_bytes):
    path = tmp_path / "bytes"
    path.write_bytes(np.random.default_rng(0).bytes(n_bytes))
    assert file_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert Source.of(path).digest({}) == file_digest(path)


def test_the_digest_of_a_source_depends_on_names_contents_and_answers(tmp_path):
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (tmp_path / name for name in "abc")
    digests = [
        Source.of(paths).digest(answers)
        for paths, answers in [
            ([a, b], {}),
            ([b, c], {}),
            ([a, b], {"C-FORMAT": "text"}),
            (a, {}),
            (a, {"C-FORMAT": "text"}),
        ]
    ]
    assert len(set(digests)) == 5
    assert Source.of([b, a]).digest({}) == digests[0]
    assert Source.of(c).digest({}) == digests[3]
