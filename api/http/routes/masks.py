"""Protected persons within a case: one asks to have a mask lifted, another one approves."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response
from pydantic_core import to_jsonable_python

from api.http.casework import NO_FINDING, CaseId, PartId, moment, shows, within, writes
from api.http.conditional import IfNoneMatch, answer
from api.http.door import Asked, Asking, AuditedRoute
from api.http.paging import MOST, Page, PageAsked, Paging
from api.http.shapes.casework import MaskToLift
from graph_service.access.reference import kind_of, reference
from graph_service.casework.masks import Mask, Masks
from graph_service.errors import Conflict, NotThere, UsageError
from graph_service.run_file import RunFile, RunFolder

router = APIRouter(prefix="/v1", tags=["masks"], route_class=AuditedRoute)

#: What stands in a sight for a subject that is protected.
_PROTECTED: Final = "protected"


@router.get(
    "/cases/{case_id}/masks",
    response_model=Page[Mask],
    summary="Masks lifted or asked for within a case",
    **shows("cases.read", "mask", HTTPStatus.NOT_FOUND, page=True),
)
def of_case(ask: Asking, case_id: CaseId, page: Paging, known: IfNoneMatch = None) -> Response:
    """Whom the case shows though protected, by whose leave and until when; the oldest first."""
    within(ask, case_id)
    found = _masks(ask).of_case(case_id, ask.caller, after=_after(page), limit=page.limit + 1)
    return _answer(ask, page, found, known)


@router.post(
    "/cases/{case_id}/masks",
    summary="Ask to have a mask lifted",
    **writes(
        "masks.ask", "masks", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, status=HTTPStatus.CREATED
    ),
)
def asked(ask: Asking, case_id: CaseId, asked: MaskToLift) -> Page[Mask]:
    """Nothing is shown until somebody else approves; one mask for each person."""
    within(ask, case_id)
    lifted = ask.service.cases.inside(case_id, ask.caller).lifted
    named = (asked.finding_id, asked.reference, asked.person_id)
    if sum(each is not None for each in named) != 1:
        raise UsageError("Name one of finding_id, reference and person_id, and only one.")
    if asked.finding_id is not None:
        ask.lifted = lifted
        whom = _hidden(ask, asked.finding_id)
    elif asked.reference is not None:
        whom = [asked.reference]
    else:
        key = ask.service.home.reference_key()
        whom = [reference(key, f"person:{asked.person_id}")]
    made = _masks(ask).ask(case_id, ask.caller, whom, asked.reason)
    _tell(ask, made)
    for each in whom:
        ask.tells(kind_of(each), [each])
    return Page(items=made, next=None)


@router.delete(
    "/cases/{case_id}/masks/{mask_id}",
    summary="Put a mask back",
    **writes("masks.ask", "mask", HTTPStatus.NOT_FOUND),
)
def revoked(ask: Asking, case_id: CaseId, mask_id: PartId) -> Mask:
    """From then on the person is protected in the case too."""
    within(ask, case_id)
    mask = _masks(ask).revoke(case_id, mask_id, ask.caller)
    _tell(ask, [mask])
    return mask


@router.get(
    "/masks",
    response_model=Page[Mask],
    summary="Masks that wait for your approval",
    **shows("masks.approve", "mask", page=True),
)
def waiting(ask: Asking, page: Paging, known: IfNoneMatch = None) -> Response:
    """What others ask to have lifted, and why; the oldest first."""
    found = _masks(ask).waiting(ask.caller, after=_after(page), limit=page.limit + 1)
    return _answer(ask, page, found, known)


@router.post(
    "/masks/{mask_id}/approval",
    summary="Approve that a mask is lifted",
    **writes("masks.approve", "mask", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def approved(ask: Asking, mask_id: PartId) -> Mask:
    """For thirty days and no longer than the case is open; never by who asked for it."""
    mask = _masks(ask).approve(mask_id, ask.caller)
    within(ask, mask.case_id)
    _tell(ask, [mask])
    return mask


def _hidden(ask: Asked, finding_id: str) -> list[str]:
    """The references of a finding's subjects that the caller may not see, being protected."""
    seen = ask.run()
    shown = _subjects(seen, finding_id)
    if shown is None:
        raise NotThere(NO_FINDING)
    ask.tells("finding", [finding_id])
    whole = _subjects(RunFolder(ask.service.home).named(seen.run_id), finding_id)
    key = ask.service.home.reference_key()
    hidden = [
        reference(key, f"{there['kind']}:{there['id']}")
        for here, there in zip(shown, whole or [], strict=True)
        if here["id"] == _PROTECTED
    ]
    if not hidden:
        raise Conflict("Nobody whom this finding is about is masked. Nothing has to be lifted.")
    if len(hidden) > MOST:
        raise Conflict(f"More than {MOST} are masked there. Name those who matter one by one.")
    return hidden


def _subjects(run: RunFile, finding_id: str) -> list[dict[str, str]] | None:
    rows = run.rows("findings", order="finding_id", where={"finding_id": finding_id})
    return rows[0]["subjects"] if rows else None


def _masks(ask: Asked) -> Masks:
    return Masks(ask.service.database, clock=ask.service.clock)


def _tell(ask: Asked, masks: list[Mask]) -> None:
    for mask in masks:
        ask.tells("mask", [mask.mask_id])
        if mask.reference is not None:
            ask.tells(kind_of(mask.reference), [mask.reference])


def _answer(ask: Asked, page: PageAsked, found: list[Mask], known: str | None) -> Response:
    items, further = page.cut(found, lambda mask: (mask.asked_at.isoformat(), mask.mask_id))
    _tell(ask, items)
    return answer(to_jsonable_python({"items": items, "next": further}), known)


def _after(page: PageAsked) -> tuple[datetime, str] | None:
    return None if page.after is None else (moment(page.after[0]), str(page.after[1]))
