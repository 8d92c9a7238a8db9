"""A search as a run: what it tells, what it leaves, and that it goes on after any interruption."""

import json

import numpy as np
import pytest

import core
from core.config import config_to_dict
from core.jobs import Reporter, causes, exploring, get_database, requests
from core.jobs.exploring import load_search
from core.jobs.folders import discard, unfinished_folder
from core.jobs.memory import predict_memory
from core.jobs.tasks import TASKS
from core.search import (
    SearchConfig,
    SearchSpace,
    estimate,
    evaluate,
    iter_search,
    search_parameters,
)
from tests.cells import TASK, haystack, keep

SPACE = SearchSpace(
    markers=(3, 6), samplers=("none", "loras"), classifiers=("lr",), target_ratio=(1.0,),
    loras_n_neighbors=(3, 99), loras_n_affine=(), lr_c=(0.1, 1.0), knn_neighbors=(),
)  # fmt: skip
SEARCH = SearchConfig(space=SPACE, strategy="grid", n_splits=3)
HALVING = SearchConfig(space=SPACE, strategy="halving", n_settings=9, n_splits=3)


class Cut(BaseException):
    """Ends a task where a signal would."""


@pytest.fixture(scope="module")
def reference():
    return keep(*haystack(12, 48, n_genes=20))


def task_config(reference, search=SEARCH):
    made = {"dataset": reference.digest, "task": config_to_dict(TASK)}
    return json.loads(json.dumps(made | {"search": config_to_dict(search)}))


@pytest.fixture
def start(reference):
    """Return a function that starts a search in the database, as a worker would."""
    made = []

    def make(search=SEARCH):
        made.append(get_database().create("explore", task_config(reference, search)))
        get_database().transition(made[-1], "running", allowed_from=["queued"])
        unfinished_folder(made[-1]).mkdir()
        return made[-1]

    yield make
    for run_id in made:
        discard(run_id)
        get_database().transition(run_id, "cancelled", allowed_from=["running"])


def run(run_id, report=None):
    database = get_database()
    report = report or Reporter(database, run_id)
    return TASKS["explore"](database.get(run_id).config, report, unfinished_folder(run_id))


def told(run_id, kind="setting"):
    return [event.payload for event in get_database().events(run_id) if event.kind == kind]


def without_time(result):
    values = result.to_dict()
    place = values["table"]["columns"].index("seconds")
    values["table"]["data"] = [row[:place] + row[place + 1 :] for row in values["table"]["data"]]
    return values


def test_it_leaves_what_the_library_finds(start, reference):
    run_id = start()
    summary = run(run_id)
    expected = search_parameters(reference, TASK, SEARCH)
    found = load_search(unfinished_folder(run_id))
    assert without_time(found) == without_time(expected)
    assert summary["score"] == expected.best_score
    honest = summary["nested"], summary["nested_low"], summary["nested_high"]
    assert honest == (expected.nested.score, expected.nested.low, expected.nested.high)
    assert summary["n_settings"] == 8
    assert summary["best"].startswith(("lr alone", "LoRAS + lr", "no oversampling + lr"))
    json.dumps(summary, allow_nan=False)


def test_it_tells_its_plan_first_and_every_setting_once(start):
    run_id = start()
    run(run_id)
    events = [e for e in get_database().events(run_id) if e.kind in ("plan", "setting")]
    assert [event.kind for event in events] == ["plan"] + ["setting"] * 8
    plan = events[0].payload
    assert (plan["n_settings"], plan["n_fits"], plan["n_rungs"]) == (8, 8 * 6, 1)
    # No part has 99 rare cells.
    assert sum(plan["left_out"].values()) == 4
    assert [event.payload["index"] for event in events[1:]] == list(range(8))
    assert set(events[1].payload["varied"]) == {"markers", "lr_c"}
    json.dumps([event.payload for event in events], allow_nan=False)


@pytest.mark.parametrize(
    ("search", "message"), [(SEARCH, "Setting 8 of 8"), (HALVING, "Round 1 of 3: setting 3 of 5")]
)
def test_its_progress_counts_settings(start, monkeypatch, search, message):
    said, run_id = [], start(search)
    monkeypatch.setattr(Reporter, "progress", lambda self, share, text: said.append((share, text)))
    run(run_id)
    shares = [share for share, _ in said]
    assert message in [text for _, text in said]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("search", [SEARCH, HALVING], ids=["grid", "halving"])
