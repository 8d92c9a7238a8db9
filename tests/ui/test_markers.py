"""Markers: choose the rare type, see the genes that mark it."""

import io

import pandas as pd
import pytest

import core
from core.data import DEMO_TASK
from core.jobs import State
from tests.ui.screen import runs_of

COLUMNS = ("gene", "score", "logfc", "pct_in", "pct_out", "pval_adj", "auc")


@pytest.fixture
def markers(demo):
    """Return the page Markers of the demo."""
    return demo.go("markers")


def find(screen):
    screen.click("Find markers")
    return screen.wait("finding")


def assert_same(shown: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        shown[list(COLUMNS)].reset_index(drop=True),
        expected[list(COLUMNS)].reset_index(drop=True),
        check_dtype=False,
        rtol=1e-9,
    )


def test_the_rarest_types_are_offered_first_with_how_rare_they_are(markers):
    offered = markers.find("selectbox", "Rare cell type").options
    assert offered[:2] == [
        "CD4+/CD45RA+/CD25- Naive T: 6 of 525 cells, 1 in 88",
        "CD34+: 10 of 525 cells, 1 in 52",
    ]
    assert offered[-1] == "Dendritic: 180 of 525 cells, 1 in 3"


def test_the_table_is_what_the_library_finds(markers):
    assert find(markers).state is State.DONE
    expected = core.find_markers(core.demo_reference(), DEMO_TASK, n=20)
    assert_same(markers.table(*COLUMNS), expected)
    assert "20 markers of CD34+" in markers.text("subheader")


def test_every_setting_reaches_the_library(markers):
    markers.set("slider", "Number of markers", 7)
    markers.set("selectbox", "Marker test", "t-test")
    markers.set("number_input", "Minimum fraction", 0.3)
    markers.set("number_input", "Minimum log fold change", 1.0)
    markers.set("selectbox", "Rare cell type", "CD56+ NK")
    find(markers)
    expected = core.find_markers(
        core.demo_reference(),
        core.RareTask("bulk_labels", "CD56+ NK"),
        n=7,
        test="t-test",
        min_fraction=0.3,
        min_logfc=1.0,
    )
    assert_same(markers.table(*COLUMNS), expected)


def test_the_download_holds_the_whole_table(markers):
    find(markers)
    saved = pd.read_csv(io.BytesIO(markers.download("Markers (CSV)")))
    assert_same(saved, core.find_markers(core.demo_reference(), DEMO_TASK, n=20))


@pytest.mark.parametrize(
    ("kind", "label", "value"),
    [
        ("slider", "Number of markers", 33),
        ("selectbox", "Marker test", "logreg"),
        ("number_input", "Minimum fraction", 0.5),
        ("number_input", "Minimum log fold change", 2.0),
        ("selectbox", "Rare cell type", "CD56+ NK"),
        ("text_area", "Your own genes", "CD34"),
    ],
)
def test_a_result_says_when_the_settings_have_changed(markers, kind, label, value):
    find(markers)
    assert "Settings changed" not in markers.text("warning")
    before = markers.find(kind, label).value
    markers.set(kind, label, value)
    assert "Settings changed" in markers.text("warning")
    assert len(markers.table(*COLUMNS)) == 20, "the earlier result stays to be seen"
    markers.set(kind, label, before)
    assert "Settings changed" not in markers.text("warning")


def test_own_genes_are_used_and_an_unknown_one_is_named_with_a_suggestion(markers):
    markers.set("text_area", "Your own genes", "SOX4, cd74\nspink-2; STMN1")
    warnings = markers.text("warning")
    assert warnings.count("W-GENE-UNKNOWN") == 1  # one message, a line for each gene
    assert "spink-2 is not a gene of this dataset" in warnings
    assert "Did you mean SPINK2?" in warnings
    assert "cd74 is not a gene of this dataset" in warnings
    assert "Did you mean CD74?" in warnings
    find(markers)
    assert set(markers.table(*COLUMNS)["gene"]) == {"SOX4", "STMN1"}


