"""How the tables of the run database changed from version to version.

Each step is a file in ``versions``, an `Alembic <https://alembic.sqlalchemy.org>`_ revision, and
:func:`core.jobs.engine.open_engine` takes the steps that a database lacks; nobody has to run a
command. Steps lead forward only: the way back is the copy that is kept of an SQLite file, or a
dump of a PostgreSQL database.

To change the tables: change `core/jobs/schema.py`, write the next file in ``versions`` after the
model of the last, and name it in ``HEAD``. A step imports nothing from Needle, because the tables
that it knows stay as they were then. `tests/unit/test_jobs_migrations.py` fails with the list of
operations for which the steps and the schema still differ, on SQLite and on PostgreSQL.
"""

# The newest step. It stands here, because a database that has it needs no Alembic to be opened.
HEAD = "0002"
