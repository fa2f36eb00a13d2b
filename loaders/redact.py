"""What may stay of a delivered file after an erasure.

A file is read again by the room that read it. A record may stay while its key is in the lake, or
while its refusal is kept; what may not becomes an empty line, so that every other row keeps its
number and its bytes. Where a record is no line of its own (workbooks, Parquet, documents, a line
that fed several tables), or the room that read the file is not there any more, the records that
may stay are written as JSON lines: `table`, `row`, and `values` by the contract's columns.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.engines.macros import MACROS, STOCKHOLM
from graph_service.errors import FileRefused
from graph_service.keeping.redaction import Form, Source
from graph_service.receipt import Receipt
from graph_service.records import TABLES
from loaders import blanks
from loaders.accept import has_faults
from loaders.batch import decode
from loaders.decode import Decoded
from loaders.rooms import CANONICAL, Room, that_read

_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")


def redact(engine: Engine, source: Source, target: Path) -> Form | None:
    """Write to `target` what may stay of a file (see `keeping.redaction.Redactor`)."""
    engine.execute("CREATE OR REPLACE TEMP TABLE gone (row BIGINT)")
    engine.execute('CREATE OR REPLACE TEMP TABLE rest ("table" VARCHAR, row BIGINT, "values" JSON)')
    engine.execute("CREATE OR REPLACE TEMP TABLE delivered (batch VARCHAR, n INTEGER)")
    receipts = [receipt for receipt in source.receipts if receipt.refused is None]
    if not receipts:
        return None
    engine.load_rows("delivered", [[receipt.batch, receipt.n] for receipt in receipts])
    if source.form is Form.REBUILT:
        return _filter(engine, source.path, target)
    folder = target.with_name(f"{target.name}.decoded")
    folder.mkdir()
    try:
        found = _read_again(engine, source, receipts, folder)
        if found is None:
            return _rebuild_from_lake(engine, receipts, target)
        return _redact(engine, source, receipts, found, target)
    finally:
        shutil.rmtree(folder)


def _read_again(
    engine: Engine, source: Source, receipts: Sequence[Receipt], folder: Path
) -> list[Decoded] | None:
    """The file's tables by the one room that read it; None where that cannot be."""
    room = _room(receipts)
    if room is None:
        return None
    engine.script(MACROS)
    engine.script(STOCKHOLM)
    today = receipts[0].loaded_at.astimezone(_STOCKHOLM).date()
    try:
        found = decode(engine, room, source.path, source.name, folder, "redacted", today)
    except FileRefused:
        return None
    tables = [decoded for decoded in found if isinstance(decoded, Decoded)]
    for decoded in tables:
        has_faults(engine, decoded, today)
        _judge(engine, decoded)
    return tables


def _room(receipts: Sequence[Receipt]) -> Room | None:
    readings = {(receipt.source, receipt.mapping) for receipt in receipts}
    if len(readings) > 1:
        return None
    return that_read(*readings.pop())


def _is_text(source: Source, receipts: Sequence[Receipt]) -> bool:
    """Whether the file is delimited text, in which a record is a line of its own."""
    canonical = receipts[0].mapping is None and receipts[0].source == CANONICAL
    return receipts[0].mapping is not None or (canonical and source.name.lower().endswith(".csv"))


def _judge(engine: Engine, decoded: Decoded) -> None:
    """Rows that may not stay go to `gone`, sound ones that may to `rest`."""
    table = TABLES[decoded.table]
    same_key = " AND ".join(
        f"old.{quoted(name)} IS NOT DISTINCT FROM new.{quoted(name)}"
        if name in decoded.columns
        else f"old.{quoted(name)} IS NULL"
        for name in table.key
    )
    stored = f"EXISTS (FROM kept.{quoted(table.name)} AS old WHERE {same_key})"
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE still_refused AS SELECT DISTINCT row FROM refused "
        f'SEMI JOIN delivered USING (batch, n) WHERE "table" = {literal(table.name)}'
    )
    engine.execute(
        f"INSERT INTO gone SELECT _row FROM records AS new WHERE NOT {stored} "
        "AND _row NOT IN (FROM still_refused) UNION SELECT row FROM odd "
        "WHERE code = 'wrong_column_count' AND row NOT IN (FROM still_refused)"
    )
    values = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in decoded.columns)
    engine.execute(
        f"INSERT INTO rest SELECT {literal(table.name)}, _row, to_json(struct_pack({values})) "
        f"FROM judged AS new WHERE {stored}"
    )


def _redact(
    engine: Engine,
    source: Source,
    receipts: Sequence[Receipt],
    found: Sequence[Decoded],
    target: Path,
) -> Form | None:
    gone = engine.value("SELECT count(DISTINCT row) FROM gone")
    if not gone:
        return None
    refused = engine.value("SELECT count(*) FROM refused SEMI JOIN delivered USING (batch, n)")
    lines = len(found) == 1 and _is_text(source, receipts)
    if not engine.value("SELECT count(*) FROM rest") and not (lines and refused):
        return Form.ERASED
    if not lines:
        return _write_rest(engine, target)
    rows = [row["row"] for row in engine.rows("SELECT DISTINCT row FROM gone ORDER BY row")]
    blanks.blank(source.path, target, found[0].delimiter, rows)
    return Form.BLANKED


def _rebuild_from_lake(engine: Engine, receipts: Sequence[Receipt], target: Path) -> Form | None:
    """What the lake has of a file that cannot be read again; None where nothing has gone of it."""
    stored = sum(receipt.stored + receipt.superseding for receipt in receipts)
    repeated = sum(receipt.duplicates + receipt.rejected for receipt in receipts)
    of_file = {"sha256": receipts[0].file_sha256}
    for name in sorted({str(receipt.table) for receipt in receipts}):
        values = ", ".join(f"{quoted(each)} := {quoted(each)}" for each in TABLES[name].names)
        engine.execute(
            f"INSERT INTO rest SELECT {literal(name)}, _row, to_json(struct_pack({values})) "
            f"FROM kept.{quoted(name)} WHERE _file_sha256 = $sha256",
            of_file,
        )
    remain = engine.value("SELECT count(*) FROM rest")
    if remain == stored and not repeated:
        return None
    return _write_rest(engine, target) if remain else Form.ERASED


def _filter(engine: Engine, path: Path, target: Path) -> Form | None:
    """Of records that were written as JSON lines, those whose key is still in the lake."""
    lines = (
        f"read_json({literal(str(path))}, format = 'newline_delimited', "
        "columns = {'table': 'VARCHAR', 'row': 'BIGINT', 'values': 'JSON'})"
    )
    tables = [row["table"] for row in engine.rows(f'SELECT DISTINCT "table" FROM {lines}')]
    for name in tables:
        table = TABLES[name]
        same_key = " AND ".join(
            f'CAST(new."values"->>{literal(key)} AS {table[key].stored_type}) '
            f"IS NOT DISTINCT FROM old.{quoted(key)}"
            for key in table.key
        )
        engine.execute(
            f'INSERT INTO rest FROM {lines} AS new WHERE new."table" = {literal(name)} '
            f"AND EXISTS (FROM kept.{quoted(name)} AS old WHERE {same_key})"
        )
    remain = engine.value("SELECT count(*) FROM rest")
    if remain == engine.value(f"SELECT count(*) FROM {lines}"):
        return None
    return _write_rest(engine, target) if remain else Form.ERASED


def _write_rest(engine: Engine, target: Path) -> Form:
    engine.execute(
        f'COPY (FROM rest ORDER BY "table", row) TO {literal(str(target))} (FORMAT json)'
    )
    return Form.REBUILT
