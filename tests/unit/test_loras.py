"""LoRAS against independent oracles: literal shadow samples, brute-force search, exact counts."""

import tracemalloc
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator
from scipy import sparse, stats

from core.config import LorasConfig
from core.errors import ParameterError
from core.oversampling import LoRAS, check_loras, draw_synthetic, draws, loras, neighbourhoods

ALPHA = 1e-3  # seeds are fixed: a test that passes once passes always


@pytest.fixture
def rare():
    """Twelve cells with five genes of unlike mean and spread."""
    rng = np.random.default_rng(7)
    return rng.gamma(2.0, size=(12, 5)) * [1, 2, 0.5, 3, 1] + [0, -4, 10, 1, 2]


def brute_force_neighbours(places, k):
    """Rows of the k nearest cells, the cell itself included."""
    return np.array([np.argsort(np.linalg.norm(places - p, axis=1))[:k] for p in places])


def literal_loras(cells, n, k, n_affine, noise_scale, weights, rng):
    """Blend shadow samples one synthetic cell at a time, as the definition says it."""
    neighbours = brute_force_neighbours(cells, k)
    synthetic = []
    for i in range(n):
        of = rng.choice(neighbours[i % len(cells)], size=n_affine)
        shadows = cells[of] + noise_scale * rng.normal(size=(n_affine, cells.shape[1]))
        synthetic.append(literal_weights(n_affine, weights, rng) @ shadows)
    return np.array(synthetic)


def literal_weights(n_affine, weights, rng):
    if weights == "dirichlet":
        return rng.dirichlet(np.ones(n_affine))
    drawn = rng.integers(0, 100, n_affine)
    while not drawn.any():
        drawn = rng.integers(0, 100, n_affine)
    return drawn / drawn.sum()


def mean_of_squares(n_affine, weights):
    """E[sum of w²] by simulation."""
    rng = np.random.default_rng(99)
    return np.mean([(literal_weights(n_affine, weights, rng) ** 2).sum() for _ in range(20_000)])


def in_some_box(synthetic, cells, neighbours):
    """Which synthetic cells lie within the per-gene range of at least one neighbourhood."""
    low, high = cells[neighbours].min(axis=1), cells[neighbours].max(axis=1)
    y, slack = synthetic[:, np.newaxis], 1e-9
    return ((y >= low - slack) & (y <= high + slack)).all(axis=2).any(axis=1)


@pytest.mark.parametrize("weights", ["dirichlet", "integers"])
def test_without_noise_cells_stay_in_the_range_of_their_neighbourhood(rare, weights):
    synthetic = draw_synthetic(
        rare, 1200, n_neighbors=3, n_affine=2, noise_scale=0, weights=weights, rng=1
    )
    assert in_some_box(synthetic, rare, brute_force_neighbours(rare, 3)).all()


def test_a_parent_belongs_to_its_own_neighbourhood():
    cells = np.array([[0.0], [1.0], [10.0]])
    synthetic = draw_synthetic(cells, 300, n_neighbors=2, n_affine=30, noise_scale=0, rng=0)
    of_the_outlier = synthetic[synthetic > 1]
    assert of_the_outlier.size == 100
    assert of_the_outlier.mean() == pytest.approx(5.5, abs=0.4)


def test_identical_cells_are_parents_of_themselves_only_once():
    cells = np.vstack([np.zeros((4, 2)), np.full((2, 2), 100.0)])
    synthetic = draw_synthetic(cells, 60, n_neighbors=2, noise_scale=0, rng=0)
    assert (synthetic == 0).all(axis=1).sum() == 40
    np.testing.assert_allclose(synthetic[(synthetic != 0).any(axis=1)], 100)


