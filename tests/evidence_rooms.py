"""One town in which every room fires: the first case of each that finds something, side by side.

Each case is moved to a municipality of its own, with firms, persons and papers of its own, so
that none explains another's. Persons have the numbers that real ones would have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from graph_service import identity
from graph_service.access.sight import Sights
from graph_service.casework.case_file import Subject
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.cases import Cases
from graph_service.casework.database import open_database
from graph_service.home import Home
from graph_service.records import TABLES, Column, Kind
from graph_service.results.subjects import finding_seen
from graph_service.room import Room
from graph_service.run import run
from graph_service.run_file import RunFile, RunFolder
from tests.casework import Clock, opened
from tests.evidence_case import ROOMS, Town
from tests.house import House, organisation, person
from tests.test_rooms import cases

AS_OF: Final = date(2025, 9, 30)
#: The case of overlapping_visits once more, with one of its two clients protected.
PROTECTED: Final = "protected"
Rows = dict[str, list[dict[str, Any]]]


class Move:
    """Gives each case's values names of their own; equal ones stay equal within a case."""

    def __init__(self) -> None:
        self._named: dict[tuple[int, str, str], str] = {}
        self._count: dict[str, int] = {}

    def row(self, case: int, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(case, TABLES[table][name], row[name]) for name in row}

    def _value(self, case: int, column: Column, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return {None: None, True: "true", False: "false"}[value]
        text = str(value)
        if column.name == "municipality":
            return f"{1000 + case}"
        if column.kind is Kind.ID:
            return f"{case}-{text}"
        if column.kind in (Kind.PERSON, Kind.ORGANISATION, Kind.PARTY):
            return self._own(case, "person" if ":" in text else "organisation", text)
        # One number is written in several ways.
        known = identity.phone(text) if column.kind is Kind.PHONE else None
        return self._own(case, column.kind.value, known or text)

    def _own(self, case: int, kind: str, text: str) -> str:
        made = _MADE.get(kind)
        if made is None:
            return text
        if (case, kind, text) not in self._named:
            self._count[kind] = self._count.get(kind, 0) + 1
            self._named[case, kind, text] = made(self._count[kind], text)
        return self._named[case, kind, text]


_MADE: Final[Mapping[str, Callable[[int, str], str]]] = {
    "person": lambda n, _: person(n),
    "organisation": lambda n, _: organisation(n),
    "phone": lambda n, _: f"070-1740{605 + n}",
    "email": lambda n, text: f"n{n}.{text}",
    "postcode": lambda n, _: f"99{100 + n}",
}


def told() -> Rows:
    """The rows of the town, by table."""
    moved, rows = Move(), Rows()
    given = [(room.name, _first(room)) for room in ROOMS]
    hidden = dict(given)["overlapping_visits"]
    one, *others = hidden["persons"]
    given.append((PROTECTED, {**hidden, "persons": [{**one, "protection": "marked"}, *others]}))
    for number, (_, of_case) in enumerate(given):
        for table, there in of_case.items():
            rows.setdefault(table, []).extend(moved.row(number, table, row) for row in there)
    return rows


def _first(room: Room) -> dict[str, Any]:
    first: dict[str, Any] = next(case for case in cases(room).values() if case.get("expect"))
    given: dict[str, Any] = first["given"]
    return given


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """The town loaded and run, and a case about all that the rooms found there."""
    house = House(folder)
    outcome = house.load(*(house.give(f"{table}.csv", rows) for table, rows in told().items()))
    assert outcome.exit_code == 0, house.reasons(outcome)
    made = run(house.home, ROOMS, clock=house.clock, memory="1GiB", as_of=AS_OF).run
    (house.home.runs / "current").write_text(f"{made.run_id}\n", encoding="utf-8")
    clock = Clock()
    with open_database(house.home, None) as database:
        case = opened(Cases(database, clock=clock), about=_found(house.home, made))
        yield Town(house, database, clock, case)


def about_one(town: Town, detector: str) -> Town:
    """The same town with a case about the findings of one room."""
    made = RunFolder(town.home).all()[-1]
    about = _found(town.home, made, detector)
    return replace(town, case=opened(Cases(town.database, clock=town.clock), about=about))


def _found(home: Home, made: RunFile, detector: str | None = None) -> list[Subject]:
    seen = Sights(home).of(made, units=None, insiders=False)
    about = []
    with seen.open() as engine:
        for row in seen.rows("findings", order="finding_id", where={"detector": detector}):
            found = finding_seen(engine, row["finding_id"])
            assert found is not None
            kind = LinkKind.FINDING
            about.append(Subject(kind, row["finding_id"], found.subjects, made.run_id))
    return about
