"""The labels of nodes: what each stands for, and which properties it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Label:
    """One label. `kind` is that of its nodes; `role` labels stand beside the kind's own."""

    name: str
    kind: str
    means: str
    properties: tuple[str, ...] = ()
    role: bool = False


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

#: Label of each kind that is not a role.
KINDS: Final[Mapping[str, Label]] = MappingProxyType(
    {label.kind: label for label in LABELS if not label.role}
)
