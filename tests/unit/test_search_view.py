"""A search for a reader: its axes, its tables, its sentences, and a setting taken over."""

from dataclasses import replace

import pandas as pd
import pytest

from core.config import LorasConfig, TrainingConfig
from core.search import (
    Estimate,
    NestedFold,
    NestedScore,
    SearchConfig,
    SearchResult,
    SearchSpace,
    SettingResult,
    list_settings,
)
from core.search.parameters import LISTS, base_value, matters, usual_space
from core.search.view import axes, best_table, place_settings, ranked, same_search, use_setting
from core.search.words import (
    chosen_again,
    cost_sentence,
    result_sentence,
    search_settings,
    setting_words,
)

SPACE = SearchSpace(
    markers=(100, 20),
    samplers=("none", "loras"),
    classifiers=("lr",),
    target_ratio=(),
    loras_n_neighbors=(5, None),
    loras_n_affine=(10,),
    lr_c=(1.0,),
)
GRID = SearchConfig(space=SPACE, strategy="grid")


def setting(index, *, method="none+lr", score=0.5, rung=0, **varied) -> SettingResult:
    return SettingResult(
        index=index, rung=rung, method=method, varied=varied, score=score, low=0.25, high=0.75,
        tp=9, fp=1, fn=1, tn=500, average_precision=(), inner_score=(), threshold=(), calls=(),
        n_fits=15, seconds=0.1,
    )  # fmt: skip


def found(**changes) -> SearchResult:
    fold = NestedFold(0, 0, "loras+lr", {"markers": 20}, 0.9, 0.5, 2, 0, 0, 100, 1.0)
    other = replace(fold, varied={"markers": 100})
    third = replace(fold, method="none+lr")
    nested = NestedScore(
        0.91, 0.74, 0.98, 9, 1, 1, 500, 0.9, 0.9, 0.91, 0.95, (fold, fold, other, third)
    )
    whole = {"table": pd.DataFrame({"rung": [0, 0]}), "best": TrainingConfig(),
             "best_method": "loras+lr",
             "best_varied": {"markers": 20}, "best_score": 0.97, "best_low": 0.8, "best_high": 1.0,
             "nested": nested, "n_settings": 200, "left_out": {}, "n_splits": 4, "n_rare": 10,
             "n_other": 500, "task": None, "config": GRID}  # fmt: skip
    return SearchResult(**whole | changes)


def test_axes_are_what_differs_in_order_and_say_where_a_parameter_is_not_used():
    named = axes(GRID)
    assert list(named) == ["method", "sampler", "markers", "loras_n_neighbors", "loras_n_affine"]
    assert named["method"] == ("Method", ("lr alone", "LoRAS + lr"))
    assert named["sampler"] == ("Sampler", ("No oversampling", "LoRAS"))
    assert named["markers"] == ("Number of markers", ("20", "100"))
    assert named["loras_n_neighbors"] == ("Neighbours (k)", ("auto", "5", "not used"))


def test_the_method_is_always_an_axis():
    space = SearchSpace(markers=(5,), samplers=("none",), classifiers=("lr",), lr_c=())
    assert list(axes(SearchConfig(space=space))) == ["method"]


def test_every_setting_of_a_search_has_a_place_on_every_axis():
    named, settings = axes(GRID), list_settings(GRID)
    results = [setting(i, method=str(s.method), **s.varied) for i, s in enumerate(settings)]
    for across in named:
        for down in named:
            placed = place_settings(results, across, down)
            assert set(placed["across"]) == set(named[across].values)
            assert set(placed["down"]) == set(named[down].values)
            assert len(placed) == len(settings) == 6


def test_the_last_rung_counts_and_who_got_further_stands_first():
    results = [
        setting(0, score=0.9),
        setting(1, score=0.8),
        setting(2, score=0.7),
        setting(1, score=0.6, rung=1),
    ]
    assert [(one.index, one.score) for one in ranked(results)] == [(1, 0.6), (0, 0.9), (2, 0.7)]
    results.append(replace(setting(2, score=0.95, rung=1), main=False))
    assert [(one.index, one.score) for one in ranked(results)] == [(1, 0.6), (0, 0.9), (2, 0.7)]


def test_where_scores_of_several_rounds_stand_together_the_round_is_told():
    halving = replace(GRID, strategy="halving")
    rows = [setting(1, score=0.6, rung=1, markers=20), setting(0, score=0.9, markers=20)]
    table = best_table(rows, axes(GRID), halving)
    assert table["Round"].tolist() == [2, 1]
    assert "Round" not in best_table(rows, axes(GRID), GRID)
    assert place_settings(rows, "markers", "method")["round"].tolist() == [2, 1]


def test_a_table_holds_score_interval_calls_and_what_varied():
    rows = [
        setting(3, method="loras+lr", score=0.91, markers=20, loras_n_neighbors=None),
        setting(4),
    ]
    table = best_table(rows, axes(GRID), GRID)
    assert list(table.iloc[0].items()) == [
        ("Method", "LoRAS + lr"),
        ("F1", 0.91),
        ("Interval", "0.25 to 0.75"),
        ("Calls", "9 of 10 found, 1 false call"),
        ("Markers", "20"),
        ("k", "auto"),
        ("A", "–"),
    ]
    assert table["k"].tolist() == ["auto", "–"]


def test_every_setting_can_be_taken_over_as_it_was_tried():
    for one in list_settings(GRID):
        assert use_setting(GRID, str(one.method), one.varied) == one.config
    with pytest.raises(LookupError, match="no setting"):
        use_setting(GRID, "none+lr", {"markers": 7})


