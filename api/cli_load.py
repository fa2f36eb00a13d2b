"""Terminal: bring files in, and see what became of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from api.listing import FORMAT, Format, emit
from api.progress import FileBar
from api.session import Command, Session, current, say
from graph_service import settings, texts
from graph_service.casework.database import open_database
from graph_service.casework.keeping import Keeping
from graph_service.errors import CaseworkError
from graph_service.keeping import retention
from graph_service.lake import Lake
from loaders import load as loading
from loaders import reject_file

_SUMMARY = ("table", "file", "read", "stored", "superseding", "duplicates", "rejected", "refused")


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", metavar="ROOM", help="The room that reads the files.")
@click.option("--mapping", type=click.Path(path_type=Path), help="A mapping of your own (TOML).")
@click.option("--check", is_flag=True, help="Say what would happen, and store nothing.")
@click.option("--memory", default=settings.DEFAULT_MEMORY, show_default=True)
@FORMAT
@click.pass_context
def load(
    context: click.Context,
    paths: tuple[Path, ...],
    source: str | None,
    mapping: Path | None,
    check: bool,
    memory: str,
    form: Format,
) -> None:
    """Load files and folders as one batch."""
    session = current()
    options = loading.Options(
        source=source,
        mapping=mapping,
        check=check,
        memory=settings.memory(memory),
        language=session.language,
    )
    outcome = loading.load(session.home, paths, options, clock=session.now, progress=FileBar())
    emit((receipt.as_json() for receipt in outcome.receipts), form, columns=_SUMMARY)
    for reject in outcome.rejects:
        say(f"{reject['file']}: {reject['row']}: {reject['reason'][session.language]}")
    if not check:
        _tell_lapsed(session, outcome.batch)
    context.exit(outcome.exit_code)


@click.command(cls=Command)
@FORMAT
def batches(form: Format) -> None:
    """List the receipts: what became of each file's rows."""
    receipts = Lake(current().home).receipts()
    columns = ("batch", "source", *_SUMMARY)
    emit((receipt.as_json() for receipt in receipts), form, columns=columns)


@click.command(cls=Command)
@click.argument("batch", required=False)
@FORMAT
def rejects(batch: str | None, form: Format) -> None:
    """List refused rows and files with their reasons and cures."""
    session = current()
    rows = reject_file.listing(session.home, batch)
    if form is Format.TABLE:
        rows = (
            row | {side: row[side][session.language] for side in ("reason", "cure")} for row in rows
        )
    emit(rows, form, columns=("file", "table", "row", "column", "code", "reason", "cure"))


@click.command(cls=Command)
@click.argument("batch")
@click.option("--reason", default="", help="Why the batch is wrong; kept with the withdrawal.")
def withdraw(batch: str, reason: str) -> None:
    """Take a wrong batch out of every later view."""
    session = current()
    later = loading.withdraw(session.home, batch, reason=reason, clock=session.now)
    for receipt in later:
        words = {"file": receipt.file, "table": receipt.table or "", "batch": receipt.batch}
        say(texts.text(session.language, "withdraw", "repeated", **words))


def _tell_lapsed(session: Session, batch: str) -> None:
    """Say how many rows came that the decisions in force do not let stay; the load stands."""
    home, database_url = session.home, session.settings.database_url
    if database_url is None and not home.casework.exists():
        return
    with suppress(CaseworkError), open_database(home, database_url) as database:
        months = retention.months_decided(Keeping(database, clock=session.now))
        today = retention.stockholm_day(session.now)
        if rows := retention.lapsed_on_arrival(home, batch, months, today):
            say(texts.text(session.language, "keeping", "lapsed", rows=rows))


COMMANDS: Final = (load, batches, rejects, withdraw)
