"""One content, one canonical file, one expression: whatever form the values came in."""

from __future__ import annotations

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import core
from core.data import load_dataset
from core.data.store import store_dataset
from core.errors import ChoiceNeeded, DataError, ParameterError
from tests.files import cells, counts, cp10k, fingerprint, kept, write

COUNTS = counts()
GENES = [f"G{i}" for i in range(24)]


@pytest.fixture
def dataset(tmp_path):
    return core.open_dataset(write(cells(sparse.csr_matrix(COUNTS)), tmp_path / "cells.h5ad"))


def by_scanpy(values, target_sum=1e4):
    adata = ad.AnnData(np.asarray(values, dtype=np.float32).copy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.normalize_total(adata, target_sum=target_sum)
        sc.pp.log1p(adata)
    return np.asarray(adata.X)


FORMS = {
    "csr float32": sparse.csr_matrix,
    "csc float32": sparse.csc_matrix,
    "csr array": sparse.csr_array,
    "dense float32": np.asarray,
    "dense float64": lambda x: x.astype(np.float64),
    "dense float16": lambda x: x.astype(np.float16),
    "dense int64": lambda x: x.astype(np.int64),
    "dense uint16": lambda x: x.astype(np.uint16),
    "csr int64": lambda x: sparse.csr_matrix(x.astype(np.int64)),
    "csr uint16": lambda x: sparse.csr_matrix(x.astype(np.uint16)),
    "csc float64": lambda x: sparse.csc_matrix(x.astype(np.float64)),
    "fortran order": np.asfortranarray,
}
# Every form but float16's sparse one, which scipy does not have; big-endian as old machines wrote.
MORE_FORMS = {
    **{f"dense {t}": lambda x, t=t: x.astype(t) for t in ("u1", "i2", ">f4", ">i4", "f2")},
    **{f"csr {t}": lambda x, t=t: sparse.csr_matrix(x.astype(t)) for t in ("u1", "i8", "f8")},
    **{f"csc {t}": lambda x, t=t: sparse.csc_matrix(x.astype(t)) for t in ("u2", "i4", "f4")},
}


class TestExpression:
    def test_it_is_log1p_of_counts_per_10000_over_all_genes(self, dataset):
        np.testing.assert_allclose(dataset.expression(GENES), cp10k(COUNTS), rtol=1e-6)
        np.testing.assert_allclose(dataset.expression(GENES), by_scanpy(COUNTS), rtol=1e-6)

    @pytest.mark.parametrize("name", FORMS | MORE_FORMS)
    def test_every_form_of_the_same_counts_gives_the_same_values(self, tmp_path, dataset, name):
        values = (FORMS | MORE_FORMS)[name](COUNTS)
        other = core.open_dataset(write(cells(values), tmp_path / "other.h5ad"))
        assert other.scale == "counts"
        assert other.findings == ()
        np.testing.assert_array_equal(other.expression(GENES), dataset.expression(GENES))
        np.testing.assert_array_equal(other.matrix().toarray(), dataset.matrix().toarray())

    @pytest.mark.parametrize(
        ("genes", "columns"),
        [
            (["G3"], [3]),
            (["G7", "G0", "G23"], [7, 0, 23]),
            (["G5", "G5", "G1"], [5, 5, 1]),
            (np.array(["G2", "G1"]), [2, 1]),
            (pd.Index(["G2", "G1"]), [2, 1]),
            ([], []),
        ],
        ids=["one", "any-order", "repeats", "array", "index", "none"],
    )
    def test_chosen_genes_are_the_columns_of_the_whole_matrix(self, dataset, genes, columns):
        found = dataset.expression(genes)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, dataset.matrix().toarray()[:, columns])

    def test_an_unknown_gene_is_refused_with_a_suggestion(self, dataset):
        with pytest.raises(ParameterError, match=r"Unknown: g3, Q\. Did you mean G3\?") as refused:
            dataset.expression(["G1", "g3", "Q"])
        assert refused.value.code == "E-GENE-UNKNOWN"

    def test_totals_are_over_all_genes_of_raw_where_there_are_more(self, tmp_path):
        adata = cells(COUNTS[:, :6])
        adata.raw = cells(COUNTS)
        dataset = core.open_dataset(write(adata, tmp_path / "wide.h5ad"))
        assert dataset.n_genes == 24
        np.testing.assert_allclose(dataset.expression(GENES), by_scanpy(COUNTS), rtol=1e-6)

    def test_logged_values_are_kept_to_the_last_digit(self, tmp_path):
        logged = by_scanpy(COUNTS, target_sum=1e4)
        dataset = core.open_dataset(write(cells(logged), tmp_path / "log.h5ad"))
        assert dataset.scale == "log1p"
        np.testing.assert_array_equal(dataset.expression(GENES), logged)
        np.testing.assert_array_equal(dataset.matrix().toarray(), logged)

    def test_linear_values_are_normalised_like_counts(self, tmp_path):
        factors = np.linspace(0.31, 7.7, 40)[:, None]
        path = write(cells((COUNTS * factors * 5).astype(np.float32)), tmp_path / "linear.h5ad")
        dataset = core.open_dataset(path)
        assert dataset.scale == "linear"
        assert [finding.code for finding in dataset.findings] == ["W-NOT-WHOLE"]
        np.testing.assert_allclose(dataset.expression(GENES), by_scanpy(COUNTS), rtol=1e-5)

    def test_counts_of_variable_genes_give_way_to_logged_values_of_all_genes(self, tmp_path):
        adata = cells(COUNTS[:, :6] - 1, layers={"counts": COUNTS[:, :6]})
        adata.raw = cells(by_scanpy(COUNTS))
        dataset = core.open_dataset(write(adata, tmp_path / "tutorial.h5ad"))
        np.testing.assert_allclose(dataset.expression(GENES), by_scanpy(COUNTS), rtol=1e-6)

    def test_cells_without_counts_are_zero(self, tmp_path):
        values = COUNTS.copy()
        values[4] = 0
        dataset = core.open_dataset(write(cells(values), tmp_path / "empty-cell.h5ad"))
        assert not dataset.expression(GENES)[4].any()
        assert np.isfinite(dataset.matrix().data).all()

    def test_repeated_entries_count_together_in_genes_and_in_the_matrix(self, tmp_path):
        repeated = sparse.csr_matrix(
            (np.float32([1, 2, 3, 1]), np.array([0, 0, 1, 2]), np.array([0, 2, 3, 4])), shape=(3, 3)
        )
        dataset = core.open_dataset(write(cells(repeated), tmp_path / "repeated.h5ad"))
        expected = by_scanpy(np.diag([3, 3, 1]))
        np.testing.assert_allclose(dataset.expression(["G0", "G1", "G2"]), expected, rtol=1e-6)
        np.testing.assert_allclose(dataset.matrix().toarray(), expected, rtol=1e-6)

    def test_stored_values_are_those_of_the_file(self, dataset):
        np.testing.assert_array_equal(dataset.stored_matrix().toarray(), COUNTS)


