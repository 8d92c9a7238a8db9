"""The doctor on screen: what a file is, what it leaves open, answers by one click, calm words."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import core
from core import jobs
from core.data import FileReport
from core.errors import Finding
from core.jobs import State
from core.jobs.reading import read
from core.paths import uploads_folder
from pages.ui.doctor import draw_remarks, facts, remarks
from tests.ui.screen import plain, runs_of

NUMBERS = {"leiden": [str(i % 5) for i in range(175)], "batch": ["a", "b", "c", "c", "c"] * 35}
TYPES = {"kind": ["rare"] * 7 + ["many"] * 168}
ORIENTATION = Finding(
    "C-ORIENTATION",
    "Rows may be cells or genes.",
    "Choose one of the answers.",
    {"genes-in-rows": "One gene a row.", "cells-in-rows": "One cell a row."},
    "cells-in-rows",
)
LABELS = Finding(
    "C-LABEL-COLUMN", "Only numbers.", "Choose.", {"leiden": "Use it.", "none": "None."}, ""
)
SYMBOLS = Finding(
    "W-GENE-IDS",
    "The genes go by Ensembl ids.",
    "Choose the symbols.",
    {"column:name": "Symbols from 'name'.", "keep": "Keep the names."},
)
IMAGE = "![x](https://evil.example/p.png)"


def report_of(*findings, **more):
    facts = {"format": "text table", "n_cells": 2638, "n_genes": 13713, "scale": "counts"}
    return FileReport(**({"name": "islets.csv.gz"} | facts | more), findings=findings)


def plain_escape(text):
    return text.replace(".", r"\.").replace(":", r"\:")


def question(finding):
    """Return the label of a question: its sentence and its code."""
    return f"{plain_escape(finding.message)} `{finding.code}`"


@pytest.fixture
def seeded():
    """Return a function that enters a reading which is over, and its upload."""
    made = []

    def seed(report, *, role="reference", error=None):
        path = uploads_folder() / uuid.uuid4().hex / "islets.csv.gz"
        path.parent.mkdir()
        path.write_bytes(b"cells")
        database = jobs.get_database()
        config = {"path": str(path), "is_upload": True, "name": "islets", "role": role}
        run_id = database.create("read", config, title=path.name)
        if error is None:
            end = {"summary": {"question": report.to_dict()}}
        else:
            database.add_event(run_id, "report", report.to_dict())
            end = {"error": {"code": error.code, "message": error.message}}
            end["error"]["next_step"] = error.next_step
        state = State.DONE if error is None else State.FAILED
        database.transition(run_id, state, allowed_from=[State.QUEUED], **end)
        made.append(path)
        return run_id, path

    yield seed
    for path in made:
        path.unlink(missing_ok=True)


def numbers_only(tmp_path, n=60):
    """Content of a file whose only label column holds numbers."""
    values = np.random.default_rng(0).poisson(1, size=(n, 30)).astype(np.float32)
    obs = pd.DataFrame({"cluster": np.arange(n) % 4}, index=[f"cell{i}" for i in range(n)])
    genes = pd.DataFrame(index=pd.Index([f"GENE{i}" for i in range(30)], dtype=object))
    ad.AnnData(X=values, obs=obs, var=genes).write_h5ad(path := tmp_path / "numbers.h5ad")
    return path.read_bytes()


# Questions --------------------------------------------------------------------------------------


def test_all_questions_are_put_at_once_the_likely_answer_chosen(open_app, seeded):
    run_id, _ = seeded(report_of(ORIENTATION, LABELS, SYMBOLS))
    screen = open_app("reference", reading=run_id)
    assert "islets.csv.gz needs 2 answers" in screen.text("markdown")
    orientation = screen.find("radio", question(ORIENTATION))
    assert (orientation.value, orientation.options) == (
        "cells-in-rows", [plain_escape("One gene a row."), plain_escape("One cell a row.")],
    )  # fmt: skip
    assert screen.find("radio", question(LABELS)).value is None
    offer = screen.find("radio", question(SYMBOLS))
    assert offer.value == ""
    assert offer.options[0] == plain_escape("Keep the names.")
    assert len(offer.options) == 2


def test_answers_can_be_used_once_every_question_has_one(open_app, seeded):
    run_id, _ = seeded(report_of(ORIENTATION, LABELS))
    screen = open_app("reference", reading=run_id)
    assert screen.find("button", "Use these answers").disabled
    screen.set("radio", question(LABELS), "leiden")
    assert not screen.find("button", "Use these answers").disabled


def test_the_answers_start_a_new_reading_of_the_same_upload(open_app, h5ad, tmp_path):
    screen = open_app("reference").upload("Reference file", "n.h5ad", numbers_only(tmp_path))
    first = screen.wait("reading")
    assert first.state is State.DONE
    assert first.summary["question"]["verdict"] == "choose"
    assert Path(first.config["path"]).exists()
    assert screen.state.dataset is None
    screen.click("Use these answers")
    second = screen.wait("reading")
    assert second.config == first.config | {"choices": {"C-LABEL-COLUMN": "cluster"}}
    assert second.state is State.DONE
    assert screen.state.label == "cluster"
    assert Path(first.config["path"]).exists(), "its answers may be changed"


def test_a_reload_finds_the_questions_again(open_app, seeded):
    run_id, _ = seeded(report_of(ORIENTATION))
    screen = open_app("reference", reading=run_id)
    again = open_app("reference", **screen.at.query_params)
    assert again.has("button", "Use these answers")


def test_another_file_may_be_chosen_and_the_upload_goes(open_app, seeded):
    run_id, path = seeded(report_of(ORIENTATION))
    screen = open_app("reference", reading=run_id).click("Choose another file")
    assert screen.state.reading is None
    assert not path.exists()
    assert "needs" not in screen.text("markdown")


def test_a_file_without_answers_goes_when_another_is_loaded(open_app, seeded, h5ad):
    run_id, path = seeded(report_of(ORIENTATION))
    screen = open_app("reference", reading=run_id)
    screen.upload("Reference file", "other.h5ad", h5ad("query", obs=TYPES))
    assert not path.exists()
    assert screen.wait("reading").state is State.DONE


def test_questions_about_a_file_that_is_gone_can_be_answered_no_more(open_app, seeded):
    run_id, path = seeded(report_of(ORIENTATION))
    path.unlink()
    screen = open_app("reference", reading=run_id)
    assert "Load it again" in screen.text("info")
    assert screen.find("button", "Use these answers").disabled


def test_a_query_is_asked_nothing_about_labels(open_app, seeded):
    few = Finding("W-LABEL-FEW", "A type has 6 cells.")
    run_id, _ = seeded(report_of(ORIENTATION, LABELS, few), role="query")
    screen = open_app("annotate", reading_query=run_id)
    assert "needs one answer" in screen.text("markdown")
    assert [radio.label for radio in screen.at.radio] == [question(ORIENTATION)]
    assert few.message not in screen.text()


def test_many_options_are_a_list_to_choose_from(open_app, seeded):
    options = {f"column {i}": f"Use column {i}." for i in range(9)}
    many = Finding("C-LABEL-COLUMN", "Nine columns hold numbers.", "", options, "column 3")
    screen = open_app("reference", reading=seeded(report_of(many))[0])
    assert screen.find("selectbox", question(many)).value == "column 3"


ONE_LAYER = Finding(
    "C-EXPRESSION",
    "X is absent.",
    "Choose the matrix that holds the expression.",
    {"layer counts": "Take layer 'counts': whole counts of 80 genes."},
    "layer counts",
)


def test_one_possible_answer_is_a_button_that_says_what_it_does(open_app, seeded, monkeypatch):
    begun = []
    monkeypatch.setattr("pages.ui.readings.begin", lambda *a, **k: begun.append(a))
    screen = open_app("reference", reading=seeded(report_of(ONE_LAYER))[0])
    assert not screen.at.radio
    assert "needs a yes" in screen.text("markdown")
    assert "Choose the matrix" not in screen.text("markdown")
    screen.click("Take layer 'counts'")
    assert begun[0][3]["choices"] == {"C-EXPRESSION": "layer counts"}


def test_what_must_be_answered_stands_apart_from_what_may(open_app, seeded):
    screen = open_app("reference", reading=seeded(report_of(ORIENTATION, SYMBOLS))[0])
    words = screen.text("markdown")
    assert words.index("Needed") < words.index("If you like")
    screen = open_app("reference", reading=seeded(report_of(ORIENTATION))[0])
    assert "Needed" not in screen.text("markdown")


def test_a_reload_finds_an_answer_that_was_chosen_and_not_sent(open_app, seeded):
    run_id, _ = seeded(report_of(ORIENTATION, LABELS))
    screen = open_app("reference", reading=run_id)
    screen.set("radio", question(ORIENTATION), "genes-in-rows")
    screen.set("radio", question(LABELS), "leiden")
    again = open_app("reference", **screen.at.query_params)
    assert again.find("radio", question(ORIENTATION)).value == "genes-in-rows"
    assert again.find("radio", question(LABELS)).value == "leiden"
    again.set("radio", question(ORIENTATION), "cells-in-rows")
    assert again.state.answers == {f"{run_id}.C-LABEL-COLUMN": "leiden"}, "what is so anyway"


@pytest.mark.parametrize("answers", ["nonsense", "x.C-ORIENTATION=no", "a=1&" * 99])
def test_answers_in_an_address_that_fit_nothing_are_left_out(open_app, seeded, answers):
    run_id, _ = seeded(report_of(ORIENTATION))
    screen = open_app("reference", reading=run_id, answers=answers.replace("x.", f"{run_id}."))
    assert screen.find("radio", question(ORIENTATION)).value == "cells-in-rows"
    assert "answers" not in screen.run().at.query_params


def test_who_says_that_no_column_holds_types_has_a_query(open_app, tmp_path):
    screen = open_app("reference").upload("Reference file", "n.h5ad", numbers_only(tmp_path))
    first = screen.wait("reading")
    label = question(Finding(**first.summary["question"]["findings"][0]))
    screen.set("radio", label, "none")
    assert not screen.has("button", "Use these answers")
    screen.click("Use as query")
    second = screen.wait("reading_query")
    assert screen.title == "Annotate"
    assert second.config["role"] == "query"
    assert screen.state.query == second.summary["dataset"]
    assert (screen.state.dataset, screen.state.reading) == (None, None)


# Refusals ---------------------------------------------------------------------------------------


def test_a_refusal_shows_all_that_was_found(open_app, seeded):
    first = Finding("E-NOT-FINITE", "There are NaN.", "Load it as it was.")
    second = Finding("E-LABEL-ONE-TYPE", "There is one type.", "Add labels.")
    odd = Finding("W-EMPTY-CELLS", "3 cells are empty.")
    run_id, _ = seeded(report_of(first, second, odd), error=first)
    screen = open_app("reference", reading=run_id)
    assert "E-NOT-FINITE" in screen.text("error")
    shown = screen.text("markdown")
    assert "2,638 cells × 13,713 genes" in shown
    for finding in (second, odd):
        assert finding.message in shown
        assert finding.code in shown
    assert first.message not in shown, "it is said once"


def test_the_reading_of_a_refused_file_leaves_its_report(open_app, tmp_path):
    values = np.ones((12, 5), dtype=np.float32)
    values[3, 2] = np.nan
    obs = pd.DataFrame({"kind": ["a", "b"] * 6}, index=[f"c{i}" for i in range(12)])
    ad.AnnData(X=values, obs=obs, var=pd.DataFrame(index=list("ABCDE"))).write_h5ad(
        path := tmp_path / "nan.h5ad"
    )
    screen = open_app("reference").upload("Reference file", "nan.h5ad", path.read_bytes())
    run = screen.wait("reading")
    assert run.error["code"] == "E-NOT-FINITE"
    (told,) = [e for e in jobs.get_database().events(run.id) if e.kind == "report"]
    assert told.payload["verdict"] == "refused"
    assert "12 cells × 5 genes" in screen.text("markdown")


def test_lines_of_r_are_lines_to_copy_and_no_prose(open_app, seeded):
    lines = 'x <- readRDS("a.rds")\nsaveRDS(x, "b.rds")'
    refusal = Finding("E-R-UNREADABLE", "An R object.", f"In R, write:\n{lines}")
    run_id, _ = seeded(report_of(refusal), error=refusal)
    screen = open_app("reference", reading=run_id)
    (code,) = screen.at.code
    assert (code.value, code.language) == (lines, "r")
    assert "readRDS" not in screen.text()
    assert "In R, write:" in screen.text("error")


def test_what_a_refused_file_offers_is_no_call_to_act(open_app, seeded):
    refusal = Finding("E-NOT-FINITE", "There are NaN.", "Load it as it was.")
    run_id, _ = seeded(report_of(refusal, SYMBOLS), error=refusal)
    screen = open_app("reference", reading=run_id)
    assert SYMBOLS.message in screen.text("markdown")
    assert SYMBOLS.next_step not in screen.text("markdown")


def test_a_file_without_types_becomes_the_query_by_one_click(open_app, h5ad):
    content = h5ad("query", obs={"kind": ["B cell"] * 175})
    screen = open_app("reference").upload("Reference file", "bare.h5ad", content)
    refused = screen.wait("reading")
    assert Path(refused.config["path"]).exists(), "it is needed for the button"
    screen.click("Use as query")
    done = screen.wait("reading_query")
    assert screen.title == "Annotate"
    assert screen.state.query == done.summary["dataset"]
    assert "bare" in screen.text("subheader")
    assert not Path(refused.config["path"]).exists()


def test_a_file_that_is_no_query_either_is_not_offered_as_one(open_app, seeded):
    one, two = Finding("E-LABEL-ONE-TYPE", "One type."), Finding("E-NOT-FINITE", "NaN.")
    run_id, _ = seeded(report_of(one, two), error=one)
    assert not open_app("reference", reading=run_id).has("button", "Use as query")


def test_answers_before_a_refusal_can_be_changed(open_app, tmp_path):
    # The column that was chosen first has a single type among the cells: of no use.
    screen = open_app("reference").upload("Reference file", "n.h5ad", numbers_only(tmp_path))
    first = screen.wait("reading")
    label = question(Finding(**first.summary["question"]["findings"][0]))
    config = first.config | {"choices": {"C-LABEL-COLUMN": "none"}}
    screen.state.reading = jobs.start("read", config, title="n.h5ad")
    refused = screen.wait("reading")
    assert refused.error["code"] == "E-LABEL-ONE-TYPE"
    screen.click("Change answers")
    asked = screen.wait("reading")
    assert "question" in asked.summary
    assert screen.find("radio", label).value == "none", "the answer so far is chosen already"
    screen.set("radio", label, "cluster").click("Use these answers")
    assert screen.wait("reading").state is State.DONE
    assert screen.state.label == "cluster"


# Offers -----------------------------------------------------------------------------------------


def ensembl_file(tmp_path):
    cells = core.demo_query()
    symbols = list(cells.genes)
    ids = [f"ENSG{i:011d}" for i in range(len(symbols))]
    var = pd.DataFrame({"gene_name": symbols}, index=pd.Index(ids, dtype=object))
    obs = pd.DataFrame(TYPES, index=pd.Index(cells.cells, dtype=object))
    adata = ad.AnnData(X=cells.stored_matrix(), obs=obs, var=var, obsm={"X_umap": cells.file_umap})
    adata.write_h5ad(path := tmp_path / "ensembl.h5ad")
    return path.read_bytes()


def test_an_offer_is_taken_up_by_one_click(open_app, tmp_path):
    screen = open_app("reference").upload("Reference file", "e.h5ad", ensembl_file(tmp_path))
    first = screen.wait("reading")
    before = screen.state.dataset
    assert "W-GENE-IDS" in screen.text("markdown")
    assert Path(first.config["path"]).exists(), "it is needed for the offer"
    screen.click("Name genes by 'gene\\_name'")
    second = screen.wait("reading")
    assert second.config["choices"] == {"W-GENE-IDS": "column:gene_name"}
    assert screen.state.dataset == second.summary["dataset"] != before
    assert "W-GENE-IDS" not in screen.text("markdown")
    assert "F-GENES-RENAMED" in screen.text("markdown")


def test_an_offer_about_a_file_that_is_gone_says_to_load_it_again(open_app, tmp_path):
    screen = open_app("reference").upload("Reference file", "e.h5ad", ensembl_file(tmp_path))
    first = screen.wait("reading")
    for run in runs_of("read"):
        if "path" in run.config:
            Path(run.config["path"]).unlink(missing_ok=True)
    button = screen.run().find("button", "Name genes by 'gene\\_name'")
    assert button.disabled
    assert "Load the file again" in button.help
    assert first.summary["dataset"] == screen.state.dataset


# What is said -----------------------------------------------------------------------------------


def test_the_first_line_says_what_the_file_is():
    report = FileReport(
        "a.h5ad", ".h5ad file", 1, 2638, 13713, "human", "symbols", "raw", "counts",
        sample_columns=("donor",),
    )  # fmt: skip
    assert plain(facts(report)) == (
        ".h5ad file · **2,638 cells × 13,713 genes** · counts from raw · human, gene symbols · "
        "samples in `donor`"
    )


def test_of_a_query_nothing_is_said_about_labels():
    found = [Finding("F-ORDER", ""), Finding("W-LABEL-FEW", ""), Finding("W-MOUSE", ""), LABELS]
    report = report_of(*found)
    assert [f.code for f in remarks(report, "query")] == ["W-MOUSE", "F-ORDER"]
    assert [f.code for f in remarks(report, "reference")] == ["W-LABEL-FEW", "W-MOUSE", "F-ORDER"]


@pytest.mark.parametrize("part", ["reference", "query"])
def test_the_demo_has_one_calm_line(open_app, demo, part, request):
    screen = demo
    if part == "query":
        screen = open_app("annotate").click("Load demo query")
        if screen.state.reading_query:
            screen.wait("reading_query")
    assert " genes** · log-normalised values" in screen.text("markdown")
    assert not screen.at.warning
    assert not screen.has("download_button", "Report (JSON)")
    for code in ("W-", "F-", "C-"):
        assert f"`{code}" not in screen.text("markdown")


def test_many_remarks_fold_and_the_report_can_be_taken_away(open_app, h5ad):
    obs = {name: [f"{name}{i % 20}" for i in range(175)] for name in ("kind", "other")}
    screen = open_app("reference").upload("Reference file", "m.h5ad", h5ad("query", obs=obs))
    screen.wait("reading")
    report = core.FileReport.from_dict(json.loads(screen.download("Report (JSON)")))
    assert report.name in ("m", "m.h5ad")
    assert (report.n_cells, report.n_genes) == (175, 765)
    folded = [box.label for box in screen.at.expander if "remarks on this file" in box.label]
    assert bool(folded) == (len(remarks(report, "reference")) > 3)


def test_what_a_file_says_is_never_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr("pages.ui.doctor.st.markdown", lambda text, **k: shown.append(text))
    draw_remarks([Finding("W-LABEL-FEW", f"The type {IMAGE} is small. <b>x</b>", IMAGE)])
    line = facts(report_of(format=IMAGE, organism=IMAGE, expression=IMAGE, sample_columns=(IMAGE,)))
    for text in (*shown, line):
        assert "![" not in text.replace(f"`{IMAGE}`", "")
        assert "<b>" not in text


# Several files, folders, and files of the server -------------------------------------------------


def test_several_files_are_one_dataset(open_app, monkeypatch):
    seen = []
    monkeypatch.setattr("pages.ui.loading.begin", lambda *a, **k: seen.append((a, k)))
    screen = open_app("reference")
    names = ("matrix.mtx.gz", "features.tsv.gz", "barcodes.tsv.gz")
    files = [(name, name.encode(), "application/gzip") for name in names]
    screen.find("file_uploader", "Reference file").set_value(files)
    screen.run()
    (((_, step, kind, config), more),) = seen
    assert (step, kind, more["title"]) == ("reading", "read", "10x files")
    paths = [Path(path) for path in config["paths"]]
    assert [path.name for path in paths] == list(names)
    assert [path.read_text() for path in paths] == list(names)
    assert {path.parent for path in paths} == {Path(config["path"])}
    assert config["role"] == "reference"


def test_a_folder_is_kept_with_its_name(open_app, monkeypatch):
    seen = []
    monkeypatch.setattr("pages.ui.loading.begin", lambda *a, **k: seen.append((a, k)))
    screen = open_app("annotate")
    files = [(f"donor 7/{name}", b"x", "") for name in ("matrix.mtx", "genes.tsv", "a/b.tsv")]
    screen.find("file_uploader", "Query folder").set_value(files)
    screen.run()
    (_, step, _, config), more = seen[0]
    folder = Path(config["path"])
    assert (step, more["title"], config["name"]) == ("reading_query", "donor 7", "donor 7")
    assert sorted(p.name for p in folder.rglob("*") if p.is_file()) == [
        "b.tsv", "genes.tsv", "matrix.mtx",
    ]  # fmt: skip


def test_streamlit_s_copy_of_a_file_is_given_back(open_app, h5ad, monkeypatch):
    gone = []
    manager = "streamlit.runtime.memory_uploaded_file_manager.MemoryUploadedFileManager.remove_file"
    monkeypatch.setattr(manager, lambda self, session_id, file_id: gone.append(file_id))
    screen = open_app("reference").upload("Reference file", "a.h5ad", h5ad("query", obs=TYPES))
    screen.wait("reading")
    assert len(gone) == 1


@pytest.fixture
def roots(tmp_path, monkeypatch, h5ad):
    inside = tmp_path / "lab"
    (inside / "2024").mkdir(parents=True)
    (inside / "2024" / "big.h5ad").write_bytes(h5ad("query", obs=TYPES))
    (tmp_path / "secret.h5ad").write_bytes(b"x")
    (inside / "door.h5ad").symlink_to(tmp_path / "secret.h5ad")
    monkeypatch.setenv("NEEDLE_DATA_ROOTS", str(inside))
    return inside


def test_without_roots_no_files_of_the_server_are_offered(open_app, monkeypatch):
    monkeypatch.delenv("NEEDLE_DATA_ROOTS", raising=False)
    screen = open_app("reference")
    assert not screen.has("selectbox", "Folder on this server")


def test_a_file_of_the_server_is_read_where_it_is_and_stays(open_app, roots, monkeypatch):
    monkeypatch.setenv("NEEDLE_NURSERY", "0")
    screen = open_app("reference")
    assert "door" not in " ".join(screen.find("selectbox", "File on this server").options)
    screen.set("selectbox", "Folder on this server", str(roots / "2024"))
    file = roots / "2024" / "big.h5ad"
    screen.set("selectbox", "File on this server", str(file)).click("Load from this server")
    assert screen.wait("reading").state is State.DONE
    assert screen.state.label == "kind"
    assert file.exists()


def test_a_reader_refuses_a_file_outside_the_roots(roots, tmp_path):
    for path in (tmp_path / "secret.h5ad", roots / "door.h5ad", roots / ".." / "secret.h5ad"):
        with pytest.raises(core.DataError, match="administrator has opened") as caught:
            read({"path": str(path), "on_server": True}, Silent(), tmp_path)
        assert caught.value.code == "E-PATH-OUTSIDE"


class Silent:
    def progress(self, *told): ...

    def event(self, *told): ...
