"""A home whose keeping is tested: decisions, erasures, and every byte that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graph_service.casework.database import open_database
from graph_service.casework.keeping import Keeping
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal
from graph_service.home import Home
from graph_service.keeping.erase import Erased, erase
from graph_service.records import Retention
from loaders.redact import redact
from tests.house import House

BY = "cli:test"


@contextmanager
def keeping_of(house: House) -> Iterator[Keeping]:
    with open_database(house.home, None) as database:
        yield Keeping(database, clock=house.clock)


def decide(house: House, **months: int) -> None:
    """Decide for each class named."""
    with keeping_of(house) as keeping:
        for name, each in months.items():
            keeping.decide(Retention(name), each, decision="KS 2026/12", by=BY)


def erased(house: House, **rules: Any) -> Erased:
    """Carry an erasure out, without runs unless `rerun` makes one."""
    with keeping_of(house) as keeping:
        given = {"rerun": lambda: None, "by": BY, "memory": "1GiB", "clock": house.clock} | rules
        return erase(house.home, keeping, redact, **given)


def stored(home: Home, table: str) -> list[dict[str, Any]]:
    """Every row in the files that lie in a table's folder, whether its log names them or not."""
    parts = sorted((home.lake / table).glob("_batch=*/*.parquet"))
    if not parts:
        return []
    listed = ", ".join(literal(str(part)) for part in parts)
    with Engine() as engine:
        return engine.rows(
            f"FROM read_parquet([{listed}], hive_partitioning = true, union_by_name = true, "
            "hive_types = {'_batch': VARCHAR})"
        )


def every_byte(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file as it lies, and what is packed in a Parquet or run file as text beside it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield path, path.read_bytes()
        if path.suffix == ".parquet":
            with Engine() as engine:
                rows = engine.rows(f"FROM read_parquet({literal(str(path))})")
            yield path, str(rows).encode()
        elif path.suffix == ".duckdb":
            with Engine(path, read_only=True) as engine:
                tables = [row["name"] for row in engine.rows("SHOW TABLES")]
                for table in tables:
                    yield path, str(engine.rows(f'FROM "{table}"')).encode()


def holding(folder: Path, mark: str) -> list[str]:
    """The files in which a mark stands anywhere."""
    return sorted(
        {
            str(path.relative_to(folder))
            for path, content in every_byte(folder)
            if mark.encode() in content
        }
    )
