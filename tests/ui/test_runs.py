"""Runs: the list with its filters; open, rename, run again, resume, cancel, delete."""

import shutil

import psutil
import pytest

import core
from core import jobs
from core.config import config_to_dict
from core.data import DEMO_TASK
from core.errors import RunError
from core.jobs import State, requests
from pages.ui import following, history
from tests.suspending import suspend
from tests.ui.conftest import QUICK
from tests.ui.run_steps import OTHER, enter, figures, listed, start, tick, training
from tests.ui.screen import SECONDS, runs_of

INTERRUPTED = {"code": "E-RUN-INTERRUPTED", "message": "It was cut off.", "next_step": "Resume it."}


@pytest.fixture
def runs(open_app):
    return open_app("runs")


@pytest.fixture
def under_way(demo):
    """Return a training that is held after it has begun, and its session."""
    demo.go("train").set("number_input", "Repeats", 20).click("Start training")
    run_id = demo.state.training
    while (run := jobs.refresh(run_id)).state is State.QUEUED or run.pid is None:
        pass
    suspend(psutil.Process(run.pid), jobs.get_database().engine.url.database)
    yield jobs.refresh(run_id)
    jobs.cancel(run_id)


def test_a_run_is_listed_with_what_became_of_it(open_app):
    run = training(title="Newest of all")
    newest = open_app("runs").table("Run", "Kind", "State").iloc[0]
    assert (newest["Run"], newest["Kind"], newest["State"]) == (run.title, "Training", "done")
    assert newest["Message"].startswith(("Recommended: ", "No method"))
    assert newest["Peak memory"] == f"{run.peak_memory / 2**30:.3f} GB"
    assert newest["Took"].endswith(" s")


def test_runs_of_other_people_are_not_listed_nor_counted(open_app):
    enter(State.CANCELLED, title="Somebody else's", owner="https://issuer 7")
    screen = open_app("runs")
    assert "Somebody else's" not in screen.table("Run", "Kind")["Run"].tolist()
    screen.set("text_input", "Title contains", "Somebody else's")
    assert "No run fits these filters" in screen.text("info")


def test_filters_leave_only_runs_that_fit_all_of_them(runs):
    for state in (State.FAILED, State.CANCELLED):
        for kind in ("train", "layout"):
            enter(state, kind=kind, title=f"Filtered 100% {kind} {state}")
    runs.set("text_input", "Title contains", "filtered 100%")
    assert len(runs.table("Run", "Kind")) == 4
    runs.set("multiselect", "Kind", ["layout"])
    assert set(runs.table("Run", "Kind")["Kind"]) == {"Map"}
    runs.set("multiselect", "State", ["cancelled"])
    assert runs.table("Run", "Kind")["Run"].tolist() == ["Filtered 100% layout cancelled"]
    assert runs.go("train").go("runs").find("multiselect", "Kind").value == ["layout"]
    assert len(runs.table("Run", "Kind")) == 1


def test_more_runs_than_one_page_holds_are_reached_page_by_page(runs, monkeypatch):
    monkeypatch.setattr(history, "PER_PAGE", 3)
    for number in range(7):
        enter(State.CANCELLED, title=f"Paged run {number}")
    runs.set("text_input", "Title contains", "Paged run")
    seen = []
    for page in (1, 2, 3):
        if page > 1:
            runs.at.pagination[0].set_value(page)
            runs.run()
        seen += runs.table("Run", "Kind")["Run"].tolist()
    assert seen == [f"Paged run {number}" for number in range(6, -1, -1)]
    assert "7 to 7 of 7 runs" in runs.text("caption")
    runs.set("text_input", "Title contains", "Paged run 3")
    assert runs.table("Run", "Kind")["Run"].tolist() == ["Paged run 3"]


def test_a_waiting_run_says_its_place_in_the_queue(runs, monkeypatch):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
    place = jobs.Place(2, 3, "Waits for its turn: 2nd of 3 in the queue.")
    monkeypatch.setattr(jobs, "queue_place", lambda run_id: place)
    monkeypatch.setattr(jobs.Run, "is_waiting", property(lambda run: run.title == "Waiting"))
    enter(State.CANCELLED, title="Waiting")
    newest = runs.run().table("Run", "Message").iloc[0]
    assert newest["Message"] == place.reason


