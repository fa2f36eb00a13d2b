"""What people send about cases, findings and tips; the answers are the dataclasses of casework.

Each example here is held to its model by a test.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.http.problems import Problem
from api.http.shapes.network import Day
from graph_service.access.reference import PATTERN
from graph_service.casework.case_file import CaseFile
from graph_service.casework.case_tables import LinkKind, Status
from graph_service.casework.dispositions import Verdict
from graph_service.casework.tips import Channel
from graph_service.evidence.recipients import recipients

#: No database keeps a NUL in a text, and blanks alone say nothing.
_SAID: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_SAID)
]
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000, pattern=_SAID)
]
Reference = Annotated[str, StringConstraints(pattern=f"^{PATTERN.pattern}$", max_length=64)]
FindingId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_SAID)]

_PROVIDER: Final = "organisation-54nlnprhr4f5pqqqlqvfwl5qmc"
_PERSON: Final = "person-vbtqpbnuynwpw6itvoxkenltrt"
_FINDING: Final = "19d228f523b57bb77a634730dceab10d"
_CASE: Final = "case-0123456789abcdef"
_EXPORT: Final = "export-0123456789abcdef"


def _example(**told: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [told]})


class CaseToOpen(BaseModel):
    """Why a case is opened, on what legal ground, and what it is about to begin with."""

    model_config = _example(
        title="Debiterade timmar utan besök",
        purpose="Kontroll av utförda timmar före utbetalning, juni–augusti",
        legal_ground="Kommunens avtalsuppföljning, KL 10 kap. 8 §; dnr SOC 2026/118",
        providers=[_PROVIDER],
        findings=[_FINDING],
    )

    title: Line
    purpose: Words
    legal_ground: Words
    providers: list[Reference] = Field(default=[], max_length=50)
    findings: list[FindingId] = Field(default=[], max_length=50)
    restricted: bool = Field(
        default=False, description="About the municipality's own people: for the role security."
    )


class CaseEdit(BaseModel):
    """What a case says of itself; what is left out stays as it is."""

    model_config = _example(title="Debiterade timmar utan besök, två utförare")

    title: Line | None = None
    purpose: Words | None = None
    legal_ground: Words | None = None


class StatusStep(BaseModel):
    """Where somebody takes a case, and why."""

    model_config = _example(status="under_review", reason="Tre oberoende indikationer")

    status: Status
    reason: Words


class NoteText(BaseModel):
    """What a note says."""

    model_config = _example(text="Utföraren har lovat tjänstgöringslistor till fredag.")

    text: Words


class LinkTo(BaseModel):
    """Something that a case is about: an entity's reference, or a finding_id."""

    model_config = _example(kind="entity", reference=_PROVIDER)

    kind: LinkKind
    reference: Reference | FindingId


class MemberToAdd(BaseModel):
    """Who is let into a case, as the log names them."""

    model_config = _example(user_id="user:0123456789abcdef")

    user_id: UserId


class MaskToLift(BaseModel):
    """Who is asked to be shown, and why. Name one of the three.

    `finding_id`: the protected subjects of a finding; `reference`: an entity's; `person_id`: a
    person whose id is known from elsewhere, twelve digits or as its issuer gives it. Whether
    there is such a person in the data, and whether protected, is not told.
    """

    model_config = _example(finding_id=_FINDING, reason="Intyg ska begäras av medarbetaren")

    finding_id: FindingId | None = None
    reference: Reference | None = None
    person_id: Line | None = None
    reason: Words


class ExportToAsk(BaseModel):
    """To whom the case is to be given as it stands, and on what legal ground.

    `lifted` are the protected persons who shall be told: their masks are lifted in the case.
    """

    model_config = _example(
        recipient="police", legal_ground="OSL 10 kap. 24 §", authority_reference="5000-K118-26"
    )

    recipient: Annotated[str, Field(max_length=32, json_schema_extra={"enum": list(recipients())})]
    legal_ground: Words
    authority_reference: Line | None = Field(
        default=None, description="The recipient's own case number, if it has one."
    )
    contact: Line | None = Field(
        default=None, description="Whom the recipient may ask, and how they are reached."
    )
    damages: Words | None = Field(
        default=None, description="What damages the municipality claims, in its own words."
    )
    lifted: list[Reference] = Field(default=[], max_length=200)


