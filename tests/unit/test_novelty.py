"""Cells that are unlike the reference are told by their distance from it."""

from __future__ import annotations

import numpy as np
import pytest

import core
from core.annotation import annotate
from core.novelty import _sample, unlike_cells
from core.training import train
from tests.cells import TASK, haystack, keep, small_config
from tests.files import write_bad_files


def cells(n, seed, shift=0.0):
    """Log values of eight genes around 3, each with sd 0.5."""
    rng = np.random.default_rng(seed)
    return (3 + shift + 0.5 * rng.normal(size=(n, 8))).astype(np.float32)


def literal(reference, is_rare, query):
    """The definition in plain loops: which query cells are beyond both 99th percentiles."""
    add = [np.append(row, np.log1p(sum(np.expm1(value) for value in row))) for row in reference]
    own = np.array(add, dtype=float)
    mean, sd = own.mean(axis=0), own.std(axis=0)
    own = (own - mean) / sd
    new = [np.append(row, np.log1p(sum(np.expm1(value) for value in row))) for row in query]
    new = (np.array(new, dtype=float) - mean) / sd

    def distance(cell, others):
        return np.mean(sorted(np.sqrt(((other - cell) ** 2).sum()) for other in others)[:5])

    def is_far(cell, cells):
        among = [distance(other, np.delete(cells, i, axis=0)) for i, other in enumerate(cells)]
        return distance(cell, cells) > np.percentile(among, 99)

    return [is_far(cell, own) and is_far(cell, own[is_rare]) for cell in new]


QUERY = [(10, 0), (10, 0.6), (10, 1), (5, 1.6), (5, 3)]


def test_cells_are_judged_as_the_definition_says():
    reference = np.vstack([cells(80, 0), cells(10, 3, shift=1)]).astype(np.float64)
    is_rare = np.arange(90) >= 80
    query = np.vstack([cells(s, i, shift=f) for i, (s, f) in enumerate(QUERY)]).astype(np.float64)
    found = unlike_cells(reference, is_rare, query)
    assert found.tolist() == literal(reference, is_rare, query)
    assert found[:10].sum() < 3
    assert found[-5:].all()


def test_about_one_in_a_hundred_of_like_cells_is_unlike_and_all_of_another_kind():
    reference, is_rare = cells(2000, 0), np.zeros(2000, dtype=bool)
    assert 0.003 < unlike_cells(reference, is_rare, cells(2000, 1)).mean() < 0.025
    assert unlike_cells(reference, is_rare, cells(50, 2, shift=3)).all()


def test_a_rare_type_that_the_reference_has_is_not_unlike_it():
    reference = np.vstack([cells(20, 0, shift=3), cells(1000, 1)])
    is_rare = np.arange(1020) < 20
    assert unlike_cells(reference, is_rare, cells(50, 2, shift=3)).mean() < 0.3
    assert unlike_cells(reference[20:], is_rare[20:], cells(50, 2, shift=3)).all()


def test_a_gene_that_never_varied_does_not_stop_it():
    reference = cells(200, 0)
    reference[:, 3] = 0
    assert not unlike_cells(reference, np.zeros(200, dtype=bool), reference[:20]).any()


@pytest.mark.parametrize("n_cells", [1, 2, 4])
def test_a_reference_of_a_few_cells_is_enough_to_ask(n_cells):
    found = unlike_cells(cells(n_cells, 0), np.zeros(n_cells, dtype=bool), cells(7, 1))
    assert found.shape == (7,)
    assert n_cells > 1 or not found.any()


def test_of_a_large_reference_the_rare_cells_are_kept_and_the_same_ones_every_time():
    is_rare = np.arange(20_000) % 1000 == 0
    rows = _sample(is_rare, seed=0)
    assert len(rows) == len(set(rows)) == 5000
    assert is_rare[rows].sum() == 20
    np.testing.assert_array_equal(rows, _sample(is_rare, seed=0))
    assert is_rare[_sample(~is_rare, seed=0)].sum() == 20


