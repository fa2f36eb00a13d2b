"""The graph: its labels, relationship types and properties, each spelled here once.

The tables `nodes` and `edges`, the reference in `docs/graph.md` and what a store publishes
follow from these declarations; a test holds the SQL files beside them to what is declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Property:
    """One column of `nodes` or `edges`."""

    name: str
    type: str
    means: str


@dataclass(frozen=True, slots=True)
class Label:
    """One label. `kind` is that of its nodes; `role` labels stand beside the kind's own."""

    name: str
    kind: str
    means: str
    properties: tuple[str, ...] = ()
    role: bool = False


@dataclass(frozen=True, slots=True)
class Relationship:
    """One relationship type, between the (source kind, target kind) pairs in `ends`.

    `origins` are the record tables that its edges lead back to: to one row by its key, or,
    where `aggregated`, to all rows that have the values in `origin_key`.
    """

    type: str
    means: str
    ends: tuple[tuple[str, str], ...]
    origins: tuple[str, ...]
    properties: tuple[str, ...] = ()
    aggregated: bool = False


NODE_COLUMNS: Final = (
    Property("node_id", "VARCHAR", "`<kind>:<key>`, unique"),
    Property("kind", "VARCHAR", "what the node stands for, in the words of findings"),
    Property("key", "VARCHAR", "the records' own identifier, or the normalised value"),
    Property("labels", "VARCHAR[]", "sorted; the kind's own label and the roles seen"),
    Property("name", "VARCHAR", "for reading; never of a person with protected identity"),
    Property("protected", "BOOLEAN", "the person has protected identity"),
    Property(
        "search",
        "VARCHAR",
        "name, key and key without blanks in plain lower-case words, a line each",
    ),
    Property("origin_table", "VARCHAR", "record table that the node leads back to"),
    Property("origin_key", "VARCHAR", "JSON object: the values that the rows there have"),
)

NODE_PROPERTIES: Final = (
    Property("legal_form", "VARCHAR", "as the register words it"),
    Property("country", "VARCHAR", "ISO 3166 alpha-2"),
    Property("industry", "VARCHAR", "SNI, as given"),
    Property("status", "VARCHAR", "null when unknown as of the day"),
    Property("status_on", "DATE", "the day it began"),
    Property("registered_on", "DATE", ""),
    Property("deregistered_on", "DATE", ""),
    Property("f_tax", "BOOLEAN", "approved for F-tax"),
    Property("vat", "BOOLEAN", "registered for VAT"),
    Property("employer", "BOOLEAN", "registered as employer"),
    Property("share_capital_sek", "DECIMAL(18,4)", ""),
    Property("employees", "BIGINT", ""),
    Property("deceased_on", "DATE", ""),
    Property("reachable", "BOOLEAN", "a telephone or e-mail is told, readable or not"),
    Property("care_of", "VARCHAR", "never of a person with protected identity"),
    Property("street", "VARCHAR", "of an address: one spelling of those that give the key"),
    Property("postcode", "VARCHAR", ""),
    Property("city", "VARCHAR", ""),
    Property("house", "VARCHAR", "the key of an address without the number of a flat"),
    Property("lat", "DECIMAL(18,6)", "WGS 84 degrees"),
    Property("lon", "DECIMAL(18,6)", "WGS 84 degrees"),
    Property("municipality", "VARCHAR", ""),
    Property("service", "VARCHAR", "in the words of the source"),
    Property("law", "VARCHAR", "SoL or LSS"),
    Property("hours_per_month", "DECIMAL(18,6)", "granted"),
    Property("double_staffed", "BOOLEAN", ""),
    Property("unit", "VARCHAR", "district or unit of the municipality"),
    Property("valid_from", "DATE", "included"),
    Property("valid_to", "DATE", "excluded"),
    Property("issued_on", "DATE", ""),
    Property("period_from", "DATE", "included"),
    Property("period_to", "DATE", "included"),
    Property("paid_on", "DATE", ""),
    Property("amount", "DECIMAL(18,4)", "in `currency`; credits negative"),
    Property("currency", "VARCHAR", "ISO 4217"),
    Property("factoring", "BOOLEAN", "the claim is sold: the account is the factor's"),
    Property("purpose", "VARCHAR", "of a payment"),
    Property("invoice_id", "VARCHAR", "the invoice that a payment settles"),
    Property("what", "VARCHAR", "what changed: name, board, owner, address, status and others"),
    Property("after", "VARCHAR", "what it became, as told; never an address"),
    Property("changed_on", "DATE", ""),
    Property("reviewed_on", "DATE", ""),
    Property("outcome", "VARCHAR", "of a review"),
)

