"""Which matrix is taken as expression, what its scale is said to be, and what is done about it."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import core
from core.data.checking.matrices import (
    BLOCK,
    first_not_finite,
    gene_blocks,
    native,
    sample_of_cells,
    to_canonical,
)
from core.data.checks import check_cells
from core.data.choices import Choices
from core.data.reading.cells import ReadCells
from core.data.scale import recognise_scale
from core.errors import ParameterError
from tests.files import cells, dense

# Depth differs between cells tenfold, as it does in real ones.
DEPTH = np.geomspace(0.6, 6, 60)[:, None]
COUNTS = np.random.default_rng(1).poisson(DEPTH, (60, 90)).astype(np.float32)
COUNTS[:, 0] += 1
SHARES = COUNTS / COUNTS.sum(1, keepdims=True)
CP10K = np.log1p(SHARES * 1e4)


def check(adata, **answers):
    choices = Choices({code.replace("_", "-"): answer for code, answer in answers.items()})
    checked = check_cells(ReadCells(adata, "AnnData"), choices)
    choices.require_all_used()
    return checked


def codes(checked):
    return [finding.code for finding in checked.report.findings]


def made(x, layers=None, raw=None):
    """Cells with x (None: no X), layers and `raw`, all of 90 genes."""
    adata = cells(np.zeros((60, 90)) if x is None else x, layers=layers or {})
    if x is None:
        adata.X = None
    if raw is not None:
        adata.raw = cells(raw)
    return adata


LOGS = {
    "natural": (np.log1p, 1),
    "base 2": (lambda x: np.log2(1 + x), 1),
    "base 10": (lambda x: np.log10(1 + x), 1),
    "twice": (lambda x: np.log1p(np.log1p(x)), 2),
}


class TestLogarithms:
    @pytest.mark.parametrize("some_genes", [False, True], ids=["all-genes", "half-the-genes"])
    @pytest.mark.parametrize(("log", "times"), LOGS.values(), ids=LOGS)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_every_usual_logarithm_is_told_by_what_it_leaves_when_undone(
        self, log, times, some_genes, dtype
    ):
        values = log(SHARES * 1e4)[:, ::2] if some_genes else log(SHARES * 1e4)
        verdict = recognise_scale(values.astype(dtype))
        assert (verdict.kind, verdict.times_logged) == ("log1p", times)
        assert np.isclose(verdict.base, {"base 2": 2, "base 10": 10}.get(name_of(log), np.e))
        assert verdict.evidence == ("multiples" if some_genes else "total")
        assert verdict.total is None if some_genes else np.isclose(verdict.total, 1e4)
        assert verdict.reason.startswith("Sure: ")

    @pytest.mark.parametrize("some_genes", [False, True], ids=["all-genes", "half-the-genes"])
    @pytest.mark.parametrize(
        ("log", "expected"),
        [
            ("natural", ["W-NO-COUNTS"]),
            ("base 2", ["F-LOG-BASE", "W-NO-COUNTS"]),
            ("base 10", ["F-LOG-BASE", "W-NO-COUNTS"]),
        ],
    )
    def test_other_bases_are_brought_to_natural_logs(self, log, expected, some_genes):
        values = LOGS[log][0](SHARES * 1e4).astype(np.float32)
        genes = slice(None, None, 2 if some_genes else 1)
        checked = check(cells(values[:, genes]))
        assert codes(checked) == expected
        np.testing.assert_allclose(checked.matrix.toarray(), CP10K[:, genes], rtol=1e-4)

    @pytest.mark.parametrize("largest", [2.7, 2.71, 14.0, 14.1, 20.1, 20.3, 1e30])
    def test_no_logarithm_is_undone_that_would_overflow(self, largest):
        values = np.array([[0.5, largest]])
        assert recognise_scale(values).kind == ("log1p" if largest <= 14 else "linear")

    def test_cells_that_are_alike_do_not_pass_for_normalised_without_a_logarithm(self):
        # So many genes that sums of logs agree to 1 %: the sums behind them agree to the digit.
        counts = np.random.default_rng(0).poisson(3, (60, 4000)) + 1
        logged = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)
        totals = logged.sum(1)
        assert np.ptp(totals) < 0.01 * totals.mean()
        verdict = recognise_scale(logged.astype(np.float32))
        assert (verdict.kind, verdict.evidence) == ("log1p", "total")
        assert round(verdict.total) == 10_000

    def test_log2_of_counts_per_million_becomes_log1p_of_counts_per_10000(self):
        checked = check(cells(np.log2(1 + SHARES * 1e6).astype(np.float32)))
        assert codes(checked) == ["F-LOG-BASE", "F-TOTAL", "W-NO-COUNTS"]
        np.testing.assert_allclose(checked.matrix.toarray(), CP10K, rtol=1e-3)

    def test_a_second_logarithm_is_undone_only_when_the_user_says_so(self):
        twice = np.log1p(CP10K).astype(np.float32)
        asked = check(cells(twice))
        (offer,) = asked.report.findings
        assert (offer.code, list(offer.options), offer.suggested) == (
            "W-LOGGED-TWICE", ["undo"], "",
        )  # fmt: skip
        np.testing.assert_array_equal(asked.matrix.toarray(), twice)
        undone = check(cells(twice), W_LOGGED_TWICE="undo")
        assert codes(undone) == ["F-LOG-UNDONE", "W-NO-COUNTS"]
        np.testing.assert_allclose(undone.matrix.toarray(), CP10K, rtol=1e-4)

    @pytest.mark.parametrize("log", ["natural", "base 2"])
    def test_logged_counts_that_were_not_normalised_are_counts_again(self, log):
        checked = check(cells(LOGS[log][0](COUNTS).astype(np.float32)))
        assert checked.report.scale == "counts"
        assert codes(checked) == ["F-COUNTS-RESTORED"]
        np.testing.assert_array_equal(checked.matrix.toarray(), COUNTS)

    def test_counts_elsewhere_make_the_missing_counts_no_finding(self):
        adata = cells(COUNTS[:, :10] - 0.5, layers={"counts": COUNTS[:, :10]})
        adata.raw = cells(CP10K.astype(np.float32))
        checked = check(adata)
        assert (checked.report.expression, checked.report.scale) == ("raw", "log1p")
        assert codes(checked) == []


def name_of(log):
    return next(name for name, (function, _) in LOGS.items() if function is log)


class TestNotLogged:
    @pytest.mark.parametrize(
        ("values", "evidence"),
        [(SHARES, "total"), (SHARES * 1e4, "total"), (SHARES[:, :45] * 0.9, "multiples")],
        ids=["shares", "per-10000", "shares-of-some-genes"],
    )
    def test_normalised_values_are_linear_however_small(self, values, evidence):
        verdict = recognise_scale(values)
        assert (verdict.kind, verdict.evidence) == ("linear", evidence)
        checked = check(cells(values.astype(np.float32)))
        assert codes(checked) == ["W-NOT-WHOLE"]
        assert checked.report.scale_reason.startswith("Sure: ")

    @pytest.mark.parametrize(
        "values",
        [
            np.minimum(COUNTS, 12) + 0.5,
            np.sqrt(COUNTS),
            CP10K * np.random.default_rng(0).uniform(0.8, 1.2, CP10K.shape),
        ],
        ids=["counts-and-a-half", "square-roots", "corrected-logs"],
    )
    def test_small_values_of_no_known_making_are_unsure_and_the_user_may_say(self, values):
        values = values.astype(np.float32)
        asked = check(cells(values))
        (offer,) = asked.report.findings
        assert (offer.code, list(offer.options), offer.suggested) == (
            "W-SCALE-UNSURE", ["log1p", "log2", "linear"], "",
        )  # fmt: skip
        assert asked.report.scale == "log1p"
        assert asked.report.scale_reason.startswith("Not sure: ")
        for answer in ("log1p", "linear"):
            told = check(cells(values), W_SCALE_UNSURE=answer)
            assert (told.report.scale, codes(told)) == (answer, [])
            np.testing.assert_array_equal(told.matrix.toarray(), values)

    def test_small_values_may_be_said_to_be_log2(self):
        values = np.sqrt(COUNTS)
        told = check(cells(values), W_SCALE_UNSURE="log2")
        assert (told.report.scale, codes(told)) == ("log1p", ["F-LOG-BASE"])
        by_hand = np.log(1 + (2**values - 1))
        np.testing.assert_allclose(told.matrix.toarray(), by_hand, rtol=1e-5)

    def test_counts_over_size_factors_are_not_logged_however_small(self):
        rng = np.random.default_rng(3)
        values = rng.poisson(0.3, (60, 900)) / rng.uniform(0.5, 2, (60, 1))
        assert 4 < values.max() < 14
        verdict = recognise_scale(values.astype(np.float32))
        assert (verdict.kind, verdict.evidence) == ("linear", "multiples")
        for base in LOGS:
            logged = recognise_scale(LOGS[base][0](values).astype(np.float32))
            assert (logged.kind, logged.times_logged) == ("log1p", LOGS[base][1])
            assert np.isclose(logged.base, {"base 2": 2, "base 10": 10}.get(base, np.e))

    def test_small_values_with_the_long_tail_of_counts_are_asked_about(self):
        rng = np.random.default_rng(3)
        soup = (rng.poisson(0.3, (60, 900)) * rng.uniform(0.9, 1, (60, 900))).astype(np.float32)
        asked = check(cells(soup))
        (question,) = asked.report.findings
        assert (question.code, question.suggested) == ("C-SCALE", "counts-like")
        assert asked.report.scale == "linear"
        told = check(cells(soup), C_SCALE="log1p")
        assert (told.report.scale, codes(told)) == ("log1p", [])
        assert told.report.scale_reason.startswith("You said so")
        np.testing.assert_array_equal(told.matrix.toarray(), soup)

    def test_values_of_which_every_scale_has_a_common_total_are_unsure(self):
        rng = np.random.default_rng(3)
        ranks = np.log2(rng.lognormal(1, 2, 900) + 1)
        same = np.array([rng.permutation(ranks) for _ in range(60)])
        assert recognise_scale(same).reason.startswith("Not sure: ")
        assert codes(check(cells(same.astype(np.float32)))) == ["W-SCALE-UNSURE"]

    def test_an_offer_that_is_not_made_cannot_be_taken_up(self):
        with pytest.raises(ParameterError, match="does not ask 'W-SCALE-UNSURE'"):
            check(cells(COUNTS), W_SCALE_UNSURE="linear")


def transcripts(n_cells=60):
    """Transcripts per million of full-length reads: no multiples of anything."""
    rng = np.random.default_rng(1)
    tpm = rng.lognormal(0, 2, 900) * rng.gamma(0.5, 2, (n_cells, 900))
    tpm *= rng.random((n_cells, 900)) < 0.3
    return tpm / tpm.sum(1, keepdims=True) * 1e6


class TestTranscriptsPerMillion:
    def test_their_log2_of_some_genes_is_a_question_with_log2_suggested(self):
        tpm = transcripts()[:, :810]
        values = np.log2(tpm + 1).astype(np.float32)
        assert 14 < values.max() < 20.2
        asked = check(cells(values))
        (question,) = asked.report.findings  # nothing was done that the user did not say
        assert question.code == "C-SCALE"
        assert list(question.options) == ["counts-like", "log1p", "log2", "log10"]
        assert question.suggested == "log2"
        assert asked.report.scale == "log1p"
        told = check(cells(values), C_SCALE="log2")
        assert codes(told) == ["F-LOG-BASE", "F-TOTAL"]
        np.testing.assert_allclose(told.matrix.toarray(), np.log1p(tpm / 100), rtol=1e-3, atol=1e-6)

    @pytest.mark.parametrize(
        ("answer", "scale", "factor"),
        [("counts-like", "linear", 1), ("log1p", "log1p", 1), ("log10", "log1p", np.log(10))],
    )
    def test_every_other_answer_is_followed(self, answer, scale, factor):
        values = np.log2(transcripts()[:, :810] + 1).astype(np.float32)
        told = check(cells(values), C_SCALE=answer)
        assert told.report.scale == scale
        np.testing.assert_allclose(told.matrix.toarray(), values * factor, rtol=1e-5)

    @pytest.mark.parametrize("n_cells", [1, 2, 3, 17, 60])
    def test_their_log2_of_all_genes_is_known_from_a_single_cell_on(self, n_cells):
        tpm = transcripts(n_cells)
        checked = check(cells(np.log2(tpm + 1).astype(np.float32), obs={}))
        assert codes(checked) == ["F-LOG-BASE", "F-TOTAL", "W-NO-COUNTS"]
        expected = np.log1p(tpm / 100)
        np.testing.assert_allclose(checked.matrix.toarray(), expected, rtol=1e-3, atol=1e-6)

    @pytest.mark.parametrize("n_cells", [2, 3, 17, 19])
    def test_few_cells_of_logged_counts_per_million_are_brought_to_10000(self, n_cells):
        checked = check(cells(np.log1p(SHARES[:n_cells] * 1e6).astype(np.float32), obs={}))
        assert codes(checked) == ["F-TOTAL", "W-NO-COUNTS"]
        np.testing.assert_allclose(checked.matrix.toarray(), CP10K[:n_cells], rtol=1e-3)

    def test_few_cells_that_agree_roughly_do_not_pass_for_normalised(self):
        tpm = transcripts(5) * np.linspace(1, 1.004, 5)[:, None]
        assert recognise_scale(np.log1p(tpm)).evidence == ""


# Zeros in every cell, as real ones have.
SHALLOW = np.random.default_rng(2).poisson(DEPTH / 4, (60, 300)).astype(np.float32)
SHALLOW_CP10K = SHALLOW / SHALLOW.sum(1, keepdims=True) * 1e4


class TestSmallPseudocounts:
    @pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
    @pytest.mark.parametrize(
        ("log", "base"), [(np.log, "natural"), (np.log2, "base 2"), (np.log10, "base 10")]
    )
    @pytest.mark.parametrize("some_genes", [False, True], ids=["all-genes", "half-the-genes"])
    def test_logs_of_normalised_values_and_a_tenth_are_brought_to_log1p(
        self, log, base, form, some_genes
    ):
        genes = slice(None, None, 2 if some_genes else 1)
        values = log(SHALLOW_CP10K + 0.1).astype(np.float32)[:, genes]
        checked = check(cells(form(values)))
        assert codes(checked) == ["F-LOG-BASE", "W-NO-COUNTS"]
        assert "of x + 0.1;" in checked.report.findings[0].message
        assert (base in checked.report.findings[0].message) or base == "natural"
        assert checked.report.scale_reason.startswith("Sure: ")
        made = checked.matrix
        np.testing.assert_allclose(
            made.toarray(), np.log1p(SHALLOW_CP10K)[:, genes], rtol=1e-4, atol=1e-6
        )
        assert made.nnz == np.count_nonzero(SHALLOW[:, genes])

    def test_logs_of_counts_and_a_tenth_are_counts_again(self):
        checked = check(cells(np.log2(SHALLOW + 0.1).astype(np.float32)))
        assert (checked.report.scale, codes(checked)) == ("counts", ["F-COUNTS-RESTORED"])
        np.testing.assert_array_equal(checked.matrix.toarray(), SHALLOW)

    def test_a_value_whose_logarithm_is_zero_is_kept(self):
        counts = SHALLOW / 2  # log2(0.5 + 0.5) is 0
        checked = check(cells(np.log2(counts + 0.5).astype(np.float32)))
        assert codes(checked) == ["F-LOG-BASE", "W-NO-COUNTS"]
        np.testing.assert_allclose(checked.matrix.toarray(), np.log1p(counts), rtol=1e-5, atol=1e-6)

    def test_where_the_logarithm_cannot_be_told_the_refusal_does_not_say_scaled(self):
        values = np.log2(transcripts()[:, :500] + 0.1)
        (finding,) = check(cells(values)).report.findings
        assert finding.code == "E-SCALED"
        assert "the smallest is the same in every cell" in finding.message
        assert "scaled" not in finding.message

    def test_scaled_values_are_still_said_to_be_scaled(self):
        scaled = (CP10K - CP10K.mean(0)) / CP10K.std(0)
        (finding,) = check(cells(scaled)).report.findings
        assert (finding.code, "are scaled" in finding.message) == ("E-SCALED", True)


class TestPlace:
    @pytest.mark.parametrize("rest", [{}, {"spliced": COUNTS * 2}], ids=["alone", "with-spliced"])
    def test_without_x_the_user_chooses_and_counts_are_suggested(self, rest):
        layers = {**rest, "logcounts": CP10K, "counts": COUNTS, "scaled": CP10K - 1}
        asked = check(made(None, layers))
        (question,) = asked.report.findings
        places = ["counts", "logcounts", *rest]
        assert question.code == "C-EXPRESSION"
        assert list(question.options) == [f"layer '{name}'" for name in places]
        assert question.suggested == "layer 'counts'"
        assert "log-normalised values of 90 genes" in question.options["layer 'logcounts'"]
        np.testing.assert_array_equal(asked.matrix.toarray(), COUNTS)
        told = check(made(None, layers), C_EXPRESSION="layer 'logcounts'")
        assert (told.report.expression, codes(told)) == ("layer 'logcounts'", [])
        np.testing.assert_allclose(told.matrix.toarray(), CP10K, rtol=1e-6)

    def test_without_x_raw_is_an_option_too(self):
        asked = check(made(None, raw=COUNTS))
        assert codes(asked) == ["C-EXPRESSION"]
        assert list(asked.report.findings[0].options) == ["raw"]

    def test_of_a_bad_x_and_an_unusual_layer_the_layer_is_taken_only_when_the_user_says_so(self):
        adata = made(CP10K - 1, {"spliced": COUNTS})
        asked = check(adata)
        (question,) = asked.report.findings
        assert (question.code, list(question.options)) == ("C-EXPRESSION", ["layer 'spliced'"])
        assert question.message.startswith("X cannot be used")
        told = check(adata, C_EXPRESSION="layer 'spliced'")
        np.testing.assert_array_equal(told.matrix.toarray(), COUNTS)

    @pytest.mark.parametrize("bad", [CP10K - 1, np.where(COUNTS == 2, np.nan, COUNTS)])
    def test_counts_are_taken_from_elsewhere_without_a_word_when_x_is_bad(self, bad):
        checked = check(made(bad, {"counts": COUNTS}))
        assert (checked.report.expression, codes(checked)) == ("layer 'counts'", [])

    def test_a_refused_file_is_looked_at_all_the_same(self):
        obs = {"cell_type": ["a"] * 57 + ["b"] * 3, "donor": ["x", "y"] * 30}
        adata = cells(CP10K - 1, obs=obs, genes=["CD3D", "CD3D", *[f"G{i}" for i in range(88)]])
        checked = check(adata)
        report = checked.report
        assert set(codes(checked)) == {"E-SCALED", "F-DUPLICATE-GENES", "W-LABEL-FEW"}
        assert report.verdict == "refused"
        assert (report.n_cells, report.n_genes, report.scale) == (60, 90, "")
        assert report.label_columns == ("cell_type", "donor")
        assert report.sample_columns == ("donor",)


class TestNotFinite:
    @pytest.mark.parametrize(
        "form", [np.asarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_matrix]
    )
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
    def test_the_refusal_says_how_many_and_where(self, form, bad):
        values = COUNTS.astype(np.float64)
        values[7, 4] = values[9, 4] = bad
        checked = check(cells(form(values)))
        (finding,) = checked.report.findings
        assert finding.code == "E-NOT-FINITE"
        assert finding.message.endswith("2 in X, the first in cell 8, gene 'G4'.")
        assert checked.matrix.shape[0] == 0

    def test_a_matrix_of_numbers_has_none(self):
        assert first_not_finite(COUNTS) == (0, -1, -1)

    def test_the_first_is_found_beyond_the_first_block(self):
        values = np.zeros((3, BLOCK), np.float32)
        values[2, 17] = np.nan
        assert first_not_finite(values) == (1, 2, 17)


TYPES = ["f2", "f4", "f8", ">f4", ">f8", "i1", "i2", "i4", "i8", ">i4", "u1", "u2", "u4", "u8"]


class TestForms:
    @pytest.mark.parametrize(
        ("form", "dtype"),
        [(form, dtype) for form in (np.asarray, np.asfortranarray) for dtype in TYPES]
        # scipy has no sparse float16
        + [(form, dtype) for form in (sparse.csr_matrix, sparse.csc_array) for dtype in TYPES[1:]],
    )
    def test_every_number_type_and_form_gives_the_same_canonical_matrix(self, form, dtype):
        if form in (sparse.csr_matrix, sparse.csc_array):
            matrix = form(COUNTS)
            matrix.data = matrix.data.astype(dtype)
        else:
            matrix = form(COUNTS.astype(dtype))
        assert recognise_scale(matrix).kind == "counts"
        made = to_canonical(native(matrix))
        expected = sparse.csc_matrix(COUNTS)
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(made, part), getattr(expected, part))
        assert (made.format, made.dtype, made.dtype.isnative) == ("csc", np.float32, True)
        assert not np.shares_memory(made.data, dense(matrix) if form is np.asarray else matrix.data)

    def test_truth_values_are_counts_of_0_and_1(self):
        for form in (np.asarray, sparse.csr_matrix):
            made = to_canonical(native(form(COUNTS > 1)))
            np.testing.assert_array_equal(made.toarray(), COUNTS > 1)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 7)])
    def test_blocks_of_genes_cover_every_value_once(self, shape, monkeypatch):
        monkeypatch.setattr("core.data.checking.matrices.BLOCK", 5)
        values = np.random.default_rng(0).poisson(0.7, shape).astype(np.float32)
        matrix, seen = to_canonical(values), np.zeros(shape, np.float32)
        for block in gene_blocks(matrix):
            genes = np.repeat(np.arange(shape[1])[block.genes], np.diff(block.pointers))
            seen[block.cells, genes] += block.data
        np.testing.assert_array_equal(seen, values)

    @pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
    def test_a_sample_of_cells_is_whole_cells_and_always_the_same(self, form):
        some = sample_of_cells(form(COUNTS), most=20).toarray()
        rows = [np.flatnonzero((row == COUNTS).all(1)).item() for row in some]
        assert rows == sorted(set(rows))
        assert len(rows) == 20
        np.testing.assert_array_equal(some, sample_of_cells(form(COUNTS), most=20).toarray())


REAL = {
    "pancreas_baron_neuca": "counts",
    "pancreas_segerstolpe_neuca": "counts",
    "pbmc3k": "counts",
    "pbmc_kang_ifnb2800": "counts",
    "pbmc_symphony_lognorm": "log1p",
    "cbmc_citeseq_anon2000": "counts",
    "query_pbmc_donorA_unlabelled": "counts",
}


class TestRealCells:
    @pytest.mark.parametrize("name", REAL)
    def test_the_scale_of_real_data_is_known_for_sure(self, shared_data, name):
        x = ad.read_h5ad(shared_data / f"{name}.h5ad").X
        verdict = recognise_scale(x)
        assert verdict.kind == REAL[name]
        assert verdict.evidence == {"counts": "whole", "log1p": "multiples"}[REAL[name]]
        assert verdict.reason.startswith("Sure: ")

    @pytest.mark.parametrize("name", ["pancreas_segerstolpe_neuca", "pbmc3k"])
    def test_logs_of_real_counts_are_told_apart_by_reads_and_by_molecules(self, shared_data, name):
        counts = ad.read_h5ad(shared_data / f"{name}.h5ad").X[::5]
        per_cell = sparse.diags(1e4 / np.asarray(counts.sum(1)).ravel()) @ counts
        logged = per_cell.tocsr().astype(np.float32).log1p()
        halved = logged[:, ::2]
        for matrix, evidence in [(logged, "total"), (halved, "multiples")]:
            for log, (base, times) in {"natural": (np.e, 1), "base 2": (2.0, 1)}.items():
                other = matrix / np.float32(np.log(base)) if log == "base 2" else matrix
                verdict = recognise_scale(other)
                found = (verdict.kind, verdict.evidence, verdict.base, verdict.times_logged)
                assert found == ("log1p", evidence, base, times)
            assert recognise_scale(matrix.log1p()).times_logged == 2

    def test_the_demo_is_known_for_log_values_and_says_so_calmly(self):
        report = core.demo_reference().report
        assert [finding.code for finding in report.findings] == ["W-NO-COUNTS", "W-LABEL-FEW"]
        assert report.scale_reason.startswith("Sure: with the logarithm undone")
        assert report.findings[0].next_step.startswith("Nothing needs to be done.")
