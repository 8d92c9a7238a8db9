"""Columns of cells that no page and no .h5ad can hold are tidied, and said."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

import core
from core.data.checking.columns import MOST_COLUMNS, shortened, tidy_columns
from core.data.checking.names import unique_names
from tests.files import cells, counts, write

N = 40


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns, index=[f"cell{i}" for i in range(N)])


def test_ordinary_columns_stay_as_they_are_without_a_word():
    obs = table(cell_type=["a", "b"] * 20, n=np.arange(N), β=pd.Categorical(["x", "y"] * 20))
    tidy, findings = tidy_columns(obs)
    pd.testing.assert_frame_equal(tidy, obs, check_column_type=False)
    assert findings == []


@pytest.mark.parametrize("name", ["", " ", ".", "..", "_index"])
def test_a_name_that_no_h5ad_can_have_is_replaced(fresh_home, tmp_path, name):
    obs = table(**{name: ["p", "q"] * 20, "cell_type": ["a", "b"] * 20})
    tidy, (finding,) = tidy_columns(obs)
    assert list(tidy.columns) == [f"column {name}".strip(), "cell_type"]
    assert finding.code == "F-COLUMNS-TIDIED"
    assert finding.message.startswith("1 column about the cells had no usable name")


def test_names_that_become_equal_are_kept_apart():
    obs = pd.DataFrame([[1, 2, 3]] * N, columns=["a/b", "a∕b", "a/b"])
    tidy, _ = tidy_columns(obs)
    assert list(tidy.columns) == ["a∕b", "a∕b-1", "a∕b-2"]
    assert tidy.iloc[0].tolist() == [1, 2, 3]


def test_endless_names_and_labels_are_cut_and_stay_different():
    long = "x" * 1_000_000
    obs = table(**{long: [long + "1", long + "2"] * 20})
    tidy, (finding,) = tidy_columns(obs)
    (name,) = tidy.columns
    assert len(name) == 200
    labels = tidy[name].unique()
    assert [len(label) for label in labels] == [500, 500]
    assert labels[0] != labels[1]
    assert "in 1 column endless labels were cut" in finding.message


def test_a_cut_name_ends_with_the_digest_of_the_whole():
    name = "gene" * 100
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    assert shortened(name, 50) == f"{name[:41]}…{digest}"
    genes, _ = unique_names(pd.Index([name * 2, "CD34"]), "gene", "F-DUPLICATE-GENES")
    assert [len(gene) for gene in genes] == [500, 4]


def test_thousands_of_columns_are_not_taken():
    obs = pd.DataFrame(np.zeros((N, MOST_COLUMNS + 7)))
    tidy, findings = tidy_columns(obs)
    assert tidy.shape == (N, MOST_COLUMNS)
    assert findings[0].code == "W-COLUMNS-LEFT-OUT"
    assert findings[0].message == "Of 2,007 columns about the cells, 2,000 were read."


def test_the_report_of_one_person_s_file_never_names_another_one_s(fresh_home, tmp_path):
    adata = cells(counts(), obs={"type": ["a", "b"] * 20})
    first = write(adata, tmp_path / "patient_smith_hiv.h5ad")
    core.open_dataset(first)
    second = first.with_name("b.h5ad")
    second.write_bytes(first.read_bytes())
    report = core.open_dataset(second).report
    assert report.name == "b.h5ad"
    assert "smith" not in report.to_json()
    (kept,) = (fresh_home / "datasets").glob("*.h5ad")
    assert core.open_dataset(second).path == kept


def test_a_sentence_that_names_the_file_names_the_reader_s_own(fresh_home, tmp_path):
    first = tmp_path / "patient_smith_hiv.csv"
    genes = [f"ENSG{i:011d}" for i in range(300)]
    values = pd.DataFrame(np.arange(3000).reshape(300, 10) % 5, index=genes)
    values.columns = [f"ACGTACGTACGT{'ACGT'[i % 4]}{'ACG'[i % 3]}-1" for i in range(10)]
    values.to_csv(first)
    assert any("patient_smith_hiv.csv" in f.message for f in core.open_dataset(first).findings)
    second = first.with_name("mine.csv")
    second.write_bytes(first.read_bytes())
    messages = [finding.message for finding in core.open_dataset(second).findings]
    assert any(message.startswith("mine.csv") for message in messages)
    assert not any("smith" in message for message in messages)


def test_a_damaged_copy_is_written_anew(fresh_home, tmp_path):
    path = write(cells(counts()), tmp_path / "cells.h5ad")
    kept = core.open_dataset(path).path
    kept.write_bytes(kept.read_bytes()[:200])
    assert core.open_dataset(path).n_cells == N
