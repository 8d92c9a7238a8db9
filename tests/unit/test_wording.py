"""Numbers, names and sentences as a biologist would say them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import core
from core import text, wording
from core.data import DEMO_MARKERS, DEMO_TASK
from core.errors import ParameterError
from core.evaluation import FoldResult, score_calls
from core.summary import summarise
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


def made_fold(method, repeat, is_rare, called, cells=None):
    scores = np.where(called, 0.9, 0.1)
    return FoldResult(
        method=method, repeat=repeat, fold=0, n_train_rare=8, n_test_rare=int(is_rare.sum()),
        n_synthetic=0, markers=("A",), **score_calls(is_rare, scores), seconds=1.0,
        test_cells=np.arange(len(is_rare)) if cells is None else cells, test_is_rare=is_rare,
        scores=scores, task=core.RareTask("cell_type", "epsilon"), config=core.TrainingConfig(),
    )  # fmt: skip


class TestSamplingSentence:
    def test_both_methods_are_told_with_their_counts_and_how_often_each_cell_was_tested(self):
        made = result(none_knn=[(8, 0), (8, 1)], loras_knn=[(10, 6), (9, 6)])
        assert wording.sampling_sentence(made, "knn").startswith(
            "LoRAS + knn found 19 of 20 epsilon test cells (10 cells, each tested 2 times) with 12 "
            "false calls; knn alone found 16 with 1. "
        )

    def test_one_repeat_and_one_call_are_told_in_the_singular(self):
        made = result(none_knn=[(0, 0)], loras_knn=[(9, 1)])
        assert wording.sampling_sentence(made, "knn").startswith(
            "LoRAS + knn found 9 of 10 epsilon test cells (10 cells, each tested once) with 1 "
            "false call; knn alone found 0 with 0. "
        )

    def test_thousands_of_cells_are_told_with_separators(self):
        made = result(n_rare=1200, n_other=2000, none_lr=[(1100, 0)], loras_lr=[(1190, 1500)])
        assert wording.sampling_sentence(made, "lr").startswith(
            "LoRAS + lr found 1,190 of 1,200 epsilon test cells (1,200 cells, each tested once) "
            "with 1,500 false calls; lr alone found 1,100 with 0. "
        )

    def test_while_folds_come_in_cells_were_tested_up_to_as_often(self):
        truth, first = np.arange(40) < 10, np.arange(40) % 2 == 0
        parts = [(0, truth), (1, truth[first])]
        folds = [
            made_fold(method, repeat, rare, rare, np.flatnonzero(first) if repeat else None)
            for repeat, rare in parts
            for method in ("none+knn", "loras+knn")
        ]
        said = wording.sampling_sentence(summarise(folds), "knn")
        assert "15 of 15 epsilon test cells (10 cells, each tested up to 2 times)" in said

    @pytest.mark.parametrize(
        ("before", "after", "verdict"),
        [
            ([(4, 0)] * 2, [(10, 0)] * 2, "Oversampling helped: F1 1.00 against 0.57."),
            ([(0, 0)], [(10, 2)], "Oversampling helped: F1 0.91 against 0.00."),
            ([(10, 0)] * 2, [(4, 0)] * 2,
             "Oversampling did not help here: F1 0.57 against 1.00."),
            ([(10, 0)], [(10, 30)], "Oversampling did not help here: F1 0.40 against 1.00."),
            ([(9, 0)] * 2, [(10, 0)] * 2,
             "Oversampling made no clear difference here (F1 1.00 against 0.95)."),
            ([(9, 0)], [(10, 0)],
             "Oversampling made no clear difference here (F1 1.00 against 0.95)."),
            ([(10, 0)], [(9, 0)],
             "Oversampling made no clear difference here (F1 0.95 against 1.00)."),
            ([(8, 0)] * 5, [(8, 0)] * 5,
             "Oversampling made no clear difference here (F1 0.89 against 0.89)."),
            ([(0, 0)] * 2, [(5, 300)] * 2,
             "Neither tells epsilon from other cells here: F1 0.03 against 0.00, where calling "
             "every cell would give 0.04."),
            ([(0, 0)], [(1, 0)],
             "Neither tells epsilon from other cells here: F1 0.18 against 0.00, where calling "
             "every cell would give 0.04."),
        ],
        ids=["helped", "helped-once", "missed", "false-calls", "one-cell", "one-cell-once",
             "one-cell-missed", "same",
             "clearly-more-but-noise", "one-lucky-cell"],
    )  # fmt: skip
    def test_the_verdict_needs_a_clear_difference_over_cells_and_more_than_chance(
        self, before, after, verdict
    ):
        said = wording.sampling_sentence(result(none_knn=before, loras_knn=after), "knn")
        assert said.split(". ", 1)[1] == verdict

    @pytest.mark.parametrize(
        ("classifier", "sampler"), [("lr", "loras"), ("knn", "smote")], ids=["plain", "sampled"]
    )
    def test_without_both_methods_nothing_is_said(self, classifier, sampler):
        made = result(none_knn=[(5, 0)], loras_lr=[(7, 0)])
        assert wording.sampling_sentence(made, classifier, sampler) == ""

    def test_another_sampler_is_told_by_its_name(self):
        made = result(none_lr=[(5, 0)], loras_lr=[(9, 0)])
        names = {"none+lr": "none+lr", "loras+lr": "smote+lr"}
        made = replace(
            made,
            table=made.table.rename(index=names),
            out_of_fold={names[name]: scores for name, scores in made.out_of_fold.items()},
        )
        said = wording.sampling_sentence(made, "lr", "smote")
        assert said.startswith("SMOTE + lr found 9 of 10 epsilon test cells")

    def test_on_the_demo_loras_helps_nearest_neighbours(self):
        assert wording.sampling_sentence(summarise(demo_folds()), "knn") == (
            "LoRAS + knn found 47 of 50 CD34+ test cells (10 cells, each tested 5 times) with 2 "
            "false calls; knn alone found 0 with 0. Oversampling helped: F1 0.95 against 0.00."
        )


class TestRecommendation:
    @pytest.mark.parametrize(
        ("calls", "said"),
        [
            (
                {"none_lr": [(4, 0)] * 2, "loras_lr": [(10, 1), (9, 0)]},
                "LoRAS + lr, 19 of 20 found, 1 false call over 2 repeats, F1 0.95 (0.73 to 1.00).",
            ),
            (
                {"none_lr": [(9, 0)], "loras_lr": [(10, 0)]},
                "lr alone, 9 of 10 found, 0 false calls over 1 repeat, F1 0.95 (0.71 to 1.00); "
                "simpler than LoRAS + lr and as good within noise (F1 1.00).",
            ),
            (
                {"loras_lr": [(10, 0)], "none_lr": [(10, 0)]},
                "lr alone, 10 of 10 found, 0 false calls over 1 repeat, F1 1.00 (0.82 to 1.00).",
            ),
        ],
        ids=["the best", "the simpler", "tie"],
    )
    def test_the_recommended_method_is_told_with_its_scores_and_the_reason(self, calls, said):
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
        assert ". Neither tells CD34+ from other cells here: F1 " in verdict
