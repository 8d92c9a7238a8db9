"""Runs: slow work outside the web server, in processes that report to the run database.

>>> from core import jobs
>>> run_id = jobs.start("train", {"seed": 0})  # doctest: +SKIP
>>> jobs.refresh(run_id).progress  # doctest: +SKIP
0.4
"""

from core.jobs.database import RunDatabase, get_database
from core.jobs.folders import log_file, run_folder
from core.jobs.launcher import cancel, delete, refresh, start, sweep, wait, warm_up
from core.jobs.reporter import Reporter
from core.jobs.schema import Event, Run, State

__all__ = [
    "Event",
    "Reporter",
    "Run",
    "RunDatabase",
    "State",
    "cancel",
    "delete",
    "get_database",
    "log_file",
    "refresh",
    "run_folder",
    "start",
    "sweep",
    "wait",
    "warm_up",
]
