"""The records as the world stood at the end of one Stockholm day.

What starts later is unseen, later ends are open, and what a later end says goes with it. The
views made here stand between the records as known (`known.<table>`) and every query. When a
row was *told* is another matter: that is `known_by`, and the lake's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError
from graph_service.records import TABLES, Kind, Table


@dataclass(frozen=True, slots=True)
class Course:
    """How the rows of one table lie in time.

    `start` is the day or moment from which a row is seen; without a value it always is.
    `occurs` says that the start is something that happened, never a plan told ahead.
    `until_told` names columns that are unknown until a date beside them has come: of the
    dates given, the first that has a value decides. `within` is (table, column) of a row
    that must be seen for this one to be.
    """

    start: str | None = None
    occurs: bool = False
    until_told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    within: tuple[str, str] | None = None


_VALID: Final = Course("valid_from", until_told={"valid_to": ("valid_to",)})
_VALID_WITH_REASON: Final = Course(
    "valid_from", until_told={"valid_to": ("valid_to",), "end_reason": ("valid_to",)}
)
_ALWAYS: Final = Course()


def _on(start: str) -> Course:
    return Course(start, occurs=True)


#: Every table of the contract. A visit and an absence are seen whole from their start: their
#: end is a part of the one event, and no column of theirs may be empty.
COURSES: Final[Mapping[str, Course]] = MappingProxyType(
    {
        "organisations": Course(
            "registered_on",
            until_told={
                "deregistered_on": ("deregistered_on",),
                "status": ("status_on", "deregistered_on"),
                "status_on": ("status_on",),
            },
        ),
        "organisation_changes": _on("changed_on"),
        "persons": Course(until_told={"deceased_on": ("deceased_on",)}),
        "residences": _VALID,
        "mandates": _VALID,
        "officers": _VALID,
        "owners": _VALID,
        "permits": _VALID,
        "contracts": _VALID_WITH_REASON,
        "subcontracts": _VALID,
        "municipalities": _ALWAYS,
        "services": _ALWAYS,
        "trading_bans": _VALID,
        "accounts": _VALID,
        "employments": _VALID,
        "logins": _VALID,
        "login_events": _on("at"),
        "tags": _VALID,
        "decisions": _VALID,
        "enrolments": _VALID_WITH_REASON,
        "visits": _on("start"),
        "absences": _on("start"),
        "placements": Course("start", until_told={"end": ("end",)}),
        "fees": _VALID,
        "invoices": _on("issued_on"),
        "invoice_lines": Course("day", within=("invoices", "invoice_id")),
        "payments": _on("paid_on"),
        "officials": _ALWAYS,
        "incidents": _on("occurred_on"),
        "tips": _on("received_on"),
        "quality_reviews": _on("reviewed_on"),
        "background_checks": _on("done_on"),
    }
)

#: Dates that are facts of a register, though no row starts with them.
_FACTS: Final = (
    ("organisations", "deregistered_on"),
    ("organisations", "status_on"),
    ("persons", "deceased_on"),
)

_ZONE: Final = "'Europe/Stockholm'"
_DAY: Final = "getvariable('as_of')"


def open_views(engine: Engine, as_of: date) -> None:
    """Create a temporary view of each record table, as of the end of `as_of` in Stockholm.

    The views read schema `known`. The parameters travel as session variables, because a view
    cannot hold one.
    """
    day = {"as_of": as_of}
    engine.execute("SET VARIABLE as_of = CAST($as_of AS DATE)", day)
    engine.execute(
        f"SET VARIABLE seen_before = timezone({_ZONE}, CAST($as_of AS DATE) + INTERVAL 1 DAY)",
        day,
    )
    for table in TABLES.values():
        engine.execute(f'CREATE OR REPLACE TEMP VIEW "{table.name}" AS {_select(table)}')


def last_event(engine: Engine, *, told_on: date) -> date | None:
    """The last Stockholm date on which anything known happened; None when nothing did.

    What happened counts whenever it is dated: visits, payments, incidents. The start of a
    validity and a date in a register count up to `told_on`, the day the newest of the records
    arrived, since a later one is a plan. Ends of validity never count.
    """
    dates = " UNION ALL ".join(_last_dates())
    found = engine.value(f"SELECT max(day) FROM ({dates})", {"told_on": told_on})
    return found if isinstance(found, date) else None


def _last_dates() -> Iterator[str]:
    for name, course in COURSES.items():
        if course.start is not None:
            column = _column(TABLES[name], course.start)
            told = "" if course.occurs else f" WHERE {column} <= $told_on"
            last = f"max({column})"
            if TABLES[name][course.start].kind is Kind.TIMESTAMP:
                last = f"CAST(timezone({_ZONE}, {last}) AS DATE)"
            yield f'SELECT {last} AS day FROM known."{name}"{told}'
    for name, column in _FACTS:
        yield f'SELECT max("{column}") FROM known."{name}" WHERE "{column}" <= $told_on'


def _select(table: Table) -> str:
    course = COURSES.get(table.name)
    if course is None:
        raise DeclarationError(
            f"Table {table.name} has no course in time. Declare when its rows start in as_of.py."
        )
    replaced = ", ".join(
        f"CASE WHEN coalesce({_columns(table, dates)}, {_DAY}) <= {_DAY} "
        f'THEN "{told}" END AS "{told}"'
        for told, dates in course.until_told.items()
    )
    columns = f"* REPLACE ({replaced})" if replaced else "*"
    wheres = []
    if course.start is not None:
        start = _column(table, course.start)
        bound = f"<= {_DAY}"
        if table[course.start].kind is Kind.TIMESTAMP:
            bound = "< getvariable('seen_before')"
        wheres.append(f"({start} IS NULL OR {start} {bound})")
    if course.within is not None:
        wheres.append(_is_within(*course.within))
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    return f'SELECT {columns} FROM known."{table.name}"{where}'


def _is_within(table: str, key: str) -> str:
    start = _column(TABLES[table], COURSES[table].start or "")
    return f'"{key}" NOT IN (SELECT "{key}" FROM known."{table}" WHERE {start} > {_DAY})'


def _column(table: Table, name: str) -> str:
    return f'"{table[name].name}"'


def _columns(table: Table, names: tuple[str, ...]) -> str:
    return ", ".join(_column(table, name) for name in names)
