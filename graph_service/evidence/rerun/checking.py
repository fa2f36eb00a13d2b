"""The findings of a package asked for again, by who verifies it.

Code comes from the installed program alone, chosen by digest; nothing of a package is run, and
the engine reaches neither files nor network once the rows are in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_service.counted import columns, is_counted
from graph_service.engines.duckdb import Engine
from graph_service.errors import EvidenceError, GraphServiceError
from graph_service.evidence import package, rows
from graph_service.evidence.rerun import asking, counts, results
from graph_service.evidence.rerun.comparison import attest, differing
from graph_service.evidence.rerun.results import How, Packaged, RoomTold, Told
from graph_service.room import Room
from graph_service.texts import both


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a packaged finding when it was asked for again.

    `holds` is None where the signature alone attests it. `said` is a sentence in English, `said_sv`
    in Swedish: what was found, or what differs; nothing in them steers a terminal. `attested` names
    the statistics of a finding that holds which the signature alone attests.
    """

    finding_id: str
    how: How
    holds: bool | None
    said: str
    said_sv: str
    attested: tuple[str, ...] = ()


def again(data: Path, rooms: Collection[Room]) -> list[Outcome]:
    """Ask for each finding of a package again, in its order; `data` is the folder `data` of it.

    `rooms` are the installed ones. The engine reaches neither files nor network once the rows are
    in. Raises EvidenceError, naming the file, for what is not as this program writes it.
    """
    told = results.read(data)
    installed = {room.name: room for room in rooms}
    with Engine() as engine:
        rows.read(data, engine)
        engine.seal()
        try:
            found = _Found(engine, told, installed)
        except (GraphServiceError, Engine.failure) as error:
            raise EvidenceError(f"{package.ROWS} cannot be read as records.") from error
        stands_on = asking.stands_on(engine)
        return [
            _outcome(each, told, installed, found, stands_on.get(each.finding_id))
            for each in told.told
        ]


class _Found:
    """What the installed rooms give on a package, each asked once."""

    def __init__(self, engine: Engine, told: Packaged, installed: Mapping[str, Room]) -> None:
        self._engine, self._told = engine, told
        self._given: dict[str, Mapping[str, Mapping[str, Any]]] = {}
        names = {told.findings[each.finding_id]["detector"] for each in told.told if each.again_id}
        asked = [installed[name] for name in sorted(names & installed.keys())]
        asking.show(engine, told.run.as_of, asked)

    def by_id(self, room: Room) -> Mapping[str, Mapping[str, Any]]:
        """The findings that a room gives, by the id that it gives them."""
        if room.name not in self._given:
            given = self._by(room, self._told.rooms[room.name])
            self._given[room.name] = {each["finding_id"]: each for each in given}
        return self._given[room.name]

    def _by(self, room: Room, told: RoomTold) -> Sequence[Mapping[str, Any]]:
        as_of = self._told.run.as_of
        if not is_counted(room):
            return asking.given(self._engine, room, told.in_force, as_of)
        try:
            types = columns(self._engine, room, {**told.in_force, "as_of": as_of})
        except Engine.failure:
            return []  # thresholds that are none
        return counts.again(room, self._told.counts(room.name), types, told.in_force)


def _outcome(
    told: Told,
    whole: Packaged,
    installed: Mapping[str, Room],
    found: _Found,
    stands_on: tuple[int, str] | None,
) -> Outcome:
    def said(holds: bool | None, key: str, **words: object) -> Outcome:
        sentence = both("evidence_again", key, **words)
        attested = told.attested if holds else ()
        plain = {language: _plain(sentence[language]) for language in sentence}
        return Outcome(told.finding_id, told.how, holds, plain["en"], plain["sv"], attested)

    packaged = whole.findings[told.finding_id]
    room, named = installed.get(packaged["detector"]), whole.rooms[packaged["detector"]]
    number, digest = stands_on or (0, asking.digest_of(()))
    if number != told.rows:
        return said(False, "rows_missing", rows=told.rows, there=number)
    if digest != told.rows_sha256:
        return said(False, "row_changed")
    if told.how is How.SIGNATURE:
        reasons = {"sv": told.why_sv or "", "en": told.why_en or ""}
        return said(None, "signature", **reasons)
    if room is None or room.digest != named.digest:
        return said(None, "other_version", room=packaged["detector"], version=whole.run.version)
    if not whole.is_copy_of(room):
        return said(False, "rule_altered", room=room.name)
    if named.thresholds.keys() != room.thresholds.keys():
        return said(False, "thresholds_differ", room=room.name)
    given = found.by_id(room).get(told.again_id or "")
    if given is None:
        return said(False, "not_given", room=room.name)
    parts = differing(packaged, attest(given, packaged, told.attested))
    if parts:
        return said(False, "given_otherwise", room=room.name, parts=", ".join(parts))
    return said(True, told.how.value, room=room.name)


def _plain(sentence: str) -> str:
    """A sentence in which a package may have put anything, to be printed."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in sentence
    )
