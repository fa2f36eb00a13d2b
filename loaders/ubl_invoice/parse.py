"""Peppol BIS Billing 3 → `invoices` and `invoice_lines`; the module itself is the DocumentRoom.

`amount` is TaxInclusiveAmount (BT-112), a line's is LineExtensionAmount (BT-131, without VAT); a
credit note's amounts and quantities turn negative. Persons named in an invoice are not read, and no
client is guessed from its texts. The file is read twice, child by child: first its sums, then rows,
so that an invoice that does not add up is refused together with every line of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from lxml import etree

from graph_service.errors import FileRefused
from loaders.document import DocumentRow, Fault
from loaders.ubl_invoice import parties
from loaders.ubl_invoice.sums import Totals, number, price_agrees, text, texts, written
from loaders.ubl_invoice.xml import NAMESPACES, children, document_kind

_LINES: Final = frozenset({"InvoiceLine", "CreditNoteLine"})
#: What a head is read for; the rest (attachments above all) is passed over.
_ONCE: Final = ("ID", "IssueDate", "DocumentCurrencyCode", "AccountingSupplierParty")
_HEAD: Final = frozenset(
    {*_ONCE, "InvoiceTypeCode", "Note", "InvoicePeriod", "BillingReference", "PaymentMeans"}
    | {"AccountingCustomerParty", "PayeeParty", "PaymentTerms", "AllowanceCharge", "TaxTotal"}
    | {"LegalMonetaryTotal"}
)
#: Keeps memory bounded: the largest collective invoices refer to some thousand others.
_MAX_HEAD: Final = 20_000
#: UNTDID 1001 codes that EN 16931 (BR-CL-01) keeps for credit notes: in an Invoice the sign of its
#: amounts could be read both ways.
_CREDIT_CODES: Final = frozenset(("81", "83", "261", "262", "296", "308", "381", "396", "532"))
#: UN/ECE Recommendation 20 units with a word in the contract.
_UNITS: Final = {
    "HUR": "hour", "DAY": "day", "MON": "month",
    "C62": "piece", "EA": "piece", "H87": "piece", "NAR": "piece",
}  # fmt: skip
_HOURS: Final = {"HUR": Decimal(1), "MIN": Decimal(60)}


@dataclass(slots=True)
class _Survey:
    """What the first reading found."""

    head: etree._Element
    totals: Totals = field(default_factory=Totals)
    line_faults: list[Fault] = field(default_factory=list)
    own_numbers: bool = True  # the lines' ids are integers and ascend, so that they can be keys
    last_number: int = -1


def read(path: Path, *, counted: Counter[str], folder: Path | None = None) -> Iterator[DocumentRow]:
    """Yield one `invoices` row, then its lines in order; nothing waits in `folder`.

    Counts `missing_period`, `century_inferred`, `further_accounts`, `unusable_account`,
    `further_credited`, `line_price_differs`. Raises FileRefused before the first row.
    """
    kind = document_kind(path)
    survey = _survey(path, kind)
    sign = -1 if kind == "CreditNote" else 1
    head = survey.head
    values = _invoice(head, sign, counted)
    faults = (*_head_faults(head, kind, survey), *survey.totals.check(head))
    rooted = tuple(Fault(item.column, item.code, f"/{kind}/{item.path}") for item in faults)
    yield DocumentRow("invoices", 1, f"/{kind}", values, rooted)
    # A line without its invoice would be money that nobody billed.
    inherited = tuple(Fault(None, item.code, item.path) for item in rooted)
    ordinal = 0
    for child in children(path):
        name = _name(child)
        if name in _LINES:
            ordinal += 1
            line = _line(
                child,
                invoice_id=values["invoice_id"],
                line_no=None if survey.own_numbers else ordinal,
                sign=sign,
                counted=counted,
            )
            yield DocumentRow(
                "invoice_lines", ordinal, f"/{kind}/{name}[{ordinal}]", line, inherited
            )


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _survey(path: Path, kind: str) -> _Survey:
    """Read once: keep the head, fold the lines."""
    survey = _Survey(etree.Element("head"))
    for child in children(path):
        name = _name(child)
        if name == f"{kind}Line":
            _fold(child, survey, f"{name}[{survey.totals.lines + 1}]")
        elif name in _LINES:
            survey.line_faults.append(Fault(None, "bad_structure", name))
        elif name in _HEAD:
            if len(survey.head) == _MAX_HEAD:
                raise FileRefused("too_large", f"/{kind}: more than {_MAX_HEAD} header elements")
            survey.head.append(deepcopy(child))
    return survey


def _fold(line: etree._Element, survey: _Survey, place: str) -> None:
    found = line.findall("cbc:LineExtensionAmount", NAMESPACES)
    net = number((found[0].text or "").strip()) if found else None
    if len(found) != 1 or net is None:
        code = "bad_structure" if len(found) != 1 else "bad_number"
        survey.line_faults.append(Fault(None, code, f"{place}/LineExtensionAmount"))
    elif found[0].get("currencyID") not in (None, text(survey.head, "cbc:DocumentCurrencyCode")):
        survey.line_faults.append(Fault(None, "bad_reference", f"{place}/LineExtensionAmount"))
    survey.totals.add(net or Decimal())
    own = text(line, "cbc:ID") or ""
    ascends = own.isascii() and own.isdigit() and len(own) < 18 and int(own) > survey.last_number
    survey.own_numbers = survey.own_numbers and ascends
    survey.last_number = int(own) if ascends else survey.last_number


def _head_faults(head: etree._Element, kind: str, survey: _Survey) -> Iterator[Fault]:
    for name in _ONCE:
        if len([child for child in head if _name(child) == name]) > 1:
            yield Fault(None, "bad_structure", name)
    if not survey.totals.lines:  # BR-16
        yield Fault(None, "bad_structure", f"{kind}Line")
    if text(head, "cbc:InvoiceTypeCode") in _CREDIT_CODES:
        yield Fault("amount", "bad_structure", "InvoiceTypeCode")
    yield from survey.line_faults[:100]


def _invoice(head: etree._Element, sign: int, counted: Counter[str]) -> dict[str, str | None]:
    issued_on = text(head, "cbc:IssueDate")
    year = int(issued_on[:4]) if issued_on and issued_on[:4].isdecimal() else 2000
    supplier = _party(head, "AccountingSupplierParty")
    org_id = parties.organisation(supplier, year, counted)
    start, end = text(head, "cac:InvoicePeriod/cbc:StartDate"), _period_end(head)
    if not start or not end:
        counted["missing_period"] += 1
    amount = _signed(text(head, "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"), sign)
    credits = sign < 0 or (amount or "").startswith("-")
    referred = texts(head, "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")
    credited = list(dict.fromkeys(referred)) if credits else []
    counted["further_credited"] += len(credited[1:])
    return {
        "invoice_id": _invoice_id(org_id, text(head, "cbc:ID")),
        "org_id": org_id,
        "municipality": parties.buyer(_party(head, "AccountingCustomerParty"), year),
        "issued_on": issued_on,
        "period_from": start or end or issued_on,
        "period_to": end or start or issued_on,
        "amount": amount,
        "currency": text(head, "cbc:DocumentCurrencyCode"),
        "account": parties.account(head, org_id, counted),
        "factoring": "true" if parties.is_factored(head, org_id, year) else "false",
        "credit_of": _invoice_id(org_id, credited[0]) if credited else None,
    }


def _period_end(element: etree._Element) -> str | None:
    return text(element, "cac:InvoicePeriod/cbc:EndDate")


def _party(head: etree._Element, role: str) -> etree._Element:
    found = head.find(f"cac:{role}/cac:Party", NAMESPACES)
    return etree.Element("nobody") if found is None else found


def _invoice_id(org_id: str | None, own: str | None) -> str | None:
    """An invoice's number is unique at its issuer only."""
    return f"{org_id}:{own}" if org_id and own else None


