"""What only a database server can do: be away, come back, refuse, and keep a password."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import create_engine, text

from core.errors import RunError
from core.jobs.database import RunDatabase
from core.jobs.startup import start_up

pytest_plugins = ["tests.postgres"]


@pytest.fixture
def nobody_there():
    """Give the URL of a port at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        yield f"postgresql://ann:s3cret@127.0.0.1:{taken.getsockname()[1]}/needle"


@pytest.mark.parametrize("extra", ["", "?password=s3cret&application_name=needle"])
def test_a_server_that_does_not_answer_is_refused_without_showing_the_password(
    nobody_there, extra, monkeypatch, fresh_home
):
    monkeypatch.setenv("NEEDLE_DATABASE_URL", nobody_there + extra)
    where = nobody_there.replace("s3cret", r"\*\*\*")
    with pytest.raises(RunError, match=f"{where} cannot be opened: .*refused") as refusal:
        start_up()
    assert refusal.value.code == "E-DATABASE"
    assert "NEEDLE_DATABASE_URL" in refusal.value.next_step
    assert "s3cret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_database_that_is_not_there_is_refused_with_the_servers_reason(postgres_url):
    url = postgres_url.replace("/postgres?", "/nosuch?")
    with pytest.raises(RunError, match='database "nosuch" does not exist') as refusal:
        RunDatabase(url)
    assert refusal.value.code == "E-DATABASE"


def test_somebody_who_may_not_make_tables_is_refused_with_the_reason(postgres_url):
    schema = postgres_url.rsplit("%3D", 1)[1]
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE guest_{schema} LOGIN"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO guest_{schema}"))
    engine.dispose()
    with pytest.raises(RunError, match=f"permission denied for schema {schema}") as refusal:
        RunDatabase(postgres_url.replace("//needle:", f"//guest_{schema}:"))
    assert refusal.value.code == "E-DATABASE"


def test_a_server_start_makes_the_tables_and_leaves_no_sqlite_file(
    postgres_url, monkeypatch, fresh_home
):
    monkeypatch.setenv("NEEDLE_DATABASE_URL", postgres_url)
    assert start_up() == ()
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runs")) == 0
    engine.dispose()
    assert list(fresh_home.glob("*.db*")) == []


def test_a_server_that_was_restarted_is_asked_again_as_if_nothing_had_happened(postgres_url):
    database = RunDatabase(postgres_url)
    run_id = database.create("train", {})
    engine = create_engine(postgres_url)
    with engine.begin() as connection:  # what all others have open is closed by the server
        ended = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        ).all()
    engine.dispose()
    assert ended
    assert database.get(run_id).id == run_id
    assert database.add_event(run_id, "fold", {}) > 0
    database.close()


def test_a_url_without_a_driver_means_the_one_that_needle_brings(postgres_url):
    database = RunDatabase(postgres_url.replace("postgresql+psycopg:", "postgresql:"))
    assert database.engine.driver == "psycopg"
    assert database.runs() == []
    database.close()
