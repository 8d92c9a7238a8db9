"""From a model and another lab's query to calls that hold there, without a look at its labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import core
from core.annotation import annotate
from core.errors import ParameterError, QueryMismatchError
from core.training import train
from core.transfer import FEWEST_CELLS, refine_scores, split_threshold, transfer_scores
from core.transfer.views import even_at
from tests.cells import TASK, keep
from tests.studies import study

REFERENCE = {"hay": 250, "needle": 20, "pin": 120, "straw": 200}
QUERY = {"hay": 200, "needle": 15, "pin": 100, "straw": 180}
# Another chemistry: each gene up or down by a factor of e, a third of the depth.
LAB = {"seed": 4, "batch": 1.0, "depth": 1000}
CONFIG = core.TransferConfig


@pytest.fixture(scope="module")
def model():
    config = core.TrainingConfig(markers=20)
    return train(study(REFERENCE, seed=1), TASK, config, method="none+lr")


@pytest.fixture(scope="module")
def query():
    return study(QUERY, **LAB, name="another lab")


@pytest.fixture(scope="module")
def result(model, query):
    return annotate(model, query)


@pytest.fixture(scope="module")
def default(result):
    return result.transfer


def truth(dataset):
    """Who is a needle, by the names of the cells, which no step reads."""
    return dataset.cells.str.startswith("needle")


def called(annotation):
    return (annotation.table["call"] == "needle").to_numpy()


def f1(annotation):
    calls, is_rare = called(annotation), truth(annotation.dataset)
    return 2 * (calls & is_rare).sum() / (calls.sum() + is_rare.sum())


def codes(annotation):
    return [finding.code for finding in annotation.findings]


# What it is for ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [4, 11, 12])
@pytest.mark.parametrize(("method", "at_most"), [("none+lr", 0.75), ("loras+knn", 0.85)])
def test_rare_cells_of_another_lab_are_found_where_the_models_own_threshold_fails(
    method, at_most, seed
):
    config = core.TrainingConfig(markers=20)
    model = train(study(REFERENCE, seed=1), TASK, config, method=method)
    query = study(QUERY, **LAB | {"seed": seed})
    own, carried = annotate(model, query, transfer=None), annotate(model, query)
    assert f1(carried) > 0.95
    assert f1(own) < at_most
    assert "W-TYPE-ABSENT" not in codes(carried)
    assert (own.transfer, own.threshold) == (None, model.threshold)


@pytest.mark.parametrize("lab", [{"seed": 2}, LAB, LAB | {"seed": 12}], ids=["same", "4", "12"])
def test_a_query_without_the_rare_type_is_said_to_lack_it_and_no_cell_is_called(model, lab):
    query = study(QUERY | {"needle": 0}, **lab, name="no needles")
    result = annotate(model, query)
    assert codes(result)[-1] == "W-TYPE-ABSENT"
    assert result.is_absent
    assert result.n_called == 0
    assert result.findings[-1].message.startswith("no needles probably has no needle: ")
    best = result.table["score"] >= result.threshold
    np.testing.assert_array_equal(result.table["score"], result.transfer.refined)
    high = result.table["score"] >= max(result.threshold, 0.25)
    assert (result.table["call"] == np.where(high, "unsure", "other")).all()
    assert (result.share.share, result.share.low) == (0, 0)
    anyway = result.with_threshold(result.threshold, anyway=True)
    assert (called(anyway) == best).all()


def test_lookalikes_that_are_called_are_named_as_the_reason(model):
    query = study({"hay": 200, "pin": 100, "straw": 180}, seed=2)
    transfer = transfer_scores(model, query, CONFIG())
    lured = replace(
        transfer,
        refined=np.where(query.cells.str.startswith("pin"), 0.6, 0.0),
        verdict=replace(transfer.verdict, score=0.6, n_cells=1100),
    )
    found = core.annotation.call_cells(model, query, lured.scores, transfer=lured)
    assert "the 1,100 most similar cells are more like pin" in found.findings[-1].message
    assert set(found.table["call"]) <= {"other", "unsure"}


def test_a_query_whose_genes_are_measured_very_differently_is_said_to_be(model, result, query):
    assert "W-QUERY-SHIFTED" not in codes(result)
    values = np.log1p(query.expression(query.genes).clip(0)) / 4
    squeezed = keep(values, ["?"] * query.n_cells, cells=query.cells)
    found = annotate(model, squeezed)
    assert "W-QUERY-SHIFTED" in codes(found)
    large = (found.transfer.cells.shift["shift"].abs() >= 1.6).sum()
    n_genes = len(found.transfer.cells.genes)
    assert large >= n_genes / 2
    (finding,) = (f for f in found.findings if f.code == "W-QUERY-SHIFTED")
    assert finding.message.startswith(f"{large} of {n_genes} genes are measured very differently")


# Samples that are not like others ----------------------------------------------------------------


@pytest.mark.parametrize("n_hay", [0, 20, 60])
def test_a_sample_enriched_for_the_rare_type_is_called_by_the_references_scale(model, n_hay):
    sorted_cells = study({"hay": n_hay, "needle": 80}, seed=2)
    result = annotate(model, sorted_cells)
    assert any("looks like the rare type" in step for step in result.transfer.steps)
    assert list(result.transfer.views) == ["reference"]
    assert result.threshold == 0.5
    assert not result.is_absent
    assert f1(result) > 0.95


def test_copies_of_one_cell_are_no_bug(model):
    one = study({"hay": 1, "needle": 1}, seed=2)
    copies = keep(np.repeat(one.matrix().toarray()[:1], 80, axis=0), ["?"] * 80, genes=one.genes)
    result = annotate(model, copies)
    assert result.table["score"].nunique() == 1
    assert result.n_called == 0


def test_the_order_of_the_querys_cells_has_no_part_in_its_calls(model, query, result):
    order = np.random.default_rng(0).permutation(query.n_cells)
    values = query.matrix().toarray()[order]
    again = annotate(model, keep(values, ["?"] * query.n_cells, genes=query.genes))
    np.testing.assert_allclose(again.table["score"], result.table["score"][order], atol=1e-3)
    assert again.table["call"].tolist() == result.table["call"][order].tolist()


def test_the_share_that_is_told_belongs_to_the_calls(result):
    stricter = result.with_threshold(0.9)
    told = stricter.describe()["transfer"]["share"]
    assert told["share"] == stricter.n_called / len(stricter.table) == stricter.share.share
    assert told["low"] <= told["share"] <= told["high"]
    none = result.with_threshold(1.0)
    assert (none.n_called, none.share.share) == (0, 0)


# Small queries -----------------------------------------------------------------------------------


def test_below_50_cells_the_models_own_scores_and_threshold_are_used(model):
    small = study({"hay": 30, "needle": 4, "pin": 15}, seed=2)
    assert small.n_cells == FEWEST_CELLS - 1 == 49
    result = annotate(model, small)
    assert codes(result) == []
    assert (result.transfer, result.threshold) == (None, model.threshold)
    np.testing.assert_array_equal(result.table["score"], model.score(small))
    np.testing.assert_array_equal(result.table["score_before"], model.score(small))
    assert result.clusters().empty
    assert result.describe()["transfer"] is None


def test_from_50_cells_on_scores_are_carried_over(model):
    result = annotate(model, study({"hay": 30, "needle": 5, "pin": 15}, seed=2))
    assert result.transfer is not None


# What has no part in it --------------------------------------------------------------------------


def same(one, other):
    columns = ["cell", "score", "call", "rank", "score_before"]
    pd.testing.assert_frame_equal(one.table[columns], other.table[columns], check_exact=True)
    assert one.threshold == other.threshold
    assert one.transfer.verdict == other.transfer.verdict
    assert codes(one) == codes(other)


@pytest.mark.parametrize("labels", ["shuffled", "reversed", "none"])
def test_the_labels_of_the_query_have_no_part(model, result, query, labels):
    names = np.array([cell.split("-")[0] for cell in query.cells], dtype=object)
    others = {
        "shuffled": np.random.default_rng(0).permutation(names),
        "reversed": np.where(names == "needle", "hay", "needle").astype(object),
        "none": np.full(len(names), None, dtype=object),
    }
    same(annotate(model, study(QUERY, **LAB, name=query.name, labels=others[labels])), result)


def test_the_same_query_gives_the_same_scores_to_the_last_bit(model, result):
    same(annotate(model, study(QUERY, **LAB, name="another lab")), result)


def shuffled(query, seed=5):
    order = np.random.default_rng(seed).permutation(query.n_cells)
    return order, study(QUERY, **LAB, order=order)


def test_the_order_of_the_cells_does_not_matter(model, query):
    config = CONFIG(adapt=False)
    order, moved = shuffled(query)
    before, after = (transfer_scores(model, cells, config) for cells in (query, moved))
    assert moved.cells.tolist() == query.cells[order].tolist()
    for name in ("before", "refined", "scores"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name)[order], atol=1e-4)
    assert after.threshold == pytest.approx(before.threshold, abs=1e-4)


def test_the_order_of_the_cells_changes_the_folds_and_no_call(model, query, result):
    order, moved = shuffled(query)
    after = annotate(model, moved)
    np.testing.assert_allclose(after.table["score"], result.table["score"].to_numpy()[order],
                               atol=0.1)  # fmt: skip
    assert called(after).tolist() == called(result)[order].tolist()


def test_genes_that_the_model_does_not_know_have_no_part_in_the_models_scores(model, query):
    known = {*model.genes, *model.context.genes}
    values = query.expression(query.genes)
    wild = values.copy()
    strange = [i for i, gene in enumerate(query.genes) if gene not in known]
    wild[:, strange] = np.random.default_rng(0).permutation(wild[:, strange])
    one, other = (
        transfer_scores(model, keep(part, ["?"] * len(values)), CONFIG()) for part in (values, wild)
    )
    np.testing.assert_array_equal(one.before, other.before)
    assert not np.array_equal(one.refined, other.refined)


# What each switch changes ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def carried(model, query):
    return lambda **settings: transfer_scores(model, query, CONFIG(**settings))


def odds(scores):
    return np.log(scores) - np.log1p(-scores)


def test_by_default_scores_go_through_every_step(default, model, result):
    assert default.config == CONFIG()
    assert list(default.views) == ["reference", "query", "learned"]
    mean = (default.views["reference"] + default.views["query"]) / 2
    np.testing.assert_allclose(odds(default.before), mean, atol=1e-9)
    np.testing.assert_allclose(default.refined, refine_scores(default.graph, default.before))
    half = 1 / (1 + np.exp(-(mean + default.views["learned"]) / 2))
    np.testing.assert_allclose(default.scores, refine_scores(default.graph, half), atol=1e-9)
    assert default.threshold == split_threshold(default.scores)
    assert default.verdict.n_cells == (default.scores >= default.threshold).sum()
    assert result.share.n_called == default.verdict.n_cells
    assert default.steps == (
        "genes were standardised by the reference and by the query itself, and both count",
        "scores were refined over the graph of the query's neighbours",
        "half of the final score was learned from the query's own calls",
    )
    assert default.cells.genes == (*model.genes, *model.context.genes)


def test_even_scores_are_half_at_the_threshold(default):
    even, scores = even_at(default.scores, default.threshold), default.scores
    np.testing.assert_array_equal(even >= 0.5, scores >= default.threshold)
    at = default.threshold / (1 - default.threshold)
    held = scores.clip(0.001, 0.999)
    np.testing.assert_allclose(even / (1 - even), held / (1 - held) / at, rtol=1e-6)


REPLACED = "scores are those of class-weighted logistic regression on the same reference"


@pytest.mark.parametrize("method", ["none+lr", "loras+knn"])
def test_the_first_scores_may_be_those_of_class_weighted_logistic_regression(model, query, method):
    own, weighted = replace(model, method=method), replace(model, method="weights+lr")
    found = transfer_scores(own, query, CONFIG(scorer="lr"))
    expected = transfer_scores(weighted, query, CONFIG(scorer="model"))
    np.testing.assert_array_equal(found.before, expected.before)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert [step for step in found.steps if step not in expected.steps] == [REPLACED]
    kept = transfer_scores(own, query, CONFIG(scorer="model"))
    assert REPLACED not in kept.steps
    assert not np.allclose(kept.before, found.before)


@pytest.mark.parametrize("method", ["none+lr", "loras+knn", "none+forest"])
def test_a_method_that_does_not_carry_over_is_replaced_by_default(model, query, method):
    own = replace(model, method=method)
    carries = core.classifiers.CLASSIFIERS[method.split("+")[1]].carries_over
    named = "model" if carries else "lr"
    found, expected = (transfer_scores(own, query, CONFIG(scorer=name)) for name in ("auto", named))
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert (REPLACED in found.steps) != carries


def test_scores_are_as_if_rare_and_other_cells_were_equally_frequent(model, query):
    """Logistic regression's own odds, less the odds of the classes that it was fitted with."""
    found = transfer_scores(model, query, CONFIG())
    cells, is_rare = found.cells, model.training_is_rare
    fitted = LogisticRegression(C=model.config.classifier.lr_c, max_iter=5000)
    fitted.fit(cells.reference, is_rare)
    even = fitted.decision_function(cells.by_query) - np.log(is_rare.sum() / (~is_rare).sum())
    most = np.log(0.999 / 0.001)
    np.testing.assert_allclose(found.views["query"], even.clip(-most, most), atol=0.02)


