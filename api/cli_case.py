"""Terminal: cases of whoever sits there, a member of those that they open or are let into."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

import click

from api.case_work import case_work
from api.listing import FORMAT, Format, emit
from api.session import Command, Group, current
from graph_service.casework.case_tables import Status
from graph_service.casework.dispositions import Dispositions, Judged, Verdict
from graph_service.errors import UsageError

_CASE: Final = click.argument("case_id", metavar="CASE")
_REASON: Final = click.option("--reason", required=True, help="Why, in a sentence.")
_ABOUT: Final = click.argument("about", metavar="WHAT", nargs=-1, required=True)


@click.group(cls=Group, name="case")
def case() -> None:
    """Open, read and decide cases; the same cases as over HTTP."""


@case.command("open", cls=Command)
@click.argument("title", required=False)
@click.option("--purpose", required=True, help="Why persons are looked at, in a sentence.")
@click.option("--legal-ground", required=True, help="On what legal ground.")
@click.option("--about", multiple=True, metavar="WHAT", help="As `case link` takes it; repeat it.")
@FORMAT
def open_case(
    title: str | None, purpose: str, legal_ground: str, about: Sequence[str], form: Format
) -> None:
    """Open a case; you are its only member. Without a title the purpose is one."""
    with case_work(current(), "open") as work:
        made = work.cases.open(
            work.caller,
            title=title or purpose,
            purpose=purpose,
            legal_ground=legal_ground,
            about=work.subjects(about),
        )
        work.met(made)
        work.tell([made], form)


@case.command("list", cls=Command)
@click.option("--status", type=click.Choice([status.value for status in Status]))
@FORMAT
def list_cases(status: str | None, form: Format) -> None:
    """List your cases, the newest first."""
    with case_work(current(), "list") as work:
        found = list(work.every(None if status is None else Status(status)))
        work.desk.tells("case", [each.case_id for each in found])
        work.tell(found, form)


@case.command("show", cls=Command)
@_CASE
@FORMAT
def show(case_id: str, form: Format) -> None:
    """Show a case: what it says, what it is about, its notes and what was done to it."""
    with case_work(current(), "show") as work:
        told = work.meet(case_id)
        links, notes = list(work.links(case_id)), list(work.notes_of(case_id))
        history = list(work.history(case_id))
        named = work.named(told, links)
        work.desk.write()
        about = [asdict(link) | named.get(link.reference, {}) for link in links]
        written = [asdict(note) for note in notes]
        happened = [asdict(event) for event in history]
        if form is Format.TABLE:
            emit(({"field": name, "value": value} for name, value in asdict(told).items()), form)
            for part in (about, written, happened):
                if part:
                    sys.stdout.write("\n")
                    emit(part, form)
        else:
            whole = asdict(told) | {"links": about, "notes": written, "history": happened}
            emit([whole], form)


@case.command("link", cls=Command)
@_CASE
@_ABOUT
@click.option("--remove", is_flag=True, help="The case is not about it.")
@FORMAT
def link(case_id: str, about: Sequence[str], remove: bool, form: Format) -> None:
    """Say what a case is about: an org_id, an entity's reference, or a finding_id."""
    with case_work(current(), "link") as work:
        work.meet(case_id)
        if remove:
            for kind, reference in [work.subject(each) for each in about]:
                work.cases.unlink(case_id, work.caller, kind, reference)
        else:
            lifted = work.cases.inside(case_id, work.caller).lifted
            for subject in work.subjects(about, lifted):
                work.cases.link(case_id, work.caller, subject)
        work.tell([work.meet(case_id)], form)


@case.command("note", cls=Command)
@_CASE
@click.argument("text")
@FORMAT
def note(case_id: str, text: str, form: Format) -> None:
    """Write a note; `-` reads it from standard input."""
    with case_work(current(), "note") as work:
        work.meet(case_id)
        words = sys.stdin.read() if text == "-" else text
        written = work.notes.write(case_id, work.caller, words)
        work.desk.write()
        emit([asdict(written)], form, columns=("note_id", "author", "written_at", "text"))


@case.command("member", cls=Command)
@_CASE
@click.argument("user_id", metavar="USER")
@click.option("--remove", is_flag=True, help="Let them go.")
@FORMAT
def member(case_id: str, user_id: str, remove: bool, form: Format) -> None:
    """Let somebody in by the number that the log gives them."""
    with case_work(current(), "member") as work:
        work.meet(case_id)
        if remove:
            work.cases.remove_member(case_id, work.caller, user_id)
        else:
            work.cases.add_member(case_id, work.caller, user_id)
        work.desk.tells("user", [user_id])
        left = remove and user_id == work.caller.user_id
        work.tell([] if left else [work.meet(case_id)], form)


@case.command("status", cls=Command)
@_CASE
@click.argument("status", type=click.Choice([status.value for status in Status]))
@_REASON
@FORMAT
def move(case_id: str, status: str, reason: str, form: Format) -> None:
    """Take a case a step further, or reopen it to under_review."""
    _move("status", case_id, Status(status), reason, form)


@case.command("dismiss", cls=Command)
@_CASE
@_REASON
@FORMAT
def dismiss(case_id: str, reason: str, form: Format) -> None:
    """Dismiss a case that is under review."""
    _move("dismiss", case_id, Status.DISMISSED, reason, form)


@case.command("close", cls=Command)
@_CASE
@_REASON
@FORMAT
def close(case_id: str, reason: str, form: Format) -> None:
    """Close a case: nobody reads persons in clear in it any more."""
    _move("close", case_id, Status.CLOSED, reason, form)


@case.command("judge", cls=Command)
@_CASE
@click.argument("finding_id", metavar="FINDING")
@click.argument("verdict", type=click.Choice([verdict.value for verdict in Verdict]))
@_REASON
@click.option("--story", help="The innocent story of the finding that explains it.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day on which a dismissal expires, else in six months.",
)
@FORMAT
def judge(
    case_id: str,
    finding_id: str,
    verdict: str,
    reason: str,
    story: str | None,
    until: datetime | None,
    form: Format,
) -> None:
    """Judge a finding within a case; what is dismissed adds nothing to later scores."""
    with case_work(current(), "judge") as work:
        work.meet(case_id)
        found = work.finding(finding_id)
        if story is not None and story not in found.stories:
            raise UsageError("The finding has no such innocent story. Choose one that it lists.")
        dispositions = Dispositions(work.desk.database, clock=work.desk.session.now)
        told = dispositions.judge(
            work.caller,
            Judged(finding_id, found.detector, found.provider, found.insider),
            Verdict(verdict),
            reason,
            story=story,
            expires_on=None if until is None else until.date(),
        )
        work.desk.tells("finding", [finding_id])
        work.desk.write()
        emit([asdict(told)], form, columns=("finding_id", "verdict", "reason", "expires_on"))


def _move(action: str, case_id: str, to: Status, reason: str, form: Format) -> None:
    with case_work(current(), action) as work:
        work.meet(case_id)
        work.tell([work.cases.move(case_id, work.caller, to, reason, expected=None)], form)
