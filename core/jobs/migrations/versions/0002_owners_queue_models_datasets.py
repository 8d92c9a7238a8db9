"""Owners, the queue, the library of models, and who may use which dataset."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)
LOCAL = "local"


def upgrade() -> None:
    """Add columns and tables; all that is there belongs to the one user there was."""
    for column in (
        sa.Column("owner", sa.String(255), nullable=False, server_default=LOCAL),
        sa.Column("versions", sa.JSON),
        sa.Column("claimed", TIME),
        sa.Column("launcher_pid", sa.Integer),
        sa.Column("launcher_started", sa.Float(53)),
        sa.Column("predicted_memory", sa.BigInteger),
    ):
        op.add_column("runs", column)
    op.create_index("runs_of_owner", "runs", ["owner", "created"])
    _make_models()
    _make_datasets()
    if rows := _datasets_read():
        op.bulk_insert(sa.table("datasets", *_dataset_columns()), rows)


def _make_models() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("rare", sa.Text, nullable=False),
        sa.Column("genes", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON),
        sa.Column("reference", sa.JSON, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.String(32)),
    )
    op.create_index("models_of_owner", "models", ["owner", "created"])


def _make_datasets() -> None:
    op.create_table("datasets", *_dataset_columns())


def _dataset_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", TIME, nullable=False),
    ]


def _datasets_read() -> list[dict[str, Any]]:
    """Rows for the datasets that runs have read; of one read twice, the newer name."""
    runs = sa.table(
        "runs",
        sa.column("kind"),
        sa.column("state"),
        sa.column("summary", sa.JSON),
        sa.column("finished", TIME),
    )
    read = sa.select(runs.c.summary, runs.c.finished).where(
        runs.c.kind == "read", runs.c.state == "done", runs.c.finished.is_not(None)
    )
    rows = {}
    for summary, finished in op.get_bind().execute(read.order_by(runs.c.finished)):
        if summary and summary.get("dataset"):
            rows[summary["dataset"]] = {
                "owner": LOCAL,
                "digest": summary["dataset"],
                "name": summary.get("name") or "",
                "created": finished,
            }
    return list(rows.values())
