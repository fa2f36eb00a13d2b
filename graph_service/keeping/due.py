"""Which rows have lapsed, and which of them a hold keeps. The SQL is made from the declarations.

A record lapses whole: the version that is known now decides, and every version of its key goes
with it, superseded and withdrawn ones too. Nothing here changes the lake.

In the engine: `kept.<table>` is every stored row (with `_visible`), `lapsed.<table>` the keys that
are due and may go, `held.<table>` the keys that a hold keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from graph_service.clock import STOCKHOLM
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted, stored_columns
from graph_service.keeping.hold import Holds, hold_records
from graph_service.keeping.lapse import LAPSES, Lapse
from graph_service.lake import Lake
from graph_service.records import TABLES, Column, Kind, Retention, Table

_ZONE: Final = "'Europe/Stockholm'"


@dataclass(frozen=True, slots=True)
class Due:
    """What has lapsed of one table: `records` by key, `rows` with every version of them.

    `held` records have lapsed too, and a hold keeps them.
    """

    table: str
    retention: Retention
    months: int
    records: int
    rows: int
    held: int


@dataclass(slots=True)
class Lapsed:
    """What `find` found, by table."""

    due: dict[str, Due] = field(default_factory=dict)

    @property
    def tables(self) -> list[str]:
        """The tables of which something goes, in the order in which it must."""
        return [name for name, due in self.due.items() if due.rows]


def find(
    engine: Engine,
    lake: Lake,
    months: Mapping[Retention, int],
    holds: Holds,
    *,
    today: date,
    key: bytes,
) -> Lapsed:
    """Find what has lapsed by `today`, a Stockholm day; classes without months never lapse."""
    open_kept(engine, lake)
    engine.execute("SET VARIABLE today = CAST($today AS DATE)", {"today": today})
    hold_records(engine, holds, key)
    found = Lapsed()
    for name, lapse in LAPSES.items():
        table = TABLES[name]
        term = months.get(table.retention)
        _lapse(engine, table, lapse, term)
        if term is not None:
            found.due[name] = _counted(engine, table, term, whole=name in holds.tables)
        if name in holds.tables:
            engine.execute(f"DELETE FROM lapsed.{quoted(name)}")
    return found


def same_key(table: Table, one: str, other: str) -> str:
    """A condition that two rows are of one record; in a key, null equals null."""
    return " AND ".join(
        f"{one}.{quoted(name)} IS NOT DISTINCT FROM {other}.{quoted(name)}" for name in table.key
    )


def open_kept(engine: Engine, lake: Lake) -> None:
    """Make the views `kept.<table>` of every stored row there is now."""
    for schema in ("kept", "lapsed", "held"):
        engine.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    engine.execute("CREATE OR REPLACE TEMP TABLE told (batch VARCHAR, told_on DATE)")
    told = {receipt.batch: receipt.loaded_at for receipt in lake.receipts()}
    seen = told.keys() - lake.withdrawn().keys()
    days = [[batch, at.astimezone(STOCKHOLM).date()] for batch, at in told.items()]
    engine.load_rows("told", days)
    engine.execute("CREATE OR REPLACE TEMP TABLE visible (batch VARCHAR)")
    engine.load_rows("visible", [[batch] for batch in sorted(seen)])
    for table in TABLES.values():
        columns = stored_columns(table)
        listed = ", ".join(literal(str(part)) for part in lake.parts(table.name))
        if listed:
            names = ", ".join(quoted(name) for name, _ in columns)
            rows = (
                f"SELECT {names} FROM read_parquet([{listed}], hive_partitioning = true, "
                "hive_types = {'_batch': VARCHAR}, union_by_name = true)"
            )
        else:
            nothing = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in columns)
            rows = f"SELECT {nothing} WHERE false"
        engine.execute(
            f"CREATE OR REPLACE VIEW kept.{quoted(table.name)} AS SELECT r.*, "
            f"r._batch IN (FROM visible) AS _visible, told_on AS _told_on FROM ({rows}) AS r "
            "LEFT JOIN told ON told.batch = r._batch"
        )


def _lapse(engine: Engine, table: Table, lapse: Lapse, months: int | None) -> None:
    """Make `lapsed.<table>`: keys whose deciding version has lapsed and that no hold keeps.

    Only records of which some version has lapsed are looked at: they are few.
    """
    keys = ", ".join(quoted(name) for name in table.key)
    if months is None or not (lapse.dates or lapse.told):
        engine.execute(
            f"CREATE OR REPLACE TABLE lapsed.{quoted(table.name)} AS "
            f"SELECT {keys}, false AS held FROM kept.{quoted(table.name)} WHERE false"
        )
        return
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE aged AS SELECT {_columns('r', table)}, "
        "r._visible, r._batch, r._file, "
        f"{_aged(table, lapse)} + INTERVAL ({int(months)}) MONTH <= getvariable('today') AS _aged "
        f"FROM {_rows(table, lapse)}"
    )
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE ended AS SELECT * FROM aged AS a WHERE EXISTS "
        f"(FROM aged AS any_of WHERE any_of._aged AND {same_key(table, 'any_of', 'a')}) "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} "
        "ORDER BY _visible DESC, _batch DESC, _file DESC) = 1"
    )
    engine.execute(
        f"CREATE OR REPLACE TABLE lapsed.{quoted(table.name)} AS SELECT {keys}, "
        f"EXISTS (FROM held.{quoted(table.name)} AS h WHERE {same_key(table, 'h', 'e')}) AS held "
        f"FROM ended AS e WHERE _aged{_unnamed(table) if lapse.while_named else ''}"
    )
    engine.execute("DROP TABLE aged")
    engine.execute("DROP TABLE ended")


def _rows(table: Table, lapse: Lapse) -> str:
    """The rows, each with those whose dates count instead of its own."""
    rows = f"kept.{quoted(table.name)} AS r"
    if lapse.within is None:
        return rows
    other, key = lapse.within
    return (
        f"{rows} LEFT JOIN (SELECT {quoted(key)}, "
        f"arg_max({latest_day('w', TABLES[other])}, (w._visible, w._batch, w._file)) "
        f"AS day FROM kept.{quoted(other)} AS w GROUP BY {quoted(key)}) AS around "
        f"ON around.{quoted(key)} = r.{quoted(key)}"
    )


def _aged(table: Table, lapse: Lapse) -> str:
    """The day from which the months of a row `r` are counted; null while it is open."""
    days = [latest_day("r", table)] if lapse.dates else []
    if lapse.within is not None:
        days.insert(0, "around.day")
    if lapse.told:
        days.append("r._told_on")
    return f"coalesce({', '.join(days)})" if len(days) > 1 else days[0]


def latest_day(rows: str, table: Table) -> str:
    """The latest of a row's own dates, as a Stockholm day; null where it has none."""
    dates = LAPSES[table.name].dates
    days = [_day(f"{rows}.{quoted(name)}", table[name]) for name in dates]
    return days[0] if len(days) == 1 else f"greatest({', '.join(days)})"