class TestCanonicalFile:
    def test_the_same_content_is_converted_once_and_named_by_its_file(
        self, fresh_home, tmp_path, monkeypatch
    ):
        path = write(cells(COUNTS), tmp_path / "first.h5ad")
        first = core.open_dataset(path)
        before = fingerprint(first.path)
        (tmp_path / "second.h5ad").write_bytes(path.read_bytes())
        monkeypatch.delattr("core.data.store.read_cells")  # must not be needed
        second = core.open_dataset(tmp_path / "second.h5ad")
        third = core.open_dataset(path, name="My cells")
        assert (first.name, second.name, third.name) == ("first", "second", "My cells")
        assert first.digest == second.digest == third.digest
        assert fingerprint(first.path) == before
        assert kept(fresh_home) == [first.path.name]

    def test_other_content_is_another_dataset(self, fresh_home, tmp_path):
        for i in range(2):
            core.open_dataset(write(cells(counts(seed=i)), tmp_path / f"{i}.h5ad"))
        assert len(kept(fresh_home)) == 2

    def test_it_opens_again_by_its_digest_with_all_it_said(self, tmp_path):
        values = COUNTS.copy()
        values[4] = 0
        path = write(cells(values, genes=["G0", "G0", *GENES[2:]]), tmp_path / "cells.h5ad")
        first = core.open_dataset(path)
        again = load_dataset(first.digest)
        assert (again.name, again.scale, again.findings) == ("cells", "counts", first.findings)
        assert [f.code for f in again.findings] == ["F-DUPLICATE-GENES", "W-EMPTY-CELLS"]
        assert list(again.genes) == ["G0", "G0-1", *GENES[2:]]
        pd.testing.assert_frame_equal(again.obs, first.obs)

    @pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "a.b"])
    def test_an_unknown_digest_is_refused(self, digest):
        with pytest.raises(DataError, match="not found in Needle's data folder") as refused:
            load_dataset(digest)
        assert refused.value.code == "E-DATASET-UNKNOWN"

    @pytest.mark.parametrize(
        "use",
        [
            lambda data: data.expression(["G0"]),
            lambda data: data.matrix(),
            lambda data: data.to_anndata(),
        ],
        ids=["expression", "matrix", "to_anndata"],
    )
    def test_cells_that_were_deleted_since_they_were_opened_are_named_as_such(
        self, fresh_home, tmp_path, use
    ):
        data = core.open_dataset(write(cells(COUNTS), tmp_path / "cells.h5ad"))
        data.path.unlink()
        with pytest.raises(DataError, match="not found in Needle's data folder") as refused:
            use(data)
        assert refused.value.code == "E-DATASET-UNKNOWN"

    def test_an_interrupted_conversion_leaves_nothing(self, fresh_home, tmp_path, monkeypatch):
        path = write(cells(COUNTS), tmp_path / "cells.h5ad")

        def full_disk(self, part, **_):
            part.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(ad.AnnData, "write_h5ad", full_disk)
            with pytest.raises(OSError, match="No space left"):
                core.open_dataset(path)
        assert kept(fresh_home) == []
        assert core.open_dataset(path).n_cells == 40

    def test_scanpy_can_read_it(self, dataset):
        adata = dataset.to_anndata()
        np.testing.assert_array_equal(adata.X.toarray(), COUNTS)
        assert list(adata.obs_names) == list(dataset.cells)
        assert list(adata.var_names) == GENES
        assert list(adata.obs["type"]) == list(dataset.obs["type"])

    def test_the_uploaded_file_stays_as_it_was(self, tmp_path):
        path = write(cells(sparse.csc_matrix(COUNTS)), tmp_path / "cells.h5ad")
        before = fingerprint(path)
        core.open_dataset(path, label="type").expression(["G0"])
        assert fingerprint(path) == before


