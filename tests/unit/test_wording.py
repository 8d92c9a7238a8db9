"""Numbers, names and sentences as a biologist would say them."""

from __future__ import annotations

import numpy as np
import pytest

import core
from core import text, wording
from core.data import DEMO_MARKERS, DEMO_TASK
from core.errors import ParameterError
from core.evaluation import FoldResult, score_calls
from core.query_outlook import Counts, in_query
from core.summary import summarise
from core.thresholds import choose_threshold
from tests.cells import demo_folds, keep


class TestText:
    @pytest.mark.parametrize(
        ("n", "kind", "said"),
        [
            (0, "", "0 cells"),
            (1, "", "1 cell"),
            (2, "", "2 cells"),
            (1, "rare", "1 rare cell"),
            (1234, "rare", "1,234 rare cells"),
        ],
    )
    def test_cells_are_counted_in_singular_and_plural(self, n, kind, said):
        assert text.cells_text(n, kind) == said

    @pytest.mark.parametrize(
        ("typed", "drawn"),
        [
            ("CD4+/CD8- T", "CD4+/CD8- T"),
            ("<b>T</b> & B", "&lt;b&gt;T&lt;/b&gt; &amp; B"),
            ('B "naive" it\'s', 'B "naive" it\'s'),
            ("x" * 36, "x" * 36),
            ("x" * 37, "x" * 35 + "…"),
            ("<" * 40, "&lt;" * 35 + "…"),
            ("細胞 β", "細胞 β"),
            (7, "7"),
        ],
        ids=["plain", "markup", "quotes", "36", "37", "cut-before-escaping", "unicode", "number"],
    )
    def test_names_from_a_file_are_drawn_as_typed_and_cut_at_36(self, typed, drawn):
        assert text.safe_text(typed) == drawn

    def test_a_name_can_be_cut_shorter(self):
        assert text.safe_text("epsilon", longest=4) == "eps…"

    @pytest.mark.parametrize(
        ("x", "said"),
        [
            (np.inf, "–"),
            (-np.inf, "–"),
            (999.6, "1,000"),
            (0.09996, "0.100"),
            (-1234567, "-1,230,000"),
            (1e-9, "0.00000000100"),
            (-0.0, "0"),
        ],
        ids=["inf", "minus-inf", "carry", "carry-below-1", "large", "tiny", "minus-zero"],
    )
    def test_numbers_at_the_edges_have_three_significant_digits(self, x, said):
        assert text.number_text(x) == said

    @pytest.mark.parametrize(
        ("share", "said"),
        [(0.9994, "99.9 %"), (0.99951, "> 99.9 %"), (0.12345, "12.3 %"), (0.0001234, "0.0123 %")],
    )
    def test_percent_of_small_and_nearly_whole_shares(self, share, said):
        assert text.percent_text(share) == said

    @pytest.mark.parametrize("name", ["", "knn", "+knn", "loras+"])
    def test_a_method_is_two_names(self, name):
        with pytest.raises(ParameterError, match="`method` must be written like") as refused:
            text.method_label(name)
        assert refused.value.code == "E-PARAMETER"

    def test_every_sampler_of_the_registry_has_a_name_to_be_said(self):
        from core.oversampling import SAMPLERS

        assert set(SAMPLERS) - {"none"} <= set(text.SAMPLER_LABELS)


class TestPhrases:
    @pytest.mark.parametrize(
        ("n", "total", "said"),
        [
            (10, 525, "10 of 525 cells, 1 in 52"),
            (14, 2638, "14 of 2,638 cells, 1 in 188"),
            (3, 30000, "3 of 30,000 cells, 1 in 10,000"),
            (5, 5, "5 of 5 cells, 1 in 1"),
            (0, 5, "0 of 5 cells"),
        ],
    )
    def test_how_rare_a_type_is(self, n, total, said):
        assert wording.frequency(n, total) == said

    @pytest.mark.parametrize(
        ("found", "rare", "wrong", "said"),
        [
            (47, 50, 2, "47 of 50 found, 2 false calls"),
            (0, 1, 1, "0 of 1 found, 1 false call"),
            (1200, 1250, 0, "1,200 of 1,250 found, 0 false calls"),
        ],
    )
    def test_what_calls_achieved(self, found, rare, wrong, said):
        assert wording.calls_sentence(found, rare, wrong) == said

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (0, "1 s"),
            (0.4, "1 s"),
            (8.2, "8 s"),
            (59.4, "59 s"),
            (59.6, "1 min"),
            (95, "2 min"),
            (3569, "59 min"),
            (3590, "1 h"),
            (7300, "2 h"),
            (200_000, "56 h"),
        ],
    )
    def test_a_stretch_of_time_is_said_in_one_unit(self, seconds, said):
        assert wording.span(seconds) == said

    def test_counts_are_said_as_in_figures(self):
        assert wording.count(1234) == text.count_text(1234) == "1,234"


