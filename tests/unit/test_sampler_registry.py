"""The table of samplers: names, order, labels, what its factories build and its checks refuse."""

from dataclasses import asdict

import numpy as np
import pytest

from core.config import LorasConfig, ProwrasConfig, TrainingConfig
from core.errors import ParameterError
from core.oversampling import (
    SAMPLERS,
    LoRAS,
    ProWRAS,
    check_sampler,
    make_sampler,
    sampler_names,
)
from core.oversampling.targets import TargetRatio

LABELS = {
    "none": ("No oversampling", "no oversampling"),
    "weights": ("Class weights", "class weights"),
    "random": ("Random copies", "random copies"),
    "smote": ("SMOTE", "SMOTE"),
    "borderline1": ("Borderline-SMOTE 1", "Borderline-SMOTE 1"),
    "borderline2": ("Borderline-SMOTE 2", "Borderline-SMOTE 2"),
    "svmsmote": ("SVM-SMOTE", "SVM-SMOTE"),
    "adasyn": ("ADASYN", "ADASYN"),
    "loras": ("LoRAS", "LoRAS"),
    "loras-pca": ("LoRAS (PCA neighbours)", "LoRAS (PCA)"),
    "loras-tsne": ("LoRAS (t-SNE neighbours)", "LoRAS (t-SNE)"),
    "prowras": ("ProWRAS", "ProWRAS"),
}
DRAWING = [name for name in LABELS if name not in ("none", "weights")]
NEEDS_TWO = [name for name in DRAWING if name != "random"]


def test_samplers_stand_from_doing_nothing_to_the_most_elaborate():
    assert sampler_names() == tuple(LABELS)


def test_every_row_stands_under_its_own_name_with_its_labels():
    assert {row.name: (row.label, row.short) for row in SAMPLERS.values()} == LABELS
    assert all(row.name == name for name, row in SAMPLERS.items())


def test_no_two_samplers_have_the_same_rank():
    ranks = [row.complexity for row in SAMPLERS.values()]
    assert ranks == sorted(set(ranks))


def test_the_default_configuration_names_known_samplers():
    assert set(TrainingConfig().samplers) <= set(SAMPLERS)


def test_the_table_cannot_be_changed_by_its_users():
    with pytest.raises(TypeError, match="item assignment"):
        SAMPLERS["mine"] = SAMPLERS["loras"]


@pytest.mark.parametrize("name", ["none", "weights"])
def test_without_oversampling_no_sampler_is_built(name):
    assert make_sampler(name, TrainingConfig(), seed=0) is None


def test_only_class_weights_weigh():
    assert [name for name, row in SAMPLERS.items() if row.weighs] == ["weights"]


@pytest.mark.parametrize(
    ("name", "space"), [("loras", "features"), ("loras-pca", "pca"), ("loras-tsne", "tsne")]
)
def test_loras_is_built_with_every_setting_and_the_neighbours_of_its_row(name, space):
    settings = LorasConfig(n_neighbors=4, n_affine=7, noise_scale=0.1, weights="integers")
    sampler = make_sampler(name, TrainingConfig(loras=settings, target_ratio=0.3), seed=3)
    assert type(sampler) is LoRAS
    assert sampler.get_params() == {
        "n_neighbors": 4,
        "n_affine": 7,
        "noise_scale": 0.1,
        "weights": "integers",
        "neighbour_space": space,
        "random_state": 3,
        "sampling_strategy": TargetRatio(0.3),
    }


def test_the_plain_row_of_loras_keeps_the_neighbour_space_of_the_configuration():
    config = TrainingConfig(loras=LorasConfig(neighbour_space="tsne"))
    spaces = [make_sampler(name, config, seed=0).neighbour_space for name in ("loras", "loras-pca")]
    assert spaces == ["tsne", "pca"]


def test_prowras_is_built_with_every_setting_of_the_configuration():
    settings = ProwrasConfig(n_levels=3, n_neighbors=4, n_affine=6, theta=0.5)
    sampler = make_sampler("prowras", TrainingConfig(prowras=settings, target_ratio=0.3), seed=3)
    assert type(sampler) is ProWRAS
    expected = {"random_state": 3, "sampling_strategy": TargetRatio(0.3)} | asdict(settings)
    assert sampler.get_params() == expected


