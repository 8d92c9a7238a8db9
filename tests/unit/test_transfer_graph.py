"""Neighbour graph against sets counted in plain Python, and the groups it keeps together."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ParameterError
from core.transfer import graph as module
from core.transfer.graph import neighbour_graph


def cells(n=60, n_features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_features))


def counted(features, n_neighbors, least=1 / 15):
    """The graph by its definition: distances one by one, Python's own sets."""
    n = len(features)
    near = []
    for i in range(n):
        far = [(np.sqrt(((features[i] - features[j]) ** 2).sum()), j) for j in range(n) if j != i]
        near.append({j for _, j in sorted(far)[:n_neighbors]})
    weights = np.zeros((n, n))
    for i in range(n):
        for j in near[i]:
            one, other = near[i] | {i}, near[j] | {j}
            weight = len(one & other) / len(one | other)
            if weight >= least:
                weights[i, j] = weights[j, i] = weight
    return weights


@pytest.mark.parametrize("n_neighbors", [1, 5, 15, 59])
@pytest.mark.parametrize("n_features", [2, 30])  # searched by a tree and by brute force
def test_weights_are_jaccard_indices_of_neighbour_sets(n_neighbors, n_features):
    features = cells(n_features=n_features)
    found = neighbour_graph(features, n_neighbors=n_neighbors)
    np.testing.assert_allclose(found.toarray(), counted(features, n_neighbors), rtol=1e-12)


def test_it_is_the_product_of_the_neighbour_matrix_with_itself():
    features, k = cells(200, 10), 15
    members = np.eye(200)
    for i, row in enumerate(np.linalg.norm(features[:, None] - features, axis=2)):
        members[i, np.argsort(row)[: k + 1]] = 1
    shared = members @ members.T
    weights = np.where(members + members.T > 0, shared / (2 * (k + 1) - shared), 0)
    np.fill_diagonal(weights, 0)
    weights[weights < 1 / 15] = 0
    np.testing.assert_allclose(neighbour_graph(features).toarray(), weights, rtol=1e-12)


def test_four_cells_on_a_line_have_the_weights_of_a_count_by_hand():
    # Sets of two neighbours and the cell: {0,1,2}, {0,1,2}, {0,1,2}, {1,2,3}.
    found = neighbour_graph([[0.0], [1.0], [2.1], [9.0]], n_neighbors=2)
    assert found.toarray().tolist() == [
        [0, 1, 1, 0], [1, 0, 1, 0.5], [1, 1, 0, 0.5], [0, 0.5, 0.5, 0],
    ]  # fmt: skip


def test_weights_below_a_fifteenth_are_dropped_and_a_fifteenth_is_kept():
    # Of 15 neighbours each, two that are each other's share 2 of 30; one that is not, 1 of 31.
    features = cells(400, 40)
    weights = counted(features, 15, least=0)
    assert weights[weights > 0].min() == 1 / 31
    assert (weights == 2 / 30).any()
    kept = neighbour_graph(features)
    assert kept.data.min() == 1 / 15
    np.testing.assert_array_equal(kept.toarray(), np.where(weights < 1 / 15, 0, weights))


def test_the_matrix_is_symmetric_canonical_float64_without_a_diagonal():
    found = neighbour_graph(cells(100).astype(np.float32))
    assert found.format == "csr"
    assert found.dtype == np.float64
    assert found.has_canonical_format
    assert found.has_sorted_indices
    assert not found.diagonal().any()
    assert (found - found.T).nnz == 0
    assert (found.data > 0).all()


def test_pairs_weighed_in_portions_are_the_same(monkeypatch):
    whole = neighbour_graph(cells())
    monkeypatch.setattr(module, "_PAIRS", 7)
    np.testing.assert_array_equal(neighbour_graph(cells()).toarray(), whole.toarray())


def test_a_group_smaller_than_a_neighbourhood_keeps_most_of_its_weight_to_itself():
    rng = np.random.default_rng(0)
    group = rng.normal(size=(8, 10)) * 0.3 + 4  # 8 cells, so that 8 of 15 neighbours are others
    features = np.vstack([group, rng.normal(size=(500, 10))])
    found = neighbour_graph(features)
    # Were neighbours weighed alike, 7 of 15 parts would be its own.
    assert found[:8, :8].sum() / found[:8].sum() > 0.8


# Edge cases -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1])
def test_without_another_cell_there_are_no_edges(n):
    found = neighbour_graph(np.zeros((n, 3)))
    assert found.shape == (n, n)
    assert found.nnz == 0
    assert found.dtype == np.float64


def test_two_cells_have_each_other():
    assert neighbour_graph([[0.0], [5.0]]).toarray().tolist() == [[0, 1], [1, 0]]


def test_fewer_cells_than_neighbours_share_all_of_them():
    found = neighbour_graph(cells(10), n_neighbors=15).toarray()
    np.testing.assert_array_equal(found, 1 - np.eye(10))


@pytest.mark.parametrize("n", [5, 16, 300])
def test_copies_of_one_point_are_neighbours_but_never_of_themselves(n):
    found = neighbour_graph(np.ones((n, 20)))
    assert not found.diagonal().any()
    assert (np.diff(found.indptr) >= min(15, n - 1)).all()
    assert found.data.max() <= 1


@pytest.mark.parametrize(
    ("features", "n_neighbors", "match"),
    [
        (np.zeros(3), 15, "`features` must be a table of finite numbers"),
        (np.zeros((3, 0)), 15, "`features` must be a table"),
        (np.array([[0.0], [np.nan]]), 15, "`features` must be a table"),
        (np.zeros((3, 2)), 0, r"`n_neighbors` must be 1 or more\. Got 0"),
    ],
)
def test_what_has_no_neighbours_is_refused(features, n_neighbors, match):
    with pytest.raises(ParameterError, match=match) as caught:
        neighbour_graph(features, n_neighbors=n_neighbors)
    assert caught.value.code == "E-PARAMETER"


# Many cells -------------------------------------------------------------------------------------


def test_the_approximate_search_finds_nearly_the_same_graph_and_the_same_one_again(monkeypatch):
    features = np.vstack([cells(400, 10), np.ones((30, 10))])  # 30 copies of one point
    exact = neighbour_graph(features)[:400, :400]
    monkeypatch.setattr(module, "_MOST_EXACT", 100)
    found = neighbour_graph(features, seed=1)
    assert not found.diagonal().any()
    assert abs(found[:400, :400] - exact).sum() < 0.01 * exact.sum()
    assert (neighbour_graph(features, seed=1) != found).nnz == 0


def test_of_those_that_the_approximate_search_found_the_nearest_others_are_kept(monkeypatch):
    class Found:
        def __init__(self, features, **settings):
            assert settings == {"n_neighbors": 4, "random_state": 7, "n_jobs": 1}
            # The cell first, in the middle, last, and missed.
            lists = [[0, 1, 2, 3], [0, 1, 2, 3], [3, 1, 0, 2], [2, 1, 0, 4], [3, 4, 1, 2]]
            self.neighbor_graph = np.array(lists, dtype=np.int32), None

    monkeypatch.setattr("pynndescent.NNDescent", Found)
    neighbours = module._approximate(np.zeros((5, 2)), 1, seed=7)
    assert neighbours.tolist() == [[1], [0], [3], [2], [3]]
