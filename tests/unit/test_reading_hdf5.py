"""An HDF5 file that borrows, hides or claims too much is refused before a value of it is read."""

from __future__ import annotations

import os
import resource
import zlib

import h5py
import numpy as np
import pytest

from core.data.reading import hdf5_guard, hdf5_values, limits
from core.data.reading.hdf5_guard import opened, require_harmless
from core.errors import DataError
from tests.files import cells, counts, write, write_bad_files, write_with
from tests.hdf5_files import codes, read

CANARY = b"CANARY-7f3a-DO-NOT-LEAK"


def refusal(path) -> DataError:
    with pytest.raises(DataError) as refused:
        read(path)
    assert path.name in refused.value.message
    assert refused.value.next_step
    return refused.value


@pytest.mark.parametrize(
    ("case", "name", "code"),
    [
        ("hdf5_external_link", "hdf5_external_link_abs.h5ad", "E-FILE-LINKS"),
        ("hdf5_external_link", "hdf5_external_link_rel.h5ad", "E-FILE-LINKS"),
        ("hdf5_external_storage", "hdf5_external_storage.h5ad", "E-FILE-LINKS"),
        ("hdf5_virtual_dataset", "hdf5_virtual_dataset.h5ad", "E-FILE-LINKS"),
        ("hdf5_unknown_filter", "hdf5_unknown_filter.h5ad", "E-HDF5-FILTER"),
    ],
)
def test_hostile_files_are_refused_before_their_values_are_read(tmp_path, case, name, code):
    path = write_bad_files(case, tmp_path) / name
    assert refusal(path).code == code


@pytest.mark.parametrize("place", ["X", "uns/big", "obsm/X_umap"])
@pytest.mark.parametrize("packing", [None, "gzip"])
def test_a_claim_of_what_is_not_there_is_refused_wherever_it_is(tmp_path, place, packing):
    def change(file):
        if place in file:
            del file[place]
        file.create_dataset(place, (10**5, 10**5), "f8", chunks=(100, 100), compression=packing)

    error = refusal(write_with(cells(counts()), tmp_path / "cells.h5ad", change))
    assert error.code == "E-TOO-LARGE"
    assert f"claims 80.0 GB in '/{place}', of which 0.0 MB are there" in error.message


def test_a_matrix_that_unpacks_to_far_more_than_the_file_is_refused(tmp_path):
    def change(file):
        attributes = dict(file["X"].attrs)
        del file["X"]
        shape, wide = (40, 1_000_000), 100_000
        x = file.create_dataset("X", shape, "f4", chunks=(40, wide), compression="gzip")
        zeros = zlib.compress(bytes(4 * 40 * wide), 9)
        for start in range(0, shape[1], wide):
            x.id.write_direct_chunk((0, start), zeros, 0)
        x.attrs.update(attributes)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = write_with(cells(counts()), tmp_path / "cells.h5ad", change)
    assert refusal(path).code == "E-EXPANDS"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # kilobytes


def test_a_missing_filter_is_named_with_its_number(tmp_path):
    folder = write_bad_files("hdf5_unknown_filter", tmp_path)
    message = refusal(folder / "hdf5_unknown_filter.h5ad").message
    assert "compressed with zstd (32015) in '/X/data'" in message


def test_a_missing_filter_in_what_is_not_read_does_not_matter(tmp_path):
    def change(file):
        file.create_dataset(
            "uns/x", (4,), "f4", chunks=(4,), compression=32004, allow_unknown_filter=True
        )

    path = write_with(cells(counts()), tmp_path / "cells.h5ad", change)
    assert codes(read(path)) == []


@pytest.mark.parametrize("place", ["obs/leak", "uns/leak", "layers/leak", "obsm/deep/leak"])
@pytest.mark.parametrize("kind", ["external", "soft", "dangling soft"])
def test_a_link_that_is_not_hard_is_refused_wherever_it_is(tmp_path, place, kind):
    secret = write(cells(counts(), obs={"type": [CANARY.decode()] * 40}), tmp_path / "secret.h5ad")
    link = {
        "external": h5py.ExternalLink(str(secret), "/obs/type"),
        "soft": h5py.SoftLink("/obs/type"),
        "dangling soft": h5py.SoftLink("/nowhere"),
    }[kind]
    path = write_with(
        cells(counts()), tmp_path / "cells.h5ad", lambda file: file.__setitem__(place, link)
    )
    error = refusal(path)
    assert error.code == "E-FILE-LINKS"
    assert "refers to other files or places, which Needle never follows" in error.message
    assert CANARY.decode() not in str(error)


