"""What a search may vary: each different setting once, and only what fits the cells."""

import itertools
import json
from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest

import core
from core.classifiers import CLASSIFIERS
from core.config import config_from_dict, config_to_dict
from core.errors import ParameterError
from core.oversampling import SAMPLERS
from core.search import SearchConfig, SearchSpace, count_settings, list_settings, plan_search
from core.search.settings import CLASSIFIER_FIELDS, SAMPLER_FIELDS
from tests.cells import TASK, haystack, keep

EMPTY = {field.name: () for field in fields(SearchSpace)}
# For every parameter two candidates that are not the default.
ALL = SearchSpace(
    markers=(5, 8), marker_test=("t-test", "logreg"), samplers=tuple(SAMPLERS),
    classifiers=tuple(CLASSIFIERS), target_ratio=(0.3, 0.6), smote_neighbors=(2, 3),
    loras_n_neighbors=(2, 4), loras_n_affine=(3, 4), loras_noise_scale=(0.1, 0.2),
    loras_neighbour_space=("pca", "features"), knn_neighbors=(3, 7), lr_c=(0.5, 2.0),
    svm_c=(0.5, 2.0), forest_trees=(11, 12), boosting_learning_rate=(0.2, 0.3), mlp_units=(4, 5),
)  # fmt: skip


def space(**candidates):
    return SearchSpace(**EMPTY | {"samplers": ("none",), "classifiers": ("lr",)} | candidates)


def grid(**candidates):
    return SearchConfig(space=space(**candidates), strategy="grid")


def texts(config):
    return [f"{s.method} {json.dumps(s.varied, sort_keys=True)}" for s in list_settings(config)]


# Settings ---------------------------------------------------------------------------------------


def test_every_registered_method_says_which_candidates_matter_for_it():
    assert set(SAMPLER_FIELDS) == set(SAMPLERS)
    assert set(CLASSIFIER_FIELDS) == set(CLASSIFIERS)


def test_every_parameter_of_the_space_matters_for_some_method():
    named = set(itertools.chain(*SAMPLER_FIELDS.values(), *CLASSIFIER_FIELDS.values()))
    others = {"markers", "marker_test", "samplers", "classifiers", "loras_neighbour_space"}
    assert named | others == {field.name for field in fields(SearchSpace)}


def test_a_grid_has_every_different_setting_exactly_once():
    config = SearchConfig(
        space=replace(ALL, samplers=("none", "smote", "loras"), classifiers=("lr", "knn")),
        strategy="grid",
    )
    found = texts(config)
    # Markers 2 x test 2, times what matters for the sampler, times what does for the classifier;
    # LoRAS comes in two spaces.
    assert len(found) == 4 * (1 + 2 * 2 + 2 * 2 * 2 * 2 * 2) * (2 + 2)
    assert len(set(found)) == len(found) == count_settings(config)


def test_what_does_not_matter_for_a_method_keeps_the_base_value():
    base = core.TrainingConfig(knn_neighbors=17, smote_neighbors=6, target_ratio=0.9)
    config = SearchConfig(space=ALL, strategy="random", n_settings=400, base=base)
    for setting in list_settings(config):
        method, found = setting.method, setting.config
        assert (found.samplers, found.classifiers) == ((method.sampler,), (method.classifier,))
        assert (found.knn_neighbors == 17) == (method.classifier != "knn")
        assert (found.target_ratio == 0.9) == (method.sampler == "none")
        assert (found.smote_neighbors == 6) == ("smote_neighbors" not in setting.varied)
        assert (found.loras.n_affine is None) == (not method.sampler.startswith("loras"))
        assert (found.classifier.svm_c == 1.0) == (method.classifier != "svm")


