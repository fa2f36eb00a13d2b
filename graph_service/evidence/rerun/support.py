"""Further rows that a room needs to find a finding again, as few as will do.

What a query weighs its rows by (grants, prices, homes, fees) is not cited. It is looked up in the
lake as the run knew it, step by step, from what touches those whom the cited rows name to
everything of theirs in the tables that the query reads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from graph_service.access.scope import kinds_named
from graph_service.as_of import COURSES
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.evidence.material import Material
from graph_service.evidence.rerun.homes import stand_in
from graph_service.evidence.workspace import Place, insert
from graph_service.lake import Lake
from graph_service.records import TABLES, Column, Kind, Table
from graph_service.room import Room

_TABLES: Final = Path(__file__).with_name("support.sql")
#: Rows that a step may bring in: a recipient is not given a register for the sake of one figure.
MOST: Final = 10_000
_COUNT: Final = "SELECT count(*) FROM picked WHERE step = $step"
_PARTIES: Final = frozenset({Kind.PERSON, Kind.ORGANISATION, Kind.PARTY})
_PERSONS: Final = frozenset({Kind.PERSON, Kind.PARTY})
_OFFICIALS: Final = "officials"
#: Words of a record that place it, where its query compares by them.
_PLACED: Final = ("municipality", "service")
_READ: Final = re.compile(r"\b(?:from|join)\s+([a-z_]+)\b", re.IGNORECASE)
_GRAPH: Final = frozenset({"nodes", "edges"})
_COMMENT: Final = re.compile(r"--[^\n]*")


class Step(StrEnum):
    """How far to look; each adds to those before it."""

    RULES = "rules"  # what holds between those whom the cited rows name, and the papers named
    EXAMPLE = "example"  # that the municipality keeps such records: the first rule, the last event
    MONTHS = "months"  # what happened to the finding's subjects in its months
    SUBJECTS = "subjects"  # and ever
    OTHERS = "others"  # what happened in its months to everybody whom the cited rows name
    ALL = "all"  # and ever


def tables_read(room: Room) -> frozenset[str]:
    """The tables that a room's query reads; all of them where it reads the graph."""
    return frozenset(TABLES) if reads_graph(room) else _read(room) & TABLES.keys()


def reads_graph(room: Room) -> bool:
    """Whether a room's query reads the graph that is derived from the records."""
    return not _GRAPH.isdisjoint(_read(room))


def _read(room: Room) -> frozenset[str]:
    return frozenset(_READ.findall(_COMMENT.sub("", room.query)))


