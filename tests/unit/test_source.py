"""What is loaded is known by its content, by its names where they count, and may be gone."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

import core
from core.data.choices import Choices
from core.data.reading.archive import list_members
from core.data.reading.bundle import read
from core.data.reading.expanding import open_expanding
from core.data.source import Source, file_digest, size_of
from core.errors import DataError
from tests.files import counts


def folder(root: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def digest(root: Path, content: dict[str, bytes]) -> str:
    return Source.of(folder(root, content)).digest({})


TWO = {"a_control/x.csv": b"1", "b_treated/x.csv": b"2"}


@pytest.mark.parametrize(
    "other",
    [
        {"a_treated/x.csv": b"1", "b_control/x.csv": b"2"},
        {"a_control/y.csv": b"1", "b_treated/x.csv": b"2"},
        {"a_control/deep/x.csv": b"1", "b_treated/x.csv": b"2"},
        {"a_control/x.csv": b"2", "b_treated/x.csv": b"1"},
    ],
    ids=["folders", "files", "depth", "content"],
)
def test_a_folder_of_other_names_or_content_is_another_dataset(tmp_path, other):
    assert digest(tmp_path / "one", TWO) != digest(tmp_path / "two", other)


def test_a_folder_is_the_same_wherever_it_stands_and_however_it_is_chosen(tmp_path):
    one = digest(tmp_path / "one", TWO)
    assert digest(tmp_path / "elsewhere" / "two", TWO) == one
    files = [tmp_path / "one" / name for name in TWO]
    assert Source.of(files).digest({}) == Source.of(files[::-1]).digest({}) == one


@pytest.mark.parametrize("name", [".hidden.csv", ".git/config.csv", "a/._x.csv"])
def test_a_folder_of_hidden_files_alone_is_empty(tmp_path, name):
    with pytest.raises(DataError, match="0 files") as caught:
        Source.of(folder(tmp_path, {name: b"x"}))
    assert caught.value.code == "E-FOLDER-EMPTY"


def test_a_folder_below_a_hidden_one_is_read(tmp_path):
    assert len(Source.of(folder(tmp_path / ".cache" / "run", TWO)).files) == 2


@pytest.mark.parametrize("name", ["x.csv", "other.csv"])
def test_one_file_is_known_by_its_bytes_alone(tmp_path, name):
    folder(tmp_path, {name: b"1,2"})
    assert Source.of(tmp_path / name).digest({}) == hashlib.sha256(b"1,2").hexdigest()
    assert Source.of([tmp_path / name]).digest({}) == hashlib.sha256(b"1,2").hexdigest()


def samples(names: tuple[str, str]) -> dict[str, bytes]:
    """Two 10x samples of 20 genes and 12 cells each."""
    content = {}
    for number, name in enumerate(names):
        values = counts(12, 20, seed=number)
        entries = "".join(
            f"{gene + 1} {cell + 1} {values[cell, gene]:g}\n"
            for cell in range(12)
            for gene in range(20)
        )
        head = "%%MatrixMarket matrix coordinate integer general\n20 12 240\n"
        genes = "".join(f"ENSG{i:011d}\tGENE{i}\n" for i in range(20))
        cells = "".join(f"AAACCCAAGCG{'ACGT'[i // 4]}{'ACGT'[i % 4]}AT-1\n" for i in range(12))
        content |= {
            f"{name}/matrix.mtx": (head + entries).encode(),
            f"{name}/genes.tsv": genes.encode(),
            f"{name}/barcodes.tsv": cells.encode(),
        }
    return content


def test_samples_that_changed_names_are_not_taken_from_the_datasets_kept(tmp_path):
    for names in (("a_control", "b_treated"), ("a_treated", "b_control")):
        run = folder(tmp_path / names[0] / "run", samples(names))
        dataset = core.open_dataset(run, choices={"C-SAMPLE": "all"}, role="query")
        assert sorted(set(dataset.obs["sample"])) == sorted(names)


def test_the_name_of_an_archive_is_no_name_of_a_sample(tmp_path):
    for name in ("one.zip", "two.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, data in samples(("a", "b")).items():
                archive.writestr(member, data)
        adata = read(Source.of(tmp_path / name), Choices({"C-SAMPLE": "all"})).adata
        assert sorted(set(adata.obs["sample"])) == ["a", "b"]


def gone(tmp_path: Path, name: str = "lab.csv") -> Source:
    """A file that was removed after it was chosen."""
    path = folder(tmp_path, {name: b"x"}) / name
    source = Source.of(path)
    path.unlink()
    return source


@pytest.mark.parametrize(
    "use",
    [
        lambda source: source.digest({}),
        lambda source: source.n_bytes,
        lambda source: file_digest(source.files[0]),
        lambda source: size_of(source.files[0] / "inside"),
        lambda source: Source.of(source.files[0]),
        lambda source: Source.of(source.files),
        lambda source: open_expanding(
            lambda: source.files[0].open("rb"), n_packed=1, name="lab.csv"
        ),
    ],
    ids=["digest", "size", "file digest", "size below", "again", "list", "stream"],
)
def test_a_file_that_vanished_is_missing_and_not_a_fault_of_the_program(tmp_path, use):
    with pytest.raises(DataError, match=r"no file|no longer there") as caught:
        use(gone(tmp_path))
    assert caught.value.code == "E-FILE-MISSING"
    assert caught.value.next_step


def test_a_file_that_vanishes_while_a_folder_is_looked_through_is_missing(tmp_path, monkeypatch):
    run = folder(tmp_path, TWO)
    is_file = Path.is_file

    def removed(path: Path) -> bool:
        found = is_file(path)
        if path.name == "x.csv":
            path.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "is_file", removed)
    with pytest.raises(DataError) as caught:
        Source.of(run)
    assert caught.value.code == "E-FILE-MISSING"


def test_an_archive_that_vanished_is_missing_and_not_damaged(tmp_path):
    with pytest.raises(DataError, match="no longer there") as caught:
        list_members(gone(tmp_path, "cells.zip").files[0])
    assert caught.value.code == "E-FILE-MISSING"
