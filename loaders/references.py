"""References to rows that nobody has told of yet: counted, never a reason to refuse."""

from __future__ import annotations

from collections.abc import Sequence

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.records import TABLES, Table


def open_mentions(engine: Engine) -> None:
    """Make the table that collects what rows refer to, until the whole batch has been read."""
    engine.execute(
        'CREATE TEMP TABLE mentions (n INTEGER, "table" VARCHAR, "column" VARCHAR, '
        "value VARCHAR, rows BIGINT)"
    )


def mention(engine: Engine, table: Table, columns: Sequence[str], n: int) -> None:
    """Collect what the good rows of one table of the n-th file refer to (view `sound`)."""
    for column in table.references:
        if column.name in columns:
            name = quoted(column.name)
            engine.execute(
                f"INSERT INTO mentions SELECT {n}, {literal(table.name)}, {literal(column.name)}, "
                f"{name}, count(*) FROM sound WHERE {name} IS NOT NULL GROUP BY {name}"
            )


def unresolved(engine: Engine, n: int, table: str, columns: Sequence[str]) -> dict[str, int]:
    """Rows of one table of one file that refer to what no batch has told of, by column.

    Reads the views `target_<table>`, which hold the batch's own rows too.
    """
    found: dict[str, int] = {}
    for name in columns:
        column = TABLES[table][name]
        if column.refers_to is None:
            continue
        target, target_column = column.refers_to
        count = engine.value(
            "SELECT coalesce(sum(rows), 0)::BIGINT FROM mentions WHERE n = $n "
            'AND "table" = $table AND "column" = $column AND value NOT IN '
            f"(SELECT {quoted(target_column)} FROM {quoted('target_' + target)})",
            {"n": n, "table": table, "column": name},
        )
        if count:
            found[name] = count
    return found
