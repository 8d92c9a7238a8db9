"""Clusters named by votes of their cells, counted by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.transfer import cluster_votes, vote

NAMES = ("needle", "other")
# A threshold of 0.2 is odds of 1 : 4. Even odds of 0.5 are four times that, a probability of 0.8;
# 0.2 is as much, 0.5; and 1/17, of odds 1 : 16, is a quarter of it, 0.2.
SCORES = np.array([0.5, 0.2, 1 / 17, 0.5, 1 / 17, 1 / 17, 0.2])
CLUSTERS = np.array([0, 0, 0, 1, 1, 1, 2])
CALLS = np.array(["needle", "needle", "other", "needle", "other", "unsure", "needle"], object)


def made(votes="none", scores=SCORES):
    return SimpleNamespace(scores=scores, clusters=CLUSTERS, config=SimpleNamespace(votes=votes))


def test_cells_and_calls_of_each_cluster_are_counted():
    table = cluster_votes(made(), CALLS, 0.2, NAMES)
    assert table.index.tolist() == [0, 1, 2]
    assert table["n_cells"].tolist() == [3, 3, 1]
    assert table["n_called"].tolist() == [2, 1, 1]


def test_the_most_frequent_call_names_a_cluster_and_the_alphabet_decides_a_tie():
    table = cluster_votes(made(), CALLS, 0.2, NAMES)
    # In the second cluster each of the three calls came once.
    assert table["by_calls"].tolist() == ["needle", "needle", "needle"]
    assert table["share_by_calls"].tolist() == pytest.approx([2 / 3, 1 / 3, 1])


def test_probabilities_are_even_at_the_threshold_and_summed_by_cluster():
    table = cluster_votes(made(), CALLS, 0.2, NAMES)
    # Summed over the clusters: 0.8 + 0.5 + 0.2, 0.8 + 0.2 + 0.2, and 0.5.
    # 1.5 of 3 and 0.5 of 1 are ties, which the alphabet decides; 1.2 of 3 is less than 1.8.
    assert table["by_probability"].tolist() == ["needle", "other", "needle"]
    assert table["share_by_probability"].tolist() == pytest.approx([0.5, 0.6, 0.5])


def test_another_threshold_moves_the_probabilities():
    table = cluster_votes(made(), CALLS, 0.5, NAMES)
    # At even odds the scores are the probabilities: 0.5 + 0.2 + 1/17 of 3.
    assert table["by_probability"].tolist() == ["other"] * 3
    rare = [(0.7 + 1 / 17) / 3, (0.5 + 2 / 17) / 3, 0.2]
    assert table["share_by_probability"].tolist() == pytest.approx([1 - share for share in rare])


def test_without_votes_the_calls_of_cells_stay():
    assert vote(made("none"), CALLS, 0.2, NAMES) is CALLS


def test_by_calls_each_cell_is_called_as_most_of_its_cluster():
    calls = CALLS.copy()
    calls[3] = "other"
    found = vote(made("calls"), calls, 0.2, NAMES)
    assert found.tolist() == ["needle"] * 3 + ["other"] * 3 + ["needle"]
    assert found.dtype == object
    assert calls[2] == "other"  # the calls of cells are left alone


def test_by_probabilities_each_cell_is_called_by_the_sum_over_its_cluster():
    found = vote(made("probabilities"), CALLS, 0.2, NAMES)
    assert found.tolist() == ["needle"] * 3 + ["other"] * 3 + ["needle"]


def test_the_two_ways_differ_where_few_are_sure_and_many_are_not():
    scores = np.array([0.999, 0.45, 0.45, 0.999, 0.1, 0.1, 0.9])
    calls = np.where(scores >= 0.5, *NAMES).astype(object)
    table = cluster_votes(made(scores=scores), calls, 0.5, NAMES)
    assert table["by_calls"].tolist() == ["other", "other", "needle"]
    assert table["by_probability"].tolist() == ["needle", "other", "needle"]
    assert table["share_by_probability"].tolist() == pytest.approx([1.899 / 3, 1.801 / 3, 0.9])


def test_names_that_a_rare_type_takes_away_are_used_as_they_are_given():
    calls = np.array(["other", "not other", "not other", *["not other"] * 4], object)
    names = ("other", "not other")
    found = vote(made("probabilities"), calls, 0.15, names)
    assert found.tolist() == ["other"] * 3 + ["not other"] * 3 + ["other"]
    assert cluster_votes(made(), calls, 0.15, names)["n_called"].tolist() == [1, 0, 0]
