"""Reference and query on common scales: each step against sums and formulas of its own."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.config import Method
from core.fitting import fit_method, rare_scores
from core.model import load_model
from core.training import train
from core.transfer import compare_genes, make_comparable, thin
from core.transfer.comparable import standardise
from core.transfer_config import TransferConfig
from tests.cells import TASK, haystack, keep, small_config
from tests.studies import study

SIZES = {"hay": 40, "needle": 8, "pin": 20}


@pytest.fixture(scope="module")
def reference():
    return study(SIZES, seed=1)


@pytest.fixture(scope="module")
def model(reference):
    return train(reference, TASK, small_config(markers=12), method="none+lr")


@pytest.fixture(scope="module")
def query():
    return study(SIZES, seed=2, batch=0.5)


def known(model, *, context=True):
    """The model's genes and those of its context, and the values of its cells for them."""
    if not context:
        return list(model.genes), model.training_values
    values = np.hstack([model.training_values, model.context.values])
    return [*model.genes, *model.context.genes], values


def by_hand(column, mean, sd):
    return [(value - mean) / sd for value in column]


# Standardising -----------------------------------------------------------------------------------


def test_genes_are_standardised_by_the_reference_and_by_the_query_itself():
    rng = np.random.default_rng(0)
    reference = rng.gamma(2, 1, (30, 3)).astype(np.float32)
    query = (2 + rng.gamma(2, 3, (20, 3))).astype(np.float32)
    scaled, by_reference, own = standardise(reference, query)
    for gene in range(3):
        mine, theirs = reference[:, gene].tolist(), query[:, gene].tolist()
        at, sd = statistics.fmean(mine), statistics.pstdev(mine)
        there, spread = statistics.fmean(theirs), statistics.pstdev(theirs)
        np.testing.assert_allclose(scaled[:, gene], by_hand(mine, at, sd), atol=1e-5)
        np.testing.assert_allclose(by_reference[:, gene], by_hand(theirs, at, sd), atol=1e-5)
        np.testing.assert_allclose(own[:, gene], by_hand(theirs, there, spread), atol=1e-5)
    assert {part.dtype for part in (scaled, by_reference, own)} == {np.dtype(np.float32)}


def test_a_gene_that_does_not_vary_keeps_its_unit_where_it_does_not():
    reference = np.full((5, 2), 3, dtype=np.float32)
    reference[:, 1] = [1, 2, 3, 4, 5]
    query = np.full((4, 2), 2, dtype=np.float32)
    query[:, 0] = [2, 3, 4, 7]
    scaled, by_reference, own = standardise(reference, query)
    np.testing.assert_array_equal(scaled[:, 0], 0)
    np.testing.assert_array_equal(by_reference[:, 0], [-1, 0, 1, 4])
    np.testing.assert_array_equal(own[:, 1], 0)
    np.testing.assert_allclose(own[:, 0], np.array([-2, -1, 0, 3]) / np.sqrt(3.5), rtol=1e-6)


def test_the_model_sees_no_value_beyond_the_references_own_range(model, query):
    genes, values = known(model)
    values = values.astype(float)
    theirs = query.expression(genes).astype(float)
    low = (values.min(axis=0) - values.mean(axis=0)) / values.std(axis=0)
    high = (values.max(axis=0) - values.mean(axis=0)) / values.std(axis=0)
    by_reference = (theirs - values.mean(axis=0)) / values.std(axis=0)
    by_query = (theirs - theirs.mean(axis=0)) / theirs.std(axis=0)
    cells = make_comparable(model, query, TransferConfig())
    assert cells.genes == tuple(genes)
    assert cells.n_markers == len(model.genes) == 12
    for found, expected in ((cells.by_reference, by_reference), (cells.by_query, by_query)):
        outside = (expected < low) | (expected > high)
        assert 0 < outside.mean() < 0.5
        np.testing.assert_allclose(found, np.clip(expected, low, high), atol=1e-4)
    np.testing.assert_allclose(cells.own, by_query, atol=1e-4)
    np.testing.assert_allclose(cells.reference.std(axis=0), 1, atol=1e-4)


