"""Refused rows: a file that can be corrected and loaded again, and the reasons as a listing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from graph_service import texts
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal
from graph_service.home import Home
from graph_service.lake import Lake, Receipt
from loaders.decode import Decoded, numbered_sql

_INDEX: Final = "reasons"


def write(engine: Engine, decoded: Decoded, folder: Path, n: int, language: str) -> None:
    """Write the rows named in the table `faults`, in the source's dialect and columns.

    `folder` is the batch's own; the rows go to `<n>/<table>.csv` there, the reasons to an
    index beside it, and what could not be laid in columns to `<n>/<table>.unreadable`.
    """
    target = folder / str(n)
    target.mkdir(parents=True, exist_ok=True)
    index = folder / _INDEX
    index.mkdir(exist_ok=True)
    engine.execute(
        'COPY (SELECT row, "column", code, path FROM faults ORDER BY row, "column" NULLS FIRST, '
        f"code) TO {literal(str(index / f'{n}.{decoded.table}.parquet'))} (FORMAT parquet)"
    )
    if decoded.unreadable is not None:
        _copy_unreadable(engine, decoded, target / f"{decoded.table}.unreadable")
    _copy_rows(engine, decoded, target / f"{decoded.table}.csv", language)


def _copy_unreadable(engine: Engine, decoded: Decoded, target: Path) -> None:
    """Write row, code and record of what could not be laid in columns, if there is any.

    Where a column is dropped on sight nobody can say which part of the record that was: the raw
    copy alone keeps it.
    """
    lost = {
        row["row"]
        for row in engine.rows("SELECT row FROM faults WHERE code = 'wrong_column_count'")
    }
    if not lost:
        return
    assert decoded.unreadable is not None  # noqa: S101 - the caller has looked
    with (
        decoded.unreadable.open(encoding="ascii") as source,
        target.open("w", encoding="ascii") as copy,
    ):
        for line in source:
            row, code, record = line.split("\t", 2)
            if int(row) in lost:
                copy.write(f"{row}\t{code}\n" if decoded.dropped else f"{row}\t{code}\t{record}")


def _copy_rows(engine: Engine, decoded: Decoded, target: Path, language: str) -> None:
    engine.execute("CREATE OR REPLACE TEMP TABLE why (code VARCHAR, reason VARCHAR)")
    engine.load_rows(
        "why",
        [
            (code, texts.text(language, "reason", code, column="{column}", detail="{detail}"))
            for code in texts.keys("reason")
        ],
    )
    rows = decoded.original
    if not decoded.numbered:
        rows = numbered_sql(rows, decoded.first_row)
    hidden = "_row, _path" if decoded.nested else "_row"
    joined = "array_to_string(list(f.{} ORDER BY f.\"column\" NULLS FIRST, f.code), '; ')"
    reason = (
        "replace(replace(why.reason, '{column}', coalesce(f.\"column\", '')), "
        "'{detail}', coalesce(f.path, ''))"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE reasons AS SELECT f.row AS _row, "
        + joined.format("shown")
        + " AS _column, "
        + joined.format("code")
        + " AS _code, "
        + joined.format("reason")
        + ' AS _reason FROM (SELECT f.row, f."column", coalesce(f."column", \'\') AS shown, '
        f"f.code, {reason} AS reason FROM faults AS f JOIN why USING (code)) AS f GROUP BY f.row"
    )
    elsewhere = "WHERE _row NOT IN (SELECT row FROM odd WHERE code = 'wrong_column_count') "
    part = target.with_suffix(".utf8")
    engine.execute(
        f"COPY (SELECT o.* EXCLUDE ({hidden}), o._row, r._column, r._code, r._reason "
        f"FROM ({rows}) AS o JOIN reasons AS r USING (_row) "
        f"{elsewhere}"
        f"ORDER BY o._row) TO {literal(str(part))} "
        f"(FORMAT csv, HEADER true, DELIMITER {literal(decoded.delimiter)})",
        decoded.parameters or None,
    )
    if decoded.encoding == "utf-8":
        part.rename(target)
    else:
        with (
            part.open(encoding="utf-8", newline="") as source,
            target.open("w", encoding=decoded.encoding, errors="replace", newline="") as copy,
        ):
            shutil.copyfileobj(source, copy)
        part.unlink()


def listing(home: Home, batch: str | None, *, skip: int = 0) -> Iterator[dict[str, Any]]:
    """Every refused row and file but the first `skip`, as the contract prints it.

    One object a reason, always in the same order.
    """
    for receipt in Lake(home).receipts():
        if batch is not None and receipt.batch != batch:
            continue
        if receipt.refused is not None:
            if not skip:
                yield _reject(receipt, None, None, receipt.refused, receipt.detail)
            skip = max(0, skip - 1)
        elif receipt.rejected:
            folder = home.rejects / receipt.batch
            reasons = _reasons(folder, receipt) if skip else 0
            if skip == 0 or skip < reasons:
                yield from of_receipt(folder, receipt, skip=skip)
            skip = max(0, skip - reasons)


def of_receipt(folder: Path, receipt: Receipt, *, skip: int = 0) -> Iterator[dict[str, Any]]:
    """The refused rows of one receipt; none where they have been erased with their retention."""
    index = _index(folder, receipt)
    if not index.exists():
        return
    asked = "SELECT * FROM read_parquet($index) OFFSET $skip"
    with Engine() as engine:
        for fault in engine.stream(asked, {"index": str(index), "skip": skip}):
            found = _reject(
                receipt, fault["row"], fault["column"], fault["code"], fault["path"] or ""
            )
            yield found | ({"path": fault["path"]} if fault["path"] else {})


def _reasons(folder: Path, receipt: Receipt) -> int:
    """How many there are in the index, which tells it without reading them."""
    index = _index(folder, receipt)
    if not index.exists():
        return 0
    with Engine() as engine:
        counted = "SELECT count(*) FROM read_parquet($index)"
        return int(engine.value(counted, {"index": str(index)}))


def _index(folder: Path, receipt: Receipt) -> Path:
    return folder / _INDEX / f"{receipt.n}.{receipt.table}.parquet"


def _reject(
    receipt: Receipt, row: int | None, column: str | None, code: str, detail: str
) -> dict[str, Any]:
    words = {"column": column or "", "detail": detail}
    return {
        "batch": receipt.batch,
        "file": receipt.file,
        "file_sha256": receipt.file_sha256,
        "table": receipt.table,
        "row": row,
        "column": column,
        "code": code,
        "reason": texts.both("reason", code, **words),
        "cure": texts.both("cure", code, **words),
    }
