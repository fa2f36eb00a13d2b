"""How long things are kept, and what was erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_MOMENT = sa.String(32)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "retention_decisions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("retention", sa.String(32), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(255), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_retention_decisions"),
    )
    op.create_index("ix_retention_decisions_retention", "retention_decisions", ["retention"])
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", sa.String(64), nullable=False),
        sa.Column("covers", sa.String(16), nullable=False),
        sa.Column("named", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.String(255), nullable=False),
        sa.Column("placed_at", _MOMENT, nullable=False),
        sa.Column("lifted_by", sa.String(255)),
        sa.Column("lifted_at", _MOMENT),
        sa.Column("lift_reason", sa.Text()),
        sa.PrimaryKeyConstraint("hold_id", name="pk_legal_holds"),
    )
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.String(64), nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=False),
        sa.Column("erased_by", sa.String(255), nullable=False),
        sa.Column("decisions", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.PrimaryKeyConstraint("erasure_id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_begun_at", "erasures", ["begun_at"])


def downgrade() -> None:
    """Remove them."""
    for table in ("erasures", "legal_holds", "retention_decisions"):
        op.drop_table(table)
