"""Summaries against scikit-learn and scipy, and a recommendation that prefers the simple."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
)

from core.comparison import compare
from core.config import RareTask, TrainingConfig
from core.errors import ParameterError
from core.evaluation import FoldResult, score_calls
from core.summary import binomial_interval, count_scores, summarise
from tests.cells import METHODS, demo_config, demo_folds

SCORES = {
    "precision": lambda truth, scores: precision_score(truth, scores >= 0.5, zero_division=0),
    "recall": lambda truth, scores: recall_score(truth, scores >= 0.5),
    "f1": lambda truth, scores: f1_score(truth, scores >= 0.5, zero_division=0),
    "average_precision": average_precision_score,
    "balanced_accuracy": lambda truth, scores: balanced_accuracy_score(truth, scores >= 0.5),
}


def made_fold(cells, is_rare, scores, *, repeat=0, fold=0, method="loras+knn", seconds=1.0):
    """A fold's result from its test cells, truth and scores."""
    is_rare, scores = np.asarray(is_rare, dtype=bool), np.asarray(scores, dtype=float)
    return FoldResult(
        method=method, repeat=repeat, fold=fold, n_train_rare=8, n_test_rare=int(is_rare.sum()),
        n_synthetic=100 + fold, markers=("A", "B"), **score_calls(is_rare, scores),
        seconds=seconds, test_cells=np.asarray(cells), test_is_rare=is_rare, scores=scores,
        task=RareTask("type", "needle"), config=TrainingConfig(),
    )  # fmt: skip


def made_folds(n_repeats=4, n_folds=3, method="loras+knn", seed=0, skill=0.3):
    """Folds of 90 cells, 12 of them rare, whose scores follow the truth more or less."""
    rng = np.random.default_rng(seed)
    truth = np.arange(90) < 12
    for repeat in range(n_repeats):
        scores = np.round(np.clip(rng.random(90) * 0.7 + skill * truth, 0, 1), 2)
        for fold, cells in enumerate(np.array_split(rng.permutation(90), n_folds)):
            yield made_fold(
                cells, truth[cells], scores[cells], repeat=repeat, fold=fold, method=method
            )


def from_counts(tp, fp, fn, *, method, repeat=0):
    """A fold with these confusion counts and 50 true negatives."""
    truth = [True] * (tp + fn) + [False] * (fp + 50)
    scores = [0.9] * tp + [0.1] * fn + [0.9] * fp + [0.1] * 50
    return made_fold(range(len(truth)), truth, scores, method=method, repeat=repeat)


@pytest.mark.parametrize("metric", SCORES)
def test_means_and_spreads_are_those_of_scikit_learn_on_pooled_repeats(metric):
    folds = list(made_folds())
    per_repeat = []
    for repeat in range(4):
        mine = [f for f in folds if f.repeat == repeat]
        truth = np.concatenate([f.test_is_rare for f in mine])
        per_repeat.append(SCORES[metric](truth, np.concatenate([f.scores for f in mine])))
    row = summarise(folds).table.loc["loras+knn"]
    assert len(set(per_repeat)) > 1
    assert row[f"{metric}_mean"] == pytest.approx(np.mean(per_repeat))
    assert row[f"{metric}_sd"] == pytest.approx(np.std(per_repeat, ddof=1))


def test_counts_sizes_and_times_are_summed_up_as_the_table_says():
    folds = [replace(f, seconds=float(i)) for i, f in enumerate(made_folds())]
    row = summarise(folds).table.loc["loras+knn"]
    for name in ("tp", "fp", "fn", "tn"):
        assert row[name] == sum(getattr(f, name) for f in folds)
    assert (row["n_rare"], row["n_repeats"]) == (12, 4)
    assert row["n_synthetic"] == 101  # mean of 100, 101, 102
    assert row["seconds"] == 5.5  # median of 0 … 11


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


