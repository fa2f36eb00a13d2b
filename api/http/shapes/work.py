"""A reviewer's work: the day's queue, and the invoices to look at before they are paid."""

from __future__ import annotations

from datetime import date
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

_SUMMARY: Final = {
    "sv": "Fakturerat utan beslut: 3 rader.",
    "en": "Billed without a decision: 3 lines.",
}
_EXPOSURE: Final = {"lower": 12480.0, "upper": 12480.0}
_PROVIDER: Final = {
    "provider_ref": "organisation-4kzq7mbdx2a5ehwv3jrnycg6ui",
    "provider_id": "5520000018",
    "provider_name": "Exempel Omsorg AB",
}
_QUESTIONED: Final[dict[str, Any]] = {
    "ref": "invoice-x5m2tq7rbz4kdwca3ehjgnvy6u",
    "key": "5520000018:202610",
    **_PROVIDER,
    "municipality": "9901",
    "unit": "Enhet 1",
    "issued_on": "2026-11-02",
    "period_from": "2026-10-01",
    "period_to": "2026-10-31",
    "amount": 98310.5,
    "currency": "SEK",
    "at_risk_sek": 12480.0,
    "reasons_count": 1,
    "reasons": [
        {
            "finding_id": "3ca0c87e841ddada8af5208f0ff8cee4",
            "detector": "billed_without_decision",
            "strength": "hard",
            "by": "invoice",
            "since": "2026-10-03",
            "until": "2026-10-28",
            "at_risk_sek": 12480.0,
            "exposure_sek": _EXPOSURE,
            "summary": _SUMMARY,
        }
    ],
}
_QUEUED: Final[dict[str, Any]] = {
    "place": 1,
    "finding_id": "3ca0c87e841ddada8af5208f0ff8cee4",
    "detector": "billed_without_decision",
    "strength": "hard",
    **_PROVIDER,
    "provider_score": 41.2,
    "since": "2026-10-03",
    "until": "2026-10-28",
    "exposure_sek": _EXPOSURE,
    "summary": _SUMMARY,
    "hours": 2.0,
    "precision": 0.75,
    "confirmed": 5,
    "judged": 6,
    "expected_recovery_sek": 9360.0,
    "worth_per_hour_sek": 4680.0,
    "lot": "6e783bdd1e033249",
    "drawn": False,
    "drawn_from": None,
}
_STOP_LIST: Final[dict[str, Any]] = {
    "run_id": "20261102T050003Z",
    "period": "2026-10",
    "calendar": {"locked_on": "2026-11-05", "paid_on": "2026-11-20", "is_open": True},
    "words": {"sv": "En indikation stoppar aldrig ensam en betalning.",
              "en": "A finding alone never stops a payment."},
    "items": [_QUESTIONED],
    "next": None,
}  # fmt: skip
_TODAY: Final[dict[str, Any]] = {
    "run_id": "20261102T050003Z",
    "day": "2026-11-02",
    "hours": 6.0,
    "hours_planned": 2.0,
    "waiting": 1,
    "drawn_share": 0.1,
    "order": ["worth_per_hour_sek", "provider_score", "strength", "lot"],
    "words": {"sv": "Förväntad återvinning = lägsta belopp i fråga × hur ofta kontrollen höll.",
              "en": "Expected recovery = least exposure × how often the detector held."},
    "items": [_QUEUED],
}  # fmt: skip


class Words(BaseModel):
    """A text in both languages."""

    sv: str
    en: str


class Exposure(BaseModel):
    """Money in SEK that a finding questions, at least and at most."""

    lower: float | None
    upper: float | None


class Reason(BaseModel):
    """A finding that questions an invoice."""

    finding_id: str
    detector: str
    strength: str
    by: Literal["invoice", "client", "worker"] = Field(
        description="The finding names the invoice; or a client whose care it bills; or a worker "
        "who visited such a client in those days."
    )
    since: date
    until: date
    at_risk_sek: float | None = Field(
        description="Billed here of that care, and no more than the finding's upper exposure."
    )
    exposure_sek: Exposure | None
    summary: Words


class Questioned(BaseModel):
    """An invoice that no payment settles yet and that a finding questions."""

    model_config = ConfigDict(json_schema_extra={"examples": [_QUESTIONED]})

    ref: str
    key: str | None
    provider_ref: str
    provider_id: str | None
    provider_name: str | None
    municipality: str | None
    unit: str | None
    issued_on: date | None
    period_from: date
    period_to: date
    amount: float
    currency: str | None
    at_risk_sek: float | None = Field(description="The largest of its reasons; null but in SEK.")
    reasons_count: int
    reasons: list[Reason]


class Calendar(BaseModel):
    """The days of HOME/practice.toml; `is_open` from the lock to the day before payment."""

    locked_on: date | None
    paid_on: date | None
    is_open: bool | None


class StopList(BaseModel):
    """A page of the invoices to look at before they are paid, the most at risk first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STOP_LIST]})

    run_id: str
    period: str | None = Field(description="Null where the run has no invoice.")
    calendar: Calendar | None
    words: Words
    items: list[Questioned]
    next: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last one."
    )


class Queued(BaseModel):
    """A finding's place in the day's queue, with all that its order rests on."""

    place: int
    finding_id: str
    detector: str
    strength: str
    provider_ref: str
    provider_id: str | None
    provider_name: str | None
    provider_score: float | None
    since: date
    until: date
    exposure_sek: Exposure | None
    summary: Words
    hours: float = Field(description="Estimated, by HOME/practice.toml.")
    precision: float = Field(description="(confirmed + 1) / (judged + 2) of its detector.")
    confirmed: int
    judged: int
    expected_recovery_sek: float | None = Field(description="Lower exposure × precision.")
    worth_per_hour_sek: float | None
    lot: str = Field(description="A hash of day, run and finding: the last to break a tie.")
    drawn: bool = Field(description="Whether this place was drawn by lot.")
    drawn_from: int | None = Field(description="Among how many findings that would have fitted.")


class Today(BaseModel):
    """The findings to look at today, in order, for the hours that there are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TODAY]})

    run_id: str
    day: date
    hours: float
    hours_planned: float
    waiting: int = Field(description="Open findings: neither judged nor put off.")
    drawn_share: float = Field(description="The share of places that is drawn by lot.")
    order: list[str] = Field(description="What orders them; each breaks the ties of those before.")
    words: Words
    items: list[Queued]
