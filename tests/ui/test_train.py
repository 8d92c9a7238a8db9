"""Train: honest scores, fold by fold, and a model to keep."""

from contextlib import suppress

import numpy as np
import psutil
import pytest

import core
from core import jobs
from core.config import config_from_dict
from core.data import DEMO_TASK
from core.jobs import State
from core.wording import method_label
from tests.cells import demo_config, demo_folds
from tests.ui.conftest import QUICK
from tests.ui.screen import runs_of

SIZES = {"single": 1, "two": 2, "four": 4, "five": 5, "nine": 9}


@pytest.fixture
def train(demo):
    """Return the page Train of the demo."""
    return demo.go("train")


@pytest.fixture
def small_types(open_app, h5ad):
    """Return a session whose reference has types of few cells."""
    kinds = [kind for kind, n in SIZES.items() for _ in range(n)]
    obs = {"kind": kinds + ["many"] * (525 - len(kinds))}
    screen = open_app("reference").upload(
        "Reference file", "small.h5ad", h5ad("reference", obs=obs)
    )
    assert screen.wait("reading").state is State.DONE
    return screen


def quick(screen, *, repeats=1):
    """Choose few folds, one classifier and one sampler."""
    screen.set("multiselect", "Classifiers", ["lr"])
    screen.set("multiselect", "Samplers", ["loras"])
    screen.set("number_input", "Folds", 2)
    return screen.set("number_input", "Repeats", repeats)


def choose(screen, rare):
    screen.go("markers").set("selectbox", "Rare cell type", rare)
    return screen.go("train")


def test_the_demo_gives_the_numbers_that_the_library_gives(train):
    train.click("Start training")
    run = train.wait("training")
    assert config_from_dict(core.TrainingConfig, run.config["training"]) == demo_config()
    expected = core.summarise(demo_folds()).table
    shown = train.table("Precision", "Found")
    assert list(shown.index) == [method_label(name) for name in expected.index]
    for name, score in (
        ("Precision", "precision_mean"),
        ("Recall", "recall_mean"),
        ("F1", "f1_mean"),
        ("Average precision", "average_precision_mean"),
        ("Balanced accuracy", "balanced_accuracy_mean"),
        ("False calls", "fp"),
        ("Synthetic per fold", "n_synthetic"),
    ):
        wanted = expected[score].copy()
        if name == "Precision":  # there is none where nothing was called
            wanted[expected["tp"] + expected["fp"] == 0] = np.nan
        assert shown[name].tolist() == pytest.approx(wanted.tolist(), abs=1e-12, nan_ok=True), name
    assert shown.loc["knn alone", "Found"] == "0 of 50"
    assert shown.loc["LoRAS + knn", "Found"] == "47 of 50"
    words = train.text("markdown")
    assert "LoRAS + knn found 47 of 50 CD34+ test cells (10 cells, each tested 5 times)" in words
    assert "with 2 false calls; knn alone found 0 with 0" in words
    assert "Recommended:** LoRAS + lr, 49 of 50 found" in train.text("success")
    assert "10 different rare cells" in train.text("caption")
    assert "model LoRAS + lr" in train.summary


def test_every_setting_reaches_the_training(train):
    quick(train, repeats=3)
    train.set("number_input", "Neighbours (k)", 4)
    train.set("number_input", "Shadow samples per cell (A)", 6)
    train.set("number_input", "Noise", 0.02)
    train.set("selectbox", "Neighbours are sought in", "pca")
    train.set("number_input", "knn: neighbours", 9)
    train.set("number_input", "Seed", 11)
    train.click("Start training")
    made_by = config_from_dict(core.TrainingConfig, train.wait("training").config["training"])
    assert made_by == core.TrainingConfig(
        markers=20,
        classifiers=("lr",),
        samplers=("loras",),
        n_splits=2,
        n_repeats=3,
        knn_neighbors=9,
        seed=11,
        loras=core.LorasConfig(n_neighbors=4, n_affine=6, noise_scale=0.02, neighbour_space="pca"),
    )


def test_automatic_loras_settings_stay_as_chosen_on_a_visit_elsewhere_and_can_come_back(train):
    for label in ("Neighbours (k)", "Shadow samples per cell (A)"):
        train.set("number_input", label, 4)
        train.go("runs").go("train")
        assert train.find("number_input", label).value == 4
        train.set("number_input", label, None)
        assert train.find("number_input", label).value is None
        train.go("runs").go("train")
        assert train.find("number_input", label).value is None
    assert train.state.loras == core.LorasConfig()


def test_while_it_runs_it_cannot_be_started_again_and_can_be_cancelled(train):
    before = [run.id for run in runs_of("train")]
    train.set("number_input", "Repeats", 20)
    assert train.find("button", "Cancel").disabled
    train.click("Start training")
    assert train.find("button", "Start training").disabled
    assert len(train.at.get("progress")) == 1
    train.run()
    assert len(runs_of("train", besides=before)) == 1
    train.click("Cancel")
    run = jobs.get_database().get(train.state.training)
    assert run.state is State.CANCELLED
    with suppress(psutil.NoSuchProcess):
        psutil.Process(run.pid).wait(timeout=10)
    assert "Cancelled" in train.text("info")
    assert not train.find("button", "Start training").disabled
    assert not train.has("download_button", "Save model")


