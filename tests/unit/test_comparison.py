"""Comparisons of methods against a bootstrap that draws cell by cell, and against chance."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from core.comparison import OutOfFold, chance_f1, compare, f1_difference


def slow_difference(first, second, is_rare, *, n_resamples, seed):
    """Draw cells one set after the other, count, and let scikit-learn say F1."""
    rng = np.random.default_rng(seed)
    rare, other = np.flatnonzero(is_rare), np.flatnonzero(~is_rare)
    found = []
    for _ in range(n_resamples):
        drawn = np.concatenate([rng.choice(rare, len(rare)), rng.choice(other, len(other))])
        found.append(weighted_f1(first[drawn], is_rare[drawn]))
        found[-1] -= weighted_f1(second[drawn], is_rare[drawn])
    return np.quantile(found, [0.025, 0.975])


def weighted_f1(share, truth):
    """F1 when every cell is called with the weight `share` and not called with the rest."""
    return f1_score(
        np.concatenate([truth, truth]),
        np.repeat([True, False], len(truth)),
        sample_weight=np.concatenate([share, 1 - share]),
    )


def calls(n_rare, n_other, recall, precision_loss, seed):
    """Shares of five calls; good at the rare cells, now and then wrong at others."""
    rng = np.random.default_rng(seed)
    rate = np.where(np.arange(n_rare + n_other) < n_rare, recall, precision_loss)
    return rng.binomial(5, rate) / 5


@pytest.mark.parametrize(
    ("n_rare", "n_other", "good", "poor"),
    [
        (10, 200, (0.9, 0.01), (0.6, 0.02)),
        (30, 60, (0.7, 0.2), (0.6, 0.1)),
        (8, 50, (1, 0), (0, 0)),
    ],
    ids=["rare", "false calls", "all and nothing"],
)
def test_the_interval_is_that_of_drawing_cells_one_by_one(n_rare, n_other, good, poor):
    is_rare = np.arange(n_rare + n_other) < n_rare
    first, second = calls(n_rare, n_other, *good, seed=1), calls(n_rare, n_other, *poor, seed=2)
    found = f1_difference(first, second, is_rare, seed=0, n_resamples=20_000)
    slow = slow_difference(first, second, is_rare, n_resamples=500, seed=3)
    expected = weighted_f1(first, is_rare) - weighted_f1(second, is_rare)
    assert found.value == pytest.approx(expected)
    np.testing.assert_allclose([found.low, found.high], slow, atol=0.03)


def test_the_order_of_methods_turns_the_sign_and_the_seed_decides_the_draws():
    is_rare = np.arange(200) < 10
    first, second = calls(10, 190, 0.9, 0.02, seed=1), calls(10, 190, 0.6, 0.02, seed=2)
    there = f1_difference(first, second, is_rare, seed=0)
    back = f1_difference(second, first, is_rare, seed=0)
    assert back.value == -there.value
    np.testing.assert_allclose([back.low, back.high], [-there.high, -there.low], atol=0.03)
    assert there == f1_difference(first, second, is_rare, seed=0)


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_a_method_differs_in_nothing_from_itself(share):
    made = np.full(30, share)
    assert f1_difference(made, made, np.arange(30) < 5, seed=0) == (0, 0, 0)


def test_methods_that_found_as_many_but_other_cells_do_not_differ():
    is_rare = np.arange(40) < 10
    first, second = is_rare & (np.arange(40) < 8), is_rare & (np.arange(40) >= 2)
    value, low, high = f1_difference(first * 1.0, second * 1.0, is_rare, seed=0)
    assert value == 0
    assert low < 0 < high


def test_one_cell_of_ten_is_no_clear_difference_and_four_of_ten_are_one():
    is_rare = np.arange(100) < 10
    found_all = is_rare * 1.0
    one_less, four_less = found_all.copy(), found_all.copy()
    one_less[0] = four_less[:4] = 0
    assert f1_difference(found_all, one_less, is_rare, seed=0).low == 0
    assert f1_difference(found_all, four_less, is_rare, seed=0).low > 0


def test_one_false_call_is_no_clear_difference_and_five_are_one():
    is_rare = np.arange(100) < 10
    without = is_rare * 1.0
    one, five = without.copy(), without.copy()
    one[-1:] = five[-5:] = 1
    assert f1_difference(without, one, is_rare, seed=0).low == 0
    few = f1_difference(without, five, is_rare, seed=0)
    assert 0 < few.low < few.value < few.high


def test_the_order_in_which_fractions_are_added_makes_no_difference():
    first = np.array([0.1, 0.2, 0.3])
    assert first.sum() != first[::-1].sum()
    assert f1_difference(first, first[::-1], first > 0, seed=0).value == 0


def test_without_rare_cells_nothing_is_known_and_without_others_f1_is_that_of_recall():
    nothing = np.zeros(5)
    assert f1_difference(nothing, nothing, nothing > 0, seed=0) == (0, -1, 1)
    found = f1_difference(nothing + 1, nothing, nothing == 0, seed=0)
    assert found == (1, 1, 1)


def out_of_fold(scores, cells=None, n_repeats=1):
    """Scores of cells, of which the first five rows of the dataset are rare."""
    cells = np.arange(len(scores)) if cells is None else np.asarray(cells)
    return OutOfFold(
        repeat=np.repeat(np.arange(n_repeats), len(cells) // n_repeats),
        cells=cells,
        is_rare=cells < 5,
        scores=np.asarray(scores, dtype=float),
    )


def test_a_cell_counts_once_with_the_mean_of_its_calls_at_one_half():
    made = out_of_fold([0.5, 0.9, 0.4, 0.49, 0.7, 0.1], [7, 2, 9, 2, 7, 9], n_repeats=2).per_cell()
    assert made["calls"].to_dict() == {2: 0.5, 7: 1.0, 9: 0.0}
    assert made["is_rare"].to_dict() == {2: True, 7: False, 9: False}


def test_repeating_the_same_calls_does_not_make_the_interval_narrower():
    good, poor = [0.9] * 5 + [0.1] * 20, [0.9] * 3 + [0.1] * 22
    once = compare(out_of_fold(good), out_of_fold(poor), seed=0)
    often = [
        out_of_fold(np.tile(scores, 10), np.tile(np.arange(25), 10), n_repeats=10)
        for scores in (good, poor)
    ]
    assert compare(*often, seed=0) == once
    assert once.value == pytest.approx(1 - 2 * 3 / (3 + 5))


def test_methods_are_compared_on_the_cells_that_both_have_met():
    first = out_of_fold([0.9] * 5 + [0.1] * 20)
    second = out_of_fold([0.9] * 4 + [0.1] * 10, [0, 1, 2, 3, *range(10, 20)])
    assert compare(first, second, seed=0) == (0, 0, 0)


@pytest.mark.parametrize("n_rare", [1, 10, 50, 99, 100])
def test_chance_is_what_scikit_learn_says_of_calling_every_cell(n_rare):
    truth = np.arange(100) < n_rare
    assert chance_f1(n_rare / 100) == pytest.approx(f1_score(truth, np.ones(100, dtype=bool)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_calls_without_knowledge_reach_no_more_than_chance(share):
    prevalence = 0.02
    tp, fp, fn = prevalence * share, (1 - prevalence) * share, prevalence * (1 - share)
    assert 2 * tp / (2 * tp + fp + fn) < chance_f1(prevalence)
