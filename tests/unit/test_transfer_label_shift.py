"""Shares against closed forms, against cells drawn with a known one, and against EM."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, chi2, norm

from core.calibration import shift_prior
from core.errors import ParameterError
from core.transfer.label_shift import em_share, estimate_share


def probabilities_of(ratios, trained=0.5):
    odds = np.asarray(ratios, dtype=float) * trained / (1 - trained)
    return odds / (1 + odds)


def drawn(share, n=500, seed=0, trained=0.3, apart=2.0):
    """Probabilities of cells of two Gaussians, by Bayes at `trained`, where `share` are rare."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n) + apart * (rng.random(n) < share)
    rare, other = trained * norm(apart).pdf(values), (1 - trained) * norm.pdf(values)
    return rare / (rare + other)


# Closed forms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trained", [0.5, 0.02])
def test_of_perfectly_separated_cells_the_share_is_the_count(trained):
    found = estimate_share(np.repeat([1.0, 0.0], [3, 97]), trained_share=trained)
    assert found.share == pytest.approx(0.03, rel=1e-5)
    np.testing.assert_allclose(found.probabilities, np.repeat([1.0, 0.0], [3, 97]), atol=1e-6)
    # The likelihood is the binomial one at both ends of the interval.
    for end in (found.low, found.high):
        below = 3 * np.log(0.03 / end) + 97 * np.log(0.97 / (1 - end))
        assert 2 * below == pytest.approx(chi2.ppf(0.95, 1), rel=1e-4)
    assert found.low < 0.03 < found.high


def test_none_or_all_of_separated_cells_are_the_ends():
    # (1 − π)ⁿ, and πⁿ, have fallen to exp(−1.92).
    drop = np.exp(-chi2.ppf(0.95, 1) / 2 / 50)
    none, all_ = (estimate_share(np.full(50, p), trained_share=0.5) for p in (0.0, 1.0))
    assert (none.share, none.low, none.high) == (0, 0, pytest.approx(1 - drop, rel=1e-6))
    assert (all_.share, all_.low, all_.high) == (1, pytest.approx(drop, rel=1e-6), 1)
    assert (none.probabilities == 0).all()
    assert (all_.probabilities == 1).all()


@pytest.mark.parametrize(("high", "low", "n_high", "n_low"), [(4, 0.5, 30, 70), (9, 0.1, 20, 60)])
@pytest.mark.parametrize("trained", [0.5, 0.1])
def test_two_ratios_have_a_share_in_closed_form(high, low, n_high, n_low, trained):
    # n₁A / (1 + πA) + n₀B / (1 + πB) = 0 with A = r₁ − 1 and B = r₀ − 1.
    A, B, n = high - 1, low - 1, n_high + n_low
    expected = -(n_high * A + n_low * B) / (n * A * B)
    assert 0 < expected < 1
    ratios = np.repeat([float(high), float(low)], [n_high, n_low])
    found = estimate_share(probabilities_of(ratios, trained), trained_share=trained)
    assert found.share == pytest.approx(expected, rel=1e-9)
    for end in (found.low, found.high):
        assert 0 < end < 1
        below = np.log1p(expected * (ratios - 1)).sum() - np.log1p(end * (ratios - 1)).sum()
        assert 2 * below == pytest.approx(3.8415, abs=1e-3)


def test_two_ratios_that_point_beyond_an_end_give_the_end():
    rare = estimate_share(probabilities_of([3.0] * 9 + [0.9]), trained_share=0.5)
    other = estimate_share(probabilities_of([1.1] + [0.3] * 9), trained_share=0.5)
    assert (rare.share, rare.high) == (1, 1)
    assert (other.share, other.low) == (0, 0)
    assert rare.low > 0
    assert other.high < 1


@pytest.mark.parametrize("n", [0, 1, 100])
@pytest.mark.parametrize("trained", [0.5, 0.07])
def test_cells_that_say_nothing_leave_every_share_possible(n, trained):
    found = estimate_share(np.full(n, trained), trained_share=trained)
    assert (found.share, found.low, found.high) == (trained, 0, 1)
    assert (found.probabilities == trained).all()
    assert len(found.probabilities) == n


# Cells drawn ------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.005, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("trained", [0.5, 0.05])
def test_the_share_of_drawn_cells_is_found(share, trained):
    p = drawn(share, n=100_000, seed=1, trained=trained)
    found = estimate_share(p, trained_share=trained)
    assert found.share == pytest.approx(share, abs=0.005)
    assert found.low < share < found.high
    assert found.high - found.low < 0.02


