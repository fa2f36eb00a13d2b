"""The arithmetic of EN 16931-1 (6.4.2, rules BR-CO-10 to BR-CO-16), in exact decimals.

An invoice's lines may differ from their total by a hundredth a line, each equation between the
totals by a hundredth. The rules hold alike for credit notes, whose amounts are written positive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

from lxml import etree

from loaders.document import Fault
from loaders.ubl_invoice.xml import NAMESPACES

HUNDREDTH: Final = Decimal("0.01")
#: xs:decimal, bounded so that a hostile amount cannot cost time.
_DECIMAL: Final = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]{0,30})?|\.[0-9]{1,30})", re.ASCII)


def number(text: str | None) -> Decimal | None:
    """Read an xs:decimal; None for what is not one."""
    return Decimal(text) if text and _DECIMAL.fullmatch(text) else None


def written(value: Decimal, places: int | None = None) -> str:
    """Write a number as the contract wants it, rounded half to even where `places` is given."""
    if places is not None and -value.as_tuple().exponent > places:  # type: ignore[operator]
        value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    text = f"{value + 0:f}"  # + 0 turns -0 into 0
    return text.rstrip("0").rstrip(".") if "." in text else text


def texts(element: etree._Element, path: str) -> list[str]:
    """Give the trimmed, non-empty texts at `path`."""
    found = (item.text.strip() for item in element.iterfind(path, NAMESPACES) if item.text)
    return [text for text in found if text]


def text(element: etree._Element, path: str) -> str | None:
    """Give the first text at `path`, None when there is none."""
    return next(iter(texts(element, path)), None)


@dataclass(slots=True)
class Totals:
    """What the lines add up to, folded line by line; `check` compares it with the document."""

    lines: int = 0
    net: Decimal = field(default_factory=Decimal)

    def add(self, net: Decimal) -> None:
        """Count one line's net amount (BT-131)."""
        self.lines += 1
        self.net += net

    def check(self, head: etree._Element) -> Iterator[Fault]:
        """Yield `bad_reference` for each equation that does not hold.

        A total that EN 16931 demands and that is missing or repeated is `bad_structure`; one that
        is no number is `bad_number`.
        """
        totals = _Amounts(head)
        yield from totals.faults
        if totals.faults:
            return
        lines, exclusive = totals["LineExtensionAmount"], totals["TaxExclusiveAmount"]
        inclusive, payable = totals["TaxInclusiveAmount"], totals["PayableAmount"]
        allowances, charges = totals["AllowanceTotalAmount"], totals["ChargeTotalAmount"]
        prepaid, rounding = totals["PrepaidAmount"], totals["PayableRoundingAmount"]
        off = HUNDREDTH
        for name, difference, tolerance in (
            ("LineExtensionAmount", lines - self.net, off * max(self.lines, 1)),  # BR-CO-10
            ("AllowanceTotalAmount", allowances - totals.allowed, off),  # BR-CO-11
            ("ChargeTotalAmount", charges - totals.charged, off),  # BR-CO-12
            ("TaxExclusiveAmount", exclusive - (lines - allowances + charges), off),  # BR-CO-13
            ("TaxInclusiveAmount", inclusive - (exclusive + totals.tax), off),  # BR-CO-15
            ("PayableAmount", payable - (inclusive - prepaid + rounding), off),  # BR-CO-16
        ):
            if abs(difference) > tolerance:
                column = "amount" if name == "TaxInclusiveAmount" else None
                yield Fault(column, "bad_reference", f"LegalMonetaryTotal/{name}")
        if abs(totals.tax - totals.subtaxes) > off:  # BR-CO-14
            yield Fault(None, "bad_reference", "TaxTotal/TaxAmount")


_REQUIRED: Final = (
    "LineExtensionAmount",
    "TaxExclusiveAmount",
    "TaxInclusiveAmount",
    "PayableAmount",
)  # BR-12 to BR-15
_OPTIONAL: Final = (
    "AllowanceTotalAmount",
    "ChargeTotalAmount",
    "PrepaidAmount",
    "PayableRoundingAmount",
)


