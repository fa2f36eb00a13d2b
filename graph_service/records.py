"""The record contract: every table, declared once.

Validation, the stored schema, masking, retention and the reference page in
`docs/records.md` all follow from these declarations. The contract's own text is
the municipality-facing agreement; where it and this module differ, this module is wrong.
"""

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


#: Proposed months of each class until the municipality decides (domain R9: visits 24, accounting 7 years).
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

_PERSON_TARGETS: Final = ("persons", "person_id")
_ORGANISATION_TARGETS: Final = ("organisations", "org_id")


def _identifier(name: str, **rules: object) -> Column:
    return Column(name, Kind.ID, **rules)  # type: ignore[arg-type]


def _person(name: str = "person_id", **rules: object) -> Column:
    refers_to = rules.pop("refers_to", _PERSON_TARGETS)
    return Column(name, Kind.PERSON, refers_to=refers_to, masking=Masking.IDENTITY, **rules)  # type: ignore[arg-type]


def _organisation(name: str = "org_id", **rules: object) -> Column:
    refers_to = rules.pop("refers_to", _ORGANISATION_TARGETS)
    return Column(name, Kind.ORGANISATION, refers_to=refers_to, **rules)  # type: ignore[arg-type]


def _optional(name: str, kind: Kind, **rules: object) -> Column:
    return Column(name, kind, required=False, **rules)  # type: ignore[arg-type]


def _enum(name: str, *values: str, **rules: object) -> Column:
    return Column(name, Kind.ENUM, values=values, **rules)  # type: ignore[arg-type]


def _optional_enum(name: str, *values: str, default: str | None = None) -> Column:
    return Column(name, Kind.ENUM, values=values, required=False, default=default)


def _address(*, located: bool) -> tuple[Column, ...]:
    address = (
        _optional("care_of", Kind.TEXT, masking=Masking.ADDRESS),
        _optional("street", Kind.TEXT, masking=Masking.ADDRESS),
        _optional("postcode", Kind.POSTCODE, masking=Masking.ADDRESS),
        _optional("city", Kind.TEXT, masking=Masking.ADDRESS),
    )
    position = (
        _optional("lat", Kind.DECIMAL, low=-90, high=90, masking=Masking.ADDRESS),
        _optional("lon", Kind.DECIMAL, low=-180, high=180, masking=Masking.ADDRESS),
    )
    return address + position if located else address


_CONTACT: Final = (
    _optional("phone", Kind.PHONE, masking=Masking.CONTACT),
    _optional("email", Kind.EMAIL, masking=Masking.CONTACT),
)

_VALID: Final = (Column("valid_from", Kind.DATE), _optional("valid_to", Kind.DATE))
_VALID_KEY: Final = (Column("valid_from", Kind.DATE, key=True), _optional("valid_to", Kind.DATE))
_VALID_OPEN: Final = (_optional("valid_from", Kind.DATE), _optional("valid_to", Kind.DATE))
_VALID_OPEN_KEY: Final = (
    _optional("valid_from", Kind.DATE, key=True),
    _optional("valid_to", Kind.DATE),
)
_VALIDITY: Final = (("valid_from", "valid_to"),)