@pytest.mark.parametrize("block_size", [1, 300, 1 << 16], ids=["one row", "some rows", "all rows"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_neighbors", [2, 7, 59, 60])
def test_neighbours_are_those_of_a_brute_force_search(monkeypatch, n_neighbors, dtype, block_size):
    monkeypatch.setattr(neighbourhoods, "BLOCK_SIZE", block_size)
    cells = np.random.default_rng(4).normal(size=(60, 9)).astype(dtype)
    found = neighbourhoods.find_neighbours(cells, n_neighbors, "features", None)
    expected = brute_force_neighbours(cells.astype(np.float64), n_neighbors)
    np.testing.assert_array_equal(np.sort(found), np.sort(expected))


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1.0, 1e30, 1e150])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_neighbours_within_small_groups_far_apart_are_told_apart(scale, offset):
    # Groups 1000 apart with cells 0.1 apart: in float32 a squared distance would drown.
    rng = np.random.default_rng(6)
    cells = np.repeat(1000.0 * np.eye(4), 10, axis=0) + 0.1 * rng.normal(size=(40, 4)) + offset
    found = neighbourhoods.find_neighbours(cells * scale, 3, "features", None)
    np.testing.assert_array_equal(np.sort(found), np.sort(brute_force_neighbours(cells, 3)))


@pytest.mark.parametrize("n_neighbors", [2, 3, 5, 8])
def test_ties_leave_every_neighbourhood_its_size_and_its_nearest_cells(n_neighbors):
    # A parent, three cells nearer than all others, then ties all around.
    cells = np.array([[0.0], [0.0], [0.0], [0.0], [-1], [1], [-1], [1], [1], [-1]])
    found = neighbourhoods.find_neighbours(cells, n_neighbors, "features", None)
    assert found.shape == (10, n_neighbors)
    for parent, neighbours in enumerate(found):
        distances = np.abs(cells - cells[parent]).ravel()
        assert parent in neighbours
        assert np.unique(neighbours).size == n_neighbors
        np.testing.assert_array_equal(
            np.sort(distances[neighbours]), np.sort(distances)[:n_neighbors]
        )


def test_the_mean_tends_to_the_mean_of_the_neighbourhood(rare):
    n, n_affine = 40_000, 10
    synthetic = draw_synthetic(rare, n, n_neighbors=12, n_affine=n_affine, rng=3)
    error = np.sqrt(rare.var(axis=0) * 2 / (n_affine + 1) / n)
    assert (np.abs(synthetic.mean(axis=0) - rare.mean(axis=0)) < 4 * error).all()


@pytest.mark.parametrize("n_affine", [2, 10, 50])
def test_dirichlet_weights_keep_two_over_a_plus_one_of_the_variance(rare, n_affine):
    synthetic = draw_synthetic(
        rare, 60_000, n_neighbors=12, n_affine=n_affine, noise_scale=0, rng=5
    )
    kept = synthetic.var(axis=0) / rare.var(axis=0)
    np.testing.assert_allclose(kept, 2 / (n_affine + 1), rtol=0.05)


@pytest.mark.parametrize("n_affine", [2, 10, 50])
def test_integer_weights_keep_the_variance_that_simulation_expects(rare, n_affine):
    synthetic = draw_synthetic(
        rare, 60_000, n_neighbors=12, n_affine=n_affine, noise_scale=0, weights="integers", rng=5
    )
    kept = synthetic.var(axis=0) / rare.var(axis=0)
    np.testing.assert_allclose(kept, mean_of_squares(n_affine, "integers"), rtol=0.05)


@pytest.mark.parametrize("noise_scale", [0.0, 0.005, 5.0], ids=["none", "default", "large"])
@pytest.mark.parametrize("weights", ["dirichlet", "integers"])
@pytest.mark.parametrize("n_affine", [2, 7])
def test_agrees_in_distribution_with_literal_shadow_samples(rare, n_affine, weights, noise_scale):
    rng = np.random.default_rng(11)
    expected = literal_loras(rare, 6000, 4, n_affine, noise_scale, weights, rng)
    got = draw_synthetic(
        rare,
        6000,
        n_neighbors=4,
        n_affine=n_affine,
        noise_scale=noise_scale,
        weights=weights,
        rng=12,
    )
    directions = np.hstack([np.eye(5), rng.normal(size=(5, 3))])
    views = [lambda y: y @ directions, lambda y: np.linalg.norm(y - rare[0], axis=1)[:, None]]
    for view in views:  # the distance to a cell sees dependence that no single gene shows
        assert stats.ks_2samp(view(got), view(expected)).pvalue.min() > ALPHA


