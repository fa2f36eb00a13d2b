"""A person's request for their own data, as the terminal and HTTP take it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import queries
from graph_service.access.reference import PATTERN, kind_of
from graph_service.casework.case_access import said
from graph_service.detector import open_rooms
from graph_service.errors import NotThere, UsageError
from graph_service.evidence.subject.rows import Person
from graph_service.home import Home
from graph_service.identity import Refused
from graph_service.identity import person as read_person
from graph_service.room import Room
from graph_service.run_file import RunFolder
from graph_service.stores.search import holds_personal_number

_CURE: Final = (
    "Give a personal number of 12 digits, an id as <issuer>:<id>, or a reference as person-…"
)


def whose(home: Home, written: str, *, today: date) -> Person:
    """The person that a number, an issuer's id or a reference of the current run names.

    Raises UsageError for what is none of these, NotThere for a reference that the run has not.
    """
    text = said(written, "person")
    if PATTERN.fullmatch(text):
        return Person(_behind(home, text))
    try:
        found = read_person(text, today=today)
    except Refused:
        raise UsageError(f"That names no person. {_CURE}.") from None
    if found.century_inferred:
        raise UsageError(f"Ten digits leave the century open. {_CURE}.")
    return Person(found.number)


def ground_given(told: str | None, *, with_findings: bool) -> str | None:
    """Why findings are told; None where they are not. UsageError for one without the other."""
    ground = said(told, "legal ground") if told else ""
    if with_findings != bool(ground):
        raise UsageError(
            "Findings and a legal ground go together: say on what ground they are told."
        )
    if holds_personal_number(ground):
        raise UsageError("The legal ground is logged and may hold no personal number.")
    return ground or None


def rooms() -> Mapping[str, Room]:
    """The installed detectors, by name."""
    return {room.name: room for room in open_rooms(Path(queries.__file__).parent)}


def _behind(home: Home, reference: str) -> str:
    run = RunFolder(home).current()
    if kind_of(reference) == "person" and run is not None:
        with run.open() as engine:
            found = engine.value(
                "SELECT key FROM scope_nodes WHERE ref = $reference", {"reference": reference}
            )
        if found is not None:
            return str(found)
    raise NotThere("The current run has no such person. Give the number instead.")
