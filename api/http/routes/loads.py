"""Bringing files in, and what became of their rows: receipts and refused rows."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.http.door import Asking, AuditedRoute, does
from api.http.limits import allow_upload
from api.http.paging import Page, Paging, Place
from api.http.problems import MEDIA_TYPE, Problem
from api.http.upload import received
from graph_service.errors import NotThere
from graph_service.lake import Lake
from graph_service.receipt import Receipt as StoredReceipt
from loaders import load as loading
from loaders import reject_file

router = APIRouter(prefix="/v1/loads", tags=["loads"], route_class=AuditedRoute)

_RECEIPT_EXAMPLE: Final[dict[str, JsonValue]] = {
    "batch": "20261102T071500000000Z",
    "source": "canonical",
    "file": "visits.csv",
    "file_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "table": "visits",
    "read": 1204,
    "stored": 1180,
    "superseding": 12,
    "duplicates": 10,
    "rejected": 2,
    "refused": None,
    "dropped_columns": [],
    "unresolved": {"client_id": 1},
    "unusable": {},
    "ambiguous_times": 0,
    "loaded_at": "2026-11-02T07:15:03.120000+00:00",
    "loader": "graph-service",
    "loader_version": "0.1.0",
}
_REJECT_EXAMPLE: Final[dict[str, JsonValue]] = {
    "batch": "20261102T071500000000Z",
    "file": "visits.csv",
    "file_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "table": "visits",
    "row": 17,
    "column": "end",
    "code": "end_before_start",
    "reason": {"sv": "Slutet ligger före början.", "en": "The end lies before the start."},
    "cure": {"sv": "Rätta tiderna i källsystemet.", "en": "Mend the times in the source system."},
}


class Receipt(BaseModel):
    """What became of one table of one file: read = stored + superseding + duplicates + rejected."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECEIPT_EXAMPLE]})

    batch: str
    source: str | None = Field(description="The room that read the file.")
    file: str
    file_sha256: str | None
    table: str | None
    read: int
    stored: int
    superseding: int
    duplicates: int
    rejected: int
    refused: str | None = Field(description="Why the whole file was refused, as a code.")
    dropped_columns: list[str]
    unresolved: dict[str, int]
    unusable: dict[str, int]
    ambiguous_times: int
    loaded_at: str = Field(json_schema_extra={"format": "date-time"})
    loader: str | None
    loader_version: str


class Words(BaseModel):
    """A text in both languages."""

    sv: str
    en: str


