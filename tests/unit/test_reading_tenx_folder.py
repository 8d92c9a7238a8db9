"""10x folders: three files, named in any of the ways labs name them, make one matrix."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy import io as scipy_io
from scipy import sparse

from core.data.choices import Choices
from core.data.reading import limits
from core.data.reading.bundle import read
from core.data.reading.tenx_sets import role_of
from core.data.source import Source
from core.errors import DataError
from tests.files import counts, dense, write_bad_files

N_CELLS, N_GENES = 15, 9
CELLS = [f"AAACCCAAGCGTAT{a}{b}-1" for a in "ACGT" for b in "ACGT"][:N_CELLS]
GENES = [f"GENE{i}" for i in range(N_GENES)]
IDS = [f"ENSG{i:011d}" for i in range(N_GENES)]
VALUES = counts(N_CELLS, N_GENES)
HEADER = b"%%MatrixMarket matrix coordinate integer general\n%\n"


def mtx(values: np.ndarray) -> bytes:
    """Genes × cells as MatrixMarket, by scipy."""
    out = io.BytesIO()
    scipy_io.mmwrite(out, sparse.coo_matrix(values.T.astype(int)))
    return out.getvalue()


def lines(*columns) -> bytes:
    return "".join("\t".join(fields) + "\n" for fields in zip(*columns, strict=True)).encode()


def files(values: np.ndarray = VALUES, *, cells=CELLS, kinds=("Gene Expression",) * N_GENES):
    return {
        "matrix.mtx": mtx(values),
        "features.tsv": lines(IDS, GENES, kinds),
        "barcodes.tsv": lines(cells),
    }


def folder(path: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def zipped(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def opened(path, **answers):
    choices = Choices({code.replace("_", "-"): answer for code, answer in answers.items()})
    return read(Source.of(path), choices), choices


def refused(path, code: str, match: str | None = None) -> None:
    with pytest.raises(DataError, match=match) as caught:
        opened(path)
    assert caught.value.code == code
    assert caught.value.next_step


def same(path) -> None:
    result, choices = opened(path)
    assert [f.code for f in (*result.findings, *choices.findings)] == []
    assert list(result.adata.obs_names) == CELLS
    assert list(result.adata.var_names) == GENES
    assert result.adata.var["gene_ids"].tolist() == IDS
    assert result.adata.X.has_sorted_indices
    np.testing.assert_array_equal(dense(result.adata.X), VALUES)


def renamed(pattern: str, pack=bytes) -> dict[str, bytes]:
    return {pattern.format(name): pack(data) for name, data in files().items()}


@pytest.mark.parametrize(
    "content",
    [
        renamed("{}"),
        renamed("{}.gz", gzip.compress),
        renamed("filtered_feature_bc_matrix/{}.gz", gzip.compress),
        renamed("outs/filtered_gene_bc_matrices/GRCh38/{}"),
        renamed("GSM123_sample1_{}.gz", gzip.compress),
        renamed("sample1.{}"),
        {"counts.mtx": files()["matrix.mtx"], "genes.tsv": lines(IDS, GENES),
         "cells.csv": files()["barcodes.tsv"]},
        {"GSE1_matrix.mtx": files()["matrix.mtx"], "GSM2_genes.tsv": lines(IDS, GENES),
         "barcodes.tsv": files()["barcodes.tsv"]},
        {**renamed("{}"), "__MACOSX/._matrix.mtx": b"x", ".DS_Store": b"x", "web_summary.html":
         b"<html>", "md5sum.txt": b"1", "metrics_summary.csv": b"a,b\n1,2\n"},
    ],
    ids=["plain", "gz", "v3 folder", "v2 folder", "GSM prefix", "dot prefix", "v2 and other names",
         "one of each", "rubbish beside it"],
)  # fmt: skip
def test_the_three_files_are_found_in_a_folder_and_in_an_archive(tmp_path, content):
    same(zipped(tmp_path / "cells.zip", content))
    same(folder(tmp_path / "cells", content))


def test_three_chosen_files_are_read(tmp_path):
    here = folder(tmp_path, files())
    same([here / "barcodes.tsv", here / "matrix.mtx", here / "features.tsv"])


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("a/GSM1_s_matrix.mtx.gz", ("matrix", "GSM1_s")),
        ("genes.tsv", ("features", "")),
        ("S1.barcodes.tsv.gz", ("barcodes", "S1")),
        ("counts.csv", None),
        ("metadata.tsv", None),
    ],
)
def test_file_names_tell_the_role_and_the_sample(name, role):
    assert role_of(name) == role


@pytest.mark.parametrize(
    ("missing", "match"),
    [
        ("features.tsv", "list of genes .* is missing"),
        ("barcodes.tsv", "list of cells .* is missing"),
        ("matrix.mtx", "no matrix"),
    ],
)
def test_a_missing_file_is_named(tmp_path, missing, match):
    content = {name: data for name, data in files().items() if name != missing}
    path = zipped(tmp_path / "cells.zip", content)
    refused(path, "E-10X-INCOMPLETE", match)


def test_a_matrix_of_another_size_than_its_lists_is_refused_with_the_numbers(tmp_path):
    path = folder(tmp_path / "cells", files() | {"barcodes.tsv": lines(CELLS[:-2])})
    refused(path, "E-10X-MISMATCH", "9 rows and 15 columns.* 9 genes .* 13 cells")


def test_headings_of_the_lists_are_left_out(tmp_path):
    content = files() | {
        "barcodes.tsv": b'"x"\n' + lines(CELLS),
        "features.tsv": b"gene_id\tgene\tkind\n" + files()["features.tsv"],
    }
    same(folder(tmp_path / "cells", content))


def test_a_matrix_with_cells_in_rows_is_turned_and_that_is_said(tmp_path):
    path = folder(tmp_path / "cells", files() | {"matrix.mtx": mtx(VALUES.T)})
    result, _ = opened(path)
    assert [finding.code for finding in result.findings] == ["F-TRANSPOSED"]
    np.testing.assert_array_equal(dense(result.adata.X), VALUES)


def test_antibodies_are_left_out_with_a_warning(tmp_path):
    kinds = ["Gene Expression"] * 6 + ["Antibody Capture"] * 2 + ["CRISPR Guide Capture"]
    result, _ = opened(folder(tmp_path / "cells", files(kinds=kinds)))
    assert [finding.code for finding in result.findings] == ["W-ANTIBODIES"]
    assert list(result.adata.var_names) == GENES[:6]
    np.testing.assert_array_equal(dense(result.adata.X), VALUES[:, :6])


def test_a_folder_of_antibodies_alone_is_refused(tmp_path):
    path = folder(tmp_path / "cells", files(kinds=["Antibody Capture"] * N_GENES))
    refused(path, "E-NO-EXPRESSION", "Antibody Capture")


def two_samples(path: Path) -> Path:
    one = {f"a/{name}": data for name, data in files().items()}
    two = {f"b/{name}": data for name, data in files(VALUES[:4], cells=CELLS[:4]).items()}
    return zipped(path / "cells.zip", one | two)


def test_several_samples_are_a_choice_and_the_answer_is_read(tmp_path):
    path = two_samples(tmp_path)
    _, choices = opened(path)
    (asked,) = choices.open
    assert asked.code == "C-SAMPLE"
    assert list(asked.options) == ["a", "b", "all"]
    one = opened(path, C_SAMPLE="b")[0].adata
    np.testing.assert_array_equal(dense(one.X), VALUES[:4])
    assert list(one.obs_names) == CELLS[:4]


def test_all_samples_together_have_distinct_cells_and_a_sample_column(tmp_path):
    whole = opened(two_samples(tmp_path), C_SAMPLE="all")[0].adata
    np.testing.assert_array_equal(dense(whole.X), np.vstack([VALUES, VALUES[:4]]))
    assert whole.obs["sample"].tolist() == ["a"] * N_CELLS + ["b"] * 4
    assert whole.obs_names.is_unique
    assert list(whole.var_names) == GENES
    assert whole.var["gene_ids"].tolist() == IDS


def test_samples_of_other_gene_lists_are_aligned_by_gene(tmp_path):
    order = np.arange(N_GENES)[::-1]
    other = {
        "b/matrix.mtx": mtx(VALUES[:, order]),
        "b/features.tsv": lines([IDS[i] for i in order], [GENES[i] for i in order]),
        "b/barcodes.tsv": lines(CELLS),
    }
    one = {f"a/{name}": data for name, data in files().items()}
    whole = opened(zipped(tmp_path / "cells.zip", one | other), C_SAMPLE="all")[0].adata
    np.testing.assert_array_equal(dense(whole[:, GENES].X), np.vstack([VALUES, VALUES]))


def sample(title: str, genes: list[int], columns: str = "ids and symbols") -> dict[str, bytes]:
    """A sample of all cells with some of the genes, listed by ids, by symbols or by both."""
    ids, symbols = [IDS[i] for i in genes], [GENES[i] for i in genes]
    listed = {"ids": [ids], "symbols": [symbols], "ids and symbols": [ids, symbols]}[columns]
    return {
        f"{title}/matrix.mtx": mtx(VALUES[:, genes]),
        f"{title}/features.tsv": lines(*listed),
        f"{title}/barcodes.tsv": lines(CELLS),
    }


def with_zeros(genes: list[int]) -> np.ndarray:
    return np.where(np.isin(np.arange(N_GENES), genes), VALUES, 0)


@pytest.mark.parametrize("columns", ["ids and symbols", "symbols", "ids"])
def test_genes_that_the_first_sample_lacks_keep_their_names_and_that_is_said(tmp_path, columns):
    first, second = [5, 1, 0, 4, 3, 2], [8, 2, 3, 4, 5, 6, 7]
    content = sample("a", first, columns) | sample("b", second, columns)
    result, choices = opened(zipped(tmp_path / "cells.zip", content), C_SAMPLE="all")
    whole, names = result.adata, IDS if columns == "ids" else GENES
    assert list(whole.var_names) == [names[i] for i in [*first, 8, 6, 7]]
    expected = np.vstack([with_zeros(first), with_zeros(second)])
    np.testing.assert_array_equal(dense(whole[:, names].X), expected)
    if columns == "ids and symbols":
        assert whole[:, names].var["gene_ids"].tolist() == IDS
    (said,) = (f for f in result.findings if f.code == "W-GENES-PARTLY")
    assert said.message.startswith("5 of 9 genes")
    assert "'a' lacks 3, 'b' lacks 2" in said.message
    assert said.next_step
    assert [f.code for f in (*result.findings, *choices.open)] == ["W-GENES-PARTLY"]


@pytest.mark.parametrize("columns", ["symbols", "ids"])
@pytest.mark.parametrize("first", ["ids and symbols", "other"])
def test_samples_with_and_without_ids_are_aligned_by_what_both_have(tmp_path, columns, first):
    genes = list(range(N_GENES))
    kinds = ("ids and symbols", columns)
    one, two = kinds if first == "ids and symbols" else kinds[::-1]
    content = sample("a", genes, one) | sample("b", genes[::-1], two)
    result, _ = opened(zipped(tmp_path / "cells.zip", content), C_SAMPLE="all")
    assert result.findings == ()
    assert list(result.adata.var_names) == GENES
    assert result.adata.var["gene_ids"].tolist() == IDS
    np.testing.assert_array_equal(dense(result.adata.X), np.vstack([VALUES, VALUES]))


def test_samples_of_two_releases_share_a_gene_whose_id_has_another_version(tmp_path):
    content = sample("a", list(range(N_GENES))) | sample("b", list(range(N_GENES)))
    content["b/features.tsv"] = lines([f"{name}.7" for name in IDS], GENES)
    result, _ = opened(zipped(tmp_path / "cells.zip", content), C_SAMPLE="all")
    assert result.findings == ()
    assert result.adata.shape == (2 * N_CELLS, N_GENES)


def test_a_symbol_that_comes_twice_stays_two_genes_in_all_samples(tmp_path):
    content = sample("a", [0, 1, 2], "symbols") | sample("b", [0, 1, 2], "symbols")
    for title in "ab":
        content[f"{title}/features.tsv"] = lines(["X", "Y", "X"])
    result, _ = opened(zipped(tmp_path / "cells.zip", content), C_SAMPLE="all")
    assert list(result.adata.var_names) == ["X", "Y", "X"]
    np.testing.assert_array_equal(dense(result.adata.X), np.vstack([VALUES[:, :3]] * 2))


def test_a_folder_and_files_of_one_name_are_two_samples(tmp_path):
    one = {f"x/b/{name}": data for name, data in files().items()}
    two = {f"x/b_{name}": data for name, data in files(VALUES[:4], cells=CELLS[:4]).items()}
    whole = opened(zipped(tmp_path / "cells.zip", one | two), C_SAMPLE="all")[0].adata
    assert whole.n_obs == N_CELLS + 4
    assert whole.obs["sample"].nunique() == 2


NUMBERS = [str(i + 1) for i in range(N_GENES + N_CELLS)]


def test_row_numbers_of_r_without_a_heading_are_no_names(tmp_path):
    content = files() | {
        "barcodes.tsv": lines(NUMBERS[:N_CELLS], CELLS),
        "features.tsv": lines(NUMBERS[:N_GENES], IDS, GENES),
    }
    same(folder(tmp_path / "cells", content))


def test_numbers_that_do_not_count_the_lines_are_names(tmp_path):
    numbers = ["1", "2", *NUMBERS[3 : N_GENES + 1]]
    content = files() | {"features.tsv": lines(numbers, GENES)}
    adata = opened(folder(tmp_path / "cells", content))[0].adata
    assert adata.var["gene_ids"].tolist() == numbers
    alone = files() | {"barcodes.tsv": lines(NUMBERS[:N_CELLS])}
    assert list(opened(folder(tmp_path / "alone", alone))[0].adata.obs_names) == NUMBERS[:N_CELLS]


def test_commas_are_told_from_tabs_by_most_lines_and_not_by_the_last(tmp_path):
    symbols = [*GENES[:-1], "HLA-DRB1,B3"]
    rows = [f"{a},{b}" for a, b in zip(IDS, GENES, strict=True)]
    odd = "\n".join([*rows[:-1], f'{IDS[-1]},"GENE8\t"']).encode() + b"\n"
    result, _ = opened(folder(tmp_path / "commas", files() | {"features.tsv": odd}))
    assert result.adata.var["gene_ids"].tolist() == IDS
    one_column = files() | {"features.tsv": lines(symbols)}
    assert list(opened(folder(tmp_path / "tabs", one_column))[0].adata.var_names) == symbols


def test_a_list_that_is_one_gene_too_long_does_not_lose_its_first_gene(tmp_path):
    content = files() | {"features.tsv": lines([*IDS, "E9"], [*GENES, "G9"], ["gene"] * 10)}
    refused(folder(tmp_path / "cells", content), "E-10X-MISMATCH", "10 genes")


def test_a_square_matrix_has_its_genes_in_rows_as_10x_writes_it(tmp_path):
    square = VALUES[:N_GENES]
    assert (square != square.T).any()
    path = folder(tmp_path / "cells", files(square, cells=CELLS[:N_GENES]))
    result, choices = opened(path)
    assert [f.code for f in (*result.findings, *choices.findings)] == []
    assert list(result.adata.obs_names) == CELLS[:N_GENES]
    np.testing.assert_array_equal(dense(result.adata.X), square)


def zipped_by_windows(path: Path, content: dict[str, bytes]) -> Path:
    """An archive as PowerShell 5 writes it: member names with backslashes, folders as members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo("x")
            info.filename = info.orig_filename = name.replace("/", "\\")
            info.create_system = 0
            archive.writestr(info, data)
    return path