_REGISTERS: Final = (
    Table(
        "organisations",
        "Companies, associations and sole traders, as the register says now.",
        (
            _organisation(key=True, refers_to=None),
            _optional("name", Kind.TEXT),
            _optional("legal_form", Kind.TEXT),
            _optional("country", Kind.COUNTRY, default="SE"),
            _optional("registered_on", Kind.DATE),
            _optional("deregistered_on", Kind.DATE),
            _optional_enum(
                "status", "active", "liquidation", "bankruptcy", "reconstruction", "deregistered"
            ),
            _optional("status_on", Kind.DATE),
            _optional("industry", Kind.INDUSTRY),
            *_address(located=False),
            *_CONTACT,
            _optional("f_tax", Kind.BOOLEAN),
            _optional("vat", Kind.BOOLEAN),
            _optional("employer", Kind.BOOLEAN),
            _optional("share_capital_sek", Kind.MONEY),
            _optional("employees", Kind.INTEGER, low=0),
        ),
        Retention.REGISTER,
        after=(("registered_on", "deregistered_on"),),
    ),
    Table(
        "organisation_changes",
        "What changed in a company, and when.",
        (
            _identifier("change_id", key=True),
            _organisation(),
            Column("changed_on", Kind.DATE),
            _enum(
                "what",
                "name",
                "board",
                "owner",
                "address",
                "industry",
                "auditor",
                "account",
                "status",
                "permit",
            ),
            _optional("before", Kind.TEXT, masking=Masking.FREE_TEXT),
            _optional("after", Kind.TEXT, masking=Masking.FREE_TEXT),
        ),
        Retention.REGISTER,
    ),
    Table(
        "persons",
        "Persons, with their present address.",
        (
            _person(key=True, refers_to=None),
            _optional("given_name", Kind.TEXT, masking=Masking.NAME),
            _optional("family_name", Kind.TEXT, masking=Masking.NAME),
            *_address(located=True),
            *_CONTACT,
            Column(
                "protection",
                Kind.ENUM,
                required=False,
                values=("none", "marked", "protected_registration"),
                default="none",
                keeps_until_said=True,
            ),
            _optional("deceased_on", Kind.DATE),
        ),
        Retention.REGISTER,
    ),
    Table(
        "residences",
        "Where a person lived, and when.",
        (
            _person(key=True),
            *_VALID_KEY,
            *_address(located=True),
        ),
        Retention.REGISTER,
        after=_VALIDITY,
    ),
    Table(
        "mandates",
        "Who may act or be paid for a client, and relatives whose employment is approved.",
        (
            _person(key=True),
            _person("client_id", key=True),
            _enum("kind", "guardian", "trustee", "agent", "approved_relative", key=True),
            *_VALID_OPEN_KEY,
        ),
        Retention.REGISTER,
        after=_VALIDITY,
    ),
    Table(
        "officers",
        "Board members, managers, signatories, auditors and liquidators.",
        (
            _organisation(key=True),
            _person(key=True),
            _enum(
                "role",
                "chair",
                "director",
                "deputy",
                "ceo",
                "signatory",
                "auditor",
                "liquidator",
                key=True,
            ),
            *_VALID_KEY,
        ),
        Retention.REGISTER,
        after=_VALIDITY,
    ),
    Table(
        "owners",
        "Who owns, votes in, benefits from or controls an organisation.",
        (
            _organisation(key=True),
            Column(
                "owner_id",
                Kind.PARTY,
                key=True,
                kind_column="owner_kind",
                masking=Masking.IDENTITY,
            ),
            _optional_enum("owner_kind", "person", "organisation", "unknown"),
            _enum("interest", "shares", "votes", "beneficial", "control", "other", key=True),
            _optional("share", Kind.DECIMAL, low=0, high=1),
            *_VALID_OPEN_KEY,
        ),
        Retention.REGISTER,
        after=_VALIDITY,
    ),
    Table(
        "permits",
        "Permits to give care, with each change of their status.",
        (
            _identifier("permit_id", key=True),
            _organisation(),
            Column("service", Kind.TEXT),
            _optional_enum("law", "SoL", "LSS"),
            _enum("status", "granted", "revoked", "appealed", "inhibited", "lapsed", key=True),
            *_VALID_KEY,
            _optional("places", Kind.INTEGER, low=0),
        ),
        Retention.REGISTER,
        after=_VALIDITY,
    ),
    Table(
        "contracts",
        "What a municipality has agreed with a provider.",
        (
            _identifier("contract_id", key=True),
            _organisation(),
            Column("municipality", Kind.TEXT),
            Column("service", Kind.TEXT),
            _enum("reimbursement", "granted", "performed"),
            Column("hourly_rate_sek", Kind.MONEY, low=0),
            *_VALID,
            _optional_enum("end_reason", "expired", "terminated", "revoked", "bankruptcy"),
        ),
        Retention.MONEY,
        after=_VALIDITY,
    ),
    Table(
        "subcontracts",
        "Subcontractors and staffing firms declared to the municipality.",
        (
            _organisation(key=True),
            _organisation("subcontractor_id", key=True),
            _enum("kind", "staffing", "subcontract"),
            *_VALID_KEY,
        ),
        Retention.MONEY,
        after=_VALIDITY,
    ),
    Table(
        "municipalities",
        "The municipalities whose files are loaded.",
        (
            Column("municipality", Kind.TEXT, key=True),
            _optional("name", Kind.TEXT),
            _organisation(required=False),
        ),
        Retention.REGISTER,
    ),
    Table(
        "services",
        "What a municipality's own words for its services mean.",
        (
            Column("municipality", Kind.TEXT, key=True),
            Column("service", Kind.TEXT, key=True),
            _optional("permit_service", Kind.TEXT),
            _optional("needs_permit", Kind.BOOLEAN),
            _optional("flat_rate", Kind.BOOLEAN),
        ),
        Retention.REGISTER,
    ),
    Table(
        "trading_bans",
        "Persons who may not run a business, and when.",
        (_person(key=True), *_VALID_KEY),
        Retention.REGISTER,
        after=_VALIDITY,
    ),
    Table(
        "accounts",
        "Who holds a payment account.",
        (
            Column("account", Kind.ACCOUNT, key=True),
            Column(
                "holder_id",
                Kind.PARTY,
                key=True,
                kind_column="holder_kind",
                masking=Masking.IDENTITY,
            ),
            _enum("holder_kind", "person", "organisation"),
            *_VALID_OPEN_KEY,
            _optional_enum("purpose", "own", "factoring", "group"),
        ),
        Retention.MONEY,
        after=_VALIDITY,
    ),
)