EDGE_COLUMNS: Final = (
    Property("edge_id", "VARCHAR", "`<type>:<digest of ends and origin>`, unique and stable"),
    Property("type", "VARCHAR", "relationship type"),
    Property("source_id", "VARCHAR", "a `node_id`"),
    Property("target_id", "VARCHAR", "a `node_id`"),
    Property("valid_from", "DATE", "included; null: without bound"),
    Property("valid_to", "DATE", "excluded; null: open as of the day"),
    Property("origin_table", "VARCHAR", "record table that the edge leads back to"),
    Property("origin_key", "VARCHAR", "JSON object: the values that the rows there have"),
)

EDGE_PROPERTIES: Final = (
    Property("provider_id", "VARCHAR", "org_id of the provider that it happened under"),
    Property("municipality", "VARCHAR", ""),
    Property("service", "VARCHAR", "in the words of the source"),
    Property("role", "VARCHAR", "of an officer; status of a permit; how an account is known"),
    Property("interest", "VARCHAR", "shares, votes, beneficial, control or other"),
    Property("owner_kind", "VARCHAR", "person, organisation or unknown, as the register says"),
    Property("share", "DECIMAL(18,6)", "0 to 1 of that interest"),
    Property("purpose", "VARCHAR", "of an account: own, factoring or group"),
    Property("title", "VARCHAR", ""),
    Property("hours_per_week", "DECIMAL(18,6)", ""),
    Property("places", "BIGINT", ""),
    Property("end_reason", "VARCHAR", ""),
    Property("reference", "VARCHAR", "the record's own identifier: of a contract, a placement"),
    Property("visits", "BIGINT", "performed visits"),
    Property("minutes", "DOUBLE", "of those visits together"),
    Property("events", "BIGINT", "login events"),
    Property("payments", "BIGINT", ""),
    Property("amount", "DECIMAL(38,4)", "in `currency`"),
    Property("currency", "VARCHAR", "ISO 4217"),
    Property("first", "DATE", "Stockholm day of the first of them"),
    Property("last", "DATE", "Stockholm day of the last of them"),
    Property("by_month", "BIGINT[]", "visits a month, from the month of `first` to that of `last`"),
    Property("days", "BIGINT[]", "days from `first` to each visit, or to each day billed; sorted"),
    Property("amounts", "DECIMAL(18,4)[]", "billed on each of `days`"),
    Property("weight", "DOUBLE", "match weight: log2 of the odds that the two are one"),
    Property("probability", "DOUBLE", "of the same"),
)

LABELS: Final = (
    Label(
        "Organisation",
        "organisation",
        "a company, association, authority or sole trader",
        (
            "legal_form",
            "country",
            "industry",
            "status",
            "status_on",
            "registered_on",
            "deregistered_on",
            "f_tax",
            "vat",
            "employer",
            "share_capital_sek",
            "employees",
            "reachable",
            "care_of",
            "street",
        ),
    ),
    Label(
        "Provider",
        "organisation",
        "has a contract, enrolment, visit, invoice or placement",
        role=True,
    ),
    Label("Person", "person", "a natural person", ("deceased_on",)),
    Label("Worker", "person", "is employed by an organisation or registered a visit", role=True),
    Label("Client", "person", "is granted or given care, or pays for it", role=True),
    Label("Owner", "person", "owns or controls an organisation", role=True),
    Label("Officer", "person", "sits on a board, signs, audits or liquidates", role=True),
    Label("Official", "person", "works for the municipality", role=True),
    Label("Account", "account", "a payment account"),
    Label("Municipality", "municipality", "a municipality that the records name"),
    Label(
        "Change",
        "change",
        "a change in the register of organisations",
        ("what", "after", "changed_on"),
    ),
    Label("TradingBan", "ban", "a trading ban of a person", ("valid_from", "valid_to")),
    Label("Review", "review", "a follow-up of quality", ("reviewed_on", "outcome")),
    Label(
        "Address",
        "address",
        "street, postcode and city as one normalised key",
        ("street", "postcode", "city", "house", "lat", "lon"),
    ),
    Label("Phone", "phone", "a telephone number, E.164"),
    Label("Email", "email", "an e-mail address in lower case"),
    Label("Device", "device", "a telephone or other device of the visit system"),
    Label("Login", "login", "a personal login to the visit system"),
    Label("Tag", "tag", "a tag on a client's door post"),
    Label("Permit", "permit", "a permit to give care", ("service", "law")),
    Label(
        "Decision",
        "decision",
        "what a client has been granted",
        (
            "municipality",
            "service",
            "hours_per_month",
            "double_staffed",
            "unit",
            "valid_from",
            "valid_to",
        ),
    ),
    Label(
        "Invoice",
        "invoice",
        "what a provider billed",
        (
            "municipality",
            "unit",
            "issued_on",
            "period_from",
            "period_to",
            "amount",
            "currency",
            "factoring",
        ),
    ),
    Label(
        "Payment",
        "payment",
        "one payment",
        ("paid_on", "amount", "currency", "purpose", "invoice_id"),
    ),
)

