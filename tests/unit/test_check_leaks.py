"""Genes that are the label itself: found when planted, never seen in real cells."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from core.data.checks import check_cells
from core.data.choices import Choices
from core.data.reading.cells import ReadCells
from tests.files import cells

N = 80


def counts():
    return np.random.default_rng(3).poisson(2, (N, 30)).astype(np.float32)


def types(n_rare, *, missing=0):
    labels = np.where(np.arange(N) < n_rare, "rare", np.where(np.arange(N) % 2, "A", "B"))
    labels = labels.astype(object)
    labels[N - missing :] = None
    return labels


def leaks(x, labels):
    adata = cells(x, obs={"cell_type": labels})
    found = check_cells(ReadCells(adata, "AnnData"), Choices()).report.findings
    return [f.message for f in found if f.code == "W-GENE-IS-LABEL"]


class TestGeneIsLabel:
    @pytest.mark.parametrize(("n_rare", "found"), [(4, False), (5, True), (12, True)])
    def test_a_constant_in_all_cells_of_a_type_is_found_from_5_cells_on(self, n_rare, found):
        x = counts()
        x[:, 7] = 50 * (np.arange(N) < n_rare)
        said = leaks(x, types(n_rare))
        assert bool(said) is found
        assert all(f"'G7' all {n_rare} of 'rare'" in message for message in said)

    @pytest.mark.parametrize(("n_rare", "found"), [(9, False), (10, True), (12, True)])
    def test_any_values_in_all_cells_of_a_type_are_found_from_10_cells_on(self, n_rare, found):
        x = counts()
        x[:, 7] = (np.arange(N) + 1) * (np.arange(N) < n_rare)
        assert bool(leaks(x, types(n_rare))) is found

    @pytest.mark.parametrize(
        ("cell", "value"), [(40, 1), (3, 0)], ids=["one-cell-more", "one-cell-less"]
    )
    def test_a_good_marker_is_not_a_label(self, cell, value):
        x = counts()
        x[:, 7] = 50 * (np.arange(N) < 12)
        x[cell, 7] = value
        assert leaks(x, types(12)) == []

    def test_cells_without_a_label_do_not_count(self):
        x = counts()
        x[:, 7] = 50 * ((np.arange(N) < 12) | (np.arange(N) >= 75))
        assert leaks(x, types(12, missing=5)) != []
        assert leaks(x, types(12)) == []

    def test_a_copy_under_another_label_does_not_hide_it(self):
        x = counts()
        x[:, 7] = 50 * (np.arange(N) < 12)
        x[60:70] = x[:10]
        assert leaks(x, types(12)) != []

    def test_every_such_gene_is_counted_and_three_are_named(self):
        x = counts()
        x[:, 3:8] = 50 * (np.arange(N) < 12)[:, None]
        (message,) = leaks(x, types(12))
        assert message.startswith("5 gene(s) mark exactly")
        assert message.count("of 'rare'") == 3
        assert message.endswith(" and 2 more.")

    def test_it_is_found_in_any_block(self, monkeypatch):
        monkeypatch.setattr("core.data.checking.matrices.BLOCK", 11)
        x = counts()
        x[:, 29] = 50 * (np.arange(N) < 12)
        assert len(leaks(x, types(12))) == 1


REAL = [
    "pancreas_baron_neuca",
    "pancreas_segerstolpe_neuca",
    "pbmc3k",
    "pbmc_kang_ifnb2800",
    "pbmc_symphony_lognorm",
    "cbmc_citeseq_anon2000",
    "query_pbmc_donorA_unlabelled",
]
# What real and sound data may bring; nothing else.
SAID = {"W-LABEL-FEW", "W-NO-COUNTS", "W-LABELS-MISSING", "W-GENE-NAMES-MANGLED"}


@pytest.mark.parametrize("name", REAL)
def test_real_cells_bring_no_false_alarm(shared_data, name):
    adata = ad.read_h5ad(shared_data / f"{name}.h5ad")
    report = check_cells(ReadCells(adata, ".h5ad file"), Choices()).report
    assert {finding.code for finding in report.findings} <= SAID
    few = [f.message for f in report.findings if f.code == "W-LABEL-FEW"]
    assert bool(few) is (name in FEW)
    assert all(FEW[name] in message for message in few)
    assert ("W-NO-COUNTS" in {f.code for f in report.findings}) is ("lognorm" in name)


FEW = {
    "pancreas_segerstolpe_neuca": "'endothelial' (9)",
    "pbmc_kang_ifnb2800": "'Eryth' (8)",
    "pbmc_symphony_lognorm": "'HSC' (3), 'MK' (7)",
}


@pytest.mark.parametrize("name", ["pbmc3k", "pancreas_baron_neuca"])
def test_a_label_planted_into_real_cells_is_found(shared_data, name):
    adata = ad.read_h5ad(shared_data / f"{name}.h5ad")
    rarest = adata.obs["cell_type"].value_counts().index[-1]
    values = adata.X.tolil()
    values[:, 100] = np.asarray(adata.obs["cell_type"] == rarest, dtype=np.float32)[:, None]
    adata.X = values.tocsr()
    found = check_cells(ReadCells(adata, "AnnData"), Choices()).report.findings
    (message,) = [f.message for f in found if f.code == "W-GENE-IS-LABEL"]
    assert repr(str(adata.var_names[100])) in message
    assert repr(str(rarest)) in message