def test_a_large_reference_with_a_handful_of_rare_cells_knows_them():
    reference = np.vstack([cells(10, 0, shift=3), cells(12_000, 1)])
    is_rare = np.arange(12_010) < 10
    assert unlike_cells(reference, is_rare, cells(40, 2, shift=3)).mean() < 0.5


# In an annotation -------------------------------------------------------------------------------


def codes(annotation):
    return [finding.code for finding in annotation.findings]


def test_a_query_with_many_cells_of_a_new_type_is_said_to_have_them(tmp_path):
    (known,) = write_bad_files("ok_basic", tmp_path).glob("ok_basic.h5ad")
    (new,) = write_bad_files("query_new_type", tmp_path).glob("query_new_type.h5ad")
    reference, query = core.open_dataset(known), core.open_dataset(new)
    model = train(
        reference, core.RareTask("cell_type", "rare"), core.TrainingConfig(), method="loras+lr"
    )
    result = annotate(model, query, transfer=None)
    assert codes(result) == ["W-UNLIKE-REFERENCE"]
    n = int(result.findings[0].message.split(" of ")[0])
    assert 30 <= n <= 66  # sixty cells are new
    assert " of 120 cells are unlike" in result.findings[0].message
    assert "than 99 % of these are" in result.findings[0].message
    assert codes(annotate(model, reference, transfer=None)) == []


def test_fewer_than_a_tenth_or_than_five_unlike_cells_are_no_finding():
    values, labels = haystack(30, 170, n_genes=30)
    model = train(keep(values, labels), TASK, small_config(markers=20), method="loras+lr")
    strange = np.full((1, 30), 9.0, dtype=np.float32)
    for n_strange, n_all, expected in ((4, 20, []), (5, 50, ["W-UNLIKE-REFERENCE"])):
        plain = haystack(0, n_all - n_strange, n_genes=30, seed=0)[0] * 0 + values[50]
        query = keep(np.vstack([np.repeat(strange, n_strange, axis=0), plain]), ["?"] * n_all)
        found = codes(annotate(model, query, transfer=None))
        assert found == expected
    few = np.vstack([np.repeat(strange, 6, axis=0), np.repeat(values[50:51], 94, axis=0)])
    assert codes(annotate(model, keep(few, ["?"] * 100), transfer=None)) == []


def test_of_a_large_query_every_so_many_cells_are_looked_at():
    values, labels = haystack(30, 170, n_genes=10)
    model = train(keep(values, labels), TASK, small_config(), method="loras+lr")
    query = np.full((20_001, 10), 9.0, dtype=np.float32)
    result = annotate(model, keep(query, ["?"] * 20_001), transfer=None)
    assert "6,667 of 6,667 cells, one in 3 of all, are unlike" in result.findings[0].message


@pytest.mark.parametrize(
    ("reference", "query", "rare"),
    [
        ("pbmc3k", "pbmc_kang_ifnb2800", "Platelet"),
        ("pbmc3k", "query_pbmc_donorA_unlabelled", "DC"),
        ("pancreas_baron_neuca", "pancreas_segerstolpe_neuca", "gamma"),
    ],
)
def test_another_study_of_the_same_tissue_raises_no_alarm(shared_data, reference, query, rare):
    known = core.open_dataset(shared_data / f"{reference}.h5ad")
    task = core.RareTask("cell_type", rare)
    model = train(known, task, core.TrainingConfig(), method="none+lr")
    found = annotate(model, core.open_dataset(shared_data / f"{query}.h5ad"))
    assert "W-UNLIKE-REFERENCE" not in codes(found)


def test_another_tissue_raises_the_alarm(shared_data):
    known = core.open_dataset(shared_data / "pancreas_baron_neuca.h5ad")
    task = core.RareTask("cell_type", "endothelial")
    model = train(known, task, core.TrainingConfig(), method="none+lr")
    blood = core.open_dataset(shared_data / "pbmc_kang_ifnb2800.h5ad")
    assert "W-UNLIKE-REFERENCE" in codes(annotate(model, blood))
