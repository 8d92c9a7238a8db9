"""The demo: real cells, split without overlap, the same on every machine, without a network."""

from __future__ import annotations

import socket
import warnings

import numpy as np
import pytest
import scanpy as sc

import core
from core.data import DEMO_TASK


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the demo must not use the network")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.fixture(scope="module")
def shipped():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sc.datasets.pbmc68k_reduced()


PARTS = {"reference": (core.demo_reference, 525, 10), "query": (core.demo_query, 175, 3)}


@pytest.mark.parametrize(("load", "n_cells", "n_rare"), PARTS.values(), ids=PARTS)
def test_the_demo_is_made_offline_with_its_stated_cells(
    fresh_home, no_network, load, n_cells, n_rare
):
    dataset = load()
    assert (dataset.n_cells, dataset.n_genes) == (n_cells, 765)
    assert dataset.scale == "log1p"
    codes = [finding.code for finding in dataset.findings]
    assert codes == ["W-NO-COUNTS", "W-LABEL-FEW"]
    assert dataset.rare_labels(DEMO_TASK).n_rare == n_rare
    assert dataset.path.parent.parent == fresh_home


@pytest.mark.parametrize(("load", "n_cells", "n_rare"), PARTS.values(), ids=PARTS)
def test_values_labels_and_map_are_those_that_scanpy_ships(shipped, load, n_cells, n_rare):
    dataset = load()
    rows = shipped.obs_names.get_indexer(dataset.cells)
    assert (np.diff(rows) > 0).all()
    columns = shipped.raw.var_names.get_indexer(dataset.genes)
    expected = shipped.raw.X.toarray()[np.ix_(rows, columns)]
    np.testing.assert_array_equal(dataset.matrix().toarray(), expected)
    np.testing.assert_array_equal(
        dataset.labels("bulk_labels").to_numpy(), shipped.obs["bulk_labels"].astype(str).iloc[rows]
    )
    np.testing.assert_array_equal(
        dataset.file_umap, shipped.obsm["X_umap"][rows].astype(np.float32)
    )


def test_reference_and_query_share_no_cell_and_leave_none_out(shipped):
    reference, query = core.demo_reference(), core.demo_query()
    assert not set(reference.cells) & set(query.cells)
    assert set(reference.cells) | set(query.cells) == set(shipped.obs_names)
    assert list(reference.genes) == list(query.genes)


def test_every_type_of_the_query_is_in_the_reference():
    reference, query = core.demo_reference(), core.demo_query()
    assert set(query.labels("bulk_labels")) == set(reference.labels("bulk_labels"))


def test_a_second_visitor_gets_the_same_file(fresh_home, monkeypatch):
    first = core.demo_reference()
    monkeypatch.delattr("core.data.demo._all_cells")  # must not be needed again
    second = core.demo_reference()
    assert (second.path, second.name) == (first.path, "Demo reference (PBMC)")
    assert len(list(first.path.parent.iterdir())) == 1


def test_the_label_column_of_the_demo_is_offered_first():
    assert core.demo_reference().label_columns()[0].name == DEMO_TASK.label
