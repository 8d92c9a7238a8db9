"""Every sampler of the table on few and many rare cells, and where there is nothing to draw."""

import numpy as np
import pytest
from imblearn import over_sampling
from imblearn.over_sampling.base import BaseOverSampler

from core.config import TrainingConfig
from core.errors import ParameterError
from core.oversampling import SAMPLERS, make_sampler
from core.oversampling.few_cells import FewCells
from core.oversampling.svm_smote import ExactSVMSMOTE
from core.oversampling.targets import TargetRatio

DRAWING = [name for name in SAMPLERS if name not in ("none", "weights")]
NOT_EXACT = ("adasyn",)  # it rounds every rare cell's share
SIZES = [
    pytest.param(name, n_rare, id=f"{name}-{n_rare}")
    for name in DRAWING
    # t-SNE is refused below 16 cells, see below, and takes long for many.
    for n_rare in ((16, 30) if name == "loras-tsne" else (2, 3, 5, 6, 15, 200))
]
MAY_FIND_NOTHING = ("borderline1", "borderline2", "svmsmote", "adasyn")


def haystack(n_rare, n_other=240, *, apart=1.0, n_genes=8):
    """Float32 cells of two overlapping groups, in mixed order."""
    rng = np.random.default_rng(n_rare)
    is_rare = rng.permutation(n_rare + n_other) < n_rare
    X = rng.normal(size=(len(is_rare), n_genes)) + apart * is_rare[:, np.newaxis]
    return X.astype(np.float32), is_rare


def line(period, n=300):
    """Cells on a line, each `period`-th of them rare; distances differ a little."""
    places = np.arange(n) + np.random.default_rng(0).uniform(0, 0.01, n)
    return places[:, np.newaxis].astype(np.float32), np.arange(n) % period == 0


def resample(name, X, y, **settings):
    return make_sampler(name, TrainingConfig(**settings), seed=4).fit_resample(X, y)


@pytest.mark.parametrize(("name", "n_rare"), SIZES)
def test_real_cells_come_first_and_synthetic_ones_are_float32_and_rare(name, n_rare):
    X, y = haystack(n_rare)
    before = X.copy(), y.copy()
    cells, is_rare = resample(name, X, y)
    assert (cells.dtype, is_rare.dtype) == (np.float32, bool)
    assert np.isfinite(cells).all()
    np.testing.assert_array_equal(cells[: len(X)], before[0])
    np.testing.assert_array_equal(is_rare[: len(X)], before[1])
    assert is_rare[len(X) :].all()
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize(("name", "n_rare"), SIZES)
def test_exactly_as_many_cells_come_as_are_asked_for(name, n_rare):
    X, y = haystack(n_rare)
    _, is_rare = resample(name, X, y, target_ratio=0.85)
    if name in NOT_EXACT:
        assert abs(int(is_rare.sum()) - 204) <= n_rare / 2
    else:
        found_nothing = name in MAY_FIND_NOTHING and is_rare.sum() == n_rare
        assert is_rare.sum() == 204 or found_nothing


@pytest.mark.parametrize("name", MAY_FIND_NOTHING)
def test_cells_among_others_are_drawn_from_by_those_that_look_for_the_border(name):
    # Where the test above lets "nothing" pass, this one says that it is not the rule.
    X, y = haystack(15)
    _, is_rare = resample(name, X, y)
    assert abs(int(is_rare.sum()) - 240) <= (15 if name in NOT_EXACT else 0)


@pytest.mark.parametrize("n_rare", [2, 3, 5, 6, 15])
def test_neighbours_in_tsne_are_refused_below_sixteen_cells(n_rare):
    with pytest.raises(ParameterError, match=rf"at least 16 rare cells\. Got {n_rare}") as caught:
        resample("loras-tsne", *haystack(n_rare))
    assert caught.value.code == "E-TSNE-SMALL"


