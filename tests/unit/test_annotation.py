"""Calls for a query: at which score, on which genes, and what is written to files."""

import csv
import json
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import core
from core.annotation import annotate, call_cells
from core.errors import ParameterError, QueryMismatchError
from core.model import load_model
from core.text import spreadsheet_text
from core.training import train
from tests.cells import METHODS, TASK, haystack, keep, small_config
from tests.files import write_bad_files

N_GENES = 20


@pytest.fixture(scope="module")
def model():
    """Twenty markers: one of them is a coverage of 5 %."""
    genes = tuple(f"G{i}" for i in range(N_GENES))
    config = small_config(markers=N_GENES, genes=genes)
    return train(keep(*haystack(20, 80, n_genes=30)), TASK, config, method="loras+lr")


@pytest.fixture(scope="module")
def values():
    return haystack(12, 60, n_genes=30, seed=1)[0]


@pytest.fixture(scope="module")
def query(values):
    return keep(values, ["?"] * len(values), name="a query")


def with_scores(model, query, scores, **settings):
    """Calls for the first cells of the query, as if the model had given these scores."""
    padded = np.zeros(query.n_cells)
    padded[: len(scores)] = scores
    result = call_cells(model, query, padded, **settings)
    return result.table["call"].to_list()[: len(scores)], result


# Calls ------------------------------------------------------------------------------------------


def test_a_cell_is_called_from_the_threshold_on_and_unsure_just_below(model, query):
    scores = [0.7, 0.5, np.nextafter(0.5, 0), 0.41, 0.4, 0.39, 0.0]
    calls, result = with_scores(model, query, scores)
    assert calls == ["needle", "needle", "unsure", "unsure", "other", "other", "other"]
    assert (result.n_called, result.n_unsure) == (2, 2)


def test_the_width_of_the_unsure_band_can_be_chosen(model, query):
    assert with_scores(model, query, [0.35], unsure_width=0.2)[0] == ["unsure"]
    assert with_scores(model, query, [0.499], unsure_width=0.0)[0] == ["other"]


def test_below_half_of_a_low_threshold_nothing_is_unsure(model, query):
    calls, _ = with_scores(model, query, [0.0, 0.02, 0.026, 0.06], threshold=0.05)
    assert calls == ["other", "other", "unsure", "needle"]


def test_the_models_own_threshold_is_used_unless_another_is_given(model, query):
    strict = replace(model, threshold=0.8)
    assert with_scores(strict, query, [0.75, 0.6])[0] == ["unsure", "other"]
    calls, result = with_scores(strict, query, [0.75, 0.6], threshold=0.6)
    assert calls == ["needle", "needle"]
    assert result.threshold == 0.6


def test_ranks_count_from_the_highest_score_and_ties_keep_the_order_of_cells(model, query):
    _, result = with_scores(model, query, [0.2, 0.9, 0.2, 0.5])
    assert result.table["rank"].to_list()[:4] == [3, 1, 4, 2]
    assert sorted(result.table["rank"]) == list(range(1, query.n_cells + 1))


def test_the_table_has_one_row_per_cell_in_the_order_of_the_query(model, query):
    result = annotate(model, query, transfer=None)
    assert list(result.table.columns) == ["cell", "score", "call", "rank", "score_before"]
    assert result.table["cell"].to_list() == query.cells.to_list()
    np.testing.assert_array_equal(result.table["score"], model.score(query))
    np.testing.assert_array_equal(result.table["score_before"], result.table["score"])
    assert result.n_called + result.n_unsure <= query.n_cells
    assert (result.rare, result.model, result.dataset) == ("needle", model, query)


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.3, 0.99, 1.0])
def test_another_threshold_gives_the_calls_of_a_new_annotation(model, query, threshold):
    moved = annotate(model, query, transfer=None).with_threshold(threshold)
    fresh = annotate(model, query, threshold=threshold, transfer=None)
    pd.testing.assert_frame_equal(moved.table, fresh.table)
    assert moved.threshold == threshold
    assert moved.n_called == (model.score(query) >= threshold).sum()


def test_another_threshold_leaves_the_first_calls_alone(model, query):
    result = annotate(model, query, transfer=None)
    before = result.table.copy()
    assert result.with_threshold(0.0).n_called == query.n_cells
    pd.testing.assert_frame_equal(result.table, before)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
@pytest.mark.parametrize("name", ["threshold", "unsure_width"])
def test_a_threshold_or_width_outside_0_to_1_is_refused(model, query, name, value):
    with pytest.raises(ParameterError, match=f"`{name}` must be from 0 to 1") as caught:
        annotate(model, query, **{name: value})
    assert caught.value.code == "E-PARAMETER"


