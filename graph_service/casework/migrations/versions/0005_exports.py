"""What was asked to be exported, who approved it, and what was made of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NAME = sa.String(255)
_ID = sa.String(64)
_MOMENT = sa.String(32)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "case_exports",
        sa.Column("export_id", _ID, primary_key=True),
        sa.Column("case_id", _ID, sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("case_version", sa.Integer(), nullable=False),
        sa.Column("told_digest", _ID, nullable=False),
        sa.Column("run_id", _NAME, nullable=False),
        sa.Column("recipient", sa.String(32), nullable=False),
        sa.Column("legal_ground", sa.Text(), nullable=False),
        sa.Column("authority_reference", sa.Text()),
        sa.Column("contact", sa.Text()),
        sa.Column("damages", sa.Text()),
        sa.Column("lifted", sa.JSON(), nullable=False),
        sa.Column("units", sa.JSON()),
        sa.Column("insiders", sa.Boolean(), nullable=False),
        sa.Column("asked_by", _NAME, nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("approved_by", _NAME),
        sa.Column("approved_at", _MOMENT),
        sa.Column("expires_at", _MOMENT),
        sa.Column("ended_as", sa.String(16)),
        sa.Column("ended_by", _NAME),
        sa.Column("ended_at", _MOMENT),
        sa.Column("end_reason", sa.Text()),
    )
    op.create_index("ix_case_exports_case_id", "case_exports", ["case_id"])
    op.create_table(
        "export_packages",
        sa.Column("export_id", _ID, sa.ForeignKey("case_exports.export_id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("made_by", _NAME, nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("sha256", _ID, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("export_packages")
    op.drop_index("ix_case_exports_case_id", table_name="case_exports")
    op.drop_table("case_exports")
