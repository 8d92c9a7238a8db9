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
from core.config import config_to_dict
from core.data.gene_tables import human_orthologs, ids_of
from core.embedding import dataset_umap
from core.jobs import State
from core.jobs.settings import NAMES, settings
from core.selection import describe_selection, in_polygon
from core.transfer.evidence import explain_cell
from core.transfer_config import TransferConfig
from pages.ui import cache, mapping, transferred
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
    assert "No cell is called" in annotated.text("info")


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


# How calls are carried over ----------------------------------------------------------------------


def figures(screen):
    """Return the alternative texts of the figures on the page."""
    return [chart.proto.alt for chart in screen.at.get("plotly_chart")]


def open_box(screen, name):
    """Open a part of the page that is folded away, by the beginning of its key."""
    screen.at.session_state[f"{name}.{screen.state.annotating}"] = True
    return screen.run()


@pytest.fixture
def without_rare(h5ad, tmp_path):
    """Return the content of a file with the demo's query less its rare cells."""
    path = tmp_path / "absent.h5ad"
    path.write_bytes(h5ad("query"))
    cells = ad.read_h5ad(path)
    is_rare = core.demo_query().labels("bulk_labels").to_numpy() == "CD34+"
    cells[~is_rare].copy().write_h5ad(path)
    return path.read_bytes()


def test_an_annotation_is_started_with_the_defaults_of_the_library(annotated):
    run = jobs.get_database().get(annotated.state.annotating)
    assert run.config["transfer"] == config_to_dict(TransferConfig())
    assert "Settings changed" not in annotated.text()


def test_every_setting_of_a_transfer_has_one_control_and_a_name_on_the_page_runs(annotated):
    run = jobs.get_database().get(annotated.state.annotating)
    kinds = ("selectbox", "toggle", "number_input")
    shown = [widget.label for kind in kinds for widget in getattr(annotated.at, kind)]
    told = settings(run)
    for field in vars(TransferConfig()):
        label = NAMES[f"transfer.{field}"]
        assert shown.count(label) == 1
        assert told[label]
    assert told["The threshold is"] == "where the query's scores divide"
    assert told["Match the depth"] == "automatic"


@pytest.mark.parametrize(
    ("kind", "field", "words", "value"),
    [
        ("toggle", "refine", False, False),
        ("selectbox", "match_depth", "no", False),
        ("selectbox", "standardise", "the query itself", "query"),
        ("number_input", "smoothness", 2.5, 2.5),
    ],
)
def test_other_settings_than_the_result_s_are_said_and_used(annotated, kind, field, words, value):
    annotated.set(kind, NAMES[f"transfer.{field}"], words)
    assert "Settings changed: annotate again." in annotated.text("warning")
    run_annotation(annotated)
    run = jobs.get_database().get(annotated.state.annotating)
    assert run.config["transfer"] == config_to_dict(TransferConfig(**{field: value}))
    assert "Settings changed" not in annotated.text()


def test_the_defaults_come_back_by_one_click(annotated):
    annotated.set("number_input", "Neighbours of a cell", 30)
    assert "Not all of these settings are the defaults." in annotated.text("caption")
    annotated.click("Back to the defaults")
    assert annotated.find("number_input", "Neighbours of a cell").value == 15
    assert annotated.state.transfer == TransferConfig()
    assert "Settings changed" not in annotated.text()


def test_a_reload_finds_the_settings_of_the_result_again(annotate, open_app):
    annotate.set("selectbox", "Call clusters as a whole", "by the most frequent call")
    run_annotation(annotate)
    again = open_app("annotate", **annotate.at.query_params)
    assert again.state.transfer == TransferConfig(votes="calls")
    assert "Settings changed" not in again.text()


# What it comes to --------------------------------------------------------------------------------


