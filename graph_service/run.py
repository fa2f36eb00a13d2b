"""A run: records as known and as of a day → graph → findings → scores → one published file.

A run is written beside the others and shown by one rename; a killed one leaves nothing that
anyone lists. Only a full run of the present becomes the current run and is compared with the
one before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any, Protocol, TypeAlias

from graph_service import as_of as views
from graph_service import risk, run_file, thresholds
from graph_service.access import scope
from graph_service.change import compare, past, rule_of
from graph_service.clock import STOCKHOLM, Clock
from graph_service.counted import ask_and_keep
from graph_service.detector import Ask, Finding, Override, Room, conclude
from graph_service.engines.duckdb import Engine
from graph_service.errors import RunError, UsageError
from graph_service.graph.derive import derive
from graph_service.home import Home
from graph_service.lake import Lake
from graph_service.last_run import CHANGES, changes, past_of
from graph_service.resolution import undone
from graph_service.resolution.resolve import resolve
from graph_service.risk import Score
from graph_service.run_file import RunFile, RunFolder
from graph_service.stores import adjacency

#: Told the name of each step before it begins.
Progress: TypeAlias = Callable[[str], None]


class Network(Protocol):
    """Another engine that is shown a run under way, so that claims can be asked of it there."""

    def take_graph(self, engine: Engine, run_id: str) -> Ask:
        """Take the tables `nodes` and `edges`; returns how a claim is asked of them."""
        ...

    def take_findings(self, engine: Engine) -> None:
        """Take the tables `findings` and `scores` that came of it."""
        ...


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to. `changes` counts new, still and gone; None if compared with no run."""

    run: RunFile
    as_of: date
    complete: bool
    providers: int
    findings: int
    changes: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a run sees of the records."""

    as_of: date
    batches: list[str]
    present: bool


def run(
    home: Home,
    rooms: Sequence[Room],
    *,
    clock: Clock,
    memory: str,
    only: Sequence[str] | None = None,
    as_of: date | None = None,
    known_by: datetime | None = None,
    network: Network | None = None,
    set_aside: Collection[str] = (),
    progress: Progress = lambda _: None,
) -> RunResult:
    """Make and publish a run; a second one at the same time waits for the first.

    `only` names the rooms to ask, all without it. `as_of` is a Stockholm day, the last one on
    which anything known happened without it. `known_by` counts receipts up to and with that
    moment, all without it. `network` answers the rooms that have a network query; the findings
    are the same. `set_aside` are the finding_ids that people dismissed: they are listed as any
    other and add nothing to a score; a change by them counts as new data. Raises UsageError for
    a room that is not there, DeclarationError for thresholds that do not fit, RunError when
    `memory` does not suffice.
    """
    asked = _asked(rooms, only)
    overrides = thresholds.read(home.thresholds, rooms)
    with home.writing("run"), home.spill() as spill, _within(memory):
        folder = RunFolder(home)
        started_at = clock()
        with folder.building(f"{started_at:%Y%m%dT%H%M%SZ}") as built:
            with Engine(built.path, memory=memory, spill=spill) as engine:
                progress("records")
                sight = _see(engine, Lake(home), as_of, known_by, clock)
                complete = sight.present and len(asked) == len(rooms)
                last = folder.current() if complete else None
                derive(engine, progress=progress)
                progress("links")
                run_file.write(engine, "links", resolve(engine, _undone(home, known_by)))
                ask = None
                if network is not None:
                    progress("network")
                    ask = network.take_graph(engine, built.run_id)
                findings = _find(engine, asked, sight.as_of, overrides, ask, progress)
                progress("scores")
                aside = set(set_aside) & {found.finding_id for found in findings}
                counting = [found for found in findings if found.finding_id not in aside]
                scores = _score(engine, counting, asked, overrides, sight, last)
                changed = changes(findings, last)
                counted = None if last is None else Counter(row["change"] for row in changed)
                about = {
                    **_about(built, sight, known_by, last),
                    "complete": complete,
                    "started_at": started_at.isoformat(),
                    "finished_at": clock().isoformat(),
                    "providers": len(scores),
                    "findings": len(findings),
                    **{change: None if counted is None else counted[change] for change in CHANGES},
                }
                _write(engine, about, findings, scores, changed)
                told = ({"finding_id": finding_id} for finding_id in sorted(aside))
                run_file.write(engine, run_file.SET_ASIDE, told)
                scope.lay(engine, home.reference_key(), scope.for_security(asked))
                engine.execute("DROP SCHEMA known CASCADE")
                adjacency.lay(engine)
                if network is not None:
                    network.take_findings(engine)
            published = folder.publish(built, current=complete)
    return RunResult(published, sight.as_of, complete, len(scores), len(findings), counted)


@contextmanager
def _within(memory: str) -> Iterator[None]:
    try:
        yield
    except Engine.out_of_memory as error:
        raise RunError(
            f"The run does not fit in {memory}, though it spills to disk. Give more with --memory."
        ) from error


def _asked(rooms: Sequence[Room], only: Sequence[str] | None) -> list[Room]:
    known = {room.name: room for room in rooms}
    unknown = sorted(set(only or ()) - set(known))
    if unknown:
        raise UsageError(f"There is no detector {unknown[0]}. Use {', '.join(sorted(known))}.")
    return [room for name, room in sorted(known.items()) if only is None or name in only]


def _see(
    engine: Engine, lake: Lake, as_of: date | None, known_by: datetime | None, clock: Clock
) -> _Sight:
    """Open the record views. The present is all that is known, up to the last event of it."""
    batches = lake.open_records(engine, known_by)
    told = [receipt.loaded_at for receipt in lake.receipts() if receipt.batch in set(batches)]
    told_on = max(told, default=clock()).astimezone(STOCKHOLM).date()
    last = views.last_event(engine, told_on=told_on) or told_on
    views.open_views(engine, as_of or last)
    all_known = known_by is None or batches == lake.visible_batches()
    present = all_known and as_of in (None, last)
    return _Sight(as_of or last, batches, present)


def _undone(home: Home, known_by: datetime | None) -> list[undone.Undone]:
    """The links that people had undone by then."""
    last = date.max if known_by is None else known_by.astimezone(STOCKHOLM).date()
    return [each for each in undone.read(home.links) if each.since <= last]


def _find(
    engine: Engine,
    rooms: Sequence[Room],
    as_of: date,
    overrides: thresholds.Overrides,
    ask: Ask | None,
    progress: Progress,
) -> list[Finding]:
    """Ask each room, and write how it was asked and what was counted."""
    findings: list[Finding] = []
    asked = []
    for room in rooms:
        progress(room.name)
        own = overrides.get(room.name, {})
        begun = time.monotonic()
        in_force = room.in_force(own, as_of)
        rows = ask_and_keep(engine, room, {**in_force, "as_of": as_of}, ask)
        found = conclude(room, rows, in_force)
        findings += found
        asked.append(
            {
                "room": room.name,
                "digest": room.digest,
                "rule": _rule(room, own, as_of),
                "thresholds": _in_force(room, own, as_of),
                "findings": len(found),
                "seconds": round(time.monotonic() - begun, 3),
            }
        )
    run_file.write(engine, "rooms", asked)
    return findings


def _in_force(room: Room, own: Mapping[str, Override], as_of: date) -> dict[str, Any]:
    """Each threshold as it was put, with the room's value and the municipality's reason."""
    values = room.in_force(own, as_of)
    return {
        name: {
            "value": values[name],
            "unit": threshold.unit,
            "room_value": threshold.value,
            "reason": own[name].reason if name in own and own[name].since <= as_of else None,
        }
        for name, threshold in room.thresholds.items()
    }


def _score(
    engine: Engine,
    findings: Sequence[Finding],
    rooms: Sequence[Room],
    overrides: thresholds.Overrides,
    sight: _Sight,
    last: RunFile | None,
) -> list[Score]:
    scores = risk.score(findings, rooms, risk.providers(engine))
    if last is None:
        return scores
    rules = {room.name: _rule(room, overrides.get(room.name, {}), sight.as_of) for room in rooms}
    return compare(past(scores, findings, rules), past_of(last))


def _rule(room: Room, own: Mapping[str, Override], as_of: date) -> str:
    return rule_of(room, room.in_force(own, as_of))


def _about(
    built: RunFile, sight: _Sight, known_by: datetime | None, last: RunFile | None
) -> dict[str, Any]:
    return {
        "run_id": built.run_id,
        "as_of": sight.as_of.isoformat(),
        "known_by": None if known_by is None else known_by.isoformat(),
        "compared_with": None if last is None else last.run_id,
        "version": version("graph-service"),
        "batches": sight.batches,
    }


def _write(
    engine: Engine,
    about: Mapping[str, Any],
    findings: Sequence[Finding],
    scores: Sequence[Score],
    changed: Sequence[Mapping[str, str]],
) -> None:
    """Put all but the graph and the rooms in the file."""
    of_run = {name: about[name] for name in ("run_id", "as_of", "known_by")}
    run_file.write(engine, "findings", (found.as_json() for found in findings))
    run_file.write(engine, "scores", (scored.as_json() | of_run for scored in scores))
    run_file.write(engine, "changes", changed)
    run_file.write(engine, "run", [about])
