"""Terminal: show a run in Neo4j, by hand or after `run` where a database is configured."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from api.listing import Format, as_json, emit
from api.progress import shares
from api.session import Command, Session, current, say, stop_asked
from graph_service import settings
from graph_service.errors import StoreError, UsageError
from graph_service.run_file import RunFile, RunFolder
from graph_service.settings import Neo4jSettings
from graph_service.texts import text

if TYPE_CHECKING:
    from graph_service.stores.neo4j.candidate import Candidate
    from graph_service.stores.neo4j.connection import Connection
    from graph_service.stores.neo4j.publish import Publication, Published
    from graph_service.stores.neo4j.publish_write import Progress

_TOKEN_BYTES: Final = 16
#: What the table shows; programs get all.
_SUMMARY: Final = ("number", "run_id", "nodes", "relationships", "closed_nodes",
                   "closed_relationships", "seconds")  # fmt: skip


@click.command(cls=Command)
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--whole", is_flag=True, help="Write all of it anew, not only what changed.")
@click.option("--take-over", is_flag=True, help="Replace the graph of another home folder.")
@click.option("--memory", default=settings.DEFAULT_MEMORY, show_default=True, metavar="SIZE")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="How the outcome is printed.",
)
def publish(run_id: str | None, whole: bool, take_over: bool, memory: str, form: str) -> None:
    """Show a run, else the current one, in Neo4j: where NEO4J_URI points, or the home's server.

    Only what differs from the run that is shown is written; what other applications keep in the
    database is left as it is.
    """
    session = current()
    folder = RunFolder(session.home)
    run = folder.current() if run_id is None else folder.named(run_id)
    if run is None:
        raise UsageError("There is no run yet. Make one with `graph-service run`.")
    target = _needed(session)
    memory = settings.memory(memory)
    done = _publish(session, run, target, memory=memory, whole=whole, take_over=take_over)
    row = asdict(done)
    if form == "json":
        print(as_json(row))
    else:
        emit([row | {"seconds": f"{done.seconds:.1f}"}], Format.TABLE, columns=_SUMMARY)


def publish_if_configured(session: Session, run: RunFile, *, memory: str) -> bool:
    """Show a run where NEO4J_URI points, or else in the home's running server; whether it was.

    StoreError, if the database cannot be written, leaves the run as it is.
    """
    target = _target(session)
    if target is None:
        return False
    _publish(session, run, target, memory=memory)
    return True


def _needed(session: Session) -> Neo4jSettings:
    target = _target(session)
    if target is None:
        raise StoreError(
            "There is no Neo4j to publish to. Start one with `graph-service neo4j start`, or set "
            "NEO4J_URI."
        )
    return target


def _target(session: Session) -> Neo4jSettings | None:
    if session.settings.neo4j is not None:
        return session.settings.neo4j
    try:
        from graph_service.stores.neo4j import server  # noqa: PLC0415 - an optional group
    except ModuleNotFoundError:
        return None
    running = server.running(session.home)
    return None if running is None else running.settings()


def _publish(
    session: Session,
    run: RunFile,
    target: Neo4jSettings,
    *,
    memory: str,
    whole: bool = False,
    take_over: bool = False,
) -> Published:
    with _installed():
        from graph_service.stores.neo4j import publish as store  # noqa: PLC0415
        from graph_service.stores.neo4j.connection import connect  # noqa: PLC0415
    with connect(target) as connection, _progress(session.language) as progress:
        done = store.publish(
            connection,
            session.home,
            run,
            clock=session.now,
            token=_token,
            memory=memory,
            whole=whole,
            take_over=take_over,
            progress=progress,
        )
    return _told(session, done)


@contextmanager
def connected(session: Session) -> Iterator[Connection]:
    """The database that runs are published to; StoreError where there is none."""
    target = _needed(session)
    with _installed():
        from graph_service.stores.neo4j.connection import connect  # noqa: PLC0415
    with connect(target) as connection:
        yield connection


@contextmanager
def asked_of_neo4j(session: Session) -> Iterator[Candidate]:
    """A run under way is taken to where it would be published, and asked of there.

    StoreError where there is no database.
    """
    with connected(session) as connection:
        from graph_service.stores.neo4j import publish as store  # noqa: PLC0415
        from graph_service.stores.neo4j.candidate import candidate  # noqa: PLC0415

        def begin(run_id: str) -> AbstractContextManager[Publication]:
            return store.publication(
                connection, session.home, run_id, clock=session.now, token=_token
            )

        with candidate(connection, begin) as taken:
            yield taken


def show(session: Session, taken: Candidate) -> None:
    """Let readers see a run that was asked of in Neo4j."""
    _told(session, taken.show())


def _told(session: Session, done: Published) -> Published:
    if not done.swept:
        say(text(session.language, "publish", "busy"))
    if done.kept:
        say(text(session.language, "publish", "kept", kept=done.kept))
    return done


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Neo4j needs packages that are not installed ({error.name}). Install them with "
            "`make neo4j` or `pip install 'graph-service[neo4j]'`."
        ) from error


def _token() -> str:
    return secrets.token_hex(_TOKEN_BYTES)


@contextmanager
def _progress(language: str) -> Iterator[Progress]:
    """A bar that is told each stage; a Ctrl-C ends the publish between two transactions."""
    with shares() as bar:

        def report(stage: str, done: int, total: int) -> None:
            if stop_asked.is_set():
                raise click.Abort
            bar(text(language, "publish_stage", stage), done / max(total, 1))

        yield report