def test_own_genes_of_which_none_is_known_are_refused_and_the_choices_stay(markers):
    find(markers)
    markers.set("text_area", "Your own genes", "ENSG00000174059 ENSG00000117632")
    assert find(markers).state is State.FAILED
    assert "E-NO-GENE-KNOWN" in markers.text("error")
    assert markers.find("selectbox", "Rare cell type").value == "CD34+"
    assert markers.find("slider", "Number of markers").value == 20
    markers.set("text_area", "Your own genes", "")
    find(markers)
    assert not markers.at.error
    assert len(markers.table(*COLUMNS)) == 20


def test_thresholds_that_no_gene_meets_are_refused(markers):
    markers.set("number_input", "Minimum log fold change", 10.0)
    find(markers)
    assert "E-NO-MARKERS" in markers.text("error")


def test_a_type_of_a_single_cell_is_refused(open_app, h5ad):
    obs = {"kind": ["single"] + ["rare"] * 9 + ["many"] * 165}
    screen = open_app("reference").upload("Reference file", "single.h5ad", h5ad("query", obs=obs))
    screen.wait("reading")
    screen.go("markers").set("selectbox", "Rare cell type", "single")
    assert screen.find("button", "Find markers").disabled
    assert "E-RARE-ONE" in screen.text("error")
    assert "2 or more cells" in screen.text("error")


def test_the_line_at_the_top_follows_the_form_at_once(markers):
    markers.set("selectbox", "Rare cell type", "CD56+ NK")
    assert markers.summary.endswith("CD56+ NK : 23 of 525 cells, 1 in 23 20 markers")
    markers.set("slider", "Number of markers", 35)
    assert markers.summary.endswith("35 markers")
    markers.set("text_area", "Your own genes", "CD74 SOX4")
    assert markers.summary.endswith("2 genes of your own")


def test_find_markers_waits_for_a_rare_type(markers):
    markers.go("reference").set("selectbox", "Label column", "louvain")
    markers.go("markers")
    assert markers.find("selectbox", "Rare cell type").value is None
    assert markers.find("button", "Find markers").disabled
    assert not markers.at.dataframe


def test_a_second_press_while_it_runs_starts_no_second_run(markers):
    before = [run.id for run in runs_of("markers")]
    markers.click("Find markers")
    if not markers.find("button", "Find markers").disabled:
        markers.click("Find markers")
    markers.wait("finding")
    assert len(runs_of("markers", besides=before)) == 1


def test_the_choices_are_still_there_after_a_visit_to_another_page(markers):
    markers.set("slider", "Number of markers", 42)
    markers.set("selectbox", "Marker test", "t-test")
    markers.set("text_area", "Your own genes", "CD34 SOX4")
    markers.go("train").go("runs").go("markers")
    assert markers.find("slider", "Number of markers").value == 42
    assert markers.find("selectbox", "Marker test").value == "t-test"
    assert markers.find("text_area", "Your own genes").value == "CD34 SOX4"


def test_a_result_is_found_again_by_its_address(markers, open_app):
    find(markers)
    again = open_app("markers", **markers.at.query_params)
    assert_same(again.table(*COLUMNS), markers.table(*COLUMNS))
    assert "Settings changed" not in again.text("warning")


@pytest.mark.parametrize("rare", ["nonsense", "CD34", "<b>x</b>"])
def test_an_address_with_an_unknown_rare_type_asks_for_one(open_app, demo, rare):
    screen = open_app("markers", reference=demo.state.dataset, label="bulk_labels", rare=rare)
    assert screen.find("selectbox", "Rare cell type").value is None
    assert screen.find("button", "Find markers").disabled


def test_an_address_with_an_unknown_label_column_leads_back_to_reference(open_app, demo):
    screen = open_app("markers", reference=demo.state.dataset, label="nonsense")
    assert "Choose the column that holds the cell types first" in screen.text("info")
    assert screen.links == {"reference"}


def test_an_address_with_an_unknown_run_is_refused(open_app, demo):
    screen = open_app("markers", **demo.run().at.query_params, finding="zzzzzzzzzzzz")
    assert "E-RUN-UNKNOWN" in screen.text("error")
    assert "finding" not in screen.run().at.query_params
    assert find(screen).state is State.DONE