def test_a_query_with_the_type_is_said_to_have_it_with_the_figures_behind_that(annotated, expected):
    assert "Demo query (PBMC) has CD34+" in annotated.text("success")
    verdict, words = expected.transfer.verdict, annotated.text("markdown")
    assert f"Mean score {core.plots.number_text(verdict.score)}" in words.replace("**", "")
    assert f"Similarity {core.plots.number_text(verdict.similarity)}" in words.replace("**", "")
    assert f"Likeness {core.plots.number_text(verdict.likeness)}" in words.replace("**", "")
    for least in ("0.2", "0.5", "0.25"):
        assert f"At least {least} is asked" in annotated.text("caption")
    assert "Estimated frequency: **1.71 %**" in annotated.text("caption")
    assert not annotated.has("toggle", "Call them anyway")


def test_what_was_done_is_listed(annotated, expected):
    words = annotated.text("markdown").lower()
    assert all(step.lower() in words for step in expected.transfer.steps)


def test_a_query_without_the_type_is_said_to_lack_it_and_can_be_called_anyway(
    annotate, without_rare
):
    load(annotate, without_rare, name="absent.h5ad")
    assert run_annotation(annotate).summary["n_called"] == 0
    warning = annotate.text("warning")
    assert warning.count("W-TYPE-ABSENT") == 1
    assert "absent probably has no CD34+" in warning
    assert annotate.text("subheader").splitlines()[-1].startswith("0 of 172 cells called CD34+")
    assert "Estimated frequency: **none**" in annotate.text("caption")
    annotate.set("toggle", "Call them anyway", True)
    assert not annotate.text("subheader").splitlines()[-1].startswith("0 of 172")
    assert len(annotate.download("Cell IDs (TXT)").split()) > 0


def test_a_small_query_is_called_by_the_model_alone(annotate, h5ad, tmp_path):
    path = tmp_path / "small.h5ad"
    path.write_bytes(h5ad("query"))
    ad.read_h5ad(path)[:40].copy().write_h5ad(path)
    load(annotate, path.read_bytes(), name="small.h5ad")
    run_annotation(annotate)
    assert "fewer than 50 cells is too small" in annotate.text("info")
    assert "earlier version" not in annotate.text("info")
    assert not annotate.has("selectbox", "Cell to look at")


def test_a_result_from_before_calls_were_carried_over_says_so(with_model, model_path):
    query = core.demo_query().digest
    old = jobs.wait(jobs.start("annotate", {"dataset": query, "model": str(model_path)}), 120)
    for name in ("transfer.json", "transfer.npz"):
        (jobs.run_folder(old.id) / name).unlink()
    screen = with_model("annotate")
    screen.state.query, screen.state.annotating = query, old.id
    screen.run()
    assert "This result is of an earlier version" in screen.text("info")
    assert "3 of 175 cells" in screen.text("subheader")
    assert not screen.has("selectbox", "Cell to look at")


# Maps and selections -----------------------------------------------------------------------------


def loop_around(points):
    """What the browser sends for a loop around some points of a map."""
    (x0, y0), (x1, y1) = points.min(axis=0) - 0.1, points.max(axis=0) + 0.1
    x, y = [x0, x1, x1, x0], [y0, y0, y1, y1]
    lasso = [{"xref": "x", "yref": "y", "x": list(map(float, x)), "y": list(map(float, y))}]
    return {"selection": {"points": [], "point_indices": [], "box": [], "lasso": lasso}}


def test_the_scores_of_every_step_can_be_seen(annotated, expected):
    def at_threshold(scores):
        n = int((scores >= expected.threshold).sum())
        return any(f"by score from 0 to 1; {n} cell" in alt for alt in figures(annotated))

    control = f"stage.{annotated.state.annotating}"
    for stage in ("scores", "before", "refined"):
        annotated.at.session_state[control] = stage
        annotated.run()
        assert at_threshold(getattr(expected.transfer, stage))


def test_the_query_is_placed_on_the_map_of_the_reference(annotated):
    assert any(alt.startswith("Map of the reference's 525 cells, 10") for alt in figures(annotated))


