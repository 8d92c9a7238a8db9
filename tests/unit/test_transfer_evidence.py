"""Evidence of single calls: neighbours against all distances, contributions against a hand."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import core
from core.annotation import annotate
from core.data import DEMO_TASK
from core.errors import ParameterError
from core.training import train
from core.transfer import evidence as module
from core.transfer import explain_cell, nearest_reference, transfer_scores
from core.transfer.placing import reference_rows
from core.transfer.views import fit_on
from core.transfer_config import TransferConfig
from tests.cells import demo_config

STANDARDS = ["both", "reference", "query"]
LINEAR = ["loras+lr", "none+svm"]
VOTING = ["none+knn", "none+forest"]
OTHERS = [*VOTING, "none+boosting", "none+mlp"]
ROWS = [5, 60, 171]


@cache
def demo_model(method="loras+lr"):
    return train(core.demo_reference(), DEMO_TASK, demo_config(), method=method)


@cache
def demo_transfer(method="loras+lr", **settings):
    config = TransferConfig(**{"scorer": "model"} | settings)
    return transfer_scores(demo_model(method), core.demo_query(), config)


@cache
def demo_fitted(method):
    transfer = demo_transfer(method)
    return fit_on(demo_model(method), transfer.cells, transfer.config)


def explain(row, method="loras+lr", **settings):
    model, transfer = demo_model(method), demo_transfer(method, **settings)
    fitted = demo_fitted(method)
    return explain_cell(model, core.demo_query(), transfer, row, fitted=fitted)


def by_gene(found, genes):
    """Contributions in the order of `genes`."""
    return found.contributions.set_index("gene")["contribution"].loc[list(genes)].to_numpy()


def views_of(cells, standardise):
    return {
        "both": [cells.by_reference, cells.by_query],
        "reference": [cells.by_reference],
        "query": [cells.by_query],
    }[standardise]


# Nearest reference cells ------------------------------------------------------------------------


@pytest.mark.parametrize("standardise", STANDARDS)
def test_the_nearest_are_those_of_the_table_of_all_distances(standardise):
    transfer = demo_transfer(standardise=standardise)
    cells, rows = transfer.cells, np.array([171, 5, 60])
    query = np.mean(views_of(cells, standardise), axis=0, dtype=np.float64)
    distances = cdist(np.clip(query[rows], -10, 10), np.clip(cells.reference, -10, 10))
    found = nearest_reference(demo_model(), transfer, rows, n=4)
    assert found["row"].to_list() == np.repeat(rows, 4).tolist()
    assert found["rank"].to_list() == [1, 2, 3, 4] * 3
    nearest = np.argsort(distances, axis=1)[:, :4]
    np.testing.assert_array_equal(found["reference_cell"], nearest.ravel())
    expected = np.take_along_axis(distances, nearest, axis=1).ravel()
    np.testing.assert_allclose(found["distance"], expected, rtol=1e-5)


def test_types_are_the_labels_that_the_reference_has_for_these_cells():
    reference, model = core.demo_reference(), demo_model()
    found = nearest_reference(model, demo_transfer(), np.arange(core.demo_query().n_cells))
    labels = reference.labels(DEMO_TASK.label).to_numpy()[reference_rows(model, reference)]
    assert found["type"].to_list() == labels[found["reference_cell"]].tolist()
    assert found["is_rare"].to_list() == (found["type"] == DEMO_TASK.rare).to_list()
    assert 1 < found["type"].nunique() < len(found)


def test_without_context_there_are_rare_and_other_cells():
    plain = replace(demo_model(), context=None)
    found = nearest_reference(plain, demo_transfer(), np.arange(core.demo_query().n_cells))
    assert set(found["type"]) == {"CD34+", "other"}
    assert ((found["type"] == "CD34+") == found["is_rare"]).all()


def test_a_cell_of_the_reference_is_nearest_to_itself_at_no_distance():
    model, reference = demo_model(), core.demo_reference()
    transfer = transfer_scores(model, reference, TransferConfig(standardise="reference"))
    own = reference_rows(model, reference)
    found = nearest_reference(model, transfer, own, n=1)
    np.testing.assert_array_equal(found["reference_cell"], np.arange(len(own)))
    assert (found["distance"] == 0).all()


def test_cells_that_are_looked_up_in_parts_find_the_same(monkeypatch):
    rows = np.arange(50)
    whole = nearest_reference(demo_model(), demo_transfer(), rows)
    monkeypatch.setattr(module, "_AT_A_TIME", 7)
    parts = nearest_reference(demo_model(), demo_transfer(), rows)
    np.testing.assert_array_equal(parts["reference_cell"], whole["reference_cell"])
    np.testing.assert_array_equal(parts["distance"], whole["distance"])


def test_a_gene_beyond_ten_standard_deviations_counts_as_ten():
    transfer = demo_transfer(standardise="reference")
    zeros = np.zeros_like(transfer.cells.by_reference)
    far, at_ten = zeros.copy(), zeros.copy()
    far[0, 3], at_ten[0, 3] = 1000.0, 10.0
    found = [
        nearest_reference(
            demo_model(), replace(transfer, cells=replace(transfer.cells, by_reference=values)), [0]
        )
        for values in (far, at_ten)
    ]
    np.testing.assert_array_equal(found[0]["distance"], found[1]["distance"])


def test_of_more_neighbours_than_there_are_all_reference_cells_come():
    found = nearest_reference(demo_model(), demo_transfer(), [7], n=10_000)
    n_reference = len(demo_model().training_is_rare)
    assert sorted(found["reference_cell"]) == list(range(n_reference))
    assert (np.diff(found["distance"]) >= 0).all()


def test_no_rows_have_no_neighbours():
    assert nearest_reference(demo_model(), demo_transfer(), []).empty


@pytest.mark.parametrize("rows", [[175], [-1], [0.5], [True], [[1]]], ids=str)
def test_rows_that_the_query_does_not_have_are_refused(rows):
    with pytest.raises(ParameterError, match="`rows` must be") as caught:
        nearest_reference(demo_model(), demo_transfer(), rows)
    assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_fewer_than_one_neighbour_is_refused(n):
    with pytest.raises(ParameterError, match="`n` must be a whole number"):
        nearest_reference(demo_model(), demo_transfer(), [0], n=n)


# Contributions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("standardise", STANDARDS)
@pytest.mark.parametrize("method", LINEAR)
def test_linear_contributions_add_up_to_the_difference_of_the_decisions(method, standardise):
    transfer, decide = (
        demo_transfer(method, standardise=standardise),
        demo_fitted(method).classifier,
    )
    mean = transfer.cells.reference.astype(np.float64).mean(axis=0)
    for row in ROWS:
        found = explain(row, method, standardise=standardise)
        seen = [view[row].astype(np.float64) for view in views_of(transfer.cells, standardise)]
        gap = np.mean(decide.decision_function(seen)) - decide.decision_function([mean])[0]
        assert found.contributions["contribution"].sum() == pytest.approx(gap, abs=1e-9)
        assert found.exact


@pytest.mark.parametrize("method", LINEAR)
def test_a_linear_contribution_is_what_the_decision_loses_without_the_gene(method):
    cells, decide = demo_transfer(method).cells, demo_fitted(method).classifier
    mean = cells.reference.astype(np.float64).mean(axis=0)
    expected = np.zeros(len(cells.genes))
    for view in (cells.by_reference, cells.by_query):
        seen = view[60].astype(np.float64)
        for gene in range(len(mean)):
            without = seen.copy()
            without[gene] = mean[gene]
            change = decide.decision_function([seen]) - decide.decision_function([without])
            expected[gene] += change[0] / 2
    found = by_gene(explain(60, method), cells.genes)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("method", OTHERS)
def test_any_other_contribution_is_the_change_of_log_odds_without_the_gene(method):
    cells, fitted = demo_transfer(method).cells, demo_fitted(method)
    mean = cells.reference.mean(axis=0)
    # Not the clearest cell of all: there no single vote may change.
    row = int(np.abs(demo_transfer(method).before - 0.5).argmin())

    def odds(values):
        if method in VOTING:  # as the scores have them, or one vote less than all would be endless
            return fitted.log_odds(np.array(values))
        rare = np.clip(fitted.classifier.predict_proba(np.array(values))[:, 1], 1e-9, 1 - 1e-9)
        return np.log(rare / (1 - rare))

    changes = []
    for view in (cells.by_reference, cells.by_query):
        without = [
            [*view[row][:gene], mean[gene], *view[row][gene + 1 :]] for gene in range(len(mean))
        ]
        changes.append(odds([view[row]]) - odds(without))
    expected = (changes[0] + changes[1]) / 2
    found = explain(row, method)
    assert not found.exact
    np.testing.assert_allclose(by_gene(found, cells.genes), expected, rtol=1e-4, atol=1e-5)
    assert expected.any()


def test_a_gene_at_the_mean_of_the_reference_says_nothing():
    transfer = demo_transfer(standardise="reference")
    values = transfer.cells.by_reference.copy()
    values[3, 8] = transfer.cells.reference.mean(axis=0, dtype=np.float64)[8]
    moved = replace(transfer, cells=replace(transfer.cells, by_reference=values))
    found = explain_cell(demo_model(), core.demo_query(), moved, 3)
    assert by_gene(found, [transfer.cells.genes[8]])[0] == pytest.approx(0, abs=1e-7)


def test_genes_are_sorted_by_contribution_of_either_sign_and_say_whether_they_are_markers():
    found, transfer = explain(60), demo_transfer()
    table = found.contributions
    assert list(table.columns) == ["gene", "is_marker", "value", "contribution"]
    assert (np.diff(table["contribution"].abs()) <= 0).all()
    assert set(table["contribution"] > 0) == {True, False}
    assert sorted(table["gene"]) == sorted(transfer.cells.genes)
    assert set(table.loc[table["is_marker"], "gene"]) == set(demo_model().genes)


def test_values_are_the_expression_in_the_query():
    table = explain(60).contributions
    expected = core.demo_query().expression(table["gene"].to_list())[60]
    np.testing.assert_array_equal(table["value"], expected)


# Neighbour share --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["none+knn", "weights+knn"])
def test_the_neighbour_share_is_a_count_of_the_nearest_training_cells(method):
    cells, model = demo_transfer(method).cells, demo_model(method)
    k = model.config.knn_neighbors
    for row in [int(demo_transfer(method).before.argmax()), 5]:
        shares = [
            model.training_is_rare[np.argsort(cdist([view[row]], cells.reference)[0])[:k]].mean()
            for view in (cells.by_reference, cells.by_query)
        ]
        found = explain(row, method)
        assert found.neighbour_share == pytest.approx(np.mean(shares))
        start = f"{100 * np.mean(shares):.3g} % of the classifier's {k} nearest training cells are"
        assert found.how.startswith(start)


def test_synthetic_neighbours_are_owned_up_to():
    assert "synthetic ones included" in explain(60, "loras+knn").how
    assert "synthetic" not in explain(60, "none+knn").how


def test_where_no_gene_alone_changes_anything_that_is_said():
    row = int(demo_transfer("none+knn").before.argmin())
    found = explain(row, "none+knn")
    assert not found.contributions["contribution"].any()
    assert found.how.endswith("no gene alone changes anything here.")


@pytest.mark.parametrize("method", [*LINEAR, *OTHERS])
def test_how_is_one_sentence_and_only_knn_has_a_share(method):
    found = explain(60, method)
    assert found.how[0].isupper() or found.how[0].isdigit()
    assert found.how.endswith(".")
    assert ". " not in found.how
    assert (found.neighbour_share is not None) == method.endswith("knn")


# Scores -----------------------------------------------------------------------------------------


def test_scores_and_rank_are_those_of_the_annotation():
    result = annotate(demo_model(), core.demo_query())
    for row in ROWS:
        found, told = explain(row), result.table.loc[row]
        assert (found.row, found.rank) == (row, told["rank"])
        assert (found.before, found.score) == (told["score_before"], told["score"])
        assert found.refined == result.transfer.refined[row]
        assert found.learned == pytest.approx(
            1 / (1 + np.exp(-result.transfer.views["learned"][row]))
        )


def test_of_equal_scores_the_earlier_cell_comes_first():
    transfer = demo_transfer()
    equal = replace(transfer, scores=np.full(len(transfer.scores), 0.25))
    ranks = [
        explain_cell(
            demo_model(), core.demo_query(), equal, row, fitted=demo_fitted("loras+lr")
        ).rank
        for row in (0, 1, 174)
    ]
    assert ranks == [1, 2, 175]


def test_where_nothing_was_learned_there_is_no_such_score():
    assert explain(60, adapt=False).learned is None


def test_neighbours_are_those_of_the_cell_alone():
    found = explain_cell(demo_model(), core.demo_query(), demo_transfer(), 60, n_neighbors=3)
    assert found.neighbours.equals(nearest_reference(demo_model(), demo_transfer(), [60], n=3))


def test_a_classifier_that_was_fitted_before_gives_the_same():
    found = explain_cell(demo_model(), core.demo_query(), demo_transfer(), 60)
    assert found.contributions.equals(explain(60).contributions)


def test_a_row_that_the_query_does_not_have_is_refused():
    with pytest.raises(ParameterError, match="rows of the query, 0 to 174"):
        explain(175)


def test_another_query_is_refused():
    with pytest.raises(ParameterError, match="`dataset` must be the query of 175 cells"):
        explain_cell(demo_model(), core.demo_reference(), demo_transfer(), 0)
