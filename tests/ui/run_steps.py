"""Runs on the demo, made at once or only entered, and how a user ticks them on the page Runs."""

from __future__ import annotations

import json
from typing import Any

import core
from core import jobs
from core.config import config_to_dict
from core.data import DEMO_TASK
from core.jobs import Run, State
from core.jobs.schema import LOCAL
from pages.ui.history import PER_PAGE
from tests.ui.screen import SECONDS, Screen

# No setting of a training is the usual one.
OTHER = core.TrainingConfig(
    markers=31,
    classifiers=("lr",),
    samplers=("loras",),
    n_splits=2,
    n_repeats=1,
    seed=3,
    marker_test="t-test",
    min_fraction=0.2,
    min_logfc=0.5,
    knn_neighbors=11,
    loras=core.LorasConfig(n_neighbors=4, n_affine=7, noise_scale=0.01, neighbour_space="pca"),
)


def start(kind: str, *, title: str = "", **config: Any) -> Run:
    """Do a run on the demo and return it."""
    whole = {"dataset": core.demo_reference().digest, "task": config_to_dict(DEMO_TASK)} | config
    run = jobs.wait(jobs.start(kind, whole, title=title or f"A {kind} run"), SECONDS)
    assert run.state is State.DONE, run.error
    return run


def training(config: core.TrainingConfig = OTHER, *, title: str = "") -> Run:
    return start("train", training=config_to_dict(config), title=title)


def enter(state: State, *, kind: str = "train", title: str = "", **fields: Any) -> Run:
    """Enter a run that is over without doing it; `fields` are columns of its row."""
    config = {"dataset": core.demo_reference().digest, "task": config_to_dict(DEMO_TASK)}
    config |= {"training": config_to_dict(OTHER)} | fields.pop("config", {})
    columns = {name: fields.pop(name) for name in ("owner", "versions") if name in fields}
    run_id = jobs.get_database().create(kind, config, title=title, **columns)
    jobs.get_database().transition(run_id, state, allowed_from=list(State), **fields)
    return jobs.get_database().get(run_id)


def tick(screen: Screen, *wanted: Run) -> Screen:
    """Select rows of the table as a user does."""
    screen.run()
    ids = listed(screen)
    rows = [ids.index(run.id) for run in wanted]
    table = screen.at.dataframe[0]
    screen.at.session_state[table.key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return screen.run()


def listed(screen: Screen) -> list[str]:
    """Return the ids of the rows on the screen: the newest runs, unless filters leave some out."""
    runs = jobs.get_database().runs(limit=PER_PAGE, owner=LOCAL)
    titles = screen.at.dataframe[0].value["Run"].tolist()
    return [run.id for run in runs if run.title in titles]


def figures(screen: Screen) -> list[dict[str, Any]]:
    """Return all figures on the screen, as what they draw."""
    return [json.loads(chart.proto.spec) for chart in screen.at.get("plotly_chart")]