def test_an_archive_with_backslashes_for_slashes_is_read(tmp_path):
    content = {"hg19/": b""} | renamed("hg19/{}")
    same(zipped_by_windows(tmp_path / "one.zip", content))
    two = renamed("a/{}") | renamed("b/{}")
    _, choices = opened(zipped_by_windows(tmp_path / "two.zip", two))
    assert list(choices.open[0].options) == ["a", "b", "all"]


@pytest.mark.parametrize(
    "name", ["../x.csv", "a/../../x.csv", "C:/x.csv", "/x.csv", "//server/share/x.csv", "a.zip"]
)
@pytest.mark.parametrize("pack", [zipped, zipped_by_windows])
def test_members_that_lead_out_are_refused_with_either_slash(tmp_path, name, pack):
    path = pack(tmp_path / "cells.zip", files() | {name: b"1"})
    refused(path, "E-ARCHIVE-UNSAFE")


def test_one_name_with_both_slashes_is_refused(tmp_path):
    path = zipped_by_windows(tmp_path / "cells.zip", renamed("a/{}"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a/matrix.mtx", files()["matrix.mtx"])
    refused(path, "E-ARCHIVE-UNSAFE", "two members of one name")


def test_filtered_is_suggested_beside_raw(tmp_path):
    content = renamed("raw_feature_bc_matrix/{}") | renamed("filtered_feature_bc_matrix/{}")
    _, choices = opened(zipped(tmp_path / "cells.zip", content))
    assert choices.open[0].suggested == "filtered_feature_bc_matrix"


def test_a_table_of_labels_beside_the_matrix_is_added(tmp_path):
    rows = "".join(f"{cell},{'ab'[i % 2]},{i}\n" for i, cell in enumerate(CELLS))
    content = files() | {"metadata.csv": b"barcode,cell_type,score\n" + rows.encode()}
    result, _ = opened(folder(tmp_path / "cells", content))
    assert result.findings == ()
    assert result.adata.obs["cell_type"].tolist() == ["ab"[i % 2] for i in range(N_CELLS)]
    assert result.adata.obs["score"].tolist() == list(range(N_CELLS))


def test_a_whole_folder_of_a_run_is_read_with_its_clusters(tmp_path):
    clusters = "Barcode,Cluster\n" + "".join(f"{cell},{i % 3}\n" for i, cell in enumerate(CELLS))
    other = "Barcode,Cluster\n" + "".join(f"other{i},{i % 3}\n" for i in range(9))
    content = renamed("outs/filtered_feature_bc_matrix/{}") | {
        "outs/filtered_feature_bc_matrix.h5": b"\x89HDF\r\n\x1a\n",
        "outs/analysis/clustering/clusters.csv": clusters.encode(),
        "outs/analysis/other/clusters.csv": other.encode(),
        "outs/metrics_summary.csv": b'Cells,Reads\n"1,234",95.1%\n',
        "outs/web_summary.html": b"<html>",
    }
    result, _ = opened(folder(tmp_path / "run", content))
    assert [finding.code for finding in result.findings] == ["W-FILE-UNUSED"]
    assert result.adata.obs["Cluster"].tolist() == [i % 3 for i in range(N_CELLS)]
    np.testing.assert_array_equal(dense(result.adata.X), VALUES)


SIZES = f"{N_GENES} {N_CELLS} 2\n".encode()


@pytest.mark.parametrize(
    ("matrix", "code"),
    [
        (HEADER + SIZES + b"1 1 5\n", "E-FILE-DAMAGED"),
        (HEADER + SIZES + b"1 1 5\n2 2 5\n3 3 5\n", "E-FILE-DAMAGED"),
        (HEADER + SIZES + b"0 1 5\n1 1 5\n", "E-FILE-DAMAGED"),
        (HEADER + SIZES + b"1 1 5\n10 1 5\n", "E-FILE-DAMAGED"),
        (HEADER + SIZES + b"1 1 5\n-1 1 5\n", "E-FILE-DAMAGED"),
        (HEADER + SIZES + b"1 1 x\n2 1 5\n", "E-FILE-DAMAGED"),
        (HEADER + b"9 15 x\n", "E-FILE-DAMAGED"),
        (HEADER, "E-FILE-DAMAGED"),
        (HEADER + b"9 15 99999999999\n1 1 1\n", "E-FILE-DAMAGED"),
        (HEADER + b"99999999999 15 1\n1 1 1\n", "E-FILE-DAMAGED"),
        (HEADER.replace(b"general", b"symmetric") + b"9 9 1\n1 1 1\n", "E-FILE-FORMAT"),
        (HEADER.replace(b"integer", b"complex") + SIZES, "E-FILE-FORMAT"),
        (HEADER.replace(b"coordinate", b"array") + SIZES, "E-FILE-FORMAT"),
        (b"gene,cell\n1,2\n", "E-FILE-FORMAT"),
        (gzip.compress(files()["matrix.mtx"])[:-9], "E-FILE-DAMAGED"),
        (gzip.compress(files()["matrix.mtx"])[:-8] + bytes(8), "E-FILE-DAMAGED"),
    ],
    ids=["too few", "too many", "index 0", "row beyond", "negative", "text", "size", "no size",
         "claims entries", "claims rows", "symmetric", "complex", "array", "csv", "cut",
         "checksum"],
)  # fmt: skip
def test_a_damaged_matrix_is_refused(tmp_path, matrix, code):
    refused(folder(tmp_path / "cells", files() | {"matrix.mtx": matrix}), code)


def test_a_matrix_beyond_the_memory_budget_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "memory_budget", lambda: 100)
    refused(folder(tmp_path / "cells", files()), "E-TOO-LARGE", "matrix.mtx does not fit")


def test_values_behind_the_point_are_kept_although_the_header_says_integer(tmp_path):
    matrix = HEADER + SIZES + b"1 1 5.5\n2 1 7\n"
    adata = opened(folder(tmp_path / "cells", files() | {"matrix.mtx": matrix}))[0].adata
    assert dense(adata.X)[0, :2].tolist() == [5.5, 7.0]


def test_values_written_twice_are_added_up_and_a_pattern_counts_as_ones(tmp_path):
    matrix = HEADER + SIZES + b"1 1 5\n1 1 7\n"
    adata = opened(folder(tmp_path / "twice", files() | {"matrix.mtx": matrix}))[0].adata
    assert dense(adata.X)[0, 0] == 12
    matrix = HEADER.replace(b"integer", b"pattern") + SIZES + b"1 1\n2 3\n"
    adata = opened(folder(tmp_path / "ones", files() | {"matrix.mtx": matrix}))[0].adata
    assert dense(adata.X).sum() == 2
    assert dense(adata.X)[2, 1] == 1


@pytest.mark.parametrize(
    ("case", "name", "verdict"),
    [
        ("ok_formats", "ok_mtx_v3.zip", []),
        ("ok_formats", "ok_mtx_v2.zip", []),
        ("file_10x_bad", "10x_no_barcodes.zip", "E-10X-INCOMPLETE"),
        ("file_10x_bad", "10x_feature_mismatch.zip", "E-10X-MISMATCH"),
        ("file_10x_bad", "10x_no_matrix.zip", "E-ARCHIVE-NO-MATRIX"),
        ("file_10x_bad", "10x_two_samples.zip", ["C-SAMPLE"]),
        ("file_truncated", "file_truncated.zip", "E-FILE-DAMAGED"),
    ],
)
def test_awkward_archives_get_their_verdict(tmp_path, case, name, verdict):
    path = write_bad_files(case, tmp_path) / name
    if isinstance(verdict, str):
        refused(path, verdict)
    else:
        result, choices = opened(path)
        assert [f.code for f in (*result.findings, *choices.findings)] == verdict
        assert result.adata.n_vars == 80


def test_damaged_archives_are_read_or_refused_and_nothing_else(tmp_path):
    rng = random.Random(3)
    whole = zipped(tmp_path / "whole.zip", files()).read_bytes()
    stored = tmp_path / "stored.zip"
    with zipfile.ZipFile(stored, "w") as archive:
        for name, data in files().items():
            archive.writestr(name, data)
    outcomes = set()
    for i in range(60):
        damaged = bytearray(rng.choice([whole, stored.read_bytes()]))
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(4, len(damaged))
            if rng.random() < 0.7:
                damaged[at] = rng.randrange(256)
            else:
                del damaged[at : at + rng.randint(1, 30)]
        path = tmp_path / f"{i}.zip"
        path.write_bytes(damaged)
        try:
            outcomes.add(opened(path)[0].adata.shape)
        except DataError as error:
            outcomes.add(error.code.startswith("E-") and bool(error.next_step))
    assert True in outcomes
    assert False not in outcomes
