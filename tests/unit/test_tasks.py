"""Every task of a worker, run here: what it reports, writes and returns."""

import errno
import json
import pickle
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import core
from core.annotation import annotate
from core.config import config_to_dict
from core.data import load_dataset
from core.errors import DataError, ModelFileError, ParameterError, QueryMismatchError
from core.jobs import reading
from core.jobs import training as training_task
from core.jobs.database import new_id
from core.jobs.folders import annotation_model, unfinished_folder
from core.jobs.results import (
    load_annotation,
    load_folds,
    load_markers,
    load_synthetic,
)
from core.jobs.tasks import TASKS, warm_up
from core.jobs.training import optimistic_folder
from core.markers import find_markers
from core.model import load_model
from core.paths import models_folder, uploads_folder
from core.summary import summarise
from core.synthetic import compare_synthetic
from core.training import train
from tests.cells import METHODS, TASK, haystack, keep, small_config

PICKLE = pickle.dumps({"no": "cells"})


class Notebook:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.steps, self.events = [], []

    def progress(self, fraction, message):
        self.steps.append((fraction, message))

    def event(self, kind, payload):
        self.events.append((kind, json.loads(json.dumps(payload))))

    def of(self, kind):
        return [payload for name, payload in self.events if name == kind]


@pytest.fixture
def report():
    return Notebook()


@pytest.fixture(scope="module")
def reference():
    return keep(*haystack(12, 48, n_genes=20))


def task_config(dataset, **more):
    return json.loads(json.dumps({"dataset": dataset.digest, "task": config_to_dict(TASK)} | more))


@pytest.fixture
def upload_folder():
    """Return the folder of one upload."""
    folder = uploads_folder() / uuid.uuid4().hex
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cells_file(upload_folder):
    values = np.random.default_rng(0).poisson(1, size=(12, 5)).astype(np.float32)
    path = upload_folder / "cells.h5ad"
    obs = pd.DataFrame(index=[f"c{i}" for i in range(12)])
    ad.AnnData(X=values, obs=obs, var=pd.DataFrame(index=list("ABCDE"))).write_h5ad(path)
    return path


# Reading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["reference", "query"])
def test_read_opens_a_part_of_the_demo(part, report, tmp_path):
    demo = core.demo_reference() if part == "reference" else core.demo_query()
    summary = TASKS["read"]({"demo": part}, report, tmp_path)
    assert summary == {
        "dataset": demo.digest, "name": demo.name, "n_cells": demo.n_cells, "n_genes": 765,
    }  # fmt: skip


@pytest.mark.parametrize("is_upload", [True, False])
def test_read_keeps_the_cells_and_removes_an_upload_but_nobodys_own_file(
    is_upload, cells_file, report, tmp_path
):
    config = {"path": str(cells_file), "name": "my cells", "is_upload": is_upload}
    summary = TASKS["read"](config, report, tmp_path)
    assert (summary["name"], summary["n_cells"], summary["n_genes"]) == ("my cells", 12, 5)
    assert load_dataset(summary["dataset"]).n_cells == 12
    assert cells_file.exists() == (not is_upload)
    assert report.steps == [(None, "Reading and checking the cells")]


@pytest.mark.parametrize("is_upload", [True, False])
def test_read_removes_an_upload_that_it_refuses_too(is_upload, report, upload_folder, tmp_path):
    path = upload_folder / "cells.h5ad"
    path.write_bytes(PICKLE)
    with pytest.raises(DataError, match="a Python pickle") as caught:
        TASKS["read"]({"path": str(path), "name": "x", "is_upload": is_upload}, report, tmp_path)
    assert caught.value.code == "E-FILE-FORMAT"
    assert path.exists() == (not is_upload)


@pytest.mark.parametrize("has_company", [False, True], ids=["alone", "with another file"])
def test_an_upload_takes_its_own_folder_along_but_no_other_file(
    has_company, fresh_home, report, tmp_path
):
    folder = uploads_folder() / "one"
    folder.mkdir()
    (folder / "cells.h5ad").write_bytes(PICKLE)
    if has_company:
        (folder / "other").touch()
    config = {"path": str(folder / "cells.h5ad"), "name": "x", "is_upload": True}
    with pytest.raises(DataError, match="a Python pickle"):
        TASKS["read"](config, report, tmp_path)
    left = [path.name for path in uploads_folder().rglob("*")]
    assert sorted(left) == (["one", "other"] if has_company else [])
    assert uploads_folder().is_dir()


