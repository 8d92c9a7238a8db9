"""Model files: the same after saving, no change goes unnoticed, old formats stay readable."""

import bz2
import gzip
import hashlib
import pickle
import zipfile
import zlib
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

import core
from core.classifiers import CLASSIFIERS
from core.errors import ModelFileError
from core.model import load_model
from core.model_file import read_header
from core.oversampling import SAMPLERS
from core.training import train
from tests.cells import TASK, haystack, keep, small_config
from tests.model_parts import CONTEXT_PARTS, Trap, change_header, parts_of, refused, write

ARCHIVE = Path(__file__).parents[1] / "archive"


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


# Round trips and the seal -------------------------------------------------------------------------


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_model_of_every_method_is_the_same_after_saving(query, sampler, classifier, tmp_path):
    reference = keep(*haystack(20, 80, n_genes=30))
    few_trees = core.config.ClassifierConfig(forest_trees=10, boosting_iterations=10)
    config = small_config(classifiers=(classifier,), samplers=(sampler,), classifier=few_trees)
    model = train(reference, TASK, config, method=f"{sampler}+{classifier}")
    model.save(tmp_path / "model.skops")
    again = load_model(tmp_path / "model.skops")
    np.testing.assert_array_equal(again.score(query), model.score(query))


def test_the_seal_is_the_sha256_of_all_bytes_before_it(saved):
    content = saved.read_bytes()
    assert content[-64:].decode() == hashlib.sha256(content[:-64]).hexdigest()
    with zipfile.ZipFile(saved) as archive:
        assert archive.comment == content[-64:]


def test_a_file_that_another_program_has_sealed_is_read(saved, model):
    write(saved, parts_of(saved))
    assert load_model(saved).genes == model.genes


def test_a_file_that_was_packed_anew_without_a_seal_is_damaged(saved):
    write(saved, parts_of(saved), sealed=False)
    refused(saved, "E-MODEL-DAMAGED", r"model\.skops is damaged")
    with pytest.raises(ModelFileError, match="is damaged"):
        read_header(saved)


def other_number(content):
    """Change the last number of an array, or a number in JSON, so that all is still well-formed."""
    if content.startswith(b"\x93NUMPY"):
        return content[:-1] + bytes([content[-1] ^ 1])
    for old, new in ((b'"threshold": 0.5', b'"threshold": 0.4'), (b"1.9.1", b"1.9.0")):
        if old in content:
            return content.replace(old, new)
    raise AssertionError("nothing to change")


def test_a_change_of_any_part_breaks_the_seal(saved):
    whole = saved.read_bytes()
    comment = whole[-64:]
    for name, content in parts_of(saved).items():
        write(saved, parts_of(saved) | {name: other_number(content)})
        tampered = saved.read_bytes()
        saved.write_bytes(tampered[:-64] + comment)
        refused(saved, "E-MODEL-DAMAGED")
        saved.write_bytes(whole)


def test_bytes_that_belong_to_no_part_are_sealed_too(saved):
    whole = saved.read_bytes()
    place = whole.index(b"PK\x01\x02") + 12  # the time of a part, in the table of the archive
    saved.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    refused(saved, "E-MODEL-DAMAGED")


