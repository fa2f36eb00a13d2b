"""The monthly review: counted by the database as a slow reading of every entry counts it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from graph_service.access import table
from graph_service.access.table import Shows
from graph_service.casework.audit.entry import NOBODY, Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.audit.report import MOST_READ, Line, out_of_hours, report
from graph_service.casework.database import Database
from graph_service.casework.users import Users
from graph_service.errors import UsageError
from tests.logs import entry, write

STOCKHOLM = ZoneInfo("Europe/Stockholm")
DATA = {Shows.PROVIDERS, Shows.PERSONS, Shows.CASEWORK, Shows.INCIDENTS}
ACTIONS = ("providers.read", "network.search", "findings.rows", "cases.read", "users.change",
           "session.open", "audit.read", "cli.case.show")  # fmt: skip


def entries(number: int) -> list[Entry]:
    """A year's entries at random moments, of few users, actions and references."""
    drawn = random.Random(6)
    made = []
    for _ in range(number):
        action = drawn.choice(ACTIONS)
        outcome = drawn.choice(list(Outcome))
        told: dict[str, Any] = {
            "at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=drawn.randrange(525_600)),
            "user_id": f"user:{drawn.randrange(4)}",
            "what": tuple(
                f"{drawn.choice(['person', 'organisation', 'finding'])}:{drawn.randrange(40)}"
                for _ in range(drawn.randrange(4))
            ),
            "case_id": drawn.choice([None, "case-1"]),
        }
        if action == "session.open" and outcome is Outcome.REFUSED:
            told |= {"user_id": NOBODY, "what": drawn.choice([(), ("user:2",), ("user:9",)])}
        made.append(entry(action=action, outcome=outcome, **told))
    return made


def slowly(made: list[Entry], year: int, month: int) -> dict[str, Line]:
    """One entry after the other."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    persons, in_case = defaultdict(set), defaultdict(set)
    for each in made:
        local = each.at.astimezone(STOCKHOLM)
        if (local.year, local.month) != (year, month):
            continue
        count = counts[each.user_id]
        count["acts"] += 1
        known = table.operations().get(each.action)
        read = each.outcome is Outcome.ANSWERED and known is not None and known.shows in DATA
        if each.outcome is Outcome.ANSWERED:
            for told in each.what:
                if told.startswith("person:"):
                    persons[each.user_id].add(told)
                    if each.case_id is not None:
                        in_case[each.user_id].add(told)
        if read and known is not None:
            count["reads"] += 1
            count["searches"] += each.action.endswith(".search")
            count["without_case"] += known.shows is Shows.PERSONS and each.case_id is None
            early_or_late = local.hour < 6 or local.hour >= 19
            count["out_of_hours"] += local.weekday() in (5, 6) or early_or_late
        if each.outcome is Outcome.REFUSED:
            if each.action != "session.open":
                count["refusals"] += 1
            else:
                for user_id in each.what:
                    counts[user_id]["failures"] += 1
    return {
        user_id: Line(
            user_id,
            None,
            acts=count["acts"],
            reads=count["reads"],
            searches=count["searches"],
            persons=len(persons[user_id]),
            persons_in_case=len(in_case[user_id]),
            without_case=count["without_case"],
            out_of_hours=count["out_of_hours"],
            refusals=count["refusals"],
            failures=count["failures"],
        )
        for user_id, count in counts.items()
    }


@pytest.mark.parametrize("month", [3, 6, 10])
def test_the_review_counts_as_a_slow_reading_does(
    month: int, database: Database, tmp_path: Path
) -> None:
    """March and October hold a change of the clock."""
    made = entries(2500)
    write_together(database, tmp_path, made)
    told = report(database, f"2026-{month:02}")
    expected = slowly(made, 2026, month)
    assert {line.user_id: line for line in told.people} == expected
    assert told.entries == sum(line.acts for line in expected.values())
    assert any(line.out_of_hours for line in told.people)
    reads: Counter[str] = Counter()
    readers = defaultdict(set)
    for each in made:
        known = table.operations().get(each.action)
        answered = known is not None and known.shows in DATA and each.outcome is Outcome.ANSWERED
        if answered and each.at.astimezone(STOCKHOLM).month == month:
            reads.update(each.what)
            for reference in each.what:
                readers[reference].add(each.user_id)
    most = sorted(reads.items(), key=lambda item: (-item[1], item[0]))[:MOST_READ]
    assert [(each.reference, each.reads) for each in told.most_read] == most
    assert all(each.readers == len(readers[each.reference]) for each in told.most_read)


def test_failed_sign_ins_are_told_by_whose_name_it_was(database: Database, tmp_path: Path) -> None:
    users = Users(database, clock=lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))
    anna = users.add("anna", "fyra ord av slumpen", ["reviewer"], None)
    refused: dict[str, Any] = {
        "user_id": NOBODY,
        "action": "session.open",
        "outcome": Outcome.REFUSED,
        "status": 401,
    }
    write(
        database,
        tmp_path,
        [
            entry(0, **refused, what=(anna.user_id,)),
            entry(1, **refused, what=(anna.user_id,)),
            entry(2, **refused, what=()),
        ],
    )
    told = report(database, "2026-03")
    lines = {line.user_id: line for line in told.people}
    assert (told.failures, told.unknown_failures) == (3, 1)
    assert (lines[anna.user_id].name, lines[anna.user_id].failures) == ("anna", 2)
    assert lines[NOBODY].acts == 3


def test_a_month_is_stockholms(database: Database, tmp_path: Path) -> None:
    first = datetime(2026, 7, 1, tzinfo=STOCKHOLM).astimezone(UTC)
    moments = [first - timedelta(microseconds=1), first, first + timedelta(days=31)]
    write(database, tmp_path, [entry(at=moment) for moment in moments])
    told = {month: report(database, month).entries for month in ("2026-06", "2026-07", "2026-08")}
    assert told == {"2026-06": 1, "2026-07": 1, "2026-08": 1}


@pytest.mark.parametrize(
    ("local", "outside"),
    [
        ("2026-03-02T05:59", True),
        ("2026-03-02T06:00", False),
        ("2026-03-02T18:59", False),
        ("2026-03-02T19:00", True),
        ("2026-03-07T12:00", True),
        ("2026-03-08T12:00", True),
        ("2026-07-01T06:00", False),
    ],
)
def test_working_hours_are_those_of_weekdays_in_stockholm(local: str, outside: bool) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=STOCKHOLM)
    assert out_of_hours(moment.astimezone(UTC)) == outside


def test_what_is_no_month_is_refused(database: Database) -> None:
    for month in ("2026", "2026-13", "2026-1", "26-01", "2026-01-01", "", "0000-01", "2026-11\n"):
        with pytest.raises(UsageError, match="2026-11"):
            report(database, month)


def test_december_ends_with_the_year(database: Database) -> None:
    assert report(database, "2026-12").until == datetime(2026, 12, 31, 23, tzinfo=UTC)


def write_together(database: Database, folder: Path, made: list[Entry]) -> None:
    """As many users at once would."""

    async def several(log: AuditLog) -> None:
        await asyncio.gather(*(log.write_soon(each) for each in made))

    with AuditLog(database, folder) as log:
        asyncio.run(several(log))
