"""How fast pages answer under load: ``python -m benchmarks.load [SECONDS]``.

Ten browser sessions walk through the finished demo, over real websockets, with about a second of
thought between two clicks, while two trainings run on the same machine. Two of the sessions see
the live view of these on the page Train.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pandas as pd

from benchmarks.server import AppServer
from benchmarks.websession import Rerun, WebSession
from core import RareTask, TrainingConfig, jobs, open_dataset
from core.config import config_to_dict
from core.data import DEMO_TASK, demo_reference
from core.jobs.schema import UNFINISHED

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "pbmc3k.h5ad"
N_SESSIONS, N_TRAININGS, SECONDS = 10, 2, 60.0
THINK = (0.5, 1.5)
PATIENCE = 120.0
PATHS = {
    "Start": "", "Reference": "reference", "Markers": "markers", "Train": "train",
    "Synthetic cells": "synthetic", "Annotate": "annotate", "Runs": "runs",
}  # fmt: skip
# What is done at each page of the demo's road, and where the address says that it was done.
ROAD = (
    ("Start", "Try the demo", "reference="),
    ("Markers", "Find markers", "finding="),
    ("Train", "Start training", "training="),
    ("Synthetic cells", "Draw synthetic cells", "synthetic="),
    ("Annotate", "Load demo query", "query="),
    ("Annotate", "Annotate query", "annotation="),
)


def prepare(url: str) -> str:
    """Walk the demo's road once; return the link (query string) to all its results."""
    with WebSession(url, timeout=PATIENCE) as session:
        session.open()
        for page, button, parameter in ROAD:
            if page != session.page:
                session.go(page)
            session.click(button)
            await_that(lambda name=parameter: has(session, name), session.look)
            session.look(1.5)  # until the page has noticed
        return session.query


def keep_training() -> list[str]:
    """Queue trainings that last longer than the measurement; two of them run at once."""
    if SHARED.exists():
        dataset, task = open_dataset(SHARED), RareTask("cell_type", "Platelet")
    else:
        dataset, task = demo_reference(), DEMO_TASK
    config = {"dataset": dataset.digest, "task": config_to_dict(task)}
    config["training"] = config_to_dict(TrainingConfig(n_splits=20, n_repeats=20))
    database = jobs.get_database()
    ids = [database.create("train", config, title=f"load {number}") for number in range(12)]
    await_that(lambda: n_training() >= N_TRAININGS, time.sleep)
    return ids


def await_that(condition: Callable[[], bool], wait: Callable[[float], None]) -> None:
    """Wait in steps of half a second until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            runs = [(run.kind, str(run.state), run.error) for run in jobs.get_database().runs()]
            raise TimeoutError(f"a run did not begin or end in time: {runs}")
        wait(0.5)


def has(session: WebSession, parameter: str) -> bool:
    """Whether the address names a result, and nothing is under way."""
    return parameter in session.query and not jobs.get_database().count(state=UNFINISHED)


def n_training() -> int:
    """Trainings that run now."""
    return jobs.get_database().count("train", "running")


def with_training(link: str, run_id: str) -> str:
    """Return a link that shows another training."""
    return urlencode(dict(parse_qsl(link)) | {"training": run_id})


def click_around(url: str, link: str, number: int, seconds: float) -> list[Rerun]:
    """Be one person for so many seconds."""
    rng, end = np.random.default_rng(number), time.monotonic() + seconds
    reruns: list[Rerun] = []
    session = WebSession(url, timeout=PATIENCE)
    try:
        session.open(query=link)
        while time.monotonic() < end:
            session.look(float(rng.uniform(*THINK)))
            choice = rng.random()
            if choice < 0.1:
                path, reruns = PATHS[session.page], reruns + session.reruns
                session.close()
                session = WebSession(url, timeout=PATIENCE)
                session.open(path, link)
            elif choice < 0.55 or not change_something(session, rng):
                session.go(str(rng.choice([page for page in PATHS if page != session.page])))
    finally:
        session.close()
    return reruns + session.reruns


def change_something(session: WebSession, rng: np.random.Generator) -> bool:
    """Change a widget of the page; False where there is none to change."""
    changes: dict[str, Callable[[], None]] = {
        "Markers": lambda: session.set_slider("Number of markers", 5 * int(rng.integers(2, 20))),
        "Train": lambda: session.set_number("Repeats", int(rng.integers(1, 20))),
        "Annotate": lambda: session.set_slider("Score threshold", float(rng.integers(1, 20)) / 20),
    }
    try:
        changes[session.page]()
    except LookupError:
        return False
    return True


def table(reruns: list[Rerun]) -> pd.DataFrame:
    """Count, median, 95th percentile and maximum in seconds, per page and for all."""
    rows = pd.DataFrame(reruns)
    fragments = rows["action"] == "fragment"
    clicks, live = rows[~fragments].copy(), rows[fragments].copy()
    live["page"] = live["page"] + ", by itself"
    groups = [*clicks.groupby("page"), *clicks.groupby("action"), ("all clicks", clicks)]
    groups += list(live.groupby("page"))
    return pd.DataFrame(
        {
            name: {
                "n": len(group),
                "median": group["seconds"].median(),
                "p95": group["seconds"].quantile(0.95),
                "max": group["seconds"].max(),
            }
            for name, group in groups
        }
    ).T


def main(seconds: float = SECONDS) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        os.environ |= {"NEEDLE_HOME": str(home), "NEEDLE_WATCH": "0"}
        with AppServer(home, NEEDLE_MAX_RUNS=str(N_TRAININGS)) as server:
            server.await_health()
            link = prepare(server.url)
            ids = keep_training()
            before = n_training()
            links = [with_training(link, run_id) for run_id in ids[:N_TRAININGS]]
            links += [link] * (N_SESSIONS - N_TRAININGS)
            with ThreadPoolExecutor(N_SESSIONS) as pool:
                people = [
                    pool.submit(click_around, server.url, own, number, seconds)
                    for number, own in enumerate(links)
                ]
                reruns = [rerun for person in people for rerun in person.result()]
            print(f"{N_SESSIONS} sessions, {before} trainings at the beginning, {n_training()} at")
            print(f"the end, {os.cpu_count()} cores; seconds from the click to the end:")
            for run_id in reversed(ids):
                jobs.cancel(run_id)
    print(table(reruns).to_string(float_format="%.2f", formatters={"n": "{:.0f}".format}))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
