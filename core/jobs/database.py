"""The run database: what every run is, where it stands and what it reported.

It is the only thing that the web server and the workers share. SQLite is the default; any other
database that SQLAlchemy reaches, PostgreSQL first of all, is one URL away.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import RunError
from core.jobs.engine import open_engine
from core.jobs.schema import EVENTS, FINAL_STATES, RUNS, Event, Run, State
from core.paths import database_url

__all__ = ["RunDatabase", "get_database"]

# No letters or digits that people mix up, and never a leading hyphen.
ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
ID_LENGTH = 12


class RunDatabase:
    """Runs and their events.

    Parameters
    ----------
    url : str or None
        SQLAlchemy URL; ``None`` for :func:`core.paths.database_url`.

    Raises
    ------
    RunError
        ``E-DATABASE`` when the database cannot be opened.

    Examples
    --------
    >>> database = RunDatabase("sqlite://")
    >>> run_id = database.create("train", {"seed": 0})
    >>> database.get(run_id).state.value
    'queued'
    """

    def __init__(self, url: str | None = None) -> None:
        self._engine = open_engine(url or database_url())

    def create(self, kind: str, config: dict[str, Any], *, title: str = "") -> str:
        """Enter a new run, queued, and return its id."""
        run_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
        values = {"id": run_id, "kind": kind, "config": config, "title": title}
        with self._engine.begin() as connection:
            connection.execute(insert(RUNS).values(**values, state=State.QUEUED, created=_now()))
        return run_id

    def get(self, run_id: str) -> Run:
        """Return one run.

        Raises
        ------
        RunError
            ``E-RUN-UNKNOWN`` when there is none with this id.
        """
        with self._engine.connect() as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).one_or_none()
        if row is None:
            raise _unknown(run_id)
        return _as_run(row)

    def runs(
        self, kind: str | None = None, state: State | str | None = None, limit: int | None = 200
    ) -> list[Run]:
        """Return runs, newest first, at most `limit`; all kinds and states unless named."""
        query = select(RUNS).order_by(RUNS.c.created.desc(), RUNS.c.id).limit(limit)
        if kind is not None:
            query = query.where(RUNS.c.kind == kind)
        if state is not None:
            query = query.where(RUNS.c.state == State(state))
        with self._engine.connect() as connection:
            return [_as_run(row) for row in connection.execute(query)]

    def add_event(self, run_id: str, kind: str, payload: dict[str, Any]) -> int:
        """Write down what a run reports, with a heartbeat, and return the event's id.

        Raises
        ------
        RunError
            ``E-RUN-UNKNOWN`` when there is no such run.
        """
        values = {"run_id": run_id, "time": _now(), "kind": kind, "payload": payload}
        try:
            with self._engine.begin() as connection:
                event_id = connection.execute(insert(EVENTS).values(values)).inserted_primary_key[0]
                beat = update(RUNS).where(RUNS.c.id == run_id).values(heartbeat=values["time"])
                connection.execute(beat)
        except IntegrityError as error:
            raise _unknown(run_id) from error
        return event_id

    def events(self, run_id: str, *, after: int = 0) -> list[Event]:
        """Return what a run reported since event number `after`, oldest first."""
        query = select(EVENTS).where(EVENTS.c.run_id == run_id, EVENTS.c.id > after)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(EVENTS.c.id))
            return [Event(**row._mapping) for row in rows]

    def transition(
        self, run_id: str, to: State | str, *, allowed_from: Collection[State | str], **fields: Any
    ) -> bool:
        """Move a run to another state, if it still is in one of `allowed_from`.

        Test and change are one statement: of several processes that try, exactly one wins.

        Parameters
        ----------
        run_id : str
            The run.
        to : State
            Its new state. ``running`` also sets `started`, a final state also sets `finished`.
        allowed_from : collection of State
            States in which it may be until now.
        **fields
            Further columns to set at the same moment.

        Returns
        -------
        bool
            Whether this call moved it.
        """
        to, now = State(to), _now()
        if to is State.RUNNING:
            fields = {"started": now, "heartbeat": now} | fields
        elif to in FINAL_STATES:
            fields = {"finished": now} | fields
        return self._update(run_id, allowed_from, state=to, **fields)

    def heartbeat(self, run_id: str, **fields: Any) -> bool:
        """Say that a run's worker is alive and set `fields`; False when the run is over."""
        return self._update(run_id, (State.RUNNING,), heartbeat=_now(), **fields)

    def delete(self, run_id: str) -> None:
        """Forget a run and its events.

        Raises
        ------
        RunError
            ``E-RUN-BUSY`` while it is queued or running, ``E-RUN-UNKNOWN`` when there is none.
        """
        over = RUNS.c.state.in_(FINAL_STATES)
        with self._engine.begin() as connection:
            if connection.execute(delete(RUNS).where(RUNS.c.id == run_id, over)).rowcount:
                return
        raise RunError(
            f"Only a finished run can be deleted. Run {run_id} is {self.get(run_id).state}.",
            code="E-RUN-BUSY",
            next_step="Cancel it first, or wait until it is done.",
        )

    def close(self) -> None:
        """Close all connections; the next call opens a new one."""
        self._engine.dispose()

    def _update(self, run_id: str, states: Collection[State | str], **fields: Any) -> bool:
        here = RUNS.c.id == run_id, RUNS.c.state.in_([State(state) for state in states])
        with self._engine.begin() as connection:
            return connection.execute(update(RUNS).where(*here).values(**fields)).rowcount == 1


_databases: dict[str, RunDatabase] = {}
_databases_lock = threading.Lock()


def get_database(url: str | None = None) -> RunDatabase:
    """Return this process's database for `url`, opening it at the first call."""
    url = url or database_url()
    with _databases_lock:
        if url not in _databases:
            _databases[url] = RunDatabase(url)
        return _databases[url]


def _as_run(row: Any) -> Run:
    return Run(**dict(row._mapping, state=State(row.state)))


def _now() -> datetime:
    return datetime.now(UTC)


def _unknown(run_id: str) -> RunError:
    return RunError(
        f"There is no run with the id {run_id!r}.",
        code="E-RUN-UNKNOWN",
        next_step="It may have been deleted; look it up on the page Runs.",
    )