def test_a_threshold_is_checked_when_it_is_moved_too(model, query):
    with pytest.raises(ParameterError, match=r"Got 1\.5") as caught:
        annotate(model, query).with_threshold(1.5)
    assert caught.value.code == "E-PARAMETER"


@pytest.mark.parametrize("name", ["other", "unsure"])
def test_a_rare_type_that_is_called_like_a_call_of_ours_stays_apart_from_it(query, model, name):
    odd = replace(model, task=core.RareTask("type", name))
    calls, result = with_scores(odd, query, [0.9, 0.45, 0.1])
    assert calls[0] == name
    assert len(set(calls)) == 3
    assert (result.n_called, result.n_unsure) == (1, 1)


# Genes ------------------------------------------------------------------------------------------


def renamed(values, n_missing):
    """The query with Ensembl-like names for the first so many of the model's genes."""
    genes = [f"ENSG{i:011}" if i < n_missing else f"G{i}" for i in range(30)]
    return keep(values, ["?"] * len(values), genes=genes)


@pytest.mark.parametrize(
    ("n_missing", "code"),
    [(0, None), (1, "W-GENES-MISSING"), (2, "W-GENES-MISSING"), (3, "W-GENES-REDUCED"),
     (6, "W-GENES-REDUCED"), (10, "W-GENES-REDUCED")],
    ids=["100 %", "95 %", "90 %", "85 %", "70 %", "50 %"],
)  # fmt: skip
def test_missing_genes_are_named_as_far_as_they_matter(model, values, n_missing, code):
    result = annotate(model, renamed(values, n_missing))
    assert result.coverage == (N_GENES - n_missing) / N_GENES
    assert [finding.code for finding in result.findings] == ([code] if code else [])
    for finding in result.findings:
        assert f"{n_missing} of the model's 20 genes are not in the query (G0" in finding.message
        assert finding.message.startswith("Reduced result: ") == (code == "W-GENES-REDUCED")
        nothing_to_do = finding.next_step == "Nothing needs to be done."
        assert nothing_to_do == (code == "W-GENES-MISSING")


@pytest.mark.parametrize("n_missing", [11, 14, 20], ids=["45 %", "30 %", "0 %"])
def test_with_fewer_than_half_of_the_genes_the_query_is_refused(model, values, n_missing):
    with pytest.raises(QueryMismatchError, match="kind of gene names") as caught:
        annotate(model, renamed(values, n_missing))
    assert caught.value.code == "E-GENES-MISSING"
    assert f"Only {20 - n_missing} of the model's 20 genes" in caught.value.message
    assert "names like G0, G1, G2, G3;" in caught.value.message
    assert "names like ENSG00000000000, ENSG00000000001, " in caught.value.message


@pytest.mark.parametrize("method", METHODS)
def test_without_some_genes_the_model_is_the_one_fitted_on_the_others(values, method):
    reference = keep(*haystack(20, 80, n_genes=30))
    config = small_config(genes=("G1", "G4", "G0", "G7"))
    model = train(reference, TASK, config, method=method)
    fewer = train(reference, TASK, replace(config, genes=("G1", "G4", "G7")), method=method)
    lacking = renamed(values, 1)
    result = annotate(model, lacking, transfer=None)
    assert result.genes.missing == ("G0",)
    np.testing.assert_array_equal(result.table["score"], fewer.score(lacking))


def test_a_loaded_model_scores_a_query_without_some_genes_alike(model, values, tmp_path):
    model.save(tmp_path / "model.skops")
    lacking = renamed(values, 5)
    expected = model.score(lacking)
    np.testing.assert_array_equal(load_model(tmp_path / "model.skops").score(lacking), expected)


def test_genes_are_matched_by_name_not_by_position(model, values, query):
    order = np.random.default_rng(0).permutation(30)
    shuffled = keep(values[:, order], ["?"] * len(values), genes=[f"G{i}" for i in order])
    np.testing.assert_array_equal(model.score(shuffled), model.score(query))


def test_a_name_in_other_capitals_is_another_gene(model, values):
    small = keep(values, ["?"] * len(values), genes=[f"g{i}" for i in range(30)])
    with pytest.raises(QueryMismatchError, match="names like g0") as caught:
        annotate(model, small)
    assert caught.value.code == "E-GENES-MISSING"


HUMAN = ("CD34", "PPBP", "CD3D", "MS4A1", "CD79A", "HLA-DRA")
HUMAN_IDS = ("ENSG00000174059", "ENSG00000163736", "ENSG00000167286", "ENSG00000156738",
             "ENSG00000105369", "ENSG00000204287")  # fmt: skip
MOUSE = ("Cd34", "Ppbp", "Cd3d", "Ms4a1", "Cd79a", "H2-Ea")


