"""Why a server did not come up, read from what it left behind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

#: What a log says → what it means and the cure; the first that fits is told.
_REASONS: Final = (
    (
        r"No space left on device|not enough space|Disk quota exceeded",
        "the disk is full. Free some space, or give another home",
    ),
    (
        r"Address already in use|BindException",
        "another process took its port in the same moment. Start it again",
    ),
    (
        r"Invalid (initial|maximum) heap size|Initial heap size set to a larger value",
        "the heap is no size that Java knows, or too small. Give --heap one such as 1g",
    ),
    (
        r"pagecache\.size",
        "the page cache is no size that Neo4j knows. Give --page-cache one such as 512m",
    ),
    (
        r"insufficient memory|Could not reserve enough space|unable to allocate|OutOfMemory",
        "the machine has too little memory left. Give smaller --heap and --page-cache",
    ),
    (
        r"store version|StoreVersion|StoreTooNew|migrat|Unknown system graph version",
        "its data is of another version of Neo4j. Use a new home and publish the graph anew, "
        "or restore a dump made by this version",
    ),
    (
        r"store_lock|Lock file has been locked|StoreLockException|FileLockException",
        "another server uses its data. End that one first",
    ),
    (
        r"Permission denied|AccessDenied|Read-only file system|ReadOnlyFileSystem",
        "its folder may not be written. Give a home that you own",
    ),
)


def reason(logs: Path) -> str:
    """One sentence: the reason if it is a known one, else the log's own last words."""
    said = "\n".join(_tail(logs / name) for name in ("console.log", "neo4j.log", "debug.log"))
    for pattern, meaning in _REASONS:
        if re.search(pattern, said):
            return f"The server did not start: {meaning}. Its log is in {logs}."
    errors = [line for line in said.splitlines() if re.search(r"ERROR|Caused by|Error:", line)]
    last = f" ({errors[-1].strip()[:300]})" if errors else ""
    return f"The server ended before it answered{last}. Its log is in {logs}."


def _tail(path: Path, size: int = 64 * 1024) -> str:
    try:
        return path.read_bytes()[-size:].decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
