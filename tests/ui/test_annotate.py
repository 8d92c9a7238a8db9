"""Annotate: who is rare in a query, on what evidence, and the files to take away."""

import io
import pickle
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import core
from core import jobs
from core.data.gene_tables import human_orthologs, ids_of
from core.jobs import State
from pages.ui import mapping
from tests.ui.screen import plain, runs_of


@pytest.fixture(scope="session")
def model_path(trained):
    return jobs.run_folder(trained.id) / f"{trained.summary['recommended']}.skops"


@pytest.fixture(scope="session")
def expected(model_path):
    """Return the library's annotation of the demo's query."""
    return core.annotate(core.load_model(model_path), core.demo_query())


@pytest.fixture
def annotate(with_model):
    """Return the page Annotate with a model and the demo's query."""
    screen = with_model("annotate").click("Load demo query")
    if screen.state.reading_query:
        screen.wait("reading_query")
    return screen


@pytest.fixture
def annotated(annotate):
    assert run_annotation(annotate).state is State.DONE
    return annotate


def run_annotation(screen):
    screen.click("Annotate query")
    return screen.wait("annotating")


def load(screen, content, name="query.h5ad"):
    screen.upload("Query file", name, content)
    return screen.wait("reading_query")


def keep_some(genes, share):
    """Rename all but a share of the model's genes."""
    lost = set(genes[round(share * len(genes)) :])
    return lambda gene: f"ENSG-{gene}" if gene in lost else gene


def earlier(screen):
    """Return the headings of results that are folded away."""
    return [
        plain(box.label) for box in screen.at.expander if box.label.startswith("Earlier result")
    ]


def assert_same(shown: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        shown.sort_values("rank").reset_index(drop=True),
        expected.sort_values("rank").reset_index(drop=True),
        check_dtype=False,
        check_exact=False,
        rtol=1e-12,
    )


def test_the_demo_query_gives_the_three_true_cells(annotated, expected):
    assert annotated.text("subheader").splitlines()[-1].startswith("3 of 175 cells, 1 in 58")
    assert "3 of 3 found, 0 false calls" in annotated.text("markdown")
    assert_same(annotated.table("cell", "score", "call", "rank"), expected.table)
    called = expected.table.query("call == 'CD34+'")["cell"]
    truth = core.demo_query().labels("bulk_labels")
    assert set(called) == set(truth.index[truth == "CD34+"])


def test_before_the_annotation_it_says_how_many_genes_the_query_has(annotate):
    assert "175 cells × 765 genes" in annotate.text("markdown")
    assert "20 of the model's 20 genes are in this query" in annotate.text().replace("**", "")


def test_the_threshold_changes_the_calls(annotated, expected):
    slider = annotated.find("slider", "Score threshold")
    assert slider.value == expected.threshold < 0.5  # chosen on out-of-fold scores
    for threshold in (0.0, 0.2, 1.0):
        annotated.set("slider", "Score threshold", threshold)
        other = expected.with_threshold(threshold)
        assert_same(annotated.table("cell", "call"), other.table)
        assert f"{other.n_called:,} of 175 cells" in annotated.text("subheader")
    assert other.n_called == 0
    assert "No cell reaches the threshold" in annotated.text("info")


def test_the_downloads_follow_the_threshold(annotated, expected):
    annotated.set("slider", "Score threshold", 0.0)
    other = expected.with_threshold(0.0)
    assert other.n_called > expected.n_called
    csv = pd.read_csv(io.BytesIO(annotated.download("Predictions (CSV)")))
    assert_same(csv, other.table)
    ids = annotated.download("Cell IDs (TXT)").decode().splitlines()
    assert len(ids) == other.n_called


def test_the_csv_is_the_annotation_s_table(annotated, expected):
    csv = pd.read_csv(io.BytesIO(annotated.download("Predictions (CSV)")))
    pd.testing.assert_frame_equal(csv, expected.table, check_dtype=False)


def test_the_cell_ids_are_the_called_cells_best_first(annotated, expected):
    ids = annotated.download("Cell IDs (TXT)").decode().splitlines()
    assert ids == list(expected.table.query("call == 'CD34+'").sort_values("rank")["cell"])


