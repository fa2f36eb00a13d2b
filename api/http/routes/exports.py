"""Exports: somebody asks that a case leaves, somebody else approves, and a package is made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, BinaryIO, Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_jsonable_python

from api.http.casework import CaseId, PartId, moment, shows, within, writes
from api.http.conditional import IfNoneMatch, answer, names, reads
from api.http.door import Asked, Asking, AuditedRoute
from api.http.limits import unhurried
from api.http.paging import Page, PageAsked, Paging
from api.http.shapes.casework import ExportToAsk, Refusal
from api.packages import Packages
from graph_service.access.reference import kind_of
from graph_service.casework.export_file import Export, Package
from graph_service.casework.exports import Exports
from graph_service.errors import NotThere
from graph_service.evidence.kept import Kept

router = APIRouter(prefix="/v1", tags=["exports"], route_class=AuditedRoute)

_ZIP: Final = "application/zip"
_BLOCK: Final = 1 << 20
#: What changes an export: it may not be there for who asks, or not be as it must.
_REFUSALS: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


def _downloads() -> dict[str, Any]:
    told = reads("exports.make")
    binary = {"schema": {"type": "string", "format": "binary"}}
    told["responses"][HTTPStatus.OK.value]["content"] = {_ZIP: binary}
    return told


@router.get(
    "/cases/{case_id}/exports",
    response_model=Page[Export],
    summary="Exports of a case",
    **shows("exports.read", "export", HTTPStatus.NOT_FOUND, page=True),
)
def of_case(ask: Asking, case_id: CaseId, page: Paging, known: IfNoneMatch = None) -> Response:
    """What was asked to be exported, who approved it and what became of it; the oldest first."""
    within(ask, case_id)
    found = _exports(ask).of_case(case_id, ask.caller, after=_after(page), limit=page.limit + 1)
    return _answer(ask, page, found, known)


@router.post(
    "/cases/{case_id}/exports",
    summary="Ask to export a case",
    **writes("exports.ask", "export", *_REFUSALS, status=HTTPStatus.CREATED),
)
def asked(ask: Asking, case_id: CaseId, asked: ExportToAsk, response: Response) -> Export:
    """The case as it stands, for a recipient. No file is made until somebody else approves.

    It is of the current run and tells no more than you may see.
    """
    within(ask, case_id)
    run = ask.service.sights.standing()
    if run is None:
        raise NotThere("There is no run yet. Start one with POST /v1/runs.")
    made = _exports(ask).ask(
        case_id,
        ask.caller,
        recipient=asked.recipient,
        legal_ground=asked.legal_ground,
        run_id=run.run_id,
        lifted=asked.lifted,
        authority_reference=asked.authority_reference,
        contact=asked.contact,
        damages=asked.damages,
    )
    response.headers["Location"] = f"/v1/exports/{made.export_id}"
    return _told(ask, made)


@router.get(
    "/exports/waiting",
    response_model=Page[Export],
    summary="Exports that wait for your approval",
    **shows("exports.approve", "export", page=True),
)
def waiting(ask: Asking, page: Paging, known: IfNoneMatch = None) -> Response:
    """What others ask to export, to whom and on what legal ground; the oldest first."""
    found = _exports(ask).waiting(ask.caller, after=_after(page), limit=page.limit + 1)
    return _answer(ask, page, found, known)


@router.get(
    "/exports/{export_id}",
    response_model=Export,
    summary="One export",
    **shows("exports.read", "export", HTTPStatus.NOT_FOUND),
)
def one(ask: Asking, export_id: PartId, known: IfNoneMatch = None) -> Response:
    """An export of a case of yours, or one that you may approve."""
    found = _told(ask, _exports(ask).one(export_id, ask.caller))
    return answer(to_jsonable_python(found), known)


@router.post(
    "/exports/{export_id}/approval",
    summary="Approve an export",
    **writes("exports.approve", "export", *_REFUSALS),
)
def approved(ask: Asking, export_id: PartId) -> Export:
    """For seven days and while the case stays as it is; never by who asked for it."""
    return _told(ask, _exports(ask).approve(export_id, ask.caller))


@router.post(
    "/exports/{export_id}/refusal",
    summary="Refuse an export",
    **writes("exports.approve", "export", *_REFUSALS),
)
def refused(ask: Asking, export_id: PartId, given: Refusal) -> Export:
    """It is not made; an approval that was given ends, and what is kept for download goes."""
    found = _told(ask, _exports(ask).refuse(export_id, ask.caller, given.reason))
    Kept(ask.service.home).remove(export_id)
    return found


@router.post(
    "/exports/{export_id}/withdrawal",
    summary="Withdraw an export",
    **writes("exports.ask", "export", *_REFUSALS),
)
def withdrawn(ask: Asking, export_id: PartId) -> Export:
    """Take back, as a member of its case, that it was asked for; an approval ends with it."""
    found = _told(ask, _exports(ask).withdraw(export_id, ask.caller))
    Kept(ask.service.home).remove(export_id)
    return found


@router.post(
    "/exports/{export_id}/package",
    summary="Make the package of an approved export",
    **writes("exports.make", "package", *_REFUSALS),
)
def made(ask: Asking, export_id: PartId, _: Annotated[None, Depends(unhurried)]) -> Package:
    """It takes up to some minutes. One that is kept already is not made again."""
    _told(ask, _exports(ask).one(export_id, ask.caller))
    return _packages(ask).kept(export_id, ask.caller)


@router.get(
    "/exports/{export_id}/package",
    response_class=Response,
    summary="Download the package of an approved export",
    **_downloads(),
)
def downloaded(ask: Asking, export_id: PartId, known: IfNoneMatch = None) -> Response:
    """The zip file as it was made; its ETag is its SHA-256. Kept while the approval holds."""
    export = _told(ask, _exports(ask).one(export_id, ask.caller))
    _exports(ask).request(export_id, ask.caller)
    clear = ask.service.cases.inside(export.case_id, ask.caller).clear
    found = _packages(ask).download(export_id, ask.caller)
    if found is None:
        raise NotThere("No package is kept of this export. Make it with POST to this address.")
    for each in sorted(clear):
        ask.tells(kind_of(each), [each])
    file, package = found
    return _file(file, package, known)


def _exports(ask: Asked) -> Exports:
    return Exports(ask.service.database, clock=ask.service.clock)


def _packages(ask: Asked) -> Packages:
    service = ask.service
    return Packages(service.settings, service.database, clock=service.clock)


def _told(ask: Asked, export: Export) -> Export:
    """The same, noted for the log."""
    within(ask, export.case_id)
    ask.tells("export", [export.export_id])
    return export


def _answer(ask: Asked, page: PageAsked, found: list[Export], known: str | None) -> Response:
    items, further = page.cut(found, lambda export: (export.asked_at.isoformat(), export.export_id))
    ask.tells("export", [export.export_id for export in items])
    return answer(to_jsonable_python({"items": items, "next": further}), known)


def _after(page: PageAsked) -> tuple[datetime, str] | None:
    return None if page.after is None else (moment(page.after[0]), str(page.after[1]))


def _file(file: BinaryIO, package: Package, known: str | None) -> Response:
    """The file, under a name that tells nothing of anybody."""
    headers = {"ETag": f'"{package.sha256}"', "Cache-Control": "private, no-cache"}
    if known is not None and names(known, headers["ETag"]):
        file.close()
        return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers=headers)
    headers |= {
        "Content-Disposition": f'attachment; filename="{package.export_id}.zip"',
        "Content-Length": str(package.size),
    }
    return StreamingResponse(_blocks(file), media_type=_ZIP, headers=headers)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
