"""The model a user keeps: the same after saving, and no way in for anybody else's code."""

import bz2
import gzip
import io
import json
import pickle
import shutil
import zipfile
import zlib
from dataclasses import fields, replace
from datetime import UTC, datetime

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import core
from core.config import config_to_dict
from core.errors import ModelFileError, ParameterError
from core.evaluation import iter_folds
from core.fitting import fit_method
from core.markers import find_markers
from core.model import RareCellModel, load_model, train
from core.summary import summarise
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


def test_with_a_method_there_are_no_scores(model):
    assert model.metrics == {}
    assert model.method == "loras+knn"


def test_a_model_says_what_it_was_made_from(model, reference):
    assert model.reference == {
        "name": "a reference", "digest": reference.digest, "n_cells": 100, "n_rare": 20,
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
    [("loras", "E-PARAMETER"), ("loras+svm", "E-CLASSIFIER"), ("magic+knn", "E-SAMPLER")],
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
    for field in fields(RareCellModel):
        if field.name != "pipeline":
            mine, theirs = getattr(model, field.name), getattr(again, field.name)
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
    assert header["format"] == 1
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


# What is refused --------------------------------------------------------------------------------


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def write_joblib(trap, path):
    joblib.dump(trap, path)


def write_joblib_zlib(trap, path):
    joblib.dump(trap, path, compress=("zlib", 3))


def write_joblib_gzip(trap, path):
    joblib.dump(trap, path, compress=("gzip", 3))


PICKLES = {
    **{
        f"pickle protocol {protocol}": (
            lambda trap, path, protocol=protocol: path.write_bytes(pickle.dumps(trap, protocol))
        )
        for protocol in (2, 4, 5)
    },
    "joblib": write_joblib,
    "joblib zlib": write_joblib_zlib,
    "joblib gzip": write_joblib_gzip,
    **{
        f"zlib level {level}": (
            lambda trap, path, level=level: path.write_bytes(
                zlib.compress(pickle.dumps(trap), level)
            )
        )
        for level in (0, 1, 6, 9)
    },
}


@pytest.mark.parametrize("write", PICKLES.values(), ids=PICKLES)
def test_a_pickle_is_refused_and_never_run(write, tmp_path):
    proof, path = tmp_path / "proof", tmp_path / "model.skops"
    write(Trap(proof), path)
    with pytest.raises(ModelFileError, match="is a Python pickle") as caught:
        load_model(path)
    assert caught.value.code == "E-MODEL-PICKLE"
    assert not proof.exists()


def pickle_in_numpy(trap, path):
    with path.open("wb") as file:
        np.savez(file, model=np.array([trap], dtype=object))


OTHER_FILES = {
    "text": lambda path: path.write_text("Dear model,"),
    "text that begins like zlib": lambda path: path.write_text("x^2 is a square"),
    "gzipped text": lambda path: path.write_bytes(gzip.compress(b"text")),
    "bzip2": lambda path: path.write_bytes(bz2.compress(b"text")),
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"P"),
    "folder": lambda path: path.mkdir(),
    "pickle protocol 0": lambda path: path.write_bytes(pickle.dumps(Trap(path / "x"), 0)),
    "numpy archive": lambda path: pickle_in_numpy(Trap(path.with_name("proof")), path),
    "skops file of a dict": lambda path: skops.io.dump({"genes": ["A"]}, path),
    "skops file of an estimator": lambda path: skops.io.dump(LogisticRegression(), path),
    "zip of something else": lambda path: zipfile.ZipFile(path, "w").close(),
}


@pytest.mark.parametrize("write", OTHER_FILES.values(), ids=OTHER_FILES)
def test_a_file_that_is_no_model_is_refused(write, tmp_path):
    path = tmp_path / "other.skops"
    write(path)
    with pytest.raises(ModelFileError, match=r"other\.skops is no model") as caught:
        load_model(path)
    assert caught.value.code == "E-MODEL-FILE"
    assert not (tmp_path / "proof").exists()


def test_a_model_file_that_is_gone_is_said_to_be_gone(tmp_path):
    with pytest.raises(ModelFileError, match=r"cd34\.skops is not there any more") as caught:
        load_model(tmp_path / "cd34.skops")
    assert caught.value.code == "E-MODEL-MISSING"


def rewrite(saved, part, content):
    """Replace one part of a model file."""
    other = saved.with_name("other.zip")
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    shutil.move(other, saved)


def npy(array):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def cell_shape(saved):
    return load_model(saved).training_values.shape


def change_header(saved, **changes):
    with zipfile.ZipFile(saved) as archive:
        header = json.loads(archive.read("needle.json"))
    rewrite(saved, "needle.json", json.dumps(header | changes))


def with_object(saved, thing):
    """A file with this model's header and cells over another object."""
    other = saved.with_name("object.skops")
    skops.io.dump(thing, other)
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(other, "a") as target:
        for name in ("needle.json", "training_values.npy", "training_is_rare.npy"):
            target.writestr(name, archive.read(name))
    shutil.move(other, saved)


def fitted(*steps, n_genes=5, classes=(False, True)):
    values = np.random.default_rng(0).normal(size=(20, n_genes))
    labels = np.array(classes)[np.arange(20) % len(classes)]
    return Pipeline([(str(i), step) for i, step in enumerate(steps)]).fit(values, labels)


