"""How long records are kept, what is held, what has lapsed, and what was erased."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.erasure import start
from api.http.door import Asked, Asking, AuditedRoute, does
from api.http.paging import Page, Paging
from graph_service import settings
from graph_service.access.reference import PATTERN
from graph_service.casework.keeping import LONGEST_MONTHS, Covers, Erasure, Hold, Keeping
from graph_service.errors import UsageError
from graph_service.keeping import retention as terms
from graph_service.records import TABLES, Retention

router = APIRouter(prefix="/v1/retention", tags=["retention"], route_class=AuditedRoute)

_Text = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
_Class = Annotated[Retention, Path(description="A class of tables.")]
_HoldId = Annotated[str, Path(max_length=64)]
_TERM: Final[JsonDict] = {
    "class": "visits",
    "months": 24,
    "decision": "KS 2026/12",
    "tables": ["login_events", "visits"],
}
_DUE: Final[JsonDict] = {
    "table": "visits",
    "class": "visits",
    "months": 24,
    "decided": True,
    "records": 1200,
    "rows": 1211,
    "held": 4,
}
_HOLD: Final[JsonDict] = {
    "hold_id": "hold-25a6d2ecfe395995",
    "covers": "case",
    "named": "case-4e0a99d03d5b2612",
    "reason": "Tvist om återbetalning pågår.",
    "placed_by": "user:25a6d2ecfe395995",
    "placed_at": "2026-03-02T08:00:00Z",
}
_ERASURE: Final[JsonDict] = {
    "erasure_id": "erasure-25a6d2ecfe395995",
    "begun_at": "2026-03-02T03:00:00Z",
    "finished_at": "2026-03-02T03:04:10Z",
    "erased_by": "cli:keeper",
    "decisions": {"visits": "KS 2026/12"},
    "counts": {"visits": 1211, "files_redacted": 3, "runs": 30},
}


class Term(BaseModel):
    """How long a class is kept; without a decision the months are a proposal, never erased by."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TERM]})

    retention: Retention = Field(alias="class")
    months: int
    decision: str | None
    tables: list[str]


class TermDecided(BaseModel):
    """A decision on how long a class is kept."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"months": 24, "decision": "KS 2026/12"}]},
    )

    months: int = Field(ge=1, le=LONGEST_MONTHS)
    decision: _Text


class Due(BaseModel):
    """What has lapsed of a table: records by key, rows with every version, and what is held."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DUE]})

    table: str
    retention: Retention = Field(alias="class")
    months: int
    decided: bool
    records: int
    rows: int
    held: int


class HoldToPlace(BaseModel):
    """Something to keep, whatever its age: a case, an entity by its reference, a table, a class."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"covers": "table", "named": "visits", "reason": "Revision pågår."}]
        },
    )

    covers: Covers
    named: Annotated[str, Field(min_length=1, max_length=64)]
    reason: _Text


class HoldToLift(BaseModel):
    """Why it need not be kept any more."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Tvisten är avgjord."}]}
    )

    reason: _Text


class HoldPlaced(BaseModel):
    """A hold that stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [_HOLD]}, from_attributes=True)

    hold_id: str
    covers: Covers
    named: str
    reason: str
    placed_by: str
    placed_at: datetime


class ErasureDone(BaseModel):
    """What was erased: rows by table, refused rows, raw files, runs. Unfinished without an end."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ERASURE]}, from_attributes=True)

    erasure_id: str
    begun_at: datetime
    finished_at: datetime | None
    erased_by: str
    decisions: dict[str, str]
    counts: dict[str, int]


class ErasureToBegin(BaseModel):
    """What is erased does not come back: it is asked for in as many words."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"confirm": "erase"}]}
    )

    confirm: Literal["erase"]


class ErasureAsked(BaseModel):
    """That an erasure was started; GET /v1/retention/erasures tells of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"started": True}]})

    started: bool = True


@router.get("", summary="How long each class is kept", **does("retention.read"))
def listing(ask: Asking) -> Page[Term]:
    """Every class, with the decision in force or the months that are proposed."""
    return Page(items=[_term(term) for term in terms.terms(_keeping(ask))], next=None)


@router.put("/classes/{kind}", summary="Decide on a class", **does("retention.change"))
def decided(ask: Asking, kind: _Class, asked: TermDecided) -> Term:
    """Record the municipality's decision on how many months a class is kept from now on."""
    ask.tells("class", [kind.value])
    keeping = _keeping(ask)
    keeping.decide(kind, asked.months, decision=asked.decision, by=ask.caller.user_id)
    return next(_term(term) for term in terms.terms(keeping) if term.retention is kind)


