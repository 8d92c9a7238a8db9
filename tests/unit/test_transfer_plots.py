"""What the figures of a transferred annotation claim about the data they were given."""

import numpy as np
import pandas as pd
import pytest

from core import plots
from core.errors import ParameterError
from core.plots.layers import VECTOR_LIMIT
from core.plots.theme import DARK_PAGE, LIGHT_PAGE

RARE, UNSURE, ACCENT = "#D55E00", "#E69F00", "#0072B2"


def trace(fig, start):
    """Return the one trace whose name begins with `start`."""
    (found,) = [t for t in fig.data if (t.name or "").startswith(start)]
    return found


# The query among the reference's cells ----------------------------------------------------------


@pytest.fixture
def placed():
    """Six reference cells, the last rare, and five query cells around them."""
    xy = np.arange(12.0).reshape(6, 2)
    is_rare = np.array([False] * 5 + [True])
    query = np.arange(10.0).reshape(5, 2) / 3
    calls = np.array(["other", "DC", "unsure", "other", "DC"], dtype=object)
    return xy, is_rare, query, calls


def test_every_cell_is_drawn_once_where_it_lies(placed):
    xy, is_rare, query, calls = placed
    fig = plots.map_on_reference(*placed, rare="DC")
    for start, expected in {
        "reference: other": xy[~is_rare],
        "reference: DC": xy[is_rare],
        "query: other": query[calls == "other"],
        "query: unsure": query[calls == "unsure"],
        "query: DC": query[calls == "DC"],
    }.items():
        drawn = trace(fig, start)
        assert np.column_stack([drawn.x, drawn.y]) == pytest.approx(expected)


def test_called_cells_come_last_and_are_told_from_the_reference_s_by_shape_too(placed):
    fig = plots.map_on_reference(*placed, rare="DC")
    assert [t.name.split("  ")[0] for t in fig.data] == [
        "reference: other", "query: other", "reference: DC", "query: unsure", "query: DC",
    ]  # fmt: skip
    called, theirs = trace(fig, "query: DC").marker, trace(fig, "reference: DC").marker
    assert called.color == theirs.color == RARE
    assert (called.symbol, theirs.symbol) == ("diamond", None)
    assert trace(fig, "query: unsure").marker.color == UNSURE
    assert called.line.color == LIGHT_PAGE.ink


@pytest.mark.parametrize(("dark", "look"), [(False, LIGHT_PAGE), (True, DARK_PAGE)])
def test_other_cells_of_both_datasets_are_greys_of_the_page(placed, dark, look):
    fig = plots.map_on_reference(*placed, rare="DC", dark=dark)
    assert trace(fig, "reference: other").marker.color == look.other
    assert trace(fig, "query: other").marker.color == look.plain


def test_the_map_says_how_many_cells_of_which_dataset_it_shows(placed):
    fig = plots.map_on_reference(*placed, rare="DC")
    assert fig.layout.meta["alt"] == (
        "Map of the reference's 6 cells, 1 of them DC, with 5 query cells: 2 called, 1 unsure."
    )
    assert fig.layout.title.text == "5 query cells among 6 reference cells, 1 of these DC"


def test_many_cells_become_a_picture_and_the_signal_stays_sharp():
    n = VECTOR_LIMIT
    rng = np.random.default_rng(0)
    xy, query = rng.normal(size=(n, 2)), rng.normal(size=(10, 2))
    is_rare = np.arange(n) < 3
    calls = np.array(["DC"] * 2 + ["other"] * 8, dtype=object)
    fig = plots.map_on_reference(xy, is_rare, query, calls, rare="DC")
    assert len(fig.layout.images) == 1
    assert len(trace(fig, "query: DC").x) == 2
    assert len(trace(fig, "reference: DC").x) == 3
    assert np.isnan(trace(fig, "query: other").x).all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"is_rare": [True]}, "is_rare"),
        ({"calls": ["DC"]}, "calls"),
        ({"calls": ["DC", "beta", "DC", "DC", "DC"]}, "calls"),
        ({"xy_query": np.full((5, 2), np.nan)}, "xy_query"),
    ],
    ids=["cells of the reference", "cells of the query", "another call", "no place"],
)
def test_what_does_not_fit_the_map_is_refused(placed, change, name):
    parts = dict(zip(("xy", "is_rare", "xy_query", "calls"), placed, strict=True)) | change
    with pytest.raises(ParameterError, match=f"`{name}`"):
        plots.map_on_reference(**parts, rare="DC")


# Contributions of genes --------------------------------------------------------------------------


def contributions(values):
    return pd.DataFrame(
        {
            "gene": [f"G{i}" for i in range(len(values))],
            "is_marker": [i % 2 == 0 for i in range(len(values))],
            "value": np.arange(len(values), dtype=float),
            "contribution": values,
        }
    )


