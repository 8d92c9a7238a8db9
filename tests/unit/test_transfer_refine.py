"""Refined scores against a dense solver, a minimiser that knows the sum alone, and a hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import block_diag, csr_matrix
from scipy.sparse import random as random_sparse

from core.errors import ParameterError
from core.transfer import refine as module
from core.transfer.refine import refine_scores

CHAIN = csr_matrix([[0.0, 1, 0], [1, 0, 2], [0, 2, 0]])


def weights(n=40, density=0.1, seed=0):
    rng = np.random.default_rng(seed)
    half = random_sparse(n, n, density=density, random_state=rng).tolil()
    half.setdiag(0)
    half = csr_matrix(half)
    return (half + half.T).tocsr()


def scores(n=40, seed=1):
    return np.random.default_rng(seed).random(n)


@pytest.mark.parametrize("smoothness", [0.1, 1, 4.0, 100.0])
def test_it_is_the_solution_of_the_dense_system(smoothness):
    W, s = weights().toarray(), scores()
    D = np.diag(W.sum(axis=1))
    assert np.diag(D).min() > 0
    solved = np.linalg.solve(D + smoothness * (D - W), D @ s)
    found = refine_scores(weights(), s, smoothness=smoothness)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, solved, atol=1e-6)


def test_it_minimises_the_sum_it_promises_to():
    W, s = weights(12, 0.3).toarray(), scores(12)

    def total(x):
        pairs = sum(W[i, j] * (x[i] - x[j]) ** 2 for i in range(12) for j in range(i))
        return (W.sum(axis=1) * (x - s) ** 2).sum() + 4.0 * pairs

    lowest = minimize(total, s, tol=1e-12).x
    np.testing.assert_allclose(refine_scores(csr_matrix(W), s), lowest, atol=1e-5)


def test_a_chain_of_three_is_solved_by_hand():
    # Weights 1 and 2, so degrees 1, 3, 2; λ = 1; scores 1, 0, 0:
    #   2 x₀ − x₁ = 1,  −x₀ + 6 x₁ − 2 x₂ = 0,  −2 x₁ + 4 x₂ = 0
    # hence x₂ = x₁ / 2, x₀ = 5 x₁, 9 x₁ = 1.
    found = refine_scores(CHAIN, [1.0, 0.0, 0.0], smoothness=1)
    np.testing.assert_allclose(found, [5 / 9, 1 / 9, 1 / 18], atol=1e-8)


def test_each_score_is_the_mean_of_its_own_and_of_what_its_neighbours_became():
    graph, s = weights(), scores()
    found = refine_scores(graph, s, smoothness=3.0)
    around = (graph @ found) / np.asarray(graph.sum(axis=1)).ravel()
    np.testing.assert_allclose(found, (s + 3 * around) / 4, atol=1e-6)


def test_the_mean_weighted_by_degree_stays():
    graph, s = weights(), scores()
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    before, after = (np.average(x, weights=degrees) for x in (s, refine_scores(graph, s)))
    assert after == pytest.approx(before, abs=1e-7)


def test_the_size_of_the_weights_does_not_matter():
    found = refine_scores(1e-3 * weights(), scores())
    np.testing.assert_allclose(found, refine_scores(weights(), scores()), atol=1e-6)


def test_a_cell_without_neighbours_keeps_its_score():
    graph = block_diag([CHAIN, csr_matrix((1, 1)), csr_matrix([[0.0, 1], [1, 0]])], format="csr")
    s = np.array([0.9, 0.1, 0.3, 0.123456789, 0.0, 1.0])
    found = refine_scores(graph, s)
    assert found[3] == 0.123456789
    np.testing.assert_allclose(found[:3], refine_scores(CHAIN, s[:3]), atol=1e-6)
    assert not np.isclose(found[[0, 1, 2, 4, 5]], s[[0, 1, 2, 4, 5]]).any()


@pytest.mark.parametrize("smoothness", [0.5, 4.0, 1000.0])
@pytest.mark.parametrize("seed", range(5))
def test_no_score_leaves_the_range_of_its_component(smoothness, seed):
    graph = block_diag([weights(30, seed=seed), weights(20, seed=seed + 9)], format="csr")
    s = np.concatenate([0.6 + 0.3 * scores(30, seed), np.round(scores(20, seed)) * 1e-3])
    found = refine_scores(graph, s, smoothness=smoothness)
    assert s[:30].min() <= found[:30].min() <= found[:30].max() <= s[:30].max()
    assert 0 <= found[30:].min() <= found[30:].max() <= 1e-3


def test_what_the_solver_leaves_beyond_that_range_is_cut_off(monkeypatch):
    graph = block_diag([CHAIN, CHAIN], format="csr")
    solved = np.array([-1e-9, 0.1, 0.2 + 1e-9, 0.5 - 1e-9, 0.6, 1 + 1e-9])
    monkeypatch.setattr(module, "cg", lambda system, b, **_: (solved, 0))
    found = refine_scores(graph, [0.0, 0.1, 0.2, 0.5, 0.6, 1.0])
    assert found.tolist() == [0, 0.1, 0.2, 0.5, 0.6, 1]


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_equal_scores_stay_to_the_last_digit(value):
    assert (refine_scores(weights(), np.full(40, value)) == value).all()


def test_without_smoothness_the_scores_come_back_as_a_copy():
    s = scores()
    found = refine_scores(weights(), s, smoothness=0)
    np.testing.assert_array_equal(found, s)
    assert not np.shares_memory(found, s)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_without_edges_the_scores_come_back(n):
    np.testing.assert_array_equal(refine_scores(csr_matrix((n, n)), scores(n)), scores(n))


def test_a_lone_high_score_falls_and_that_of_a_group_stays():
    clique = csr_matrix(1.0 - np.eye(10))
    graph = block_diag([clique, clique], format="lil")
    graph[9, 10] = graph[10, 9] = 0.1  # the two groups are hardly tied
    s = np.array([0.9] * 10 + [0.1] * 9 + [0.9])
    found = refine_scores(graph.tocsr(), s)
    assert found[:10].min() > 0.85
    assert found[-1] < 0.4


@pytest.mark.parametrize("smoothness", [-1, np.nan, np.inf, 1001, "much", None])
def test_a_smoothness_out_of_range_is_refused(smoothness):
    with pytest.raises(ParameterError, match="`smoothness` must be a number from 0 to 1,000"):
        refine_scores(CHAIN, [0.0, 1.0, 0.0], smoothness=smoothness)


@pytest.mark.parametrize(
    ("graph", "s", "match"),
    [
        (CHAIN, [0.0, 1.0], r"`graph` must be 2 × 2\. Got \(3, 3\)"),
        (csr_matrix((3, 2)), [0.0, 1.0, 0.0], "`graph` must be 3 × 3"),
        (CHAIN, [[0.0, 1.0, 0.0]], "`scores` must be one finite number per cell"),
        (CHAIN, [0.0, np.nan, 0.0], "`scores` must be one finite number per cell"),
        (csr_matrix([[0.0, 1], [2, 0]]), [0.0, 1.0], "`graph` must be symmetric"),
        (csr_matrix([[0.0, -1], [-1, 0]]), [0.0, 1.0], "`graph` must be .* without negative"),
        (csr_matrix([[1.0, 1], [1, 0]]), [0.0, 1.0], "`graph` must be .* without .* loops"),
    ],
)
def test_what_does_not_fit_is_refused(graph, s, match):
    with pytest.raises(ParameterError, match=match) as caught:
        refine_scores(graph, s)
    assert caught.value.code == "E-PARAMETER"


def test_an_unfinished_solution_is_never_returned(monkeypatch):
    monkeypatch.setattr(module, "cg", lambda system, b, **_: (b, 1))
    with pytest.raises(np.linalg.LinAlgError, match="did not converge"):
        refine_scores(CHAIN, [0.0, 1.0, 0.0])
