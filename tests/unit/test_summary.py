"""Summaries against scikit-learn and scipy, and a recommendation that prefers the simple."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, t
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
)

from core.calibration import shift_prior
from core.comparison import compare
from core.config import GOALS, RareTask, TrainingConfig
from core.errors import ParameterError
from core.evaluation import FoldResult, score_calls
from core.query_outlook import Counts, in_query
from core.summary import binomial_interval, count_scores, summarise
from core.thresholds import choose_threshold, crossfit_calls
from tests.cells import METHODS, demo_config, demo_folds

SCORES = {
    "precision": lambda truth, called, _: precision_score(truth, called, zero_division=0),
    "recall": lambda truth, called, _: recall_score(truth, called),
    "f1": lambda truth, called, _: f1_score(truth, called, zero_division=0),
    "average_precision": lambda truth, _, scores: average_precision_score(truth, scores),
    "balanced_accuracy": lambda truth, called, _: balanced_accuracy_score(truth, called),
}


def made_fold(
    cells, is_rare, scores, *, repeat=0, fold=0, method="loras+knn", seconds=1.0, **settings
):
    """A fold's result from its test cells, truth and scores."""
    settings = {"n_train": 60, "config": TrainingConfig()} | settings
    is_rare, scores = np.asarray(is_rare, dtype=bool), np.asarray(scores, dtype=float)
    return FoldResult(
        method=method, repeat=repeat, fold=fold, n_train_rare=8, n_test_rare=int(is_rare.sum()),
        n_synthetic=100 + fold, markers=("A", "B"), **score_calls(is_rare, scores),
        seconds=seconds, test_cells=np.asarray(cells), test_is_rare=is_rare, scores=scores,
        task=RareTask("type", "needle"), **settings,
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


def pooled_tests(folds, goal="f1"):
    """Truth, scores, calls and repeat of all tests, one after the other."""
    truth = np.concatenate([f.test_is_rare for f in folds])
    scores = np.concatenate([f.scores for f in folds])
    repeat = np.concatenate([np.full(len(f.scores), f.repeat) for f in folds])
    fold = np.concatenate([np.full(len(f.scores), f.fold) for f in folds])
    return truth, scores, crossfit_calls(repeat, fold, truth, scores, goal)[1], repeat


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("metric", SCORES)
def test_means_and_spreads_are_those_of_scikit_learn_on_pooled_repeats(metric, goal):
    folds = list(made_folds())
    truth, scores, called, repeat = pooled_tests(folds, goal)
    per_repeat = [
        SCORES[metric](truth[repeat == r], called[repeat == r], scores[repeat == r])
        for r in range(4)
    ]
    row = summarise(folds, goal=goal).table.loc["loras+knn"]
    assert len(set(per_repeat)) > 1
    assert row[f"{metric}_mean"] == pytest.approx(np.mean(per_repeat))
    assert row[f"{metric}_sd"] == pytest.approx(np.std(per_repeat, ddof=1))


@pytest.mark.parametrize("goal", GOALS)
def test_counts_sizes_and_times_are_summed_up_as_the_table_says(goal):
    folds = [replace(f, seconds=float(i)) for i, f in enumerate(made_folds())]
    row = summarise(folds, goal=goal).table.loc["loras+knn"]
    truth, _, called, _ = pooled_tests(folds, goal)
    assert row["tp"] == (truth & called).sum()
    assert row["fp"] == (~truth & called).sum()
    assert row["fn"] == (truth & ~called).sum()
    assert row["tn"] == (~truth & ~called).sum()
    assert (row["n_rare"], row["n_repeats"]) == (12, 4)
    assert row["n_synthetic"] == 101  # mean of 100, 101, 102
    assert row["seconds"] == 5.5  # median of 0 … 11


def test_the_goal_is_the_configuration_s_unless_another_is_given():
    config = TrainingConfig(goal="recall")
    folds = [replace(f, config=config) for f in made_folds()]
    assert summarise(folds).goal == "recall"
    assert summarise(folds).table.loc["loras+knn", "recall_mean"] > 0.8
    fixed = summarise(folds, goal="fixed")
    assert fixed.goal == "fixed"
    assert fixed.table.loc["loras+knn", "tp"] == sum(f.tp for f in folds)
    with pytest.raises(ParameterError, match="`goal` must be one of"):
        summarise(folds, goal="accuracy")


def test_thresholds_of_final_models_are_chosen_on_all_scores():
    folds = [*made_folds(), *made_folds(method="none+lr", seed=5)]
    result = summarise(folds, goal="f2")
    for method in ("loras+knn", "none+lr"):
        truth, scores, _, _ = pooled_tests([f for f in folds if f.method == method])
        assert result.thresholds[method] == choose_threshold(truth, scores, "f2")


@pytest.mark.parametrize("metric", ["precision", "recall", "f1", "average_precision"])
def test_intervals_from_repeats_are_corrected_t_intervals_of_the_jackknife_over_folds(metric):
    folds = list(made_folds(skill=0.2))
    _, _, called, _ = pooled_tests(folds)
    calls = np.split(called, np.cumsum([len(f.scores) for f in folds])[:-1])

    def score(chosen):
        parts = ([f.test_is_rare for f, _ in chosen], [c for _, c in chosen])
        truth, called = map(np.concatenate, parts)
        return SCORES[metric](truth, called, np.concatenate([f.scores for f, _ in chosen]))

    values = []
    for repeat in range(4):
        mine = [(f, c) for f, c in zip(folds, calls, strict=True) if f.repeat == repeat]
        values += [3 * score(mine) - 2 * score(mine[:i] + mine[i + 1 :]) for i in range(3)]
    # 30 test cells of 90, 60 training cells
    error = np.sqrt((1 / 12 + 30 / 60) * np.var(values, ddof=1))
    half = t.ppf(0.975, 11) * error
    row = summarise(folds).table.loc["loras+knn"]
    centre = row[f"{metric}_mean"]
    assert row[f"{metric}_repeats_low"] == pytest.approx(max(0, centre - half))
    assert row[f"{metric}_repeats_high"] == pytest.approx(min(1, centre + half))


def test_folds_of_older_runs_trained_on_the_cells_they_did_not_test():
    now, before = (summarise(made_folds_with(n_train)).table for n_train in (60, 0))
    pd.testing.assert_frame_equal(now, before)
    more = summarise(made_folds_with(600)).table
    assert (more["recall_repeats_low"] > now["recall_repeats_low"]).all()


def made_folds_with(n_train):
    return [replace(f, n_train=n_train) for f in made_folds(skill=0.2)]


@pytest.mark.parametrize(("tp", "fp", "fn"), [(8, 3, 2), (10, 0, 0), (0, 4, 10), (0, 0, 10)])
def test_intervals_rest_on_the_cells_that_each_score_is_a_share_of(tp, fp, fn):
    found = count_scores(pd.DataFrame({"repeat": [0], "tp": tp, "fp": fp, "fn": fn}))

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
    found = count_scores(pd.DataFrame({"repeat": [0], "tp": tp, "fp": fp, "fn": fn}))
    assert found["f1_low"] <= 2 * tp / (2 * tp + fp + fn) <= found["f1_high"]


def test_intervals_are_the_means_over_repeats_of_those_of_each_repeat():
    # One repeat in which a threshold went wrong: the mean stays inside of its interval.
    repeats = [(9, 0, 1), (9, 1, 1), (10, 900, 0)]
    counts = pd.DataFrame(
        [{"repeat": r, "tp": tp, "fp": fp, "fn": fn} for r, (tp, fp, fn) in enumerate(repeats)]
    )
    found = count_scores(counts)
    exact = [binomtest(tp, tp + fp).proportion_ci(method="exact") for tp, fp, _ in repeats]
    assert found["precision_low"] == pytest.approx(np.mean([one.low for one in exact]))
    assert found["precision_high"] == pytest.approx(np.mean([one.high for one in exact]))
    for score in ("precision", "recall", "f1"):
        assert found[f"{score}_low"] <= found[f"{score}_mean"] <= found[f"{score}_high"]


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


def test_the_live_scores_are_those_of_the_table_at_one_half():
    folds = list(made_folds())
    counts = pd.DataFrame(
        [{name: getattr(f, name) for name in ("repeat", "tp", "fp", "fn")} for f in folds]
    )
    row = summarise(folds, goal="fixed").table.loc["loras+knn"]
    live = count_scores(counts)
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
        assert set(pooled.fold[part]) == {fold.fold}
    np.testing.assert_array_equal(pooled.called, pooled.scores >= pooled.thresholds)


def test_the_curve_is_scikit_learns_over_the_scores_of_all_repeats():
    folds = list(made_folds(n_repeats=2))
    recall, precision = summarise(folds).out_of_fold["loras+knn"].precision_recall()
    expected = precision_recall_curve(
        np.concatenate([f.test_is_rare for f in folds]), np.concatenate([f.scores for f in folds])
    )
    np.testing.assert_array_equal(precision, expected[0])
    np.testing.assert_array_equal(recall, expected[1])


def test_the_interval_of_the_average_precision_is_that_of_a_share_of_the_rare_cells():
    row = summarise(made_folds(skill=0.2)).table.loc["loras+knn"]
    average = row["average_precision_mean"]
    expected = binomial_interval(average * 12, 12)
    assert (row["average_precision_low"], row["average_precision_high"]) == expected
    assert expected[0] < average < expected[1]


# Probabilities and queries ----------------------------------------------------------------------


def test_probabilities_are_scores_shifted_to_the_share_of_the_reference():
    folds = [replace(f, trained_share=0.4 + f.fold / 10) for f in made_folds(n_repeats=2)]
    result = summarise(folds)
    expected = [shift_prior(f.scores, trained_share=f.trained_share, share=12 / 90) for f in folds]
    np.testing.assert_allclose(result.probabilities("loras+knn"), np.concatenate(expected))


def test_probabilities_of_older_runs_are_their_scores():
    result = summarise(made_folds())
    np.testing.assert_array_equal(
        result.probabilities("loras+knn"), result.out_of_fold["loras+knn"].scores
    )


def test_a_query_rests_on_the_calls_of_the_table_and_on_different_cells():
    result = summarise(made_folds(skill=0.2))
    row = result.table.loc["loras+knn"]
    assert result.times("loras+knn") == 4
    found = result.in_query("loras+knn", frequency=0.01, n_cells=5000)
    counts = Counts(row["tp"] / 4, row["fp"] / 4, 12, 78)
    assert tuple(found) == pytest.approx(tuple(in_query(counts, frequency=0.01, n_cells=5000)))
    own = result.in_query("loras+knn")
    assert own.n_rare == pytest.approx(10_000 * 12 / 90)


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
        ({"loras_knn": (20, 19), "none_lr": (19, 19)}, "none+lr"),
        ({"loras_knn": (20, 20, 19), "none_lr": (13, 14, 14)}, "loras+knn"),
        ({"loras_knn": (19, 19), "none_lr": (19, 19)}, "none+lr"),
        ({"none_knn": (19, 17), "none_lr": (18, 18)}, "none+lr"),
        ({"loras_lr": (19, 17), "none_knn": (18, 18)}, "none+knn"),
        ({"loras_lr": (20,), "none_lr": (14,)}, "none+lr"),
        ({"loras_knn": (12, 12), "none_lr": (9, 9)}, "loras+knn"),
        ({"none_knn": (8, 8), "loras_knn": (9, 9)}, None),
        ({"none_knn": (0, 0), "loras_knn": (0, 0)}, None),
    ],
    ids=["one cell less", "six cells less", "tie", "lr before knn", "no sampler before a simpler"
         " classifier", "one fold says nothing", "the simpler one is no better than chance",
         "none above chance", "nothing found"],
)  # fmt: skip
def test_the_simplest_method_above_chance_within_one_error_of_the_best_is_recommended(
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


def test_the_difference_of_two_methods_is_tested_over_their_folds():
    result = summarise(demo_folds())
    pair = result.out_of_fold["loras+lr"], result.out_of_fold["none+lr"]
    assert result.difference("loras+lr", "none+lr") == compare(*pair)
    assert compare(*pair).n_folds == 25


# Some folds, none -------------------------------------------------------------------------------


def test_nothing_to_summarise_is_refused():
    with pytest.raises(ParameterError, match="at least one result") as caught:
        summarise(iter([]))
    assert caught.value.code == "E-NO-FOLDS"


@pytest.mark.parametrize("n", [1, 3, 4, 6, 20, 30])
def test_the_first_folds_alone_can_be_summarised(n):
    result = summarise(demo_folds()[:n])
    assert len(result.table) == min(n, len(METHODS))
    means = [name for name in result.table if name.endswith("_mean")]
    assert np.isfinite(result.table[means].to_numpy()).all()
    spreads = [name for name in result.table if name.endswith("_sd")]
    assert result.table[spreads].isna().to_numpy().all() == (n <= 20)
    from_repeats = [name for name in result.table if "_repeats_" in name]
    assert result.table[from_repeats].isna().to_numpy().all() == (n <= 4)
    assert result.recommended in {None, *result.table.index}
    assert result.difference(*result.table.index[[0, -1]]).n_folds == max(1, n // 4)


def test_one_fold_so_far_is_called_at_one_half():
    first = demo_folds()[3]
    row = summarise([first]).table.iloc[0]
    assert (row["tp"], row["fp"], row["fn"], row["tn"]) == (first.tp, first.fp, first.fn, first.tn)


def test_folds_without_rare_cells_have_no_part_in_recall_and_ranking():
    truth = np.arange(30) < 6
    scores = np.where(truth, 0.9, 0.1)
    scores[[0, 7]] = 0.1, 0.9
    folds = [made_fold(np.arange(30) + 30 * i, truth, scores, fold=i) for i in range(3)]
    empty = made_fold(np.arange(90, 120), np.zeros(30), np.full(30, 0.2), fold=3)
    with_empty, without = (summarise(x).table.iloc[0] for x in ([*folds, empty], folds))
    for name in ("recall", "f1", "precision"):
        for part in ("mean", "low", "high"):
            assert with_empty[f"{name}_{part}"] == without[f"{name}_{part}"]
    assert (with_empty["tn"], with_empty["n_rare"]) == (without["tn"] + 30, 18)


def test_only_folds_without_rare_cells_so_far_are_no_failure():
    empty = made_fold(np.arange(30), np.zeros(30), np.full(30, 0.2), trained_share=0.5)
    result = summarise([empty])
    row = result.table.iloc[0]
    assert row["n_rare"] == 0
    assert np.isnan(row["average_precision_mean"])
    assert (row["average_precision_low"], row["average_precision_high"]) == (0, 1)
    assert result.recommended is None
    np.testing.assert_array_equal(result.probabilities("loras+knn"), empty.scores)


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("scores", [[0.5] * 30, [0.0] * 30, [1.0] * 30], ids=["half", "0", "1"])
def test_scores_that_are_all_equal_are_summarised(scores, goal):
    truth = np.arange(30) < 6
    folds = [made_fold(np.arange(30), truth, scores, fold=i) for i in range(3)]
    result = summarise(folds, goal=goal)
    assert result.recommended is None
    assert result.table.loc["loras+knn", "f1_mean"] in (0, pytest.approx(result.chance))


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
    # Ten different cells: not even 50 hits of 50 would make the interval narrower than 10 of 10.
    assert (table["recall_high"] - table["recall_low"] > 0.3).all()


def test_on_the_demo_a_threshold_does_for_nearest_neighbours_what_oversampling_does():
    fixed, chosen = (summarise(demo_folds(), goal=goal).table for goal in ("fixed", "f1"))
    assert fixed.loc["none+knn", "f1_mean"] == 0
    assert chosen.loc["none+knn", "f1_mean"] > 0.85
