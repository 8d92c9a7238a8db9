"""What a server makes sure of before its first page: it can write, and its database opens."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from core.errors import Finding
from core.jobs.database import get_database
from core.jobs.engine import open_engine
from core.jobs.repair import alone, is_damaged, put_aside, sqlite_file
from core.paths import check_folders, database_url, models_folder, runs_folder

__all__ = ["start_up"]


def start_up() -> tuple[Finding, ...]:
    """Check folders and database, and put a damaged database file aside.

    Only a server calls this, once, before anything else. Workers and notebooks that meet a
    damaged file refuse it.

    Returns
    -------
    tuple of Finding
        ``W-DATABASE-DAMAGED`` when a new database had to be made; it is for everybody to read.

    Raises
    ------
    RunError
        ``E-FOLDER`` when a folder cannot be written to; ``E-DATABASE`` or ``E-DATABASE-NEWER``
        when the database cannot be opened.
    """
    check_folders()
    url = database_url()
    file = sqlite_file(url)
    if file is None:
        open_engine(url).dispose()
        return ()
    findings: tuple[Finding, ...] = ()
    with alone(file):  # of two servers that start at once, the second finds a sound file
        if is_damaged(file):
            findings = (_what_happened(file, put_aside(file, datetime.now())),)
        open_engine(url).dispose()
    if findings:
        get_database(url).close()  # connections that still lead to the old file
    return findings


def _what_happened(file: Path, aside: Path) -> Finding:
    return Finding(
        "W-DATABASE-DAMAGED",
        f"The list of all runs, {file.name}, was damaged and could not be read. It was put aside"
        f" as {aside.name}, and a new, empty list was begun.",
        f"Nothing else was touched: results are still in the folder {runs_folder()}, saved models"
        f" in {models_folder()}. Load data and models again to go on; or, if you have a copy of"
        f" the list, stop Needle and put it in the place of {file}.",
    )