@pytest.mark.parametrize("n_genes", [4, 5])
def test_noise_is_normal_and_independent_between_genes_and_cells(n_genes):
    # Identical cells leave nothing but the noise; many shadows make sum of w² a constant.
    n, n_affine, noise_scale = 30_000, 400, 50.0
    noise = draw_synthetic(
        np.full((3, n_genes), 2.0), n, n_affine=n_affine, noise_scale=noise_scale, rng=21
    )
    noise = (noise - 2) / (noise_scale * np.sqrt(2 / (n_affine + 1)))
    for values in noise.T:
        assert stats.kstest(values, "norm").pvalue > ALPHA
    pairs = np.hstack([noise[:-1], noise[1:]])
    for table in (pairs, pairs**2):
        off_diagonal = np.corrcoef(table.T)[~np.eye(2 * n_genes, dtype=bool)]
        assert np.abs(off_diagonal).max() < 5 / np.sqrt(n)


def test_noise_of_cells_that_share_radius_and_angle_is_independent():
    # Of two cells each normal is the sine or cosine partner of the other's.
    n_genes, noise = 200_000, np.zeros((2, 200_000))
    draws.add_noise(noise, np.ones(2), np.random.default_rng(17))
    assert stats.kstest(noise.ravel(), "norm").pvalue > ALPHA
    angle = np.arctan2(noise[1], noise[0]) / (2 * np.pi) + 0.5
    assert stats.kstest(angle, "uniform").pvalue > ALPHA
    assert stats.kstest((noise**2).sum(axis=0) / 2, "expon").pvalue > ALPHA
    for power in (1, 2, 3, 4):
        correlation = np.corrcoef(noise[0] ** power, noise[1] ** power)[0, 1]
        assert abs(correlation) < 5 / np.sqrt(n_genes)


def test_noise_has_the_tails_of_a_normal():
    noise = np.zeros((100, 40_000))
    draws.add_noise(noise, np.ones(100), np.random.default_rng(18))
    beyond = np.array([(np.abs(noise) > z).sum() for z in (3, 4, 4.5)])
    expected = noise.size * 2 * stats.norm.sf([3, 4, 4.5])
    assert (np.abs(beyond - expected) < 4 * np.sqrt(expected)).all()


@pytest.mark.parametrize("n_slots", [2, 30, 256, 300])
def test_slot_and_uniform_of_one_random_number_are_independent(n_slots):
    n = 300_000
    slots, uniforms = draws._draw_slots_and_uniforms(n, n_slots, np.random.default_rng(8))
    assert uniforms.min() > 0
    assert uniforms.max() <= 1
    table = np.zeros((n_slots, 20))
    np.add.at(table, (slots, np.minimum((uniforms * 20).astype(int), 19)), 1)
    assert stats.chisquare(table.ravel()).pvalue > ALPHA
    assert stats.kstest(uniforms, "uniform").pvalue > ALPHA
    within = uniforms * 1000 % 1  # the low bits are as even as the high ones
    assert stats.kstest(within, "uniform").pvalue > ALPHA


@pytest.mark.parametrize("weights", ["dirichlet", "integers"])
def test_shares_of_many_neighbours_have_the_moments_of_the_definition(weights):
    # More neighbours than one random number can serve; shares of k slots: E s² by the definition.
    n_slots, n_affine = 300, 4
    shares, squares = draws.draw_shares(
        20_000, n_slots, n_affine, weights, np.random.default_rng(3), np.dtype(np.float64)
    )
    expected = mean_of_squares(n_affine, weights)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert squares.mean() == pytest.approx(expected, rel=0.01)
    both = expected + (1 - expected) / n_slots  # two shadows of one neighbour are blended first
    assert (shares**2).sum(axis=1).mean() == pytest.approx(both, rel=0.01)