_WORK_AND_CARE: Final = (
    Table(
        "employments",
        "Who is employed where, and when.",
        (
            _organisation(key=True),
            _person(key=True),
            *_VALID_KEY,
            _optional("title", Kind.TEXT),
            _optional("hours_per_week", Kind.DECIMAL, low=0, high=168),
        ),
        Retention.WORK,
        after=_VALIDITY,
    ),
    Table(
        "logins",
        "Personal logins to the visit system.",
        (
            _identifier("login_id", key=True),
            _organisation(),
            _person(),
            *_VALID_OPEN,
        ),
        Retention.WORK,
        after=_VALIDITY,
    ),
    Table(
        "login_events",
        "Sign-ins, sign-outs and tag scans.",
        (
            _identifier("event_id", key=True),
            _identifier("login_id", refers_to=("logins", "login_id")),
            _optional("device_id", Kind.ID),
            _optional("tag_id", Kind.ID, refers_to=("tags", "tag_id")),
            _optional("ip", Kind.IP, masking=Masking.CONTACT),
            Column("at", Kind.TIMESTAMP),
            _enum("event", "sign_in", "sign_out", "scan"),
        ),
        Retention.VISITS,
    ),
    Table(
        "tags",
        "Tags on clients' door posts.",
        (
            _identifier("tag_id", key=True),
            _person("client_id", key=True),
            *_VALID_OPEN_KEY,
        ),
        Retention.CARE,
        after=_VALIDITY,
    ),
    Table(
        "decisions",
        "What a client has been granted.",
        (
            _identifier("decision_id", key=True),
            _person("client_id"),
            Column("municipality", Kind.TEXT),
            Column("service", Kind.TEXT),
            Column("hours_per_month", Kind.DECIMAL, low=0),
            _optional("double_staffed", Kind.BOOLEAN),
            *_VALID,
            _person("official_id", required=False, refers_to=("officials", "person_id")),
            _optional("unit", Kind.TEXT),
        ),
        Retention.CARE,
        after=_VALIDITY,
    ),
    Table(
        "enrolments",
        "Which provider serves a client.",
        (
            _person("client_id", key=True),
            _organisation(key=True),
            Column("municipality", Kind.TEXT),
            Column("service", Kind.TEXT, key=True),
            *_VALID_KEY,
            _optional_enum(
                "end_reason", "client_choice", "deceased", "moved", "provider_exit", "other"
            ),
        ),
        Retention.CARE,
        after=_VALIDITY,
    ),
    Table(
        "visits",
        "Visits as they were registered.",
        (
            _identifier("visit_id", key=True),
            Column("municipality", Kind.TEXT),
            _organisation(),
            _person("worker_id"),
            _person("client_id"),
            Column("service", Kind.TEXT),
            _optional("planned_start", Kind.TIMESTAMP),
            _optional("planned_end", Kind.TIMESTAMP),
            Column("start", Kind.TIMESTAMP),
            Column("end", Kind.TIMESTAMP),
            _optional_enum("start_method", "tag", "app", "manual", "admin"),
            _optional_enum("end_method", "tag", "app", "manual", "admin"),
            _optional("tag_id", Kind.ID, refers_to=("tags", "tag_id")),
            _optional("device_id", Kind.ID),
            _optional("login_id", Kind.ID, refers_to=("logins", "login_id")),
            _optional_enum(
                "status", "performed", "declined", "cancelled", "absent", default="performed"
            ),
            _optional("double_staffed", Kind.BOOLEAN),
            _optional("group_visit", Kind.BOOLEAN),
            _optional("note", Kind.TEXT, masking=Masking.FREE_TEXT),
            _optional("created_at", Kind.TIMESTAMP),
            _optional("edited_at", Kind.TIMESTAMP),
            _optional("edited_by", Kind.TEXT, masking=Masking.IDENTITY),
            _optional("original_start", Kind.TIMESTAMP),
            _optional("original_end", Kind.TIMESTAMP),
            _optional("decision_id", Kind.ID, refers_to=("decisions", "decision_id")),
        ),
        Retention.VISITS,
        after=(("planned_start", "planned_end"), ("start", "end")),
    ),
    Table(
        "absences",
        "When a client was away from home.",
        (
            _identifier("absence_id", key=True),
            _person("client_id"),
            _enum("kind", "hospital", "short_term", "travel", "other"),
            Column("start", Kind.TIMESTAMP),
            Column("end", Kind.TIMESTAMP),
        ),
        Retention.CARE,
        after=(("start", "end"),),
    ),
    Table(
        "placements",
        "Placements in homes and foster care.",
        (
            _identifier("placement_id", key=True),
            _person("client_id"),
            _organisation(),
            Column("start", Kind.DATE),
            _optional("end", Kind.DATE),
            _optional("day_rate_sek", Kind.MONEY, low=0),
        ),
        Retention.CARE,
        after=(("start", "end"),),
    ),
    Table(
        "fees",
        "What a client pays.",
        (
            _person("client_id", key=True),
            *_VALID_KEY,
            _optional("hourly_fee_sek", Kind.MONEY, low=0),
            _optional("monthly_cap_sek", Kind.MONEY, low=0),
        ),
        Retention.MONEY,
        after=_VALIDITY,
    ),
)

