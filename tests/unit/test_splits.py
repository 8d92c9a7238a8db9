"""Which cells are tested, and folds that leave out one sample at a time."""

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneGroupOut

import core
from core.config import TrainingConfig
from core.errors import ParameterError
from core.evaluation import iter_folds
from core.folds import plan_folds
from core.splits import iter_splits, plan_of, scored_cells
from tests.cells import TASK, haystack, keep, small_config


def with_samples(samples, *, n_rare=20, n_other=80, **obs):
    values, names = haystack(n_rare, n_other, n_genes=12)
    return keep(values, names, donor=samples, **obs), names == "needle"


def donors(is_rare, rare, other):
    """Give rare and other cells to donors in turn, by the numbers in `rare` and `other`."""
    samples = np.empty(len(is_rare), dtype=object)
    samples[is_rare] = np.repeat([f"d{i}" for i in range(len(rare))], rare)
    samples[~is_rare] = np.repeat([f"d{i}" for i in range(len(other))], other)
    return samples


_, NAMES = haystack(20, 80, n_genes=12)
IS_RARE = NAMES == "needle"
CONFIG = small_config(sample="donor")


def test_every_fold_leaves_out_one_sample_and_no_cell_of_it_is_trained_on():
    samples = donors(IS_RARE, [9, 6, 5, 0], [20, 20, 20, 20])
    dataset, is_rare = with_samples(samples)
    cells = scored_cells(dataset, TASK, CONFIG)
    plan = plan_of(dataset, TASK, CONFIG)
    assert (plan.scheme, plan.n_splits, plan.n_repeats) == ("leave-one-sample-out", 4, 1)
    assert plan.samples == ("d0", "d1", "d2", "d3")
    assert plan.most_tested == 9
    assert plan.reason == (
        "Every fold leaves out one sample of 'donor': 4 folds, 3 of them with rare cells."
    )
    oracle = LeaveOneGroupOut().split(samples, is_rare, samples)
    for split, (train, test) in zip(iter_splits(cells, plan, 0), oracle, strict=True):
        np.testing.assert_array_equal(split.train, train)
        np.testing.assert_array_equal(split.test, test)
        assert set(samples[test]) == {plan.samples[split.fold]}


def test_a_sample_without_rare_cells_counts_its_false_calls_and_has_no_average_precision():
    dataset, _ = with_samples(donors(IS_RARE, [10, 10, 0], [30, 30, 20]))
    folds = [f for f in iter_folds(dataset, TASK, CONFIG) if f.fold == 2]
    for fold in folds:
        assert (fold.n_test_rare, fold.tp, fold.fn) == (0, 0, 0)
        assert fold.fp + fold.tn == 20
        assert np.isnan(fold.average_precision)
        assert np.isnan(fold.balanced_accuracy)
    table = core.summarise(iter_folds(dataset, TASK, CONFIG)).table
    assert np.isfinite(table["average_precision_mean"]).all()


def test_cells_without_a_sample_take_no_part():
    samples = donors(IS_RARE, [10, 10], [40, 40])
    samples[[0, 1, 2]] = [None, np.nan, " "]
    dataset, _ = with_samples(samples)
    cells = scored_cells(dataset, TASK, CONFIG)
    assert cells.rows.tolist() == list(range(3, 100))
    tested = [fold.test_cells for fold in iter_folds(dataset, TASK, CONFIG)]
    assert set(np.concatenate(tested)) == set(range(3, 100))


def test_samples_may_be_numbers():
    dataset, _ = with_samples(donors(IS_RARE, [10, 10], [40, 40]) == "d1")
    assert plan_of(dataset, TASK, CONFIG).samples == ("False", "True")


@pytest.mark.parametrize("rare", [[20, 0], [19, 1]], ids=["all", "all but one"])
def test_rare_cells_of_a_single_sample_are_refused(rare):
    dataset, _ = with_samples(donors(IS_RARE, rare, [40, 40]))
    with pytest.raises(ParameterError, match=f"{rare[0]} of 20 rare cells are in 'd0'") as caught:
        plan_of(dataset, TASK, CONFIG)
    assert caught.value.code == "E-SAMPLES-FEW"
    assert caught.value.next_step


def test_other_cells_of_a_single_sample_are_refused():
    dataset, _ = with_samples(donors(IS_RARE, [10, 10], [80, 0]))
    with pytest.raises(ParameterError, match="80 of 80 other cells are in 'd0'") as caught:
        next(iter_folds(dataset, TASK, CONFIG))
    assert caught.value.code == "E-SAMPLES-FEW"


@pytest.mark.parametrize(
    ("column", "words"),
    [("nowhere", "Got 'nowhere'"), ("one", "which has 1"), ("barcode", "which has 1,000")],
)
def test_a_column_that_is_none_of_samples_is_refused(column, words):
    values, names = haystack(20, 980, n_genes=12)
    many = [f"c{i}" for i in range(1000)]
    dataset = keep(values, names, one=["same"] * 1000, barcode=many)
    with pytest.raises(ParameterError, match=words) as caught:
        plan_of(dataset, TASK, small_config(sample=column))
    assert caught.value.code == "E-SAMPLE-COLUMN"


def test_too_few_rare_cells_stay_without_a_score_whatever_the_samples():
    assert plan_folds(4, 80, CONFIG, per_sample={"a": (2, 40), "b": (2, 40)}).scheme == "none"


def test_the_most_rare_cells_of_a_test_part_are_those_of_the_fullest_fold():
    for n_rare in (10, 11, 14, 15, 23):
        plan = plan_folds(n_rare, 100, TrainingConfig(n_splits=5))
        cells = scored_cells(*_numbered(n_rare))
        counts = [cells.is_rare[split.test].sum() for split in iter_splits(cells, plan, 0)]
        assert max(counts) == plan.most_tested


def _numbered(n_rare):
    values, names = haystack(n_rare, 100)
    return keep(values, names), TASK, TrainingConfig()
