"""Whose turn it is: the order of the queue, and what a run that waits is told.

The order is fair between people and not between runs: whoever has fewest runs at work comes first,
and among those with equally many whoever was served longest ago.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from core.jobs.database import RunDatabase, get_database, now
from core.jobs.limits import max_runs
from core.jobs.machine import total_memory
from core.jobs.memory import free_memory
from core.jobs.schema import RUNS, UNFINISHED, Run

__all__ = ["Place", "choose_next", "in_order", "last_served", "queue_of", "queue_place"]

# Kinds that take minutes to hours. All others are short, and people stand in front of them.
LONG_KINDS = frozenset({"train"})

# A run that is too large for the memory that is free lets others pass, but not for ever.
LONGEST_OVERTAKING = timedelta(minutes=10)
REMEMBERED = timedelta(days=1)

# A prediction may be so many times the peak.
LARGEST_MISTAKE = 2
NEVER = datetime.min.replace(tzinfo=UTC)

_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True)
class Place:
    """Where a run stands in the queue.

    Parameters
    ----------
    position : int
        1 for the next one; 0 when the run does not wait any more.
    n_waiting : int
        How many wait, this one included.
    reason : str
        Why it waits, in one sentence; empty when it does not.
    """

    position: int
    n_waiting: int
    reason: str


def choose_next(
    waiting: Sequence[Run],
    active: Sequence[Run],
    *,
    slots: int,
    free_memory: int,
    served: Mapping[str, datetime] | None = None,
) -> Run | None:
    """Return the run that is to leave the queue now.

    A run that needs more memory than is free lets later ones pass. Where it could have the memory
    once the runs at work are over, it does so only for those that came within ten minutes of it:
    many small runs one after another would else keep it waiting for ever.

    Parameters
    ----------
    waiting, active : sequence of Run
        Runs in the queue, oldest first, and runs that have left it and are not over.
    slots : int
        How many runs may work at once.
    free_memory : int
        Bytes that a further run may use.
    served : mapping of str to datetime, optional
        When a run of each owner last left the queue.

    Returns
    -------
    Run or None
        ``None`` when all have to wait.
    """
    if len(active) >= slots:
        return None
    to_come = sum(run.predicted_memory or 0 for run in active)
    latest = datetime.max.replace(tzinfo=UTC)
    for run in in_order(waiting, active, served or {}):
        if run.created > latest:
            continue
        if fits(run, free_memory, alone=not active):
            return run
        if active and fits(run, free_memory + to_come, alone=True):
            latest = min(latest, run.created + LONGEST_OVERTAKING)
    return None


def in_order(
    waiting: Sequence[Run], active: Sequence[Run], served: Mapping[str, datetime]
) -> Iterator[Run]:
    """Yield the waiting runs in the order in which they are going to leave the queue.

    An owner's short runs go before their long ones, and within each the oldest first.
    """
    queues: dict[str, list[Run]] = {}
    for run in sorted(waiting, key=lambda run: (run.kind in LONG_KINDS, run.created, run.id)):
        queues.setdefault(run.owner, []).append(run)
    at_work = Counter(run.owner for run in active)
    turn = {owner: (served.get(owner, NEVER), 0) for owner in queues}
    for number in range(1, len(waiting) + 1):
        owner = min(
            (owner for owner, queue in queues.items() if queue),
            key=lambda owner: (at_work[owner], turn[owner], _first(queues[owner]), owner),
        )
        at_work[owner] += 1
        turn[owner] = (datetime.max.replace(tzinfo=UTC), number)
        yield queues[owner].pop(0)


def fits(run: Run, free_memory: int, *, alone: bool) -> bool:
    """Whether a run can do with so many bytes, as far as that is known.

    One that is alone would wait for nobody to end: it may have been predicted too large. If the
    whole machine is too small for it, waiting helps as little: its own limit ends it and says so.
    """
    needs = run.predicted_memory or 0
    if alone:
        return needs > total_memory() or needs <= LARGEST_MISTAKE * free_memory
    return needs <= free_memory


def queue_of(database: RunDatabase) -> tuple[list[Run], list[Run]]:
    """Return the runs that wait, oldest first, and those that have left the queue."""
    runs = sorted(
        database.runs(state=UNFINISHED, limit=None), key=lambda run: (run.created, run.id)
    )
    waiting = [run for run in runs if run.is_waiting]
    return waiting, [run for run in runs if not run.is_waiting]


def last_served(database: RunDatabase, waiting: Sequence[Run]) -> dict[str, datetime]:
    """Return when a run of each owner who waits last left the queue, within the last day."""
    owners = {run.owner for run in waiting}
    if len(owners) < 2:
        return {}
    recent = RUNS.c.owner.in_(owners), RUNS.c.created > now() - REMEMBERED
    query = select(RUNS.c.owner, func.max(RUNS.c.claimed)).where(
        *recent, RUNS.c.claimed.is_not(None)
    )
    with database.engine.connect() as connection:
        rows = connection.execute(query.group_by(RUNS.c.owner))
        return {owner: moment for owner, moment in rows}  # noqa: C416


def queue_place(run_id: str) -> Place:
    """Return where a run stands in the queue, and why it waits.

    Examples
    --------
    >>> queue_place("k3m9wz2hq7ad").reason  # doctest: +SKIP
    'Waits for its turn: 2nd of 3 in the queue.'
    """
    database = get_database()
    waiting, active = queue_of(database)
    order = list(in_order(waiting, active, last_served(database, waiting)))
    for position, run in enumerate(order, 1):
        if run.id == run_id:
            return Place(position, len(order), _reason(run, position, len(order), active))
    return Place(0, len(order), "")


def _reason(run: Run, position: int, n_waiting: int, active: Sequence[Run]) -> str:
    if len(active) < max_runs():
        free = free_memory(active)
        if not fits(run, free, alone=not active):
            return (
                f"Waits for memory: it needs about {_gigabytes(run.predicted_memory)} "
                f"and {_gigabytes(max(free, 0))} are free."
            )
    return f"Waits for its turn: {_ordinal(position)} of {n_waiting} in the queue."


def _first(queue: Sequence[Run]) -> tuple[datetime, str]:
    oldest = min(queue, key=lambda run: (run.created, run.id))
    return oldest.created, oldest.id


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GB"


def _ordinal(number: int) -> str:
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else _ENDINGS.get(number % 10, 'th')}"
