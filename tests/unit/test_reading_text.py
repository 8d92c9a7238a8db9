"""Tables of text: what is read is what pandas writes, and everything odd is said or refused."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.choices import Choices
from core.data.reading import limits, text_layout
from core.data.reading.bundle import read
from core.data.reading.parts import parts_of
from core.data.reading.text_fields import find_fields, parse_numbers
from core.data.reading.text_forms import like_cells
from core.data.reading.text_quotes import quote_flips
from core.data.reading.text_table import read_table
from core.data.source import Source
from core.errors import DataError
from tests.files import counts, dense, write_bad_files

REAL = (
    "CD3D CD3E CD8A CD4 MS4A1 CD79A NKG7 GNLY LYZ CD14 FCGR3A PPBP PF4 FCER1A CST3 HLA-DRA ACTB "
    "GAPDH MALAT1 PTPRC"
)
GENES = REAL.split()
HEAD = "," + ",".join(GENES[:3]) + "\n"


def opened(path: Path, **answers):
    choices = Choices({code.replace("_", "-"): answer for code, answer in answers.items()})
    return read(Source.of(path), choices), choices


def said(path: Path, **answers) -> list[str]:
    result, choices = opened(path, **answers)
    return [finding.code for finding in (*result.findings, *choices.findings)]


def table(n_cells: int = 12, n_genes: int = 20, seed: int = 0) -> pd.DataFrame:
    cells = [f"cell{i}" for i in range(n_cells)]
    return pd.DataFrame(counts(n_cells, n_genes, seed), cells, GENES[:n_genes])


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(path: Path, code: str, match: str | None = None) -> None:
    with pytest.raises(DataError, match=match) as caught:
        opened(path)
    assert caught.value.code == code
    assert caught.value.next_step


def same(path: Path, expected: pd.DataFrame, **answers) -> None:
    adata = opened(path, **answers)[0].adata
    assert list(adata.obs_names) == list(expected.index)
    assert list(adata.var_names) == list(expected.columns)
    np.testing.assert_array_equal(dense(adata.X), expected.to_numpy(dtype=np.float32))


@pytest.mark.parametrize("sep", [",", "\t", ";", "|", " "])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_table_is_read_as_pandas_wrote_it_whatever_separates_and_packs_it(tmp_path, sep, pack):
    expected = table() / 4
    text = expected.to_csv(sep=sep, index_label="cell")
    same(write(tmp_path / "cells.csv", pack(text.encode())), expected)


def test_a_plain_table_has_no_findings(tmp_path):
    assert said(write(tmp_path / "cells.csv", table().to_csv())) == []


@pytest.mark.parametrize("quoting", [0, 1, 2], ids=["minimal", "all", "nonnumeric"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_quotes_and_line_ends_do_not_matter(tmp_path, quoting, line_end):
    expected = table()
    expected.index = [f'ce"ll, number\n{i}' if i == 3 else name for i, name in
                      enumerate(expected.index)]  # fmt: skip
    if line_end == "\r":
        expected.index = [name.replace("\n", "") for name in expected.index]
    text = expected.to_csv(quoting=quoting, lineterminator=line_end)
    same(write(tmp_path / "cells.csv", text.encode()), expected)


@pytest.mark.parametrize("size", [40, 97, 1000])
def test_blocks_of_any_size_give_the_same_table(tmp_path, size):
    expected = table(30)
    expected.index = [f'a "quoted"\nname {i}' for i in range(30)]
    path = write(tmp_path / "cells.csv", expected.to_csv())
    raw = read_table(parts_of(Source.of(path), "text")[0], size=size)
    assert raw.rows == list(expected.index)
    np.testing.assert_array_equal(raw.matrix.toarray(), expected.to_numpy())


WRITTEN = ["0", "0.0", "00", "7", "42", "3.5", ".5", "5.", "-1", "+2", "1e3", "1.5E-3", " 12 ",
           "123456789", "1234567890123", "3.10083108594646", "0.1", "0.30000000000000004",
           "1e-300", "1e400", "-inf", "inf", "nan", "NA", "", "2.675", "99999999.9"]  # fmt: skip


def test_every_number_is_the_one_that_python_reads():
    fields = find_fields("\t".join(WRITTEN).encode() + b"\n", b"\t")
    values, wrong = parse_numbers(fields.letters, fields.starts, fields.ends)
    expected = [float(text) if text not in ("", "NA") else float("nan") for text in WRITTEN]
    np.testing.assert_array_equal(values, expected)
    assert len(wrong) == 0


def test_random_decimals_of_every_length_are_the_ones_that_python_reads():
    rng = random.Random(0)
    texts = [
        f"{rng.uniform(0, 10 ** rng.randint(0, 6)):.{rng.randint(0, 9)}f}" for _ in range(4000)
    ]
    fields = find_fields("\t".join(texts).encode() + b"\n", b"\t")
    values, _ = parse_numbers(fields.letters, fields.starts, fields.ends)
    np.testing.assert_array_equal(values, [float(text) for text in texts])


@pytest.mark.parametrize("text", ["1_0", "x", ".", "<3", "1,234", "0x10", "--1", "1e", "infinit"])
def test_what_is_no_number_is_told_apart(text):
    fields = find_fields(f"1\t{text}\t2\n".encode(), b"\t")
    _, wrong = parse_numbers(fields.letters, fields.starts, fields.ends)
    assert wrong.tolist() == [1]


def test_r_s_header_that_is_one_field_shorter_names_the_columns_behind_the_first(tmp_path):
    expected = table()
    lines = expected.to_csv(sep=" ", quoting=2).splitlines()
    text = "\n".join([lines[0].partition(" ")[2], *lines[1:]])
    same(write(tmp_path / "cells.txt", text), expected)


def test_empty_columns_at_the_end_are_left_out(tmp_path):
    expected = table()
    text = "".join(line + ",,\n" for line in expected.to_csv().splitlines())
    same(write(tmp_path / "cells.csv", text), expected)
    text = "".join(line + ("," if i else "") + "\n" for i, line in
                   enumerate(expected.to_csv().splitlines()))  # fmt: skip
    same(write(tmp_path / "more.csv", text), expected)


def test_a_value_in_a_column_without_name_is_not_lost_silently(tmp_path):
    rows = [f"cell{i},1,2,3," for i in range(80)] + ["cell80,1,2,3,4"]
    path = write(tmp_path / "cells.csv", HEAD[:-1] + ",\n" + "\n".join(rows))
    refused(path, "E-TABLE-RAGGED", "Line 82 .* column 5, which has no name")


def test_comments_blank_lines_and_excel_s_separator_line_are_passed_over(tmp_path):
    expected = table()
    text = "# made by X\n\n# v1\n" + expected.to_csv() + "\n\n"
    same(write(tmp_path / "cells.csv", text), expected)
    same(write(tmp_path / "excel.csv", "sep=;\n" + expected.to_csv(sep=";")), expected)


def test_a_header_behind_a_number_sign_is_a_header(tmp_path):
    expected = table()
    same(write(tmp_path / "cells.csv", "#" + expected.to_csv(index_label="cell")), expected)


def test_names_that_come_twice_are_kept_as_they_are(tmp_path):
    expected = table()
    expected.columns = ["CD3D", "CD3D", *GENES[2:]]
    expected.index = ["cell0", "cell0", *expected.index[2:]]
    same(write(tmp_path / "cells.csv", expected.to_csv()), expected)


def test_decimal_commas_are_read_and_said(tmp_path):
    expected = table() + 0.5
    path = write(tmp_path / "cells.csv", expected.to_csv(sep=";", decimal=","))
    same(path, expected)
    assert said(path) == ["F-DIALECT"]


def test_thousands_are_not_taken_for_decimal_commas(tmp_path):
    rows = "\n".join(f"cell{i}\t1,234\t2\t3" for i in range(5))
    path = write(tmp_path / "cells.tsv", HEAD.replace(",", "\t") + rows)
    refused(path, "E-TABLE-TEXT", "'1,234' in row 'cell0'")


@pytest.mark.parametrize(
    ("encoding", "codes"),
    [("utf-8", []), ("utf-8-sig", []), ("utf-16", ["F-ENCODING"]), ("utf-16-be", ["F-ENCODING"]),
     ("latin-1", ["W-ENCODING"])],
)  # fmt: skip
def test_names_with_accents_survive_every_encoding(tmp_path, encoding, codes):
    expected = table().rename(columns={"CD14": "gène"}, index={"cell3": "zellé"})
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path = write(tmp_path / "cells.csv", (mark + expected.to_csv()).encode(encoding))
    same(path, expected)
    assert said(path) == codes


def test_text_columns_become_labels_and_numbers_stay_expression(tmp_path):
    expected = table()
    whole = expected.assign(cell_type=["a", "b", ""] * 4, cluster=[0, 1, 2] * 4, note="x")
    adata = opened(write(tmp_path / "cells.csv", whole.to_csv()))[0].adata
    assert list(adata.var_names) == list(expected.columns)
    assert list(adata.obs) == ["cell_type", "cluster", "note"]
    assert adata.obs["cell_type"].astype(object).tolist()[:2] == ["a", "b"]
    assert adata.obs["cell_type"].isna().sum() == 4
    assert adata.obs["cluster"].tolist() == [0, 1, 2] * 4


def test_a_row_of_labels_above_genes_in_rows_becomes_labels(tmp_path):
    expected = table()
    turned = expected.T.astype(object)
    turned.loc["cell_type"] = ["a", "b"] * 6
    path = write(tmp_path / "cells.csv", turned.to_csv())
    adata = opened(path, C_ORIENTATION="genes-in-rows")[0].adata
    np.testing.assert_array_equal(dense(adata.X), expected.to_numpy())
    assert adata.obs["cell_type"].tolist() == ["a", "b"] * 6


def test_gene_columns_of_a_table_with_genes_in_rows_go_beside_the_genes(tmp_path):
    turned = table().T
    turned.insert(0, "gene_name", [f"name of {gene}" for gene in turned.index])
    path = write(tmp_path / "cells.csv", turned.to_csv(index_label="gene_id"))
    adata = opened(path, C_ORIENTATION="genes-in-rows")[0].adata
    assert adata.shape == (12, 20)
    assert adata.var["gene_name"].tolist()[0] == "name of CD3D"


def test_numbered_rows_take_their_names_from_a_column_of_barcodes(tmp_path):
    expected = table()
    text = expected.rename_axis("barcode").reset_index().to_csv()
    same(write(tmp_path / "cells.csv", text), expected)


def test_rows_without_names_are_numbered(tmp_path):
    whole = table().assign(cell_type="a")
    adata = opened(write(tmp_path / "cells.csv", whole.to_csv(index=False)))[0].adata
    assert list(adata.obs_names[:2]) == ["1", "2"]
    assert adata.shape == (12, 20)


@pytest.mark.parametrize(
    ("text", "code", "match"),
    [
        (HEAD + "cell0,1,2,3\ncell1,1,2\ncell2,1,2,3\n", "E-TABLE-RAGGED", "Line 3 .* 3 fields"),
        (HEAD + 'cell0,1,2,3\n"cell1,1,2,3\n', "E-TABLE-RAGGED", "never closed"),
        (HEAD, "E-TABLE-HEADER", "no rows"),
        ("c0,1,2,0\nc1,0,1,1\n", "E-TABLE-HEADER", "no header"),
        ("1.5,2.5\n0.5,2.5\n", "E-TABLE-HEADER", "no header"),
        (HEAD + "cell0,1,2,3\ncell1,1,\0,3\n", "E-TABLE-NUL", "line 3"),
        (HEAD + "c0,1,2,3\nc1,1,oops,3\nc2,1,2,3\n", "E-TABLE-TEXT", "'oops' in row 'c1'.*'CD3E'"),
        (",0,1,2\n0,1,2,3\n1,1,2,3\n", "E-TABLE-NAMES", "no gene has a name"),
        ("just some words", "E-FILE-FORMAT", "no table"),
        ("\n\n  \n", "E-FILE-EMPTY", "empty"),
        ("cell,cell_type\nc1,a\nc2,b\n", "E-NO-EXPRESSION", "table of labels"),
        ("%%MatrixMarket matrix coordinate integer general\n2 2 1\n1 1 1\n", "E-10X-INCOMPLETE",
         "barcodes.tsv"),
    ],
    ids=lambda value: None if "\n" in value else value,
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_refused_with_the_reason(tmp_path, text, code, match):
    refused(write(tmp_path / "cells.csv", text), code, match)


def test_cells_by_number_and_genes_by_name_are_fine(tmp_path):
    assert said(write(tmp_path / "cells.csv", table().reset_index(drop=True).to_csv())) == []


def test_genes_in_rows_beyond_doubt_are_turned_and_that_is_said(tmp_path):
    genes = [f"ENSG{i:011d}.{i % 7}" for i in range(250)]
    expected = pd.DataFrame(counts(9, 250), [f"sample{i}" for i in range(9)], genes)
    path = write(tmp_path / "cells.csv", expected.T.to_csv())
    same(path, expected)
    assert said(path) == ["F-TRANSPOSED"]


def test_few_genes_in_rows_are_asked_about_and_the_answer_decides(tmp_path):
    expected = table()
    path = write(tmp_path / "cells.csv", expected.T.to_csv())
    _, choices = opened(path)
    (asked,) = choices.open
    assert (asked.code, asked.suggested) == ("C-ORIENTATION", "genes-in-rows")
    same(path, expected, C_ORIENTATION="genes-in-rows")
    same(path, expected.T, C_ORIENTATION="cells-in-rows")


def test_names_that_say_nothing_are_asked_about(tmp_path):
    frame = pd.DataFrame(counts(5, 4), list("klmno"), ["p1z", "q1z", "r1z", "t1z"])
    assert said(write(tmp_path / "cells.csv", frame.to_csv())) == ["C-ORIENTATION"]
    assert said(write(tmp_path / "said.csv", frame.to_csv(index_label="barcode"))) == []


def test_barcodes_accessions_and_counted_cells_look_like_cells_and_genes_do_not():
    cells = ["AAACCCAAGCGTATGG-1", "s1_AAACCCAAGCGTATGG", "SRR1234567", "cell12", "P1_A01"]
    assert like_cells(cells) == 1
    assert like_cells([*GENES, "ENSG00000167286", "mt-Nd1", "1700001O22Rik"]) == 0


def test_the_seurat_export_is_read_as_17_cells(shared_data):
    path = shared_data / "seurat_export_glial_17nuclei.csv.gz"
    result, choices = opened(path)
    expected = pd.read_csv(path, index_col=0).T
    assert result.adata.shape == (17, 22568)
    assert [f.code for f in result.findings] == ["F-TRANSPOSED"]
    assert not choices.findings
    assert list(result.adata.var_names) == list(expected.columns)
    np.testing.assert_allclose(dense(result.adata.X), expected.to_numpy(), rtol=1e-6)


MANIFEST = {
    "ok.csv": [], "ok.tsv.gz": [], "csv_bom.csv": [], "csv_comment.csv": [],
    "csv_dup_header.csv": [], "csv_semicolon.csv": ["F-DIALECT"], "csv_utf16.csv": ["F-ENCODING"],
    "csv_genes_as_rows.csv": ["C-ORIENTATION"], "csv_ragged.csv": "E-TABLE-RAGGED",
    "csv_header_only.csv": "E-TABLE-HEADER", "csv_no_header.csv": "E-TABLE-HEADER",
    "csv_nul.csv": "E-TABLE-NUL", "x_strings.csv": "E-TABLE-TEXT",
    "ids_integer_names.csv": "E-TABLE-NAMES", "file_truncated.tsv.gz": "E-FILE-DAMAGED",
    "gzip_bomb.csv.gz": "E-EXPANDS", "gzip_two_members.csv.gz": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def bad_tables(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    for case in ("file_truncated", "file_csv_dialects", "x_strings", "ids_integer_names",
                 "gzip_bomb"):  # fmt: skip
        write_bad_files(case, folder)
    return folder


@pytest.mark.parametrize("name", MANIFEST)
def test_awkward_tables_get_their_verdict(bad_tables, name):
    verdict = MANIFEST[name]
    if isinstance(verdict, str):
        refused(bad_tables / name, verdict)
    else:
        assert said(bad_tables / name) == verdict


def test_a_wide_and_sparse_table_takes_little_memory(tmp_path):
    wide = np.zeros((400, 5_000), dtype=np.int8)
    wide[:, ::100] = 1
    head = "," + ",".join(f"ENSG{i:011d}" for i in range(5_000)) + "\n"
    rows = "".join(f"cell{i}," + ",".join(map(str, row)) + "\n" for i, row in enumerate(wide))
    path = write(tmp_path / "cells.csv", head + rows)
    part = parts_of(Source.of(path), "text")[0]
    tracemalloc.start()
    raw = read_table(part, size=1 << 18)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(raw.matrix.toarray(), wide)
    assert peak < wide.size * np.dtype(np.float64).itemsize


def test_a_matrix_beyond_the_memory_budget_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "memory_budget", lambda: 1000)
    refused(write(tmp_path / "cells.csv", table(40).to_csv()), "E-TOO-LARGE", "memory")


def test_damaged_tables_are_read_or_refused_and_nothing_else(tmp_path):
    rng = random.Random(7)
    text = table().assign(cell_type="a").to_csv().encode()
    whole = [text, gzip.compress(text), table().T.to_csv(sep=";", quoting=1).encode("utf-16")]
    outcomes = [outcome(write(tmp_path / f"{i}.csv", mutated(rng.choice(whole), rng))) for i in
                range(60)]  # fmt: skip
    assert {"read", "refused"} == set(outcomes)


def outcome(path: Path) -> str:
    """Read a file; whatever is raised but a refusal goes through."""
    try:
        adata = opened(path)[0].adata
    except DataError as error:
        return "refused" if error.code.startswith("E-") and error.next_step else str(error)
    return "read" if adata.X.shape == (adata.n_obs, adata.n_vars) else "torn"


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Content with bytes flipped, cut out, doubled or cut off."""
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(max(1, len(damaged)))
        kind = rng.randrange(5)
        if kind == 0 and damaged:
            damaged[at] = rng.randrange(256)
        elif kind == 1:
            damaged[at:at] = rng.choice([b'"', b",", b"\n", b"\0", b"\xff", b"1e999", b"-", b";"])
        elif kind == 2:
            del damaged[at : at + rng.randint(1, 40)]
        elif kind == 3:
            damaged[at:at] = damaged[at // 2 : at // 2 + rng.randint(1, 200)]
        elif rng.random() < 0.3:
            del damaged[at:]
    return bytes(damaged) or b"x"


# ---------------------------------------------------------- what is a gene, and what is a cell

BARCODES = ["TTGACATGC" + "".join("ACGT"[i // 4**k % 4] for k in range(5)) for i in range(60)]
WELLS = [f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13)]


@pytest.mark.parametrize(
    "ids",
    [[f"FBgn{i:07d}" for i in range(300)], [f"WBGene{i:08d}" for i in range(300)],
     [f"AT1G{i:05d}" for i in range(300)],
     [f"Y{arm}L{i:03d}W" for arm in "ABC" for i in range(100)]],
    ids=["fly", "worm", "cress", "yeast"],
)  # fmt: skip
@pytest.mark.parametrize("plate", ["", "P1"])
def test_genes_of_other_organisms_beside_wells_are_turned(tmp_path, ids, plate):
    expected = pd.DataFrame(counts(96, 300), [plate + well for well in WELLS], ids)
    path = write(tmp_path / "cells.csv", expected.T.to_csv())
    same(path, expected)
    assert said(path) == ["F-TRANSPOSED"]


@pytest.mark.parametrize("corner", ["", "gene_id"])
def test_numbers_out_of_order_are_no_cells_and_are_asked_about(tmp_path, corner):
    numbers = [str(7 * i % 301 + 11) for i in range(300)]
    expected = pd.DataFrame(counts(96, 300), WELLS, numbers)
    path = write(tmp_path / "cells.csv", expected.T.to_csv(index_label=corner))
    _, choices = opened(path)
    (asked,) = choices.open
    assert (asked.code, asked.suggested) == ("C-ORIENTATION", "genes-in-rows")
    same(path, expected, C_ORIENTATION="genes-in-rows")


def test_a_gene_word_in_the_corner_keeps_cells_in_rows_from_being_taken_for_granted(tmp_path):
    frame = pd.DataFrame(counts(40, 20), [f"cell{i}" for i in range(40)], GENES)
    path = write(tmp_path / "cells.csv", frame.to_csv(index_label="gene"))
    assert said(path) == ["C-ORIENTATION"]


def test_names_merely_written_like_symbols_do_not_settle_what_the_rows_are(tmp_path):
    columns = [f"{chr(65 + i)}qx{i}" for i in range(20)]
    frame = pd.DataFrame(counts(5, 20), ["k.o", "l.o", "m.o", "n.o", "p.o"], columns)
    assert said(write(tmp_path / "cells.csv", frame.to_csv())) == ["C-ORIENTATION"]


MEASURES = ["total_counts_mt", "log1p_total_counts", "nCount_SCT", "RNA_snn_res.0.8",
            "barcode_rank", "S.Score", "G2M.Score", "PC_1", "umapharmony_1"]  # fmt: skip


@pytest.mark.parametrize("turned", [False, True], ids=["cells in rows", "genes in rows"])
def test_measures_among_known_genes_go_beside_the_cells_and_that_is_said(tmp_path, turned):
    frame = table()
    measures = pd.DataFrame(
        np.random.default_rng(0).normal(size=(12, 9)).round(3), frame.index, MEASURES
    )
    whole = pd.concat([frame, measures], axis=1)
    path = write(tmp_path / "cells.csv", (whole.T if turned else whole).to_csv())
    answers = {"C_ORIENTATION": "genes-in-rows"} if turned else {}
    result, _ = opened(path, **answers)
    assert list(result.adata.var_names) == GENES
    np.testing.assert_array_equal(dense(result.adata.X), frame.to_numpy())
    pd.testing.assert_frame_equal(
        result.adata.obs[MEASURES], measures, check_names=False, check_index_type=False, rtol=1e-6
    )
    (finding,) = (f for f in result.findings if f.code == "F-MEASURES")
    assert "'total_counts_mt', 'log1p_total_counts'" in finding.message
    assert "and 3 more" in finding.message


def test_mitochondrial_genes_and_unknown_names_are_no_measures(tmp_path):
    frame = table().rename(columns={"CD14": "hg19_MT-ND1", "LYZ": "Dpt", "PF4": "MT.CO1"})
    path = write(tmp_path / "cells.csv", frame.to_csv())
    same(path, frame)
    assert said(path) == []
    frame.columns = [*(f"q{i}z" for i in range(19)), "PC_1"]
    assert opened(write(tmp_path / "q.csv", frame.to_csv()))[0].adata.n_vars == 20


@pytest.mark.parametrize("turned", [False, True], ids=["cells in rows", "genes in rows"])
def test_a_gene_called_like_a_label_stays_a_gene_where_it_has_numbers(tmp_path, turned):
    frame = table().rename(columns={"CD14": "Stim"})
    path = write(tmp_path / "cells.csv", (frame.T if turned else frame).to_csv())
    same(path, frame, **({"C_ORIENTATION": "genes-in-rows"} if turned else {}))
    labelled = frame.assign(Stim=["ctrl", "stim"] * 6)
    assert list(opened(write(tmp_path / "l.csv", labelled.to_csv()))[0].adata.obs) == ["Stim"]


def test_two_label_columns_of_one_name_are_both_kept(tmp_path):
    lines = table().to_csv().splitlines()
    text = "\n".join(line + (f",{'ab'[i % 2]},z{i}" if i else ",type,type") for i, line in
                     enumerate(lines))  # fmt: skip
    obs = opened(write(tmp_path / "cells.csv", text))[0].adata.obs
    assert list(obs) == ["type", "type 2"]
    assert obs["type"].tolist() == ["b", "a"] * 6
    assert obs["type 2"].tolist() == [f"z{i + 1}" for i in range(12)]


# ------------------------------------------------------------------- how the text is written


@pytest.mark.parametrize("size", [61, 1 << 20])
@pytest.mark.parametrize("sep", [",", "\t"])
def test_a_quotation_mark_in_the_middle_of_a_field_is_a_letter(tmp_path, sep, size):
    frame = table(60).assign(cell_type=['12" well', "T", '5""x"'] * 20)
    path = write(tmp_path / "cells.tsv", frame.to_csv(sep=sep, quoting=3, quotechar="'"))
    raw = read_table(parts_of(Source.of(path), "text")[0], size=size)
    assert raw.rows == list(frame.index)
    assert raw.row_texts["cell_type"] == frame["cell_type"].tolist()
    np.testing.assert_array_equal(raw.matrix.toarray(), frame[GENES].to_numpy())


def test_quotes_are_found_where_the_csv_module_finds_them():
    rng = random.Random(3)
    for _ in range(2000):
        text = "".join(rng.choice('a",\n"b') for _ in range(rng.randint(1, 14))) + "\n"
        expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        fields = find_fields(text.encode(), b",")
        if not quote_flips(np.frombuffer(text.encode(), np.uint8), b",")[1]:
            assert [int(n) for n in fields.lengths] == [len(row) for row in expected], text


def test_a_header_behind_a_number_sign_counts_although_a_label_stands_last(tmp_path):
    expected = table().assign(cell_type=["a", "b"] * 6)
    path = write(tmp_path / "cells.csv", "# made by X\n#" + expected.to_csv(index_label="cell"))
    same(path, expected[GENES])
    plain = write(tmp_path / "b.csv", "# a, b\ncell,CD3D\n" + "c1,1\nc2,2\n")
    assert list(opened(plain)[0].adata.obs_names) == ["c1", "c2"]


def test_decimal_commas_that_come_late_are_read_as_such(tmp_path):
    expected = table(120).astype(float)
    expected.iloc[70:] += 0.25
    text = expected.to_csv(sep=";", decimal=",").replace(",0;", ";").replace(",0\n", "\n")
    path = write(tmp_path / "cells.csv", text)
    same(path, expected)
    assert said(path) == ["F-DIALECT"]


def test_commas_before_three_digits_are_asked_about_where_nothing_tells(tmp_path):
    expected = (table() + 1.125).clip(lower=1.125)
    path = write(tmp_path / "cells.csv", expected.to_csv(sep=";", decimal=",", float_format="%.3f"))
    (asked,) = opened(path)[1].open
    assert (asked.code, asked.suggested) == ("C-DECIMALS", "decimal-comma")
    same(path, expected, C_DECIMALS="decimal-comma")
    same(path, expected * 1000, C_DECIMALS="thousands-comma")


def test_a_text_in_one_column_late_in_the_file_makes_it_a_column_of_labels(tmp_path):
    frame = table(60).assign(Sub=[str(i % 4) for i in range(55)] + ["2b"] * 5)
    path = write(tmp_path / "cells.csv", frame.to_csv())
    same(path, frame[GENES])
    assert said(path) == ["F-MEASURES"]
    assert opened(path)[0].adata.obs["Sub"].tolist() == frame["Sub"].tolist()
    both = frame.astype(object)
    both.iloc[57, 3] = "x"
    refused(write(tmp_path / "both.csv", both.to_csv()), "E-TABLE-TEXT")


def test_a_header_without_end_is_refused_before_it_is_taken_apart(tmp_path):
    path = write(tmp_path / "cells.csv", b"," * 12_000_000 + b"\n1\n")
    tracemalloc.start()
    refused(path, "E-TOO-LARGE", "columns")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 12_000_000


def test_the_columns_of_the_header_are_counted_and_not_all_fields_of_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr(text_layout, "MOST_COLUMNS", 100)
    same(write(tmp_path / "cells.csv", table(200).to_csv()), table(200))
