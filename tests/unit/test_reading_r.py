"""R data files: what R wrote is what is read, and nothing else gets in.

``tests/archive/r`` has the files and R's own account of them as CSV; its README says how they came
to be.
"""

import gzip
import random
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from core.data.choices import Choices
from core.data.formats import recognise
from core.data.reading import limits, r_account, rfile
from core.data.reading.cells import ReadCells
from core.data.source import Source
from core.errors import DataError

ARCHIVE = Path(__file__).parents[1] / "archive" / "r"
COUNTS = pd.read_csv(ARCHIVE / "expected_counts.csv", index_col=0).T
LOGGED = pd.read_csv(ARCHIVE / "expected_logged.csv", index_col=0).T
LABELS = pd.read_csv(ARCHIVE / "expected_labels.csv", index_col=0)
UMAP = pd.read_csv(ARCHIVE / "expected_umap.csv", index_col=0)
HEAD = b"X\n" + struct.pack(">iii", 2, 0x040202, 0x020300)
FILES = sorted(path for path in ARCHIVE.iterdir() if path.suffix in (".rds", ".RData"))


def read(path: Path, **answers: str) -> tuple[ReadCells, Choices]:
    source = Source.of(path)
    choices = Choices({code.replace("_", "-"): answer for code, answer in answers.items()})
    assert recognise(source, choices) == "r"
    return rfile.read(source, choices), choices


def as_table(matrix, adata) -> pd.DataFrame:
    if sparse.issparse(matrix):
        matrix.check_format(full_check=True)
        assert matrix.has_sorted_indices
        matrix = matrix.toarray()
    return pd.DataFrame(matrix, index=adata.obs_names, columns=adata.var_names)


def assert_is(matrix, adata, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        as_table(matrix, adata), expected, check_dtype=False, check_names=False, rtol=1e-12
    )


def assert_labels(obs: pd.DataFrame) -> None:
    assert list(obs.index) == list(LABELS.index)
    assert obs["cell_type"].astype(str).tolist() == LABELS["cell_type"].tolist()
    # A factor that R knows has no cells is kept as a category, for the checks to see.
    assert set(obs["cell_type"].cat.categories) == {*LABELS["cell_type"], "never seen"}
    assert obs["donor"].isna().tolist() == LABELS["donor"].isna().tolist()
    assert obs["donor"].dropna().tolist() == LABELS["donor"].dropna().tolist()
    assert obs["total"].tolist() == LABELS["total"].tolist()
    np.testing.assert_allclose(obs["share"], LABELS["share"], rtol=1e-12)
    assert obs["kept"].isna().tolist() == LABELS["kept"].isna().tolist()
    assert obs["kept"].dropna().astype(bool).tolist() == LABELS["kept"].dropna().tolist()


@pytest.mark.parametrize(
    "name",
    [
        *("dgc", "dgc_version2", "dgc_ascii", "dgc_xz", "dgc_bzip2", "dgc_plain", "dgc_native"),
        *("dgt", "dgr", "dge", "dense", "dense_cells_in_rows", "dgc_cells_in_rows"),
        *("frame_genes_in_rows", "frame_gene_column"),
    ],
)
def test_a_matrix_is_read_as_r_wrote_it_with_nothing_to_say(name):
    found, choices = read(ARCHIVE / f"{name}.rds")
    assert_is(found.adata.X, found.adata, COUNTS)
    assert (found.findings, choices.findings) == ((), ())
    assert found.format == "R data file"


def test_hexadecimal_numbers_lose_no_digit():
    found, _ = read(ARCHIVE / "logged_hexadecimal.rds")
    exact, _ = read(ARCHIVE / "sce.rds")
    assert np.array_equal(found.adata.X.toarray(), exact.adata.X.toarray())


def test_columns_of_text_beside_genes_are_labels():
    found, _ = read(ARCHIVE / "frame_cells_in_rows.rds")
    assert_is(found.adata.X, found.adata, COUNTS)
    assert list(found.adata.obs) == ["cell_type"]
    assert found.adata.obs["cell_type"].tolist() == LABELS["cell_type"].tolist()


@pytest.mark.parametrize(
    ("answer", "shape"), [("genes-in-rows", (12, 30)), ("cells-in-rows", (30, 12))]
)
def test_a_matrix_whose_names_do_not_tell_is_asked_about(answer, shape):
    _, choices = read(ARCHIVE / "dense_undecided.rds")
    (question,) = choices.open
    assert (question.code, question.suggested) == ("C-ORIENTATION", "genes-in-rows")
    found, choices = read(ARCHIVE / "dense_undecided.rds", C_ORIENTATION=answer)
    assert found.adata.shape == shape
    assert choices.findings == ()


