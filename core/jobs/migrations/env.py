"""What Alembic runs at every command: it takes the steps on the connection that it is given."""

from __future__ import annotations

from alembic import context

# The transaction is the caller's, so that all steps happen or none.
context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
