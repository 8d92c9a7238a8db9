"""Figures of a search: which score stands where, and what the two numbers of the winner are."""

import numpy as np
import pandas as pd
import pytest

from core.errors import ParameterError
from core.plots import search_map, search_scores
from core.plots.theme import DARK_PAGE, LIGHT_PAGE

ACROSS, DOWN = ("10", "20", "50"), ("lr alone", "LoRAS + lr")
TITLES = ("Number of markers", "Method")


def tried(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["across", "down", "score"])


def drawn(settings: pd.DataFrame, **options):
    return search_map(settings, across=ACROSS, down=DOWN, titles=TITLES, **options)


SOME = tried(
    ("10", "lr alone", 0.61),
    ("10", "lr alone", 0.72),
    ("10", "lr alone", 0.55),
    ("50", "LoRAS + lr", 0.83),
)


def test_a_cell_holds_the_best_score_of_its_settings_and_how_many_there_are():
    scores = drawn(SOME).data[1]
    np.testing.assert_array_equal(
        np.array(scores.z, float), [[0.72, np.nan, np.nan], [np.nan, np.nan, 0.83]]
    )
    assert [[cell[2] for cell in row] for row in scores.customdata] == [
        ["3", "0", "0"],
        ["0", "0", "1"],
    ]
    assert [list(row) for row in scores.text] == [["0.72", "", ""], ["", "", "0.83"]]


def test_the_hover_text_names_both_values_the_score_and_the_number_of_settings():
    quiet, scores = drawn(SOME).data
    assert scores.hovertemplate == (
        "Number of markers: %{customdata[0]}<br>Method: %{customdata[1]}<br>"
        "best F1 %{z:.3f}, settings tried: %{customdata[2]}<extra></extra>"
    )
    assert list(scores.customdata[1][2]) == ["50", "LoRAS + lr", "1"]
    assert "no setting tried" in quiet.hovertemplate


def test_of_several_rounds_the_furthest_counts_and_is_framed():
    # 0.95 and 0.9 were scored with fewer cells than 0.83, which is the best of the last round.
    settings = tried(
        ("10", "lr alone", 0.95), ("50", "LoRAS + lr", 0.9), ("50", "LoRAS + lr", 0.83)
    ).assign(round=[1, 1, 3])
    made = drawn(settings)
    assert made.data[1].z[1][2] == 0.83
    assert made.data[1].customdata[1][2][2] == "2"
    frame = made.layout.shapes[0]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 1.5)
    assert "Highest: 0.830 at Number of markers 50" in made.layout.meta["alt"]
    assert "that got furthest" in made.layout.title.text
    assert "that got furthest" not in drawn(SOME).layout.title.text


def test_the_frame_is_the_same_before_the_first_score_and_after_the_last():
    empty, full = drawn(tried(), n_planned=9), drawn(SOME, n_planned=9)
    for name in ("xaxis", "yaxis", "height", "margin", "uirevision"):
        assert empty.layout[name] == full.layout[name]
    assert [trace.type for trace in empty.data] == [trace.type for trace in full.data]
    assert len(empty.layout.shapes) == len(full.layout.shapes) == 1
    assert empty.layout.yaxis.ticktext == DOWN
    assert empty.layout.xaxis.ticktext == ACROSS


def test_the_best_cell_is_framed_and_none_before_there_is_a_score():
    frame = drawn(SOME).layout.shapes[0]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 1.5)
    assert frame.opacity == 1
    assert drawn(tried()).layout.shapes[0].opacity == 0


@pytest.mark.parametrize(
    ("scores", "ends"),
    [((0.72, 0.83), (0.6, 1.0)), ((0.95, 1.0), (0.8, 1.0)), ((0.1, 0.3), (0.0, 0.4)),
     ((0.0, 0.0), (0.0, 0.2)), ((0.4, 0.4), (0.4, 0.6)), ((), (0.0, 1.0))],
)  # fmt: skip
def test_colours_reach_in_whole_steps_around_the_scores(scores, ends):
    places = zip(("10", "20"), ("lr alone", "lr alone"), scores, strict=False)
    trace = drawn(tried(*places)).data[1]
    assert (trace.zmin, trace.zmax) == pytest.approx(ends)