def test_a_matrix_without_names_is_refused():
    with pytest.raises(DataError, match="no names") as caught:
        read(ARCHIVE / "dense_without_names.rds")
    assert caught.value.code == "E-TABLE-NAMES"


@pytest.mark.parametrize("name", ["matrix_and_labels.RData", "matrix_and_labels_ascii.RData"])
def test_a_table_of_the_same_cells_beside_a_matrix_is_its_labels(name):
    found, choices = read(ARCHIVE / name)
    assert_is(found.adata.X, found.adata, COUNTS)
    assert_labels(found.adata.obs)
    assert choices.findings == ()


def test_an_object_may_be_called_like_a_part_of_seurat_that_is_passed_over(tmp_path):
    content = gzip.decompress((ARCHIVE / "matrix_and_labels.RData").read_bytes())
    assert content.count(b"\x06counts") == 1
    (path := tmp_path / "named.RData").write_bytes(content.replace(b"\x06counts", b"\x06images"))
    adata = read(path)[0].adata
    assert_is(adata.X, adata, COUNTS)
    assert_labels(adata.obs)


def test_labels_are_matched_by_a_column_of_names_and_not_by_position():
    found, choices = read(ARCHIVE / "list.rds")  # its table has the cells in reverse
    assert found.adata.obs["barcode"].tolist() == list(COUNTS.index)
    assert_labels(found.adata.obs)
    assert choices.findings == ()


def test_of_several_datasets_the_user_chooses():
    path = ARCHIVE / "two_matrices.RData"
    _, choices = read(path)
    (question,) = choices.open
    assert question.code == "C-OBJECT"
    assert question.options == {
        "counts": "dgCMatrix of 30 × 12",
        "logged": "dgCMatrix of 30 × 12",
    }
    for answer, expected in (("counts", COUNTS), ("logged", LOGGED)):
        found, choices = read(path, C_OBJECT=answer)
        assert_is(found.adata.X, found.adata, expected)
        assert choices.findings == ()


@pytest.mark.parametrize("name", ["sce", "sce_older"])
def test_a_single_cell_experiment_gives_counts_log_values_labels_ids_and_map(name):
    found, choices = read(ARCHIVE / f"{name}.rds")
    adata = found.adata
    assert_is(adata.X, adata, LOGGED)
    assert list(adata.layers) == ["counts"]
    assert_is(adata.layers["counts"], adata, COUNTS)
    assert_labels(adata.obs)
    assert adata.obs["run"].tolist() == ["r1"] * 5 + ["r2"] * 7
    assert adata.var["gene_id"].tolist() == [f"ENSG{i:011d}" for i in range(1, 31)]
    assert list(adata.var) == ["gene_id"]
    np.testing.assert_allclose(adata.obsm["X_umap"], UMAP)
    assert (found.findings, choices.findings) == ((), ())


@pytest.mark.parametrize(("name", "columns"), [("se", []), ("se_with_ranges", ["gene_id"])])
def test_an_experiment_is_read_with_and_without_places_on_the_genome(name, columns):
    adata = read(ARCHIVE / f"{name}.rds")[0].adata
    assert_is(adata.X, adata, COUNTS)
    assert_labels(adata.obs)
    assert list(adata.var) == columns


@pytest.mark.parametrize("name", ["seurat4", "seurat5", "seurat2"])
def test_a_seurat_object_gives_counts_log_values_labels_and_map(name):
    found, choices = read(ARCHIVE / f"{name}.rds")
    adata = found.adata
    assert_is(adata.X, adata, LOGGED)
    assert list(adata.layers) == ["counts"]
    assert_is(adata.layers["counts"], adata, COUNTS)
    assert_labels(adata.obs)
    assert (found.findings, choices.findings) == ((), ())
    if name != "seurat2":
        assert adata.obs["active.ident"].tolist() == ["0", "1"] * 6
        np.testing.assert_allclose(adata.obsm["X_umap"], UMAP)


def test_a_seurat_object_that_was_never_normalised_gives_its_counts_once():
    adata = read(ARCHIVE / "seurat4_fresh.RData")[0].adata
    assert_is(adata.X, adata, COUNTS)
    assert list(adata.layers) == []
    assert "active.ident" not in adata.obs  # it is orig.ident once more


