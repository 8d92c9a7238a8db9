"""Cells and genes that are odd by values or names: planted, counted, and not seen elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from core.data.checking.profile import find_copies, profile_cells
from core.data.checks import check_cells
from core.data.choices import Choices
from core.data.reading.cells import ReadCells
from tests.files import cells

COUNTS = np.random.default_rng(2).poisson(2, (50, 40)).astype(np.float32)


def findings_of(x, **parts):
    adata = cells(x, **parts)
    return check_cells(ReadCells(adata, "AnnData"), Choices()).report.findings


def changed(**blocks):
    """COUNTS with some parts overwritten: rows, columns and value by turns."""
    values = COUNTS.copy()
    for rows, columns, value in blocks.values():
        values[rows, columns] = value
    return values


ALL = slice(None)


class TestConstantGenes:
    @pytest.mark.parametrize(
        ("zero", "same", "said"),
        [
            (slice(0, 0), slice(30, 32), "2 of 40 genes .* (0 of them zero)"),
            (slice(5, 8), slice(30, 32), "5 of 40 genes .* (3 of them zero)"),
        ],
        ids=["constant", "both"],
    )
    def test_genes_with_one_value_are_counted(self, zero, same, said):
        (finding,) = findings_of(changed(a=(ALL, zero, 0), b=(ALL, same, 3)))
        assert finding.code == "W-CONSTANT-GENES"
        start, end = said.split(" .* ")
        assert finding.message.startswith(start)
        assert end in finding.message

    def test_genes_without_a_count_alone_are_nothing_to_be_warned_of(self):
        assert findings_of(changed(a=(ALL, slice(5, 8), 0))) == ()

    def test_a_gene_with_one_value_where_it_is_expressed_is_not_constant(self):
        assert findings_of(changed(a=(slice(0, 49), 5, 3), b=(49, 5, 0))) == ()

    def test_nothing_is_said_of_fewer_than_ten_cells(self):
        few = {"type": ["a"] * 9}
        assert findings_of(changed(a=(ALL, 5, 3))[:9], obs=few) == ()
        codes = [f.code for f in findings_of(changed(a=(ALL, 5, 3))[:10], obs={"t": ["a"] * 10})]
        assert codes == ["W-CONSTANT-GENES"]


class TestHugeValues:
    def test_values_that_cannot_be_counts_are_named_with_gene_and_cell(self):
        (finding,) = findings_of(changed(a=(7, 4, 2e7), b=(9, 4, 3e7)))
        assert finding.code == "W-HUGE-VALUES"
        assert finding.message.startswith("2 values above 10,000,000 can hardly be counts")
        assert "3e+07, of gene 'G4' in cell 'cell9'" in finding.message

    def test_ten_million_is_not_too_much(self):
        assert findings_of(changed(a=(7, 4, 1e7))) == ()

    def test_a_total_among_the_genes_is_found(self):
        (finding,) = findings_of(changed(a=(slice(0, 26), 4, 5000)))
        assert finding.code == "W-HUGE-VALUES"
        assert finding.message == "Gene 'G4' makes up more than 90 % of 26 cells."

    @pytest.mark.parametrize(
        "blocks",
        [
            {"half-of-the-cells": (slice(0, 25), 4, 5000)},
            {"half-of-each-cell": (ALL, 4, COUNTS.sum(1))},
        ],
    )
    def test_a_strong_gene_is_not_huge(self, blocks):
        assert findings_of(changed(**blocks)) == ()

    def test_of_few_genes_one_may_be_nearly_all(self):
        values = changed(a=(ALL, 4, 5000 + np.arange(50)))[:, :19]
        assert findings_of(values) == ()


class TestCopies:
    def test_copies_are_counted_and_those_under_another_label_too(self):
        values = COUNTS.copy()
        values[[10, 20, 30]] = values[1]  # types of cell 1 and these: b, and b, b, a
        values[41] = values[40]
        (finding,) = findings_of(values)
        assert finding.code == "W-IDENTICAL-CELLS"
        assert finding.message == (
            "4 cells repeat another cell exactly, gene by gene; 1 of them under another label."
        )

    def test_the_first_of_equal_cells_is_the_original(self):
        values = COUNTS.copy()
        values[[10, 20]] = values[3]
        first = find_copies(profile_cells(sparse.csc_matrix(values)))
        expected = np.arange(50)
        expected[[10, 20]] = 3
        np.testing.assert_array_equal(first, expected)

    @pytest.mark.parametrize("change", [1e-3, 1.0, -1.0])
    def test_one_value_of_difference_is_another_cell(self, change):
        values = COUNTS.copy() + 1
        values[20] = values[3]
        values[20, 17] += change
        assert len(set(profile_cells(sparse.csc_matrix(values)).signatures)) == 50

    def test_the_same_values_in_other_genes_are_another_cell(self):
        values = np.zeros((40, 40), np.float32)
        for i in range(40):
            values[i, np.arange(i, i + 12) % 40] = 1
        assert len(set(profile_cells(sparse.csc_matrix(values)).signatures)) == 40

    def test_signatures_do_not_depend_on_blocks(self, monkeypatch):
        matrix = sparse.csc_matrix(COUNTS)
        whole = profile_cells(matrix)
        monkeypatch.setattr("core.data.checking.matrices.BLOCK", 7)
        parts = profile_cells(matrix)
        for name in vars(whole):
            np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))

    def test_nearly_empty_cells_are_alike_by_chance(self):
        values = COUNTS.copy()
        values[10:30] = 0
        values[10:30, :9] = 1
        assert findings_of(values) == ()
        values[10:30, 9] = 1
        assert [f.code for f in findings_of(values)] == ["W-IDENTICAL-CELLS"]


def test_a_profile_is_what_plain_sums_say():
    values = COUNTS.copy()
    values[:, 3] = 0
    profile = profile_cells(sparse.csc_matrix(values))
    np.testing.assert_array_equal(profile.n_expressed, (values > 0).sum(1))
    np.testing.assert_allclose(profile.totals, values.sum(1))
    np.testing.assert_array_equal(profile.n_expressing, (values > 0).sum(0))
    np.testing.assert_array_equal(profile.largest, values.max(0))
    above = [column[column > 0].min() if column.any() else 0 for column in values.T]
    np.testing.assert_array_equal(profile.smallest, above)


class TestNames:
    def test_empty_and_endless_names_are_counted(self):
        adata = cells(COUNTS, genes=["", "  ", "x" * 201, *[f"G{i}" for i in range(37)]])
        adata.obs_names = ["c" * 300, *[f"c{i}" for i in range(49)]]
        (finding,) = check_cells(ReadCells(adata, "AnnData"), Choices()).report.findings
        assert finding.code == "W-NAMES-ODD"
        assert "1 cell with a name of more than 200 letters ('ccc" in finding.message
        assert "2 genes without a name, 1 gene with a name of more than 200" in finding.message
        assert len(finding.message) < 400

    def test_a_name_of_200_letters_is_a_name(self):
        assert findings_of(COUNTS, genes=["x" * 200, *[f"G{i}" for i in range(39)]]) == ()


def test_the_files_own_table_is_never_changed():
    labels = pd.Categorical(["A", "a"] * 25, categories=["ghost", "a", "A"])
    adata = cells(COUNTS, obs={"cell_type": labels, "n": np.arange(50) % 3})
    before = adata.copy()
    choices = Choices({"W-LABEL-VARIANTS": "merge"})
    checked = check_cells(ReadCells(adata, "AnnData"), choices)
    assert set(checked.obs["cell_type"]) == {"A"}
    pd.testing.assert_frame_equal(adata.obs, before.obs)
