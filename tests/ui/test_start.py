"""Start: two ways to begin."""

import pytest

import core

PAGES = ("start", "reference", "markers", "train", "synthetic", "annotate", "runs")


def test_try_the_demo_chooses_everything_that_a_first_training_needs(demo):
    assert demo.title == "Reference"
    assert demo.state.dataset == core.demo_reference().digest
    assert (demo.state.label, demo.state.rare, demo.state.n_markers) == ("bulk_labels", "CD34+", 20)
    assert demo.summary == (
        "Demo reference (PBMC) labels from bulk_labels CD34+ : 10 of 525 cells, 1 in 52 20 markers"
    )


def test_use_my_data_leads_to_an_uploader(open_app):
    screen = open_app().click("Use my data")
    assert screen.title == "Reference"
    assert screen.has("file_uploader", "Reference file")
    assert "No reference yet" in screen.text("info")


def test_the_demo_can_be_loaded_again_over_a_reference_of_ones_own(demo, h5ad):
    types = ["a", "b", "b", "b", "b"] * 35
    demo.upload("Reference file", "own.h5ad", h5ad("query", obs={"kind": types}))
    demo.wait("reading")
    assert (demo.state.label, demo.state.rare) == ("kind", None)
    demo.go("start").click("Try the demo")
    assert (demo.state.label, demo.state.rare) == ("bulk_labels", "CD34+")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_first_and_inside_the_frame_of_the_app(open_app, page):
    screen = open_app(page)
    assert screen.title
    assert screen.has_frame


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_in_the_dark_theme(open_app, page):
    screen = open_app(page)
    screen.at.context["theme"] = "dark"
    assert screen.run().title


def test_the_picture_follows_the_theme(open_app):
    screen = open_app()
    light = screen.at.image[0].value
    screen.at.context["theme"] = "dark"
    assert screen.run().at.image[0].value != light


@pytest.mark.parametrize(
    ("page", "missing", "link"),
    [
        ("markers", "Load a reference first", "reference"),
        ("train", "Load a reference first", "reference"),
        ("synthetic", "Load a reference first", "reference"),
    ],
)
def test_a_page_without_a_reference_says_so_and_leads_there(open_app, page, missing, link):
    screen = open_app(page)
    assert missing in screen.text("info")
    assert screen.links == {link}
    assert not screen.at.selectbox
    assert not screen.at.button


@pytest.mark.parametrize("page", ["train", "synthetic"])
def test_a_page_without_a_rare_type_says_so_and_leads_to_markers(open_app, page):
    digest = core.demo_reference().digest
    screen = open_app(page, reference=digest, label="bulk_labels")
    assert "Choose the rare cell type first" in screen.text("info")
    assert screen.links == {"markers"}


def test_annotate_without_a_model_says_how_to_get_one(open_app, empty_home):
    screen = open_app("annotate")
    assert "No model yet" in screen.text("info")
    assert screen.find("selectbox", "Model").options == []
    assert not screen.has("button", "Annotate query")


def test_runs_says_that_nothing_was_run(open_app, empty_home):
    screen = open_app("runs")
    assert "Nothing was run yet" in screen.text("info")


def test_a_reload_finds_reference_label_and_rare_type_again(demo, open_app):
    again = open_app("markers", **demo.at.query_params)
    assert again.summary == demo.summary
    assert again.find("selectbox", "Rare cell type").value == "CD34+"
    assert again.find("slider", "Number of markers").value == 20
