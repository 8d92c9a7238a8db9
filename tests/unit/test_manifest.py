"""Every awkward or hostile file of the shared tool meets its verdict, with its code."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

import core
from core.errors import ChoiceNeeded, Finding, NeedleError
from tests.files import bad_files_tool, fingerprint, kept

TASK = core.RareTask(label="cell_type", rare="rare")
OUTSIDE = Path("/tmp/bad_files_abs_marker")

# What each file brings: refusals and questions as they are raised, else all findings, in order.
EXPECTED = {
    "ok_basic.h5ad": [],
    "ok.csv": [],
    "ok.loom": [],
    "ok.tsv.gz": [],
    "ok_10x.h5": [],
    "ok_mtx_v2.zip": [],
    "ok_mtx_v3.zip": [],
    "ids_ensembl.h5ad": ["W-GENE-IDS"],
    "ids_ensembl_versioned.h5ad": ["F-GENE-VERSIONS", "F-DUPLICATE-GENES"],
    "ids_dup_genes.h5ad": ["F-DUPLICATE-GENES"],
    "ids_dup_cells.h5ad": ["F-DUPLICATE-CELLS"],
    "ids_mouse_case.h5ad": ["W-MOUSE"],
    "ids_integer_names.csv": ["E-TABLE-NAMES"],
    "x_lognorm.h5ad": ["W-NO-COUNTS"],
    "x_scaled_no_raw.h5ad": ["E-SCALED"],
    "x_nan.h5ad": ["E-NOT-FINITE"],
    "x_inf.h5ad": ["E-NOT-FINITE"],
    "x_csc.h5ad": [],
    "x_dense.h5ad": [],
    "x_float16.h5ad": [],
    "x_float64.h5ad": [],
    "x_int64.h5ad": [],
    "x_uint16.h5ad": [],
    "x_layers_only.h5ad": ["C-EXPRESSION"],
    "x_raw_wider.h5ad": [],
    "x_zero_cells.h5ad": ["W-EMPTY-CELLS"],
    "x_zero_variance.h5ad": ["W-CONSTANT-GENES"],
    "x_all_zero.h5ad": ["E-ALL-ZERO"],
    "x_zero_obs.h5ad": ["E-NO-CELLS"],
    "x_zero_vars.h5ad": ["E-NO-CELLS"],
    "x_strings.csv": ["E-TABLE-TEXT"],
    "lab_unused_category.h5ad": ["F-LABEL-UNUSED"],
    "lab_numeric.h5ad": ["C-LABEL-COLUMN"],
    "lab_nan.h5ad": ["W-LABELS-MISSING"],
    "lab_nasty_column.h5ad": [],
    "lab_one_type.h5ad": ["E-LABEL-ONE-TYPE"],
    "lab_rare_1.h5ad": ["E-RARE-ONE"],
    "lab_rare_2.h5ad": ["W-LABEL-FEW"],
    "lab_rare_3.h5ad": ["W-LABEL-FEW"],
    "lab_rare_4.h5ad": ["W-LABEL-FEW"],
    "lab_rare_5.h5ad": ["W-LABEL-FEW"],
    "lab_rare_6.h5ad": ["W-LABEL-FEW"],
    "lab_five_cells.h5ad": ["E-TOO-FEW-CELLS"],
    "lab_leak.h5ad": ["W-IDENTICAL-CELLS", "W-GENE-IS-LABEL"],
    "query_missing_10.h5ad": ["W-GENES-MISSING"],
    "query_missing_50.h5ad": ["W-GENES-REDUCED"],
    "query_missing_100.h5ad": ["E-GENES-MISSING"],
    "query_shuffled_genes.h5ad": [],
    "query_no_labels.h5ad": [],
    "query_one_cell.h5ad": [],
    "query_new_type.h5ad": ["W-TYPE-ABSENT", "W-UNLIKE-REFERENCE"],
    "file_empty.csv": ["E-FILE-EMPTY"],
    "file_empty.h5": ["E-FILE-EMPTY"],
    "file_empty.h5ad": ["E-FILE-EMPTY"],
    "file_empty.loom": ["E-FILE-EMPTY"],
    "file_empty.rds": ["E-FILE-EMPTY"],
    "file_empty.zip": ["E-FILE-EMPTY"],
    "file_truncated.h5ad": ["E-FILE-DAMAGED"],
    "file_truncated.tsv.gz": ["E-FILE-DAMAGED"],
    "file_truncated.zip": ["E-FILE-DAMAGED"],
    "file_csv_as.h5ad": ["C-FORMAT"],
    "file_h5ad_as.csv": ["C-FORMAT"],
    "file_h5ad_as_10x.h5": ["C-FORMAT"],
    "file_html_as.csv": ["E-FILE-FORMAT"],
    "file_png_as.h5": ["E-FILE-FORMAT"],
    "file_zip_as.h5ad": ["C-FORMAT"],
    "file_future_encoding.h5ad": ["E-LAYOUT-NEWER"],
    "csv_bom.csv": ["W-SCALE-UNSURE"],
    "csv_comment.csv": ["W-SCALE-UNSURE"],
    "csv_dup_header.csv": ["W-SCALE-UNSURE", "F-DUPLICATE-GENES"],
    "csv_genes_as_rows.csv": ["C-ORIENTATION"],
    "csv_header_only.csv": ["E-TABLE-HEADER"],
    "csv_latin1.csv": ["W-SCALE-UNSURE"],
    "csv_no_header.csv": ["E-TABLE-HEADER"],
    "csv_nul.csv": ["E-TABLE-NUL"],
    "csv_ragged.csv": ["E-TABLE-RAGGED"],
    "csv_semicolon.csv": ["F-DIALECT", "W-SCALE-UNSURE"],
    "csv_utf16.csv": ["F-ENCODING", "W-SCALE-UNSURE"],
    "10x_antibody_rows.h5": ["W-ANTIBODIES"],
    "10x_feature_mismatch.zip": ["E-10X-MISMATCH"],
    "10x_no_barcodes.zip": ["E-10X-INCOMPLETE"],
    "10x_no_matrix.zip": ["E-ARCHIVE-NO-MATRIX"],
    "10x_two_genomes.h5": ["W-GENOMES"],
    "10x_two_samples.zip": ["C-SAMPLE"],
    "bad_csr_extra_data.h5ad": ["E-FILE-DAMAGED"],
    "bad_csr_indices_negative.h5ad": ["E-FILE-DAMAGED"],
    "bad_csr_indices_out.h5ad": ["E-FILE-DAMAGED"],
    "bad_csr_indptr_down.h5ad": ["E-FILE-DAMAGED"],
    "bad_csr_indptr_huge.h5ad": ["E-FILE-DAMAGED"],
    "bad_csr_unsorted.h5ad": ["F-ORDER"],
    "file_tall.h5ad": ["W-EMPTY-CELLS"],
    "loom_no_cellid.loom": ["E-LOOM-IDS"],
    "hdf5_external_link_abs.h5ad": ["E-FILE-LINKS"],
    "hdf5_external_link_rel.h5ad": ["E-FILE-LINKS"],
    "hdf5_external_storage.h5ad": ["E-FILE-LINKS"],
    "hdf5_virtual_dataset.h5ad": ["E-FILE-LINKS"],
    "hdf5_unknown_filter.h5ad": ["E-HDF5-FILTER"],
    "hdf5_gzip_bomb.h5ad": ["E-EXPANDS"],
    "hdf5_huge_shape.h5ad": ["E-TOO-LARGE"],
    "hdf5_huge_uns.h5ad": ["E-TOO-LARGE"],
    "hdf5_deep_nest.h5ad": ["E-TOO-DEEP"],
    "zip_traversal.zip": ["E-ARCHIVE-UNSAFE"],
    "gzip_bomb.csv.gz": ["E-EXPANDS"],
    "gzip_two_members.csv.gz": [],
    "names_formula.h5ad": [],
    "names_html.h5ad": ["W-LABEL-FEW"],
    "pickle_as.h5ad": ["E-FILE-FORMAT"],
    "pickle_as.skops": ["E-FILE-FORMAT"],
    "pickle_in_uns.h5ad": [],
    "pickle_in_zip.skops": ["E-ARCHIVE-NO-MATRIX"],
    "pickle_model.joblib": ["E-FILE-FORMAT"],
    "pickle_model.joblib.gz": ["E-FILE-FORMAT"],
    "pickle_model.npz": ["E-ARCHIVE-NO-MATRIX"],
    "pickle_model.pkl": ["E-FILE-FORMAT"],
    "rds_bomb.rds": ["E-EXPANDS"],
    "rds_header_only.rds": ["E-FILE-DAMAGED"],
}
# Where the manifest says something else than what Needle does, and why it does.
# (csv_latin1.csv is plain ASCII: the gene that was to get an accent is not among its twenty.)
OTHERWISE = {
    "file_csv_as.h5ad": "a good table under a wrong name: read by its content, after a question",
    "file_h5ad_as.csv": "a good .h5ad under a wrong name: read by its content, after a question",
    "file_h5ad_as_10x.h5": "a good .h5ad under a wrong name: read by its content, after a question",
    "file_tall.h5ad": "13 % of its cells are empty, as in x_zero_cells, which is to be warned of",
    "csv_bom.csv": "its values are counts + 0.5: neither counts nor logs, which has to be said",
    "csv_comment.csv": "its values are counts + 0.5: neither counts nor logs, which has to be said",
}
# "hostile" is met by a refusal, and where a name is the attack, by showing it as inert text.
INERT = {"names_formula.h5ad", "names_html.h5ad"}
QUESTIONS = [name for name, codes in EXPECTED.items() if "".join(codes).startswith("C-")]
MEETS = {
    "reject": lambda codes, name: codes[0].startswith("E-"),
    "hostile": lambda codes, name: name in INERT or codes[0].startswith("E-"),
    "ask": lambda codes, name: codes[0].startswith("C-"),
    "warn": lambda codes, name: any(code.startswith("W-") for code in codes),
    "fix": lambda codes, name: any(code.startswith("F-") for code in codes),
    "ok": lambda codes, name: codes == [],
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder, tool = tmp_path_factory.mktemp("bad"), bad_files_tool()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tool.main([str(folder)])
    entries = json.loads((folder / "manifest.json").read_text())["files"]
    return {"folder": folder, "canary": tool.CANARY} | {entry["file"]: entry for entry in entries}


@pytest.fixture(scope="module")
def models(manifest):
    """Two of them: queries may lack a share of all genes, or hold cells that none has seen."""
    reference = core.open_dataset(manifest["folder"] / "ok_basic.h5ad", label=TASK.label)
    genes = tuple(reference.genes)
    settings = {"all genes": {"genes": genes}, "markers": {"markers": 20}}
    return {
        name: core.train(reference, TASK, core.TrainingConfig(n_repeats=1, **chosen))
        for name, chosen in settings.items()
    }


def said(path: Path, entry: dict, models) -> list[Finding | NeedleError]:
    """Everything that a user is told on the road which the file is meant for."""
    try:
        if entry["kind"] == "query":
            dataset = core.open_dataset(path, role="query")
            model = models["all genes" if "missing" in entry["file"] else "markers"]
            mine = [f for f in dataset.findings if "-LABEL" not in f.code]
            return mine + list(core.annotate(model, dataset).findings)
        dataset = core.open_dataset(path)
        if entry["case"].startswith("lab_") and TASK.label in dataset.obs:
            dataset = core.open_dataset(path, label=TASK.label)
            dataset.rare_labels(TASK)
        return list(dataset.findings)
    except NeedleError as error:
        return [error]


def test_the_table_names_every_file_of_the_manifest(manifest):
    assert set(EXPECTED) == {name for name in manifest if name not in ("folder", "canary")}
    assert len(EXPECTED) == 116


@pytest.mark.parametrize("name", EXPECTED)
def test_file_meets_its_verdict(manifest, models, fresh_home, name):
    entry, path = manifest[name], manifest["folder"] / name
    before, there = fingerprint(path), set(kept(fresh_home))
    heard = said(path, entry, models)
    codes = [each.code for each in heard]
    assert sorted(codes) == sorted(EXPECTED[name])
    meets = MEETS[entry["verdict"]](codes or [""], name) if codes else MEETS["ok"](codes, name)
    assert (meets or name in INERT) is (name not in OTHERWISE)
    for each in heard:
        assert each.message
        assert each.code.startswith("F-") or each.next_step
        assert manifest["canary"] not in each.message + each.next_step
    if codes and codes[0][0] in "EC" and not entry["case"].startswith(("lab_", "query_")):
        assert set(kept(fresh_home)) - there == set()  # nothing of it is kept
    assert fingerprint(path) == before
    assert not (manifest["folder"] / "MARKERS").exists()
    assert not OUTSIDE.exists()


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("pickle_")])
def test_no_file_that_runs_code_passes_for_a_model(manifest, name):
    with pytest.raises(core.ModelFileError) as refused:
        core.load_model(manifest["folder"] / name)
    assert refused.value.next_step
    assert not (manifest["folder"] / "MARKERS").exists()


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_by_any_of_its_options(manifest, fresh_home, name):
    path = manifest["folder"] / name
    with pytest.raises(ChoiceNeeded) as asked:
        core.open_dataset(path)
    assert {f.code for f in asked.value.report.findings if f.code.startswith("C-")} == set(
        EXPECTED[name]
    )
    for option in asked.value.options:
        dataset = core.open_dataset(path, choices={asked.value.code: option})
        assert dataset.n_cells >= 20
        assert not [f for f in dataset.report.findings if f.code.startswith("C-")]


def test_an_answer_that_is_no_option_is_refused(manifest, fresh_home):
    path = manifest["folder"] / "csv_genes_as_rows.csv"
    with pytest.raises(core.ParameterError, match=r"choices\['C-ORIENTATION'\]") as refused:
        core.open_dataset(path, choices={"C-ORIENTATION": "upside-down"})
    assert refused.value.code == "E-CHOICE"
    with pytest.raises(core.ParameterError, match="does not ask 'C-NONSENSE'"):
        core.open_dataset(path, choices={"C-NONSENSE": "yes", "C-ORIENTATION": "genes-in-rows"})


def test_nothing_of_other_files_is_in_what_was_kept(manifest, fresh_home):
    names = [name for name in EXPECTED if manifest[name]["verdict"] == "hostile"]
    for name in names:
        with suppress(NeedleError):
            core.open_dataset(manifest["folder"] / name)
    found = [path for path in fresh_home.rglob("*") if path.is_file()]
    assert len(found) >= len(INERT)
    canary = manifest["canary"].encode()
    assert [path.name for path in found if canary in path.read_bytes()] == []
