"""What belongs to a case: its notes, what it is about, and who works on it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic_core import to_jsonable_python

from api.http.casework import CaseId, PartId, moment, shows, within, writes
from api.http.conditional import IfNoneMatch, answer
from api.http.door import Asking, AuditedRoute, does
from api.http.paging import Page, Paging
from api.http.routes.cases import subjects
from api.http.shapes.casework import LinkTo, MemberToAdd, NoteText
from graph_service.casework.case_file import CaseFile, Link
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.notes import Note, Notes

router = APIRouter(prefix="/v1/cases/{case_id}", tags=["cases"], route_class=AuditedRoute)


@router.get(
    "/notes",
    response_model=Page[Note],
    summary="Notes of a case",
    **shows("cases.read", "note", HTTPStatus.NOT_FOUND, page=True),
)
def notes(
    ask: Asking,
    case_id: CaseId,
    page: Paging,
    every_version: Annotated[
        bool, Query(description="Also what was written before a note was written anew.")
    ] = False,
    known: IfNoneMatch = None,
) -> Response:
    """Each note as it was last written, the oldest first."""
    within(ask, case_id)
    after = None
    if page.after is not None:
        at, note_id, version = page.after
        after = (moment(at), str(note_id), int(str(version)))
    found = _notes(ask).page(
        case_id, ask.caller, every_version=every_version, after=after, limit=page.limit + 1
    )
    items, further = page.cut(
        found, lambda note: (note.written_at.isoformat(), note.note_id, note.version)
    )
    return answer(to_jsonable_python({"items": items, "next": further}), known)


@router.post(
    "/notes",
    summary="Write a note",
    **writes(
        "cases.change", "note", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, status=HTTPStatus.CREATED
    ),
)
def noted(ask: Asking, case_id: CaseId, asked: NoteText) -> Note:
    """A note never conflicts with what others write at the same time."""
    within(ask, case_id)
    return _notes(ask).write(case_id, ask.caller, asked.text)


@router.put(
    "/notes/{note_id}",
    summary="Write a note of yours anew",
    **writes("cases.change", "note", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def rewritten(ask: Asking, case_id: CaseId, note_id: PartId, asked: NoteText) -> Note:
    """A further version of the note; what it said before can still be read."""
    within(ask, case_id)
    return _notes(ask).rewrite(case_id, note_id, ask.caller, asked.text)


@router.get(
    "/links",
    response_model=Page[Link],
    summary="What a case is about",
    **shows("cases.read", "link", HTTPStatus.NOT_FOUND, page=True),
)
def links(ask: Asking, case_id: CaseId, page: Paging, known: IfNoneMatch = None) -> Response:
    """Entities by reference and findings by id, in the order in which they were linked."""
    within(ask, case_id)
    after = None
    if page.after is not None:
        at, kind, reference = page.after
        after = (moment(at), str(kind), str(reference))
    found = ask.service.cases.links(case_id, ask.caller, after=after, limit=page.limit + 1)
    items, further = page.cut(
        found, lambda link: (link.linked_at.isoformat(), link.kind, link.reference)
    )
    return answer(to_jsonable_python({"items": items, "next": further}), known)


@router.post(
    "/links",
    summary="Say what a case is about",
    **writes(
        "cases.change", "case", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, status=HTTPStatus.CREATED
    ),
)
def linked(ask: Asking, case_id: CaseId, asked: LinkTo) -> CaseFile:
    """From then on the entity, or whom the finding is about, is shown in clear inside the case."""
    within(ask, case_id)
    ask.lifted = ask.service.cases.inside(case_id, ask.caller).lifted
    (subject,) = subjects(ask, asked.kind, [asked.reference])
    return ask.service.cases.link(case_id, ask.caller, subject)


@router.delete(
    "/links/{kind}/{reference}",
    summary="Say that a case is not about it",
    status_code=HTTPStatus.NO_CONTENT.value,
    **does("cases.change", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def unlinked(ask: Asking, case_id: CaseId, kind: LinkKind, reference: PartId) -> None:
    """What was linked stands in the case's history."""
    within(ask, case_id)
    ask.service.cases.unlink(case_id, ask.caller, kind, reference)
    ask.tells(kind, [reference])


@router.post(
    "/members",
    summary="Let somebody into a case",
    **writes(
        "cases.change", "case", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, status=HTTPStatus.CREATED
    ),
)
def member_added(ask: Asking, case_id: CaseId, asked: MemberToAdd) -> CaseFile:
    """They see all of the case that their units and roles let them see."""
    within(ask, case_id)
    told = ask.service.cases.add_member(case_id, ask.caller, asked.user_id)
    ask.tells("user", [asked.user_id])
    return told


@router.delete(
    "/members/{user_id:path}",
    summary="Let somebody go from a case",
    status_code=HTTPStatus.NO_CONTENT.value,
    **does("cases.change", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def member_removed(ask: Asking, case_id: CaseId, user_id: PartId) -> None:
    """A case keeps at least one member."""
    within(ask, case_id)
    ask.service.cases.remove_member(case_id, ask.caller, user_id)
    ask.tells("user", [user_id])


def _notes(ask: Asking) -> Notes:
    return Notes(ask.service.database, clock=ask.service.clock)
