"""The table of samplers: names, order, and what its factory builds."""

import numpy as np
import pytest

from core.config import LorasConfig, TrainingConfig
from core.errors import ParameterError
from core.oversampling import SAMPLERS, LoRAS, make_sampler, sampler_names


def test_no_oversampling_comes_before_loras():
    assert sampler_names() == ("none", "loras")
    assert SAMPLERS["none"].complexity < SAMPLERS["loras"].complexity


def test_every_row_stands_under_its_own_name_with_a_one_line_label():
    assert [SAMPLERS[name].label for name in sampler_names()] == ["No oversampling", "LoRAS"]
    assert all(row.name == name for name, row in SAMPLERS.items())


def test_no_two_samplers_have_the_same_rank():
    ranks = [row.complexity for row in SAMPLERS.values()]
    assert ranks == sorted(set(ranks))


def test_the_default_configuration_names_known_samplers():
    assert set(TrainingConfig().samplers) <= set(SAMPLERS)


def test_the_table_cannot_be_changed_by_its_users():
    with pytest.raises(TypeError, match="item assignment"):
        SAMPLERS["mine"] = SAMPLERS["loras"]


def test_none_builds_no_sampler():
    assert make_sampler("none", TrainingConfig(), seed=0) is None


def test_loras_is_built_with_every_setting_of_the_configuration():
    settings = LorasConfig(
        n_neighbors=4, n_affine=7, noise_scale=0.1, weights="integers", neighbour_space="pca"
    )
    sampler = make_sampler("loras", TrainingConfig(loras=settings), seed=3)
    assert type(sampler) is LoRAS
    assert sampler.get_params() == {
        "n_neighbors": 4,
        "n_affine": 7,
        "noise_scale": 0.1,
        "weights": "integers",
        "neighbour_space": "pca",
        "random_state": 3,
        "sampling_strategy": "auto",
    }


def test_configuration_and_sampler_have_the_same_defaults():
    assert make_sampler("loras", TrainingConfig(), seed=None).get_params() == LoRAS().get_params()


def test_a_generator_is_a_seed_too():
    X, y = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) < 10
    runs = [
        make_sampler("loras", TrainingConfig(), seed=np.random.default_rng(1)).fit_resample(X, y)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])


def test_each_call_builds_a_new_sampler():
    config = TrainingConfig()
    assert make_sampler("loras", config, seed=0) is not make_sampler("loras", config, seed=0)


@pytest.mark.parametrize("name", ["smote", "LoRAS", ""])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(ParameterError, match=r"chosen from none, loras\. Got") as caught:
        make_sampler(name, TrainingConfig(), seed=0)
    assert caught.value.code == "E-SAMPLER"
    assert repr(name) in str(caught.value)
