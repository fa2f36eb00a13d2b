"""Cases, judgements, replies, tips and lifted masks."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NAME: Final = sa.String(255)
_ID: Final = sa.String(64)
_MOMENT: Final = sa.String(32)

#: In the order in which they are made.
_TABLES: Final = (
    "cases",
    "case_members",
    "case_links",
    "case_link_subjects",
    "case_notes",
    "case_events",
    "case_masks",
    "dispositions",
    "snoozes",
    "replies",
    "reply_findings",
    "tips",
    "tip_sources",
)
_INDEXES: Final = (
    ("cases", "opened_at"),
    ("case_members", "user_id"),
    ("case_notes", "case_id"),
    ("case_masks", "case_id"),
    ("dispositions", "finding_id"),
    ("snoozes", "reference"),
    ("replies", "provider"),
    ("reply_findings", "finding_id"),
    ("tips", "about"),
    ("tips", "case_id"),
)


def upgrade() -> None:
    """Make the tables."""
    _cases()
    _judgements()
    _told()
    for table, column in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Remove them."""
    for table, column in _INDEXES:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    for table in reversed(_TABLES):
        op.drop_table(table)


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", _ID, primary_key=True),
        _must("version", sa.Integer()),
        _must("title", sa.Text()),
        _must("purpose", sa.Text()),
        _must("legal_ground", sa.Text()),
        _must("status", sa.String(32)),
        _must("restricted", sa.Boolean()),
        _must("opened_by", _NAME),
        _must("opened_at", _MOMENT),
        _must("changed_at", _MOMENT),
        sa.Column("closed_at", _MOMENT),
    )
    op.create_table(
        "case_members",
        _of("cases.case_id", primary_key=True),
        sa.Column("user_id", _NAME, primary_key=True),
        _must("added_by", _NAME),
        _must("added_at", _MOMENT),
    )
    op.create_table(
        "case_links",
        _of("cases.case_id", primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("reference", _NAME, primary_key=True),
        sa.Column("run_id", _NAME),
        _must("linked_by", _NAME),
        _must("linked_at", _MOMENT),
    )
    link = ("case_id", "kind", "reference")
    op.create_table(
        "case_link_subjects",
        sa.Column("case_id", _ID, primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("reference", _NAME, primary_key=True),
        sa.Column("subject", _NAME, primary_key=True),
        sa.ForeignKeyConstraint(link, [f"case_links.{name}" for name in link], ondelete="CASCADE"),
    )
    op.create_table(
        "case_notes",
        sa.Column("note_id", _ID, primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        _of("cases.case_id", nullable=False),
        _must("author", _NAME),
        _must("written_at", _MOMENT),
        _must("text", sa.Text()),
    )
    op.create_table(
        "case_events",
        _of("cases.case_id", primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        _must("event", sa.String(32)),
        _must("by", _NAME),
        _must("at", _MOMENT),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("reason", sa.Text()),
    )
    op.create_table(
        "case_masks",
        sa.Column("mask_id", _ID, primary_key=True),
        _of("cases.case_id", nullable=False),
        _must("reference", _NAME),
        _must("reason", sa.Text()),
        _must("asked_by", _NAME),
        _must("asked_at", _MOMENT),
        sa.Column("approved_by", _NAME),
        sa.Column("approved_at", _MOMENT),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_by", _NAME),
        sa.Column("revoked_at", _MOMENT),
    )


def _judgements() -> None:
    op.create_table(
        "dispositions",
        sa.Column("disposition_id", _ID, primary_key=True),
        _must("finding_id", _NAME),
        _must("detector", _NAME),
        _must("provider", _NAME),
        _must("verdict", sa.String(16)),
        _must("reason", sa.Text()),
        sa.Column("story", _NAME),
        _must("insider", sa.Boolean()),
        _must("decided_by", _NAME),
        _must("decided_at", _MOMENT),
        sa.Column("expires_on", sa.Date()),
        sa.Column("ended_by", _NAME),
        sa.Column("ended_at", _MOMENT),
    )
    op.create_table(
        "snoozes",
        sa.Column("snooze_id", _ID, primary_key=True),
        _must("kind", sa.String(16)),
        _must("reference", _NAME),
        _must("until", sa.Date()),
        _must("reason", sa.Text()),
        _must("snoozed_by", _NAME),
        _must("snoozed_at", _MOMENT),
        sa.Column("ended_by", _NAME),
        sa.Column("ended_at", _MOMENT),
    )


def _told() -> None:
    op.create_table(
        "replies",
        sa.Column("reply_id", _ID, primary_key=True),
        _must("provider", _NAME),
        _must("received_on", sa.Date()),
        _must("text", sa.Text()),
        _must("recorded_by", _NAME),
        _must("recorded_at", _MOMENT),
    )
    op.create_table(
        "reply_findings",
        _of("replies.reply_id", primary_key=True),
        sa.Column("finding_id", _NAME, primary_key=True),
    )
    op.create_table(
        "tips",
        sa.Column("tip_id", _ID, primary_key=True),
        _must("received_on", sa.Date()),
        _must("channel", sa.String(16)),
        sa.Column("about", _NAME),
        sa.Column("credibility", sa.Integer()),
        _must("text", sa.Text()),
        _of("cases.case_id", nullable=True),
        _must("recorded_by", _NAME),
        _must("recorded_at", _MOMENT),
    )
    op.create_table(
        "tip_sources",
        _of("tips.tip_id", primary_key=True),
        _must("sealed", sa.Text()),
    )


def _must(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _of(target: str, **rules: Any) -> sa.Column[Any]:
    """The key of another table's row."""
    return sa.Column(target.partition(".")[2], _ID, sa.ForeignKey(target), **rules)