def test_a_failed_run_says_why(open_app, demo):
    demo.upload("Reference file", "notes.h5ad", b"text")
    failed = demo.wait("reading")
    screen = open_app("runs")
    assert failed.error["message"] in screen.table("Run", "Message")["Message"].tolist()
    tick(screen, failed)
    assert "E-FILE-FORMAT" in screen.text("error")
    assert failed.error["next_step"] in screen.text("error")
    assert screen.find("button", "Run again").disabled, "its upload is gone"
    assert "load it again" in screen.find("button", "Run again").help


def test_the_ticked_run_is_described_in_full(runs):
    run = training(title="Described *run*")
    tick(runs, run)
    facts, settings = (table.value.iloc[:, 0].to_dict() for table in runs.at.table)
    facts = {name: value.replace("\\", "") for name, value in facts.items()}
    assert facts["State"] == "done"
    assert facts["Digest of the dataset"] == run.config["dataset"]
    assert facts["Seed"] == "3"
    assert {"Created", "Started", "Finished", "Took", "Peak memory"} <= set(facts)
    assert settings["Seed"] == "3"
    assert settings["Neighbours are sought in"] == "PCA"
    assert "Described *run*" in runs.text("subheader")
    assert f"needle {core.__version__}" in runs.text("caption")


def test_without_a_ticked_run_nothing_can_be_done(runs):
    for label in ("Open", "Run again", "Cancel", "Delete"):
        assert runs.find("button", label).disabled


def test_opening_a_training_brings_everything_back_as_it_was(open_app, demo):
    run = training()
    screen = tick(open_app("runs"), run).click("Open").run()
    assert screen.title == "Train"
    before = figures(screen), screen.at.dataframe[0].value
    usual = training(QUICK)
    tick(screen.go("runs"), usual).click("Open").run()
    screen.set("number_input", "Seed", 77).set("number_input", "Noise", 0.2)
    assert figures(screen) != before[0]
    tick(screen.go("runs"), run).click("Open").run()
    assert screen.state.training == run.id
    assert screen.state.training_config() == OTHER
    assert (screen.state.dataset, screen.state.task) == (run.config["dataset"], DEMO_TASK)
    assert "Settings changed" not in screen.text("warning")
    assert figures(screen) == before[0]
    assert len(before[0]) == 4
    assert screen.at.dataframe[0].value.equals(before[1])
    values = {w.label: w.value for kind in ("number_input", "selectbox", "multiselect")
              for w in getattr(screen.at, kind)}  # fmt: skip
    assert values | {
        "Classifiers": ["lr"], "Samplers": ["loras"], "Folds": 2, "Repeats": 1, "Seed": 3,
        "Neighbours (k)": 4, "Shadow samples per cell (A)": 7, "Noise": 0.01,
        "Neighbours are sought in": "pca", "Threshold chosen for": "f1",
    } == values  # fmt: skip
    screen.go("markers")
    assert screen.find("slider", "Number of markers").value == 31
    assert screen.find("selectbox", "Marker test").value == "t-test"
    assert screen.find("number_input", "Minimum fraction").value == 0.2
    assert screen.find("number_input", "Minimum log fold change").value == 0.5


def test_opening_a_run_under_way_opens_its_live_view(open_app, under_way):
    screen = open_app("runs")
    tick(screen, under_way)
    assert screen.find("button", "Delete").disabled
    assert screen.find("button", "Run again").disabled
    screen.click("Open").run()
    assert screen.title == "Train"
    assert screen.state.training == under_way.id
    assert screen.find("button", "Start training").disabled
    assert screen.find("number_input", "Repeats").value == 20


def test_opening_a_failed_training_shows_its_settings_and_why(runs):
    failed = enter(State.FAILED, title="Failed training", error=INTERRUPTED | {"code": "E-MEMORY"})
    tick(runs, failed).click("Open").run()
    assert runs.state.training_config() == OTHER
    assert "E-MEMORY" in runs.text("error")


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
    screen = tick(open_app("runs"), run)
    assert "CD34+ · loras+knn" in screen.at.table[1].value.loc["Model"].iloc[0].replace("\\", "")
    screen.click("Open")
    assert screen.title == "Annotate"
    assert screen.state.query == core.demo_query().digest
    assert len(screen.table("cell", "call")) == 175
    assert screen.find("selectbox", "Model").value == model
    assert "Annotate again" not in screen.text("warning")


