"""What an annotation run keeps of a transfer comes back as it was."""

import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import core
from core.annotation import annotate
from core.jobs.results import load_annotation, save_annotation
from core.jobs.tasks import TASKS
from core.jobs.transfers import load_transfer, save_transfer
from core.model import load_model
from core.training import train
from core.transfer import Transfer, transfer_scores
from tests.cells import TASK
from tests.studies import study

CONFIGS = {
    "default": core.TransferConfig(),
    "without learning": core.TransferConfig(adapt=False, standardise="query", context=False),
    "label shift": core.TransferConfig(threshold="shift", n_neighbors=5, seed=7),
    "thinned": core.TransferConfig(match_depth=True, features="ranks", seed=3),
    "votes": core.TransferConfig(votes="calls", smoothness=0.5),
    "numbers of numpy": core.TransferConfig(n_neighbors=np.int64(9), smoothness=np.float32(2.5)),
}


class Reporter:
    """Hears of progress, and keeps nothing."""

    def progress(self, *_):
        pass


@pytest.fixture(scope="module")
def model():
    reference = study({"hay": 90, "needle": 12, "pin": 50}, seed=1)
    return train(reference, TASK, core.TrainingConfig(markers=12), method="loras+lr")


@pytest.fixture(scope="module")
def query():
    return study({"hay": 60, "needle": 8, "pin": 40}, seed=2, batch=0.5, depth=2000)


@pytest.fixture(scope="module")
def absent():
    return study({"hay": 60, "pin": 40}, seed=2, batch=0.5, depth=2000)


def same(before, after):
    """Compare two values with all that is within them."""
    assert type(after) is type(before)
    if is_dataclass(before):
        for field in fields(before):
            same(getattr(before, field.name), getattr(after, field.name))
    elif isinstance(before, dict):
        assert list(after) == list(before)
        for name in before:
            same(before[name], after[name])
    elif sparse.issparse(before):
        for name in ("data", "indices", "indptr"):
            same(getattr(before, name), getattr(after, name))
        assert after.shape == before.shape
    elif isinstance(before, np.ndarray):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
    elif isinstance(before, pd.DataFrame):
        pd.testing.assert_frame_equal(after, before, check_exact=True)
    else:
        assert after == before


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_field_of_a_transfer_comes_back_exactly(model, query, config, tmp_path):
    before = transfer_scores(model, query, config)
    save_transfer(tmp_path, before)
    after = load_transfer(tmp_path, model, query)
    for field in fields(Transfer):
        if field.name != "config":
            same(getattr(before, field.name), getattr(after, field.name))
    assert after.config == before.config
    np.testing.assert_array_equal(after.clusters, before.clusters)


@pytest.mark.parametrize("condition", ["score", "similarity", "likeness"])
def test_a_verdict_of_absence_can_be_kept_for_whatever_reason(
    model, absent, tmp_path, condition, monkeypatch
):
    limits = {"score": 0.0, "similarity": -1.0, "likeness": -2.0} | {condition: 2.0}
    for name, value in limits.items():
        monkeypatch.setattr(f"core.transfer.verdict.LEAST_{name.upper()}", value)
    before = transfer_scores(model, absent, core.TransferConfig())
    assert before.verdict.is_present is False
    save_transfer(tmp_path, before)
    same(before.verdict, load_transfer(tmp_path, model, absent).verdict)


def test_a_run_without_a_transfer_has_none(model, query, tmp_path):
    assert load_transfer(tmp_path, model, query) is None


def test_reference_and_query_are_not_kept(model, query, tmp_path):
    save_transfer(tmp_path, transfer_scores(model, query, core.TransferConfig()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["transfer.json", "transfer.npz"]
    with np.load(tmp_path / "transfer.npz", allow_pickle=False) as archive:
        assert set(archive) == {
            "before", "refined", "scores", "view_reference", "view_query", "view_learned", "shift",
            "data", "indices", "indptr",
        }  # fmt: skip
    about = json.loads((tmp_path / "transfer.json").read_text(encoding="utf-8"))
    assert about["config"]["threshold"] == "query"


@pytest.mark.parametrize("which", ["query", "absent"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_an_annotation_from_disk_makes_the_same_calls(model, config, which, tmp_path, request):
    dataset = request.getfixturevalue(which)
    before = annotate(model, dataset, transfer=config)
    save_annotation(tmp_path, before)
    after = load_annotation(tmp_path, model, dataset)
    pd.testing.assert_frame_equal(after.table, before.table, check_exact=True)
    assert after.findings == before.findings
    assert after.threshold == before.threshold
    moved = [found.with_threshold(0.3, anyway=True).table for found in (before, after)]
    pd.testing.assert_frame_equal(*moved)
    pd.testing.assert_frame_equal(after.clusters(), before.clusters())


def test_a_run_with_settings_of_its_own_is_carried_over_by_them(model, query, tmp_path):
    model.save(tmp_path / "given.skops")
    settings = {"adapt": False, "threshold": "model", "context": False}
    config = {"dataset": query.digest, "model": str(tmp_path / "given.skops"), "transfer": settings}
    folder = tmp_path / "run"
    folder.mkdir()
    summary = TASKS["annotate"](config, Reporter(), folder)
    kept = load_annotation(folder, load_model(folder / "model.skops"), query)
    expected = annotate(model, query, transfer=core.TransferConfig(**settings))
    pd.testing.assert_frame_equal(kept.table, expected.table)
    assert kept.transfer.config == core.TransferConfig(**settings)
    assert (kept.threshold, summary["n_called"]) == (model.threshold, expected.n_called)


def test_a_model_that_came_back_from_its_file_carries_over_alike(model, query, tmp_path):
    model.save(tmp_path / "model.skops")
    again = load_model(tmp_path / "model.skops")
    for kept in (again, replace(again, context=model.context)):
        same(
            transfer_scores(model, query, core.TransferConfig()),
            transfer_scores(kept, query, core.TransferConfig()),
        )
