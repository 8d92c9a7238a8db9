"""Small tasks that behave well or badly, for the tests of core.jobs; NEEDLE_TASKS names it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np

from core.errors import ParameterError
from core.jobs.folders import checkpoint_folder, run_of

warm = False


def warm_up():
    global warm
    time.sleep(float(os.environ.get("SECONDS_TO_WARM", "0")))
    warm = True


def succeed(config, reporter, folder):
    for step in range(config["steps"]):
        reporter.event("fold", {"step": step, "f1": np.float32(0.5)})
        reporter.progress((step + 1) / (2 * config["steps"]), f"step {step}")
    (folder / "result.txt").write_text("complete")
    return {"cells": np.int64(3), "precision": float("nan")}


def where(config, reporter, folder):
    time.sleep(config.get("seconds", 0))
    return {"pid": os.getpid(), "group": os.getpgid(0), "warm": warm}


def refuse(config, reporter, folder):
    (folder / "half").write_text("half")
    raise ParameterError("`n` is wrong.", code="E-PARAMETER", next_step="Choose another.")


def stumble(config, reporter, folder):
    (folder / "half").write_text("half")
    return 1 / 0


def devour(config, reporter, folder):
    return {"bytes": np.zeros(2**31, dtype=np.uint8).nbytes}


def fill_disk(config, reporter, folder):
    raise OSError(28, "No space left on device")


def vanish(config, reporter, folder):
    (folder / "half").write_text("half")
    os._exit(3)


def be_killed(config, reporter, folder):
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)


def leave_child(config, reporter, folder):
    reporter.event("ready", {"child": _sleeping_child()})
    os._exit(3)


def sleep(config, reporter, folder):
    if config.get("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the child inherits this
    (folder / "half").write_text("half")
    reporter.event("ready", {"child": _sleeping_child()})
    time.sleep(600)


def grow(config, reporter, folder):
    ballast = bytearray(b"x") * config["bytes"]
    time.sleep(600)
    return {"bytes": len(ballast)}


def read(config, reporter, folder):
    """Die by a signal, compute for ever, or write more than it may."""
    if "signal" in config:
        os.kill(os.getpid(), config["signal"])
    if "bytes" in config:
        with (folder / "half").open("wb") as file:
            file.truncate(config["bytes"])
    while True:
        sum(range(1000))


def train(config, reporter, folder):
    """Keep every step, and get stuck behind one of them unless it was done before."""
    kept = checkpoint_folder(run_of(folder))
    kept.mkdir(exist_ok=True)
    for step in range(config["steps"]):
        if not (kept / str(step)).exists():
            (folder / "half").write_text("half")
            reporter.event("fold", {"step": step, "pid": os.getpid()})
            (kept / str(step)).touch()
            if step == config["stuck_at"]:
                time.sleep(600)
    return {"steps": sorted(int(path.name) for path in kept.iterdir())}


def _sleeping_child():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid


TASKS = {
    task.__name__: task
    for task in (
        succeed, where, refuse, stumble, devour, fill_disk, vanish, be_killed, leave_child, sleep,
        grow, train, read,
    )
}  # fmt: skip
