"""Archives let nothing harmful in; several files are put together by names, or refused."""

from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.choices import Choices
from core.data.reading import limits
from core.data.reading.bundle import read
from core.data.reading.expanding import open_expanding
from core.data.source import Source
from core.errors import DataError
from tests.files import counts, dense, write_bad_files

GENES = [f"ENSG{i:011d}" for i in range(24)]


def opened(path, **answers):
    choices = Choices({code.replace("_", "-"): answer for code, answer in answers.items()})
    return read(Source.of(path), choices), choices


def codes(path) -> list[str]:
    result, choices = opened(path)
    return [finding.code for finding in (*result.findings, *choices.findings)]


def refused(path, code: str, match: str | None = None) -> None:
    with pytest.raises(DataError, match=match) as caught:
        opened(path)
    assert caught.value.code == code
    assert caught.value.next_step


def barcodes(n: int, start: int = 0) -> list[str]:
    """Names like AAAAAAAAACGT-1, all different."""
    letters = np.array(list("ACGT"))
    digits = (np.arange(start, start + n)[:, None] // 4 ** np.arange(7)) % 4
    return ["TTGACATGC" + "".join(letters[row]) + "-1" for row in digits]


def table(n_cells: int = 20, *, seed: int = 0, start: int = 0, genes=GENES) -> pd.DataFrame:
    return pd.DataFrame(counts(n_cells, len(genes), seed), barcodes(n_cells, start), list(genes))


def save(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path)
    return path


def archive(path: Path, members: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


# ------------------------------------------------------------------------------- archives


@pytest.mark.parametrize(
    "name", ["../x.csv", "a/../../x.csv", "/etc/x.csv", "C:\\x.csv", "..\\x.csv", "a\x01.csv"]
)
def test_members_that_lead_out_of_the_archive_are_refused(tmp_path, name):
    path = archive(tmp_path / "x.zip", {"ok.csv": table().to_csv(), name: "x"})
    refused(path, "E-ARCHIVE-UNSAFE")


def test_links_in_an_archive_are_refused(tmp_path):
    link = zipfile.ZipInfo("matrix.mtx")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    refused(tmp_path / "x.zip", "E-ARCHIVE-UNSAFE", "a link or device")


def test_the_tool_s_traversal_archive_is_refused_and_leaves_no_trace(tmp_path):
    path = write_bad_files("zip_traversal", tmp_path) / "zip_traversal.zip"
    before = sorted(tmp_path.rglob("*"))
    refused(path, "E-ARCHIVE-UNSAFE")
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_unpacked_to_disk(tmp_path, monkeypatch):
    path = archive(tmp_path / "x.zip", {"cells.csv": table().to_csv()})
    monkeypatch.setattr(zipfile.ZipFile, "extract", None)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", None)
    np.testing.assert_array_equal(dense(opened(path)[0].adata.X), table().to_numpy())
    assert list(tmp_path.iterdir()) == [path]


def test_archives_in_archives_are_refused(tmp_path):
    path = archive(tmp_path / "x.zip", {"inner.zip": b"PK", "cells.csv": table().to_csv()})
    refused(path, "E-ARCHIVE-UNSAFE", "another archive")


def test_an_archive_with_a_password_is_refused_as_that(tmp_path):
    path = archive(tmp_path / "x.zip", {"cells.csv": table().to_csv()})
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(signature) + flags] |= 1
    path.write_bytes(content)
    refused(path, "E-ARCHIVE-PASSWORD")


def test_an_archive_of_very_many_members_is_refused(tmp_path):
    refused(archive(tmp_path / "x.zip", {f"{i}.csv": "" for i in range(2001)}), "E-TOO-LARGE")


def test_a_zip_bomb_is_refused_by_what_it_declares(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE_EXPANSION", 1 << 20)
    path = archive(tmp_path / "x.zip", {"cells.csv": bytes(4 << 20)})
    refused(path, "E-EXPANDS")


def test_a_gzip_bomb_inside_of_an_archive_is_refused_as_it_expands(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE_EXPANSION", 1 << 20)
    bomb = gzip.compress(b"," * (4 << 20))
    path = archive(tmp_path / "x.zip", {"counts.csv.gz": bomb})
    refused(path, "E-EXPANDS", "counts.csv.gz")


def test_a_bomb_in_the_comments_of_a_matrix_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE_EXPANSION", 1 << 20)
    head = b"%%MatrixMarket matrix coordinate integer general\n9 9 1\n1 1 1\n"
    for name in ("features.tsv", "barcodes.tsv"):
        (tmp_path / name).write_text("".join(f"n{i}\n" for i in range(9)))
    (tmp_path / "matrix.mtx.gz").write_bytes(gzip.compress(head + b"\n" * (4 << 20)))
    refused(tmp_path, "E-EXPANDS", "matrix.mtx.gz")


def test_a_stream_that_is_cut_short_is_damaged_at_its_end_and_not_before(tmp_path):
    packed = gzip.compress(np.random.default_rng(0).bytes(3 << 20))
    path = tmp_path / "x.gz"
    path.write_bytes(packed[:-20])
    with open_expanding(lambda: path.open("rb"), n_packed=len(packed), name="x.gz") as stream:
        assert len(stream.read(1000)) == 1000
        with pytest.raises(DataError, match=r"x\.gz cannot be read to its end"):
            stream.read()


def test_an_archive_of_another_kind_of_file_says_which(tmp_path):
    path = archive(tmp_path / "x.zip", {"cells.h5ad": b"x" * 9})
    with pytest.raises(DataError) as caught:
        opened(path)
    assert caught.value.code == "E-ARCHIVE-NO-MATRIX"
    assert "Unpack it and load cells.h5ad" in caught.value.next_step


# ----------------------------------------------------------------------- matrix and labels


def labels(cells, **columns) -> pd.DataFrame:
    columns = columns or {"cell_type": ["ab"[i % 2] for i in range(len(cells))]}
    return pd.DataFrame(columns, index=pd.Index(list(cells), name="cell"))


@pytest.mark.parametrize("turned", [False, True], ids=["cells in rows", "genes in rows"])
@pytest.mark.parametrize("packed", [False, True], ids=["files", "zip"])
def test_labels_are_matched_by_name_in_any_order(tmp_path, turned, packed):
    frame = table()
    about = labels(frame.index).sample(frac=1, random_state=1)
    paths = [save(frame.T if turned else frame, tmp_path / "counts.csv"),
             save(about, tmp_path / "about.csv")]  # fmt: skip
    if packed:
        paths = archive(tmp_path / "x.zip", {path.name: path.read_bytes() for path in paths})
    adata = opened(paths)[0].adata
    assert adata.obs["cell_type"].tolist() == about.loc[frame.index, "cell_type"].tolist()
    np.testing.assert_array_equal(dense(adata.X), frame.to_numpy())
    assert [code for code in codes(paths) if code[0] != "F"] == []


def test_cells_without_a_label_are_counted_and_stay_without(tmp_path):
    frame = table()
    paths = [save(frame, tmp_path / "counts.csv"),
             save(labels(frame.index[:15]), tmp_path / "about.csv")]  # fmt: skip
    result, _ = opened(paths)
    (finding,) = result.findings
    assert finding.code == "W-CELLS-UNMATCHED"
    assert "Of the 20 cells of counts.csv, 15 are in about.csv" in finding.message
    assert result.adata.obs["cell_type"].isna().tolist() == [False] * 15 + [True] * 5


@pytest.mark.parametrize(
    "change",
    [lambda n: n.removesuffix("-1"), lambda n: n.replace("-", "."), lambda n: f"run2_{n}"],
    ids=["without -1", "R's points", "prefix"],
)
def test_cells_that_are_called_a_little_differently_are_matched_and_that_is_said(tmp_path, change):
    frame = table()
    about = labels(frame.index).rename(index=change)
    result, _ = opened([save(frame, tmp_path / "c.csv"), save(about, tmp_path / "about.csv")])
    assert [finding.code for finding in result.findings] == ["F-CELL-NAMES"]
    assert result.adata.obs["cell_type"].tolist() == about["cell_type"].tolist()


def test_cell_names_in_another_column_than_the_first_are_found(tmp_path):
    frame = table()
    about = labels(frame.index).reset_index().iloc[::-1].reset_index(drop=True)
    about.columns = ["barcode", "cell_type"]
    result, _ = opened([save(frame, tmp_path / "c.csv"), save(about, tmp_path / "about.csv")])
    assert result.findings == ()
    expected = about.set_index("barcode").loc[frame.index, "cell_type"].tolist()
    assert result.adata.obs["cell_type"].tolist() == expected


def test_a_list_of_labels_without_a_header_loses_no_cell(tmp_path):
    frame = table()
    about = labels(frame.index)
    about.to_csv(tmp_path / "about.tsv", sep="\t", header=False)
    result, _ = opened([save(frame, tmp_path / "counts.csv"), tmp_path / "about.tsv"])
    assert result.findings == ()
    assert result.adata.obs["label"].tolist() == about["cell_type"].tolist()


def test_labels_of_other_cells_are_refused_with_both_names(tmp_path):
    paths = [save(table(), tmp_path / "counts.csv"),
             save(labels([f"nucleus_{i}" for i in range(20)]), tmp_path / "about.csv")]  # fmt: skip
    refused(paths, "E-FILES-UNRELATED", "'TTGACATGC.*'nucleus_0'")


def test_the_first_of_a_cell_s_two_labels_is_taken_and_that_is_said(tmp_path):
    frame = table()
    about = pd.concat([labels(frame.index), labels(frame.index[:2], cell_type=["z", "z"])])
    result, _ = opened([save(frame, tmp_path / "c.csv"), save(about, tmp_path / "about.csv")])
    assert [finding.code for finding in result.findings] == ["W-LABELS-TWICE"]
    assert "z" not in result.adata.obs["cell_type"].tolist()


def test_a_table_of_numbers_about_the_cells_is_no_second_half(tmp_path):
    frame = table()
    about = labels(frame.index, x=np.arange(20) / 4, y=np.arange(20) / 8)
    adata = opened([save(frame, tmp_path / "c.csv"), save(about, tmp_path / "xy.csv")])[0].adata
    assert adata.n_obs == 20
    assert adata.obs["x"].tolist() == about["x"].tolist()


# ------------------------------------------------------------------------------ two halves


@pytest.mark.parametrize("rare_turned", [False, True])
@pytest.mark.parametrize("reference_turned", [False, True])
def test_two_halves_become_one_dataset_whichever_way_they_stand(
    tmp_path, rare_turned, reference_turned
):
    rare, rest = table(5, seed=1), table(40, seed=2, start=500)[GENES[::-1]]
    paths = [
        save(rest.T if reference_turned else rest, tmp_path / "atlas.csv"),
        save(rare.T if rare_turned else rare, tmp_path / "glia.csv"),
    ]
    result, choices = opened(paths)
    assert not choices.findings
    adata = result.adata
    whole = pd.concat([rare, rest])
    assert sorted(adata.var_names) == sorted(GENES)
    found = pd.DataFrame(dense(adata.X), adata.obs_names, adata.var_names)
    pd.testing.assert_frame_equal(found.loc[whole.index, GENES], whole.astype(np.float32),
                                  check_names=False)  # fmt: skip
    assert adata.obs["cell_type"].tolist() == ["glia"] * 5 + ["atlas"] * 40
    assert "5 rare cells (glia) and 40 reference cells (atlas)" in result.format


def test_genes_of_one_half_alone_are_left_out_and_counted(tmp_path):
    rare, rest = table(5, seed=1, genes=GENES[:20]), table(40, seed=2, start=500, genes=GENES[4:])
    result, _ = opened([save(rare, tmp_path / "glia.csv"), save(rest, tmp_path / "atlas.csv")])
    (finding,) = result.findings
    assert finding.code == "F-COMMON-GENES"
    assert re.search("16 genes are in both.* 4 that are only in glia.csv and 4", finding.message)
    assert sorted(result.adata.var_names) == GENES[4:20]


def test_cells_in_both_halves_stay_rare_by_name_and_by_content(tmp_path):
    rare, rest = table(5, seed=1), table(40, seed=2, start=500)
    rest = pd.concat([rest, rare.iloc[[0]], rare.iloc[[1]].rename(index=lambda _: "GTGTGTGTGTGTA")])
    other_scale = (rare.iloc[[2]] / 2).astype(float)
    rest = pd.concat([rest, other_scale])
    result, _ = opened([save(rare, tmp_path / "glia.csv"), save(rest, tmp_path / "atlas.csv")])
    (finding,) = result.findings
    assert finding.code == "W-IN-BOTH"
    assert finding.message.startswith("3 cells are in both files")
    assert result.adata.obs["cell_type"].value_counts().to_dict() == {"atlas": 40, "glia": 5}
    assert result.adata.obs_names.is_unique


def test_cells_that_are_merely_counted_are_not_the_same_for_their_number(tmp_path):
    rare = table(5, seed=1).set_axis([f"cell{i}" for i in range(5)])
    rest = table(40, seed=2).set_axis([f"cell{i}" for i in range(40)])
    result, _ = opened([save(rare, tmp_path / "glia.csv"), save(rest, tmp_path / "atlas.csv")])
    assert result.findings == ()
    assert result.adata.n_obs == 45


def test_halves_without_common_genes_are_refused(tmp_path):
    other = [f"ENSMUSG{i:011d}" for i in range(24)]
    paths = [save(table(5), tmp_path / "a.csv"),
             save(table(40, start=500, genes=other), tmp_path / "b.csv")]  # fmt: skip
    refused(paths, "E-FILES-UNRELATED", "share next to no gene")


def test_the_seurat_export_is_the_rare_half_of_a_made_up_reference(tmp_path, shared_data):
    path = shared_data / "seurat_export_glial_17nuclei.csv.gz"
    rare = pd.read_csv(path, index_col=0)
    rest = rare.sample(frac=0.9, random_state=0).rename(columns=lambda name: f"{name[::-1]}")
    rest = rest[[*rest.columns, *rest.columns]].set_axis(barcodes(34), axis=1) * 1.5
    result, _ = opened([path, save(rest, tmp_path / "reference.csv")])
    assert result.adata.shape == (51, len(rest))
    assert [f.code for f in result.findings] == ["F-TRANSPOSED", "F-COMMON-GENES"]
    assert result.adata.obs["cell_type"].value_counts().to_dict() == {
        "reference": 34,
        "seurat_export_glial_17nuclei": 17,
    }


def test_rna_and_antibodies_of_the_same_cells_are_no_halves(tmp_path):
    cells, genes = barcodes(60), [f"ENSG{i:011d}" for i in range(300)]
    rna = pd.DataFrame(counts(300, 60), genes, cells)
    for names in (["CD3_ADT", "CD4_ADT", "CD8_ADT"], ["CD3", "CD4", "CD45RA"]):
        antibodies = pd.DataFrame(counts(3, 60) + 1, names, cells)
        paths = [save(rna, tmp_path / "rna.csv"), save(antibodies, tmp_path / "adt.csv")]
        refused(paths, "E-FILES-UNRELATED", "hold the same cells")


def test_more_columns_of_numbers_than_cells_are_still_about_the_cells(tmp_path):
    frame = table(20)
    components = np.arange(1200).reshape(20, 60) / 7
    about = labels(frame.index, **{f"PC_{i}": components[:, i] for i in range(60)})
    adata = opened([save(frame, tmp_path / "c.csv"), save(about, tmp_path / "pca.csv")])[0].adata
    assert adata.shape == (20, len(GENES))
    np.testing.assert_allclose(adata.obs["PC_59"], components[:, 59])


def test_names_of_donors_keep_their_zeros(tmp_path):
    frame = table()
    about = labels(frame.index, donor=["01", "02"] * 10)
    adata = opened([save(frame, tmp_path / "c.csv"), save(about, tmp_path / "d.csv")])[0].adata
    assert adata.obs["donor"].tolist() == ["01", "02"] * 10


def test_labels_of_another_sample_s_barcodes_are_warned_of(tmp_path):
    frame = table()
    frame.index = [name[:-1] + ("1" if i < 10 else "2") for i, name in enumerate(frame.index)]
    about = labels(barcodes(20))
    result, _ = opened([save(frame, tmp_path / "c.csv"), save(about, tmp_path / "about.csv")])
    assert [f.code for f in result.findings] == ["F-CELL-NAMES", "W-CELL-SUFFIXES"]
    assert "-1, -2 in c.csv and -1 in about.csv" in result.findings[1].message


# -------------------------------------------------------------------------- anything else


def test_three_tables_are_refused_with_what_was_seen(tmp_path):
    paths = [save(table(), tmp_path / f"{name}.csv") for name in "abc"]
    refused(paths, "E-FILES-UNRELATED", r"3 tables \(a.csv, b.csv, c.csv\)")


def test_two_tables_of_labels_are_refused(tmp_path):
    paths = [save(labels(barcodes(9)), tmp_path / f"{name}.csv") for name in "ab"]
    refused(paths, "E-FILES-UNRELATED", "neither has expression")


def test_a_whole_dataset_among_files_is_to_be_loaded_by_itself(tmp_path):
    write_bad_files("ok_basic", tmp_path)
    paths = [tmp_path / "ok_basic.h5ad", save(table(), tmp_path / "c.csv")]
    refused(paths, "E-FILES-UNRELATED", "holds a whole dataset")


def test_a_folder_without_data_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    (tmp_path / ".DS_Store").write_text("x")
    refused(tmp_path, "E-FOLDER-EMPTY")
