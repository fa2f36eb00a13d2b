"""Sights: what may be seen of a run, as files of the same shape as the run's own.

A reader of a sight filters nothing: what its reach may not see is not in the file, and persons
stand there by reference alone. HOME/sights/<run_id>/<digest of reach>.duckdb is made once, when
first asked for, and may be removed at any time. docs/access.md tells the rules.
"""

from __future__ import annotations

import hmac
import json
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from graph_service.access import reference, statistics
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal
from graph_service.errors import RunError
from graph_service.graph.derive import FOLDER as GRAPH
from graph_service.home import Home
from graph_service.run_file import RunFile, RunFolder
from graph_service.stores import adjacency
from graph_service.texts import both

_FOLDER: Final = Path(__file__).parent
_SEEN, _GRAPH, _FINDINGS, _COUNTS = (
    _FOLDER / f"sight_{name}.sql" for name in ("seen", "graph", "findings", "counts")
)
_WORDS: Final = GRAPH / "macros.sql"
_MADE_BY: Final = (
    *(_SEEN, _GRAPH, _FINDINGS, _COUNTS, _WORDS),
    *(reference.MACROS, Path(__file__), Path(statistics.__file__)),
)
_SUFFIX: Final = ".duckdb"
_BUILDING: Final = ".building"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far somebody sees: units (None: all), findings about insiders, lifted masks.

    `lifted` holds the references of persons whose protection two people have lifted for a case.
    """

    units: frozenset[str] | None
    insiders: bool
    lifted: frozenset[str] = frozenset()

    @property
    def parameters(self) -> dict[str, object]:
        """What the queries of a sight ask for."""
        return {
            "units": None if self.units is None else sorted(self.units),
            "insiders": self.insiders,
            "lifted": sorted(self.lifted),
        }


class Sights:
    """What may be seen of the runs of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._runs = RunFolder(home)

    def standing(self) -> RunFile | None:
        """The current run itself, whole and in clear; None before the first."""
        return self._runs.current()

    def current(
        self,
        *,
        units: frozenset[str] | None,
        insiders: bool,
        lifted: Collection[str] = frozenset(),
    ) -> RunFile | None:
        """What that reach sees of the current run; None before the first run."""
        run = self.standing()
        if run is None:
            return None
        return self.of(run, units=units, insiders=insiders, lifted=lifted)

    def of(
        self,
        run: RunFile,
        *,
        units: frozenset[str] | None,
        insiders: bool,
        lifted: Collection[str] = frozenset(),
    ) -> RunFile:
        """What that reach sees of a run. Raises RunError for a run that is older than sights."""
        reach = Reach(units, insiders, frozenset(lifted))
        key = self._home.reference_key()
        seen = RunFile(run.run_id, self._path(run, reach, key))
        if not seen.path.exists():
            with self._home.writing("sight"):
                if not seen.path.exists():
                    self._sweep()
                    self._make(run, reach, key, seen.path)
        return seen

    def _path(self, run: RunFile, reach: Reach, key: bytes) -> Path:
        """Named by the reach and by what makes it, so that a new program makes it anew."""
        told = json.dumps([reach.parameters, _made_by()]).encode()
        return self._home.sights / run.run_id / f"{hmac.digest(key, told, sha256).hex()}{_SUFFIX}"

    def _make(self, run: RunFile, reach: Reach, key: bytes, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(_BUILDING)
        with self._home.spill() as spill:
            build(run, reach, key, draft, spill=spill, before=self._before(run))
        draft.chmod(0o600)
        for made in (draft, draft.parent):
            handle = os.open(made, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        draft.rename(path)

    def _before(self, run: RunFile) -> RunFile | None:
        """The run that this one is compared with, where it is kept and tells who may see what."""
        (told,) = run.rows("run", order="run_id")
        kept = {each.run_id: each for each in self._runs.all()}
        before = kept.get(told["compared_with"])
        if before is not None:
            with before.open() as engine:
                if not _has_scope(engine, engine.value("SELECT current_database()")):
                    return None
        return before

    def _sweep(self) -> None:
        """Remove sights of runs that are gone, and what a process that died has left."""
        if not self._home.sights.is_dir():
            return
        standing = {run.run_id for run in self._runs.all()}
        for folder in self._home.sights.iterdir():
            if folder.name not in standing:
                shutil.rmtree(folder)
            else:
                for leftover in folder.glob(f"*{_BUILDING}*"):
                    leftover.unlink()


@cache
def _made_by() -> str:
    """The digest of what decides what a sight holds."""
    return sha256(b"".join(path.read_bytes() for path in _MADE_BY)).hexdigest()


def build(
    run: RunFile,
    reach: Reach,
    key: bytes,
    path: Path,
    *,
    spill: Path,
    before: RunFile | None = None,
) -> None:
    """Write the sight of a reach to a file that is not there yet.

    `before` is the run that this one is compared with: what is gone since is told where the
    reach saw it there. Raises RunError for a run that is older than sights.
    """
    seen_before = [] if before is None else _found(before, reach, key, spill)
    with Engine(path, spill=spill) as engine:
        _attach(engine, run, key)
        # Nothing that is masked later ever comes into the file, not even for a moment.
        for part in (_SEEN, _GRAPH, _FINDINGS):
            engine.script(part, reach.parameters | _words())
        statistics.mask(engine)
        engine.script(_COUNTS, reach.parameters | {"seen_before": seen_before})
        engine.execute("DETACH whole")
        adjacency.lay(engine)


def _found(run: RunFile, reach: Reach, key: bytes, spill: Path) -> list[str]:
    """The findings of a run that the reach sees."""
    with Engine(spill=spill) as engine:
        _attach(engine, run, key)
        for part in (_SEEN, _FINDINGS):
            engine.script(part, reach.parameters | _words())
        return [row["finding_id"] for row in engine.rows("SELECT finding_id FROM told")]


def _attach(engine: Engine, run: RunFile, key: bytes) -> None:
    engine.execute(f"ATTACH {literal(str(run.path))} AS whole (READ_ONLY)")
    if not _has_scope(engine, "whole"):
        raise RunError(
            f"Run {run.run_id} is older than the rules of who may see what. Make a new one."
        )
    reference.install(engine, key)
    engine.script(_WORDS)


def _has_scope(engine: Engine, database: str) -> bool:
    told = (
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE database_name = $database AND table_name = 'scope_nodes'"
    )
    return bool(engine.value(told, {"database": database}))


def _words() -> dict[str, str]:
    return {f"masked_{language}": words for language, words in both("access", "masked").items()}
