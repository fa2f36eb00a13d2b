"""Run files: one DuckDB file for each run, written once, then only read.

HOME/runs/<run_id>.duckdb           a published run
HOME/runs/<run_id>.duckdb.building  one under way; swept by the next run if its writer died
HOME/runs/current                   the id of the run that readers meet by default
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.errors import RunError
from graph_service.home import Home

_SUFFIX: Final = ".duckdb"
_BUILDING: Final = ".building"

#: The findings that people dismissed and that no score counts; runs of old have no such table.
SET_ASIDE: Final = "set_aside"

_EXPOSURE: Final = {"lower": "DOUBLE", "upper": "DOUBLE"}
_STRUCTURES: Final[Mapping[str, Mapping[str, Any]]] = {
    "findings": {
        "finding_id": "VARCHAR",
        "detector": "VARCHAR",
        "detector_digest": "VARCHAR",
        "strength": "VARCHAR",
        "provider_id": "VARCHAR",
        "subjects": [{"role": "VARCHAR", "kind": "VARCHAR", "id": "VARCHAR"}],
        "since": "DATE",
        "until": "DATE",
        "events": "BIGINT",
        "days": "BIGINT",
        "exposure_sek": _EXPOSURE,
        "statistics": "JSON",
        "summary": {"sv": "VARCHAR", "en": "VARCHAR"},
        "innocent": [{"story": "VARCHAR", "tested": "BOOLEAN", "outcome": "VARCHAR"}],
        "evidence": [
            {"table": "VARCHAR", "key": "JSON", "file_sha256": "VARCHAR", "row": "BIGINT"}
        ],
    },
    "scores": {
        "provider_id": "VARCHAR",
        "score": "DOUBLE",
        "cannot_assess": ["VARCHAR"],
        "not_assessed": ["VARCHAR"],
        "band": "VARCHAR",
        "rank": "BIGINT",
        "contributions": [
            {
                "detector": "VARCHAR",
                "family": "VARCHAR",
                "points": "DOUBLE",
                "findings": "BIGINT",
                "exposure_sek": _EXPOSURE,
            }
        ],
        "change": {"new_data": "DOUBLE", "changed_rule": "DOUBLE", "changed_peers": "DOUBLE"},
        "run_id": "VARCHAR",
        "as_of": "DATE",
        "known_by": "TIMESTAMP WITH TIME ZONE",
    },
    "run": {
        "run_id": "VARCHAR",
        "as_of": "DATE",
        "known_by": "TIMESTAMP WITH TIME ZONE",
        "complete": "BOOLEAN",
        "compared_with": "VARCHAR",
        "started_at": "TIMESTAMP WITH TIME ZONE",
        "finished_at": "TIMESTAMP WITH TIME ZONE",
        "version": "VARCHAR",
        "batches": ["VARCHAR"],
        "providers": "BIGINT",
        "findings": "BIGINT",
        "new": "BIGINT",
        "still": "BIGINT",
        "gone": "BIGINT",
    },
    "rooms": {
        "room": "VARCHAR",
        "digest": "VARCHAR",
        "rule": "VARCHAR",
        "thresholds": "JSON",
        "findings": "BIGINT",
        "seconds": "DOUBLE",
    },
    "changes": {"finding_id": "VARCHAR", "change": "VARCHAR"},
    SET_ASIDE: {"finding_id": "VARCHAR"},
    "links": {
        "kind": "VARCHAR",
        "a": "VARCHAR",
        "b": "VARCHAR",
        "status": "VARCHAR",
        "weight": "DOUBLE",
        "probability": "DOUBLE",
        "parts": [{"comparison": "VARCHAR", "level": "VARCHAR", "weight": "DOUBLE"}],
        "reason": "VARCHAR",
        "since": "DATE",
    },
}
#: What a sight of a run says beside (`access/sight.py`): the entity's reference.
_IN_SIGHTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "findings": {
        **_STRUCTURES["findings"],
        "provider_ref": "VARCHAR",
        "subjects": [{**_STRUCTURES["findings"]["subjects"][0], "ref": "VARCHAR"}],
    },
    "scores": {**_STRUCTURES["scores"], "provider_ref": "VARCHAR"},
}
_ROWS_AT_A_TIME: Final = 256


@dataclass(frozen=True, slots=True)
class RunFile:
    """One published run."""

    run_id: str
    path: Path

    def open(self) -> Engine:
        """The file, for reading only. Use it as a context."""
        return Engine(self.path, read_only=True)

    def rows(
        self, table: str, *, order: str, where: Mapping[str, str | None] | None = None
    ) -> list[dict[str, Any]]:
        """Rows of a table as JSON would say them; `where` keeps those with the given values."""
        wanted = {name: value for name, value in (where or {}).items() if value is not None}
        condition = " AND ".join(f'"{name}" = ${name}' for name in wanted) or "true"
        with self.open() as engine:
            found = engine.rows(f"FROM {table} WHERE {condition} ORDER BY {order}", wanted)
        structure = _IN_SIGHTS.get(table, _STRUCTURES[table])
        return [_plain(row, structure) for row in found]

    def set_aside(self) -> frozenset[str]:
        """The findings of the run that no score counts, since people dismissed them."""
        with self.open() as engine:
            told = "SELECT count(*) FROM duckdb_tables() WHERE table_name = $table"
            if not engine.value(told, {"table": SET_ASIDE}):
                return frozenset()
        rows = self.rows(SET_ASIDE, order="finding_id")
        return frozenset(row["finding_id"] for row in rows)

    def name_of(self, org_id: str) -> str | None:
        """An organisation's name, where the records tell and may show one."""
        with self.open() as engine:
            name = engine.value(
                "SELECT name FROM nodes WHERE node_id = 'organisation:' || $org_id",
                {"org_id": org_id},
            )
        return name if isinstance(name, str) else None


