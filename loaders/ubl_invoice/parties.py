"""Who bills, who is billed and where the money goes, as the Swedish use of Peppol writes it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from lxml import etree

from loaders.document import is_country, swedish_organisation
from loaders.ubl_invoice.sums import text, texts
from loaders.ubl_invoice.xml import NAMESPACES

#: ISO 6523 schemes of national registers (Peppol's EAS code list); 0007 is Sweden's.
_REGISTERS: Final = {
    "0002": "FR", "0007": "SE", "0009": "FR", "0037": "FI", "0096": "DK", "0106": "NL",
    "0184": "DK", "0190": "NL", "0191": "EE", "0192": "NO", "0196": "IS", "0198": "DK",
    "0200": "LT", "0204": "DE", "0208": "BE", "0212": "FI", "0213": "FI", "0216": "FI",
}  # fmt: skip
#: Schemes that name a place, a party or a firm anywhere (DUNS, GLN, LEI): no register of a country.
_GLOBAL: Final = frozenset({"0060", "0088", "0199"})


def organisation(party: etree._Element, year: int, counted: Counter[str]) -> str | None:
    """Give a party's organisation number: legal registration, else VAT number, else address 0007.

    The value is as written where it has no Swedish shape, so that the contract's validator refuses
    it; None when the party names no number at all. `year` settles a sole trader's century.
    """
    country = text(party, "cac:PostalAddress/cac:Country/cbc:IdentificationCode") or "SE"
    for scheme, number in _numbers(party):
        register = _REGISTERS.get(scheme, country)
        if scheme in _GLOBAL or not is_country(register):
            continue
        if register != "SE":
            return f"{register}:{number}"
        swedish = swedish_organisation(number, year)
        if swedish and len(swedish) == 12 and swedish not in re.sub(r"\D", "", number):
            counted["century_inferred"] += 1
        return swedish or number
    return None


def _numbers(party: etree._Element) -> list[tuple[str, str]]:
    """List (scheme, number) in order of trust."""
    found = [
        (item.get("schemeID", ""), item.text.strip())
        for item in party.iterfind("cac:PartyLegalEntity/cbc:CompanyID", NAMESPACES)
        if item.text and item.text.strip()
    ]
    for scheme in party.iterfind("cac:PartyTaxScheme", NAMESPACES):
        if text(scheme, "cac:TaxScheme/cbc:ID") == "VAT":
            found += [("", vat) for vat in texts(scheme, "cbc:CompanyID")]
    found += [
        ("0007", item.text.strip())
        for item in party.iterfind("cbc:EndpointID", NAMESPACES)
        if item.get("schemeID") == "0007" and item.text
    ]
    return found


def buyer(party: etree._Element, year: int) -> str | None:
    """Name the buying municipality: its organisation number, else its name.

    A personal number is never taken: the column is shown unmasked.
    """
    for scheme, number in _numbers(party):
        swedish = swedish_organisation(number, year)
        if scheme in ("", "0007") and swedish and len(swedish) == 10:
            return swedish
    return text(party, "cac:PartyLegalEntity/cbc:RegistrationName") or text(
        party, "cac:PartyName/cbc:Name"
    )


def account(head: etree._Element, supplier: str | None, counted: Counter[str]) -> str | None:
    """Give the account the supplier asks to be paid to: the first that the contract can write.

    Bankgiro and plusgiro stand as SFTI prescribes, in the branch (`SE:BANKGIRO`, `SE:PLUSGIRO`).
    Further accounts and unreadable ones are counted, since an invoice holds one.
    """
    found: list[str] = []
    for item in head.iterfind("cac:PaymentMeans/cac:PayeeFinancialAccount", NAMESPACES):
        number = re.sub(r"[\s\-]", "", text(item, "cbc:ID") or "").upper()
        branch = (text(item, "cac:FinancialInstitutionBranch/cbc:ID") or "").upper()
        written = _account(number, branch, domestic=":" not in (supplier or ""))
        if written:
            found.append(written)
        elif number:
            counted["unusable_account"] += 1
    others = set(found[1:]) - set(found[:1])
    counted["further_accounts"] += len(others)
    return found[0] if found else None


def _account(number: str, branch: str, *, domestic: bool) -> str | None:
    if branch in ("SE:BANKGIRO", "SE:PLUSGIRO"):
        return f"{'BG' if branch == 'SE:BANKGIRO' else 'PG'}:{number}"
    if re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}", number):
        return number
    if domestic and re.fullmatch(r"[0-9]{8,16}", number):  # a Swedish bank account: clearing first
        clearing = 5 if number.startswith("8") else 4  # Swedbank's clearing carries a check digit
        return f"{number[:clearing]}-{number[clearing:]}"
    return None


#: What a notice of assignment says (domain 4.3, SFTI's example): the claim itself is handed over.
_ASSIGNED: Final = re.compile(
    r"(faktura|fordran)\w*\b[^.]{0,60}\b(är|har|hava)\b[^.]{0,60}(överlåt|pantsatt|belån)"
    r"|\bfactoring|\bfakturaköp|\bfakturabelåning",
    re.IGNORECASE,
)
_NOT: Final = re.compile(r"\b(inte|ej|icke)\b", re.IGNORECASE)


def is_factored(head: etree._Element, supplier: str | None, year: int) -> bool:
    """Tell whether another than the supplier is to be paid: a payee party, or a notice.

    By EN 16931 (BG-10) a payee stands in the invoice only when it is not the seller.
    """
    for payee in head.iterfind("cac:PayeeParty", NAMESPACES):
        if organisation(payee, year, Counter()) != supplier or supplier is None:
            return True
    notes = texts(head, "cbc:Note") + texts(head, "cac:PaymentTerms/cbc:Note")
    sentences = (part for note in notes for part in re.split(r"[.!?]\s", " ".join(note.split())))
    return any(_ASSIGNED.search(part) and not _NOT.search(part) for part in sentences)
