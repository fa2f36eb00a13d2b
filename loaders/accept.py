"""Accept or refuse each row of one table of one file, and write what is new.

Everything here is set-based over temporary tables that spill: staged rows, the faults found
in them, and the rows known now. Row numbers tie them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from graph_service import identity
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.errors import FileRefused
from graph_service.records import TABLES, Kind, Table
from loaders.checks import staging_sql
from loaders.decode import Decoded, numbered_sql
from loaders.references import mention

#: What makes a key of a value that the contract keeps as given; None when it cannot be one.
_KEYS: Final[Mapping[Kind, Callable[[str], str | None]]] = {
    Kind.PHONE: identity.phone,
    Kind.EMAIL: identity.email,
    Kind.IP: identity.ip,
    Kind.POSTCODE: identity.postcode,
    Kind.INDUSTRY: identity.industry,
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one file's rows are stamped with, and where its parts go."""

    n: int
    file_sha256: str
    part: Path
    today: date
    seen_before: bool


@dataclass(slots=True)
class Counts:
    """What became of the rows; `read` is the sum of the other four."""

    read: int = 0
    stored: int = 0
    superseding: int = 0
    duplicates: int = 0
    rejected: int = 0
    ambiguous_times: int = 0
    unusable: dict[str, int] = field(default_factory=dict)


def accept(engine: Engine, decoded: Decoded, delivery: Delivery, *, known: bool) -> Counts:
    """Judge every row and write the new ones to `delivery.part`.

    `known` says whether the view `known_now` holds any row. Leaves the tables `staged` and
    `faults` for the reject file, and adds the rows' references to the table `mentions`.
    """
    table = TABLES[decoded.table]
    _stage(engine, table, decoded, delivery.today)
    _find_conflicts(engine, table, decoded)
    lost = engine.value("SELECT count(*) FROM odd WHERE code = 'wrong_column_count'")
    good = engine.value("SELECT count(*) FROM sound")
    counts = Counts(
        read=lost + engine.value("SELECT count(*) FROM records"),
        ambiguous_times=engine.value("SELECT coalesce(sum(_ambiguous), 0)::BIGINT FROM sound"),
    )
    counts.rejected = counts.read - good
    if not delivery.seen_before:
        _write(engine, table, decoded, delivery, known=known)
        counts.stored, counts.superseding = _written(engine, delivery.part)
    counts.duplicates = good - counts.stored - counts.superseding
    counts.unusable = _unusable(engine, table, decoded)
    mention(engine, table, decoded.columns, delivery.n)
    return counts


def _stage(engine: Engine, table: Table, decoded: Decoded, today: date) -> None:
    """Tables `odd`, `staged`, `faults`; views `records` (rows read) and `sound` (good ones)."""
    engine.execute(
        'CREATE OR REPLACE TEMP TABLE odd (row BIGINT, "column" VARCHAR, code VARCHAR, '
        "path VARCHAR)"
    )
    for path in decoded.odd:
        engine.execute(
            "INSERT INTO odd SELECT * FROM read_csv($path, header = false, auto_detect = false, "
            "nullstr = '\u0003', columns = {'row': 'BIGINT', 'column': 'VARCHAR', "
            "'code': 'VARCHAR', 'path': 'VARCHAR'}, delim = ',', quote = '\"', escape = '\"')",
            {"path": str(path)},
        )
    if decoded.skipped_word is not None and decoded.unreadable is not None:
        _forget_totals(engine, decoded.skipped_word, decoded.unreadable)
    numbered = _type_and_judge(engine, table, decoded, today)
    none_odd = not engine.value("SELECT count(*) FROM odd")
    unread = (
        ""
        if none_odd
        else " WHERE _row NOT IN (SELECT row FROM odd WHERE code IN ('', 'wrong_column_count'))"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP VIEW records AS SELECT * FROM "
        f"(SELECT rowid AS _id, {numbered}* FROM staged){unread}"
    )
    _find_faults(engine, decoded)
    clean = (
        "" if none_odd and not decoded.condemned else " AND _row NOT IN (SELECT row FROM faults)"
    )
    engine.execute(
        f"CREATE OR REPLACE TEMP VIEW judged AS SELECT * FROM records WHERE _faults IS NULL{clean}"
    )