def test_a_file_outside_the_upload_folder_is_never_removed(fresh_home, report, tmp_path):
    path = tmp_path / "mine" / "cells.h5ad"
    path.parent.mkdir()
    path.write_bytes(PICKLE)
    detour = uploads_folder() / ".." / ".." / "mine" / "cells.h5ad"
    assert detour.resolve() == path
    for config in ({"path": str(path)}, {"path": str(detour)}):
        with pytest.raises(DataError, match="a Python pickle"):
            TASKS["read"](config | {"name": "x", "is_upload": True}, report, tmp_path)
    assert path.exists()


def cells_with(upload_folder, *, obs=None, var=None, n=60):
    """Write an upload of a few cells with these columns, and return its path."""
    values = np.random.default_rng(0).poisson(1, size=(n, 30)).astype(np.float32)
    names = [f"ENSG{i:011d}" for i in range(30)] if var else [f"GENE{i}" for i in range(30)]
    obs = pd.DataFrame(obs or {}, index=[f"c{i}" for i in range(n)])
    var = pd.DataFrame(var or {}, index=pd.Index(names, dtype=object))
    path = upload_folder / "cells.h5ad"
    ad.AnnData(X=values, obs=obs, var=var).write_h5ad(path)
    return path


def test_a_file_with_questions_is_done_and_stays_until_they_are_answered(
    upload_folder, report, tmp_path
):
    path = cells_with(upload_folder, obs={"cluster": np.arange(60) % 4})
    config = {"path": str(path), "name": "x", "is_upload": True, "role": "reference"}
    summary = TASKS["read"](config, report, tmp_path)
    question = core.FileReport.from_dict(json.loads(json.dumps(summary))["question"])
    assert [f.code for f in question.findings if f.options] == ["C-LABEL-COLUMN"]
    assert path.exists()
    answered = config | {"choices": {"C-LABEL-COLUMN": "cluster"}}
    summary = TASKS["read"](answered, report, tmp_path)
    assert summary["n_cells"] == 60
    assert path.exists()  # the answer may be changed


def test_the_same_file_as_a_query_is_asked_nothing(upload_folder, report, tmp_path):
    path = cells_with(upload_folder, obs={"cluster": np.arange(60) % 4})
    config = {"path": str(path), "name": "x", "is_upload": True, "role": "query"}
    assert TASKS["read"](config, report, tmp_path)["n_cells"] == 60


def test_a_file_with_offers_is_kept_for_them(upload_folder, report, tmp_path):
    symbols = list(core.demo_reference().genes[:30])
    path = cells_with(upload_folder, obs={"kind": ["a", "b"] * 30}, var={"gene_name": symbols})
    config = {"path": str(path), "name": "x", "is_upload": True, "role": "reference"}
    summary = TASKS["read"](config, report, tmp_path)
    assert path.exists()
    choices = {"choices": {"W-GENE-IDS": "column:gene_name"}}
    renamed = TASKS["read"](config | choices, report, tmp_path)
    assert load_dataset(summary["dataset"]).genes[0].startswith("ENSG")
    assert list(load_dataset(renamed["dataset"]).genes) == symbols
    assert path.exists()  # the answer may be changed


def test_the_report_on_a_refused_file_is_told(upload_folder, report, tmp_path):
    path = cells_with(upload_folder, obs={"kind": ["the same"] * 60})
    config = {"path": str(path), "name": "x", "is_upload": True, "role": "reference"}
    with pytest.raises(DataError, match="nothing to tell apart"):
        TASKS["read"](config, report, tmp_path)
    (told,) = report.of("report")
    assert (told["verdict"], told["n_cells"]) == ("refused", 60)
    assert "E-LABEL-ONE-TYPE" in [finding["code"] for finding in told["findings"]]
    assert path.exists()  # it may be used as a query yet


def test_a_file_larger_than_a_process_may_write_is_too_large(report, tmp_path, monkeypatch):
    def too_big(*a, **k):
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr(reading, "open_dataset", too_big)
    with pytest.raises(DataError, match="larger than a dataset") as caught:
        TASKS["read"]({"path": str(tmp_path / "x")}, report, tmp_path)
    assert caught.value.code == "E-TOO-LARGE"