class Reject(BaseModel):
    """Why one row was refused, and the cure; its values stand nowhere here."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REJECT_EXAMPLE]})

    batch: str
    file: str
    file_sha256: str | None
    table: str | None
    row: int | None = Field(description="As a spreadsheet shows it; null for the whole file.")
    column: str | None
    code: str
    reason: Words
    cure: Words
    path: str | None = Field(None, description="Where in a document that is no table.")


class Loaded(BaseModel):
    """A batch that was stored, with one receipt for each file and table."""

    batch: str
    receipts: list[Receipt]


class LoadRefused(Problem):
    """Nothing could be read: a receipt for each file says why."""

    model_config = ConfigDict(json_schema_extra={})  # a problem's own example says too little

    receipts: list[Receipt]


class Batch(Page[Receipt]):
    """A batch, with a page of its receipts; `withdrawn_at` where it is out of every view."""

    batch: str
    loaded_at: datetime
    withdrawn_at: datetime | None


_FORM: Final = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "format": "binary"},
                        "description": "One part a file, each with its file name.",
                    },
                    "source": {
                        "type": "string",
                        "description": "The room that reads them; found by itself without.",
                        "examples": ["canonical"],
                    },
                },
            }
        }
    },
}
_UPLOADING: Final = does(
    "loads.upload", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE
)
_UPLOADING["openapi_extra"]["requestBody"] = _FORM
_UPLOADING["responses"][HTTPStatus.UNPROCESSABLE_ENTITY.value] = {
    "description": "No file could be read, or the form does not fit.",
    "model": LoadRefused | Problem,
    "content": {
        MEDIA_TYPE: {
            "schema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/LoadRefused"},
                    {"$ref": "#/components/schemas/Problem"},
                ]
            }
        }
    },
}


@router.post("", status_code=HTTPStatus.CREATED, response_model=Loaded, **_UPLOADING)
async def upload(request: Request, ask: Asking, response: Response) -> Any:
    """Load files as one batch, visible as a whole or not at all.

    Answers when it is done. Rows that are refused are told of in the receipts; a later delivery
    of the same row supersedes it, and the same bytes twice change nothing.
    """
    home, service = ask.service.home, ask.service
    allow_upload(request, service.settings.serve.upload_bytes)
    with home.spill() as folder:
        given = await received(request, folder)
        outcome = await run_in_threadpool(
            loading.load,
            home,
            given.files,
            loading.Options(source=given.fields.get("source") or None),
            clock=service.clock,
            wait_seconds=service.settings.serve.time_limit_seconds,
        )
    receipts = [receipt.as_json() for receipt in outcome.receipts]
    ask.tells("batch", [outcome.batch])
    ask.tells("file", [each["file_sha256"] for each in receipts if each["file_sha256"]])
    location = {"Location": f"/v1/loads/{outcome.batch}"}
    if all(receipt.refused for receipt in outcome.receipts):
        refused = LoadRefused(
            title=HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
            status=HTTPStatus.UNPROCESSABLE_ENTITY.value,
            detail="No file could be read. `receipts` says why; the rejects say the cure.",
            receipts=[Receipt(**receipt) for receipt in receipts],
        )
        told = refused.model_dump(mode="json", exclude={"faults"})
        return JSONResponse(told, refused.status, location, media_type=MEDIA_TYPE)
    response.headers.update(location)
    return {"batch": outcome.batch, "receipts": receipts}


@router.get("", **does("loads.read"))
def loads(ask: Asking, page: Paging) -> Page[Receipt]:
    """Every receipt, the newest batch first."""
    placed = _placed(Lake(ask.service.home).receipts())
    shown, following = _page(sorted(placed, key=lambda at: (at[0], -at[1]), reverse=True), page)
    ask.tells("batch", dict.fromkeys(receipt.batch for receipt in shown))
    return Page(items=shown, next=following)


_BATCH = Annotated[str, Path(max_length=64, examples=["20261102T071500000000Z"])]


@router.get("/{batch}", **does("loads.read", HTTPStatus.NOT_FOUND))
def load(ask: Asking, page: Paging, batch: _BATCH) -> Batch:
    """One batch: what became of each file and table."""
    lake = Lake(ask.service.home)
    found = _of_batch(lake, batch)
    shown, following = _page(_placed(found), page)
    ask.tells("batch", [batch])
    return Batch(
        batch=batch,
        loaded_at=found[0].loaded_at,
        withdrawn_at=lake.withdrawn().get(batch),
        items=shown,
        next=following,
    )


@router.get(
    "/{batch}/rejects",
    response_model_exclude_unset=True,
    **does("loads.rejects", HTTPStatus.NOT_FOUND),
)
def rejects(ask: Asking, page: Paging, batch: _BATCH) -> Page[Reject]:
    """The rows and files of a batch that were refused, a line for each reason."""
    home = ask.service.home
    _of_batch(Lake(home), batch)
    skip = 0 if page.after is None else int(page.after[0] or 0)
    listed = reject_file.listing(home, batch, skip=skip)
    found = list(enumerate(islice(listed, page.limit + 1), start=skip + 1))
    shown, following = page.cut(found, lambda item: (item[0],))
    ask.tells("batch", [batch])
    return Page(items=[Reject(**reject) for _, reject in shown], next=following)


#: A receipt with its place: its batch, and the how-manieth it is there.
_Placed = tuple[str, int, StoredReceipt]


def _placed(receipts: list[StoredReceipt]) -> list[_Placed]:
    """Receipts of whole batches, in the lake's own order, each with its place."""
    counted: dict[str, int] = {}
    placed = []
    for receipt in receipts:
        counted[receipt.batch] = counted.get(receipt.batch, 0) + 1
        placed.append((receipt.batch, counted[receipt.batch], receipt))
    return placed


def _page(placed: list[_Placed], page: Paging) -> tuple[list[Receipt], str | None]:
    """The receipts that follow the page's place in the order given."""
    places: list[Place] = [(batch, n) for batch, n, _ in placed]
    start = 0 if page.after is None else places.index(page.after) + 1
    found = placed[start : start + page.limit + 1]
    shown, following = page.cut(found, lambda item: (item[0], item[1]))
    return [Receipt(**receipt.as_json()) for *_, receipt in shown], following


def _of_batch(lake: Lake, batch: str) -> list[StoredReceipt]:
    found = [receipt for receipt in lake.receipts() if receipt.batch == batch]
    if not found:
        raise NotThere("There is no such batch. GET /v1/loads lists them.")
    return found
