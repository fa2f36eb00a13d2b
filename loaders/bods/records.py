"""What a valid statement says of an entity, a person or a relationship, in the contract's words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

import pycountry

from loaders.document import is_country, swedish_organisation

Details = Mapping[str, Any]

#: Statements about someone of whom nothing can be told: the owner's kind is then `unknown`.
_UNKNOWN: Final = frozenset(
    {"anonymousPerson", "unknownPerson", "anonymousEntity", "unknownEntity"}
)
_SIX_PLACES: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Party:
    """An entity or a person: its id in the contract, its kind as an owner, and its columns."""

    id: str
    kind: str
    values: dict[str, str | None]


def _country(code: str) -> str | None:
    """Read ISO 3166-1 alpha-2 or alpha-3, or the country of an ISO 3166-2 subdivision."""
    head = code.split("-", maxsplit=1)[0].upper()
    if is_country(head):
        return head
    found = pycountry.countries.get(alpha_3=head) if len(head) == 3 else None
    return found.alpha_2 if found else None


# --- entities ---------------------------------------------------------------------------------


def entity(details: Details, record_id: str, year: int, counted: Counter[str]) -> Party:
    """Read an entity; one without a number of a register is `XX:<recordId>`."""
    jurisdiction = _country(details.get("jurisdiction", {}).get("code", ""))
    org_id = _entity_id(details, jurisdiction, year, counted) or f"XX:{record_id}"
    country = jurisdiction or (org_id[:2] if is_country(org_id[:2]) else None)
    form = details["entityType"].get("details")
    address = _address(details, ("registered", "business"))
    stated = {
        "name": details.get("name"),
        "legal_form": form,
        "country": "SE" if org_id.isdigit() else country,
        "registered_on": details.get("foundingDate"),
        "deregistered_on": details.get("dissolutionDate"),
        **address,
    }
    kind = "unknown" if details["entityType"]["type"] in _UNKNOWN else "organisation"
    return Party(org_id, kind, {"org_id": org_id, **_stated(stated)})


def _entity_id(
    details: Details, jurisdiction: str | None, year: int, counted: Counter[str]
) -> str | None:
    """Choose the identifier to go by: a Swedish one, a national one, then any other.

    A number under a Swedish scheme that has no Swedish shape is given as it stands, for the
    contract's validator to refuse.
    """
    national, foreign, misshapen = [], [], []
    for identifier in details.get("identifiers", []):
        number = identifier.get("id", "").strip()
        scheme = identifier.get("scheme", "")
        issued_in = _country(scheme)
        country = issued_in or jurisdiction
        if not number:
            continue
        if country == "SE":
            swedish = swedish_organisation(number, year)
            if swedish:
                compact = re.sub(r"\D", "", number)
                counted["century_inferred"] += len(swedish) == 12 and swedish not in compact
                return swedish
            misshapen += [number] if issued_in else []
        elif issued_in:
            national.append(f"{issued_in}:{number}")
        elif country:
            foreign.append(f"{country}:{number}")
        elif scheme == "XI-LEI":
            foreign.append(f"XX:{number}")
    return next(iter(misshapen + national + foreign), None)


# --- persons ----------------------------------------------------------------------------------


def person(details: Details, record_id: str, counted: Counter[str]) -> Party:
    """Read a person; one without a Swedish number is `bods:<recordId>`.

    Nationality, place of birth and political exposure are never read; the first two are counted.
    """
    for name, dropped in (("nationalities", "nationality"), ("placeOfBirth", "country_of_birth")):
        if details.get(name):
            counted[f"dropped:{dropped}"] += 1
    person_id = _personal_number(details, counted) or f"bods:{record_id}"
    died = details.get("deathDate", "")
    address = _address(details, ("residence", "service"))
    stated = {
        **_name(details.get("names", [])),
        **address,
        "deceased_on": died if len(died) == 10 else None,
    }
    kind = "unknown" if details["personType"] in _UNKNOWN else "person"
    return Party(person_id, kind, {"person_id": person_id, **_stated(stated)})


def _personal_number(details: Details, counted: Counter[str]) -> str | None:
    """Give a Swedish personnummer or samordningsnummer as 12 digits.

    Ten digits are taken only when the statement's own date of birth settles the century.
    """
    born = details.get("birthDate", "")
    for identifier in details.get("identifiers", []):
        scheme = identifier.get("scheme", "").upper()
        named = re.search(r"personnummer|samordningsnummer", identifier.get("schemeName", ""), re.I)
        swedish = (scheme.startswith(("SE-", "SWE-")) and "PASSPORT" not in scheme) or named
        number = re.sub(r"[\s\-+]", "", identifier.get("id", ""))
        if not swedish or not re.fullmatch(r"[0-9]{10}|[0-9]{12}", number, re.ASCII):
            continue
        if len(number) == 12:
            return str(number)
        if born[2:4] == number[:2]:
            counted["century_from_birth_date"] += 1
            return f"{born[:2]}{number}"
        counted["century_unknown"] += 1
    return None


def _name(names: list[Details]) -> dict[str, str | None]:
    """Take the legal name, else the first; a full name alone is not split but kept whole."""
    name = next((item for item in names if item.get("type") == "legal"), names[0] if names else {})
    parts = name.get("givenName"), name.get("familyName")
    if not any(parts):
        return {"given_name": None, "family_name": name.get("fullName")}
    return {"given_name": parts[0], "family_name": parts[1]}


def _address(details: Details, types: tuple[str, ...]) -> dict[str, str | None]:
    """Take the first address of the first of `types` that is given; its lines stay one text."""
    addresses = details.get("addresses", [])
    ranked = [item for kind in types for item in addresses if item.get("type") == kind]
    untyped = [item for item in addresses if "type" not in item]
    chosen: Details = next(iter(ranked + untyped), {})
    street = re.sub(r"\s*[\r\n]+\s*", ", ", chosen.get("address", "").strip())
    return {"street": street or None, "postcode": chosen.get("postCode")}


def _stated(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Leave out what the statement does not speak of, so that it clears nothing known before."""
    return {name: value for name, value in values.items() if value is not None}


