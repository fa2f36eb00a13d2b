"""What one request sees of a run: read in the caller's sight, named in clear within a case, logged.

The sight holds only what the caller may see, so nothing is left out here. What an answer tells
is noted for the log by walking the whole of it: no route can forget to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Path

from api.http.door import Asked
from api.http.readers import Reading
from graph_service.access.clear import Clear
from graph_service.access.reference import PATTERN, kind_of
from graph_service.errors import NotThere, RunError
from graph_service.run_file import RunFile, RunFolder
from graph_service.stores.answers import Entity, as_json
from graph_service.stores.embedded import EmbeddedReader

#: What a part of an answer has that tells an entity itself: an entity's name, a subject's role.
_NAMED: Final = frozenset({"name", "role"})
#: The kinds whose readings are logged: who, and which firm.
_LOGGED: Final = ("person-", "organisation-")
NO_ENTITY: Final = "There is no such entity in the current run, or it is not for you to see."

#: An entity's opaque reference in a path.
Ref = Annotated[str, Path(max_length=100, description="The entity's opaque reference.")]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request's view of one run."""

    ask: Asked
    reading: Reading

    @property
    def lookups(self) -> EmbeddedReader:
        """What the network's questions are put to."""
        return self.reading.lookups

    def entity(self, ref: str, *, kind: str | None = None) -> Entity:
        """The entity of that reference; NotThere, in the same words, where none is seen."""
        rows = self.lookups.rows("names", {"nodes": [ref]})
        if not rows or kind not in {None, rows[0]["entity"]["kind"]}:
            raise NotThere(NO_ENTITY)
        return Entity.of(rows[0]["entity"])

    def told(self, answer: Any) -> Any:
        """The answer in plain values, the case's own in clear; the log is told what it tells."""
        plain = as_json(answer)
        if self.ask.clear:
            self._clear(plain)
        for part in _parts(plain):
            if "finding_id" in part:
                self.ask.tells("finding", [part["finding_id"]])
            elif part.get("subject") == "finding":
                self.ask.tells("finding", [part["id"]])
        for text in dict.fromkeys(_texts(plain)):
            if text.startswith(_LOGGED) and PATTERN.fullmatch(text):
                self.ask.tells(kind_of(text), [text])
        return plain

    def _clear(self, plain: Any) -> None:
        """Name the entities that the case shows in clear; the log is told whom, by reference."""
        whole = RunFolder(self.ask.service.home).named(self.reading.run.run_id)
        known = Clear(whole, self.ask.clear, self.ask.lifted)
        for part in _parts(plain):
            found = known.get(part.get("node_id") or part.get("ref") or "")
            if found is not None and _NAMED & set(part):
                part |= {"key": found.key, "name": found.name}
        by_key = {named.key: ref for ref, named in known.items()}
        for key in by_key.keys() & set(_texts(plain)):
            self.ask.tells(kind_of(by_key[key]), [by_key[key]])


@contextmanager
def seen(ask: Asked, run_id: str | None = None) -> Iterator[Seen]:
    """What the caller may see of the current run, or of the run that a list began in."""
    run = ask.run() if run_id is None else run_of(ask, run_id)
    with ask.service.readers.of(run) as reading:
        yield Seen(ask, reading)


def run_of(ask: Asked, run_id: str) -> RunFile:
    """What the caller may see of a run; NotThere where it is kept no more."""
    try:
        whole = RunFolder(ask.service.home).named(run_id)
    except RunError:
        raise NotThere(
            "A run that this list needs is kept no more. "
            "Begin it again without a cursor, and without change=gone."
        ) from None
    caller = ask.caller
    ask.run_id = whole.run_id
    return ask.service.sights.of(
        whole, units=caller.units, insiders=caller.sees_insiders, lifted=ask.lifted
    )


def _parts(plain: Any) -> Iterator[dict[str, Any]]:
    """Every object of an answer, however deep."""
    if isinstance(plain, dict):
        yield plain
        for value in plain.values():
            yield from _parts(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from _parts(value)


def _texts(plain: Any) -> Iterator[str]:
    """Every text of an answer, however deep."""
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, (dict, list)):
        for value in plain.values() if isinstance(plain, dict) else plain:
            yield from _texts(value)
