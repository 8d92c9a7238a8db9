"""Explore parameters: the form, a search under way, what it found, and a setting taken over."""

import base64
import io
import time

import numpy as np
import pandas as pd
import psutil
import pytest

import core
from core import jobs
from core.config import config_from_dict, config_to_dict
from core.data import DEMO_TASK
from core.jobs import State
from core.jobs.exploring import load_search
from core.jobs.settings import settings
from core.search import SearchConfig, SearchSpace
from core.search.view import same_search
from core.search.words import chosen_again, result_sentence, searched_sentence, setting_words
from core.text import method_label
from pages.ui.search_live import OPTIMISTIC
from tests.suspending import suspend
from tests.ui.run_steps import figures, tick
from tests.ui.screen import SECONDS, runs_of

QUICK_SPACE = SearchSpace(
    markers=(5, 20),
    marker_test=("wilcoxon",),
    samplers=("none", "weights"),
    classifiers=("lr",),
    target_ratio=(0.5, 1.0),
    lr_c=(1.0,),
)
# As the state is in a new session of the demo, which looks at 20 markers.
BASE = core.TrainingConfig(markers=20)
QUICK = SearchConfig(space=QUICK_SPACE, strategy="grid", n_splits=3, base=BASE)


@pytest.fixture
def explore(demo):
    """Return the page of the demo."""
    return demo.go("explore")


@pytest.fixture(scope="module")
def searched(needle_home):
    """Return a finished search on the demo, of six settings."""
    run = jobs.wait(start(QUICK), SECONDS)
    assert run.state is State.DONE, run.error
    return run


@pytest.fixture
def found(open_app, searched):
    """Return the page with that search."""
    return page_of(open_app, searched)


@pytest.fixture
def under_way(needle_home):
    """Start a search and stop its process after the third setting; end it afterwards."""
    run_id = start(SearchConfig(n_settings=300, base=BASE), title="A long search")
    end = time.monotonic() + SECONDS
    while len(settings_of(run_id)) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    worker = psutil.Process(jobs.refresh(run_id).pid)
    suspend(worker, needle_home / "needle.db")
    yield jobs.get_database().get(run_id), worker
    if worker.is_running():
        worker.resume()
    jobs.cancel(run_id)


def start(search, title="A search"):
    config = {
        "dataset": core.demo_reference().digest,
        "task": config_to_dict(DEMO_TASK),
        "search": config_to_dict(search),
    }
    return jobs.start("explore", config, title=title)


def page_of(open_app, run, page="explore"):
    address = {"reference": run.config["dataset"], "label": DEMO_TASK.label}
    return open_app(page, **address, rare=DEMO_TASK.rare, exploration=run.id)


def settings_of(run_id):
    return [e for e in jobs.get_database().events(run_id) if e.kind == "setting"]


def quick(screen):
    """Describe the search of `QUICK` in the form."""
    screen.set("multiselect", "Samplers", ["none", "weights"])
    screen.set("multiselect", "Classifiers", ["lr"])
    screen.set("text_input", "Number of markers", "5, 20")
    screen.set("text_input", "Target ratio", "0.5 1")
    screen.set("text_input", "lr: C", "1")
    screen.set("selectbox", "Search", "grid")
    return screen.set("number_input", "Folds", 3)


