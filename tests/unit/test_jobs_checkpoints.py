"""A training that is cut off anywhere goes on from there and ends as if nothing had happened."""

import json
import os
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core
from core import evaluation
from core.config import config_to_dict
from core.evaluation import FoldResult, iter_folds
from core.jobs import Reporter, checkpoints, get_database, training
from core.jobs.checkpoints import Checkpoints, fingerprint
from core.jobs.folders import (
    checkpoint_folder,
    discard,
    discard_checkpoints,
    publish,
    run_folder,
    run_of,
    unfinished_folder,
)
from core.jobs.results import load_folds
from core.jobs.tasks import TASKS
from core.jobs.versions import versions
from core.model import load_model
from core.summary import summarise
from tests.cells import METHODS, TASK, haystack, keep, small_config

CONFIG = small_config(seed=5)
N_RESULTS = 3 * 4  # folds, methods


class Cut(BaseException):
    """Ends a task where a signal would."""


@pytest.fixture(scope="module")
def reference():
    return keep(*haystack(12, 48, n_genes=20))


@pytest.fixture(scope="module")
def folds(reference):
    return list(iter_folds(reference, TASK, CONFIG))


@pytest.fixture
def run_id(reference):
    """A training in the database; its unfinished folder is there, too."""
    config = {"dataset": reference.digest, "task": config_to_dict(TASK)}
    config |= {"training": config_to_dict(CONFIG)}
    made = get_database().create("train", config)
    get_database().transition(made, "running", allowed_from=["queued"])
    unfinished_folder(made).mkdir()
    yield made
    get_database().transition(made, "cancelled", allowed_from=["running"])


@pytest.fixture
def kept(run_id, reference):
    return Checkpoints(unfinished_folder(run_id), reference.digest, TASK, CONFIG)


def keys_of(folds):
    return [fold.key for fold in folds]


# One file per fold ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [field.name for field in fields(FoldResult)])
def test_every_field_of_a_fold_comes_back_exactly(kept, folds, name):
    kept.save(folds[1])
    (again,) = kept.load(keys_of(folds))
    before, after = getattr(folds[1], name), getattr(again, name)
    assert type(after) is type(before)
    assert getattr(after, "dtype", None) == getattr(before, "dtype", None)
    np.testing.assert_array_equal(after, before)


def test_folds_come_back_in_the_order_that_is_asked_for(kept, folds):
    for fold in reversed(folds[:5]):
        kept.save(fold)
    assert keys_of(kept.load(keys_of(folds))) == keys_of(folds[:5])
    assert keys_of(kept.load(keys_of(folds)[3:1:-1])) == keys_of(folds)[3:1:-1]


def test_a_file_is_written_elsewhere_and_appears_complete(kept, folds, run_id, monkeypatch):
    def cut(*_):
        raise Cut

    monkeypatch.setattr(checkpoints.os, "replace", cut)
    with pytest.raises(Cut):
        kept.save(folds[0])
    assert list(checkpoint_folder(run_id).iterdir()) == []
    discard(run_id)  # as whoever clears up after a killed worker does
    assert not unfinished_folder(run_id).exists()
    assert kept.load(keys_of(folds)) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:20],
        lambda raw: raw[:-1],
        lambda raw: bytes(len(raw)),
        lambda raw: raw + b"\0",
        lambda raw: raw[:400] + bytes([raw[400] ^ 1]) + raw[401:],
    ],
    ids=["empty", "cut in the check sum", "cut", "zeros", "longer", "one bit"],
)
def test_a_damaged_file_counts_as_not_there(kept, folds, run_id, damage):
    for fold in folds[:3]:
        kept.save(fold)
    file = sorted(checkpoint_folder(run_id).iterdir())[1]
    file.write_bytes(damage(file.read_bytes()))
    assert len(kept.load(keys_of(folds))) == 2


def test_a_damaged_file_is_replaced(kept, folds, run_id):
    kept.save(folds[0])
    (file,) = checkpoint_folder(run_id).iterdir()
    file.write_bytes(b"")
    kept.save(folds[0])
    assert keys_of(kept.load(keys_of(folds))) == keys_of(folds[:1])