_OFFICIAL_TARGETS: Final = ("officials", "person_id")
_INVOICE_TARGETS: Final = ("invoices", "invoice_id")

_MONEY: Final = (
    Table(
        "invoices",
        "What providers bill the municipality.",
        (
            _identifier("invoice_id", key=True),
            _organisation(),
            Column("municipality", Kind.TEXT),
            Column("issued_on", Kind.DATE),
            Column("period_from", Kind.DATE),
            Column("period_to", Kind.DATE),
            Column("amount", Kind.MONEY),
            _optional("currency", Kind.CURRENCY, default="SEK"),
            _optional("unit", Kind.TEXT),
            _optional("account", Kind.ACCOUNT),
            _optional("factoring", Kind.BOOLEAN),
            _person("ordered_by", required=False, refers_to=_OFFICIAL_TARGETS),
            _person("received_by", required=False, refers_to=_OFFICIAL_TARGETS),
            _person("approved_by", required=False, refers_to=_OFFICIAL_TARGETS),
            _optional("credit_of", Kind.ID, refers_to=_INVOICE_TARGETS),
        ),
        Retention.MONEY,
        after=(("period_from", "period_to"),),
    ),
    Table(
        "invoice_lines",
        "The lines of invoices.",
        (
            _identifier("invoice_id", key=True, refers_to=_INVOICE_TARGETS),
            Column("line_no", Kind.INTEGER, key=True),
            _person("client_id", required=False),
            Column("service", Kind.TEXT),
            _optional("day", Kind.DATE),
            _optional("hours", Kind.DECIMAL, low=0),
            _optional("quantity", Kind.DECIMAL),
            _optional_enum("unit", "hour", "day", "visit", "month", "piece"),
            _optional("unit_price", Kind.MONEY),
            Column("amount", Kind.MONEY),
        ),
        Retention.MONEY,
    ),
    Table(
        "payments",
        "Payments that the municipality made or saw.",
        (
            _identifier("payment_id", key=True),
            Column("paid_on", Kind.DATE),
            _optional("payer_id", Kind.PARTY, masking=Masking.IDENTITY),
            _optional("payer_account", Kind.ACCOUNT),
            _optional("payee_id", Kind.PARTY, masking=Masking.IDENTITY),
            _optional("payee_account", Kind.ACCOUNT),
            Column("amount", Kind.MONEY),
            _optional("currency", Kind.CURRENCY, default="SEK"),
            _optional_enum("purpose", "provider", "client_fee", "wages", "transfer"),
            _person("client_id", required=False),
            _optional("invoice_id", Kind.ID, refers_to=_INVOICE_TARGETS),
            _optional("reference", Kind.TEXT, masking=Masking.FREE_TEXT),
        ),
        Retention.MONEY,
    ),
)