class _Amounts:
    """The document's own amounts in its currency; absent optional ones are nothing."""

    def __init__(self, head: etree._Element) -> None:
        self.faults: list[Fault] = []
        self._currency = text(head, "cbc:DocumentCurrencyCode")
        if self._currency is None:  # BR-05
            self.faults.append(Fault("currency", "bad_structure", "DocumentCurrencyCode"))
        self._totals = {
            name: self._one(head, f"cac:LegalMonetaryTotal/cbc:{name}", name in _REQUIRED)
            for name in _REQUIRED + _OPTIONAL
        }
        charges = head.findall("cac:AllowanceCharge", NAMESPACES)
        self.charged = self._sum(item for item in charges if is_charge(item))
        self.allowed = self._sum(item for item in charges if is_charge(item) is False)
        if any(is_charge(item) is None for item in charges):
            self.faults.append(Fault(None, "bad_structure", "AllowanceCharge/ChargeIndicator"))
        # A second TaxTotal may state the tax in the accounting currency: it is no part of the sums.
        own = [item for item in head.iterfind("cac:TaxTotal", NAMESPACES) if self._is_own(item)]
        if len(own) > 1:
            self.faults.append(Fault(None, "bad_structure", "TaxTotal"))
        self.tax = self._sum(own, "TaxAmount")
        subtotals = [part for item in own for part in item.iterfind("cac:TaxSubtotal", NAMESPACES)]
        self.subtaxes = self._sum(subtotals, "TaxAmount") if subtotals else self.tax

    def __getitem__(self, name: str) -> Decimal:
        return self._totals[name]

    def _is_own(self, tax_total: etree._Element) -> bool:
        amount = tax_total.find("cbc:TaxAmount", NAMESPACES)
        return amount is None or amount.get("currencyID", self._currency) == self._currency

    def _one(self, head: etree._Element, path: str, required: bool) -> Decimal:
        found = head.findall(path, NAMESPACES)
        if len(found) > 1 or (required and not found):
            self.faults.append(Fault(None, "bad_structure", _place(path)))
        return self._value(found[0], path) if found else Decimal()

    def _sum(self, parents: Iterable[etree._Element], name: str = "Amount") -> Decimal:
        found = ((item, item.find(f"cbc:{name}", NAMESPACES)) for item in parents)
        return sum((self._value(amount, item.tag) for item, amount in found), Decimal())

    def _value(self, amount: etree._Element | None, path: str) -> Decimal:
        value = None if amount is None else number((amount.text or "").strip())
        if amount is None or value is None:
            column = "amount" if path.endswith("TaxInclusiveAmount") else None
            self.faults.append(Fault(column, "bad_number", _place(path)))
            return Decimal()
        if amount.get("currencyID", self._currency) != self._currency:  # PEPPOL-EN16931-R051
            self.faults.append(Fault("currency", "bad_reference", _place(path)))
        return value


def _place(path: str) -> str:
    return re.sub(r"c[ab]c:|\{[^}]*\}", "", path)


def is_charge(item: etree._Element) -> bool | None:
    """Tell a charge from an allowance; None where the indicator is no xs:boolean."""
    indicators = {"true": True, "1": True, "false": False, "0": False}
    return indicators.get(text(item, "cbc:ChargeIndicator") or "")


def price_agrees(line: etree._Element, net: Decimal, quantity: Decimal | None) -> bool:
    """Tell whether a line is quantity × price / base ± its allowances, to a hundredth.

    This is Peppol's PEPPOL-EN16931-R120. EN 16931 itself does not demand it, so that a line which
    differs is counted and not refused.
    """
    price = number(text(line, "cac:Price/cbc:PriceAmount"))
    base = number(text(line, "cac:Price/cbc:BaseQuantity") or "1")
    if price is None or quantity is None or not base:
        return True
    expected = quantity * price / base
    for item in line.iterfind("cac:AllowanceCharge", NAMESPACES):
        part = number(text(item, "cbc:Amount")) or Decimal()
        expected += part if is_charge(item) else -part
    return abs(net - expected.quantize(HUNDREDTH, ROUND_HALF_UP)) <= HUNDREDTH
