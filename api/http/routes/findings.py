"""Findings of the current run: each with its rule, innocent stories, and the way to its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from api.http.conditional import IfNoneMatch, answer, reads
from api.http.door import AskingInCase, AuditedRoute
from api.http.paging import Page, PageAsked, Paging
from api.http.routes.detectors import Named, rooms
from api.http.seen import Seen, seen
from api.http.shapes import example
from api.http.shapes.findings import Became, Finding, FindingInFull, QueryText
from api.http.shapes.network import Day
from graph_service.access.rows import CitedRow, rows_of
from graph_service.errors import NotThere
from graph_service.results import findings as results
from graph_service.results.findings import Wanted
from graph_service.room import Strength, Text
from graph_service.run_file import RunFolder

router = APIRouter(prefix="/v1/findings", tags=["findings"], route_class=AuditedRoute)

_NO_FINDING: Final = "There is no such finding in the current run, or it is not for you to see."
#: Rows that one finding tells of; /rows pages through all of them.
_EVIDENCE: Final = 500

FindingId = Annotated[str, Path(max_length=100, description="As findings are listed by.")]


@router.get(
    "",
    response_model=Page[Finding],
    summary="Findings",
    **reads("findings.list", example=example("findings.list")),
)
def listing(
    ask: AskingInCase,
    page: Paging,
    detector: Annotated[Named | None, Query(description="A detector's name.")] = None,
    provider: Annotated[
        str | None, Query(max_length=100, description="A provider's reference.")
    ] = None,
    strength: Strength | None = None,
    change: Annotated[
        Became | None,
        Query(description="What became of it; `gone` are read where they last stood."),
    ] = None,
    since: Annotated[Day | None, Query(description="Not over before that day.")] = None,
    until: Annotated[Day | None, Query(description="Begun by that day.")] = None,
    known: IfNoneMatch = None,
) -> Response:
    """What breaks a rule first, then what is odd among peers, then leads; the latest first."""
    wanted = Wanted(
        detector=detector,
        provider=provider,
        strength=strength,
        change=None if change is Became.GONE else change,
        since=since,
        until=until,
    )
    with seen(ask, page.run_id) as view:
        if change is Became.GONE:
            return answer(_gone(view, page, wanted), known)
        return answer(page_of(view, page, wanted), known)


@router.get(
    "/{finding_id}",
    response_model=FindingInFull,
    summary="One finding",
    **reads("findings.read", example=example("findings.read")),
)
def one(ask: AskingInCase, finding_id: FindingId, known: IfNoneMatch = None) -> Response:
    """A finding with its rule as it was put, its innocent stories, and what to ask."""
    with seen(ask) as view:
        told = _found(view, finding_id, evidence=_EVIDENCE)
        told["run_id"] = view.reading.run.run_id
        told["innocent"] = [_in_words(told["detector"], each) for each in told["innocent"]]
        told["rule"] = _rule(view, told)
        return answer(view.told(told), known)


@router.get(
    "/{finding_id}/query",
    response_model=QueryText,
    summary="What was asked, as text",
    **reads("findings.read", example=example("findings.query")),
)
def query(ask: AskingInCase, finding_id: FindingId, known: IfNoneMatch = None) -> Response:
    """The query that finds it, with the thresholds it was given: anybody can check it."""
    with seen(ask) as view:
        found = _found(view, finding_id)
        rule = results.rule(view.reading.engine, found["detector"])
        room = rooms().get(found["detector"])
        told = {
            "finding_id": finding_id,
            "detector": found["detector"],
            "digest": rule.digest,
            "digest_today": None if room is None else room.digest,
            "thresholds": {name: each["value"] for name, each in rule.thresholds.items()},
            "sql": None if room is None else room.query,
            "cypher": None if room is None else room.network_query,
        }
        return answer(view.told(told), known)


@router.get(
    "/{finding_id}/rows",
    response_model=Page[CitedRow],
    summary="The very rows behind a finding",
    **reads("findings.rows", example=example("findings.rows")),
)
def rows(
    ask: AskingInCase, page: Paging, finding_id: FindingId, known: IfNoneMatch = None
) -> Response:
    """Each back to its file and row, and what it says; what tells who somebody is, is masked."""
    offset = page.after[0] if page.after else 0
    with seen(ask, page.run_id) as view:
        run = view.reading.run
        found = rows_of(
            ask.service.home, run, finding_id, clear=ask.clear, offset=offset, limit=page.limit
        )
        ask.tells("finding", [finding_id])
        end = offset + len(found.rows)
        further = page.cursor((end,), run_id=run.run_id) if end < found.total else None
        return answer({"items": view.told(found.rows), "next": further}, known)


def page_of(
    view: Seen, page: PageAsked, wanted: Wanted, *, run_id: str | None = None
) -> dict[str, Any]:
    """A page of findings; `run_id` is of the list where it is another than the one that is read."""
    found = results.listed(
        view.reading.engine,
        wanted,
        after=page.after,
        limit=page.limit + 1,
        gone=run_id is not None,
    )
    of_list = run_id or view.reading.run.run_id
    items, further = page.cut(found, lambda each: each.place, run_id=of_list)
    return {"items": view.told([dict(each.told) for each in items]), "next": further}


def _gone(view: Seen, page: PageAsked, wanted: Wanted) -> dict[str, Any]:
    """What the run before had and this one has no more, as the caller saw it there.

    Which are gone is asked of the whole run, since a sight tells of none that it does not hold;
    which of them the caller may see, the sight of the run before knows.
    """
    run_id = view.reading.run.run_id
    with view.ask.service.readers.of(RunFolder(view.ask.service.home).named(run_id)) as whole:
        before, ids = results.gone(whole.engine)
    if before is None:
        return {"items": [], "next": None}
    with seen(view.ask, before) as past:
        told = page_of(past, page, replace(wanted, among=ids), run_id=run_id)
    view.ask.run_id = run_id
    return told


def _found(view: Seen, finding_id: str, *, evidence: int = 0) -> dict[str, Any]:
    wanted = Wanted(finding_id=finding_id)
    found = results.listed(view.reading.engine, wanted, limit=1, evidence=evidence)
    if not found:
        raise NotThere(_NO_FINDING)
    return dict(found[0].told)


def _in_words(detector: str, story: dict[str, Any]) -> dict[str, Any]:
    """An innocent story with its words, and the question where somebody must be asked."""
    room = rooms().get(detector)
    causes = {cause.name: cause for cause in room.innocent} if room is not None else {}
    cause = causes.get(story["story"])
    return {
        **story,
        "text": _both(None if cause is None else cause.story),
        "ask": _both(None if cause is None else cause.ask),
    }


def _rule(view: Seen, finding: dict[str, Any]) -> dict[str, Any]:
    """The claim, and each threshold as the run put it beside the detector's own."""
    asked = results.rule(view.reading.engine, finding["detector"])
    room = rooms().get(finding["detector"])
    why = {} if room is None else {name: each.why for name, each in room.thresholds.items()}
    return {
        "detector": finding["detector"],
        "title": _both(None if room is None else room.title),
        "claim": None if room is None else room.claim,
        "silent_on": None if room is None else room.silent_on,
        "basis": None if room is None else room.basis,
        "swedish": None if room is None else room.swedish,
        "digest": asked.digest,
        "digest_today": None if room is None else room.digest,
        "thresholds": [
            {"name": name, **each, "why": why.get(name)} for name, each in asked.thresholds.items()
        ],
    }


def _both(text: Text | None) -> dict[str, str] | None:
    return None if text is None else {"sv": text.sv, "en": text.en}
