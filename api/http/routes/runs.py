"""Runs: start one, see how far it has come, cancel it, and those that were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from heapq import merge
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Final

import anyio
from fastapi import APIRouter, Header, Path, Response
from fastapi.concurrency import run_in_threadpool
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent

from api.http.door import Asked, Asking, AuditedRoute, does
from api.http.paging import Page, Paging
from api.http.shapes.runs import Run
from graph_service.casework.routines import JobState
from graph_service.errors import Conflict, NotThere
from graph_service.routine.jobs import Jobs
from graph_service.run_file import RunFolder

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=AuditedRoute)

_JOB: Final = "job-"
#: The digits of a moment that ids of jobs and runs alike begin with.
_STAMP: Final = 15
#: How often a reader of events is told anew, and how often that there is nothing to tell.
_LOOK_SECONDS: Final = 0.5
_HEARTBEAT_SECONDS: Final = 15
#: How long a stream may take to end when the service does.
_GRACE_SECONDS: Final = 2.0
_NO_RUN: Final = "There is no such run. GET /v1/runs lists them."
_LOCATION: Final = {"description": "Where the run is told of.", "schema": {"type": "string"}}
_EVENTS: Final = (
    'event: step\r\ndata: {"step":"network","share":0.8}\r\n\r\n'
    'event: end\r\ndata: {"state":"done","run_id":"20261102T050003Z"}\r\n\r\n'
)

RunOrJob = Annotated[
    str, Path(alias="run_id", max_length=64, description="The id of a run, or of a job.")
]


def _jobs(ask: Asked) -> Jobs:
    service = ask.service
    return Jobs(service.home, service.database, clock=service.clock)


def _started() -> dict[str, Any]:
    told = does("runs.start", HTTPStatus.CONFLICT)
    told["responses"][HTTPStatus.ACCEPTED.value] = {"headers": {"Location": _LOCATION}}
    return told


@router.post("", status_code=HTTPStatus.ACCEPTED, summary="Start a run", **_started())
def start(
    ask: Asking,
    response: Response,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            description="The same key again gets the run that it started, and starts no other.",
        ),
    ] = None,
) -> Run:
    """Make a run in a process of its own. One runs at a time: 409 while another is under way."""
    job = _jobs(ask).start(ask.caller.user_id, asked_key=key)
    ask.tells("job", [job.job_id])
    response.headers["Location"] = f"/v1/runs/{job.job_id}"
    return _told(ask, job.job_id)


@router.get("", summary="Runs, the newest first", **does("runs.read"))
def listing(ask: Asking, page: Paging) -> Page[Run]:
    """Every run that is kept and every job, those that failed too."""
    _jobs(ask).running()  # one that died is told as failed
    stamp, name = page.after if page.after is not None else ("~", "~")
    found = merge(
        _of_jobs(ask, str(stamp), str(name), page.limit + 1),
        _of_files(ask, str(stamp), str(name), page.limit + 1),
        key=_place,
        reverse=True,
    )
    items, cursor = page.cut(list(islice(found, page.limit + 1)), _place)
    return Page(items=items, next=cursor)


@router.get("/{run_id}", summary="A run, or a job", **does("runs.read", HTTPStatus.NOT_FOUND))
def one(ask: Asking, run_id: RunOrJob) -> Run:
    """How a run stands, by its own id or that of its job."""
    return _told(ask, run_id)


@router.post(
    "/{run_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    summary="Cancel a run",
    **does("runs.cancel", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def cancel(ask: Asking, run_id: RunOrJob) -> Run:
    """Ask a run to end before it is done; the last good one stands. 409 where it has ended."""
    found = _told(ask, run_id)
    if found.job_id is None:
        raise Conflict("That run has ended; there is nothing to cancel.")
    ask.tells("job", [found.job_id])
    _jobs(ask).routines.ask_to_cancel(found.job_id, ask.caller.user_id)
    return _told(ask, run_id)


@router.get(
    "/{run_id}/events",
    summary="How far a run has come, as it goes",
    response_class=EventSourceResponse,
    openapi_extra=does("runs.read")["openapi_extra"],
    dependencies=does("runs.read")["dependencies"],
    responses={
        **does("runs.read", HTTPStatus.NOT_FOUND)["responses"],
        HTTPStatus.OK.value: {
            "description": "Server-sent events: `step` for each step, `end` when it has ended.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS}},
        },
    },
)
async def events(ask: Asking, run_id: RunOrJob) -> EventSourceResponse:
    """Server-sent events: `step` with its name and the share done, then `end` with the run."""
    first = await run_in_threadpool(_told, ask, run_id)
    leaving = anyio.Event()
    return EventSourceResponse(
        _events(ask, first, leaving),
        ping=_HEARTBEAT_SECONDS,
        shutdown_event=leaving,
        shutdown_grace_period=_GRACE_SECONDS,
    )


async def _events(ask: Asked, seen: Run, leaving: anyio.Event) -> AsyncIterator[ServerSentEvent]:
    """What has become of a run until it ends, or until the service does."""
    told = None
    while seen.state is JobState.RUNNING and seen.job_id is not None:
        if told != (seen.step, seen.share):
            told = (seen.step, seen.share)
            yield JSONServerSentEvent({"step": seen.step, "share": seen.share}, event="step")
        with anyio.move_on_after(_LOOK_SECONDS):
            await leaving.wait()
            return
        seen = await run_in_threadpool(_told, ask, seen.job_id)
    yield JSONServerSentEvent(seen.model_dump(mode="json"), event="end")


def _told(ask: Asked, run_id: str) -> Run:
    jobs, current = _jobs(ask), _current(ask)
    ended = jobs.routines.routine(run_id)
    if ended is not None or run_id.startswith(_JOB):
        job = jobs.job(run_id if ended is None else ended.job_id)
        return Run.of_job(job, ended or jobs.routines.routine(job.job_id), current)
    for found in RunFolder(ask.service.home).all():
        if found.run_id == run_id:
            return Run.of_file(found, current)
    raise NotThere(_NO_RUN)


def _place(run: Run) -> tuple[str, str]:
    """Where a run stands in the list: by its moment, the jobs of one second before its runs."""
    name = run.job_id or run.run_id or ""
    return name.removeprefix(_JOB)[:_STAMP], name


def _of_jobs(ask: Asked, stamp: str, name: str, limit: int) -> list[Run]:
    before = name if name.startswith(_JOB) else f"{_JOB}{stamp}"
    found, current = _jobs(ask).routines.jobs(limit, before), _current(ask)
    return [Run.of_job(job, ended, current) for job, ended in found]


def _of_files(ask: Asked, stamp: str, name: str, limit: int) -> list[Run]:
    runs, current = RunFolder(ask.service.home).all(), _current(ask)
    made = _jobs(ask).routines.made([run.run_id for run in runs])
    before = [run for run in runs if (run.run_id[:_STAMP], run.run_id) < (stamp, name)]
    alone = [run for run in before if run.run_id not in made]
    return [Run.of_file(run, current) for run in reversed(alone[-limit:])]


def _current(ask: Asked) -> str | None:
    standing = RunFolder(ask.service.home).current()
    return None if standing is None else standing.run_id
