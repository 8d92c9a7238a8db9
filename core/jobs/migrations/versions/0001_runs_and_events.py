"""The tables of the first version of Needle: runs, and what they report."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("started", TIME),
        sa.Column("finished", TIME),
        sa.Column("pid", sa.Integer),
        sa.Column("pid_started", sa.Float(53)),
        sa.Column("heartbeat", TIME),
        sa.Column("progress", sa.Float),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("summary", sa.JSON),
        sa.Column("peak_memory", sa.BigInteger),
    )
    op.create_index("runs_by_age", "runs", ["created"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column(
            "run_id", sa.String(32), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("time", TIME, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_run", "events", ["run_id", "id"])
