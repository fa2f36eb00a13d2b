"""The log of what was read and done, for those who review it."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.http.door import Asking, AuditedRoute, does
from api.http.paging import Page, Paging
from graph_service.casework.audit.anchor import AnchorFile
from graph_service.casework.audit.entry import Outcome
from graph_service.casework.audit.reading import Numbered, Wanted, newest_first
from graph_service.casework.audit.report import Report, report
from graph_service.casework.audit.verification import Fault, verify

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=AuditedRoute)

#: Users, actions and cases are named in ASCII.
_WORD: Final = {"max_length": 200, "pattern": r"^[ -~]+$"}


class AuditEntry(BaseModel):
    """Who did what, when, why and within which case; of whom, by opaque references."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "seq": 4711,
                    "at": "2026-03-02T09:00:00Z",
                    "user_id": "user:25a6d2ecfe395995",
                    "roles": ["reviewer"],
                    "action": "providers.read",
                    "outcome": "answered",
                    "status": 200,
                    "case_id": None,
                    "purpose": None,
                    "run_id": "20260302T050000Z-8f2d11c0",
                    "what": ["organisation:organisation-4kq2mz7d3x5vapn6wctg2jhsru"],
                    "digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                }
            ]
        }
    )

    seq: int
    at: datetime
    user_id: str
    roles: list[str]
    action: str
    outcome: Outcome
    status: int | None
    case_id: str | None
    purpose: str | None
    run_id: str | None
    what: list[str]
    digest: str

    @classmethod
    def of(cls, numbered: Numbered) -> AuditEntry:
        """One entry, with its number and digest."""
        told = numbered.entry
        return cls(
            seq=numbered.seq,
            at=told.at,
            user_id=told.user_id,
            roles=list(told.roles),
            action=told.action,
            outcome=told.outcome,
            status=told.status,
            case_id=told.case_id,
            purpose=told.purpose,
            run_id=told.run_id,
            what=list(told.what),
            digest=numbered.digest,
        )


class Verified(BaseModel):
    """Whether the log is as it was written. `end` and `anchor` are lines for a diary."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "holds": False,
                    "entries": 4711,
                    "ahead": 0,
                    "end": "4711:" + "e3b0c442" * 8,
                    "anchor": "4711:" + "e3b0c442" * 8,
                    "faults": [{"kind": "changed", "first": 17, "last": 17, "belongs_at": None}],
                }
            ]
        }
    )

    holds: bool
    entries: int
    ahead: int = Field(description="Entries that are newer than the anchor.")
    end: str
    anchor: str | None
    faults: list[Fault]


_LINE: Final = {
    "user_id": "user:25a6d2ecfe395995",
    "name": "anna",
    "acts": 230,
    "reads": 200,
    "searches": 12,
    "persons": 40,
    "persons_in_case": 9,
    "without_case": 150,
    "out_of_hours": 3,
    "refusals": 1,
    "failures": 2,
}
_REPORT: Final = {
    "month": "2026-03",
    "since": "2026-02-28T23:00:00Z",
    "until": "2026-03-31T22:00:00Z",
    "entries": 230,
    "failures": 2,
    "unknown_failures": 0,
    "people": [_LINE],
    "most_read": [{"reference": "finding:0a1b2c3d", "reads": 14, "readers": 2}],
}


def _shown(operation: str, example: dict[str, Any]) -> dict[str, Any]:
    """What a route says of itself, with one of its answers."""
    told = does(operation)
    told["responses"][HTTPStatus.OK.value] = {"content": {"application/json": {"example": example}}}
    return told


@router.get("", summary="Entries of the log", **does("audit.read"))
def entries(
    ask: Asking,
    page: Paging,
    since: Annotated[AwareDatetime | None, Query(description="The first moment.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="The moment before which.")] = None,
    user: Annotated[str | None, Query(**_WORD, description="Whose.")] = None,
    action: Annotated[
        str | None,
        Query(**_WORD, description="One; `findings.` takes all that begin so."),
    ] = None,
    case: Annotated[str | None, Query(**_WORD, description="Within a case.")] = None,
    outcome: Outcome | None = None,
) -> Page[AuditEntry]:
    """Entries, newest first."""
    wanted = Wanted(since, until, user, action, case, outcome)
    before = None if page.after is None else int(str(page.after[0]))
    with ask.service.database.reading() as session:
        found = newest_first(session, wanted, before=before, limit=page.limit + 1)
    shown, following = page.cut(found, lambda numbered: (numbered.seq,))
    return Page(items=[AuditEntry.of(each) for each in shown], next=following)


@router.get("/report", summary="Review of a month", **_shown("audit.read", _REPORT))
def month_report(
    ask: Asking,
    month: Annotated[str, Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-03"])],
) -> Report:
    """What each one read in a month, when, and without a case (loggkontroll)."""
    ask.tells("month", [month])
    return report(ask.service.database, month)


@router.get("/verification", summary="Whether the log holds", **does("audit.read"))
def verification(ask: Asking) -> Verified:
    """Read the whole log: each entry, its place, where it ends, and its guards."""
    service = ask.service
    found = verify(
        service.database, AnchorFile(service.settings.audit_anchor or service.home.audit)
    )
    return Verified(
        holds=found.holds,
        entries=found.entries,
        ahead=found.ahead,
        end=str(found.end),
        anchor=None if found.anchor is None else str(found.anchor),
        faults=list(found.faults),
    )
