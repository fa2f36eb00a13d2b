"""The file that a person is given of their own data (GDPR art. 15): a zip of CSV and JSON.

README.txt          how to read it, and one's rights, in Swedish and English
uppgifter.json      what is held, why, since when, for how long, and what was left out
tabeller/<t>.csv    the rows of one table: the contract's columns, and whence each came

What an examination has found, tips and cases are left out unless a lawyer decides otherwise on a
stated ground: they may be secret from whom they are about (OSL 17 kap. 1 §, 26 kap. 1 §), and that
they were left out must not tell whether there are any.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from graph_service.access.reference import reference
from graph_service.casework.database import Database
from graph_service.casework.keeping import Keeping
from graph_service.clock import STOCKHOLM, Clock
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.evidence.subject.held import Surroundings, surroundings
from graph_service.evidence.subject.masking import Mask, strange
from graph_service.evidence.subject.origin import Origins, Source, kept, refused
from graph_service.evidence.subject.readme import readme
from graph_service.evidence.subject.rows import OWN, Person, find_rows, open_rows
from graph_service.home import Home
from graph_service.keeping.retention import Term, terms
from graph_service.lake import Lake
from graph_service.records import TABLES, Table
from graph_service.room import Room

#: Told the name of each table before it is looked through, and the share that is done.
Progress = Callable[[str, float], None]

README: Final = "README.txt"
CONTENTS: Final = "uppgifter.json"
TABLES_FOLDER: Final = "tabeller"
#: What stands beside the contract's columns: by which columns the row is the person's, which were
#: masked, and whence the row came.
BESIDE: Final = (
    *("_through", "_masked", "_standing", "_kept_until"),
    *("_source", "_file", "_file_sha256", "_row", "_loaded_at"),
)
_NAMES: Final = Path(__file__).with_name("names.sql")
#: A zip's own clock; the file is the same whenever it is made of the same.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Held:
    """What became of it: how much is held, in how many tables, and what the file is."""

    tables: int
    rows: int
    others: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Access:
    """A request for one's own data. `ground`: why findings, tips and cases are told, or None."""

    person: Person
    ground: str | None = None

    def references(self, key: bytes) -> tuple[str, str]:
        """What stands for the person in casework and the log, as a person and as a firm."""
        number = self.person.number
        return reference(key, f"person:{number}"), reference(key, f"organisation:{number}")


def export_subject(
    home: Home,
    database: Database,
    access: Access,
    target: Path,
    *,
    clock: Clock,
    rooms: Mapping[str, Room],
    sources: Mapping[str, Source],
    log: Callable[[], None] = lambda: None,
    progress: Progress = lambda _table, _share: None,
) -> Held:
    """Write the file to `target`; memory does not grow with the rows.

    `log` is called when the file is made and before it stands there.
    """
    made_at = clock()
    held_for = terms(Keeping(database, clock=clock))
    with home.spill() as spill, Engine(spill / "own.duckdb", spill=spill) as engine:
        draft = spill / "own.zip"
        with ZipFile(draft, "w", ZIP_DEFLATED) as archive:
            work = _Work(home, engine, access, archive, held_for, sources)
            for place, table in enumerate(TABLES.values()):
                progress(table.name, place / len(TABLES))
                work.write_table(table)
            about = surroundings(
                home,
                database,
                engine,
                work.mask,
                access.references(home.reference_key()),
                rooms,
                told=access.ground is not None,
            )
            contents = work.contents(about, made_at)
            _write(archive, CONTENTS, json.dumps(contents, ensure_ascii=False, indent=2) + "\n")
            _write(archive, README, readme(contents))
        with draft.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = draft.stat().st_size
        log()
        _show(draft, target)
    progress("", 1.0)
    others = work.mask.labels.counts.get("person", 0)
    return Held(len(work.written), sum(work.written.values()), others, size, digest)


