"""Expression by type: means and fractions over just the cells of that type."""

from __future__ import annotations

import numpy as np
import pytest

import core
from core.errors import DataError, ParameterError
from core.profiles import expression_by_type
from tests.cells import TASK, keep, noise

NAMES = np.array(["hay"] * 12 + ["needle"] * 3 + ["straw"] * 20 + [None] * 5, dtype=object)
VALUES = noise(40, 6)


@pytest.fixture(scope="module")
def dataset():
    return keep(VALUES, NAMES)


def test_each_gene_in_each_type_has_its_mean_and_fraction(dataset):
    table = expression_by_type(dataset, TASK, ["G4", "G1"])
    assert len(table) == 6
    for gene, kind, fraction, mean in table.itertuples(index=False):
        cells = [float(v) for v in VALUES[kind == NAMES, int(gene[1:])]]
        assert mean == pytest.approx(sum(cells) / len(cells), rel=1e-5)
        assert fraction == pytest.approx(sum(v > 0 for v in cells) / len(cells))


def test_the_rare_type_comes_first_then_the_largest_and_genes_keep_their_order(dataset):
    table = expression_by_type(dataset, TASK, ["G4", "G1"])
    assert list(table.columns) == ["gene", "type", "fraction", "mean"]
    assert list(table["type"]) == ["needle", "needle", "straw", "straw", "hay", "hay"]
    assert list(table["gene"]) == ["G4", "G1"] * 3


def test_repeated_genes_count_once(dataset):
    assert list(expression_by_type(dataset, TASK, ["G4", "G4"])["gene"]) == ["G4"] * 3


@pytest.mark.parametrize(
    ("task", "genes", "error", "code", "sentence"),
    [
        (("type", "gold"), ["G1"], ParameterError, "E-RARE-UNKNOWN", "No cell has 'gold'"),
        (("nope", "gold"), ["G1"], DataError, "E-LABEL-COLUMN", "no column 'nope'"),
        (("type", "needle"), ["g1"], ParameterError, "E-GENE-UNKNOWN", "Unknown: g1"),
    ],
    ids=["type", "column", "gene"],
)
def test_what_is_not_there_is_refused(dataset, task, genes, error, code, sentence):
    with pytest.raises(error, match=sentence) as refused:
        expression_by_type(dataset, core.RareTask(*task), genes)
    assert refused.value.code == code