_FOLLOW_UP: Final = (
    Table(
        "officials",
        "The municipality's own officials.",
        (
            _person(key=True),
            Column("municipality", Kind.TEXT),
            _optional("unit", Kind.TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "incidents",
        "Threats, harassment and bribery against officials (otillåten påverkan).",
        (
            _identifier("incident_id", key=True),
            Column("occurred_on", Kind.DATE),
            _person("official_id", required=False, refers_to=_OFFICIAL_TARGETS),
            _organisation(required=False),
            _enum("kind", "threat", "harassment", "bribery", "other"),
            _optional("note", Kind.TEXT, masking=Masking.FREE_TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "tips",
        "What the public and staff have told.",
        (
            _identifier("tip_id", key=True),
            Column("received_on", Kind.DATE),
            _enum("channel", "phone", "web", "letter", "staff"),
            _enum("about_kind", "organisation", "person"),
            Column(
                "about_id", Kind.PARTY, kind_column="about_kind", masking=Masking.IDENTITY
            ),
            _optional("credibility", Kind.INTEGER, low=1, high=5),
            _optional("text", Kind.TEXT, masking=Masking.FREE_TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "quality_reviews",
        "Follow-ups of a provider's quality.",
        (
            _identifier("review_id", key=True),
            _organisation(),
            Column("reviewed_on", Kind.DATE),
            _enum("outcome", "passed", "remarks", "failed"),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "background_checks",
        "That a background check was done, never what it said.",
        (
            _identifier("check_id", key=True),
            _person(),
            _organisation(required=False),
            Column("done_on", Kind.DATE),
            Column("basis", Kind.TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
)

#: Every table of the contract by name, in the contract's order.
TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {table.name: table for table in _REGISTERS + _WORK_AND_CARE + _MONEY + _FOLLOW_UP}
)