def test_layers_that_seurat_split_by_sample_are_joined_by_name():
    adata = read(ARCHIVE / "seurat5_split.rds")[0].adata
    assert_is(adata.X, adata, COUNTS)
    assert_labels(adata.obs)


def test_sequences_and_texts_that_r_keeps_in_short_are_written_out():
    obs = read(ARCHIVE / "sequences.rds")[0].adata.obs
    assert obs["order"].tolist() == list(range(1, 13))
    assert obs["code"].tolist() == [str(i) for i in range(1, 13)]
    assert obs["half"].tolist() == ["1e+05", "0.3", *(str(i) for i in range(3, 13))]


@pytest.mark.parametrize(
    ("name", "found", "lines"),
    [
        ("model", "lm", "library(Matrix)"),
        ("function", "function", "library(Matrix)"),
        ("null", "NULL", "library(Matrix)"),
        ("nested_list", "list, character", "as.matrix(x[[1]])"),
        ("sce_delayed", "DelayedMatrix", "library(SingleCellExperiment)"),
        ("seurat5_on_disk", "RenameDims", "LayerData(JoinLayers(x"),
    ],
)
def test_what_is_not_read_is_named_with_three_lines_of_r_that_write_what_is(name, found, lines):
    with pytest.raises(DataError, match=f"class '{found}'") as caught:
        read(ARCHIVE / f"{name}.rds")
    assert caught.value.code == "E-R-UNREADABLE"
    code = caught.value.next_step.splitlines()[1:]
    assert len(code) == 3
    assert f'readRDS("{name}.rds")' in code[0]
    assert lines in caught.value.next_step


def test_unsorted_genes_are_sorted_and_that_is_said(tmp_path):
    # In the uncompressed file the row numbers of the first cell stand one after the other.
    content = bytearray((ARCHIVE / "dgc_plain.rds").read_bytes())
    (rows,) = np.nonzero(COUNTS.iloc[0].to_numpy())
    packed = struct.pack(f">{len(rows)}i", *rows)
    assert content.count(packed) == 1
    at = content.index(packed)
    content[at : at + 8] = content[at + 4 : at + 8] + content[at : at + 4]
    (path := tmp_path / "swapped.rds").write_bytes(content)
    found, _ = read(path)
    assert [finding.code for finding in found.findings] == ["F-ORDER"]
    first, second = rows[:2]
    expected = COUNTS.copy()
    expected.iloc[0, [first, second]] = COUNTS.iloc[0, [second, first]].to_numpy()
    assert_is(found.adata.X, found.adata, expected)


@pytest.mark.parametrize("row", [-1, 30, 2**31 - 1])
def test_a_sparse_matrix_that_points_outside_itself_is_refused(row, tmp_path):
    content = bytearray((ARCHIVE / "dgc_plain.rds").read_bytes())
    (rows,) = np.nonzero(COUNTS.iloc[0].to_numpy())
    at = content.index(struct.pack(f">{len(rows)}i", *rows))
    content[at : at + 4] = struct.pack(">i", row)
    (path := tmp_path / "outside.rds").write_bytes(content)
    assert refusal(path).code == "E-FILE-DAMAGED"


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        HEAD + struct.pack(">ii", 14, 10**9),
        HEAD + struct.pack(">iiii", 14, -1, 2**20, 0),
        HEAD + struct.pack(">ii", 16, 10**9),
        HEAD + struct.pack(">ii", 19, 10**9),
        HEAD + struct.pack(">ii", 13, -5),
        HEAD + struct.pack(">ii", 21, 10**9),
    ],
    ids=["numbers", "long-vector", "texts", "list", "negative", "bytecode"],
)
def test_a_length_that_the_file_cannot_hold_is_refused_before_room_is_made(content, tmp_path):
    for packed in (content, gzip.compress(content)):
        (path := tmp_path / "claims.rds").write_bytes(packed)
        assert refusal(path).code == "E-FILE-DAMAGED"