@pytest.mark.parametrize("after", [1, 5])
def test_killed_anywhere_it_goes_on_with_what_was_finished(start, reference, monkeypatch, search, after):  # fmt: skip  # noqa: E501
    run_id, evaluated = start(search), []
    once = evaluate.Evaluator.evaluate

    def count(self, index, rung):
        if len(evaluated) == after and len(told(run_id)) == after:
            evaluated.append("cut")
            raise Cut
        evaluated.append((rung, index))
        return once(self, index, rung)

    monkeypatch.setattr(evaluate.Evaluator, "evaluate", count)
    with pytest.raises(Cut):
        run(run_id)
    run(run_id)
    found = load_search(unfinished_folder(run_id))
    evaluated.remove("cut")
    assert len(evaluated) == len(set(evaluated)) == len(told(run_id))
    assert len(told(run_id, "plan")) == 1
    monkeypatch.undo()
    assert without_time(found) == without_time(search_parameters(reference, TASK, search))


def test_whatever_part_of_the_events_is_lost_the_result_is_the_same(start, reference):
    run_id = start(HALVING)
    run(run_id)
    whole = load_search(unfinished_folder(run_id))
    events = [e.id for e in get_database().events(run_id) if e.kind == "setting"]
    lost = np.random.default_rng(0).permutation(events)[: len(events) // 2].tolist()
    get_database().remove_events(lost)
    run(run_id)
    assert without_time(load_search(unfinished_folder(run_id))) == without_time(whole)
    keys = [(one["rung"], one["index"]) for one in told(run_id)]
    assert len(keys) == len(set(keys)) == len(events)


def test_results_of_other_versions_are_computed_again(start, monkeypatch):
    run_id = start()
    run(run_id)
    before = {event.id for event in get_database().events(run_id)}
    monkeypatch.setattr(exploring, "LAYOUT", 99)
    run(run_id)
    assert len(told(run_id)) == 8
    assert len(told(run_id, "plan")) == 1
    assert before.isdisjoint(event.id for event in get_database().events(run_id))


def test_a_search_that_was_interrupted_may_be_resumed(start):
    run_id = start()
    assert not requests.can_resume(get_database().get(run_id))
    get_database().transition(
        run_id,
        "interrupted",
        allowed_from=["running"],
        error=causes.interrupted(get_database().get(run_id)),
    )
    seen = get_database().get(run_id)
    assert requests.can_resume(seen)
    assert "`Resume`" in seen.error["next_step"]


def test_the_estimate_and_the_queue_expect_the_same_memory(reference):
    assert estimate(reference, TASK, SEARCH).memory_bytes == predict_memory(
        "explore", task_config(reference)
    )
    many = SearchConfig(space=SearchSpace(markers=(2000,)), base=core.TrainingConfig(markers=3))
    assert estimate(reference, TASK, many).memory_bytes == predict_memory(
        "explore", task_config(reference, many)
    )
    own = SearchConfig(base=core.TrainingConfig(genes=tuple(f"G{i}" for i in range(20))))
    assert estimate(reference, TASK, own).memory_bytes == predict_memory(
        "explore", task_config(reference, own)
    )


def test_the_estimate_knows_how_many_models_are_fitted(reference):
    cost = estimate(reference, TASK, SEARCH)
    results = list(iter_search(reference, TASK, SEARCH))
    assert cost.n_settings == len(results) == 8
    assert cost.n_fits == sum(one.n_fits for one in results)
    assert cost.n_left_out == 4


def test_more_work_is_expected_to_take_longer(reference):
    def seconds(**changes):
        made = {"space": SPACE, "strategy": "grid", "n_splits": 3} | changes
        return estimate(reference, TASK, SearchConfig(**made)).seconds

    assert seconds() < seconds(n_splits=5)
    assert seconds() < seconds(
        space=SearchSpace(**{**vars(SPACE), "classifiers": ("lr", "forest")})
    )
    assert seconds() < seconds(space=SearchSpace(**{**vars(SPACE), "markers": (3, 6, 9)}))
