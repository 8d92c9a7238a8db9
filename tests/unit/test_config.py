"""Settings: what is refused, by which name, and that they survive JSON."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from core.config import (
    LorasConfig,
    MarkerConfig,
    Method,
    RareTask,
    TrainingConfig,
    config_from_dict,
    config_to_dict,
)
from core.errors import ChoiceNeeded, DataError, NeedleError, ParameterError

WRONG = [
    ("n_splits", 1, "a whole number of 2 or more"),
    ("n_splits", 2.5, "a whole number of 2 or more"),
    ("n_splits", True, "a whole number of 2 or more"),
    ("n_repeats", 0, "a whole number from 1 to 1,000"),
    ("n_repeats", 10**30, "a whole number from 1 to 1,000"),
    ("loras", None, "a LorasConfig"),
    ("prowras", {}, "a ProwrasConfig"),
    ("classifier", "x", "a ClassifierConfig"),
    ("classifiers", None, "a list or tuple of at least one name"),
    ("samplers", (1,), "a list or tuple of at least one name"),
    ("target_ratio", 0.01, "a number from 0.05 to 1"),
    ("goal", "accuracy", "one of f1, f2, precision, recall, fixed"),
    ("markers_from", "test", "training or all"),
    ("sample", "", "the name of a column, or None"),
    ("knn_neighbors", 0, "a whole number of 1 or more"),
    ("knn_neighbors", "30", "a whole number of 1 or more"),
    ("seed", -1, "from 0 to 4,294,967,295"),
    ("seed", 2**32, "from 0 to 4,294,967,295"),
    ("seed", None, "from 0 to 4,294,967,295"),
    ("markers", 1, "a whole number from 2 to 2,000"),
    ("markers", 2001, "a whole number from 2 to 2,000"),
    ("marker_test", "anova", "one of wilcoxon, t-test, logreg"),
    ("min_fraction", -0.01, "from 0 to 1"),
    ("min_fraction", 1.01, "from 0 to 1"),
    ("min_fraction", float("nan"), "from 0 to 1"),
    ("min_logfc", float("nan"), "a finite number"),
    ("min_logfc", "high", "a finite number"),
    ("classifiers", (), "at least one name"),
    ("classifiers", "knn", "at least one name"),
    ("samplers", [], "at least one name"),
    ("samplers", "loras", "at least one name"),
    ("genes", (), "at least one name"),
    ("genes", "CD34", "at least one name"),
]


@pytest.mark.parametrize(("name", "value", "required"), WRONG, ids=lambda v: str(v)[:24])
def test_a_wrong_training_setting_is_refused_by_its_own_name(name, value, required):
    with pytest.raises(ParameterError, match=rf"^`{name}` must be .*{required}") as caught:
        TrainingConfig(**{name: value})
    assert caught.value.code == "E-PARAMETER"
    assert caught.value.message.endswith(f"Got {value!r}.")
    assert caught.value.next_step == f"Choose another value for `{name}`."


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 1), ("n", 2001), ("test", "anova"), ("min_fraction", 2), ("genes", ())],
    ids=str,
)
def test_a_wrong_marker_setting_is_refused_by_its_own_name(name, value):
    with pytest.raises(ParameterError, match=rf"^`{name}` must be ") as caught:
        MarkerConfig(**{name: value})
    assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize(
    "settings",
    [{"markers": 2}, {"markers": 2000}, {"min_fraction": 0}, {"min_fraction": 1},
     {"min_logfc": -1}, {"n_splits": 2}, {"n_repeats": 1}, {"knn_neighbors": 1},
     {"seed": 2**32 - 1}, {"seed": np.int64(3)}],
    ids=str,
)  # fmt: skip
def test_values_at_the_edge_are_accepted(settings):
    assert TrainingConfig(**settings)


def test_marker_settings_are_handed_on_under_the_names_of_the_marker_configuration():
    training = TrainingConfig(
        markers=7, marker_test="t-test", min_fraction=0.2, min_logfc=1.5, genes=("A", "B")
    )
    expected = MarkerConfig(n=7, test="t-test", min_fraction=0.2, min_logfc=1.5, genes=("A", "B"))
    assert training.marker_config() == expected


@pytest.mark.parametrize("name", ["classifiers", "samplers", "genes"])
def test_names_are_kept_in_order_and_once(name):
    assert getattr(TrainingConfig(**{name: ["b", "a", "b"]}), name) == ("b", "a")


def test_samplers_vary_fastest_among_the_methods():
    names = [str(method) for method in TrainingConfig().methods()]
    assert names == ["none+knn", "loras+knn", "none+lr", "loras+lr"]


def test_a_method_is_read_as_it_is_written():
    assert Method.parse("loras+knn") == Method("loras", "knn")
    assert str(Method.parse("loras+knn")) == "loras+knn"


@pytest.mark.parametrize("text", ["knn", "+knn", "loras+", "", "+"])
def test_a_method_that_is_not_two_names_is_refused(text):
    with pytest.raises(ParameterError, match=r"written like 'loras\+knn'") as caught:
        Method.parse(text)
    assert caught.value.code == "E-PARAMETER"


FULL = TrainingConfig(
    markers=11, classifiers=("lr",), samplers=("loras",), n_splits=4, n_repeats=2, seed=9,
    marker_test="logreg", min_fraction=0.3, min_logfc=0.5, genes=("A", "B"), knn_neighbors=7,
    loras=LorasConfig(3, 9, 0.1, "integers", "pca"),
)  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [RareTask("type", "β"), LorasConfig(), MarkerConfig(genes=("A",)), TrainingConfig(), FULL],
    ids=lambda config: type(config).__name__,
)
def test_a_configuration_survives_json(config):
    text = json.dumps(config_to_dict(config))
    assert config_from_dict(type(config), json.loads(text)) == config


def test_numbers_of_numpy_become_plain_ones():
    config = TrainingConfig(
        seed=np.int64(3), min_logfc=np.float32(0.5), loras=LorasConfig(n_affine=np.int32(4))
    )
    plain = json.loads(json.dumps(config_to_dict(config)))
    assert (plain["seed"], plain["min_logfc"], plain["loras"]["n_affine"]) == (3, 0.5, 4)


def test_unknown_names_of_a_later_version_are_ignored():
    values = config_to_dict(TrainingConfig()) | {"later": 1}
    values["loras"]["later"] = 2
    assert config_from_dict(TrainingConfig, values) == TrainingConfig()


def test_a_configuration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError, match="seed"):
        TrainingConfig().seed = 1


def test_an_error_says_sentence_next_step_and_code():
    error = NeedleError("Too few cells.", code="E-FEW", next_step="Add some.")
    assert str(error) == "Too few cells. Add some. [E-FEW]"
    assert str(NeedleError("Too few cells.", code="E-FEW")) == "Too few cells. [E-FEW]"


def test_a_question_carries_its_options_and_is_a_data_error():
    error = ChoiceNeeded("Which?", code="C-LAYER", options={"X": "the matrix"})
    assert error.options == {"X": "the matrix"}
    assert isinstance(error, DataError)


def test_a_wrong_parameter_is_a_value_error_too():
    assert issubclass(ParameterError, ValueError)
