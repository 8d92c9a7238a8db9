"""Damaged HDF5 files of every format are read or refused; nothing else comes of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from core.data.reading.hdf5_heaps import has_endless_heap
from core.errors import DataError
from tests.conftest import ROOT
from tests.files import cells, write
from tests.hdf5_files import (
    CELLS,
    VALUES,
    read,
    write_h5ad_07,
    write_h5seurat,
    write_loom,
    write_old_h5ad,
    write_tenx,
    write_tenx_v2,
)

N_FILES, SEED = 64, 20
SECONDS = 240  # for all of them; a second is enough on an idle machine


def valid_files(folder: Path) -> list[Path]:
    return [
        write(cells(sparse.csr_matrix(VALUES), layers={"counts": VALUES}), folder / "new.h5ad"),
        write_loom(folder / "x.loom"),
        write_loom(folder / "latest.loom", libver="latest"),
        write_tenx(folder / "x.h5"),
        write_old_h5ad(folder / "old.h5ad"),
        write_h5seurat(folder / "x.h5seurat"),
        write_h5ad_07(folder / "seven.h5ad"),
        write_tenx_v2(folder / "two.h5", {"hg19": (VALUES, CELLS)}),
    ]


def mutate(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Flip up to 32 bytes, anywhere or where the structure is told; cut; leave out; splice."""
    changed, kind = bytearray(content), rng.integers(5)
    start, stop = sorted(rng.integers(1, len(content), 2).tolist())
    if kind < 2:
        end = len(content) if kind else min(4096, len(content))
        for place in rng.integers(0, end, rng.integers(1, 33)):
            changed[place] ^= int(rng.integers(1, 256))
    elif kind == 2:
        del changed[start:]
    elif kind == 3:
        del changed[start:stop]
    else:
        piece = other[stop : stop + int(rng.integers(1, 2049))]
        changed[start : start + len(piece)] = piece
    return bytes(changed)


READ_ALL = """
import sys
from pathlib import Path
from core.data.choices import Choices
from core.data.formats import FORMATS, sniff
from core.data.reading import read_cells
from core.data.source import Source
from core.errors import DataError
for path in map(Path, sys.argv[1:]):
    print(path.name, end=" ", flush=True)
    try:
        if FORMATS[sniff(path)].reader not in ("bundle", "rfile"):
            adata = read_cells(Source.of(path), Choices()).adata
            assert adata.X is None or adata.X.sum() is not None
        print("read", flush=True)
    except DataError as error:
        print(error.code, flush=True)
"""


def read_apart(paths: list[Path]) -> dict[str, str]:
    """Read files in a process of its own, for that is what damage may end, or keep from ending."""
    command = [sys.executable, "-W", "ignore", "-X", "faulthandler", "-c", READ_ALL]
    done = subprocess.run(
        [*command, *map(str, paths)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-3000:]
    return dict(line.split(" ") for line in done.stdout.splitlines())


def test_damaged_files_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(SEED)
    whole = [(path, path.read_bytes()) for path in valid_files(tmp_path)]
    paths = []
    for i in range(N_FILES):
        path, content = whole[i % len(whole)]
        other = whole[rng.integers(len(whole))][1]
        paths.append(tmp_path / f"{i}{path.suffix}")
        paths[-1].write_bytes(mutate(content, other, rng))
    said = read_apart(paths)
    assert len(said) == N_FILES
    assert all(word == "read" or word.startswith("E-") for word in said.values())
    assert len(set(said.values())) > 1


def test_a_damaged_index_of_chunks_is_refused_and_crashes_nothing(tmp_path):
    path = write_loom(tmp_path / "x.loom", libver="latest")
    content = bytearray(path.read_bytes())
    place = -1
    assert content.count(b"BTHD") > 1
    while (place := content.find(b"BTHD", place + 1)) >= 0:
        content[place + 10] ^= 0xFF
    path.write_bytes(content)
    # Asked for its address, such a dataset ends the process.
    assert read_apart([path]) == {"x.loom": "E-FILE-DAMAGED"}


def heaps(path: Path) -> list[int]:
    content, found = path.read_bytes(), []
    while (place := content.find(b"GCOL", found[-1] + 1 if found else 0)) >= 0:
        found.append(place)
    return found


def test_valid_files_have_no_endless_heaps(tmp_path):
    paths = valid_files(tmp_path)
    assert sum(len(heaps(path)) for path in paths) > 3
    assert not any(map(has_endless_heap, paths))


@pytest.mark.parametrize("item", [0, 3], ids=["first", "fourth"])
def test_a_heap_that_the_library_would_walk_for_ever_is_refused(tmp_path, item):
    path = write(cells(sparse.csr_matrix(VALUES)), tmp_path / "endless.h5ad")
    content = bytearray(path.read_bytes())
    place = heaps(path)[-1] + 16
    for _ in range(item):
        size = int.from_bytes(content[place + 8 : place + 16], "little")
        place += 16 + -(-size // 8) * 8
    content[place : place + 16] = bytes(16)
    path.write_bytes(content)
    assert has_endless_heap(path)
    with pytest.raises(DataError, match=r"endless\.h5ad starts like an \.h5ad file") as refused:
        read(path)
    assert refused.value.code == "E-FILE-DAMAGED"


def test_a_heap_is_found_across_the_pieces_that_a_file_is_read_in(tmp_path, monkeypatch):
    monkeypatch.setattr("core.data.reading.hdf5_heaps._PIECE", 7)
    path = tmp_path / "x"
    heap = b"GCOL\x01\0\0\0" + (64).to_bytes(8, "little") + bytes(48)
    for before in range(9):
        path.write_bytes(b"." * before + heap)
        assert has_endless_heap(path)
