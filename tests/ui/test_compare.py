"""Compare trainings on the page Runs: settings, scores, curves, and what cannot be compared."""

from dataclasses import replace

import pytest

import core
from core import jobs
from core.data import DEMO_TASK
from core.jobs import State
from core.jobs.results import load_folds
from core.summary import binomial_interval
from pages.ui import cache
from tests.ui.conftest import QUICK
from tests.ui.run_steps import OTHER, enter, figures, tick, training
from tests.ui.screen import Screen

NAMES = ("Precision", "Recall", "F1")


@pytest.fixture(scope="module")
def pair(needle_home):
    """Return two trainings with other settings and methods, the older one first."""
    return training(QUICK, title="First *one*"), training(title="Second")


@pytest.fixture
def compared(open_app, pair):
    return tick(open_app("runs"), *pair)


def result(run):
    return core.summarise(load_folds(jobs.run_folder(run.id)))


def curves(screen: Screen):
    (figure,) = figures(screen)
    return [trace["name"] for trace in figure["data"]]


def test_exactly_the_settings_that_differ_are_listed(compared):
    table = compared.table("First *one*", "Second")
    assert table.to_dict("index") == {
        name: {"First *one*": one, "Second": other}
        for name, one, other in (
            ("Number of markers", "20", "31"),
            ("Marker test", "Wilcoxon rank-sum test", "t-test"),
            ("Minimum fraction", "0.1", "0.2"),
            ("Minimum log fold change", "0.25", "0.5"),
            ("Classifiers", "knn, lr", "lr"),
            ("Folds", "3", "2"),
            ("Repeats", "2", "1"),
            ("Neighbours (k)", "automatic", "4"),
            ("Shadow samples per cell (A)", "automatic", "7"),
            ("Noise", "0.005", "0.01"),
            ("Neighbours are sought in", "marker genes", "PCA"),
            ("knn: neighbours", "30", "11"),
            ("Seed", "0", "3"),
        )
    }


def test_equal_trainings_are_said_to_be_equal(open_app, pair):
    again = training(OTHER, title="Second")
    screen = tick(open_app("runs"), pair[1], again)
    assert "All settings are the same" in screen.text("markdown")
    runs = screen.table("Run", "Method")["Run"].tolist()
    assert len(set(runs)) == 2, "runs of one title are told apart"
    assert all(name.endswith(" · Second") for name in runs)


def test_scores_stand_method_by_method_with_intervals_and_rare_cells(compared, pair):
    table = compared.table("Run", "Method", "F1: 95 %")
    methods = table["Method"].str.removesuffix(" ★")
    assert list(zip(methods, table["Run"], strict=True)) == [
        ("LoRAS + knn", "First *one*"),
        ("LoRAS + lr", "First *one*"),
        ("LoRAS + lr", "Second"),
    ]
    assert table["Rare cells"].tolist() == [10, 10, 10]
    for run, row, method in ((pair[0], 1, "loras+lr"), (pair[1], 2, "loras+lr")):
        expected = result(run).table.loc[method]
        for name in NAMES:
            key, shown = name.lower(), table.iloc[row]
            assert shown[name] == expected[f"{key}_mean"]
            interval = f"{expected[f'{key}_low']:.2f} to {expected[f'{key}_high']:.2f}"
            assert shown[f"{name}: 95 %"] == interval
        share = expected["average_precision_mean"]
        low, high = binomial_interval(share * 10, 10)
        assert table.iloc[row]["Average precision: 95 %"] == f"{low:.2f} to {high:.2f}"


def test_the_recommended_method_of_each_run_is_marked(compared, pair):
    table = compared.table("Run", "Method", "F1: 95 %").set_index("Run")
    for run in pair:
        marked = table.loc[[run.title], "Method"].str.endswith(" ★")
        assert marked.sum() == (run.summary["recommended"] is not None)


