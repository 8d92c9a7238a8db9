"""What the figures claim about the data they were given."""

import base64
import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image
from plotly.colors import sample_colorscale, unlabel_rgb
from sklearn.metrics import average_precision_score, precision_recall_curve

from core import plots
from core.errors import ParameterError
from core.plots.layers import VECTOR_LIMIT
from core.plots.raster import Frame, draw_points
from core.plots.theme import DARK_PAGE, LIGHT_PAGE

RARE, UNSURE, ACCENT = "#D55E00", "#E69F00", "#0072B2"
METHODS = ["none+knn", "loras+knn", "none+lr", "loras+lr"]


def trace(fig, start):
    """Return the one trace whose name begins with `start`."""
    (found,) = [t for t in fig.data if (t.name or "").startswith(start)]
    return found


def picture(fig):
    """Decode the picture that lies under a map, with its frame (x0, x1, y0, y1)."""
    (image,) = fig.layout.images
    encoded = image.source.split(",", 1)[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))
    return pixels, (image.x, image.x + image.sizex, image.y - image.sizey, image.y)


def pixels_at(fig, xy):
    """RGBA of the picture where the points `xy` should be."""
    pixels, (x0, x1, y0, y1) = picture(fig)
    height, width = pixels.shape[:2]
    column = np.floor((xy[:, 0] - x0) / (x1 - x0) * width).astype(int)
    row = np.floor((y1 - xy[:, 1]) / (y1 - y0) * height).astype(int)
    return pixels[row, column]


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    types = np.array(["beta"] * 1200 + ["alpha"] * 300 + ["epsilon"] * 7, dtype=object)
    return rng.normal(size=(len(types), 2)), types


@pytest.fixture
def many_cells():
    rng = np.random.default_rng(1)
    n = VECTOR_LIMIT + 5_000
    types = np.array(["beta"] * (n - 12) + ["epsilon"] * 12, dtype=object)
    return rng.uniform(-8, 8, size=(n, 2)), types


@pytest.fixture
def folds():
    rng = np.random.default_rng(2)
    rows = [
        (m, r, k, *rng.uniform(size=3)) for m in METHODS[:2] for r in range(2) for k in range(3)
    ]
    return pd.DataFrame(rows, columns=["method", "repeat", "fold", "precision", "recall", "f1"])


@pytest.fixture
def summary(folds):
    means = folds.groupby("method", sort=False)[["precision", "recall", "f1"]].mean()
    parts = {f"{m}_mean": means[m] for m in means} | {f"{m}_low": means[m] - 0.1 for m in means}
    return pd.DataFrame(parts | {f"{m}_high": means[m] + 0.2 for m in means})


@pytest.fixture
def markers():
    return pd.DataFrame(
        {
            "gene": ["MARCH1"] * 3 + ["GHRL"] * 3 + ["ACTB"] * 3,
            "type": ["beta", "alpha", "epsilon"] * 3,
            "fraction": [0.25, 0.0, 1.0, 0.1, 0.2, 0.9, 1.0, 1.0, 1.0],
            "mean": [1.0, 0.5, 4.5, 0.0, 0.1, 2.0, 3.0, 3.0, 3.0],
        }
    )


class TestNumbersAndNames:
    @pytest.mark.parametrize(
        ("x", "text"),
        [(0.91249, "0.912"), (1, "1.00"), (0.9996, "1.00"), (0.0012345, "0.00123"), (0, "0"),
         (12.345, "12.3"), (1234.5, "1,230"), (np.nan, "–"), (-0.5, "-0.500")],
    )  # fmt: skip
    def test_numbers_have_three_significant_digits(self, x, text):
        assert plots.number_text(x) == text

    @pytest.mark.parametrize(
        ("n", "text"), [(1234567, "1,234,567"), (8.4, "8.4"), (12345.67, "12,345.7"), (3.0, "3")]
    )
    def test_counts_have_separators_and_a_decimal_only_when_not_whole(self, n, text):
        assert plots.count_text(n) == text

    @pytest.mark.parametrize(
        ("share", "text"), [(1, "100 %"), (0.99984, "> 99.9 %"), (0.25, "25 %"), (0, "0 %")]
    )
    def test_a_hundred_percent_means_all(self, share, text):
        assert plots.percent_text(share) == text

    @pytest.mark.parametrize(
        ("name", "label"),
        [("loras+knn", "LoRAS + knn"), ("none+knn", "knn alone"), ("smote+lr", "SMOTE + lr"),
         ("mine+lr", "mine + lr")],
    )  # fmt: skip
    def test_methods_are_named_as_they_are_said(self, name, label):
        assert plots.method_label(name) == label

    def test_a_method_without_a_plus_is_refused(self):
        with pytest.raises(ParameterError, match=r"written like 'loras\+knn'"):
            plots.method_label("knn")


class TestTypeColours:
    @pytest.mark.parametrize("n", [1, 7, 8, 15, 19, 27, 60, 120])
    @pytest.mark.parametrize("dark", [False, True])
    def test_the_rare_type_alone_is_vermilion(self, n, dark):
        types = [f"type {i}" for i in range(n)] + ["epsilon"]
        colours = plots.type_colours(types, rare="epsilon", dark=dark)
        assert set(colours) == set(types)
        assert [name for name, colour in colours.items() if colour == RARE] == ["epsilon"]
        assert UNSURE not in colours.values()
        if n <= 60:
            assert len(set(colours.values())) == n + 1

    def test_a_palette_colour_that_looks_like_the_rare_types_is_left_out(self):
        colours = plots.type_colours([f"type {i}" for i in range(27)] + ["rare"], rare="rare")
        del colours["rare"]
        rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours.values()])
        assert np.linalg.norm(rgb - [0xD5, 0x5E, 0x00], axis=1).min() > 80

    def test_eight_types_without_a_rare_one_have_eight_colours(self):
        assert len(set(plots.type_colours("abcdefgh").values())) == 8