class TestLabel:
    @pytest.mark.parametrize(
        ("label", "code", "sentence"),
        [
            ("nope", "E-LABEL-COLUMN", "There is no column 'nope'"),
            ("same", "E-LABEL-ONE-TYPE", "only the type 'x'"),
        ],
    )
    @pytest.mark.parametrize("known", [False, True], ids=["new-file", "known-file"])
    def test_a_label_column_that_cannot_be_used_is_refused(
        self, tmp_path, label, code, sentence, known
    ):
        adata = cells(COUNTS, obs={"type": ["a", "b"] * 20, "same": ["x"] * 40})
        path = write(adata, tmp_path / "cells.h5ad")
        if known:
            core.open_dataset(path)
        with pytest.raises(DataError, match=sentence) as refused:
            core.open_dataset(path, label=label)
        assert refused.value.code == code
        assert core.open_dataset(path, label="type").n_cells == 40

    def test_a_usable_label_column_is_accepted(self, tmp_path):
        path = write(cells(COUNTS), tmp_path / "cells.h5ad")
        assert core.open_dataset(path, label="type").type_sizes("type").to_dict() == {
            "b": 26,
            "a": 14,
        }

    def test_type_sizes_of_an_unknown_column_are_refused(self, dataset):
        with pytest.raises(DataError, match="no column 'nope'") as refused:
            dataset.type_sizes("nope")
        assert refused.value.code == "E-LABEL-COLUMN"