def _signed(raw: str | None, sign: int, places: int | None = None) -> str | None:
    """Write a number with its sign turned; what is no number stays for the validator to refuse."""
    value = number(raw)
    return raw if value is None else written(sign * value, places)


def _line(
    line: etree._Element,
    *,
    invoice_id: str | None,
    line_no: int | None,
    sign: int,
    counted: Counter[str],
) -> dict[str, str | None]:
    quantities = "cbc:CreditedQuantity" if sign < 0 else "cbc:InvoicedQuantity"
    measured = line.find(quantities, NAMESPACES)
    code = "" if measured is None else measured.get("unitCode", "")
    quantity = number(text(line, quantities))
    net = number(text(line, "cbc:LineExtensionAmount"))
    if net is not None and not price_agrees(line, net, quantity):
        counted["line_price_differs"] += 1
    start, end = text(line, "cac:InvoicePeriod/cbc:StartDate"), _period_end(line)
    return {
        "invoice_id": invoice_id,
        "line_no": str(line_no or int(text(line, "cbc:ID") or 0)),
        "service": text(line, "cac:Item/cbc:Name") or text(line, "cac:Item/cbc:Description"),
        "day": start if start == end else None,
        "hours": _hours(quantity, code, sign),
        "quantity": _signed(text(line, quantities), sign, 6),
        "unit": _UNITS.get(code),
        "unit_price": _unit_price(line),
        "amount": _signed(text(line, "cbc:LineExtensionAmount"), sign),
    }


def _hours(quantity: Decimal | None, code: str, sign: int) -> str | None:
    """Hours billed; credited ones show in the negative quantity, since hours are never below 0."""
    if quantity is None or code not in _HOURS or sign * quantity < 0:
        return None
    return written(sign * quantity / _HOURS[code], 6)


def _unit_price(line: etree._Element) -> str | None:
    """The net price of one unit, to the contract's four decimals."""
    raw = text(line, "cac:Price/cbc:PriceAmount")
    price, base = number(raw), number(text(line, "cac:Price/cbc:BaseQuantity") or "1")
    if price is None or not base:
        return raw
    return written(price / base, 4)