def test_harmony_aligns_both_and_takes_the_place_of_the_querys_own_scale(carried, default):
    found = carried(harmony=True)
    np.testing.assert_array_equal(found.views["reference"], found.views["query"])
    np.testing.assert_array_equal(found.cells.own, default.cells.own)
    pd.testing.assert_frame_equal(found.cells.shift, default.cells.shift)
    aligned = "genes were standardised within each dataset, and both aligned by Harmony"
    assert found.steps == (aligned, *default.steps[1:])
    gaps = [
        np.abs(part.by_reference.mean(axis=0) - part.reference.mean(axis=0)).mean()
        for part in (found.cells, default.cells)
    ]
    assert gaps[0] < gaps[1]


def test_without_context_the_markers_alone_are_scored(carried, model, default):
    found = carried(context=False)
    assert found.cells.genes == model.genes
    assert found.steps == default.steps
    assert not np.allclose(found.before, default.before)


@pytest.mark.parametrize(
    ("standard", "words"), [("reference", "by the reference"), ("query", "by the query itself")]
)
def test_one_way_to_standardise_gives_one_view(carried, default, standard, words):
    found = carried(standardise=standard)
    assert list(found.views) == [standard, "learned"]
    np.testing.assert_array_equal(found.views[standard], default.views[standard])
    np.testing.assert_allclose(odds(found.before), default.views[standard], atol=1e-9)
    assert found.steps == (f"genes were standardised {words}", *default.steps[1:])
    np.testing.assert_array_equal(found.cells.by_reference, default.cells.by_reference)


