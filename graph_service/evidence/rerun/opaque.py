"""How a counted row is told: its figures and days as they are, its texts as the recipient may know.

A room's rows are its own, and no declaration says what their texts mean. So a text stands only
where the recipient has it anyway: in the packaged rows or findings, or as a word of the rule or
of the contract. Whoever is of the case stands as in the findings; every other text becomes a
stand-in, the same for the same text throughout the case, that leads nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from graph_service.access.reference import PATTERN
from graph_service.engines.known import quoted
from graph_service.evidence.material import Material
from graph_service.graph.declaration import KINDS
from graph_service.records import TABLES, Masking
from graph_service.room import Room

_LITERAL: Final = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_OF_KIND: Final = re.compile(rf"({'|'.join(KINDS)}|[A-Z]{{2}}):(.+)", re.DOTALL)
#: What rooms read of a text without knowing what it says: that it is an address or a number.
_MARKS: Final = (("@", "@"), (":", ":"), (r"\d{10}", "0000000000"))
_LETTERS: Final = 16
#: Where somebody lives or can be reached, were it told as a number.
_WHERE: Final = frozenset(
    column.name
    for table in TABLES.values()
    for column in table.columns
    if column.masking in (Masking.ADDRESS, Masking.CONTACT)
)


class Opaque:
    """Says the rows of one room."""

    def __init__(self, material: Material, room: Room) -> None:
        self._key = material.home.reference_key()
        self._salt = f"{material.case.case_id}:{room.name}"
        given = frozenset(_texts([*material.findings, *_packaged(material)]))
        self._stands = given | _words(room)
        self._told = _told(material, {text for text in given if PATTERN.fullmatch(text)})

    def whole(self, value: Any, name: str = "") -> Any:
        """A value with all that is in it, each text said as it may be."""
        if isinstance(value, Mapping):
            return {key: self.whole(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [self.whole(part, name) for part in value]
        if isinstance(value, str):
            return self._said(value)
        return None if name in _WHERE else value

    def figures(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row that leads to none of the findings: what it counted, and nothing of its records."""
        return {
            name: self.whole([] if isinstance(part, list) and name != "subjects" else part, name)
            for name, part in row.items()
        }

    def _said(self, text: str) -> str:
        if text in self._told:
            return self._told[text]
        if not text or text in self._stands or _DAY.fullmatch(text):
            return text
        if match := _OF_KIND.fullmatch(text):
            return f"{match[1]}:{self._said(match[2])}"
        digest = hmac.digest(self._key, f"{self._salt}:{text}".encode(), hashlib.sha256)
        marks = "".join(mark for pattern, mark in _MARKS if re.search(pattern, text))
        return f"other-{base64.b32encode(digest).decode().lower()[:_LETTERS]}{marks}"


def texts_of(row: Mapping[str, Any]) -> frozenset[str]:
    """Every text in a row, those of the graph without their kind too."""
    said = set(_texts(row))
    return frozenset(said | {m[2] for text in said if (m := _OF_KIND.fullmatch(text))})


def _told(material: Material, references: set[str]) -> dict[str, str]:
    """What the recipient is told of those of the case, by their own identifier and node_id."""
    entities = {entity.reference: entity.key for entity in material.entities}
    asked = sorted(references | set(entities))
    with material.whole_run.open() as engine:
        found = engine.rows(
            "SELECT ref, node_id, key FROM scope_nodes "
            "WHERE ref IN (SELECT unnest(CAST($refs AS VARCHAR[])))",
            {"refs": asked},
        )
    told = dict(material.workspace.stand_ins)
    for row in found:
        said = entities.get(row["ref"], material.told(row["ref"]))
        told[row["key"]] = said
        told[row["node_id"]] = f"{row['node_id'].partition(':')[0]}:{said}"
    return told


def _packaged(material: Material) -> Iterator[Mapping[str, Any]]:
    """The packaged rows, by the contract's columns."""
    for table in TABLES.values():
        columns = ", ".join(quoted(name) for name in table.names)
        yield from material.engine.stream(f"SELECT {columns} FROM known.{quoted(table.name)}")


def _words(room: Room) -> frozenset[str]:
    """The words of a rule, and of the contract."""
    refinement = room.folder / "refine.py"
    sources = [room.query, room.network_query or ""]
    sources += [refinement.read_text(encoding="utf-8")] if refinement.is_file() else []
    words = {word for source in sources for pair in _LITERAL.findall(source) for word in pair}
    for table in TABLES.values():
        words |= {table.name, *table.names}
        words |= {value for column in table.columns for value in column.values}
    return frozenset(words)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