@pytest.mark.parametrize(("tp", "fp", "fn"), [(8, 3, 2), (10, 0, 0), (0, 4, 10), (0, 0, 10)])
def test_intervals_rest_on_the_cells_that_each_score_is_a_share_of(tp, fp, fn):
    found = count_scores(pd.DataFrame({"repeat": [0], "tp": tp, "fp": fp, "fn": fn}), tp + fn)

    def exact(hits, n):
        interval = binomtest(hits, n).proportion_ci(method="exact") if n else (0.0, 1.0)
        return np.array([*interval])

    jaccard = exact(tp, tp + fp + fn)
    for name, expected in (
        ("precision", exact(tp, tp + fp)),
        ("recall", exact(tp, tp + fn)),
        ("f1", 2 * jaccard / (1 + jaccard)),
    ):
        np.testing.assert_allclose([found[f"{name}_low"], found[f"{name}_high"]], expected)


@pytest.mark.parametrize(("tp", "fp", "fn"), [(8, 3, 2), (10, 0, 0), (0, 4, 10), (3, 40, 1)])
def test_the_interval_of_f1_holds_f1(tp, fp, fn):
    found = count_scores(pd.DataFrame({"repeat": [0], "tp": tp, "fp": fp, "fn": fn}), tp + fn)
    assert found["f1_low"] <= 2 * tp / (2 * tp + fp + fn) <= found["f1_high"]


def test_repeating_the_same_result_makes_no_interval_narrower():
    once = summarise([from_counts(8, 3, 2, method="loras+knn")]).table.iloc[0]
    often = summarise(
        [from_counts(8, 3, 2, method="loras+knn", repeat=r) for r in range(10)]
    ).table.iloc[0]
    for name in ("precision", "recall", "f1"):
        for end in ("low", "high"):
            assert often[f"{name}_{end}"] == pytest.approx(once[f"{name}_{end}"])
        assert often[f"{name}_sd"] == pytest.approx(0)
    assert often["n_rare"] == 10


def test_the_live_scores_are_those_of_the_table():
    folds = list(made_folds())
    counts = pd.DataFrame(
        [{name: getattr(f, name) for name in ("repeat", "tp", "fp", "fn")} for f in folds]
    )
    row = summarise(folds).table.loc["loras+knn"]
    live = count_scores(counts, 12)
    assert len(live) == 12
    for name, value in live.items():
        assert row[name] == value


def test_out_of_fold_scores_are_all_scores_with_their_cells_truth_and_repeat():
    folds = list(made_folds(n_repeats=2))
    pooled = summarise(folds).out_of_fold["loras+knn"]
    assert len(pooled.scores) == 180
    start = 0
    for fold in folds:
        part = slice(start, start := start + len(fold.scores))
        np.testing.assert_array_equal(pooled.scores[part], fold.scores)
        np.testing.assert_array_equal(pooled.cells[part], fold.test_cells)
        np.testing.assert_array_equal(pooled.is_rare[part], fold.test_is_rare)
        assert set(pooled.repeat[part]) == {fold.repeat}


def test_the_curve_is_scikit_learns_over_the_scores_of_all_repeats():
    folds = list(made_folds(n_repeats=2))
    recall, precision = summarise(folds).out_of_fold["loras+knn"].precision_recall()
    expected = precision_recall_curve(
        np.concatenate([f.test_is_rare for f in folds]), np.concatenate([f.scores for f in folds])
    )
    np.testing.assert_array_equal(precision, expected[0])
    np.testing.assert_array_equal(recall, expected[1])


# Recommendation ---------------------------------------------------------------------------------


def by_f1(**found):
    """Folds of several methods, each with its number of found rare cells (of 20) per repeat."""
    return [
        from_counts(tp, 0, 20 - tp, method=method.replace("_", "+"), repeat=repeat)
        for method, per_repeat in found.items()
        for repeat, tp in enumerate(per_repeat)
    ]


