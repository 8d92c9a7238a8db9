"""The share of called cells, and an interval for what chance and the threshold leave open."""

import numpy as np
import pytest
from scipy.stats import binomtest

from core.transfer import called_share


def exact(n_called, n_cells):
    interval = binomtest(n_called, n_cells).proportion_ci(0.95, method="exact")
    return interval.low, interval.high


@pytest.mark.parametrize("threshold", [0.05, 0.15, 0.2, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("width", [0.0, 0.1, 0.4])
def test_the_interval_is_binomial_with_the_stricter_and_the_more_generous_threshold(
    threshold, width
):
    scores = np.random.default_rng(0).beta(0.4, 1.2, 400)
    found = called_share(scores, threshold, width=width)
    below = threshold - width if threshold - width > threshold / 2 else threshold / 2
    sure, called, possible = (
        sum(score >= value for score in scores.tolist())
        for value in (threshold + width, threshold, below)
    )
    assert (found.n_sure, found.n_called, found.n_possible) == (sure, called, possible)
    assert found.share == called / 400
    assert found.low == pytest.approx(exact(sure, 400)[0], abs=1e-9)
    assert found.high == pytest.approx(exact(possible, 400)[1], abs=1e-9)
    assert found.low <= found.share <= found.high


def test_a_score_at_a_threshold_is_above_it():
    found = called_share(np.array([0.6, 0.5, 0.4, 0.39]), 0.5, width=0.1)
    assert (found.n_sure, found.n_called, found.n_possible) == (1, 2, 3)


def test_with_no_cell_or_all_cells_called_the_interval_ends_at_0_or_1():
    none = called_share(np.zeros(70), 0.5)
    assert (none.share, none.low) == (0, 0)
    assert none.high == pytest.approx(exact(0, 70)[1])
    everyone = called_share(np.ones(70), 0.5)
    assert (everyone.share, everyone.high) == (1, 1)
    assert everyone.low == pytest.approx(exact(70, 70)[0])


def test_plain_values_come_back_that_json_can_hold():
    found = called_share(np.array([0.6, 0.5, 0.4, 0.39]), 0.5)
    assert {type(value) for value in vars(found).values()} == {int, float}