def test_the_h5ad_holds_the_query_as_it_was_and_the_calls(annotated, expected, tmp_path):
    path = tmp_path / "annotated.h5ad"
    path.write_bytes(annotated.download("Annotated data (H5AD)"))
    saved = ad.read_h5ad(path)
    assert saved.obs["needle_call"].tolist() == expected.table["call"].tolist()
    assert saved.obs["needle_score"].to_numpy() == pytest.approx(expected.table["score"])
    difference = abs(saved.X - core.demo_query().stored_matrix())
    assert difference.max() == 0


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_query_without_half_of_the_genes_is_refused_with_names_of_both(
    annotate, h5ad, expected, share
):
    genes = expected.model.genes
    rename = keep_some(genes, share) if share else (lambda gene: f"ENSG-{gene}")
    load(annotate, h5ad("query", genes=rename))
    error = annotate.text("error")
    assert "E-GENES-MISSING" in error
    assert f"Only {round(share * 20)} of the model's 20 genes" in error
    assert ", ".join(genes[:4]) in error
    assert ", ".join(rename(gene) for gene in core.demo_query().genes[:4]) in error
    assert annotate.find("button", "Annotate query").disabled


def test_a_query_that_was_cut_down_is_told_so_and_not_of_other_names(annotate, h5ad, expected):
    lost = set(expected.model.genes)
    others = [gene for gene in core.demo_query().genes if gene not in lost]
    new = dict(zip(sorted(lost), others, strict=False))
    load(annotate, h5ad("query", genes=lambda gene: f"LINC{others.index(new[gene])}"
                        if gene in lost else gene))  # fmt: skip
    assert "cut down to selected genes? Load the whole matrix" in annotate.text("error")
    assert "same species" not in annotate.text("error")


def test_mouse_ids_become_human_symbols_by_one_click(annotate, monkeypatch, h5ad, expected):
    mouse = {human: mouse for mouse, human in human_orthologs().items()}
    known = {gene: mouse[human] for gene, human in ids_of("human").items() if human in mouse}
    numbered = {
        gene: known.get(gene, f"ENSMUSG{99_000_000_000 + i}")
        for i, gene in enumerate(core.demo_query().genes)
    }
    n_known = sum(gene in known for gene in expected.model.genes)
    first = load(annotate, h5ad("query", genes=numbered.get), name="mouse.h5ad")
    assert "for W-" not in annotate.text("error"), "that is how scripts say it"
    label = f"Name genes by human symbols: {n_known} of 20 instead of 0"
    (button,) = [b for b in annotate.at.button if plain(b.label) == label]
    before = annotate.state.query
    button.click()
    annotate.run()
    done = annotate.wait("reading_query")
    assert done.config["choices"] == {"W-GENE-IDS": "table", "W-MOUSE": "human-orthologs"}
    assert annotate.state.query == done.summary["dataset"] != before
    assert f"{n_known} of the model's 20 genes" in annotate.text().replace("**", "")
    for run in (first, done):
        Path(run.config["path"]).unlink(missing_ok=True)
    annotate.state.query = before
    annotate.run()
    assert not any(plain(b.label) == label for b in annotate.at.button)
    assert "Load the file again and choose `Name genes by symbols`, then `Use human" in (
        annotate.text("error")
    )


def test_of_many_missing_genes_the_rest_is_counted(annotate, h5ad, expected):
    genes = expected.model.genes
    load(annotate, h5ad("query", genes=keep_some(genes, 0.5)))
    assert f"{', '.join(genes[10:18])} and 2 more." in annotate.text("warning")


def test_a_query_without_some_of_the_genes_gives_a_reduced_result(annotate, h5ad, expected):
    genes = expected.model.genes
    load(annotate, h5ad("query", genes=keep_some(genes, 0.7)))
    assert "14 of the model's 20 genes" in annotate.text("warning").replace("**", "")
    assert "reduced" in annotate.text("warning")
    assert genes[-1] in annotate.text("warning")
    assert run_annotation(annotate).summary["coverage"] == pytest.approx(0.7)
    assert "W-GENES-REDUCED" in annotate.text("warning")


def test_a_query_without_one_gene_says_so_and_is_no_reduced_result(annotate, h5ad, expected):
    load(annotate, h5ad("query", genes=keep_some(expected.model.genes, 0.95)))
    assert "19 of the model's 20 genes" in annotate.text().replace("**", "")
    run_annotation(annotate)
    assert "W-GENES-MISSING" in annotate.text("warning")
    assert "reduced" not in annotate.text("warning").lower()