@pytest.mark.parametrize(
    "name", [name for name in EMPTY if name not in ("samplers", "classifiers")]
)
def test_every_candidate_reaches_the_configuration(name):
    config = SearchConfig(space=replace(ALL, loras_neighbour_space=()), strategy="random",
                          n_settings=500)  # fmt: skip
    if name == "loras_neighbour_space":
        in_spaces = grid(samplers=("loras",), loras_neighbour_space=("pca", "features"))
        found = {s.method.sampler for s in list_settings(in_spaces)}
        assert found == {"loras", "loras-pca"}
        return
    for setting in list_settings(config):
        if name in setting.varied:
            made = config_to_dict(setting.config)
            flat = made | made["classifier"] | {f"loras_{k}": v for k, v in made["loras"].items()}
            assert flat[name] == setting.varied[name]


def test_loras_in_another_space_is_the_same_setting_as_its_own_sampler():
    both = grid(samplers=("loras", "loras-pca"), loras_neighbour_space=("pca", "features"))
    assert [str(s.method) for s in list_settings(both)] == ["loras-pca+lr", "loras+lr"]
    base = core.TrainingConfig(loras=core.LorasConfig(neighbour_space="pca"))
    found = list_settings(replace(grid(samplers=("loras",)), base=base))
    assert [str(s.method) for s in found] == ["loras-pca+lr"]


def test_the_users_own_genes_leave_nothing_to_vary_in_the_markers():
    base = core.TrainingConfig(genes=("G1", "G2"))
    config = replace(grid(markers=(5, 10), marker_test=("t-test", "wilcoxon")), base=base)
    assert len(list_settings(config)) == 1


def test_without_candidates_the_methods_are_those_of_the_base():
    config = SearchConfig(space=SearchSpace(**EMPTY), strategy="grid")
    assert [str(s.method) for s in list_settings(config)] == [
        "none+knn", "none+lr", "loras+knn", "loras+lr",
    ]  # fmt: skip


def test_a_search_never_chooses_markers_on_the_cells_it_is_tested_on():
    config = replace(grid(markers=(5,)), base=core.TrainingConfig(markers_from="all"))
    assert [s.config.markers_from for s in list_settings(config)] == ["training"]


# Drawing at random ------------------------------------------------------------------------------


def drawn(n, seed=0, **candidates):
    return SearchConfig(space=space(**candidates), strategy="random", n_settings=n, seed=seed)


def test_a_random_search_draws_settings_of_the_grid_without_repeats():
    many = {"samplers": ("none", "loras"), "markers": tuple(range(2, 30)), "lr_c": (0.1, 1.0)}
    found = texts(drawn(40, **many))
    assert len(found) == len(set(found)) == 40
    assert set(found) <= set(texts(grid(**many)))


def test_a_random_search_tries_all_methods_equally_often_while_they_have_settings():
    config = drawn(
        30, samplers=("none", "smote", "loras"), target_ratio=tuple(np.arange(1, 20) / 20)
    )
    counts = Counter(str(s.method) for s in list_settings(config))
    # Without oversampling there is but one setting; the others share the rest.
    assert counts == {"none+lr": 1, "smote+lr": 15 - 1, "loras+lr": 15} or counts == {
        "none+lr": 1, "smote+lr": 15, "loras+lr": 15 - 1,
    }  # fmt: skip


def test_a_random_search_that_asks_for_more_than_there_is_tries_everything():
    many = {"markers": (5, 10), "samplers": ("none", "smote")}
    assert sorted(texts(drawn(99, **many))) == sorted(texts(grid(**many)))


def test_the_seed_decides_which_settings_are_drawn():
    many = {"markers": tuple(range(2, 400))}
    assert texts(drawn(20, **many)) == texts(drawn(20, **many))
    assert texts(drawn(20, **many)) != texts(drawn(20, seed=1, **many))


def test_an_enormous_space_is_drawn_from_without_listing_it():
    many = tuple(range(2, 2000))
    config = drawn(7, markers=many, lr_c=tuple(x / 10 for x in many), samplers=("loras",),
                   loras_n_affine=many, loras_n_neighbors=many)  # fmt: skip
    assert len(list_settings(config)) == 7