def result(*, n_rare=10, n_other=500, **calls):
    """Cross-validation in which methods called, per repeat, the first rare and other cells."""
    is_rare = np.arange(n_rare + n_other) < n_rare
    within = np.where(is_rare, np.arange(n_rare + n_other), np.arange(n_rare + n_other) - n_rare)
    return summarise(
        made_fold(name.replace("_", "+"), repeat, is_rare, within < np.where(is_rare, found, wrong))
        for name, per_repeat in calls.items()
        for repeat, (found, wrong) in enumerate(per_repeat)
    )


def made_fold(method, repeat, is_rare, called, cells=None, *, fold=0, **settings):
    scores = np.where(called, 0.9, 0.1)
    settings = {"config": core.TrainingConfig(), "n_train": 2040} | settings
    return FoldResult(
        method=method, repeat=repeat, fold=fold, n_train_rare=8, n_test_rare=int(is_rare.sum()),
        n_synthetic=0, markers=("A",), **score_calls(is_rare, scores), seconds=1.0,
        test_cells=np.arange(len(is_rare)) if cells is None else cells, test_is_rare=is_rare,
        scores=scores, task=core.RareTask("cell_type", "epsilon"), **settings,
    )  # fmt: skip


class TestComparisonSentence:
    @pytest.mark.parametrize(
        ("before", "after", "counts"),
        [
            ([(6, 1), (7, 2)], [(9, 13), (10, 14)],
             "finds 3 more of 10 cells than lr alone and calls 12 more wrongly"),
            ([(9, 3), (8, 3)], [(8, 2), (7, 2)],
             "finds 1 fewer of 10 cells than lr alone and calls 1 fewer wrongly"),
            ([(9, 2), (9, 2)], [(9, 2), (9, 2)],
             "finds as many of 10 cells as lr alone (9) and calls no more wrongly"),
            ([(9, 2), (9, 2)], [(9, 0), (9, 0)],
             "finds as many of 10 cells as lr alone (9) and calls 2 fewer wrongly"),
            ([(5, 0), (5, 0)], [(7, 0), (7, 0)],
             "finds 2 more of 10 cells than lr alone and calls no more wrongly"),
        ],
        ids=["more and more", "fewer and fewer", "as many", "as many, fewer", "more, no more"],
    )  # fmt: skip
    def test_cells_are_counted_per_repeat(self, before, after, counts):
        said = wording.comparison_sentence(
            result(none_lr=before, loras_lr=after), "loras+lr", "none+lr"
        )
        assert said.startswith(f"LoRAS + lr {counts}; ")

    @pytest.mark.parametrize(
        ("after", "counts"),
        [
            ([(7, 0), (6, 0), (6, 0)], "finds as many of 10 cells as lr alone (6)"),
            ([(7, 0), (7, 0), (6, 0)], "finds 1 more of 10 cells"),
            ([(5, 0), (5, 0), (6, 0)], "finds 1 fewer of 10 cells"),
            ([(7, 0), (6, 0)], "finds 1 more of 10 cells"),
            ([(5, 0), (6, 0)], "finds 1 fewer of 10 cells"),
        ],
        ids=["a third", "two thirds", "minus two thirds", "a half", "minus a half"],
    )
    def test_means_are_rounded_to_whole_cells(self, after, counts):
        made = result(none_lr=[(6, 0)] * len(after), loras_lr=after)
        said = wording.comparison_sentence(made, "loras+lr", "none+lr")
        assert said.startswith(f"LoRAS + lr {counts}")

    def test_thousands_of_cells_are_told_with_separators(self):
        made = result(
            n_rare=1200, n_other=2000, none_lr=[(100, 0)] * 2, loras_lr=[(1190, 1500)] * 2
        )
        said = wording.comparison_sentence(made, "loras+lr", "none+lr")
        assert "finds 1,090 more of 1,200 cells than lr alone and calls 1,500 more wrongly" in said

    @pytest.mark.parametrize(
        ("before", "after", "verdict"),
        [
            ([(3, 0), (3, 0), (4, 0)], [(10, 0)] * 3, "it is clearly better: F1 1.00 against 0.50"),
            ([(10, 0)] * 3, [(3, 0), (3, 0), (4, 0)], "it is clearly worse: F1 0.50 against 1.00"),
            ([(10, 0), (10, 1)], [(10, 32), (10, 30)], "it is clearly worse: F1 0.39 against 0.98"),
            ([(10, 0)] * 2, [(10, 30)] * 2,
             "the difference in F1 (0.40 against 1.00) is more than one standard error, but it is "
             "the same in every fold, too little to be sure of with 10 rare cells"),
            ([(6, 0), (7, 0), (3, 0)], [(9, 0)] * 3,
             "the difference in F1 (0.95 against 0.68) is more than one standard error, but it may "
             "be chance (95 % interval −0.36 to 0.90): 10 rare cells are too few to tell"),
            ([(9, 0), (8, 0)], [(10, 0), (8, 0)],
             "the difference in F1 (0.94 against 0.92) is within noise"),
            ([(8, 0)] * 5, [(8, 0)] * 5, "F1 is 0.89 for both"),
            ([(9, 0)], [(10, 0)],
             "F1 is 1.00 against 0.95, from too few folds to say whether that is more than noise"),
            ([(0, 0)] * 2, [(5, 300)] * 2,
             "neither tells epsilon from other cells: F1 0.03 against 0.00, where calling every "
             "cell would give 0.04"),
        ],
        ids=["better", "worse", "false calls", "no spread", "too few", "one cell", "same",
             "one fold", "neither"],
    )  # fmt: skip
    def test_the_verdict_is_that_of_the_corrected_test(self, before, after, verdict):
        made = result(none_lr=before, loras_lr=after)
        said = wording.comparison_sentence(made, "loras+lr", "none+lr")
        assert said.split("; ", 1)[1] == f"{verdict}."

    def test_a_large_fold_counts_as_the_table_counts_it(self):
        # In nine of ten folds, which are small, one is better; in the large one it is worse.
        def folds(method, found):
            for fold, (n_rare, tp) in enumerate(zip([2] * 9 + [100], found, strict=True)):
                truth = np.arange(n_rare + 20) < n_rare
                cells = np.arange(len(truth)) + 1000 * fold
                yield made_fold(method, 0, truth, np.arange(len(truth)) < tp, cells, fold=fold)

        made = summarise(
            [*folds("loras+lr", [2] * 9 + [60]), *folds("none+lr", [1] * 9 + [84])], goal="fixed"
        )
        f1 = made.table["f1_mean"]
        difference = made.difference("loras+lr", "none+lr")
        assert difference.mean == pytest.approx(f1["loras+lr"] - f1["none+lr"])
        assert difference.mean < 0
        assert not difference.is_clear
        said = wording.comparison_sentence(made, "loras+lr", "none+lr")
        assert said.endswith("(0.80 against 0.88) is within noise.")

    def test_while_folds_come_in_only_those_of_both_are_told(self):
        both = result(none_lr=[(6, 0), (8, 0)], loras_lr=[(8, 0), (8, 0), (0, 0)])
        said = wording.comparison_sentence(both, "loras+lr", "none+lr")
        assert said.startswith("LoRAS + lr finds 1 more of 10 cells than lr alone")
        assert said.endswith("F1 (0.89 against 0.82) is within noise.")

    def test_methods_without_a_fold_in_common_are_not_compared(self):
        truth = np.arange(60) < 10
        made = summarise(
            [made_fold("none+lr", 0, truth, truth), made_fold("loras+lr", 1, truth, truth)]
        )
        assert wording.comparison_sentence(made, "loras+lr", "none+lr") == ""