def test_a_query_needs_no_labels(annotate, h5ad, expected):
    load(annotate, h5ad("query"), name="bare.h5ad")
    assert "bare" in annotate.text("subheader")
    assert "W-NO-LABELS" not in annotate.text()
    run_annotation(annotate)
    assert_same(annotate.table("cell", "call"), expected.table)
    assert "own labels" not in annotate.text()


# Labels of the query, for scoring only -----------------------------------------------------------


def labelled(name="CD34+", others="T", column="cluster"):
    """Columns of a query that has its own names for the types."""
    truth = core.demo_query().labels("bulk_labels")
    return {column: [name if label == "CD34+" else others for label in truth]}


def test_the_query_s_own_labels_score_the_calls(annotated):
    types = annotated.table("type", "n_cells", "is_rare")
    assert types.loc[types["is_rare"], ["type", "n_cells"]].to_numpy().tolist() == [["CD34+", 3]]
    assert types["type"][0] == "CD34+", "the likely row comes first"
    scores = annotated.table("Score", "Value").set_index("Score")
    assert scores["Value"].to_dict() == {"Precision": "1.00", "Recall": "1.00", "F1": "1.00"}
    assert scores.loc["Recall", "95 % interval"] == "0.29 – 1.00"  # 0.025 ** (1 / 3)
    agreement = annotated.table("Labels", "Called")
    assert agreement[["Called", "Not called"]].to_numpy().tolist() == [[3, 0], [0, 172]]
    assert "the calls do not change" in annotated.text("caption")


@pytest.mark.parametrize("name", ["cd34+ cells", "CD34 +"])
def test_a_type_that_is_only_written_otherwise_is_ticked(annotate, h5ad, expected, name):
    load(annotate, h5ad("query", obs=labelled(name) | {"batch": ["x", "y", "y", "y", "y"] * 35}))
    run_annotation(annotate)
    assert annotate.find("selectbox", "Label column of the query").value == "cluster"
    types = annotate.table("type", "is_rare").set_index("type")["is_rare"]
    assert types.to_dict() == {name: True, "T": False}
    assert "3 of 3 found, 0 false calls" in annotate.text("markdown")
    assert_same(annotate.table("cell", "call"), expected.table)


def test_without_a_likely_type_nothing_is_scored_until_one_is_ticked(annotate, h5ad):
    load(annotate, h5ad("query", obs=labelled("progenitor")))
    run_annotation(annotate)
    assert not annotate.table("type", "is_rare")["is_rare"].any()
    assert "Tick the types that are CD34+" in annotate.text("info")
    assert "found" not in annotate.text("markdown").split("own labels")[1]


def test_two_types_may_be_the_rare_one(annotate, h5ad, monkeypatch):
    monkeypatch.setattr(mapping, "suggest_types", lambda rare, types: ["progenitor", "T"])
    load(annotate, h5ad("query", obs=labelled("progenitor")))
    run_annotation(annotate)
    assert "3 of 175 found, 0 false calls" in annotate.text("markdown")


def test_the_threshold_changes_the_scores(annotated):
    annotated.set("slider", "Score threshold", 0.0)
    n_called = len(annotated.download("Cell IDs (TXT)").decode().splitlines())
    assert f"3 of 3 found, {n_called - 3} false calls" in annotated.text("markdown")


def test_genes_in_another_order_give_the_same_calls(annotate, expected, tmp_path):
    query = core.demo_query().to_anndata()
    order = np.random.default_rng(0).permutation(query.n_vars)
    shuffled = ad.AnnData(
        X=query.X[:, order],
        obs=pd.DataFrame(index=query.obs_names.astype(object)),
        var=pd.DataFrame(index=query.var_names.astype(object)[order]),
    )
    shuffled.write_h5ad(tmp_path / "shuffled.h5ad")
    load(annotate, (tmp_path / "shuffled.h5ad").read_bytes())
    run_annotation(annotate)
    assert_same(annotate.table("cell", "call"), expected.table)


def test_a_file_that_is_no_dataset_is_refused_and_the_query_stays(annotated):
    before = annotated.state.query
    assert load(annotated, b"%PDF-1 no cells").state is State.FAILED
    assert "E-FILE-FORMAT" in annotated.text("error")
    assert annotated.state.query == before
    assert "3 of 175 cells" in annotated.text("subheader")


