"""Fitted classifiers out of a model file: the same as before, or refused before they are called.

Much of what scores cells is compiled code that takes indices on trust. A state below that was not
refused in time would end the process of the tests, or never come back.
"""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from core.classifiers import CLASSIFIERS, fit, make_classifier
from core.classifiers.trees import MAX_DEPTH, MAX_TREES, Trees, check_trees
from core.config import ClassifierConfig
from core.fitting import rare_scores, scale_cells
from core.model import load_model
from core.training import train
from tests.cells import TASK, haystack, keep, small_config
from tests.model_parts import refused

CONFIG = small_config(
    classifier=ClassifierConfig(forest_trees=10, boosting_iterations=10, mlp_units=4)
)


@pytest.fixture(scope="module")
def reference():
    return keep(*haystack(20, 80, n_genes=30), name="a reference")


@pytest.fixture
def model_of(reference):
    """Make a model of a classifier, with or without weights, whose pipeline may be altered."""

    def model_of(name, *, weighted=False):
        model = train(reference, TASK, CONFIG, method=f"none+{name}")
        scaler, cells = scale_cells(model.training_values, model.training_is_rare)
        weights = np.where(cells.is_rare, 4.0, 1.0) if weighted else None
        classifier = make_classifier(
            name, CONFIG, n_training_cells=len(cells.values), seed=0, weighted=weighted
        )
        fit(classifier, cells.values, cells.is_rare, weights)
        return replace(model, pipeline=Pipeline([("scale", scaler), ("classifier", classifier)]))

    return model_of


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_fitted_classifier_gives_the_same_scores_to_the_last_bit(
    model_of, name, weighted, tmp_path
):
    model = model_of(name, weighted=weighted)
    model.save(tmp_path / "model.skops")
    again = load_model(tmp_path / "model.skops")
    assert type(again.pipeline[-1]) is type(model.pipeline[-1])
    cells = np.random.default_rng(3).gamma(2.0, 0.6, size=(300, 5)).astype(np.float32)
    before, after = rare_scores(model.pipeline, cells), rare_scores(again.pipeline, cells)
    assert np.ptp(before) > 0.1
    np.testing.assert_array_equal(after, before)


def altered(name, place, value):
    """Return a change of one element, or of the whole array without a `place`."""

    def change(classifier):
        if place is None:
            setattr(classifier, name, value)
        else:
            array = getattr(classifier, name).copy()
            array[place] = value
            setattr(classifier, name, array)

    return change


def as_type(name, dtype):
    return lambda classifier: setattr(classifier, name, getattr(classifier, name).astype(dtype))


def become(trees):
    def change(classifier):
        classifier.roots_, classifier.children_, classifier.genes_ = trees[:3]
        classifier.cuts_, classifier.values_ = trees[3:]

    return change


def chain(depth):
    """One tree of `depth` inner nodes below each other, each with a leaf at its left."""
    inner = 2 * np.arange(depth)
    children = np.full((2 * depth + 1, 2), -1, dtype=np.int32)
    children[inner] = np.column_stack([inner + 1, inner + 2])
    genes = np.full(2 * depth + 1, -1, dtype=np.int32)
    genes[inner] = 0
    numbers = np.zeros(2 * depth + 1)
    return Trees(np.zeros(1, dtype=np.int32), children, genes, numbers, numbers)


def stumps(n_trees):
    """Trees that are a single leaf each."""
    numbers = np.zeros(n_trees)
    nothing = np.full(n_trees, -1, dtype=np.int32)
    both = np.full((n_trees, 2), -1, dtype=np.int32)
    return Trees(np.arange(n_trees, dtype=np.int32), both, nothing, numbers, numbers)