@pytest.mark.parametrize(("features", "words"), [("ranks", "ranks"), ("cosine", "directions")])
def test_other_features_are_said(carried, default, features, words):
    found = carried(features=features)
    replaced = f"genes were replaced by their {words} within each cell"
    assert found.steps == (replaced, *default.steps)
    assert not np.allclose(found.before, default.before)


def test_thinning_is_said_and_changes_the_scores(carried, default):
    found = carried(match_depth=True)
    thinned = "the reference, 3 times deeper, was thinned to the other's depth"
    assert found.steps == (thinned, *default.steps)
    assert not np.allclose(found.before, default.before)
    pd.testing.assert_frame_equal(found.cells.shift, default.cells.shift)


def test_without_refinement_scores_stay_as_they_were(carried, default):
    found = carried(refine=False)
    np.testing.assert_array_equal(found.before, default.before)
    np.testing.assert_array_equal(found.refined, found.before)
    mean = (found.views["reference"] + found.views["query"] + 2 * found.views["learned"]) / 4
    np.testing.assert_allclose(odds(found.scores), mean, atol=1e-6)
    assert found.steps == (default.steps[0], default.steps[2])


@pytest.mark.parametrize("settings", [{"n_neighbors": 5}, {"smoothness": 1.0}, {"n_components": 5}],
                         ids=lambda settings: next(iter(settings)))  # fmt: skip
