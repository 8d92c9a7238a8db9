"""Marker genes: every number of the table against an independent computation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import mannwhitneyu, norm, ttest_ind
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import core
from core.config import MarkerConfig
from core.errors import DataError, ParameterError
from core.markers import find_markers, rank_markers
from tests.cells import TASK, keep, noise

COLUMNS = ["gene", "score", "logfc", "pct_in", "pct_out", "pval_adj", "auc"]
N_RARE, N_OTHER, N_GENES = 9, 51, 40
IS_RARE = np.random.default_rng(5).permutation(np.arange(N_RARE + N_OTHER) < N_RARE)
PLANTED = ["G3", "G11", "G17", "G30"]
GENES = pd.Index([f"G{i}" for i in range(N_GENES)], dtype=object)
EVERYTHING = MarkerConfig(n=N_GENES, min_fraction=0, min_logfc=-99)
TESTS = ["wilcoxon", "t-test", "logreg"]


def made():
    values = noise(N_RARE + N_OTHER, N_GENES, seed=2)
    rows = np.flatnonzero(IS_RARE)[:, None]
    columns = GENES.get_indexer(PLANTED)
    values[rows, columns] = np.random.default_rng(1).uniform(4, 6, (N_RARE, len(PLANTED)))
    return values


VALUES = made()


def rank(values=VALUES, config=EVERYTHING, *, genes=GENES, is_rare=IS_RARE, **changes):
    config = dataclasses.replace(config, **changes)
    return rank_markers(sparse.csr_matrix(values), genes, is_rare, config)


def by_gene(table):
    return table.set_index("gene").loc[list(GENES)]


def adjusted_by_hand(p_values, n_tests):
    """Benjamini–Hochberg: the least of p·m/rank over this and all later ranks."""
    ordered = sorted([*p_values, *[1.0] * (n_tests - len(p_values))])
    out = []
    for p in p_values:
        later = [q * n_tests / (i + 1) for i, q in enumerate(ordered) if q >= p]
        out.append(min([1.0, *later]))
    return out


class TestNumbers:
    def test_the_wilcoxon_score_is_the_rank_sum_z_without_correction_for_ties(self):
        table = by_gene(rank())
        u = np.array([mannwhitneyu(v[IS_RARE], v[~IS_RARE]).statistic for v in VALUES.T])
        spread = np.sqrt(N_RARE * N_OTHER * (N_RARE + N_OTHER + 1) / 12)
        z = (u - N_RARE * N_OTHER / 2) / spread
        np.testing.assert_allclose(table["score"], z, rtol=1e-5)
        p_values = 2 * norm.sf(np.abs(z))
        np.testing.assert_allclose(
            table["pval_adj"], adjusted_by_hand(p_values, N_GENES), rtol=1e-4
        )

    def test_without_ties_it_is_scipys_own_p_value(self):
        values = np.random.default_rng(0).uniform(1, 2, VALUES.shape).astype(np.float32)
        p_values = mannwhitneyu(
            values[IS_RARE], values[~IS_RARE], use_continuity=False, method="asymptotic"
        ).pvalue
        expected = adjusted_by_hand(p_values, N_GENES)
        np.testing.assert_allclose(by_gene(rank(values))["pval_adj"], expected, rtol=1e-4)

    def test_the_t_score_and_p_value_are_welchs(self):
        table = by_gene(rank(test="t-test"))
        welch = ttest_ind(VALUES[IS_RARE], VALUES[~IS_RARE], equal_var=False)
        np.testing.assert_allclose(table["score"], welch.statistic, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            table["pval_adj"], adjusted_by_hand(welch.pvalue, N_GENES), rtol=1e-3
        )

    def test_the_logreg_score_is_the_coefficient_towards_the_rare_type(self):
        table = by_gene(rank(test="logreg"))
        model = LogisticRegression(max_iter=1000).fit(VALUES, IS_RARE)
        np.testing.assert_allclose(table["score"], model.coef_[0], atol=2e-3)
        assert (table.loc[PLANTED, "score"] > 0).all()
        assert table["pval_adj"].isna().all()

    @pytest.mark.parametrize("test", TESTS)
    def test_a_gene_that_only_the_others_have_scores_below_zero(self, test):
        values = VALUES.copy()
        values[:, 5] = np.where(IS_RARE, 0, 3 + values[:, 6])
        assert by_gene(rank(values, test=test)).loc["G5", "score"] < 0

    def test_auc_is_that_of_the_single_gene_as_a_classifier(self):
        expected = [roc_auc_score(IS_RARE, column) for column in VALUES.T]
        np.testing.assert_allclose(by_gene(rank())["auc"], expected, rtol=1e-12)

    def test_auc_of_ties_and_of_silent_genes_is_by_half(self):
        values = VALUES.copy()
        values[:, 0] = 0
        values[:, 1] = IS_RARE
        table = by_gene(rank(values))
        assert table.loc["G0", "auc"] == 0.5
        assert table.loc["G1", "auc"] == 1.0

    def test_fractions_are_of_cells_with_expression(self):
        table = by_gene(rank())
        for mask, name in ((IS_RARE, "pct_in"), (~IS_RARE, "pct_out")):
            expected = [sum(v > 0 for v in column[mask]) / mask.sum() for column in VALUES.T]
            np.testing.assert_allclose(table[name], expected, rtol=1e-12)

    def test_fold_change_is_of_mean_counts_per_10000_plus_one(self):
        def log_mean(cells):
            return np.log2(np.mean([np.e ** float(v) - 1 for v in cells]) + 1)

        expected = [log_mean(c[IS_RARE]) - log_mean(c[~IS_RARE]) for c in VALUES.T]
        np.testing.assert_allclose(by_gene(rank())["logfc"], expected, rtol=1e-5, atol=1e-6)

    def test_genes_below_the_thresholds_count_as_p_of_one_in_the_adjustment(self):
        whole = rank()
        table = rank(n=2, min_logfc=2.0)
        assert set(table["gene"]) <= set(PLANTED)
        n_passing = int((whole["logfc"] >= 2.0).sum())
        assert n_passing < N_GENES
        z = whole.set_index("gene")["score"]
        passing = whole.loc[whole["logfc"] >= 2.0, "gene"]
        by_hand = adjusted_by_hand(2 * norm.sf(np.abs(z[passing])), N_GENES)
        expected = dict(zip(passing, by_hand, strict=True))
        np.testing.assert_allclose(table["pval_adj"], table["gene"].map(expected), rtol=1e-4)

    def test_a_gene_that_does_not_vary_within_its_group_keeps_a_t_score_at_the_top(self):
        values = VALUES.copy()
        values[:, 7] = np.where(IS_RARE, 3.0, 0.0)
        table = rank(values, test="t-test")
        assert table.loc[0, "gene"] == "G7"
        assert table.loc[0, "score"] == np.inf
        assert table.loc[0, "pval_adj"] == 0


class TestChoice:
    @pytest.mark.parametrize("test", TESTS)
    def test_planted_marker_genes_come_first(self, test):
        table = rank(config=MarkerConfig(n=10, test=test))
        assert set(table["gene"][:4]) == set(PLANTED)
        assert list(table.columns) == COLUMNS

    @pytest.mark.parametrize("test", TESTS)
    def test_the_best_score_comes_first(self, test):
        scores = rank(test=test)["score"].to_numpy()
        assert (np.diff(scores) <= 0).all()

    def test_the_order_of_wilcoxon_is_the_order_of_the_auc(self):
        auc = rank()["auc"].to_numpy()
        assert (np.diff(auc) <= 1e-12).all()

    @pytest.mark.parametrize("n", [2, 4, 7])
    def test_n_is_the_most_and_the_first_n_are_the_same(self, n):
        pd.testing.assert_frame_equal(rank(n=n), rank().head(n))

    def test_fewer_than_n_come_when_fewer_pass(self):
        assert set(rank(n=40, min_logfc=4.0)["gene"]) == set(PLANTED)

    def test_a_gene_passes_at_the_very_thresholds(self):
        one = rank(config=EVERYTHING).set_index("gene").loc["G3"]
        at = {"n": 40, "min_logfc": float(one["logfc"]), "min_fraction": float(one["pct_in"])}
        assert "G3" in set(rank(**at)["gene"])
        above = at | {"min_logfc": float(np.nextafter(one["logfc"], 99))}
        assert "G3" not in set(rank(**above)["gene"])

    def test_detection_in_either_group_is_enough(self):
        values = VALUES.copy()
        values[:, 8] = 0
        values[np.flatnonzero(IS_RARE)[:3], 8] = 5
        values[:, 9] = 0
        values[np.flatnonzero(~IS_RARE)[:3], 9] = 5
        passing = set(rank(values, min_fraction=3 / 9)["gene"])
        assert "G8" in passing
        assert "G9" not in passing
        assert "G9" in set(rank(values, min_fraction=3 / 51)["gene"])

    def test_when_no_gene_passes_it_says_so(self):
        with pytest.raises(ParameterError, match="fold change of at least 50") as refused:
            rank(min_fraction=0.1, min_logfc=50)
        assert refused.value.code == "E-NO-MARKERS"
        assert "10%" in refused.value.message

    def test_equal_scores_are_ordered_by_fold_change_then_name(self):
        values = np.zeros((20, 4), np.float32)
        is_rare = np.arange(20) < 4
        values[:, [0, 2]] = np.where(is_rare, 2, 1)[:, None]  # the same, twice
        values[:, 1] = np.where(is_rare, 3, 1)  # the same ranks, a larger change
        values[:, 3] = np.where(is_rare, 1, 2)
        genes = pd.Index(["Z", "B", "A", "C"], dtype=object)
        table = rank(values, genes=genes, is_rare=is_rare)
        assert list(table["gene"]) == ["B", "A", "Z", "C"]

    def test_equal_genes_keep_their_order_whatever_the_order_of_the_cells(self):
        # Two genes with the same values in each group, dealt to different cells: their fold
        # changes differ in the last digit, and how depends on the order of the cells.
        rng = np.random.default_rng(3)
        values = VALUES.copy()
        for mask in (IS_RARE, ~IS_RARE):
            rows = np.flatnonzero(mask)
            values[rows, 5] = rng.permutation(values[rows, 3])
        orders = set()
        for seed in range(8):
            order = np.random.default_rng(seed).permutation(len(IS_RARE))
            table = rank(values[order], is_rare=IS_RARE[order])
            orders.add(tuple(table["gene"]))
        assert len(orders) == 1

    @pytest.mark.parametrize("test", TESTS)
    def test_the_order_of_cells_and_genes_does_not_matter(self, test):
        cells = np.random.default_rng(8).permutation(len(IS_RARE))
        genes = np.random.default_rng(9).permutation(N_GENES)
        table = rank(test=test)
        other = rank(
            VALUES[np.ix_(cells, genes)], genes=GENES[genes], is_rare=IS_RARE[cells], test=test
        )
        if test != "logreg":  # its iterations may stop a hair apart
            assert list(other["gene"]) == list(table["gene"])
        pd.testing.assert_frame_equal(by_gene(other), by_gene(table), rtol=1e-3, atol=2e-3)

    def test_the_matrix_stays_as_it_was(self):
        matrix = sparse.csr_matrix(VALUES)
        rank_markers(matrix, GENES, IS_RARE, EVERYTHING)
        np.testing.assert_array_equal(matrix.toarray(), VALUES)


class TestOwnGenes:
    def test_they_keep_their_order_and_no_threshold_applies(self):
        table = rank(config=MarkerConfig(n=2, genes=("G9", "G3", "G0", "G9"), min_logfc=99))
        assert list(table["gene"]) == ["G9", "G3", "G0"]

    def test_they_are_described_as_any_gene_is(self):
        table = rank(config=MarkerConfig(genes=("G11", "G2"))).set_index("gene")
        whole = rank().set_index("gene").loc[["G11", "G2"]]
        columns = ["score", "logfc", "pct_in", "pct_out", "auc"]
        pd.testing.assert_frame_equal(table[columns], whole[columns])
        p_values = 2 * norm.sf(np.abs(table["score"]))
        np.testing.assert_allclose(
            table["pval_adj"], adjusted_by_hand(p_values, N_GENES), rtol=1e-4
        )

    def test_names_that_the_dataset_does_not_have_are_left_out(self):
        table = rank(config=MarkerConfig(genes=("X1", "G5", "g6")))
        assert list(table["gene"]) == ["G5"]

    def test_when_none_is_there_it_says_so(self):
        own = tuple(f"X{i}" for i in range(7))
        with pytest.raises(ParameterError, match=r"X0, X1, X2, X3, X4 …\.") as refused:
            rank(config=MarkerConfig(genes=own))
        assert refused.value.code == "E-NO-GENE-KNOWN"
        assert refused.value.next_step == "This dataset's genes look like G0, G1, G2."


class TestFindMarkers:
    def test_cells_without_a_label_take_no_part(self):
        names = np.where(IS_RARE, "needle", "hay").astype(object)
        blank = np.full(30, None)
        extra = 1.5 * noise(30, N_GENES, seed=7)
        alone = find_markers(keep(VALUES, names), TASK, n=10)
        among = find_markers(
            keep(np.vstack([VALUES, extra]), np.concatenate([names, blank])), TASK, n=10
        )
        pd.testing.assert_frame_equal(among, alone)

    def test_it_ranks_the_datasets_own_expression(self):
        names = np.where(IS_RARE, "needle", "hay").astype(object)
        expected = rank(config=MarkerConfig(n=5))
        pd.testing.assert_frame_equal(find_markers(keep(VALUES, names), TASK, n=5), expected)

    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({"n": 1}, "`n` must be .* from 2 to 2,000. Got 1"),
            ({"n": 2001}, "`n` must be .* from 2 to 2,000"),
            ({"test": "anova"}, "`test` must be one of wilcoxon, t-test, logreg. Got 'anova'"),
            ({"min_fraction": 1.5}, "`min_fraction` must be from 0 to 1. Got 1.5"),
        ],
        ids=["n-low", "n-high", "test", "fraction"],
    )
    def test_settings_out_of_range_are_refused(self, settings, sentence):
        with pytest.raises(ParameterError, match=sentence) as refused:
            find_markers(core.demo_reference(), core.data.DEMO_TASK, **settings)
        assert refused.value.code == "E-PARAMETER"

    @pytest.mark.parametrize(
        ("task", "error", "code", "sentence"),
        [
            (("bulk_labels", "Beta"), ParameterError, "E-RARE-UNKNOWN", "No cell has 'Beta'"),
            (("nope", "Beta"), DataError, "E-LABEL-COLUMN", "no column 'nope'"),
        ],
        ids=["type", "column"],
    )
    def test_a_task_that_does_not_fit_is_refused(self, task, error, code, sentence):
        with pytest.raises(error, match=sentence) as refused:
            find_markers(core.demo_reference(), core.RareTask(*task))
        assert refused.value.code == code

    def test_a_single_rare_cell_is_refused(self):
        names = ["needle", *["hay"] * 9]
        with pytest.raises(ParameterError, match="'needle' has a single cell") as refused:
            find_markers(keep(noise(10, 5), names), TASK)
        assert refused.value.code == "E-RARE-ONE"

    def test_known_genes_of_stem_cells_are_markers_of_the_demos_stem_cells(self):
        table = find_markers(core.demo_reference(), core.data.DEMO_TASK, n=20)
        assert len(table) == 20
        assert {"SPINK2", "EGFL7", "PRSS57", "CYTL1"} <= set(table["gene"])
