"""What a model keeps of the other types: ranked as scanpy ranks them, and cut by turns."""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import core
from core.context import describe_context, rank_by_type
from core.training import train
from tests.cells import TASK, haystack, keep, small_config

LABEL = "bulk_labels"


@pytest.fixture(scope="module")
def demo():
    """Matrix, names of the types, and type of each cell of the demo's reference."""
    reference = core.demo_reference()
    types, codes = np.unique(reference.labels(LABEL).to_numpy().astype(str), return_inverse=True)
    return reference.matrix(), types, codes


@pytest.fixture(scope="module")
def ranked(demo):
    matrix, types, codes = demo
    return rank_by_type(matrix, codes, len(types))


@pytest.fixture(scope="module")
def by_scanpy(demo):
    """Welch's t of every gene and type, types × genes, by scanpy."""
    matrix, types, codes = demo
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names of cells, and the shape of its own table
        cells = ad.AnnData(matrix, obs=pd.DataFrame({"type": types[codes]}, dtype="category"))
        sc.tl.rank_genes_groups(cells, "type", method="t-test", reference="rest")
    found = cells.uns["rank_genes_groups"]
    scores = np.empty((len(types), matrix.shape[1]))
    for kind, name in enumerate(types):
        scores[kind, found["names"][name].astype(int)] = found["scores"][name]
    return scores


def passes(values, mine):
    """Genes of a dense matrix that pass the default thresholds, one by one."""
    kept = []
    for gene in range(values.shape[1]):
        inside, outside = values[mine, gene].astype(float), values[~mine, gene].astype(float)
        detected = max((inside > 0).mean(), (outside > 0).mean())
        fold = np.log2(np.expm1(inside).mean() + 1) - np.log2(np.expm1(outside).mean() + 1)
        if detected >= 0.1 and fold >= 0.25:
            kept.append(gene)
    return kept


def test_every_type_has_the_genes_that_pass_the_default_thresholds(demo, ranked):
    matrix, types, codes = demo
    values = matrix.toarray()
    for kind in range(len(types)):
        expected = passes(values, codes == kind)
        assert len(expected) > 20
        assert sorted(ranked[kind]) == expected


def test_genes_are_in_the_order_of_scanpys_t_test(ranked, by_scanpy):
    for kind, genes in enumerate(ranked):
        scores = by_scanpy[kind, genes]
        np.testing.assert_allclose(scores, np.sort(scores)[::-1], rtol=1e-4, atol=1e-4)


def test_the_best_are_those_that_the_marker_table_of_this_type_has(demo, ranked):
    _, types, _ = demo
    reference = core.demo_reference()
    for kind, name in enumerate(types):
        table = core.find_markers(reference, core.RareTask(LABEL, name), n=20, test="t-test")
        assert reference.genes[ranked[kind][:20]].to_list() == table["gene"].to_list()


@pytest.mark.parametrize(("size", "n_ranked"), [(2, 0), (3, 1)])
def test_a_type_of_fewer_than_three_cells_has_no_markers(size, n_ranked):
    values = np.random.default_rng(0).gamma(2, 0.2, size=(60, 5)).astype(np.float32)
    codes = np.repeat([0, 1, 2], [40, 20 - size, size])
    values[codes == 2, 4] += 5
    ranked = rank_by_type(sparse.csr_matrix(values), codes, 3)
    assert len(ranked[2]) >= n_ranked
    assert (4 in ranked[2]) == bool(n_ranked)


def test_a_type_that_all_but_two_cells_have_has_none_either():
    values = np.ones((20, 2), dtype=np.float32)
    values[:2] = 0
    ranked = rank_by_type(sparse.csr_matrix(values), (np.arange(20) < 2).astype(int), 2)
    assert [len(genes) for genes in ranked] == [0, 0]


# The choice --------------------------------------------------------------------------------------

N_TYPES, N_EACH = 12, 25


@pytest.fixture(scope="module")
def staircase():
    """Twelve types, one of them the needle, each with 25 genes of its own, ever weaker ones.

    Gene ``G{25 k + i}`` is the i-th best of the k-th type in alphabetical order.
    """
    names = sorted(["needle", *(f"type {i:02}" for i in range(N_TYPES - 1))])
    labels = np.repeat(names, 10).astype(object)
    # The same noise in all genes, so that t falls as the difference of the means does.
    noise = np.random.default_rng(3).gamma(2, 0.05, size=(len(labels), 1)).astype(np.float32)
    values = np.repeat(noise, N_TYPES * N_EACH, axis=1)
    for kind, name in enumerate(names):
        own = N_EACH * kind + np.arange(N_EACH)
        values[np.ix_(labels == name, own)] += np.linspace(5, 2, N_EACH)
    labels[[3, 77]] = None
    return keep(values, labels), names


def describe(dataset, markers=()):
    return describe_context(dataset, TASK, dataset.rare_labels(TASK), markers)


def test_each_other_types_best_comes_first_then_its_second_up_to_200(staircase):
    dataset, names = staircase
    context = describe(dataset)
    others = [kind for kind, name in enumerate(names) if name != "needle"]
    turns = [[f"G{N_EACH * kind + place}" for kind in others] for place in range(20)]
    assert len(context.genes) == len(set(context.genes)) == 200
    # Eleven other types: 18 whole turns, and two genes of the nineteenth.
    assert context.genes == tuple(np.ravel(turns)[:200])


def test_a_marker_of_the_rare_type_is_no_gene_of_the_context_and_gives_its_place_away(staircase):
    dataset, _ = staircase
    without = [f"G{gene}" for gene in (25, 26, 50)]
    context = describe(dataset, without)
    assert set(without).isdisjoint(context.genes)
    expected = [gene for gene in describe(dataset).genes if gene not in without]
    assert context.genes[: len(expected)] == tuple(expected)
    assert len(context.genes) == 200


def test_a_type_gives_twenty_genes_at_most():
    labels = np.repeat(["hay", "needle"], 20).astype(object)
    values = np.random.default_rng(0).gamma(2, 0.05, size=(40, 60)).astype(np.float32)
    values[:20, :30] += 3
    context = describe(keep(values, labels))
    assert len(context.genes) == 20
    assert set(context.genes) <= {f"G{i}" for i in range(30)}


def test_types_and_values_are_those_of_the_labelled_cells(staircase):
    dataset, names = staircase
    context = describe(dataset)
    truth = dataset.obs["type"]
    labelled = np.flatnonzero(truth.notna())
    assert len(labelled) == 118
    assert context.types == tuple(names)
    assert [context.types[code] for code in context.codes] == truth.iloc[labelled].to_list()
    assert (context.codes.dtype, context.values.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(context.values, dataset.expression(context.genes)[labelled])


def test_without_any_marker_of_another_type_the_context_holds_the_types_alone():
    values, labels = haystack(10, 30, n_genes=4)
    context = describe(keep(values, labels), ["G0", "G1", "G2", "G3"])
    assert (context.genes, context.values.shape) == ((), (40, 0))
    assert context.types == ("hay", "needle")


def test_every_method_of_a_training_gets_the_same_context():
    reference = keep(*haystack(12, 60, n_genes=30))
    models = [train(reference, TASK, small_config(), method=m) for m in ("none+lr", "loras+knn")]
    first, second = (model.context for model in models)
    assert first.genes == second.genes
    assert set(first.genes).isdisjoint(models[0].genes)
    np.testing.assert_array_equal(first.codes == first.types.index("needle"),
                                  models[0].training_is_rare)  # fmt: skip