class RunFolder:
    """The run files of one home folder."""

    def __init__(self, home: Home) -> None:
        self._folder = home.runs
        self._pointer = home.runs / "current"

    def all(self) -> list[RunFile]:
        """Every published run, oldest first."""
        paths = self._folder.glob(f"*{_SUFFIX}") if self._folder.is_dir() else ()
        found = [RunFile(path.name.removesuffix(_SUFFIX), path) for path in paths]
        return sorted(found, key=lambda run: run.run_id)

    def current(self) -> RunFile | None:
        """The last full run of the present, or None before the first."""
        try:
            run_id = self._pointer.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return next((found for found in self.all() if found.run_id == run_id), None)

    def named(self, run_id: str) -> RunFile:
        """The run of that id."""
        for found in self.all():
            if found.run_id == run_id:
                return found
        raise RunError(f"There is no run {run_id}. Name one listed by `graph-service runs`.")

    @contextmanager
    def building(self, stamp: str) -> Iterator[RunFile]:
        """A run under way, not listed until it is published. Use it under the run lock."""
        self._sweep()
        taken = {found.run_id for found in self.all()}
        run_id, again = stamp, 1
        while run_id in taken:
            again += 1
            run_id = f"{stamp}-{again}"
        try:
            yield RunFile(run_id, self._folder / f"{run_id}{_SUFFIX}{_BUILDING}")
        finally:
            self._sweep()

    def _sweep(self) -> None:
        """Remove what a run that failed or died has left."""
        for leftover in self._folder.glob(f"*{_BUILDING}*"):
            leftover.unlink()

    def publish(self, built: RunFile, *, current: bool) -> RunFile:
        """Show a closed run to readers, whole or not at all; then make it the current one."""
        published = RunFile(built.run_id, self._folder / f"{built.run_id}{_SUFFIX}")
        _sync(built.path)
        built.path.rename(published.path)
        _sync(self._folder)
        if current:
            draft = self._pointer.with_suffix(_BUILDING)
            draft.write_text(f"{built.run_id}\n", encoding="utf-8")
            _sync(draft)
            draft.rename(self._pointer)
            _sync(self._folder)
        return published


def write(engine: Engine, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Create a table of a run file from rows as JSON says them."""
    structure = _STRUCTURES[table]
    columns = ", ".join(f'"{name}" {_sql_type(kind)}' for name, kind in structure.items())
    engine.execute(f'CREATE OR REPLACE TABLE main."{table}" ({columns})')
    lines = [_line(table, row) for row in rows]
    for start in range(0, len(lines), _ROWS_AT_A_TIME):
        engine.execute(
            f'INSERT INTO main."{table}" BY NAME '
            "SELECT unnest(json_transform_strict(line, $structure)) "
            "FROM (SELECT unnest($lines) AS line)",
            {"structure": json.dumps(structure), "lines": lines[start : start + _ROWS_AT_A_TIME]},
        )


def _line(table: str, row: Mapping[str, Any]) -> str:
    foreign = sorted(set(row) - set(_STRUCTURES[table]))
    if foreign:
        raise ValueError(f"table {table} of a run file has no column {foreign[0]}")
    whole = {name: row.get(name) for name in _STRUCTURES[table]}
    return json.dumps(whole, ensure_ascii=False)


def _sql_type(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    if isinstance(kind, Sequence):
        return f"{_sql_type(kind[0])}[]"
    parts = [f'"{name}" {_sql_type(part)}' for name, part in kind.items()]
    return f"STRUCT({', '.join(parts)})"


def _plain(value: Any, kind: Any) -> Any:
    """A stored value as JSON says it."""
    if value is None or isinstance(kind, str):
        if kind == "JSON" and value is not None:
            return json.loads(value)
        return value.isoformat() if hasattr(value, "isoformat") else value
    if isinstance(kind, Mapping):
        return {name: _plain(value[name], part) for name, part in kind.items() if name in value}
    return [_plain(item, kind[0]) for item in value]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