@pytest.mark.parametrize(
    ("digest", "task", "config"),
    [
        ("0" * 64, TASK, CONFIG),
        (None, core.RareTask("type", "hay"), CONFIG),
        (None, TASK, replace(CONFIG, seed=6)),
        (None, TASK, replace(CONFIG, loras=core.LorasConfig(noise_scale=0.01))),
    ],
    ids=["dataset", "task", "seed", "LoRAS"],
)
def test_folds_that_something_else_made_are_not_used(
    kept, folds, run_id, reference, digest, task, config
):
    kept.save(folds[0])
    folder = unfinished_folder(run_id)
    other = Checkpoints(folder, digest or reference.digest, task, config)
    assert other.load(keys_of(folds)) == []
    same = Checkpoints(folder, reference.digest, replace(TASK), replace(CONFIG))
    assert len(same.load(keys_of(folds))) == 1


@pytest.mark.parametrize("name", ["needle", "python", "numpy", "scikit-learn", "scanpy"])
def test_folds_of_another_version_are_not_used(name, monkeypatch):
    before = fingerprint("0", TASK, CONFIG)
    assert fingerprint("0", TASK, CONFIG) == before
    monkeypatch.setattr(checkpoints, "versions", lambda: versions() | {name: "0.0"})
    assert fingerprint("0", TASK, CONFIG) != before


def test_discard_keeps_the_checkpoints_and_discard_checkpoints_the_results(kept, folds, run_id):
    kept.save(folds[0])
    run_folder(run_id).mkdir()
    discard_checkpoints(run_id)
    assert not checkpoint_folder(run_id).exists()
    assert run_folder(run_id).exists()
    kept.save(folds[0])
    discard(run_id)
    assert not run_folder(run_id).exists()
    assert len(kept.load(keys_of(folds))) == 1
    discard_checkpoints(run_id)
    discard_checkpoints(run_id)  # once more does no harm


def test_the_id_is_read_from_the_name_of_the_unfinished_folder():
    assert run_of(unfinished_folder("abc23")) == "abc23"


# Whole trainings --------------------------------------------------------------------------------


class Saw(Reporter):
    """A reporter under which the task ends, before or after event number `n` is written."""

    def __init__(self, run_id, n, *, is_written):
        super().__init__(get_database(), run_id)
        self._left, self._is_written = n, is_written

    def event(self, kind, payload):
        self._left -= 1
        if self._left == 0 and not self._is_written:
            raise Cut
        super().event(kind, payload)
        if self._left == 0:
            raise Cut


def attempt(run_id, reporter=None):
    """Train in an empty unfinished folder, as a worker does."""
    discard(run_id)
    unfinished_folder(run_id).mkdir()
    config = get_database().get(run_id).config
    reporter = reporter or Reporter(get_database(), run_id)
    return TASKS["train"](config, reporter, unfinished_folder(run_id))


def told(run_id):
    return [(event.kind, event.payload) for event in get_database().events(run_id)]


@pytest.fixture(scope="module")
def expected(reference, folds):
    """What an uninterrupted training gives."""
    result = summarise(folds)
    models = {method: core.train(reference, TASK, CONFIG, method=method) for method in METHODS}
    return folds, result, {name: model.score(reference) for name, model in models.items()}


def assert_as_uninterrupted(run_id, summary, reference, expected):
    folds, result, scores = expected
    again = load_folds(unfinished_folder(run_id))
    for one, other in zip(again, folds, strict=True):
        for name in {field.name for field in fields(FoldResult)} - {"seconds"}:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    pd.testing.assert_frame_equal(
        summarise(again).table.drop(columns="seconds"),
        result.table.drop(columns="seconds"),
        check_exact=True,
    )
    assert summary["recommended"] == result.recommended
    for method in METHODS:
        model = load_model(unfinished_folder(run_id) / f"{method}.skops")
        np.testing.assert_array_equal(model.score(reference), scores[method])
    events = Counter(
        (kind, payload.get("repeat"), payload.get("fold"), payload.get("method"))
        for kind, payload in told(run_id)
    )
    wanted = {("plan", None, None, None), *(("fold", *fold.key) for fold in folds)}
    assert set(events) == wanted
    assert set(events.values()) == {1}


