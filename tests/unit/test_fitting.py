"""Scale, oversample, fit: in this order, and each step as its definition says."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from core.config import LorasConfig, Method, TrainingConfig
from core.fitting import (
    TrainingCells,
    fit_method,
    oversample,
    rare_scores,
    scale_cells,
    trained_share,
)
from core.oversampling import LoRAS
from tests.cells import METHODS, haystack, small_config

CLASSIFIERS = {
    "knn": lambda: KNeighborsClassifier(n_neighbors=30, algorithm="brute"),
    "lr": lambda: LogisticRegression(C=1.0, max_iter=5000),
}


@pytest.fixture
def cells():
    values, names = haystack(20, 100)
    return values, names == "needle"


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_is_the_same_as_one_by_hand(cells, method):
    values, is_rare = cells
    sampler, name = method.split("+")
    scaler = StandardScaler().fit(values)
    by_hand, labels = scaler.transform(values), is_rare
    if sampler == "loras":
        by_hand, labels = LoRAS(random_state=5).fit_resample(by_hand, is_rare)
    classifier = CLASSIFIERS[name]().fit(by_hand, labels)

    query = haystack(5, 30, seed=1)[0]
    pipeline, n_synthetic = fit_method(
        values, is_rare, Method.parse(method), TrainingConfig(), seed=5
    )
    expected = classifier.predict_proba(scaler.transform(query))[:, 1]
    np.testing.assert_array_equal(rare_scores(pipeline, query), expected)
    assert n_synthetic == (80 if sampler == "loras" else 0)


def test_scaled_genes_have_mean_zero_and_spread_one_by_the_population_formula(cells):
    values, is_rare = cells
    scaled = scale_cells(values, is_rare)[1].values
    exact = values.astype(np.float64)
    by_hand = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, by_hand, atol=1e-5)


def test_a_gene_that_never_varies_becomes_zero(cells):
    values, is_rare = cells
    values[:, 3] = 0.7
    np.testing.assert_allclose(scale_cells(values, is_rare)[1].values[:, 3], 0, atol=1e-5)


@pytest.mark.parametrize(
    ("n_rare", "n_other"), [(60, 40), (50, 50), (99, 1)], ids=["majority", "equal", "nearly all"]
)
@pytest.mark.parametrize("sampler", ["none", "loras"])
def test_nothing_is_added_when_the_rare_type_is_not_the_smaller_class(sampler, n_rare, n_other):
    values, names = haystack(n_rare, n_other)
    cells = TrainingCells(values, names == "needle", 0)
    assert oversample(cells, sampler, TrainingConfig(), seed=0) is cells


def test_oversampling_makes_both_classes_equally_large_and_keeps_the_real_cells_first(cells):
    values, is_rare = cells
    enlarged = oversample(TrainingCells(values, is_rare, 0), "loras", TrainingConfig(), seed=0)
    assert enlarged.n_synthetic == 80
    np.testing.assert_array_equal(enlarged.values[:120], values)
    np.testing.assert_array_equal(enlarged.is_rare, np.append(is_rare, np.ones(80, dtype=bool)))


def test_synthetic_cells_are_made_of_rare_cells_only(cells):
    values, is_rare = cells
    values[is_rare] += 10
    config = TrainingConfig(loras=LorasConfig(noise_scale=0.0))
    enlarged = oversample(TrainingCells(values, is_rare, 0), "loras", config, seed=0)
    assert enlarged.values[120:].min() >= values[is_rare].min() - 1e-5


def test_knn_may_count_synthetic_cells_among_its_neighbours():
    values, names = haystack(3, 20)
    config = TrainingConfig(knn_neighbors=30)
    plain = fit_method(values, names == "needle", Method("none", "knn"), config, seed=0)[0]
    larger = fit_method(values, names == "needle", Method("loras", "knn"), config, seed=0)[0]
    assert (plain[1].n_neighbors, larger[1].n_neighbors) == (23, 30)


def test_scores_are_those_of_the_rare_class_whatever_its_column():
    class Backwards:
        classes_ = np.array([True, False])

        def predict_proba(self, values):
            return np.column_stack([np.full(len(values), 0.9), np.full(len(values), 0.1)])

    np.testing.assert_array_equal(rare_scores(Backwards(), np.zeros((2, 1))), [0.9, 0.9])


def test_the_training_cells_are_left_as_they_were(cells):
    values, is_rare = cells
    before = values.copy()
    fit_method(values, is_rare, Method("loras", "lr"), TrainingConfig(), seed=0)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("ratio", [0.05, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("sampler", ["none", "weights", "random", "smote", "loras", "prowras"])
def test_the_trained_share_is_what_the_classifier_sees(sampler, ratio):
    values, names = haystack(12, 88, n_genes=6)
    config = small_config(target_ratio=ratio)
    _, real = scale_cells(values, names == "needle")
    cells = oversample(real, sampler, config, seed=1)
    share = trained_share(12, 88, cells.n_synthetic, sampler, config)
    assert share == pytest.approx(cells.rare_share)
    enough = ratio <= 12 / 88
    wanted = 12 / 88 if enough or sampler == "none" else ratio
    assert share / (1 - share) == pytest.approx(wanted, abs=1 / 88)


def test_class_weights_give_all_rare_cells_together_the_weight_that_the_ratio_asks_for():
    values, names = haystack(10, 90, n_genes=6)
    _, real = scale_cells(values, names == "needle")
    cells = oversample(real, "weights", small_config(target_ratio=0.5), seed=1)
    assert cells.n_synthetic == 0
    assert cells.weights[names == "needle"] == pytest.approx(4.5)
    assert cells.weights[names != "needle"] == pytest.approx(1.0)
    assert cells.values is real.values


def test_less_than_one_cell_that_is_missing_is_none():
    values, names = haystack(4, 9, n_genes=6)
    _, real = scale_cells(values, names == "needle")
    assert oversample(real, "smote", small_config(target_ratio=0.5), seed=1) is real
    assert oversample(real, "smote", small_config(target_ratio=0.6), seed=1).n_synthetic == 1