class TestSamplingSentence:
    def test_the_best_sampler_is_told_and_of_how_many_it_is_the_best(self):
        made = result(
            none_lr=[(5, 0), (6, 0)], smote_lr=[(9, 0), (9, 0)], loras_lr=[(7, 0), (8, 0)],
        )  # fmt: skip
        said = wording.sampling_sentence(made, "lr")
        assert said.startswith("Best of 2 samplers: SMOTE + lr finds 4 more of 10 cells than lr")
        alone = wording.sampling_sentence(made, "lr", "loras")
        assert alone == wording.comparison_sentence(made, "loras+lr", "none+lr")

    def test_there_is_one_sentence_for_every_classifier_that_has_both(self):
        made = result(
            none_lr=[(5, 0)] * 2, loras_lr=[(9, 0)] * 2, loras_knn=[(9, 0)] * 2,
            none_forest=[(9, 0)] * 2,
        )  # fmt: skip
        assert wording.comparison_sentences(made) == [wording.sampling_sentence(made, "lr")]

    @pytest.mark.parametrize(
        ("classifier", "sampler"), [("lr", None), ("knn", "smote"), ("forest", None)]
    )
    def test_without_both_methods_nothing_is_said(self, classifier, sampler):
        made = result(none_knn=[(5, 0)], loras_lr=[(7, 0)], none_forest=[(7, 0)])
        assert wording.sampling_sentence(made, classifier, sampler) == ""

    def test_on_the_demo_a_good_threshold_does_as_well_as_loras(self):
        said = wording.comparison_sentences(summarise(demo_folds()))
        assert len(said) == 2
        for sentence in said:
            assert sentence.endswith(" is within noise.")
        at_half = wording.sampling_sentence(summarise(demo_folds(), goal="fixed"), "knn")
        assert "it is clearly better: F1 0.95 against 0.00" in at_half