# Refusals ---------------------------------------------------------------------------------------


def test_a_grid_of_more_than_5000_settings_is_refused_with_a_way_out():
    config = grid(markers=tuple(range(2, 2000)), lr_c=(0.1, 1.0, 10.0))
    with pytest.raises(ParameterError, match=r"at most 5,000 settings. Got 5,994\.") as caught:
        list_settings(config)
    assert caught.value.code == "E-SEARCH-LARGE"
    assert "random" in caught.value.next_step


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("markers", (1,), "`markers` must be a whole number from 2"),
        ("marker_test", ("anova",), "`marker_test` must be one of"),
        ("target_ratio", (0.01,), "`target_ratio` must be a number from 0.05 to 1"),
        ("smote_neighbors", (0,), "`smote_neighbors` must be a whole number"),
        ("loras_n_neighbors", (0,), "`loras_n_neighbors` must be whole numbers of 1 or more"),
        ("loras_n_affine", (1,), "`loras_n_affine` must be whole numbers of 2 or more"),
        ("loras_noise_scale", (float("nan"),), "`loras_noise_scale` must be finite numbers"),
        ("loras_neighbour_space", ("umap",), "`loras_neighbour_space` must be some of features"),
        ("knn_neighbors", (True,), "`knn_neighbors` must be a whole number"),
        ("lr_c", (0,), "`lr_c` must be a number"),
        ("forest_trees", (3,), "`forest_trees` must be a whole number"),
        ("samplers", ("",), "`samplers` must be names"),
        ("lr_c", 1.0, "`lr_c` must be a list or tuple of candidates"),
        ("classifiers", "lr", "`classifiers` must be a list or tuple of candidates"),
    ],
)
def test_a_candidate_that_no_setting_can_have_is_refused_by_name(name, value, message):
    with pytest.raises(ParameterError, match=message):
        SearchSpace(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("strategy", "bayes"), ("objective", "accuracy"), ("n_settings", 0), ("n_settings", 5001),
     ("n_splits", 2), ("n_splits", 11), ("seed", -1)],
)  # fmt: skip
def test_a_search_that_cannot_be_is_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"`{name}` must be"):
        SearchConfig(**{name: value})


@pytest.mark.parametrize(
    ("candidates", "code"),
    [
        ({"samplers": ("loras", "magic")}, "E-SAMPLER"),
        ({"classifiers": ("oracle",)}, "E-CLASSIFIER"),
    ],
)  # fmt: skip
def test_an_unknown_method_is_refused(candidates, code):
    with pytest.raises(ParameterError, match="must be chosen from") as caught:
        list_settings(grid(**candidates))
    assert caught.value.code == code


def test_a_configuration_survives_json():
    config = SearchConfig(space=ALL, strategy="halving", base=core.TrainingConfig(genes=("a", "b")))
    again = json.loads(json.dumps(config_to_dict(config)))
    assert config_from_dict(SearchConfig, again) == config


# What the cells allow ---------------------------------------------------------------------------


def test_settings_that_need_more_rare_cells_than_a_part_has_are_left_out_and_counted():
    dataset = keep(*haystack(10, 50))
    # Five folds: an inner model is trained on 6 rare cells.
    config = grid(samplers=("none", "loras"), loras_n_neighbors=(3, 6, 7, 9))
    plan = plan_search(dataset, TASK, config)
    assert [s.varied.get("loras_n_neighbors") for s in plan.settings] == [None, 3, 6]
    assert sum(plan.left_out.values()) == 2
    assert all("at most the number of rare cells" in reason for reason in plan.left_out)


def test_neighbours_that_are_never_looked_for_are_no_obstacle():
    dataset = keep(*haystack(20, 30))
    config = grid(samplers=("loras",), loras_n_neighbors=(99,), target_ratio=(0.05,))
    assert len(plan_search(dataset, TASK, config).settings) == 1