class TestFinish:
    @pytest.mark.parametrize(("dark", "ink"), [(False, LIGHT_PAGE.ink), (True, DARK_PAGE.ink)])
    def test_paper_is_transparent_and_ink_follows_the_page(self, dark, ink):
        layout = plots.finish(go.Figure(), dark=dark, alt="Nothing, n = 0.").layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert layout.font.color == ink
        assert layout.meta["alt"] == "Nothing, n = 0."

    @pytest.mark.parametrize("look", [LIGHT_PAGE, DARK_PAGE], ids=["light", "dark"])
    @pytest.mark.parametrize("part", ["ink", "muted"])
    def test_text_has_the_contrast_that_readers_need(self, look, part):
        def luminance(colour):
            parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
            linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
            return linear @ [0.2126, 0.7152, 0.0722]

        low, high = sorted([luminance(getattr(look, part)), luminance(look.paper)])
        assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2, level AA


class TestMapByType:
    def test_rare_cells_are_drawn_last_larger_and_vermilion(self, cells):
        fig = plots.map_by_type(*cells, rare="epsilon")
        rare, others = fig.data[-1], fig.data[:-1]
        assert rare.name.startswith("epsilon")
        assert rare.marker.color == RARE
        assert all(rare.marker.size > other.marker.size for other in others)
        assert all(other.marker.color != RARE for other in others)

    def test_large_types_lie_below_small_ones(self, cells):
        fig = plots.map_by_type(*cells, rare="epsilon")
        assert [len(t.x) for t in fig.data] == [1200, 300, 7]

    def test_every_trace_holds_exactly_its_own_cells(self, cells):
        xy, types = cells
        fig = plots.map_by_type(xy, types, rare="epsilon")
        for name in ("alpha", "beta", "epsilon"):
            drawn = np.column_stack([trace(fig, name).x, trace(fig, name).y])
            np.testing.assert_array_equal(drawn, xy[types == name].astype(np.float32))

    def test_legend_counts_cells_and_begins_with_the_rare_type(self, cells):
        fig = plots.map_by_type(*cells, rare="epsilon")
        assert ">1,200<" in trace(fig, "beta").name
        first = min(fig.data, key=lambda t: t.legendrank)
        assert first.name.startswith("epsilon")
        assert ">7<" in first.name

    def test_points_are_float32_without_a_text_for_each(self, cells):
        for t in plots.map_by_type(*cells, rare="epsilon").data:
            assert t.type == "scattergl"
            assert t.x.dtype == t.y.dtype == np.float32
            assert t.text is None
            assert t.customdata is None
            assert isinstance(t.hovertext, str)

    def test_axes_are_bare_and_equal(self, cells):
        layout = plots.map_by_type(*cells).layout
        assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("UMAP 1", "UMAP 2")
        assert layout.xaxis.showticklabels is layout.yaxis.showticklabels is False
        assert (layout.yaxis.scaleanchor, layout.yaxis.scaleratio) == ("x", 1)

    def test_markup_in_a_type_name_is_shown_as_typed(self):
        fig = plots.map_by_type(np.eye(2), ["a<b>", "a<b>"])
        assert fig.data[0].name.startswith("a&lt;b&gt;")

    def test_missing_labels_are_drawn_as_unlabelled(self):
        fig = plots.map_by_type(np.eye(2), [np.nan, "beta"])
        assert len(trace(fig, "unlabelled").x) == 1

    @pytest.mark.parametrize("dark", [False, True])
    def test_cells_without_a_label_are_grey_below_all_and_no_type(self, dark):
        types = ["beta", None, "alpha", None, None]
        fig = plots.map_by_type(np.eye(5, 2), types, dark=dark)
        grey = trace(fig, "unlabelled")
        assert grey is fig.data[0]
        assert grey.marker.color == (plots.OTHER_DARK if dark else plots.OTHER_LIGHT)
        assert grey.legendrank == max(t.legendrank for t in fig.data)
        assert fig.layout.meta["alt"] == "Map of 5 cells of 2 types, 3 unlabelled."


