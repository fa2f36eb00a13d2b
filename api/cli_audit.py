"""Terminal: the log of what was read and done: verify it, anchor it, list it, review a month."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import click

from api.audit_report import as_markdown
from api.desk import Desk, at_desk
from api.listing import FORMAT, Format, as_json, emit
from api.session import Command, Group, Session, current
from graph_service.casework.audit.anchor import Anchor, AnchorFile, parse
from graph_service.casework.audit.log import newest
from graph_service.casework.audit.reading import Numbered, Wanted, oldest_first
from graph_service.casework.audit.report import STOCKHOLM, report
from graph_service.casework.audit.verification import Fault, Verification, verify
from graph_service.casework.database import open_database
from graph_service.errors import AuditError, UsageError
from graph_service.stores.search import holds_personal_number
from graph_service.texts import text

#: What the table of entries shows; programs get all.
_SUMMARY: Final = ("seq", "at", "user_id", "action", "outcome", "case_id", "purpose", "what")


@click.group(cls=Group, name="audit")
def audit() -> None:
    """The log of what was read and done."""


@audit.command("verify", cls=Command)
@click.option(
    "--anchor",
    "lines",
    multiple=True,
    metavar="SEQ:DIGEST",
    help="An anchor from the diary to hold the log to; may be repeated.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def verify_log(lines: tuple[str, ...], form: str) -> None:
    """Check every entry, its place, the log's end and its guards. Exit 4 where it does not hold."""
    session = current()
    noted = [parse(line) for line in lines]
    with open_database(session.home, session.settings.database_url) as database:
        found = verify(database, _anchor_file(session), noted)
    if form == "json":
        print(as_json(told(found)))
    else:
        for line in _lines(found, session.language):
            print(line)
    if not found.holds:
        raise AuditError(text(session.language, "audit", "does_not_hold"))


@audit.command(cls=Command)
@click.option("--renew", metavar="REASON", help="Set it to where the log ends now, with a reason.")
def anchor(renew: str | None) -> None:
    """Print the anchor as one line for a diary: whoever has it can tell what came before.

    It is renewed by hand only where a verification has been looked into: after the log was
    brought back from a backup, or on a second machine. The reason stands in the log.
    """
    session = current()
    file = _anchor_file(session)
    if renew is not None:
        _renew(session, file, renew)
    stands = file.read()
    if stands is None:
        raise AuditError(text(session.language, "audit", "no_anchor"))
    print(stands)


@audit.command("list", cls=Command)
@click.option("--since", metavar="WHEN", help="A Stockholm day or time, the first that counts.")
@click.option("--until", metavar="WHEN", help="The last day, or the time before which.")
@click.option("--user", "user_id", metavar="ID", help="As the log names them, such as user:ab12.")
@click.option("--action", metavar="NAME", help="An action; `findings.` takes all that begin so.")
@click.option("--case", "case_id", metavar="ID")
@FORMAT
def list_entries(
    since: str | None,
    until: str | None,
    user_id: str | None,
    action: str | None,
    case_id: str | None,
    form: Format,
) -> None:
    """List entries, oldest first. That it was read is an entry too."""
    wanted = Wanted(
        since=None if since is None else _moment(since, "--since", ends=False),
        until=None if until is None else _moment(until, "--until", ends=True),
        user_id=user_id,
        action=action,
        case_id=case_id,
    )
    with at_desk(current(), "audit.list") as desk:
        desk.write()
        with desk.database.reading() as session:
            emit(map(_line, oldest_first(session, wanted)), form, columns=_SUMMARY)


@audit.command("report", cls=Command)
@click.option("--month", required=True, metavar="YYYY-MM")
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown")
def report_month(month: str, form: str) -> None:
    """Review a month (loggkontroll): reads, searches, odd hours and refusals of each one."""
    session = current()
    with at_desk(session, "audit.report") as desk:
        desk.tells("month", [month])
        found = report(desk.database, month)
    print(as_json(asdict(found)) if form == "json" else as_markdown(found, session.language))


def told(found: Verification) -> dict[str, Any]:
    """A verification in plain values."""
    return {
        "holds": found.holds,
        "entries": found.entries,
        "ahead": found.ahead,
        "anchor": None if found.anchor is None else str(found.anchor),
        "end": str(found.end),
        "faults": [asdict(fault) for fault in found.faults],
    }


def _anchor_file(session: Session) -> AnchorFile:
    return AnchorFile(session.settings.audit_anchor or session.home.audit)


def _renew(session: Session, file: AnchorFile, reason: str) -> None:
    """Say it in the log first, with what stood there, then set the anchor to the entry."""
    if holds_personal_number(reason):
        raise UsageError("The reason is logged and may hold no personal number. Say it in words.")
    try:
        stood = str(file.read() or "none")
    except AuditError:
        stood = "unreadable"
    with at_desk(session, "audit.anchor") as desk:
        desk.purpose = reason
        desk.tells("anchor", [stood])
        desk.write()
        file.renew(_end(desk))


def _end(desk: Desk) -> Anchor:
    with desk.database.reading() as session:
        return newest(session)


def _lines(found: Verification, language: str) -> list[str]:
    lines = [text(language, "audit", "read", entries=found.entries, ahead=found.ahead)]
    return lines + (
        [_said(fault, language) for fault in found.faults] or [text(language, "audit", "holds")]
    )


def _said(fault: Fault, language: str) -> str:
    first, last = fault.first, fault.last
    which = str(first) if first == last else f"{first}–{last}"
    words = {"entries": which, "at": fault.belongs_at}
    return text(language, "audit_fault", fault.kind.value, **words)


def _line(numbered: Numbered) -> dict[str, Any]:
    return {"seq": numbered.seq} | asdict(numbered.entry) | {"digest": numbered.digest}


def _moment(written: str, option: str, *, ends: bool) -> datetime:
    """A day's first moment in Stockholm, or where it ends the next day's; a time as it is."""
    try:
        if len(written) == len("2026-01-31"):
            day = date.fromisoformat(written) + timedelta(days=ends)
            return datetime.combine(day, time(), STOCKHOLM)
        moment = datetime.fromisoformat(written)
        return moment if moment.tzinfo else moment.replace(tzinfo=STOCKHOLM)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} takes a day such as 2026-01-31 or a time such as 2026-01-31T12:00."
        ) from None