class Refusal(BaseModel):
    """Why something that was asked for is not to be."""

    model_config = _example(reason="Underlaget ska först kommuniceras med utföraren.")

    reason: Words


class Judgement(BaseModel):
    """What somebody holds of a finding, having looked.

    `story` is the innocent story of the finding that explains it; `expires_on` the first day on
    which a dismissal sets nothing aside any more, six months from now where it is left out.
    """

    model_config = _example(
        verdict="dismissed", reason="Beslutet fanns på papper", story="decision_not_entered"
    )

    verdict: Verdict
    reason: Words
    story: Line | None = None
    expires_on: Day | None = None


class SnoozeUntil(BaseModel):
    """Until when something rests, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"until": "2026-12-01", "reason": "Svar väntas från utföraren"}]
        },
    )

    until: Day
    reason: Words


class ReplyReceived(BaseModel):
    """A provider's own words, and the findings that they answer."""

    model_config = _example(
        received_on="2026-03-12",
        text="Besöken registrerades i efterhand när telefonen var trasig.",
        findings=[_FINDING],
    )

    received_on: Day
    text: Words
    findings: list[FindingId] = Field(default=[], max_length=200)


class TipReceived(BaseModel):
    """What somebody told. `source`, who told it, is sealed and kept apart.

    `about` is an entity's reference, left out where the tip names nobody.
    """

    model_config = _example(
        received_on="2026-03-02",
        channel="phone",
        about=_PROVIDER,
        credibility=3,
        text="Samma person ska ha arbetat på två håll samtidigt.",
        source="Anhörig, vill inte ha sitt namn i ärendet",
    )

    received_on: Day
    channel: Channel
    text: Words
    about: Reference | None = None
    credibility: int | None = Field(default=None, ge=1, le=5)
    source: Words | None = None


class TipCase(BaseModel):
    """The case that a tip is put to."""

    model_config = _example(case_id=_CASE)

    case_id: Annotated[str, StringConstraints(pattern=r"^case-[0-9a-f]{16}$")]


class TipSource(BaseModel):
    """Who told a tip."""

    model_config = _example(source="Anhörig, vill inte ha sitt namn i ärendet")

    source: str


class Changed(Problem):
    """Somebody changed the case first: how it stands now, and what was sent, so none is lost."""

    model_config = ConfigDict(json_schema_extra={})  # a problem's own example says too little

    current: CaseFile
    refused: dict[str, Any]


_OUTLINE: Final = {
    "case_id": _CASE,
    "version": 7,
    "title": "Debiterade timmar utan besök",
    "status": "under_review",
    "restricted": False,
    "members": ["user:0123456789abcdef", "user:fedcba9876543210"],
    "opened_by": "user:0123456789abcdef",
    "opened_at": "2026-03-02T08:00:00Z",
}

