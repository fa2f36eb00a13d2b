"""The monthly review of the log (loggkontroll): what each one read, when, and without a case.

Counted in the database, whatever the month's size. Months and hours are Stockholm's. Whom it
tells of, and of what they read, stands by the same opaque names as in the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, Select, Text, cast, distinct, func, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from graph_service.access import table
from graph_service.access.table import Shows
from graph_service.casework.audit.entry import Outcome
from graph_service.casework.audit.reading import Wanted
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.database import Database
from graph_service.casework.people import KeyRow, UserRow
from graph_service.errors import UsageError

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
#: Working hours: 06:00–19:00 on weekdays. Public holidays count as weekdays.
OPENS: Final = 6
CLOSES: Final = 19
_SATURDAY: Final = 5
#: How many of the references that were read most are told.
MOST_READ: Final = 20
_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_SIGN_IN: Final = "session.open"
_DATA: Final = frozenset({Shows.PROVIDERS, Shows.PERSONS, Shows.CASEWORK, Shows.INCIDENTS})
_PERSONS: Final = "person:"
#: Of `2026-03-01T12:30:…` the hour, within which Stockholm's hour does not change.
_HOUR: Final = 13


@dataclass(frozen=True, slots=True)
class Line:
    """What one person or robot did in the month; `-` is everybody who was not signed in.

    `acts` are all entries. `reads` are answers that may hold data, and of these: `searches` for a
    name, `out_of_hours` ones, and `without_case` those that may hold persons and were outside any
    case. `persons` are different persons read of, `persons_in_case` those within a case, where the
    case's own are shown in clear. `refusals` are of all but sign-in, `failures` of sign-in.
    """

    user_id: str
    name: str | None
    acts: int
    reads: int
    searches: int
    persons: int
    persons_in_case: int
    without_case: int
    out_of_hours: int
    refusals: int
    failures: int


@dataclass(frozen=True, slots=True)
class MostRead:
    """A person, firm or finding, in how many answers it stood, and how many read of it."""

    reference: str
    reads: int
    readers: int


@dataclass(frozen=True, slots=True)
class Report:
    """One month, from `since` and before `until`; `unknown_failures` are of names nobody has."""

    month: str
    since: datetime
    until: datetime
    entries: int
    failures: int
    unknown_failures: int
    people: Sequence[Line]
    most_read: Sequence[MostRead]


def report(database: Database, month: str) -> Report:
    """The review of a month such as `2026-11`."""
    since, until = _bounds(month)
    month_of = Wanted(since=since, until=until).narrow
    with database.reading() as session:
        acts = _acts(session, month_of)
        told = _told(on_sqlite=database.is_sqlite)
        failures = _failures(session, month_of, told)
        persons = _persons(session, month_of, told)
        in_case = _persons(session, month_of, told, AuditRow.case_id.is_not(None))
        most_read = _most_read(session, month_of, told)
        names = _names(session)
    refused = sum(act.n for act in acts if act.action == _SIGN_IN and act.is_refused)
    return Report(
        month=month,
        since=since,
        until=until,
        entries=sum(act.n for act in acts),
        failures=refused,
        unknown_failures=refused - sum(failures.values()),
        people=[
            _line(
                user_id,
                names.get(user_id),
                [act for act in acts if act.user_id == user_id],
                persons=persons.get(user_id, 0),
                persons_in_case=in_case.get(user_id, 0),
                failures=failures.get(user_id, 0),
            )
            for user_id in sorted({act.user_id for act in acts} | failures.keys())
        ],
        most_read=most_read,
    )


def out_of_hours(moment: datetime) -> bool:
    """Whether it is outside Stockholm's working hours."""
    local = moment.astimezone(STOCKHOLM)
    return local.weekday() >= _SATURDAY or not OPENS <= local.hour < CLOSES


@dataclass(frozen=True, slots=True)
class _Act:
    """How often one did one thing within one hour (UTC), in a case or outside."""

    user_id: str
    action: str
    outcome: str
    in_case: bool
    hour: str
    n: int

    @property
    def is_refused(self) -> bool:
        return self.outcome == Outcome.REFUSED

    @property
    def is_read(self) -> bool:
        """Whether an answer was given that may hold data."""
        return self.outcome == Outcome.ANSWERED and self.shows in _DATA

    @property
    def shows(self) -> Shows | None:
        """What the operation may show; None for what is done at the terminal."""
        known = table.operations().get(self.action)
        return None if known is None else known.shows

    @property
    def is_out_of_hours(self) -> bool:
        return out_of_hours(datetime.fromisoformat(f"{self.hour}:00:00+00:00"))


