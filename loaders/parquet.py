"""Parquet files of the contract: each value as the text that the contract would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.errors import FileRefused
from graph_service.records import DROPPED_COLUMNS, TABLES, Kind
from loaders.decode import Decoded, check_header, column_shown
from loaders.record_bounds import LARGEST_FIELD

_MARKS: Final = (b"PAR1", b"PARE")
#: A whole number is exact below 2^53. Other digits than the first fifteen are noise of the binary
#: form; what no decimal holds shows its exponent, which every kind of column refuses.
_OF_DOUBLE: Final = (
    "CASE WHEN {c} = trunc({c}) AND abs({c}) <= 9007199254740992 THEN ({c}::BIGINT)::VARCHAR "
    "ELSE coalesce(rtrim(rtrim(try_cast(CASE WHEN abs({c}) < 1e15 THEN format('{{:.15g}}', {c}) "
    "END AS DECIMAL(38, 18))::VARCHAR, '0'), '.'), format('{{:e}}', {c})) END"
)
_OF_DECIMAL: Final = "rtrim(rtrim({c}::VARCHAR, '0'), '.')"
_OF_INSTANT: Final = "strftime(timezone('UTC', {c}), '%Y-%m-%dT%H:%M:%S.%f') || 'Z'"
_OF_NAIVE: Final = "({c}::TIMESTAMP)::VARCHAR"
_OF_DAY: Final = (
    "CASE WHEN {c}::TIMESTAMP = date_trunc('day', {c}::TIMESTAMP) THEN ({c}::DATE)::VARCHAR "
    f"ELSE {_OF_NAIVE} END"
)
_NAIVE: Final = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_FLOATS: Final = ("DOUBLE", "FLOAT")
_PLAIN: Final = ("VARCHAR", "BOOLEAN", "DATE", "UUID", "JSON", "HUGEINT", "UHUGEINT", '"NULL"')


def canonical_parquet(engine: Engine, table: str, path: Path, folder: Path, name: str) -> Decoded:
    """A Parquet file of the contract.

    Raises `FileRefused`: `not_a_table`, `unreadable_archive`, `too_large`, or what is wrong with
    the columns' names.
    """
    relation = f"read_parquet({literal(str(path))}, file_row_number = true)"
    try:
        header = _header(engine, path)
        columns = check_header(TABLES[table], header)
        types = dict(engine.columns(f"SELECT * EXCLUDE (file_row_number) FROM {relation}"))
        texts = [
            f"{_as_text(column, types[column], TABLES[table][column].kind)} AS {quoted(column)}"
            for column in columns
        ]
        _check_sizes(engine, relation, types, columns)
        odd = _not_numbers(engine, relation, types, columns, folder / f"{name}.nan")
    except engine.failure as error:
        with path.open("rb") as stream:
            parquet = stream.read(4) in _MARKS
        raise FileRefused("unreadable_archive" if parquet else "not_a_table") from error
    query = f"SELECT file_row_number + 2 AS _row, {', '.join(texts)} FROM {relation}"
    return Decoded(
        table=table,
        columns=columns,
        sql=query,
        parameters={},
        original=query,
        numbered=True,
        archive=True,
        odd=odd,
        dropped=tuple(column for column in header if column in DROPPED_COLUMNS),
    )


def _header(engine: Engine, path: Path) -> list[str]:
    """The columns as the file has them; the engine would rename one that stands twice."""
    parts = engine.rows(
        "SELECT name, coalesce(num_children, 0) AS inside FROM parquet_schema($path)",
        {"path": str(path)},
    )
    names, inside = list[str](), 0
    for part in parts[1:]:
        if inside == 0:
            names.append(part["name"])
        inside += part["inside"] - (inside > 0)
    return names


def _as_text(column: str, kind: str, wanted: Kind) -> str:
    name = quoted(column)
    if kind in _NAIVE:
        return (_OF_DAY if wanted is Kind.DATE else _OF_NAIVE).format(c=name)
    if kind == "FLOAT":
        return _OF_DOUBLE.format(c=f"({name}::VARCHAR::DOUBLE)")
    if kind == "DOUBLE":
        return _OF_DOUBLE.format(c=name)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _OF_INSTANT.format(c=name)
    if kind.startswith("DECIMAL") and not kind.endswith(",0)"):
        return _OF_DECIMAL.format(c=name)
    if kind in _PLAIN or kind.endswith(("INT", "INTEGER")) or kind.startswith("DECIMAL"):
        return f"{name}::VARCHAR"
    raise FileRefused("not_a_table", f"{column_shown(column)}: {kind.split('(', maxsplit=1)[0]}")


def _check_sizes(
    engine: Engine, relation: str, types: Mapping[str, str], columns: Sequence[str]
) -> None:
    texts = [name for name in columns if types[name] in ("VARCHAR", "JSON")]
    if not texts:
        return
    longest = ", ".join(f"max(strlen({quoted(name)}))" for name in texts)
    size = engine.value(f"SELECT greatest(0, {longest}) FROM {relation}")
    if size > LARGEST_FIELD:
        raise FileRefused("too_large", "a field")


def _not_numbers(
    engine: Engine, relation: str, types: Mapping[str, str], columns: Sequence[str], target: Path
) -> list[Path]:
    """Where a floating-point column holds NaN or infinity, which the contract takes nowhere."""
    floats = [name for name in columns if types[name] in _FLOATS]
    if not floats:
        return []
    found = " UNION ALL ".join(
        f"SELECT file_row_number + 2, {literal(name)}, 'bad_number', '' FROM {relation} "
        f"WHERE NOT isfinite({quoted(name)})"
        for name in floats
    )
    engine.execute(f"COPY ({found}) TO {literal(str(target))} (FORMAT csv, HEADER false)")
    return [target]