class _Work:
    """One file under way."""

    def __init__(
        self,
        home: Home,
        engine: Engine,
        access: Access,
        archive: ZipFile,
        held_for: list[Term],
        sources: Mapping[str, Source],
    ) -> None:
        self._home, self._engine, self._access, self._archive = home, engine, access, archive
        self._terms = held_for
        self._months = {term.retention: term.months for term in held_for}
        lake = Lake(home)
        self._receipts = lake.receipts()
        self._origins = Origins(self._receipts, sources)
        person = access.person
        open_rows(engine, lake, person)
        names = engine.rows(_NAMES.read_text(encoding="utf-8"), {"number": person.number})
        self.mask = Mask(
            person, _own(engine), strange(person, frozenset(each["word"] for each in names))
        )
        self.written: dict[str, int] = {}
        self._tables: list[dict[str, Any]] = []
        self._used: set[str] = set()

    def write_table(self, table: Table) -> None:
        """Find the person's rows of one table, and write those that are told."""
        number = self._access.person.number
        find_rows(self._engine, table, self._access.person, self._months[table.retention])
        rows = (
            row
            for row in self._engine.stream(
                f"FROM about.{quoted(table.name)} ORDER BY _batch, _file, _row"
            )
            if self._access.ground is not None or not _is_secret(table, row, number)
        )
        first = next(rows, None)
        if first is None:
            return
        counts: dict[str, int] = {}
        name = f"{TABLES_FOLDER}/{table.name}.csv"
        with _entry(self._archive, name) as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow((*table.names, *BESIDE))
            for row in _chained(first, rows):
                writer.writerow(self._line(table, row))
                counts[row["_standing"]] = counts.get(row["_standing"], 0) + 1
        self.written[table.name] = sum(counts.values())
        self._tables.append(
            {"table": table.name, "means": table.means, "file": name}
            | {"rows": self.written[table.name], "standing": dict(sorted(counts.items()))}
            | {"kept": kept(table, self._terms)}
        )

    def _line(self, table: Table, row: Mapping[str, Any]) -> list[str]:
        told, masked = self.mask.told(table, row)
        receipt = self._origins.of(table, row)
        self._used.add(receipt.source or "")
        beside = {
            "_through": " ".join(row["_through"]),
            "_masked": " ".join(masked),
            "_standing": row["_standing"],
            "_kept_until": row["_kept_until"],
            "_source": receipt.source,
            "_file": self.mask.text(receipt.file),
            "_file_sha256": row["_file_sha256"],
            "_row": row["_row"],
            "_loaded_at": receipt.loaded_at,
        }
        return [_cell(value) for value in (*told.values(), *(beside[name] for name in BESIDE))]

    def contents(self, about: Surroundings, made_at: datetime) -> dict[str, Any]:
        """What the file says of itself, for programs."""
        person = self._access.person
        return {
            "person": person.number,
            "made_at": made_at.astimezone(STOCKHOLM).isoformat(timespec="seconds"),
            "rows": sum(self.written.values()),
            "tables": self._tables,
            "sources": self._origins.told(self._used),
            "refused_rows": refused(self._home, self._receipts, person.written),
            "others": self.mask.labels.counts,
            "legal_ground": self._access.ground,
            **about.told(),
        }


def _show(made: Path, target: Path) -> None:
    """Put the file in its place, whole or not at all, for its owner alone."""
    draft = target.with_name(f".{target.name}.building")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    shutil.copyfile(made, draft)
    draft.replace(target)


def _own(engine: Engine) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {name: set() for name in OWN}
    for row in engine.rows("SELECT thing, key FROM own"):
        found[row["thing"]].add(row["key"])
    return {name: frozenset(keys) for name, keys in found.items()}


def _is_secret(table: Table, row: Mapping[str, Any], number: str) -> bool:
    """Whether a row tells of an examination: a tip, or an incident that is not the person's own."""
    return table.name == "tips" or (table.name == "incidents" and row["official_id"] != number)


def _chained(first: dict[str, Any], rest: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    yield first
    yield from rest


def _entry(archive: ZipFile, name: str) -> IO[str]:
    info = ZipInfo(name, _EPOCH)
    info.compress_type, info.external_attr = ZIP_DEFLATED, 0o600 << 16
    return io.TextIOWrapper(archive.open(info, "w", force_zip64=True), "utf-8", newline="")


def _write(archive: ZipFile, name: str, text: str) -> None:
    with _entry(archive, name) as stream:
        stream.write(text)


def _cell(value: Any) -> str:
    """As the contract writes it; times with Stockholm's offset."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(STOCKHOLM).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