def test_one_plot_holds_the_curve_of_the_best_method_of_each_run(compared, pair):
    expected = []
    for run in pair:
        best = result(run).recommended or result(run).table["f1_mean"].idxmax()
        average = result(run).table.loc[best, "average_precision_mean"]
        words = {"loras+knn": "LoRAS + knn", "loras+lr": "LoRAS + lr"}[best]
        expected.append((run.title, words, round(average, 3)))
    shown = [name.replace("<br>", ", AP ").split(", AP ") for name in curves(compared)]
    assert [(a, b, pytest.approx(float(c), abs=5e-3)) for a, b, c in shown] == expected
    (chart,) = compared.at.get("plotly_chart")
    assert "2 runs, 10 rare cells" in chart.proto.alt


def test_another_method_can_be_chosen_for_all_curves(compared):
    compared.set("selectbox", "Method", "loras+knn")
    assert [name.split("<br>")[0] for name in curves(compared)] == ["First *one*"]
    assert "Without this method: Second" in compared.text("caption")
    compared.set("selectbox", "Method", "loras+lr")
    assert all("LoRAS + lr" in name for name in curves(compared))
    assert len(curves(compared)) == 2


def test_trainings_for_other_rare_types_are_shown_with_a_warning(open_app, pair):
    dendritic = {"label": DEMO_TASK.label, "rare": "Dendritic"}
    config = core.config.config_to_dict(replace(OTHER, markers=10))
    whole = {"dataset": pair[1].config["dataset"], "task": dendritic, "training": config}
    other = jobs.wait(jobs.start("train", whole, title="Other type"))
    screen = tick(open_app("runs"), pair[1], other)
    assert "cannot be compared with each other" in screen.text("warning")
    assert screen.table("Second", "Other type").loc["Rare cell type"].tolist() == [
        "CD34+", "Dendritic",
    ]  # fmt: skip


def test_trainings_of_the_same_cells_are_shown_without_a_warning(compared):
    assert not compared.at.warning


def test_five_trainings_are_compared_and_six_are_not(open_app, pair):
    more = [training(replace(OTHER, seed=seed), title=f"Seed {seed}") for seed in range(10, 14)]
    screen = tick(open_app("runs"), pair[1], *more)
    assert len(curves(screen)) == 5
    assert screen.table("Second", "Seed 13").loc["Seed"].tolist() == ["3", "10", "11", "12", "13"]
    tick(screen, *pair, *more)
    assert "Up to 5 trainings can be compared. 6 are ticked" in screen.text("info")
    assert not screen.at.get("plotly_chart")


def test_a_training_without_scores_is_named(open_app, pair):
    summary = {"n_folds": 0, "recommended": None, "preselected": "loras+lr", "n_rare": 3}
    summary |= {"scheme": "none", "reason": "3 rare cells are too few to score."}
    bare = enter(State.DONE, title="Bare", summary=summary)
    try:
        screen = tick(open_app("runs"), *pair, bare)
        assert "Bare has no scores. 3 rare cells are too few to score." in screen.text("info")
        assert len(curves(screen)) == 2
        assert "Bare" in screen.table("First *one*", "Bare")
        tick(screen, pair[0], bare)
        assert len(curves(screen)) == 1
    finally:
        jobs.delete(bare.id)


def test_a_training_that_failed_is_named_and_left_out(open_app, pair):
    failed = enter(State.CANCELLED, title="Stopped")
    screen = tick(open_app("runs"), *pair, failed)
    assert "Stopped is cancelled: it has nothing to compare" in screen.text("info")
    assert len(curves(screen)) == 2


def test_other_kinds_of_runs_are_not_compared(open_app, pair):
    layout = enter(State.CANCELLED, kind="layout", title="A map")
    screen = tick(open_app("runs"), pair[0], layout)
    assert "two to five trainings" in screen.text("caption")
    assert not screen.at.get("plotly_chart")


def test_scores_are_read_from_disk_once(compared, monkeypatch):
    monkeypatch.setattr(cache, "load_folds", None)
    assert len(curves(compared.run())) == 2
