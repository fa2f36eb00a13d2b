"""What the system holds about one person beside the rows: runs, cases, tips, the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from graph_service.casework.database import Database
from graph_service.casework.subject_access import (
    cases_about,
    disclosures,
    readings,
    tips_about,
)
from graph_service.clock import STOCKHOLM
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.evidence.recipients import recipients
from graph_service.evidence.subject.masking import Mask
from graph_service.home import Home
from graph_service.records import TABLES
from graph_service.room import Room
from graph_service.run_file import RunFile, RunFolder

_FINDINGS: Final = Path(__file__).with_name("findings.sql")
_SAME: Final = Path(__file__).with_name("same.sql")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`findings` and all after them are None where they are not told, whether any are or not."""

    possible_other_records: int
    readings: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]] | None
    cases: Sequence[Mapping[str, Any]] | None
    tips: Sequence[Mapping[str, Any]] | None
    recipients: Sequence[Mapping[str, Any]] | None

    def told(self) -> dict[str, Any]:
        """As the file says it."""
        return asdict(self)


def surroundings(
    home: Home,
    database: Database,
    engine: Engine,
    mask: Mask,
    references: tuple[str, str],
    rooms: Mapping[str, Room],
    *,
    told: bool,
) -> Surroundings:
    """What there is. `told`: findings, cases, tips and recipients too, by a lawyer's decision."""
    run = RunFolder(home).current()
    with database.reading() as session:
        read = readings(session, references, cases=told)
        cases = cases_about(session, references) if told else None
        given = disclosures(session, references) if told else None
        tips = tips_about(session, references) if told else None
    return Surroundings(
        possible_other_records=_same(engine, mask, run),
        readings=[
            {"month": each.month, "times": each.times}
            | {"purpose": None if each.purpose is None else mask.text(each.purpose)}
            for each in read
        ],
        findings=_findings(engine, mask, run, rooms) if told else None,
        cases=None
        if cases is None
        else [
            {"case_id": case.case_id, "opened_on": _day(case.opened_at), "status": case.status}
            | {"purpose": mask.text(case.purpose), "legal_ground": mask.text(case.legal_ground)}
            for case in cases
        ],
        tips=None if tips is None else [{"received_on": day.isoformat()} for day in tips],
        recipients=None
        if given is None
        else [
            {"recipient": _recipient(each.recipient), "given_on": _day(each.made_at)}
            | {"legal_ground": mask.text(each.legal_ground)}
            for each in given
        ],
    )


def _same(engine: Engine, mask: Mask, run: RunFile | None) -> int:
    """How many other records may be of the same person; whose, nobody is told."""
    if run is None:
        return 0
    with _attached(engine, run):
        found = engine.value(_SAME.read_text(encoding="utf-8"), {"number": mask.person.number})
    return int(found)


def _findings(
    engine: Engine, mask: Mask, run: RunFile | None, rooms: Mapping[str, Room]
) -> list[dict[str, Any]]:
    """What detectors say, in the words of the rooms; of others not even the provider's number."""
    if run is None:
        return []
    places = " UNION ALL ".join(
        f'SELECT {literal(name)} AS "table", _file_sha256 AS file_sha256, _row AS "row" '
        f"FROM about.{quoted(name)}"
        for name in TABLES
    )
    engine.execute(f"CREATE OR REPLACE TEMP TABLE places AS {places}")
    with _attached(engine, run):
        found = engine.rows(_FINDINGS.read_text(encoding="utf-8"), {"number": mask.person.number})
    return [
        {
            "detector": row["detector"],
            "title": _title(rooms, row["detector"]),
            "provider": mask.party(row["provider_id"]),
            "roles": row["roles"],
            "since": row["since"].isoformat(),
            "until": row["until"].isoformat(),
            "rows_of_yours": row["rows_cited"],
        }
        for row in found
    ]


@contextmanager
def _attached(engine: Engine, run: RunFile) -> Iterator[None]:
    engine.execute(f"ATTACH {literal(str(run.path))} AS run (READ_ONLY)")
    try:
        yield
    finally:
        engine.execute("DETACH run")


def _day(moment: datetime) -> str:
    return moment.astimezone(STOCKHOLM).date().isoformat()


def _title(rooms: Mapping[str, Room], name: str) -> dict[str, str] | None:
    room = rooms.get(name)
    return None if room is None else {"sv": room.title.sv, "en": room.title.en}


def _recipient(name: str) -> dict[str, str]:
    told = recipients().get(name)
    return {"sv": name, "en": name} if told is None else {"sv": told.title.sv, "en": told.title.en}