def test_a_sequence_is_not_written_out_when_memory_has_no_room_for_it(tmp_path, monkeypatch):
    name = struct.pack(">iiii", 1, 0x40009, 14, 0)[:12] + b"compact_intseq"
    info = struct.pack(">i", 2) + name + struct.pack(">i", 254)
    state = struct.pack(">iiddd", 14, 3, 1e11, 1.0, 1.0)
    (path := tmp_path / "sequence.rds").write_bytes(
        HEAD + struct.pack(">i", 238) + info + state + struct.pack(">i", 254)
    )
    assert refusal(path).code == "E-TOO-LARGE"
    monkeypatch.setattr(limits, "memory_budget", lambda: 10_000)
    (path := tmp_path / "numbers.rds").write_bytes(
        HEAD + struct.pack(">ii", 14, 5_000) + bytes(40_000)
    )
    assert refusal(path).code == "E-TOO-LARGE"


def test_what_unpacks_to_far_more_than_data_do_is_refused(tmp_path):
    content = HEAD + struct.pack(">i", 254) + bytes(limits.FREE_EXPANSION)
    (path := tmp_path / "bomb.rds").write_bytes(gzip.compress(content, 9))
    assert refusal(path).code == "E-EXPANDS"


@pytest.mark.parametrize("kind", ["lists", "attributes", "calls"])
def test_objects_within_objects_end_in_a_refusal(kind, tmp_path):
    level = {
        "lists": struct.pack(">ii", 19, 1),
        "attributes": struct.pack(">i", 2 | 1 << 9),
        "calls": struct.pack(">i", 6),
    }
    (path := tmp_path / "deep.rds").write_bytes(HEAD + level[kind] * 200_000)
    assert refusal(path).code == "E-TOO-DEEP"


def test_a_long_list_of_pairs_is_not_deep(tmp_path):
    symbol = struct.pack(">iii", 1, 0x40009, 1) + b"a"
    first = struct.pack(">i", 2 | 1 << 10) + symbol + struct.pack(">i", 254)
    more = struct.pack(">iii", 2 | 1 << 10, 1 << 8 | 255, 254)
    content = b"RDX2\n" + HEAD + first + more * 50_000 + struct.pack(">i", 254)
    (path := tmp_path / "long.RData").write_bytes(content)
    assert refusal(path).code == "E-R-UNREADABLE"


def test_more_objects_than_any_dataset_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(r_account, "MOST_OBJECTS", 1000)
    content = HEAD + struct.pack(">ii", 19, 2000) + struct.pack(">i", 254) * 2000
    (path := tmp_path / "many.rds").write_bytes(content)
    assert refusal(path).code == "E-TOO-DEEP"


def test_what_stands_behind_the_object_is_refused(tmp_path):
    content = (ARCHIVE / "dgc_plain.rds").read_bytes()
    (path := tmp_path / "more.rds").write_bytes(content + b"more")
    assert refusal(path).code == "E-FILE-DAMAGED"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_cut_short_anywhere_is_refused(path, tmp_path):
    content = path.read_bytes()
    for share in (0.2, 0.5, 0.9, 1.0):
        cut = tmp_path / path.name
        cut.write_bytes(content[: max(6, int(len(content) * share) - 1)])
        with pytest.raises(DataError) as caught:
            rfile.read(Source.of(cut), Choices())
        assert caught.value.code == "E-FILE-DAMAGED"


@pytest.mark.parametrize("seed", range(40))
def test_a_mutated_file_is_read_or_refused_and_nothing_else(seed, tmp_path):
    path, content = mutated(seed)
    (target := tmp_path / path.name).write_bytes(content)
    try:
        found = rfile.read(Source.of(target), Choices())
    except DataError as error:
        said = (error.code[:2], bool(error.message), bool(error.next_step))
    else:
        assert as_table(found.adata.X, found.adata).shape == found.adata.shape
        said = ("E-", True, True)
    assert said == ("E-", True, True)


def mutated(seed: int) -> tuple[Path, bytes]:
    """Flip, cut or splice bytes of a file; packed ones before they are packed again."""
    chance = random.Random(seed)
    path = chance.choice(FILES)
    content = path.read_bytes()
    packed = content.startswith(b"\x1f\x8b")
    content = bytearray(gzip.decompress(content) if packed else content)
    for _ in range(chance.choice((1, 1, 3, 10))):
        at = 14 + chance.randrange(max(1, len(content) - 14))
        match chance.randrange(4):
            case 0:
                content[at : at + 1] = chance.randbytes(1)
            case 1:
                content[at : at + 4] = chance.randbytes(4)
            case 2:
                content[at : at + chance.randrange(1, 64)] = b""
            case 3:
                begin = chance.randrange(max(1, len(content)))
                content[at:at] = content[begin : begin + chance.randrange(1, 64)]
    return path, gzip.compress(content) if packed else bytes(content)
