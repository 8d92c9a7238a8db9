"""Models: a library of one's own, in which every model can be found, used, renamed and deleted."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import jobs
from core.jobs import State, library
from core.jobs.library import models, save_model
from core.model import load_model
from tests.model_parts import change_header

ARCHIVE = Path(__file__).parents[1] / "archive"
LR, KNN = ARCHIVE / "model-1.skops", ARCHIVE / "model-2.skops"
ADA = {"is_logged_in": True, "iss": "https://id.test", "sub": "ada", "name": "Ada"}
BOB = {"is_logged_in": True, "iss": "https://id.test", "sub": "bob", "name": "Bob"}


@pytest.fixture
def kept(empty_home):
    """Two models in an empty library: the newer one first."""
    old, new = save_model(LR, name="Of format 1"), save_model(KNN, name="Of *format* 2")
    return new, old


def tick(screen, model):
    """Select the row of a model, as a click into the table does."""
    table, ids = screen.at.dataframe[0], [one.id for one in models()]
    rows = {"rows": [ids.index(model.id)], "columns": [], "cells": []}
    screen.at.session_state[table.key] = {"selection": rows}
    return screen.run()


def listed(screen):
    return list(screen.table("Name", "F1")["Name"])


def put(screen, path, name="from a friend.skops"):
    screen.upload("Model file", name, path if isinstance(path, bytes) else path.read_bytes())
    return screen.wait("importing")


# The list -----------------------------------------------------------------------------------------


def test_an_empty_library_says_how_to_fill_it(empty_home, open_app):
    screen = open_app("models")
    assert screen.title == "Models"
    assert "No model is kept yet" in screen.text("info")
    assert "train" in screen.links
    assert screen.has("file_uploader", "Model file")
    assert not screen.has("text_input", "Search")


def test_the_table_says_what_each_model_is_and_how_well_it_does(kept, open_app):
    table = open_app("models").table("Name", "F1")
    assert list(table.columns) == [
        "Name", "Rare type", "Method", "Genes", "F1", "Precision", "Recall", "Reference", "Date",
    ]  # fmt: skip
    for (_, row), model in zip(table.iterrows(), kept, strict=True):
        assert row["Name"] == model.name
        assert row["Rare type"] == "CD34+"
        assert row["Genes"] == 10
        assert row["F1"] == model.metrics["f1_mean"]
        assert row["Precision"] == model.metrics["precision_mean"]
        assert row["Recall"] == model.metrics["recall_mean"]
        assert row["Reference"] == "Demo reference (PBMC)"
        assert row["Date"].timestamp() == model.created.timestamp()
    assert list(table["Method"]) == ["LoRAS + knn", "LoRAS + lr"]


def test_a_model_that_was_not_scored_has_no_scores(empty_home, open_app, trained_without_scores):
    screen = open_app("models")
    row = screen.table("Name", "F1").iloc[0]
    assert np.isnan([row["F1"], row["Precision"], row["Recall"]]).all()
    tick(screen, trained_without_scores)
    assert "This model was not scored" in screen.text("info")


@pytest.fixture
def trained_without_scores(empty_home, tmp_path):
    replace(load_model(LR), metrics={}).save(tmp_path / "model.skops")
    return save_model(tmp_path / "model.skops")


def test_precision_of_no_calls_at_all_is_none(empty_home, open_app, tmp_path):
    model = load_model(LR)
    nothing = {**model.metrics, "tp": 0.0, "fp": 0.0, "precision_mean": 0.0, "recall_mean": 0.0}
    replace(model, metrics=nothing).save(tmp_path / "model.skops")
    save_model(tmp_path / "model.skops")
    row = open_app("models").table("Name", "F1").iloc[0]
    assert np.isnan(row["Precision"])
    assert row["Recall"] == 0


def test_a_search_narrows_the_list(kept, open_app):
    screen = open_app("models")
    assert listed(screen) == ["Of *format* 2", "Of format 1"]
    screen.set("text_input", "Search", "format 1")
    assert listed(screen) == ["Of format 1"]
    screen.set("text_input", "Search", "nothing of the kind")
    assert "No model fits" in screen.text("info")
    assert screen.has("file_uploader", "Model file")


# One model ----------------------------------------------------------------------------------------


def test_the_ticked_model_is_described_in_full(kept, open_app):
    screen = tick(open_app("models"), kept[0])
    text = screen.text("markdown", "caption", "subheader")
    assert "Of *format* 2" in screen.text("subheader")
    for gene in kept[0].genes:
        assert gene in text
    assert "Demo reference (PBMC), 10 of 525 cells, 1 in 52" in text
    assert "bulk_labels" in text
    assert "LoRAS: k automatic, A automatic, noise 0.005" in text
    assert "Synthetic cells: 505" in text
    assert "knn: 30 neighbours" in text
    assert "model format 2" in text
    assert "written by Needle 0.2.0" in text
    assert hashlib.sha256(KNN.read_bytes()).hexdigest() in text
    scores = screen.table("Score", "Mean", "95 % interval").set_index("Score")
    low, high = kept[0].metrics["f1_low"], kept[0].metrics["f1_high"]
    assert scores.loc["F1", "Mean"] == kept[0].metrics["f1_mean"]
    assert scores.loc["F1", "95 % interval"] == f"{low:.2f} to {high:.2f}"


def test_a_model_of_an_older_version_is_described_as_far_as_it_is_known(kept, open_app):
    screen = tick(open_app("models"), kept[1])
    assert "model format 1" in screen.text("caption")
    assert "written by" not in screen.text("caption")


def test_a_setting_that_a_file_leaves_out_is_shown_as_the_usual_one(empty_home, open_app, tmp_path):
    path = tmp_path / "bare.skops"
    path.write_bytes(KNN.read_bytes())
    change_header(path, config={"classifiers": ["knn"]})
    model = save_model(path, name="Bare")
    screen = tick(open_app("models"), model)
    text = screen.text("markdown")
    assert "50 by wilcoxon, in at least 10 % of the cells, log2 fold change from 0.25" in text
    assert "LoRAS: k automatic, A automatic, noise 0.005" in text


@pytest.mark.parametrize(
    "change",
    [
        {"created": "9999-12-31T23:59:59+00:00"},
        {"reference": {"name": "a", "digest": "b", "n_cells": 10**400, "n_rare": 3}},
    ],
    ids=["end of the calendar", "too many cells"],
)
def test_a_file_that_no_page_could_show_does_not_get_into_the_library(
    kept, open_app, tmp_path, change
):
    path = tmp_path / "odd.skops"
    path.write_bytes(KNN.read_bytes())
    change_header(path, **change)
    screen = open_app("models")
    run = put(screen, path)
    assert (run.state, run.error["code"]) == (State.FAILED, "E-MODEL-DAMAGED")
    assert len(listed(screen)) == 2


def test_a_kept_file_that_was_altered_by_hand_is_said_to_be_damaged(kept, open_app):
    change_header(kept[0].path, config={"markers": 0})
    assert "E-MODEL-DAMAGED" in tick(open_app("models"), kept[0]).text("error")


def test_where_a_model_is_downloaded_it_says_what_the_file_gives_away(kept, open_app):
    note = "contains the expression of its marker genes in the reference's cells"
    assert note in tick(open_app("models"), kept[0]).text("caption")


def test_train_says_it_too(with_model):
    text = with_model("train").text("caption")
    assert "contains the expression of its marker genes in the reference's cells" in text
    assert "knn" in text


def test_the_download_is_the_file_that_was_kept(kept, open_app):
    screen = tick(open_app("models"), kept[0])
    assert screen.download("Download model") == KNN.read_bytes()


def test_a_model_whose_file_is_gone_can_still_be_deleted(kept, open_app):
    kept[0].path.unlink()
    screen = tick(open_app("models"), kept[0])
    assert "E-MODEL-MISSING" in screen.text("error")
    screen.click("Delete").click("Delete this model")
    assert listed(screen) == ["Of format 1"]


def test_renaming_changes_the_table_and_keeps_the_tick(kept, open_app):
    screen = tick(open_app("models"), kept[1])
    screen.set("text_input", "Name", "Stem cells").click("Rename").run()
    assert listed(screen) == ["Of *format* 2", "Stem cells"]
    assert "Stem cells" in screen.text("subheader")
    screen.set("text_input", "Name", "  ").click("Rename")
    assert "E-MODEL-NAME" in screen.text("error")
    assert listed(screen) == ["Of *format* 2", "Stem cells"]


def test_delete_asks_once_more(kept, open_app):
    screen = tick(open_app("models"), kept[0]).click("Delete")
    assert "for good" in screen.text("markdown")
    assert len(models()) == 2
    screen.click("Keep").run()
    assert not screen.has("button", "Delete this model")
    assert len(models()) == 2
    screen.click("Delete").click("Delete this model").run()
    assert listed(screen) == ["Of format 1"]
    assert not kept[0].path.exists()


def test_a_model_is_used_in_annotate(kept, open_app):
    screen = tick(open_app("models"), kept[1]).click("Use it in Annotate").run()
    assert screen.title == "Annotate"
    model = screen.find("selectbox", "Model")
    assert model.value == str(kept[1].path)
    assert model.options[0] == "Of format 1 · in the library"
    assert "Of *format* 2 · in the library" in model.options


# Files --------------------------------------------------------------------------------------------


def test_a_file_is_added_and_ticked_under_its_own_name(kept, open_app, tmp_path):
    path = tmp_path / "new.skops"
    load_model(LR).save(path)
    screen = open_app("models")
    assert put(screen, path).state is State.DONE
    assert sorted(listed(screen)) == ["Of *format* 2", "Of format 1", "from a friend"]
    assert "from a friend" in screen.text("subheader")


def test_a_file_that_is_there_already_is_not_doubled_but_ticked(kept, open_app):
    screen = open_app("models")
    assert put(screen, LR).summary["model_id"] == kept[1].id
    assert listed(screen) == ["Of *format* 2", "Of format 1"]
    assert "Of format 1" in screen.text("subheader")


def test_a_file_that_is_no_model_is_refused_and_nothing_is_kept(kept, open_app):
    screen = open_app("models")
    assert put(screen, b"just text", "notes.skops").state is State.FAILED
    assert "E-MODEL-FILE" in screen.text("error")
    assert "notes.skops" in screen.text("error")
    assert len(models()) == 2


# From the training --------------------------------------------------------------------------------


def test_a_trained_model_is_kept_under_a_proposed_name_and_offered_on_annotate(with_model, trained):
    for one in models():  # another test may have uploaded the very same file
        library.delete_model(one.id)
    screen = with_model("train")
    assert screen.has("download_button", "Save model")
    assert screen.find("text_input", "Name").value == "CD34+ · LoRAS + lr · Demo reference (PBMC)"
    screen.set("text_input", "Name", "My stem cells").click("Keep in library")
    assert "Kept as My stem cells — see Models" in screen.text("success").replace("**", "")
    (model,) = [one for one in models() if one.run_id == trained.id]
    try:
        assert (model.name, model.method) == ("My stem cells", "loras+lr")
        assert (
            model.path.read_bytes() == (jobs.run_folder(trained.id) / "loras+lr.skops").read_bytes()
        )
        assert "models" in screen.links
        assert not screen.run().has("button", "Keep in library")
        screen.set("selectbox", "Method of the model", "loras+knn")
        assert screen.has("button", "Keep in library")
        offered = screen.go("annotate").find("selectbox", "Model").options
        assert "LoRAS + lr, recommended" in offered[0]
        assert "LoRAS + knn" in offered[1]
        assert offered[2] == "My stem cells · in the library"
    finally:
        library.delete_model(model.id)


# People -------------------------------------------------------------------------------------------


def test_nobody_sees_the_models_of_others(empty_home, open_app):
    save_model(LR, name="Ada's", owner="https://id.test ada")
    save_model(KNN, name="Everybody's of before", owner=jobs.LOCAL)
    assert listed(open_app("models", person=ADA)) == ["Ada's"]
    bob = open_app("models", person=BOB)
    assert "No model is kept yet" in bob.text("info")
    assert "Ada" not in bob.text()
    assert bob.go("annotate").find("selectbox", "Model").options == []


def test_what_somebody_uploads_is_theirs(empty_home, open_app):
    screen = open_app("models", person=ADA)
    put(screen, LR)
    (model,) = models()
    assert model.owner == "https://id.test ada"
    assert listed(screen) == ["from a friend"]
