"""A person's own data, for the lawyer who answers their request (GDPR article 15)."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, Final

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.http.door import Asked, Asking, AuditedRoute, does
from api.own_data import ground_given, rooms, whose
from graph_service.clock import STOCKHOLM
from graph_service.errors import NotAllowed
from graph_service.evidence.subject.export import Access, export_subject
from graph_service.evidence.subject.protection import is_protected
from loaders.sources import sources

router = APIRouter(prefix="/v1/subject-exports", tags=["subject-exports"], route_class=AuditedRoute)

_ZIP: Final = "application/zip"
_NAME: Final = "own-data.zip"
_BLOCK: Final = 1 << 16


class OwnData(BaseModel):
    """Whose data is asked for, and whether a lawyer has decided that findings are told too."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "person": "person-4kq2mz7d3x5vapn6wctg2jhsru",
                    "with_findings": False,
                    "legal_ground": None,
                }
            ]
        },
    )

    person: str = Field(
        max_length=200, description="12 digits, `<issuer>:<id>`, or a reference as `person-…`."
    )
    with_findings: bool = Field(False, description="Tell findings, cases and tips too.")
    legal_ground: str | None = Field(
        None, max_length=500, description="On what ground they are told; logged."
    )


def _says() -> dict[str, Any]:
    told = does("subjects.export", HTTPStatus.NOT_FOUND)
    binary = {"schema": {"type": "string", "format": "binary"}}
    told["responses"] = {
        HTTPStatus.OK.value: {"description": "A zip of CSV and JSON.", "content": {_ZIP: binary}},
        **told["responses"],
    }
    return told


@router.post(
    "", summary="All that is held about one person", response_class=StreamingResponse, **_says()
)
def export(ask: Asking, asked: OwnData) -> StreamingResponse:
    """A zip for the person themselves, everybody else masked.

    Not for persons whose identity is protected: their file is made at the terminal.
    """
    service = ask.service
    _require_every_unit(ask)
    ground = ground_given(asked.legal_ground, with_findings=asked.with_findings)
    today = service.clock().astimezone(STOCKHOLM).date()
    access = Access(whose(service.home, asked.person, today=today), ground)
    ask.tells("person", [access.references(service.home.reference_key())[0]])
    ask.purpose = ground
    if is_protected(service.home, access.person):
        raise NotAllowed(
            "This one's data is not given over HTTP. Make the file at the terminal, with "
            "`graph-service export-subject`, in the presence of a second person."
        )
    with service.home.spill() as folder:
        target = folder / _NAME
        export_subject(
            service.home,
            service.database,
            access,
            target,
            clock=service.clock,
            rooms=rooms(),
            sources=sources(),
        )
        return _answer(target)


def _require_every_unit(ask: Asked) -> None:
    """The right is to all of it, whichever unit it is from."""
    if ask.caller.units is not None:
        raise NotAllowed("You see some units only. Ask a colleague who sees them all.")


def _answer(target: Path) -> StreamingResponse:
    """The file's bytes; the file itself is gone before they are sent."""
    headers = {
        "Content-Disposition": f'attachment; filename="{_NAME}"',
        "Content-Length": str(target.stat().st_size),
    }
    return StreamingResponse(_blocks(target.open("rb")), media_type=_ZIP, headers=headers)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while block := stream.read(_BLOCK):
            yield block
