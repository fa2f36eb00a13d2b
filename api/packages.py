"""Packages of approved exports, wired: the rooms, the cutter of lines, the key, the authority."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from api.cli_run import ROOMS
from graph_service.access.table import Caller
from graph_service.casework.database import Database
from graph_service.casework.export_file import Package
from graph_service.casework.exports import Exports
from graph_service.clock import Clock
from graph_service.detector import open_rooms
from graph_service.evidence.bag.signature import KeyFile
from graph_service.evidence.bag.timestamp import Authority
from graph_service.evidence.export import Exported, export
from graph_service.evidence.kept import Kept
from graph_service.evidence.material import Progress
from graph_service.home import Home
from graph_service.settings import Settings
from loaders.cut import cut

#: How long one waits for another package that is under way; each takes about a minute.
_WAIT_SECONDS: Final = 120


class Packages:
    """Makes packages, each noted in the custody of its export."""

    def __init__(self, settings: Settings, database: Database, *, clock: Clock) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._home = Home(settings.home)
        self._exports = Exports(database, clock=clock)
        self._kept = Kept(self._home)

    def make(
        self, export_id: str, caller: Caller, out: Path, *, progress: Progress = lambda _: None
    ) -> Exported:
        """Make the package of an approved export at `out`; see `Exports.request` for refusals.

        Where the case is changed while the package is made, there is none.
        """
        request = self._exports.request(export_id, caller)
        made = export(
            self._home,
            self._database,
            request,
            caller,
            out,
            clock=self._clock,
            rooms=open_rooms(ROOMS),
            cutter=cut,
            signer=KeyFile(self._home, self._settings.signing_key).signer(),
            authority=Authority.of(self._settings.timestamp),
            progress=progress,
        )
        try:
            self._exports.made(
                export_id,
                caller,
                sha256=made.sha256,
                size=made.size,
                findings=made.findings,
                rows=made.rows,
            )
        except Exception:
            out.unlink(missing_ok=True)
            raise
        return made

    def kept(self, export_id: str, caller: Caller) -> Package:
        """The package that is kept for download, made where there is none yet."""
        with self._kept.making(wait_seconds=_WAIT_SECONDS):
            found = self.download(export_id, caller)
            if found is not None:
                file, package = found
                file.close()
                return package
            self.make(export_id, caller, self._kept.place(export_id))
        return self._exports.packages(export_id, caller)[0]

    def download(self, export_id: str, caller: Caller) -> tuple[BinaryIO, Package] | None:
        """The file that is kept of an export, to be closed, while its approval holds."""
        self._exports.request(export_id, caller)
        made = {each.sha256: each for each in self._exports.packages(export_id, caller)}
        found = self._kept.open(export_id, made)
        return None if found is None else (found[0], made[found[1]])
