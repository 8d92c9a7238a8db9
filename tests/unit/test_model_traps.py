"""Model files that lie or are traps: no foreign code gets in, and nothing is unpacked unseen."""

import hashlib
import json
import shutil
import struct
import zipfile

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from core import model_archive
from core.classifiers import CLASSIFIERS
from core.config import ClassifierConfig
from core.model import load_model
from core.model_trust import TRUSTED, TRUSTED_TYPES
from core.training import train
from tests.cells import TASK, haystack, keep, small_config
from tests.model_parts import (
    PARTS,
    Trap,
    cell_shape,
    change_array,
    change_context,
    change_header,
    fitted,
    npy,
    parts_of,
    refused,
    rewrite,
    with_object,
    without,
    write,
)


@pytest.fixture(scope="module")
def reference():
    return keep(*haystack(20, 80, n_genes=30), name="a reference")


@pytest.fixture(scope="module")
def model(reference):
    return train(reference, TASK, small_config(), method="loras+knn")


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.skops"
    model.save(path)
    return path


# What does not belong together --------------------------------------------------------------------


def change_reference(path, **changes):
    change_header(path, reference=load_model(path).reference | changes)


LIES = {
    "header is no JSON": lambda p: rewrite(p, "needle.json", b"{"),
    "header is no text": lambda p: rewrite(p, "needle.json", b"\xff\xfe\xff"),
    "header is a list": lambda p: rewrite(p, "needle.json", b"[1]"),
    "header nested too deep": lambda p: rewrite(p, "needle.json", b"[" * 200_000),
    "header is empty but for the format": lambda p: rewrite(p, "needle.json", b'{"format": 3}'),
    "cells of another shape": lambda p: rewrite(p, "training_values.npy", npy(np.ones((3, 2)))),
    "cells that are no numbers": lambda p: rewrite(
        p, "training_values.npy", npy(np.full(cell_shape(p), np.nan, dtype=np.float32))
    ),
    "cells of another precision": lambda p: rewrite(
        p, "training_values.npy", npy(np.ones(cell_shape(p)))
    ),
    "cells that are a pickle": lambda p: rewrite(
        p, "training_is_rare.npy", npy(np.array([Trap(p.with_name("proof"))]))
    ),
    "labels that are no truth values": lambda p: rewrite(
        p, "training_is_rare.npy", npy(np.ones(cell_shape(p)[0]))
    ),
    "cells are missing": lambda p: write(
        p, {k: v for k, v in parts_of(p).items() if k != "training_is_rare.npy"}
    ),
    "an array of the classifier is missing": lambda p: write(
        p, dict(list(parts_of(p).items())[1:])
    ),
    "schema is missing": lambda p: write(
        p, {k: v for k, v in parts_of(p).items() if k != "schema.json"}
    ),
    "schema is no JSON": lambda p: rewrite(p, "schema.json", b"{"),
    "schema is empty": lambda p: rewrite(p, "schema.json", b"{}"),
    "schema nested too deep": lambda p: rewrite(p, "schema.json", b'{"a":' * 100_000),
    "schema of an older protocol": lambda p: rewrite(
        p, "schema.json", parts_of(p)["schema.json"].replace(b'"protocol": 2', b'"protocol": 0')
    ),
    "one gene too few": lambda p: change_header(p, genes=["A", "B", "C", "D"]),
    "one gene twice": lambda p: change_header(p, genes=["A", "B", "C", "D", "A"]),
    "genes that are numbers": lambda p: change_header(p, genes=[1, 2, 3, 4, 5]),
    "no genes": lambda p: change_header(p, genes=None),
    "threshold above one": lambda p: change_header(p, threshold=1.5),
    "threshold is text": lambda p: change_header(p, threshold="high"),
    "threshold is no number": lambda p: change_header(p, threshold=float("nan")),
    "no method": lambda p: change_header(p, method="magic"),
    "another classifier": lambda p: change_header(p, method="loras+lr"),
    "a classifier that is not there": lambda p: change_header(p, method="loras+magic"),
    "metrics that are text": lambda p: change_header(p, metrics={"f1_mean": "good"}),
    "a list of metrics": lambda p: change_header(p, metrics=[1.0]),
    "reference without a name": lambda p: change_header(p, reference={}),
    "reference with cells in words": lambda p: change_header(
        p, reference={"name": "a", "digest": "b", "n_cells": "many", "n_rare": 3}
    ),
    "a date that is none": lambda p: change_header(p, created="yesterday"),
    "a date without a zone": lambda p: change_header(p, created="2026-11-20T11:38:01"),
    "a date that ends the calendar": lambda p: change_header(
        p, created="9999-12-31T23:59:59+00:00"
    ),
    "a date that begins the calendar": lambda p: change_header(
        p, created="0001-01-01T00:00:00+00:00"
    ),
    "more cells than any float": lambda p: change_header(
        p, reference={"name": "a", "digest": "b", "n_cells": 10**400, "n_rare": 3}
    ),
    "more synthetic cells than a float tells apart": lambda p: change_header(p, n_synthetic=2**53),
    "a score beyond any float": lambda p: change_header(p, metrics={"f1_mean": 10**400}),
    "a classifier's settings in a list": lambda p: change_header(p, config={"classifier": [1]}),
    "a classifier's settings in a number": lambda p: change_header(p, config={"classifier": 3}),
    "no settings of a classifier": lambda p: change_header(p, config={"classifier": None}),
    "more trees than any model": lambda p: change_header(
        p, config={"classifier": {"forest_trees": 10**9}}
    ),
    "a penalty beyond any float": lambda p: change_header(
        p, config={"classifier": {"lr_c": 10**400}}
    ),
    "ProWRAS with a list": lambda p: change_header(p, config={"prowras": [1]}),
    "ProWRAS in words": lambda p: change_header(p, config={"prowras": "default"}),
    "ProWRAS with an impossible setting": lambda p: change_header(
        p, config={"prowras": {"n_affine": 1}}
    ),
    "a target that is no share": lambda p: change_header(p, config={"target_ratio": "all"}),
    "LoRAS in another space, with weights of another kind": lambda p: change_header(
        p, method="loras-pca+knn", config={"loras": {"weights": "heavy"}}
    ),
    "LoRAS with a list": lambda p: change_header(p, config={"loras": [1]}),
    "LoRAS with weights of another kind": lambda p: change_header(
        p, config={"loras": {"weights": "![x](https://evil.example/p.png)"}}
    ),
    "less than no synthetic cells": lambda p: change_header(p, n_synthetic=-1),
    "task without a type": lambda p: change_header(p, task={"label": "type"}),
    "rare type is a number": lambda p: change_header(p, task={"label": "type", "rare": 3}),
    "impossible setting": lambda p: change_header(p, config={"markers": 0}),
    "counts per cell in words": lambda p: change_reference(p, depth="deep"),
    "no counts per cell at all": lambda p: change_reference(p, depth=0),
    "fewer counts than none": lambda p: change_reference(p, depth=-3.0),
    "counts that are a truth value": lambda p: change_reference(p, depth=True),
    "counts beyond any float": lambda p: change_reference(p, depth=10**400),
    "endless counts": lambda p: change_reference(p, depth=float("inf")),
    "no context": lambda p: change_header(p, context=None),
    "a context in a list": lambda p: change_header(p, context=[1]),
    "a context without types": lambda p: change_header(p, context={"genes": ["A"]}),
    "a context of no genes": lambda p: change_context(p, genes=None),
    "genes of the context in one word": lambda p: change_context(p, genes="G"),
    "genes of the context that are numbers": lambda p: change_context(p, genes=[7]),
    "a gene of the context twice": lambda p: change_context(p, genes=["X", "X"]),
    "one gene of the context too many": lambda p: change_context(p, genes=["X", "Y"]),
    "a marker among the genes of the context": lambda p: change_context(p, genes=["G0"]),
    "types in one word": lambda p: change_context(p, types="needle"),
    "types that are numbers": lambda p: change_context(p, types=[0, 1]),
    "types without the rare one": lambda p: change_context(p, types=["hay", "straw"]),
    "a type twice": lambda p: change_context(p, types=["needle", "needle"]),
    "types in another order": lambda p: change_context(p, types=["needle", "hay"]),
    "too few types": lambda p: change_context(p, types=["needle"]),
    "no types": lambda p: change_context(p, types=[]),
    "context of other cells": lambda p: change_array(
        p, "context_values.npy", lambda values: values[1:]
    ),
    "context of too many genes": lambda p: change_array(
        p, "context_values.npy", lambda values: np.hstack([values, values])
    ),
    "context in a row": lambda p: change_array(p, "context_values.npy", np.ravel),
    "context of another precision": lambda p: change_array(
        p, "context_values.npy", np.float64
    ),
    "context that is no number": lambda p: change_array(
        p, "context_values.npy", lambda values: values * np.float32("nan")
    ),
    "endless context": lambda p: change_array(
        p, "context_values.npy", lambda values: np.full_like(values, np.inf)
    ),
    "context that is a pickle": lambda p: rewrite(
        p, "context_values.npy", npy(np.array([Trap(p.with_name("proof"))]))
    ),
    "context is missing": lambda p: without(p, "context_values.npy"),
    "types are missing": lambda p: without(p, "training_types.npy"),
    "types of other cells": lambda p: change_array(
        p, "training_types.npy", lambda types: types[1:]
    ),
    "types in a column": lambda p: change_array(
        p, "training_types.npy", lambda types: types[:, None]
    ),
    "types of other whole numbers": lambda p: change_array(p, "training_types.npy", np.int64),
    "types that are no whole numbers": lambda p: change_array(
        p, "training_types.npy", np.float32
    ),
    "a type beyond the last": lambda p: change_array(
        p, "training_types.npy", lambda types: np.where(types == 0, np.int32(2), types)
    ),
    "a type before the first": lambda p: change_array(
        p, "training_types.npy", lambda types: np.where(types == 0, np.int32(-2), types)
    ),
    "types that contradict who is rare": lambda p: change_array(
        p, "training_types.npy", lambda types: 1 - types
    ),
    "one rare cell of another type": lambda p: change_array(
        p, "training_types.npy", lambda types: np.where(types.cumsum() == 1, np.int32(0), types)
    ),
    "a dict": lambda p: with_object(p, {"A": 1}),
    "an estimator": lambda p: with_object(p, LogisticRegression()),
    "a pipeline never fitted": lambda p: with_object(
        p, Pipeline([("scale", StandardScaler()), ("classifier", LogisticRegression())])
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


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_parts_that_do_not_belong_together_are_refused(saved, lie):
    lie(saved)
    refused(saved, "E-MODEL-DAMAGED", r"model\.skops is damaged")
    assert not saved.with_name("proof").exists()


@pytest.mark.parametrize("length", [0.5, 0.99], ids=["half", "last bytes lost"])
def test_a_file_that_is_cut_short_is_damaged(saved, length):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(length * len(content))])
    refused(saved, "E-MODEL-DAMAGED")


