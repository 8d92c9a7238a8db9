"""Runs: everything that was computed; open, compare, delete."""

import pytest

import core
from core import jobs
from core.config import config_to_dict
from core.data import DEMO_TASK
from core.errors import RunError
from core.jobs import State
from tests.ui.conftest import QUICK
from tests.ui.screen import SECONDS

OTHER = core.TrainingConfig(
    markers=31,
    classifiers=("lr",),
    samplers=("loras",),
    n_splits=2,
    n_repeats=1,
    seed=3,
    min_logfc=0.5,
    loras=core.LorasConfig(n_affine=7, neighbour_space="pca"),
)


def start(kind, **config):
    """Do a run on the demo and return it."""
    whole = {"dataset": core.demo_reference().digest, "task": config_to_dict(DEMO_TASK)} | config
    run = jobs.wait(jobs.start(kind, whole, title=f"A {kind} run"), SECONDS)
    assert run.state is State.DONE, run.error
    return run


def training(config=OTHER):
    return start("train", training=config_to_dict(config))


@pytest.fixture
def runs(open_app):
    return open_app("runs")


def tick(screen, *wanted):
    """Select rows of the table as a user does."""
    screen.run()
    ids = [run.id for run in jobs.get_database().runs(limit=200)]
    rows = [ids.index(run.id) for run in wanted]
    table = screen.at.dataframe[0]
    screen.at.session_state[table.key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return screen.run()


def test_a_run_is_listed_with_its_kind_and_state(open_app):
    run = training()
    table = open_app("runs").table("Run", "Kind", "State")
    newest = table.iloc[0]
    assert (newest["Run"], newest["Kind"], newest["State"]) == (run.title, "Training", "done")
    assert len(table) == min(200, len(jobs.get_database().runs()))


def test_a_failed_run_says_why(open_app, demo):
    demo.upload("Reference file", "notes.h5ad", b"text")
    failed = demo.wait("reading")
    screen = open_app("runs")
    assert failed.error["message"] in screen.table("Run", "Message")["Message"].tolist()
    tick(screen, failed)
    assert "E-NOT-H5AD" in screen.text("error")
    assert screen.find("button", "Open").disabled


def test_without_a_ticked_run_nothing_can_be_opened_or_deleted(runs):
    assert runs.find("button", "Open").disabled
    assert runs.find("button", "Delete").disabled


def test_opening_a_training_brings_back_all_its_settings(runs):
    tick(runs, run := training()).click("Open")
    assert runs.title == "Train"
    assert runs.state.training == run.id
    assert runs.state.training_config() == OTHER
    assert (runs.state.label, runs.state.rare) == (DEMO_TASK.label, DEMO_TASK.rare)
    assert runs.run().find("number_input", "Shadow samples per cell (A)").value == 7
    assert runs.find("number_input", "Seed").value == 3
    assert runs.has("download_button", "Save model")
    assert "Settings changed" not in runs.text("warning")


def test_opening_a_markers_run_brings_back_its_settings(runs):
    settings = core.config.MarkerConfig(
        n=9, test="t-test", min_fraction=0.2, genes=("CD74", "SOX4")
    )
    tick(runs, start("markers", markers=config_to_dict(settings))).click("Open")
    assert runs.title == "Markers"
    assert runs.state.marker_config() == settings
    assert set(runs.table("gene", "auc")["gene"]) == {"CD74", "SOX4"}
    assert "Settings changed" not in runs.text("warning")


def test_opening_synthetic_cells_brings_back_their_number(runs):
    run = start("synthetic", training=config_to_dict(OTHER), n=50)
    tick(runs, run).click("Open")
    assert runs.title == "Synthetic cells"
    assert "50 synthetic cells from 10 real CD34+ cells, on 31 marker genes" in runs.text()
    assert runs.find("selectbox", "Synthetic cells to show").value == 50
    assert "Settings changed" not in runs.text("warning")


def test_opening_an_annotation_brings_back_query_and_model(open_app, trained):
    model = str(jobs.run_folder(trained.id) / "loras+knn.skops")  # not the recommended one
    config = {"dataset": core.demo_query().digest, "model": model}
    run = jobs.wait(jobs.start("annotate", config, title="Annotation"), SECONDS)
    screen = tick(open_app("runs"), run).click("Open")
    assert screen.title == "Annotate"
    assert screen.state.query == core.demo_query().digest
    assert len(screen.table("cell", "call")) == 175
    assert screen.find("selectbox", "Model").value == model
    assert "Annotate again" not in screen.text("warning")


def test_two_trainings_are_compared_method_by_method(runs):
    first, second = training(QUICK), training()
    tick(runs, first, second)
    table = runs.table("Run", "Method", "95 % interval of F1")
    assert table["Markers"].tolist() == [20, 20, 31]
    for run, row in ((first, 0), (second, 2)):
        expected = core.summarise(core.jobs.results.load_folds(jobs.run_folder(run.id))).table
        assert table["F1"][row] == pytest.approx(expected["f1_mean"].iloc[0])


def test_deleting_removes_exactly_the_ticked_runs(runs):
    kept, gone = training(), training()
    tick(runs, gone).click("Delete")
    with pytest.raises(RunError, match="no run with the id"):
        jobs.refresh(gone.id)
    assert not jobs.run_folder(gone.id).exists()
    assert jobs.refresh(kept.id) == kept
    assert jobs.run_folder(kept.id).is_dir()


def test_after_deleting_no_other_run_is_ticked(runs):
    training()
    tick(runs, training()).click("Delete")
    assert runs.find("button", "Delete").disabled, "a second press would delete the next one"


def test_a_new_run_does_not_move_the_ticks_to_other_runs(runs):
    wanted = training()
    tick(runs, wanted)
    newer = training()
    runs.run()
    if not runs.find("button", "Delete").disabled:
        runs.click("Delete")
    assert jobs.refresh(newer.id) == newer


def test_a_run_that_is_deleted_is_forgotten_by_the_session(with_model):
    run = training()
    screen = with_model("runs")
    screen.state.training = run.id
    tick(screen, run).click("Delete")
    assert screen.state.training is None
    screen.go("train")
    assert not screen.at.error


def test_a_run_under_way_cannot_be_deleted(runs, demo):
    demo.go("train").set("number_input", "Repeats", 20).click("Start training")
    run = jobs.refresh(demo.state.training)
    try:
        tick(runs, run)
        assert runs.find("button", "Delete").disabled
        assert runs.find("button", "Open").disabled
    finally:
        jobs.cancel(run.id)


def test_an_annotation_outlives_the_training_that_its_model_came_from(with_model):
    run = training()
    model = str(jobs.run_folder(run.id) / "loras+lr.skops")
    config = {"dataset": core.demo_query().digest, "model": model}
    done = jobs.wait(jobs.start("annotate", config, title="Annotation"), SECONDS)
    jobs.delete(run.id)
    screen = with_model("annotate")
    screen.state.query, screen.state.annotating = config["dataset"], done.id
    screen.run()
    assert not screen.at.error
    assert "3 of 175 cells" in screen.text("subheader")
