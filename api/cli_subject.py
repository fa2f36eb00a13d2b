"""Terminal: the file that a person is given of their own data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from api.desk import at_desk
from api.own_data import ground_given, rooms, whose
from api.progress import shares
from api.session import Command, current, say
from graph_service.clock import STOCKHOLM
from graph_service.errors import UsageError
from graph_service.evidence.subject.export import Access, export_subject
from graph_service.texts import text
from loaders.sources import sources

_STANDARD_INPUT: Final = "-"


@click.command("export-subject", cls=Command)
@click.argument("person", metavar="PERSON")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The zip file to write; one that is there is not replaced.",
)
@click.option(
    "--with-findings",
    is_flag=True,
    help="Tell findings, cases and tips too, as a lawyer has decided; needs --legal-ground.",
)
@click.option("--legal-ground", metavar="TEXT", help="On what ground they are told.")
def export_own_data(person: str, out: Path, with_findings: bool, legal_ground: str | None) -> None:
    """Write all that is held about one person, everybody else masked (GDPR article 15).

    PERSON is a number of 12 digits, <issuer>:<id>, or a reference such as person-…; or - to read
    it from standard input. That is safer: what stands on a command line is seen by others on the
    machine while it runs, and stays in the shell's history.
    """
    session = current()
    ground = ground_given(legal_ground, with_findings=with_findings)
    if out.exists():
        raise UsageError("The file of --out is there already. Name another, or remove it first.")
    if not out.absolute().parent.is_dir():
        raise UsageError("The folder of --out is not there. Make it first, or name another.")
    home = session.home
    written = sys.stdin.readline() if person == _STANDARD_INPUT else person
    with at_desk(session, "export-subject") as desk, shares() as progress:
        today = session.now().astimezone(STOCKHOLM).date()
        access = Access(whose(home, written, today=today), ground)
        desk.tells("person", [access.references(home.reference_key())[0]])
        desk.purpose = ground
        held = export_subject(
            home,
            desk.database,
            access,
            out,
            clock=session.now,
            rooms=rooms(),
            sources=sources(),
            log=desk.write,
            progress=progress,
        )
    key = "written" if held.rows else "none"
    words = {"rows": held.rows, "tables": held.tables, "others": held.others}
    say(text(session.language, "own_data", key, **words))