def _type_and_judge(engine: Engine, table: Table, decoded: Decoded, today: date) -> str:
    """Make the table `staged`; returns SQL for the rows' numbers, where they are not in it.

    Numbers come free where the engine lays the rows down in the file's order; where its plan
    would lose that, they are counted on the way in.
    """

    def created(source: str, passing: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        sql = staging_sql(
            table,
            decoded.columns,
            source,
            padded=decoded.padded,
            passing=passing,
            may_lack=decoded.may_lack,
        )
        given = decoded.parameters | ({"today": today} if "$today" in sql else {})
        return f"CREATE OR REPLACE TEMP TABLE staged AS {sql}", given

    create, given = created(decoded.sql, decoded.passing)
    in_order = decoded.numbered or engine.keeps_order(create, given or None)
    if not in_order:
        create, given = created(numbered_sql(decoded.sql, decoded.first_row), ("_row",))
    try:
        engine.execute(create, given or None)
    except engine.failure as error:
        if decoded.archive and not isinstance(error, engine.out_of_memory | engine.interrupted):
            raise FileRefused("unreadable_archive") from error
        raise
    if decoded.records not in (None, engine.value("SELECT count(*) FROM staged")):
        raise AssertionError(f"records were lost or made in reading {table.name}")
    return f"rowid + {decoded.first_row} AS _row, " if in_order and not decoded.numbered else ""


def _find_faults(engine: Engine, decoded: Decoded) -> None:
    """Table `faults`: what the row's values say, and what decoding found, each reason once.

    Where decoding has judged a value, or the whole structure, what is left of it is not
    judged again.
    """
    place = "r._path" if decoded.nested else "NULL"
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE faults AS SELECT DISTINCT row, nullif(\"column\", '') AS "
        "\"column\", code, nullif(path, '') AS path FROM odd WHERE code <> '' UNION "
        f"SELECT r._row, reason.column, reason.code, {place} FROM (SELECT *, "
        "unnest(_faults) AS reason FROM records WHERE _faults IS NOT NULL) AS r "
        "WHERE NOT EXISTS (SELECT 1 FROM odd WHERE odd.row = r._row AND "
        "(odd.\"column\" = reason.column AND odd.code <> '' OR odd.code = 'bad_structure' "
        "OR odd.code = 'not_text' AND odd.\"column\" = ''))"
    )
    if decoded.condemned:
        engine.execute(
            f"INSERT INTO faults SELECT DISTINCT _row, NULL, 'bad_reference', {place} "
            "FROM records AS r WHERE _row NOT IN (SELECT row FROM faults)"
        )


def has_faults(engine: Engine, decoded: Decoded, today: date) -> bool:
    """Whether any row of a table would be refused."""
    _stage(engine, TABLES[decoded.table], decoded, today)
    return bool(engine.value("SELECT count(*) FROM faults"))


def _forget_totals(engine: Engine, is_total: str, unreadable: Path) -> None:
    """A total row that is too short to be laid in columns is no record either."""
    engine.execute(
        "DELETE FROM odd WHERE code = 'wrong_column_count' AND row IN (SELECT row FROM "
        "(SELECT column0::BIGINT AS row, ltrim(column2, ' ;,\"') AS record FROM read_csv($path, "
        "header = false, auto_detect = false, delim = '\t', quote = '', escape = '', columns = "
        "{'column0': 'VARCHAR', 'column1': 'VARCHAR', 'column2': 'VARCHAR'})) "
        f"WHERE {is_total})",
        {"path": str(unreadable)},
    )


def _find_conflicts(engine: Engine, table: Table, decoded: Decoded) -> None:
    """Rows of one file that share a key: the same row again, or words against words.

    Keys are first counted by hash; only those seen twice are compared value by value.
    View `sound` is what remains; table `repeats` holds rows that say what an earlier one said.
    """
    keys = [name for name in table.key if name in decoded.columns]
    key = ", ".join(quoted(name) for name in keys)
    values = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in decoded.columns)
    engine.execute("CREATE OR REPLACE TEMP TABLE repeats (_id BIGINT)")
    twice = f"SELECT hash({key}) AS h FROM judged GROUP BY h HAVING count(*) > 1"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE twice AS {twice}")
    if engine.value("SELECT count(*) FROM twice"):
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE told_twice AS SELECT _id, _row, "
            f"count(*) OVER same AS n, min(_id) OVER same AS first_id, "
            f"min(said) OVER same IS DISTINCT FROM max(said) OVER same AS differs FROM "
            f"(SELECT {key}, _id, _row, struct_pack({values}) AS said FROM judged "
            f"WHERE hash({key}) IN (SELECT h FROM twice)) WINDOW same AS (PARTITION BY {key})"
        )
        engine.execute(
            "INSERT INTO faults SELECT DISTINCT _row, NULL, 'conflicting_key', NULL "
            "FROM told_twice WHERE n > 1 AND differs"
        )
        engine.execute(
            "INSERT INTO repeats SELECT _id FROM told_twice "
            "WHERE n > 1 AND NOT differs AND _id > first_id"
        )
        kept = " WHERE _id NOT IN (SELECT _id FROM told_twice WHERE n > 1 AND differs)"
    else:
        kept = ""
    engine.execute(f"CREATE OR REPLACE TEMP VIEW sound AS SELECT * FROM judged{kept}")


