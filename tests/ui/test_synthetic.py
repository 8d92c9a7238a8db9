"""Synthetic cells: what the classifier learns from, beside the real cells."""

import pytest

import core
from core.config import config_from_dict
from core.data import DEMO_TASK
from core.text import number_text, percent_text


@pytest.fixture
def synthetic(demo):
    """Return the page Synthetic cells of the demo."""
    return demo.go("synthetic")


def draw(screen, n):
    screen.set("selectbox", "Synthetic cells to show", n).click("Draw synthetic cells")
    return screen.wait("drawing")


def test_the_two_numbers_are_those_of_the_library(synthetic):
    run = draw(synthetic, 50)
    config = config_from_dict(core.TrainingConfig, run.config["training"])
    expected = core.compare_synthetic(core.demo_reference(), DEMO_TASK, config, n=50)
    kept = synthetic.find("metric", "Variance kept")
    assert kept.value == percent_text(expected.variance_kept)
    near = synthetic.find("metric", "Distance to the nearest real rare cell")
    assert near.value == number_text(expected.distance_synthetic)
    assert near.proto.delta.startswith(number_text(expected.distance_real))
    assert "50 synthetic cells from 10 real CD34+ cells, on 20 marker genes" in synthetic.text()


@pytest.mark.parametrize("n", [50, 500, 1000, 2000])
def test_as_many_cells_are_drawn_as_were_asked_for(synthetic, n):
    assert draw(synthetic, n).config["n"] == n
    assert f"{n:,} synthetic cells" in synthetic.text("markdown")
    figures = [chart.proto for chart in synthetic.at.get("plotly_chart")]
    assert len(figures) == 2
    assert all(f"{n:,} synthetic" in figure.alt for figure in figures), [f.alt for f in figures]


def test_the_four_sizes_are_offered(synthetic):
    offered = synthetic.find("selectbox", "Synthetic cells to show").options
    assert offered == ["50", "500", "1,000", "2,000"]


def test_fewer_shadow_samples_keep_more_of_the_variance(synthetic):
    many = draw(synthetic, 500).summary["variance_kept"]
    assert "Every synthetic cell is an average of 20 shadow samples" in synthetic.text("caption")
    synthetic.go("train").set("number_input", "Shadow samples per cell (A)", 2)
    synthetic.go("synthetic")
    assert "Settings changed" in synthetic.text("warning")
    few = draw(synthetic, 500).summary["variance_kept"]
    assert few > 2 * many
    assert "Settings changed" not in synthetic.text("warning")


def test_a_result_says_when_another_number_is_chosen(synthetic):
    draw(synthetic, 50)
    assert "Settings changed" not in synthetic.text("warning")
    synthetic.set("selectbox", "Synthetic cells to show", 500)
    assert "Settings changed" in synthetic.text("warning")
    assert "50 synthetic cells" in synthetic.text("markdown")


def test_a_reload_finds_the_drawing_again(synthetic, open_app):
    draw(synthetic, 500)
    again = open_app("synthetic", **synthetic.at.query_params)
    assert again.find("metric", "Variance kept").value == (
        synthetic.find("metric", "Variance kept").value
    )
    assert "Settings changed" not in again.text("warning")


def test_it_leads_on_to_annotate(synthetic):
    draw(synthetic, 50)
    assert synthetic.links == {"annotate"}


def test_an_address_with_an_unknown_drawing_is_refused(open_app, demo):
    screen = open_app("synthetic", **demo.run().at.query_params, synthetic="zzzzzzzzzzzz")
    assert "E-RUN-UNKNOWN" in screen.text("error")
    assert "synthetic" not in screen.run().at.query_params
