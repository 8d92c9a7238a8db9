"""The same cells come out of every format: same matrix, same names, same labels, same scores."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import core
from core.errors import ChoiceNeeded
from tests.valid_files import KEEPS_LABELS, LABEL, WRITERS, small_cells

REAL = (
    "pancreas_baron_neuca",
    "pancreas_segerstolpe_neuca",
    "pbmc3k",
    "pbmc_kang_ifnb2800",
    "pbmc_symphony_lognorm",
    "query_pbmc_donorA_unlabelled",
    "cbmc_citeseq_anon2000",
)
SCALE = dict.fromkeys(REAL, "counts") | {"pbmc_symphony_lognorm": "log1p"}


def opened(paths) -> core.Dataset:
    """Open it as somebody who says yes to every suggestion."""
    answers: dict[str, str] = {}
    while True:
        try:
            return core.open_dataset(paths, choices=answers)
        except ChoiceNeeded as asked:
            (first, *_) = [f for f in asked.report.findings if f.code == asked.code]
            assert first.suggested, first
            answers[asked.code] = first.suggested


def assert_same(dataset: core.Dataset, adata: ad.AnnData, *, with_labels: bool) -> None:
    assert (dataset.n_cells, dataset.n_genes) == adata.shape
    stored = dataset.stored_matrix().tocsr()
    rows = dataset.cells.get_indexer(adata.obs_names)
    columns = dataset.genes.get_indexer(adata.var_names)
    assert min(rows) >= 0
    assert min(columns) >= 0
    difference = abs(stored[rows][:, columns] - adata.X)
    assert difference.max() <= 1e-6 * adata.X.max()
    if with_labels:
        labels = dataset.labels(LABEL).to_numpy()[rows]
        assert (labels == adata.obs[LABEL].astype(str).to_numpy()).all()


@pytest.mark.parametrize("kind", WRITERS)
def test_small_cells_come_back_from_every_format(tmp_path, kind):
    adata = small_cells()
    dataset = opened(WRITERS[kind](adata, tmp_path))
    assert dataset.scale == "counts"
    assert_same(dataset, adata, with_labels=KEEPS_LABELS[kind])
    assert dataset.report.format


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if KEEPS_LABELS[kind]])
def test_scores_are_the_same_from_every_format(tmp_path, kind):
    task, config = core.RareTask(LABEL, "rare"), core.TrainingConfig(markers=8, n_repeats=1)
    (tmp_path / "first").mkdir()
    first = opened(WRITERS[".h5ad, CSR"](small_cells(), tmp_path / "first"))
    other = opened(WRITERS[kind](small_cells(), tmp_path))
    for one, two in zip(
        core.iter_folds(first, task, config), core.iter_folds(other, task, config), strict=True
    ):
        assert one.markers == two.markers
        np.testing.assert_array_equal(one.scores, two.scores)


@pytest.fixture(scope="module")
def real(shared_data):
    """Read 100 cells of a real dataset, with some 3,000 of its genes."""

    def cells(name: str) -> ad.AnnData:
        adata = ad.read_h5ad(shared_data / f"{name}.h5ad")
        chosen = np.random.default_rng(0).choice(adata.n_obs, 100, replace=False)
        genes = np.arange(0, adata.n_vars, max(1, adata.n_vars // 3000))
        adata = adata[np.sort(chosen)][:, genes].copy()
        if LABEL not in adata.obs:
            adata.obs[LABEL] = np.where(np.arange(100) % 7, "this", "that")
        adata.obs[LABEL] = pd.Categorical(adata.obs[LABEL].astype(str))
        return ad.AnnData(sparse.csr_matrix(adata.X), obs=adata.obs[[LABEL]], var=adata.var[[]])

    return cells


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", REAL)
def test_real_cells_come_back_from_every_format(tmp_path, real, name, kind):
    adata = real(name)
    dataset = opened(WRITERS[kind](adata, tmp_path))
    assert dataset.scale == SCALE[name]
    assert_same(dataset, adata, with_labels=KEEPS_LABELS[kind])


@pytest.mark.parametrize("name", REAL)
def test_every_real_dataset_is_read_with_the_right_scale(shared_data, name):
    dataset = core.open_dataset(shared_data / f"{name}.h5ad", role="query")
    assert dataset.scale == SCALE[name]
    codes = {finding.code for finding in dataset.findings}
    assert ("W-NO-COUNTS" in codes) is (SCALE[name] == "log1p")
    assert not codes & {"W-GENE-IS-LABEL", "W-SCALE-UNSURE", "W-NOT-WHOLE", "W-LOGGED-TWICE"}


def test_the_seurat_export_is_read_with_its_genes_in_rows(shared_data):
    dataset = core.open_dataset(shared_data / "seurat_export_glial_17nuclei.csv.gz", role="query")
    assert (dataset.n_cells, dataset.n_genes, dataset.scale) == (17, 22568, "log1p")
    assert dataset.report.gene_ids == "ensembl"
    assert dataset.report.organism == "mouse"
    codes = {finding.code for finding in dataset.findings}
    assert {"F-TRANSPOSED", "W-NO-COUNTS", "W-GENE-IDS", "W-MOUSE"} <= codes
