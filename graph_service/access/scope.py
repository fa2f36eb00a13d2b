"""What a run file says of its own rows, so that a sight of it can be made: `scope_*` tables.

`scope_nodes`: of each entity its reference, whether it is personal (shown by that reference
alone), whose protected identity hides it, whether units restrict it and to which it belongs.
`scope_evidence`: which entities each row of evidence names, by column.
`scope_payments`: the two ends of each payment.
`scope_rooms`: the detectors whose findings are for the role security alone.
docs/access.md tells the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from graph_service.access import reference
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.records import TABLES, Column, Kind, Table
from graph_service.room import Room

_SECURITY: Final = "security"
_RULES: Final = Path(__file__).with_name("scope.sql")
#: The kinds of entity that a column of a record may name.
_BY_KIND: Final = {
    Kind.PERSON: ("person",),
    Kind.ORGANISATION: ("organisation",),
    Kind.PARTY: ("person", "organisation"),
    Kind.ACCOUNT: ("account",),
}
_BY_NAME: Final = {
    f"{kind}_id": (kind,) for kind in ("decision", "invoice", "payment", "device", "login", "tag")
} | {"credit_of": ("invoice",), "change_id": ("change",), "permit_id": ("permit",)}


def for_security(rooms: Iterable[Room]) -> list[str]:
    """The rooms whose findings the role security alone sees: `for` names nobody else."""
    return [room.name for room in rooms if room.audience == (_SECURITY,)]


def lay(engine: Engine, key: bytes, insiders: Sequence[str] = ()) -> None:
    """Make the tables while the record views stand beside `nodes`, `edges` and `findings`.

    `key` is the home's own, `Home.reference_key()`: by it each entity gets its reference.
    `insiders` names the rooms whose findings are for security alone.
    """
    reference.install(engine, key)
    engine.script(_RULES)
    engine.execute(
        "CREATE OR REPLACE TABLE scope_rooms AS SELECT unnest(CAST($rooms AS VARCHAR[])) AS room",
        {"rooms": list(insiders)},
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE scope_cited AS SELECT * FROM ("
        "SELECT finding_id, generate_subscripts(evidence, 1) AS place, unnest(evidence, "
        "recursive := true) FROM findings)"
    )
    engine.execute(
        "CREATE OR REPLACE TABLE scope_evidence "
        '(finding_id VARCHAR, place BIGINT, "column" VARCHAR, in_key BOOLEAN, node_id VARCHAR)'
    )
    cited = engine.rows('SELECT DISTINCT "table" AS name FROM scope_cited ORDER BY name')
    for row in cited:
        for statement in _mentions(TABLES[row["name"]]):
            engine.execute(statement)
    engine.execute("DROP TABLE IF EXISTS scope_rows")
    engine.execute("DROP TABLE scope_cited")


def kinds_named(column: Column) -> tuple[str, ...]:
    """The kinds of entity that a column's values may name; none for an ordinary value."""
    return _BY_KIND.get(column.kind, _BY_NAME.get(column.name, ()))


def _mentions(table: Table) -> Iterator[str]:
    """The statements that put down which entities the cited rows of a table name."""
    named = [(column, kinds_named(column)) for column in table.columns if kinds_named(column)]
    columns = "".join(f", told.{quoted(column.name)}" for column, _ in named)
    yield (
        f"CREATE OR REPLACE TEMP TABLE scope_rows AS SELECT finding_id, place{columns} "
        f"FROM scope_cited AS cited JOIN {quoted(table.name)} AS told "
        "ON told._file_sha256 = cited.file_sha256 AND told._row = cited.row "
        f'WHERE cited."table" = {literal(table.name)}'
    )
    for column, kinds in named:
        for kind in kinds:
            yield (
                "INSERT INTO scope_evidence SELECT finding_id, place, "
                f"{literal(column.name)}, {str(column.key).lower()}, node_id "
                "FROM scope_rows JOIN nodes "
                f"ON node_id = {literal(kind + ':')} || scope_rows.{quoted(column.name)}"
            )
