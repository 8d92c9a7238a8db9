"""Whether called cells are the rare type: planted groups, and cosines worked out by hand."""

import json
import math
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from core.context import ReferenceContext
from core.transfer import judge_group

# Mean profiles of three types on four genes, and cells that scatter around them in pairs, so that
# the mean of a type is its profile exactly.
PROFILES = {
    "hay": [-1.0, -1.0, 1.0, 0.0],
    "needle": [3.0, 2.0, 0.0, -1.0],
    "pin": [2.0, 0.0, 3.0, -1.0],
}
N_EACH = 10


def around(profile, n=N_EACH):
    scatter = np.random.default_rng(0).normal(0, 0.3, (n // 2, 4))
    return (np.array(profile) + np.vstack([scatter, -scatter])).astype(np.float32)


def made_model(sizes=None, *, context=True, rare="needle"):
    sizes = sizes or dict.fromkeys(PROFILES, N_EACH)
    types = sorted(sizes)
    codes = np.repeat(np.arange(len(types)), [sizes[name] for name in types]).astype(np.int32)
    about = ReferenceContext((), np.zeros((len(codes), 0), np.float32), tuple(types), codes)
    model = SimpleNamespace(
        task=SimpleNamespace(rare=rare),
        training_is_rare=codes == types.index(rare),
        context=about if context else None,
    )
    return model, np.vstack([around(PROFILES[name], sizes[name]) for name in types])


def judge(group, *, scores=0.9, own=None, **settings):
    """The verdict on cells of these values, which are all that is called in a larger query."""
    model, reference = made_model(**settings)
    rest = around(PROFILES["hay"], 40)
    by_reference = np.vstack([group, rest]).astype(np.float32)
    own = by_reference if own is None else np.vstack([own, rest]).astype(np.float32)
    cells = SimpleNamespace(reference=reference, by_reference=by_reference, own=own)
    called = np.arange(len(by_reference)) < len(group)
    return judge_group(model, cells, called, np.where(called, scores, 0.0))


def cosine(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / (math.hypot(*one) * math.hypot(*other))


def nearness(profile):
    return {name: cosine(PROFILES[name], profile) for name in PROFILES}


def test_the_rare_type_itself_is_present():
    found = judge(around(PROFILES["needle"]))
    assert found.is_present
    assert (found.nearest, found.n_cells) == ("needle", N_EACH)
    assert found.similarity == pytest.approx(1, abs=1e-6)
    assert found.likeness == pytest.approx(1, abs=1e-5)
    assert found.score == pytest.approx(0.9)


def test_the_nearest_other_type_is_not_the_rare_one_however_high_its_scores():
    found = judge(around(PROFILES["pin"]), scores=0.99)
    assert not found.is_present
    assert found.nearest == "pin"
    assert found.similarity == pytest.approx(cosine(PROFILES["needle"], PROFILES["pin"]), abs=1e-6)
    assert found.likeness == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize("share", [0.3, 0.45, 0.6, 0.7, 0.9])
def test_of_a_mixture_the_likeness_is_what_the_mean_profile_makes_it(share):
    mean = share * np.array(PROFILES["needle"]) + (1 - share) * np.array(PROFILES["pin"])
    found = judge(around(mean))
    near = nearness(mean)
    apart = 1 - max(cosine(PROFILES["needle"], PROFILES[name]) for name in ("hay", "pin"))
    likeness = (near["needle"] - max(near["hay"], near["pin"])) / apart
    assert found.likeness == pytest.approx(likeness, abs=1e-5)
    assert found.similarity == pytest.approx(near["needle"], abs=1e-5)
    assert found.nearest == max(near, key=near.get)
    assert found.is_present == (likeness >= 0.25)


def test_half_way_between_two_types_the_likeness_is_0():
    found = judge(around((np.array(PROFILES["needle"]) + PROFILES["pin"]) / 2))
    assert found.likeness == pytest.approx(0, abs=1e-5)  # both profiles are equally long
    assert not found.is_present


def test_a_mixture_may_be_present_or_absent():
    verdicts = [
        judge(np.vstack([around(PROFILES["needle"], n), around(PROFILES["pin"], 10 - n)]))
        for n in (2, 4, 6, 8, 10)
    ]
    assert [found.is_present for found in verdicts] == [False, False, False, True, True]


@pytest.mark.parametrize(("scores", "is_present"), [(0.199, False), (0.2, True), (0.01, False)])
def test_a_group_of_low_scores_is_not_the_rare_type(scores, is_present):
    found = judge(around(PROFILES["needle"]), scores=scores)
    assert found.score == pytest.approx(scores)
    assert found.is_present is is_present


def test_a_group_unlike_all_types_is_not_the_rare_one_though_it_is_the_nearest():
    strange = [1.0, 1.0, -1.0, 3.0]
    found = judge(around(strange))
    near = nearness(strange)
    assert near["needle"] < 0.5
    assert found.similarity == pytest.approx(near["needle"], abs=1e-5)
    assert found.likeness > 0.25
    assert (found.nearest, found.is_present) == ("needle", False)
    json.dumps(asdict(found))  # plain values, whichever condition fails


def test_both_ways_to_standardise_the_query_count_alike():
    found = judge(around(PROFILES["needle"]), own=around(PROFILES["pin"]))
    one, other = nearness(PROFILES["needle"]), nearness(PROFILES["pin"])
    assert found.similarity == pytest.approx((one["needle"] + other["needle"]) / 2, abs=1e-5)
    assert found.likeness == pytest.approx(0, abs=1e-5)


def test_one_wild_value_counts_as_five_standard_deviations():
    tame, wild = around(PROFILES["needle"]), around(PROFILES["needle"])
    tame[0], wild[0] = [5, 2, 0, -5], [900, 2, 0, -70]
    assert judge(wild) == judge(tame)


def test_nobody_called_is_nobody_there():
    found = judge(np.empty((0, 4), dtype=np.float32))
    assert not found.is_present
    assert (found.n_cells, found.score, found.nearest) == (0, 0, "")


# Types -------------------------------------------------------------------------------------------


def test_without_a_context_all_other_cells_are_one_type_without_a_name():
    group = around(PROFILES["pin"])
    found = judge(group, context=False)
    others = (np.array(PROFILES["hay"]) + PROFILES["pin"]) / 2
    near = cosine(PROFILES["needle"], PROFILES["pin"]), cosine(others, PROFILES["pin"])
    apart = 1 - cosine(PROFILES["needle"], others)
    assert found.similarity == pytest.approx(near[0], abs=1e-5)
    assert found.likeness == pytest.approx((near[0] - near[1]) / apart, abs=1e-5)
    assert found.nearest == ""
    assert not found.is_present
    assert judge(around(PROFILES["needle"]), context=False).is_present


def test_a_type_of_fewer_than_five_cells_has_no_profile():
    sizes = {"hay": 10, "needle": 10, "pin": 4}
    found = judge(around(PROFILES["pin"]), sizes=sizes)
    assert found.nearest == "needle"
    assert judge(around(PROFILES["pin"]), sizes=sizes | {"pin": 6}).nearest == "pin"


def test_the_rare_type_has_a_profile_however_few_its_cells():
    sizes = {"hay": 10, "needle": 2, "pin": 10}
    assert judge(around(PROFILES["needle"]), sizes=sizes).nearest == "needle"


def test_when_no_other_type_is_large_enough_all_others_are_one():
    found = judge(around(PROFILES["needle"]), sizes={"hay": 4, "needle": 6, "pin": 4})
    others = (np.array(PROFILES["hay"]) + PROFILES["pin"]) / 2
    assert found.is_present
    assert found.likeness == pytest.approx(1, abs=1e-5)
    mean = judge(around(others), sizes={"hay": 4, "needle": 6, "pin": 4})
    assert (mean.nearest, mean.is_present) == ("", False)


def test_a_verdict_holds_plain_values_that_json_can_hold():
    for profile in PROFILES.values():
        values = vars(judge(around(profile)))
        assert [type(value) for value in values.values()] == [bool, int, float, float, float, str]
