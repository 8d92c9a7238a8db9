"""Scores of cells drawn towards those of their neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import cg

from core.config_checks import is_number, require

__all__ = ["MOST_SMOOTHNESS", "refine_scores"]

# Beyond it nothing is left of the scores but their mean, and the solution would lose digits.
MOST_SMOOTHNESS = 1000.0


def refine_scores(
    graph: csr_matrix, scores: npt.ArrayLike, *, smoothness: float = 4.0
) -> npt.NDArray[np.float64]:
    """Make the scores of cells that are connected more alike, and keep them near what they were.

    Parameters
    ----------
    graph : sparse matrix of shape (n_cells, n_cells)
        Symmetric weights, 0 or more, with an empty diagonal
        (:func:`core.transfer.graph.neighbour_graph`).
    scores : array of shape (n_cells,)
        Finite numbers, such as the probability of the rare type.
    smoothness : float
        Weight of the graph against the scores, 0 to 1,000; with 0 they stay as they are.

    Returns
    -------
    float64 array of shape (n_cells,)
        Refined scores, between the lowest and the highest score of each connected component. A
        cell without neighbours keeps its own.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for shapes that do not fit, scores that are not finite, a graph that is not
        as described, or a smoothness out of its range.

    Notes
    -----
    The result x minimises Σ dᵢ (xᵢ − sᵢ)² + λ Σ wᵢⱼ (xᵢ − xⱼ)², the second sum over pairs i < j,
    for scores s, weights w, the degree dᵢ = Σⱼ wᵢⱼ of a cell, and the smoothness λ. That is the
    solution of (D + λ(D − W)) x = D s, found by conjugate gradients.

    The degrees make each cell a mean: xᵢ = (sᵢ + λ x̄ᵢ) / (1 + λ), with x̄ᵢ the weighted mean of its
    neighbours. So λ means the same for cells with many and with few neighbours, and the result
    stays a score: a weighted mean of those in its component, 0–1 if they are. (With a normalised
    Laplacian, as in local and global consistency, even equal scores would change wherever
    degrees differ.) A lone high score among low ones goes down, and a low one within a group of
    high ones goes up; a group that is tied to little else keeps its mean.

    References
    ----------
    Hu et al.: GRIT: Graph-regularized logit refinement for zero-shot cell type annotation (2025),
    DOI 10.48550/arXiv.2508.04747. (There without degrees, on logits.)

    Zhu, Ghahramani, Lafferty: Semi-supervised learning using Gaussian fields and harmonic
    functions. ICML (2003), 912–919.

    Zhou, Bousquet, Lal, Weston, Schölkopf: Learning with local and global consistency. NIPS 16
    (2003), 321–328.

    Hestenes, Stiefel: Methods of conjugate gradients for solving linear systems. Journal of
    Research of the National Bureau of Standards 49:409 (1952), DOI 10.6028/jres.049.044.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> pair = csr_matrix([[0.0, 1.0], [1.0, 0.0]])
    >>> refine_scores(pair, [0.0, 1.0], smoothness=1.0).round(3)
    array([0.333, 0.667])
    """
    scores = np.asarray(scores, dtype=np.float64)
    ok = is_number(smoothness) and 0 <= smoothness <= MOST_SMOOTHNESS
    require(ok, "smoothness", f"a number from 0 to {MOST_SMOOTHNESS:,.0f}", smoothness)
    ok = scores.ndim == 1 and bool(np.isfinite(scores).all())
    require(ok, "scores", "one finite number per cell", scores)
    graph = csr_matrix(graph, dtype=np.float64)
    n_cells = len(scores)
    require(graph.shape == (n_cells, n_cells), "graph", f"{n_cells} × {n_cells}", graph.shape)
    ok = bool((graph.data >= 0).all()) and not graph.diagonal().any() and not (graph - graph.T).nnz
    require(ok, "graph", "symmetric, without negative weights or loops", "another one")
    if smoothness == 0 or not graph.nnz:
        return scores.copy()
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    held = np.where(degrees > 0, degrees, 1.0)  # a row of zeros would have no solution
    diagonal = held + smoothness * degrees
    system = (diags(diagonal) - smoothness * graph).tocsr()
    refined, failed = cg(system, held * scores, x0=scores, rtol=1e-8, M=diags(1 / diagonal))
    if failed:  # with this preconditioner the condition is at most 1 + 2λ: some hundred steps do
        raise np.linalg.LinAlgError("Conjugate gradients did not converge.")
    return _within(refined, scores, connected_components(graph, directed=False)[1])


def _within(
    refined: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float64],
    component: npt.NDArray[np.int32],
) -> npt.NDArray[np.float64]:
    """Cut what the tolerance leaves beyond the lowest and highest score of each component."""
    n = int(component.max()) + 1
    lowest, highest = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(lowest, component, scores)
    np.maximum.at(highest, component, scores)
    return np.clip(refined, lowest[component], highest[component])