def test_the_alternative_text_says_how_many_were_tried_and_where_the_best_is():
    alt = drawn(SOME, n_planned=60).layout.meta["alt"]
    assert alt == (
        "Best F1 by Number of markers and Method, 4 of 60 settings tried. "
        "Highest: 0.830 at Number of markers 50, Method LoRAS + lr."
    )
    assert drawn(tried()).layout.meta["alt"].endswith("0 settings tried. No score yet.")


def test_the_note_says_what_the_numbers_are():
    fig = drawn(SOME, objective="average_precision", n_planned=60)
    assert fig.layout.title.text == (
        "4 of 60 settings tried · number: best average precision, mean of folds of the "
        "settings there"
    )


def test_numbers_give_way_where_there_are_too_many_columns():
    across = [str(n) for n in range(17)]
    fig = search_map(tried(), across=across, down=DOWN, titles=TITLES)
    assert fig.data[1].texttemplate is None


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (tried(("30", "lr alone", 0.5)), "`across` must hold every value of `settings`"),
        (tried(("10", "knn alone", 0.5)), "`down` must hold every value of `settings`"),
        (tried(("10", "lr alone", 1.5)), "`score` must lie from 0 to 1"),
        (pd.DataFrame({"across": ["10"]}), "`settings` must have the columns down, score"),
    ],
)
def test_a_map_refuses_what_it_cannot_place(settings, complaint):
    with pytest.raises(ParameterError, match=complaint):
        drawn(settings)


def two_numbers(**options):
    return search_scores(
        [0.5, 0.97, 0.8],
        best=(0.97, 0.8, 1.0),
        nested=(0.91, 0.74, 0.98),
        n_rare=10,
        **options,
    )


def test_every_setting_is_a_dot_and_both_numbers_have_their_interval():
    dots, best, nested = two_numbers().data
    assert list(dots.x) == [0.5, 0.97, 0.8]
    assert (best.x[0], nested.x[0]) == (0.97, 0.91)
    for trace, (score, low, high) in ((best, (0.97, 0.8, 1.0)), (nested, (0.91, 0.74, 0.98))):
        assert score - trace.error_x.arrayminus[0] == pytest.approx(low)
        assert score + trace.error_x.array[0] == pytest.approx(high)
    assert best.y[0] != nested.y[0]
    assert [note.text for note in two_numbers().layout.annotations] == [
        "<b>0.970</b>",
        "<b>0.910</b>",
    ]


def test_the_two_numbers_are_said_for_who_does_not_see_them():
    assert two_numbers().layout.meta["alt"] == (
        "F1 of 3 settings, 10 rare cells. Best in the search: 0.970; by nested cross-validation: "
        "0.910 (0.740 to 0.980)."
    )
    assert "3 settings, 10 rare cells" in two_numbers().layout.title.text


def test_chance_is_a_dotted_line_where_it_is_known():
    (line,) = two_numbers(chance=0.04).layout.shapes
    assert (line.x0, line.x1, line.line.dash) == (0.04, 0.04, "dot")
    assert not two_numbers().layout.shapes


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"scores": []}, "`scores` must hold the score of at least one setting"),
        ({"nested": (0.9, 0.7, 1.2)}, "`nested` must lie from 0 to 1"),
        ({"best": (0.9, 0.7)}, "`best` must have one number per cell"),
    ],
)
def test_the_two_numbers_are_refused_outside_0_to_1(options, complaint):
    whole = {"scores": [0.5], "best": (0.5, 0.4, 0.6), "nested": (0.5, 0.4, 0.6)} | options
    with pytest.raises(ParameterError, match=complaint):
        search_scores(**whole, n_rare=10)


@pytest.mark.parametrize("dark", [False, True])
def test_both_figures_are_transparent_and_suit_the_page(dark):
    look = DARK_PAGE if dark else LIGHT_PAGE
    for fig in (drawn(SOME, dark=dark), two_numbers(dark=dark)):
        assert fig.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert fig.layout.font.color == look.ink
    assert drawn(SOME, dark=dark).layout.shapes[0].line.color == look.ink
    assert two_numbers(dark=dark).data[2].marker.color == look.accent
