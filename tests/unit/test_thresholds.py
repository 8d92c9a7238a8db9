"""Thresholds against every candidate that scikit-learn knows, and none that its own cells chose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import (
    f1_score,
    fbeta_score,
    precision_recall_curve,
    precision_score,
    recall_score,
)

from core.config import GOALS
from core.errors import ParameterError
from core.evaluation import DECISION
from core.query_outlook import Counts, in_query
from core.thresholds import FIXED, choose_threshold, crossfit_calls, threshold_at


def drawn(n_rare, n_other, *, skill=1.0, decimals=2, seed=0):
    """Truth and scores, 0–1, with many equal ones when rounded to few decimals."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n_rare + n_other) < n_rare)
    scores = 1 / (1 + np.exp(-rng.normal(size=truth.size) - skill * truth + 1))
    return truth, np.round(scores, decimals)


def every_threshold(truth, scores):
    """Precision and recall of calling from every score that there is, by scikit-learn."""
    precision, recall, _ = precision_recall_curve(truth, scores)
    return precision[:-1], recall[:-1]


def f_beta(precision, recall, beta):
    return (1 + beta**2) * precision * recall / np.maximum(beta**2 * precision + recall, 1e-300)


SITUATIONS = [
    dict(n_rare=10, n_other=200),
    dict(n_rare=30, n_other=60, decimals=1),
    dict(n_rare=12, n_other=300, skill=3.0),
    dict(n_rare=5, n_other=40, skill=-1.0),
    dict(n_rare=40, n_other=10, decimals=1),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("made", SITUATIONS, ids=["rare", "ties", "easy", "upside down", "many"])
class TestAgainstEveryCandidate:
    def test_f1_and_f2_are_the_highest_there_are(self, made, seed):
        truth, scores = drawn(**made, seed=seed)
        for goal, beta in (("f1", 1), ("f2", 2)):
            best = f_beta(*every_threshold(truth, scores), beta).max()
            value = choose_threshold(truth, scores, goal).value
            assert fbeta_score(truth, scores >= value, beta=beta) == pytest.approx(best)

    @pytest.mark.parametrize("least", [0.9, 0.5, 1.0])
    def test_recall_is_the_highest_that_keeps_the_precision_asked_for(self, made, seed, least):
        truth, scores = drawn(**made, seed=seed)
        precision, recall = every_threshold(truth, scores)
        found = choose_threshold(truth, scores, "precision", least=least)
        assert found.reached == (precision >= least).any()
        if found.reached:
            assert found.recall == pytest.approx(recall[precision >= least].max())
            assert found.precision >= least
        else:
            assert found.precision == pytest.approx(precision.max())

    @pytest.mark.parametrize("least", [0.9, 0.5, 1.0])
    def test_precision_is_the_highest_that_keeps_the_recall_asked_for(self, made, seed, least):
        truth, scores = drawn(**made, seed=seed)
        precision, recall = every_threshold(truth, scores)
        found = choose_threshold(truth, scores, "recall", least=least)
        assert found.reached
        assert found.recall >= least
        assert found.precision == pytest.approx(precision[recall >= least].max())

    @pytest.mark.parametrize("goal", GOALS)
    def test_what_a_threshold_says_of_its_calls_is_what_scikit_learn_says(self, made, seed, goal):
        truth, scores = drawn(**made, seed=seed)
        found = choose_threshold(truth, scores, goal)
        called = scores >= found.value
        assert found.precision == pytest.approx(precision_score(truth, called, zero_division=0))
        assert found.recall == pytest.approx(recall_score(truth, called))
        assert found.f1 == pytest.approx(f1_score(truth, called, zero_division=0))
        assert (found.n_rare, found.n_other) == (truth.sum(), (~truth).sum())
        assert (found.tp, found.fp) == ((called & truth).sum(), (called & ~truth).sum())
        assert found.goal == goal

    @pytest.mark.parametrize("goal", ["f1", "f2", "precision", "recall"])
    def test_it_lies_half_way_between_neighbouring_scores(self, made, seed, goal):
        truth, scores = drawn(**made, seed=seed)
        value = choose_threshold(truth, scores, goal).value
        known = np.unique(np.append(scores, 0.0))
        assert np.isclose(value, (known[1:] + known[:-1]) / 2, atol=1e-12).any()


def choose(rare, other, goal="f1", **settings):
    """Choose on the scores of some rare and some other cells."""
    truth = np.arange(len(rare) + len(other)) < len(rare)
    return choose_threshold(truth, np.array([*rare, *other], dtype=float), goal, **settings)


def test_of_equally_good_ones_the_widest_gap_is_taken():
    # F1 is 2/3 when 0.9 alone is called (0.1 above the next), and when all are (0.5 above 0).
    found = choose([0.9, 0.5], [0.8, 0.7])
    assert found.f1 == pytest.approx(2 / 3)
    assert found.value == pytest.approx(0.25)
    # Now the first has 0.4 below it, the last 0.2.
    assert choose([0.9, 0.2], [0.5, 0.4]).value == pytest.approx(0.7)


def test_of_equally_good_ones_in_equal_gaps_the_one_of_higher_recall_is_taken():
    found = choose([0.875, 0.25], [0.625, 0.5])
    assert found.value == pytest.approx(0.125)
    assert found.recall == 1


@pytest.mark.parametrize(
    ("goal", "value"),
    [("f1", 0.55), ("f2", 0.55), ("precision", 0.55), ("recall", 0.55), ("fixed", 0.5)],
)
def test_perfect_separation_is_cut_in_the_middle(goal, value):
    found = choose([0.9, 0.8], [0.3, 0.1], goal)
    assert found.value == pytest.approx(value)
    assert (found.precision, found.recall, found.f1, found.reached) == (1, 1, 1, True)


@pytest.mark.parametrize("goal", ["f1", "f2", "recall"])
def test_when_all_scores_are_equal_all_cells_are_called(goal):
    found = choose([0.4] * 2, [0.4] * 8, goal)
    assert (found.value, found.recall, found.precision) == (0.2, 1, 0.2)


def test_a_precision_out_of_reach_is_not_reached_and_the_highest_is_taken():
    found = choose([0.8, 0.6, 0.5], [0.9, 0.4, 0.3], "precision")
    assert not found.reached
    assert found.precision == 3 / 4
    assert found.value == pytest.approx(0.45)


def test_of_thresholds_with_one_precision_that_is_not_enough_the_one_of_higher_recall_is_taken():
    found = choose([0.8, 0.6], [0.9, 0.7], "precision")
    assert (found.precision, found.recall, found.reached) == (0.5, 1, False)


def test_nine_of_ten_are_at_least_ninety_percent():
    found = choose([0.9] * 9, [0.9], "precision")
    assert (found.precision, found.reached) == (0.9, True)


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("n_other", [0, 4])
def test_without_rare_cells_there_is_nothing_to_choose_on(goal, n_other):
    found = choose([], np.linspace(0.1, 0.9, n_other), goal)
    assert found.value == 0.5
    assert found.reached == (goal == "fixed")
    assert (found.n_rare, found.tp, found.recall, found.f1) == (0, 0, 0, 0)


def test_without_other_cells_all_are_called():
    found = choose([0.2, 0.9], [], "f1")
    assert (found.value, found.f1) == (0.1, 1)


@pytest.mark.parametrize("upper", [1.0, 0.5, 5e-324])
def test_scores_that_differ_in_their_last_bit_are_told_apart(upper):
    lower = np.nextafter(upper, 0)
    found = choose([upper], [lower])
    assert (found.tp, found.fp) == (1, 0)


def test_a_score_of_0_is_called_when_all_are():
    assert choose([0.0], [0.0]).tp == 1


def test_the_order_of_cells_makes_no_difference():
    truth, scores = drawn(10, 100)
    order = np.random.default_rng(1).permutation(len(truth))
    for goal in GOALS:
        assert choose_threshold(truth[order], scores[order], goal) == choose_threshold(
            truth, scores, goal
        )


def test_a_threshold_of_ones_own_says_what_it_does():
    truth, scores = drawn(10, 100)
    own = threshold_at(truth, scores, 0.3)
    assert (own.goal, own.value, own.tp) == ("fixed", 0.3, (truth & (scores >= 0.3)).sum())


def test_the_fixed_threshold_is_the_one_that_folds_are_counted_at():
    assert FIXED == DECISION


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"goal": "accuracy"}, "`goal` must be one of f1, f2, precision, recall, fixed"),
        ({"goal": "recall", "least": 0}, "`least` must be a number above 0, at most 1. Got 0"),
        ({"goal": "recall", "least": 1.1}, "`least` must be"),
    ],
)
def test_unknown_goals_and_impossible_shares_are_refused(settings, match):
    truth, scores = drawn(5, 20)
    with pytest.raises(ParameterError, match=match) as caught:
        choose_threshold(truth, scores, **settings)
    assert caught.value.code == "E-PARAMETER"
    with pytest.raises(ParameterError, match=match):
        crossfit_calls(np.zeros(25), np.zeros(25), truth, scores, **settings)


