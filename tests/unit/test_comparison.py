"""Comparisons of methods over the same folds, the simplest that is as good, and chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from sklearn.metrics import average_precision_score, f1_score

from core.comparison import (
    OutOfFold,
    chance_f1,
    compare,
    complexity,
    is_as_good,
    ratio_of_parts,
    recommend,
    shared_folds,
)
from core.out_of_fold import average_precision


def out_of_fold(calls, *, n_rare=10, n_other=90, n_train=300, first_fold=0, repeat=0):
    """Calls fold by fold: how many of the rare and of the other cells of each are called."""
    rare_first = np.arange(n_rare + n_other) < n_rare
    nth = np.where(rare_first, np.arange(len(rare_first)), np.arange(len(rare_first)) - n_rare)
    size, n_folds = len(rare_first), len(calls)
    called = np.concatenate([nth < np.where(rare_first, hit, miss) for hit, miss in calls])
    n_scores = size * n_folds
    return OutOfFold(
        repeat=np.full(n_scores, repeat),
        fold=np.repeat(np.arange(n_folds) + first_fold, size),
        cells=np.arange(n_scores),
        is_rare=np.tile(rare_first, n_folds),
        scores=np.where(called, 0.9, 0.1),
        thresholds=np.full(n_scores, 0.5),
        called=called,
        trained_share=np.full(n_scores, 0.5),
        n_train=np.full(n_scores, n_train),
    )


def f1(hit, miss, n_rare=10):
    return 2 * hit / (n_rare + hit + miss)


GOOD, POOR = [(9, 1), (10, 3), (8, 0), (9, 2)], [(7, 1), (9, 3), (8, 4), (5, 0)]


def pooled_f1(calls):
    hits, misses = (sum(one) for one in zip(*calls, strict=True))
    return f1(hits, misses, 10 * len(calls))


def jackknifed(calls):
    """Pseudo-values of F1 over folds, by hand."""
    without = [pooled_f1([*calls[:i], *calls[i + 1 :]]) for i in range(len(calls))]
    return len(calls) * pooled_f1(calls) - (len(calls) - 1) * np.array(without)


def test_a_comparison_is_the_corrected_test_on_the_jackknife_of_pooled_f1():
    found = compare(out_of_fold(GOOD), out_of_fold(POOR))
    differences, mean = jackknifed(GOOD) - jackknifed(POOR), pooled_f1(GOOD) - pooled_f1(POOR)
    error = np.sqrt((1 / 4 + 100 / 300) * differences.var(ddof=1))
    assert found.mean == pytest.approx(mean)
    assert found.error == pytest.approx(error)
    assert found.high - found.mean == pytest.approx(t.ppf(0.975, 3) * error)
    assert found.p == pytest.approx(2 * t.sf(mean / error, 3))
    assert found.n_folds == 4


def ranked(n_repeats=2, n_folds=4, seed=0):
    """Scores with ties, one or no rare cell in most folds."""
    rng = np.random.default_rng(seed)
    parts = []
    for repeat in range(n_repeats):
        for fold in range(n_folds):
            made = out_of_fold([(0, 3)], n_rare=fold, n_other=20, first_fold=fold, repeat=repeat)
            scores = np.round(rng.random(20 + fold) + 0.4 * made.is_rare, 1)
            parts.append(replace(made, scores=scores))
    columns = OutOfFold.__dataclass_fields__
    return OutOfFold(*(np.concatenate([getattr(p, n) for p in parts]) for n in columns))


def test_average_precision_is_compared_as_the_table_shows_it_and_not_fold_by_fold():
    first, second = ranked(), ranked(seed=1)

    def average(made, repeat, left_out=None):
        mine = (made.repeat == repeat) & (made.fold != left_out)
        return average_precision_score(made.is_rare[mine], made.scores[mine])

    mean = np.mean([average(first, r) - average(second, r) for r in range(2)])
    values = [
        4 * average(made, r) - 3 * average(made, r, fold)
        for made in (first, second)
        for r in range(2)
        for fold in range(4)
    ]
    d = np.array(values[:8]) - np.array(values[8:])
    found = compare(first, second, score="average_precision")
    assert (found.n_folds, found.mean) == (8, pytest.approx(mean))
    ratio = ratio_of_parts(first.per_fold)
    assert found.error == pytest.approx(np.sqrt((1 / 8 + ratio) * d.var(ddof=1)))


def test_pseudo_values_of_a_share_are_the_folds_own():
    made = out_of_fold(GOOD)
    values = made.pseudo_values
    assert values["recall"].tolist() == pytest.approx([0.9, 1.0, 0.8, 0.9])
    assert values["f1"].tolist() == pytest.approx(jackknifed(GOOD))
    alone = out_of_fold(GOOD[:1])
    assert alone.pseudo_values.iloc[0].to_dict() == pytest.approx(alone.per_repeat.loc[0].to_dict())


def test_without_the_only_fold_that_has_rare_cells_there_is_no_pseudo_value():
    rare, empty = out_of_fold([(9, 1)]), out_of_fold([(0, 2)], n_rare=0, first_fold=1)
    columns = OutOfFold.__dataclass_fields__
    made = OutOfFold(*(np.concatenate([getattr(p, n) for p in (rare, empty)]) for n in columns))
    assert made.pseudo_values.isna().all(axis=1).tolist() == [True, False]


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_scikit_learn_s_with_ties_too(seed):
    rng = np.random.default_rng(seed)
    is_rare = rng.random(60) < 0.2
    for decimals in (0, 1, 6):
        scores = np.round(rng.random(60), decimals)
        expected = average_precision_score(is_rare, scores)
        assert average_precision(is_rare, scores) == pytest.approx(expected)
    assert np.isnan(average_precision(np.zeros(5, dtype=bool), np.arange(5.0)))


def test_the_order_of_methods_turns_the_sign():
    there = compare(out_of_fold(GOOD), out_of_fold(POOR))
    back = compare(out_of_fold(POOR), out_of_fold(GOOD))
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low))


def test_a_method_differs_in_nothing_from_itself():
    assert tuple(compare(out_of_fold(GOOD), out_of_fold(GOOD))) == (0, 0, 0, 1, 4, 0, 0)


def test_one_cell_more_is_no_clear_difference_and_many_are_one():
    poor = out_of_fold([(5, 0)] * 3 + [(6, 0)])
    assert not compare(out_of_fold([(5, 0)] * 4), poor).is_clear
    assert compare(out_of_fold([(10, 0), (9, 0), (10, 0), (10, 1)]), poor).low > 0


def test_only_folds_that_both_have_are_compared():
    first, second = out_of_fold(GOOD), out_of_fold(POOR[1:3], first_fold=1)
    expected = pooled_f1(GOOD[1:3]) - pooled_f1(POOR[1:3])
    found = compare(first, second)
    assert (found.n_folds, found.mean) == (2, pytest.approx(expected))
    mine, other = shared_folds(first, second)
    assert mine.per_fold.index.tolist() == other.per_fold.index.tolist() == [(0, 1), (0, 2)]
    assert len(mine.scores) == 200


def test_methods_without_a_fold_in_common_cannot_be_compared():
    found = compare(out_of_fold(GOOD), out_of_fold(POOR, first_fold=4))
    assert (found.can_tell, found.n_folds) == (False, 0)
    assert not compare(out_of_fold(GOOD[:1]), out_of_fold(POOR[:1])).can_tell


def test_folds_are_counted_as_scikit_learn_counts_them():
    rng = np.random.default_rng(0)
    one = out_of_fold([(rng.integers(11), rng.integers(91)) for _ in range(5)])
    for (_, fold), row in one.per_fold.iterrows():
        mine = one.fold == fold
        truth, called = one.is_rare[mine], one.called[mine]
        assert row["f1"] == pytest.approx(f1_score(truth, called))
        assert row["tp"] + row["fn"] == 10
        assert row["fp"] + row["tn"] == 90
        assert row["recall"] == pytest.approx(called[truth].mean())


def test_the_ratio_of_parts_is_the_mean_over_folds():
    one = out_of_fold(GOOD, n_train=400)
    assert ratio_of_parts(one.per_fold) == 0.25
    assert ratio_of_parts(one.per_fold.assign(n_train=[100, 200, 100, 200])) == 0.75
    assert ratio_of_parts(one.per_fold.iloc[:0]) == 0


def test_a_cell_counts_once_with_the_share_of_its_calls():
    cells = np.array([7, 2, 9, 2, 7, 9])
    made = OutOfFold(
        repeat=np.repeat([0, 1], 3), fold=np.zeros(6, int), cells=cells, is_rare=cells < 5,
        scores=np.full(6, 0.4), thresholds=np.full(6, 0.3),
        called=np.array([True, True, False, False, True, False]),
        trained_share=np.full(6, np.nan), n_train=np.ones(6, int),
    )  # fmt: skip
    assert made.per_cell()["calls"].to_dict() == {2: 0.5, 7: 1.0, 9: 0.0}
    assert made.n_different() == (1, 2)


# The simplest as good ---------------------------------------------------------------------------

CLEAR, CLOSE = [(2, 0), (3, 1), (2, 1), (3, 0)], [(9, 1), (9, 3), (9, 0), (9, 1)]


@pytest.mark.parametrize(
    ("methods", "recommended"),
    [
        ({"loras+lr": GOOD, "none+lr": CLOSE}, "none+lr"),
        ({"loras+lr": GOOD, "none+lr": CLEAR}, "loras+lr"),
        ({"loras+lr": GOOD, "none+lr": CLEAR, "none+knn": CLOSE}, "none+knn"),
        ({"loras+lr": GOOD, "smote+lr": CLOSE, "none+lr": CLEAR}, "smote+lr"),
        ({"none+knn": GOOD, "none+lr": GOOD}, "none+lr"),
        ({"loras+lr": GOOD[:1], "none+lr": CLEAR[:1]}, "none+lr"),
    ],
    ids=["as good", "clearly below", "a plain one before a sampler", "a simpler sampler", "tie",
         "one fold says nothing"],
)  # fmt: skip
def test_the_simplest_within_one_standard_error_of_the_best_is_recommended(methods, recommended):
    pooled = {name: out_of_fold(calls) for name, calls in methods.items()}
    scores = pd.Series({name: one.per_repeat["f1"].mean() for name, one in pooled.items()})
    assert recommend(scores, scores > 0, pooled) == recommended


def test_as_good_is_what_the_best_is_ahead_of_by_at_most_one_standard_error():
    best = out_of_fold([(10, 0), (9, 0), (10, 0), (8, 0)])
    near, far = (out_of_fold(calls) for calls in ([(9, 0), (9, 0), (9, 0), (9, 0)], CLEAR))
    assert is_as_good(near, best)
    assert not is_as_good(far, best)
    assert is_as_good(best, far)  # to be better is no fault


def test_what_is_not_significantly_worse_is_not_as_good():
    # 15 of 40 found in place of 34, all but one fold far behind: an interval that includes 0.
    best = out_of_fold([(9, 1), (8, 1), (9, 0), (8, 0)])
    plain = out_of_fold([(9, 1), (2, 1), (3, 0), (1, 0)])
    found = compare(best, plain)
    assert found.low < 0 < found.error < found.mean
    assert not is_as_good(plain, best)
    pooled = {"smote+knn": best, "none+lr": plain}
    scores = pd.Series({name: one.per_repeat["f1"].mean() for name, one in pooled.items()})
    assert recommend(scores, scores > 0, pooled) == "smote+knn"


def test_a_difference_of_fewer_than_six_cells_is_never_clear():
    more, fewer = (out_of_fold([(hit, 0)] * 4 + [(hit, 1)]) for hit in (10, 9))
    found = compare(more, fewer)
    assert found.low > 0
    assert found.n_apart == 5
    assert not found.is_clear
    six = compare(out_of_fold([(10, 0)] * 5 + [(10, 1)]), out_of_fold([(9, 0)] * 5 + [(9, 1)]))
    assert (six.n_apart, six.is_clear) == (6, True)


def test_a_difference_that_nobody_would_notice_does_not_count():
    calls = [(98, 0), (97, 0), (98, 1), (99, 0), (98, 0)]
    other = out_of_fold(calls, n_rare=100)
    best = out_of_fold([(hit + 2 - (hit > 98), miss) for hit, miss in calls], n_rare=100)
    found = compare(best, other)
    assert found.is_clear
    assert 0 < found.mean < 0.02
    assert is_as_good(replace(other, scores=best.scores), best)


def test_false_calls_in_samples_without_rare_cells_count():
    def donors(wrong):
        parts = [out_of_fold([(10, 0)] * 2), out_of_fold([(0, wrong)] * 2, n_rare=0, first_fold=2)]
        parts[1] = replace(parts[1], cells=parts[1].cells + 1000)
        columns = OutOfFold.__dataclass_fields__
        return OutOfFold(*(np.concatenate([getattr(p, n) for p in parts]) for n in columns))

    clean, sloppy = donors(0), donors(18)
    assert clean.per_fold["f1"].tolist() == [1, 1, 1, 1]
    assert sloppy.per_fold["f1"].tolist() == [1, 1, 0, 0]
    found = compare(clean, sloppy)
    assert (found.n_folds, found.n_apart) == (4, 36)
    assert found.mean == pytest.approx(1 - f1(20, 36, 20))


def test_equal_calls_of_a_clearly_worse_ranking_are_not_as_good():
    made = out_of_fold([(7, 1), (6, 2), (7, 0), (5, 2)])
    # The same calls at the same threshold, but the rare cells that are missed come first or last.
    missed = made.is_rare & ~made.called
    best = replace(made, scores=np.where(missed, 0.4, made.scores))
    worse = replace(made, scores=np.where(missed, 0.05, made.scores))
    assert compare(best, worse).mean == 0
    found = compare(best, worse, score="average_precision")
    expected = [average_precision_score(one.is_rare, one.scores) for one in (best, worse)]
    assert found.mean == pytest.approx(expected[0] - expected[1])
    assert not is_as_good(worse, best)
    assert is_as_good(best, worse)


def test_what_is_not_above_chance_is_not_recommended():
    pooled = {"loras+lr": out_of_fold(GOOD), "none+lr": out_of_fold(GOOD)}
    scores = pd.Series({"loras+lr": 0.9, "none+lr": 0.9})
    above = pd.Series({"loras+lr": True, "none+lr": False})
    assert recommend(scores, above, pooled) == "loras+lr"
    assert recommend(scores, above & False, pooled) is None


def test_methods_are_ranked_by_sampler_then_by_classifier():
    names = ["loras+lr", "none+knn", "smote+lr", "none+lr", "loras+knn"]
    ranked = ["none+lr", "none+knn", "smote+lr", "loras+lr", "loras+knn"]
    assert sorted(names, key=complexity) == ranked


# Chance -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rare", [1, 10, 50, 99, 100])
def test_chance_is_what_scikit_learn_says_of_calling_every_cell(n_rare):
    truth = np.arange(100) < n_rare
    assert chance_f1(n_rare / 100) == pytest.approx(f1_score(truth, np.ones(100, dtype=bool)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_calls_without_knowledge_reach_no_more_than_chance(share):
    prevalence = 0.02
    tp, fp, fn = prevalence * share, (1 - prevalence) * share, prevalence * (1 - share)
    assert 2 * tp / (2 * tp + fp + fn) < chance_f1(prevalence)


def test_among_methods_that_are_equally_good_the_simplest_is_recommended_most_of_the_time():
    # One standard error is a low bar: the luckiest of five others passes it every fourth time.
    rng = np.random.default_rng(0)
    names = [
        f"{sampler}+lr" for sampler in ("none", "weights", "random", "smote", "adasyn", "loras")
    ]
    n_folds, size = 15, 100

    def method(difficulty):
        made = out_of_fold([(0, 0)] * n_folds, n_rare=20, n_other=80, n_train=400)
        right = rng.normal(size=n_folds * size) > difficulty
        scores = np.where(made.is_rare == right, 0.9, 0.1) + rng.uniform(0, 0.05, n_folds * size)
        return replace(made, scores=scores, called=scores >= 0.5, cells=np.tile(np.arange(500), 3))

    elaborate = 0
    for _ in range(30):
        # Some cells are hard, others easy, for all methods alike; the rest is luck.
        difficulty = np.tile(rng.normal(-1.5, 0.7, 5 * size), 3)
        pooled = {name: method(difficulty) for name in names}
        f1 = pd.Series({name: one.per_repeat["f1"].mean() for name, one in pooled.items()})
        elaborate += recommend(f1, f1 > 0, pooled) != "none+lr"
    assert elaborate <= 10
