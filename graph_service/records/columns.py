"""Columns that many tables share, in the words that the tables are declared in."""

from __future__ import annotations

from typing import Final

from graph_service.records.declaration import Column, Kind, Masking

OFFICIALS: Final = ("officials", "person_id")
INVOICES: Final = ("invoices", "invoice_id")

PERSONS: Final = ("persons", "person_id")
ORGANISATIONS: Final = ("organisations", "org_id")


def identifier(name: str, **rules: object) -> Column:
    """An identifier that its issuer alone can judge."""
    return Column(name, Kind.ID, **rules)  # type: ignore[arg-type]


def person(name: str = "person_id", **rules: object) -> Column:
    """A person, hidden where persons are."""
    refers_to = rules.pop("refers_to", PERSONS)
    return Column(name, Kind.PERSON, refers_to=refers_to, masking=Masking.IDENTITY, **rules)  # type: ignore[arg-type]


def organisation(name: str = "org_id", **rules: object) -> Column:
    """An organisation."""
    refers_to = rules.pop("refers_to", ORGANISATIONS)
    return Column(name, Kind.ORGANISATION, refers_to=refers_to, **rules)  # type: ignore[arg-type]


def optional(name: str, kind: Kind, **rules: object) -> Column:
    """A column that may be empty."""
    return Column(name, kind, required=False, **rules)  # type: ignore[arg-type]


def enum(name: str, *values: str, **rules: object) -> Column:
    """A closed list of words."""
    return Column(name, Kind.ENUM, values=values, **rules)  # type: ignore[arg-type]


def optional_enum(name: str, *values: str, default: str | None = None) -> Column:
    """A closed list of words, or nothing."""
    return Column(name, Kind.ENUM, values=values, required=False, default=default)


def address(*, located: bool) -> tuple[Column, ...]:
    """An address, with its position where `located`."""
    address = (
        optional("care_of", Kind.TEXT, masking=Masking.ADDRESS),
        optional("street", Kind.TEXT, masking=Masking.ADDRESS),
        optional("postcode", Kind.POSTCODE, masking=Masking.ADDRESS),
        optional("city", Kind.TEXT, masking=Masking.ADDRESS),
    )
    position = (
        optional("lat", Kind.DECIMAL, low=-90, high=90, masking=Masking.ADDRESS),
        optional("lon", Kind.DECIMAL, low=-180, high=180, masking=Masking.ADDRESS),
    )
    return address + position if located else address


CONTACT: Final = (
    optional("phone", Kind.PHONE, masking=Masking.CONTACT),
    optional("email", Kind.EMAIL, masking=Masking.CONTACT),
)

VALID: Final = (Column("valid_from", Kind.DATE), optional("valid_to", Kind.DATE))
VALID_KEY: Final = (Column("valid_from", Kind.DATE, key=True), optional("valid_to", Kind.DATE))
VALID_OPEN: Final = (optional("valid_from", Kind.DATE), optional("valid_to", Kind.DATE))
VALID_OPEN_KEY: Final = (
    optional("valid_from", Kind.DATE, key=True),
    optional("valid_to", Kind.DATE),
)
VALIDITY: Final = (("valid_from", "valid_to"),)
