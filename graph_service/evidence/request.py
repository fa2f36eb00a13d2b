"""What was asked to be exported and who approved it: a point of a case, for a recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Request:
    """An approved export of a case as it stood.

    `case_version` and `run_id` are the point. `lifted` are the protected persons, by reference,
    whom two people unmasked in the case and whom this export tells. `contact` is whom the
    recipient may ask, `damages` what the municipality claims, in its own words. `units` (None:
    all) and `insiders` are how far the one who asked may see: nothing beyond goes along.
    """

    export_id: str
    case_id: str
    case_version: int
    run_id: str
    recipient: str
    legal_ground: str
    authority_reference: str | None
    contact: str | None
    damages: str | None
    lifted: frozenset[str]
    units: frozenset[str] | None
    insiders: bool
    asked_by: str
    asked_at: datetime
    approved_by: str
    approved_at: datetime
