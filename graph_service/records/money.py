"""Money and follow-up: invoices, payments, reviews, tips."""

from __future__ import annotations

from typing import Final

from graph_service.records.columns import (
    INVOICES,
    OFFICIALS,
    enum,
    identifier,
    optional,
    optional_enum,
    organisation,
    person,
)
from graph_service.records.declaration import Column, Kind, Masking, Retention, Table

MONEY: Final = (
    Table(
        "invoices",
        "What providers bill the municipality.",
        (
            identifier("invoice_id", key=True),
            organisation(),
            Column("municipality", Kind.TEXT),
            Column("issued_on", Kind.DATE),
            Column("period_from", Kind.DATE),
            Column("period_to", Kind.DATE),
            Column("amount", Kind.MONEY),
            optional("currency", Kind.CURRENCY, default="SEK"),
            optional("unit", Kind.TEXT),
            optional("account", Kind.ACCOUNT),
            optional("factoring", Kind.BOOLEAN),
            person("ordered_by", required=False, refers_to=OFFICIALS),
            person("received_by", required=False, refers_to=OFFICIALS),
            person("approved_by", required=False, refers_to=OFFICIALS),
            optional("credit_of", Kind.ID, refers_to=INVOICES),
        ),
        Retention.MONEY,
        after=(("period_from", "period_to"),),
    ),
    Table(
        "invoice_lines",
        "The lines of invoices.",
        (
            identifier("invoice_id", key=True, refers_to=INVOICES),
            Column("line_no", Kind.INTEGER, key=True),
            person("client_id", required=False),
            Column("service", Kind.TEXT),
            optional("day", Kind.DATE),
            optional("hours", Kind.DECIMAL, low=0),
            optional("quantity", Kind.DECIMAL),
            optional_enum("unit", "hour", "day", "visit", "month", "piece"),
            optional("unit_price", Kind.MONEY),
            Column("amount", Kind.MONEY),
        ),
        Retention.MONEY,
    ),
    Table(
        "payments",
        "Payments that the municipality made or saw.",
        (
            identifier("payment_id", key=True),
            Column("paid_on", Kind.DATE),
            optional("payer_id", Kind.PARTY, masking=Masking.IDENTITY),
            optional("payer_account", Kind.ACCOUNT),
            optional("payee_id", Kind.PARTY, masking=Masking.IDENTITY),
            optional("payee_account", Kind.ACCOUNT),
            Column("amount", Kind.MONEY),
            optional("currency", Kind.CURRENCY, default="SEK"),
            optional_enum("purpose", "provider", "client_fee", "wages", "transfer"),
            person("client_id", required=False),
            optional("invoice_id", Kind.ID, refers_to=INVOICES),
            optional("reference", Kind.TEXT, masking=Masking.FREE_TEXT),
        ),
        Retention.MONEY,
    ),
)

FOLLOW_UP: Final = (
    Table(
        "officials",
        "The municipality's own officials.",
        (
            person(key=True),
            Column("municipality", Kind.TEXT),
            optional("unit", Kind.TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "incidents",
        "Threats, harassment and bribery against officials (otillåten påverkan).",
        (
            identifier("incident_id", key=True),
            Column("occurred_on", Kind.DATE),
            person("official_id", required=False, refers_to=OFFICIALS),
            organisation(required=False),
            enum("kind", "threat", "harassment", "bribery", "other"),
            optional("note", Kind.TEXT, masking=Masking.FREE_TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "tips",
        "What the public and staff have told.",
        (
            identifier("tip_id", key=True),
            Column("received_on", Kind.DATE),
            enum("channel", "phone", "web", "letter", "staff"),
            enum("about_kind", "organisation", "person"),
            Column("about_id", Kind.PARTY, kind_column="about_kind", masking=Masking.IDENTITY),
            optional("credibility", Kind.INTEGER, low=1, high=5),
            optional("text", Kind.TEXT, masking=Masking.FREE_TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "quality_reviews",
        "Follow-ups of a provider's quality.",
        (
            identifier("review_id", key=True),
            organisation(),
            Column("reviewed_on", Kind.DATE),
            enum("outcome", "passed", "remarks", "failed"),
        ),
        Retention.FOLLOW_UP,
    ),
    Table(
        "background_checks",
        "That a background check was done, never what it said.",
        (
            identifier("check_id", key=True),
            person(),
            organisation(required=False),
            Column("done_on", Kind.DATE),
            Column("basis", Kind.TEXT),
        ),
        Retention.FOLLOW_UP,
    ),
)
