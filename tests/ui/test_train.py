"""Train: honest scores, fold by fold, and a model to keep."""

import time
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import psutil
import pytest

import core
from core import jobs
from core.classifiers import CLASSIFIERS
from core.config import ClassifierConfig, ProwrasConfig, config_from_dict
from core.data import DEMO_TASK
from core.jobs import State, library
from core.jobs.results import load_folds
from core.jobs.training import optimistic_folder
from core.oversampling import SAMPLERS
from core.presets import PRESETS
from core.splits import plan_of
from core.summary import binomial_interval
from core.text import count_text, number_text
from core.wording import (
    calibration_sentence,
    comparison_sentence,
    comparison_sentences,
    method_label,
    optimistic_sentence,
    outlook_sentence,
    recommendation,
    threshold_words,
)
from pages.ui.thresholds import GOAL_LABELS
from pages.ui.versus import _both
from tests.cells import demo_config, demo_folds
from tests.ui.conftest import QUICK
from tests.ui.run_steps import figures
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


def labels(screen):
    """Return the labels of all number fields."""
    return {field.label for field in screen.at.number_input}


def wait_for_a_fold(run_id):
    """Wait until a run has told of a fold; tell whether it is still under way then."""
    end = time.monotonic() + 60
    while time.monotonic() < end and not jobs.get_database().get(run_id).is_over:
        if any(event.kind == "fold" for event in jobs.get_database().events(run_id)):
            return True
        time.sleep(0.05)
    return False


def choose(screen, rare):
    screen.go("markers").set("selectbox", "Rare cell type", rare)
    return screen.go("train")


def test_the_demo_gives_the_numbers_that_the_library_gives(train):
    train.click("Start training")
    run = train.wait("training")
    assert config_from_dict(core.TrainingConfig, run.config["training"]) == demo_config()
    result = core.summarise(demo_folds())
    expected = result.table.sort_values("f1_mean", ascending=False, kind="stable")
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
        assert shown[name].tolist() == pytest.approx(expected[score].tolist(), abs=1e-12), name
    thresholds = [result.thresholds[name].value for name in expected.index]
    assert shown["Threshold"].tolist() == pytest.approx(thresholds, abs=1e-12)
    assert (shown["Seconds per fold"] > 0).all()
    # 47 true calls in 5 repeats of 10 rare cells, 3 false ones: 9.4 of 10.6 cells for each repeat.
    assert shown.loc["LoRAS + knn", ["Found", "False calls"]].tolist() == ["47 of 50", 3]
    low, high = binomial_interval(9.4, 10)
    words = f"{low:.2f} to {high:.2f}"
    assert shown.loc["LoRAS + knn", "Recall: intervals"].startswith(f"{words} · ")
    row = expected.loc["loras+knn"]
    spread = f"{row['f1_repeats_low']:.2f} to {row['f1_repeats_high']:.2f}"
    assert shown.loc["LoRAS + knn", "F1: intervals"].endswith(f" · {spread}")
    words = train.text("markdown")
    for sentence in comparison_sentences(result):
        assert sentence in words
    assert "LoRAS + knn finds 1 more of 10 cells than knn alone" in words
    assert f"Recommended:** {recommendation(result)[1]}" in train.text("success")
    assert "called from a score of" in train.text("success")
    assert "10 different rare cells" in train.text("caption")
    assert f"model {method_label(result.recommended)}" in train.summary


def test_another_goal_counts_finished_scores_anew_and_trains_nothing(train):
    quick(train).set("multiselect", "Samplers", ["none", "loras"]).click("Start training")
    run = train.wait("training")
    folds = load_folds(jobs.run_folder(run.id))
    for goal, label in GOAL_LABELS.items():
        train.set("selectbox", "Threshold chosen for", goal)
        assert label in train.find("selectbox", "Threshold chosen for").options
        result = core.summarise(folds, goal=goal)
        shown = train.table("Precision", "Found")
        for method, row in result.table.iterrows():
            found = f"{int(row['tp']):,} of {int(row['tp'] + row['fn']):,}"
            mine = shown.loc[method_label(method)]
            assert (mine["Found"], mine["False calls"]) == (found, row["fp"]), (goal, method)
            assert mine["Threshold"] == pytest.approx(result.thresholds[method].value)
        works, advice = recommendation(result)
        assert advice in train.text("success" if works else "warning")
        assert "Settings changed" not in train.text("warning")
    assert train.state.training == run.id
    assert "from a score of 0.5 on, whatever" in train.text("caption")