#: One answer of each kind.
ANSWERS: Final[dict[str, Any]] = {
    "outline": _OUTLINE,
    "case": {
        **_OUTLINE,
        "purpose": "Kontroll av utförda timmar före utbetalning, juni–augusti",
        "legal_ground": "Kommunens avtalsuppföljning, KL 10 kap. 8 §; dnr SOC 2026/118",
        "changed_at": "2026-03-03T09:30:00Z",
        "closed_at": None,
        "links": 2,
        "notes": 1,
    },
    "note": {
        "note_id": "note-0123456789abcdef",
        "version": 1,
        "newest": True,
        "author": "user:0123456789abcdef",
        "written_at": "2026-03-03T09:30:00Z",
        "text": "Utföraren har lovat tjänstgöringslistor till fredag.",
    },
    "link": {
        "kind": "finding",
        "reference": _FINDING,
        "subjects": 2,
        "run_id": "20260302T050000Z",
        "linked_by": "user:0123456789abcdef",
        "linked_at": "2026-03-02T08:00:00Z",
    },
    "happened": {
        "version": 2,
        "event": "status",
        "by": "user:0123456789abcdef",
        "at": "2026-03-02T08:05:00Z",
        "before": "new",
        "after": "under_review",
        "reason": "Tre oberoende indikationer",
    },
    "mask": {
        "mask_id": "mask-0123456789abcdef",
        "case_id": _CASE,
        "reference": _PERSON,
        "reason": "Intyg ska begäras av medarbetaren",
        "state": "lifted",
        "asked_by": "user:0123456789abcdef",
        "asked_at": "2026-03-03T10:00:00Z",
        "approved_by": "user:fedcba9876543210",
        "approved_at": "2026-03-03T11:00:00Z",
        "expires_at": "2026-04-02T11:00:00Z",
        "revoked_by": None,
        "revoked_at": None,
    },
    "export": {
        "export_id": _EXPORT,
        "case_id": _CASE,
        "case_version": 7,
        "title": "Debiterade timmar utan besök",
        "purpose": "Kontroll av utförda timmar före utbetalning, juni–augusti",
        "recipient": "police",
        "legal_ground": "OSL 10 kap. 24 §",
        "authority_reference": "5000-K118-26",
        "contact": "Granskare, 000-000 00 00",
        "damages": None,
        "run_id": "20260302T050000Z",
        "units": None,
        "lifted": [],
        "findings": 3,
        "state": "approved",
        "asked_by": "user:0123456789abcdef",
        "asked_at": "2026-03-05T10:00:00Z",
        "approved_by": "user:fedcba9876543210",
        "approved_at": "2026-03-05T13:00:00Z",
        "expires_at": "2026-03-12T13:00:00Z",
        "ended_by": None,
        "ended_at": None,
        "end_reason": None,
        "packages": 1,
    },
    "package": {
        "export_id": _EXPORT,
        "number": 1,
        "made_by": "user:0123456789abcdef",
        "made_at": "2026-03-05T13:05:00Z",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "size": 481_204,
        "findings": 3,
        "rows": 212,
    },
    "disposition": {
        "disposition_id": "disposition-0123456789abcdef",
        "finding_id": _FINDING,
        "detector": "billed_without_decision",
        "provider": _PROVIDER,
        "verdict": "dismissed",
        "reason": "Beslutet fanns på papper",
        "story": "decision_not_entered",
        "decided_by": "user:0123456789abcdef",
        "decided_at": "2026-03-04T10:00:00Z",
        "expires_on": "2026-09-04",
        "ended_by": None,
        "ended_at": None,
    },
    "precision": {"detector": "overlapping_visits", "confirmed": 7, "judged": 9},
    "snooze": {
        "kind": "finding",
        "reference": _FINDING,
        "until": "2026-12-01",
        "reason": "Svar väntas från utföraren",
        "snoozed_by": "user:0123456789abcdef",
        "snoozed_at": "2026-11-20T10:00:00Z",
    },
    "reply": {
        "reply_id": "reply-0123456789abcdef",
        "provider": _PROVIDER,
        "received_on": "2026-03-12",
        "text": "Besöken registrerades i efterhand när telefonen var trasig.",
        "recorded_by": "user:0123456789abcdef",
        "recorded_at": "2026-03-12T13:00:00Z",
        "findings": [_FINDING],
    },
    "tip": {
        "tip_id": "tip-0123456789abcdef",
        "received_on": "2026-03-02",
        "channel": "phone",
        "about": _PROVIDER,
        "credibility": 3,
        "text": "Samma person ska ha arbetat på två håll samtidigt.",
        "case_id": _CASE,
        "recorded_by": "user:0123456789abcdef",
        "recorded_at": "2026-03-02T10:00:00Z",
    },
    "tip_source": {"source": "Anhörig, vill inte ha sitt namn i ärendet"},
}
ANSWERS["masks"] = {"items": [ANSWERS["mask"]], "next": None}