def test_a_result_says_when_the_settings_have_changed_and_takes_changes_back(train):
    quick(train).click("Start training")
    train.wait("training")
    assert "Settings changed" not in train.text("warning")
    train.set("number_input", "Folds", 4)
    train.go("markers").set("slider", "Number of markers", 60)
    train.go("train")
    assert "Settings changed" in train.text("warning")
    assert train.has("download_button", "Save model")
    train.click("Take back the changes")
    train.run()
    assert "Settings changed" not in train.text("warning")
    assert train.find("number_input", "Folds").value == 2
    assert train.state.n_markers == 20


@pytest.mark.parametrize("label", ["Classifiers", "Samplers"])
def test_without_a_method_it_says_what_is_missing(train, label):
    train.set("multiselect", label, [])
    assert "at least one classifier and one sampler" in train.text("info")
    assert train.find("button", "Start training").disabled


@pytest.mark.parametrize(("rare", "n"), [("two", 2), ("four", 4)])
def test_two_to_four_rare_cells_give_a_model_and_no_score(small_types, rare, n):
    screen = quick(choose(small_types, rare))
    assert f"{n} rare cells" in screen.text("info")
    screen.click("Start training")
    assert screen.wait("training").state is State.DONE
    words = screen.text()
    assert f"{n} rare cells" in words
    assert "Recommended" not in words
    assert not screen.at.dataframe
    assert not screen.at.get("plotly_chart")
    assert screen.download("Save model").startswith(b"PK")


@pytest.mark.parametrize("rare", ["five", "nine"])
def test_five_to_nine_rare_cells_leave_out_each_of_them_once(small_types, rare):
    screen = quick(choose(small_types, rare))
    screen.click("Start training")
    run = screen.wait("training")
    assert run.summary["scheme"] == "leave-one-rare-cell-out"
    found = screen.table("Precision", "Found").loc["LoRAS + lr", "Found"]
    assert found.endswith(f" of {SIZES[rare]}")
    assert "interval" in screen.text("caption")


def test_a_single_rare_cell_is_refused_with_the_reason(small_types):
    screen = choose(small_types, "single")
    assert "E-RARE-ONE" in screen.text("error")
    assert not screen.has("button", "Start training")


def test_settings_that_do_not_fit_a_rarer_type_are_refused_and_can_be_changed(train):
    quick(train).set("number_input", "Neighbours (k)", 10)
    screen = choose(train, "CD4+/CD45RA+/CD25- Naive T")  # six cells
    assert screen.find("number_input", "Neighbours (k)").value == 10
    assert screen.find("button", "Start training").disabled
    assert "Neighbours (k)` must be at most" in screen.text("error")
    assert "Got 10 for 5 cells; choose 5 or fewer" in screen.text("error")
    screen.set("number_input", "Neighbours (k)", None).click("Start training")
    assert screen.wait("training").state is State.DONE
    assert not screen.at.error


def test_tsne_with_too_few_cells_is_refused_and_the_settings_stay(train):
    quick(train).set("selectbox", "Neighbours are sought in", "tsne")
    assert "16" in train.text("error")
    assert "E-TSNE-SMALL" in train.text("error")
    assert train.find("selectbox", "Neighbours are sought in").value == "tsne"
    assert train.find("button", "Start training").disabled
    train.set("selectbox", "Neighbours are sought in", "pca")
    assert not train.find("button", "Start training").disabled


def test_the_saved_model_is_the_method_that_is_chosen(with_model, tmp_path):
    screen = with_model("train")
    for method in QUICK.methods():
        screen.set("selectbox", "Method of the model", str(method))
        path = tmp_path / "saved.skops"
        path.write_bytes(screen.download("Save model"))
        model = core.load_model(path)
        assert model.method == str(method)
        assert model.task == DEMO_TASK
        assert model.config == QUICK


def test_a_reload_finds_the_result_again_with_all_its_settings(with_model, trained):
    screen = with_model("train")
    assert screen.state.training == trained.id
    assert screen.state.training_config() == QUICK
    assert screen.table("Precision", "Found").loc["LoRAS + lr", "Found"].endswith("of 20")
    assert "Settings changed" not in screen.text("warning")


def test_the_id_of_a_training_alone_is_link_enough(open_app, trained):
    screen = open_app("train", training=trained.id)
    assert screen.state.training_config() == QUICK
    assert screen.state.rare == trained.config["task"]["rare"]
    assert screen.table("Precision", "Found").loc["LoRAS + lr", "Found"].endswith("of 20")
    assert "Settings changed" not in screen.text("warning")


def test_an_address_with_an_unknown_training_is_refused_and_a_new_one_can_start(open_app, demo):
    screen = open_app("train", **demo.run().at.query_params, training="zzzzzzzzzzzz")
    assert "E-RUN-UNKNOWN" in screen.text("error")
    quick(screen).click("Start training")
    assert screen.wait("training").state is State.DONE
    assert not screen.at.error


@pytest.mark.parametrize("run_id", ["../../etc", "ZZZ", "a" * 99])
def test_an_address_with_a_hostile_run_id_is_refused(open_app, demo, run_id):
    screen = open_app("train", **demo.run().at.query_params, training=run_id)
    assert "E-RUN-UNKNOWN" in screen.text("error")


def test_an_address_that_names_a_run_of_another_kind_is_no_dead_end(open_app, demo):
    markers = demo.go("markers").click("Find markers")
    markers.wait("finding")
    address = markers.at.query_params | {"training": markers.state.finding}
    screen = open_app("train", **address)
    assert screen.state.training is None
    assert not screen.find("button", "Start training").disabled
