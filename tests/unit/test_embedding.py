"""Maps: the file's own or computed once; new cells come to the mapped cells they are like."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid
from sklearn.neighbors import NearestNeighbors as Search

import core
from core.embedding import dataset_umap, fit_umap, place, principal_components, umap_file
from tests.cells import keep
from tests.files import cells, counts, kept, write


def clusters(n_per_cluster=40, n_features=6, seed=0):
    """Three clusters far apart; features and cluster numbers."""
    rng = np.random.default_rng(seed)
    centres = 12 * np.eye(n_features)[:3]
    which = np.repeat([0, 1, 2], n_per_cluster)
    return centres[which] + rng.normal(size=(len(which), n_features)), which


@pytest.fixture(scope="module")
def mapped():
    features, which = clusters()
    return features, which, fit_umap(features, seed=0)


class TestFitUmap:
    def test_separated_clusters_stay_separated(self, mapped):
        _, which, points = mapped
        assert points.shape == (120, 2)
        assert points.dtype == np.float32
        assert NearestCentroid().fit(points, which).score(points, which) == 1

    def test_neighbours_stay_neighbours(self, mapped):
        features, _, points = mapped
        there = Search(n_neighbors=15).fit(features).kneighbors(return_distance=False)
        here = Search(n_neighbors=15).fit(points).kneighbors(return_distance=False)
        shared = np.mean([len(set(a) & set(b)) / 15 for a, b in zip(there, here, strict=True)])
        assert shared > 0.6  # any 15 cells of the right cluster of 40 share 0.38 on average

    def test_the_same_seed_gives_the_same_map_and_another_seed_another(self, mapped):
        features, _, points = mapped
        np.testing.assert_array_equal(fit_umap(features, seed=0), points)
        assert not np.array_equal(fit_umap(features, seed=1), points)

    @pytest.mark.parametrize("n_cells", [1, 2, 3, 9])
    def test_below_10_cells_the_map_keeps_the_distances_of_two_features(self, n_cells):
        features = np.random.default_rng(0).normal(size=(n_cells, 2)).astype(np.float32)
        points = fit_umap(features)
        assert points.shape == (n_cells, 2)
        for i in range(n_cells):
            for j in range(n_cells):
                expected = math.dist(features[i], features[j])
                assert math.dist(points[i], points[j]) == pytest.approx(expected, abs=1e-5)

    @pytest.mark.parametrize("n_cells", [10, 12, 16])
    def test_10_cells_and_more_are_laid_out_without_gaps(self, n_cells):
        features = np.random.default_rng(0).normal(size=(n_cells, 5))
        points = fit_umap(features)
        assert points.shape == (n_cells, 2)
        assert np.isfinite(points).all()
        assert len(np.unique(points, axis=0)) == n_cells

    @pytest.mark.parametrize(
        "features",
        [np.zeros((20, 3)), np.arange(20.0)[:, None], np.outer(np.arange(20.0), [0, 1, 0])],
        ids=["all-the-same", "one-feature", "one-feature-varies"],
    )
    def test_cells_on_a_line_stay_on_it(self, features):
        points = fit_umap(features)
        assert np.isfinite(points).all()
        np.testing.assert_allclose(points[:, 1], 0, atol=1e-4)
        along = features.sum(axis=1) - features.sum(axis=1).mean()
        np.testing.assert_allclose(np.abs(points[:, 0]), np.abs(along), atol=1e-4)

    def test_the_features_stay_as_they_were(self):
        features, _ = clusters(5)
        before = features.copy()
        fit_umap(features)
        np.testing.assert_array_equal(features, before)


class TestPlace:
    def test_weights_by_hand(self):
        features = np.array([[0.0], [3.0], [4.0], [10.0], [20.0], [100.0]])
        points = np.array([[0, 0], [1, 5], [2, -3], [7, 7], [-4, 2], [999, 999]], np.float32)
        (found,) = place(features, points, np.array([[1.0]]))
        distances = [1, 2, 3, 9, 19]  # the five nearest; the sixth has no say
        spread = sum(d - 1 for d in distances) / 5
        weights = [math.exp(-(d - 1) / spread) for d in distances]
        for axis in (0, 1):
            total = sum(w * p[axis] for w, p in zip(weights, points.tolist(), strict=False))
            assert found[axis] == pytest.approx(total / sum(weights), rel=1e-5)

    def test_equally_near_cells_weigh_the_same(self):
        features = np.array([[0.0, 1], [0, -1], [1, 0], [-1, 0]])
        points = np.array([[0, 0], [4, 0], [0, 4], [4, 4]], np.float32)
        np.testing.assert_allclose(place(features, points, np.zeros((1, 2))), [[2, 2]])

    def test_the_nearest_cell_weighs_most(self):
        features = np.arange(5.0)[:, None]
        points = np.eye(5, 2, dtype=np.float32)  # the first two cells stand out
        (found,) = place(features, points, np.array([[-0.4]]))
        assert found[0] > found[1] > 0

    def test_a_new_cell_like_a_mapped_one_lands_beside_it(self, mapped):
        features, _, points = mapped
        placed = place(features, points, features)
        extent = np.linalg.norm(np.ptp(points, axis=0))
        moved = np.linalg.norm(placed - points, axis=1)
        assert np.median(moved) < 0.02 * extent
        assert moved.max() < 0.1 * extent

    def test_new_cells_land_in_their_cluster(self, mapped):
        features, which, points = mapped
        new, new_which = clusters(20, seed=9)
        placed = place(features, points, new)
        assert NearestCentroid().fit(points, which).score(placed, new_which) == 1

    def test_a_new_cell_stays_within_the_box_of_its_five_nearest(self, mapped):
        features, _, points = mapped
        new = np.random.default_rng(3).normal(scale=8, size=(50, features.shape[1]))
        near = Search(n_neighbors=5).fit(features).kneighbors(new, return_distance=False)
        placed = place(features, points, new)
        assert (placed >= points[near].min(axis=1) - 1e-4).all()
        assert (placed <= points[near].max(axis=1) + 1e-4).all()

    def test_neither_the_order_of_new_nor_of_mapped_cells_matters(self, mapped):
        features, _, points = mapped
        new, _ = clusters(10, seed=4)
        rng = np.random.default_rng(0)
        a, b = rng.permutation(len(new)), rng.permutation(len(features))
        expected = place(features, points, new)
        np.testing.assert_allclose(place(features, points, new[a]), expected[a], rtol=1e-5)
        np.testing.assert_allclose(place(features[b], points[b], new), expected, rtol=1e-5)
        one_by_one = np.vstack([place(features, points, row[None]) for row in new])
        np.testing.assert_allclose(one_by_one, expected, rtol=1e-5)

    @pytest.mark.parametrize("n_mapped", [1, 3])
    def test_few_mapped_cells_are_enough(self, n_mapped):
        features = np.arange(n_mapped, dtype=float)[:, None]
        points = np.full((n_mapped, 2), 7, np.float32)
        placed = place(features, points, np.array([[0.2], [9.0]]))
        np.testing.assert_allclose(placed, np.full((2, 2), 7))

    def test_the_map_does_not_move(self, mapped):
        features, _, points = mapped
        before = points.copy()
        place(features, points, features + 1)
        np.testing.assert_array_equal(points, before)


class TestPrincipalComponents:
    def test_they_are_those_of_a_dense_decomposition_but_for_the_sign(self, fresh_home):
        values = np.abs(np.random.default_rng(4).normal(size=(80, 50))).astype(np.float32)
        found = principal_components(keep(values, ["a", "b"] * 40))
        centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
        left, singular, _ = np.linalg.svd(centred, full_matrices=False)
        expected = (left * singular)[:, :30]
        assert (found.shape, found.dtype) == ((80, 30), np.float32)
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)

    def test_they_are_computed_once_and_make_the_map(self, fresh_home, monkeypatch):
        features, which = clusters()
        dataset = keep(np.abs(features), which.astype(str))
        first = principal_components(dataset)
        assert kept(fresh_home) == sorted([dataset.path.name, f"{dataset.path.stem}.pca.npy"])
        monkeypatch.delattr("core.embedding._reduce")  # must not be needed
        np.testing.assert_array_equal(principal_components(dataset), first)
        np.testing.assert_array_equal(dataset_umap(dataset), fit_umap(first))

    def test_a_single_gene_stays_as_it_is(self, fresh_home):
        values = np.arange(1, 61, dtype=np.float32)[:, None] / 7
        found = principal_components(keep(values, ["a", "b"] * 30))
        np.testing.assert_array_equal(found, values)


class TestDatasetUmap:
    def test_the_files_own_map_is_used(self, fresh_home, tmp_path):
        own = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
        adata = cells(counts(), obsm={"X_umap": own})
        dataset = core.open_dataset(write(adata, tmp_path / "mapped.h5ad"))
        np.testing.assert_array_equal(dataset_umap(dataset), own)
        assert not umap_file(dataset).exists()
        assert len(kept(fresh_home)) == 1

    def test_another_is_computed_once_and_read_again(self, fresh_home, monkeypatch):
        features, which = clusters()
        dataset = keep(np.abs(features), which.astype(str))
        first = dataset_umap(dataset)
        components = f"{dataset.path.stem}.pca.npy"
        assert kept(fresh_home) == sorted([dataset.path.name, umap_file(dataset).name, components])
        monkeypatch.delattr("core.embedding.fit_umap")  # must not be needed
        second = dataset_umap(dataset)
        assert second.tobytes() == first.tobytes()
        assert (second.shape, second.dtype) == ((120, 2), np.float32)

    def test_each_seed_has_a_map_of_its_own(self, fresh_home):
        features, which = clusters(10)
        dataset = keep(np.abs(features), which.astype(str))
        assert umap_file(dataset, seed=0) != umap_file(dataset, seed=1)
        assert not np.array_equal(dataset_umap(dataset, seed=0), dataset_umap(dataset, seed=1))

    def test_it_is_the_same_on_a_fresh_start(self, fresh_home):
        features, which = clusters(20)
        maps = [dataset_umap(keep(np.abs(features), which.astype(str))) for _ in range(2)]
        np.testing.assert_array_equal(maps[0], maps[1])

    def test_types_that_differ_in_many_genes_stay_apart(self, fresh_home):
        features, which = clusters(30, n_features=40)
        points = dataset_umap(keep(np.abs(features), which.astype(str)))
        assert NearestCentroid().fit(points, which).score(points, which) == 1

    def test_of_many_genes_the_most_variable_decide(self, fresh_home):
        # 2,100 genes that say nothing beside 30 that tell three types apart.
        rng = np.random.default_rng(0)
        features, which = clusters(20, n_features=30)
        flat = rng.uniform(0.9, 1.1, size=(60, 2100))
        points = dataset_umap(keep(np.hstack([flat, np.abs(features)]), which.astype(str)))
        assert NearestCentroid().fit(points, which).score(points, which) == 1

    def test_an_interrupted_write_leaves_no_map(self, fresh_home, monkeypatch):
        features, which = clusters(3)
        dataset = keep(np.abs(features), which.astype(str))

        def full_disk(part, points):
            part.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(np, "save", full_disk)
        with pytest.raises(OSError, match="No space left"):
            dataset_umap(dataset)
        assert kept(fresh_home) == [dataset.path.name]

    @pytest.mark.parametrize(
        ("n_cells", "n_genes"), [(1, 30), (2, 30), (3, 30), (9, 5), (12, 1), (12, 2), (12, 3)]
    )
    def test_tiny_datasets_have_a_map_in_which_different_cells_differ(
        self, fresh_home, n_cells, n_genes
    ):
        values = np.random.default_rng(1).uniform(0.5, 5, size=(n_cells, n_genes))
        dataset = keep(values, ["a"] * n_cells)
        points = dataset_umap(dataset)
        assert points.shape == (n_cells, 2)
        assert np.isfinite(points).all()
        assert len(np.unique(points, axis=0)) == n_cells