def test_a_single_cell_of_the_query_goes_ten_standard_deviations_at_most():
    values, names = haystack(10, 30, n_genes=3, n_marked=1)
    model = train(keep(values, names), TASK, small_config(genes=("G0",)), method="none+lr")
    theirs = np.full((200, 3), 1.0, dtype=np.float32)
    theirs[:100, 0] = 1.5
    theirs[7, 0] = 9
    cells = make_comparable(model, keep(theirs, ["?"] * 200), TransferConfig())
    alone = (9 - theirs[:, 0].mean()) / theirs[:, 0].std()
    assert alone > 10
    assert cells.own[7, 0] == 10
    assert cells.by_query.max() == cells.reference[:, 0].max() < 10


# Genes -------------------------------------------------------------------------------------------


def renamed(dataset_of, lacking):
    """Cells whose genes of these names are there under others."""
    values, names = dataset_of
    genes = [f"other-{i}" if f"G{i}" in lacking else f"G{i}" for i in range(values.shape[1])]
    return keep(values, names, genes=genes)


@pytest.mark.parametrize("context", [True, False])
def test_genes_that_the_query_lacks_are_left_out_of_markers_and_context(context):
    reference = haystack(15, 60, n_genes=30)
    values = reference[0]
    values[np.ix_(reference[1] == "hay", [8, 9])] += 2
    model = train(keep(*reference), TASK, small_config(), method="none+lr")
    lacking = {model.genes[1], model.genes[3], model.context.genes[0]}
    query = renamed(haystack(10, 50, n_genes=30, seed=1), lacking)
    cells = make_comparable(model, query, TransferConfig(context=context))
    expected, values = known(model, context=context)
    there = [gene not in lacking for gene in expected]
    assert cells.genes == tuple(np.array(expected)[there])
    assert cells.n_markers == 3
    values = values[:, there].astype(float)
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    np.testing.assert_allclose(cells.reference, scaled, atol=1e-4)
    assert cells.shift["gene"].tolist() == list(cells.genes)


def test_a_model_without_context_is_compared_on_its_markers(model, query):
    cells = make_comparable(replace(model, context=None), query, TransferConfig())
    assert cells.genes == model.genes
    assert cells.n_markers == 12


# The shift of each gene --------------------------------------------------------------------------


def test_the_shift_of_a_gene_is_cohens_d_by_hand():
    reference = np.array([[0, 1], [2, 1], [4, 1]], dtype=np.float32)
    query = np.array([[0, 3], [6, 5]], dtype=np.float32)
    table = compare_genes(["A", "B"], reference, query).set_index("gene")
    # Variances 8/3 and 9, means 2 and 3; then 0 and 1, 1 and 4.
    assert table.loc["A", "shift"] == pytest.approx(1 / math.sqrt((8 / 3 + 9) / 2), rel=1e-5)
    assert table.loc["B", "shift"] == pytest.approx(3 / math.sqrt(1 / 2), rel=1e-5)
    assert table.loc["A"].drop("shift").to_list() == pytest.approx([2, 3, 2 / 3, 1 / 2])
    assert table.loc["B"].drop("shift").to_list() == [1, 4, 1, 1]


def test_a_gene_that_varies_in_neither_dataset_has_no_shift():
    one, other = np.zeros((4, 1), dtype=np.float32), np.full((3, 1), 2, dtype=np.float32)
    assert compare_genes(["A"], one, one)["shift"].tolist() == [0]
    assert compare_genes(["A"], one, other)["shift"].tolist() == [0]


def test_the_shift_is_of_expression_as_it_came_whatever_is_compared(model, query):
    genes, values = known(model)
    expected = compare_genes(genes, values, query.expression(genes))
    for settings in ({}, {"features": "ranks"}, {"match_depth": True}, {"standardise": "query"}):
        found = make_comparable(model, query, TransferConfig(**settings)).shift
        pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-6)


