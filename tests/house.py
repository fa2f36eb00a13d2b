"""A home folder of a test, files to load into it, and rows that the contract takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.records import TABLES, Column, Kind
from loaders import reject_file
from loaders.load import Options, Outcome, load, withdraw


def luhn(digits: str) -> str:
    """The check digit that makes nine digits a personal or an organisation's number."""
    doubled = (int(d) * (2 - i % 2) for i, d in enumerate(digits))
    return str(-sum(n // 10 + n % 10 for n in doubled) % 10)


def person(n: int = 0, born: str = "19900101") -> str:
    """A synthetic personnummer: n-th of those born on a day in 1990."""
    day = (datetime.strptime(born, "%Y%m%d") + timedelta(days=n // 2)).strftime("%Y%m%d")
    nine = day[2:] + ("238", "239")[n % 2]
    return day[:2] + nine + luhn(nine)


def organisation(n: int = 0) -> str:
    nine = f"55990{n:04}"
    return nine + luhn(nine)


_OF_KIND = {
    Kind.PERSON: person(),
    Kind.ORGANISATION: organisation(),
    Kind.PARTY: person(),
    Kind.ACCOUNT: "BG:99900011",
    Kind.DATE: "2026-03-01",
    Kind.TIMESTAMP: "2026-03-01T08:00",
    Kind.MONEY: "1.5",
    Kind.DECIMAL: "0.5",
    Kind.INTEGER: "3",
    Kind.BOOLEAN: "true",
    Kind.COUNTRY: "SE",
    Kind.CURRENCY: "SEK",
    Kind.POSTCODE: "111 22",
    Kind.IP: "192.0.2.1",
    Kind.EMAIL: "a@example.org",
    Kind.PHONE: "08-123 456 78",
    Kind.INDUSTRY: "88101",
}


def sample(column: Column) -> str:
    """A value that a column takes."""
    if column.values:
        return column.values[0]
    return _OF_KIND.get(column.kind, f"{column.name}-1")


def row(table: str, /, **values: str | None) -> dict[str, str | None]:
    """A row with every required column and `values`."""
    made = {c.name: sample(c) for c in TABLES[table].columns if c.required}
    for name in ("owner_kind", "holder_kind", "about_kind"):
        if name in made:
            made[name] = "person"
    return {**made, **values}


def csv_text(rows: Sequence[Mapping[str, Any]], **dialect: Any) -> str:
    text = io.StringIO(newline="")
    names = list(dict.fromkeys(name for each in rows for name in each))
    writer = csv.DictWriter(text, names, lineterminator="\n", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


class House:
    """A home folder with a clock that goes a second forward each time it is looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.lake = Lake(self.home)
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)
        self.files = 0

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def give(self, name: str, data: str | bytes | Iterable[Mapping[str, Any]]) -> Path:
        """Write a file in a folder of its own; rows are written as CSV."""
        self.files += 1
        path = self.folder / "files" / str(self.files) / name
        path.parent.mkdir(parents=True)
        if isinstance(data, bytes):
            path.write_bytes(data)
        else:
            text = data if isinstance(data, str) else csv_text(list(data))
            path.write_text(text, encoding="utf-8", newline="")
        return path

    def load(self, *paths: Path, **options: Any) -> Outcome:
        return load(self.home, paths, Options(**options), clock=self.clock)

    def load_rows(self, table: str, *rows: Mapping[str, Any]) -> Outcome:
        return self.load(self.give(f"{table}.csv", rows))

    def load_text(self, name: str, text: str | bytes) -> Outcome:
        return self.load(self.give(name, text))

    def withdraw(self, outcome: Outcome) -> list[str]:
        found = withdraw(self.home, outcome.batch, reason="wrong file", clock=self.clock)
        return [receipt.batch for receipt in found]

    def rejects(self, outcome: Outcome | None = None) -> list[dict[str, Any]]:
        return list(reject_file.listing(self.home, outcome and outcome.batch))

    def reasons(self, outcome: Outcome | None = None) -> list[tuple[int | None, str | None, str]]:
        """Row, column and code of every reject."""
        return [(r["row"], r["column"], r["code"]) for r in self.rejects(outcome)]

    def reject_path(self, outcome: Outcome, table: str, n: int = 1) -> Path:
        return self.home.rejects / outcome.batch / str(n) / f"{table}.csv"

    def known(self, sql: str, known_by: datetime | None = None) -> list[tuple[Any, ...]]:
        with Engine() as engine:
            self.lake.open_records(engine, known_by)
            return [tuple(found.values()) for found in engine.rows(sql)]

    def leftovers(self) -> list[str]:
        """Files of the home that no receipt accounts for."""
        receipts = self.lake.receipts()
        batches = {receipt.batch for receipt in receipts}
        kept = {receipt.file_sha256 for receipt in receipts}
        found = [p for p in self.home.path.rglob("*") if p.is_file()]
        odd = []
        for path in found:
            place = path.relative_to(self.home.path).parts
            if (
                place[0].startswith(".")
                or place == ("version",)
                or ("_delta_log" in place and path.suffix != ".tmp")
            ):
                continue
            if place[0] == "raw" and path.name in kept:
                continue
            if place[0] == "rejects" and place[1] in batches:
                continue
            if place[0] == "lake" and place[2].removeprefix("_batch=") in batches:
                continue
            odd.append("/".join(place))
        return odd


def counts(outcome: Outcome) -> list[tuple[int, int, int, int, int]]:
    """Read, stored, superseding, duplicates and rejected of each receipt."""
    return [(r.read, r.stored, r.superseding, r.duplicates, r.rejected) for r in outcome.receipts]