@pytest.mark.parametrize("kind", ["link", "view", "storage"])
def test_what_a_file_refers_to_is_not_even_opened(tmp_path, kind):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # whoever opens it waits for ever

    def change(file):
        if kind == "link":
            file["genome"] = h5py.ExternalLink(str(pipe), "/")
        elif kind == "view":
            # Of unlimited length: the library has to look there to know its shape.
            layout = h5py.VirtualLayout((2, 10), "f4", maxshape=(None, 10))
            source = h5py.VirtualSource(str(pipe), "m", (2, 10), maxshape=(None, 10))
            layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
            file.create_virtual_dataset("uns/leak", layout)
        else:
            file["uns"].create_dataset("leak", (9,), "u1", external=[(str(pipe), 0, 9)])

    path = write_with(cells(counts()), tmp_path / "cells.h5ad", change)
    assert refusal(path).code == "E-FILE-LINKS"


def test_borrowed_values_behind_a_reference_and_no_link_are_refused(tmp_path):
    (tmp_path / "secret.txt").write_bytes(CANARY)
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        storage = [(str(tmp_path / "secret.txt"), 0, len(CANARY))]
        hidden = file.create_dataset(None, (len(CANARY),), "u1", external=storage)
        # What nothing links to is freed when the file is closed; so it is read while open.
        with pytest.raises(DataError, match="refers to other files") as refused:
            hdf5_values.numbers(hidden)
    assert refused.value.code == "E-FILE-LINKS"


def test_hard_links_in_a_circle_are_walked_once(tmp_path):
    with h5py.File(tmp_path / "circle.h5", "w") as file:
        file.create_group("a/b")
        file["a/b/up"], file["a/again"] = file["a"], file["/"]
        require_harmless(file)
        file["a/b/leak"] = h5py.ExternalLink("other.h5", "/")
        with pytest.raises(DataError, match="refers to other files"):
            require_harmless(file)


@pytest.mark.parametrize(("extra", "code"), [(0, None), (1, "E-TOO-DEEP")])
def test_nesting_is_allowed_up_to_a_limit(tmp_path, extra, code):
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file.create_group("/".join("a" * (hdf5_guard.DEEPEST + extra)))
        if code is None:
            require_harmless(file)
        else:
            with pytest.raises(DataError, match=r"deep\.h5 holds more than") as refused:
                require_harmless(file)
            assert refused.value.code == code


def test_a_file_of_more_objects_than_real_ones_have_is_refused(tmp_path, monkeypatch):
    path = write(cells(counts()), tmp_path / "cells.h5ad")
    names = []
    with h5py.File(path) as file:
        file.visit(names.append)
    monkeypatch.setattr(hdf5_guard, "MOST_OBJECTS", len(names))
    assert read(path).adata.n_obs == 40
    monkeypatch.setattr(hdf5_guard, "MOST_OBJECTS", len(names) - 1)
    assert refusal(path).code == "E-TOO-DEEP"


def test_every_shared_dataset_is_harmless(shared_data):
    paths = list(shared_data.glob("*.h5ad"))
    assert paths
    for path in paths:
        with opened(path, "an .h5ad file") as file:
            assert "X" in file


@pytest.mark.parametrize(
    ("soft", "budget"),
    [(10**9, 10**9), (resource.RLIM_INFINITY, None), (10**15, None)],
    ids=["limited", "unlimited", "limit-beyond-the-machine"],
)
def test_the_budget_is_the_limit_of_the_process_within_the_machine(monkeypatch, soft, budget):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, soft))
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert limits.memory_budget() == pytest.approx(budget or 0.8 * pages, rel=0.01)


