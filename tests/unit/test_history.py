"""Settings of runs in words, where they differ, what came out, scores side by side."""

from dataclasses import replace

import numpy as np
import pytest

import core
from core.config import config_to_dict
from core.jobs import RunDatabase, State
from core.jobs.history import are_comparable, best_method, outcome, score_table
from core.jobs.settings import differences, settings
from core.summary import binomial_interval, summarise
from tests.cells import METHODS, TASK, haystack, keep, small_config

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def make():
    """Return a function that enters runs into a database of their own."""
    database = RunDatabase("sqlite://")

    def made(kind="train", *, summary=None, state=State.DONE, versions=None, **config):
        run_id = database.create(kind, config, title="A run", versions=versions)
        database.transition(run_id, state, allowed_from=list(State), summary=summary)
        return database.get(run_id)

    yield made
    database.close()


def training(make, *, dataset=DIGEST, rare="needle", versions=None, **changes):
    config = config_to_dict(core.TrainingConfig(**changes))
    return make(
        dataset=dataset, task={"label": "type", "rare": rare}, training=config, versions=versions
    )


def test_settings_have_the_names_and_words_of_the_screen(make):
    run = training(make, markers=31, loras=core.LorasConfig(n_affine=7, neighbour_space="pca"))
    assert (
        settings(run, {DIGEST: "islets"}).items()
        >= {
            "Dataset": "islets (01234567)",
            "Label column": "type",
            "Rare cell type": "needle",
            "Number of markers": "31",
            "Marker test": "Wilcoxon rank-sum test",
            "Minimum fraction": "0.1",
            "Minimum log fold change": "0.25",
            "Your own genes": "none",
            "Classifiers": "knn, lr",
            "Samplers": "No oversampling, LoRAS",
            "Folds": "5",
            "Repeats": "5",
            "Neighbours (k)": "automatic",
            "Shadow samples per cell (A)": "7",
            "Noise": "0.005",
            "Weights": "Dirichlet",
            "Neighbours are sought in": "PCA",
            "knn: neighbours": "30",
            "Seed": "0",
        }.items()
    )


def test_every_setting_of_a_training_has_a_name_of_its_own(make):
    parts = config_to_dict(core.TrainingConfig()).values()
    n_settings = sum(len(part) if isinstance(part, dict) else 1 for part in parts)
    # besides: dataset, label column, rare type, and whether the optimistic variant is shown
    assert len(settings(training(make))) == 4 + n_settings


def test_a_rare_type_called_like_a_setting_keeps_its_name(make):
    assert settings(training(make, rare="pca"))["Rare cell type"] == "pca"


def test_where_a_file_lay_on_the_server_is_not_shown(make):
    read = make("read", path="/srv/secret/a.h5ad", name="a", is_upload=True)
    assert settings(read) == {"File": "a"}
    assert settings(make("annotate", dataset=DIGEST, model="/srv/secret/m.skops")) == {
        "Dataset": DIGEST[:12]
    }


def test_a_dataset_that_is_gone_keeps_the_name_that_the_run_noted(make):
    run = make("layout", dataset=DIGEST, dataset_name="islets")
    assert settings(run) == {"Dataset": "islets (01234567)"}
    assert settings(run, {DIGEST: "renamed"}) == {"Dataset": "renamed (01234567)"}


def test_what_an_older_run_did_not_note_has_the_default(make):
    run = training(make)
    del run.config["training"]["knn_neighbors"], run.config["training"]["loras"]["weights"]
    assert settings(run)["knn: neighbours"] == "30"
    assert settings(run)["Weights"] == "Dirichlet"


def test_settings_of_kinds_to_come_are_shown_under_their_own_names(make):
    assert settings(make("sweep", sweep={"grid_size": 3, "ranges": [1, 2]})) == {
        "Grid size": "3",
        "Ranges": "1, 2",
    }


def test_only_settings_that_differ_are_listed(make):
    one, other = training(make), training(make, seed=4, loras=core.LorasConfig(noise_scale=0.01))
    table = differences([one, other])
    assert table.to_dict("index") == {
        "Noise": {one.id: "0.005", other.id: "0.01"},
        "Seed": {one.id: "0", other.id: "4"},
    }


def test_datasets_rare_types_and_versions_are_compared_as_well(make):
    one = training(make, versions={"needle": "0.1.0", "numpy": "2.3"})
    other = training(
        make, dataset="f" * 64, rare="pin", versions={"needle": "0.2.0", "numpy": "2.3"}
    )
    old = training(make)
    table = differences([one, other, old], {DIGEST: "a", "f" * 64: "a"})
    assert table.loc["Dataset"].tolist() == ["a (01234567)", "a (ffffffff)", "a (01234567)"]
    assert table.loc["Rare cell type"].tolist() == ["needle", "pin", "needle"]
    assert table.loc["Version of needle"].tolist() == ["0.1.0", "0.2.0", "–"]
    assert differences([one, other]).index.tolist() == [
        "Dataset", "Rare cell type", "Version of needle",
    ]  # fmt: skip


