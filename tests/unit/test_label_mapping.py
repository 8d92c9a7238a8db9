"""Calls are scored by labels that go by other names, without a change to any call."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import core
from core.annotation import call_cells
from core.errors import ParameterError
from core.label_mapping import CallScores, score_calls, suggest_types
from core.training import train
from tests.cells import TASK, haystack, keep, small_config

N_CELLS = 12
#        called rare ------------|  unsure ------|  other
SCORES = [0.9, 0.8, 0.7, 0.6, 0.55, 0.45, 0.42, 0.1, 0.1, 0.1, 0.0, 0.0]
LABELS = ["Mk", "Platelet", "B", None, "Mk", "Mk", "B", "B", "Mk", " ", "DC", "B"]


@pytest.fixture(scope="module")
def annotation():
    model = train(keep(*haystack(20, 80)), TASK, small_config(), method="loras+lr")
    query = keep(haystack(4, 8, seed=1)[0], ["?"] * N_CELLS)
    return call_cells(model, query, np.array(SCORES))


def labels(values=LABELS):
    return pd.Series(values, index=[f"cell-{i}" for i in range(len(values))], dtype=object)


def test_cells_are_counted_by_call_and_label_and_unlabelled_ones_left_out(annotation):
    scores = score_calls(annotation, labels(), {"Mk", "Platelet"})
    # Called: Mk, Platelet, B, (none), Mk; unsure cells are not called; one label is blank.
    assert (scores.tp, scores.fp, scores.fn, scores.tn) == (3, 1, 2, 4)
    assert scores.n_unlabelled == 2
    assert scores.rare == ("Mk", "Platelet")
    assert (scores.precision, scores.recall) == (3 / 4, 3 / 5)
    assert scores.f1 == pytest.approx(2 * (3 / 4) * (3 / 5) / (3 / 4 + 3 / 5))


def test_fewer_names_for_the_rare_type_make_other_cells_false_calls(annotation):
    scores = score_calls(annotation, labels(), "Mk")
    assert (scores.tp, scores.fp, scores.fn, scores.tn) == (2, 2, 2, 4)


def test_labels_are_matched_by_the_name_of_the_cell(annotation):
    shuffled = labels().sample(frac=1, random_state=0)
    assert score_calls(annotation, shuffled, ["Mk"]) == score_calls(annotation, labels(), "Mk")


def test_cells_that_the_labels_lack_are_unlabelled(annotation):
    assert score_calls(annotation, labels().iloc[:2], "Mk").n_unlabelled == N_CELLS - 2


def test_scoring_changes_no_call_and_no_label(annotation):
    table, truth = annotation.table.copy(), labels()
    score_calls(annotation, truth, "Mk")
    pd.testing.assert_frame_equal(annotation.table, table)
    pd.testing.assert_series_equal(truth, labels())


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (3, 10, 0.0667, 0.6525)],
)
def test_intervals_are_the_published_ones_of_clopper_and_pearson(hits, n, low, high):
    scores = CallScores(tp=hits, fp=n - hits, fn=n - hits, tn=0, n_unlabelled=0, rare=("a",))
    assert scores.precision_interval == pytest.approx((low, high), abs=5e-5)
    assert scores.recall_interval == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_a_share_leaves_out_two_and_a_half_percent_at_each_end():
    low, high = CallScores(7, 4, 0, 0, 0, ("a",)).precision_interval

    def at_least(k, p):
        return sum(math.comb(11, i) * p**i * (1 - p) ** (11 - i) for i in range(k, 12))

    assert at_least(7, low) == pytest.approx(0.025)
    assert 1 - at_least(8, high) == pytest.approx(0.025)


def test_the_interval_of_f1_is_that_of_the_overlap_on_the_scale_of_f1():
    scores = CallScores(tp=6, fp=3, fn=1, tn=50, n_unlabelled=0, rare=("a",))
    overlap = CallScores(tp=6, fp=4, fn=0, tn=50, n_unlabelled=0, rare=("a",)).precision_interval
    expected = [2 / (1 + 1 / share) for share in overlap]
    assert scores.f1_interval == pytest.approx(expected)
    assert scores.f1_interval[0] < scores.f1 < scores.f1_interval[1]


def test_scores_without_anything_to_divide_by_are_no_numbers():
    nothing = CallScores(tp=0, fp=0, fn=0, tn=5, n_unlabelled=0, rare=("a",))
    assert all(math.isnan(x) for x in (nothing.precision, nothing.recall, nothing.f1))
    assert nothing.precision_interval == nothing.recall_interval == nothing.f1_interval == (0, 1)


@pytest.mark.parametrize(
    ("values", "rare", "code", "match"),
    [
        (LABELS, "Megakaryocyte", "E-RARE-UNKNOWN", "No cell has 'Megakaryocyte'"),
        (LABELS, {"Mk", "mk"}, "E-RARE-UNKNOWN", "No cell has 'mk'"),
        (LABELS, [], "E-PARAMETER", "`rare` must name at least one label"),
        ([None] * N_CELLS, "Mk", "E-PARAMETER", "It has a label for none of them"),
    ],
    ids=["unknown", "one-unknown", "none", "no-labels"],
)
def test_names_and_labels_that_do_not_fit_are_refused(annotation, values, rare, code, match):
    with pytest.raises(ParameterError, match=match) as caught:
        score_calls(annotation, labels(values), rare)
    assert caught.value.code == code


def test_labels_of_other_cells_are_refused(annotation):
    other = labels().rename(lambda name: f"other-{name}")
    with pytest.raises(ParameterError, match="for none of them") as caught:
        score_calls(annotation, other, "Mk")
    assert caught.value.code == "E-PARAMETER"


def test_labels_that_name_a_cell_twice_are_refused(annotation):
    with pytest.raises(ParameterError, match="some cells twice") as caught:
        score_calls(annotation, pd.concat([labels(), labels()]), "Mk")
    assert caught.value.code == "E-PARAMETER"


# Suggestions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rare", "types", "suggested"),
    [
        ("Platelet", ["B", "Mk", "Eryth"], ["Mk"]),
        ("Mk", ["Platelet", "DC"], ["Platelet"]),
        ("Mk", ["Megakaryocytes", "MK", "Platelets", "Mk"],
         ["Mk", "MK", "Megakaryocytes", "Platelets"]),
        ("NK", ["NK cells", "Natural killer", "NKT"], ["NK cells", "Natural killer"]),
        ("B", ["B cell", "B-cells", "Plasma"], ["B cell", "B-cells"]),
        ("DC", ["pDC", "Dendritic cells", "cDC"], ["Dendritic cells"]),
        ("pDC", ["DC", "Plasmacytoid dendritic cell"], ["Plasmacytoid dendritic cell"]),
        ("γ cell", ["gamma", "PP", "alpha"], ["gamma", "PP"]),
        ("CD14+ Monocytes", ["CD14 Mono", "FCGR3A+ Mono", "cd14_monocyte"],
         ["cd14_monocyte", "CD14 Mono"]),
        ("CD16-", ["CD16+", "CD16-", "cd16 -"], ["CD16-"]),
        ("CD16+ ", ["CD16-", "CD16"], ["CD16"]),
        ("endothelial", ["Endothelial_cell", "epithelial"], ["Endothelial_cell"]),
        ("Mk", ["mk", "mk"], ["mk"]),
        ("needle", ["hay", "B"], []),
        ("-", ["+", ""], []),
        ("Mk", [], []),
    ],
)  # fmt: skip
def test_types_are_suggested_that_may_be_the_same_by_their_name(rare, types, suggested):
    assert suggest_types(rare, types) == suggested


def test_no_name_stands_for_two_types_in_the_list_of_synonyms():
    from core.type_names import _SYNONYMS, _plain

    lines = [line.split("  CL:")[0].split(",") for line in _SYNONYMS.strip().splitlines()]
    names = [{_plain(name) for name in line} for line in lines]
    for one, other in itertools.combinations(names, 2):
        assert not one & other


def test_real_studies_name_each_others_rare_types(shared_data):
    kang = core.open_dataset(shared_data / "pbmc_kang_ifnb2800.h5ad").type_sizes("cell_type").index
    pbmc = core.open_dataset(shared_data / "pbmc3k.h5ad").type_sizes("cell_type").index
    assert suggest_types("Platelet", list(kang)) == ["Mk"]
    assert suggest_types("Mk", list(pbmc)) == ["Platelet"]
    assert suggest_types("NK", list(kang)) == ["NK"]
