"""What runs by the clock, and the history of scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.String(64)
_MOMENT = sa.String(32)
_TOLD = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "jobs",
        sa.Column("job_id", _ID, primary_key=True),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("slot", _MOMENT, nullable=True),
        sa.Column("asked_key", _ID, nullable=True),
        sa.Column("active", sa.Integer, nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("step", sa.String(80), nullable=True),
        sa.Column("share", sa.Double, nullable=False),
        sa.Column("cancel_asked_by", sa.String(200), nullable=True),
        sa.UniqueConstraint("slot", name="jobs_slot_once"),
        sa.UniqueConstraint("asked_key", name="jobs_asked_key_once"),
        sa.UniqueConstraint("active", name="jobs_one_at_a_time"),
    )
    op.create_table(
        "routine_runs",
        sa.Column("job_id", _ID, primary_key=True),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("slot", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("run_id", _ID, nullable=True),
        sa.Column("as_of", sa.Date, nullable=True),
        sa.Column("version", sa.String(40), nullable=True),
        sa.Column("batches", _TOLD, nullable=True),
        sa.Column("rooms", _TOLD, nullable=True),
        sa.Column("loaded_batch", _ID, nullable=True),
        sa.Column("published", sa.Boolean, nullable=True),
    )
    op.create_index("routine_runs_by_run", "routine_runs", ["run_id"])
    op.create_table(
        "score_history",
        sa.Column("run_id", _ID, primary_key=True),
        sa.Column("provider_ref", _ID, primary_key=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("score", sa.Double, nullable=True),
        sa.Column("band", sa.String(16), nullable=False),
        sa.Column("rank", sa.Integer, nullable=True),
        sa.Column("change", _TOLD, nullable=True),
        sa.Column("contributions", _TOLD, nullable=False),
    )
    op.create_index("score_history_by_provider", "score_history", ["provider_ref", "run_id"])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("score_history")
    op.drop_table("routine_runs")
    op.drop_table("jobs")
