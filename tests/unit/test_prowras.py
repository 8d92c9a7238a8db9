"""ProWRAS against independent oracles: literal levels and combinations, hand-computed weights."""

import numpy as np
import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator
from scipy import sparse, stats

from core.errors import ParameterError
from core.oversampling import ProWRAS, prowras, proximity

ALPHA = 1e-3  # seeds are fixed: a test that passes once passes always


@pytest.fixture
def cells():
    """Thirty rare cells that lie beside two hundred others, with ten genes, in mixed order."""
    rng = np.random.default_rng(5)
    is_rare = rng.permutation(230) < 30
    X = rng.normal(size=(230, 10))
    X[is_rare] += np.concatenate([rng.uniform(1, 6, size=(30, 1)), np.zeros((30, 9))], axis=1)
    return X, is_rare


def literal_levels(rare, others, n_levels, n_neighbors):
    """Divide rows of `rare` as the definition says it, one other cell after another."""
    left, levels = list(range(len(rare))), []
    while left and len(levels) + 1 < n_levels:
        level = set()
        for other in others:
            by_distance = sorted(left, key=lambda row: np.linalg.norm(rare[row] - other))
            level.update(by_distance[:n_neighbors])
        levels.append(sorted(level))
        left = [row for row in left if row not in level]
    return [*levels, left] if left else levels


def literal_neighbourhoods(level, n_neighbors):
    """Rows of every neighbourhood in a level: of each of its cells, or the one of all."""
    if len(level) <= n_neighbors:
        return np.arange(len(level))[np.newaxis]
    return np.array([np.argsort(np.linalg.norm(level - c, axis=1))[:n_neighbors] for c in level])


def literal_cells(level, n, n_neighbors, n_affine, rng):
    """Combine cells of a level, one synthetic cell after another."""
    hoods = literal_neighbourhoods(level, n_neighbors)
    picks = [rng.choice(hoods[rng.integers(len(hoods))], n_affine) for _ in range(n)]
    return np.array([rng.dirichlet(np.ones(n_affine)) @ level[rows] for rows in picks])


def convex_weights(point, corners):
    """Weights of `corners` that make `point`, summing to 1, or None where there are none."""
    equations = np.vstack([corners.T, np.ones(len(corners))])
    weights, *_ = np.linalg.lstsq(equations, np.append(point, 1), rcond=None)
    is_made = np.allclose(equations @ weights, np.append(point, 1), atol=1e-8)
    return weights if is_made and weights.min() > -1e-8 else None


def drawn_by_level(sampler, X, y, label=True):
    """Resample; return pairs of a level's real cells and its synthetic ones."""
    resampled, _ = sampler.fit_resample(X, y)
    ends = np.cumsum(sampler.n_drawn_[label])[:-1]
    synthetic = np.split(resampled[len(X) :], ends)
    return [(X[rows], new) for rows, new in zip(sampler.levels_[label], synthetic, strict=True)]


