"""The table of classifiers, and what it builds."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_info, threadpool_limits

import core
from core.classifiers import CLASSIFIERS, fit, gradient_boosting, make_classifier
from core.classifiers.bins import Bins
from core.classifiers.trees import Trees, leaf_sums
from core.config import ClassifierConfig, TrainingConfig
from core.data import DEMO_TASK
from core.errors import ParameterError
from core.fitting import scale_cells


def cells_of(n_rare, n_other, *, n_genes=6, seed=0):
    """Standardised cells, float32; rare ones are higher in the first two genes."""
    rng = np.random.default_rng(seed)
    is_rare = np.arange(n_rare + n_other) < n_rare
    values = rng.normal(size=(len(is_rare), n_genes))
    values[is_rare, :2] += 1.5
    return values.astype(np.float32), is_rare


def made(name, n_cells, *, weighted=False, seed=0, knn_neighbors=30, **settings):
    config = TrainingConfig(knn_neighbors=knn_neighbors, classifier=ClassifierConfig(**settings))
    return make_classifier(name, config, n_training_cells=n_cells, seed=seed, weighted=weighted)


def reference_of(classifier, *cells):
    """Fit a classifier of scikit-learn as it comes, but without a crowd of threads."""
    with threadpool_limits(1):
        return classifier.fit(*cells)


def fitted(name, values, is_rare, weights=None, **settings):
    classifier = made(name, len(values), weighted=weights is not None, **settings)
    return fit(classifier, values, is_rare, weights)


# The table ----------------------------------------------------------------------------------------


def test_the_table_goes_from_simple_to_complex_and_names_every_classifier_once():
    assert list(CLASSIFIERS) == ["lr", "svm", "knn", "forest", "boosting", "mlp"]
    assert [entry.complexity for entry in CLASSIFIERS.values()] == [0, 1, 2, 3, 4, 5]
    assert all(entry.name == name for name, entry in CLASSIFIERS.items())
    assert len({entry.label for entry in CLASSIFIERS.values()}) == 6


def test_the_default_configuration_names_known_classifiers():
    assert set(TrainingConfig().classifiers) <= set(CLASSIFIERS)


def test_an_unknown_name_is_refused_with_the_known_ones():
    names = r"among lr, svm, knn, forest, boosting, mlp\. Got 'magic'"
    with pytest.raises(ParameterError, match=names) as caught:
        make_classifier("magic", TrainingConfig(), n_training_cells=10, seed=0)
    assert caught.value.code == "E-CLASSIFIER"


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_row_names_the_types_that_it_builds(name, weighted):
    assert type(made(name, 50, weighted=weighted)) in CLASSIFIERS[name].kinds


@pytest.mark.parametrize(
    ("name", "setting", "value", "attribute"),
    [
        ("lr", "lr_c", 0.25, "C"),
        ("svm", "svm_c", 0.25, "C"),
        ("forest", "forest_trees", 17, "n_trees"),
        ("boosting", "boosting_iterations", 17, "n_trees"),
        ("boosting", "boosting_learning_rate", 0.25, "learning_rate"),
        ("mlp", "mlp_units", 7, "n_units"),
    ],
)
def test_settings_reach_the_classifier_as_plain_numbers(name, setting, value, attribute):
    got = getattr(made(name, 50, **{setting: np.array(value)[()]}), attribute)
    assert got == value
    assert type(got) in (int, float)


# What all of them promise -------------------------------------------------------------------------

WEIGHTED = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


def weights_of(is_rare, weighted):
    return np.where(is_rare, (~is_rare).sum() / is_rare.sum(), 1.0) if weighted else None


@pytest.mark.parametrize("name", CLASSIFIERS)
@WEIGHTED
@pytest.mark.parametrize(("n_rare", "n_other"), [(2, 5), (30, 200)], ids=["seven", "many"])
def test_scores_find_rare_cells_even_when_there_are_two(name, weighted, n_rare, n_other):
    values, is_rare = cells_of(n_rare, n_other)
    values[is_rare, :2] += 3
    classifier = fitted(name, values, is_rare, weights_of(is_rare, weighted), knn_neighbors=2)
    assert classifier.classes_.tolist() == [False, True]
    scores = classifier.predict_proba(values)
    assert scores.shape == (len(values), 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[is_rare, 1].min() > scores[~is_rare, 1].max()


@pytest.mark.parametrize("name", CLASSIFIERS)
@WEIGHTED
def test_the_same_seed_gives_the_same_scores_whatever_has_run_before(name, weighted):
    values, is_rare = cells_of(20, 100)
    weights = weights_of(is_rare, weighted)
    first = fitted(name, values, is_rare, weights, seed=3).predict_proba(values)
    np.random.default_rng().random(5)
    again = fitted(name, values, is_rare, weights, seed=3).predict_proba(values)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", ["forest", "mlp"])
def test_another_seed_gives_other_scores_where_something_is_drawn(name):
    values, is_rare = cells_of(20, 100)
    first, second = (
        fitted(name, values, is_rare, seed=seed).predict_proba(values) for seed in (0, 1)
    )
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_heavier_rare_cells_raise_the_scores(name):
    values, is_rare = cells_of(30, 270)
    query = np.random.default_rng(9).normal(size=(300, 6)).astype(np.float32)
    light = fitted(name, values, is_rare).predict_proba(query)[:, 1]
    heavy = fitted(name, values, is_rare, np.where(is_rare, 9.0, 1.0)).predict_proba(query)[:, 1]
    assert heavy.mean() > light.mean()


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "forest"])
def test_equal_weights_give_the_scores_of_none(name):
    values, is_rare = cells_of(20, 100)
    without = fitted(name, values, is_rare).predict_proba(values)
    ones = fitted(name, values, is_rare, np.ones(len(values))).predict_proba(values)
    np.testing.assert_allclose(ones, without, atol=1e-9)


@pytest.mark.parametrize("name", ["lr", "svm", "mlp"])
def test_a_weight_of_two_is_the_cell_twice(name):
    values, is_rare = cells_of(15, 80)
    values = values + np.arange(6, dtype=np.float32) / 10
    weighted = fitted(name, values, is_rare, np.where(is_rare, 2.0, 1.0))
    twice = fitted(
        name, np.concatenate([values, values[is_rare]]), np.concatenate([is_rare, is_rare[is_rare]])
    )
    np.testing.assert_allclose(
        weighted.predict_proba(values), twice.predict_proba(values), atol=5e-3
    )


@pytest.mark.parametrize("c", [1e-6, 1e6])
@pytest.mark.parametrize("name", ["lr", "svm"])
def test_next_to_no_penalty_and_a_huge_one_give_scores_without_a_warning(name, c):
    values, is_rare = cells_of(20, 60, n_genes=50)
    scores = fitted(name, values, is_rare, **{f"{name}_c": c}).predict_proba(values)
    assert np.isfinite(scores).all()


def test_fit_hides_no_other_warning_than_that_of_convergence():
    class Noisy:
        def fit(self, values, is_rare):
            warnings.warn("something else", RuntimeWarning, stacklevel=1)

    with pytest.warns(RuntimeWarning, match="something else"):
        fit(Noisy(), *cells_of(2, 5))


def test_fitting_takes_one_thread_and_leaves_the_limits_as_they_were():
    def n_threads():
        return {one["num_threads"] for one in threadpool_info()}

    class Watcher:
        def fit(self, values, is_rare):
            self.seen = n_threads()
            return self

    with threadpool_limits(3):
        assert fit(Watcher(), *cells_of(2, 5)).seen == {1}
        assert n_threads() == {3}


@pytest.mark.parametrize("name", ["boosting", "mlp"])
def test_scores_do_not_depend_on_how_many_threads_there_are(name):
    values, is_rare = cells_of(60, 300, n_genes=40)
    scores = []
    for n_threads in (1, 4):
        with threadpool_limits(n_threads):
            classifier = fitted(name, values, is_rare)
        scores.append(classifier.predict_proba(values))
    np.testing.assert_array_equal(*scores)


# Nearest neighbours -------------------------------------------------------------------------------


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


def test_weighted_votes_are_those_of_rare_neighbours_repeated():
    values, is_rare = cells_of(25, 60, n_genes=3)
    query = cells_of(10, 10, n_genes=3, seed=1)[0]
    weighted = fitted("knn", values, is_rare, np.where(is_rare, 4.0, 1.0), knn_neighbors=9)
    by_hand = []
    for place in query:
        nearest = is_rare[np.argsort(np.linalg.norm(values - place, axis=1))[:9]]
        by_hand.append(np.repeat(nearest, np.where(nearest, 4, 1)).mean())
    np.testing.assert_allclose(weighted.predict_proba(query)[:, 1], by_hand, atol=1e-12)
    assert len(set(by_hand)) > 3


# Logistic regression ------------------------------------------------------------------------------


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


# Linear SVM ---------------------------------------------------------------------------------------


def test_scores_of_the_svm_are_the_logistic_function_of_the_distance():
    values, is_rare = cells_of(20, 60)
    svm = fitted("svm", values, is_rare)
    distance = values.astype(float) @ svm.coef_[0] + svm.intercept_[0]
    np.testing.assert_allclose(svm.predict_proba(values)[:, 1], 1 / (1 + np.exp(-distance)))
    np.testing.assert_allclose(svm.decision_function(values), distance, atol=1e-9)


def test_the_svm_ends_at_the_optimum_of_the_squared_hinge():
    values, is_rare = cells_of(20, 60)
    svm = fitted("svm", values, is_rare, svm_c=0.5)
    cells, sign = np.column_stack([values, np.ones(80)]), np.where(is_rare, 1.0, -1.0)
    plane = np.append(svm.coef_[0], svm.intercept_)
    # Gradient of |w|²/2 + C · sum of max(0, 1 - y·w·x)², the constant being a part of w.
    short = np.maximum(0, 1 - sign * (cells @ plane))
    np.testing.assert_allclose(plane - 2 * 0.5 * (sign * short) @ cells, 0, atol=5e-2)
    assert short.any()


# Trees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, 3.0], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_rare", [2, 60])
def test_the_forest_scores_as_the_one_of_scikit_learn_does(weight, n_rare):
    values, is_rare = cells_of(n_rare, 3 * n_rare)
    query = cells_of(150, 150, seed=1)[0]
    weights = None if weight is None else np.where(is_rare, weight, 1.0)
    ours = fitted("forest", values, is_rare, weights, forest_trees=40, seed=5)
    theirs = reference_of(RandomForestClassifier(40, random_state=5), values, is_rare, weights)
    np.testing.assert_allclose(
        ours.predict_proba(query), theirs.predict_proba(query), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("weight", [None, 3.0], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_rare", [2, 60])
def test_boosting_scores_as_the_one_of_scikit_learn_does(weight, n_rare):
    values, is_rare = cells_of(n_rare, 3 * n_rare)
    query = cells_of(150, 150, seed=1)[0]
    values[:, 3], values[:, 4] = 1, np.round(values[:, 4])
    weights = None if weight is None else np.where(is_rare, weight, 1.0)
    ours = fitted("boosting", values, is_rare, weights, boosting_iterations=40)
    theirs = HistGradientBoostingClassifier(
        max_iter=40, early_stopping=False, min_samples_leaf=1 if n_rare == 2 else 20
    )
    reference_of(theirs, values, is_rare, weights)
    np.testing.assert_allclose(
        ours.predict_proba(query), theirs.predict_proba(query), rtol=0, atol=1e-12
    )


def test_boosting_scores_as_the_one_of_scikit_learn_does_with_more_values_than_steps():
    values, is_rare = cells_of(150, 450)
    assert len(np.unique(values[:, 0])) > 2 * 255
    ours = fitted("boosting", values, is_rare, boosting_iterations=20)
    theirs = HistGradientBoostingClassifier(max_iter=20, early_stopping=False)
    reference_of(theirs, values, is_rare)
    np.testing.assert_allclose(
        ours.predict_proba(values), theirs.predict_proba(values), rtol=0, atol=1e-12
    )


def test_cuts_in_steps_part_the_cells_as_cuts_in_expression_do():
    values = np.random.default_rng(0).gamma(2, size=(700, 2)).astype(np.float32)
    values[:, 1] = np.round(values[:, 1])
    bins = Bins(values)
    steps = bins.steps(values)
    assert steps.max() == 254
    for gene, between in ((0, 0.5), (0, 100.5), (0, 253.5), (1, 0.5), (1, 2.5)):
        cut = bins.cuts(np.array([gene]), np.array([between]))[0]
        np.testing.assert_array_equal(values[:, gene] <= cut, steps[:, gene] <= between)


@pytest.mark.parametrize(
    ("n_cells", "expected"), [(7, 1), (19, 1), (40, 4), (199, 19), (200, 20), (5000, 20)]
)
def test_leaves_of_boosting_are_smaller_where_there_are_few_cells(n_cells, expected):
    assert gradient_boosting.least_cells_in_a_leaf(n_cells) == expected
    assert made("boosting", n_cells).least_cells == expected


def test_cells_are_walked_down_the_trees_one_by_one_or_in_blocks(monkeypatch):
    # The first tree asks for gene 1 and then for gene 0; the second is one leaf.
    trees = Trees(
        roots=np.array([0, 5], dtype=np.int32),
        children=np.array([[1, 2], [-1, -1], [3, 4], [-1, -1], [-1, -1], [-1, -1]], dtype=np.int32),
        genes=np.array([1, -1, 0, -1, -1, -1], dtype=np.int32),
        cuts=np.array([0.5, 0, -1.0, 0, 0, 0]),
        values=np.array([0, 1.0, 0, 2.0, 4.0, 16.0]),
    )
    cells = np.array([[9, 0.5], [-1, 0.6], [-0.9, 0.6], [5, -5]], dtype=np.float32)
    np.testing.assert_array_equal(leaf_sums(trees, cells), [17, 18, 20, 17])
    monkeypatch.setattr("core.classifiers.trees._BLOCK", 5)
    np.testing.assert_array_equal(leaf_sums(trees, cells), [17, 18, 20, 17])


# Neural network -----------------------------------------------------------------------------------


def test_the_network_scores_as_the_one_of_scikit_learn_does():
    values, is_rare = cells_of(20, 60)
    ours = fitted("mlp", values, is_rare, mlp_units=5, seed=2)
    theirs = MLPClassifier(
        (5,), activation="tanh", solver="lbfgs", alpha=1.0, max_iter=500, random_state=2
    )
    reference_of(theirs, values.astype(np.float64), is_rare)
    np.testing.assert_allclose(
        ours.predict_proba(values), theirs.predict_proba(values), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("n_units", [2, 32, 256])
def test_the_network_converges(n_units):
    values, is_rare = demo_cells()
    values = scale_cells(values, is_rare)[1].values[:, :50]
    network = fitted("mlp", values, is_rare, mlp_units=n_units)
    assert 0 < network.n_steps_ < 500
