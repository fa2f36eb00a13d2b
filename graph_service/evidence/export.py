"""From an approved request to a package: gather, run again, write, seal, check, and only then show.

The package is put together in a folder beside the others' work and is moved to its place when a
check by the recipient's own program has held. A killed export leaves nothing that anyone lists.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph_service.access.table import Caller
from graph_service.casework.database import Database
from graph_service.casework.snapshot import snapshot
from graph_service.clock import Clock
from graph_service.errors import EvidenceError
from graph_service.evidence import bag, custody, lines, network, package, rerun, rows
from graph_service.evidence.bag.signature import Signer
from graph_service.evidence.bag.timestamp import Authority
from graph_service.evidence.lines.writing import Cutter
from graph_service.evidence.material import Material, Progress, gathered
from graph_service.evidence.report import facts, pages, record
from graph_service.evidence.report.contents import Contents
from graph_service.evidence.request import Request
from graph_service.evidence.rerun.writing import How, Rerun
from graph_service.evidence.verification.checks import verify
from graph_service.home import Home
from graph_service.room import Room

#: The steps of an export, in order, as `progress` is told them.
STEPS: Final = (
    "case",
    "rows",
    "again",
    "lines",
    "network",
    "report",
    "custody",
    "seal",
    "verify",
)


@dataclass(frozen=True, slots=True)
class Exported:
    """A package that was made and checked. `reruns` counts findings by how they are had again."""

    path: Path
    sha256: str
    size: int
    findings: int
    rows: int
    reruns: Mapping[How, int]


def export(
    home: Home,
    database: Database,
    request: Request,
    caller: Caller,
    out: Path,
    *,
    clock: Clock,
    rooms: Collection[Room],
    cutter: Cutter,
    signer: Signer,
    authority: Authority | None = None,
    progress: Progress = lambda _: None,
) -> Exported:
    """Make the package of an approved request at `out`, for a member of its case.

    Raises Conflict where the case is no more as it was, NotThere for who does not work on it,
    and EvidenceError where the package that came of it does not hold: then there is none.
    """
    case = snapshot(database, request.case_id, caller, clock=clock)
    with home.spill() as folder:
        root = folder / package.ROOT
        (root / package.DATA).mkdir(parents=True)
        with gathered(
            home,
            case,
            request,
            rooms,
            made_at=clock(),
            file=folder / "material.duckdb",
            spill=folder,
            progress=progress,
        ) as material:
            reruns, contents = _write(material, root, cutter, progress)
            progress("custody")
            custody.write(material, database, root, made_by=caller.user_id)
            packaged = material.engine.value("SELECT count(*) FROM taken")
            about = _about(material, contents)
        progress("seal")
        bag.seal(root, about, signer, authority)
        made = folder / "package.zip"
        bag.pack(root, made)
        sha256, size = bag.hashed(made), made.stat().st_size
        progress("verify")
        _check(made, rooms, signer, folder)
        _move(made, out)
    counted = Counter(found.how for found in reruns.values())
    return Exported(out, sha256, size, len(reruns), int(packaged), counted)


def _write(
    material: Material, root: Path, cutter: Cutter, progress: Progress
) -> tuple[Mapping[str, Rerun], Contents]:
    """Everything that the payload holds but for the custody log."""
    progress("again")
    facts.link(material)
    reruns = rerun.write(material, root)
    rows.write(material, root)
    progress("lines")
    lines.write(material, root, cutter)
    progress("network")
    network.write(material, root)
    progress("report")
    contents = facts.contents(material, reruns)
    record.write(contents, root)
    pages.write(contents, material, root)
    return reruns, contents


def _about(material: Material, contents: Contents) -> dict[str, str]:
    """What the bag says of itself; nothing that tells who anybody is."""
    request = material.request
    return {
        "Source-Organization": contents.municipality,
        "External-Identifier": request.export_id,
        "Internal-Sender-Identifier": request.case_id,
        "Bagging-Date": material.made_on.isoformat(),
        "External-Description": material.recipient.title.sv,
    }


def _check(made: Path, rooms: Collection[Room], signer: Signer, spill: Path) -> None:
    """What a recipient would be told of it."""
    told = verify(made, rooms, key=signer.fingerprint, spill=spill)
    if not told.holds:
        raise EvidenceError(
            f"The package that was made does not hold ({told.faults[0]}), and was not given out. "
            "Tell those who maintain the program."
        )


def _move(made: Path, out: Path) -> None:
    """Show the package at its place, whole or not at all, to its owner alone."""
    draft = out.with_name(f".{out.name}.building")
    draft.unlink(missing_ok=True)
    shutil.copyfile(made, draft)
    draft.chmod(0o600)
    draft.replace(out)