@pytest.mark.parametrize("n_levels", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("n_neighbors", [1, 2, 5, 30, 99])
def test_levels_are_those_of_a_literal_search(cells, n_levels, n_neighbors):
    X, y = cells
    found = proximity.find_levels(X[y], X[~y], n_levels=n_levels, n_neighbors=n_neighbors)
    expected = literal_levels(X[y], X[~y], n_levels, n_neighbors)
    assert [level.tolist() for level in found] == expected


def test_the_cells_of_these_tests_have_several_levels(cells):
    X, y = cells
    assert len(literal_levels(X[y], X[~y], 5, 2)) >= 3


def test_levels_go_from_near_to_far_and_the_last_one_takes_the_rest():
    rare = np.array([[9.0], [3], [1], [7], [2], [8]])
    levels = proximity.find_levels(rare, np.array([[0.0], [-1]]), n_levels=3, n_neighbors=2)
    assert [rare[level, 0].tolist() for level in levels] == [[1, 2], [3, 7], [9, 8]]


@pytest.mark.parametrize(
    ("n_levels", "theta", "weights"),
    [
        (1, 1.0, [1]),
        (2, 1.0, [0.7310586, 0.2689414]),
        (3, 1.0, [0.6652410, 0.2447285, 0.0900306]),
        (3, np.log(2), [4 / 7, 2 / 7, 1 / 7]),
        (4, 0.0, [0.25, 0.25, 0.25, 0.25]),
    ],
)
def test_weights_of_levels_are_those_computed_by_hand(n_levels, theta, weights):
    np.testing.assert_allclose(proximity.level_weights(n_levels, theta), weights, rtol=1e-6)


@pytest.mark.parametrize(
    ("n", "weights", "counts"),
    [
        (10, [0.6652, 0.2447, 0.0901], [7, 2, 1]),  # 6.652, 2.447 and 0.901
        (1, [0.5, 0.3, 0.2], [1, 0, 0]),
        (2, [0.4, 0.4, 0.2], [1, 1, 0]),
        (3, [0.25, 0.25, 0.25, 0.25], [1, 1, 1, 0]),  # equal remainders: the nearest levels
        (0, [0.7, 0.3], [0, 0]),
        (7, [1.0], [7]),
    ],
)
def test_cells_are_shared_out_to_the_last_one(n, weights, counts):
    assert proximity.share_out(n, np.array(weights)).tolist() == counts


@pytest.mark.parametrize(
    ("n_affine", "theta", "combined"),
    [(5, 1.0, [5, 2, 2]), (20, 1.0, [20, 8, 3]), (2, 1.0, [2, 2, 2]), (6, 0.0, [6, 6, 6])],
)
def test_further_levels_combine_fewer_cells_but_two_at_least(n_affine, theta, combined):
    weights = proximity.level_weights(3, theta)
    assert proximity.choose_n_combined(n_affine, weights).tolist() == combined


@pytest.mark.parametrize("block_size", [1, 50, 1 << 20])
@pytest.mark.parametrize("n_neighbors", [2, 5])
def test_cells_are_convex_combinations_within_one_neighbourhood_of_their_level(
    cells, monkeypatch, n_neighbors, block_size
):
    monkeypatch.setattr(prowras, "BLOCK_SIZE", block_size)
    sampler = ProWRAS(n_neighbors=n_neighbors, theta=0.3, random_state=1)
    parts = drawn_by_level(sampler, *cells)
    assert len(parts) >= 2
    for real, synthetic in parts:
        hoods = literal_neighbourhoods(real, n_neighbors)
        assert len(synthetic)
        for point in synthetic:
            assert any(convex_weights(point, real[rows]) is not None for rows in hoods)


@pytest.mark.parametrize("n_affine", [2, 3])
def test_no_more_cells_are_combined_than_the_setting_says(cells, n_affine):
    X, y = cells
    sampler = ProWRAS(n_levels=1, n_neighbors=8, n_affine=n_affine, random_state=1)
    ((real, synthetic),) = drawn_by_level(sampler, X, y)
    hoods = literal_neighbourhoods(real, 8)
    for point in synthetic:
        made = (convex_weights(point, real[rows]) for rows in hoods)
        used = [(weights > 1e-9).sum() for weights in made if weights is not None]
        assert 1 <= min(used) <= n_affine


@pytest.mark.parametrize("n_affine", [2, 9])
def test_agrees_in_distribution_with_a_literal_implementation(cells, n_affine):
    X, y = cells
    strategy = {True: 6030, False: 200}
    sampler = ProWRAS(
        sampling_strategy=strategy, n_neighbors=3, n_affine=n_affine, theta=0.2, random_state=1
    )
    rng = np.random.default_rng(2)
    directions = np.hstack([np.eye(10), rng.normal(size=(10, 3))])
    parts = drawn_by_level(sampler, X, y)
    n_combined = np.ceil(n_affine * np.exp(-0.2 * np.arange(len(parts)))).clip(2)
    for (real, synthetic), combined in zip(parts, n_combined, strict=True):
        expected = literal_cells(real, 4000, 3, int(combined), rng)
        # Rounded, since a cell combined with itself differs from it in the last digit.
        views = (np.round(drawn @ directions, 9) for drawn in (synthetic, expected))
        pvalue = stats.ks_2samp(*views).pvalue
        assert pvalue.min() > ALPHA


def test_levels_and_shares_follow_the_settings(cells):
    X, y = cells
    sampler = ProWRAS(n_levels=3, n_neighbors=2, theta=1.0, random_state=0)
    _, is_rare = sampler.fit_resample(X, y)
    expected = [np.flatnonzero(y)[rows] for rows in literal_levels(X[y], X[~y], 3, 2)]
    assert [rows.tolist() for rows in sampler.levels_[True]] == [e.tolist() for e in expected]
    # 170 cells: 113.09, 41.60 and 15.31 of them
    assert sampler.n_drawn_[True].tolist() == [113, 42, 15]
    assert is_rare.sum() == 200


@pytest.mark.parametrize("n_rare", [2, 3, 5, 6, 15, 200])
@pytest.mark.parametrize("settings", [{}, {"n_neighbors": 1, "n_levels": 9}], ids=["few", "many"])
def test_exactly_as_many_cells_come_as_are_asked_for(n_rare, settings):
    rng = np.random.default_rng(n_rare)
    X, y = rng.normal(size=(n_rare + 301, 4)), np.arange(n_rare + 301) < n_rare
    cells, is_rare = ProWRAS(random_state=0, **settings).fit_resample(X, y)
    assert is_rare.sum() == 301
    np.testing.assert_array_equal(cells[: len(X)], X)
    assert np.isfinite(cells).all()


def test_a_level_of_one_cell_has_copies_of_it():
    X = np.array([[0.0, 0], [0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [7, 7]])
    y = np.arange(7) >= 5
    parts = drawn_by_level(ProWRAS(n_neighbors=1, theta=0, random_state=0), X, y)
    assert [(real.tolist(), np.unique(new, axis=0).tolist()) for real, new in parts] == [
        ([[1, 2]], [[1, 2]]),
        ([[7, 7]], [[7, 7]]),
    ]


def test_levels_of_a_class_are_measured_from_all_other_classes():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(90, 5)), np.repeat(["few", "rest", "some"], [20, 50, 20])
    sampler = ProWRAS(n_neighbors=2, random_state=0)
    cells, labels = sampler.fit_resample(X, y)
    assert dict(zip(*np.unique(labels, return_counts=True), strict=True)) == dict.fromkeys(
        ["few", "rest", "some"], 50
    )
    expected = literal_levels(X[:20], X[20:], 5, 2)
    assert [rows.tolist() for rows in sampler.levels_["few"]] == expected
    few, some = cells[90:][labels[90:] == "few"], cells[90:][labels[90:] == "some"]
    assert not np.isin(few, some).any()


def test_one_cell_is_refused():
    X, y = np.random.default_rng(0).normal(size=(9, 3)), np.arange(9) < 1
    with pytest.raises(ParameterError, match=r"ProWRAS needs at least 2 .* Got 1\.") as caught:
        ProWRAS().fit_resample(X, y)
    assert caught.value.code == "E-RARE-ONE"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_levels": 0}, "`n_levels` must be a whole number from 1 to 100. Got 0"),
        ({"n_neighbors": 2.5}, "`n_neighbors` must be a whole number from 1 to 1,000. Got 2.5"),
        ({"n_affine": 1}, "`n_affine` must be a whole number from 2 to 1,000. Got 1"),
        ({"theta": -1}, "`theta` must be a number from 0 to 100. Got -1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_bad_settings_are_refused_by_name(cells, setting, message):
    with pytest.raises(ParameterError, match=message) as caught:
        ProWRAS(**setting).fit_resample(*cells)
    assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize(
    "make", [int, np.random.RandomState, np.random.default_rng], ids=["int", "state", "generator"]
)
def test_the_same_seed_draws_the_same_cells_and_another_seed_others(cells, make):
    first, second, other = (
        ProWRAS(random_state=make(seed)).fit_resample(*cells)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.isin(first[230:], other[230:]).all(axis=1).mean() < 0.5  # copies of real cells


@pytest.mark.parametrize(
    ("given", "returned"), [("float32", "float32"), ("float64", "float64"), ("int64", "float64")]
)
def test_floating_types_are_kept_and_integers_become_floating(cells, given, returned):
    X, y = (10 * cells[0]).astype(given), cells[1]
    resampled, _ = ProWRAS(random_state=0).fit_resample(X, y)
    assert resampled.dtype == returned
    assert (resampled[230:] % 1 != 0).any()


@pytest.mark.parametrize("layout", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_cells_have_the_same_offspring_as_dense_ones(cells, layout):
    X, y = cells
    found, _ = ProWRAS(random_state=0).fit_resample(layout(X), y)
    expected, _ = ProWRAS(random_state=0).fit_resample(X, y)
    assert type(found) is layout
    np.testing.assert_allclose(found.toarray(), expected)


def test_inputs_are_not_changed(cells):
    X, y = cells
    before = X.copy(), y.copy()
    resampled, _ = ProWRAS(random_state=0).fit_resample(X, y)
    resampled[:] = -1
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


# Not `parametrize_with_checks`: it hands pytest a generator, which pytest 9 warns about.
ESTIMATOR_CHECKS = [
    pytest.param(estimator, check, id=check.func.__name__)
    for estimator, check in estimator_checks_generator(ProWRAS(random_state=0))
]


@pytest.mark.parametrize(("estimator", "check"), ESTIMATOR_CHECKS)
def test_passes_the_estimator_checks_of_imbalanced_learn(estimator, check):
    check(estimator)


def test_the_estimator_checks_are_there():
    assert len(ESTIMATOR_CHECKS) >= 15