def numbers(packed):
    """Unpack an array of a figure."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).tolist()


def texts(screen):
    return {field.label: field.value for field in screen.at.text_input}


def started(screen):
    """Start the search on the screen, end it at once, and return what it was to search."""
    before = [run.id for run in runs_of("explore")]
    screen.click("Start search")
    (run,) = runs_of("explore", besides=before)
    jobs.cancel(run.id)
    return config_from_dict(SearchConfig, run.config["search"])


def chosen_row(screen, row):
    table = next(t for t in screen.at.dataframe if "Calls" in t.value.columns)
    screen.at.session_state[table.key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return screen.run()


def test_the_form_offers_ranges_that_fit_the_cluster(explore):
    assert texts(explore) == {
        "Number of markers": "10, 20, 50, 100",
        "Target ratio": "0.25, 0.5, 1",
        "Neighbours (k)": "3, 5",
        "Shadow samples per cell (A)": "auto, 3, 10",
        "Noise": "",
        "SMOTE neighbours": "3, 5",
        "knn: neighbours": "5, 15, 30",
        "lr: C": "0.1, 1, 10",
    }
    assert explore.find("number_input", "Settings to try").value == 60
    assert "60 settings, 900 fits, about " in explore.text("markdown")
    explore.state.rare = "Dendritic"  # 180 cells
    assert texts(explore.run())["Neighbours (k)"] == "5, 15, 30"


@pytest.mark.parametrize(
    ("label", "values", "gone", "shown"),
    [
        ("Classifiers", ["knn"], {"lr: C"}, set()),
        ("Classifiers", ["svm", "forest"], {"lr: C", "knn: neighbours"},
         {"svm: C", "forest: trees"}),
        ("Classifiers", ["boosting", "mlp"], {"lr: C", "knn: neighbours"},
         {"boosting: learning rate", "mlp: hidden units"}),
        ("Samplers", ["none", "smote"],
         {"Neighbours (k)", "Shadow samples per cell (A)", "Noise"}, set()),
        ("Samplers", ["none"], {"Target ratio", "SMOTE neighbours", "Neighbours (k)", "Noise",
         "Shadow samples per cell (A)"}, set()),
    ],
)  # fmt: skip
def test_only_what_matters_for_the_chosen_methods_is_asked(explore, label, values, gone, shown):
    before = set(texts(explore))
    explore.set("multiselect", label, values)
    assert set(texts(explore)) == before - gone | shown


def test_the_form_says_what_is_searched(explore):
    search = started(quick(explore))
    assert same_search(search, QUICK)
    assert search.space.markers == (5, 20)
    assert search.space.target_ratio == (0.5, 1.0)


def test_lists_are_read_in_many_ways_and_reach_the_search(explore):
    explore.set("text_input", "Number of markers", "5-15 step 5; 30")
    explore.set("text_input", "Neighbours (k)", "auto 4")
    explore.set("multiselect", "Marker test", ["t-test", "wilcoxon"])
    explore.set("number_input", "Settings to try", 7)
    explore.set("selectbox", "Goal", "average_precision")
    explore.set("number_input", "Seed", 3)
    search = started(explore)
    assert search.space.markers == (5, 10, 15, 30)
    assert search.space.loras_n_neighbors == (None, 4)
    assert search.space.marker_test == ("t-test", "wilcoxon")
    assert (search.strategy, search.n_settings) == ("random", 7)
    assert (search.objective, search.seed) == ("average_precision", 3)


def test_a_list_that_cannot_be_read_is_refused_and_the_last_good_one_stays(explore):
    explore.set("text_input", "Number of markers", "5, 20")
    explore.set("text_input", "Number of markers", "5, twenty")
    said = explore.text("error")
    assert "`Number of markers` could not be read: 'twenty' is no number." in said
    assert "Write numbers like `5, 10, 20` or a range like `5-50 step 5`." in said
    assert "Until then it stays 5, 20." in said
    assert "E-SEARCH-RANGE" in said
    assert texts(explore)["Number of markers"] == "5, twenty", "nobody's typing is taken away"
    assert started(explore).space.markers == (5, 20)


def test_a_number_that_is_not_allowed_is_refused_with_the_limits(explore):
    explore.set("text_input", "Target ratio", "0.5, 2")
    said = explore.text("error")
    assert "`Target ratio` could not be read: it takes numbers from 0.05 to 1, and got 2." in said
    assert "Until then it stays 0.25, 0.5, 1." in said


def test_an_empty_list_means_what_the_page_train_says(explore):
    field = explore.set("text_input", "lr: C", "").find("text_input", "lr: C")
    assert field.placeholder == "1, as on Train"
    explore.set("multiselect", "Marker test", [])
    assert not explore.at.error
    search = started(explore)
    assert search.space.lr_c == search.space.marker_test == ()
    assert search.base.classifier.lr_c == 1.0


@pytest.mark.parametrize("label", ["Classifiers", "Samplers"])
def test_without_a_method_nothing_can_be_started(explore, label):
    explore.set("multiselect", label, [])
    assert "Choose at least one classifier and one sampler." in explore.text("info")
    assert explore.find("button", "Start search").disabled


def test_a_grid_that_is_too_large_is_refused_before_it_starts(explore):
    explore.set("text_input", "Number of markers", "5-200 step 5")
    explore.set("text_input", "knn: neighbours", "1-19")
    explore.set("text_input", "lr: C", "1-40 step 1")
    assert "60 settings" in explore.text("markdown")
    explore.set("selectbox", "Search", "grid")
    said = explore.text("error")
    assert "A full grid may have at most 5,000 settings. Got " in said
    assert "choose a random search or successive halving." in said
    assert "E-SEARCH-LARGE" in said
    assert explore.find("button", "Start search").disabled
    assert explore.find("number_input", "Settings to try").disabled


def test_settings_that_do_not_fit_the_cluster_are_announced(explore):
    quick(explore).set("multiselect", "Samplers", ["none", "loras"])
    explore.set("text_input", "Shadow samples per cell (A)", "auto")
    explore.set("text_input", "Neighbours (k)", "2, 60")
    assert "6 settings, 36 fits, " in explore.text("markdown")
    assert "4 more do not fit this cluster, and will not be tried." in explore.text("markdown")


def test_own_genes_leave_no_number_of_markers_to_vary(demo):
    demo.state.genes = ("CD34", "SOX4")
    demo.go("explore")
    assert "Number of markers" not in texts(demo)
    assert not demo.has("multiselect", "Marker test")
    assert "Your own 2 genes are used: their number does not vary." in demo.text("caption")


def test_without_a_reference_there_is_no_form(open_app):
    screen = open_app("explore")
    assert "Load a reference first" in screen.text("info")
    assert not screen.at.text_input


def test_a_tiny_cluster_gets_a_sentence_and_no_form(open_app, h5ad):
    obs = {"kind": ["tiny"] * 4 + ["five"] * 5 + ["many"] * 516}
    screen = open_app("reference").upload(
        "Reference file", "small.h5ad", h5ad("reference", obs=obs)
    )
    screen.wait("reading")
    screen.go("markers").set("selectbox", "Rare cell type", "tiny").go("explore")
    assert "There are only 4 cells of a kind" in screen.text("info")
    assert not screen.has("button", "Start search")
    assert not screen.at.text_input
    assert "train" in screen.links
    screen.go("markers").set("selectbox", "Rare cell type", "five").go("explore")
    assert screen.has("button", "Start search")


def test_a_search_runs_and_says_what_the_best_is_worth(explore):
    quick(explore).click("Start search")
    run = explore.wait("exploring")
    assert run.state is State.DONE, run.error
    result = load_search(jobs.run_folder(run.id))
    assert result.n_settings == 6
    shown = explore.text("markdown")
    assert result_sentence(result) in shown
    assert f"({result.nested.low:.2f} to {result.nested.high:.2f})" in shown
    assert f"{result.nested.tp} of 10 found, {result.nested.fp} false call" in shown
    winner = setting_words(result.best_method, result.best_varied, QUICK)
    assert winner in explore.text("subheader")
    assert chosen_again(result) in explore.text("caption")
    assert "Settings changed" not in explore.text("warning")


def test_the_figures_show_both_numbers_and_the_map(found, searched):
    result = load_search(jobs.run_folder(searched.id))
    two_numbers, scores = figures(found)
    assert two_numbers["data"][1]["x"] == [pytest.approx(result.best_score)]
    assert two_numbers["data"][2]["x"] == [pytest.approx(result.nested.score)]
    assert numbers(two_numbers["data"][0]["x"]) == pytest.approx(result.table["score"].tolist())
    assert scores["layout"]["yaxis"]["ticktext"] == ["lr alone", "class weights + lr"]
    assert scores["layout"]["xaxis"]["ticktext"] == ["5", "20"]
    found.set("selectbox", "Across", "target_ratio")
    assert figures(found)[1]["layout"]["xaxis"]["ticktext"] == ["0.5", "1", "not used"]
    found.set("selectbox", "Down", "markers")
    assert figures(found)[1]["layout"]["yaxis"]["ticktext"] == ["5", "20"]


def test_one_parameter_is_not_laid_out_by_itself(found):
    options = found.find("selectbox", "Down").options
    assert "Number of markers" not in options
    found.set("selectbox", "Across", "method")
    assert "Number of markers" in found.find("selectbox", "Down").options
    assert "Method" not in found.find("selectbox", "Down").options


def test_the_table_holds_every_setting_the_winner_first(found, searched):
    result = load_search(jobs.run_folder(searched.id))
    table = found.table("Method", "F1", "Interval", "Calls")
    assert table["F1"].tolist() == pytest.approx(result.table["score"].tolist())
    assert table["Method"].tolist() == [method_label(name) for name in result.table["method"]]
    saved = pd.read_csv(io.BytesIO(found.download("Settings (CSV)")), keep_default_na=False)
    assert saved["F1"].tolist() == pytest.approx(table["F1"].tolist())


def test_the_winner_is_taken_over_and_the_page_train_says_so(found, searched):
    result = load_search(jobs.run_folder(searched.id))
    found.state.n_splits, found.state.n_repeats, found.state.goal = 4, 3, "f2"
    found.run().click("Use these settings")
    assert found.title == "Train"
    winner = setting_words(result.best_method, result.best_varied, QUICK)
    note = f"Taken over from the search: **{winner}**. Folds, repeats, goal and seed stay"
    assert note in found.text("success")
    assert (found.state.n_splits, found.state.n_repeats, found.state.goal) == (4, 3, "f2")
    now = found.state.training_config()
    assert (now.markers, now.samplers, now.classifiers) == (
        result.best.markers,
        result.best.samplers,
        result.best.classifiers,
    )
    assert found.find("multiselect", "Samplers").value == list(result.best.samplers)
    assert "Taken over" not in found.run().text("success"), "said once"


def test_train_says_beside_the_scores_that_a_search_chose_the_settings(found, searched):
    nested = load_search(jobs.run_folder(searched.id)).nested
    sentence = searched_sentence("f1", nested.score, nested.low, nested.high)
    assert f"{nested.score:.2f} ({nested.low:.2f} to {nested.high:.2f})" in sentence
    assert sentence not in found.go("train").text("warning")
    train = found.go("explore").click("Use these settings")
    assert sentence in train.text("warning")
    train.set("number_input", "Folds", 2).set("number_input", "Repeats", 1)
    assert sentence in train.text("warning"), "other folds, the same settings"
    train.set("multiselect", "Samplers", ["none", "weights"])
    assert sentence in train.text("warning"), "one more method to compare with"
    train.click("Start training")
    run = train.wait("training")
    assert run.config["searched"]["run"] == searched.id
    assert train.text("warning").count(sentence) == 2, "of the form and of the result"
    train.state.n_markers += 1
    train.run()
    assert train.text("warning").count(sentence) == 1, "of the result, no more of the form"
    assert settings(run)["Settings chosen by"] == "a search on the same cells"
    again = train.click("Start training")
    assert "searched" not in again.wait("training").config
    assert sentence not in again.text("warning")


def test_a_result_of_other_cells_is_named_and_cannot_be_used(found, searched):
    assert "is of" not in found.text("warning")
    assert not found.find("button", "Use these settings").disabled
    found.state.rare = "Dendritic"
    found.run()
    demo = core.demo_reference().name
    whose = f"{DEMO_TASK.rare} in {demo}"
    assert f"This result is of **{whose}**, not of the cells" in found.text("warning")
    assert f"{whose}: " in found.text("subheader")
    assert found.find("button", "Use these settings").disabled


def test_any_other_row_can_be_taken_over(found, searched):
    result = load_search(jobs.run_folder(searched.id))
    last = result.table.iloc[-1]
    chosen_row(found, 5)
    assert "Ticked: " in found.text("markdown")
    found.click("Use these settings")
    now = found.state.training_config()
    assert now.markers == last["markers"]
    assert now.samplers == (last["sampler"],)
    if last["sampler"] == "weights":
        assert now.target_ratio == last["target_ratio"]


def test_after_taking_the_settings_over_the_search_is_still_the_one_of_the_form(found):
    found.click("Use these settings").go("explore")
    assert "Settings changed" not in found.text("warning")


@pytest.mark.parametrize(
    ("kind", "label", "value"),
    [
        ("text_input", "Number of markers", "5"),
        ("multiselect", "Samplers", ["none"]),
        ("number_input", "Folds", 4),
        ("number_input", "Seed", 9),
        ("selectbox", "Goal", "average_precision"),
    ],
)
def test_a_result_says_when_the_form_has_changed(found, kind, label, value):
    assert "Settings changed" not in found.text("warning")
    found.set(kind, label, value)
    assert "Settings changed: search again" in found.text("warning")
    assert found.has("button", "Use these settings"), "the earlier result stays to be seen"


def test_an_address_brings_the_search_and_its_form_back(found):
    assert texts(found)["Number of markers"] == "5, 20"
    assert found.find("selectbox", "Search").value == "grid"
    assert found.find("number_input", "Folds").value == 3
    assert found.has("button", "Use these settings")


def test_a_search_under_way_shows_its_map_and_says_that_its_scores_flatter(open_app, under_way):
    run, _ = under_way
    screen = page_of(open_app, run)
    assert OPTIMISTIC in screen.text("caption")
    assert len(screen.table("Method", "Calls")) == min(len(settings_of(run.id)), 20)
    assert "The best 20 so far" in screen.text("subheader")
    (scores,) = figures(screen)
    assert scores["layout"]["title"]["text"].startswith(f"{len(settings_of(run.id))} of 300 sett")
    assert len(scores["layout"]["yaxis"]["ticktext"]) == 8
    assert screen.find("button", "Start search").disabled
    assert screen.find("number_input", "Settings to try").value == 300


def test_a_search_is_cancelled(open_app, under_way):
    run, worker = under_way
    screen = page_of(open_app, run)
    worker.resume()
    screen.click("Cancel")
    assert screen.wait("exploring").state is State.CANCELLED
    assert "Cancelled. Nothing was kept of it." in screen.text("info")
    assert not screen.find("button", "Start search").disabled


def test_a_killed_search_is_resumed_with_the_settings_that_were_there(open_app, under_way):
    run, worker = under_way
    screen = page_of(open_app, run)
    n = len(settings_of(run.id))
    worker.kill()
    assert screen.wait("exploring").state is State.FAILED
    assert screen.run().has("button", "Resume")
    screen.click("Resume")
    assert not jobs.get_database().get(run.id).is_over
    assert len(settings_of(run.id)) >= n


def test_the_page_runs_tells_what_was_searched_and_found(open_app, searched):
    screen = tick(open_app("runs"), searched)
    table = screen.at.dataframe[0].value
    row = table[table["Run"] == "A search"].iloc[0]
    assert row["Kind"] == "Search"
    assert row["Message"].startswith("Best F1 of 6 settings: ")
    assert " on unseen cells" in row["Message"]
    shown = pd.concat([one.value for one in screen.at.table])["value"]
    assert shown["Number of markers"] == "5, 20"
    assert shown["Samplers"] == "No oversampling, Class weights"
    assert shown["Search"] == r"Every combination \(grid\)"


def test_a_search_is_opened_from_the_page_runs_with_its_form(open_app, searched):
    screen = tick(open_app("runs"), searched).click("Open")
    assert screen.title == "Explore parameters"
    assert screen.state.exploring == searched.id
    assert texts(screen)["Target ratio"] == "0.5, 1"
    assert "Settings changed" not in screen.text("warning")


def test_a_search_is_run_again(open_app, searched):
    screen = tick(open_app("runs"), searched)
    screen.click("Run again")
    assert screen.title == "Explore parameters"
    again = screen.wait("exploring")
    assert again.id != searched.id
    assert again.summary == searched.summary


def test_two_tabs_that_start_the_same_search_follow_one_run(open_app, searched):
    address = {"reference": searched.config["dataset"], "label": DEMO_TASK.label}
    tabs = [open_app("explore", **address, rare=DEMO_TASK.rare, markers="20") for _ in range(2)]
    before = [run.id for run in runs_of("explore")]
    for tab in tabs:
        tab.click("Start search")
    assert tabs[0].state.exploring == tabs[1].state.exploring
    (run,) = runs_of("explore", besides=before)
    jobs.cancel(run.id)
