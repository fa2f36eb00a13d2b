"""Where the packaged rows came from: which file, read by which room, and what is stored there.

What is stored stands unmasked in an engine of its own, in a folder that goes with the work, so
that what is masked can be hunted down in the lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import quoted
from graph_service.evidence.lines.redaction import Packaged
from graph_service.evidence.material import Material
from graph_service.evidence.workspace import insert
from graph_service.lake import Lake
from graph_service.receipt import Receipt

_STORED: Final = Path(__file__).with_name("places.sql").read_text(encoding="utf-8")
_AT_A_TIME: Final = 2_000
_PLACES: Final = {
    "table": "VARCHAR",
    "file_sha256": "VARCHAR",
    "row": "BIGINT",
    "batch": "VARCHAR",
    "n": "INTEGER",
    "masked": "VARCHAR[]",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file as one room read it, with the receipts of that reading; never without any."""

    file: str
    file_sha256: str
    receipts: tuple[Receipt, ...]

    @property
    def room(self) -> str | None:
        """The room's name."""
        return self.receipts[0].source


class Places:
    """The packaged rows by their place: the engine holds `places` and `stored.<table>`."""

    def __init__(self, engine: Engine, material: Material) -> None:
        self._engine, self._material = engine, material
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in _PLACES.items())
        engine.execute(f"CREATE TABLE places ({columns})")
        engine.execute("CREATE SCHEMA stored")
        taken = material.engine.rows('SELECT DISTINCT "table" AS name FROM taken ORDER BY name')
        self._tables: list[str] = [row["name"] for row in taken]
        lake = Lake(material.home)
        self._receipts = {(told.batch, told.n, told.table): told for told in lake.receipts()}
        for table in self._tables:
            self._place(table)
            self._store(lake, table)

    def _place(self, table: str) -> None:
        rows = self._material.engine.stream(
            'SELECT taken."table", taken.file_sha256, taken."row", taken.batch, known._file AS n, '
            f"taken.masked FROM taken JOIN known.{quoted(table)} AS known "
            "ON known._file_sha256 = taken.file_sha256 AND known._row = taken.row "
            'WHERE taken."table" = $table',
            {"table": table},
        )
        while some := list(islice(rows, _AT_A_TIME)):
            insert(self._engine, "places", _PLACES, some)

    def _store(self, lake: Lake, table: str) -> None:
        batches = self._engine.rows(
            'SELECT DISTINCT batch FROM places WHERE "table" = $table', {"table": table}
        )
        parts = lake.files(table, [row["batch"] for row in batches])
        self._engine.execute(
            f"CREATE TABLE stored.{quoted(table)} AS {_STORED}", {"parts": parts, "table": table}
        )

    def deliveries(self) -> list[Delivery]:
        """Every file that packaged rows came from, once for each name and room it was read by."""
        found: dict[tuple[str, ...], list[Receipt]] = {}
        for row in self._engine.rows(
            'SELECT DISTINCT file_sha256, batch, n, "table" FROM places ORDER BY ALL'
        ):
            receipt = self._receipts[row["batch"], row["n"], row["table"]]
            reading = (row["file_sha256"], receipt.file, str(receipt.source), str(receipt.mapping))
            found.setdefault(reading, []).append(receipt)
        return [Delivery(at[1], at[0], tuple(told)) for at, told in sorted(found.items())]

    def asked(self, delivery: Delivery) -> list[tuple[str, int]]:
        """Table and row of what a reading brought, in the order of the rows."""
        asked: list[tuple[str, int]] = []
        for told in delivery.receipts:
            rows = self._engine.rows(
                'SELECT "table", "row" FROM places '
                'WHERE batch = $batch AND n = $n AND "table" = $table',
                {"batch": told.batch, "n": told.n, "table": told.table},
            )
            asked += [(row["table"], row["row"]) for row in rows]
        return sorted(asked, key=lambda at: (at[1], at[0]))

    def packaged(self, file_sha256: str, rows: Sequence[int]) -> dict[int, list[Packaged]]:
        """What is packaged of each of these rows of a file, whichever room read it."""
        found: dict[int, list[Packaged]] = {row: [] for row in rows}
        at = {"file_sha256": file_sha256, "rows": list(rows)}
        here = "_file_sha256 = $file_sha256 AND _row IN (SELECT unnest(CAST($rows AS BIGINT[])))"
        for table in self._tables:
            stored = self._engine.rows(
                f"SELECT stored.*, masked FROM stored.{quoted(table)} AS stored JOIN places "
                'ON "table" = $table AND file_sha256 = _file_sha256 AND "row" = _row '
                f"WHERE {here}",
                at | {"table": table},
            )
            told = {
                row["_row"]: row
                for row in self._material.engine.rows(
                    f"FROM known.{quoted(table)} WHERE {here}", at
                )
            }
            for row in stored:
                masked = frozenset(row["masked"])
                found[row["_row"]].append(Packaged(table, told[row["_row"]], row, masked))
        return found


@contextmanager
def places_of(material: Material) -> Iterator[Places]:
    """The places of what is packaged; the engine and its files go with the block."""
    with (
        material.home.spill() as folder,
        Engine(folder / "lines.duckdb", spill=folder) as engine,
    ):
        yield Places(engine, material)