class TestRecommendation:
    @pytest.mark.parametrize(
        ("calls", "said"),
        [
            (
                {"none_lr": [(4, 0), (5, 0), (4, 0)], "loras_lr": [(10, 1), (9, 0), (9, 0)]},
                "LoRAS + lr, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 28 of 30 found, "
                "1 false call over 3 repeats, F1 0.95 (0.72 to 1.00). Why: no "
                "simpler method comes within one standard error; over the same folds the nearest, "
                "lr alone (F1 0.60), is behind by 0.35 in F1, which rests on too few cells to be "
                "sure (95 % interval 0.16 to 0.53).",
            ),
            (
                {"none_lr": [(6, 0), (7, 0), (3, 0)], "smote_knn": [(9, 0), (9, 1), (9, 0)]},
                "SMOTE + knn, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 27 of 30 found, "
                "1 false call over 3 repeats, F1 0.93 (0.69 to 1.00). Why: no "
                "simpler method comes within one standard error; over the same folds the nearest, "
                "lr alone (F1 0.68), is behind by 0.25 in F1, which may be chance (95 % interval "
                "−0.44 to 0.94): 10 rare cells are too few to tell.",
            ),
            (
                {"none_lr": [(3, 0), (4, 1), (3, 0)], "smote_knn": [(10, 0), (10, 1), (10, 0)]},
                "SMOTE + knn, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 30 of 30 found, "
                "1 false call over 3 repeats, F1 0.98 (0.79 to 1.00). Why: no "
                "simpler method comes within one standard error; over the same folds the nearest, "
                "lr alone (F1 0.49), is behind by 0.50 in F1 (95 % interval 0.27 to 0.73).",
            ),
            (
                {"none_lr": [(9, 0), (9, 0)], "loras_lr": [(10, 0), (9, 0)]},
                "lr alone, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 18 of 20 found, "
                "0 false calls over 2 repeats, F1 0.95 (0.71 to 1.00). Why: simpler than LoRAS + "
                "lr (F1 0.97) and as good within noise: over the same folds LoRAS + lr is ahead by "
                "0.03 (95 % interval −0.38 to 0.44) in F1 and by 0.05 (95 % interval −0.71 to "
                "0.81) in average precision, no more than one standard error (0.03 and 0.06) or "
                "0.02.",
            ),
            (
                {"none_lr": [(9, 0)], "loras_lr": [(10, 0)]},
                "lr alone, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 9 of 10 found, "
                "0 false calls over 1 repeat, F1 0.95 (0.71 to 1.00). Why: simpler than LoRAS + "
                "lr (F1 1.00), "
                "and too few folds to say more.",
            ),
            (
                {"loras_lr": [(10, 0)], "none_lr": [(10, 0)]},
                "lr alone, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 10 of 10 found, "
                "0 false calls over 1 repeat, F1 1.00 (0.82 to 1.00). Why: no method here is "
                "simpler, and none "
                "is better.",
            ),
            (
                {"loras_lr": [(10, 0)] * 2},
                "LoRAS + lr, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 20 of 20 found, "
                "0 false calls over 2 repeats, F1 1.00 (0.82 to 1.00). Why: no method here is "
                "simpler.",
            ),
            (
                {"none_lr": [(0, 0), (9, 500)], "loras_lr": [(10, 0)] * 2},
                "LoRAS + lr, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 20 of 20 found, "
                "0 false calls over 2 repeats, F1 1.00 (0.82 to 1.00). Why: clearly better than "
                "every simpler "
                "method.",
            ),
            (
                {"none_lr": [(0, 0), (4, 20)], "loras_lr": [(10, 0)] * 2},
                "LoRAS + lr, called from a score of 0.50 on, the best F1. With "
                "thresholds chosen that way on other folds: 20 of 20 found, "
                "0 false calls over 2 repeats, F1 1.00 (0.82 to 1.00). Why: the "
                "simplest method that is better than chance.",
            ),
        ],
        ids=["the best", "the best, perhaps", "the best for sure", "the simpler",
             "one fold", "tie", "alone", "the simpler is no good",
             "the simpler is no better than chance, by luck"],
    )  # fmt: skip
    def test_method_threshold_scores_and_reason_are_told(self, calls, said):
        assert wording.recommendation(result(**calls)) == (True, said)

    @pytest.mark.parametrize(
        ("n_other", "calls", "f1", "chance"),
        [
            (500, (1, 9), "F1 0.10 (0.00 to 0.41)", "0.04"),
            (20_000, (0, 9), "F1 0.00 (0.00 to 0.30)", "below 0.01"),
        ],
        ids=["rare", "very rare"],
    )
    def test_when_none_is_better_than_calling_every_cell_that_is_said(
        self, n_other, calls, f1, chance
    ):
        made = result(n_other=n_other, loras_knn=[calls])
        assert wording.recommendation(made) == (
            False,
            f"No method tells epsilon from other cells here: the best, LoRAS + knn, reaches {f1}; "
            f"calling every cell would give {chance}.",
        )