@pytest.mark.parametrize("several", [False, True])
def test_one_path_or_several_are_opened_as_one_dataset(several, report, tmp_path, monkeypatch):
    seen = []

    def opened(path, **settings):
        seen.append((path, settings))
        return core.demo_query()

    monkeypatch.setattr(reading, "open_dataset", opened)
    paths = {"paths": ["/u/a.mtx", "/u/b.tsv"]} if several else {}
    config = {"path": "/u", "name": "n", "role": "query", "choices": {"C-FORMAT": "text"}}
    TASKS["read"](config | paths, report, tmp_path)
    expected = [Path("/u/a.mtx"), Path("/u/b.tsv")] if several else Path("/u")
    assert seen == [(expected, {"name": "n", "role": "query", "choices": {"C-FORMAT": "text"}})]


def test_layout_keeps_a_map_beside_the_dataset(reference, report, tmp_path):
    summary = TASKS["layout"]({"dataset": reference.digest}, report, tmp_path)
    assert summary == {"n_cells": 60}
    (kept,) = reference.path.parent.glob(f"{reference.digest}*.umap0.npy")
    assert np.load(kept).shape == (60, 2)


# Markers and training ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{"n": 4}, {"n": 4, "test": "t-test"}, {"genes": ["G3", "G1"]}], ids=str
)
def test_markers_leaves_the_table_of_the_library(reference, report, tmp_path, settings):
    config = task_config(reference, markers=settings)
    summary = TASKS["markers"](config, report, tmp_path)
    expected = find_markers(reference, TASK, **settings)
    assert summary == {"n_markers": len(expected)}
    pd.testing.assert_frame_equal(load_markers(tmp_path), expected)


def test_a_marker_may_be_named_like_a_missing_value(report, tmp_path):
    values, names = haystack(12, 48, n_genes=4)
    dataset = keep(values, names, genes=["NA", "nan", "NULL", "G4"])
    TASKS["markers"](task_config(dataset, markers={"genes": ["NA", "nan"]}), report, tmp_path)
    assert load_markers(tmp_path)["gene"].to_list() == ["NA", "nan"]


def unfinished():
    """Folder in which a new run would write."""
    folder = unfinished_folder(new_id())
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def training(reference):
    """Report, folder and summary of a training."""
    report, folder = Notebook(), unfinished()
    config = task_config(reference, training=config_to_dict(small_config(seed=2)))
    return report, folder, TASKS["train"](config, report, folder)


def test_train_tells_of_every_fold_and_method_once_as_the_library_gives_them(training, reference):
    report, folder, _ = training
    folds = list(core.iter_folds(reference, TASK, small_config(seed=2)))
    told = report.of("fold")
    assert [e["method"] for e in told] == [f.method for f in folds]
    for event, fold in zip(told, folds, strict=True):
        for name in set(event) - {"seconds"}:
            assert event[name] == getattr(fold, name), name
    for kept, fold in zip(load_folds(folder), folds, strict=True):
        np.testing.assert_array_equal(kept.scores, fold.scores)


def test_train_says_first_how_many_folds_there_will_be(training):
    report, _, _ = training
    assert report.events[0] == ("plan", {"n_folds": 3, "n_rare": 12, "n_passes": 1})


def test_the_progress_of_a_training_only_grows_and_ends_at_one(training):
    report, _, _ = training
    fractions = [fraction for fraction, _ in report.steps]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    told = [message for _, message in report.steps if message.startswith("Fold")]
    assert told == [f"Fold {i} of 3" for i in (1, 2, 3) for _ in METHODS]


def test_train_summarises_as_the_library_does(training):
    _, folder, summary = training
    assert summary == {
        "recommended": summarise(load_folds(folder)).recommended,
        "preselected": summarise(load_folds(folder)).recommended,
        "scheme": "k-fold",
        "reason": "",
        "n_folds": 3,
        "n_rare": 12,
    }


