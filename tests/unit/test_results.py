"""What a run leaves on disk comes back as it was."""

import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import core
from core.annotation import annotate
from core.evaluation import FoldResult
from core.jobs.results import (
    load_annotation,
    load_folds,
    load_markers,
    load_synthetic,
    save_annotation,
    save_folds,
    save_synthetic,
)
from core.summary import summarise
from core.synthetic import SyntheticComparison
from core.training import train
from tests.cells import TASK, demo_folds, haystack, keep, small_config


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    save_folds(folder, demo_folds())
    return load_folds(folder)


@pytest.mark.parametrize("name", [field.name for field in fields(FoldResult)])
def test_every_field_of_a_fold_comes_back_exactly(loaded, name):
    for before, after in zip(demo_folds(), loaded, strict=True):
        value, again = getattr(before, name), getattr(after, name)
        assert type(again) is type(value)
        if isinstance(value, np.ndarray):
            assert again.dtype == value.dtype
        np.testing.assert_array_equal(again, value)


def test_folds_from_disk_give_the_same_summary(loaded):
    before, after = summarise(demo_folds()), summarise(loaded)
    pd.testing.assert_frame_equal(after.table, before.table, check_exact=True)
    assert after.recommended == before.recommended
    assert (after.task, after.config) == (before.task, before.config)


def test_settings_with_numbers_of_numpy_come_back_as_equal_ones(tmp_path):
    config = small_config(
        seed=np.int64(3), min_logfc=np.float32(0.5), genes=("G0", "G1"), loras=core.LorasConfig(4)
    )
    folds = list(core.iter_folds(keep(*haystack(10, 30)), TASK, config))
    save_folds(tmp_path, folds)
    assert load_folds(tmp_path)[0].config == config


def test_test_cells_are_kept_once_for_all_methods_of_a_fold(tmp_path):
    save_folds(tmp_path, demo_folds())
    with np.load(tmp_path / "arrays.npz") as archive:
        names = list(archive)
    assert sum(name.startswith("test_cells") for name in names) == 25
    assert sum(name.startswith("scores") for name in names) == 100


def test_what_is_small_is_readable_json(tmp_path):
    save_folds(tmp_path, demo_folds()[:2])
    about = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert [row["method"] for row in about["folds"]] == [f.method for f in demo_folds()[:2]]
    assert about["task"] == {"label": "bulk_labels", "rare": "CD34+"}


def made_comparison():
    rng = np.random.default_rng(0)
    maps = {
        name: rng.normal(size=(n, 2)).astype(np.float32)
        for name, n in (
            ("real_map", 9), ("placed", 5), ("joint_real", 9), ("joint_synthetic", 5),
        )
    }  # fmt: skip
    return SyntheticComparison(
        **maps, is_rare=np.arange(9) < 3, n_other_in_dataset=4321, variance_kept=1 / 3,
        distance_synthetic=0.1, distance_real=2 / 7, n_genes=20, task=TASK, config=small_config(),
    )  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in fields(SyntheticComparison)])
def test_every_field_of_a_comparison_comes_back_exactly(tmp_path, name):
    before = made_comparison()
    save_synthetic(tmp_path, before)
    value, again = getattr(before, name), getattr(load_synthetic(tmp_path), name)
    assert type(again) is type(value)
    assert getattr(again, "dtype", None) == getattr(value, "dtype", None)
    np.testing.assert_array_equal(again, value)


@pytest.mark.parametrize("transfer", [core.TransferConfig(), None], ids=["carried", "own"])
def test_scores_come_back_bit_by_bit_and_give_the_same_calls(tmp_path, transfer):
    reference = keep(*haystack(12, 48))
    model = train(reference, TASK, small_config(), method="loras+lr")
    result = annotate(model, reference, transfer=transfer)
    save_annotation(tmp_path, result)
    again = load_annotation(tmp_path, model, reference)
    assert (again.transfer is None) == (transfer is None)
    pd.testing.assert_frame_equal(again.table, result.table, check_exact=True)
    assert (again.threshold, again.findings) == (result.threshold, result.findings)
    assert again.describe() == result.describe()


def test_scores_alone_as_version_0_2_left_them_give_the_models_own_calls(tmp_path):
    reference = keep(*haystack(12, 48))
    model = train(reference, TASK, small_config(), method="loras+lr")
    np.save(tmp_path / "scores.npy", model.score(reference))
    again = load_annotation(tmp_path, model, reference)
    own = annotate(model, reference, transfer=None)
    pd.testing.assert_frame_equal(again.table, own.table, check_exact=True)
    assert (again.threshold, again.transfer) == (model.threshold, None)


def test_a_marker_table_keeps_missing_p_values_and_genes_named_like_them(tmp_path):
    table = pd.DataFrame(
        {"gene": ["NA", "nan", "MARCH1"], "score": [1 / 3, -2.0, 0.0], "pval_adj": [np.nan] * 3}
    )
    table.to_csv(tmp_path / "markers.csv", index=False)
    pd.testing.assert_frame_equal(load_markers(tmp_path), table)
