"""The query in the reference's map: positions against a hand, and no other reference."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import core
from core.data import DEMO_TASK
from core.errors import ParameterError
from core.training import train
from core.transfer import place_in_reference, placing, reference_rows, transfer_scores
from core.transfer_config import TransferConfig
from tests.cells import TASK, demo_config, haystack, keep, small_config


@cache
def demo_model():
    return train(core.demo_reference(), DEMO_TASK, demo_config(), method="none+lr")


@cache
def demo_transfer(standardise="both"):
    return transfer_scores(demo_model(), core.demo_query(), TransferConfig(standardise=standardise))


@pytest.fixture(scope="module")
def points():
    """Any map of the training cells."""
    n_cells = len(demo_model().training_is_rare)
    return np.random.default_rng(0).normal(size=(n_cells, 2)).astype(np.float32)


# Placing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("standardise", ["both", "reference", "query"])
def test_a_cell_comes_to_the_weighted_mean_of_its_five_nearest_training_cells(points, standardise):
    cells = demo_transfer(standardise).cells
    views = {"reference": [cells.by_reference], "query": [cells.by_query]}
    used = views.get(standardise, [cells.by_reference, cells.by_query])
    query = np.clip(np.mean(used, axis=0, dtype=np.float64), -10, 10)
    distances = cdist(query, np.clip(cells.reference, -10, 10))
    expected = []
    for row in distances:
        nearest = np.argsort(row)[:5]
        excess = row[nearest] - row[nearest].min()
        expected.append(
            np.average(points[nearest], axis=0, weights=np.exp(-excess / excess.mean()))
        )
    placed = place_in_reference(demo_transfer(standardise), points)
    assert (placed.shape, placed.dtype) == ((175, 2), np.float32)
    np.testing.assert_allclose(placed, expected, atol=1e-3)


def test_cells_come_to_cells_of_their_own_type():
    """On a map where each type is one point, most cells land nearest to the point of their own."""
    model, query = demo_model(), core.demo_query()
    context = model.context
    angle = 2 * np.pi * np.arange(len(context.types)) / len(context.types)
    corners = np.column_stack([np.cos(angle), np.sin(angle)])
    placed = place_in_reference(demo_transfer(), corners[context.codes])
    landed = np.array(context.types)[cdist(placed, corners).argmin(axis=1)]
    truth = query.labels(DEMO_TASK.label).to_numpy()
    assert (landed == truth).mean() > 0.7
    assert (landed[truth == DEMO_TASK.rare] == DEMO_TASK.rare).all()


def test_cells_that_are_placed_in_parts_come_to_the_same_places(points, monkeypatch):
    whole = place_in_reference(demo_transfer(), points)
    monkeypatch.setattr(placing, "_AT_A_TIME", 40)
    np.testing.assert_allclose(place_in_reference(demo_transfer(), points), whole, atol=1e-5)


@pytest.mark.parametrize("shape", [(524, 2), (525, 3), (525,)], ids=str)
def test_a_map_of_other_cells_is_refused(shape):
    with pytest.raises(ParameterError, match="`reference_points` must be 525 × 2") as caught:
        place_in_reference(demo_transfer(), np.zeros(shape))
    assert caught.value.code == "E-PARAMETER"


def test_a_map_with_holes_is_refused(points):
    holed = points.copy()
    holed[3, 1] = np.nan
    with pytest.raises(ParameterError, match="`reference_points` must be finite"):
        place_in_reference(demo_transfer(), holed)


# Rows of the reference --------------------------------------------------------------------------


def test_the_rows_hold_the_cells_that_the_model_was_trained_on():
    values, labels = haystack(20, 80)
    labels[[0, 7, 99]] = None  # cells without a label take no part
    reference = keep(values, labels)
    model = train(reference, TASK, small_config(), method="none+lr")
    rows = reference_rows(model, reference)
    assert set(range(100)) - set(rows) == {0, 7, 99}
    np.testing.assert_array_equal(reference.expression(model.genes)[rows], model.training_values)


def test_another_dataset_is_refused_as_reference():
    with pytest.raises(ParameterError, match="which the model was trained on") as caught:
        reference_rows(demo_model(), core.demo_query())
    assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize("how", ["fewer", "others"])
def test_the_reference_with_other_labels_is_refused(how):
    truth = demo_model().training_is_rare
    changed = truth[:-1] if how == "fewer" else ~truth
    other = replace(demo_model(), training_is_rare=changed)
    with pytest.raises(ParameterError, match="with the same labels"):
        reference_rows(other, core.demo_reference())