DAMAGES = {
    "cut to half": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "last byte lost": lambda p: p.write_bytes(p.read_bytes()[:-1]),
    "header is no JSON": lambda p: rewrite(p, "needle.json", b"{"),
    "header is no text": lambda p: rewrite(p, "needle.json", b"\xff\xfe\xff"),
    "header is a list": lambda p: rewrite(p, "needle.json", b"[1]"),
    "header nested too deep": lambda p: rewrite(p, "needle.json", b"[" * 200_000),
    "cells of another shape": lambda p: rewrite(p, "training_values.npy", npy(np.ones((3, 2)))),
    "cells that are no numbers": lambda p: rewrite(
        p, "training_values.npy", npy(np.full(cell_shape(p), np.nan))
    ),
    "cells that are a pickle": lambda p: rewrite(
        p, "training_is_rare.npy", npy(np.array([Trap(p.with_name("proof"))]))
    ),
    "labels that are no truth values": lambda p: rewrite(
        p, "training_is_rare.npy", npy(np.ones(cell_shape(p)[0]))
    ),
    "schema is no JSON": lambda p: rewrite(p, "schema.json", b"{"),
    "schema is empty": lambda p: rewrite(p, "schema.json", b"{}"),
    "one gene too few": lambda p: change_header(p, genes=["A", "B", "C", "D"]),
    "no genes": lambda p: change_header(p, genes=None),
    "threshold above one": lambda p: change_header(p, threshold=1.5),
    "threshold is text": lambda p: change_header(p, threshold="high"),
    "no method": lambda p: change_header(p, method="magic"),
    "reference without a name": lambda p: change_header(p, reference={}),
    "task without a type": lambda p: change_header(p, task={"label": "type"}),
    "impossible setting": lambda p: change_header(p, config={"markers": 0}),
    "a dict": lambda p: with_object(p, {"A": 1}),
    "an estimator": lambda p: with_object(p, LogisticRegression()),
    "a pipeline never fitted": lambda p: with_object(
        p, Pipeline([("scale", StandardScaler()), ("classifier", LogisticRegression())])
    ),
    "a pipeline without scaler": lambda p: with_object(
        p, fitted(FunctionTransformer(), LogisticRegression())
    ),
    "three steps": lambda p: with_object(
        p, fitted(StandardScaler(), StandardScaler(), LogisticRegression())
    ),
    "other classes": lambda p: with_object(
        p, fitted(StandardScaler(), LogisticRegression(), classes=("a", "b", "c"))
    ),
    "other number of genes": lambda p: with_object(
        p, fitted(StandardScaler(), LogisticRegression(), n_genes=6)
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_or_altered_model_is_refused(saved, damage):
    damage(saved)
    with pytest.raises(ModelFileError, match=r"model\.skops is damaged") as caught:
        load_model(saved)
    assert caught.value.code == "E-MODEL-DAMAGED"
    assert not saved.with_name("proof").exists()


def test_a_flipped_byte_anywhere_is_noticed_or_harmless(saved, query):
    content, scores = saved.read_bytes(), load_model(saved).score(query)
    codes = set()
    for place in range(0, len(content), len(content) // 150):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        saved.write_bytes(flipped)
        try:
            np.testing.assert_array_equal(load_model(saved).score(query), scores)
        except ModelFileError as error:
            codes.add(error.code)
    assert "E-MODEL-DAMAGED" in codes
    assert codes <= {"E-MODEL-DAMAGED", "E-MODEL-FILE"}


@pytest.mark.parametrize("version", [99, 0, "1", None])
def test_another_format_is_refused_with_both_numbers(saved, version):
    change_header(saved, format=version)
    with pytest.raises(ModelFileError, match=f"has model format {version}; .* reads 1") as caught:
        load_model(saved)
    assert caught.value.code == "E-MODEL-FORMAT"


class Stranger(LogisticRegression):
    """A type that nobody vouches for."""


@pytest.mark.parametrize(
    ("thing", "named"),
    [
        (fitted(StandardScaler(), Stranger()), "Stranger"),
        (FunctionTransformer(shutil.rmtree), "rmtree"),
    ],
    ids=["a class of its own", "a function of the system"],
)
def test_a_type_that_no_model_has_is_refused_by_its_name(saved, thing, named):
    with_object(saved, thing)
    with pytest.raises(ModelFileError, match=f"wants to load .*{named}") as caught:
        load_model(saved)
    assert caught.value.code == "E-MODEL-UNTRUSTED"


def test_a_schema_that_names_a_function_of_the_system_runs_nothing(saved, tmp_path):
    schema = {
        "__class__": "makedirs", "__module__": "os", "__loader__": "FunctionNode",
        "content": str(tmp_path / "proof"), "protocol": 2, "_skops_version": "0.11",
    }  # fmt: skip
    rewrite(saved, "schema.json", json.dumps(schema))
    with pytest.raises(ModelFileError, match=r"os\.makedirs") as caught:
        load_model(saved)
    assert caught.value.code == "E-MODEL-UNTRUSTED"
    assert not (tmp_path / "proof").exists()