@router.get("/due", summary="What has lapsed", **does("retention.read"))
def due(ask: Asking) -> Page[Due]:
    """What an erasure would take today, by table; undecided classes by the proposed months."""
    keeping, service = _keeping(ask), ask.service
    decisions = keeping.decisions()
    found = terms.due(service.home, keeping, clock=service.clock, memory=settings.DEFAULT_MEMORY)
    items = [
        Due.model_validate(
            {
                "table": each.table,
                "class": each.retention,
                "months": each.months,
                "decided": each.retention in decisions,
                "records": each.records,
                "rows": each.rows,
                "held": each.held,
            }
        )
        for each in found
        if each.records or each.held
    ]
    return Page(items=items, next=None)


@router.get("/holds", summary="Holds that stand", **does("retention.read"))
def holds(ask: Asking, page: Paging) -> Page[HoldPlaced]:
    """The holds, the oldest first. What an open case is about is held without one."""
    after = "" if page.after is None else str(page.after[0])
    found = [each for each in _keeping(ask).holds() if _placed(each) > after]
    items, further = page.cut(found[: page.limit + 1], lambda each: (_placed(each),))
    ask.tells("hold", [each.hold_id for each in items])
    return Page(items=[HoldPlaced.model_validate(each) for each in items], next=further)


@router.post(
    "/holds",
    status_code=HTTPStatus.CREATED,
    summary="Place a hold",
    **does("retention.change", HTTPStatus.NOT_FOUND),
)
def placed(ask: Asking, asked: HoldToPlace) -> HoldPlaced:
    """Keep something, whatever its age, until the hold is lifted."""
    if asked.covers is Covers.ENTITY and not PATTERN.fullmatch(asked.named):
        raise UsageError("Name an entity by its reference, as look-ups and cases show it.")
    made = _keeping(ask).hold(asked.covers, asked.named, reason=asked.reason, by=ask.caller.user_id)
    ask.tells("hold", [made.hold_id])
    return HoldPlaced.model_validate(made)


@router.post(
    "/holds/{hold_id}/lift",
    summary="Lift a hold",
    **does("retention.change", HTTPStatus.NOT_FOUND),
)
def lifted(ask: Asking, hold_id: _HoldId, asked: HoldToLift) -> HoldPlaced:
    """End a hold; that it stood stays recorded."""
    ask.tells("hold", [hold_id])
    found = _keeping(ask).lift(hold_id, reason=asked.reason, by=ask.caller.user_id)
    return HoldPlaced.model_validate(found)


@router.get("/erasures", summary="What was erased", **does("retention.read"))
def erasures(
    ask: Asking,
    page: Paging,
    unfinished: Annotated[bool, Query(description="Only those that have not ended.")] = False,
) -> Page[ErasureDone]:
    """The erasures, the oldest first, with what they took by table."""
    after = "" if page.after is None else str(page.after[0])
    found = [
        each
        for each in _keeping(ask).erasures()
        if _begun(each) > after and not (unfinished and each.finished_at)
    ]
    items, further = page.cut(found[: page.limit + 1], lambda each: (_begun(each),))
    return Page(items=[ErasureDone.model_validate(each) for each in items], next=further)


@router.post(
    "/erasures",
    status_code=HTTPStatus.ACCEPTED,
    summary="Erase what has lapsed",
    **does("retention.erase"),
)
def begun(ask: Asking, _: ErasureToBegin) -> ErasureAsked:
    """Start an erasure in a process of its own. It waits for a run or load under way."""
    start(ask.service.home)
    return ErasureAsked()


def _keeping(ask: Asked) -> Keeping:
    return Keeping(ask.service.database, clock=ask.service.clock)


def _term(term: terms.Term) -> Term:
    tables = [table.name for table in TABLES.values() if table.retention is term.retention]
    told = {"class": term.retention, "months": term.months, "decision": term.decision}
    return Term.model_validate({**told, "tables": tables})


def _placed(hold: Hold) -> str:
    return f"{hold.placed_at.isoformat(timespec='microseconds')} {hold.hold_id}"


def _begun(erasure: Erasure) -> str:
    return f"{erasure.begun_at.isoformat(timespec='microseconds')} {erasure.erasure_id}"