class Support:
    """The lake as the run of a package knew it. Use it as a context."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._engine = engine = Engine()
        lake = Lake(material.home)
        engine.execute("CREATE SCHEMA known")
        for table in TABLES.values():
            lake.open_table(engine, table.name, material.run["batches"], _known(table))
        spans = [
            {name: finding[name] for name in ("finding_id", "since", "until")}
            for finding in material.findings
        ]
        engine.script(_TABLES, {"subjects": list(_subjects(material)), "spans": spans})
        cited = [{"step": 0, **row} for row in material.engine.rows("FROM cited")]
        insert(engine, "picked", dict(engine.columns("FROM picked")), cited)
        self._steps = 0
        self._name(step=0)

    def widen(self, findings: Mapping[str, Collection[Mapping[str, Any]]], step: Step) -> bool:
        """Take the rows of a step into the package, masked: for these findings, by room.

        False where they are too many to be given for what they would add; then none is taken.
        """
        self._steps += 1
        for name, of_room in findings.items():
            read = tables_read(self._material.rooms[name]) & self._material.recipient.tables
            tables = [table for table in TABLES.values() if table.name in read]
            asked = sorted(finding["finding_id"] for finding in of_room)
            for table in tables:
                self._pick(table, _of_step(table, step), asked)
            self._name(step=self._steps)
            for table in tables:
                self._pick(table, _papers(table), asked)
        if self._engine.value(_COUNT, {"step": self._steps}) > MOST:
            return False
        found: dict[str, list[Place]] = {}
        query = "SELECT * EXCLUDE (step) FROM picked WHERE step = $step ORDER BY ALL"
        for row in self._engine.stream(query, {"step": self._steps}):
            found.setdefault(row.pop("finding_id"), []).append(Place(**row))
        workspace = self._material.workspace
        workspace.take(place for places in found.values() for place in places)
        for finding_id, places in found.items():
            workspace.support(finding_id, places)
        stand_in(self._material, self._engine)
        return True

    def _pick(self, table: Table, queries: Iterable[str], finding_ids: Sequence[str]) -> None:
        for query in queries:
            self._engine.execute(
                f"INSERT INTO picked SELECT DISTINCT $step, finding_id, {literal(table.name)}, "
                f"_file_sha256, _row FROM ({query}) AS found "
                "WHERE list_contains(CAST($finding_ids AS VARCHAR[]), finding_id) "
                "AND NOT EXISTS (FROM picked WHERE picked.finding_id = found.finding_id "
                f'AND picked."table" = {literal(table.name)} '
                'AND picked.file_sha256 = found._file_sha256 AND picked."row" = found._row)',
                {"step": self._steps, "finding_ids": finding_ids},
            )

    def _name(self, step: int) -> None:
        """Put down what the rows of a step name: papers and places, and parties of those cited."""
        asked = {"step": step}
        query = 'SELECT DISTINCT "table" AS name FROM picked WHERE step = $step ORDER BY name'
        for table in [TABLES[row["name"]] for row in self._engine.rows(query, asked)]:
            named = [
                (column, kind)
                for column in table.columns
                if step == 0 or column.kind not in _PARTIES
                for kind in _names(column)
            ]
            if named:
                self._name_of(table, named, step)

    def _name_of(self, table: Table, named: Sequence[tuple[Column, str]], step: int) -> None:
        """The same for one table, which is read once: it may be all visits."""
        columns = ", ".join(sorted({quoted(column.name) for column, _ in named}))
        self._engine.execute(
            f"CREATE OR REPLACE TEMP TABLE naming AS SELECT finding_id, {columns} "
            f"FROM {_known(table)} AS told JOIN picked "
            'ON picked.file_sha256 = told._file_sha256 AND picked."row" = told._row '
            f'AND step = $step AND picked."table" = {literal(table.name)}',
            {"step": step},
        )
        for column, kind in named:
            self._engine.execute(
                f"INSERT INTO named SELECT finding_id, {literal(kind)}, "
                f"CAST({quoted(column.name)} AS VARCHAR) FROM naming "
                f"WHERE {quoted(column.name)} IS NOT NULL EXCEPT FROM named"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.close()


def _subjects(material: Material) -> Iterator[dict[str, Any]]:
    """Whom each finding is about, by the records' own identifiers."""
    ids = {run_id: finding_id for finding_id, run_id in material.own_ids.items()}
    for found in material.whole_run.rows("findings", order="finding_id"):
        if found["finding_id"] in ids:
            for subject in found["subjects"]:
                finding_id = ids[found["finding_id"]]
                yield {"finding_id": finding_id, "kind": subject["kind"], "value": subject["id"]}


def _of_step(table: Table, step: Step) -> Iterator[str]:
    """The queries that find a step's rows of a table, each with the finding that they are for."""
    persons = [column for column in _parties(table) if column.kind in _PERSONS]
    if step is Step.RULES:
        if not _happens(table):
            yield from _rules(table)
    elif step is Step.EXAMPLE:
        yield from _last(table) if _happens(table) else _first(table)
    elif _happens(table):
        among = "subject" if step in (Step.MONTHS, Step.SUBJECTS) else "named"
        within = _within(table) if step in (Step.MONTHS, Step.OTHERS) else "true"
        for column in persons:
            yield (
                f"SELECT told.*, it.finding_id FROM {_known(table)} AS told JOIN {among} AS it "
                f"ON it.kind = 'person' AND it.value = told.{quoted(column.name)} "
                f"JOIN span ON span.finding_id = it.finding_id WHERE {within}"
            )


