"""Terminal: carry a home up, back it up, bring it back, prune it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from api.desk import at_desk
from api.listing import FORMAT, Format, emit
from api.session import Command, current, say
from graph_service import texts
from graph_service.casework.exports import Exports
from graph_service.casework.keeping import Keeping
from graph_service.evidence.kept import Kept
from graph_service.home import NEWEST_VERSION
from graph_service.keeping import backup as copies
from graph_service.keeping import version
from graph_service.keeping.manifest import Manifest
from graph_service.keeping.prune import prune as prune_home

_ELSEWHERE: Final = "elsewhere"


@click.command(cls=Command)
def upgrade() -> None:
    """Carry the home folder, and its casework, to what this program writes."""
    session = current()
    home = session.home
    reached = NEWEST_VERSION
    for reached in version.upgrade(home, session.settings.database_url):
        say(texts.text(session.language, "keeping", "upgraded", version=reached))
    with at_desk(session, "upgrade"):
        pass
    say(texts.text(session.language, "keeping", "newest", version=home.version))


@click.command(cls=Command)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@FORMAT
def backup(directory: Path, form: Format) -> None:
    """Copy the home folder to DIRECTORY while it serves and loads.

    A second backup to the same place takes over what has not changed.
    """
    session = current()
    home = session.home
    with at_desk(session, "backup") as desk:
        made = copies.back_up(
            home,
            directory.resolve(),
            database=desk.database,
            anchor=session.settings.audit_anchor or home.audit,
            clock=session.now,
        )
    if made.casework == _ELSEWHERE:
        say(texts.text(session.language, "keeping", "casework_elsewhere"))
    emit([_about(made)], form)


@click.command(cls=Command)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@FORMAT
def restore(directory: Path, form: Format) -> None:
    """Bring a backup back into an empty or missing home folder.

    Ends with 4, and names the file, where a byte of the backup is not as it was written.
    """
    session = current()
    made = copies.restore(directory, session.settings.home)
    if made.casework == _ELSEWHERE:
        say(texts.text(session.language, "keeping", "bring_casework"))
    with at_desk(session, "restore"):
        pass
    emit([_about(made)], form)


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@FORMAT
def prune(dry_run: bool, form: Format) -> None:
    """Remove old runs and packages by the stated rules, and lay the lake's small files together."""
    session = current()
    kept = Kept(session.home)
    with at_desk(session, "prune") as desk:
        keep = Keeping(desk.database, clock=session.now).runs_of_cases()
        pruned = prune_home(session.home, clock=session.now, keep=keep, dry_run=dry_run)
        standing = Exports(desk.database, clock=session.now).standing()
        if dry_run:
            packages = [path.stem for path in kept.lapsed(standing)]
        else:
            packages = kept.sweep(standing)
            desk.tells("run", pruned.runs)
            desk.tells("export", packages)
    rows = [{"what": "run", "name": run_id, "count": 1} for run_id in pruned.runs]
    rows += [{"what": "package", "name": export_id, "count": 1} for export_id in packages]
    rows += [
        {"what": what, "name": None, "count": count}
        for what, count in (("parts_merged", pruned.merged), ("parts_removed", pruned.removed))
        if count
    ]
    emit(rows, form)


def _about(made: Manifest) -> dict[str, object]:
    return {
        "made_at": made.made_at,
        "home_version": made.home_version,
        "casework": made.casework,
        "batches": made.batches,
        "current_run": made.current_run,
        "files": len(made.files),
        "bytes": sum(file.bytes for file in made.files.values()),
        "retention": dict(made.retention),
        "last_erasure": made.last_erasure,
    }


COMMANDS: Final = (upgrade, backup, restore, prune)
