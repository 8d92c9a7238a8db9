"""Precision–recall curves of several runs: what is drawn, and how the runs are told apart."""

import numpy as np
import pytest

from core.errors import ParameterError
from core.plots import MOST_RUNS, RARE, UNSURE, RunCurve, compare_runs
from core.plots.theme import DARK_PAGE, LIGHT_PAGE

RECALL, PRECISION = np.array([1.0, 0.5, 0.5, 0.0]), np.array([0.2, 0.4, 0.8, 1.0])


def curve(method="loras+knn", average=0.6, prevalence=0.02, n_rare=10):
    return RunCurve(method, RECALL, PRECISION, average, prevalence, n_rare)


def several(n, **settings):
    return {f"run {i}": curve(**settings) for i in range(n)}


def lines(fig):
    return [(trace.line.color, trace.line.dash) for trace in fig.data]


def contrast(one, other):
    """WCAG's contrast ratio of two colours."""

    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return light / dark


def test_every_run_has_its_curve_with_method_and_average_precision():
    fig = compare_runs({"first": curve(), "second": curve("none+lr", 0.25)})
    assert [trace.name for trace in fig.data] == [
        "first<br>LoRAS + knn, AP 0.600",
        "second<br>lr alone, AP 0.250",
    ]
    for trace in fig.data:
        assert trace.line.shape == "hv"
        assert (list(trace.x), list(trace.y)) == (list(RECALL), list(PRECISION))


def test_the_steps_enclose_the_average_precision():
    from sklearn.metrics import average_precision_score, precision_recall_curve

    rng = np.random.default_rng(0)
    truth, scores = rng.random(200) < 0.1, rng.random(200).round(1)
    precision, recall, _ = precision_recall_curve(truth, scores)
    average = average_precision_score(truth, scores)
    (trace,) = compare_runs({"one": curve()._replace(recall=recall, precision=precision)}).data
    # From each point to the right at its own height, until the recall of the point before.
    area = np.sum(-np.diff(trace.x) * np.array(trace.y)[:-1])
    assert area == pytest.approx(average)


@pytest.mark.parametrize("dark", [False, True])
def test_five_runs_differ_in_colour_and_in_dash(dark):
    drawn = lines(compare_runs(several(5), dark=dark))
    colours, dashes = zip(*drawn, strict=True)
    assert len(set(colours)) == len(set(dashes)) == 5


@pytest.mark.parametrize("dark", [False, True])
def test_no_run_has_the_rare_types_colour_and_none_sinks_into_the_paper(dark):
    paper = (DARK_PAGE if dark else LIGHT_PAGE).paper
    for colour, _ in lines(compare_runs(several(5), dark=dark)):
        assert colour.upper() not in (RARE, UNSURE)
        assert contrast(colour, paper) > 2


def test_a_run_keeps_its_look_when_others_come_after_it():
    assert lines(compare_runs(several(2))) == lines(compare_runs(several(4)))[:2]


def test_one_line_stands_for_calling_every_cell_where_the_runs_share_it():
    fig = compare_runs(several(3))
    assert [shape.y0 for shape in fig.layout.shapes] == [0.02]
    assert "all cells called: 0.0200" in [note.text for note in fig.layout.annotations]


def test_runs_of_other_data_have_lines_of_their_own():
    fig = compare_runs({"a": curve(), "b": curve(prevalence=0.3, n_rare=150)})
    assert [shape.y0 for shape in fig.layout.shapes] == [0.02, 0.3]
    assert [shape.line.color for shape in fig.layout.shapes] == [c for c, _ in lines(fig)]
    assert "10, 150 rare cells" in fig.layout.title.text


def test_the_alternative_text_says_how_many_and_which_is_best():
    fig = compare_runs({"first": curve(), "my *best* run": curve("none+lr", 0.9)})
    assert fig.layout.meta["alt"] == (
        "Precision-recall curves of 2 runs, 10 rare cells. Highest average precision: "
        "my *best* run, lr alone, 0.900."
    )


def test_titles_are_shown_as_typed_and_cut():
    (trace,) = compare_runs({"<b>%{x}</b>" + "a" * 60: curve()}).data
    assert trace.name.startswith("&lt;b&gt;&#37;{x}&lt;/b&gt;aaa")
    assert trace.name.split("<br>")[0].endswith("…")


@pytest.mark.parametrize("n", [0, MOST_RUNS + 1])
def test_none_or_too_many_runs_are_refused(n):
    with pytest.raises(ParameterError, match="`curves` must hold 1 to 5 runs"):
        compare_runs(several(n))


def test_recall_and_precision_must_pair_up():
    with pytest.raises(ParameterError, match="pair recall and precision"):
        compare_runs({"odd": curve()._replace(recall=RECALL[:2])})
