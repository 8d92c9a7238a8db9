"""Selected cells against counts by hand, and a lasso against another library's."""

import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.path import Path as Outline

from core.annotation import annotate, call_cells
from core.errors import ParameterError
from core.selection import describe_selection, in_polygon
from core.text import spreadsheet_text
from core.training import train
from tests.cells import TASK, haystack, keep, small_config


@pytest.fixture(scope="module")
def model():
    reference = keep(*haystack(25, 100, seed=2))
    return train(reference, TASK, small_config(), method="none+lr")


@pytest.fixture(scope="module")
def query(model):
    """Lacks one of the model's markers; its cells have names that a spreadsheet would run."""
    values, labels = haystack(12, 78, seed=3)
    genes = [f"G{i}" for i in range(12)]
    genes[genes.index(model.genes[-1])] = "unknown"
    names = [f"{'=+' if i % 2 else ''}cell-{i}" for i in range(90)]
    return keep(values, labels, genes=genes, cells=names)


@pytest.fixture(scope="module")
def result(model, query):
    return annotate(model, query)


@pytest.fixture(scope="module")
def rows():
    return np.array([3, 4, 10, 40, 41, 42, 77])


# Calls, clusters, markers -----------------------------------------------------------------------


def test_calls_are_counted_with_the_rare_type_first(model, query):
    scores = np.zeros(90)
    scores[:6] = [0.9, 0.8, 0.7, 0.45, 0.1, 0.2]
    found = describe_selection(call_cells(model, query, scores), [0, 2, 3, 4, 5])
    assert list(found.calls.items()) == [("needle", 2), ("unsure", 1), ("other", 2)]
    assert found.n_cells == 5


def test_calls_that_nobody_has_count_zero(model, query):
    found = describe_selection(call_cells(model, query, np.zeros(90)), [0, 1])
    assert list(found.calls.items()) == [("needle", 0), ("unsure", 0), ("other", 2)]


def test_clusters_are_counted_by_hand_and_the_most_selected_comes_first(result, rows):
    clusters = result.transfer.clusters.tolist()
    found = describe_selection(result, rows).clusters
    assert set(found["cluster"]) == {clusters[row] for row in rows}
    for cluster, n_selected, n_cells in found.itertuples(index=False):
        assert n_selected == [clusters[row] for row in rows].count(cluster)
        assert n_cells == clusters.count(cluster)
    assert (np.diff(found["n_selected"]) <= 0).all()


def test_without_a_transfer_there_are_no_clusters(model, query, rows):
    found = describe_selection(annotate(model, query, transfer=None), rows)
    assert found.clusters.empty
    assert list(found.clusters.columns) == ["cluster", "n_selected", "n_cells"]
    assert found.table["cluster"].isna().all()


def test_markers_are_compared_as_pandas_does(result, query, rows):
    frame = pd.DataFrame(query.expression(query.genes), columns=query.genes, dtype="float64")
    group = np.where(np.isin(np.arange(90), rows), "selected", "rest")
    means, detected = frame.groupby(group).mean(), (frame > 0).groupby(group).mean()
    found = describe_selection(result, rows).markers
    for part in ("selected", "rest"):
        np.testing.assert_allclose(found[f"mean_{part}"], means.loc[part, found["gene"]])
        np.testing.assert_allclose(found[f"detected_{part}"], detected.loc[part, found["gene"]])


def test_markers_are_those_that_the_query_has_and_the_most_raised_comes_first(result, rows):
    found = describe_selection(result, rows).markers
    assert set(found["gene"]) == set(result.model.genes[:-1])
    assert (np.diff(found["mean_selected"] - found["mean_rest"]) <= 0).all()


def test_when_all_cells_are_selected_the_rest_has_no_means(result):
    found = describe_selection(result, np.arange(90)).markers
    assert found[["mean_rest", "detected_rest"]].isna().all(axis=None)
    assert (np.diff(found["mean_selected"]) <= 0).all()


# Rows -------------------------------------------------------------------------------------------


def test_rows_come_in_the_order_of_the_query_and_each_once(result):
    found = describe_selection(result, [9, 2, 9, 2, 5])
    assert found.rows.tolist() == [2, 5, 9]
    assert found.table["cell"].to_list() == result.table["cell"].iloc[[2, 5, 9]].to_list()


@pytest.mark.parametrize("bad", [[], [90], [-1], [0.0], [True, False], [[1]]], ids=str)
def test_no_rows_or_others_than_the_querys_are_refused(result, bad):
    with pytest.raises(ParameterError, match="`rows` must be") as caught:
        describe_selection(result, bad)
    assert caught.value.code == "E-PARAMETER"


