"""Many decision trees in a few plain arrays: how they are walked, and when they are sound.

scikit-learn keeps trees in compiled types that take the indices in them on trust: a model file with
a child or a gene that is not there would read, or crash, beyond the end of an array, and one with a
circle would never end. So a fitted ensemble is copied out of these types into arrays, which a model
file holds as they are, and which are checked before the first step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.classifiers.entry import require_numbers

__all__ = ["LEAF", "MAX_DEPTH", "MAX_TREES", "OneTree", "Trees", "check_trees", "join", "leaf_sums"]

MAX_TREES = 2000
# Trees of cells are seldom deeper than 30; a limit keeps a walk short whatever a file says.
MAX_DEPTH = 64
LEAF = -1  # stands in the place of a leaf's gene and children
_BLOCK = 2**18  # pairs of a cell and a tree that are walked at the same time


class OneTree(NamedTuple):
    """A tree by its nodes, the root first; what inner nodes need is arbitrary in leaves."""

    is_leaf: npt.NDArray[np.bool_]
    left: npt.NDArray[np.integer]
    right: npt.NDArray[np.integer]
    genes: npt.NDArray[np.integer]
    cuts: npt.NDArray[np.floating]
    values: npt.NDArray[np.floating]


class Trees(NamedTuple):
    """All trees of an ensemble, one after another.

    Parameters
    ----------
    roots : array of shape (n_trees,), int32
        The first node of each tree.
    children : array of shape (n_nodes, 2), int32
        The next node for cells at or below the cut, and for those above it.
    genes : array of shape (n_nodes,), int32
        Which gene is compared.
    cuts : array of shape (n_nodes,), float64
        What it is compared with.
    values : array of shape (n_nodes,), float64
        What a leaf says.
    """

    roots: npt.NDArray[np.int32]
    children: npt.NDArray[np.int32]
    genes: npt.NDArray[np.int32]
    cuts: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


def join(trees: Iterable[OneTree]) -> Trees:
    """Put trees one after another, with the numbers of their nodes counted through."""
    trees = list(trees)
    sizes = np.array([len(tree.is_leaf) for tree in trees])
    roots = np.cumsum(sizes) - sizes
    shift = np.repeat(roots, sizes)
    is_leaf, left, right, genes, cuts, values = map(np.concatenate, zip(*trees, strict=True))
    children = np.column_stack([left.astype(np.int64) + shift, right.astype(np.int64) + shift])
    return Trees(
        roots=roots.astype(np.int32),
        children=np.where(is_leaf[:, None], LEAF, children).astype(np.int32),
        genes=np.where(is_leaf, LEAF, genes).astype(np.int32),
        cuts=np.where(is_leaf, 0.0, cuts),
        values=np.where(is_leaf, values, 0.0),
    )


def leaf_sums(trees: Trees, cells: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Sum, over the trees, of the values of the leaves that each cell falls into.

    Parameters
    ----------
    trees : Trees
        Sound trees: see :func:`check_trees`.
    cells : array of shape (n_cells, n_genes), float32
        Expression.

    Returns
    -------
    array of shape (n_cells,)
        One sum per cell, added in the order of the trees.
    """
    size = max(1, _BLOCK // len(trees.roots))
    sums = [
        trees.values[_leaves(trees, cells[i : i + size])].sum(axis=1)
        for i in range(0, len(cells), size)
    ]
    return np.concatenate(sums)


def _leaves(trees: Trees, cells: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Walk every cell down every tree, and return the leaves, of shape (n_cells, n_trees)."""
    reached = np.tile(trees.roots, len(cells))
    cell = np.repeat(np.arange(len(cells)), len(trees.roots))
    walking = np.flatnonzero(trees.genes[reached] != LEAF)
    while walking.size:
        node = reached[walking]
        above = cells[cell[walking], trees.genes[node]] > trees.cuts[node]
        node = trees.children[node, above.astype(np.intp)]
        reached[walking] = node
        walking = walking[trees.genes[node] != LEAF]
    return reached.reshape(len(cells), -1)


def check_trees(trees: Trees, n_genes: int) -> None:
    """Raise ValueError unless every walk stays inside the arrays and ends.

    Every node but the roots must be the child of exactly one node that stands before it: then the
    nodes form trees, and no walk comes by a node twice.

    Parameters
    ----------
    trees : Trees
        Arrays out of a file that anybody may have written.
    n_genes : int
        Genes of a cell.
    """
    n_nodes = len(trees.genes)
    shapes = {"roots": (len(trees.roots),), "children": (n_nodes, 2), "genes": (n_nodes,)}
    for name, shape in shapes.items():
        numbers = getattr(trees, name)
        if numbers.dtype != np.int32 or numbers.shape != shape:
            raise ValueError(f"{name} is not of this shape, or no array of whole numbers")
    require_numbers(trees.cuts, (n_nodes,))
    require_numbers(trees.values, (n_nodes,))
    if not 1 <= len(trees.roots) <= MAX_TREES:
        raise ValueError("no tree, or more than any model has")
    is_inner = trees.genes != LEAF
    if (trees.children[~is_inner] != LEAF).any():
        raise ValueError("a leaf with children")
    inner = np.flatnonzero(is_inner)
    genes, children = trees.genes[inner], trees.children[inner]
    if not ((genes >= 0) & (genes < n_genes)).all():
        raise ValueError("a gene that is not there")
    known = np.sort(np.concatenate([trees.roots, children.ravel()]))
    if not np.array_equal(known, np.arange(n_nodes)) or not (children > inner[:, None]).all():
        raise ValueError("nodes that form no tree")
    _check_depth(trees)


def _check_depth(trees: Trees) -> None:
    level = trees.roots
    for _ in range(MAX_DEPTH + 1):
        level = trees.children[level[trees.genes[level] != LEAF]].ravel()
    if level.size:
        raise ValueError("a tree deeper than any model has")