def with_genes(names):
    """A model on six genes, and the cells it was trained on."""
    values, labels = haystack(20, 80, n_genes=6)
    config = small_config(genes=names)
    return train(keep(values, labels, genes=names), TASK, config, method="none+lr"), values


@pytest.mark.parametrize(
    ("names", "theirs", "advice"),
    [
        (HUMAN, HUMAN_IDS, "Load the query again with 'table' for W-GENE-IDS: 6 instead of 0 of"),
        (HUMAN, MOUSE, "Load the query again with 'human-orthologs' for W-MOUSE: 6 instead of 0"),
        (HUMAN_IDS, HUMAN, "Load the reference again with 'table' for W-GENE-IDS and train anew: "
                           "6 instead of 0 of the 6 genes would be found."),
    ],
    ids=["ids", "mouse", "model-has-ids"],
)  # fmt: skip
def test_a_refused_query_is_told_how_its_genes_would_be_found(names, theirs, advice):
    model, values = with_genes(names)
    query = keep(values, ["?"] * len(values), genes=theirs)
    with pytest.raises(QueryMismatchError, match="Only 0 of the model's 6 genes") as caught:
        annotate(model, query)
    assert caught.value.next_step.startswith(advice)


def test_a_query_that_lacks_genes_because_of_r_is_told_so():
    model, values = with_genes(HUMAN)
    query = keep(values, ["?"] * len(values), genes=[name.replace("-", ".") for name in HUMAN])
    (finding,) = annotate(model, query).findings
    assert finding.code == "W-GENES-REDUCED"
    assert "'repair' for W-GENE-NAMES-MANGLED: 6 instead of 5 of the 6" in finding.next_step


# Files ------------------------------------------------------------------------------------------

NAMES = ["plain", "with,comma", 'with "quotes"', "with space", "Zürich β", "007", "NA"]


@pytest.fixture
def named(values):
    return keep(values[: len(NAMES)], ["?"] * len(NAMES), cells=NAMES)