def test_the_graph_and_its_weight_begin_to_matter_after_the_models_scores(
    carried, default, settings
):
    found = carried(**settings)
    np.testing.assert_array_equal(found.before, default.before)
    assert not np.allclose(found.refined, default.refined)
    same_graph = found.graph.shape == default.graph.shape and not (found.graph != default.graph).nnz
    assert same_graph == ("smoothness" in settings)
    assert found.steps == default.steps


def test_without_adapting_the_refined_scores_are_the_last(carried, default):
    found = carried(adapt=False)
    assert list(found.views) == ["reference", "query"]
    np.testing.assert_array_equal(found.refined, default.refined)
    np.testing.assert_array_equal(found.scores, found.refined)
    assert found.threshold == split_threshold(found.refined)
    assert found.steps == default.steps[:2]


def test_the_models_own_threshold_leaves_the_scores_alone(carried, default, model, query):
    found = carried(threshold="model")
    assert found.threshold == model.threshold
    np.testing.assert_array_equal(found.scores, default.scores)
    assert found.steps == default.steps
    result = annotate(model, query, transfer=found.config)
    np.testing.assert_array_equal(result.table["score"] >= model.threshold, called(result))


def test_label_shift_calls_at_even_odds_and_learns_nothing_from_the_query(carried, default):
    found = carried(threshold="shift")
    assert found.threshold == 0.5
    assert list(found.views) == ["reference", "query"]
    shifted = refine_scores(found.graph, found.shift.probabilities)
    np.testing.assert_array_equal(found.scores, shifted)
    np.testing.assert_array_equal(found.refined, default.refined)
    assert found.steps == (
        *default.steps[:2],
        "scores were adjusted to the share of rare cells that fits them best",
    )