# Chosen on other folds --------------------------------------------------------------------------


def folds_of(n_rare, n_other, *, n_repeats=2, n_folds=4, **settings):
    """Repeat, fold, truth and score of cells that each repeat deals out anew."""
    parts = []
    for repeat in range(n_repeats):
        truth, scores = drawn(n_rare, n_other, seed=repeat, **settings)
        fold = np.random.default_rng(repeat).permutation(np.arange(len(truth)) % n_folds)
        parts.append((np.full(len(truth), repeat), fold, truth, scores))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


@pytest.mark.parametrize("goal", GOALS)
def test_every_fold_is_called_by_what_the_other_folds_of_its_repeat_choose(goal):
    repeat, fold, truth, scores = folds_of(12, 100)
    thresholds, called = crossfit_calls(repeat, fold, truth, scores, goal)
    for one in range(2):
        for part in range(4):
            others = (repeat == one) & (fold != part)
            expected = choose_threshold(truth[others], scores[others], goal).value
            assert set(thresholds[(repeat == one) & (fold == part)]) == {expected}
    np.testing.assert_array_equal(called, scores >= thresholds)
    assert (len(np.unique(thresholds)) > 1) == (goal != "fixed")


@pytest.mark.parametrize("goal", ["f1", "f2", "precision", "recall"])
def test_cells_have_no_say_in_the_threshold_they_are_called_by(goal):
    repeat, fold, truth, scores = folds_of(12, 100)
    mine = (repeat == 1) & (fold == 2)
    before, _ = crossfit_calls(repeat, fold, truth, scores, goal)
    rng = np.random.default_rng(5)
    scores[mine], truth[mine] = rng.random(mine.sum()), rng.random(mine.sum()) < 0.5
    after, _ = crossfit_calls(repeat, fold, truth, scores, goal)
    np.testing.assert_array_equal(after[mine], before[mine])
    assert (after[(repeat == 1) & ~mine] != before[(repeat == 1) & ~mine]).any()
    np.testing.assert_array_equal(after[repeat == 0], before[repeat == 0])


