"""The terminal's commands around a run: make one, list what it found, explain a provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import queries
from api.cli_publish import asked_of_neo4j, publish_if_configured, show
from api.explanation import explanation
from api.listing import Format, emit
from api.rule_changes import log_rule_changes
from api.session import Command, Session, current, say
from graph_service import settings
from graph_service.casework.database import open_database
from graph_service.casework.days import day_of
from graph_service.casework.dispositions import Dispositions
from graph_service.casework.history import History
from graph_service.clock import STOCKHOLM
from graph_service.detector import open_rooms
from graph_service.errors import UsageError
from graph_service.graph.declaration import DERIVATIONS
from graph_service.last_run import CHANGES
from graph_service.run import Network, RunResult, run
from graph_service.run_file import RunFile, RunFolder

ROOMS: Final = Path(queries.__file__).parent

_FORMAT: Final = click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    default=Format.TABLE.value,
    callback=lambda _context, _option, form: Format(form),
    help="How the listing is printed.",
)
#: What the table of runs shows; programs get all.
_SUMMARY: Final = ("run_id", "as_of", "current", "findings", *CHANGES, "path")
_RUN: Final = click.option("--run", "run_id", metavar="ID", help="Another run than the current.")


@click.command("run", cls=Command)
@click.option("--as-of", metavar="DATE", help="The last Stockholm day that is seen.")
@click.option("--known-by", metavar="TIME", help="Count what was received up to and with it.")
@click.option("--rooms", metavar="A,B", help="Ask these detectors only.")
@click.option("--memory", default=settings.DEFAULT_MEMORY, show_default=True, metavar="SIZE")
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "neo4j"]),
    default="duckdb",
    show_default=True,
    help="What is asked about the network; the findings are the same.",
)
@_FORMAT
def run_command(
    as_of: str | None,
    known_by: str | None,
    rooms: str | None,
    memory: str,
    engine: str,
    form: Format,
) -> None:
    """Derive the graph, ask the detectors, score the providers, publish it as one run.

    A full run of the present is shown in Neo4j too, where one is configured: NEO4J_URI, or else
    the home's own server if it runs.
    """
    session = current()
    found = open_rooms(ROOMS)
    only = None if rooms is None else [name.strip() for name in rooms.split(",") if name.strip()]
    if only is not None and not only:
        raise UsageError("--rooms names no detector. Give one or more, such as --rooms a,b.")
    memory = settings.memory(memory)

    def make(network: Network | None) -> RunResult:
        with _progress(len(DERIVATIONS) + len(found) + 5) as progress:
            return run(
                session.home,
                found,
                clock=session.now,
                memory=memory,
                only=only,
                as_of=_day(as_of),
                known_by=_moment(known_by),
                network=network,
                set_aside=_set_aside(session, _moment(known_by)),
                progress=progress,
            )

    def tell(made: RunResult) -> None:
        if not made.complete:
            say(f"Run {made.run.run_id} is not of all that is known now; the current run stands.")
        emit([_about(made.run, RunFolder(session.home).current())], form, columns=_SUMMARY)
        _keep(session, made.run)

    # The run is told before it is shown in Neo4j: it stands, also where that fails.
    if engine == "neo4j":
        with asked_of_neo4j(session) as taken:
            made = make(taken)
            tell(made)
            if made.complete:
                show(session, taken)
            else:
                taken.drop()
        return
    made = make(None)
    tell(made)
    if made.complete:
        publish_if_configured(session, made.run, memory=memory)


@click.command(cls=Command)
@_FORMAT
def runs(form: Format) -> None:
    """List the runs, oldest first, with the path of each run's file."""
    folder = RunFolder(current().home)
    standing = folder.current()
    emit((_about(found, standing) for found in folder.all()), form, columns=_SUMMARY)


@click.command(cls=Command)
@click.option("--detector", metavar="ROOM")
@click.option("--provider", metavar="ORG_ID")
@_RUN
@_FORMAT
def findings(detector: str | None, provider: str | None, run_id: str | None, form: Format) -> None:
    """List the findings: indicators, never verdicts."""
    session = current()
    chosen = _chosen(session, run_id)
    if chosen is None:
        return
    asked = [row["room"] for row in chosen.rows("rooms", order="room")]
    if detector is not None and detector not in asked:
        raise UsageError(f"Run {chosen.run_id} asked no such detector. It asked {_list(asked)}.")
    rows = chosen.rows(
        "findings",
        order="provider_id, detector, finding_id",
        where={"detector": detector, "provider_id": provider},
    )
    if form is Format.TABLE:
        rows = [_finding_line(row, session.language) for row in rows]
    emit(rows, form)


