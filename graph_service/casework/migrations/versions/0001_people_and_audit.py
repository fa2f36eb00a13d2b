"""Who may come in, and the log of what they read."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""


def downgrade() -> None:
    """Remove them."""
