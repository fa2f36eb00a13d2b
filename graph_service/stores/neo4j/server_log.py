"""Why a server did not come up or does not end, read from its own log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FULL_DISK: Final = "the disk is full. Free some space"
#: What a complaint says → what it means and the cure; the first that fits is told.
_MEANINGS: Final = (
    (r"No space left on device|Disk quota exceeded", FULL_DISK),
    (
        r"Address already in use|BindException",
        "another process took its port in the same moment. Start it again",
    ),
    (
        r"Could not reserve enough space|insufficient memory|exceeds physical memory|OutOfMemory",
        "the machine has too little memory. Give a smaller --heap and --page-cache",
    ),
    (
        r"newer version of neo4j|UnsupportedLogVersion|StoreVersion|store version|StoreUpgrade",
        "its data is of another version of Neo4j. Use a new home and publish the graph anew, "
        "or restore a dump made by this version",
    ),
    (
        r"store_lock|FileLockException|Lock file has been locked",
        "another server uses its data. End that one first",
    ),
    (
        r"Permission denied|AccessDenied|Read-only file system",
        "its folder may not be written. Give a home that you own",
    ),
)
_COMPLAINT: Final = re.compile(r"ERROR|WARN|Caused by:|Exception|^Error|Could not")


def meaning(logs: Path) -> str | None:
    """What went wrong and the cure, if the log tells one of the known faults."""
    complaints = "\n".join(_complaints(logs))
    return next((said for pattern, said in _MEANINGS if re.search(pattern, complaints)), None)


def reason(logs: Path) -> str:
    """One sentence on a server that did not come up: the fault if known, else its last words."""
    if known := meaning(logs):
        return f"The server did not start: {known}. Its log is in {logs}."
    last = [line for line in _complaints(logs) if not line.lstrip().startswith("at ")][-1:]
    words = f" ({last[0].strip()[:300]})" if last else ""
    return f"The server ended before it answered{words}. Its log is in {logs}."


def _complaints(logs: Path, size: int = 256 * 1024) -> list[str]:
    """The lines of this start that complain; debug.log is left out, for it repeats all settings."""
    found: list[str] = []
    for name in ("console.log", "neo4j.log"):
        try:
            said = (logs / name).read_bytes()[-size:].decode("utf-8", "replace")
        except FileNotFoundError:
            continue
        found += [line for line in said.splitlines() if _COMPLAINT.search(line)]
    return found