_PARTIES: Final = ("organisation", "person")
_MONEY_ENDS: Final = ("account", "organisation", "person")

RELATIONSHIPS: Final = (
    Relationship(
        "OWNS",
        "owns, votes in, benefits from or controls; a sole trader's person owns the firm "
        "(interest control, share 1, role sole_trader)",
        tuple((party, "organisation") for party in _PARTIES),
        ("owners", "*"),
        ("interest", "share", "role", "owner_kind"),
    ),
    Relationship(
        "OFFICER_OF",
        "has a role in the organisation",
        (("person", "organisation"),),
        ("officers",),
        ("role",),
    ),
    Relationship(
        "EMPLOYED_BY",
        "is employed",
        (("person", "organisation"),),
        ("employments",),
        ("title", "hours_per_week"),
    ),
    Relationship(
        "ENROLLED_WITH",
        "is served by the provider",
        (("person", "organisation"),),
        ("enrolments",),
        ("municipality", "service", "end_reason"),
    ),
    Relationship(
        "VISITED",
        "one for each worker, client, provider and municipality: performed visits only",
        (("person", "person"),),
        ("visits",),
        (
            "provider_id",
            "municipality",
            "visits",
            "minutes",
            "first",
            "last",
            "by_month",
            "days",
        ),
        aggregated=True,
    ),
    Relationship(
        "WORKED_FOR",
        "made performed visits for the provider: one for each municipality",
        (("person", "organisation"),),
        ("visits",),
        ("municipality", "visits", "first", "last"),
        aggregated=True,
    ),
    Relationship(
        "CARED_FOR_BY",
        "had performed visits by the provider: one for each municipality",
        (("person", "organisation"),),
        ("visits",),
        ("municipality", "visits", "first", "last"),
        aggregated=True,
    ),
    Relationship(
        "SERVED_IN",
        "registered visits there, performed or not",
        (("organisation", "municipality"),),
        ("visits",),
        ("visits", "first", "last"),
        aggregated=True,
    ),
    Relationship(
        "ACTIVE_IN",
        "has a contract, enrolment, invoice or visit there; first and last of its visits, "
        "invoices and payments, where there are any",
        (("organisation", "municipality"),),
        ("contracts", "enrolments", "invoices", "visits"),
        ("first", "last"),
        aggregated=True,
    ),
    Relationship(
        "CONTRACTED_BY",
        "has a contract with the municipality",
        (("organisation", "municipality"),),
        ("contracts",),
        ("service", "end_reason", "reference"),
    ),
    Relationship(
        "GOVERNS",
        "is the municipality in law",
        (("organisation", "municipality"),),
        ("municipalities",),
    ),
    Relationship(
        "SUBCONTRACTS_TO",
        "lets the other do a part",
        (("organisation", "organisation"),),
        ("subcontracts",),
        ("role",),
    ),
    Relationship(
        "PLACED_WITH",
        "is placed in the organisation's care",
        (("person", "organisation"),),
        ("placements",),
        ("reference",),
    ),
    Relationship(
        "ACTS_FOR",
        "may act or be paid for the client, or is a relative whose employment is approved; "
        "`role` says which",
        (("person", "person"),),
        ("mandates",),
        ("role",),
    ),
    Relationship(
        "UNDER_BAN",
        "may not trade",
        (("person", "ban"),),
        ("trading_bans",),
    ),
    Relationship(
        "CHANGED",
        "changed in the register",
        (("organisation", "change"),),
        ("organisation_changes",),
        ("first", "last"),
    ),
    Relationship(
        "REVIEWED",
        "was followed up",
        (("organisation", "review"),),
        ("quality_reviews",),
        ("first", "last"),
    ),
    Relationship(
        "USES_LOGIN",
        "holds the login by the register, or registered visits under one that the register "
        "does not give to that person (aggregated, with `visits`)",
        (("person", "login"),),
        ("logins", "visits"),
        ("provider_id", "visits", "first", "last"),
        aggregated=True,
    ),
    Relationship(
        "SIGNED_IN_ON",
        "the login was used on the device: login events, or visits where there are none",
        (("login", "device"),),
        ("login_events", "visits"),
        ("events", "visits", "first", "last"),
        aggregated=True,
    ),
    Relationship("HAS_TAG", "has the tag at home", (("person", "tag"),), ("tags",)),
    Relationship(
        "RESIDES_AT",
        "lives or lived there; never of a person with protected identity",
        (("person", "address"),),
        ("residences", "persons"),
    ),
    Relationship(
        "REGISTERED_AT",
        "has its registered address there",
        (("organisation", "address"),),
        ("organisations",),
    ),
    Relationship(
        "REACHED_AT",
        "gives this telephone or e-mail; never of a person with protected identity",
        tuple((party, contact) for party in _PARTIES for contact in ("phone", "email")),
        ("organisations", "persons"),
    ),
    Relationship(
        "HOLDS_ACCOUNT",
        "holds the account by the register (role registered); or, where the register does not "
        "tell, asks to be paid there (invoiced) or is paid there or pays from it (paid), "
        "unless the account is a factor's",
        tuple((party, "account") for party in _PARTIES),
        ("accounts", "invoices", "payments"),
        ("role", "purpose", "payments", "first", "last"),
        aggregated=True,
    ),
    Relationship(
        "HOLDS_PERMIT",
        "has the permit, in the status that `role` names",
        (("organisation", "permit"),),
        ("permits",),
        ("role", "places", "service"),
    ),
    Relationship(
        "DECIDED_FOR",
        "grants care to the client",
        (("decision", "person"),),
        ("decisions",),
        ("municipality", "service"),
    ),
    Relationship(
        "INVOICED",
        "billed the invoice",
        (("organisation", "invoice"),),
        ("invoices",),
        ("municipality", "amount", "currency", "first", "last"),
    ),
    Relationship(
        "BILLED_FOR",
        "bills care of the client; a line without a day counts on the first day of the period",
        (("invoice", "person"),),
        ("invoice_lines",),
        ("amount", "currency", "first", "last", "days", "amounts"),
        aggregated=True,
    ),
    Relationship(
        "PAYABLE_TO",
        "asks to be paid on the account",
        (("invoice", "account"),),
        ("invoices",),
        ("first", "last"),
    ),
    Relationship(
        "SETTLES",
        "pays the invoice",
        (("payment", "invoice"),),
        ("payments",),
        ("first", "last"),
    ),
    Relationship(
        "PAID_TO",
        "the payment went to the account and to the party, each where it is told",
        tuple(("payment", end) for end in _MONEY_ENDS),
        ("payments",),
        ("amount", "currency", "first", "last"),
    ),
    Relationship(
        "TRANSFERRED_TO",
        "one for each payer, payee and currency: the account where it is told, else the party",
        tuple((source, target) for source in _MONEY_ENDS for target in _MONEY_ENDS),
        ("payments",),
        ("payments", "amount", "currency", "first", "last"),
        aggregated=True,
    ),
    Relationship(
        "SAME_AS",
        "one person or firm under two numbers or spellings, as likely as `probability` says, made "
        "after the other relationships; stored once, the lower node first; both records are kept, "
        "and a link that people undo is left out of the next run (docs/resolution.md)",
        tuple((party, party) for party in _PARTIES),
        ("persons", "organisations"),
        ("weight", "probability"),
    ),
)

#: Label of each kind that is not a role.
KINDS: Final[Mapping[str, Label]] = MappingProxyType(
    {label.kind: label for label in LABELS if not label.role}
)

#: The SQL files beside this one, in the order in which they run: what others read comes first.
DERIVATIONS: Final = (
    "macros",
    "ties",
    "mentions",
    "owns",
    "officer_of",
    "employed_by",
    "enrolled_with",
    "visited",
    "worked_for",
    "cared_for_by",
    "served_in",
    "active_in",
    "uses_login",
    "signed_in_on",
    "has_tag",
    "resides_at",
    "registered_at",
    "reached_at",
    "holds_account",
    "holds_permit",
    "decided_for",
    "contracted_by",
    "governs",
    "subcontracts_to",
    "placed_with",
    "acts_for",
    "under_ban",
    "changed",
    "reviewed",
    "invoiced",
    "billed_for",
    "payable_to",
    "settles",
    "paid_to",
    "transferred_to",
    "organisations",
    "persons",
    "addresses",
    "contacts",
    "identifiers",
    "municipalities",
    "events",
    "documents",
    "finish",
)
