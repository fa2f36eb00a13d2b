"""From a file's bytes to text columns that the engine can judge, whatever the file's form."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.errors import FileRefused
from graph_service.records import DROPPED_COLUMNS, TABLES, Table
from loaders.delimited import Delimited, prepare
from loaders.document import DocumentRoom
from loaders.header import Dialect, head
from loaders.mapping import Mapping as SourceMapping

#: What a reject file adds to a row; ignored when the corrected file is loaded.
REJECT_COLUMNS: Final = ("_row", "_column", "_code", "_reason")
CANONICAL: Final = Dialect(encodings=("utf-8",))


@dataclass(slots=True)
class Decoded:
    """One table's rows of one file, as text.

    `sql` yields the contract's `columns` and, where `numbered`, `_row` (and `_path`); else the
    n-th row it yields is row `first_row` + n. `original` yields what a reject file shows.
    `odd` holds row, column, code and path of what decoding itself found wrong; a row with an
    empty code is no record at all. A `condemned` table stands in a document of which another
    part is refused: an invoice and its lines are taken together or not at all. An `archive` may
    break while it is read. `records` is how many rows `sql` must yield, where that is known.
    `may_lack` are required columns of which a row may say nothing: what was known of them stays.
    """

    table: str
    columns: tuple[str, ...]
    sql: str
    parameters: dict[str, Any]
    original: str
    numbered: bool = False
    nested: bool = False
    first_row: int = 2
    padded: bool = True
    odd: list[Path] = field(default_factory=list)
    unreadable: Path | None = None
    delimiter: str = ","
    encoding: str = "utf-8"
    dropped: tuple[str, ...] = ()
    counted: dict[str, int] = field(default_factory=dict)
    skipped_word: str | None = None
    condemned: bool = False
    archive: bool = False
    records: int | None = None
    may_lack: tuple[str, ...] = ()

    @property
    def passing(self) -> tuple[str, ...]:
        """Columns of `sql` that are no values."""
        return (("_row", "_path") if self.nested else ("_row",)) if self.numbered else ()


def numbered_sql(sql: str, first_row: int) -> str:
    """The rows of `sql` with their number in the source; counted one by one, so in its order."""
    return f"SELECT row_number() OVER () + {first_row - 1} AS _row, * FROM ({sql})"


def delimited_sql(found: Delimited, delimiter: str) -> tuple[str, dict[str, Any]]:
    """A query over a prepared file: columns c0, c1, … as text, rows in the file's order."""
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(found.header)))
    longest = max(2_000_000, 2 * found.longest)
    return (
        f"SELECT * FROM read_csv($path, auto_detect = false, header = false, "
        f"skip = {found.header_row}, columns = {{{columns}}}, delim = {literal(delimiter)}, "
        f"quote = '\"', escape = '\"', max_line_size = {longest}, null_padding = false)",
        {"path": str(found.path)},
    )


def check_header(table: Table, header: Sequence[str]) -> tuple[str, ...]:
    """The contract's columns that a canonical header names; refuses a header that is wrong."""
    names = [name for name in header if name not in REJECT_COLUMNS]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileRefused("duplicate_header", ", ".join(map(column_shown, twice)))
    unknown = [name for name in names if name not in table.names and name not in DROPPED_COLUMNS]
    if unknown:
        raise FileRefused("unknown_column", ", ".join(column_shown(name) for name in unknown))
    missing = [name for name in table.required if name not in names]
    if missing:
        raise FileRefused("missing_column", ", ".join(missing))
    return tuple(name for name in names if name not in DROPPED_COLUMNS)


def column_shown(name: str) -> str:
    """A column's name as a message may show it: a file without a header has values there."""
    return name if name.replace("_", "").isalpha() and len(name) <= 40 else "(?)"


def canonical_delimited(table: str, path: Path, folder: Path, name: str) -> Decoded:
    """A CSV file of the contract."""
    return tabular(table, prepare(path, CANONICAL, folder, name), ",")


def tabular(table: str, found: Delimited, delimiter: str) -> Decoded:
    """A prepared delimited file whose header is the contract's."""
    columns = check_header(TABLES[table], found.header)
    sql, parameters = delimited_sql(found, delimiter)
    named = ", ".join(f"c{found.header.index(name)} AS {quoted(name)}" for name in columns)
    query = f"SELECT {named} FROM ({sql})"
    return Decoded(
        table=table,
        columns=columns,
        sql=query,
        parameters=parameters,
        original=query,
        first_row=found.header_row + 1,
        padded=found.padded,
        records=found.records,
        odd=[] if found.odd is None else [_named_odd(found, columns)],
        unreadable=found.unreadable,
        dropped=tuple(name for name in found.header if name in DROPPED_COLUMNS),
    )