PLANS = {
    "a folder for a cache of pickles": lambda pipeline: pipeline.set_params(memory="/tmp/cache"),
    "processes of its own": lambda pipeline: pipeline.set_params(classifier__n_jobs=999),
    "coefficients of another shape": lambda pipeline: vars(pipeline[-1]).update(
        coef_=np.ones((1, 3))
    ),
    "scores that are none": lambda pipeline: vars(pipeline[-1]).update(
        coef_=np.full((1, 5), np.nan)
    ),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_pipeline_that_would_do_more_or_less_than_score_is_refused(reference, tmp_path, plan):
    path = tmp_path / "model.skops"
    model = train(reference, TASK, small_config(), method="none+lr")
    plan(model.pipeline)
    model.save(path)
    refused(path, "E-MODEL-DAMAGED")


# Types --------------------------------------------------------------------------------------------


def nodes_of(value):
    """Kinds and types of all nodes of a schema, found by another way than Needle's own."""
    if isinstance(value, dict):
        if "__class__" in value:
            yield value["__loader__"], f"{value['__module__']}.{value['__class__']}"
        for item in value.values():
            yield from nodes_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes_of(item)


def test_the_list_holds_what_needles_models_contain_and_nothing_else(reference, tmp_path):
    few_trees = ClassifierConfig(forest_trees=10, boosting_iterations=10)
    config = small_config(classifier=few_trees)
    found = set()
    for classifier in CLASSIFIERS:
        for sampler in ("loras", "weights"):
            path = tmp_path / "model.skops"
            train(reference, TASK, config, method=f"{sampler}+{classifier}").save(path)
            found |= set(nodes_of(json.loads(parts_of(path)["schema.json"])))
    numbers = {f"numpy.{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
    assert found | {("NdArrayNode", name) for name in numbers} == TRUSTED
    assert isinstance(TRUSTED, frozenset)
    assert isinstance(TRUSTED_TYPES, frozenset)


class Stranger(LogisticRegression):
    """A type that nobody vouches for."""


@pytest.mark.parametrize(
    ("thing", "named"),
    [
        (fitted(StandardScaler(), Stranger()), "Stranger"),
        (FunctionTransformer(shutil.rmtree), "FunctionTransformer"),
        (FunctionTransformer(shutil.rmtree), "rmtree"),
        (fitted(MinMaxScaler(), LogisticRegression()), "MinMaxScaler"),
        (fitted(StandardScaler(), LogisticRegression(C=np.float32(1))), "numpy.float32"),
        ({"a": {1, 2}}, "builtins.set"),
        ({"a": np.array([None, 1], dtype=object)}, "numpy.ndarray of objects"),
        ({"a": np.dtype("float32")}, "numpy"),
        ({"a": np.add}, "numpy"),
        ({"a": LogisticRegression}, "LogisticRegression (TypeNode)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "unsealed"])
def test_a_type_that_no_model_has_is_refused_by_its_name(saved, thing, named, sealed):
    with_object(saved, thing)
    if not sealed:
        write(saved, parts_of(saved), sealed=False)
    error = refused(saved, "E-MODEL-UNTRUSTED", "wants to load ")
    assert named in error.message


@pytest.mark.parametrize(
    ("loader", "named"),
    [("FunctionNode", "os.makedirs"), ("TypeNode", "os.makedirs"), (None, "os.makedirs")],
)
def test_a_schema_that_names_a_function_of_the_system_runs_nothing(saved, tmp_path, loader, named):
    schema = {
        "__class__": "makedirs", "__module__": "os", "__loader__": loader,
        "content": str(tmp_path / "proof"), "protocol": 2, "_skops_version": "0.11",
    }  # fmt: skip
    rewrite(saved, "schema.json", json.dumps(schema))
    assert named in refused(saved, "E-MODEL-UNTRUSTED").message
    assert not (tmp_path / "proof").exists()


def test_a_trusted_type_is_refused_in_a_node_that_builds_it_in_another_way(saved):
    schema = parts_of(saved)["schema.json"].replace(b'"DictNode"', b'"ReduceNode"', 1)
    rewrite(saved, "schema.json", schema)
    assert "builtins.dict (ReduceNode)" in refused(saved, "E-MODEL-UNTRUSTED").message


# Archives that are traps --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["evil.py", "../evil.npy", "/etc/evil.npy", "a/b.npy", "evil.json.exe", "123.npy", "more.json"],
)
def test_a_part_that_no_model_has_is_refused_by_its_name(saved, name):
    rewrite(saved, name, npy(np.zeros(3)))
    assert name in refused(saved, "E-MODEL-CONTENT").message


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_there_twice_is_refused(saved, part):
    parts = parts_of(saved)
    write(saved, [*parts.items(), (part, parts[part])])
    refused(saved, "E-MODEL-CONTENT", f"{part}' twice")


def test_too_many_parts_are_refused(saved):
    write(saved, parts_of(saved) | {f"{i}.npy": npy(np.zeros(1)) for i in range(80)})
    refused(saved, "E-MODEL-CONTENT", r"holds 9\d parts")


def declare(path, part, size):
    """Let the table of an archive say that a part is larger than it is."""
    content = bytearray(path.read_bytes())
    name = part.encode()
    start = content.rindex(name) - 46
    assert content[start : start + 4] == b"PK\x01\x02"
    content[start + 24 : start + 28] = struct.pack("<I", size)
    path.write_bytes(content)
    body = path.read_bytes()[:-64]
    path.write_bytes(body + hashlib.sha256(body).hexdigest().encode())


@pytest.mark.parametrize(
    ("part", "size", "shown"),
    [("needle.json", 5 * 2**20, "5 MB"), ("training_values.npy", 2**32 - 2, r"4\.0 GB")],
)
def test_a_part_that_is_said_to_be_too_large_is_refused_unpacked(saved, part, size, shown):
    declare(saved, part, size)
    refused(saved, "E-MODEL-CONTENT", f"{part} of {shown}")


def test_a_part_that_is_packed_too_tightly_is_refused(saved):
    bomb = npy(np.zeros((2**20, 5), dtype=np.float32))
    write(saved, parts_of(saved) | {"training_values.npy": bomb}, compression=zipfile.ZIP_DEFLATED)
    assert saved.stat().st_size < 200_000
    refused(saved, "E-MODEL-CONTENT", r"training_values\.npy of 20 MB")


def test_more_content_than_a_model_has_is_refused(saved, monkeypatch):
    monkeypatch.setattr(model_archive, "MAX_BYTES", sum(map(len, parts_of(saved).values())) - 1)
    refused(saved, "E-MODEL-CONTENT", "MB of content")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_packing_are_refused(saved, compression):
    write(saved, parts_of(saved), compression=compression)
    refused(saved, "E-MODEL-CONTENT", "packed in a way of its own")


def test_a_forest_has_as_few_parts_as_any_model(reference, tmp_path):
    train(reference, TASK, small_config(), method="none+forest").save(tmp_path / "m.skops")
    assert len(parts_of(tmp_path / "m.skops")) < 20


def test_an_array_that_promises_more_than_is_there_is_refused_before_room_is_made(saved):
    header = npy(np.zeros((3, 5), dtype=np.float32))[:128]
    assert b"(3, 5)" in header
    wide = header.replace(b"(3, 5), }" + b" " * 12, b"(3000000000000, 5), }")
    assert len(wide) == len(header)
    arrays_of_the_classifier = (name for name in parts_of(saved) if name not in PARTS)
    whole = parts_of(saved)
    for part in ("training_values.npy", *arrays_of_the_classifier):
        write(saved, whole | {part: wide + bytes(60)})
        refused(saved, "E-MODEL-DAMAGED")


def test_a_model_of_nearly_empty_cells_is_not_taken_for_a_trap(monkeypatch, tmp_path):
    values = np.zeros((400, 5), dtype=np.float32)
    values[:10] = np.arange(5) + 1
    names = np.array(["needle"] * 10 + ["hay"] * 390, dtype=object)
    monkeypatch.setattr(model_archive, "_SMALL", 1000)
    monkeypatch.setattr(model_archive, "MAX_RATIO", 40)
    config = small_config(genes=("G0", "G1"))
    model = train(keep(values, names), TASK, config, method="none+lr")
    model.save(tmp_path / "model.skops")
    assert load_model(tmp_path / "model.skops").genes == ("G0", "G1")