# Files ------------------------------------------------------------------------------------------


def test_the_file_has_a_row_for_each_selected_cell(result, rows, tmp_path):
    describe_selection(result, rows).to_csv(tmp_path / "cells.csv")
    with open(tmp_path / "cells.csv", newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert list(written[0]) == ["cell", "score", "score_before", "call", "rank", "cluster"]
    for row, line in zip(rows, written, strict=True):
        told = result.table.loc[row]
        assert line["cell"] == spreadsheet_text(told["cell"])
        assert line["call"] == told["call"]
        assert float(line["score"]) == pytest.approx(told["score"])
        assert float(line["score_before"]) == pytest.approx(told["score_before"])
        assert int(line["rank"]) == told["rank"]
        assert int(line["cluster"]) == result.transfer.clusters[row]


def test_no_name_in_the_file_is_a_formula(result, tmp_path):
    """The name of the call comes from a file as well as those of the cells."""
    called = replace(result, table=result.table.assign(call="=1+1"))
    describe_selection(called, np.arange(90)).to_csv(tmp_path / "cells.csv")
    written = pd.read_csv(tmp_path / "cells.csv")
    assert not written["cell"].str.startswith("=").any()
    assert set(written["call"]) == {"'=1+1"}


def test_without_a_transfer_the_column_of_clusters_is_empty(model, query, tmp_path):
    describe_selection(annotate(model, query, transfer=None), [0]).to_csv(tmp_path / "cells.csv")
    header, line = (tmp_path / "cells.csv").read_text().splitlines()
    assert header.endswith(",cluster")
    assert line.endswith(",")


# Lasso ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_lasso_holds_the_points_that_matplotlib_finds_in_it(seed):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.random(40)) * 2 * np.pi
    length = rng.uniform(0.3, 1.0, size=40)
    lasso = np.column_stack([length * np.cos(angle), length * np.sin(angle)])
    points = rng.uniform(-1, 1, size=(2000, 2))
    found = in_polygon(points, lasso)
    np.testing.assert_array_equal(found, Outline(lasso).contains_points(points))
    assert found.any()
    assert not found.all()


@pytest.mark.parametrize("turn", [1, -1], ids=["clockwise", "anticlockwise"])
def test_neither_direction_nor_closing_the_lasso_matters(turn):
    square = np.array([[0.0, 0], [0, 1], [1, 1], [1, 0]])[::turn]
    points = [[0.5, 0.5], [1.5, 0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 1.5]]
    for lasso in (square, np.vstack([square, square[:1]])):
        assert in_polygon(points, lasso).tolist() == [True, False, False, False, False]


def test_a_ray_through_a_corner_is_counted_once():
    diamond = [[0, -1], [1, 0], [0, 1], [-1, 0]]
    assert in_polygon([[0, 0], [-2, 0], [2, 0]], diamond).tolist() == [True, False, False]


def test_what_a_lasso_goes_round_twice_is_outside():
    loop = [[0, 0], [3, 0], [3, 3], [0, 3]]
    twice = [*loop, *loop]
    assert in_polygon([[1, 1]], loop).tolist() == [True]
    assert in_polygon([[1, 1]], twice).tolist() == [False]


def test_points_that_are_nowhere_are_in_no_lasso():
    square = [[0, 0], [0, 1], [1, 1], [1, 0]]
    points = [[np.nan, 0.5], [0.5, np.nan], [-np.inf, 0.5], [0.5, np.inf]]
    assert not in_polygon(points, square).any()


def test_a_lasso_around_nothing_holds_nothing():
    assert not in_polygon([[0.5, 0.5]], np.empty((0, 2))).any()
    assert in_polygon(np.empty((0, 2)), [[0, 0], [0, 1], [1, 1]]).shape == (0,)


@pytest.mark.parametrize(
    ("points", "polygon", "message"),
    [
        ([[1, 2, 3]], [[0, 0]], "`points` must be of shape"),
        ([[1, 2]], [1, 2], "`polygon` must be of shape"),
        ([[1, 2]], [[0, np.nan]], "`polygon` must be finite"),
    ],
    ids=["points", "polygon", "not-finite"],
)
def test_what_is_no_points_or_no_lasso_is_refused(points, polygon, message):
    with pytest.raises(ParameterError, match=message) as caught:
        in_polygon(points, polygon)
    assert caught.value.code == "E-PARAMETER"
