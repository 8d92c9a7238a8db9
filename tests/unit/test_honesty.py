"""What nobody can know is not scored as if it were known: noise, a planted leak, and the switch."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import RepeatedStratifiedKFold

import core
from core.evaluation import iter_folds
from core.markers import find_markers
from tests.cells import TASK, haystack, keep, labels, noise, small_config

N_RARE, N_OTHER = 20, 380
PREVALENCE = N_RARE / (N_RARE + N_OTHER)


@pytest.fixture(scope="module")
def pure_noise():
    """20,000 genes that know nothing of the 20 "rare" cells among 400."""
    return keep(noise(N_RARE + N_OTHER, 20_000), labels(N_RARE, N_OTHER))


@pytest.fixture(scope="module")
def of_noise(pure_noise):
    """Summaries of the honest cross-validation and of the one with markers from all cells."""
    config = small_config(
        markers=50, n_splits=5, classifiers=("lr", "knn"), samplers=("none", "weights", "loras")
    )
    return {
        scope: core.summarise(iter_folds(pure_noise, TASK, replace(config, markers_from=scope)))
        for scope in ("training", "all")
    }


def test_the_honest_average_precision_of_noise_is_the_prevalence_within_its_interval(of_noise):
    table = of_noise["training"].table
    assert len(table) == 6
    assert (table["average_precision_low"] <= PREVALENCE).all(), table["average_precision_low"]
    assert (table["average_precision_high"] >= PREVALENCE).all(), table["average_precision_high"]
    assert table["average_precision_mean"].between(0.02, 0.12).all()


def test_no_method_is_recommended_for_noise_whatever_threshold_is_chosen(of_noise):
    honest = of_noise["training"]
    assert honest.recommended is None
    assert not honest.above_chance.any()


def test_markers_from_all_cells_make_noise_look_good(of_noise):
    honest, optimistic = (of_noise[scope].table for scope in ("training", "all"))
    linear = ["none+lr", "weights+lr", "loras+lr"]
    assert (optimistic.loc[linear, "average_precision_mean"] > 0.6).all()
    assert (optimistic["average_precision_low"] > honest["average_precision_mean"]).all()
    assert (optimistic.loc[linear, "f1_low"] > honest.loc[linear, "f1_high"]).all()


def test_a_gene_that_is_the_label_in_one_test_fold_raises_the_optimistic_score_alone():
    config = small_config(n_splits=3, n_repeats=1, markers=5, min_logfc=0.5, samplers=("none",))
    values, names = haystack(20, 180, n_genes=30)
    values[:, 4:] = noise(200, 26, seed=9)
    values[:, -1] = 0.5
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=config.seed)
    _, test = next(folds.split(np.zeros(200), names == "needle"))
    planted = values.copy()
    planted[test, -1] = np.where(names[test] == "needle", 9.0, 0.5)
    dataset, clean = keep(planted, names), keep(values, names)
    assert "G29" in find_markers(dataset, TASK, n=5)["gene"].to_list()

    def first_fold(cells, scope):
        found = iter_folds(cells, TASK, replace(config, markers_from=scope))
        return {fold.method: fold for fold in found if fold.fold == 0}

    honest, without = first_fold(dataset, "training"), first_fold(clean, "training")
    optimistic = first_fold(dataset, "all")
    for method, fold in honest.items():
        assert "G29" not in fold.markers
        assert "G29" in optimistic[method].markers
        np.testing.assert_array_equal(fold.scores, without[method].scores)
        assert fold.average_precision == without[method].average_precision
