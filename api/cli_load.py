"""Terminal: bring files in, and see what became of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.listing import Format, emit
from api.session import Command, current, say
from graph_service import settings
from graph_service.engines.duckdb import Engine
from graph_service.lake import Lake
from loaders import load as loading
from loaders import reject_file

_SUMMARY = ("table", "file", "read", "stored", "superseding", "duplicates", "rejected", "refused")
FORMAT = click.option(
    "--format", "form", type=click.Choice([f.value for f in Format]), default=Format.TABLE.value
)


class Bar:
    """A progress bar on standard error, fed from the engine while a query runs."""

    @contextmanager
    def file(self, name: str, n: int, total: int, engine: Engine) -> Iterator[None]:
        """Show one file's work."""
        console = Console(file=sys.stderr)
        if not console.is_terminal:
            yield
            return
        ended = threading.Event()
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as shown:
            task = shown.add_task(f"{n}/{total} {name}", total=1.0)

            def watch() -> None:
                while not ended.wait(0.2):
                    shown.update(task, completed=engine.progress())

            watcher = threading.Thread(target=watch, daemon=True)
            watcher.start()
            try:
                yield
            finally:
                ended.set()
                watcher.join()


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
    form: str,
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
    outcome = loading.load(session.home, paths, options, clock=session.now, progress=Bar())
    emit((receipt.as_json() for receipt in outcome.receipts), Format(form), columns=_SUMMARY)
    for reject in outcome.rejects:
        say(f"{reject['file']}: {reject['row']}: {reject['reason'][session.language]}")
    context.exit(outcome.exit_code)


@click.command(cls=Command)
@FORMAT
def batches(form: str) -> None:
    """List the receipts: what became of each file's rows."""
    receipts = Lake(current().home).receipts()
    columns = ("batch", "source", *_SUMMARY)
    emit((receipt.as_json() for receipt in receipts), Format(form), columns=columns)


@click.command(cls=Command)
@click.argument("batch", required=False)
@FORMAT
def rejects(batch: str | None, form: str) -> None:
    """List refused rows and files with their reasons and cures."""
    session = current()
    rows = reject_file.listing(session.home, batch)
    if Format(form) is Format.TABLE:
        rows = (
            row | {side: row[side][session.language] for side in ("reason", "cure")} for row in rows
        )
    emit(rows, Format(form), columns=("file", "table", "row", "column", "code", "reason", "cure"))


@click.command(cls=Command)
@click.argument("batch")
@click.option("--reason", required=True, help="Why the batch is wrong.")
def withdraw(batch: str, reason: str) -> None:
    """Take a wrong batch out of every later view."""
    session = current()
    loading.withdraw(session.home, batch, reason=reason, clock=session.now)
