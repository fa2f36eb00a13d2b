"""Cases: opened for a purpose, seen and changed by their members, decided step by step."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic_core import to_jsonable_python

from api.http.casework import (
    CaseId,
    IfMatch,
    changed,
    entities_of,
    expected,
    finding_of,
    guarded,
    moment,
    shows,
    tag,
    within,
    writes,
)
from api.http.conditional import IfNoneMatch, answer
from api.http.door import Asked, Asking, AuditedRoute
from api.http.paging import Page, Paging
from api.http.shapes.casework import CaseEdit, CaseToOpen, StatusStep
from graph_service.casework.case_access import Stale
from graph_service.casework.case_file import CaseFile, Happened, Outline, Subject
from graph_service.casework.case_tables import LinkKind, Status

router = APIRouter(prefix="/v1/cases", tags=["cases"], route_class=AuditedRoute)


@router.get(
    "",
    response_model=Page[Outline],
    summary="Cases",
    **shows("cases.list", "outline", page=True),
)
def listing(
    ask: Asking,
    page: Paging,
    status: Annotated[Status | None, Query(description="Cases that stand there.")] = None,
    known: IfNoneMatch = None,
) -> Response:
    """Your cases, the newest first; a coordinator sees that the others' cases exist."""
    after = None if page.after is None else (moment(page.after[0]), str(page.after[1]))
    found = ask.service.cases.page(ask.caller, after=after, limit=page.limit + 1, status=status)
    items, further = page.cut(found, lambda case: (case.opened_at.isoformat(), case.case_id))
    ask.tells("case", [case.case_id for case in items])
    return answer(to_jsonable_python({"items": items, "next": further}), known)


@router.post(
    "",
    summary="Open a case",
    **writes(
        "cases.open", "case", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, status=HTTPStatus.CREATED
    ),
)
def opened(ask: Asking, asked: CaseToOpen, response: Response) -> CaseFile:
    """A new case, whose only member you are. Purpose and legal ground are required."""
    about = [
        *subjects(ask, LinkKind.ENTITY, asked.providers),
        *subjects(ask, LinkKind.FINDING, asked.findings),
    ]
    made = ask.service.cases.open(
        ask.caller,
        title=asked.title,
        purpose=asked.purpose,
        legal_ground=asked.legal_ground,
        about=about,
        restricted=asked.restricted,
    )
    within(ask, made.case_id)
    response.headers["Location"] = f"/v1/cases/{made.case_id}"
    return _tagged(response, made)


@router.get(
    "/{case_id}",
    response_model=CaseFile | Outline,
    summary="One case",
    **shows("cases.read", "case", HTTPStatus.NOT_FOUND),
)
def one(ask: Asking, case_id: CaseId, known: IfNoneMatch = None) -> Response:
    """A case of yours; to a coordinator, that it exists, where it stands and whose it is."""
    within(ask, case_id)
    case = ask.service.cases.read(case_id, ask.caller)
    told = answer(to_jsonable_python(case), None)
    told.headers["ETag"] = tag(case)
    if known is not None and tag(case) in (
        each.strip().removeprefix("W/") for each in known.split(",")
    ):
        kept = {name: told.headers[name] for name in ("ETag", "Cache-Control", "Vary")}
        return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers=kept)
    return told


@router.patch(
    "/{case_id}",
    response_model=CaseFile,
    summary="Change what a case says of itself",
    **guarded(writes("cases.change", "case", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)),
)
def edited(
    ask: Asking, case_id: CaseId, asked: CaseEdit, response: Response, if_match: IfMatch = None
) -> Any:
    """Title, purpose and legal ground; a case that somebody else changed first is answered 412."""
    within(ask, case_id)
    given = asked.model_dump(exclude_none=True)
    version = expected(if_match)
    cases = ask.service.cases
    try:
        return _tagged(response, cases.edit(case_id, ask.caller, expected=version, **given))
    except Stale as error:
        return changed(cases.read(case_id, ask.caller), given, str(error))


@router.post(
    "/{case_id}/status",
    response_model=CaseFile,
    summary="Take a case a step further",
    **guarded(writes("cases.decide", "case", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)),
)
def moved(
    ask: Asking, case_id: CaseId, asked: StatusStep, response: Response, if_match: IfMatch = None
) -> Any:
    """new, under_review, dismissed or confirmed, action, closed; reopened to under_review."""
    within(ask, case_id)
    version = expected(if_match)
    cases = ask.service.cases
    try:
        case = cases.move(case_id, ask.caller, asked.status, asked.reason, expected=version)
        return _tagged(response, case)
    except Stale as error:
        return changed(cases.read(case_id, ask.caller), asked.model_dump(), str(error))


@router.get(
    "/{case_id}/history",
    response_model=Page[Happened],
    summary="What was done to a case",
    **shows("cases.read", "happened", HTTPStatus.NOT_FOUND, page=True),
)
def history(ask: Asking, case_id: CaseId, page: Paging, known: IfNoneMatch = None) -> Response:
    """Each change by whom, when, from what to what, and why; the oldest first."""
    within(ask, case_id)
    after = 0 if page.after is None else int(str(page.after[0]))
    cases = ask.service.cases
    found = cases.history(case_id, ask.caller, after=after, limit=page.limit + 1)
    items, further = page.cut(found, lambda change: (change.version,))
    return answer(to_jsonable_python({"items": items, "next": further}), known)


def subjects(ask: Asked, kind: LinkKind, references: Sequence[str]) -> list[Subject]:
    """What a case is to be about, as the caller sees it now; NotThere for what they do not."""
    if kind is LinkKind.ENTITY:
        known = entities_of(ask, references)
        return [
            Subject(kind, reference, run_id=ask.run_id, insider=known[reference])
            for reference in dict.fromkeys(references)
        ]
    found = {reference: finding_of(ask, reference) for reference in references}
    return [
        Subject(kind, reference, told.subjects, ask.run_id, told.insider)
        for reference, told in found.items()
    ]


def _tagged(response: Response, case: CaseFile) -> CaseFile:
    response.headers["ETag"] = tag(case)
    return case
