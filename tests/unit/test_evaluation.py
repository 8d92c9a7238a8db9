"""Folds: which ones, that nothing of a test fold reaches the training, and that they repeat."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

import core
from core import evaluation
from core.config import TrainingConfig
from core.errors import DataError, ParameterError
from core.evaluation import fold_keys, iter_folds, score_calls
from core.folds import plan_folds
from core.markers import find_markers, rank_markers
from core.oversampling import LoRAS
from tests.cells import METHODS, TASK, demo_folds, haystack, keep, labels, noise, small_config


def split(names, config):
    """The (train, test) rows that scikit-learn gives for these labels and settings."""
    folds = RepeatedStratifiedKFold(
        n_splits=config.n_splits, n_repeats=config.n_repeats, random_state=config.seed
    )
    return list(folds.split(np.zeros(len(names)), names == "needle"))


def first_fold(values, names, config):
    """Results of all methods on fold 0, by method."""
    results = {}
    for fold in iter_folds(keep(values, names), TASK, config):
        if (fold.repeat, fold.fold) != (0, 0):
            break
        results[fold.method] = fold
    assert set(results) == set(METHODS)
    return results


# Nothing of a test fold touches the training ----------------------------------------------------


def test_a_gene_that_equals_the_label_in_the_test_fold_alone_is_neither_chosen_nor_of_use():
    config = small_config(n_splits=2, markers=5, min_logfc=0.5)
    values, names = haystack(20, 80, n_genes=30)
    values[:, -1] = 0.5
    test = split(names, config)[0][1]
    planted = values.copy()
    planted[test, -1] = np.where(names[test] == "needle", 8.5, 0.5)
    all_cells = find_markers(keep(planted, names), TASK, n=5)
    assert "G29" in all_cells["gene"].to_list()  # whoever looks at all cells falls for it

    honest, tempted = first_fold(values, names, config), first_fold(planted, names, config)
    for method in METHODS:
        assert "G29" not in tempted[method].markers
        np.testing.assert_array_equal(tempted[method].scores, honest[method].scores)


@pytest.mark.parametrize("kind", ["needle", "hay"])
def test_garbage_in_a_test_cell_changes_no_marker_and_no_score_but_its_own(kind):
    config = small_config()
    values, names = haystack(20, 80, n_genes=30)
    test = split(names, config)[0][1]
    cell = test[names[test] == kind][0]
    garbage = values.copy()
    garbage[cell] = np.random.default_rng(3).uniform(2, 13.5, size=30)

    clean, dirty = first_fold(values, names, config), first_fold(garbage, names, config)
    for method in METHODS:
        before, after = clean[method], dirty[method]
        others = before.test_cells != cell
        assert after.markers == before.markers
        np.testing.assert_array_equal(after.test_cells, before.test_cells)
        np.testing.assert_array_equal(after.scores[others], before.scores[others])
    # The garbage was looked at: a logistic regression cannot give it the score it had.
    changed = dirty["none+lr"].scores != clean["none+lr"].scores
    np.testing.assert_array_equal(dirty["none+lr"].test_cells[changed], [cell])


def test_labels_of_test_cells_change_no_marker_and_no_score():
    config = small_config()
    values, names = haystack(40, 80, n_genes=30)
    test = set(split(names, config)[0][1])
    # Two neighbouring rows of one test fold: swapping their labels leaves every fold as it is.
    pair = next(
        [i, i + 1]
        for i in range(2, len(names) - 1)
        if {i, i + 1} <= test and names[i] != names[i + 1]
    )
    swapped = names.copy()
    swapped[pair] = names[pair[::-1]]

    before, after = first_fold(values, names, config), first_fold(values, swapped, config)
    for method in METHODS:
        np.testing.assert_array_equal(after[method].test_cells, before[method].test_cells)
        assert after[method].markers == before[method].markers
        np.testing.assert_array_equal(after[method].scores, before[method].scores)
        truth_changed = after[method].test_is_rare != before[method].test_is_rare
        assert sorted(after[method].test_cells[truth_changed]) == pair


@pytest.fixture(scope="module")
def pure_noise():
    """2,000 genes that know nothing of the 20 "rare" cells among 400."""
    return keep(noise(400, 2000), labels(20, 380))


def average_precision(dataset, config):
    """Over all test cells, per method."""
    table = core.summarise(iter_folds(dataset, TASK, config)).table
    return table["average_precision_mean"]


def test_noise_scores_no_better_than_the_prevalence(pure_noise):
    found = average_precision(pure_noise, small_config(markers=50, n_splits=5))
    assert found.between(0.02, 0.12).all(), found  # prevalence 0.05


def test_markers_chosen_on_all_cells_beforehand_would_make_noise_look_good(pure_noise):
    chosen = tuple(find_markers(pure_noise, TASK, n=50)["gene"])
    found = average_precision(pure_noise, small_config(markers=50, n_splits=5, genes=chosen))
    assert (found > 0.15).all(), found
    assert (found[["none+lr", "loras+lr"]] > 0.6).all(), found


@pytest.mark.parametrize("method", METHODS)
def test_a_fold_is_the_same_as_one_by_hand(method):
    config = small_config(n_repeats=2, seed=4)
    values, names = haystack(20, 80, n_genes=30)
    dataset = keep(values, names)
    number = 4  # fold 1 of repeat 1
    train, test = split(names, config)[number]
    is_rare = names == "needle"
    markers = rank_markers(
        dataset.matrix()[train], dataset.genes, is_rare[train], config.marker_config()
    )["gene"]
    columns = dataset.genes.get_indexer(markers)
    scaler = StandardScaler().fit(values[train][:, columns])
    cells, truth = scaler.transform(values[train][:, columns]), is_rare[train]
    sampler, name = method.split("+")
    seeds = np.random.SeedSequence((4, 1, 1)).generate_state(2)
    if sampler == "loras":
        cells, truth = LoRAS(random_state=int(seeds[0])).fit_resample(cells, truth)
    classifier = (
        KNeighborsClassifier(30, algorithm="brute")
        if name == "knn"
        else LogisticRegression(C=1.0, max_iter=5000)
    )
    classifier.fit(cells, truth)
    expected = classifier.predict_proba(scaler.transform(values[test][:, columns]))[:, 1]

    results = [f for f in iter_folds(dataset, TASK, config) if (f.repeat, f.fold) == (1, 1)]
    (fold,) = [f for f in results if f.method == method]
    assert fold.markers == tuple(markers)
    np.testing.assert_array_equal(fold.test_cells, test)
    # float32: the last digit depends on the order of the cells in memory, and on the processor
    np.testing.assert_allclose(fold.scores, expected, rtol=1e-5)
    np.testing.assert_array_equal(fold.test_is_rare, is_rare[test])
    assert (fold.n_train_rare, fold.n_test_rare) == (is_rare[train].sum(), is_rare[test].sum())
    assert fold.n_synthetic == len(truth) - len(train)


# Which folds ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def partly_labelled():
    values, names = haystack(21, 60)
    names[::9] = None
    config = small_config(n_splits=4, n_repeats=2)
    return names, list(iter_folds(keep(values, names), TASK, config))


def test_every_labelled_cell_is_tested_once_per_repeat_and_no_other(partly_labelled):
    names, folds = partly_labelled
    labelled = np.flatnonzero(pd.notna(names))
    for method in METHODS:
        for repeat in (0, 1):
            mine = [f for f in folds if f.method == method and f.repeat == repeat]
            assert [f.fold for f in mine] == [0, 1, 2, 3]
            tested = np.sort(np.concatenate([f.test_cells for f in mine]))
            np.testing.assert_array_equal(tested, labelled)


def test_the_truth_of_a_test_cell_is_its_own_label(partly_labelled):
    names, folds = partly_labelled
    for fold in folds:
        np.testing.assert_array_equal(fold.test_is_rare, names[fold.test_cells] == "needle")


def test_all_methods_see_the_same_folds_and_markers(partly_labelled):
    _, folds = partly_labelled
    for start in range(0, len(folds), len(METHODS)):
        group = folds[start : start + len(METHODS)]
        assert sorted(f.method for f in group) == sorted(METHODS)
        for fold in group[1:]:
            assert (fold.repeat, fold.fold) == (group[0].repeat, group[0].fold)
            assert fold.markers == group[0].markers
            np.testing.assert_array_equal(fold.test_cells, group[0].test_cells)


def test_repeats_have_different_folds(partly_labelled):
    _, folds = partly_labelled
    first, second = (next(f for f in folds if f.repeat == repeat) for repeat in (0, 1))
    assert set(first.test_cells) != set(second.test_cells)


def test_unlabelled_cells_do_not_matter(partly_labelled):
    names, folds = partly_labelled
    values, _ = haystack(21, 60)
    values[pd.isna(names)] = 13.5
    again = list(iter_folds(keep(values, names), TASK, folds[0].config))
    for before, after in zip(folds, again, strict=True):
        np.testing.assert_array_equal(after.scores, before.scores)


def expected_scheme(n_rare):
    return "none" if n_rare < 5 else "leave-one-rare-cell-out" if n_rare < 10 else "k-fold"


@pytest.mark.parametrize("n_splits", [2, 5, 20])
@pytest.mark.parametrize("n_rare", range(1, 31))
def test_the_number_of_rare_cells_decides_the_folds(n_rare, n_splits):
    plan = plan_folds(n_rare, 1000, TrainingConfig(n_splits=n_splits, n_repeats=3))
    assert plan.scheme == expected_scheme(n_rare)
    expected = {
        "none": 0,
        "leave-one-rare-cell-out": n_rare,
        "k-fold": min(n_splits, n_rare),
    }[plan.scheme]
    assert (plan.n_splits, plan.n_repeats) == (expected, 3 if expected else 0)
    assert plan.n_folds == 3 * expected
    assert plan.n_rare == n_rare
    assert bool(plan.reason) == (plan.scheme != "k-fold" or n_splits > n_rare)


@pytest.mark.parametrize(
    ("n_rare", "n_other", "scheme", "n_splits", "reason"),
    [
        (3, 100, "none", 0, "only 3 rare cells"),
        (100, 4, "none", 0, "only 4 other cells"),
        (6, 5, "k-fold", 5, ""),
        (9, 7, "k-fold", 7, "7 folds: there cannot be more"),
        (9, 9, "leave-one-rare-cell-out", 9, "With 9 rare cells every fold leaves out one"),
        (50, 6, "k-fold", 6, "6 folds: there cannot be more"),
        (50, 12, "k-fold", 9, ""),
    ],
)
def test_the_smaller_side_limits_the_folds(n_rare, n_other, scheme, n_splits, reason):
    wanted = 5 if n_other == 5 else 9
    plan = plan_folds(n_rare, n_other, TrainingConfig(n_splits=wanted))
    assert (plan.scheme, plan.n_splits) == (scheme, n_splits)
    assert reason in plan.reason
    assert bool(reason) == bool(plan.reason)


@pytest.mark.parametrize("n_rare", [5, 7, 9])
def test_from_5_to_9_rare_cells_each_fold_tests_exactly_one(n_rare):
    config = small_config(samplers=("loras",), classifiers=("lr",))
    folds = list(iter_folds(keep(*haystack(n_rare, 40)), TASK, config))
    assert [f.n_test_rare for f in folds] == [1] * n_rare
    assert {f.n_train_rare for f in folds} == {n_rare - 1}
    tested = np.concatenate([f.test_cells[f.test_is_rare] for f in folds])
    assert len(set(tested)) == n_rare


@pytest.mark.parametrize("n_rare", [2, 3, 4])
def test_2_to_4_rare_cells_are_given_no_scores(n_rare):
    with pytest.raises(ParameterError, match=f"only {n_rare} rare cells.*luck") as caught:
        next(iter_folds(keep(*haystack(n_rare, 40)), TASK, small_config()))
    assert caught.value.code == "E-TOO-FEW-FOR-SCORES"


@pytest.mark.parametrize(
    ("task", "error", "code"),
    [
        (core.RareTask("type", "nail"), ParameterError, "E-RARE-UNKNOWN"),
        (core.RareTask("colour", "needle"), DataError, "E-LABEL-COLUMN"),
    ],
    ids=["type", "column"],
)
def test_a_task_that_does_not_fit_the_dataset_is_refused(task, error, code):
    with pytest.raises(error) as caught:
        next(iter_folds(keep(*haystack(10, 20)), task, small_config()))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"classifiers": ("knn", "?")}, "E-CLASSIFIER"), ({"samplers": ("none", "?")}, "E-SAMPLER")],
    ids=["classifier", "sampler"],
)
def test_unknown_names_are_refused_before_the_first_result(settings, code):
    with pytest.raises(ParameterError, match="must be") as caught:
        next(iter_folds(keep(*haystack(10, 20)), TASK, small_config(**settings)))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("n_rare", "n_splits", "n_train_rare"), [(20, 3, 13), (21, 3, 14), (10, 5, 8), (7, 2, 6)]
)
def test_too_many_neighbours_for_the_smallest_training_part_are_refused_at_once(
    n_rare, n_splits, n_train_rare
):
    dataset = keep(*haystack(n_rare, 40))
    fits, not_any_more = (
        small_config(n_splits=n_splits, loras=core.LorasConfig(n_neighbors=n))
        for n in (n_train_rare, n_train_rare + 1)
    )
    folds = list(iter_folds(dataset, TASK, fits))
    assert min(fold.n_train_rare for fold in folds) == n_train_rare
    sentence = f"in the smallest training part.*Got {n_train_rare + 1} for {n_train_rare} cells"
    with pytest.raises(ParameterError, match=sentence) as caught:
        next(iter_folds(dataset, TASK, not_any_more))
    assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize(
    ("n_rare", "samplers"), [(20, ("none",)), (60, ("none", "loras"))], ids=["none", "majority"]
)
def test_settings_of_loras_do_not_matter_where_it_is_not_used(n_rare, samplers):
    config = small_config(samplers=samplers, loras=core.LorasConfig(n_neighbors=50))
    assert next(iter_folds(keep(*haystack(n_rare, 40)), TASK, config)).n_synthetic == 0


# The same again ---------------------------------------------------------------------------------


def results(dataset, config, **more):
    folds = iter_folds(dataset, TASK, config, **more)
    return [
        {f.name: getattr(fold, f.name) for f in fields(fold) if f.name != "seconds"}
        for fold in folds
    ]


def test_the_same_seed_gives_the_same_results_to_the_last_bit():
    dataset, config = keep(*haystack(15, 60, n_genes=30)), small_config(seed=3)
    for first, second in zip(results(dataset, config), results(dataset, config), strict=True):
        for name, value in first.items():
            np.testing.assert_array_equal(second[name], value, err_msg=name)


def test_another_seed_gives_other_folds_and_other_synthetic_cells():
    dataset, config = keep(*haystack(15, 60, n_genes=30)), small_config(seed=3)
    first, second = (results(dataset, c) for c in (config, replace(config, seed=4)))
    assert not np.array_equal(first[0]["test_cells"], second[0]["test_cells"])


# Some results are there already ------------------------------------------------------------------


@pytest.fixture(scope="module")
def uninterrupted():
    """A dataset, a configuration and all its results."""
    dataset = keep(*haystack(15, 60, n_genes=30))
    config = small_config(seed=3, n_splits=2, n_repeats=2)
    return dataset, config, results(dataset, config)


N_RESULTS = 2 * 2 * 4  # folds, repeats, methods


def key_of(result):
    return result["repeat"], result["fold"], result["method"]


def test_keys_are_told_in_the_order_of_the_results(uninterrupted):
    _, config, everything = uninterrupted
    keys = fold_keys(plan_folds(15, 60, config), config)
    assert keys == [key_of(result) for result in everything]
    assert len(set(keys)) == N_RESULTS


@pytest.mark.parametrize("n_done", range(N_RESULTS + 1))
def test_what_is_done_is_left_out_and_the_rest_is_the_same_to_the_last_bit(uninterrupted, n_done):
    dataset, config, everything = uninterrupted
    done = [key_of(result) for result in everything[:n_done]]
    rest = results(dataset, config, done=done)
    assert_equal_results(rest, everything[n_done:])


@pytest.mark.parametrize("seed", range(5))
def test_any_results_may_be_missing(uninterrupted, seed):
    dataset, config, everything = uninterrupted
    missing = np.random.default_rng(seed).random(N_RESULTS) < 0.3
    done = {key_of(r) for r, is_missing in zip(everything, missing, strict=True) if not is_missing}
    expected = [r for r, is_missing in zip(everything, missing, strict=True) if is_missing]
    assert_equal_results(results(dataset, config, done=done), expected)


def test_for_a_fold_that_is_wholly_done_nothing_is_computed(uninterrupted, monkeypatch):
    dataset, config, everything = uninterrupted
    ranked = []

    def rank(matrix, *others):
        ranked.append(matrix.shape)
        return rank_markers(matrix, *others)

    monkeypatch.setattr(evaluation, "rank_markers", rank)
    done = [key_of(r) for r in everything if (r["repeat"], r["fold"]) != (1, 0)]
    assert {r["method"] for r in results(dataset, config, done=done)} == {
        r["method"] for r in everything
    }
    assert len(ranked) == 1


@pytest.mark.parametrize(
    "key",
    [(2, 0, "none+knn"), (0, 2, "none+knn"), (0, 0, "adasyn+knn"), (0, 0)],
    ids=["repeat", "fold", "method", "no method"],
)
def test_a_result_that_there_cannot_be_is_refused(uninterrupted, key):
    dataset, config, _ = uninterrupted
    with pytest.raises(ParameterError, match="`done` must name results of this") as caught:
        results(dataset, config, done=[(0, 0, "none+knn"), key])
    assert caught.value.code == "E-PARAMETER"


def assert_equal_results(found, expected):
    assert [key_of(r) for r in found] == [key_of(r) for r in expected]
    for one, other in zip(found, expected, strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name], err_msg=name)


# Scores -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_counts_and_scores_of_a_fold_agree_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    is_rare, scores = rng.random(200) < 0.2, np.round(rng.random(200), 1)
    found = score_calls(is_rare, scores)
    tn, fp, fn, tp = confusion_matrix(is_rare, scores >= 0.5).ravel()
    assert (found["tp"], found["fp"], found["fn"], found["tn"]) == (tp, fp, fn, tn)
    called = scores >= 0.5
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(is_rare, called))
    assert found["average_precision"] == pytest.approx(average_precision_score(is_rare, scores))


def test_a_score_of_exactly_one_half_is_a_call():
    found = score_calls(np.array([True, False]), np.array([0.5, 0.5 - 1e-12]))
    assert (found["tp"], found["tn"]) == (1, 1)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((3, 1, 2), (0.75, 0.6, 2 / 3)), ((0, 0, 4), (0.0, 0.0, 0.0)), ((0, 3, 0), (0.0, 0.0, 0.0))],
    ids=["some", "nothing called", "nothing rare"],
)
def test_precision_recall_and_f1_follow_from_the_counts(counts, expected):
    tp, fp, fn = counts
    fold = replace(demo_folds()[0], tp=tp, fp=fp, fn=fn)
    assert (fold.precision, fold.recall, fold.f1) == pytest.approx(expected)


def test_when_the_rare_type_is_the_majority_nothing_is_oversampled():
    folds = iter_folds(keep(*haystack(60, 30)), TASK, small_config(samplers=("none", "loras")))
    by_name = {(f.fold, f.method): f for f in folds}
    assert {f.n_synthetic for f in by_name.values()} == {0}
    for (fold, method), result in by_name.items():
        plain = by_name[fold, method.replace("loras", "none")]
        np.testing.assert_array_equal(result.scores, plain.scores)


# The demo ---------------------------------------------------------------------------------------


def found_on_the_demo(method):
    """Rare cells found, rare cells in all, false calls, over five repeats."""
    mine = [f for f in demo_folds() if f.method == method]
    tp, fp, fn = (sum(getattr(f, name) for f in mine) for name in ("tp", "fp", "fn"))
    return tp, tp + fn, fp


def test_on_the_demo_plain_knn_finds_none_of_50_rare_cells():
    assert found_on_the_demo("none+knn") == (0, 50, 0)


def test_on_the_demo_loras_lets_knn_find_at_least_45_of_50_with_few_false_calls():
    found, rare, wrong = found_on_the_demo("loras+knn")
    assert rare == 50
    assert found >= 45
    assert wrong <= 5  # among 2,575 other cells


def test_a_result_carries_what_made_it():
    fold = demo_folds()[0]
    assert fold.task == core.RareTask("bulk_labels", "CD34+")
    assert fold.config == core.TrainingConfig(markers=20)
    assert fold.seconds > 0