@pytest.mark.parametrize(("part", "page", "step"), [
    ("reference", "Reference", "dataset"), ("query", "Annotate", "query"),
])  # fmt: skip
def test_opening_a_reading_brings_its_cells_back(open_app, part, page, step):
    run = jobs.wait(jobs.start("read", {"demo": part}, title=f"Read {part}"), SECONDS)
    screen = tick(open_app("runs"), run).click("Open").run()
    assert screen.title == page
    assert getattr(screen.state, step) == run.summary["dataset"]


def test_opening_a_map_leads_to_its_reference(runs):
    run = start("layout")
    tick(runs, run).click("Open").run()
    assert runs.title == "Reference"
    assert runs.state.dataset == run.config["dataset"]
    assert len(figures(runs)) == 1


def test_a_run_whose_cells_are_gone_says_so(runs):
    gone = enter(State.CANCELLED, title="Gone", config={"dataset": "ab" * 32})
    tick(runs, gone)
    assert runs.find("button", "Run again").disabled
    assert "not here any more" in runs.at.table[0].value.loc["Dataset"].iloc[0]
    runs.click("Open")
    assert runs.title == "Runs"
    assert "E-DATASET-UNKNOWN" in runs.text("error")


def test_a_run_gets_another_title(runs):
    run = enter(State.CANCELLED, title="Old title")
    tick(runs, run).find("text_input", "Title").set_value("  New *title* ")
    runs.click("Rename")
    assert jobs.refresh(run.id).title == "New *title*"
    assert runs.table("Run", "Kind")["Run"].iloc[0] == "New *title*"
    assert runs.find("text_input", "Title").value == "New *title*", "it is ticked still"
    runs.set("text_input", "Title", "   ").click("Rename")
    assert "needs a title" in runs.text("warning")
    assert jobs.refresh(run.id).title == "New *title*"


def test_run_again_starts_the_same_once_more_and_follows_it(runs):
    run = training()
    known = [one.id for one in runs_of("train")]
    tick(runs, run).click("Run again")
    (new,) = runs_of("train", besides=known)
    assert (new.config, new.title) == (run.config, run.title)
    assert runs.title == "Train"
    assert runs.state.training == new.id
    again = runs.wait("training")
    assert again.state is State.DONE
    assert again.summary == run.summary


def test_run_again_twice_at_once_starts_one_run(open_app, under_way):
    over = enter(State.CANCELLED, title="Same settings", config=under_way.config)
    known = [one.id for one in runs_of("train")]
    screen = tick(open_app("runs"), over).click("Run again")
    assert runs_of("train", besides=known) == []
    assert screen.state.training == under_way.id


def test_run_again_twice_at_once_starts_one_annotation_also_from_the_runs_own_model(
    open_app, trained, monkeypatch, tmp_path
):
    model = tmp_path / "gone soon.skops"
    shutil.copy(jobs.run_folder(trained.id) / "loras+knn.skops", model)
    config = {"dataset": core.demo_query().digest, "model": str(model)}
    over = jobs.wait(jobs.start("annotate", config, title="Of a model that goes"), SECONDS)
    assert over.state is State.DONE, over.error
    model.unlink()
    monkeypatch.setattr(requests, "dispatch", lambda: None)  # so both are in the queue at once
    known = [one.id for one in runs_of("annotate")]
    begun = {following.begin_again(over).id for _ in range(2)}
    (new,) = runs_of("annotate", besides=known)
    assert begun == {new.id}
    assert new.config["model"] != over.config["model"]
    jobs.cancel(new.id)


def test_an_interrupted_training_is_resumed_under_its_own_id(runs):
    run = enter(State.INTERRUPTED, title="Interrupted", error=INTERRUPTED)
    tick(runs, run).click("Resume")
    assert runs.title == "Train"
    assert runs.state.training == run.id
    assert runs.wait("training").state is State.DONE