class TestCellTable:
    @pytest.mark.parametrize(
        ("column", "kept_as"),
        [
            (np.arange(40), list(range(40))),
            (np.linspace(0, 1, 40), list(np.linspace(0, 1, 40))),
            (np.arange(40) % 2 == 0, [True, False] * 20),
            (["a", None] * 20, ["a", None] * 20),
            (["a", 1, 2.0, True] * 10, ["a", "1", "2", "True"] * 10),
            ([None] * 40, [None] * 40),
            (pd.to_datetime(["2024-05-01"] * 40), ["2024-05-01 00:00:00"] * 40),
            (np.full(40, 1j), ["1j"] * 40),
            ([(1, 2), (3, 4)] * 20, ["(1, 2)", "(3, 4)"] * 20),
            (pd.Categorical(["b", "a"] * 20, categories=["z", "b", "a"]), ["b", "a"] * 20),
            (pd.Categorical([3, 7] * 20), ["3", "7"] * 20),
            (pd.Categorical(["lo", "hi"] * 20, ordered=True), ["lo", "hi"] * 20),
            (pd.array([1, None] * 20, dtype="Int64"), [1.0, None] * 20),
            (pd.array([True, None] * 20, dtype="boolean"), ["True", None] * 20),
            (pd.array(["a", None] * 20, dtype="string"), ["a", None] * 20),
        ],
        ids=["int", "float", "bool", "text-gaps", "mixed", "nothing", "dates", "complex", "objects",
             "unused-category", "number-category", "ordered", "Int64", "boolean", "string"],
    )  # fmt: skip
    def test_every_column_is_kept_as_numbers_or_text(self, column, kept_as):
        adata = cells(COUNTS)
        adata.obs["column"] = pd.Series(column, index=adata.obs_names)
        digest = f"column{abs(hash(repr(kept_as)))}"
        store_dataset(adata, digest=digest, name="x")
        found = load_dataset(digest).obs["column"]
        assert [None if pd.isna(value) else value for value in found] == kept_as
        if isinstance(found.dtype, pd.CategoricalDtype):
            assert set(found.cat.categories) == set(kept_as) - {None}

    @pytest.mark.parametrize("dtype", ["Int64", "boolean", "string"])
    def test_nullable_columns_of_a_file_are_read(self, tmp_path, dtype):
        values = {"Int64": [1, 2, None], "boolean": [True, False, None], "string": ["a", "b", None]}
        labels = [values[dtype][i % 3] for i in range(40)]
        adata = cells(COUNTS)
        adata.obs["type"] = pd.array(labels, dtype=dtype)
        dataset = core.open_dataset(write(adata, tmp_path / "n.h5ad"), label="type")
        assert dataset.labels("type").tolist() == [None if x is None else str(x) for x in labels]
        assert [finding.code for finding in dataset.findings] == ["W-LABELS-MISSING"]

    @pytest.mark.parametrize("name", ["index", "β label ", "cell type", "__x", "feature", "n.1"])
    def test_strange_column_names_are_kept(self, tmp_path, name):
        adata = cells(COUNTS)
        adata.obs[name] = adata.obs["type"].to_numpy()
        dataset = core.open_dataset(write(adata, tmp_path / "n.h5ad"), label=name)
        assert list(dataset.obs.columns) == ["type", name]

    def test_cells_without_any_column_are_a_query(self, tmp_path):
        dataset = core.open_dataset(write(cells(COUNTS, obs={}), tmp_path / "query.h5ad"))
        assert dataset.obs.shape == (40, 0)
        assert dataset.label_columns() == []
        assert list(dataset.cells) == [f"cell{i}" for i in range(40)]

    @pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
    def test_a_single_cell_is_a_query(self, tmp_path, form):
        path = write(cells(form(COUNTS[:1]), obs={}), tmp_path / "one.h5ad")
        dataset = core.open_dataset(path)
        assert (dataset.n_cells, dataset.n_genes) == (1, 24)
        np.testing.assert_allclose(dataset.expression(GENES), by_scanpy(COUNTS[:1]), rtol=1e-6)

    @pytest.mark.parametrize(
        ("umap", "kept_as"),
        [
            (np.arange(80.0).reshape(40, 2), np.arange(80).reshape(40, 2)),
            (np.arange(120).reshape(40, 3), np.arange(120).reshape(40, 3)[:, :2]),
            (np.full((40, 2), np.nan), None),
            (np.ones((40, 1)), None),
            (sparse.csr_matrix(np.ones((40, 2))), None),
            (None, None),
        ],
        ids=["two", "three", "NaN", "one", "sparse", "none"],
    )
    def test_the_umap_of_a_file_is_kept_when_it_can_be_drawn(self, tmp_path, umap, kept_as):
        adata = cells(COUNTS, obsm={} if umap is None else {"X_umap": umap})
        found = core.open_dataset(write(adata, tmp_path / "umap.h5ad")).file_umap
        if kept_as is None:
            assert found is None
        else:
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, kept_as)


