"""The tables of the run database, and the frozen values that callers get from them."""

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

__all__ = [
    "DATASETS",
    "EVENTS",
    "FINAL_STATES",
    "LOCAL",
    "METADATA",
    "MODELS",
    "RUNS",
    "UNFINISHED",
    "Event",
    "Run",
    "State",
    "plain",
]

# Owner of everything where nobody logs in.
LOCAL = "local"


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


UNFINISHED = (State.QUEUED, State.RUNNING)
FINAL_STATES = frozenset(State) - frozenset(UNFINISHED)


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
        Largest memory of the worker in bytes, as far as it was seen.
    owner : str
        Who started it; ``"local"`` where nobody logs in.
    versions : dict or None
        Versions of Needle, Python and the libraries that computed it, by name.
    claimed : datetime or None
        When it left the queue and was handed to a worker, UTC.
    launcher_pid, launcher_started : int or None, float or None
        The process that started the worker, and that the worker does not outlive.
    predicted_memory : int or None
        Bytes that the worker is expected to need.
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
    owner: str
    versions: dict[str, str] | None
    claimed: datetime | None
    launcher_pid: int | None
    launcher_started: float | None
    predicted_memory: int | None

    @property
    def is_over(self) -> bool:
        """Whether nothing works on the run any more, and nothing will by itself."""
        return self.state in FINAL_STATES

    @property
    def is_waiting(self) -> bool:
        """Whether the run still stands in the queue."""
        return self.state is State.QUEUED and self.claimed is None

    @property
    def seed(self) -> int | None:
        """Seed of a run that draws random numbers."""
        return self.config.get("training", {}).get("seed")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Content digests of the datasets that the run reads, or that it has made."""
        named = (self.config.get("dataset"), (self.summary or {}).get("dataset"))
        return tuple(digest for digest in named if digest)


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
    Column("owner", String(255), nullable=False, server_default=LOCAL),
    Column("versions", JSON(none_as_null=True)),
    Column("claimed", UtcDateTime),
    Column("launcher_pid", Integer),
    Column("launcher_started", Float(53)),
    Column("predicted_memory", BigInteger),
    Index("runs_by_age", "created"),
    Index("runs_of_owner", "owner", "created"),
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

# The library of named models; the file of each is `models/<id>.skops` in the data folder.
MODELS = Table(
    "models",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("name", Text, nullable=False),
    Column("method", String(64), nullable=False),
    Column("label", Text, nullable=False),
    Column("rare", Text, nullable=False),
    Column("genes", JSON, nullable=False),
    Column("metrics", JSON(none_as_null=True)),
    Column("reference", JSON, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("run_id", String(32)),  # the training; no foreign key, the model outlives it
    Index("models_of_owner", "owner", "created"),
)

# Who may use which dataset, and under which name: files are kept once, by their content.
DATASETS = Table(
    "datasets",
    METADATA,
    Column("owner", String(255), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created", UtcDateTime, nullable=False),
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
