"""Clusters that are known beforehand, and names against a count by hand."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import igraph
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import block_diag, csr_matrix
from scipy.sparse import random as random_sparse

from core.errors import ParameterError
from core.transfer.votes import cluster_cells, highest_probability, most_frequent


def cliques(*sizes, bridge=0.05):
    """Complete groups in a row, each tied to the next by one weak edge."""
    graph = block_diag([1.0 - np.eye(size) for size in sizes], format="lil")
    for end in np.cumsum(sizes)[:-1]:
        graph[end - 1, end] = graph[end, end - 1] = bridge
    return graph.tocsr()


def noise(n=150, seed=0):
    """A graph without groups, where chance alone decides the clusters."""
    half = random_sparse(n, n, density=0.05, random_state=np.random.default_rng(seed))
    return csr_matrix(half + half.T)


# Clusters ---------------------------------------------------------------------------------------


def test_two_cliques_are_two_clusters_and_the_larger_comes_first():
    assert cluster_cells(cliques(4, 6)).tolist() == [1] * 4 + [0] * 6


def test_clusters_of_one_size_are_numbered_by_their_first_cell():
    assert cluster_cells(cliques(4, 5, 4)).tolist() == [1] * 4 + [0] * 5 + [2] * 4


@pytest.mark.parametrize("seed", range(5))
def test_numbers_fall_with_size_and_leave_none_out(seed):
    sizes = np.bincount(cluster_cells(noise(), seed=seed))
    assert sizes.min() > 0
    assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_no_move_of_one_cell_raises_the_modularity(seed):
    W = noise(seed=seed).toarray()
    np.fill_diagonal(W, 0)
    clusters = cluster_cells(csr_matrix(W))
    degrees, total = W.sum(axis=1), W.sum()
    together = W - np.outer(degrees, degrees) / total  # Newman's modularity matrix

    def modularity(clusters):
        return together[clusters[:, None] == clusters].sum() / total

    found = modularity(clusters)
    assert found > 0.2
    for cell in range(len(W)):
        for cluster in range(clusters.max() + 2):
            moved = clusters.copy()
            moved[cell] = cluster
            assert modularity(moved) <= found + 1e-12


def test_weights_decide_where_edges_do_not():
    graph = np.full((6, 6), 0.01)
    graph[:3, :3] = graph[3:, 3:] = 1.0
    np.fill_diagonal(graph, 0)
    assert cluster_cells(csr_matrix(graph)).tolist() == [0, 0, 0, 1, 1, 1]


def test_a_higher_resolution_makes_more_clusters():
    found = [cluster_cells(noise(), resolution=one).max() + 1 for one in (0.1, 1.0, 5.0)]
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_without_edges_every_cell_is_its_own_cluster(n):
    found = cluster_cells(csr_matrix((n, n)))
    assert found.tolist() == list(range(n))
    assert found.dtype == np.intp


def test_one_seed_gives_one_result_and_chance_is_really_drawn_from_it():
    found = {seed: cluster_cells(noise(), seed=seed).tolist() for seed in range(6)}
    for seed, clusters in found.items():
        random.seed(12345 + seed)  # whatever happened elsewhere
        assert cluster_cells(noise(), seed=seed).tolist() == clusters
    assert len({tuple(clusters) for clusters in found.values()}) > 1


def test_threads_do_not_draw_from_one_another():
    seeds = [0, 1, 2, 3] * 3
    alone = [cluster_cells(noise(), seed=seed).tolist() for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: cluster_cells(noise(), seed=seed).tolist(), seeds))
    assert together == alone


def test_the_random_state_of_python_and_numpy_is_left_alone():
    before, numbers = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    cluster_cells(noise())
    assert random.getstate() == before
    assert (np.random.get_state()[1] == numbers).all()  # noqa: NPY002


def test_igraph_draws_from_pythons_random_afterwards_even_when_it_failed(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(igraph.Graph, "community_leiden", fail)
        with pytest.raises(RuntimeError, match="planted"):
            cluster_cells(noise())
    state = random.getstate()
    try:
        graphs = []
        for _ in range(2):
            random.seed(3)
            graphs.append(igraph.Graph.Erdos_Renyi(n=30, p=0.3).get_edgelist())
        assert graphs[0] == graphs[1]
    finally:
        random.setstate(state)


@pytest.mark.parametrize(
    ("graph", "resolution", "match"),
    [
        (csr_matrix((3, 2)), 1.0, r"`graph` must be as many rows as columns\. Got \(3, 2\)"),
        (cliques(3), 0, r"`resolution` must be a number above 0\. Got 0"),
        (cliques(3), float("nan"), "`resolution` must be"),
    ],
)
def test_what_cannot_be_clustered_is_refused(graph, resolution, match):
    with pytest.raises(ParameterError, match=match) as caught:
        cluster_cells(graph, resolution=resolution)
    assert caught.value.code == "E-PARAMETER"


# Names ------------------------------------------------------------------------------------------


def table(rows):
    index = pd.Index(list(rows), name="cluster")
    names, shares, n_cells = zip(*rows.values(), strict=True)
    columns = {"name": np.array(names, dtype=object), "share": shares, "n_cells": n_cells}
    return pd.DataFrame(columns, index=index)


def test_the_most_frequent_call_is_that_of_a_count_by_hand():
    calls = ["T", "B", "T", "NK", "T", "B", "B"]
    found = most_frequent(calls, [0, 0, 0, 0, 2, 2, 2])
    pd.testing.assert_frame_equal(found, table({0: ("T", 0.5, 4), 2: ("B", 2 / 3, 3)}))


def test_calls_of_many_cells_are_those_of_a_counter():
    rng = np.random.default_rng(0)
    calls, clusters = rng.choice(list("abcdefg"), size=500), rng.integers(0, 9, size=500)
    found = most_frequent(pd.Series(calls).astype("category"), clusters)
    for cluster, row in found.iterrows():
        count = Counter(calls[clusters == cluster])
        most = max(count.values())
        assert row["name"] == min(name for name in count if count[name] == most)
        assert row["share"] == pytest.approx(most / count.total())
        assert row["n_cells"] == count.total()


@pytest.mark.parametrize("calls", [["T", "B", "NK"], ["NK", "T", "B"]])
def test_a_tie_of_votes_goes_to_the_alphabetically_first(calls):
    assert most_frequent(calls, [5, 5, 5]).loc[5].tolist() == ["B", 1 / 3, 3]


def test_the_highest_probability_is_that_of_a_sum_by_hand():
    # Cluster 0: 0.6 + 0.6 + 0 = 1.2 against 0.4 + 0.4 + 1 = 1.8, though T has two of three votes.
    probabilities = [[0.6, 0.4], [0.6, 0.4], [0.0, 1.0], [0.75, 0.25]]
    found = highest_probability(probabilities, ["T", "B"], [0, 0, 0, 1])
    pd.testing.assert_frame_equal(found, table({0: ("B", 0.6, 3), 1: ("T", 0.75, 1)}))
    votes = most_frequent(["T", "T", "B", "T"], [0, 0, 0, 1])
    assert votes.loc[0, "name"] == "T"


def test_probabilities_of_separate_classifiers_need_not_sum_to_one():
    found = highest_probability([[0.2, 0.1], [0.4, 0.1]], ["T", "B"], [0, 0])
    assert found.loc[0].tolist() == ["T", pytest.approx(0.6 / 0.8), 2]


@pytest.mark.parametrize("names", [["T", "B"], ["B", "T"]])
def test_a_tie_of_probabilities_goes_to_the_alphabetically_first_whatever_the_rounding(names):
    # 0.1 + 0.2 is more than 0.3 in its last digit.
    rows = np.array([[0.1, 0.3], [0.2, 0.0]])
    for probabilities in (rows, rows[:, ::-1]):
        assert highest_probability(probabilities, names, [0, 0]).loc[0, "name"] == "B"


def test_probabilities_that_are_all_zero_have_no_share():
    found = highest_probability(np.zeros((2, 2)), ["T", "B"], [0, 0])
    assert found.loc[0].tolist() == ["B", 0.0, 2]


def test_without_cells_there_are_no_clusters():
    for found in (
        most_frequent([], []),
        highest_probability(np.zeros((0, 2)), ["T", "B"], np.array([], dtype=int)),
    ):
        assert found.shape == (0, 3)
        assert found.columns.tolist() == ["name", "share", "n_cells"]


def test_clusters_of_cells_and_their_names_fit_together():
    found = most_frequent(["rare"] * 4 + ["other"] * 6, cluster_cells(cliques(4, 6)))
    assert found["name"].tolist() == ["other", "rare"]


@pytest.mark.parametrize(
    ("name", "arguments", "match"),
    [
        ("calls", (["T"], [0, 0]), r"`calls` must be one name for each of 2 cells\. Got \(1,\)"),
        ("calls", ([["T"]], [[0]]), "`calls` must be"),
        ("probabilities", ([[0.5, 0.5]], ["T"], [0]), "`probabilities` must be 1 cells × 1 names"),
        ("probabilities", ([[0.5]], ["T"], [0, 0]), "`probabilities` must be 2 cells × 1 names"),
        ("probabilities", ([[-0.5]], ["T"], [0]), "`probabilities` must be finite and not neg"),
        ("probabilities", ([[np.nan]], ["T"], [0]), "`probabilities` must be finite and not neg"),
        ("names", ([[0.5, 0.5]], ["T", "T"], [0]), "`names` must be at least one name, and each"),
        ("names", (np.zeros((1, 0)), [], [0]), "`names` must be at least one name, and each once"),
    ],
)
def test_votes_that_do_not_fit_are_refused(name, arguments, match):
    vote = most_frequent if name == "calls" else highest_probability
    with pytest.raises(ParameterError, match=match) as caught:
        vote(*arguments)
    assert caught.value.code == "E-PARAMETER"