def test_at_a_score_of_one_half_the_numbers_are_those_of_the_folds_themselves(with_model, trained):
    screen = with_model("train").set("selectbox", "Threshold chosen for", "fixed")
    shown = screen.table("Precision", "Found")
    folds = load_folds(jobs.run_folder(trained.id))
    for method in map(str, QUICK.methods()):
        mine = [fold for fold in folds if fold.method == method]
        found = f"{sum(f.tp for f in mine)} of {sum(f.n_test_rare for f in mine)}"
        assert shown.loc[method_label(method), "Found"] == found
        assert shown.loc[method_label(method), "False calls"] == sum(fold.fp for fold in mine)
    assert (shown["Threshold"] == 0.5).all()


def test_the_goal_that_is_chosen_stays_after_a_reload(with_model, open_app):
    screen = with_model("train").set("selectbox", "Threshold chosen for", "recall")
    again = open_app("train", **screen.run().at.query_params)
    assert again.find("selectbox", "Threshold chosen for").value == "recall"
    assert "Settings changed" not in again.text("warning")


def test_an_address_with_an_unknown_goal_falls_back_to_that_of_the_training(with_model, open_app):
    address = with_model("train").run().at.query_params | {"goal": "<b>luck</b>"}
    screen = open_app("train", **address)
    assert screen.state.goal == QUICK.goal
    assert screen.has("selectbox", "Threshold chosen for")


