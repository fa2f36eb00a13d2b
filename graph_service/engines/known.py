"""SQL over the stored parts of a record table, made from its declaration."""

from __future__ import annotations

from collections.abc import Sequence

from graph_service.records import PROVENANCE, Table


def quoted(name: str) -> str:
    """A name as SQL writes it; `end` and `table` are words of the language."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def stored_columns(table: Table) -> list[tuple[str, str]]:
    """Name and SQL type of every stored column, provenance first read last written."""
    return [(column.name, column.stored_type) for column in table.columns] + list(PROVENANCE)


def known_sql(table: Table, files: Sequence[str]) -> str:
    """The rows of `files` that nothing later supersedes.

    Few rows supersede, and those that do say so, so the later versions are a small table
    to look each key up in, however many rows there are.
    """
    columns = stored_columns(table)
    names = ", ".join(quoted(name) for name, _ in columns)
    if not files:
        nothing = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in columns)
        return f"SELECT {nothing} WHERE false"
    listed = ", ".join(literal(file) for file in files)
    parts = (
        f"read_parquet([{listed}], hive_partitioning = true, "
        "hive_types = {'_batch': VARCHAR}, union_by_name = true)"
    )
    same_key = " AND ".join(
        f"later.{quoted(name)} IS NOT DISTINCT FROM earlier.{quoted(name)}" for name in table.key
    )
    return (
        f"SELECT {names} FROM {parts} AS earlier WHERE NOT EXISTS ("
        f"SELECT 1 FROM {parts} AS later WHERE later._supersedes AND {same_key} "
        "AND (later._batch, later._file) > (earlier._batch, earlier._file))"
    )