def test_equal_runs_have_no_differences(make):
    assert differences([training(make), training(make), training(make)]).empty


def test_runs_are_comparable_on_the_same_cells_and_rare_type_alone(make):
    one = training(make)
    assert are_comparable([one, training(make, seed=9)])
    assert not are_comparable([one, training(make, rare="pin")])
    assert not are_comparable([one, training(make, dataset="f" * 64)])


@pytest.mark.parametrize(
    ("kind", "summary", "said"),
    [
        ("train", {"n_folds": 0, "recommended": None}, "No scores: too few rare cells"),
        ("train", {"n_folds": 9, "recommended": None}, "No method is better than chance"),
        ("train", {"n_folds": 9, "recommended": "loras+lr"}, "Recommended: LoRAS + lr"),
        ("read", {"n_cells": 1234, "n_genes": 765}, "1,234 cells × 765 genes"),
        ("annotate", {"n_called": 3}, "3 cells called"),
        ("sweep", {"n": 3}, ""),
    ],
)
def test_the_outcome_is_said_in_a_few_words(make, kind, summary, said):
    assert outcome(make(kind, summary=summary)) == said


def test_a_run_that_is_not_done_has_no_outcome(make):
    summary = {"n_cells": 3, "n_genes": 4}
    assert outcome(make("read", summary=summary, state=State.CANCELLED)) == ""


@pytest.fixture(scope="module")
def results():
    values, names = haystack(20, 120, n_marked=8)
    data = keep(values, names)
    whole, part = small_config(seed=1), small_config(seed=2, classifiers=("lr",))
    return {
        "whole": summarise(core.iter_folds(data, TASK, whole)),
        "part": summarise(core.iter_folds(data, TASK, part)),
    }


def test_scores_of_one_method_stand_together(results):
    table = score_table(results)
    runs = table.groupby("method", sort=False)["run"].agg(list)
    changes = (table["method"] != table["method"].shift()).sum()
    assert changes == len(runs) == len(METHODS)
    assert runs["none+knn"] == runs["loras+knn"] == ["whole"]
    assert runs["none+lr"] == runs["loras+lr"] == ["whole", "part"]
    assert set(table["n_rare"]) == {20}
    for _, row in table.iterrows():
        expected = results[row["run"]].table.loc[row["method"]]
        scores = ("precision", "recall", "f1", "average_precision")
        for score in scores[not expected["tp"] + expected["fp"] :]:
            got = row[[score, f"{score}_low", f"{score}_high"]].tolist()
            wanted = expected[[f"{score}_mean", f"{score}_low", f"{score}_high"]].tolist()
            assert got == wanted
        assert row["recommended"] == (row["method"] == results[row["run"]].recommended)


def test_the_interval_of_the_average_precision_is_that_of_a_share_of_the_rare_cells(results):
    table = score_table(results)
    for _, row in table.iterrows():
        share = row["average_precision"]
        expected = binomial_interval(share * 20, 20)
        assert (row["average_precision_low"], row["average_precision_high"]) == expected
        assert expected[0] < share <= expected[1]


def test_that_interval_covers_the_true_average_precision():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)

    def drawn(n_rare, n_other):
        truth = np.arange(n_rare + n_other) < n_rare
        return average_precision_score(truth, rng.normal(size=truth.size) + 2 * truth)

    true = drawn(10_000, 300_000)
    intervals = [binomial_interval(drawn(20, 600) * 20, 20) for _ in range(200)]
    covered = np.mean([low <= true <= high for low, high in intervals])
    assert covered > 0.9


def test_a_method_that_called_nothing_has_no_precision(results):
    table = results["whole"].table.copy()
    table.loc["none+knn", ["tp", "fp"]] = 0
    scores = score_table({"whole": replace(results["whole"], table=table)}).set_index("method")
    row = scores.loc["none+knn"]
    assert row[["precision", "precision_low", "precision_high"]].isna().all()
    assert np.isfinite(row["recall"])


def test_the_best_method_is_the_recommended_one_else_the_highest_f1(results):
    result = results["part"]
    table = result.table.assign(f1_mean=[0.2, 0.1])
    assert best_method(replace(result, recommended="loras+lr", table=table)) == "loras+lr"
    assert best_method(replace(result, recommended=None, table=table)) == "none+lr"