@pytest.mark.parametrize("votes", ["calls", "probabilities"])
def test_votes_call_whole_clusters_and_change_no_score(model, query, result, votes):
    found = annotate(model, query, transfer=CONFIG(votes=votes))
    np.testing.assert_array_equal(found.table["score"], result.table["score"])
    assert found.threshold == result.threshold
    clusters = pd.Series(found.table["call"].to_numpy()).groupby(found.transfer.clusters)
    assert (clusters.nunique() == 1).all()
    assert set(found.table["call"]) <= {"needle", "other", "unsure"}


def test_the_seed_has_no_part_in_the_scores_of_a_model_without_synthetic_cells(carried, default):
    found = carried(seed=3)
    np.testing.assert_array_equal(found.before, default.before)
    np.testing.assert_array_equal(found.refined, default.refined)
    assert not np.array_equal(found.views["learned"], default.views["learned"])


def test_the_seed_draws_synthetic_cells_anew(query):
    config = core.TrainingConfig(markers=20)
    model = train(study(REFERENCE, seed=1), TASK, config, method="loras+lr")
    scores = [transfer_scores(model, query, CONFIG(seed=seed)).before for seed in (0, 0, 1)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


@pytest.mark.parametrize("model_seed", [0, 1])
def test_a_model_without_context_is_carried_over_on_its_markers(model, query, model_seed):
    old = replace(model, context=None, config=replace(model.config, seed=model_seed))
    found = annotate(old, query)
    assert found.transfer.cells.genes == model.genes
    assert found.transfer.verdict.nearest == "needle"
    assert f1(found) > 0.8


def test_a_query_with_too_few_of_the_genes_is_refused_as_ever(model, query):
    other = keep(query.expression(query.genes), ["?"] * query.n_cells,
                 genes=[f"ENSG{i}" for i in range(query.n_genes)])  # fmt: skip
    with pytest.raises(QueryMismatchError, match="Only 0 of the model's 20 genes"):
        annotate(model, other)


# The annotation ----------------------------------------------------------------------------------


def test_the_table_has_the_models_scores_beside_the_final_ones(result, default):
    np.testing.assert_array_equal(result.table["score"], default.scores)
    np.testing.assert_array_equal(result.table["score_before"], default.before)
    assert result.threshold == default.threshold


def test_a_threshold_of_ones_own_holds_for_the_final_scores(model, query, result):
    fresh, moved = annotate(model, query, threshold=0.9), result.with_threshold(0.9)
    pd.testing.assert_frame_equal(moved.table, fresh.table)
    np.testing.assert_array_equal(called(moved), moved.table["score"] >= 0.9)


def test_what_was_done_is_described_in_plain_values(result, default):
    about = result.describe()["transfer"]
    assert about["config"]["standardise"] == "both"
    assert about["steps"] == list(default.steps)
    assert about["verdict"]["is_present"] is True
    assert about["share"]["share"] == result.share.share


def test_clusters_are_named_in_both_ways(result):
    table = result.clusters()
    assert table["n_cells"].sum() == result.dataset.n_cells
    assert table["n_cells"].is_monotonic_decreasing
    assert table["n_called"].sum() == result.n_called
    assert {*table["by_calls"], *table["by_probability"]} <= {"needle", "other", "unsure"}


# Settings ----------------------------------------------------------------------------------------

BAD = {
    "scorer": ("knn", "one of auto, model, lr"),
    "context": ("yes", "true or false"),
    "harmony": (1, "true or false"),
    "refine": (None, "true or false"),
    "adapt": (0, "true or false"),
    "features": ("counts", "one of expression, ranks, cosine"),
    "standardise": ("none", "one of both, reference, query"),
    "threshold": (0.5, "one of query, shift, model"),
    "votes": (True, "one of none, calls, probabilities"),
    "match_depth": ("auto", "true, false or None"),
    "n_neighbors": (1, "a whole number from 2 to 100"),
    "n_components": (31, "a whole number from 2 to 30"),
    "smoothness": (100.5, "a number from 0 to 100"),
    "seed": (-1, "a whole number from 0 to 4,294,967,295"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_setting_out_of_its_range_is_refused_by_its_name(name):
    value, required = BAD[name]
    with pytest.raises(ParameterError, match=f"`{name}` must be {required}. Got") as caught:
        CONFIG(**{name: value})
    assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "4", None, True])
def test_a_smoothness_that_is_no_number_is_refused(value):
    with pytest.raises(ParameterError, match="`smoothness` must be a number from 0 to 100"):
        CONFIG(smoothness=value)


def test_every_setting_is_checked():
    assert set(BAD) == set(CONFIG.__dataclass_fields__)


@pytest.mark.parametrize("settings", [{"smoothness": 0}, {"smoothness": 100}, {"n_neighbors": 100},
                                      {"n_components": 2}, {"seed": 2**32 - 1}])  # fmt: skip
def test_a_setting_at_the_end_of_its_range_is_used(model, query, settings):
    found = transfer_scores(model, query, CONFIG(**settings))
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