@pytest.mark.parametrize(
    ("n", "is_written"),
    [(n, False) for n in range(1, N_RESULTS + 2)] + [(n, True) for n in (1, 2, 6, 13)],
)
def test_cut_off_at_any_event_it_ends_as_an_uninterrupted_training(
    run_id, reference, expected, n, is_written, monkeypatch
):
    with pytest.raises(Cut):
        attempt(run_id, Saw(run_id, n, is_written=is_written))
    n_kept = len(list(checkpoint_folder(run_id).glob("*"))) if n > 1 else 0
    assert n_kept == n - 1  # event 1 is the plan; a file comes before its event
    fitted = []
    fit = evaluation.fit_classifier

    def count(*arguments, **more):
        fitted.append(1)
        return fit(*arguments, **more)

    monkeypatch.setattr(evaluation, "fit_classifier", count)
    summary = attempt(run_id)
    assert len(fitted) == N_RESULTS - n_kept
    assert_as_uninterrupted(run_id, summary, reference, expected)


def test_cut_off_again_and_again_it_gets_there(run_id, reference, expected):
    for _ in range(N_RESULTS // 2):
        # Each attempt gets as far as two more folds; the last event of the one before is missing.
        with pytest.raises(Cut):
            attempt(run_id, Saw(run_id, 3, is_written=False))
    assert_as_uninterrupted(run_id, attempt(run_id), reference, expected)


def test_cut_off_while_the_models_are_written_only_these_are_made_again(
    run_id, reference, expected, monkeypatch
):
    def cut(*_):
        raise Cut

    with monkeypatch.context() as broken:
        broken.setattr(training, "fit_models", cut)
        with pytest.raises(Cut):
            attempt(run_id)
    with monkeypatch.context() as broken:
        broken.setattr(evaluation, "rank_markers", cut)  # no fold can be computed
        summary = attempt(run_id)
    assert_as_uninterrupted(run_id, summary, reference, expected)


def test_damaged_checkpoints_are_computed_again(run_id, reference, expected):
    attempt(run_id)
    for file in sorted(checkpoint_folder(run_id).iterdir())[::3]:
        file.write_bytes(file.read_bytes()[:100])
    assert_as_uninterrupted(run_id, attempt(run_id), reference, expected)


def test_what_was_told_of_folds_of_other_versions_is_taken_back(
    run_id, reference, expected, monkeypatch
):
    monkeypatch.setattr(checkpoints, "versions", lambda: versions() | {"numpy": "0.0"})
    attempt(run_id)
    before = {event.id for event in get_database().events(run_id) if event.kind == "fold"}
    monkeypatch.undo()
    assert_as_uninterrupted(run_id, attempt(run_id), reference, expected)
    after = {event.id for event in get_database().events(run_id) if event.kind == "fold"}
    assert not before & after


def test_the_progress_goes_on_where_it_was(run_id):
    with pytest.raises(Cut):
        attempt(run_id, Saw(run_id, 1 + 6, is_written=True))
    steps = []

    class Listener(Reporter):
        def progress(self, fraction, message):
            steps.append((fraction, message))

    attempt(run_id, Listener(get_database(), run_id))
    assert steps[0] == (0.5, "Reading the expression of all genes")
    assert steps[1] == (7 / 12, "Fold 2 of 3")
    assert steps[-1] == (1.0, "Training the final model on all cells")


def test_a_training_without_scores_may_be_resumed_too():
    dataset = keep(*haystack(3, 40))
    config = {"dataset": dataset.digest, "task": config_to_dict(TASK)}
    config |= {"training": config_to_dict(CONFIG)}
    run_id = get_database().create("train", json.loads(json.dumps(config)))
    first, second = attempt(run_id), attempt(run_id)
    assert first == second
    assert told(run_id) == [("plan", {"n_folds": 0, "n_rare": 3, "n_passes": 0})]
    assert not checkpoint_folder(run_id).exists()


# Results ----------------------------------------------------------------------------------------


def test_results_are_flushed_to_the_disk_before_they_appear(run_id, monkeypatch):
    order, flush, rename = [], os.fsync, Path.rename

    def flushed(handle):
        order.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        flush(handle)

    def renamed(path, target):
        order.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "rename", renamed)
    folder = unfinished_folder(run_id)
    (folder / "scores.npy").write_bytes(b"1")
    publish(run_id)
    assert order == ["scores.npy", folder.name, "rename", "runs"]
    assert (run_folder(run_id) / "scores.npy").read_bytes() == b"1"
    assert not folder.exists()