def upload_model(screen, name, content):
    screen.upload("Model file", name, content)
    return screen.wait("importing")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("model.skops", pickle.dumps({"a": 1}), "E-MODEL-PICKLE"),
        ("model.pkl", pickle.dumps([1, 2]), "E-MODEL-PICKLE"),
        ("model.skops", b"just text", "E-MODEL-FILE"),
        ("model.skops", b"PK\x03\x04 cut short", "E-MODEL-DAMAGED"),
        ("model.skops", b"", "E-MODEL-FILE"),
    ],
    ids=["pickle", "pickle by its name", "text", "cut short", "empty"],
)
def test_a_file_that_is_no_model_is_refused_and_the_model_stays(annotate, name, content, code):
    before = annotate.find("selectbox", "Model").value
    assert before
    assert upload_model(annotate, name, content).state is State.FAILED
    assert code in annotate.text("error")
    assert name in annotate.text("error")
    assert annotate.find("selectbox", "Model").value == before
    assert run_annotation(annotate).state is State.DONE


def test_a_saved_model_gives_the_same_calls_when_it_is_uploaded(open_app, model_path, expected):
    screen = open_app("annotate")
    done = upload_model(screen, "from a friend.skops", model_path.read_bytes())
    assert screen.find("selectbox", "Model").value == done.summary["model"]
    assert screen.find("selectbox", "Model").options[0] == "from a friend · in the library"
    screen.click("Load demo query")
    if screen.state.reading_query:
        screen.wait("reading_query")
    run_annotation(screen)
    assert_same(screen.table("cell", "score", "call"), expected.table)


def test_a_file_that_is_no_model_leaves_an_uploaded_model_chosen(annotate, model_path):
    done = upload_model(annotate, "good.skops", model_path.read_bytes())
    assert annotate.find("selectbox", "Model").value == done.summary["model"]
    upload_model(annotate, "bad.skops", b"just text")
    assert "E-MODEL-FILE" in annotate.text("error")
    assert annotate.find("selectbox", "Model").value == done.summary["model"]


def test_all_methods_of_the_training_are_offered_the_recommended_one_first(annotate, trained):
    offered = annotate.find("selectbox", "Model").options
    assert "recommended" in offered[0]
    assert "LoRAS + lr" in offered[0]
    assert "LoRAS + knn" in offered[1]
    assert annotate.find("selectbox", "Model").value.endswith(
        f"{trained.id}/{trained.summary['recommended']}.skops"
    )


def test_a_result_of_another_model_is_called_the_earlier_one(annotated, trained):
    assert not earlier(annotated)
    other = str(jobs.run_folder(trained.id) / "loras+knn.skops")
    annotated.set("selectbox", "Model", other)
    (box,) = earlier(annotated)
    assert "CD34" in box
    assert box.endswith("by LoRAS + lr in Demo query (PBMC)")
    assert not annotated.has("slider", "Score threshold"), "it is folded away"
    assert "Annotate again" not in annotated.text()
    run_annotation(annotated)
    assert not earlier(annotated)
    assert annotated.find("selectbox", "Model").value == other


def test_a_second_press_while_it_runs_starts_no_second_run(annotate):
    before = [run.id for run in runs_of("annotate")]
    annotate.click("Annotate query")
    if not annotate.find("button", "Annotate query").disabled:
        annotate.click("Annotate query")
    annotate.wait("annotating")
    assert len(runs_of("annotate", besides=before)) == 1


@pytest.mark.parametrize("method", ["loras+lr", "loras+knn"])
def test_a_reload_finds_query_model_and_result_again(annotate, open_app, trained, method):
    path = str(jobs.run_folder(trained.id) / f"{method}.skops")
    annotate.set("selectbox", "Model", path)
    run_annotation(annotated := annotate)
    again = open_app("annotate", **annotated.at.query_params)
    assert again.find("selectbox", "Model").value == path
    assert_same(again.table("cell", "call"), annotated.table("cell", "call"))
    assert not earlier(again)


def test_an_address_with_an_unknown_query_is_refused_and_another_can_be_loaded(with_model):
    screen = with_model("annotate")
    screen.state.query = "0" * 64
    screen.run()
    assert "E-DATASET-UNKNOWN" in screen.text("error")
    screen.click("Load demo query").run()
    assert not screen.at.error
    assert "175 cells" in screen.text("markdown")


def test_an_address_with_an_unknown_annotation_is_refused(with_model):
    screen = with_model("annotate")
    screen.state.annotating = "zzzzzzzzzzzz"
    screen.run()
    assert "E-RUN-UNKNOWN" in screen.text("error")
    assert not screen.run().at.error