def _named_odd(found: Delimited, kept: Collection[str]) -> Path:
    """Odd records with column names in place of numbers; other values are not judged."""
    assert found.odd is not None  # noqa: S101 - the caller has looked
    target = found.odd.with_suffix(".named")
    with (
        found.odd.open(encoding="ascii", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        writer = csv.writer(copy, lineterminator="\n")
        for row, column, code in csv.reader(source):
            name = found.header[int(column)] if column else ""
            if not column or name in kept:
                writer.writerow([row, name, code, ""])
    return target


def mapped(
    engine: Engine, mapping: SourceMapping, path: Path, folder: Path, name: str, today: date
) -> Iterator[Decoded]:
    """The tables that a mapping makes of one delimited file."""
    delimiter = delimiter_of(mapping, path)
    found = prepare(path, Dialect(delimiter, mapping.dialect.encodings), folder, name)
    # Exports often end each line with a delimiter; what stands in no column of a name is no value.
    header = tuple(name for name in found.header if name and name not in REJECT_COLUMNS)
    twice = sorted(name for name, n in Counter(map(str.casefold, header)).items() if n > 1)
    if twice:
        raise FileRefused("duplicate_header", ", ".join(map(column_shown, twice)))
    missing = mapping.missing(header)
    if missing:
        raise FileRefused("missing_column", ", ".join(missing))
    sql, parameters = delimited_sql(found, delimiter)
    kept = [
        f"c{i} AS {quoted(column)}"
        for i, column in enumerate(found.header)
        if column in header and column not in mapping.dropped(header)
    ]
    relation = "source_rows"
    numbered = numbered_sql(sql, found.header_row + 1)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT _row, {', '.join(kept)} "
        f"FROM ({numbered})",
        parameters,
    )
    shown = [column for column in header if column not in mapping.dropped(header)]
    odd = [] if found.odd is None else [_named_odd(found, shown)]
    for table in mapping.tables:
        yield Decoded(
            table=table,
            columns=mapping.columns(table, shown),
            sql=mapping.select(table, shown, relation, today=today, padded=found.padded),
            parameters={},
            original=f"SELECT _row, {', '.join(quoted(c) for c in shown)} FROM {relation}",
            numbered=True,
            first_row=found.header_row + 1,
            odd=odd,
            unreadable=found.unreadable,
            delimiter=delimiter,
            encoding=found.encoding,
            dropped=tuple(mapping.dropped(header)),
            counted=_inferred(engine, mapping, table, shown, relation, today),
            skipped_word=mapping.is_total("record"),
        )


def delimiter_of(mapping: SourceMapping, path: Path) -> str:
    """The first of the mapping's delimiters under which the header has what it needs."""
    for delimiter in mapping.dialect.delimiters:
        header = head(path, Dialect(delimiter, mapping.dialect.encodings))
        if header and not mapping.missing(header):
            return delimiter
    return mapping.dialect.delimiters[0]


def _inferred(
    engine: Engine,
    mapping: SourceMapping,
    table: str,
    header: Sequence[str],
    rows: str,
    today: date,
) -> dict[str, int]:
    sql = mapping.inferred_centuries(table, header, rows, today=today)
    if sql is None:
        return {}
    counts = engine.rows(sql)[0]
    return {f"century_inferred:{column}": n for column, n in counts.items() if n}


def documents(room: DocumentRoom, path: Path, folder: Path, name: str) -> Iterator[Decoded]:
    """The tables of one nested document, in the order they first appear."""
    counted: Counter[str] = Counter()
    writers: dict[str, _DocumentTable] = {}
    with ExitStack() as stack:
        for row in room.read(path, counted=counted, folder=folder):
            if row.table not in writers:
                writers[row.table] = _DocumentTable(row.table, folder, name, stack)
            writers[row.table].write(row.row, row.path, row.values)
            for fault in row.faults:
                writers[row.table].note(row.row, fault.column, fault.code, fault.path or row.path)
    dropped = tuple(sorted(n.split(":", 1)[1] for n in counted if n.startswith("dropped:")))
    counts = {n: count for n, count in counted.items() if not n.startswith("dropped:")}
    for table in writers.values():
        yield table.decoded(dropped, counts)


class _DocumentTable:
    """Rows of one table of a document, on their way through a CSV file."""

    def __init__(self, table: str, folder: Path, name: str, stack: ExitStack) -> None:
        self.table = TABLES[table]
        self.path = folder / f"{name}.{table}.csv"
        self.odd = folder / f"{name}.{table}.odd"
        self.present: set[str] = set()
        self._rows = csv.writer(
            stack.enter_context(self.path.open("w", encoding="utf-8", newline=""))
        )
        self._odd = csv.writer(
            stack.enter_context(self.odd.open("w", encoding="utf-8", newline=""))
        )

    def write(self, row: int, path: str, values: Mapping[str, str | None]) -> None:
        self.present.update(values)
        self._rows.writerow([row, path, *(values.get(name) for name in self.table.names)])

    def note(self, row: int, column: str | None, code: str, path: str) -> None:
        self._odd.writerow([row, column or "", code, path])

    def decoded(self, dropped: tuple[str, ...], counted: dict[str, int]) -> Decoded:
        spoken_of = self.present.union(self.table.required)
        columns = tuple(name for name in self.table.names if name in spoken_of)
        described = ", ".join(
            f"{literal(name)}: 'VARCHAR'" for name in ("_row", "_path", *self.table.names)
        )
        named = ", ".join(quoted(name) for name in columns)
        query = (
            f"SELECT _row::BIGINT AS _row, _path, {named} FROM read_csv($path, header = false, "
            f"auto_detect = false, columns = {{{described}}}, delim = ',', quote = '\"', "
            "escape = '\"', max_line_size = 40000000)"
        )
        return Decoded(
            table=self.table.name,
            columns=columns,
            sql=query,
            parameters={"path": str(self.path)},
            original=query,
            numbered=True,
            nested=True,
            odd=[self.odd],
            dropped=dropped,
            counted=counted,
        )
