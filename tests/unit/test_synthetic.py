"""Synthetic beside real cells: the two numbers by hand, and maps of the right cells."""

from __future__ import annotations

import math

import numpy as np
import pytest

import core
from core import synthetic
from core.errors import ParameterError
from core.synthetic import compare_synthetic, variance_kept
from tests.cells import TASK, haystack, keep, small_config


@pytest.fixture(scope="module")
def dataset():
    return keep(*haystack(12, 90))


@pytest.fixture
def quick_maps(monkeypatch):
    """Maps that cost nothing: the first two features; returns what was mapped."""
    asked = []

    def first_two(features, *, seed):
        asked.append((features, seed))
        return np.asarray(features[:, :2], dtype=np.float32)

    monkeypatch.setattr(synthetic, "fit_umap", first_two)
    return asked


@pytest.fixture
def drawn(monkeypatch):
    """What the drawing was given and gave."""
    draw, calls = synthetic.draw_synthetic, []

    def watch(rare, n, **settings):
        cells = draw(rare, n, **settings)
        calls.append((rare, cells, settings))
        return cells

    monkeypatch.setattr(synthetic, "draw_synthetic", watch)
    return calls


def standardised(dataset, genes):
    """Genes of the labelled cells with mean 0 and standard deviation 1, in plain numpy."""
    labelled = dataset.labels("type").notna().to_numpy()
    values = dataset.expression(genes)[labelled].astype(float)
    return (values - values.mean(axis=0)) / values.std(axis=0)


class TestNumbers:
    def test_variance_kept_is_the_ratio_of_total_variances(self):
        rng = np.random.default_rng(0)
        rare, made = rng.normal(size=(9, 4)), rng.normal(scale=0.3, size=(50, 4))

        def total(cells):
            columns = cells.T.tolist()
            means = [sum(c) / len(c) for c in columns]
            return sum(
                sum((v - m) ** 2 for v in c) / len(c) for c, m in zip(columns, means, strict=True)
            )

        assert variance_kept(rare, made) == pytest.approx(total(made) / total(rare))

    @pytest.mark.parametrize(("scale", "kept"), [(1, 1), (0.5, 0.25), (0, 0)])
    def test_shrunken_cells_keep_the_square_of_the_shrinkage(self, scale, kept):
        rare = np.random.default_rng(0).normal(size=(9, 4))
        assert variance_kept(rare, rare * scale) == pytest.approx(kept)

    def test_equal_rare_cells_have_no_variance_to_keep(self):
        assert math.isnan(variance_kept(np.ones((3, 4)), np.zeros((5, 4))))

    def test_the_numbers_are_of_the_drawn_cells_on_standardised_markers(
        self, dataset, quick_maps, drawn
    ):
        config = small_config(markers=6)
        result = compare_synthetic(dataset, TASK, config, n=40)
        markers = core.find_markers(dataset, TASK, n=6)["gene"]
        values = standardised(dataset, list(markers))
        rare = values[dataset.rare_labels(TASK).is_rare]
        ((given, made, _),) = drawn
        np.testing.assert_allclose(given, rare, atol=1e-5)
        assert result.variance_kept == pytest.approx(
            made.var(axis=0).sum() / rare.var(axis=0).sum(), rel=1e-4
        )
        nearest = [min(math.dist(cell, real) for real in rare) for cell in made]
        assert result.distance_synthetic == pytest.approx(np.median(nearest), rel=1e-4)
        others = [
            min(math.dist(cell, real) for j, real in enumerate(rare) if j != i)
            for i, cell in enumerate(rare)
        ]
        assert result.distance_real == pytest.approx(np.median(others), rel=1e-4)
        assert result.n_genes == 6

    def test_settings_of_loras_reach_the_drawing(self, dataset, quick_maps, drawn):
        loras = core.LorasConfig(
            n_neighbors=4, n_affine=3, noise_scale=0.1, weights="integers", neighbour_space="pca"
        )
        compare_synthetic(dataset, TASK, small_config(loras=loras), n=5)
        ((_, made, settings),) = drawn
        rng = settings.pop("rng")
        assert isinstance(rng, np.random.Generator)
        assert made.shape == (5, 5)
        assert settings == {
            "n_neighbors": 4,
            "n_affine": 3,
            "noise_scale": 0.1,
            "weights": "integers",
            "neighbour_space": "pca",
        }

    @pytest.mark.parametrize("n_affine", [2, 7, 50])
    def test_of_one_neighbourhood_two_parts_in_a_plus_1_of_the_variance_are_kept(
        self, dataset, quick_maps, n_affine
    ):
        loras = core.LorasConfig(n_neighbors=12, n_affine=n_affine)
        result = compare_synthetic(dataset, TASK, small_config(loras=loras), n=4000)
        assert result.variance_kept == pytest.approx(2 / (n_affine + 1), rel=0.06)