@click.command(cls=Command)
@_RUN
@_FORMAT
def scores(run_id: str | None, form: Format) -> None:
    """List the providers by rank, with what their scores are made of."""
    chosen = _chosen(current(), run_id)
    if chosen is None:
        return
    rows = chosen.rows("scores", order="rank NULLS LAST, provider_id")
    if form is Format.TABLE:
        rows = [_score_line(row) for row in rows]
    emit(rows, form)


@click.command(cls=Command)
@click.argument("provider")
@_RUN
@click.option("--full", is_flag=True, help="Every finding, story and question.")
def explain(provider: str, run_id: str | None, full: bool) -> None:
    """Tell in half a page why a provider has its score, and what to ask."""
    session = current()
    chosen = _chosen(session, run_id)
    if chosen is None:
        raise UsageError("There is nothing to explain before the first run.")
    rooms = {room.name: room for room in open_rooms(ROOMS)}
    print(explanation(chosen, provider, rooms, session.language, full=full))


COMMANDS: Final = (run_command, runs, findings, scores, explain)


def _chosen(session: Session, run_id: str | None) -> RunFile | None:
    folder = RunFolder(session.home)
    if run_id is not None:
        return folder.named(run_id)
    standing = folder.current()
    if standing is None:
        say("There is no run yet. Make one with `graph-service run`.")
    return standing


def _set_aside(session: Session, known_by: datetime | None) -> frozenset[str]:
    """The findings that people had dismissed by then; nobody has where there is no casework yet."""
    if not _has_casework(session):
        return frozenset()
    with open_database(session.home, session.settings.database_url) as database:
        dispositions = Dispositions(database, clock=session.now)
        return dispositions.set_aside(day_of(known_by or session.now()))


def _keep(session: Session, made: RunFile) -> None:
    """Put scores in their history, and changed rules in the log: both outlive the run.

    With casework it begins.
    """
    if _has_casework(session):
        with open_database(session.home, session.settings.database_url) as database:
            History(database).record(session.home)
            log_rule_changes(session, database, made)


def _has_casework(session: Session) -> bool:
    return session.settings.database_url is not None or session.home.casework.exists()


def _about(found: RunFile, standing: RunFile | None) -> dict[str, Any]:
    about = found.rows("run", order="run_id")[0]
    return {
        "run_id": found.run_id,
        "as_of": about["as_of"],
        "known_by": about["known_by"],
        "current": standing is not None and standing.run_id == found.run_id,
        "complete": about["complete"],
        "rooms": [row["room"] for row in found.rows("rooms", order="room")],
        **{name: about[name] for name in ("providers", "findings", *CHANGES)},
        "started_at": about["started_at"],
        "finished_at": about["finished_at"],
        "path": str(found.path),
    }


def _finding_line(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    exposure = row["exposure_sek"]
    return {
        "provider_id": row["provider_id"],
        "detector": row["detector"],
        "strength": row["strength"],
        "since": row["since"],
        "until": row["until"],
        "events": row["events"],
        "days": row["days"],
        "exposure_sek": exposure and f"{exposure['lower']:.0f}–{exposure['upper']:.0f}",
        "summary": row["summary"][language],
    }


def _score_line(row: Mapping[str, Any]) -> dict[str, Any]:
    parts = (f"{part['detector']} {part['points']:.1f}" for part in row["contributions"])
    return {
        "rank": row["rank"],
        "provider_id": row["provider_id"],
        "score": None if row["score"] is None else f"{row['score']:.1f}",
        "band": row["band"],
        "contributions": ", ".join(parts),
        "not_assessed": ", ".join(row["not_assessed"]),
    }


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError("--as-of takes a date such as 2026-01-31.")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=STOCKHOLM)
    except ValueError:
        pass
    raise UsageError(
        "--known-by takes a time such as 2026-01-31T12:00 (Stockholm) or 2026-01-31T11:00Z."
    )


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error that moves one step when the next begins."""
    console = Console(stderr=True)
    shown = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*shown, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=steps)

        def begin(step: str) -> None:
            bar.update(task, description=step, advance=1)

        yield begin
