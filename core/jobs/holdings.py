"""Who holds which dataset, and under which name.

A dataset is kept once, by its content, however many people load it. Each of them holds it under
the name of their own file, and sees no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from core.jobs.database import get_database, now
from core.jobs.engine import take_turn
from core.jobs.schema import DATASETS, State

__all__ = ["Holding", "datasets", "hold", "holds", "name_of"]


@dataclass(frozen=True)
class Holding:
    """A dataset as one owner has it.

    Parameters
    ----------
    digest : str
        SHA-256 of its content.
    name : str
        What its owner calls it.
    created : datetime
        When they loaded it first, in UTC.
    """

    digest: str
    name: str
    created: datetime


def hold(owner: str, digest: str, name: str) -> None:
    """Enter that somebody loaded a dataset; who loads it again gives it their latest name.

    Examples
    --------
    >>> hold("local", "ab12", "my_cells")  # doctest: +SKIP
    >>> name_of("local", "ab12")  # doctest: +SKIP
    'my_cells'
    """
    here = (DATASETS.c.owner == owner) & (DATASETS.c.digest == digest)
    with get_database().engine.begin() as connection:
        take_turn(connection)  # two tabs may load one file at the same moment
        change = update(DATASETS).where(here).values(name=name)
        if not connection.execute(change).rowcount:
            values = {"owner": owner, "digest": digest, "name": name, "created": now()}
            connection.execute(insert(DATASETS).values(**values))


def holds(owner: str, digest: str) -> bool:
    """Whether somebody loaded a dataset."""
    return name_of(owner, digest) is not None


def name_of(owner: str, digest: str) -> str | None:
    """Return what an owner calls a dataset; ``None`` when they do not hold it."""
    here = (DATASETS.c.owner == owner) & (DATASETS.c.digest == digest)
    with get_database().engine.connect() as connection:
        name = connection.execute(select(DATASETS.c.name).where(here)).scalar()
    return name if name is not None else _name_by_reading(owner, digest)


def datasets(owner: str) -> list[Holding]:
    """Return what somebody loaded, newest first."""
    query = select(DATASETS.c.digest, DATASETS.c.name, DATASETS.c.created)
    query = query.where(DATASETS.c.owner == owner)
    with get_database().engine.connect() as connection:
        rows = connection.execute(query.order_by(DATASETS.c.created.desc(), DATASETS.c.digest))
        return [Holding(**row._mapping) for row in rows]


def _name_by_reading(owner: str, digest: str) -> str | None:
    """Look whether a run of the owner has read the dataset when no page was there to see it."""
    for run in get_database().runs("read", State.DONE, limit=None, owner=owner):
        if run.summary.get("dataset") == digest:
            hold(owner, digest, run.summary["name"])
            return run.summary["name"]
    return None