def test_a_flipped_byte_anywhere_is_noticed(saved):
    content, codes = saved.read_bytes(), set()
    for place in range(0, len(content), len(content) // 150):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        saved.write_bytes(flipped)
        with pytest.raises(ModelFileError) as caught:
            load_model(saved)
        codes.add(caught.value.code)
    assert "E-MODEL-DAMAGED" in codes
    # The first bytes say what kind of file it is.
    assert codes <= {"E-MODEL-DAMAGED", "E-MODEL-FILE"}


# Older versions -----------------------------------------------------------------------------------

# What each archived model says of the demo's query: the cells that it calls with their scores, the
# next score, and the sum of all. They were written down when the archive was made.
ARCHIVED = {
    1: ("loras+lr", [0.997919, 0.934428, 0.724132], 0.009559, 2.761451974),
    2: ("loras+knn", [29 / 30, 29 / 30, 22 / 30], 0.0, 80 / 30),
    3: ("loras+knn", [29 / 30, 29 / 30, 22 / 30], 0.0, 80 / 30),
}
CALLED = {"GTTACGGACCGAAT-2", "ACGAACTGGGGATG-3", "GAACTGTGAACTGC-7"}


@pytest.mark.parametrize("version", ARCHIVED)
def test_a_model_of_every_released_format_gives_the_scores_that_it_gave(version):
    path = ARCHIVE / f"model-{version}.skops"
    method, called, following, total = ARCHIVED[version]
    assert read_header(path)["format"] == version
    model = load_model(path)
    assert (model.method, model.task) == (method, core.RareTask("bulk_labels", "CD34+"))
    assert len(model.genes) == 10
    assert model.genes[0] == "HNRNPA1"
    query = core.demo_query()
    scores = model.score(query)
    best = np.argsort(-scores, kind="stable")
    assert set(query.cells[best[:3]]) == CALLED
    assert scores[best[:3]] == pytest.approx(called, abs=1e-6)
    assert scores[best[3]] == pytest.approx(following, abs=1e-6)
    assert scores.sum() == pytest.approx(total, abs=1e-6)


def test_the_archived_context_is_what_the_demo_says_of_its_training_cells():
    context, reference = load_model(ARCHIVE / "model-3.skops").context, core.demo_reference()
    assert len(context.genes) == 119
    assert context.genes[:5] == ("FTL", "CD79A", "CD3D", "EIF4A2", "GNLY")
    names = reference.obs["bulk_labels"].astype(str).tolist()
    assert context.types == tuple(sorted(set(names)))
    assert [context.types[code] for code in context.codes] == names
    np.testing.assert_array_equal(context.values, reference.expression(context.genes))


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_model_has_no_context_and_is_saved_again_without_one(tmp_path, version):
    old = load_model(ARCHIVE / f"model-{version}.skops")
    old.save(tmp_path / "new.skops")
    # Format 2 is all that it fills.
    assert read_header(tmp_path / "new.skops")["format"] == 2
    assert set(parts_of(tmp_path / "new.skops")).isdisjoint(CONTEXT_PARTS)
    new, query = load_model(tmp_path / "new.skops"), core.demo_query()
    assert (old.context, new.context) == (None, None)
    np.testing.assert_array_equal(new.score(query), old.score(query))


@pytest.mark.parametrize("version", ARCHIVED)
def test_a_model_of_every_released_format_annotates_with_the_defaults_of_today(version):
    result = core.annotate(load_model(ARCHIVE / f"model-{version}.skops"), core.demo_query())
    called = result.table["call"] == "CD34+"
    assert set(result.table["cell"][called]) == CALLED
    assert result.transfer.config == core.TransferConfig()
    assert result.transfer.verdict.nearest == "CD34+"


@pytest.mark.parametrize("version", [4, 99, 0, "2", 2.0, True, None])
def test_another_format_is_refused_with_all_numbers(saved, version):
    change_header(saved, format=version)
    refused(saved, "E-MODEL-FORMAT", f"has model format {version}; this Needle reads 1, 2 and 3")


@pytest.mark.parametrize("version", [1, 2])
def test_a_context_in_a_file_of_a_format_without_one_is_surplus(saved, version):
    change_header(saved, format=version)
    refused(saved, "E-MODEL-CONTENT", r"context_values\.npy")


# What is no model ---------------------------------------------------------------------------------


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
    refused(path, "E-MODEL-PICKLE", "is a Python pickle")
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
    "zip of nothing": lambda path: zipfile.ZipFile(path, "w").close(),
}


@pytest.mark.parametrize("write", OTHER_FILES.values(), ids=OTHER_FILES)
def test_a_file_that_is_no_model_is_refused(write, tmp_path):
    path = tmp_path / "other.skops"
    write(path)
    refused(path, "E-MODEL-FILE", r"other\.skops is no model")
    assert not (tmp_path / "proof").exists()


def test_a_model_file_that_is_gone_is_said_to_be_gone(tmp_path):
    refused(tmp_path / "cd34.skops", "E-MODEL-MISSING", r"cd34\.skops is not there any more")
