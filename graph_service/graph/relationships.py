"""The relationship types: between what, on which record tables, and which properties each has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


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
