"""What is said about labels, what is asked, and what an answer changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core
from core.data.checking.labels import check_labels
from core.data.choices import Choices
from core.data.column_names import label_rank, names_measure, names_sample
from core.data.labels import clean_labels, find_label_columns, find_sample_columns
from core.errors import ChoiceNeeded, DataError
from tests.files import bad_files_tool, cells, counts, write, write_bad_files

N = 90
TYPES = np.repeat(["alpha", "beta", "gamma"], 30).astype(object)
DONORS = np.tile(["d1", "d2"], 45)


def check(columns, **answers):
    choices = Choices({code.replace("_", "-"): answer for code, answer in answers.items()})
    obs, findings = check_labels(pd.DataFrame(columns), choices)
    choices.require_all_used()
    return obs, [*findings, *choices.findings]


def codes(columns, **answers):
    return [finding.code for finding in check(columns, **answers)[1]]


def with_labels(**changes):
    """TYPES with some cells, given as "label=count", relabelled from the front."""
    labels, start = TYPES.copy(), 0
    for label, n in changes.items():
        labels[start : start + n] = label
        start += n
    return labels


def test_clean_labels_bring_no_finding():
    assert codes({"cell_type": TYPES, "donor": DONORS}) == []


class TestUnused:
    def test_categories_that_no_cell_has_are_dropped_and_named(self):
        kinds = pd.Categorical(TYPES, categories=["ghost", *np.unique(TYPES), "zzz"])
        obs, (finding,) = check({"cell_type": kinds})
        assert finding.code == "F-LABEL-UNUSED"
        assert "2 of 'cell_type' ('ghost', 'zzz')" in finding.message
        assert list(obs["cell_type"].cat.categories) == ["alpha", "beta", "gamma"]
        assert obs["cell_type"].tolist() == TYPES.tolist()


class TestMissing:
    def test_labels_that_may_mean_none_are_mentioned_and_stay(self):
        labels = with_labels(unknown=11, NA=2)
        labels[40:42] = None
        obs, (offer,) = check({"cell_type": labels})
        assert offer.code == "W-LABELS-MISSING"
        assert offer.message == (
            "Of 90 cells, some have no label: 2 in 'cell_type'. Labels that may stand for none: "
            "'unknown' of 11 cells in 'cell_type', 'NA' of 2 cells in 'cell_type'."
        )
        assert list(offer.options) == ["no-label"]
        assert offer.suggested == ""
        assert clean_labels(obs["cell_type"]).value_counts()["unknown"] == 11

    def test_they_are_taken_for_none_when_the_user_says_so(self):
        labels = with_labels(unknown=11, NA=2)
        obs, (finding,) = check({"cell_type": labels}, W_LABELS_MISSING="no-label")
        assert finding.code == "F-LABELS-EMPTIED"
        assert finding.message.startswith("13 labels ('unknown', 'NA')")
        clean = clean_labels(obs["cell_type"])
        assert clean.isna().sum() == 13
        assert clean[13:].tolist() == TYPES[13:].tolist()

    @pytest.mark.parametrize(
        "label", ["nan", "NaN", "N/A", "None", "Unknown", "not_assigned", "Unassigned", "?", " na "]
    )
    def test_many_words_may_mean_none(self, label):
        assert codes({"cell_type": with_labels(**{label: 12})}) == ["W-LABELS-MISSING"]

    @pytest.mark.parametrize("label", ["Nan cells", "other", "doublet", "NK", "unknown B", "n"])
    def test_other_words_are_types(self, label):
        assert codes({"cell_type": with_labels(**{label: 12})}) == []


class TestVariants:
    labels = with_labels(**{"Alpha": 3, "alpha ": 2, "AL_PHA": 1})

    def test_spellings_of_one_type_are_offered_for_merging(self):
        obs, findings = check({"cell_type": self.labels})
        (offer,) = [f for f in findings if f.code == "W-LABEL-VARIANTS"]
        assert list(offer.options) == ["merge"]
        for other in ("'Alpha'", "'alpha '", "'AL_PHA'"):
            assert f"{other} and 'alpha'" in offer.message
        assert obs["cell_type"].tolist() == self.labels.tolist()

    def test_merged_labels_take_the_commonest_spelling(self):
        obs, (finding,) = check({"cell_type": self.labels}, W_LABEL_VARIANTS="merge")
        assert finding.code == "F-LABELS-MERGED"
        assert finding.message.startswith("3 labels were merged")
        assert obs["cell_type"].tolist() == TYPES.tolist()

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("T cell", "T_cell", True),
            ("T cell", "t  cell", True),
            ("Tcell", "T cell", True),
            ("\u00e9", "e\u0301", True),
            ("CD4+", "CD4-", False),
            ("CD4", "CD4+", False),
            ("B1", "B-1", False),
            ("T1", "T2", False),
            ("_", " _ ", False),
        ],
    )
    def test_case_spaces_and_underscores_alone_make_no_other_type(self, one, other, same):
        labels = np.repeat([one, other], 30)
        assert codes({"cell_type": labels}) == (["W-LABEL-VARIANTS"] if same else [])

    def test_names_of_samples_are_left_alone(self):
        assert codes({"cell_type": TYPES, "donor": np.tile(["d1", "D1"], 45)}) == []


class TestFew:
    @pytest.mark.parametrize(("n", "said"), [(9, True), (10, False)])
    def test_types_of_fewer_than_ten_cells_are_named_with_their_size(self, n, said):
        found = check({"cell_type": with_labels(rare=n)})[1]
        assert [f.code for f in found] == ["W-LABEL-FEW"] * said
        assert all(
            f.message == "1 type has fewer than 10 cells in 'cell_type': 'rare' (9)." for f in found
        )

    @pytest.mark.parametrize(("n", "said"), [(1, True), (2, False)])
    def test_of_a_single_cell_it_says_that_it_cannot_be_trained(self, n, said):
        (finding,) = check({"cell_type": with_labels(rare=n)})[1]
        assert ("A type of one cell cannot be trained" in finding.next_step) is said

    def test_the_smallest_are_named_first_and_three_of_them(self):
        labels = with_labels(e=5, d=4, c=3, b=2, a=1)
        (finding,) = check({"cell_type": labels})[1]
        assert finding.message.startswith("5 types have")
        assert finding.message.endswith("'a' (1), 'b' (2), 'c' (3) and 2 more.")

    def test_only_the_likeliest_column_is_judged(self):
        assert (
            codes({"phase": with_labels(x=2), "donor": with_labels(y=2), "cell_type": TYPES}) == []
        )


class TestNumbers:
    columns = {"n_counts": np.arange(N) % 50, "leiden": np.arange(N) % 4, "own": np.arange(N) % 3}

    def test_when_only_numbers_may_be_types_the_user_is_asked(self):
        _, (question,) = check(self.columns)
        assert question.code == "C-LABEL-COLUMN"
        assert list(question.options) == ["leiden", "own", "none"]
        assert question.suggested == "leiden"
        assert "4 of them, the smallest with 22 cells" in question.options["leiden"]

    @pytest.mark.parametrize("name", ["leiden", "own"])
    def test_the_chosen_column_becomes_text_and_is_proposed_first(self, name):
        obs, findings = check(self.columns, C_LABEL_COLUMN=name)
        assert findings == []
        assert isinstance(obs[name].dtype, pd.CategoricalDtype)
        assert find_label_columns(obs)[0].name == name
        assert clean_labels(obs[name]).tolist() == [str(i) for i in self.columns[name]]

    def test_with_none_the_columns_stay_numbers(self):
        obs, findings = check(self.columns, C_LABEL_COLUMN="none")
        assert findings == []
        assert obs["leiden"].tolist() == self.columns["leiden"].tolist()

    @pytest.mark.parametrize(
        "more",
        [{"cell_type": TYPES}, {"phase": TYPES}],
        ids=["likely-text", "any-text"],
    )
    def test_where_there_is_text_nothing_is_asked(self, more):
        assert codes({**self.columns, **more}) == []

    @pytest.mark.parametrize(
        "columns",
        [
            {},
            {"n_genes": np.arange(N) % 7},
            {"something": np.arange(N) // 2},
        ],
        ids=["no-column", "a-measure-by-name", "a-measure-by-its-values"],
    )
    def test_measures_and_batches_are_no_types(self, columns):
        assert codes(columns) == []

    def test_a_column_of_samples_alone_is_said_to_be_no_types(self):
        (finding,) = check({"batch": np.arange(N) % 2})[1]
        assert finding.code == "W-LABEL-IS-BATCH"
        assert finding.message.startswith("Only 'batch' could hold cell types")

    def test_who_names_the_column_is_not_asked(self, tmp_path):
        obs = {"leiden": np.arange(40) % 3, "own": np.arange(40) % 2}
        path = write(cells(counts(), obs=obs), tmp_path / "numbers.h5ad")
        with pytest.raises(ChoiceNeeded) as asked:
            core.open_dataset(path)
        assert asked.value.code == "C-LABEL-COLUMN"
        assert core.open_dataset(path, role="query").label_columns()
        assert core.open_dataset(path, label="own").type_sizes("own").to_dict() == {
            "0": 20,
            "1": 20,
        }
        chosen = core.open_dataset(path, choices={"C-LABEL-COLUMN": "own"})
        assert chosen.label_columns()[0].name == "own"
        assert chosen.findings == ()


class TestUnique:
    @pytest.mark.parametrize(("n", "said"), [(90, True), (82, True), (81, False)])
    def test_a_label_for_nearly_every_cell_is_no_type(self, n, said):
        labels = [f"cell {i % n}" for i in range(N)]
        found = codes({"cell_type": labels, "group": TYPES})
        assert ("W-LABEL-UNIQUE" in found) is said

    def test_other_columns_may_hold_names(self):
        assert codes({"barcode": [f"cell {i}" for i in range(N)], "cell_type": TYPES}) == []


class TestBatch:
    def test_types_that_are_samples_are_said(self):
        donors = pd.Series(TYPES).map({"alpha": "d1", "beta": "d2", "gamma": "d3"})
        (finding,) = check({"cell_type": TYPES, "donor": donors})[1]
        assert finding.code == "W-LABEL-IS-BATCH"
        assert "'cell_type' belongs to one value of 'donor'" in finding.message

    @pytest.mark.parametrize("moved", [1, 5])
    def test_one_cell_in_another_sample_is_enough_to_be_none(self, moved):
        donors = pd.Series(TYPES).map({"alpha": "d1", "beta": "d2", "gamma": "d3"})
        donors[:moved] = "d2"
        assert codes({"cell_type": TYPES, "donor": donors}) == []

    def test_two_types_per_sample_are_not_one_to_one(self):
        donors = pd.Series(TYPES).map({"alpha": "d1", "beta": "d1", "gamma": "d2"})
        assert codes({"cell_type": TYPES, "donor": donors}) == []


class TestColumnNames:
    @pytest.mark.parametrize(
        "name",
        ["cell_type", "CellType", "cell.type", "bulk_labels", "annotation_v2", "seurat_clusters",
         "louvain", "leiden_0.5", "ident", "active.ident", "type", "subclass", "lineage"],
    )  # fmt: skip
    def test_likely_types(self, name):
        assert label_rank(name) < label_rank("")
        assert not names_sample(name)
        assert not names_measure(name)

    @pytest.mark.parametrize(
        "name",
        ["batch", "Sample", "donor_id", "patient", "library", "orig.ident", "channel", "stim",
         "sample_type", "replicate", "condition"],
    )  # fmt: skip
    def test_samples(self, name):
        assert names_sample(name)

    @pytest.mark.parametrize(
        "name", ["n_counts", "nCount_RNA", "nFeature_RNA", "pct_counts_mt", "percent.mt", "nUMI",
                 "total_counts", "S_score", "log1p_n_genes"],
    )  # fmt: skip
    def test_measures(self, name):
        assert names_measure(name)
        assert label_rank(name) == label_rank("")

    def test_samples_are_known_by_name_and_by_how_many_cells_share_one(self):
        obs = pd.DataFrame(
            {
                "donor": DONORS,
                "batch": np.arange(N) % 3,
                "library": [f"l{i}" for i in range(N)],
                "sample": ["one"] * N,
                "cell_type": TYPES,
            }
        )
        assert find_sample_columns(obs) == ["donor", "batch"]


@pytest.mark.parametrize(
    ("obs", "sentence"),
    [
        ({"cell_type": ["A"] * 40}, r"two or more cell types \('cell_type' has only 'A'\)"),
        ({}, "has no column with two or more cell types: there is nothing"),
    ],
)
def test_one_type_is_no_reference_and_a_good_query(tmp_path, obs, sentence):
    path = write(cells(counts(), obs=obs), tmp_path / "one.h5ad")
    assert core.open_dataset(path, role="query").report.verdict == "fine"
    with pytest.raises(DataError, match=sentence) as refused:
        core.open_dataset(path, role="reference")
    assert refused.value.code == "E-LABEL-ONE-TYPE"


@pytest.mark.parametrize("option", ["leiden", "cl_float", "none"])
def test_numbers_of_the_shared_tool_are_asked_and_any_answer_opens_them(tmp_path, option):
    path = write_bad_files("lab_numeric", tmp_path) / "lab_numeric.h5ad"
    with pytest.raises(ChoiceNeeded) as asked:
        core.open_dataset(path)
    assert list(asked.value.options) == ["leiden", "cl_float", "none"]
    dataset = core.open_dataset(path, choices={"C-LABEL-COLUMN": option})
    first = dataset.label_columns()[0].name
    assert first == ("leiden" if option == "none" else option)


def test_nasty_labels_are_told_apart(tmp_path):
    nasty = bad_files_tool().NASTY
    labels = np.repeat([*nasty, "plain"], 10)
    obs, findings = check({"cell_type": labels})
    assert {f.code for f in findings} == {"W-LABELS-MISSING", "W-LABEL-VARIANTS"}
    assert all(len(finding.message) < 400 for finding in findings)
    assert obs["cell_type"].tolist() == labels.tolist()
