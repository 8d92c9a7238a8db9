"""Memory: what a run is expected to need, and what there is for it."""

from __future__ import annotations

import os
import sys

import h5py
import numpy as np
import psutil
import pytest

from core import jobs
from core.config import MarkerConfig, config_to_dict
from core.data import DEMO_TASK
from core.data.dataset import dataset_path
from core.jobs import limits, machine, memory
from core.jobs.memory import free_memory, predict_memory
from core.jobs.schema import State
from tests.workers import PATIENCE

pytestmark = pytest.mark.usefixtures("worker_home")

MEGABYTE = 2**20
DIGEST = "abc"


def dataset(n_cells, n_values):
    """Put a file of the size of a canonical dataset where it is looked for."""
    with h5py.File(dataset_path(DIGEST), "w") as file:
        file.create_dataset("X/data", (n_values,), np.float32)
        file.create_dataset("uns/needle_totals", (n_cells,), np.float64)
    return {"dataset": DIGEST}


@pytest.mark.parametrize("kind", ["markers", "train", "synthetic", "layout", "annotate"])
def test_every_stored_value_of_the_dataset_counts(kind):
    small, large = (predict_memory(kind, dataset(100, n)) for n in (10**6, 3 * 10**6))
    assert 30 * 2 * 10**6 < large - small < 60 * 2 * 10**6
    assert 400 * MEGABYTE < small < 700 * MEGABYTE


def test_a_training_holds_the_markers_of_all_cells():
    config = dataset(50_000, 10**6)
    few, many = (predict_memory("train", config | {"training": {"markers": n}}) for n in (50, 450))
    table = 400 * 50_000 * 8
    assert 2 * table < many - few < 8 * table


@pytest.mark.parametrize(
    ("content", "bytes_per_value"),
    [(np.random.default_rng(0).bytes(2**22), 2), (bytes(2**22), 8)],
    ids=["packed", "plain"],
)
def test_a_file_is_judged_by_its_length_and_by_whether_it_is_compressed(
    tmp_path, content, bytes_per_value
):
    path = tmp_path / "cells.h5ad"
    path.write_bytes(content)
    expected = predict_memory("read", {"path": str(path), "name": "cells"})
    least = predict_memory("read", {"demo": "reference"})
    assert expected - least == 28 * 2**22 // bytes_per_value


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("markers", {"dataset": "gone"}),
        ("read", {"path": "/nowhere/cells.h5ad"}),
        ("read", {}),
        ("juggle", {"dataset": "gone"}),
    ],
)
def test_what_cannot_be_known_is_not_guessed(kind, config):
    assert predict_memory(kind, config) is None


def test_a_damaged_dataset_is_for_the_task_to_report():
    dataset_path(DIGEST).write_bytes(b"not HDF5")
    assert predict_memory("train", {"dataset": DIGEST}) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is measured in another way elsewhere")
def test_real_workers_need_about_what_was_predicted(monkeypatch):
    monkeypatch.delenv("NEEDLE_TASKS")
    read = jobs.wait(jobs.start("read", {"demo": "reference"}), PATIENCE)
    config = {"dataset": read.summary["dataset"], "task": config_to_dict(DEMO_TASK)}
    config |= {"markers": config_to_dict(MarkerConfig())}
    found = jobs.wait(jobs.start("markers", config), PATIENCE)
    for run in (read, found):
        assert run.state is State.DONE
        assert 0.8 * run.peak_memory < run.predicted_memory < 2.5 * run.peak_memory


def active(predicted, peak):
    database = jobs.get_database()
    run_id = database.create("sleep", {}, predicted_memory=predicted, peak_memory=peak)
    return database.get(run_id)


@pytest.mark.parametrize(
    ("at_work", "available", "total", "free"),
    [
        ([], 900, 100, 900),  # alone: what the machine has, whatever all may use together
        ([(300, None)], 900, 1000, 600),  # it has not grown yet, and is going to
        ([(300, 200)], 900, 1000, 700),  # 100 are still to come, 300 of 1000 are spoken for
        ([(300, 300)], 500, 1000, 500),  # somebody else has most of the machine
        ([(300, 700)], 900, 1000, 700),  # larger than predicted: the machine counts the rest
        ([(None, None)], 900, 1000, 900),
        ([(600, None), (600, None)], 2000, 1000, -200),
    ],
)
def test_what_is_free_is_what_nobody_is_going_to_take(monkeypatch, at_work, available, total, free):
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    monkeypatch.setattr(memory, "memory_of_all", lambda: total)
    assert free_memory([active(*sizes) for sizes in at_work]) == free


@pytest.mark.parametrize(
    ("limit", "free"), [("max", None), (str(100 * MEGABYTE), 70 * MEGABYTE), ("10", 0)]
)
def test_in_a_container_its_own_limit_counts_and_cached_files_do_not(
    tmp_path, monkeypatch, limit, free
):
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(str(50 * MEGABYTE))
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {20 * MEGABYTE}\n")
    container = (tmp_path, "memory.max", "memory.current", "inactive_file")
    monkeypatch.setattr(machine, "CONTAINERS", (container,))
    if free is None:
        total = psutil.virtual_memory().total
        assert 0 < machine.available_memory() < total
        assert limits.memory_of_all() == int(0.8 * total)
    else:
        assert machine.available_memory() == free
        assert limits.memory_of_all() == int(0.8 * int(limit))


@pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX")
def test_a_run_too_large_for_the_limit_starts_when_it_is_alone(monkeypatch):
    monkeypatch.setenv("NEEDLE_MEMORY_TOTAL_GB", "0.001")
    run_id = jobs.get_database().create("where", {}, predicted_memory=2 * MEGABYTE)
    assert jobs.wait(run_id, PATIENCE).state is State.DONE