def test_the_interval_covers_about_95_percent():
    found = [estimate_share(drawn(0.1, seed=seed), trained_share=0.3) for seed in range(200)]
    assert 0.90 <= np.mean([one.low <= 0.1 <= one.high for one in found]) <= 0.99
    assert np.mean([one.share for one in found]) == pytest.approx(0.1, abs=0.005)
    assert all(0 <= one.low <= one.share <= one.high <= 1 for one in found)


def test_no_share_on_a_grid_is_more_likely_and_the_interval_holds_the_likely_ones():
    p = drawn(0.1)
    found = estimate_share(p, trained_share=0.3)
    grid = np.linspace(0, 1, 2001)
    ratio = p / (1 - p) * 0.7 / 0.3
    likelihood = np.log(grid[:, None] * ratio + 1 - grid[:, None]).sum(axis=1)
    assert found.share == pytest.approx(grid[likelihood.argmax()], abs=1 / 2000)
    likely = grid[2 * (likelihood.max() - likelihood) <= chi2.ppf(0.95, 1)]
    assert (found.low, found.high) == (
        pytest.approx(likely.min(), abs=1 / 1000), pytest.approx(likely.max(), abs=1 / 1000),
    )  # fmt: skip


def test_with_apart_types_the_interval_is_about_the_binomial_one():
    found = estimate_share(drawn(0.1, n=1000, apart=12.0), trained_share=0.3)
    hits = round(found.share * 1000)
    assert found.share == pytest.approx(hits / 1000, abs=1e-4)
    exact = beta.ppf([0.025, 0.975], [hits, hits + 1], [1001 - hits, 1000 - hits])
    np.testing.assert_allclose([found.low, found.high], exact, atol=0.002)


# EM and probabilities ---------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.03, 0.4])
def test_em_climbs_to_the_most_likely_share_and_stays(share):
    p = drawn(share)
    found = estimate_share(p, trained_share=0.3)
    now = 0.3
    for _ in range(2000):
        now = em_share(p, trained_share=0.3, share=now)
    assert now == pytest.approx(found.share, abs=1e-8)
    assert em_share(p, trained_share=0.3, share=found.share) == pytest.approx(found.share)


def test_a_step_is_the_mean_of_the_shifted_probabilities():
    p = drawn(0.1)
    step = em_share(p, trained_share=0.3, share=0.12)
    assert step == pytest.approx(shift_prior(p, trained_share=0.3, share=0.12).mean(), rel=1e-12)
    assert em_share(p, trained_share=0.3, share=0.3) == pytest.approx(p.mean(), rel=1e-12)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_em_never_leaves_an_end(end):
    assert em_share([0.0, 0.4, 1.0], trained_share=0.3, share=end) == end


def test_probabilities_are_those_at_the_share_and_their_mean_is_it():
    p = drawn(0.1)
    found = estimate_share(p, trained_share=0.3)
    np.testing.assert_allclose(
        found.probabilities, shift_prior(p, trained_share=0.3, share=found.share), rtol=1e-9
    )
    assert found.probabilities.mean() == pytest.approx(found.share, rel=1e-9)


def test_one_certain_cell_does_not_rule_out_any_share_between():
    found = estimate_share([1.0, 0.0, 0.5, 0.5], trained_share=0.5)
    assert found.share == pytest.approx(0.5, abs=1e-6)
    assert np.isfinite([found.low, found.high, *found.probabilities]).all()


@pytest.mark.parametrize(
    ("p", "trained", "match"),
    [
        ([0.5], 0, "`trained_share` must be a number above 0 and below 1. Got 0"),
        ([0.5], 1.0, "`trained_share` must be"),
        ([0.5], float("nan"), "`trained_share` must be"),
        ([0.5, 1.1], 0.5, "`probabilities` must be one number from 0 to 1 per cell"),
        ([0.5, np.nan], 0.5, "`probabilities` must be"),
        ([[0.5]], 0.5, "`probabilities` must be"),
    ],
)
def test_what_is_no_probability_is_refused(p, trained, match):
    for estimate in (estimate_share, lambda p, **shares: em_share(p, share=0.5, **shares)):
        with pytest.raises(ParameterError, match=match) as caught:
            estimate(p, trained_share=trained)
        assert caught.value.code == "E-PARAMETER"


def test_em_needs_a_share_and_cells():
    with pytest.raises(ParameterError, match=r"`share` must be a number from 0 to 1\. Got 1.5"):
        em_share([0.5], trained_share=0.5, share=1.5)
    with pytest.raises(ParameterError, match="`probabilities` must be of at least one cell"):
        em_share([], trained_share=0.5, share=0.5)