@pytest.mark.parametrize("weights", ["dirichlet", "integers"])
def test_noise_of_a_cell_is_scaled_by_its_own_sum_of_squared_weights(weights):
    n, n_genes, n_affine, rng = 4000, 300, 3, np.random.default_rng(31)
    noise = draw_synthetic(
        np.zeros((4, n_genes)), n, n_affine=n_affine, noise_scale=1, weights=weights, rng=32
    )
    squares = [(literal_weights(n_affine, weights, rng) ** 2).sum() for _ in range(n)]
    expected = np.array(squares) * rng.chisquare(n_genes, n) / n_genes
    assert stats.ks_2samp((noise**2).mean(axis=1), expected).pvalue > ALPHA


def test_a_row_of_zero_integer_weights_is_drawn_again(rare):
    # With two weights one row in 10,000 is zero: 30 are expected here.
    synthetic = draw_synthetic(rare, 300_000, n_affine=2, weights="integers", rng=0)
    assert np.isfinite(synthetic).all()


def test_the_same_seed_draws_the_same_cells_and_another_seed_others(rare):
    first, second, other = (draw_synthetic(rare, 50, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.isin(first, other).any()


def test_two_parents_never_share_random_numbers():
    synthetic = draw_synthetic(np.ones((10, 4)), 1000, noise_scale=1, rng=0)
    assert np.unique(synthetic).size == synthetic.size
    offspring = synthetic.reshape(10, -1) - 1
    correlation = np.corrcoef(offspring)[~np.eye(10, dtype=bool)]
    assert np.abs(correlation).max() < 5 / np.sqrt(offspring.shape[1])


def test_two_classes_never_share_random_numbers(rare):
    X = np.vstack([rare, rare, np.zeros((40, 5))])
    y = np.repeat(["a", "b", "rest"], [12, 12, 40])
    cells, labels = LoRAS(random_state=0).fit_resample(X, y)
    assert not np.isin(cells[64:][labels[64:] == "a"], cells[64:][labels[64:] == "b"]).any()


@pytest.mark.parametrize("block_size", [1, 50, 1 << 17])
@pytest.mark.parametrize("n", [0, 1, 5, 12, 25, 500])
def test_parents_have_equal_shares_that_sum_to_the_exact_count(rare, monkeypatch, n, block_size):
    monkeypatch.setattr(loras, "BLOCK_SIZE", block_size)
    # Alone in its neighbourhood and without noise, a parent has copies of itself.
    synthetic = draw_synthetic(rare, n, n_neighbors=1, noise_scale=0, rng=0)
    copies = np.isclose(synthetic[:, np.newaxis], rare).all(axis=2).sum(axis=0)
    assert synthetic.shape == (n, 5)
    assert copies.sum() == n
    assert np.ptp(copies) <= 1


def test_which_parents_have_one_cell_more_is_random(rare):
    draws = [draw_synthetic(rare, 3, n_neighbors=1, noise_scale=0, rng=s) for s in range(200)]
    chosen = np.isclose(np.concatenate(draws)[:, np.newaxis], rare).all(axis=2).sum(axis=0)
    assert stats.chisquare(chosen).pvalue > ALPHA


def test_small_blocks_change_nothing_but_the_order_of_random_numbers(rare, monkeypatch):
    monkeypatch.setattr(loras, "BLOCK_SIZE", 100)
    small = draw_synthetic(rare, 6000, n_neighbors=4, n_affine=3, noise_scale=0.3, rng=1)
    monkeypatch.undo()
    large = draw_synthetic(rare, 6000, n_neighbors=4, n_affine=3, noise_scale=0.3, rng=2)
    assert stats.ks_2samp(small, large).pvalue.min() > ALPHA
    assert np.unique(small).size == small.size


def test_sampling_strategy_is_met_exactly_for_every_class(rare):
    X = np.vstack([rare, rare[:7] + 20, np.zeros((50, 5))])
    y = np.repeat([2, 5, 9], [12, 7, 50])
    sampler = LoRAS(sampling_strategy={2: 31, 5: 44}, random_state=0)
    cells, labels = sampler.fit_resample(X, y)
    assert dict(zip(*np.unique(labels, return_counts=True), strict=True)) == {2: 31, 5: 44, 9: 50}
    assert sampler.sampling_strategy_ == {2: 19, 5: 37}
    assert sampler.n_neighbors_ == {2: 5, 5: 5}
    assert sampler.n_affine_ == 5
    np.testing.assert_array_equal(cells[:69], X)
    assert (cells[labels == 5].mean(axis=0) > cells[labels == 2].mean(axis=0) + 10).all()


@pytest.mark.parametrize(
    ("n_rare", "n_genes", "n_neighbors", "n_affine"),
    [(2, 1, 2, 2), (3, 6, 3, 6), (99, 50, 5, 50), (100, 51, 30, 50)],
)
def test_defaults_follow_the_number_of_cells_and_genes(n_rare, n_genes, n_neighbors, n_affine):
    X = np.random.default_rng(0).normal(size=(n_rare + 130, n_genes))
    sampler = LoRAS(random_state=0)
    cells, labels = sampler.fit_resample(X, np.arange(len(X)) < n_rare)
    assert labels.sum() == 130
    assert np.isfinite(cells).all()
    assert sampler.n_neighbors_ == {True: n_neighbors}
    assert sampler.n_affine_ == n_affine


def test_function_and_sampler_draw_the_same_cells(rare):
    X, y = np.vstack([np.zeros((40, 5)), rare]), np.repeat([0, 1], [40, 12])
    cells, _ = LoRAS(random_state=4).fit_resample(X, y)
    np.testing.assert_array_equal(cells[52:], draw_synthetic(rare, 28, rng=4))


@pytest.mark.parametrize("n_rare", [0, 1])
def test_fewer_than_two_rare_cells_are_refused(n_rare):
    with pytest.raises(ParameterError, match=rf"at least 2 cells .* Got {n_rare}\.") as caught:
        draw_synthetic(np.zeros((n_rare, 3)), 5, rng=0)
    assert caught.value.code == "E-RARE-ONE"
    assert caught.value.next_step


def test_a_class_of_one_cell_is_refused_only_when_it_is_added_to(rare):
    X, y = np.vstack([rare, rare, rare[:1]]), np.repeat(["rest", "few", "one"], [13, 11, 1])
    with pytest.raises(ParameterError, match="at least 2 cells") as caught:
        LoRAS().fit_resample(X, y)
    assert caught.value.code == "E-RARE-ONE"
    _, labels = LoRAS(sampling_strategy={"few": 13}).fit_resample(X, y)
    assert (labels == "one").sum() == 1


TOO_LARGE = [
    (
        LorasConfig(n_neighbors=9),
        8,
        "E-PARAMETER",
        "`n_neighbors` must be at most the number of rare cells in the smallest training part. "
        "Got 9 for 8 cells; choose 8 or fewer.",
    ),
    (
        LorasConfig(neighbour_space="tsne"),
        15,
        "E-TSNE-SMALL",
        "`neighbour_space` t-SNE ('tsne') needs at least 16 rare cells in the smallest training "
        "part. Got 15.",
    ),
    (
        LorasConfig(),
        1,
        "E-RARE-ONE",
        "LoRAS needs at least 2 cells of the class it adds to in the smallest training part. "
        "Got 1.",
    ),
]


@pytest.mark.parametrize(
    ("config", "n", "code", "message"), TOO_LARGE, ids=lambda value: str(value)[:12]
)
def test_what_the_smallest_training_part_does_not_bear_is_refused_in_advance(
    config, n, code, message
):
    with pytest.raises(ParameterError) as caught:
        check_loras(config, n)
    assert (caught.value.code, caught.value.message) == (code, message)
    with pytest.raises(ParameterError) as later:
        draw_synthetic(np.eye(n), 3, rng=0, **asdict(config))
    assert (later.value.code, later.value.next_step) == (code, caught.value.next_step)


@pytest.mark.parametrize(
    ("config", "n"),
    [
        (LorasConfig(n_neighbors=9), 9),
        (LorasConfig(neighbour_space="tsne"), 16),
        (LorasConfig(), 2),
    ],
    ids=["neighbours", "tsne", "two cells"],
)
def test_what_just_fits_the_smallest_training_part_is_accepted(config, n):
    assert check_loras(config, n) is None


def test_settings_that_fit_no_data_are_refused_in_advance():
    with pytest.raises(ParameterError, match="`noise_scale` must be a finite number") as caught:
        check_loras(LorasConfig(noise_scale=-1), 100)
    assert caught.value.code == "E-PARAMETER"


BAD_SETTINGS = [
    ({"n_neighbors": 0}, r"`n_neighbors` must be a whole number of 1 or more, or None. Got 0"),
    ({"n_neighbors": 2.5}, r"`n_neighbors` must be a whole number .* Got 2.5"),
    ({"n_neighbors": True}, r"`n_neighbors` must be a whole number .* Got True"),
    (
        {"n_neighbors": 30},
        "`n_neighbors` must be at most the number of rare cells. Got 30 for 12 cells; "
        "choose 12 or fewer.",
    ),
    ({"n_affine": 1}, r"`n_affine` must be a whole number of 2 or more, or None. Got 1"),
    ({"n_affine": "10"}, r"`n_affine` must be a whole number .* Got '10'"),
    ({"noise_scale": -0.1}, r"`noise_scale` must be a finite number of 0 or more. Got -0.1"),
    ({"noise_scale": float("nan")}, r"`noise_scale` must be a finite number .* Got nan"),
    ({"noise_scale": None}, r"`noise_scale` must be a finite number .* Got None"),
    ({"weights": "uniform"}, r"`weights` must be one of dirichlet, integers. Got 'uniform'"),
    ({"neighbour_space": "umap"}, r"`neighbour_space` must be one of features, pca, tsne. Got"),
]


@pytest.mark.parametrize(("setting", "message"), BAD_SETTINGS, ids=lambda value: str(value)[:24])
def test_bad_settings_are_refused_by_name(rare, setting, message):
    X, y = np.vstack([np.zeros((40, 5)), rare]), np.repeat([0, 1], [40, 12])
    for call in (
        lambda: draw_synthetic(rare, 3, **setting),
        lambda: LoRAS(**setting).fit_resample(X, y),
    ):
        with pytest.raises(ParameterError, match=message) as caught:
            call()
        assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize("n", [-1, 2.0, None])
def test_a_number_of_cells_that_is_no_count_is_refused(rare, n):
    with pytest.raises(ParameterError, match="`n` must be a whole number of 0 or more") as caught:
        draw_synthetic(rare, n)
    assert caught.value.code == "E-PARAMETER"


def test_pca_looks_for_neighbours_among_thirty_components():
    rng = np.random.default_rng(2)
    cells = rng.normal(size=(60, 80))
    centred = cells - cells.mean(axis=0)
    _, _, axes = np.linalg.svd(centred)
    nearest = brute_force_neighbours(centred @ axes[:30].T, 3)
    assert (np.sort(nearest) != np.sort(brute_force_neighbours(cells, 3))).any()
    synthetic = draw_synthetic(
        cells, 600, n_neighbors=3, noise_scale=0, neighbour_space="pca", rng=0
    )
    assert in_some_box(synthetic, cells, nearest).all()


@pytest.mark.parametrize("neighbour_space", ["features", "pca", "tsne"])
def test_neighbours_come_from_the_same_group_in_every_space(neighbour_space):
    rng = np.random.default_rng(3)
    cells = np.vstack([rng.normal(size=(20, 6)), rng.normal(size=(20, 6)) + 50])
    synthetic = draw_synthetic(
        cells, 400, n_neighbors=4, noise_scale=0, neighbour_space=neighbour_space, rng=0
    )
    groups = np.arange(40).reshape(2, 20)
    assert in_some_box(synthetic, cells, groups).all()
    assert (synthetic[:, 0] > 25).sum() == 200


@pytest.mark.parametrize("neighbour_space", ["pca", "tsne"])
def test_identical_cells_are_placed_without_a_warning(neighbour_space):
    synthetic = draw_synthetic(np.ones((16, 3)), 32, neighbour_space=neighbour_space, rng=0)
    assert np.abs(synthetic - 1).max() < 0.05


@pytest.mark.parametrize("n_rare", [2, 3, 15])
def test_tsne_is_refused_below_sixteen_cells(n_rare):
    with pytest.raises(ParameterError, match=rf"at least 16 rare cells\. Got {n_rare}") as caught:
        draw_synthetic(np.eye(n_rare), 4, neighbour_space="tsne", rng=0)
    assert caught.value.code == "E-TSNE-SMALL"


@pytest.mark.parametrize("neighbour_space", ["pca", "tsne"])
def test_a_seed_fixes_the_neighbour_space_too(neighbour_space):
    cells = np.random.default_rng(0).normal(size=(16, 4))
    first, second = (
        draw_synthetic(cells, 20, neighbour_space=neighbour_space, rng=5) for _ in range(2)
    )
    assert first.shape == (20, 4)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("given", "returned"),
    [("float32", "float32"), ("float64", "float64"), ("int64", "float64"), ("uint8", "float32")],
)
def test_floating_types_are_kept_and_integers_become_floating(given, returned):
    X = np.random.default_rng(0).integers(0, 9, (40, 3)).astype(given)
    cells, _ = LoRAS(random_state=0, noise_scale=0).fit_resample(X, np.arange(40) < 8)
    assert cells.dtype == returned
    assert (cells[40:] % 1 != 0).any()


def test_float32_and_float64_cells_have_the_same_offspring(rare):
    wide = draw_synthetic(rare, 500, rng=0)
    narrow = draw_synthetic(rare.astype(np.float32), 500, rng=0)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, wide, rtol=1e-4)