@pytest.mark.parametrize(("name", "sampler"), [("loras", LoRAS), ("prowras", ProWRAS)])
def test_configuration_and_sampler_have_the_same_defaults(name, sampler):
    made = make_sampler(name, TrainingConfig(), seed=None)
    assert made.set_params(sampling_strategy="auto").get_params() == sampler().get_params()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("smote", "k_neighbors"),
        ("borderline1", "k_neighbors"),
        ("borderline2", "k_neighbors"),
        ("svmsmote", "k_neighbors"),
        ("adasyn", "n_neighbors"),
    ],
)
def test_neighbours_of_smote_are_those_of_the_whole_family(name, setting):
    made = make_sampler(name, TrainingConfig(smote_neighbors=8), seed=0)
    assert made.get_params()[f"sampler__{setting}"] == 8


def test_the_two_borderline_rows_are_the_two_kinds():
    kinds = [
        make_sampler(name, TrainingConfig(), seed=0).sampler.kind
        for name in ("borderline1", "borderline2")
    ]
    assert kinds == ["borderline-1", "borderline-2"]


@pytest.mark.parametrize("name", DRAWING)
def test_a_generator_is_a_seed_too(name):
    X, y = np.random.default_rng(0).normal(size=(90, 4)), np.arange(90) < 30
    runs = [
        make_sampler(name, TrainingConfig(), seed=np.random.default_rng(seed)).fit_resample(X, y)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert len(runs[0][0]) > 90
    assert not np.array_equal(runs[0][0], runs[2][0])


@pytest.mark.parametrize("name", DRAWING)
def test_each_call_builds_a_new_sampler(name):
    config = TrainingConfig()
    assert make_sampler(name, config, seed=0) is not make_sampler(name, config, seed=0)


@pytest.mark.parametrize("name", ["SMOTE", "LoRAS", ""])
@pytest.mark.parametrize(
    "call",
    [
        lambda name: make_sampler(name, TrainingConfig(), seed=0),
        lambda name: check_sampler(name, TrainingConfig(), 10),
    ],
    ids=["make", "check"],
)
def test_an_unknown_name_is_refused_with_the_known_ones(call, name):
    with pytest.raises(ParameterError, match=r"chosen from none, .*, prowras\. Got") as caught:
        call(name)
    assert caught.value.code == "E-SAMPLER"
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["none", "weights", "random"])
@pytest.mark.parametrize("n_rare", [0, 1])
def test_what_needs_no_neighbours_is_accepted_with_any_number_of_cells(name, n_rare):
    assert check_sampler(name, TrainingConfig(), n_rare) is None


@pytest.mark.parametrize("name", NEEDS_TWO)
def test_one_rare_cell_is_refused_in_advance_and_when_drawing(name):
    label = "LoRAS" if name.startswith("loras") else LABELS[name][0]
    needed = f"{label} needs at least 2 cells of the class it adds to"
    with pytest.raises(ParameterError) as early:
        check_sampler(name, TrainingConfig(), 1)
    assert early.value.message == f"{needed} in the smallest training part. Got 1."
    with pytest.raises(ParameterError) as late:
        make_sampler(name, TrainingConfig(), seed=0).fit_resample(np.eye(20), np.arange(20) < 1)
    assert late.value.message == f"{needed}. Got 1."
    assert early.value.code == late.value.code == "E-RARE-ONE"


@pytest.mark.parametrize("name", [name for name in LABELS if name != "loras-tsne"])
def test_two_rare_cells_are_accepted_with_the_defaults(name):
    assert check_sampler(name, TrainingConfig(), 2) is None


@pytest.mark.parametrize("n_rare", [2, 15])
def test_neighbours_in_tsne_are_refused_below_sixteen_cells(n_rare):
    for name, settings in (("loras-tsne", {}), ("loras", {"neighbour_space": "tsne"})):
        with pytest.raises(ParameterError, match=f"at least 16 .* Got {n_rare}") as caught:
            check_sampler(name, TrainingConfig(loras=LorasConfig(**settings)), n_rare)
        assert caught.value.code == "E-TSNE-SMALL"
    assert check_sampler("loras-tsne", TrainingConfig(), 16) is None


def test_neighbours_in_pca_do_not_mind_what_the_configuration_says_about_tsne():
    config = TrainingConfig(loras=LorasConfig(neighbour_space="tsne"))
    assert check_sampler("loras-pca", config, 2) is None


@pytest.mark.parametrize("name", ["loras", "loras-pca", "loras-tsne"])
def test_every_row_of_loras_is_checked_for_its_number_of_neighbours(name):
    config = TrainingConfig(loras=LorasConfig(n_neighbors=30))
    with pytest.raises(ParameterError, match=r"`n_neighbors` must be at most .* Got 30 for 20"):
        check_sampler(name, config, 20)
