"""Terminal: ask that a case leaves the municipality, approve what others ask, make the package."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from api.case_work import CaseWork
from api.desk import at_desk
from api.listing import FORMAT, Format, emit
from api.packages import Packages
from api.progress import steps
from api.session import Command, Group, Session, current
from api.signing_in import AS, PASSWORD_FILE, password
from graph_service.access import table
from graph_service.access.reference import PATTERN, kind_of
from graph_service.casework.export_file import Export, State
from graph_service.errors import Conflict, NotThere, UsageError
from graph_service.evidence.export import STEPS, Exported
from graph_service.evidence.recipients import recipients
from graph_service.evidence.rerun.writing import How
from graph_service.run_file import RunFolder

_EXPORT: Final = click.argument("export_id", metavar="EXPORT")
#: What the table shows of exports; programs get all.
_SUMMARY: Final = (
    *("export_id", "case_id", "recipient", "legal_ground", "state"),
    *("asked_by", "approved_by", "expires_at"),
)


@click.command(cls=Command)
@click.argument("case_id", metavar="CASE")
@click.option(
    "--to", "recipient", type=click.Choice(list(recipients())), required=True, help="Who gets it."
)
@click.option("--legal-ground", metavar="TEXT", help="On what legal ground it may be given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, resolve_path=True),
    required=True,
    help="The package, a zip file; written when it is approved.",
)
@click.option("--reference", metavar="DNR", help="The recipient's own case number, if it has one.")
@click.option("--contact", metavar="TEXT", help="Whom the recipient may ask, and how.")
@click.option("--damages", metavar="TEXT", help="What damages the municipality claims, if any.")
@click.option(
    "--unmask",
    multiple=True,
    metavar="REF",
    help="Tell who this protected person is, whose mask two people lifted in the case; repeat it.",
)
@AS
@PASSWORD_FILE
@FORMAT
def export(
    case_id: str,
    recipient: str,
    legal_ground: str | None,
    out: Path,
    reference: str | None,
    contact: str | None,
    damages: str | None,
    unmask: Sequence[str],
    name: str | None,
    password_file: Path | None,
    form: Format,
) -> None:
    """Export a case as a signed package that its recipient can check and run again.

    It takes two people. Given the first time, the command asks for the export and writes nothing
    (exit 2). Somebody else approves with `graph-service exports approve`. Given again, it makes
    the package, checks it, and says how each finding can be had again. An approval holds for
    seven days and while the case stays as it is.
    """
    if not out.parent.is_dir():
        raise UsageError(f"There is no folder {out.parent}. Make it, or give another --out.")
    lifted = _references(unmask)
    words = {"authority_reference": reference, "contact": contact, "damages": damages}
    session, made = current(), None
    with _work(session, "export", "exports.ask", name, password_file) as work:
        work.meet(case_id)
        found = _alike(work, case_id, recipient, lifted, {"legal_ground": legal_ground, **words})
        if found is None:
            found = work.exports.ask(
                case_id,
                work.caller,
                recipient=recipient,
                legal_ground=_stated(legal_ground),
                run_id=_current_run(session),
                lifted=lifted,
                **words,
            )
        work.desk.tells("export", [found.export_id])
        if found.state is State.APPROVED:
            made = _made(work, session, found, out)
    if made is None:
        emit([asdict(found)], form, columns=_SUMMARY)
        raise Conflict(
            f"{found.export_id} waits for another person, and nothing was written. Let a "
            f"colleague run `graph-service exports approve {found.export_id} --as USER`, then "
            "give the same command again."
        )
    _tell(found, made, form)


@click.group(cls=Group)
def exports() -> None:
    """Exports of cases: list, approve or refuse what others ask, withdraw your own.

    A coordinator, a lawyer or security approves; a reviewer does in a case of their own. Nobody
    approves what they asked for themselves, and an account at the terminal, of which nobody
    knows whose hands it is in, approves nothing: sign in with --as.
    """


@exports.command("list", cls=Command)
@click.argument("case_id", metavar="CASE", required=False)
@click.option("--waiting", is_flag=True, help="What waits for your approval.")
@AS
@PASSWORD_FILE
@FORMAT
def list_exports(
    case_id: str | None, waiting: bool, name: str | None, password_file: Path | None, form: Format
) -> None:
    """List the exports of a case or, without one, of all your cases; the oldest first."""
    if waiting and case_id:
        raise UsageError("Name a case, or give --waiting, not both.")
    asked = "exports.approve" if waiting else "exports.read"
    with _work(current(), "exports.list", asked, name, password_file) as work:
        if waiting:
            found = list(work.exports_waiting())
        elif case_id is not None:
            work.meet(case_id)
            found = list(work.exports_of(case_id))
        else:
            mine = [case for case in work.every(None) if work.caller.user_id in case.members]
            found = [each for case in mine for each in work.exports_of(case.case_id)]
        work.desk.tells("export", [each.export_id for each in found])
    emit([asdict(each) for each in found], form, columns=_SUMMARY)


@exports.command("approve", cls=Command)
@_EXPORT
@AS
@PASSWORD_FILE
@FORMAT
def approve(export_id: str, name: str | None, password_file: Path | None, form: Format) -> None:
    """Let an export that somebody else asked for be made."""
    if name is None:
        raise UsageError(
            "Approving takes somebody who signs in: give --as USER. "
            "`graph-service user add` lets a colleague in."
        )
    with _work(current(), "exports.approve", "exports.approve", name, password_file) as work:
        _meet(work, export_id)
        told = work.exports.approve(export_id, work.caller)
    emit([asdict(told)], form, columns=_SUMMARY)


@exports.command("refuse", cls=Command)
@_EXPORT
@click.option("--reason", required=True, help="Why, in a sentence.")
@AS
@PASSWORD_FILE
@FORMAT
def refuse(
    export_id: str, reason: str, name: str | None, password_file: Path | None, form: Format
) -> None:
    """Let an export not be made; an approval that was given ends with it."""
    with _work(current(), "exports.refuse", "exports.approve", name, password_file) as work:
        _meet(work, export_id)
        told = work.exports.refuse(export_id, work.caller, reason)
    emit([asdict(told)], form, columns=_SUMMARY)


@exports.command("withdraw", cls=Command)
@_EXPORT
@AS
@PASSWORD_FILE
@FORMAT
def withdraw(export_id: str, name: str | None, password_file: Path | None, form: Format) -> None:
    """Take back that an export of a case of yours was asked for."""
    with _work(current(), "exports.withdraw", "exports.ask", name, password_file) as work:
        _meet(work, export_id)
        told = work.exports.withdraw(export_id, work.caller)
    emit([asdict(told)], form, columns=_SUMMARY)


@contextmanager
def _work(
    session: Session, action: str, operation: str, name: str | None, password_file: Path | None
) -> Iterator[CaseWork]:
    """One command on exports, as whoever sits there or signs in, if they may do this."""
    with at_desk(session, action) as desk:
        if name is not None:
            desk.sign_in(name, password(session, password_file))
        work = CaseWork(desk)
        table.require(operation, work.caller)
        yield work


def _alike(
    work: CaseWork,
    case_id: str,
    recipient: str,
    lifted: Collection[str],
    words: Mapping[str, str | None],
) -> Export | None:
    """An export that was asked for in the same words and stands; an approved one first."""
    standing = [
        each
        for each in work.exports_of(case_id)
        if each.state in {State.ASKED, State.APPROVED}
        and each.recipient == recipient
        and set(each.lifted) == set(lifted)
        and all(given in {None, getattr(each, name)} for name, given in words.items())
    ]
    approved = [each for each in standing if each.state is State.APPROVED]
    return next(iter(approved or standing), None)


def _meet(work: CaseWork, export_id: str) -> None:
    """Note for the log which export the command is about; NotThere."""
    work.desk.case_id = work.exports.one(export_id, work.caller).case_id
    work.desk.tells("export", [export_id])


def _made(work: CaseWork, session: Session, found: Export, out: Path) -> Exported:
    """Make the package, noting for the log whom it tells."""
    packages = Packages(session.settings, work.desk.database, clock=session.now)
    with steps(STEPS) as progress:
        made = packages.make(found.export_id, work.caller, out, progress=progress)
    for each in sorted(work.cases.inside(found.case_id, work.caller).clear):
        work.desk.tells(kind_of(each), [each])
    return made


def _tell(found: Export, made: Exported, form: Format) -> None:
    told = {
        "export_id": found.export_id,
        "package": str(made.path),
        "sha256": made.sha256,
        "size": made.size,
        "findings": made.findings,
        "rows": made.rows,
        "again": {how.value: made.reruns.get(how, 0) for how in How},
    }
    if form is Format.TABLE:
        emit(({"field": name, "value": value} for name, value in told.items()), form)
    else:
        emit([told], form)


def _stated(legal_ground: str | None) -> str:
    if legal_ground is None:
        raise UsageError(
            "Say on what legal ground the recipient may have it: --legal-ground TEXT, such as "
            '"OSL 10 kap. 24 §".'
        )
    return legal_ground


def _references(named: Sequence[str]) -> list[str]:
    for each in named:
        if not PATTERN.fullmatch(each):
            raise UsageError("--unmask takes a person's reference, as the case shows it.")
    return sorted(set(named))


def _current_run(session: Session) -> str:
    run = RunFolder(session.home).current()
    if run is None:
        raise NotThere("There is no run yet. Make one with `graph-service run`.")
    return run.run_id