def test_the_order_of_folds_makes_no_difference():
    repeat, fold, truth, scores = folds_of(12, 100)
    order = np.random.default_rng(3).permutation(len(truth))
    before, _ = crossfit_calls(repeat, fold, truth, scores, "f1")
    after, _ = crossfit_calls(repeat[order], fold[order], truth[order], scores[order], "f1")
    np.testing.assert_array_equal(after, before[order])


def test_a_fold_that_is_alone_so_far_is_called_at_one_half():
    truth, scores = drawn(5, 50, skill=4)
    thresholds, called = crossfit_calls(np.zeros(55), np.zeros(55), truth, scores, "f1")
    assert set(thresholds) == {0.5}
    np.testing.assert_array_equal(called, scores >= 0.5)


def test_where_other_folds_have_no_rare_cell_the_threshold_is_one_half():
    truth, scores = drawn(5, 50, skill=4)
    fold = np.where(truth, 0, np.arange(55) % 3)
    thresholds, _ = crossfit_calls(np.zeros(55), fold, truth, scores, "f1")
    assert set(thresholds[fold == 0]) == {0.5}
    chosen = choose_threshold(truth[fold != 1], scores[fold != 1], "f1").value
    assert set(thresholds[fold == 1]) == {chosen}


def test_on_noise_calls_are_no_better_than_chance_where_a_threshold_for_itself_seems_to_be():
    own, crossed = [], []
    for seed in range(60):
        truth, scores = drawn(10, 190, skill=0, decimals=6, seed=seed)
        fold = np.random.default_rng(seed).permutation(np.arange(200) % 5)
        called = crossfit_calls(np.zeros(200), fold, truth, scores, "f1")[1]
        own.append(choose_threshold(truth, scores, "f1").f1)
        crossed.append(f1_score(truth, called, zero_division=0))
    chance = 2 * 0.05 / 1.05
    assert np.mean(own) > 1.5 * chance
    assert np.mean(crossed) < 1.1 * chance


