"""Intervals against scipy, the corrected resampled t-test against published values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, t, ttest_1samp

from core.spread import (
    average_precision_interval,
    binomial_interval,
    corrected_interval,
    corrected_t_test,
)

# Areas under the curve of four support vector machines in ten times ten folds, in units of 1/25
# (a = 0 … z = 25), as the example "Statistical comparison of models using grid search" of
# scikit-learn computes them: make_moons(noise=0.352, random_state=1, n_samples=100),
# RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0), SVC(kernel=…, degree=…).
AREAS = {
    "rbf": (
        "xstxzzzzyzyzzxvxzzuzuxwxzzwxzzuyvzzzzyxzzxzxztzzzz"
        "zvzzzsxzzzxxzzuwzxyzyxvxzzzwxxzxyzszzzztywzsxzyzzv"
    ),
    "linear": (
        "yvtxzyyzxzxyywuyzzuzvyvzzyvwzzvxvzyzzxwzyxzxztzxzz"
        "zuyyzryxzzxxzuvwyxyzywuvzyzxxxyzxzrzzzztyxztxzxxzv"
    ),
    "3_poly": (
        "zstxzwyvyyxwztuyzztzvxuuzyvxxzwxtzyyzvwzwuzyxpxxzz"
        "xuzyztuuzzwxyxvtzyvzywuwzyzryvyvxztzyzzsxxzryzyxzo"
    ),
    "2_poly": (
        "tqoshrtzsqpoyqsftsswrvquqotnmztwntmrvnsrovtfpgmrtz"
        "ujvxusnswrloxvosxmwtuqpttrtiusxusvqtuulprpwnmrrtvn"
    ),
}
# What that example prints, https://scikit-learn.org/0.24/auto_examples/model_selection/
# plot_grid_search_stats.html: mean area; t, and one-sided p times the six comparisons.
MEAN_AREAS = {"rbf": 0.9400, "linear": 0.9300, "3_poly": 0.9044, "2_poly": 0.6852}
PUBLISHED = [
    ("rbf", "linear", 0.750, 1.000),
    ("rbf", "3_poly", 1.657, 0.302),
    ("rbf", "2_poly", 4.565, 0.000),
    ("linear", "3_poly", 1.111, 0.807),
    ("linear", "2_poly", 4.276, 0.000),
    ("3_poly", "2_poly", 3.851, 0.001),
]


def areas(model):
    return (np.array([ord(letter) for letter in AREAS[model]]) - ord("a")) / 25


@pytest.mark.parametrize("model", AREAS)
def test_the_areas_are_those_of_the_published_example(model):
    assert len(areas(model)) == 100
    assert areas(model).mean() == pytest.approx(MEAN_AREAS[model], abs=5e-5)


@pytest.mark.parametrize(("first", "second", "value", "p"), PUBLISHED)
def test_t_and_p_are_the_published_ones(first, second, value, p):
    found = corrected_t_test(areas(first) - areas(second), 10 / 90)
    # t from the interval, which is mean ± t(0.975) · error
    error = (found.high - found.low) / 2 / t.ppf(0.975, 99)
    assert found.mean / error == pytest.approx(value, abs=5e-4)
    assert min(1, 6 * found.p / 2) == pytest.approx(p, abs=5e-4)
    assert found.n_folds == 100


def test_the_first_published_p_is_met_before_it_is_multiplied():
    # "Corrected t-value: 0.750, corrected p-value: 0.227", one-sided.
    found = corrected_t_test(areas("rbf") - areas("linear"), 10 / 90)
    assert found.p / 2 == pytest.approx(0.227, abs=5e-4)
    assert not found.is_clear


@pytest.mark.parametrize(
    ("first", "second", "published"), [("rbf", "linear", 0.500), ("rbf", "3_poly", 0.882)]
)
def test_the_interval_is_that_of_the_published_posterior(first, second, published):
    # There, the probability that the difference is above 0.01, the lower end of the interval that
    # leaves out the rest on that side.
    level = 1 - 2 * (1 - published)
    found = corrected_t_test(areas(first) - areas(second), 10 / 90, level=level)
    assert found.low == pytest.approx(0.01, abs=2e-4)


def test_a_small_case_by_hand():
    # Mean 0.2, variance 0.01, error² = (1/3 + 1/2) · 0.01; t(0.975, 2) = 4.302653.
    found = corrected_t_test([0.1, 0.2, 0.3], 0.5)
    half = 4.302653 * np.sqrt(5 / 6) * 0.1
    assert tuple(found)[:3] == pytest.approx((0.2, 0.2 - half, 0.2 + half), abs=1e-6)
    assert found.p == pytest.approx(2 * t.sf(0.2 / (np.sqrt(5 / 6) * 0.1), 2))


def test_without_overlap_it_is_the_ordinary_t_test():
    values = np.random.default_rng(0).normal(0.1, 0.3, size=12)
    found, ordinary = corrected_t_test(values, 0.0), ttest_1samp(values, 0)
    interval = ordinary.confidence_interval()
    assert found.p == pytest.approx(ordinary.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_more_repeats_cannot_make_the_interval_as_narrow_as_one_likes():
    values = np.random.default_rng(0).normal(0.1, 0.3, size=10_000)
    found = corrected_t_test(values, 0.25)
    assert found.high - found.low > 2 * 1.9 * 0.5 * values.std()


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_the_level_decides_the_width(level):
    values = [0.1, 0.3, 0.2, 0.5]
    found = corrected_t_test(values, 0.25, level=level)
    error = np.sqrt((1 / 4 + 1 / 4) * np.var(values, ddof=1))
    assert found.high - found.mean == pytest.approx(t.ppf((1 + level) / 2, 3) * error)


def test_turning_the_differences_turns_the_interval():
    values = np.array([0.1, 0.3, -0.2, 0.5])
    there, back = corrected_t_test(values, 0.25), corrected_t_test(-values, 0.25)
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low))
    assert back.p == pytest.approx(there.p)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0] * 5, (0, 0, 0, 1, 5)),
        ([0.25] * 5, (0.25, np.nan, np.nan, np.nan, 5)),
        ([0.3, 0.1 + 0.2], (0.3, np.nan, np.nan, np.nan, 2)),
        ([1e-17, -1e-17], (0, 0, 0, 1, 2)),
    ],
    ids=["none", "always as much", "equal but for rounding", "nothing but rounding"],
)
def test_equal_differences_leave_no_spread_to_test_against(values, expected):
    found = corrected_t_test(values, 0.25)
    np.testing.assert_array_equal(found, (*expected, np.inf, 0))
    assert found.has_spread == (found.mean == 0)
    assert not found.is_clear


@pytest.mark.parametrize(
    ("values", "beyond"),
    [
        ([0.1, 0.2, 0.3], True),
        ([-0.1, -0.2, -0.3], True),
        ([0.1, -0.2, 0.3], False),
        ([0.01, 0.012, 0.02], False),
        ([0.03] * 3, True),
        ([0.3], False),
        ([], False),
    ],
    ids=[
        "more",
        "less",
        "within one error",
        "clear but unnoticed",
        "no spread",
        "one fold",
        "none",
    ],
)
def test_beyond_noise_is_more_than_one_corrected_standard_error_and_than_0_02(values, beyond):
    found = corrected_t_test(values, 0.25)
    if len(values) > 1:
        error = np.sqrt((1 / len(values) + 0.25) * np.var(values, ddof=1))
        assert found.error == pytest.approx(error, abs=1e-12)
        assert beyond == (abs(np.mean(values)) > max(error, 0.02))
    assert found.is_beyond_noise == beyond


def test_the_mean_may_be_that_of_all_folds_together():
    values = [0.1, 0.3, 0.2, 0.5]
    found, usual = corrected_t_test(values, 0.25, mean=0.2), corrected_t_test(values, 0.25)
    assert (found.mean, found.error) == (0.2, usual.error)
    assert found.high - 0.2 == pytest.approx(usual.high - usual.mean)
    assert found.p == pytest.approx(2 * t.sf(0.2 / usual.error, 3))


@pytest.mark.parametrize(
    ("values", "clear"),
    [([0.2, 0.3, 0.25], True), ([-0.2, -0.3, -0.25], True), ([0.2, -0.3, 0.1], False)],
)
def test_a_difference_is_clear_when_the_interval_leaves_0_out(values, clear):
    assert corrected_t_test(values, 0.25).is_clear == clear


@pytest.mark.parametrize("values", [[], [0.7]])
def test_fewer_than_two_folds_say_nothing(values):
    found = corrected_t_test(values, 0.25)
    assert np.isnan([found.low, found.high, found.p]).all()
    assert found.mean == pytest.approx(np.mean(values) if values else np.nan, nan_ok=True)
    assert (found.can_tell, found.is_clear, found.n_folds) == (False, False, len(values))


def test_the_interval_of_a_score_has_the_width_of_the_test_and_the_score_in_its_middle():
    values = np.array([0.4, 0.5, np.nan, 0.6, 0.45])
    test = corrected_t_test(values[np.isfinite(values)], 0.25)
    half = (test.high - test.low) / 2
    assert corrected_interval(0.55, values, 0.25) == pytest.approx((0.55 - half, 0.55 + half))


def test_the_interval_of_a_score_ends_at_0_and_1():
    assert corrected_interval(0.5, [0.0, 1.0, 0.0, 1.0], 0.25) == (0, 1)
    assert np.isnan(corrected_interval(0.5, [np.nan, 0.5], 0.25)).all()
    # Five folds that are alike are no proof that the sixth would be.
    assert np.isnan(corrected_interval(1.0, [1.0] * 5, 0.25)).all()


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (3, 10), (47, 50), (1, 2), (0, 1)])
def test_the_interval_of_a_share_is_scipys_exact_one(hits, n, level):
    exact = binomtest(hits, n).proportion_ci(confidence_level=level, method="exact")
    assert binomial_interval(hits, n, level=level) == pytest.approx((exact.low, exact.high))


def test_without_trials_the_interval_says_nothing():
    assert binomial_interval(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_broken_count_lies_between_those_of_its_neighbours():
    lows, highs = zip(*(binomial_interval(x, 10) for x in (4, 4.5, 5)), strict=True)
    assert list(lows) == sorted(lows)
    assert list(highs) == sorted(highs)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_interval_of_an_average_precision_is_that_of_a_share_of_the_rare_cells(share):
    exact = binomtest(round(20 * share), 20).proportion_ci(method="exact")
    assert average_precision_interval(share, 20) == pytest.approx((exact.low, exact.high))


def test_without_an_average_precision_its_interval_says_nothing():
    assert average_precision_interval(float("nan"), 0) == (0, 1)
