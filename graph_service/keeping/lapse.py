"""When a row lapses: from which of its dates its months are counted.

The latest of the dates counts. A row without any of them is open and never lapses, but for what a
register tells of persons and firms: that stays while another row names them, and its months are
then counted from the day on which it was last told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Lapse:
    """`dates` are columns of the row; `within` is (table, key) of a row whose dates count instead.

    `while_named` rows have no end of their own; `told` ones without a date count from the day
    on which they were told.
    """

    dates: tuple[str, ...] = ()
    within: tuple[str, str] | None = None
    while_named: bool = False
    told: bool = False


_ENDS: Final = Lapse(("valid_to",))
_NEVER: Final = Lapse()


def _on(date: str) -> Lapse:
    return Lapse((date,))


#: Every table of the contract. What names another row comes before it, so that a killed erasure
#: finds the lines of an invoice before the invoice whose date they have.
LAPSES: Final[Mapping[str, Lapse]] = MappingProxyType(
    {
        "invoice_lines": Lapse(("day",), within=("invoices", "invoice_id"), told=True),
        "payments": _on("paid_on"),
        "invoices": Lapse(("issued_on", "period_to")),
        "login_events": _on("at"),
        "visits": _on("end"),
        "absences": _on("end"),
        "placements": _on("end"),
        "fees": _ENDS,
        "enrolments": _ENDS,
        "decisions": _ENDS,
        "tags": _ENDS,
        "logins": _ENDS,
        "employments": _ENDS,
        "organisation_changes": _on("changed_on"),
        "residences": _ENDS,
        "mandates": _ENDS,
        "officers": _ENDS,
        "owners": _ENDS,
        "permits": _ENDS,
        "contracts": _ENDS,
        "subcontracts": _ENDS,
        "trading_bans": _ENDS,
        "accounts": _ENDS,
        "incidents": _on("occurred_on"),
        "tips": _on("received_on"),
        "quality_reviews": _on("reviewed_on"),
        "background_checks": _on("done_on"),
        "services": _NEVER,
        "municipalities": _NEVER,
        "officials": Lapse(while_named=True, told=True),
        "persons": Lapse(("deceased_on",), while_named=True, told=True),
        "organisations": Lapse(("deregistered_on",), while_named=True, told=True),
    }
)
