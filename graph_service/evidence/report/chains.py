"""Each questioned registration ↔ its decision ↔ the invoice line ↔ what was paid.

`linking` has told over all records which rows belong together; here they are read from the
package. A part that is not named says why: none fits, several do, or this recipient is not given
it. A line that is cited stands by itself, without a registration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graph_service.evidence.material import Material
from graph_service.evidence.report.contents import Chain
from graph_service.evidence.report.words import named, ore, said

_QUERY: Final = Path(__file__).with_name("chains.sql")
_SEK: Final = "SEK"


def chains(material: Material) -> tuple[tuple[Chain, ...], int]:
    """The chains in order of time, and how many are left out since their row is not given.

    `linking.link` must have been called.
    """
    rows = material.engine.rows(_QUERY.read_text(encoding="utf-8"))
    total = material.engine.value("SELECT count(*) FROM chain_items")
    return tuple(_chain(row) for row in rows), total - len(rows)


def _chain(row: Mapping[str, Any]) -> Chain:
    is_visit = row["table"] == "visits"
    own = named(row["table"], row["file_sha256"], row["row"])
    return Chain(
        finding_id=row["findings"][0],
        day=row["day"],
        client=row["client"],
        worker=row["worker"],
        service=row["service"],
        minutes=row["minutes"],
        registration=own if is_visit else None,
        decision=_part(row, "decision", "decisions"),
        granted_hours_per_month=_short(row["hours_per_month"]),
        invoice_line=_part(row, "line", "invoice_lines"),
        invoice_id=row["invoice_id"],
        invoiced_sek=ore(row["amount"]) if row["currency"] == _SEK else None,
        payment=named("payments", row["payment_file"], row["payment_row"])
        if row["payment_row"] is not None
        else None,
        paid_on=row["paid_on"],
        paid_sek=_paid(row),
        account=row["account"],
        joined_by=" ".join(_joined(row)),
        findings=tuple(row["findings"]),
        provider=row["provider"],
        decision_id=row["decision_id"],
        contract=_part(row, "contract", "contracts"),
        contract_id=row["contract_id"],
        registered=_registered(row) if is_visit else None,
        invoiced_hours=_short(row["hours"]),
        invoiced_from=row["billed_from"],
        invoiced_to=row["billed_to"],
        missing=tuple(_missing(row)),
    )


def _part(row: Mapping[str, Any], part: str, table: str) -> str | None:
    """A part by its place, where the recipient is given that row."""
    if not row[f"{part}_given"]:
        return None
    return named(table, row[f"{part}_file"], row[f"{part}_row"])


def _paid(row: Mapping[str, Any]) -> Decimal | None:
    """All that was paid for the invoice; None unless every payment is given, and in SEK."""
    whole = row["payments"] and row["payments"] == row["payments_given"] and row["paid_in_sek"]
    return ore(row["paid_sek"]) if whole else None


def _short(hours: Decimal | None) -> Decimal | None:
    """Hours without idle zeros."""
    return None if hours is None else hours.normalize()


def _registered(row: Mapping[str, Any]) -> str:
    """From when to when, and by which means, as it was registered."""
    start, end = row["start"], row["end"]
    until = f"{end:%H.%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H.%M}"
    means = (said("method", row[f"{side}_method"] or "untold") for side in ("start", "end"))
    return said("chain", "registered", since=f"{start:%H.%M}", until=until, means=", ".join(means))


def _joined(row: Mapping[str, Any]) -> Iterator[str]:
    if row["decision_given"]:
        yield said("chain_joined", f"decision_{row['decision_by']}")
    if row["line_given"] and row["table"] == "visits":
        yield said("chain_joined", "line")
    if row["payments_given"]:
        yield said("chain_joined", "payment")


def _missing(row: Mapping[str, Any]) -> Iterator[str]:
    """Why each part that is not named is not, and what else there is to know of the invoice."""
    by_id = "_by_id" if row["decision_by"] == "decision_id" else ""
    yield from _why(f"decision{by_id}", row["decision_fits"], row["decision_given"])
    yield from _why("line", row["line_fits"], row["line_given"])
    if row["line_fits"] == 1:
        if row["payments"] == 0:
            yield said("chain_missing", "payment_none")
        elif row["payments_given"] < row["payments"]:
            yield said("chain_missing", "payment_withheld")
        elif row["payments"] > 1:
            yield said("chain_missing", "payment_parts", parts=row["payments"])
    if row["credited"]:
        yield said("chain_missing", "credited")


def _why(part: str, fits: int, given: bool) -> Iterator[str]:
    if fits == 0:
        yield said("chain_missing", f"{part}_none")
    elif fits > 1:
        yield said("chain_missing", f"{part}_several", fits=fits)
    elif not given:
        yield said("chain_missing", f"{part.removesuffix('_by_id')}_withheld")


def contract_of(finding: Mapping[str, Any], told: tuple[Chain, ...]) -> str | None:
    """The one contract under which all that a finding questions was registered or billed."""
    found = {chain.contract_id for chain in told if finding["finding_id"] in chain.findings}
    return found.pop() if len(found) == 1 else None