def test_what_it_means_for_a_query_follows_the_frequency_that_is_typed(with_model, trained):
    screen = with_model("train")
    result = core.summarise(load_folds(jobs.run_folder(trained.id)))
    method = screen.find("selectbox", "Method shown").value
    assert method == result.recommended
    for one_in in (1000, 200):
        screen.set("number_input", "One rare cell in", one_in)
        outlook = result.in_query(method, frequency=1 / one_in)
        sentence = outlook_sentence(outlook, "CD34+")
        assert sentence.startswith(f"Of 10,000 cells with {10_000 // one_in} CD34+ among them")
        assert f"1 in {one_in:,}.** {sentence}" in screen.text("markdown")
        table = screen.table("Of 10,000 cells", f"1 in {one_in:,}").set_index("Of 10,000 cells")
        assert table.loc["Rare cells", f"1 in {one_in:,}"] == str(10_000 // one_in)
    reference = outlook_sentence(result.in_query(method), "CD34+")
    assert f"1 in 52, as in the reference.** {reference}" in screen.text("markdown")


def test_the_method_shown_has_its_curve_its_calls_and_its_calibration(with_model, trained):
    screen = with_model("train")
    result = core.summarise(load_folds(jobs.run_folder(trained.id)))
    for method in map(str, QUICK.methods()):
        screen.set("selectbox", "Method shown", method)
        assert calibration_sentence(result, method) in screen.text("markdown")
        threshold = result.thresholds[method]
        curve, calls, reliability = figures(screen)[1:]
        (point,) = [trace for trace in curve["data"] if "threshold" in trace["name"]]
        assert (point["x"], point["y"]) == ([threshold.recall], [threshold.precision])
        assert threshold_words(threshold) in screen.text("caption")
        counts = result.table.loc[method, ["tp", "fn"]] / result.table.loc[method, "n_repeats"]
        assert f">{count_text(counts['tp'])}<" in calls["data"][0]["text"][0][0]
        bins = " · ".join(text.split(" ")[0] for text in reliability["data"][1]["customdata"])
        assert f"in each bin, from the left: {bins}." in screen.text("caption")


def test_any_two_methods_can_be_compared(with_model, trained):
    screen = with_model("train")
    result = core.summarise(load_folds(jobs.run_folder(trained.id)))
    one, other = map(str, QUICK.methods())
    for first, second in ((one, other), (other, one)):
        screen.set("selectbox", "Compare", first).set("selectbox", "with", second)
        assert comparison_sentence(result, first, second) in screen.text("markdown")
    screen.set("selectbox", "with", other)
    assert "two different methods" in screen.text("caption")


def test_the_optimistic_variant_is_set_against_the_honest_one_in_words_and_numbers(train):
    quick(train).set("multiselect", "Samplers", ["none", "loras"])
    train.find("toggle", "Show the optimistic variant too").set_value(True)
    assert "2 methods × 2 folds, all of it twice: 8 models" in train.run().text("caption")
    train.click("Start training")
    run = train.wait("training")
    assert run.config["optimistic"] is True
    folder = jobs.run_folder(run.id)
    honest = core.summarise(load_folds(folder))
    seen = core.summarise(load_folds(optimistic_folder(folder)))
    table = train.table("F1, honest", "F1, optimistic", "F1, too good by")
    for method in honest.table.index:
        assert optimistic_sentence(honest, seen, method) in train.text("markdown")
        both = honest.table.loc[method, "f1_mean"], seen.table.loc[method, "f1_mean"]
        row = table.loc[method_label(method)]
        wanted = (*both, both[1] - both[0])
        assert row.iloc[:3].tolist() == pytest.approx(wanted)
    train.find("toggle", "Show the optimistic variant too").set_value(False)
    assert "Settings changed" in train.run().text("warning")
    train.click("Take back the changes").run()
    assert train.find("toggle", "Show the optimistic variant too").value is True


def test_without_the_optimistic_variant_nothing_is_said_of_it(with_model):
    assert "optimistic" not in with_model("train").text("subheader", "markdown")


def test_every_setting_reaches_the_training(train):
    quick(train, repeats=3).set("multiselect", "Classifiers", ["lr", "knn"])
    train.set("number_input", "Neighbours (k)", 4)
    train.set("number_input", "Shadow samples per cell (A)", 6)
    train.set("number_input", "Noise", 0.02)
    train.set("selectbox", "Neighbours are sought in", "pca")
    train.set("number_input", "knn: neighbours", 9)
    train.set("number_input", "Seed", 11)
    train.set("selectbox", "Weights", "integers")
    train.set("number_input", "Target ratio (rare : rest)", 0.4)
    train.click("Start training")
    made_by = config_from_dict(core.TrainingConfig, train.wait("training").config["training"])
    assert made_by == core.TrainingConfig(
        markers=20,
        classifiers=("lr", "knn"),
        samplers=("loras",),
        n_splits=2,
        n_repeats=3,
        knn_neighbors=9,
        target_ratio=0.4,
        seed=11,
        loras=core.LorasConfig(4, 6, 0.02, "integers", "pca"),
    )


def test_every_method_can_be_chosen_with_its_settings(train):
    train.set("multiselect", "Classifiers", list(CLASSIFIERS))
    train.set("multiselect", "Samplers", [name for name in SAMPLERS if name != "loras-tsne"])
    for label, value in (
        ("SMOTE neighbours", 3),
        ("ProWRAS: levels", 4),
        ("ProWRAS: neighbours", 6),
        ("ProWRAS: cells combined", 7),
        ("ProWRAS: theta", 0.5),
        ("lr: C", 0.3),
        ("svm: C", 0.2),
        ("forest: trees", 40),
        ("boosting: trees", 30),
        ("boosting: learning rate", 0.05),
        ("mlp: hidden units", 12),
    ):
        train.set("number_input", label, value)
    assert "66 methods × 25 folds: 1,650 models" in train.text("caption")
    config = train.state.training_config()
    assert config.smote_neighbors == 3
    assert config.prowras == ProwrasConfig(4, 6, 7, 0.5)
    assert config.classifier == ClassifierConfig(0.3, 0.2, 40, 30, 0.05, 12)
    train.go("runs").go("train")
    assert train.state.training_config() == config


def test_settings_of_what_is_not_chosen_do_not_stand_in_the_way(train):
    assert {"knn: neighbours", "lr: C"} <= labels(train)
    others = {"SMOTE neighbours", "ProWRAS: levels", "forest: trees", "mlp: hidden units"}
    assert not others & labels(train)
    train.set("multiselect", "Classifiers", ["forest"]).set("multiselect", "Samplers", ["adasyn"])
    assert {"forest: trees", "SMOTE neighbours"} <= labels(train)
    assert not {"knn: neighbours", "lr: C"} & labels(train)


def test_a_preset_of_the_paper_replaces_all_settings_and_says_what_is_not_known(train):
    train.set("number_input", "Seed", 5).set("selectbox", "Leave out one sample at a time", "phase")
    train.set("selectbox", "Presets", "sc-syno-glial")
    preset = PRESETS["sc-syno-glial"]
    assert train.state.training_config() == preset.config
    assert train.state.optimistic
    assert (train.state.task, train.state.n_markers) == (DEMO_TASK, 50)
    assert train.find("number_input", "Neighbours (k)").value == 3
    assert train.find("number_input", "Folds").value == 3
    assert train.find("selectbox", "Presets").value == "sc-syno-glial"
    words = train.text("caption")
    assert "10.1186/s12859-021-04469-x" in words
    assert preset.known in words
    assert preset.unknown in words
    train.set("number_input", "Folds", 4)
    assert train.find("selectbox", "Presets").value is None, "these are the user's own settings"
    train.set("selectbox", "Presets", "defaults")
    assert train.state.training_config() == core.TrainingConfig()
    assert not train.state.optimistic


def test_a_preset_that_does_not_fit_the_cluster_is_said_to_by_the_usual_check(train):
    train.set("selectbox", "Presets", "sc-syno-cardiomyocytes-100")
    assert "Neighbours (k)` must be at most" in train.text("error")
    assert "Got 30 for 9 cells" in train.text("error")
    assert train.find("button", "Start training").disabled


def test_samples_are_left_out_one_at_a_time_and_folds_make_way(train):
    quick(train).set("selectbox", "Leave out one sample at a time", "phase")
    data = core.demo_reference()
    plan = plan_of(data, DEMO_TASK, train.state.training_config())
    assert plan.scheme == "leave-one-sample-out"
    assert plan.reason in train.text("info")
    assert train.find("number_input", "Folds").disabled
    assert train.find("number_input", "Repeats").disabled
    assert "1 method × 3 folds: 3 models" in train.text("caption")
    train.click("Start training")
    run = train.wait("training")
    assert (run.summary["scheme"], run.summary["n_folds"]) == ("leave-one-sample-out", 3)
    assert train.table("Precision", "Found")["Found"].tolist()[0].endswith(" of 10")
    assert "Settings changed" not in train.text("warning")


def test_samples_of_which_one_holds_all_rare_cells_are_refused(open_app, h5ad):
    kinds = ["needle"] * 12 + ["hay"] * 513
    obs = {"kind": kinds, "donor": ["one"] * 200 + ["two"] * 325}
    screen = open_app("reference").upload("Reference file", "few.h5ad", h5ad("reference", obs=obs))
    screen.wait("reading")
    quick(choose(screen, "needle")).set("selectbox", "Leave out one sample at a time", "donor")
    assert "E-SAMPLES-FEW" in screen.text("error")
    assert "Leave out one sample at a time` must be" in screen.text("error")
    assert screen.find("button", "Start training").disabled
    screen.set("selectbox", "Leave out one sample at a time", None)
    assert not screen.find("button", "Start training").disabled


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
    has_fold = wait_for_a_fold(train.state.training)
    if has_fold:
        assert "called from a score of 0.5 on" in train.run().text("caption")
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


def test_what_is_hardly_too_good_is_no_minus_0():
    tables = [
        pd.DataFrame({"f1_mean": [0.8, 0.8], "average_precision_mean": [average, 0.5]})
        for average in (0.9001, 0.9)
    ]
    by = _both(*(SimpleNamespace(table=table) for table in tables))[
        "Average precision, too good by"
    ]
    assert by.map("{:.3f}".format).tolist() == ["0.000", "0.000"]


def test_the_demo_names_its_preset_though_it_looks_at_fewer_markers(train):
    box = train.find("selectbox", "Presets")
    assert (box.value, box.placeholder) == (None, "Needle's defaults, but 20 markers")
    train.set("number_input", "Folds", 4)
    assert train.find("selectbox", "Presets").placeholder == "Your own settings"


def test_what_calls_nothing_has_no_precision_in_the_table_nor_in_the_figure(train):
    quick(train).set("multiselect", "Classifiers", ["knn"]).set("multiselect", "Samplers", ["none"])
    train.set("number_input", "knn: neighbours", 200).click("Start training")
    train.wait("training")
    train.set("selectbox", "Threshold chosen for", "fixed")
    shown = train.table("Precision", "Found").loc["knn alone"]
    assert (shown["Found"], shown["False calls"]) == ("0 of 10", 0)
    assert pd.isna(shown["Precision"])
    assert shown["Precision: intervals"] == "–"
    scores = figures(train)[0]
    texts = [one["text"] for one in scores["layout"]["annotations"]]
    assert texts == ["Precision", "Recall", "F1", "", "0", "0"]


def test_scores_that_the_recommendation_rests_on_come_first_in_the_table(with_model):
    columns = list(with_model("train").table("Precision", "Found").columns)
    assert columns[:4] == ["F1", "F1: intervals", "Average precision",
                           "Average precision: intervals"]  # fmt: skip


def test_a_result_of_another_rare_type_is_named_by_it(with_model):
    screen = with_model("train")
    whose = f"{DEMO_TASK.rare} in {core.demo_reference().name}"
    assert whose not in screen.text("subheader")
    screen.state.rare = "Dendritic"
    screen.run()
    assert f"This result is of **{whose}**" in screen.text("warning")
    assert whose in screen.text("subheader")
    assert "Settings changed" not in screen.text("warning")
    screen.click("Take back the changes").run()
    assert whose not in screen.text("subheader")


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


def test_a_model_carries_the_threshold_of_the_goal_that_is_chosen_now(
    with_model, trained, tmp_path
):
    screen = with_model("train").set("selectbox", "Threshold chosen for", "recall")
    result = core.summarise(load_folds(jobs.run_folder(trained.id)), goal="recall")
    for method in map(str, QUICK.methods()):
        screen.set("selectbox", "Method of the model", method)
        path = tmp_path / "saved.skops"
        path.write_bytes(screen.download("Save model"))
        model = core.load_model(path)
        assert model.threshold == result.thresholds[method].value
        assert model.config == replace(QUICK, goal="recall")
        assert model.metrics["tp"] == result.table.loc[method, "tp"]
        threshold = threshold_words(result.thresholds[method])
        assert f"{method_label(method)}: cells are {threshold}." in screen.text("caption")


def test_annotate_offers_the_model_of_the_goal_that_is_chosen_first(with_model, trained):
    screen = with_model("train").set("selectbox", "Threshold chosen for", "recall")
    method = screen.find("selectbox", "Method of the model").value
    model = screen.go("annotate").find("selectbox", "Model")
    assert model.options[0].startswith(f"At least 90 % recall · {method_label(method)}")
    assert core.load_model(model.value).config.goal == "recall"
    screen.go("train").set("selectbox", "Threshold chosen for", QUICK.goal)
    model = screen.go("annotate").find("selectbox", "Model")
    assert core.load_model(model.value).config == QUICK


def test_the_library_keeps_a_model_once_for_each_goal(with_model):
    screen = with_model("train").set("selectbox", "Threshold chosen for", "f2")
    method = screen.find("selectbox", "Method of the model").value
    name = screen.find("text_input", "Name").value
    assert name.endswith(" · Best F2 (recall counts more)")
    screen.click("Keep in library")
    assert f"Kept as **{name}**" in screen.text("success")
    screen.set("selectbox", "Threshold chosen for", "precision")
    assert screen.has("button", "Keep in library")
    (kept,) = [model for model in library.models() if model.name == name]
    assert (kept.method, core.load_model(kept.path).config.goal) == (method, "f2")
    table = screen.go("models").at.dataframe[0]
    row = [model.id for model in library.models()].index(kept.id)
    screen.at.session_state[table.key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    value = number_text(core.load_model(kept.path).threshold)
    words = screen.run().text("markdown")
    assert f"Threshold: a score of {value}, for best F2 (recall counts more)" in words
    library.delete_model(kept.id)


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
