"""Numbers, names and sentences as a biologist would say them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core
from core import text, wording
from core.errors import ParameterError
from core.summary import CrossValidation


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


def result(**rows):
    """Cross-validation with just what the sentence needs: tp, fp, fn, mean and sd of F1."""
    columns = ["tp", "fp", "fn", "f1_mean", "f1_sd"]
    table = pd.DataFrame.from_dict(
        {name.replace("_", "+"): row for name, row in rows.items()}, orient="index", columns=columns
    )
    return CrossValidation(
        table=table,
        out_of_fold={},
        recommended="none+knn",
        task=core.RareTask("cell_type", "epsilon"),
        config=core.TrainingConfig(),
    )


class TestSamplingSentence:
    def test_both_methods_are_told_with_their_counts(self):
        said = wording.sampling_sentence(
            result(none_knn=(1030, 1, 220, 0.7, 0.01), loras_knn=(1200, 12, 50, 0.9, 0.01)), "knn"
        )
        assert said.startswith(
            "LoRAS + knn found 1,200 of 1,250 epsilon test cells with 12 false calls; "
            "knn alone found 1,030 with 1 false call. "
        )

    @pytest.mark.parametrize(
        ("before", "after", "verdict"),
        [
            ((0.70, 0.02), (0.90, 0.03), "Oversampling helped: F1 0.90 against 0.70."),
            ((0.90, 0.02), (0.70, 0.03), "Oversampling did not help here: F1 0.70 against 0.90."),
            (
                (0.70, 0.25),
                (0.90, 0.03),
                "Oversampling made no clear difference here (F1 0.90 against 0.70).",
            ),
            (
                (0.70, 0.01),
                (0.90, 0.21),
                "Oversampling made no clear difference here (F1 0.90 against 0.70).",
            ),
            (
                (0.801, 0.0),
                (0.804, 0.0),
                "Oversampling made no clear difference here (F1 0.80 against 0.80).",
            ),
            ((0.70, np.nan), (0.90, np.nan), "Oversampling helped: F1 0.90 against 0.70."),
        ],
        ids=["helped", "hurt", "spread-before", "spread-after", "same-to-two-digits", "one-repeat"],
    )
    def test_a_difference_within_the_spread_is_called_none(self, before, after, verdict):
        rows = {"none_knn": (5, 0, 5, *before), "loras_knn": (7, 0, 3, *after)}
        assert wording.sampling_sentence(result(**rows), "knn").endswith(verdict)

    @pytest.mark.parametrize(
        ("classifier", "sampler"), [("lr", "loras"), ("knn", "smote")], ids=["plain", "sampled"]
    )
    def test_without_both_methods_nothing_is_said(self, classifier, sampler):
        rows = {"none_knn": (5, 0, 5, 0.5, 0.1), "loras_lr": (7, 0, 3, 0.7, 0.1)}
        assert wording.sampling_sentence(result(**rows), classifier, sampler) == ""

    def test_another_sampler_is_told_by_its_name(self):
        rows = {"none_lr": (5, 0, 5, 0.5, 0.1), "smote_lr": (7, 0, 3, 0.9, 0.1)}
        said = wording.sampling_sentence(result(**rows), "lr", "smote")
        assert said.startswith("SMOTE + lr found 7 of 10 epsilon test cells")
