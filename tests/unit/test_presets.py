"""Presets: the settings that the paper reports, and what they leave alone."""

from dataclasses import replace

import pytest

from core.config import ClassifierConfig, LorasConfig, TrainingConfig
from core.presets import PRESETS, SC_SYNO_DOI, matching_preset

# As the paper's readers find them: markers, k, A, folds.
PUBLISHED = {
    "sc-syno-glial": (50, 3, 50, 3),
    "sc-syno-cardiomyocytes-23": (23, 30, 23, 10),
    "sc-syno-cardiomyocytes-100": (100, 30, 100, 10),
}


@pytest.mark.parametrize(("name", "published"), PUBLISHED.items(), ids=list(PUBLISHED))
def test_a_preset_of_the_paper_has_the_papers_settings(name, published):
    preset = PRESETS[name]
    config = preset.config
    found = (config.markers, config.loras.n_neighbors, config.loras.n_affine, config.n_splits)
    assert found == published
    assert config.loras.weights == "integers"
    assert config.loras.noise_scale == 0.005
    assert (config.knn_neighbors, config.goal, config.n_repeats) == (30, "fixed", 1)
    assert (config.marker_test, config.min_fraction, config.min_logfc) == ("wilcoxon", 0.25, 0.25)
    assert set(config.classifiers) == {"knn", "lr"}
    assert set(config.samplers) == {"none", "loras"}
    assert preset.optimistic
    assert preset.doi == SC_SYNO_DOI == "10.1186/s12859-021-04469-x"


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_of_a_study_says_what_is_known_and_what_is_not(preset):
    assert bool(preset.doi) == bool(preset.known) == bool(preset.unknown)
    markers, k, affine, folds = PUBLISHED.get(preset.name, (0, 0, 0, 0))
    if preset.doi:
        wanted = (f"{markers} markers", f"k = {k}", f"A = {affine}", f"{folds} folds")
        assert all(words in preset.known for words in wanted)
        assert "notebooks use 10" in preset.unknown


def test_needles_defaults_are_those_of_a_training_config_and_come_first():
    first = next(iter(PRESETS.values()))
    assert first.config == TrainingConfig()
    assert not first.optimistic


def test_own_genes_stay_with_the_defaults_and_make_way_for_a_published_protocol():
    mine = TrainingConfig(genes=("CD34", "SPINK2"), n_repeats=1)
    assert PRESETS["defaults"].apply(mine) == TrainingConfig(genes=("CD34", "SPINK2"))
    assert PRESETS["sc-syno-glial"].apply(mine) == PRESETS["sc-syno-glial"].config


def test_what_a_preset_does_not_name_is_replaced_too():
    mine = TrainingConfig(
        sample="donor", seed=7, target_ratio=0.5, loras=LorasConfig(neighbour_space="pca")
    )
    applied = PRESETS["sc-syno-glial"].apply(mine)
    assert (applied.sample, applied.seed, applied.target_ratio) == (None, 0, 1.0)
    assert applied.loras.neighbour_space == "features"
    assert applied.classifier == ClassifierConfig(lr_c=1e5)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_settings_are_recognised_as_the_preset_that_they_are(preset):
    config = preset.apply(TrainingConfig())
    assert matching_preset(config, optimistic=preset.optimistic) is preset
    assert matching_preset(replace(config, goal="recall"), optimistic=preset.optimistic) is preset
    assert matching_preset(replace(config, seed=1), optimistic=preset.optimistic) is None
    assert matching_preset(config, optimistic=not preset.optimistic) is None
