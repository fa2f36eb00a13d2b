"""Which records a hold keeps, whatever their age. The SQL is made from the declarations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from graph_service.access import reference
from graph_service.casework.keeping import Covers, Hold
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.records import TABLES, Column, Kind, Table

_ENTITIES: Final = ("persons", "organisations", "officials")
#: Whose records a firm's case stands on: those it served, and those who served them.
_CONCERNED: Final = ("client_id", "worker_id", "person_id")


@dataclass(frozen=True, slots=True)
class Holds:
    """What may not go: whole tables, and what has to do with entities by their references."""

    tables: frozenset[str] = frozenset()
    references: frozenset[str] = frozenset()

    @classmethod
    def of(cls, holds: list[Hold], of_cases: frozenset[str]) -> Holds:
        """The holds that stand, with what the cases are about."""
        classes = {hold.named for hold in holds if hold.covers is Covers.CLASS}
        tables = {hold.named for hold in holds if hold.covers is Covers.TABLE}
        tables |= {table.name for table in TABLES.values() if table.retention.value in classes}
        named = {hold.named for hold in holds if hold.covers is Covers.ENTITY}
        return cls(frozenset(tables), frozenset(named) | of_cases)


def hold_records(engine: Engine, holds: Holds, key: bytes) -> None:
    """Make `held.<table>`: rows that name a held entity, or whom a held firm serves or employs,
    and what hangs on such rows: an invoice's lines, a login's events.
    """
    for table in TABLES.values():
        keys = ", ".join(quoted(name) for name in table.key)
        engine.execute(
            f"CREATE OR REPLACE TABLE held.{quoted(table.name)} AS SELECT {keys} "
            f"FROM kept.{quoted(table.name)} WHERE false"
        )
    if not holds.references:
        return
    _find_parties(engine, holds.references, key)
    for table in TABLES.values():
        _hold_rows(engine, table, [c for c in table.columns if _is_party(c)], "FROM held_parties")
    for table in TABLES.values():
        for column in table.columns:
            if column.refers_to is not None and column.refers_to[0] not in _ENTITIES:
                other, other_key = column.refers_to
                referred = f"SELECT {quoted(other_key)} FROM held.{quoted(other)}"
                _hold_rows(engine, table, [column], referred)


def _find_parties(engine: Engine, references: frozenset[str], key: bytes) -> None:
    """Table `held_parties`: numbers of what is held, and of those whom a held firm serves."""
    reference.install(engine, key)
    engine.execute("CREATE OR REPLACE TEMP TABLE held_references (reference VARCHAR)")
    engine.load_rows("held_references", [[each] for each in sorted(references)])
    values = " UNION ".join(
        f"SELECT {quoted(column.name)} AS id FROM kept.{quoted(table.name)}"
        for table in TABLES.values()
        for column in table.columns
        if _is_party(column)
    )
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE held_parties AS SELECT id FROM ({values}) "
        "WHERE id IS NOT NULL AND (reference_of('person:' || id) IN (FROM held_references) "
        "OR reference_of('organisation:' || id) IN (FROM held_references))"
    )
    concerned = [
        f"SELECT {quoted(person)} FROM kept.{quoted(table.name)} "
        "WHERE org_id IN (FROM held_parties)"
        for table in TABLES.values()
        if "org_id" in table.names
        for person in _CONCERNED
        if person in table.names
    ]
    engine.execute(
        f"INSERT INTO held_parties SELECT * FROM ({' UNION '.join(concerned)}) AS c(id) "
        "WHERE id IS NOT NULL AND id NOT IN (FROM held_parties)"
    )


def _hold_rows(engine: Engine, table: Table, columns: list[Column], values: str) -> None:
    if not columns:
        return
    keys = ", ".join(quoted(name) for name in table.key)
    named = " OR ".join(f"{quoted(column.name)} IN ({values})" for column in columns)
    engine.execute(
        f"INSERT INTO held.{quoted(table.name)} SELECT DISTINCT {keys} "
        f"FROM kept.{quoted(table.name)} WHERE {named}"
    )


def _is_party(column: Column) -> bool:
    return column.kind in (Kind.PERSON, Kind.ORGANISATION, Kind.PARTY)
