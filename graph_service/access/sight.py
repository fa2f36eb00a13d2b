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
from graph_service.texts import text

_FOLDER: Final = Path(__file__).parent
_BEFORE: Final = tuple(_FOLDER / f"sight_{name}.sql" for name in ("seen", "graph", "findings"))
_AFTER: Final = _FOLDER / "sight_counts.sql"
_WORDS: Final = GRAPH / "macros.sql"
_MADE_BY: Final = (
    *_BEFORE,
    _AFTER,
    _WORDS,
    reference.MACROS,
    Path(__file__),
    Path(statistics.__file__),
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
        made_by = sha256(b"".join(path.read_bytes() for path in _MADE_BY)).hexdigest()
        told = json.dumps([reach.parameters, made_by]).encode()
        return self._home.sights / run.run_id / f"{hmac.digest(key, told, sha256).hex()}{_SUFFIX}"

    def _make(self, run: RunFile, reach: Reach, key: bytes, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(_BUILDING)
        with self._home.spill() as spill:
            build(run, reach, key, draft, spill=spill)
        draft.chmod(0o600)
        for made in (draft, draft.parent):
            handle = os.open(made, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        draft.rename(path)

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


def build(run: RunFile, reach: Reach, key: bytes, path: Path, *, spill: Path) -> None:
    """Write the sight of a reach to a file that is not there yet."""
    with Engine(path, spill=spill) as engine:
        engine.execute(f"ATTACH {literal(str(run.path))} AS whole (READ_ONLY)")
        if not engine.value(
            "SELECT count(*) FROM duckdb_tables() "
            "WHERE database_name = 'whole' AND table_name = 'scope_nodes'"
        ):
            raise RunError(
                f"Run {run.run_id} is older than the rules of who may see what. Make a new one."
            )
        reference.install(engine, key)
        engine.script(_WORDS)
        told = {
            f"masked_{language}": text(language, "access", "masked") for language in ("sv", "en")
        }
        # Nothing that is masked later ever comes into the file, not even for a moment.
        for part in _BEFORE:
            engine.script(part, reach.parameters | told)
        statistics.mask(engine)
        engine.script(_AFTER, reach.parameters)
        engine.execute("DETACH whole")
        adjacency.lay(engine)