def test_without_a_map_of_the_reference_it_says_where_to_get_one(annotated, monkeypatch):
    monkeypatch.setattr(cache, "has_umap", lambda data: False)
    annotated.run()
    assert "has no map yet" in annotated.text("caption")
    assert not any("Map of the reference" in alt for alt in figures(annotated))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (core.errors.DataError("no", code="E-DATASET-UNKNOWN"), "is not loaded"),
        (core.ParameterError("no", code="E-PARAMETER"), "labels of"),
    ],
    ids=["somebody else's reference", "other labels"],
)
def test_a_reference_that_cannot_be_shown_is_said_to_be_so(annotated, monkeypatch, error, words):
    def refuse(*_):
        raise error

    monkeypatch.setattr(transferred, "reference_rows", refuse)
    annotated.run()
    assert words in annotated.text("caption")
    assert not any("Map of the reference" in alt for alt in figures(annotated))


def test_a_loop_on_the_map_says_which_cells_it_holds(annotated, expected):
    assert "Draw a loop around cells" in annotated.text("info")
    xy = dataset_umap(core.demo_query())
    called = expected.table["call"].to_numpy() == "CD34+"
    event = loop_around(xy[called])
    lasso = event["selection"]["lasso"][0]
    rows = np.flatnonzero(in_polygon(xy, np.column_stack([lasso["x"], lasso["y"]])))
    selection = describe_selection(expected, rows)
    annotated.at.session_state[f"calls.{annotated.state.annotating}"] = event
    annotated.run()
    assert f"**{selection.n_cells} cells**: 3 CD34+" in annotated.text("markdown")
    shown = annotated.table("gene", "mean_selected")
    pd.testing.assert_frame_equal(shown.reset_index(drop=True), selection.markers)
    csv = pd.read_csv(io.BytesIO(annotated.download("Selected cells (CSV)")))
    assert set(csv["cell"]) == set(expected.table["cell"].iloc[rows])


# Evidence ----------------------------------------------------------------------------------------


def test_markers_are_shown_beside_the_reference_s_rare_cells(annotated):
    (violins,) = [alt for alt in figures(annotated) if alt.startswith("Expression of")]
    assert "called (3 cells)" in violins
    assert "CD34+ of the reference (10 cells)" in violins
    (dots,) = [alt for alt in figures(annotated) if alt.startswith("Dot plot")]
    assert "CD34+ of the reference first" in dots


def test_a_cell_that_is_chosen_shows_what_its_call_rests_on(annotated, expected):
    best = expected.table.sort_values("rank").iloc[0]
    annotated.set("selectbox", "Cell to look at", best["cell"])
    found = explain_cell(expected.model, core.demo_query(), expected.transfer, int(best.name))
    assert f"{best['cell']}** is called CD34+, at rank 1 of 175" in annotated.text("markdown")
    assert found.how in annotated.text("caption")
    metrics = {metric.label: metric.value for metric in annotated.at.metric}
    assert metrics["First score"] == core.plots.number_text(found.before)
    assert metrics["Final"] == core.plots.number_text(found.score)
    near = annotated.table("rank", "type", "distance")
    assert near["type"].tolist() == found.neighbours["type"].tolist()
    strongest = found.contributions.loc[found.contributions["contribution"].idxmax(), "gene"]
    (bars,) = [alt for alt in figures(annotated) if alt.startswith("Genes that speak for")]
    assert f"in this cell: {strongest}" in bars


def test_clusters_are_named_by_both_votes(annotated, expected):
    open_box(annotated, "clusters")
    table = annotated.table("by_calls", "by_probability").set_index("cluster")
    pd.testing.assert_frame_equal(
        table.sort_index(), expected.clusters(), check_names=False, check_dtype=False
    )
    assert table["n_called"].is_monotonic_decreasing


def test_the_shift_of_every_gene_is_shown_the_largest_first(annotated, expected):
    assert not any(alt.startswith("Shift of") for alt in figures(annotated)), "it is folded away"
    open_box(annotated, "shift")
    shift = expected.transfer.cells.shift
    table = annotated.table("gene", "shift")
    assert set(table["gene"]) == set(shift["gene"])
    assert table["shift"].abs().is_monotonic_decreasing
    (alt,) = [alt for alt in figures(annotated) if alt.startswith("Shift of")]
    assert f"of {len(shift)} between" in alt