def test_the_optimistic_variant_is_kept_beside_the_honest_scores_and_changes_none(
    training, reference
):
    honest, _, summary = training
    report, folder = Notebook(), unfinished()
    config = task_config(reference, training=config_to_dict(small_config(seed=2)))
    assert TASKS["train"](config | {"optimistic": True}, report, folder) == summary
    assert report.events[0] == ("plan", {"n_folds": 3, "n_rare": 12, "n_passes": 2})
    for mine, theirs in zip(report.of("fold"), honest.of("fold"), strict=True):
        assert mine | {"seconds": 0} == theirs | {"seconds": 0}
    everywhere = replace(small_config(seed=2), markers_from="all")
    expected = list(core.iter_folds(reference, TASK, everywhere))
    kept = load_folds(optimistic_folder(folder))
    assert [fold.config for fold in kept] == [everywhere] * len(expected)
    for mine, fold in zip(kept, expected, strict=True):
        np.testing.assert_array_equal(mine.scores, fold.scores)
        assert mine.markers == fold.markers
    assert [e["f1"] for e in report.of("optimistic")] == [fold.f1 for fold in expected]
    fractions = [fraction for fraction, _ in report.steps]
    assert fractions == sorted(fractions)
    assert report.steps[-2][1] == "Fold 3 of 3 with markers from all cells"


@pytest.mark.parametrize("method", METHODS)
def test_train_leaves_a_final_model_of_every_method_with_its_scores(training, reference, method):
    _, folder, _ = training
    model = load_model(folder / f"{method}.skops")
    expected = train(reference, TASK, small_config(seed=2), method=method)
    np.testing.assert_array_equal(model.score(reference), expected.score(reference))
    table = summarise(load_folds(folder)).table
    assert model.metrics["f1_mean"] == table.loc[method, "f1_mean"]


@pytest.mark.parametrize(
    ("samplers", "classifiers", "preselected"),
    [
        (("loras", "none"), ("knn", "lr"), "none+lr"),
        (("none",), ("knn", "lr"), "none+lr"),
        (("none", "loras"), ("knn",), "none+knn"),
    ],
)
def test_with_too_few_cells_for_scores_the_simplest_model_is_offered_and_the_reason_given(
    samplers, classifiers, preselected, report
):
    dataset, folder = keep(*haystack(3, 40)), unfinished()
    settings = small_config(samplers=samplers, classifiers=classifiers)
    config = task_config(dataset, training=config_to_dict(settings))
    summary = TASKS["train"](config, report, folder)
    assert (summary["recommended"], summary["scheme"], summary["n_folds"]) == (None, "none", 0)
    assert summary["preselected"] == preselected
    assert "only 3 rare cells" in summary["reason"]
    assert report.events == [("plan", {"n_folds": 0, "n_rare": 3, "n_passes": 0})]
    assert load_model(folder / f"{preselected}.skops").metrics == {}
    assert not (folder / "arrays.npz").exists()


@pytest.mark.parametrize(
    ("recommended", "preselected"), [(None, "none+knn"), ("loras+knn", "loras+knn")]
)
def test_scores_that_recommend_no_method_leave_the_one_of_the_highest_f1_to_offer(
    recommended, preselected, reference, report, monkeypatch
):
    def with_recommended(folds):
        result = summarise(folds)
        result.table["f1_mean"] = (result.table.index == "none+knn").astype(float)
        return replace(result, recommended=recommended)

    monkeypatch.setattr(training_task, "summarise", with_recommended)
    config = task_config(reference, training=config_to_dict(small_config()))
    summary = TASKS["train"](config, report, unfinished())
    assert (summary["recommended"], summary["preselected"]) == (recommended, preselected)


def test_a_training_that_cannot_work_is_refused_before_the_first_fold(reference, report):
    settings = small_config(loras=core.LorasConfig(n_neighbors=9))
    config = task_config(reference, training=config_to_dict(settings))
    with pytest.raises(ParameterError, match="smallest training part") as caught:
        TASKS["train"](config, report, unfinished())
    assert caught.value.code == "E-PARAMETER"
    assert report.of("fold") == []


def test_a_dataset_that_is_gone_is_named_as_such(report, tmp_path):
    with pytest.raises(DataError, match="not found in Needle's data folder") as caught:
        TASKS["layout"]({"dataset": "0" * 64}, report, tmp_path)
    assert caught.value.code == "E-DATASET-UNKNOWN"