def _day(value: str, column: Column) -> str:
    if column.kind is Kind.TIMESTAMP:
        return f"CAST(timezone({_ZONE}, {value}) AS DATE)"
    return value


def _unnamed(table: Table) -> str:
    """No row that stays names the record; what has an end of its own goes with that."""
    (key,) = table.key
    names = " UNION ALL ".join(_naming(table))
    dates = LAPSES[table.name].dates
    ended = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in dates)
    open_ended = f"({ended}) OR " if ended else ""
    return f" AND ({open_ended}{quoted(key)} NOT IN ({names}))"


def _naming(table: Table) -> Iterator[str]:
    """Every value in another table that may name a record of this one, in rows that stay."""
    for other in TABLES.values():
        if other.name == table.name:
            continue
        for column in other.columns:
            if _names(column, table):
                yield (
                    f"SELECT n.{quoted(column.name)} FROM kept.{quoted(other.name)} AS n "
                    f"WHERE n.{quoted(column.name)} IS NOT NULL AND NOT EXISTS (FROM "
                    f"lapsed.{quoted(other.name)} AS l WHERE NOT l.held AND "
                    f"{same_key(other, 'l', 'n')})"
                )


def _names(column: Column, table: Table) -> bool:
    if column.refers_to is not None:
        return column.refers_to[0] == table.name
    return column.kind is Kind.PARTY and table.name in ("persons", "organisations")


def _columns(rows: str, table: Table) -> str:
    dates = LAPSES[table.name].dates
    return ", ".join(f"{rows}.{quoted(name)}" for name in dict.fromkeys((*table.key, *dates)))


def _counted(engine: Engine, table: Table, months: int, *, whole: bool) -> Due:
    """How much has lapsed, and how much of it is held."""
    name = quoted(table.name)
    found = engine.rows(
        f"SELECT count(*) AS records, count(*) FILTER (held) AS held FROM lapsed.{name}"
    )[0]
    held = found["records"] if whole else found["held"]
    rows = 0
    if found["records"] > held:
        rows = engine.value(
            f"SELECT count(*) FROM kept.{name} AS k WHERE EXISTS (FROM lapsed.{name} AS l "
            f"WHERE NOT l.held AND {same_key(table, 'l', 'k')})"
        )
    return Due(table.name, table.retention, months, found["records"] - held, rows, held)