class TestPictureOfManyCells:
    def test_up_to_the_limit_there_is_no_picture(self, many_cells):
        xy, types = many_cells
        fig = plots.map_by_type(xy[-VECTOR_LIMIT:], types[-VECTOR_LIMIT:], rare="epsilon")
        assert not fig.layout.images
        assert sum(len(t.x) for t in fig.data) == VECTOR_LIMIT

    def test_every_ordinary_cell_is_in_the_picture_in_its_colour(self, many_cells):
        xy, types = many_cells
        fig = plots.map_by_type(xy, types, rare="epsilon")
        found = pixels_at(fig, xy[types == "beta"])
        assert (found[:, 3] > 0).all()
        colour = (0x56, 0xB4, 0xE9)
        solid = found[:, 3] == 255
        assert solid.mean() > 0.9
        np.testing.assert_allclose(found[solid, :3], np.tile(colour, (solid.sum(), 1)), atol=1)

    def test_nothing_is_drawn_where_no_cell_is(self, many_cells):
        xy, types = many_cells
        kept = np.hypot(*xy.T) > 3
        xy = np.concatenate([xy[kept], xy[kept]])
        fig = plots.map_by_type(xy, np.concatenate([types[kept]] * 2), rare="epsilon")
        rng = np.random.default_rng(3)
        assert (pixels_at(fig, rng.uniform(-2, 2, size=(500, 2)))[:, 3] == 0).all()

    def test_rare_cells_stay_points_above_the_picture(self, many_cells):
        xy, types = many_cells
        fig = plots.map_by_type(xy, types, rare="epsilon")
        np.testing.assert_array_equal(fig.data[-1].x, xy[types == "epsilon", 0].astype("f4"))
        assert fig.layout.images[0].layer == "below"
        assert sum(np.isfinite(t.x).sum() for t in fig.data) == 12 + 2  # and the frame's corners

    def test_legend_of_a_picture_keeps_colours_and_counts(self, many_cells):
        fig = plots.map_by_type(*many_cells, rare="epsilon")
        assert ">29,988<" in trace(fig, "beta").name
        assert trace(fig, "beta").marker.color == "#56B4E9"
        assert fig.layout.legend.itemclick is False

    def test_the_frame_trace_spans_the_picture(self, many_cells):
        fig = plots.map_by_type(*many_cells, rare="epsilon")
        _, (x0, x1, y0, y1) = picture(fig)
        frame = trace(fig, "frame")
        np.testing.assert_allclose([*frame.x, *frame.y], [x0, x1, y0, y1], rtol=1e-6)
        assert frame.marker.opacity == 0

    def test_synthetic_cells_stay_open_circles_above_the_picture(self, many_cells):
        xy, types = many_cells
        fig = plots.map_synthetic(xy, types == "epsilon", xy[:50] + 0.1, rare="epsilon")
        assert len(trace(fig, "synthetic").x) == 50
        assert len(fig.data[-1].x) == 12

    def test_calls_that_are_themselves_too_many_go_into_the_picture(self, many_cells):
        xy, _ = many_cells
        fig = plots.map_calls(xy, np.full(len(xy), "unsure"), rare="epsilon")
        assert (pixels_at(fig, xy)[:, 3] > 0).all()

    def test_scores_in_the_picture_have_the_colour_bars_colours(self, many_cells):
        xy, _ = many_cells
        scores = np.where(np.arange(len(xy)) < 5, 0.9, 0.25)
        fig = plots.map_scores(xy, scores)
        assert len(fig.data[-1].x) == 5
        expected = unlabel_rgb(sample_colorscale("Cividis", 0.25)[0])
        found = pixels_at(fig, xy[5:])
        assert (found[:, 3] > 0).all()
        solid = found[:, 3] == 255
        assert np.abs(found[solid, :3] - np.array(expected)).max() < 6

    def test_later_points_cover_earlier_ones(self):
        xy = np.zeros((3, 2), dtype=np.float32)
        colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], dtype=np.uint8)
        image = draw_points(xy, colours, Frame(-1, 1, -1, 1))
        assert image.getpixel((image.width // 2, image.height // 2)) == (0, 0, 255, 255)


class TestOtherMaps:
    def test_real_rare_cells_lie_above_synthetic_above_others(self, cells):
        xy, types = cells
        fig = plots.map_synthetic(xy, types == "epsilon", xy[:40] + 1, rare="epsilon")
        other, synthetic, rare = fig.data
        assert [len(t.x) for t in fig.data] == [1500, 40, 7]
        assert (synthetic.marker.symbol, synthetic.marker.color) == ("circle-open", RARE)
        assert (rare.marker.symbol, rare.marker.color) == (None, RARE)
        assert rare.marker.opacity == 1 > synthetic.marker.opacity
        assert other.marker.color == "#C9CDD3"
        assert fig.layout.meta["alt"] == (
            "Map of 1,507 cells, of which 7 cells are epsilon, with 40 synthetic cells around them."
        )

    @pytest.mark.parametrize(("dark", "grey"), [(False, "#C9CDD3"), (True, "#4A5058")])
    def test_calls_have_their_three_colours_and_counts(self, cells, dark, grey):
        xy, types = cells
        calls = np.where(types == "beta", "other", np.where(types == "alpha", "unsure", "epsilon"))
        fig = plots.map_calls(xy, calls, rare="epsilon", dark=dark)
        assert [t.marker.color for t in fig.data] == [grey, UNSURE, RARE]
        assert [len(t.x) for t in fig.data] == [1200, 300, 7]
        assert fig.layout.meta["alt"] == "Map of 1,507 cells: 7 called epsilon, 300 unsure."

    def test_a_call_nobody_got_keeps_its_legend_entry(self, cells):
        xy, _ = cells
        fig = plots.map_calls(xy, np.full(len(xy), "other"), rare="epsilon")
        assert ">0<" in trace(fig, "epsilon").name
        assert len(trace(fig, "epsilon").x) == 1
        assert np.isnan(trace(fig, "epsilon").x).all()

    def test_high_scores_are_on_top_and_larger(self, cells):
        xy, _ = cells
        scores = np.random.default_rng(4).uniform(size=len(xy))
        (points,) = plots.map_scores(xy, scores).data
        order = np.argsort(scores)
        np.testing.assert_array_equal(points.marker.color, scores[order].astype(np.float32))
        np.testing.assert_array_equal(points.x, xy[order, 0].astype(np.float32))
        assert (np.diff(points.marker.size) >= 0).all()
        assert (points.marker.cmin, points.marker.cmax) == (0, 1)

    def test_score_map_says_how_many_are_high(self, cells):
        xy, types = cells
        fig = plots.map_scores(xy, np.where(types == "epsilon", 0.5, 0.4999))
        assert "1,507 cells" in fig.layout.meta["alt"]
        assert "7 cells at 0.5 or above" in fig.layout.meta["alt"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("draw", "match"),
        [
            (lambda: plots.map_by_type(np.zeros((3, 3)), ["a"] * 3), r"`xy`.*shape \(3, 3\)"),
            (lambda: plots.map_by_type(np.zeros((3, 2)), ["a"] * 2), r"`types`.*2 labels"),
            (lambda: plots.map_by_type(np.full((1, 2), np.nan), ["a"]), "`xy` must be finite"),
            (lambda: plots.map_synthetic(np.eye(2), [True], np.eye(2), rare="a"), "`is_rare`"),
            (lambda: plots.map_synthetic(np.eye(2), [True, False], np.ones(3), rare="a"),
             "`xy_synthetic`"),
            (lambda: plots.map_calls(np.eye(2), ["other", "maybe"], rare="a"), '`calls`.*"maybe"'),
            (lambda: plots.map_scores(np.eye(2), [0.1, 1.2]), "`scores`.*from 0 to 1.*1.2"),
            (lambda: plots.map_scores(np.eye(2), [0.1]), r"`scores`.*one number per cell \(2\)"),
            (lambda: plots.confusion(1, -1, 0, 0, rare="a"), "`fp` must be 0 or more"),
            (lambda: plots.score_histogram([0.5], 1.5, rare="a"), "`threshold`"),
            (lambda: plots.score_histogram([np.nan], 0.5, rare="a"), "`scores`.*nan"),
            (lambda: plots.precision_recall_curves({}, prevalence=0.1), "`curves`"),
            (lambda: plots.precision_recall_curves(
                {"none+lr": (np.ones(3), np.ones(2), 1.0)}, prevalence=0.1), "one length"),
            (lambda: plots.marker_violins(pd.DataFrame(np.ones((2, 11))), ["a", "b"], order=["a"]),
             "1 to 10 genes. Got 11"),
            (lambda: plots.marker_violins(pd.DataFrame({"g": [1.0]}), ["a"], order=["b"]), "'b'"),
            (lambda: plots.marker_violins(pd.DataFrame({"g": [1.0]}), ["a"], order=[]),
             "`order` must name at least one group"),
        ],
    )  # fmt: skip
    def test_what_does_not_fit_is_refused_by_name(self, draw, match):
        with pytest.raises(ParameterError, match=match) as caught:
            draw()
        assert caught.value.code == "E-PARAMETER"
        assert caught.value.next_step

    def test_a_marker_table_without_its_columns_is_refused(self, markers):
        with pytest.raises(ParameterError, match="columns fraction"):
            plots.marker_dotplot(markers.drop(columns="fraction"), rare="epsilon")
        with pytest.raises(ParameterError, match="`fraction` must lie from 0 to 1"):
            plots.marker_dotplot(markers.assign(fraction=25.0), rare="epsilon")
        with pytest.raises(ParameterError, match=r"`rare` must be a type of .*'delta'"):
            plots.marker_dotplot(markers, rare="delta")


class TestMarkerDotplot:
    def test_colour_is_the_mean_scaled_per_gene(self, markers):
        dots = plots.marker_dotplot(markers, rare="epsilon").data[0]
        for gene in ("MARCH1", "GHRL"):
            mean = {t: m for g, t, m in markers[["gene", "type", "mean"]].to_numpy() if g == gene}
            low, high = min(mean.values()), max(mean.values())
            for x, y, c in zip(dots.x, dots.y, dots.marker.color, strict=True):
                if x == gene:
                    assert c == pytest.approx((mean[y] - low) / (high - low))

    def test_a_gene_with_one_mean_everywhere_has_no_highest_type(self, markers):
        dots = plots.marker_dotplot(markers, rare="epsilon").data[0]
        assert [c for x, c in zip(dots.x, dots.marker.color, strict=True) if x == "ACTB"] == [0] * 3

    def test_area_is_proportional_to_the_fraction(self, markers):
        dots = plots.marker_dotplot(markers, rare="epsilon").data[0]
        size = np.array(dots.marker.size)
        np.testing.assert_allclose(size**2, markers["fraction"] * size.max() ** 2, atol=1e-9)

    def test_size_legend_is_true_to_the_dots(self, markers):
        fig = plots.marker_dotplot(markers, rare="epsilon")
        keys = {t.name: t.marker.size for t in fig.data[1:]}
        assert list(keys) == ["100 %", "75 %", "50 %", "25 %"]
        assert keys["25 %"] == pytest.approx(fig.data[0].marker.size[0])
        assert fig.layout.legend.itemsizing == "trace"

    def test_rare_row_is_first_and_emphasised_and_genes_keep_their_order(self, markers):
        layout = plots.marker_dotplot(markers, rare="epsilon").layout
        assert layout.yaxis.categoryarray == ("epsilon", "beta", "alpha")
        assert layout.yaxis.range[0] > layout.yaxis.range[1]  # first row on top
        assert layout.yaxis.ticktext[0] == "<b><span style='color:#D55E00'>epsilon</span></b>"
        assert layout.xaxis.categoryarray == ("MARCH1", "GHRL", "ACTB")
        assert layout.xaxis.type == "category"  # MARCH1 is no date
        assert "3 marker genes in 3 cell types" in layout.meta["alt"]
        assert "scaled per gene" in layout.title.text


class TestMarkerViolins:
    @pytest.fixture
    def expression(self):
        rng = np.random.default_rng(5)
        return pd.DataFrame(rng.gamma(1.0, size=(3060, 6)), columns=list("ABCDEF"))

    def test_few_cells_are_shown_one_by_one_and_many_as_quantiles(self, expression):
        groups = np.array(["called"] * 50 + ["near"] * 51 + ["other"] * 2959)
        fig = plots.marker_violins(expression, groups, order=["called", "near", "other"])
        called, near, other = fig.data[:3]
        assert (called.points, near.points, other.points) == ("all", False, False)
        np.testing.assert_array_equal(called.y, expression["A"].to_numpy()[:50].astype("f4"))
        assert len(other.y) == 1000
        for q in (0.05, 0.5, 0.95):
            expected = np.quantile(expression["A"].to_numpy()[101:], q)
            assert np.quantile(other.y, q) == pytest.approx(expected, rel=0.02)

    def test_one_panel_for_each_gene_and_n_in_the_legend(self, expression):
        groups = np.array(["called"] * 12 + ["other"] * 3048)
        fig = plots.marker_violins(expression, groups, order=["called", "other"])
        assert [a.text for a in fig.layout.annotations] == [f"<i>{g}</i>" for g in "ABCDEF"]
        assert len(fig.data) == 12
        legend = [t.name for t in fig.data if t.showlegend]
        assert legend == ["called, 12 cells", "other, 3,048 cells"]
        assert "called (12 cells), other (3,048 cells)" in fig.layout.meta["alt"]

    def test_first_group_is_the_signal_unless_told_otherwise(self, expression):
        groups = np.array(["called", "other"] * 1530)
        fig = plots.marker_violins(expression, groups, order=["called", "other"])
        assert [t.line.color for t in fig.data[:2]] == [RARE, LIGHT_PAGE.plain]
        fig = plots.marker_violins(
            expression, groups, order=["other", "called"], colours={"called": RARE, "other": "#333"}
        )
        assert [t.line.color for t in fig.data[:2]] == ["#333", RARE]


class TestLiveScores:
    def test_every_fold_is_a_dot_at_its_score(self, folds, summary):
        fig = plots.live_scores(folds, summary, n_rare=10, methods=METHODS)
        for i, measure in enumerate(["precision", "recall", "f1"]):
            dots = fig.data[2 * i]
            np.testing.assert_array_equal(dots.x, folds[measure])
            rows = np.round(dots.y).astype(int)
            assert [METHODS[row] for row in rows] == folds["method"].tolist()

    def test_means_have_their_intervals(self, folds, summary):
        means = plots.live_scores(folds, summary, n_rare=10).data[5]
        np.testing.assert_allclose(means.x, summary["f1_mean"])
        np.testing.assert_allclose(means.x - means.error_x.arrayminus, summary["f1_low"])
        np.testing.assert_allclose(means.x + means.error_x.array, summary["f1_high"])

    def test_the_frame_is_complete_before_the_first_fold_and_never_changes(self, folds, summary):
        steps = [
            plots.live_scores(pd.DataFrame(), pd.DataFrame(), n_rare=10, methods=METHODS),
            plots.live_scores(folds[:1], summary[:1], n_rare=10, methods=METHODS),
            plots.live_scores(folds, summary, n_rare=10, methods=METHODS),
        ]
        frames = [
            (
                len(fig.data), len(fig.layout.annotations), fig.layout.height,
                fig.layout.uirevision, fig.layout.xaxis.to_plotly_json(),
                fig.layout.yaxis.range, fig.layout.yaxis.ticktext,
            )
            for fig in steps
        ]  # fmt: skip
        assert frames[0] == frames[1] == frames[2]
        assert frames[0][-1] == ("knn alone", "LoRAS + knn", "lr alone", "LoRAS + lr")
        assert frames[0][3] is not None

    def test_the_recommended_method_is_marked_and_drawn_however_many_are_better(self):
        names = [f"{sampler}+{classifier}" for sampler in ("none", "smote", "loras")
                 for classifier in ("lr", "knn", "svm")]  # fmt: skip
        scores, parts = ("precision", "recall", "f1"), ("mean", "low", "high")
        columns = [f"{score}_{part}" for score in scores for part in parts]
        summary = pd.DataFrame(0.5, index=names, columns=columns)
        summary["f1_mean"] = [0.5, *np.linspace(0.9, 0.6, 8)]
        settings = {"n_rare": 10, "most": 4}
        fig = plots.live_scores(pd.DataFrame(), summary, marked="none+lr", **settings)
        assert fig.layout.yaxis.ticktext == (
            "knn alone", "svm alone", "SMOTE + lr", "★ lr alone",
        )  # fmt: skip
        assert fig.data[1].x[-1] == 0.5
        note = fig.layout.title.text
        assert "the 3 best of 9 methods and the one recommended · ★ recommended" in note
        best = plots.live_scores(pd.DataFrame(), summary, marked="none+svm", **settings)
        assert best.layout.yaxis.ticktext[1] == "★ svm alone"
        assert "the 4 best of 9 methods · ★ recommended" in best.layout.title.text

    def test_a_dot_stays_put_while_others_arrive(self, folds, summary):
        early = plots.live_scores(folds[3:5], summary, n_rare=10, methods=METHODS).data[0]
        late = plots.live_scores(folds, summary, n_rare=10, methods=METHODS).data[0]
        np.testing.assert_array_equal(early.y, late.y[3:5])
        assert len(set(late.y)) == len(folds)
        assert np.abs(late.y - np.round(late.y)).max() < 0.3

    def test_loras_is_the_accent_and_plain_methods_are_neutral(self, folds, summary):
        dots = plots.live_scores(folds, summary, n_rare=10).data[0]
        colours = dict(zip(folds["method"], dots.marker.color, strict=True))
        assert colours == {"none+knn": LIGHT_PAGE.plain, "loras+knn": ACCENT}

    def test_means_are_written_with_three_digits(self, folds, summary):
        fig = plots.live_scores(folds, summary, n_rare=10, methods=METHODS)
        texts = [a.text for a in fig.layout.annotations if a.xref == "x2 domain"]
        expected = [float(f"{summary['recall_mean'][m]:.3g}") for m in METHODS[:2]]
        assert [float(text) for text in texts[:2]] == expected
        assert texts[2:] == ["", ""]

    def test_undefined_precision_is_not_drawn(self, folds, summary):
        folds.loc[0, "precision"] = np.nan
        fig = plots.live_scores(folds, summary, n_rare=10)
        assert len(fig.data[0].x) == len(folds) - 1
        assert len(fig.data[2].x) == len(folds)

    def test_of_too_many_methods_the_best_so_far_are_drawn_and_the_note_says_so(self):
        names = [f"{sampler}+lr" for sampler in ("none", "random", "smote", "adasyn", "loras")]
        columns = ["precision", "recall", "f1"]
        folds = pd.DataFrame([{"method": n, "repeat": 0, "fold": 0} for n in names])
        folds[columns] = np.array([[0.1, 0.5, 0.9, np.nan, 0.7]] * 3).T
        bounds = [f"{c}_{b}" for c in columns for b in ("mean", "low", "high")]
        summary = pd.DataFrame(
            np.array([[0.1, 0.5, 0.9, np.nan, 0.7]] * 9).T, index=names, columns=bounds
        )
        fig = plots.live_scores(folds, summary, n_rare=10, methods=names, most=3)
        assert fig.layout.yaxis.ticktext == ("SMOTE + lr", "LoRAS + lr", "random copies + lr")
        assert fig.data[4].x.tolist() == [0.5, 0.9, 0.7]  # F1 of the folds of these three
        np.testing.assert_array_equal(fig.data[5].x, [0.9, 0.7, 0.5])
        assert "the 3 best of 5 methods" in fig.layout.title.text
        assert "F1 of 5 methods" in fig.layout.meta["alt"]
        everything = plots.live_scores(folds, summary, n_rare=10, methods=names, most=5)
        assert len(everything.layout.yaxis.ticktext) == 5
        assert "best of" not in everything.layout.title.text
        assert everything.layout.height - fig.layout.height == 2 * 46

    def test_before_the_first_fold_the_first_of_too_many_methods_have_rows(self):
        empty = pd.DataFrame()
        fig = plots.live_scores(empty, empty, n_rare=10, methods=METHODS, most=2)
        assert fig.layout.yaxis.ticktext == ("knn alone", "LoRAS + knn")

    def test_alt_says_n_and_the_best_method(self, folds, summary):
        summary["f1_mean"] = [0.4, 0.91249]
        alt = plots.live_scores(folds, summary, n_rare=10).layout.meta["alt"]
        assert "6 folds, 10 rare cells" in alt
        assert "Highest mean F1: LoRAS + knn, 0.912." in alt

    def test_folds_of_an_unplanned_method_are_refused(self, folds, summary):
        with pytest.raises(ParameterError, match=r"`methods`.*loras\+knn"):
            plots.live_scores(folds, summary, n_rare=10, methods=["none+knn"])
        with pytest.raises(ParameterError, match="`folds` must have the columns f1"):
            plots.live_scores(folds.drop(columns="f1"), summary, n_rare=10)
        with pytest.raises(ParameterError, match="`summary` must have the columns f1_low"):
            plots.live_scores(folds, summary.drop(columns="f1_low"), n_rare=10)


class TestPrecisionRecall:
    @pytest.fixture
    def curve(self):
        rng = np.random.default_rng(6)
        truth = rng.random(2000) < 0.03
        scores = truth + rng.normal(size=2000)
        precision, recall, _ = precision_recall_curve(truth, scores)
        return recall, precision, average_precision_score(truth, scores)

    @pytest.mark.parametrize("turned", [False, True], ids=["falling", "rising"])
    def test_area_below_the_steps_is_the_average_precision(self, curve, turned):
        recall, precision, average = curve
        if turned:
            recall, precision = recall[::-1], precision[::-1]
        curves = {"loras+knn": (recall, precision, average)}
        line = plots.precision_recall_curves(curves, prevalence=0.03).data[0]
        assert line.line.shape == "hv"
        # hv: from each point to the next, first along at the point's own height
        area = -np.sum(np.diff(line.x) * line.y[:-1])
        assert area == pytest.approx(average)
        assert len(line.x) < len(recall) / 5  # and needs few points

    def test_baseline_is_at_the_prevalence(self, curve):
        layout = plots.precision_recall_curves({"none+lr": curve}, prevalence=0.03).layout
        (baseline,) = layout.shapes
        assert baseline.y0 == baseline.y1 == 0.03
        assert layout.annotations[0].text.endswith("0.0300")

    def test_classifier_is_the_colour_and_sampler_the_line(self, curve):
        names = ["none+knn", "loras+knn", "smote+knn", "loras+lr"]
        fig = plots.precision_recall_curves(dict.fromkeys(names, curve), prevalence=0.03)
        plain, loras, smote, other = (t.line for t in fig.data)
        assert plain.color == loras.color == smote.color == ACCENT
        assert other.color not in (ACCENT, RARE)
        assert loras.dash == other.dash == "solid"
        assert len({plain.dash, smote.dash, "solid"}) == 3

    def test_what_calling_all_cells_gives_stands_on_paper_and_not_in_the_curve(self, curve):
        layout = plots.precision_recall_curves({"loras+knn": curve}, prevalence=0.02).layout
        assert layout.annotations[0].text == "all cells called: 0.0200"
        assert layout.annotations[0].bgcolor == LIGHT_PAGE.paper

    def test_legend_and_alt_give_average_precision(self, curve):
        curves = {"none+lr": (*curve[:2], 0.4), "loras+lr": (*curve[:2], 0.91249)}
        fig = plots.precision_recall_curves(curves, prevalence=0.03)
        assert [t.name for t in fig.data] == ["lr alone  AP 0.400", "LoRAS + lr  AP 0.912"]
        assert "Highest average precision: LoRAS + lr, 0.912." in fig.layout.meta["alt"]

    def test_the_chosen_threshold_is_marked_last_in_the_signals_colour(self, curve):
        recall, precision, _ = curve
        at = len(recall) // 3
        chosen = plots.ChosenPoint("loras+lr", 0.314, recall[at], precision[at])
        curves = {"none+lr": curve, "loras+lr": curve}
        fig = plots.precision_recall_curves(curves, prevalence=0.03, chosen=chosen)
        point = fig.data[-1]
        assert (point.x[0], point.y[0]) == (recall[at], precision[at])
        assert point.marker.color == RARE
        lines = {line.name.split("  ")[0]: line.line for line in fig.data[:-1]}
        assert (lines["LoRAS + lr"].color, lines["LoRAS + lr"].dash) == (ACCENT, "solid")
        assert lines["lr alone"].color == LIGHT_PAGE.plain
        assert lines["lr alone"].dash != "solid"
        assert [a.text for a in fig.layout.annotations][-1] == "threshold 0.314"
        assert fig.layout.meta["alt"].endswith(
            "At the threshold of 0.314, LoRAS + lr has precision "
            f"{plots.number_text(precision[at])} and recall {plots.number_text(recall[at])}."
        )

    @pytest.mark.parametrize(
        ("recall", "precision", "anchors"),
        [(1.0, 1.0, ("right", "top")), (0.1, 0.2, ("left", "bottom"))],
        ids=["corner of a good method", "low"],
    )
    def test_the_thresholds_value_stands_inside_the_figure(self, curve, recall, precision, anchors):
        chosen = plots.ChosenPoint("none+lr", 0.5, recall, precision)
        fig = plots.precision_recall_curves({"none+lr": curve}, prevalence=0.03, chosen=chosen)
        label = fig.layout.annotations[-1]
        assert (label.xanchor, label.yanchor) == anchors

    def test_a_threshold_of_a_method_that_is_not_drawn_is_refused(self, curve):
        chosen = plots.ChosenPoint("loras+lr", 0.5, 1.0, 1.0)
        with pytest.raises(ParameterError, match=r"`chosen`.*loras\+lr"):
            plots.precision_recall_curves({"none+lr": curve}, prevalence=0.03, chosen=chosen)


class TestReliability:
    @pytest.fixture
    def bins(self):
        return pd.DataFrame(
            {
                "predicted": [0.0025, 0.16, 0.81, 0.9025],
                "observed": [0.0, 0.25, 0.64, 1.0],
                "observed_low": [0.0, 0.09, 0.36, 0.49],
                "observed_high": [0.01, 0.49, 0.81, 1.0],
                "n": [2590, 40, 12, 9],
                "n_rare": [0, 10, 8, 9],
            }
        )

    def test_bins_stand_at_square_roots_with_their_intervals(self, bins):
        dots = plots.reliability_curve(bins, rare="epsilon").data[1]
        np.testing.assert_allclose(dots.x, [0.05, 0.4, 0.9, 0.95])
        np.testing.assert_allclose(dots.y, [0.0, 0.5, 0.8, 1.0])
        np.testing.assert_allclose(dots.y - dots.error_y.arrayminus, [0, 0.3, 0.6, 0.7])
        np.testing.assert_allclose(dots.y + dots.error_y.array, [0.1, 0.7, 0.9, 1.0])

    def test_ticks_name_the_shares_themselves_and_the_diagonal_is_where_both_agree(self, bins):
        fig = plots.reliability_curve(bins, rare="epsilon")
        for axis in (fig.layout.xaxis, fig.layout.yaxis):
            shares = [float(text.removesuffix(" %")) / 100 for text in axis.ticktext]
            np.testing.assert_allclose(np.square(axis.tickvals), shares)
        np.testing.assert_array_equal(fig.data[0].x, fig.data[0].y)

    def test_every_bin_says_its_number_of_scores(self, bins):
        said = plots.reliability_curve(bins, rare="epsilon").data[1].customdata
        numbers = ["2,590 scores, 0 of", "40 scores, 10 of", "12 scores, 8 of", "9 scores, 9 of"]
        assert [" ".join(text.split(" ")[:4]) for text in said] == numbers

    def test_alt_and_note_say_n_and_what_was_predicted_and_found(self, bins):
        layout = plots.reliability_curve(bins, rare="epsilon").layout
        assert "2,651 cells in 4 bins, 27 of them epsilon" in layout.meta["alt"]
        assert "predicted 16 %, found 25 %" in layout.meta["alt"]
        assert "2,651 scores, 27 of rare cells" in layout.title.text

    def test_a_table_without_bins_or_columns_is_refused(self, bins):
        with pytest.raises(ParameterError, match="`table` must hold at least one bin"):
            plots.reliability_curve(bins[:0], rare="epsilon")
        with pytest.raises(ParameterError, match="`table` must have the columns n_rare"):
            plots.reliability_curve(bins.drop(columns="n_rare"), rare="epsilon")


class TestConfusion:
    def test_rows_are_truth_columns_calls_and_shares_are_of_rows(self):
        table = plots.confusion(47, 2, 3, 12345, rare="epsilon").data[0]
        assert list(table.x) == ["called epsilon", "called other"]
        assert list(table.y) == ["truly epsilon", "truly other"]
        np.testing.assert_allclose(table.z, [[0.94, 0.06], [2 / 12347, 12345 / 12347]])
        text = np.array(table.text)
        for (i, j), count in {(0, 0): "47", (0, 1): "3", (1, 0): "2", (1, 1): "12,345"}.items():
            assert f">{count}<" in text[i, j]
        assert text[0, 0].endswith("94 %")
        assert text[1, 1].endswith("> 99.9 %")

    def test_means_over_repeats_have_one_decimal(self):
        fig = plots.confusion(8.4, 1.25, 1.6, 513.75, rare="epsilon")
        assert ">8.4<" in fig.data[0].text[0][0]
        assert fig.layout.yaxis.ticktext[0] == "truly epsilon<br>10"
        assert fig.layout.meta["alt"].startswith("Of 10 epsilon cells 8.4 were found")

    def test_an_empty_row_has_no_share(self):
        table = plots.confusion(0, 2, 0, 8, rare="epsilon").data[0]
        assert table.text[0][0].endswith("–")
        assert np.isfinite(np.array(table.z, dtype=float)).all()


class TestScoreHistogram:
    @pytest.fixture
    def scores(self):
        rng = np.random.default_rng(7)
        return np.concatenate([rng.beta(1, 9, 3000), [0.42, 0.42, 0.5, 0.99, 1.0, 0.0]])

    @pytest.mark.parametrize("threshold", [0.0, 0.003, 0.42, 0.5, 0.98, 1.0])
    def test_the_threshold_splits_the_bars_exactly(self, scores, threshold):
        fig = plots.score_histogram(scores, threshold, rare="epsilon")
        below, above = fig.data
        assert sum(below.y) == (scores < threshold).sum()
        assert sum(above.y) == (scores >= threshold).sum()
        edges = np.concatenate([t.customdata for t in (below, above) if len(t.y)])
        assert not ((edges[:, 0] < threshold - 1e-12) & (edges[:, 1] > threshold + 1e-12)).any()
        assert all(above.customdata[:, 0] >= threshold)
        assert (below.marker.color, above.marker.color) == ("#C9CDD3", RARE)

    def test_each_bar_counts_the_scores_between_its_edges(self, scores):
        for bars in plots.score_histogram(scores, 0.42, rare="epsilon").data:
            for (low, high), count in zip(bars.customdata, bars.y, strict=True):
                upper = scores <= high if high == 1 else scores < high
                assert count == ((scores >= low) & upper).sum()

    def test_one_cell_is_visible_on_the_logarithmic_axis(self, scores):
        axis = plots.score_histogram(scores, 0.42, rare="epsilon").layout.yaxis
        assert axis.type == "log"
        assert axis.range[0] < 0  # a bar of one cell ends at log10(1) = 0
        assert "1,000" in axis.ticktext

    def test_the_threshold_is_drawn_and_labelled(self, scores):
        layout = plots.score_histogram(scores, 0.42, rare="epsilon").layout
        assert layout.shapes[0].x0 == layout.shapes[0].x1 == 0.42
        assert layout.annotations[0].text == "threshold 0.420"
        assert f"3,006 cells; {(scores >= 0.42).sum()} cells at or above" in layout.meta["alt"]

    def test_unsure_cells_are_counted_in_front(self, scores):
        calls = np.where(np.abs(scores - 0.42) < 0.1, "unsure", "other")
        bars = plots.score_histogram(scores, 0.42, rare="epsilon", calls=calls).data[-1]
        assert bars.marker.color == UNSURE
        assert sum(bars.y) == (calls == "unsure").sum()


def test_inputs_are_never_changed(cells, many_cells, folds, summary, markers):
    xy, types = many_cells
    scores = np.linspace(0, 1, len(xy))
    expression = pd.DataFrame({"GHRL": scores})
    inputs = [xy, types, scores, expression, folds, summary, markers]
    before = [value.copy() for value in inputs]
    for array in (xy, types, scores):
        array.flags.writeable = False  # writing into them would raise
    plots.map_by_type(xy, types, rare="epsilon")
    plots.map_synthetic(xy, types == "epsilon", xy[:9], rare="epsilon")
    plots.map_calls(xy, np.where(types == "beta", "other", types), rare="epsilon")
    plots.map_scores(xy, scores)
    plots.score_histogram(scores, 0.5, rare="epsilon")
    plots.marker_violins(expression, types, order=["epsilon", "beta"])
    plots.live_scores(folds, summary, n_rare=10)
    plots.marker_dotplot(markers, rare="epsilon")
    for value, copy in zip(inputs, before, strict=True):
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, copy)
        else:
            np.testing.assert_array_equal(value, copy)


def test_figures_survive_the_way_to_the_browser(cells, markers, folds, summary):
    xy, types = cells
    for fig in (
        plots.map_by_type(xy, types, rare="epsilon"),
        plots.marker_dotplot(markers, rare="epsilon"),
        plots.live_scores(folds[:0], summary[:0], n_rare=10, methods=METHODS),
    ):
        assert go.Figure(fig.to_dict()).layout.meta["alt"] == fig.layout.meta["alt"]
        assert fig.to_json()
