"""Work and care: employments, logins, decisions, enrolments, visits, placements."""

from __future__ import annotations

from typing import Final

from graph_service.records.columns import (
    VALID,
    VALID_KEY,
    VALID_OPEN,
    VALID_OPEN_KEY,
    VALIDITY,
    enum,
    identifier,
    optional,
    optional_enum,
    organisation,
    person,
)
from graph_service.records.declaration import Column, Kind, Masking, Retention, Table

WORK_AND_CARE: Final = (
    Table(
        "employments",
        "Who is employed where, and when.",
        (
            organisation(key=True),
            person(key=True),
            *VALID_KEY,
            optional("title", Kind.TEXT),
            optional("hours_per_week", Kind.DECIMAL, low=0, high=168),
        ),
        Retention.WORK,
        after=VALIDITY,
    ),
    Table(
        "logins",
        "Personal logins to the visit system.",
        (
            identifier("login_id", key=True),
            organisation(),
            person(),
            *VALID_OPEN,
        ),
        Retention.WORK,
        after=VALIDITY,
    ),
    Table(
        "login_events",
        "Sign-ins, sign-outs and tag scans.",
        (
            identifier("event_id", key=True),
            identifier("login_id", refers_to=("logins", "login_id")),
            optional("device_id", Kind.ID),
            optional("tag_id", Kind.ID, refers_to=("tags", "tag_id")),
            optional("ip", Kind.IP, masking=Masking.CONTACT),
            Column("at", Kind.TIMESTAMP),
            enum("event", "sign_in", "sign_out", "scan"),
        ),
        Retention.VISITS,
    ),
    Table(
        "tags",
        "Tags on clients' door posts.",
        (
            identifier("tag_id", key=True),
            person("client_id", key=True),
            *VALID_OPEN_KEY,
        ),
        Retention.CARE,
        after=VALIDITY,
    ),
    Table(
        "decisions",
        "What a client has been granted.",
        (
            identifier("decision_id", key=True),
            person("client_id"),
            Column("municipality", Kind.TEXT),
            Column("service", Kind.TEXT),
            Column("hours_per_month", Kind.DECIMAL, low=0),
            optional("double_staffed", Kind.BOOLEAN),
            *VALID,
            person("official_id", required=False, refers_to=("officials", "person_id")),
            optional("unit", Kind.TEXT),
        ),
        Retention.CARE,
        after=VALIDITY,
    ),
    Table(
        "enrolments",
        "Which provider serves a client.",
        (
            person("client_id", key=True),
            organisation(key=True),
            Column("municipality", Kind.TEXT),
            Column("service", Kind.TEXT, key=True),
            *VALID_KEY,
            optional_enum(
                "end_reason", "client_choice", "deceased", "moved", "provider_exit", "other"
            ),
        ),
        Retention.CARE,
        after=VALIDITY,
    ),
    Table(
        "visits",
        "Visits as they were registered.",
        (
            identifier("visit_id", key=True),
            Column("municipality", Kind.TEXT),
            organisation(),
            person("worker_id"),
            person("client_id"),
            Column("service", Kind.TEXT),
            optional("planned_start", Kind.TIMESTAMP),
            optional("planned_end", Kind.TIMESTAMP),
            Column("start", Kind.TIMESTAMP),
            Column("end", Kind.TIMESTAMP),
            optional_enum("start_method", "tag", "app", "manual", "admin"),
            optional_enum("end_method", "tag", "app", "manual", "admin"),
            optional("tag_id", Kind.ID, refers_to=("tags", "tag_id")),
            optional("device_id", Kind.ID),
            optional("login_id", Kind.ID, refers_to=("logins", "login_id")),
            optional_enum(
                "status", "performed", "declined", "cancelled", "absent", default="performed"
            ),
            optional("double_staffed", Kind.BOOLEAN),
            optional("group_visit", Kind.BOOLEAN),
            optional("note", Kind.TEXT, masking=Masking.FREE_TEXT),
            optional("created_at", Kind.TIMESTAMP),
            optional("edited_at", Kind.TIMESTAMP),
            optional("edited_by", Kind.TEXT, masking=Masking.IDENTITY),
            optional("original_start", Kind.TIMESTAMP),
            optional("original_end", Kind.TIMESTAMP),
            optional("decision_id", Kind.ID, refers_to=("decisions", "decision_id")),
        ),
        Retention.VISITS,
        after=(("planned_start", "planned_end"), ("start", "end")),
    ),
    Table(
        "absences",
        "When a client was away from home.",
        (
            identifier("absence_id", key=True),
            person("client_id"),
            enum("kind", "hospital", "short_term", "travel", "other"),
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
            identifier("placement_id", key=True),
            person("client_id"),
            organisation(),
            Column("start", Kind.DATE),
            optional("end", Kind.DATE),
            optional("day_rate_sek", Kind.MONEY, low=0),
        ),
        Retention.CARE,
        after=(("start", "end"),),
    ),
    Table(
        "fees",
        "What a client pays.",
        (
            person("client_id", key=True),
            *VALID_KEY,
            optional("hourly_fee_sek", Kind.MONEY, low=0),
            optional("monthly_cap_sek", Kind.MONEY, low=0),
        ),
        Retention.MONEY,
        after=VALIDITY,
    ),
)