def test_the_csv_file_holds_the_table_with_names_as_they_are(model, named, tmp_path):
    result = annotate(model, named)
    result.to_csv(tmp_path / "calls.csv")
    with (tmp_path / "calls.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["cell"] for row in rows] == NAMES
    assert [float(row["score"]) for row in rows] == result.table["score"].to_list()
    assert [row["call"] for row in rows] == result.table["call"].to_list()
    assert [int(row["rank"]) for row in rows] == result.table["rank"].to_list()


def test_the_cell_ids_are_those_of_the_called_cells_best_first(model, named, tmp_path):
    result = call_cells(model, named, np.array([0.6, 0.1, 0.9, 0.45, 0.7, 0.5, 0.2]))
    result.to_cell_ids(tmp_path / "ids.txt")
    text = (tmp_path / "ids.txt").read_text(encoding="utf-8")
    assert text == 'with "quotes"\nZürich β\nplain\n007\n'


def test_without_a_call_the_list_of_cell_ids_is_an_empty_file(model, named, tmp_path):
    call_cells(model, named, np.zeros(len(NAMES))).to_cell_ids(tmp_path / "ids.txt")
    assert (tmp_path / "ids.txt").read_bytes() == b""


FORMULAS = ['=HYPERLINK("http://x","c")', "+1+1", "-1+1", "@SUM(1)", "\t=1", "'quoted", "＝1"]


def test_names_that_a_spreadsheet_would_run_are_text_in_the_csv_and_can_be_had_back(
    model, values, tmp_path
):
    odd = replace(model, task=core.RareTask("type", "=2+5"))
    query = keep(values[: len(FORMULAS)], ["?"] * len(FORMULAS), cells=FORMULAS)
    result = call_cells(odd, query, np.linspace(1, 0.9, len(FORMULAS)))
    result.to_csv(tmp_path / "calls.csv")
    with (tmp_path / "calls.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["cell"] for row in rows] == [f"'{name}" for name in FORMULAS]
    assert {row["call"] for row in rows} == {"'=2+5"}
    assert [row["cell"].removeprefix("'") for row in rows] == FORMULAS
    result.to_cell_ids(tmp_path / "ids.txt")
    lines = (tmp_path / "ids.txt").read_text(encoding="utf-8").split("\n")
    assert lines == [*(f"'{name}" for name in FORMULAS), ""]


def test_a_name_that_begins_with_a_line_break_is_text_too():
    assert spreadsheet_text("\r=1") == "'\r=1"
    assert spreadsheet_text("\n=1") == "'\n=1"
    assert spreadsheet_text("AAAC-1") == "AAAC-1"
    assert spreadsheet_text("") == ""


def test_the_awkward_file_of_formulas_is_harmless_in_the_csv_and_whole_in_the_h5ad(tmp_path):
    (path,) = write_bad_files("names_formula", tmp_path).glob("*.h5ad")
    query = core.open_dataset(path)
    task = core.RareTask("cell_type", "=2+5")
    result = annotate(train(query, task, core.TrainingConfig(), method="none+lr"), query)
    result.to_csv(tmp_path / "calls.csv")
    text = (tmp_path / "calls.csv").read_text(encoding="utf-8")
    with (tmp_path / "calls.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))]
    assert "'=HYPERLINK" in text
    result.to_h5ad(tmp_path / "calls.h5ad")
    written = ad.read_h5ad(tmp_path / "calls.h5ad")
    assert written.obs_names.to_list() == query.cells.to_list()
    assert written.obs_names[0].startswith("=HYPERLINK")
    assert written.var_names[:4].to_list() == ["=1+1", "+1+1", "-1+1", "@SUM(1)"]


def open_counts(tmp_path):
    """A query of counts that has been through another program."""
    rng = np.random.default_rng(0)
    adata = ad.AnnData(
        X=rng.poisson(2, size=(40, 30)).astype(np.float32),
        obs=pd.DataFrame(
            {"batch": pd.Categorical(["a", "b"] * 20), "age": np.arange(40)},
            index=[f"c{i}" for i in range(40)],
        ),
        var=pd.DataFrame(index=[f"G{i}" for i in range(30)]),
    )
    adata.write_h5ad(tmp_path / "counts.h5ad")
    return adata, core.open_dataset(tmp_path / "counts.h5ad")


def test_the_annotated_file_keeps_the_counts_and_labels_of_the_query(model, tmp_path):
    adata, query = open_counts(tmp_path)
    result = annotate(model, query)
    result.to_h5ad(str(tmp_path / "annotated.h5ad"))
    written = ad.read_h5ad(tmp_path / "annotated.h5ad")
    np.testing.assert_array_equal(written.X.toarray(), adata.X)
    assert written.obs_names.to_list() == adata.obs_names.to_list()
    assert written.var_names.to_list() == adata.var_names.to_list()
    assert list(written.obs) == ["batch", "age", "needle_call", "needle_score"]
    assert written.obs["batch"].to_list() == adata.obs["batch"].to_list()
    assert written.obs["age"].to_list() == adata.obs["age"].to_list()
    assert written.obs["needle_call"].to_list() == result.table["call"].to_list()
    np.testing.assert_array_equal(written.obs["needle_score"], result.table["score"])


def test_the_annotated_file_says_how_it_was_made(model, tmp_path):
    _, query = open_counts(tmp_path)
    result = annotate(model, query, threshold=0.3)
    result.to_h5ad(tmp_path / "annotated.h5ad")
    written = ad.read_h5ad(tmp_path / "annotated.h5ad")
    assert list(written.uns) == ["needle"]
    about = json.loads(written.uns["needle"])
    assert about == json.loads(json.dumps(result.describe()))
    assert (about["rare"], about["threshold"]) == ("needle", 0.3)
    assert about["n_called"] == result.n_called
    assert about["query"] == {"name": "counts", "digest": query.digest}
    assert about["model"]["genes"] == list(model.genes)
    assert about["model"]["reference"]["n_rare"] == 20
    assert about["model"]["config"]["seed"] == 0
    assert about["transfer"] is None  # a query of 40 cells gets the model's own scores


def test_an_annotated_file_can_be_a_query_again(model, tmp_path):
    _, query = open_counts(tmp_path)
    annotate(model, query).to_h5ad(tmp_path / "annotated.h5ad")
    again = core.open_dataset(tmp_path / "annotated.h5ad")
    np.testing.assert_array_equal(model.score(again), model.score(query))
    annotate(model, again, threshold=0.9).to_h5ad(tmp_path / "twice.h5ad")
    twice = ad.read_h5ad(tmp_path / "twice.h5ad")
    assert list(twice.obs) == ["batch", "age", "needle_call", "needle_score"]
    assert json.loads(twice.uns["needle"])["threshold"] == 0.9


def test_the_demo_query_is_annotated_with_its_rare_cells_on_top():
    reference, query = core.demo_reference(), core.demo_query()
    task = core.RareTask("bulk_labels", "CD34+")
    model = train(reference, task, core.TrainingConfig(markers=20), method="loras+knn")
    result = annotate(model, query)
    assert result.coverage == 1
    truth = query.obs["bulk_labels"].to_numpy() == "CD34+"
    assert truth.sum() == 3
    assert (result.table["call"].to_numpy() == "CD34+").tolist() == truth.tolist()
