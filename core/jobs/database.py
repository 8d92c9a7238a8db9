"""The run database: what every run is, where it stands and what it reported.

It is the only thing that the web server and the workers share. SQLite is the default; any other
database that SQLAlchemy reaches, PostgreSQL first of all, is one URL away.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, insert, select, update

from core.errors import RunError
from core.jobs.engine import open_engine, take_turn
from core.jobs.schema import EVENTS, FINAL_STATES, LOCAL, RUNS, UNFINISHED, Event, Run, State
from core.paths import database_url

__all__ = ["RunDatabase", "get_database", "new_id", "now"]

# No letters or digits that people mix up, and never a leading hyphen.
ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
ID_LENGTH = 12

# What else must be true of a row, so that it is changed.
Conditions = Collection[ColumnElement[bool]]


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

    @property
    def engine(self) -> Engine:
        """The connections, for the other tables of this database."""
        return self._engine

    def create(
        self,
        kind: str,
        config: dict[str, Any],
        *,
        title: str = "",
        owner: str = LOCAL,
        **fields: Any,
    ) -> str:
        """Enter a new run, queued, and return its id; `fields` are further columns."""
        run_id = new_id()
        values = {"id": run_id, "kind": kind, "config": config, "title": title, "owner": owner}
        values |= {"state": State.QUEUED, "created": now()} | fields
        with self._engine.begin() as connection:
            connection.execute(insert(RUNS).values(**values))
        return run_id

    def get(self, run_id: str, *, owner: str | None = None) -> Run:
        """Return one run; with `owner`, only if it is theirs.

        Raises
        ------
        RunError
            ``E-RUN-UNKNOWN`` when there is none with this id, or it belongs to somebody else.
        """
        query = select(RUNS).where(RUNS.c.id == run_id)
        if owner is not None:
            query = query.where(RUNS.c.owner == owner)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise _unknown(run_id)
        return _as_run(row)

    def runs(
        self,
        kind: str | Collection[str] | None = None,
        state: State | str | Collection[State | str] | None = None,
        limit: int | None = 200,
        *,
        owner: str | None = None,
        text: str = "",
        offset: int = 0,
    ) -> list[Run]:
        """Return runs, newest first: from number `offset` on, at most `limit`.

        Parameters
        ----------
        kind, state : str, collection of str or None
            One or several that a run must be of; ``None`` for all.
        limit : int or None
            Most to return; ``None`` for all.
        owner : str or None
            Whose; ``None`` for everybody's.
        text : str
            Part of the title, in small or capital letters.
        offset : int
            How many of the newest to leave out.
        """
        query = select(RUNS).where(*_conditions(kind, state, owner, text))
        query = query.order_by(RUNS.c.created.desc(), RUNS.c.id).limit(limit).offset(offset)
        with self._engine.connect() as connection:
            return [_as_run(row) for row in connection.execute(query)]

    def count(
        self,
        kind: str | Collection[str] | None = None,
        state: State | str | Collection[State | str] | None = None,
        *,
        owner: str | None = None,
        text: str = "",
    ) -> int:
        """Return how many runs there are of what :meth:`runs` would list."""
        query = select(func.count()).select_from(RUNS)
        with self._engine.connect() as connection:
            return connection.execute(query.where(*_conditions(kind, state, owner, text))).scalar()

    def rename(self, run_id: str, title: str) -> None:
        """Give a run another title.

        Raises
        ------
        RunError
            ``E-RUN-UNKNOWN`` when there is no such run.
        """
        with self._engine.begin() as connection:
            change = update(RUNS).where(RUNS.c.id == run_id).values(title=title)
            if not connection.execute(change).rowcount:
                raise _unknown(run_id)

    def claim(
        self, choose: Callable[[list[Run], list[Run]], Run | None], **fields: Any
    ) -> Run | None:
        """Take one run out of the queue, in a step that no other process can come between.

        Parameters
        ----------
        choose : callable
            Given the runs that wait (oldest first) and those that have left the queue and are not
            over, names the one to take, or none.
        **fields
            Columns to set, such as who is going to start it.

        Returns
        -------
        Run or None
            The run, with ``claimed`` set; ``None`` when none was chosen.
        """
        with self._engine.begin() as connection:
            take_turn(connection)
            query = select(RUNS).where(RUNS.c.state.in_(UNFINISHED))
            # Locked, because PostgreSQL would let others cancel a run while it is being chosen.
            query = query.order_by(RUNS.c.created, RUNS.c.id).with_for_update()
            rows = connection.execute(query)
            runs = [_as_run(row) for row in rows]
            waiting = [run for run in runs if run.is_waiting]
            chosen = choose(waiting, [run for run in runs if not run.is_waiting])
            if chosen is None:
                return None
            values = {"claimed": now()} | fields
            connection.execute(update(RUNS).where(RUNS.c.id == chosen.id).values(**values))
        return replace(chosen, **values)

    def add_event(
        self, run_id: str, kind: str, payload: dict[str, Any], *, only: Conditions = ()
    ) -> int:
        """Write down what a run reports, with a heartbeat, and return the event's id.

        Raises
        ------
        RunError
            ``E-RUN-UNKNOWN`` when there is no such run, or its row does not meet `only`.
        """
        values = {"run_id": run_id, "time": now(), "kind": kind, "payload": payload}
        beat = update(RUNS).where(RUNS.c.id == run_id, *only).values(heartbeat=values["time"])
        with self._engine.begin() as connection:
            # First the run, which locks it: PostgreSQL gives out an id long before others can
            # see the event, and who asks for events after a later one must not miss it.
            if not connection.execute(beat).rowcount:
                raise _unknown(run_id)
            return connection.execute(insert(EVENTS).values(values)).inserted_primary_key[0]

    def remove_events(self, event_ids: Collection[int]) -> None:
        """Take back what runs have reported."""
        with self._engine.begin() as connection:
            connection.execute(delete(EVENTS).where(EVENTS.c.id.in_(event_ids)))

    def events(self, run_id: str, *, after: int = 0) -> list[Event]:
        """Return what a run reported since event number `after`, oldest first."""
        query = select(EVENTS).where(EVENTS.c.run_id == run_id, EVENTS.c.id > after)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(EVENTS.c.id))
            return [Event(**row._mapping) for row in rows]

    def transition(
        self,
        run_id: str,
        to: State | str,
        *,
        allowed_from: Collection[State | str],
        only: Conditions = (),
        **fields: Any,
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
        only : collection of conditions
            What its row must meet besides, such as :func:`core.jobs.rows.held_by`.
        **fields
            Further columns to set at the same moment.

        Returns
        -------
        bool
            Whether this call moved it.
        """
        to, moment = State(to), now()
        if to is State.RUNNING:
            fields = {"started": moment, "heartbeat": moment} | fields
        elif to in FINAL_STATES:
            fields = {"finished": moment} | fields
        return self._update(run_id, allowed_from, only, state=to, **fields)

    def heartbeat(self, run_id: str, *, only: Conditions = (), **fields: Any) -> bool:
        """Say that a run's worker is alive and set `fields`.

        False when the run is over, or when its row does not meet `only`.
        """
        return self._update(run_id, (State.RUNNING,), only, heartbeat=now(), **fields)

    def delete(self, run_id: str, also: Callable[[], None] | None = None) -> None:
        """Forget a run and its events.

        Before anybody can see that, `also` is called, if the run may be deleted at all.

        Raises
        ------
        RunError
            ``E-RUN-BUSY`` while it is queued or running, ``E-RUN-UNKNOWN`` when there is none.
        """
        over = RUNS.c.state.in_(FINAL_STATES)
        with self._engine.begin() as connection:
            if connection.execute(delete(RUNS).where(RUNS.c.id == run_id, over)).rowcount:
                if also is not None:
                    also()
                return
        raise RunError(
            f"Only a finished run can be deleted. Run {run_id} is {self.get(run_id).state}.",
            code="E-RUN-BUSY",
            next_step="Cancel it first, or wait until it is done.",
        )

    def close(self) -> None:
        """Close all connections; the next call opens a new one."""
        self._engine.dispose()

    def _update(
        self, run_id: str, states: Collection[State | str], only: Conditions, **fields: Any
    ) -> bool:
        here = RUNS.c.id == run_id, RUNS.c.state.in_([State(state) for state in states]), *only
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


def _conditions(
    kind: str | Collection[str] | None,
    state: State | str | Collection[State | str] | None,
    owner: str | None,
    text: str,
) -> list[ColumnElement[bool]]:
    conditions = []
    if kind is not None:
        conditions.append(RUNS.c.kind.in_([kind] if isinstance(kind, str) else list(kind)))
    if state is not None:
        states = [state] if isinstance(state, str) else state
        conditions.append(RUNS.c.state.in_([State(one) for one in states]))
    if owner is not None:
        conditions.append(RUNS.c.owner == owner)
    if text:
        conditions.append(RUNS.c.title.icontains(text, autoescape=True))
    return conditions


def new_id() -> str:
    """Return a new random id."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


def _as_run(row: Any) -> Run:
    """Return a row of the table as the value that callers get."""
    return Run(**dict(row._mapping, state=State(row.state)))


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def _unknown(run_id: str) -> RunError:
    return RunError(
        f"There is no run with the id {run_id!r}.",
        code="E-RUN-UNKNOWN",
        next_step="It may have been deleted; look it up on the page Runs.",
    )