@pytest.mark.parametrize(
    ("unpacked", "packed", "is_refused"),
    [
        (limits.FREE_EXPANSION, 1, False),
        (limits.FREE_EXPANSION + 1, 1, True),
        (200 * 10**7, 10**7, False),
        (200 * 10**7 + 1, 10**7, True),
    ],
)
def test_expansion_is_refused_above_200_to_1_and_100_mb(unpacked, packed, is_refused):
    if is_refused:
        with pytest.raises(DataError, match=r"x\.h5 unpacks to more than 200 times") as refused:
            limits.require_expansion(unpacked, packed, "x.h5")
        assert refused.value.code == "E-EXPANDS"
    else:
        limits.require_expansion(unpacked, packed, "x.h5")


def test_a_matrix_beyond_the_budget_is_refused(tmp_path, monkeypatch):
    path = write(cells(counts()), tmp_path / "cells.h5ad")
    monkeypatch.setattr(limits, "memory_budget", lambda: counts().nbytes - 1)
    assert refusal(path).code == "E-TOO-LARGE"


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError("Can't read data (memory allocation failed)")]
)
def test_running_out_of_memory_while_reading_is_a_refusal(tmp_path, error):
    path = write(cells(counts()), tmp_path / "cells.h5ad")
    with pytest.raises(DataError, match="does not fit into memory") as refused, opened(path, "x"):
        raise error
    assert refused.value.code == "E-TOO-LARGE"


def test_a_chunk_larger_than_its_dataset_counts_as_what_it_unpacks_to(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        one = {"maxshape": (None,), "chunks": (50_000_000,), "compression": 9}
        dataset = file.create_dataset("x", (10,), "f4", **one)
        dataset.id.write_direct_chunk((0,), b"not really zipped", 0)
        with pytest.raises(DataError, match="unpacks to more than") as refused:
            hdf5_values.numbers(dataset)
    assert refused.value.code == "E-EXPANDS"


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"a\0b", "ab"),
        (b"", ""),
        ("β".encode(), "β"),
        (b"\xed\xa0\x80", "í\xa0\x80"),
    ],
    ids=["utf-8", "latin-1", "nul", "empty", "greek", "half-a-pair"],
)
def test_names_of_odd_bytes_become_text_that_files_can_hold(tmp_path, stored, name):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["fixed"] = np.array([stored, b"long enough"])
        np.testing.assert_array_equal(hdf5_values.texts(file["fixed"]), [name, "long enough"])
        name.encode()


def odd_datasets(file):
    yield file.create_dataset("vlen", (2,), h5py.vlen_dtype("i4"))
    yield file.create_dataset("reference", (2,), h5py.ref_dtype)
    yield file.create_dataset("record", (2,), [("a", "i4")])
    yield file.create_dataset("opaque", (2,), "V8")
    yield file.create_dataset("complex", (2,), "c8")
    yield file.create_dataset("array", (2,), np.dtype(("i4", (3,))))
    yield file.create_dataset("empty", data=h5py.Empty("f4"))


def test_what_is_neither_number_nor_text_is_refused_unread(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for dataset in odd_datasets(file):
            for reading in (hdf5_values.numbers, hdf5_values.texts):
                if dataset.name == "/array":
                    continue  # which is numbers of one more dimension
                with pytest.raises(DataError, match=r"x\.h5 is damaged") as refused:
                    reading(dataset)
                assert refused.value.code == "E-FILE-DAMAGED"


@pytest.mark.parametrize(
    "value",
    [np.zeros(3 * 2**20, "f8"), np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])],
    ids=["huge", "record"],
)
def test_an_attribute_that_is_no_plain_one_is_refused_unread(tmp_path, value):
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        file.attrs["shape"] = value
        with pytest.raises(DataError, match=r"'/' says of itself what cannot be read \('shape'\)"):
            hdf5_values.attribute(file, "shape")


def test_truth_values_are_true_or_false_whatever_the_bytes(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = np.array([True, False, True])
        file["x"].id.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([7, 0, 1], np.uint8).view(bool))
        values = hdf5_values.numbers(file["x"])
    assert values.view(np.uint8).tolist() == [1, 0, 1]