def test_genes_for_the_type_stand_above_those_against_it_by_size():
    fig = plots.contribution_bars(contributions([-0.5, 2.0, 0.0, -3.0, 1.0]), rare="DC")
    pro, contra = trace(fig, "for DC"), trace(fig, "against DC")
    assert list(pro.y) == ["G1", "G4"]
    assert list(pro.x) == [2.0, 1.0]
    assert list(contra.y) == ["G0", "G3"]
    assert list(contra.x) == [-0.5, -3.0]
    assert (pro.marker.color, contra.marker.color) == (RARE, ACCENT)
    assert list(fig.layout.yaxis.categoryarray) == ["G1", "G4", "G0", "G3"]
    assert fig.layout.yaxis.range[0] > fig.layout.yaxis.range[1], "the first stands on top"


def test_of_many_genes_the_largest_are_drawn_and_the_number_is_said():
    values = np.concatenate([np.arange(1, 31), -np.arange(1, 21)]).astype(float)
    fig = plots.contribution_bars(contributions(values), rare="DC")
    assert sorted(trace(fig, "for").x) == list(range(19, 31))
    assert sorted(-trace(fig, "against").x) == list(range(13, 21))
    assert fig.layout.title.text == "20 of 50 genes"


def test_a_gene_s_bar_says_what_it_is_and_its_expression():
    fig = plots.contribution_bars(contributions([1.0, -1.0]), rare="DC")
    assert trace(fig, "for").hovertext == (
        "G0, marker of the rare type<br>expression 0, counts 1.00",
    )
    assert "marker of another type" in trace(fig, "against").hovertext[0]


def test_without_a_gene_for_or_against_the_figure_says_none():
    fig = plots.contribution_bars(contributions([0.0]), rare="DC")
    assert fig.layout.meta["alt"] == (
        "Genes that speak for DC in this cell: none; against it: none."
    )


@pytest.mark.parametrize("table", [pd.DataFrame({"gene": ["A"]}), contributions([np.nan])])
def test_contributions_that_cannot_be_drawn_are_refused(table):
    with pytest.raises(ParameterError, match="`table` must have"):
        plots.contribution_bars(table, rare="DC")


# Shift of genes ----------------------------------------------------------------------------------


def shifts(values):
    n = len(values)
    return pd.DataFrame(
        {
            "gene": [f"G{i}" for i in range(n)],
            "mean_reference": np.ones(n),
            "mean_query": np.zeros(n),
            "shift": values,
        }
    )


def test_the_genes_farthest_apart_are_drawn_from_the_highest_shift_down():
    fig = plots.gene_shift(shifts([0.1, -2.0, 1.0, 0.2, 3.0]), n_markers=2, rare="DC", most=3)
    assert list(fig.layout.yaxis.categoryarray) == ["G4", "G2", "G1"]
    rare, others = trace(fig, "markers of DC"), trace(fig, "markers of other")
    assert dict(zip(rare.y, rare.x, strict=True)) == {"G1": -2.0}
    assert dict(zip(others.y, others.x, strict=True)) == {"G4": 3.0, "G2": 1.0}
    assert rare.marker.color == RARE
    assert "3 genes of 5" in fig.layout.meta["alt"]
    assert "G4 3.00 the most" in fig.layout.meta["alt"]


def test_every_dot_has_a_line_from_zero():
    fig = plots.gene_shift(shifts([-2.0, 1.0]), n_markers=1, rare="DC")
    stems = trace(fig, "stems")
    assert list(stems.x) == [0.0, 1.0, None, 0.0, -2.0, None]
    assert list(stems.y) == ["G1", "G1", None, "G0", "G0", None]


def test_a_kind_of_gene_without_a_dot_is_not_in_the_legend():
    fig = plots.gene_shift(shifts([1.0, 2.0]), n_markers=0, rare="DC")
    assert [t.name for t in fig.data if t.showlegend is not False] == ["markers of other types"]


def test_a_shift_without_means_is_refused():
    with pytest.raises(ParameterError, match="mean_query"):
        plots.gene_shift(shifts([1.0]).drop(columns="mean_query"), n_markers=1, rare="DC")


# Groups of cells in a dot plot -------------------------------------------------------------------


def test_a_dot_plot_of_groups_says_that_its_rows_are_groups():
    table = pd.DataFrame(
        {
            "gene": ["PF4", "PF4", "LYZ", "LYZ"],
            "type": ["called", "rest"] * 2,
            "fraction": [1.0, 0.1, 0.2, 0.9],
            "mean": [3.0, 0.1, 0.2, 2.0],
        }
    )
    fig = plots.marker_dotplot(table, rare="called", rows="groups of cells")
    assert "in 2 groups of cells, called first" in fig.layout.meta["alt"]
    assert fig.layout.title.text.startswith("2 genes, 2 groups of cells")