TREES = {
    "a child far beyond the end": altered("children_", (0, 0), 2**31 - 1),
    "a child just beyond the end": lambda one: altered("children_", (0, 0), len(one.genes_))(one),
    "a child before the beginning": altered("children_", (0, 0), -(2**31)),
    "a child that is no node": altered("children_", (0, 1), -1),
    "a node that is its own child": altered("children_", (0, 0), 0),
    "a child that leads back": lambda one: altered(
        "children_", (np.flatnonzero(one.genes_[1:] >= 0)[0] + 1, 0), 0
    )(one),
    "a node with two parents": lambda one: altered(
        "children_", (0, 0), one.children_[0, 1]
    )(one),
    "a leaf with children": lambda one: altered(
        "children_", np.flatnonzero(one.genes_ < 0)[0], [1, 2]
    )(one),
    "an inner node called a leaf": altered("genes_", 0, -1),
    "a gene beyond the last": altered("genes_", 0, 5),
    "a gene far beyond the last": altered("genes_", 0, 2**31 - 1),
    "a gene before the first": altered("genes_", 0, -2),
    "a root beyond the end": altered("roots_", 0, 2**31 - 1),
    "a root before the beginning": altered("roots_", 0, -1),
    "a root that is in another tree": altered("roots_", 0, 1),
    "a cut that is no number": altered("cuts_", 0, np.nan),
    "a cut without end": altered("cuts_", 0, np.inf),
    "a leaf that is no number": altered("values_", -1, np.nan),
    "a leaf that no sum could hold": altered("values_", -1, 1e308),
    "children of another type": as_type("children_", np.float64),
    "children of other whole numbers": as_type("children_", np.int64),
    "genes of another type": as_type("genes_", np.float32),
    "roots of another type": as_type("roots_", np.uint32),
    "cuts of another type": as_type("cuts_", np.int64),
    "children in a row": lambda one: setattr(one, "children_", one.children_.ravel()),
    "too few cuts": lambda one: setattr(one, "cuts_", one.cuts_[:-1]),
    "too few values": lambda one: setattr(one, "values_", one.values_[:-1]),
    "roots in a list": lambda one: setattr(one, "roots_", one.roots_.tolist()),
    "no trees": become(stumps(0)),
    "too many trees": become(stumps(MAX_TREES + 1)),
    "a tree that is too deep": become(chain(MAX_DEPTH + 1)),
    "another number of genes": altered("n_features_in_", None, 6),
    "scores of other classes": altered("classes_", None, np.array([True, False])),
    "classes that are numbers": altered("classes_", None, np.array([0, 1])),
    "classes in a list": altered("classes_", None, [False, True]),
    "names of its own for the genes": altered("feature_names_in_", None, np.arange(5.0)),
}  # fmt: skip
KNN = {
    "a class beyond the last": altered("_y", 3, 2),
    "a class far beyond the last": altered("_y", 3, 2**40),
    "a class before the first": altered("_y", 3, -1),
    "classes of another type": as_type("_y", np.float64),
    "fewer classes than cells": lambda one: setattr(one, "_y", one._y[:50]),
    "cells with another number of genes": altered("_fit_X", None, np.ones((100, 4))),
    "cells that are no numbers": altered("_fit_X", 0, np.nan),
    "cells of another type": as_type("_fit_X", np.int64),
    "more neighbours than cells": altered("n_neighbors", None, 101),
    "more neighbours than memory": altered("n_neighbors", None, 2**40),
    "no neighbours": altered("n_neighbors", None, 0),
    "neighbours that are a truth value": altered("n_neighbors", None, True),
    "another number of cells": altered("n_samples_fit_", None, 10**6),
    "other distances": altered("metric", None, "precomputed"),
    "other distances at work": altered("effective_metric_", None, "haversine"),
    "settings of the distances": altered("effective_metric_params_", None, {"V": [1.0]}),
    "votes by distance": altered("weights", None, "distance"),
    "votes by a type": altered("weights", None, str),
    "another way of finding": altered("_fit_method", None, "kd_tree"),
    "a tree": altered("_tree", None, [1]),
    "two kinds of classes": altered("outputs_2d_", None, True),
}
WEIGHTS = {
    "too few weights": lambda one: setattr(one, "cell_weights_", one.cell_weights_[:-1]),
    "a weight of nothing": altered("cell_weights_", 0, 0.0),
    "a weight below nothing": altered("cell_weights_", 0, -1.0),
    "a weight that is no number": altered("cell_weights_", 0, np.nan),
    "weights that are whole numbers": as_type("cell_weights_", np.int64),
}
PLANES = {
    "another shape": altered("coef_", None, np.ones((1, 4))),
    "two planes": altered("coef_", None, np.ones((2, 5))),
    "no numbers": altered("coef_", (0, 0), np.nan),
    "too large": altered("coef_", (0, 0), 1e38),
    "a list": altered("coef_", None, [[1.0] * 5]),
    "whole numbers": altered("coef_", None, np.ones((1, 5), dtype=np.int64)),
    "two constants": altered("intercept_", None, np.ones(2)),
}
NETWORK = {
    "genes": altered("hidden_weights_", None, np.ones((4, 4))),
    "units": altered("hidden_weights_", None, np.ones((5, 3))),
    "units at the end": altered("output_weights_", None, np.ones(5)),
    "two scores": altered("output_bias_", None, np.ones(2)),
    "no numbers": altered("hidden_bias_", 0, np.inf),
    "no array": altered("hidden_bias_", None, 4),
}
STATES = [
    pytest.param(name, weighted, change, id=f"{name}: {state}")
    for name, weighted, states in (
        ("forest", False, TREES),
        ("boosting", False, TREES),
        ("boosting", False, {"a start that is no number": altered("start_", 0, np.nan)}),
        ("boosting", False, {"two starts": altered("start_", None, np.zeros(2))}),
        ("knn", False, KNN),
        ("knn", True, KNN | WEIGHTS),
        ("lr", False, PLANES | {"another solver": altered("solver", None, "liblinear")}),
        ("svm", False, PLANES),
        ("mlp", False, NETWORK),
    )
    for state, change in states.items()
]


