"""Which values of a file are taken, what is repaired, what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import core
from core.data.checks import check_cells
from core.data.choices import Choices
from core.data.reading.cells import ReadCells
from core.data.scale import is_log1p_cp10k, log1p_cp10k, recognise_scale
from core.errors import DataError
from tests.files import cells, counts, cp10k, dense, fingerprint, kept, write, write_bad_files

COUNTS = counts()
LOGGED = cp10k(COUNTS).astype(np.float32)
SCALED = ((LOGGED - LOGGED.mean(0)) / LOGGED.std(0)).astype(np.float32)
LINEAR = (COUNTS * 9.87).astype(np.float32)
GENES = [f"G{i}" for i in range(24)]


def check(adata, **answers):
    """Checked cells; answers are named by their codes, with _ for -."""
    choices = Choices({code.replace("_", "-"): answer for code, answer in answers.items()})
    checked = check_cells(ReadCells(adata, "AnnData"), choices)
    choices.require_all_used()
    return checked


def findings_of(adata, **answers):
    return check(adata, **answers).report.findings


def codes_of(adata, **answers):
    return [finding.code for finding in findings_of(adata, **answers)]


def values(kind):
    made = {
        "whole floats": COUNTS,
        "integers": COUNTS.astype(np.int64),
        "unsigned": COUNTS.astype(np.uint16),
        "truth values": COUNTS > 1,
        "logged": LOGGED,
        "half-precision logged": LOGGED.astype(np.float16),
        "linear": LINEAR,
        "scaled": SCALED,
        "negative integers": -COUNTS.astype(np.int32),
        "NaN": np.where(COUNTS == 2, np.nan, COUNTS),
        "infinite": np.where(COUNTS == 2, np.inf, COUNTS),
        "minus infinite": np.where(COUNTS == 2, -np.inf, COUNTS),
        "zeros": np.zeros((4, 3), np.float32),
        "zeros and NaN": np.array([[0, np.nan]]),
        "complex": COUNTS.astype(complex),
    }
    return made[kind]


SCALES = [
    ("whole floats", "counts"),
    ("integers", "counts"),
    ("unsigned", "counts"),
    ("truth values", "counts"),
    ("logged", "log1p"),
    ("half-precision logged", "log1p"),
    ("linear", "linear"),
    ("scaled", "scaled"),
    ("negative integers", "scaled"),
    ("NaN", "invalid"),
    ("infinite", "invalid"),
    ("minus infinite", "invalid"),
    ("zeros", "zero"),
    ("zeros and NaN", "invalid"),
    ("complex", "text"),
]


class TestScale:
    @pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array])
    @pytest.mark.parametrize(("kind", "scale"), SCALES, ids=[kind for kind, _ in SCALES])
    def test_the_scale_is_recognised_from_the_values(self, kind, scale, form):
        matrix = values(kind)
        if form is not np.asarray and matrix.dtype == np.float16:
            matrix = matrix.astype(np.float32)  # scipy has no sparse float16
        verdict = recognise_scale(form(matrix))
        assert verdict.kind == scale
        if scale in ("counts", "log1p", "linear"):
            assert verdict.largest == pytest.approx(float(matrix.max()))

    def test_text_is_no_scale(self):
        assert recognise_scale(np.array([["1", "2"]], dtype=object)).kind == "text"

    @pytest.mark.parametrize(("largest", "scale"), [(13.9, "log1p"), (14.1, "linear")])
    def test_logged_values_end_at_14(self, largest, scale):
        assert recognise_scale(np.array([[0.5, largest]])).kind == scale

    def test_log1p_of_one_gene_per_cell_in_counts_per_million_is_still_logged(self):
        assert recognise_scale(np.log1p(np.array([[1e6, 0.0], [5e5, 5e5]]))).kind == "log1p"

    def test_counts_per_10000_by_hand(self):
        found = log1p_cp10k(np.float32([3, 0, 7]), np.array([6.0, 6.0, 14.0]))
        np.testing.assert_allclose(found, np.log([5001, 1, 5001]), rtol=1e-6)
        assert found.dtype == np.float32

    def test_cells_without_counts_stay_at_zero(self):
        np.testing.assert_array_equal(log1p_cp10k(np.float32([0, 0]), np.zeros(2)), [0, 0])

    @pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
    @pytest.mark.parametrize(
        ("matrix", "are"),
        [
            (LOGGED, True),
            (np.vstack([LOGGED, np.zeros((3, 24), np.float32)]), True),
            (LOGGED[:, :12], False),
            (np.log1p(np.expm1(LOGGED) / 5), False),
        ],
        ids=["all-genes", "with-empty-cells", "half-the-genes", "per-2000"],
    )
    def test_log1p_of_counts_per_10000_over_all_genes_is_known_by_its_sum(self, matrix, are, form):
        assert is_log1p_cp10k(form(matrix)) is are


def made(x=None, *, raw=None, **layers):
    """Cells with layers and a `raw`; without `x` they have 10 genes and no X."""
    adata = cells(np.zeros((40, 10)) if x is None else x)
    if x is None:
        adata.X = None
    for name, layer in layers.items():
        adata.layers[name] = layer
    if raw is not None:
        adata.raw = cells(raw)
    return adata


class TestChoice:
    @pytest.mark.parametrize(
        ("adata", "expected", "kind", "place"),
        [
            pytest.param(cells(COUNTS), COUNTS, "counts", "X", id="counts"),
            pytest.param(cells(LOGGED), LOGGED, "log1p", "X", id="logged"),
            pytest.param(cells(LINEAR), LINEAR, "linear", "X", id="linear"),
            pytest.param(
                made(COUNTS[:, :10], raw=COUNTS), COUNTS, "counts", "raw", id="counts-in-wider-raw"
            ),
            pytest.param(
                made(COUNTS, raw=COUNTS + 1), COUNTS, "counts", "X", id="X-before-an-equal-raw"
            ),
            pytest.param(
                made(LOGGED, raw=COUNTS), COUNTS, "counts", "raw", id="logged-with-counts-in-raw"
            ),
            pytest.param(
                made(SCALED, raw=COUNTS), COUNTS, "counts", "raw", id="scaled-with-counts-in-raw"
            ),
            pytest.param(
                made(SCALED[:, :10], raw=LOGGED), LOGGED, "log1p", "raw", id="scaled-logged-raw"
            ),
            pytest.param(
                made(SCALED, raw=LINEAR), LINEAR, "linear", "raw", id="scaled-with-linear-in-raw"
            ),
            pytest.param(
                made(np.where(COUNTS == 2, np.nan, COUNTS), raw=LOGGED),
                LOGGED, "log1p", "raw", id="X-with-NaN-and-logged-raw",
            ),
            pytest.param(
                made(LINEAR, raw=LOGGED), LOGGED, "log1p", "raw", id="linear-and-logged-raw"
            ),
            pytest.param(
                made(np.zeros_like(COUNTS), counts=COUNTS),
                COUNTS, "counts", "layer 'counts'", id="X-all-zero",
            ),
            pytest.param(
                made(SCALED[:, :10], counts=COUNTS[:, :10], raw=LOGGED),
                LOGGED, "log1p", "raw", id="counts-of-variable-genes-but-all-genes-logged",
            ),
            pytest.param(
                made(COUNTS[:, :10], raw=np.log1p(COUNTS)),
                COUNTS[:, :10], "counts", "X", id="wider-logged-raw-is-not-per-10000",
            ),
        ],
    )  # fmt: skip
    def test_counts_are_taken_where_there_are_any_else_logged_else_linear_values(
        self, adata, expected, kind, place
    ):
        checked = check(adata)
        assert checked.report.scale == kind
        np.testing.assert_array_equal(checked.matrix.toarray(), expected)
        assert list(checked.genes) == GENES[: expected.shape[1]]
        assert checked.report.expression == place
        assert checked.report.scale_reason
        assert not {f.code for f in checked.report.findings} - {"W-NO-COUNTS", "W-NOT-WHOLE"}

    @pytest.mark.parametrize("layer", ["counts", "raw_counts", "raw", "count"])
    def test_a_layer_of_counts_is_found_by_its_usual_names(self, layer):
        adata = made(LOGGED)
        adata.layers[layer] = sparse.csr_matrix(COUNTS)
        checked = check(adata)
        np.testing.assert_array_equal(checked.matrix.toarray(), COUNTS)
        assert checked.report.expression == f"layer '{layer}'"
        assert checked.report.layers == ("X", f"layer '{layer}'")
        assert checked.report.findings == ()

    def test_other_layers_are_named_but_not_taken(self):
        report = check(made(LOGGED, spliced=COUNTS)).report
        assert (report.scale, report.expression) == ("log1p", "X")
        assert report.layers == ("X", "layer 'spliced'")

    @pytest.mark.parametrize(
        ("adata", "code", "sentence"),
        [
            pytest.param(made(), "E-NO-EXPRESSION", "no expression values", id="nothing"),
            pytest.param(cells(SCALED), "E-SCALED", "are scaled .* no counts", id="scaled"),
            pytest.param(
                made(SCALED, raw=SCALED), "E-SCALED", "some are negative", id="scaled-raw"
            ),
            pytest.param(
                cells(values("NaN")), "E-NOT-FINITE", "contain NaN or infinite", id="NaN"
            ),
            pytest.param(
                cells(values("infinite")), "E-NOT-FINITE", "contain NaN or infinite", id="infinite"
            ),
            pytest.param(
                made(values("NaN"), raw=SCALED), "E-NOT-FINITE", "NaN", id="NaN-before-scaled"
            ),
            pytest.param(
                cells(np.zeros_like(COUNTS)), "E-ALL-ZERO", "Every expression value is zero",
                id="zero",
            ),
            pytest.param(
                cells(sparse.csr_matrix((5, 4))), "E-ALL-ZERO", "value is zero", id="sparse-zero"
            ),
            pytest.param(
                cells(COUNTS[:0]), "E-NO-CELLS", "has 0 cells and 24 genes", id="no-cells"
            ),
            pytest.param(
                cells(COUNTS[:, :0]), "E-NO-CELLS", "has 40 cells and 0 genes", id="no-genes"
            ),
        ],
    )  # fmt: skip
    def test_a_file_without_usable_values_is_refused_and_nothing_is_kept(
        self, fresh_home, tmp_path, adata, code, sentence
    ):
        path = write(adata, tmp_path / "cells.h5ad")
        before = fingerprint(path)
        with pytest.raises(DataError, match=sentence) as refused:
            core.open_dataset(path)
        assert refused.value.code == code
        assert refused.value.next_step
        assert kept(fresh_home) == []
        assert fingerprint(path) == before

    @pytest.mark.parametrize(
        "x", [np.full((40, 4), "high", dtype=object), COUNTS.astype(complex)], ids=["text", "1+0j"]
    )
    def test_text_instead_of_numbers_is_refused(self, x):
        (finding,) = findings_of(cells(x))
        assert (finding.code, finding.message) == (
            "E-NOT-NUMBERS",
            "The expression values are not numbers.",
        )


class TestRepairs:
    @pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
    def test_the_input_stays_as_it_was(self, form):
        matrix = form(COUNTS)
        if sparse.issparse(matrix):
            matrix.data[:7] = 0  # stored zeros, which the canonical matrix does not keep
        adata = cells(matrix)
        adata.obs["type"] = pd.Categorical(adata.obs["type"], categories=["z", "b", "a"])
        before = adata.copy()
        check(adata)
        np.testing.assert_array_equal(dense(adata.X), dense(before.X))
        if sparse.issparse(matrix):
            assert adata.X.nnz == before.X.nnz
        assert list(adata.var_names) == list(before.var_names)
        pd.testing.assert_frame_equal(adata.obs, before.obs)

    def test_stored_zeros_are_dropped_and_repeated_entries_added_up(self):
        matrix = sparse.csr_matrix(
            (np.float32([1, 2, 0, 3]), np.array([0, 0, 1, 1]), np.array([0, 3, 4])), shape=(2, 2)
        )
        checked = check(cells(matrix))
        assert checked.matrix.nnz == 2
        np.testing.assert_array_equal(checked.matrix.toarray(), [[3, 0], [0, 3]])

    def test_repeated_gene_names_get_a_suffix_and_keep_their_values(self):
        checked = check(cells(COUNTS[:, :4], genes=["A", "B", "A", "A"]))
        assert list(checked.genes) == ["A", "B", "A-1", "A-2"]
        np.testing.assert_array_equal(checked.matrix.toarray(), COUNTS[:, :4])
        (finding,) = checked.report.findings
        assert finding.code == "F-DUPLICATE-GENES"
        assert finding.message.startswith("2 repeated gene names got a suffix")
        assert "('A')" in finding.message

    def test_repeated_cell_names_get_a_suffix(self):
        adata = cells(COUNTS)
        adata.obs_names = ["x", "y", "x", *[f"c{i}" for i in range(37)]]
        checked = check(adata)
        assert list(checked.cells[:3]) == ["x", "y", "x-1"]
        (finding,) = checked.report.findings
        assert finding.code == "F-DUPLICATE-CELLS"
        assert finding.message.startswith("1 repeated cell name got a suffix")

    def test_cells_without_expression_are_counted_and_stay(self):
        matrix = COUNTS.copy()
        matrix[[3, 9]] = 0
        checked = check(cells(matrix))
        (finding,) = checked.report.findings
        assert finding.code == "W-EMPTY-CELLS"
        assert finding.message.startswith("2 cells without any expression")
        assert checked.matrix.shape[0] == 40

    def test_linear_values_are_accepted_with_a_warning(self):
        (finding,) = findings_of(cells(LINEAR))
        assert finding.code == "W-NOT-WHOLE"
        assert "neither whole counts nor log-normalised" in finding.message

    @pytest.mark.parametrize(
        "obs",
        [
            {},
            {"type": ["a"] * 40},
            {"x": np.linspace(0, 1, 40)},
            {"id": [str(i) for i in range(40)]},
        ],
        ids=["no-column", "one-type", "continuous", "a-name-per-cell"],
    )
    def test_a_file_without_labels_has_nothing_wrong_with_it(self, obs):
        report = check(cells(COUNTS, obs=obs)).report
        assert report.findings == ()
        assert report.label_columns == ()

    def test_missing_labels_are_counted_per_column(self):
        types = np.where(np.arange(40) % 2, "a", "b").astype(object)
        gaps = types.copy()
        gaps[:3], gaps[3] = None, "  "
        obs = {
            "cell_type": gaps,
            "leiden": types,
            "batch": np.where(np.arange(40) < 5, None, np.where(np.arange(40) < 20, "x", "y")),
        }
        (finding,) = findings_of(cells(COUNTS, obs=obs))
        assert finding.code == "W-LABELS-MISSING"
        assert finding.message.endswith("some have no label: 4 in 'cell_type', 5 in 'batch'.")
        assert "no part in training" in finding.next_step

    def test_of_many_columns_with_missing_labels_three_are_named(self):
        gaps = np.where(np.arange(40) % 2, "a", "b").astype(object)
        gaps[0] = None
        obs = {f"label{i}": gaps for i in range(5)}
        (finding,) = findings_of(cells(COUNTS, obs=obs))
        assert finding.message.count("1 in 'label") == 3
        assert finding.message.endswith(" and 2 more columns.")

    def test_a_clean_file_has_no_findings(self):
        assert findings_of(cells(COUNTS)) == ()


# Verdicts of the shared tool's manifest, for what is judged here and not by a reader.
ACCEPTED = [
    ("ok_basic", "ok_basic.h5ad", []),
    ("x_dtypes", "x_int64.h5ad", []),
    ("x_dtypes", "x_uint16.h5ad", []),
    ("x_dtypes", "x_float16.h5ad", []),
    ("x_dtypes", "x_float64.h5ad", []),
    ("x_dtypes", "x_csc.h5ad", []),
    ("x_dtypes", "x_dense.h5ad", []),
    ("x_raw_wider", "x_raw_wider.h5ad", []),
    ("x_zero_cells", "x_zero_cells.h5ad", ["W-EMPTY-CELLS"]),
    ("x_zero_variance", "x_zero_variance.h5ad", ["W-CONSTANT-GENES"]),
    *[("lab_rare_n", f"lab_rare_{n}.h5ad", ["W-LABEL-FEW"]) for n in range(1, 7)],
    ("lab_leak", "lab_leak.h5ad", ["W-IDENTICAL-CELLS", "W-GENE-IS-LABEL"]),
    ("ids_dup_genes", "ids_dup_genes.h5ad", ["F-DUPLICATE-GENES"]),
    ("ids_dup_cells", "ids_dup_cells.h5ad", ["F-DUPLICATE-CELLS"]),
    ("lab_nan", "lab_nan.h5ad", ["W-LABELS-MISSING"]),
    ("lab_nasty_column", "lab_nasty_column.h5ad", []),
    ("lab_unused_category", "lab_unused_category.h5ad", ["F-LABEL-UNUSED"]),
    ("query_no_labels", "query_no_labels.h5ad", []),
    ("query_no_labels", "query_one_cell.h5ad", []),
]
REFUSED = [
    ("x_scaled_no_raw", "x_scaled_no_raw.h5ad", "E-SCALED"),
    ("x_nan", "x_nan.h5ad", "E-NOT-FINITE"),
    ("x_inf", "x_inf.h5ad", "E-NOT-FINITE"),
    ("x_all_zero", "x_all_zero.h5ad", "E-ALL-ZERO"),
    ("x_empty_axes", "x_zero_obs.h5ad", "E-NO-CELLS"),
    ("x_empty_axes", "x_zero_vars.h5ad", "E-NO-CELLS"),
]
NO_REFERENCE = [
    ("lab_one_type", "lab_one_type.h5ad", "E-LABEL-ONE-TYPE"),
    ("lab_five_cells", "lab_five_cells.h5ad", "E-TOO-FEW-CELLS"),
]


@pytest.fixture(scope="module")
def bad_file(tmp_path_factory):
    folders: dict[str, Path] = {}

    def of_case(case, name):
        if case not in folders:
            folders[case] = write_bad_files(case, tmp_path_factory.mktemp(case))
        return folders[case] / name

    return of_case


class TestSharedFiles:
    @pytest.mark.parametrize(("case", "name", "codes"), ACCEPTED, ids=[n for _, n, _ in ACCEPTED])
    def test_awkward_but_usable_files_are_accepted_with_exactly_these_findings(
        self, bad_file, case, name, codes
    ):
        path = bad_file(case, name)
        before = fingerprint(path)
        dataset = core.open_dataset(path)
        assert [finding.code for finding in dataset.findings] == codes
        assert dataset.scale == "counts"
        assert dataset.n_genes == 80
        assert fingerprint(path) == before

    @pytest.mark.parametrize(("case", "name", "code"), REFUSED, ids=[n for _, n, _ in REFUSED])
    def test_unusable_files_are_refused_and_nothing_is_kept(
        self, fresh_home, bad_file, case, name, code
    ):
        path = bad_file(case, name)
        before = fingerprint(path)
        with pytest.raises(DataError, match=re.escape(f"[{code}]")) as refused:
            core.open_dataset(path, label="cell_type")
        assert refused.value.code == code
        assert kept(fresh_home) == []
        assert fingerprint(path) == before

    @pytest.mark.parametrize(("case", "name", "code"), NO_REFERENCE)
    def test_cells_without_two_types_or_ten_cells_are_a_query_and_no_reference(
        self, bad_file, case, name, code
    ):
        path = bad_file(case, name)
        assert core.open_dataset(path, role="query").report.verdict in ("fine", "odd")
        for ask in ({"label": "cell_type"}, {"role": "reference"}):
            with pytest.raises(DataError, match=re.escape(f"[{code}]")) as refused:
                core.open_dataset(path, **ask)
            assert refused.value.report.verdict == "refused"
            assert refused.value.report.findings[0].code == code

    def test_missing_and_blank_labels_are_none_and_the_word_nan_is_a_label(self, bad_file):
        labels = core.open_dataset(bad_file("lab_nan", "lab_nan.h5ad")).labels("cell_type")
        assert labels.isna().sum() == 22
        assert labels.value_counts()["nan"] == 1

    def test_of_numeric_columns_clusters_are_offered_first(self, bad_file):
        dataset = core.open_dataset(bad_file("lab_numeric", "lab_numeric.h5ad"), role="query")
        columns = dataset.label_columns()
        assert (columns[0].name, columns[0].n_types) == ("leiden", 4)
        assert set(dataset.labels("cl_float").dropna()) == {"0", "1", "2", "3"}


@pytest.mark.parametrize("total", [1e6, 1758.0], ids=["per million", "median of the cells"])
def test_log_values_of_another_total_are_brought_to_counts_per_10000(total):
    counts = np.random.default_rng(0).poisson(2, (40, 30)).astype(np.float32) + 1
    per_cell = counts / counts.sum(axis=1, keepdims=True)
    checked = check(ad.AnnData(np.log1p(per_cell * total).astype(np.float32)))
    assert [f.code for f in checked.report.findings] == ["F-TOTAL", "W-NO-COUNTS"]
    expected = np.log1p(per_cell * 1e4)
    np.testing.assert_allclose(checked.matrix.toarray(), expected, rtol=1e-4)


@pytest.mark.parametrize("case", ["already 10,000", "genes left out", "too few cells"])
def test_log_values_are_kept_where_there_is_nothing_to_bring_to_10000(case):
    counts = np.random.default_rng(0).poisson(2, (40, 30)).astype(np.float32) + 1
    values = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4).astype(np.float32)
    same = {"genes left out": values[:, :10], "too few cells": values[:5, :10]}.get(case, values)
    checked = check(ad.AnnData(same.copy()))
    assert "F-TOTAL" not in {finding.code for finding in checked.report.findings}
    np.testing.assert_array_equal(checked.matrix.toarray(), same)