def chosen(goal, rare, other, **settings):
    truth = np.arange(len(rare) + len(other)) < len(rare)
    return choose_threshold(truth, np.array([*rare, *other], dtype=float), goal, **settings)


class TestThresholdWords:
    @pytest.mark.parametrize(
        ("goal", "settings", "said"),
        [
            ("f1", {}, "called from a score of 0.55 on, the best F1"),
            ("f2", {}, "called from a score of 0.55 on, the best F2"),
            ("precision", {}, "called from a score of 0.55 on, chosen for at least 90 % precision"),
            (
                "recall",
                {"least": 0.95},
                "called from a score of 0.55 on, chosen for at least 95 % recall",
            ),
            ("fixed", {}, "called from a score of 0.50 on, a fixed threshold"),
        ],
    )
    def test_the_goal_is_told_in_words(self, goal, settings, said):
        assert wording.threshold_words(chosen(goal, [0.9, 0.8], [0.3], **settings)) == said

    def test_a_goal_out_of_reach_is_told_as_such(self):
        found = chosen("precision", [0.8, 0.6, 0.5], [0.9, 0.4])
        assert wording.goal_words(found) == "the highest precision, as 90 % is out of reach"
        assert wording.goal_words(chosen("f1", [], [0.2])) == "no rare cell to choose it on"

    @pytest.mark.parametrize(
        ("value", "said"),
        [(0.004, "0.004"), (0.00004, "0.00004"), (0.996, "0.996"), (0.016, "0.02"), (0.0, "0.00"),
         (1.0, "1.00"), (1e-12, "0.000000")],
    )  # fmt: skip
    def test_a_threshold_near_the_ends_is_not_rounded_to_them(self, value, said):
        threshold = chosen("f1", [value], [])
        object.__setattr__(threshold, "value", value)
        assert f" score of {said} on" in wording.threshold_words(threshold)