# In a query -------------------------------------------------------------------------------------


def exact(hits, n):
    interval = binomtest(hits, n).proportion_ci(method="exact")
    return interval.low, interval.high


def test_a_query_is_the_recall_and_the_false_positive_rate_at_its_frequency():
    made = in_query(Counts(28, 5, 31, 1000), frequency=0.02, n_cells=10_000)
    assert (made.n_cells, made.n_rare) == (10_000, 200)
    assert made.found == pytest.approx(200 * 28 / 31)
    assert made.false_calls == pytest.approx(9800 * 5 / 1000)
    assert made.precision == pytest.approx(made.found / (made.found + made.false_calls))
    recall, wrong = exact(28, 31), exact(5, 1000)
    assert (made.found_low, made.found_high) == pytest.approx((200 * recall[0], 200 * recall[1]))
    ends = (made.false_calls_low, made.false_calls_high)
    assert ends == pytest.approx((9800 * wrong[0], 9800 * wrong[1]))
    worst = 200 * recall[0] / (200 * recall[0] + 9800 * wrong[1])
    best = 200 * recall[1] / (200 * recall[1] + 9800 * wrong[0])
    assert (made.precision_low, made.precision_high) == pytest.approx((worst, best))


def test_the_precision_at_the_reference_s_own_frequency_is_the_reference_s():
    made = in_query(Counts(28, 5, 31, 1000), frequency=31 / 1031)
    assert made.precision == pytest.approx(28 / 33)


def test_the_rarer_the_type_the_lower_the_precision_at_the_same_recall():
    often, seldom = (in_query(Counts(28, 5, 31, 1000), frequency=f) for f in (0.1, 0.001))
    assert seldom.precision < often.precision
    assert seldom.found / seldom.n_rare == pytest.approx(often.found / often.n_rare)


def test_no_false_call_so_far_does_not_mean_none_ever():
    made = in_query(Counts(10, 0, 10, 500), frequency=0.02)
    assert (made.false_calls, made.false_calls_low) == (0, 0)
    # Zero of 500: below 1 - 0.025 ** (1 / 500) with 97.5 % certainty.
    assert made.false_calls_high == pytest.approx(9800 * (1 - 0.025 ** (1 / 500)))
    assert made.precision == 1
    assert made.precision_low < 0.7


def test_cells_tested_five_times_are_no_more_cells():
    once = in_query(Counts(9, 2, 10, 500), frequency=0.02)
    often = in_query(Counts(45, 10, 50, 2500), frequency=0.02, times=5)
    assert tuple(often) == pytest.approx(tuple(once))


def test_a_threshold_can_be_asked_directly():
    chosen = choose([0.9, 0.8], [0.3, 0.1])
    assert in_query(chosen, frequency=0.1) == in_query(Counts(2, 0, 2, 2), frequency=0.1)


def test_where_nothing_is_called_there_is_no_precision():
    made = in_query(Counts(0, 0, 10, 500), frequency=0.02)
    assert np.isnan(made.precision)
    assert made.found == made.false_calls == 0
    assert (made.precision_low, made.precision_high) == (0, 1)


@pytest.mark.parametrize("frequency", [0, 1])
def test_a_query_of_one_kind_alone_can_be_asked_about(frequency):
    made = in_query(Counts(9, 2, 10, 500), frequency=frequency)
    assert made.precision == frequency
    assert made.n_rare == 10_000 * frequency


@pytest.mark.parametrize("frequency", [-0.1, 1.5, float("nan"), None])
def test_a_frequency_that_is_no_share_is_refused(frequency):
    with pytest.raises(ParameterError, match="`frequency` must be a number from 0 to 1") as caught:
        in_query(Counts(9, 2, 10, 500), frequency=frequency)
    assert caught.value.code == "E-PARAMETER"