def test_a_search_without_a_possible_setting_is_refused():
    config = grid(samplers=("loras-tsne",), loras_n_affine=(5, 6))
    with pytest.raises(ParameterError, match="None of the 2 settings is possible") as caught:
        plan_search(keep(*haystack(10, 50)), TASK, config)
    assert caught.value.code == "E-SEARCH-EMPTY"


@pytest.mark.parametrize(("n_rare", "folds"), [(5, 5), (6, 5), (9, 5), (30, 5)])
def test_there_are_never_more_folds_than_rare_cells(n_rare, folds):
    plan = plan_search(keep(*haystack(n_rare, 60)), TASK, grid())
    assert plan.n_splits == folds
    tested = [int(plan.cells.is_rare[plan.tested(fold)].sum()) for fold in range(folds)]
    assert sum(tested) == n_rare
    assert min(tested) >= 1
    plan = plan_search(keep(*haystack(5, 60)), TASK, replace(grid(), n_splits=8))
    assert plan.n_splits == 5


def test_any_two_folds_leave_two_rare_cells_to_learn_from():
    for n_rare, n_splits, folds in [(5, 3, 4), (5, 4, 4), (6, 3, 3), (7, 3, 3)]:
        config = replace(grid(), n_splits=n_splits)
        plan = plan_search(keep(*haystack(n_rare, 60)), TASK, config)
        assert plan.n_splits == folds
        assert min(plan.cells.is_rare[plan.trained(part, 0)].sum() for part in plan.parts) >= 2


def test_below_five_rare_cells_nothing_is_searched():
    with pytest.raises(ParameterError, match="only 4 rare cells") as caught:
        plan_search(keep(*haystack(4, 60)), TASK, grid())
    assert caught.value.code == "E-TOO-FEW-FOR-SCORES"


def by_sample(n_samples, n_rare=12, n_other=60):
    """Return a dataset whose cells come from as many samples, in turn."""
    values, names = haystack(n_rare, n_other)
    samples = np.empty(len(names), dtype=object)
    for kind in ("needle", "hay"):
        of_kind = np.flatnonzero(names == kind)
        samples[of_kind] = [f"donor {i % n_samples}" for i in range(len(of_kind))]
    return keep(values, names, donor=samples), samples


SAMPLES = replace(grid(), base=core.TrainingConfig(sample="donor"))


@pytest.mark.parametrize(("n_samples", "folds"), [(3, 3), (4, 4), (11, 5)])
def test_with_a_sample_column_no_sample_is_in_two_folds(n_samples, folds):
    dataset, samples = by_sample(n_samples)
    plan = plan_search(dataset, TASK, SAMPLES)
    assert plan.n_splits == folds == len(set(plan.fold_of.tolist()))
    homes = {name: set(plan.fold_of[samples == name].tolist()) for name in set(samples)}
    assert all(len(home) == 1 for home in homes.values())


def test_two_samples_are_too_few_to_leave_out_two():
    with pytest.raises(ParameterError, match="at least 3 samples") as caught:
        plan_search(by_sample(2)[0], TASK, SAMPLES)
    assert caught.value.code == "E-SEARCH-SAMPLES"
    assert f"The column '{SAMPLES.base.sample}' has 2 samples" in caught.value.message
    # That is where the column is chosen: the form of a search has no such field.
    assert "On the page Train, choose another column for `sample`" in caught.value.next_step


def test_samples_of_which_two_hold_all_rare_cells_are_refused():
    values, names = haystack(12, 60)
    donors = np.array([f"donor {i % 4}" for i in range(72)], dtype=object)
    donors[names == "needle"] = ["donor 0", "donor 1"] * 6
    with pytest.raises(ParameterError, match="at least 2 rare and 2 other cells") as caught:
        plan_search(keep(values, names, donor=donors), TASK, SAMPLES)
    assert caught.value.code == "E-SEARCH-SAMPLES"
    assert f"The column '{SAMPLES.base.sample}' is not like that" in caught.value.message
