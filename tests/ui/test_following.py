"""Following runs: their place in the queue, two tabs, and going on after a worker was killed."""

from __future__ import annotations

import re
import time

import psutil
import pytest

import core
from core import jobs
from core.config import config_to_dict
from core.data import DEMO_MARKERS, DEMO_TASK
from core.jobs import State
from pages.ui.following import _time_left
from tests.suspending import suspend
from tests.ui.screen import SECONDS, runs_of

# More folds than can be over before a test has looked at them.
LONG = core.TrainingConfig(markers=DEMO_MARKERS, samplers=("none",), n_splits=5, n_repeats=20)


@pytest.fixture
def long_training(needle_home):
    """Start a training and stop its process after the first fold; end it afterwards."""
    config = {
        "dataset": core.demo_reference().digest,
        "task": config_to_dict(DEMO_TASK),
        "training": config_to_dict(LONG),
    }
    run_id = jobs.start("train", config, title="Long training")
    end = time.monotonic() + SECONDS
    while not folds_of(run_id) and time.monotonic() < end:
        time.sleep(0.02)
    worker = psutil.Process(jobs.refresh(run_id).pid)
    suspend(worker, needle_home / "needle.db")
    yield run_id, worker
    if worker.is_running():
        worker.resume()
    jobs.cancel(run_id)


def folds_of(run_id):
    return [e for e in jobs.get_database().events(run_id) if e.kind == "fold"]


def page_of(open_app, run_id, page="train"):
    config = jobs.get_database().get(run_id).config
    address = {"reference": config["dataset"], "label": DEMO_TASK.label, "rare": DEMO_TASK.rare}
    return open_app(page, **address, training=run_id)


def test_a_run_that_waits_shows_its_place_and_can_be_cancelled(
    open_app, long_training, monkeypatch
):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
    screen = page_of(open_app, long_training[0], "markers").click("Find markers")
    assert "Waits for its turn: 1st of 1 in the queue." in screen.text("markdown")
    screen.click("Cancel").run()
    assert "Cancelled" in screen.text("info")
    assert jobs.get_database().get(screen.state.finding).state is State.CANCELLED


def test_a_training_that_waits_says_so_where_its_progress_will_stand(
    open_app, long_training, monkeypatch
):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
    screen = page_of(open_app, long_training[0])
    screen.state.training = None
    screen.run().click("Start training")
    assert "Waits for its turn: 1st of 1 in the queue." in screen.text("markdown")
    assert not screen.at.get("progress")
    screen.click("Cancel")
    assert jobs.get_database().get(screen.state.training).state is State.CANCELLED


def test_two_tabs_that_press_one_button_follow_one_run(open_app, long_training, monkeypatch):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")  # so the first is not over when the second comes
    before = [run.id for run in runs_of("markers")]
    tabs = [page_of(open_app, long_training[0], "markers") for _ in range(2)]
    for tab in tabs:
        tab.click("Find markers")
    (run,) = runs_of("markers", besides=before)
    assert {tab.state.finding for tab in tabs} == {run.id}
    jobs.cancel(run.id)


def test_other_settings_are_another_run(open_app, long_training, monkeypatch):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
    before = [run.id for run in runs_of("markers")]
    first = page_of(open_app, long_training[0], "markers").click("Find markers")
    second = page_of(open_app, long_training[0], "markers")
    second.set("slider", "Number of markers", 7).click("Find markers")
    assert first.state.finding != second.state.finding
    for run in runs_of("markers", besides=before):
        jobs.cancel(run.id)


def test_a_killed_training_is_resumed_with_the_folds_that_were_there(open_app, long_training):
    run_id, worker = long_training
    done = len(folds_of(run_id))
    worker.kill()
    assert jobs.wait(run_id, SECONDS).state is State.FAILED
    screen = page_of(open_app, run_id)
    assert "E-WORKER-KILLED" in screen.text("error")
    assert "probably out of memory" in screen.text("error")
    screen.click("Resume")
    assert screen.state.training == run_id
    assert screen.find("button", "Start training").disabled
    assert "E-WORKER-KILLED" not in screen.text("error")
    assert re.search(r"over [1-9]\d* folds?", str(screen.at.get("plotly_chart")[0].proto))
    assert len(folds_of(run_id)) >= done
    jobs.cancel(run_id)
    assert not page_of(open_app, run_id).has("button", "Resume")


def test_a_run_that_ends_while_the_page_is_drawn_leaves_no_button_of_before(
    open_app, long_training, monkeypatch
):
    run_id, worker = long_training
    screen = page_of(open_app, run_id)
    refresh, asked = jobs.refresh, []

    def ends_in_between(run_id, **owner):
        asked.append(run_id)
        if len(asked) == 2:  # once for the buttons, then for the view below them
            worker.kill()
            jobs.wait(run_id, SECONDS)
        return refresh(run_id, **owner)

    monkeypatch.setattr(jobs, "refresh", ends_in_between)
    screen.run()
    assert "E-WORKER-KILLED" in screen.text("error")
    assert not screen.find("button", "Start training").disabled
    assert screen.find("button", "Cancel").disabled


def test_a_second_tab_that_resumes_too_late_follows(open_app, long_training):
    run_id, worker = long_training
    worker.kill()
    jobs.wait(run_id, SECONDS)
    tabs = [page_of(open_app, run_id) for _ in range(2)]
    for tab in tabs:
        tab.click("Resume")
        assert "E-RUN" not in tab.text("error")
        assert not tab.find("button", "Cancel").disabled
    jobs.cancel(run_id)


@pytest.mark.parametrize(
    ("progress", "already", "elapsed", "text"),
    [
        (0.25, 0.0, 10.0, " · about 30 s left"),
        (0.75, 0.5, 10.0, " · about 10 s left"),  # a resumed run: half was there before
        (0.5, 0.5, 10.0, ""),
        (0.0, 0.0, 10.0, ""),
        (1.0, 0.0, 10.0, ""),
    ],
)
def test_the_time_left_counts_only_what_was_done_since_the_start(progress, already, elapsed, text):
    assert _time_left(progress, already, elapsed) == text
