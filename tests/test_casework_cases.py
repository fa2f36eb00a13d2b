"""Cases: who meets them, how they move, and that two who write at once lose nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from graph_service.access.table import Caller, Role
from graph_service.casework.case_file import CaseFile, Outline, Subject
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database
from graph_service.errors import NotThere

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Clock:
    """One second passes with every look at it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def somebody(name: str, *roles: Role) -> Caller:
    return Caller(name, name.title(), frozenset(roles or (Role.REVIEWER,)))


ANNA, BO = somebody("anna"), somebody("bo")
COORDINATOR = somebody("cia", Role.COORDINATOR)
LAWYER = somebody("lars", Role.LAWYER)
SECURITY = somebody("siv", Role.SECURITY)


@pytest.fixture
def cases(database: Database) -> Cases:
    return Cases(database, clock=Clock())


def opened(cases: Cases, caller: Caller = ANNA, **given: object) -> CaseFile:
    texts = {"title": "Uppslag", "purpose": "Kontroll", "legal_ground": "SoL 2025:400"}
    return cases.open(caller, **{**texts, **given})  # type: ignore[arg-type]


def test_inside_an_open_case_its_subjects_are_clear_to_its_members_alone(cases: Cases) -> None:
    case = opened(cases, about=[Subject(LinkKind.ENTITY, "organisation-a")])
    finding = Subject(LinkKind.FINDING, "f1", frozenset({"person-x", "person-y"}), "run-1")
    cases.link(case.case_id, ANNA, finding)
    inside = cases.inside(case.case_id, ANNA)
    assert inside.clear == {"organisation-a", "person-x", "person-y"}
    assert inside.lifted == frozenset()
    for other in (BO, COORDINATOR, SECURITY):
        with pytest.raises(NotThere) as refused:
            cases.inside(case.case_id, other)
        with pytest.raises(NotThere) as unknown:
            cases.inside("case-0000000000000000", other)
        assert str(refused.value) == str(unknown.value)
    assert cases.runs() == {"run-1"}


def test_a_coordinator_learns_that_a_case_exists_and_no_more(cases: Cases) -> None:
    case = opened(cases)
    told = cases.read(case.case_id, COORDINATOR)
    assert type(told) is Outline
    assert (told.case_id, told.title, told.members) == (case.case_id, "Uppslag", ("anna",))
    assert [each.case_id for each in cases.page(COORDINATOR, limit=9)] == [case.case_id]
    assert cases.page(BO, limit=9) == []
