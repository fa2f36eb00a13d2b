"""Terminal: a routine, for cron, for Kubernetes or by hand, and the proof of those that ran."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from api.desk import Desk, at_desk
from api.listing import FORMAT, Format, emit
from api.routine import Routine as Work
from api.session import Command, Group, current
from graph_service import settings
from graph_service.casework.routines import Routines
from graph_service.routine.drop_folder import STEADY_SECONDS, DropFolder
from graph_service.routine.jobs import Jobs

_SUMMARY: Final = ("job_id", "asked_by", "asked_at", "seconds", "outcome", "run_id", "as_of",
                   "reason")  # fmt: skip
_MOST: Final = 1000


@click.group("routine", cls=Group, invoke_without_command=True)
@click.option("--drop", type=click.Path(path_type=Path), help="Load what lies there first.")
@click.option(
    "--steady",
    type=click.FloatRange(min=0),
    default=STEADY_SECONDS,
    show_default=True,
    help="Seconds for which a file there must lie unchanged.",
)
@click.option("--memory", default=settings.DEFAULT_MEMORY, show_default=True, metavar="SIZE")
@click.option("--job", hidden=True, help="The job that this process is.")
@FORMAT
@click.pass_context
def routine(
    context: click.Context,
    drop: Path | None,
    steady: float,
    memory: str,
    job: str | None,
    form: Format,
) -> None:
    """Load what came, make a run, keep the scores, and show it in Neo4j where one is configured.

    Ends with 0 when done; 2 if it could not be done, or another one runs; 3 if it was done and a
    row or file was refused; 130 if it was cancelled. `routine list` lists those that ended.
    """
    if context.invoked_subcommand is not None:
        return
    session = current()
    memory = settings.memory(memory)
    with at_desk(session, "routine") as desk, _job(desk, job) as (jobs, job_id):
        desk.tells("job", [job_id])
        work = Work(
            session,
            desk.database,
            jobs,
            job_id,
            memory,
            None if drop is None else DropFolder(drop, steady=steady),
        )
        code = work.carry_out()
        ended = jobs.routines.routine(job_id)
    emit([] if ended is None else [ended.as_json()], form, columns=_SUMMARY)
    context.exit(code)


@routine.command("list", cls=Command)
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, show_default=True)
@FORMAT
def listing(limit: int, form: Format) -> None:
    """List the routines that ended, the newest first: the proof that they ran."""
    session = current()
    with at_desk(session, "routine.list") as desk:
        found = Routines(desk.database, clock=session.now).routines(limit)
    emit((each.as_json() for each in found), form, columns=_SUMMARY)


@contextmanager
def _job(desk: Desk, job_id: str | None) -> Iterator[tuple[Jobs, str]]:
    """The job that this process is, or a new one."""
    jobs = Jobs(desk.session.home, desk.database, clock=desk.session.now)
    if job_id is not None:
        yield jobs, jobs.routines.job(job_id).job_id
        return
    with jobs.within(desk.user_id) as begun:
        yield jobs, begun.job_id
