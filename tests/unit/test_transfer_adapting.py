"""Where scores divide, by brute force; and learning from calls of which none is one's own."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.model_selection import StratifiedKFold

from core.transfer import adapting, learn_in_query, split_threshold

# Where scores divide ------------------------------------------------------------------------------


def between(upper, lower):
    """Variance between two groups, as shares times squared distances from the mean of all."""
    everyone = np.concatenate([upper, lower])
    return sum(
        len(group) / len(everyone) * (group.mean() - everyone.mean()) ** 2
        for group in (upper, lower)
    )


def made_scores():
    rng = np.random.default_rng(0)
    return {
        "two humps": np.r_[rng.beta(2, 20, 90), rng.beta(20, 4, 10)],
        "one hump": rng.beta(2, 8, 80),
        "a lone high one": np.r_[rng.uniform(0, 0.1, 60), 0.9],
        "many ties": rng.integers(0, 6, 70) / 5,
        "all but one tied": np.r_[np.full(40, 0.2), 0.21],
        "two scores": np.array([0.7, 0.1]),
        "mostly high": np.r_[np.full(50, 0.99), 0.0, 0.1],
    }


@pytest.mark.parametrize("scores", made_scores().values(), ids=made_scores())
def test_no_other_cut_has_more_variance_between_the_groups(scores):
    threshold = split_threshold(scores)
    levels = np.unique(scores)
    cuts = [(low + high) / 2 for low, high in pairwise(levels)]
    best = max(between(scores[scores >= cut], scores[scores < cut]) for cut in cuts)
    found = between(scores[scores >= threshold], scores[scores < threshold])
    assert found == pytest.approx(best, rel=1e-12)
    assert min(abs(threshold - cut) for cut in cuts) < 1e-12  # half-way between two scores


def test_equal_scores_stay_together():
    scores = np.array([0.1, 0.5, 0.5, 0.5, 0.9])
    assert split_threshold(scores) in (0.3, 0.7)


@pytest.mark.parametrize("scores", [[0.3] * 5, [0.0, 0.0], [1.0]], ids=["five", "zeros", "one"])
def test_above_scores_that_are_all_the_same_there_is_nobody(scores):
    threshold = split_threshold(np.array(scores))
    assert threshold > scores[0]
    assert threshold == pytest.approx(scores[0], abs=1e-12)


def test_the_cut_moves_with_the_scores():
    scores = made_scores()["two humps"]
    expected = 0.25 * split_threshold(scores) + 0.1
    assert split_threshold(0.25 * scores + 0.1) == pytest.approx(expected)


def test_the_order_of_cells_does_not_matter():
    scores = made_scores()["many ties"]
    shuffled = np.random.default_rng(1).permutation(scores)
    assert split_threshold(shuffled) == split_threshold(scores)


@pytest.mark.parametrize("low", [0.3, np.nextafter(0.3, 1)], ids=["even", "odd"])
def test_two_scores_without_room_between_them_are_divided_too(low):
    high = np.nextafter(low, 1)
    assert (np.array([low, high]) >= split_threshold(np.array([low, high]))).tolist() == [0, 1]


# Learning from the query's own calls --------------------------------------------------------------


def planted(n_called=20, n_rejected=60, n_unknown=15, n_genes=8, seed=0):
    """Standardised genes of which the first two tell called from rejected cells."""
    rng = np.random.default_rng(seed)
    kind = np.repeat([1, 0, 2], [n_called, n_rejected, n_unknown])
    values = rng.normal(size=(len(kind), n_genes)).astype(np.float32)
    values[kind == 1, :2] += 2
    return values, kind == 1, kind == 0


def fitted_by_hand(values, truth):
    """Weights and intercept that minimise the class-weighted loss, found by another solver."""
    values = values.astype(float)
    n = len(truth)
    weights = np.where(truth, n / (2 * truth.sum()), n / (2 * (~truth).sum()))
    signs = np.where(truth, 1.0, -1.0)

    def loss(parameters):
        odds = values @ parameters[:-1] + parameters[-1]
        penalty = (parameters[:-1] ** 2).sum() / 2
        return penalty + 0.01 * (weights * np.logaddexp(0, -signs * odds)).sum()

    return minimize(loss, np.zeros(values.shape[1] + 1), method="BFGS", options={"gtol": 1e-9}).x


def in_order(values, cells):
    """Cells by the sum of their genes: in that order they are divided into folds."""
    return cells[np.argsort(values[cells].sum(axis=1, dtype=np.float64), kind="stable")]


def test_the_order_of_the_cells_has_no_part_in_what_is_learned():
    values, called, rejected = planted()
    before = learn_in_query(values, called, rejected, seed=0)
    order = np.random.default_rng(3).permutation(len(values))
    after = learn_in_query(values[order], called[order], rejected[order], seed=0)
    np.testing.assert_array_equal(after, before[order])


def test_a_cell_is_scored_by_what_the_calls_of_other_cells_teach():
    values, called, rejected = planted()
    found = learn_in_query(values, called, rejected, seed=5)
    known = in_order(values, np.flatnonzero(called | rejected))
    expected = np.zeros(len(values))
    unknown = ~(called | rejected)
    folds = StratifiedKFold(5, shuffle=True, random_state=5)
    for train, test in folds.split(known, called[known]):
        fitted = fitted_by_hand(values[known[train]], called[known[train]])
        expected[known[test]] = values[known[test]] @ fitted[:-1] + fitted[-1]
        expected[unknown] += (values[unknown] @ fitted[:-1] + fitted[-1]) / 5
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found[called].min() > np.median(found[rejected])


def test_what_only_the_cell_itself_has_says_nothing_of_its_own_call():
    """Each cell has a gene of its own: a fit that had seen the cell would tell all calls by it."""
    values = 5 * np.eye(60, dtype=np.float32)
    called = np.arange(60) < 20
    odds = learn_in_query(values, called, ~called, seed=0)
    assert np.ptp(odds) < 1e-3
    seen = fitted_by_hand(values, called)[:-1] * 5
    assert seen[called].min() > seen[~called].max() + 0.1


class KeptFolds:
    """Every fifth cell is a fold, whatever it was called."""

    def __init__(self, n_folds, **_):
        self.n_folds = n_folds

    def split(self, cells, truth):
        places = np.arange(len(cells))
        for fold in range(self.n_folds):
            yield places[places % self.n_folds != fold], places[places % self.n_folds == fold]


def test_a_cell_called_the_other_way_keeps_its_own_score_and_changes_others(monkeypatch):
    monkeypatch.setattr(adapting, "StratifiedKFold", KeptFolds)
    values, called, rejected = planted(n_unknown=0)
    before = learn_in_query(values, called, rejected, seed=0)
    for cell in (0, 7, 33, 79):
        other = called.copy()
        other[cell] = not other[cell]
        after = learn_in_query(values, other, ~other, seed=0)
        place = np.argsort(in_order(values, np.arange(80)))
        same = place % 5 == place[cell] % 5
        np.testing.assert_array_equal(after[same], before[same])
        assert (after[~same] != before[~same]).all()


def test_a_cell_that_is_neither_called_nor_rejected_teaches_nothing():
    values, called, rejected = planted()
    before = learn_in_query(values, called, rejected, seed=2)
    changed = values.copy()
    changed[~(called | rejected)] = np.random.default_rng(9).normal(size=(15, 8)) * 3
    after = learn_in_query(changed, called, rejected, seed=2)
    known = called | rejected
    np.testing.assert_array_equal(after[known], before[known])
    assert not np.allclose(after[~known], before[~known])


def test_one_gene_of_one_cell_counts_five_standard_deviations_at_most():
    values, called, rejected = planted()
    values[3, 0], values[40, 5] = 5, -5
    wild = values.copy()
    wild[3, 0], wild[40, 5] = 1000, -9
    np.testing.assert_array_equal(
        learn_in_query(wild, called, rejected, seed=0),
        learn_in_query(values, called, rejected, seed=0),
    )
    assert wild[3, 0] == 1000  # what was handed in stays as it was


@pytest.mark.parametrize(
    ("n_called", "n_rejected", "is_learned"),
    [(0, 50, False), (1, 50, False), (50, 1, False), (50, 0, False), (2, 2, True), (2, 50, True)],
)
def test_with_fewer_than_two_cells_of_either_kind_nothing_is_learned(
    n_called, n_rejected, is_learned
):
    values, called, rejected = planted(n_called, n_rejected, 5)
    odds = learn_in_query(values, called, rejected, seed=0)
    assert (odds is not None) == is_learned
    if is_learned:
        assert np.isfinite(odds).all()


def test_the_seed_draws_the_folds():
    values, called, rejected = planted()
    first = learn_in_query(values, called, rejected, seed=0)
    np.testing.assert_array_equal(learn_in_query(values, called, rejected, seed=0), first)
    assert not np.array_equal(learn_in_query(values, called, rejected, seed=1), first)