class TestMaps:
    def test_every_cell_has_its_place_in_both_maps(self, dataset):
        result = compare_synthetic(dataset, TASK, small_config(), n=30)
        assert result.real_map.shape == result.joint_real.shape == (102, 2)
        assert result.placed.shape == result.joint_synthetic.shape == (30, 2)
        assert result.is_rare.sum() == 12
        for points in (result.real_map, result.placed, result.joint_real, result.joint_synthetic):
            assert points.dtype == np.float32
            assert np.isfinite(points).all()

    def test_synthetic_cells_lie_among_the_rare_cells_of_both_maps(self, dataset):
        result = compare_synthetic(dataset, TASK, small_config(), n=60)
        for real, made in (
            (result.real_map, result.placed),
            (result.joint_real, result.joint_synthetic),
        ):
            to_rare = np.linalg.norm(made.mean(axis=0) - real[result.is_rare].mean(axis=0))
            to_other = np.linalg.norm(made.mean(axis=0) - real[~result.is_rare].mean(axis=0))
            assert to_rare < to_other

    def test_the_real_map_is_of_real_cells_alone_and_the_joint_map_of_all(
        self, dataset, quick_maps, drawn
    ):
        compare_synthetic(dataset, TASK, small_config(seed=3), n=30)
        (alone, seed), (joint, joint_seed) = quick_maps
        ((_, made, _),) = drawn
        assert (len(alone), len(joint)) == (102, 132)
        np.testing.assert_array_equal(joint[:102], alone)
        np.testing.assert_array_equal(joint[102:], made)
        assert seed == joint_seed == 3

    def test_unlabelled_cells_are_not_drawn(self, quick_maps):
        values, names = haystack(8, 40)
        names[np.flatnonzero(names == "hay")[:15]] = None
        result = compare_synthetic(keep(values, names), TASK, small_config(), n=5)
        assert len(result.real_map) == 33
        assert result.n_other_in_dataset == 25

    def test_above_4000_other_cells_the_background_is_thinned_and_no_rare_cell_lost(
        self, quick_maps
    ):
        dataset = keep(*haystack(30, 4100, n_genes=14, n_marked=12))
        result = compare_synthetic(dataset, TASK, small_config(markers=12), n=20)
        assert len(result.real_map) == 4030
        assert result.is_rare.sum() == 30
        assert result.n_other_in_dataset == 4100
        markers = core.find_markers(dataset, TASK, n=12)["gene"]
        values = standardised(dataset, list(markers))
        rare = values[dataset.rare_labels(TASK).is_rare]
        np.testing.assert_allclose(result.real_map[result.is_rare], rare[:, :2], atol=1e-4)
        assert len(np.unique(quick_maps[0][0], axis=0)) == 4030  # nobody twice

    def test_at_4000_other_cells_all_are_shown(self, quick_maps):
        dataset = keep(*haystack(5, 4000, n_genes=6, n_marked=5))
        assert len(compare_synthetic(dataset, TASK, small_config(), n=5).real_map) == 4005


class TestResult:
    def test_it_carries_its_task_and_settings(self, dataset, quick_maps):
        config = small_config(seed=11)
        result = compare_synthetic(dataset, TASK, config, n=3)
        assert (result.task, result.config) == (TASK, config)

    def test_the_same_seed_gives_the_same_result_and_another_another(self, dataset):
        first, again, other = (
            compare_synthetic(dataset, TASK, small_config(seed=seed), n=25) for seed in (0, 0, 1)
        )
        for name in ("real_map", "placed", "joint_real", "joint_synthetic"):
            np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert first.variance_kept == again.variance_kept
        assert first.variance_kept != other.variance_kept
        assert not np.array_equal(first.placed, other.placed)

    @pytest.mark.parametrize("n", [0, -5])
    def test_less_than_one_cell_is_refused(self, dataset, n):
        with pytest.raises(ParameterError, match=f"`n` must be 1 or more. Got {n}") as refused:
            compare_synthetic(dataset, TASK, small_config(), n=n)
        assert refused.value.code == "E-PARAMETER"

    @pytest.mark.parametrize(
        ("task", "config", "code", "sentence"),
        [
            (core.RareTask("type", "gold"), {}, "E-RARE-UNKNOWN", "No cell has 'gold'"),
            (TASK, {"min_logfc": 40}, "E-NO-MARKERS", "fold change of at least 40"),
            (TASK, {"genes": ("X1", "X2")}, "E-NO-GENE-KNOWN", "X1, X2"),
        ],
        ids=["type", "markers", "genes"],
    )
    def test_what_cannot_be_compared_is_refused(self, dataset, task, config, code, sentence):
        with pytest.raises(ParameterError, match=sentence) as refused:
            compare_synthetic(dataset, task, small_config(**config), n=5)
        assert refused.value.code == code