def _write(
    engine: Engine, table: Table, decoded: Decoded, delivery: Delivery, *, known: bool
) -> None:
    """Write rows that are new, or differ from the ones known now, to the batch's part."""
    delivery.part.parent.mkdir(parents=True, exist_ok=True)
    merged = [
        f"{_merged(table, name, decoded, known=known)} AS {quoted(name)}" for name in table.names
    ]
    stamps = (
        f"{delivery.n}::INTEGER AS _file, {literal(delivery.file_sha256)} AS _file_sha256, "
        "new._row AS _row"
    )
    source = "sound AS new"
    superseding, changed = "false AS _supersedes", "true"
    if known:
        same_key = " AND ".join(
            f"new.{quoted(name)} IS NOT DISTINCT FROM old.{quoted(name)}"
            if name in decoded.columns
            else f"old.{quoted(name)} IS NULL"
            for name in table.key
        )
        source += f" LEFT JOIN known_now AS old ON {same_key}"
        superseding = "old._row IS NOT NULL AS _supersedes"
        changed = "NOT _supersedes OR " + " OR ".join(
            f"{quoted(name)} IS DISTINCT FROM _old.{quoted(name)}" for name in table.names
        )
        superseding += (
            ", struct_pack("
            + ", ".join(f"{quoted(name)} := old.{quoted(name)}" for name in table.names)
            + ") AS _old"
        )
    if engine.value("SELECT count(*) FROM repeats"):
        source += " WHERE new._id NOT IN (SELECT _id FROM repeats)"
    hidden = " EXCLUDE (_old)" if known else ""
    engine.execute(
        f"COPY (SELECT *{hidden} FROM (SELECT {', '.join(merged)}, {stamps}, {superseding} "
        f"FROM {source}) WHERE {changed}) TO {literal(str(delivery.part))} (FORMAT parquet)"
    )


def _merged(table: Table, name: str, decoded: Decoded, *, known: bool) -> str:
    """What is stored in a column: the new word, else what was known, else the default."""
    column = table[name]
    default = "NULL" if column.default is None else literal(column.default)
    absent = f"{default}::{column.stored_type}"
    if name not in decoded.columns:
        return (
            f"CASE WHEN old._row IS NULL THEN {absent} ELSE old.{quoted(name)} END"
            if known
            else absent
        )
    if not (column.keeps_until_said or name in decoded.may_lack):
        return f"new.{quoted(name)}"
    before = f", old.{quoted(name)}" if known else ""
    return f"coalesce(new.{quoted(name)}{before}, {absent})"


def _written(engine: Engine, part: Path) -> tuple[int, int]:
    row = engine.rows(
        "SELECT count(*) FILTER (NOT _supersedes) AS stored, "
        "count(*) FILTER (_supersedes) AS superseding FROM read_parquet($part)",
        {"part": str(part)},
    )[0]
    if row["stored"] + row["superseding"] == 0:
        part.unlink()
    return row["stored"], row["superseding"]


def _unusable(engine: Engine, table: Table, decoded: Decoded) -> dict[str, int]:
    """How many values of each column no key can be made of; each distinct value is tried once."""
    found: dict[str, int] = {}
    for name in decoded.columns:
        make_key = _KEYS.get(table[name].kind)
        if make_key is None:
            continue
        values = engine.stream(
            f"SELECT {quoted(name)} AS value, count(*) AS n FROM sound "
            f"WHERE {quoted(name)} IS NOT NULL GROUP BY value"
        )
        count = sum(row["n"] for row in values if make_key(row["value"]) is None)
        if count:
            found[name] = count
    return found
