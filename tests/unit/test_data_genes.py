"""Genes are matched by name; pasted lists are read; repeated names become different ones."""

from __future__ import annotations

import pandas as pd
import pytest

from core.data.genes import make_names_unique, match_genes, parse_gene_list

GENES = pd.Index(["CD34", "SOX4", "Gapdh", "HLA-DRA", "7SK"], dtype=object)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CD34", ("CD34",)),
        ("CD34, SOX4;GATA2\nMEIS1\tHLF  KIT", ("CD34", "SOX4", "GATA2", "MEIS1", "HLF", "KIT")),
        ("\"CD34\",'SOX4',`KIT`", ("CD34", "SOX4", "KIT")),
        ("SOX4 CD34 SOX4", ("SOX4", "CD34")),
        ("CD34\r\nSOX4\r\n", ("CD34", "SOX4")),
        ("HLA-DRA MT-CO1 RP11-34P13.7", ("HLA-DRA", "MT-CO1", "RP11-34P13.7")),
        ("cd34 CD34", ("cd34", "CD34")),
        (" ,;\n \"\" ''", ()),
        ("", ()),
    ],
    ids=[
        "one",
        "separators",
        "quotes",
        "repeats",
        "windows",
        "hyphens",
        "case",
        "nothing",
        "empty",
    ],
)
def test_a_pasted_list_gives_each_name_once_in_its_order(text, names):
    assert parse_gene_list(text) == names


def test_genes_are_found_by_exact_name_in_the_order_wanted():
    match = match_genes(GENES, ["SOX4", "sox4", "CD34", "SOX4", "XYZ"])
    assert match.found == ("SOX4", "CD34")
    assert match.missing == ("sox4", "XYZ")


@pytest.mark.parametrize(
    ("wanted", "coverage"),
    [
        (["CD34", "SOX4"], 1),
        (["CD34", "X"], 0.5),
        (["X", "Y"], 0),
        ([], 0),
        (["X", "CD34"] * 3, 0.5),
    ],
    ids=["all", "half", "none", "no-genes", "repeats-count-once"],
)
def test_coverage_is_the_share_of_different_genes_found(wanted, coverage):
    assert match_genes(GENES, wanted).coverage == coverage


@pytest.mark.parametrize(
    ("wanted", "suggestion"),
    [
        ("cd34", "CD34"),
        ("GAPDH", "Gapdh"),
        ("HLADRA", "HLA-DRA"),
        ("hla.dra", "HLA-DRA"),
        ("CD134", None),
        ("CD4", None),
        ("SOX", None),
        ("ENSG00000174059", None),
        ("---", None),
    ],
    ids=[
        "case",
        "mouse",
        "hyphen",
        "dot",
        "one-digit-more",
        "one-digit-less",
        "cut",
        "other-ids",
        "punctuation-only",
    ],
)
def test_a_gene_is_suggested_only_if_case_or_punctuation_differ(wanted, suggestion):
    match = match_genes(GENES, [wanted])
    assert match.suggestions.get(wanted) == suggestion
    (finding,) = match.findings()
    assert finding.code == "W-GENE-UNKNOWN"
    assert finding.message == f"{wanted} is not a gene of this dataset and was left out."
    expected = f"Did you mean {suggestion}?" if suggestion else "Check its spelling."
    assert finding.next_step == expected


def test_of_two_names_that_differ_in_case_alone_the_first_is_suggested():
    assert match_genes(pd.Index(["Kit", "KIT"]), ["kit"]).suggestions == {"kit": "Kit"}


@pytest.mark.parametrize(
    ("there", "wanted"), [("CD4", "cd34"), ("BFAR", "bar"), ("...", "---")], ids=str
)
def test_another_gene_with_a_similar_name_is_not_suggested(there, wanted):
    assert match_genes(pd.Index([there]), [wanted]).suggestions == {}


def test_every_missing_gene_has_a_finding_and_is_compared():
    wanted = [f"cd34_{i}" for i in range(25)]
    match = match_genes(pd.Index([name.upper() for name in wanted]), wanted)
    assert [finding.code for finding in match.findings()] == ["W-GENE-UNKNOWN"] * 25
    assert match.suggestions == {name: name.upper() for name in wanted}


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        (["A", "B"], ["A", "B"]),
        (["A", "B", "A"], ["A", "B", "A-1"]),
        (["A", "A", "A"], ["A", "A-1", "A-2"]),
        (["A", "A-1", "A", "A"], ["A", "A-1", "A-2", "A-3"]),
        (["A", "A", "A-1"], ["A", "A-2", "A-1"]),
        (["A-1", "A-1", "A", "A"], ["A-1", "A-1-1", "A", "A-2"]),
        ([1, 1], ["1", "1-1"]),
        ([], []),
    ],
    ids=["different", "twice", "thrice", "taken", "taken-later", "suffix-twice", "numbers", "none"],
)
def test_repeated_names_get_a_suffix_that_no_other_name_has(names, unique):
    found, changed = make_names_unique(pd.Index(names))
    assert list(found) == unique
    assert found.is_unique
    assert list(changed) == [str(a) != b for a, b in zip(names, unique, strict=True)]


def test_many_repeats_of_one_name_stay_different_and_in_order():
    found, changed = make_names_unique(pd.Index(["A"] * 5000))
    assert found.is_unique
    assert found[-1] == "A-4999"
    assert changed.sum() == 4999
