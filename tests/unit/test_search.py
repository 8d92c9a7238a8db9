"""A search finds what a literal nested cross-validation finds, and nothing leaks into its estimate.

The oracle here is written with plain loops: for every outer fold, the other cells alone are handed
to a function that runs the whole procedure on them and returns a setting and a threshold.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from scipy import sparse
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import core
from core.config import MarkerConfig
from core.errors import ParameterError
from core.markers import rank_markers
from core.search import (
    SearchConfig,
    SearchResult,
    SearchSpace,
    conclude,
    iter_search,
    list_settings,
    plan_search,
    run_search,
    search_parameters,
)
from core.search import evaluate as evaluation
from core.search.plan import Part
from core.search.ranking import survivors
from core.search.view import ranked
from core.search.words import result_sentence
from core.thresholds import choose_threshold, crossfit_calls
from tests.cells import TASK, haystack, keep, noise

K, SEED = 4, 3
SMALL = SearchSpace(
    markers=(3, 6), samplers=("none", "smote", "loras"), classifiers=("lr", "knn"),
    target_ratio=(0.5, 1.0), loras_n_affine=(3,), loras_n_neighbors=(), knn_neighbors=(5,),
    lr_c=(0.1, 10.0),
)  # fmt: skip
FEW = replace(SMALL, samplers=("none", "loras"), markers=(3,), lr_c=(1.0,))
# No gene is so weak that it is left out, so that the number of markers is what it says.
BASE = core.TrainingConfig(min_logfc=-9, min_fraction=0)


def config(**changes):
    made = {"space": SMALL, "strategy": "grid", "n_splits": K, "seed": SEED, "base": BASE}
    return SearchConfig(**made | changes)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small models are quicker that way; the search does the same by itself."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def reference():
    return keep(*haystack(12, 60, n_genes=14, n_marked=3, seed=2))


@pytest.fixture(scope="module")
def results(reference):
    return list(iter_search(reference, TASK, config()))


@pytest.fixture(scope="module")
def found(reference, results):
    return conclude(plan_search(reference, TASK, config()), results)


def without_time(result):
    values = result.to_dict()
    if "table" in values:
        place = values["table"]["columns"].index("seconds")
        values["table"]["data"] = [
            row[:place] + row[place + 1 :] for row in values["table"]["data"]
        ]
    return {name: value for name, value in values.items() if name != "seconds"}


# The literal nested cross-validation ------------------------------------------------------------


class Literal:
    """Every model anew, every fold in a loop of its own."""

    def __init__(self, dataset, asked):
        self.asked = asked
        self.values = dataset.expression(dataset.genes)
        self.genes = dataset.genes
        self.is_rare = (dataset.obs["type"] == "needle").to_numpy()
        folds = RepeatedStratifiedKFold(n_splits=K, n_repeats=1, random_state=asked.seed)
        self.fold_of = np.empty(len(self.is_rare), dtype=int)
        for fold, (_, test) in enumerate(folds.split(self.values, self.is_rare)):
            self.fold_of[test] = fold
        self.settings = [setting.config for setting in list_settings(asked)]
        self.ranked = {}
        self.order = np.random.default_rng((asked.seed, 1)).permutation(len(self.is_rare))

    def scores(self, setting, left_out, tested, share=1.0):
        """Train without the folds `left_out`, score the cells of the fold `tested`."""
        train = [i for i in range(len(self.fold_of)) if self.fold_of[i] not in left_out]
        rare = [i for i in train if self.is_rare[i]]
        other = sorted((i for i in train if not self.is_rare[i]), key=lambda i: self.order[i])
        n_other = max(round(share * len(other)), min(len(other), max(len(rare), 30)))
        train = sorted(rare + other[:n_other])
        is_rare = self.is_rare[train]
        columns = self.markers(tuple(train), setting.markers)
        scaler = StandardScaler().fit(self.values[np.ix_(train, columns)])
        cells = scaler.transform(self.values[np.ix_(train, columns)])
        first, last = min(left_out), max(left_out)
        for_cells, for_model = np.random.SeedSequence(
            (self.asked.seed, first, last)
        ).generate_state(2)
        if len(rare) < setting.target_ratio * n_other:
            if setting.samplers == ("smote",):
                k = min(5, len(rare) - 1)
                sampler = SMOTE(sampling_strategy=setting.target_ratio, k_neighbors=k,
                                random_state=int(for_cells))  # fmt: skip
                cells, is_rare = sampler.fit_resample(cells, is_rare)
            elif setting.samplers == ("loras",):
                sampler = core.LoRAS(sampling_strategy=setting.target_ratio, n_affine=3,
                                     random_state=int(for_cells))  # fmt: skip
                cells, is_rare = sampler.fit_resample(cells, is_rare)
        if setting.classifiers == ("lr",):
            model = LogisticRegression(C=setting.classifier.lr_c, max_iter=5000,
                                       random_state=int(for_model))  # fmt: skip
        else:
            model = KNeighborsClassifier(n_neighbors=setting.knn_neighbors, algorithm="brute")
        model.fit(cells, is_rare)
        test = np.flatnonzero(self.fold_of == tested)
        return model.predict_proba(scaler.transform(self.values[np.ix_(test, columns)]))[:, 1]

    def markers(self, train, n):
        """Columns of `n` markers of training cells; to rank them takes longer than all the rest."""
        if (train, n) not in self.ranked:
            cells, asked = list(train), MarkerConfig(n=n, min_logfc=-9, min_fraction=0)
            table = rank_markers(
                sparse.csr_matrix(self.values[cells]), self.genes, self.is_rare[cells], asked
            )
            self.ranked[train, n] = [list(self.genes).index(gene) for gene in table["gene"]]
            assert len(table) == n
        return self.ranked[train, n]

    def objective(self, folds, scores):
        """F1 of cross-fitted calls, or mean average precision."""
        truth = [self.is_rare[self.fold_of == fold] for fold in folds]
        if self.asked.objective == "average_precision":
            return np.mean(
                [average_precision_score(*pair) for pair in zip(truth, scores, strict=True)]
            )
        fold = np.concatenate([np.full(len(s), f) for f, s in zip(folds, scores, strict=True)])
        truth, scores = np.concatenate(truth), np.concatenate(scores)
        _, called = crossfit_calls(np.zeros(len(fold), int), fold, truth, scores, "f1")
        return f1_score(truth, called)

    def choose(self, known_folds, shares, also_left_out):
        """Run the whole procedure on some folds: returns a setting, its score, its threshold."""
        race = list(range(len(self.settings)))
        for rung, share in enumerate(shares):
            scored = {}
            for number in race:
                scores = [
                    self.scores(self.settings[number], {*also_left_out, fold}, fold, share)
                    for fold in known_folds
                ]
                truth = np.concatenate([self.is_rare[self.fold_of == f] for f in known_folds])
                threshold = choose_threshold(truth, np.concatenate(scores), "f1").value
                scored[number] = (self.objective(known_folds, scores), threshold)
            race.sort(key=lambda number: (-round(scored[number][0], 12), *self.simpler(number)))
            if rung < len(shares) - 1:
                race = race[: math.ceil(len(race) / 3)]
        return race[0], *scored[race[0]]

    def simpler(self, number):
        """Simplest method first, then fewest markers; what else varies as text."""
        one = self.settings[number]
        varied = {"markers": one.markers}
        if one.samplers != ("none",):
            varied |= {"target_ratio": one.target_ratio}
        if one.samplers == ("loras",):
            varied |= {"loras_n_affine": 3}
        varied |= {"lr_c": one.classifier.lr_c} if one.classifiers == ("lr",) else {
            "knn_neighbors": 5}  # fmt: skip
        place = ("none", "smote", "loras").index(one.samplers[0])
        text = f"{one.samplers[0]}+{one.classifiers[0]} {json.dumps(varied, sort_keys=True)}"
        return place, ("lr", "knn").index(one.classifiers[0]), one.markers, text

    def nested(self, shares):
        """For each outer fold: winner, inner score, threshold, and its scores of the fold."""
        for outer in range(K):
            others = [fold for fold in range(K) if fold != outer]
            number, score, threshold = self.choose(others, shares, {outer})
            yield number, score, threshold, self.scores(self.settings[number], {outer}, outer)


@pytest.mark.parametrize(
    ("strategy", "objective", "shares"),
    [
        ("grid", "f1", [1]),
        ("grid", "average_precision", [1]),
        ("random", "f1", [1]),
        ("halving", "f1", [1 / 9, 1 / 3, 1]),
    ],
)
def test_it_finds_exactly_what_a_literal_nested_cross_validation_finds(
    reference, strategy, objective, shares
):
    asked = config(strategy=strategy, objective=objective, n_settings=9)
    result = search_parameters(reference, TASK, asked)
    literal = Literal(reference, asked)
    number, score, _ = literal.choose(range(K), shares, set())
    assert result.best == replace(literal.settings[number], markers_from="training")
    assert result.best_score == pytest.approx(score, abs=1e-12)
    tp = fp = fn = 0
    ranks = []
    for fold, (number, score, threshold, scores) in enumerate(literal.nested(shares)):
        one = result.nested.folds[fold]
        truth, called = literal.is_rare[literal.fold_of == fold], scores >= threshold
        assert one.index == number
        assert one.inner_score == pytest.approx(score, abs=1e-12)
        assert one.threshold == pytest.approx(threshold, abs=1e-9)
        assert (one.tp, one.fp) == ((called & truth).sum(), (called & ~truth).sum())
        ranks.append(average_precision_score(truth, scores))
        tp, fp, fn = tp + one.tp, fp + one.fp, fn + (truth & ~called).sum()
    assert (result.nested.tp, result.nested.fp, result.nested.fn) == (tp, fp, fn)
    assert result.nested.f1 == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert result.nested.average_precision == pytest.approx(np.mean(ranks), abs=1e-9)
    expected = result.nested.f1 if objective == "f1" else result.nested.average_precision
    assert result.nested.score == expected


def test_intervals_rest_on_the_number_of_different_rare_cells(found, reference):
    nested = found.nested
    n = nested.tp + nested.fp + nested.fn
    low, high = beta.ppf(0.025, nested.tp, n - nested.tp + 1), beta.ppf(0.975, nested.tp + 1, n - nested.tp)  # fmt: skip  # noqa: E501
    assert (nested.low, nested.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    ranked = search_parameters(reference, TASK, config(objective="average_precision"))
    hits = ranked.nested.score * 12
    expected = beta.ppf(0.025, hits, 13 - hits), beta.ppf(0.975, hits + 1, 12 - hits)
    assert (ranked.nested.low, ranked.nested.high) == pytest.approx(expected)


# Nothing of an outer fold ------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["grid", "halving"])
def test_what_is_chosen_for_a_fold_does_not_change_with_the_cells_of_that_fold(reference, strategy):
    asked = config(
        strategy=strategy, n_settings=9, space=replace(SMALL, samplers=("none", "loras"))
    )
    plain = search_parameters(reference, TASK, asked)
    plan = plan_search(reference, TASK, asked)
    values = reference.expression(reference.genes)
    for fold in (0, K - 1):
        rows = plan.tested(fold)
        spoilt = values.copy()
        spoilt[rows] = np.random.default_rng(fold).permutation(3 * values[rows][:, ::-1])
        other = keep(spoilt, reference.obs["type"], genes=reference.genes)
        again = search_parameters(other, TASK, asked)
        kept, found_again = plain.nested.folds[fold], again.nested.folds[fold]
        for name in ("index", "varied", "inner_score", "threshold"):
            assert getattr(kept, name) == getattr(found_again, name)
        # The fold does matter for all that may look at it.
        assert plain.table["score"].tolist() != again.table["score"].tolist()


def test_every_inner_model_is_trained_without_both_folds(reference, monkeypatch):
    asked = config(space=replace(SMALL, samplers=("none",), classifiers=("lr",), markers=(3,)))
    seen = []
    rank, scale = evaluation.rank_markers, evaluation.scale_cells
    monkeypatch.setattr(
        evaluation, "rank_markers", lambda m, *rest: seen.append(m.toarray()) or rank(m, *rest)
    )
    monkeypatch.setattr(
        evaluation, "scale_cells", lambda v, *rest: seen.append(v) or scale(v, *rest)
    )
    plan = plan_search(reference, TASK, asked)
    evaluator = evaluation.Evaluator(reference, plan)
    values = reference.expression(reference.genes)
    for part in plan.parts:
        seen.clear()
        evaluator._score(part, 0, plan.settings[0])
        expected = values[~np.isin(plan.fold_of, [part.first, part.second])]
        ranked, scaled = seen
        np.testing.assert_array_equal(ranked, expected)
        assert len(scaled) == len(expected)
    assert len(plan.parts) == K * (K + 1) / 2
    assert Part(0, 1) in plan.parts


def test_a_gene_that_is_the_label_in_one_fold_alone_helps_nobody():
    values, names = haystack(20, 100, n_genes=25, n_marked=0, seed=1)
    space = SearchSpace(markers=(2, 5), samplers=("none", "random"), classifiers=("lr",), lr_c=())
    asked = config(space=space, objective="average_precision", n_splits=5)
    plan = plan_search(keep(values, names), TASK, asked)
    is_rare = names == "needle"
    for fold in range(5):
        rows = plan.tested(fold)
        values[rows, fold] = np.where(is_rare[rows], 6.0, 0.0)
    result = search_parameters(keep(values, names), TASK, asked)
    assert result.nested.low < result.chance < result.nested.high
    assert result.nested.score < 0.35
    # In its own fold such a gene is perfect: who had looked there would have found it.
    for fold in range(5):
        rows = plan.tested(fold)
        assert average_precision_score(is_rare[rows], values[rows, fold]) == 1


@pytest.mark.parametrize("objective", ["f1", "average_precision"])
def test_on_pure_noise_the_best_score_is_too_good_and_the_nested_estimate_is_at_chance(objective):
    gaps = []
    space = SearchSpace(
        markers=(2, 3, 5, 8, 12), samplers=("none", "random"), classifiers=("lr", "knn"),
        lr_c=(0.01, 1.0), knn_neighbors=(3, 9), target_ratio=(0.3, 1.0),
    )  # fmt: skip
    for seed in range(2):
        values = noise(90, 30, seed)
        names = np.array(["needle"] * 20 + ["hay"] * 70, dtype=object)
        asked = config(
            space=space, strategy="random", n_settings=16, objective=objective, seed=seed
        )
        result = search_parameters(keep(values, names), TASK, asked)
        assert result.optimism > 0
        assert result.nested.low <= result.chance
        gaps.append(result.optimism)
    assert np.mean(gaps) > 0.05


# Order, seeds and going on -----------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers_and_another_one_does_not(reference):
    asked = [config(space=FEW, seed=seed) for seed in (SEED, SEED, SEED + 1)]
    one, again, other = (without_time(search_parameters(reference, TASK, a)) for a in asked)
    assert one == again
    assert one["table"] != other["table"]


@pytest.mark.parametrize("strategy", ["grid", "random", "halving"])
def test_from_any_part_of_the_finished_settings_it_goes_on_to_the_same_result(reference, strategy):
    asked = config(strategy=strategy, n_settings=8, space=FEW, n_splits=3)
    whole = list(iter_search(reference, TASK, asked))
    plan = plan_search(reference, TASK, asked)
    rng = np.random.default_rng(0)
    for share in (0.4, 1.0):
        done = [one for one in whole if rng.random() < share]
        rest = list(iter_search(reference, TASK, asked, done=done))
        assert {one.key for one in rest}.isdisjoint({one.key for one in done})
        assert len(done) + len(rest) == len(whole)
        both = conclude(plan, [*rest, *done])
        assert without_time(both) == without_time(conclude(plan, whole))


def test_results_of_another_search_are_refused(reference, results):
    with pytest.raises(ParameterError, match="`done` must hold results of this search"):
        list(iter_search(reference, TASK, config(space=SearchSpace()), done=results[-1:]))


def test_the_order_of_candidates_does_not_decide(reference, found):
    turned = replace(
        SMALL, markers=(6, 3), samplers=("loras", "smote", "none"), classifiers=("knn", "lr"),
        target_ratio=(1.0, 0.5), lr_c=(10.0, 0.1),
    )  # fmt: skip
    again = search_parameters(reference, TASK, config(space=turned))
    assert again.best == found.best
    names = ["method", "markers", "score"]
    assert again.table[names].equals(found.table[names])
    for one, other in zip(found.nested.folds, again.nested.folds, strict=True):
        assert replace(one, index=0) == replace(other, index=0)


def test_among_equal_scores_the_simplest_method_wins_then_the_fewest_markers():
    values, names = haystack(12, 40, n_genes=12, n_marked=6)
    values[names == "needle", :6] += 30  # so clear that everything is perfect
    result = search_parameters(keep(values, names), TASK, config())
    perfect = result.table[result.table["score"] == 1]
    assert perfect["method"].nunique() > 3
    assert (result.best_method, result.best_varied["markers"]) == ("none+lr", 3)
    simple = ["none+lr", "none+knn", "smote+lr", "smote+knn", "loras+lr", "loras+knn"]
    first = perfect.drop_duplicates("method")["method"].tolist()
    assert first == [name for name in simple if name in first]
    for _, of_method in perfect.groupby("method"):
        assert of_method["markers"].is_monotonic_increasing


def test_every_different_setting_is_tried_once(results):
    assert len({one.key for one in results}) == len(results) == len(list_settings(config()))
    assert all(one.n_fits == K * (K + 1) // 2 for one in results)


def test_halving_tries_all_then_the_best_third_of_every_race(reference):
    asked = config(strategy="halving", n_settings=17)
    plan = plan_search(reference, TASK, asked)
    tried = [result for result, _, _ in run_search(reference, plan)]
    assert survivors(plan, tried, 0).main == tuple(range(17))
    for rung, size in enumerate((17, 6, 2)):
        field = survivors(plan, tried, rung)
        assert len(field.main) == size
        assert {len(race) for race in field.outer} == {size}
        assert [one.index for one in tried if one.rung == rung] == field.tried
    early = {one.index: one.score for one in tried if one.rung == 0}
    best = sorted(early.values(), reverse=True)[5]
    assert all(early[index] >= best for index in survivors(plan, tried, 1).main)


def test_what_only_races_with_a_fold_held_back_needed_has_no_part_in_the_table(reference):
    asked = config(strategy="halving", n_settings=17)
    plan = plan_search(reference, TASK, asked)
    tried = [result for result, _, _ in run_search(reference, plan)]
    for rung in range(3):
        main = {one.index for one in tried if one.rung == rung and one.main}
        assert main == set(survivors(plan, tried, rung).main)
    # However high they score in the last round: the main race had left them behind.
    tried = [one if one.main else replace(one, score=1.0) for one in tried]
    assert any(one.rung == 2 and not one.main for one in tried)
    result = conclude(plan, tried)
    table = result.table
    assert len(table) == 17
    assert (
        table["score"].iloc[0] == result.best_score == table.loc[table["rung"] == 2, "score"].max()
    )
    by_key = {one.key: one for one in tried if one.main}
    for row in table.itertuples():
        assert row.score == by_key[row.rung, row.index].score
        assert (row.rung + 1, row.index) not in by_key
    assert table["rung"].value_counts().to_dict() == {0: 11, 1: 4, 2: 2}
    shown = ranked(tried)
    assert [one.score for one in shown] == table["score"].tolist()
    assert "The best of 17 settings (one of 2 in the last round) scored" in result_sentence(result)


def test_the_first_rung_of_a_halving_has_all_rare_cells_and_few_others(reference):
    dataset = keep(*haystack(10, 900))
    plan = plan_search(dataset, TASK, config(strategy="halving", n_settings=2))
    for part in plan.parts:
        whole, few = plan.trained(part, 2), plan.trained(part, 0)
        is_rare = plan.cells.is_rare
        assert set(few) < set(plan.trained(part, 1)) < set(whole)
        assert set(few[is_rare[few]]) == set(whole[is_rare[whole]])
        assert (~is_rare[few]).sum() == round((~is_rare[whole]).sum() / 9)
        assert not set(plan.fold_of[whole]) & {part.first, part.second}


# What comes back ---------------------------------------------------------------------------------


def test_progress_counts_the_settings_of_a_rung(reference):
    told = []
    asked = config(strategy="random", n_settings=3)
    search_parameters(
        reference, TASK, asked, progress=lambda result, place, of: told.append((place, of))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_results_and_their_parts_survive_json(found, results):
    again = SearchResult.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert again.to_dict() == found.to_dict()
    assert again.table.equals(found.table)
    assert again.table.dtypes.equals(found.table.dtypes)
    assert (again.best, again.config, again.nested) == (found.best, found.config, found.nested)
    for one in results[:3]:
        assert type(one).from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_the_table_tells_of_every_setting_what_varied_and_how_it_did(found, results):
    table = found.table
    assert len(table) == len(results) == found.n_settings
    assert table["score"].is_monotonic_decreasing
    assert {"markers", "target_ratio", "loras_n_affine", "lr_c", "knn_neighbors"} <= set(table)
    by_index = {one.index: one for one in results}
    for row in table.itertuples():
        one = by_index[row.index]
        assert (row.method, row.score, row.tp) == (one.method, one.score, one.tp)
        assert row.f1 == pytest.approx(2 * row.tp / (2 * row.tp + row.fp + row.fn))
        assert row.target_ratio == one.varied.get("target_ratio")
    assert table["score"].iloc[0] == found.best_score


def test_inner_and_search_scores_are_of_different_models(results):
    assert any(score != one.score for one in results for score in one.inner_score)


def test_with_samples_as_folds_one_without_rare_cells_counts_for_its_false_calls_alone():
    values, names = haystack(12, 60, n_marked=3)
    donors = np.array([f"d{i % 4}" for i in range(72)], dtype=object)
    donors[names == "needle"] = ["d0", "d1", "d2"] * 4
    asked = config(
        space=replace(SMALL, samplers=("none",), markers=(3,)),
        base=replace(BASE, sample="donor"),
        objective="average_precision",
    )
    result = search_parameters(keep(values, names, donor=donors), TASK, asked)
    folds = result.nested.folds
    assert folds[3].average_precision is None
    assert (folds[3].tp, folds[3].fn) == (0, 0)
    assert result.nested.score == pytest.approx(
        np.mean([fold.average_precision for fold in folds[:3]])
    )