# --- relationships ----------------------------------------------------------------------------

_INTERESTS: Final = {
    "shareholding": "shares",
    "votingRights": "votes",
    **dict.fromkeys(
        (
            "appointmentOfBoard",
            "otherInfluenceOrControl",
            "seniorManagingOfficial",
            "controlViaCompanyRulesOrArticles",
            "controlByLegalFramework",
            "boardMember",
            "boardChair",
            "trustee",
            "protector",
        ),
        "control",
    ),
}


@dataclass(frozen=True, slots=True)
class Interest:
    """One interest in the contract's words; `path` is its place in the statement."""

    path: str
    interest: str
    share: str | None
    valid_from: str | None
    valid_to: str | None


def interests(details: Details, closed_on: str | None, counted: Counter[str]) -> Iterator[Interest]:
    """Yield each interest of a relationship under its own kind, and as `beneficial` where declared.

    An indirect interest whose links stand in the same file as component records is `other`: its
    shares are the components', and would count twice. A relationship without interests is one
    `other`. A closed relationship ends its interests on the day of the closing statement.
    """
    held = details.get("interests") or [{}]
    for position, item in enumerate(held):
        path = f".interests[{position}]" if details.get("interests") else ""
        kind = _INTERESTS.get(item.get("type", ""), "other")
        summary = item.get("directOrIndirect") == "indirect" and details.get("componentRecords")
        beneficial = item.get("beneficialOwnershipOrControl") is True
        kinds = {"other" if summary else kind} | ({"beneficial"} if beneficial else set())
        if beneficial:
            kinds.discard("other")
        share = _share(item.get("share", {}), counted)
        for name in sorted(kinds):
            yield Interest(
                path, name, share, item.get("startDate"), item.get("endDate") or closed_on
            )


def _share(share: Details, counted: Counter[str]) -> str | None:
    """Give the share as 0..1: exact, else the certain lower bound of a range, else None."""
    percent = share.get("exact")
    if percent is None:
        bounds = [share[name] for name in ("minimum", "exclusiveMinimum") if name in share]
        if not bounds:
            return None
        counted["share_from_range"] += 1
        percent = max(bounds)
    return f"{(Decimal(percent) / 100).quantize(_SIX_PLACES, ROUND_HALF_EVEN).normalize():f}"
