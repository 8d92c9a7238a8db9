"""The table of classifiers, and what it builds."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import core
from core.classifiers import CLASSIFIERS, make_classifier
from core.config import TrainingConfig
from core.data import DEMO_TASK
from core.errors import ParameterError
from core.fitting import scale_cells


def test_logistic_regression_is_the_simpler_one():
    assert CLASSIFIERS["lr"].complexity < CLASSIFIERS["knn"].complexity
    assert all(entry.name == name for name, entry in CLASSIFIERS.items())


def test_the_default_configuration_names_known_classifiers():
    assert set(TrainingConfig().classifiers) <= set(CLASSIFIERS)


@pytest.mark.parametrize(
    ("wanted", "n_cells", "expected"),
    [(30, 1000, 30), (30, 30, 30), (30, 29, 29), (30, 4, 4), (7, 1000, 7), (200, 150, 150)],
)
def test_knn_asks_as_many_neighbours_as_wanted_unless_there_are_fewer(wanted, n_cells, expected):
    config = TrainingConfig(knn_neighbors=wanted)
    knn = make_classifier("knn", config, n_training_cells=n_cells, seed=0)
    assert isinstance(knn, KNeighborsClassifier)
    assert knn.n_neighbors == expected


def test_knn_scores_are_the_share_of_rare_cells_among_the_nearest():
    rng = np.random.default_rng(0)
    cells, is_rare, query = rng.normal(size=(80, 3)), rng.random(80) < 0.3, rng.normal(size=(9, 3))
    knn = make_classifier("knn", TrainingConfig(), n_training_cells=80, seed=0).fit(cells, is_rare)
    by_hand = [
        is_rare[np.argsort(np.linalg.norm(cells - place, axis=1))[:30]].mean() for place in query
    ]
    np.testing.assert_allclose(knn.predict_proba(query)[:, 1], by_hand, atol=1e-12)


def test_logistic_regression_is_the_ridge_kind_with_a_weight_of_one():
    rng = np.random.default_rng(0)
    cells, is_rare = rng.normal(size=(60, 3)), rng.random(60) < 0.4
    lr = make_classifier("lr", TrainingConfig(), n_training_cells=60, seed=0).fit(cells, is_rare)
    assert isinstance(lr, LogisticRegression)
    # At the optimum of |w|²/2 + sum of log losses the gradient is zero; the constant is free.
    residual = lr.predict_proba(cells)[:, 1] - is_rare
    np.testing.assert_allclose(lr.coef_[0] + cells.T @ residual, 0, atol=2e-3)
    np.testing.assert_allclose(residual.sum(), 0, atol=2e-3)


def demo_cells():
    reference = core.demo_reference()
    return reference.matrix().toarray(), reference.rare_labels(DEMO_TASK).is_rare


def badly_scaled_cells():
    rng = np.random.default_rng(0)
    is_rare = rng.random(300) < 0.2
    cells = rng.normal(size=(300, 40)) * np.logspace(-4, 4, 40) + 1e3 + is_rare[:, None]
    return cells.astype(np.float32), is_rare


@pytest.mark.parametrize(
    ("cells", "scaled"),
    [(demo_cells, True), (badly_scaled_cells, True), (demo_cells, False)],
    ids=["demo, all genes", "badly scaled", "demo, not standardised"],
)
def test_logistic_regression_converges(cells, scaled):
    values, is_rare = cells()
    if scaled:
        values = scale_cells(values, is_rare)[1].values
    lr = make_classifier("lr", TrainingConfig(), n_training_cells=len(values), seed=0)
    lr.fit(values, is_rare)  # a ConvergenceWarning is an error here
    assert 0 < lr.n_iter_[0] < lr.max_iter


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ParameterError, match=r"among lr, knn\. Got 'svm'") as caught:
        make_classifier("svm", TrainingConfig(), n_training_cells=10, seed=0)
    assert caught.value.code == "E-CLASSIFIER"