class TestQueryAndProbabilities:
    def test_a_query_is_told_with_the_bounds_of_chance(self):
        outlook = in_query(Counts(9, 0, 10, 500), frequency=0.02)
        assert wording.outlook_sentence(outlook, "epsilon") == (
            "Of 10,000 cells with 200 epsilon among them, expect 180 (111 to 199) found and 0 (0 "
            "to 72) called wrongly: 100 % of the calls would be right (60.6 % to 100 %)."
        )

    def test_a_query_in_which_nothing_is_called_has_no_precision(self):
        outlook = in_query(Counts(0, 0, 10, 500), frequency=0.0005, n_cells=1000)
        assert wording.outlook_sentence(outlook, "epsilon") == (
            "Of 1,000 cells with 0.5 epsilon among them, expect 0 (0 to 0.2) found and 0 (0 to "
            "7.3) called wrongly."
        )

    def test_probabilities_that_are_right_and_wrong_are_told(self):
        truth = np.arange(510) < 10
        made = summarise([made_fold("none+lr", 0, truth, truth)])
        assert wording.calibration_sentence(made, "none+lr") == (
            "Read as probabilities, the scores of lr alone promise 59 rare cells, and there are "
            "10; they are too high where they say about 10 %. Brier score 0.0100, where always "
            "saying how rare "
            "the type is would give 0.0192."
        )
        shifted = summarise([made_fold("none+lr", 0, truth, truth, trained_share=0.5)])
        said = wording.calibration_sentence(shifted, "none+lr")
        assert (
            "promise 2.6 rare cells, and there are 10; they are too low where they say about 15 %"
            in said
        )

    def test_probabilities_within_noise_are_told_as_such(self):
        truth = np.arange(20) < 10
        called = (np.arange(20) < 9) | (np.arange(20) == 10)
        said = wording.calibration_sentence(
            summarise([made_fold("none+lr", 0, truth, called)]), "none+lr"
        )
        assert "everywhere on the scale they are right within noise" in said


class TestOptimisticSentence:
    def test_it_says_by_how_much_the_other_way_flatters(self):
        honest, flattered = result(loras_lr=[(6, 1)]), result(loras_lr=[(9, 0)])
        average = honest.table.loc["loras+lr", "average_precision_mean"]
        seen = flattered.table.loc["loras+lr", "average_precision_mean"]
        assert wording.optimistic_sentence(honest, flattered, "loras+lr") == (
            "With markers picked on all cells, those that are tested included, LoRAS + lr would "
            f"seem to reach F1 0.95 and average precision {seen:.2f}, where it reaches 0.71 and "
            f"{average:.2f}: an F1 that is 0.24 too good and an average precision that is "
            f"{seen - average:.2f} too good."
        )

    @pytest.mark.parametrize("calls", [(6, 1), (5, 1)], ids=["the same", "lower"])
    def test_what_does_not_flatter_is_told_as_such(self, calls):
        said = wording.optimistic_sentence(
            result(loras_lr=[(6, 1)]), result(loras_lr=[calls]), "loras+lr"
        )
        assert said.endswith(": here neither is flattered.")


def shuffled_demo(seed):
    """Cross-validate the demo, one repeat, with its labels dealt out anew: nothing to find."""
    demo = core.demo_reference()
    types = np.random.default_rng(seed).permutation(demo.obs[DEMO_TASK.label].to_numpy(object))
    made = keep(demo.matrix().toarray(), types, genes=list(demo.genes))
    config = core.TrainingConfig(markers=DEMO_MARKERS, n_repeats=1, seed=seed)
    return summarise(core.iter_folds(made, core.RareTask("type", DEMO_TASK.rare), config))


@pytest.mark.parametrize("seed", range(4))
def test_on_shuffled_labels_nothing_has_helped_and_nothing_is_recommended(seed):
    made = shuffled_demo(seed)
    assert made.table["fp"].max() > 0  # methods did call cells
    assert made.recommended is None
    found, said = wording.recommendation(made)
    assert not found
    assert said.startswith("No method tells CD34+ from other cells here")
    for classifier in ("knn", "lr"):
        verdict = wording.sampling_sentence(made, classifier)
        assert "; neither tells CD34+ from other cells: F1 " in verdict
