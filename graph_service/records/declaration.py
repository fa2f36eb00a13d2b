"""What a table and a column are, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """What the values of a column are; decides how they are checked and stored."""

    ID = "id"  # an identifier that only its issuer can judge
    TEXT = "text"
    PERSON = "person"  # 12 digits, or <issuer>:<id>
    ORGANISATION = "organisation"  # 10 digits, <COUNTRY>:<id>, or a sole trader's 12 digits
    PARTY = "party"  # a person or an organisation
    ACCOUNT = "account"
    DATE = "date"
    TIMESTAMP = "timestamp"
    MONEY = "money"  # SEK unless a currency column says otherwise; 4 decimals
    DECIMAL = "decimal"  # hours, shares, coordinates; 6 decimals
    INTEGER = "integer"
    BOOLEAN = "boolean"
    ENUM = "enum"
    COUNTRY = "country"
    CURRENCY = "currency"
    PHONE = "phone"  # kept as given; the graph makes a key of it where it can
    EMAIL = "email"
    IP = "ip"
    POSTCODE = "postcode"
    INDUSTRY = "industry"


class Masking(StrEnum):
    """Why a column is hidden in a pseudonymised view, or when a person is protected."""

    NONE = "none"
    IDENTITY = "identity"
    NAME = "name"
    ADDRESS = "address"
    CONTACT = "contact"
    FREE_TEXT = "free_text"


class Retention(StrEnum):
    """Retention class of a table; the municipality's own decision sets the length of each."""

    REGISTER = "register"
    WORK = "work"  # employment, logins: as long as visits may be examined
    VISITS = "visits"
    CARE = "care"  # decisions, enrolments, placements
    MONEY = "money"
    FOLLOW_UP = "follow_up"


#: Proposed months of each class until the municipality decides (visits 24, accounting 84).
RETENTION_MONTHS: Final[Mapping[Retention, int]] = MappingProxyType(
    {
        Retention.REGISTER: 84,
        Retention.WORK: 24,
        Retention.VISITS: 24,
        Retention.CARE: 60,
        Retention.MONEY: 84,
        Retention.FOLLOW_UP: 60,
    }
)

#: Never stored, shown or logged, whatever the source sends (GDPR art. 9, domain R1).
DROPPED_COLUMNS: Final = frozenset(
    {
        "nationality",
        "citizenship",
        "country_of_birth",
        "language",
        "religion",
        "ethnicity",
        "sex",
        "income",
        "diagnosis",
        "health_notes",
    }
)

#: Where a stored row comes from; kept beside the columns of every table.
PROVENANCE: Final[tuple[tuple[str, str], ...]] = (
    ("_batch", "VARCHAR"),
    ("_file", "INTEGER"),
    ("_file_sha256", "VARCHAR"),
    ("_row", "BIGINT"),
    ("_supersedes", "BOOLEAN"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    `key` columns identify a row; `required` ones may not be empty. `low` and `high` are
    inclusive bounds. `kind_column` names the sibling that says whether a PARTY is a person
    or an organisation. `refers_to` is the (table, column) a value points at; an unseen
    target is counted, never refused.
    """

    name: str
    kind: Kind
    required: bool = True
    key: bool = False
    default: str | None = None
    values: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    kind_column: str | None = None
    refers_to: tuple[str, str] | None = None
    masking: Masking = Masking.NONE
    keeps_until_said: bool = False

    @property
    def stored_type(self) -> str:
        """The SQL type of the stored column."""
        return _STORED_TYPES.get(self.kind, "VARCHAR")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the contract. `after` lists (earlier, later) pairs that must not be reversed."""

    name: str
    means: str
    columns: tuple[Column, ...]
    retention: Retention
    after: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)

    @property
    def references(self) -> Iterator[Column]:
        return (column for column in self.columns if column.refers_to is not None)


_STORED_TYPES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.DATE: "DATE",
        Kind.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
        Kind.MONEY: "DECIMAL(18,4)",
        Kind.DECIMAL: "DECIMAL(18,6)",
        Kind.INTEGER: "BIGINT",
        Kind.BOOLEAN: "BOOLEAN",
    }
)