@pytest.mark.parametrize(
    ("found", "recommended"),
    [
        ({"loras_knn": (20, 20), "none_lr": (19, 19)}, "none+lr"),
        ({"loras_knn": (20, 20), "none_lr": (14, 14)}, "loras+knn"),
        ({"loras_knn": (19, 19), "none_lr": (19, 19)}, "none+lr"),
        ({"none_knn": (19, 17), "none_lr": (18, 18)}, "none+lr"),
        ({"loras_lr": (19, 17), "none_knn": (18, 18)}, "none+knn"),
        ({"loras_lr": (20,), "none_lr": (19,)}, "none+lr"),
        ({"loras_lr": (20,), "none_lr": (14,)}, "loras+lr"),
        ({"loras_knn": (12, 12), "none_lr": (9, 9)}, "loras+knn"),
        ({"none_knn": (8, 8), "loras_knn": (9, 9)}, None),
        ({"none_knn": (0, 0), "loras_knn": (0, 0)}, None),
    ],
    ids=["one cell less", "six cells less", "tie", "lr before knn", "no sampler before a simpler"
         " classifier", "one repeat, one cell less", "one repeat, six cells less", "the simpler one"
         " is no better than chance", "none above chance", "nothing found"],
)  # fmt: skip
def test_the_simplest_method_above_chance_and_not_clearly_below_the_best_is_recommended(
    found, recommended
):
    assert summarise(by_f1(**found)).recommended == recommended


def test_a_method_is_above_chance_when_its_interval_is_above_calling_every_cell():
    # 20 rare cells of 70: calling all of them gives a precision of 2/7, a recall of 1.
    result = summarise(by_f1(none_lr=(9, 9), loras_lr=(12, 12)))
    assert result.prevalence == pytest.approx(20 / 70)
    assert result.chance == pytest.approx(f1_score(np.arange(70) < 20, np.ones(70)))
    assert result.table.loc["none+lr", "f1_mean"] > result.chance
    assert result.above_chance.to_dict() == {"none+lr": False, "loras+lr": True}


def test_the_difference_of_two_methods_is_seeded_by_the_configuration():
    folds = demo_folds()
    result = summarise(folds)
    pair = result.out_of_fold["loras+lr"], result.out_of_fold["none+lr"]
    assert result.difference("loras+lr", "none+lr") == compare(*pair, seed=result.config.seed)
    assert compare(*pair, seed=1) != compare(*pair, seed=2)


# Some folds, none -------------------------------------------------------------------------------


def test_nothing_to_summarise_is_refused():
    with pytest.raises(ParameterError, match="at least one result") as caught:
        summarise(iter([]))
    assert caught.value.code == "E-NO-FOLDS"


@pytest.mark.parametrize("n", [1, 4, 20, 30])
def test_the_first_folds_alone_can_be_summarised(n):
    result = summarise(demo_folds()[:n])
    assert len(result.table) == min(n, len(METHODS))
    means = [name for name in result.table if name.endswith("_mean")]
    assert np.isfinite(result.table[means].to_numpy()).all()
    spreads = [name for name in result.table if name.endswith("_sd")]
    assert result.table[spreads].isna().to_numpy().all() == (n <= 20)
    assert (result.recommended is None) == (n == 1)  # the first one is knn alone, which finds none
    assert result.recommended in {None, *result.table.index}


def test_while_folds_come_in_the_rare_cells_are_those_tested_so_far():
    first = demo_folds()[:4]
    assert set(summarise(first).table["n_rare"]) == {2}
    assert set(summarise(demo_folds()).table["n_rare"]) == {10}


def test_a_summary_carries_what_made_it():
    result = summarise(demo_folds())
    assert result.task == RareTask("bulk_labels", "CD34+")
    assert result.config == demo_config()
    assert set(result.table.index) == set(result.out_of_fold) == set(METHODS)


def test_the_demo_is_scored_over_its_ten_rare_cells_in_five_repeats():
    table = summarise(demo_folds()).table
    assert ((table["tp"] + table["fn"]) == 50).all()
    assert table.loc["none+knn", "f1_mean"] == 0
    # Ten different cells: not even 50 hits of 50 would make the interval narrower than 10 of 10.
    assert (table["recall_high"] - table["recall_low"] > 0.3).all()