def test_log2_of_some_transcripts_is_kept_once_the_user_said_what_it_is(tmp_path):
    rng = np.random.default_rng(1)
    tpm = rng.lognormal(0, 2, (40, 900)) * (rng.random((40, 900)) < 0.3)
    tpm = (tpm / tpm.sum(1, keepdims=True) * 1e6)[:, :810]
    path = write(cells(np.log2(tpm + 1).astype(np.float32)), tmp_path / "log2.h5ad")
    with pytest.raises(ChoiceNeeded, match="whether they are logarithms") as asked:
        core.open_dataset(path)
    assert asked.value.code == "C-SCALE"
    dataset = core.open_dataset(path, choices={"C-SCALE": "log2"})
    assert dataset.scale == "log1p"
    found = dataset.expression(dataset.genes)
    np.testing.assert_allclose(found, np.log1p(tpm / 100), rtol=1e-3, atol=1e-6)


SHARED = {
    "pancreas_baron_neuca": ("counts", 2812, 2000, {"endothelial": 30, "gamma": 149}),
    "pancreas_segerstolpe_neuca": ("counts", 702, 2000, {"endothelial": 9}),
    "pbmc3k": ("counts", 2638, 13713, {"Platelet": 14, "DC": 32}),
    "pbmc_kang_ifnb2800": ("counts", 2800, 13488, {"Mk": 46, "pDC": 23, "DC": 89, "Eryth": 8}),
    "pbmc_symphony_lognorm": ("log1p", 1200, 1767, {"MK": 7, "HSC": 3, "DC": 28}),
    "cbmc_citeseq_anon2000": (
        "counts", 8617, 2000, {"pDC": 50, "DC": 80, "Mk": 93, "CD34+": 143},
    ),
    "query_pbmc_donorA_unlabelled": ("counts", 2896, 13939, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_real_datasets_are_read_with_their_scale_and_rare_types(shared_data, name):
    scale, n_cells, n_genes, rare = SHARED[name]
    dataset = core.open_dataset(shared_data / f"{name}.h5ad")
    assert (dataset.scale, dataset.n_cells, dataset.n_genes) == (scale, n_cells, n_genes)
    if not rare:
        assert dataset.findings == ()
        return
    sizes = dataset.type_sizes("cell_type")
    assert {kind: sizes[kind] for kind in rare} == rare
    assert dataset.label_columns()[0].name == "cell_type"
    top = dataset.expression(dataset.genes[:50])
    assert 0 <= top.min() <= top.max() <= np.log1p(1e4)


# Each way through the readers and checks once; the rest has the same canonical matrix as these.
SCORED = ("csc float32", "dense float64", "dense f2", "dense int64", "csr u1", "dense >f4")


def some_cells():
    """Three types of which one is rare, and so many genes that markers have to be chosen."""
    values = np.random.default_rng(5).poisson(1.0, (90, 40)).astype(np.float32)
    values[:12, :6] += 3
    labels = np.where(np.arange(90) < 12, "rare", np.where(np.arange(90) % 2, "A", "B"))
    return values, {"cell_type": labels}


def scores_of(adata, path):
    task = core.RareTask("cell_type", "rare")
    config = core.TrainingConfig(markers=8, samplers=("loras",), n_splits=2, n_repeats=1)
    dataset = core.open_dataset(write(adata, path), label="cell_type")
    return list(core.iter_folds(dataset, task, config))


def test_every_form_of_the_same_cells_gives_identical_scores(tmp_path):
    values, obs = some_cells()
    expected = scores_of(cells(sparse.csr_matrix(values), obs=obs), tmp_path / "first.h5ad")
    assert {fold.method for fold in expected} == {"loras+knn", "loras+lr"}
    for name in SCORED:
        path, form = tmp_path / f"{name}.h5ad", (FORMS | MORE_FORMS)[name]
        for one, other in zip(scores_of(cells(form(values), obs=obs), path), expected, strict=True):
            assert (one.method, one.markers) == (other.method, other.markers), name
            np.testing.assert_array_equal(one.scores, other.scores, err_msg=name)
            counts = [(f.tp, f.fp, f.fn, f.tn, f.f1, f.average_precision) for f in (one, other)]
            assert counts[0] == counts[1], name


def test_truth_values_and_their_numbers_give_identical_values(tmp_path):
    truth = COUNTS > 1
    made = [
        core.open_dataset(write(cells(form), tmp_path / f"{i}.h5ad")).matrix().toarray()
        for i, form in enumerate([truth, truth.astype(np.float32), sparse.csr_matrix(truth)])
    ]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])