@pytest.mark.parametrize("name", DRAWING)
def test_the_same_seed_draws_the_same_cells_and_another_seed_others(name):
    X, y = haystack(20)
    first, second, other = (
        make_sampler(name, TrainingConfig(), seed=seed).fit_resample(X, y)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", [name for name in DRAWING if name != "loras-tsne"])
@pytest.mark.parametrize("n_other", [3, 5, 9])
def test_a_training_part_smaller_than_the_neighbours_looked_for_is_borne(name, n_other):
    X, y = haystack(2, n_other)
    cells, is_rare = resample(name, X, y, smote_neighbors=50)
    assert len(cells) == len(is_rare) <= 2 * n_other + 2


@pytest.mark.parametrize("name", DRAWING)
def test_less_than_one_missing_cell_is_none(name):
    X, y = haystack(40, 81)  # half of 81 others is 40.5
    cells, is_rare = resample(name, X, y, target_ratio=0.5)
    np.testing.assert_array_equal(cells, X)
    np.testing.assert_array_equal(is_rare, y)


@pytest.mark.parametrize(
    ("n_rare", "n_other", "ratio", "wanted"),
    [(4, 9, 0.5, 4), (4, 10, 0.5, 5), (5, 100, 0.29, 29), (5, 100, 0.07, 7), (9, 9, 1.0, 9)],
)
def test_the_target_is_the_whole_part_of_the_ratio(n_rare, n_other, ratio, wanted):
    y = np.arange(n_rare + n_other) < n_rare
    assert set(TargetRatio(ratio)(y).values()) == {wanted}


def test_random_copies_are_cells_that_are_there_and_every_one_is_copied():
    X, y = haystack(15, 600)
    cells, _ = resample("random", X, y)
    copied = (cells[len(X) :, np.newaxis] == X[y]).all(axis=2)
    assert copied.any(axis=1).all()
    assert copied.any(axis=0).all()


def fits_a_segment(points, starts, ends):
    """Which points lie on one of the segments, with the share of the way to its end."""
    way = ends - starts
    share = np.einsum("psg,sg->ps", points[:, np.newaxis] - starts, way) / (way**2).sum(axis=1)
    on = np.abs(points[:, np.newaxis] - starts - share[..., np.newaxis] * way).max(axis=2) < 1e-4
    return on & (share > -1e-5) & (share < 1 + 1e-5), share


@pytest.mark.parametrize("name", ["smote", "borderline1", "adasyn"])
def test_smote_draws_between_a_rare_cell_and_its_nearest_rare_cells(name):
    X, y = haystack(12)
    cells, _ = resample(name, X, y, smote_neighbors=2)
    rare = X[y].astype(float)
    nearest = [np.argsort(np.linalg.norm(rare - cell, axis=1))[1:3] for cell in rare]
    starts, ends = np.repeat(rare, 2, axis=0), rare[np.concatenate(nearest)]
    on, _ = fits_a_segment(cells[len(X) :].astype(float), starts, ends)
    assert len(on) > 200
    assert on.any(axis=1).all()


def test_the_second_borderline_variant_goes_at_most_half_way_to_other_cells():
    X, y = line(4)
    cells, _ = resample("borderline2", X, y, smote_neighbors=1)
    drawn = cells[len(X) :, 0]
    to_rare = np.abs(drawn[:, np.newaxis] - X[y, 0]).min(axis=1)
    to_other = np.abs(drawn[:, np.newaxis] - X[~y, 0]).min(axis=1)
    assert len(drawn) == 150
    assert (to_rare <= to_other).all()
    assert to_rare.max() > 0.2


def test_adasyn_draws_most_where_most_neighbours_are_other_cells():
    # Five rare cells in a row, and one deep among the others.
    X = np.concatenate([np.linspace(0, 0.4, 5), [5.02], np.linspace(4, 6, 40)])[:, np.newaxis]
    y = np.arange(46) < 6
    cells, _ = resample("adasyn", X.astype(np.float32), y, smote_neighbors=4)
    assert len(cells) == 80
    # All lie between the lone cell and one in the row: 5 % are expected within the row's length.
    assert (cells[46:] > 0.41).mean() > 0.85


@pytest.mark.parametrize(
    ("name", "X", "y", "ratio"),
    [
        pytest.param("borderline1", *haystack(30, apart=40.0), 1.0, id="borderline1, far apart"),
        pytest.param("borderline2", *haystack(30, apart=40.0), 1.0, id="borderline2, far apart"),
        pytest.param("svmsmote", *line(30), 1.0, id="svmsmote, nothing but noise"),
        pytest.param("adasyn", *haystack(30, apart=40.0), 1.0, id="adasyn, no other neighbour"),
        pytest.param("adasyn", *line(4), 76 / 225, id="adasyn, one cell for many"),
    ],
)
def test_where_nothing_can_be_drawn_the_cells_come_back(name, X, y, ratio):
    cells, is_rare = resample(name, X, y, target_ratio=ratio)
    np.testing.assert_array_equal(cells, X)
    np.testing.assert_array_equal(is_rare, y)
    assert cells is not X


class Failing(BaseOverSampler):
    """A sampler with an error of its own."""

    def __init__(self, error=None, random_state=None, sampling_strategy="auto"):
        super().__init__(sampling_strategy=sampling_strategy)
        self.error = error
        self.random_state = random_state

    def _fit_resample(self, X, y):
        raise self.error


@pytest.mark.parametrize(
    ("error", "nothing"),
    [
        (ValueError("All cells are purple"), ("All support vectors",)),
        (RuntimeError("All cells are purple"), ()),
        (KeyError("All support vectors"), ("All support vectors",)),
    ],
    ids=["message", "no message is meant", "kind"],
)
def test_errors_that_do_not_mean_nothing_to_draw_are_not_hidden(error, nothing):
    with pytest.raises(type(error), match=error.args[0]):
        FewCells(Failing(error), "mine", nothing=nothing).fit_resample(*haystack(5))


FAMILY = {
    "random": over_sampling.RandomOverSampler(),
    "smote": over_sampling.SMOTE(k_neighbors=3),
    "borderline1": over_sampling.BorderlineSMOTE(k_neighbors=3, kind="borderline-1"),
    "borderline2": over_sampling.BorderlineSMOTE(k_neighbors=3, kind="borderline-2"),
    "svmsmote": over_sampling.SVMSMOTE(k_neighbors=3),
    "adasyn": over_sampling.ADASYN(n_neighbors=3),
}


@pytest.mark.parametrize("name", FAMILY)
def test_with_enough_cells_they_are_those_of_imbalanced_learn(name):
    X, y = haystack(60, apart=1.5)
    stream = np.random.RandomState(4)  # one for the whole call, not one per group of cells
    expected, _ = FAMILY[name].set_params(random_state=stream).fit_resample(X, y)
    cells, _ = resample(name, X, y, smote_neighbors=3)
    assert len(expected) > 450
    np.testing.assert_array_equal(cells, expected)


@pytest.mark.parametrize(
    ("X", "y"), [line(4), haystack(30, apart=40.0)], ids=["all in danger", "all safe"]
)
def test_svm_smote_draws_all_cells_where_one_kind_of_support_vectors_is_missing(X, y):
    short, exact = (
        sampler(random_state=0).fit_resample(X, y)[1].sum()
        for sampler in (over_sampling.SVMSMOTE, ExactSVMSMOTE)
    )
    assert short < (~y).sum()  # otherwise the case is not the one that is meant
    assert exact == (~y).sum()


@pytest.mark.parametrize("name", ["smote", "borderline1", "svmsmote", "adasyn", "prowras"])
def test_two_cells_have_offspring_on_the_line_between_them(name):
    X = np.array([[0.0, 0], [1, 2], [0.4, 0.9], [0.5, 1.1], [5, 5], [6, 6], [7, 7], [8, 9]])
    y = np.arange(8) < 2
    cells, is_rare = resample(name, X, y)
    drawn = cells[8:]
    assert len(drawn) == 4
    assert is_rare.sum() == 6
    np.testing.assert_allclose(drawn[:, 1], 2 * drawn[:, 0], atol=1e-12)


def test_a_sampler_can_be_used_again_on_more_cells():
    sampler = make_sampler("smote", TrainingConfig(), seed=0)
    sampler.fit_resample(*haystack(2))
    assert sampler.sampler.k_neighbors == 5
    again, _ = sampler.fit_resample(*haystack(30))
    fresh, _ = make_sampler("smote", TrainingConfig(), seed=0).fit_resample(*haystack(30))
    np.testing.assert_array_equal(again, fresh)