def _rules(table: Table) -> Iterator[str]:
    """Rows all of whose parties, and whose municipality, the cited rows name."""
    told = [column for column in _parties(table) if column.required]
    placed = [column for column in table.columns if column.name == _PLACED[0] and column.required]
    if told or placed:
        joined = " ".join(
            f"JOIN named AS n{n} ON n{n}.finding_id = span.finding_id "
            f"AND list_contains({list(_names(column))}, n{n}.kind) "
            f"AND n{n}.value = told.{quoted(column.name)}"
            for n, column in enumerate([*told, *placed])
        )
        yield (
            f"SELECT told.*, span.finding_id FROM {_known(table)} AS told CROSS JOIN span {joined}"
        )


def _first(table: Table) -> Iterator[str]:
    """The row that held first in each municipality and service that the cited rows name."""
    start = COURSES[table.name].start
    if start is not None and _parties(table) and set(_PLACED) <= set(table.names):
        yield _one_of_each(table, _PLACED, f"told.{quoted(start)}")


def _last(table: Table) -> Iterator[str]:
    """What happened last in each municipality that the cited rows name; of a paper, one line."""
    course = COURSES[table.name]
    if course.within is not None:
        parent, key = course.within
        named = " AND ".join(f"told.{quoted(c.name)} IS NOT NULL" for c in _parties(table))
        for query in _last(TABLES[parent]):
            yield (
                f"SELECT told.*, last.finding_id FROM {_known(table)} AS told "
                f"JOIN ({query}) AS last ON last.{quoted(key)} = told.{quoted(key)} WHERE {named} "
                "QUALIFY row_number() OVER (PARTITION BY last.finding_id "
                "ORDER BY told._file_sha256, told._row) = 1"
            )
    elif course.start is not None and _PLACED[0] in table.names:
        yield _one_of_each(table, _PLACED[:1], f"told.{quoted(course.start)} DESC")


def _one_of_each(table: Table, placed: Sequence[str], order: str) -> str:
    joined = " ".join(
        f"JOIN named AS of_{name} ON of_{name}.finding_id = span.finding_id "
        f"AND of_{name}.kind = {literal(name)} AND of_{name}.value = told.{quoted(name)}"
        for name in placed
    )
    columns = ", ".join(f"told.{quoted(name)}" for name in placed)
    return (
        f"SELECT told.*, span.finding_id FROM {_known(table)} AS told CROSS JOIN span {joined} "
        f"QUALIFY row_number() OVER (PARTITION BY span.finding_id, {columns} "
        f"ORDER BY {order}, _file_sha256, _row) = 1"
    )


def _papers(table: Table) -> Iterator[str]:
    """Rows that a paper named so far is, or that correct it."""
    for column in table.columns:
        alone = column.key and len(table.key) == 1
        corrects = column.refers_to is not None and column.refers_to[0] == table.name
        if alone or corrects:
            for kind in kinds_named(column):
                yield (
                    f"SELECT told.*, it.finding_id FROM {_known(table)} AS told JOIN named AS it "
                    f"ON it.kind = {literal(kind)} AND it.value = told.{quoted(column.name)}"
                )


def _names(column: Column) -> tuple[str, ...]:
    return (column.name,) if column.name in _PLACED else kinds_named(column)


def _parties(table: Table) -> list[Column]:
    """The columns that name a party to what a row tells: officials write it down, no more."""
    return [
        column
        for column in table.columns
        if column.kind in _PARTIES
        and (column.refers_to is None or column.refers_to[0] != _OFFICIALS)
    ]


def _happens(table: Table) -> bool:
    """Whether rows of the table are things that happened, of which there are ever more."""
    course = COURSES[table.name]
    return course.occurs or course.within is not None


def _within(table: Table) -> str:
    start = COURSES[table.name].start
    if start is None:
        return "true"
    day = f"told.{quoted(start)}"
    if table[start].kind is Kind.TIMESTAMP:
        day = f"CAST(timezone('Europe/Stockholm', {day}) AS DATE)"
    return f"coalesce({day} BETWEEN span.since AND span.until, true)"


def _known(table: Table) -> str:
    return f"known.{quoted(table.name)}"
