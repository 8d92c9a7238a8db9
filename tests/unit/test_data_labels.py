"""Which columns can be labels, what a label is, and which cells are the rare ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import core
from core.data.labels import (
    MAX_TYPES,
    clean_labels,
    find_label_columns,
    require_label_column,
    require_task,
)
from core.errors import DataError, ParameterError
from tests.files import bad_files_tool, cells, counts, write


def column(*labels, n=40, dtype=object):
    """A column of n cells in which the labels take turns."""
    return pd.Series([labels[i % len(labels)] for i in range(n)], dtype=dtype)


def found(series, name="type"):
    return [c.name for c in find_label_columns(pd.DataFrame({name: series}))]


class TestCleanLabels:
    @pytest.mark.parametrize(
        ("raw", "clean"),
        [
            (["a", None, "b"], ["a", None, "b"]),
            (["a", np.nan, pd.NA, pd.NaT], ["a", None, None, None]),
            (["a", "", " ", "\t\n"], ["a", None, None, None]),
            ([1.0, 2.0, np.nan], ["1", "2", None]),
            ([0, 1], ["0", "1"]),
            ([1.5, 2.0], ["1.5", "2"]),
            ([True, False], ["True", "False"]),
            (["1", 1, 1.0, True], ["1", "1", "1", "True"]),
            ([" lead", "trail "], [" lead", "trail "]),
            (["nan", "None"], ["nan", "None"]),
            ([None, None], [None, None]),
            ([], []),
        ],
        ids=["None", "NaN", "blank", "float", "int", "fraction", "bool", "mixed", "spaces", "words",
             "all-missing", "empty"],
    )  # fmt: skip
    def test_labels_become_text_and_missing_ones_none(self, raw, clean):
        assert clean_labels(pd.Series(raw, dtype=object)).tolist() == clean

    @pytest.mark.parametrize(
        ("series", "clean"),
        [
            (pd.Series([1.0, np.nan]), ["1", None]),
            (pd.Series([np.nan, np.nan]), [None, None]),
            (pd.Series(pd.Categorical(["b", None], categories=["z", "b"])), ["b", None]),
            (pd.Series(pd.Categorical([2, 1])), ["2", "1"]),
            (pd.Series([1, None], dtype="Int64"), ["1", None]),
            (pd.Series([True, None], dtype="boolean"), ["True", None]),
            (pd.Series(["a", None, ""], dtype="string"), ["a", None, None]),
            (pd.Series(np.array([3, 4], dtype=np.float32)), ["3", "4"]),
        ],
        ids=["float", "all-NaN", "categories", "number-categories", "Int64", "boolean", "string",
             "float32"],
    )  # fmt: skip
    def test_every_kind_of_column_is_understood(self, series, clean):
        assert clean_labels(series).tolist() == clean

    def test_the_column_stays_as_it_was(self):
        series = pd.Series(["a", None, " "], dtype=object)
        clean_labels(series)
        assert series.tolist() == ["a", None, " "]


class TestFindLabelColumns:
    @pytest.mark.parametrize(
        "series",
        [
            pytest.param(column("a", "b"), id="text"),
            pytest.param(column("a", "b", None), id="text-with-gaps"),
            pytest.param(column(0, 1, 2, dtype=int), id="whole-numbers"),
            pytest.param(column(0.0, 1.0, np.nan, dtype=float), id="whole-floats-with-gaps"),
            pytest.param(column(True, False, dtype=bool), id="truth-values"),
            pytest.param(column("a", "b", dtype="category"), id="categories"),
            pytest.param(column(*map(str, range(MAX_TYPES)), n=2 * MAX_TYPES), id="200-types"),
        ],
    )
    def test_columns_with_2_to_200_labels_are_offered(self, series):
        assert found(series) == ["type"]

    @pytest.mark.parametrize(
        "series",
        [
            pytest.param(column("a"), id="one-type"),
            pytest.param(column("a", None), id="one-type-with-gaps"),
            pytest.param(column("a", " ", ""), id="one-type-and-blanks"),
            pytest.param(column(None), id="no-label"),
            pytest.param(pd.Series(np.linspace(0, 1, 40)), id="continuous"),
            pytest.param(pd.Series(np.full(40, np.nan)), id="all-NaN"),
            pytest.param(pd.Series([f"cell{i}" for i in range(40)]), id="a-name-per-cell"),
            pytest.param(column(*map(str, range(MAX_TYPES + 1)), n=500), id="201-types"),
        ],
    )
    def test_other_columns_are_not_offered(self, series):
        assert found(series) == []

    def test_the_smallest_type_is_named_with_its_cells(self):
        obs = pd.DataFrame({"type": ["b"] * 30 + ["a"] * 7 + ["c"] * 3 + [None] * 2})
        (offered,) = find_label_columns(obs)
        assert offered == core.data.LabelColumn("type", 3, "c", 3)

    def test_categories_that_no_cell_has_do_not_count(self):
        series = pd.Series(pd.Categorical(["a"] * 9 + ["b"], categories=["ghost", "a", "b"]))
        (offered,) = find_label_columns(pd.DataFrame({"type": series}))
        assert (offered.n_types, offered.smallest_type, offered.smallest_size) == (2, "b", 1)

    def test_likely_names_come_first_and_numbers_after_words(self):
        words, numbers = column("a", "b"), column(1, 2, dtype=int)
        obs = pd.DataFrame(
            {
                "n": numbers,
                "sex": words,
                "leiden": words,
                "Cell_Type_final": words,
                "cluster": words,
            }
        )
        offered = [c.name for c in find_label_columns(obs)]
        assert offered == ["Cell_Type_final", "cluster", "leiden", "sex", "n"]

    def test_no_columns_give_no_offer(self):
        assert find_label_columns(pd.DataFrame(index=range(3))) == []


class TestRequire:
    obs = pd.DataFrame(
        {
            "type": ["beta"] * 5 + ["epsilon"] * 2 + ["single"] + [None, " "],
            "same": ["x"] * 10,
            "none": [None] * 10,
        }
    )

    def test_rare_cells_are_those_with_the_label_and_unlabelled_cells_take_no_part(self):
        truth = require_task(self.obs, core.RareTask("type", "epsilon"))
        np.testing.assert_array_equal(truth.rows, range(8))
        np.testing.assert_array_equal(truth.is_rare, [0, 0, 0, 0, 0, 1, 1, 0])
        assert (truth.n_rare, truth.n_other) == (2, 6)

    @pytest.mark.parametrize(
        ("task", "error", "code", "sentence"),
        [
            (("nope", "x"), DataError, "E-LABEL-COLUMN", "There is no column 'nope'"),
            (("same", "x"), DataError, "E-LABEL-ONE-TYPE", "'same' has only the type 'x'"),
            (("none", "x"), DataError, "E-LABEL-ONE-TYPE", "'none' has no labels at all"),
            (("type", "zeta"), ParameterError, "E-RARE-UNKNOWN", "No cell has 'zeta'"),
            (("type", " "), ParameterError, "E-RARE-UNKNOWN", "`rare` must be a type of column"),
            (("type", "single"), ParameterError, "E-RARE-ONE", "'single' has a single cell"),
        ],
        ids=["no-column", "one-type", "no-labels", "no-such-type", "blank", "one-rare-cell"],
    )  # fmt: skip
    def test_tasks_that_cannot_be_done_are_refused(self, task, error, code, sentence):
        with pytest.raises(error, match=sentence) as refused:
            require_task(self.obs, core.RareTask(*task))
        assert refused.value.code == code
        assert refused.value.next_step

    def test_the_refusal_names_what_could_be_chosen(self):
        with pytest.raises(DataError, match="Choose one of: type ") as refused:
            require_label_column(self.obs, "nope")
        assert refused.value.next_step == "Choose one of: type"
        with pytest.raises(DataError, match="together with a table of its cells"):
            require_label_column(self.obs[["same"]], "nope")
        with pytest.raises(ParameterError, match=r"Choose one of: beta, epsilon, single\."):
            require_task(self.obs, core.RareTask("type", "zeta"))

    def test_of_many_types_twelve_are_named(self):
        obs = pd.DataFrame({"type": [f"t{i:02}" for i in range(20)] * 2})
        with pytest.raises(ParameterError, match=r"t11 …") as refused:
            require_task(obs, core.RareTask("type", "zeta"))
        assert "t12" not in refused.value.next_step


def test_strange_label_names_survive_the_file_and_each_can_be_the_rare_type(tmp_path):
    nasty = bad_files_tool().NASTY
    types = pd.Series(np.repeat([*nasty, "plain"], 3), dtype=object)
    path = write(cells(counts(len(types)), obs={"type": types.to_numpy()}), tmp_path / "n.h5ad")
    dataset = core.open_dataset(path, label="type")
    assert dataset.labels("type").tolist() == types.tolist()
    assert dict(dataset.type_sizes("type")) == dict.fromkeys(types, 3)
    for name in nasty:
        truth = dataset.rare_labels(core.RareTask("type", name))
        np.testing.assert_array_equal(np.flatnonzero(truth.is_rare), np.flatnonzero(types == name))
