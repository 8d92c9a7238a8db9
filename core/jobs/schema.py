"""The two tables of the run database, and the frozen values that callers get from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

__all__ = ["EVENTS", "FINAL_STATES", "METADATA", "RUNS", "Event", "Run", "State", "plain"]


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


FINAL_STATES = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.INTERRUPTED})


@dataclass(frozen=True)
class Run:
    """One run as it stood when the database was asked.

    Parameters
    ----------
    id : str
        Short random name, safe in a URL and as a file name.
    kind, title : str
        Which task it is, and what people call it.
    state : State
        Where it stands.
    config : dict
        Settings the task was started with.
    created, started, finished : datetime or None
        In UTC; ``None`` for what has not happened yet.
    pid, pid_started : int or None, float or None
        The worker's process number and the time (seconds since 1970) that process was created.
        Numbers are given out again after a while; number and time together are not.
    heartbeat : datetime or None
        When the worker was last heard of, UTC.
    progress : float or None
        Fraction done, 0 to 1; ``None`` when the task cannot tell.
    message : str
        What the worker is doing, in one sentence.
    error : dict or None
        ``code``, ``message`` and ``next_step`` of a run that failed or was interrupted.
    summary : dict or None
        What the task returned.
    peak_memory : int or None
        Largest memory of the worker in bytes.
    """

    id: str
    kind: str
    title: str
    state: State
    config: dict[str, Any]
    created: datetime
    started: datetime | None
    finished: datetime | None
    pid: int | None
    pid_started: float | None
    heartbeat: datetime | None
    progress: float | None
    message: str
    error: dict[str, str] | None
    summary: dict[str, Any] | None
    peak_memory: int | None

    @property
    def is_over(self) -> bool:
        """Whether the run has reached a state that it never leaves."""
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class Event:
    """Something a run reported; `id` grows from event to event, `time` is UTC."""

    id: int
    run_id: str
    time: datetime
    kind: str
    payload: dict[str, Any]


class UtcDateTime(TypeDecorator[datetime]):
    """Time with zone UTC, on databases that keep the zone (PostgreSQL) or drop it (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC before the zone may get lost."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("state", String(16), nullable=False),
    Column("config", JSON, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("started", UtcDateTime),
    Column("finished", UtcDateTime),
    Column("pid", Integer),
    Column("pid_started", Float(53)),
    Column("heartbeat", UtcDateTime),
    Column("progress", Float),
    Column("message", Text, nullable=False, default=""),
    Column("error", JSON(none_as_null=True)),
    Column("summary", JSON(none_as_null=True)),
    Column("peak_memory", BigInteger),
    Index("runs_by_age", "created"),
)

EVENTS = Table(
    "events",
    METADATA,
    # SQLite counts up by itself only in a column of exactly the type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("time", UtcDateTime, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    Index("events_of_run", "run_id", "id"),
    sqlite_autoincrement=True,  # an id is never given out twice, so `after=` misses nothing
)


def plain(value: Any) -> Any:
    """Turn numpy values into plain ones, and numbers that JSON cannot write into ``None``.

    Python writes NaN and infinity into JSON, but they are not JSON and PostgreSQL refuses them.

    Examples
    --------
    >>> plain({"f1": np.float64("nan"), "tp": np.int64(4), "genes": ("GCG", "INS")})
    {'f1': None, 'tp': 4, 'genes': ['GCG', 'INS']}
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