@pytest.mark.parametrize(("name", "weighted", "change"), STATES)
def test_a_state_that_fitting_never_leaves_is_refused(model_of, name, weighted, change, tmp_path):
    model = model_of(name, weighted=weighted)
    change(model.pipeline[-1])
    model.save(tmp_path / "model.skops")
    refused(tmp_path / "model.skops", "E-MODEL-DAMAGED")


SCALERS = {
    "means of other genes": altered("mean_", None, np.ones(4)),
    "scales of other genes": altered("scale_", None, np.ones(1)),
    "a mean that is no number": altered("mean_", 0, np.nan),
    "a scale of nothing": altered("scale_", 0, 0.0),
    "a scale below nothing": altered("scale_", 0, -1.0),
    "a scale that is no number": altered("scale_", 0, np.nan),
    "scales that are none": altered("scale_", None, None),
    "no means": altered("with_mean", None, False),
    "no scales": altered("with_std", None, False),
    "writing into the cells": altered("copy", None, False),
    "another number of genes": altered("n_features_in_", None, 6),
    "names of its own for the genes": altered("feature_names_in_", None, np.arange(5.0)),
}


@pytest.mark.parametrize("change", SCALERS.values(), ids=SCALERS)
def test_a_scaler_that_fitting_never_leaves_is_refused(model_of, change, tmp_path):
    model = model_of("lr")
    change(model.pipeline[0])
    model.save(tmp_path / "model.skops")
    refused(tmp_path / "model.skops", "E-MODEL-DAMAGED")


def test_a_model_under_the_name_of_another_classifier_is_refused(model_of, tmp_path):
    for name in CLASSIFIERS:
        others = [other for other in CLASSIFIERS if other != name]
        model = replace(model_of(name), method=f"none+{others[0]}")
        model.save(tmp_path / "model.skops")
        refused(tmp_path / "model.skops", "E-MODEL-DAMAGED")


@pytest.mark.parametrize(
    "trees", [stumps(1), stumps(MAX_TREES), chain(1), chain(MAX_DEPTH)], ids=lambda _: ""
)
def test_trees_up_to_the_limits_are_sound(trees):
    check_trees(trees, n_genes=1)


def test_trees_that_share_their_nodes_are_refused_without_walking_them():
    # Thirty levels of two nodes, each the child of both above it: 2**30 ways down.
    last = 60
    nodes = np.arange(last + 1)
    left = np.where(nodes == 0, 1, nodes + 2 - (nodes + 1) % 2)
    is_leaf = nodes > last - 2
    children = np.where(is_leaf[:, None], -1, np.column_stack([left, left + 1]))
    assert children[[0, 1, 2, 58]].tolist() == [[1, 2], [3, 4], [3, 4], [59, 60]]
    numbers = np.zeros(len(nodes))
    genes = np.where(is_leaf, -1, 0).astype(np.int32)
    trees = Trees(np.zeros(1, np.int32), children.astype(np.int32), genes, numbers, numbers)
    with pytest.raises(ValueError, match="form no tree"):
        check_trees(trees, n_genes=1)
