"""What the tests of casework share: a clock, people of every role, and a case."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from graph_service.access.table import Caller, Role
from graph_service.casework.case_file import CaseFile, Subject
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.cases import Cases

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Clock:
    """One second passes with every look at it; a test may let more pass."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


def somebody(name: str, *roles: Role, units: Collection[str] | None = None) -> Caller:
    seen = None if units is None else frozenset(units)
    return Caller(name, name.title(), frozenset(roles or (Role.REVIEWER,)), seen)


ANNA, BO = somebody("anna"), somebody("bo")
COORDINATOR = somebody("cia", Role.COORDINATOR)
LAWYER = somebody("lars", Role.LAWYER)
SECURITY = somebody("siv", Role.SECURITY)


def opened(
    cases: Cases,
    caller: Caller = ANNA,
    *,
    title: str = "Uppslag",
    about: Collection[Subject] = (),
    restricted: bool = False,
) -> CaseFile:
    return cases.open(
        caller,
        title=title,
        purpose="Kontroll före utbetalning",
        legal_ground="KL 10 kap. 8 §",
        about=about,
        restricted=restricted,
    )


def entity(reference: str, *, insider: bool = False) -> Subject:
    return Subject(LinkKind.ENTITY, reference, insider=insider)


def finding(finding_id: str, *subjects: str, run_id: str | None = None) -> Subject:
    return Subject(LinkKind.FINDING, finding_id, frozenset(subjects), run_id)
