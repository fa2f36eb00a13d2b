"""Terminal: a home's own Neo4j server, without Docker: start, stop, status, administer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import click

from api.listing import Format, as_json, emit
from api.progress import shares
from api.session import Command, Group, current, say, stop_asked
from graph_service.errors import UsageError
from graph_service.texts import text

if TYPE_CHECKING:
    from graph_service.stores.neo4j.server import Progress, Server

#: Letters and digits, for the server reads it as an argument of a command line.
_PASSWORD_BYTES: Final = 24
_SIZE: Final = re.compile(r"(\d+)([mg])(ib)?", re.IGNORECASE)
_MEBIBYTES: Final = {"m": 1, "g": 1024}
#: MiB with which the server starts at all.
_LEAST: Final = {"--heap": 256, "--page-cache": 8}
_FORMAT: Final = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="How the server is described.",
)


def _size(_context: click.Context, option: click.Parameter, value: str) -> str:
    """A size as Java and Neo4j write it: `1g`."""
    match = _SIZE.fullmatch(value.strip())
    least = _LEAST[option.opts[0]]
    if match is None or int(match[1]) * _MEBIBYTES[match[2].lower()] < least:
        raise UsageError(f"{option.opts[0]} takes {least}MiB or more, such as 1GiB or 512MiB.")
    return match[1] + match[2].lower()


@click.group(cls=Group, name="neo4j")
def neo4j() -> None:
    """A Neo4j server of this home's own, on this machine only: no Docker, no Java, no root."""


@neo4j.command(cls=Command)
@click.option("--heap", default="1GiB", show_default=True, metavar="SIZE", callback=_size)
@click.option("--page-cache", default="512MiB", show_default=True, metavar="SIZE", callback=_size)
@_FORMAT
def start(heap: str, page_cache: str, form: str) -> None:
    """Start the server, or say where it runs already. The first start fetches it (138 MB)."""
    session = current()
    with _progress() as progress:
        server, fresh = _server().start(
            session.home,
            session.settings.cache,
            password=secrets.token_hex(_PASSWORD_BYTES),
            heap=heap,
            page_cache=page_cache,
            progress=progress,
        )
    say(text(session.language, "neo4j", "started" if fresh else "runs", uri=server.uri))
    _show(server, form)


@neo4j.command(cls=Command)
def stop() -> None:
    """Stop the server and wait until its process has ended."""
    session = current()
    stopped = _server().stop(session.home)
    say(text(session.language, "neo4j", "stopped" if stopped else "idle"))


@neo4j.command(cls=Command)
@_FORMAT
def status(form: str) -> None:
    """Say whether the server runs, where, and which file holds its password."""
    session = current()
    server = _server().running(session.home)
    if server is None:
        say(text(session.language, "neo4j", "idle"))
    _show(server, form)


@neo4j.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED)
def admin(arguments: tuple[str, ...]) -> None:
    """Run a command of neo4j-admin on the stopped server, such as `database dump neo4j`."""
    session = current()
    code = _server().administer(session.home, session.settings.cache, *arguments)
    click.get_current_context().exit(UsageError.exit_code if code else 0)


def _server() -> ModuleType:
    """The module that drives the server; the core works without what it needs."""
    try:
        from graph_service.stores.neo4j import server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Neo4j needs packages that are not installed ({error.name}). Install them with "
            "`make neo4j` or `pip install 'graph-service[neo4j]'`."
        ) from error
    return server


def _show(server: Server | None, form: str) -> None:
    row: dict[str, Any] = {
        "uri": server and server.uri,
        "user": server and server.user,
        "password_file": server and str(server.password_file),
        "version": server and server.version,
        "running": server is not None,
        "pid": server and server.pid,
        "http": server and server.http,
        "logs": server and str(server.logs),
    }
    if form == "json":
        print(as_json(row))
    elif server is not None:
        emit([row], Format.TABLE, columns=("uri", "user", "password_file", "version", "pid"))


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar a stage; a Ctrl-C ends the stage that is under way."""
    language = current().language
    said: set[str] = set()
    with shares() as bar:

        def report(stage: str, done: int, total: int) -> None:
            if stop_asked.is_set():
                raise click.Abort
            if stage == "fetch" and stage not in said:
                said.add(stage)
                say(text(language, "neo4j", "fetching"))
            bar(text(language, "neo4j", stage), done / total)

        yield report