# Depth -------------------------------------------------------------------------------------------


def test_thinning_keeps_the_mean_and_loses_cells_as_a_poisson_count_does():
    depth, n_cells = 500.0, 20_000
    values = np.log1p(np.tile([2.0, 20.0, 200.0], (n_cells, 1))).astype(np.float32)
    drawn = thin(values, depth=depth, seed=3)
    for gene, level in enumerate((2.0, 20.0, 200.0)):
        rate = level * depth / 1e4
        error = math.sqrt(rate / n_cells)
        counts = np.expm1(drawn[:, gene].astype(float)) * depth / 1e4
        np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)  # whole counts
        assert counts.mean() == pytest.approx(rate, abs=5 * error)
        assert counts.var() == pytest.approx(rate, rel=0.1)
        missed = math.exp(-rate)
        spread = math.sqrt(missed * (1 - missed) / n_cells)
        assert (drawn[:, gene] == 0).mean() == pytest.approx(missed, abs=5 * spread)
    assert drawn.dtype == np.float32


def test_thinning_is_repeatable_by_its_seed():
    values = np.full((50, 4), 3, dtype=np.float32)
    first = thin(values, depth=1000, seed=1)
    np.testing.assert_array_equal(thin(values, depth=1000, seed=1), first)
    assert not np.array_equal(thin(values, depth=1000, seed=2), first)


def with_depth(model, depth):
    return replace(model, reference=dict(model.reference) | {"depth": depth})


DEPTHS = {
    "ten times deeper": (0.1, None, "the query, 10 times deeper, was thinned"),
    "nearly ten times deeper": (0.101, None, None),
    "a tenth": (10, None, "the reference, 10 times deeper, was thinned"),
    "nearly a tenth": (9.9, None, None),
    "twice as deep, on demand": (0.5, True, "the query, 2 times deeper, was thinned"),
    "half as deep, on demand": (2, True, "the reference, 2 times deeper, was thinned"),
    "a hundred times deeper, but left": (0.01, False, None),
}  # fmt: skip


@pytest.mark.parametrize(("times", "choice", "said"), DEPTHS.values(), ids=DEPTHS)
def test_the_deeper_dataset_is_thinned_from_a_ratio_of_ten_on(model, query, times, choice, said):
    odd = with_depth(model, query.depth * times)
    cells = make_comparable(odd, query, TransferConfig(match_depth=choice, seed=4))
    plain = make_comparable(odd, query, TransferConfig(match_depth=False, seed=4))
    steps = [step for step in cells.steps if "thinned" in step]
    same = [
        np.array_equal(getattr(cells, part), getattr(plain, part)) for part in ("reference", "own")
    ]
    if said is None:
        assert steps == []
        assert same == [True, True]
    else:
        assert steps == [f"{said} to the other's depth"]
        assert same == [times < 1, times > 1]


def test_the_query_is_thinned_to_the_depth_of_the_reference(model, query):
    genes, values = known(model)
    depth = query.depth / 20
    cells = make_comparable(with_depth(model, depth), query, TransferConfig(seed=4))
    theirs = thin(query.expression(genes), depth=depth, seed=4)
    np.testing.assert_array_equal(cells.own, np.clip(standardise(values, theirs)[2], -10, 10))


@pytest.mark.parametrize("choice", [None, True])
def test_without_counts_on_either_side_nothing_is_thinned(model, query, choice):
    config = TransferConfig(match_depth=choice)
    assert "thinned" not in " ".join(make_comparable(with_depth(model, None), query, config).steps)
    logs = keep(np.log1p(query.expression(query.genes)) + 0.25, ["?"] * query.n_cells)
    assert logs.depth is None
    assert "thinned" not in " ".join(make_comparable(model, logs, config).steps)


