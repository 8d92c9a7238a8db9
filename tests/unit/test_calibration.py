"""Probabilities against Bayes' theorem with known densities, bins against a count by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import binomtest, norm
from sklearn.metrics import brier_score_loss

from core.calibration import brier_score, expected_calibration_error, reliability, shift_prior
from core.errors import ParameterError

VALUES = np.linspace(-6, 7, 200)


def posterior(share):
    """Probability of the rare type at each value when `share` of all cells are rare."""
    rare, other = norm(1.5, 1).pdf(VALUES), norm(0, 1).pdf(VALUES)
    return share * rare / (share * rare + (1 - share) * other)


@pytest.mark.parametrize("trained", [0.5, 0.1, 0.8])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.0001])
def test_the_posterior_under_one_prior_becomes_that_under_the_other(trained, share):
    shifted = shift_prior(posterior(trained), trained_share=trained, share=share)
    np.testing.assert_allclose(shifted, posterior(share), rtol=1e-9)


def test_it_is_one_shift_of_all_log_odds():
    scores = np.linspace(0.01, 0.99, 50)
    shifted = shift_prior(scores, trained_share=0.5, share=0.02)
    np.testing.assert_allclose(logit(shifted) - logit(scores), logit(0.02) - logit(0.5))


def test_the_same_share_changes_nothing_and_going_there_and_back_neither():
    scores = np.linspace(0, 1, 101)
    same = shift_prior(scores, trained_share=0.3, share=0.3)
    np.testing.assert_allclose(same, scores, atol=1e-15)
    there = shift_prior(scores, trained_share=0.5, share=0.02)
    np.testing.assert_allclose(shift_prior(there, trained_share=0.02, share=0.5), scores)


def test_certainty_stays_and_the_order_is_kept():
    shifted = shift_prior(np.linspace(0, 1, 101), trained_share=0.5, share=1e-6)
    assert (shifted[0], shifted[-1]) == (0, 1)
    assert (np.diff(shifted) > 0).all()


def test_every_score_has_the_share_of_its_own_training_and_without_one_stays():
    scores = np.array([0.5, 0.5, 0.5])
    shifted = shift_prior(scores, trained_share=np.array([0.5, np.nan, 0.02]), share=0.02)
    np.testing.assert_allclose(shifted, [0.02, 0.5, 0.5])
    np.testing.assert_array_equal(
        shift_prior(scores, trained_share=float("nan"), share=0.02), scores
    )


@pytest.mark.parametrize(
    ("shares", "match"),
    [
        ({"trained_share": 0.5, "share": 0}, "`share` must be a number above 0 and below 1. Got 0"),
        ({"trained_share": 0.5, "share": 1.0}, "`share` must be"),
        ({"trained_share": 1.0, "share": 0.5}, "`trained_share` must be above 0 and below 1"),
        ({"trained_share": np.array([0.5, 0.0]), "share": 0.5}, "`trained_share` must be"),
    ],
)
def test_shares_without_one_of_the_types_are_refused(shares, match):
    with pytest.raises(ParameterError, match=match) as caught:
        shift_prior(np.array([0.2, 0.3]), **shares)
    assert caught.value.code == "E-PARAMETER"


# Reliability ------------------------------------------------------------------------------------


def test_bins_are_those_of_a_count_by_hand():
    # Sums: 8 × 0.125 = 1, then 0.5 + 0.5 = 1; middles of the groups at 1/4 and 3/4 of the whole.
    probabilities = np.array([0.125] * 8 + [0.5] * 2)
    truth = np.array([True] + [False] * 7 + [True, True])
    table = reliability(truth, probabilities, n_bins=2)
    assert table[["low", "high", "predicted"]].to_numpy().tolist() == [
        [0.125] * 3, [0.5] * 3,
    ]  # fmt: skip
    assert table["observed"].tolist() == [1 / 8, 1.0]
    assert table[["n", "n_rare"]].to_numpy().tolist() == [[8, 1], [2, 2]]
    for row, (hits, n) in zip(table.itertuples(), [(1, 8), (2, 2)], strict=True):
        exact = binomtest(hits, n).proportion_ci(method="exact")
        assert (row.observed_low, row.observed_high) == pytest.approx((exact.low, exact.high))


def drawn(n=20_000, seed=0, bend=1.0):
    """Cells that are rare as often as their probability (to the power of `bend`) says."""
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(0.05, 2, size=n)
    return rng.random(n) < probabilities**bend, probabilities


def test_every_bin_promises_about_as_many_rare_cells():
    truth, probabilities = drawn()
    table = reliability(truth, probabilities)
    promised = table["predicted"] * table["n"]
    assert len(table) == 10
    assert promised.max() < 1.1 * promised.min()
    assert table["n"].iloc[0] > 20 * table["n"].iloc[-1]
    assert table["n"].sum() == len(truth)
    assert table["n_rare"].sum() == truth.sum()
    assert (table["low"].iloc[1:].to_numpy() >= table["high"].iloc[:-1].to_numpy()).all()


def test_right_probabilities_are_within_the_intervals_and_wrong_ones_are_not():
    right, wrong = reliability(*drawn()), reliability(*drawn(bend=2.0))

    def within(table):
        inside = table["predicted"].between(table["observed_low"], table["observed_high"])
        return inside.mean()

    assert within(right) >= 0.8
    assert within(wrong) < 0.4


def test_truth_has_no_say_in_the_borders():
    truth, probabilities = drawn()
    shuffled = np.random.default_rng(1).permutation(truth)
    borders = ["low", "high", "predicted", "n"]
    one, other = (reliability(labels, probabilities)[borders] for labels in (truth, shuffled))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(("n_rare", "n_bins"), [(2, 2), (10, 5), (17, 8), (100, 10)])
def test_few_rare_cells_make_few_bins(n_rare, n_bins):
    probabilities = np.linspace(0.01, 0.99, 1000)
    assert len(reliability(np.arange(1000) < n_rare, probabilities)) == n_bins


def test_cells_tested_five_times_make_no_interval_narrower():
    probabilities = np.array([0.2] * 10 + [0.7] * 10)
    truth = np.array([True] * 3 + [False] * 7 + [True] * 6 + [False] * 4)
    once = reliability(truth, probabilities)
    often = reliability(np.tile(truth, 5), np.tile(probabilities, 5), times=5)
    assert often["n"].tolist() == [50, 50]
    for end in ("observed_low", "observed_high"):
        np.testing.assert_allclose(often[end], once[end])


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_equal_probabilities_stay_together(value):
    table = reliability(np.arange(20) < 5, np.full(20, value))
    assert table[["low", "high", "n", "n_rare"]].to_numpy().tolist() == [[value, value, 20, 5]]


def test_nothing_to_compare_is_refused():
    with pytest.raises(ParameterError, match="`is_rare` must be of at least one cell"):
        reliability(np.array([], dtype=bool), np.array([]))
    with pytest.raises(ParameterError, match=r"`n_bins` must be 2 or more\. Got 1"):
        reliability(np.array([True]), np.array([0.5]), n_bins=1)


# Errors -----------------------------------------------------------------------------------------


def test_the_brier_score_is_scikit_learns_and_so_is_its_reference():
    truth, probabilities = drawn(500)
    found = brier_score(truth, probabilities)
    assert found.value == pytest.approx(brier_score_loss(truth, probabilities))
    always = np.full(500, truth.mean())
    assert found.reference == pytest.approx(brier_score_loss(truth, always))
    assert found.skill == pytest.approx(1 - found.value / found.reference)
    assert found.skill > 0.1


def test_a_perfect_forecast_has_all_skill_and_the_reference_none():
    truth = np.arange(50) < 5
    assert brier_score(truth, truth.astype(float)) == (0, pytest.approx(0.09))
    assert brier_score(truth, truth.astype(float)).skill == 1
    assert brier_score(truth, np.full(50, 0.1)).skill == pytest.approx(0)
    assert np.isnan(brier_score(truth[:5], np.ones(5)).skill)


def test_the_calibration_error_is_the_mean_distance_over_cells():
    probabilities = np.array([0.125] * 8 + [0.5] * 2)
    truth = np.array([True] + [False] * 7 + [True, True])
    table = reliability(truth, probabilities, n_bins=2)
    assert expected_calibration_error(table) == pytest.approx((8 * 0 + 2 * 0.5) / 10)


def test_shifting_the_prior_repairs_scores_of_a_classifier_trained_on_equal_parts():
    rng = np.random.default_rng(0)
    truth = rng.random(40_000) < 0.02
    values = rng.normal(size=truth.size) + 1.5 * truth
    scores = 1 / (1 + np.exp(-(1.5 * values - 1.5**2 / 2)))  # Bayes at equal parts
    shifted = shift_prior(scores, trained_share=0.5, share=0.02)
    assert brier_score(truth, shifted).skill > 0 > brier_score(truth, scores).skill
    before, after = (expected_calibration_error(reliability(truth, p)) for p in (scores, shifted))
    assert after < 0.005 < before
