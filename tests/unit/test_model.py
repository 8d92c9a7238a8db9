"""The model a user keeps: fitted on all cells, and the same after saving."""

import json
import zipfile
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest

import core
from core.config import config_to_dict
from core.context import ReferenceContext
from core.errors import ParameterError
from core.evaluation import iter_folds
from core.fitting import fit_method
from core.markers import find_markers
from core.model import RareCellModel, load_model
from core.summary import summarise
from core.training import train
from tests.cells import METHODS, TASK, haystack, keep, small_config


@pytest.fixture(scope="module")
def reference():
    return keep(*haystack(20, 80, n_genes=30), name="a reference")


@pytest.fixture(scope="module")
def query():
    return keep(*haystack(5, 40, n_genes=30, seed=1), name="a query")


@pytest.fixture(scope="module")
def model(reference):
    return train(reference, TASK, small_config(), method="loras+knn")


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.skops"
    model.save(path)
    return path


# Training ---------------------------------------------------------------------------------------


def test_the_final_model_is_fitted_on_all_labelled_cells(query):
    values, names = haystack(20, 80, n_genes=30)
    names[::11] = None
    reference = keep(values, names)
    config = small_config(seed=6)
    model = train(reference, TASK, config, method="loras+lr")
    markers = tuple(find_markers(reference, TASK, n=5)["gene"])
    labelled = np.flatnonzero([name is not None for name in names])
    expected, n_synthetic = fit_method(
        reference.expression(markers)[labelled],
        names[labelled] == "needle",
        next(m for m in config.methods() if str(m) == "loras+lr"),
        config,
        seed=6,
    )
    assert model.genes == markers
    assert model.n_synthetic == n_synthetic > 0
    scores = expected.predict_proba(query.expression(markers))[:, 1]
    np.testing.assert_array_equal(model.score(query), scores)


def test_without_a_method_the_recommended_one_is_fitted_and_carries_its_scores(reference):
    config = small_config()
    result = summarise(iter_folds(reference, TASK, config))
    model = train(reference, TASK, config)
    assert model.method == result.recommended
    expected = result.table.loc[result.recommended]
    assert set(model.metrics) == set(expected.index)
    for name, value in model.metrics.items():
        if name.endswith("_sd"):
            assert value is None  # one repeat has no spread, and JSON no NaN
        elif name != "seconds":
            assert value == expected[name]


def test_a_goal_s_threshold_and_scores_can_be_given_to_a_model(model, reference):
    folds = list(core.iter_folds(reference, TASK, small_config()))
    result = core.summarise(folds, goal="recall")
    given = model.with_goal(result)
    assert given.threshold == result.thresholds[model.method].value
    assert given.config == replace(model.config, goal="recall")
    assert given.metrics["recall_mean"] == result.table.loc[model.method, "recall_mean"]
    assert given.pipeline is model.pipeline


def test_probabilities_undo_what_oversampling_did_to_the_odds(model):
    scores = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    n_rare = int(model.training_is_rare.sum())
    n_other = len(model.training_is_rare) - n_rare
    trained = (n_rare + model.n_synthetic) / n_other
    for odds, given in ((n_rare / n_other, None), (1 / 999, 0.001)):
        expected = scores[1:4] / (1 - scores[1:4]) * odds / trained
        found = model.probabilities(scores, frequency=given)
        np.testing.assert_allclose(found[1:4], expected / (1 + expected))
        assert found[[0, 4]].tolist() == [0, 1]


def test_with_a_method_there_are_no_scores(model):
    assert model.metrics == {}
    assert model.method == "loras+knn"


def test_a_model_says_what_it_was_made_from(model, reference):
    assert model.reference == {
        "name": "a reference", "digest": reference.digest, "n_cells": 100, "n_rare": 20,
        "depth": None,
    }  # fmt: skip
    assert (model.task, model.config, model.threshold) == (TASK, small_config(), 0.5)
    assert model.title == "needle · loras+knn · 5 genes · a reference"
    made = datetime.fromisoformat(model.created)
    assert made.tzinfo == UTC
    assert abs((datetime.now(UTC) - made).total_seconds()) < 3600