_Query = Select[*tuple[Any, ...]]
_Narrow = Callable[[_Query], _Query]


def _acts(session: Session, month_of: _Narrow) -> Sequence[_Act]:
    hour = func.substr(AuditRow.at, 1, _HOUR, type_=Text).label("hour")
    keys = (AuditRow.user_id, AuditRow.action, AuditRow.outcome, AuditRow.case_id.is_not(None))
    asked = month_of(select(*keys, hour, func.count())).group_by(*keys, "hour")
    return [
        _Act(row[0], row[1], row[2], bool(row[3]), row[4], row[5]) for row in session.execute(asked)
    ]


def _line(
    user_id: str,
    name: str | None,
    acts: Sequence[_Act],
    *,
    persons: int,
    persons_in_case: int,
    failures: int,
) -> Line:
    def count(counts: Callable[[_Act], bool]) -> int:
        return sum(act.n for act in acts if counts(act))

    return Line(
        user_id=user_id,
        name=name,
        acts=count(lambda act: True),
        reads=count(lambda act: act.is_read),
        searches=count(lambda act: act.is_read and act.action.endswith(".search")),
        persons=persons,
        persons_in_case=persons_in_case,
        without_case=count(
            lambda act: act.is_read and act.shows is Shows.PERSONS and not act.in_case
        ),
        out_of_hours=count(lambda act: act.is_read and act.is_out_of_hours),
        refusals=count(lambda act: act.is_refused and act.action != _SIGN_IN),
        failures=failures,
    )


def _told(*, on_sqlite: bool) -> FromClause:
    """What each entry tells of, a row each: `value` holds `<kind>:<reference>`."""
    if on_sqlite:
        return func.json_each(AuditRow.what).table_valued("value", name="told")
    listed = func.jsonb_array_elements_text(cast(AuditRow.what, JSONB))
    return listed.table_valued("value").render_derived(name="told")


def _persons(
    session: Session, month_of: _Narrow, told: FromClause, *also: ColumnElement[bool]
) -> Mapping[str, int]:
    """How many different persons each one read of."""
    asked = (
        month_of(select(AuditRow.user_id, func.count(distinct(told.c.value))))
        .select_from(AuditRow)
        .join(told, true())
        .where(AuditRow.outcome == Outcome.ANSWERED, told.c.value.startswith(_PERSONS), *also)
        .group_by(AuditRow.user_id)
    )
    return {row[0]: row[1] for row in session.execute(asked)}


def _failures(session: Session, month_of: _Narrow, told: FromClause) -> Mapping[str, int]:
    """How often sign-in failed in each user's name."""
    asked = (
        month_of(select(told.c.value, func.count()))
        .select_from(AuditRow)
        .join(told, true())
        .where(AuditRow.action == _SIGN_IN, AuditRow.outcome == Outcome.REFUSED)
        .group_by(told.c.value)
    )
    return {row[0]: row[1] for row in session.execute(asked)}


def _most_read(session: Session, month_of: _Narrow, told: FromClause) -> Sequence[MostRead]:
    reads = func.count()
    data = [name for name, known in table.operations().items() if known.shows in _DATA]
    asked = (
        month_of(select(told.c.value, reads, func.count(distinct(AuditRow.user_id))))
        .select_from(AuditRow)
        .join(told, true())
        .where(AuditRow.outcome == Outcome.ANSWERED, AuditRow.action.in_(data))
        .group_by(told.c.value)
        .order_by(reads.desc(), told.c.value)
        .limit(MOST_READ)
    )
    return [MostRead(row[0], row[1], row[2]) for row in session.execute(asked)]


def _names(session: Session) -> Mapping[str, str]:
    """What users and keys are called now; people of a sign-in provider have no name here."""
    users = session.execute(select(UserRow.user_id, UserRow.name))
    keys = session.execute(select(KeyRow.key_id, KeyRow.name))
    return {identity: name for found in (users, keys) for identity, name in found}


def _bounds(month: str) -> tuple[datetime, datetime]:
    """From the month's first midnight in Stockholm and before the next one's."""
    match = _MONTH.fullmatch(month)
    if match is None:
        raise UsageError("A month is written like 2026-11.")
    year, number = int(match[1]), int(match[2])
    since = datetime(year, number, 1, tzinfo=STOCKHOLM)
    until = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=STOCKHOLM)
    return since.astimezone(UTC), until.astimezone(UTC)