def test_a_dataset_of_mostly_empty_cells_has_no_depth_and_its_model_can_be_kept(tmp_path):
    values, names = np.zeros((60, 4), dtype=np.float32), np.array(["hay"] * 60, dtype=object)
    values[:10], names[:10] = [[3, 1, 0, 2]], "needle"
    dataset = keep(values, names)
    assert (dataset.scale, dataset.depth) == ("counts", None)
    model = train(dataset, TASK, small_config(genes=("G0", "G1")), method="none+lr")
    model.save(tmp_path / "model.skops")
    assert load_model(tmp_path / "model.skops").reference["depth"] is None


# Other features ----------------------------------------------------------------------------------


def test_ranks_are_those_of_a_cells_genes_with_ties_shared(model, query):
    genes, values = known(model)
    theirs = query.expression(genes)

    def ranks(cells):
        below = (cells[:, :, None] > cells[:, None, :]).sum(axis=2)
        equal = (cells[:, :, None] == cells[:, None, :]).sum(axis=2)
        return ((below + (equal + 1) / 2) / cells.shape[1]).astype(np.float32)

    cells = make_comparable(model, query, TransferConfig(features="ranks"))
    scaled, by_reference, own = standardise(ranks(values), ranks(theirs))
    np.testing.assert_allclose(cells.reference, scaled, atol=1e-4)
    np.testing.assert_allclose(cells.own, own, atol=1e-4)
    low, high = scaled.min(axis=0), scaled.max(axis=0)
    np.testing.assert_allclose(cells.by_reference, np.clip(by_reference, low, high), atol=1e-4)
    assert cells.steps[0] == "genes were replaced by their ranks within each cell"


def test_directions_are_cells_that_are_centred_and_of_unit_length(model, query):
    genes, values = known(model)

    def directions(cells):
        rows = []
        for cell in cells.astype(float).tolist():
            centred = [value - statistics.fmean(cell) for value in cell]
            length = math.hypot(*centred)
            rows.append([value / length for value in centred])
        return np.array(rows)

    cells = make_comparable(model, query, TransferConfig(features="cosine"))
    _, _, own = standardise(directions(values), directions(query.expression(genes)))
    np.testing.assert_allclose(cells.own, np.clip(own, -10, 10), atol=2e-3)
    assert cells.steps[0] == "genes were replaced by their directions within each cell"


@pytest.mark.parametrize("features", ["ranks", "cosine"])
def test_a_scale_per_cell_has_no_part_in_ranks_or_directions(model, query, features):
    genes = [f"G{i}" for i in range(query.n_genes)]
    values = query.expression(genes)
    factors = np.random.default_rng(0).uniform(0.5, 2, (len(values), 1)).astype(np.float32)
    found = [
        make_comparable(model, keep(part, ["?"] * len(values)), TransferConfig(features=features))
        for part in (values, values * factors)
    ]
    np.testing.assert_allclose(found[1].own, found[0].own, atol=1e-3)


def test_a_cell_without_any_of_the_genes_has_no_direction():
    values, names = haystack(10, 30, n_genes=4)
    model = train(keep(values, names), TASK, small_config(genes=("G0", "G1")), method="none+lr")
    theirs = values.copy()
    theirs[5, :2] = 0
    query = keep(theirs, ["?"] * len(theirs))
    cells = make_comparable(model, query, TransferConfig(features="cosine"))
    assert np.isfinite(cells.own).all()


def test_what_is_compared_is_what_the_method_is_fitted_on(model, query):
    """Without context and by the reference's scale, scores are those of the model itself."""
    plain = replace(model, context=None)
    cells = make_comparable(plain, query, TransferConfig(context=False))
    pipeline, _ = fit_method(
        model.training_values, model.training_is_rare, Method.parse("none+lr"), model.config, seed=0
    )
    inside = np.clip(
        query.expression(model.genes),
        model.training_values.min(axis=0),
        model.training_values.max(axis=0),
    )
    expected = rare_scores(pipeline, inside)
    found = rare_scores(pipeline[-1], cells.by_reference)
    np.testing.assert_allclose(found, expected, atol=1e-4)
