"""Reference: which cells Needle learns from, and which types there are."""

from pathlib import Path

import pytest

import core
from core import jobs
from core.jobs import State
from tests.ui.screen import runs_of

TYPES = {"kind": ["rare"] * 7 + ["many"] * 168}


def test_the_table_says_how_rare_every_type_is(demo):
    sizes = core.demo_reference().type_sizes("bulk_labels")
    table = demo.table("Cell type", "How rare").set_index("Cell type")
    assert table["Cells"].to_dict() == sizes.to_dict()
    assert table["Cells"].is_monotonic_increasing, "the rarest must come first"
    assert table.loc["CD34+", "How rare"] == "10 of 525, 1 in 52"
    assert table.loc["CD34+", "Scores"] == "yes"
    assert table.loc["CD4+/CD45RA+/CD25- Naive T", "Scores"] == "wide"  # six cells


def test_the_usable_label_columns_are_offered_with_their_number_of_types(demo):
    offered = demo.find("selectbox", "Label column").options
    expected = [f"{c.name} ({c.n_types} types)" for c in core.demo_reference().label_columns()]
    assert sorted(offered) == sorted(expected)
    assert "bulk_labels (10 types)" in offered


def test_another_label_column_has_other_types_and_forgets_the_rare_type(demo):
    demo.set("selectbox", "Label column", "louvain")
    expected = core.demo_reference().type_sizes("louvain")
    table = demo.table("Cell type", "Cells")
    assert dict(zip(table["Cell type"], table["Cells"], strict=True)) == expected.to_dict()
    assert demo.state.rare is None
    assert demo.summary == "Demo reference (PBMC) labels from louvain"


def test_load_demo_reference_works_on_its_own_page(open_app, demo):
    screen = open_app("reference").click("Load demo reference")
    assert screen.state.dataset == demo.state.dataset
    assert "525 cells × 765 genes" in screen.text("markdown")


def test_a_file_of_ones_own_becomes_the_reference(open_app, h5ad):
    screen = open_app("reference").upload("Reference file", "mine.h5ad", h5ad("query", obs=TYPES))
    assert screen.wait("reading").state is State.DONE
    assert screen.state.reading is None
    assert "mine labels from kind" in screen.summary
    table = screen.table("Cell type", "How rare").set_index("Cell type")
    assert dict(table["How rare"]) == {"rare": "7 of 175, 1 in 25", "many": "168 of 175, 1 in 1"}
    assert screen.links == {"markers"}


def test_its_upload_is_removed_after_reading(open_app, h5ad):
    screen = open_app("reference").upload("Reference file", "mine.h5ad", h5ad("query", obs=TYPES))
    path = Path(screen.wait("reading").config["path"])
    assert path.name == "mine.h5ad"
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("cells.h5ad", b"barcode\ttype\nAAAC\tB\n", "E-NO-EXPRESSION", "table of labels"),
        ("cells.h5ad", b"\x80\x04\x95", "E-FILE-FORMAT", "a Python pickle"),
        ("cells.h5ad", b"", "E-FILE-EMPTY", "0 bytes"),
        ("cut.h5ad", b"\x89HDF\r\n\x1a\n" + b"\0" * 200, "E-FILE-DAMAGED", "cannot be read"),
        ("my *odd* [name](x).h5ad", b"%PDF-1", "E-FILE-FORMAT", "a PDF document"),
    ],
    ids=["text", "pickle", "empty", "cut short", "markdown in its name"],
)
def test_a_file_that_is_no_dataset_is_refused_and_the_reference_stays(
    demo, name, content, code, words
):
    before = demo.state.dataset
    demo.upload("Reference file", name, content)
    assert demo.wait("reading").state is State.FAILED
    error = demo.text("error")
    assert code in error
    assert words in error
    assert demo.state.dataset == before
    assert (demo.state.label, demo.state.rare) == ("bulk_labels", "CD34+")
    assert "10 of 525" in demo.table("Cell type").to_string()


def test_the_refusal_names_the_file_as_the_user_calls_it(demo):
    demo.upload("Reference file", "liver atlas.h5ad", b"barcode\ttype\n")
    demo.wait("reading")
    assert "liver atlas" in demo.text("error")


def test_a_refusal_is_over_with_the_next_file_that_is_fine(demo, h5ad):
    demo.upload("Reference file", "bad.h5ad", b"text")
    demo.wait("reading")
    demo.upload("Reference file", "good.h5ad", h5ad("query", obs=TYPES))
    assert demo.wait("reading").state is State.DONE
    assert not demo.at.error
    assert demo.state.label == "kind"


@pytest.mark.parametrize(
    "obs",
    [{}, {"kind": ["B cell"] * 175}, {"barcode": [f"cell {i}" for i in range(175)]}],
    ids=["no column", "one type", "every cell its own"],
)
def test_a_file_without_usable_labels_says_so_and_cannot_go_on(open_app, h5ad, obs):
    screen = open_app("reference").upload("Reference file", "bare.h5ad", h5ad("query", obs=obs))
    screen.wait("reading")
    assert "E-LABEL-ONE-TYPE" in screen.text("error")
    assert "bare has no column with two or more cell types" in screen.text("error")
    assert "as a query" in screen.text("error")
    assert not screen.has("selectbox", "Label column")
    assert "markers" not in screen.links
    screen.go("markers")
    assert "Load a reference first" in screen.text("info")
    assert screen.links == {"reference"}


def test_a_file_without_usable_labels_leaves_the_earlier_reference(demo, h5ad):
    before = demo.state.dataset, demo.state.label, demo.state.rare
    demo.upload("Reference file", "bare.h5ad", h5ad("query", obs={"kind": ["B cell"] * 175}))
    demo.wait("reading")
    assert "E-LABEL-ONE-TYPE" in demo.text("error")
    assert (demo.state.dataset, demo.state.label, demo.state.rare) == before
    assert demo.find("selectbox", "Label column").value == "bulk_labels"


def test_a_reading_that_is_cancelled_leaves_the_earlier_reference(demo, h5ad):
    before = demo.state.dataset
    content = h5ad("query", obs=TYPES | {"batch": ["x", "y", "z", "z", "z"] * 35})
    demo.upload("Reference file", "mine.h5ad", content)
    jobs.cancel(demo.state.reading)
    demo.run()
    assert "Cancelled" in demo.text("info")
    assert demo.state.dataset == before


def test_one_file_is_read_by_one_run(open_app, h5ad):
    before = [run.id for run in runs_of("read")]
    screen = open_app("reference").upload("Reference file", "one.h5ad", h5ad("query", obs=TYPES))
    screen.run().run()
    screen.wait("reading")
    screen.run()
    assert len(runs_of("read", besides=before)) == 1


def test_an_address_with_an_unknown_reference_is_refused_and_another_can_be_loaded(open_app, demo):
    screen = open_app("reference", reference="0" * 64, label="bulk_labels", rare="CD34+")
    assert "E-DATASET-UNKNOWN" in screen.text("error")
    screen.click("Load demo reference")
    assert screen.state.dataset == demo.state.dataset
    assert not screen.run().at.error


def test_an_address_with_an_unknown_label_column_offers_those_that_there_are(open_app, demo):
    screen = open_app("reference", reference=demo.state.dataset, label="nonsense", rare="CD34+")
    assert screen.find("selectbox", "Label column").value in ("bulk_labels", "louvain", "phase")
