"""Which rules a run asked otherwise than the run before: in the log, since a rule decides much."""

from __future__ import annotations

from api.desk import terminal_user
from api.session import Session
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.database import Database
from graph_service.errors import RunError
from graph_service.run_file import RunFile, RunFolder


def log_rule_changes(session: Session, database: Database, made: RunFile) -> None:
    """Write one entry that names each detector whose query or thresholds are others than before.

    Nothing where the run was compared with none, or with one that is kept no more.
    """
    changed = _changed(session, made)
    if not changed:
        return
    settings = session.settings
    with AuditLog(database, settings.audit_anchor or session.home.audit) as log:
        log.write(
            Entry(
                at=session.now(),
                user_id=terminal_user(),
                roles=(),
                action="rules.changed",
                outcome=Outcome.ANSWERED,
                what=tuple(f"detector:{name}" for name in changed),
                run_id=made.run_id,
            )
        )


def _changed(session: Session, made: RunFile) -> list[str]:
    before = made.rows("run", order="run_id")[0]["compared_with"]
    if before is None:
        return []
    try:
        past = _rules(RunFolder(session.home).named(before))
    except RunError:
        return []
    return sorted(name for name, rule in _rules(made).items() if past.get(name) != rule)


def _rules(run: RunFile) -> dict[str, str]:
    return {row["room"]: row["rule"] for row in run.rows("rooms", order="room")}