def test_only_what_can_go_on_is_offered_to_be_resumed(runs):
    tick(runs, enter(State.CANCELLED, title="Not resumable"))
    assert not runs.has("button", "Resume")


def test_resume_is_not_advised_where_the_cells_are_gone(runs):
    error = INTERRUPTED | {"next_step": "Press `Resume`: only what is missing is computed."}
    config = {"dataset": "ab" * 32}
    tick(runs, enter(State.INTERRUPTED, title="Gone", error=error, config=config))
    assert not runs.has("button", "Resume")
    assert "Resume" not in runs.text("error")
    assert "load it again" in runs.text("error")


def test_a_run_is_cancelled_from_the_list(open_app, under_way):
    screen = tick(open_app("runs"), under_way).click("Cancel")
    assert jobs.refresh(under_way.id).state is State.CANCELLED
    assert screen.table("Run", "State")["State"][listed(screen).index(under_way.id)] == "cancelled"
    assert "Nothing was kept of it" in screen.text("info"), "it is ticked still"
    assert screen.find("button", "Cancel").disabled


def test_deleting_asks_once_more(runs):
    run = enter(State.CANCELLED, title="Kept after all")
    tick(runs, run).click("Delete")
    assert jobs.refresh(run.id) == run
    runs.click("Keep")
    assert not runs.has("button", "Delete this run")
    assert jobs.refresh(run.id) == run


def test_deleting_removes_exactly_the_ticked_runs(runs):
    kept, gone, other = training(), training(), enter(State.CANCELLED, title="Other")
    tick(runs, gone, other).click("Delete").click("Delete these 2 runs")
    for run in (gone, other):
        with pytest.raises(RunError, match="no run with the id"):
            jobs.refresh(run.id)
        assert not jobs.run_folder(run.id).exists()
    assert jobs.refresh(kept.id) == kept
    assert jobs.run_folder(kept.id).is_dir()
    assert runs.find("button", "Delete").disabled, "a second press would delete the next one"


def test_what_is_ticked_after_the_question_is_not_deleted_by_the_answer(runs):
    asked, other = (enter(State.CANCELLED, title=f"Question {i}") for i in range(2))
    tick(runs, asked).click("Delete")
    tick(runs, other)
    assert not runs.has("button", "Delete this run")


def test_a_new_run_leaves_the_ticks_where_they_were(runs):
    wanted = enter(State.CANCELLED, title="Ticked")
    tick(runs, wanted)
    newer = enter(State.CANCELLED, title="Newer")
    runs.run()
    assert "Ticked" in runs.text("subheader")
    runs.click("Delete").click("Delete this run")
    assert jobs.refresh(newer.id) == newer
    with pytest.raises(RunError, match="no run with the id"):
        jobs.refresh(wanted.id)


def test_a_run_that_filters_hide_is_not_ticked_any_more(runs):
    tick(runs, enter(State.CANCELLED, title="Hidden soon"))
    enter(State.CANCELLED, title="Still shown")
    runs.set("text_input", "Title contains", "Still shown")
    assert runs.find("button", "Delete").disabled


def test_a_run_that_is_deleted_is_forgotten_by_the_session(with_model):
    run = training()
    screen = with_model("runs")
    screen.state.training = run.id
    screen.state.model = str(jobs.run_folder(run.id) / "loras+lr.skops")
    tick(screen, run).click("Delete").click("Delete this run")
    assert screen.state.training is None
    assert screen.state.model is None
    screen.go("train")
    assert not screen.at.error


def test_an_annotation_outlives_the_training_that_its_model_came_from(open_app):
    run = training()
    model = str(jobs.run_folder(run.id) / "loras+lr.skops")
    config = {"dataset": core.demo_query().digest, "model": model}
    done = jobs.wait(jobs.start("annotate", config, title="Annotation"), SECONDS)
    jobs.delete(run.id)
    screen = tick(open_app("runs"), done).click("Open").run()
    assert not screen.at.error
    assert "3 of 175 cells" in screen.text("subheader")


def test_an_empty_history_says_so(empty_home, open_app):
    screen = open_app("runs")
    assert "Nothing was run yet" in screen.text("info")
    assert not screen.at.dataframe
