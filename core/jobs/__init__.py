"""Runs: slow work outside the web server, in processes that report to the run database.

>>> from core import jobs
>>> run_id = jobs.start("train", {"seed": 0})  # doctest: +SKIP
>>> jobs.refresh(run_id).progress  # doctest: +SKIP
0.4
"""

from core.jobs.database import RunDatabase, get_database
from core.jobs.ending import cancel, delete, refresh, sweep, wait
from core.jobs.folders import log_file, run_folder
from core.jobs.launcher import dispatch, warm_up
from core.jobs.queue import Place, queue_place
from core.jobs.reporter import Reporter
from core.jobs.requests import can_resume, can_run_again, resume, run_again, start
from core.jobs.schema import LOCAL, Event, Run, State
from core.jobs.watcher import watch

__all__ = [
    "LOCAL",
    "Event",
    "Place",
    "Reporter",
    "Run",
    "RunDatabase",
    "State",
    "can_resume",
    "can_run_again",
    "cancel",
    "delete",
    "dispatch",
    "get_database",
    "log_file",
    "queue_place",
    "refresh",
    "resume",
    "run_again",
    "run_folder",
    "start",
    "sweep",
    "wait",
    "warm_up",
    "watch",
]