@pytest.mark.parametrize("method", METHODS)
def test_two_rare_cells_can_be_trained_on(method):
    dataset = keep(*haystack(2, 40))
    model = train(dataset, TASK, small_config(), method=method)
    scores = model.score(dataset)
    assert scores.shape == (42,)
    assert model.n_synthetic == (38 if method.startswith("loras") else 0)


@pytest.mark.parametrize("method", [None, "loras+knn"])
def test_a_single_rare_cell_is_refused(method):
    with pytest.raises(ParameterError, match="single cell") as caught:
        train(keep(*haystack(1, 40)), TASK, small_config(), method=method)
    assert caught.value.code == "E-RARE-ONE"


def test_too_few_cells_to_score_are_refused_when_no_method_is_named():
    with pytest.raises(ParameterError, match="only 4 rare cells") as caught:
        train(keep(*haystack(4, 40)), TASK, small_config())
    assert caught.value.code == "E-TOO-FEW-FOR-SCORES"


@pytest.mark.parametrize(
    ("method", "code"),
    [("loras", "E-PARAMETER"), ("loras+oracle", "E-CLASSIFIER"), ("magic+knn", "E-SAMPLER")],
)
def test_a_method_that_does_not_exist_is_refused(reference, method, code):
    with pytest.raises(ParameterError, match="must be") as caught:
        train(reference, TASK, small_config(), method=method)
    assert caught.value.code == code


def test_a_single_gene_of_the_users_own_is_enough(reference):
    model = train(reference, TASK, small_config(genes=("G0",)), method="loras+lr")
    assert model.genes == ("G0",)
    assert np.ptp(model.score(reference)) > 0


# Saving and loading -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_loaded_model_gives_the_same_scores_bit_by_bit(reference, query, method, tmp_path):
    model = train(reference, TASK, small_config(), method=method)
    model.save(tmp_path / "model.skops")
    again = load_model(tmp_path / "model.skops")
    np.testing.assert_array_equal(again.score(query), model.score(query))


def test_every_field_survives(reference, tmp_path):
    settings = small_config(
        seed=np.int64(3), marker_test="t-test", loras=core.LorasConfig(n_affine=7, noise_scale=0.1)
    )
    model = replace(train(reference, TASK, settings), threshold=0.25)
    model.save(tmp_path / "model.skops")
    again = load_model(str(tmp_path / "model.skops"))
    pairs = [
        (getattr(before, field.name), getattr(after, field.name))
        for before, after in ((model, again), (model.context, again.context))
        for field in fields(before)
        if field.name not in ("pipeline", "context")
    ]
    assert len(pairs) == len(fields(RareCellModel)) - 2 + len(fields(ReferenceContext))
    for mine, theirs in pairs:
        assert type(theirs) is type(mine)
        assert getattr(theirs, "dtype", None) == getattr(mine, "dtype", None)
        assert np.array_equal(theirs, mine) if isinstance(mine, np.ndarray) else theirs == mine


def test_a_model_file_holds_no_pickle_and_a_header_that_any_reader_of_json_can_read(saved, model):
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        header = json.loads(archive.read("needle.json"))
        for name in archive.namelist():
            assert name.endswith((".json", ".npy")), name
            content = archive.read(name)
            assert not content.startswith(b"\x80")
            if name.endswith(".npy"):  # numpy would pickle an array of objects
                assert b"'descr': '|O'" not in content[:200]
    assert header["format"] == 3
    assert header["context"] == {
        "genes": list(model.context.genes), "types": ["hay", "needle"],
    }  # fmt: skip
    assert header["needle"] == core.__version__
    assert header["genes"] == list(model.genes)
    assert header["task"] == {"label": "type", "rare": "needle"}
    assert header["config"] == json.loads(json.dumps(config_to_dict(model.config)))


def test_saving_replaces_an_old_file_and_leaves_nothing_beside_it(model, tmp_path):
    path = tmp_path / "model.skops"
    path.write_text("old")
    model.save(str(path))
    assert load_model(path).genes == model.genes
    assert [p.name for p in tmp_path.iterdir()] == ["model.skops"]


def test_a_model_can_be_saved_again_after_loading(saved, query):
    again = load_model(saved)
    again.save(saved)
    np.testing.assert_array_equal(load_model(saved).score(query), again.score(query))