@pytest.mark.parametrize("layout", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_cells_have_the_same_offspring_as_dense_ones(rare, layout):
    X, y = np.vstack([np.zeros((40, 5)), rare]), np.repeat([0, 1], [40, 12])
    cells, _ = LoRAS(random_state=0).fit_resample(layout(X), y)
    expected, _ = LoRAS(random_state=0).fit_resample(X, y)
    assert type(cells) is layout
    np.testing.assert_allclose(cells.toarray(), expected)
    np.testing.assert_array_equal(
        draw_synthetic(layout(rare), 9, rng=0), draw_synthetic(rare, 9, rng=0)
    )


def test_inputs_are_not_changed(rare):
    X, y = np.vstack([np.zeros((40, 5)), rare]), np.repeat([0, 1], [40, 12])
    before = X.copy(), y.copy(), rare.copy()
    cells, _ = LoRAS().fit_resample(X, y)
    cells[:] = -1
    draw_synthetic(rare, 5)
    for now, then in zip((X, y, rare), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    "make", [np.random.RandomState, np.random.default_rng], ids=["RandomState", "Generator"]
)
def test_random_states_and_generators_are_accepted(rare, make):
    X, y = np.vstack([np.zeros((40, 5)), rare]), np.repeat([0, 1], [40, 12])
    shared = make(3)
    runs = [LoRAS(random_state=state).fit_resample(X, y)[0] for state in (shared, shared, make(3))]
    np.testing.assert_array_equal(runs[0], runs[2])
    assert all(not np.isin(a[52:], b[52:]).any() for a, b in pairwise(runs))


def test_memory_grows_with_the_output_and_not_with_shadows():
    # Weights alone would take 5 times the output, shadow samples 500 times.
    cells = np.random.default_rng(0).normal(size=(200, 50))
    tracemalloc.start()
    synthetic = draw_synthetic(cells, 40_000, n_neighbors=200, n_affine=500, rng=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * synthetic.nbytes


# Not `parametrize_with_checks`: it hands pytest a generator, which pytest 9 warns about.
ESTIMATOR_CHECKS = [
    pytest.param(estimator, check, id=f"{estimator.neighbour_space}-{check.func.__name__}")
    for settings in ({}, {"weights": "integers", "neighbour_space": "pca"})
    for estimator, check in estimator_checks_generator(LoRAS(random_state=0, **settings))
]


@pytest.mark.parametrize(("estimator", "check"), ESTIMATOR_CHECKS)
def test_passes_the_estimator_checks_of_imbalanced_learn(estimator, check):
    check(estimator)


def test_the_estimator_checks_are_there():
    assert len(ESTIMATOR_CHECKS) >= 30
