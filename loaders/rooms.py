"""Which room reads a file: by the name of the file, its first bytes, or its header."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from graph_service.errors import DeclarationError, FileRefused, UsageError
from graph_service.records import DROPPED_COLUMNS, TABLES
from loaders.decode import REJECT_COLUMNS
from loaders.document import DocumentRoom
from loaders.header import Dialect, head
from loaders.mapping import Mapping

CANONICAL: Final = "canonical"
_HEAD: Final = 64 << 10
_ROOMS: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Room:
    """One source: the contract's own files, a mapping, or a parser of nested documents.

    The rows of a `whole` document are accepted together or not at all. `may_lack` lists, by
    table, required columns that the format itself does not require.
    """

    name: str
    endings: tuple[str, ...] = ()
    contains_any: tuple[str, ...] = ()
    mapping: Mapping | None = None
    parser: DocumentRoom | None = None
    whole: bool = False
    may_lack: Dictionary[str, Sequence[str]] = field(default_factory=dict)

    @property
    def digest(self) -> str | None:
        """What a mapping says; a file is the same delivery only under the same mapping."""
        return None if self.mapping is None else self.mapping.digest


@cache
def rooms() -> dict[str, Room]:
    """Every room that stands under `loaders/`, by name."""
    declared = sorted(_ROOMS.glob("*/source.toml"))
    return {path.parent.name: _open(path) for path in declared}


def _open(declared: Path) -> Room:
    name = declared.parent.name
    about: dict[str, Any] = tomllib.loads(declared.read_text(encoding="utf-8"))
    if about.get("name") != name:
        raise DeclarationError(f"loaders/{name}/source.toml: name must be the folder's, {name}")
    recognise = about.get("recognise", {})
    endings = tuple(recognise.get("endings", (".csv", ".txt")))
    if name == CANONICAL:
        return Room(name, endings)
    if (declared.parent / "parse.py").exists():
        parser = cast(DocumentRoom, import_module(f"loaders.{name}.parse"))
        whole = bool(about.get("whole_document", False))
        return Room(
            name,
            endings,
            tuple(recognise["contains_any"]),
            parser=parser,
            whole=whole,
            may_lack=about.get("may_lack", {}),
        )
    return Room(name, endings, mapping=Mapping.read(declared))


def named(source: str) -> Room:
    """The room that `--source` names."""
    try:
        return rooms()[source]
    except KeyError:
        known = ", ".join(rooms())
        raise UsageError(f"There is no room of that name. The rooms are: {known}.") from None


def that_read(source: str | None, mapping: str | None) -> Room | None:
    """The room of a receipt, if it is there and its mapping still says what it said."""
    room = rooms().get(source or "")  # a mapping of the municipality's own is kept by no home
    return room if room is not None and room.digest == mapping else None


def room_of(path: Path, name: str) -> Room:
    """The room that recognises a snapshot `path` of a file called `name`.

    Raises `FileRefused`: `unknown_source`, or what can be seen at once to be wrong.
    """
    ending = Path(name).suffix.lower()
    if path.stat().st_size == 0:
        raise FileRefused("empty_file")
    start = _start(path)
    if ending == ".xml" and "<!DOCTYPE" in start:
        raise FileRefused("unsafe_xml", "DOCTYPE")
    for room in rooms().values():
        if ending in room.endings and any(mark in start for mark in room.contains_any):
            return room
    canonical = rooms()[CANONICAL]
    if ending in (".parquet", ".xlsx"):
        if ending == ".parquet" and Path(name).stem not in TABLES:
            raise FileRefused("unknown_source")
        return canonical
    of_table = ending == ".csv" and Path(name).stem in TABLES
    if of_table and _is_canonical(Path(name).stem, head(path, Dialect())):
        return canonical
    for room in rooms().values():
        mapping = room.mapping if ending in room.endings else None
        if mapping is not None and any(map(mapping.recognises, headers(path, mapping))):
            return room
    if of_table:
        return canonical
    raise FileRefused("unknown_source")


def headers(path: Path, mapping: Mapping) -> list[tuple[str, ...]]:
    """The header as each of a mapping's delimiters would have it."""
    return [
        tuple(
            column
            for column in head(path, Dialect(delimiter, mapping.dialect.encodings))
            if column not in REJECT_COLUMNS
        )
        for delimiter in mapping.dialect.delimiters
    ]


def _is_canonical(table: str, header: Sequence[str]) -> bool:
    known = {*TABLES[table].names, *DROPPED_COLUMNS, *REJECT_COLUMNS}
    return bool(header) and set(header) <= known


def _start(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(_HEAD)
    wide = start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return start.decode("utf-16" if wide else "utf-8", errors="replace")