# Synthetic cells --------------------------------------------------------------------------------


def test_synthetic_leaves_the_comparison_of_the_library(reference, report, tmp_path):
    settings = small_config()
    config = task_config(reference, training=config_to_dict(settings), n=30)
    summary = TASKS["synthetic"](config, report, tmp_path)
    expected = compare_synthetic(reference, TASK, settings, n=30)
    kept = load_synthetic(tmp_path)
    assert kept.task == TASK
    assert kept.config == settings
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(kept, name), value, err_msg=name)
    for name, value in summary.items():
        assert value == getattr(expected, name)
    assert set(summary) == {"variance_kept", "distance_synthetic", "distance_real"}


# Models and queries -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(reference):
    return train(reference, TASK, small_config(), method="none+lr")


def test_import_model_keeps_the_file_and_removes_the_upload(model, fresh_home, report, tmp_path):
    upload = uploads_folder() / "one" / "upload"
    upload.parent.mkdir()
    model.save(upload)
    content = upload.read_bytes()
    summary = TASKS["import_model"]({"path": str(upload)}, report, tmp_path)
    assert summary["title"] == "needle · none+lr · 5 genes · made"
    assert Path(summary["model"]).parent == models_folder()
    assert Path(summary["model"]).read_bytes() == content
    assert not upload.parent.exists()


def test_import_model_refuses_a_pickle_unopened_and_removes_it(fresh_home, report, tmp_path):
    proof, upload = tmp_path / "proof", uploads_folder() / "upload"

    class Trap:
        def __reduce__(self):
            return open, (str(proof), "w")

    upload.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelFileError, match="Python pickle") as caught:
        TASKS["import_model"]({"path": str(upload)}, report, tmp_path)
    assert caught.value.code == "E-MODEL-PICKLE"
    assert not upload.exists()
    assert not proof.exists()
    assert list(models_folder().iterdir()) == []


def test_annotate_leaves_the_scores_of_the_library(model, report, tmp_path):
    query = keep(*haystack(4, 30, n_genes=20, seed=1))
    model.save(tmp_path / "none+lr.skops")
    config = {"dataset": query.digest, "model": str(tmp_path / "none+lr.skops")}
    summary = TASKS["annotate"](config, report, tmp_path)
    expected = annotate(model, query)
    assert summary == {"n_called": expected.n_called, "coverage": 1.0}
    kept = load_annotation(tmp_path, model, query)
    pd.testing.assert_frame_equal(kept.table, expected.table)
    fractions = [fraction for fraction, _ in report.steps]
    assert fractions == sorted(fractions)


def test_an_annotation_keeps_its_model_when_the_training_is_deleted(model, report, tmp_path):
    query = keep(*haystack(4, 30, n_genes=20, seed=1))
    original, folder = tmp_path / "none+lr.skops", tmp_path / "annotation"
    folder.mkdir()
    model.save(original)
    content = original.read_bytes()
    TASKS["annotate"]({"dataset": query.digest, "model": str(original)}, report, folder)
    original.unlink()
    assert annotation_model(folder) == folder / "model.skops"
    assert annotation_model(folder).read_bytes() == content
    kept = load_annotation(folder, load_model(annotation_model(folder)), query)
    pd.testing.assert_frame_equal(kept.table, annotate(model, query).table)


def test_annotate_refuses_a_query_of_other_genes(model, report, tmp_path):
    query = keep(haystack(4, 30)[0], ["?"] * 34, genes=[f"ENSG{i}" for i in range(12)])
    model.save(tmp_path / "none+lr.skops")
    config = {"dataset": query.digest, "model": str(tmp_path / "none+lr.skops")}
    with pytest.raises(QueryMismatchError, match="Only 0 of the model's 5 genes") as caught:
        TASKS["annotate"](config, report, tmp_path)
    assert caught.value.code == "E-GENES-MISSING"
    assert not (tmp_path / "scores.npy").exists()


# All of them ------------------------------------------------------------------------------------


def test_every_kind_of_run_has_a_task():
    assert list(TASKS) == [
        "read", "layout", "markers", "train", "explore", "synthetic", "import_model", "annotate",
    ]  # fmt: skip


def test_a_worker_can_warm_up():
    warm_up()