def test_what_varies_has_no_value_of_its_own_in_a_search():
    base = TrainingConfig(markers=7, n_repeats=2, seed=5, classifiers=("knn",), knn_neighbors=3,
                          loras=LorasConfig(n_neighbors=4, n_affine=9))  # fmt: skip
    assert same_search(GRID, replace(GRID, base=base))
    assert same_search(GRID, replace(GRID, n_settings=7)), "a grid tries all"


def test_candidates_that_matter_for_no_method_make_no_other_search():
    assert same_search(GRID, replace(GRID, space=replace(SPACE, knn_neighbors=(1, 2))))
    own = TrainingConfig(genes=("CD34",))
    fewer = replace(SPACE, markers=(5,), marker_test=("t-test",))
    assert same_search(replace(GRID, base=own), replace(GRID, base=own, space=fewer))


@pytest.mark.parametrize(
    "changes",
    [
        {"base": TrainingConfig(min_logfc=1.0)},
        {"base": TrainingConfig(genes=("CD34",))},
        {"base": TrainingConfig(target_ratio=0.5)},
        {"base": TrainingConfig(loras=LorasConfig(noise_scale=0.1))},
        {"base": TrainingConfig(sample="donor")},
        {"seed": 1},
        {"n_splits": 4},
        {"objective": "average_precision"},
        {"strategy": "random"},
        {"space": replace(SPACE, markers=(20,))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_everything_else_makes_another_search(changes):
    assert not same_search(GRID, replace(GRID, **changes))


def test_a_setting_is_said_by_what_varied():
    varied = {"markers": 20, "loras_n_neighbors": None, "loras_n_affine": 10, "lr_c": 1.0}
    words = setting_words("loras+lr", varied, GRID)
    assert words == "LoRAS + lr with 20 markers, k automatic"
    assert setting_words("none+lr", {}, GRID) == "lr alone"


def test_the_result_says_both_scores_with_interval_and_calls():
    assert result_sentence(found()) == (
        "The best of 200 settings scored F1 0.97 in the search that chose it; chosen anew inside "
        "each training part it reaches 0.91 (0.74 to 0.98), 9 of 10 found, 1 false call."
    )
    objective = replace(GRID, objective="average_precision")
    assert "scored mean average precision of the folds 0.97" in result_sentence(
        found(config=objective)
    )
    assert result_sentence(found(n_settings=1)).startswith("The only setting scored F1 0.97")


def test_it_is_said_how_often_the_same_setting_was_chosen():
    assert chosen_again(found()) == (
        "Without one fold at a time, LoRAS + lr won 3 of 4 times, with the very same settings "
        "2 of 4 times."
    )


@pytest.mark.parametrize(
    ("cost", "sentence"),
    [
        (
            Estimate(61.0, 640 * 2**20, 120, 1800, 0),
            "120 settings, 1,800 fits, about 1 min, 0.6 GB",
        ),
        (Estimate(0.2, 2**20, 1, 15, 3), "1 setting, 15 fits, about 1 s, 0.1 GB"),
    ],
)
def test_the_cost_is_one_line(cost, sentence):
    assert cost_sentence(cost) == sentence


def test_the_settings_of_a_search_are_said_in_the_words_of_the_screen():
    base = TrainingConfig(min_fraction=0.2, genes=("CD34", "SPINK2"))
    said = search_settings(replace(GRID, base=base, seed=4))
    assert said == {
        "Classifiers": "lr",
        "Samplers": "No oversampling, LoRAS",
        "Number of markers": "100, 20",
        "Neighbours (k)": "5, auto",
        "Shadow samples per cell (A)": "10",
        "lr: C": "1",
        "Your own genes": "CD34, SPINK2",
        "Search": "Every combination (grid)",
        "Goal": "Best F1",
        "Folds": "5",
        "Minimum fraction": "0.2",
        "Minimum log fold change": "0.25",
        "Seed": "4",
    }
    assert search_settings(replace(GRID, strategy="random"))["Settings to try"] == "100"


@pytest.mark.parametrize(
    ("methods", "shown"),
    [
        ((["none"], ["lr"]), ["markers", "lr_c"]),
        ((["weights"], ["knn"]), ["markers", "target_ratio", "knn_neighbors"]),
        ((["smote"], ["forest"]), ["markers", "target_ratio", "smote_neighbors", "forest_trees"]),
        (
            (["loras-pca"], ["mlp"]),
            ["markers", "target_ratio", "loras_n_neighbors", "loras_n_affine", "loras_noise_scale",
             "mlp_units"],
        ),
        (([], []), ["markers"]),
    ],
)  # fmt: skip
def test_only_what_matters_for_the_methods_is_asked(methods, shown):
    assert matters(*methods) == shown


@pytest.mark.parametrize("n_rare", [5, 6, 10, 17, 60, 100, 625])
def test_usual_candidates_fit_the_cells_that_are_left_without_two_folds(n_rare):
    space = usual_space(n_rare, n_splits=5, base=TrainingConfig(marker_test="t-test"))
    left = n_rare - 2 * -(-n_rare // 5)
    assert 1 <= max(space.loras_n_neighbors) <= left
    assert max(space.smote_neighbors) < left
    assert space.marker_test == ("t-test",)


def test_many_rare_cells_bring_the_papers_large_neighbourhood():
    assert 30 in usual_space(625, n_splits=10, base=TrainingConfig()).loras_n_neighbors
    assert 3 in usual_space(17, n_splits=3, base=TrainingConfig()).loras_n_neighbors


def test_every_list_has_a_value_on_the_page_train():
    base = TrainingConfig()
    values = {name: base_value(base, name) for name in LISTS}
    assert values["markers"] == 50
    assert values["loras_noise_scale"] == 0.005
    assert values["forest_trees"] == 100
    assert values["loras_n_neighbors"] is None
