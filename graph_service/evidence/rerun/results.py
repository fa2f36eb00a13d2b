"""What a package holds of its findings, and all that is needed to have them again: the files.

data/findings/findings.jsonl   one finding a line, as a room gives it on what is packaged
data/findings/rerun.json       how each can be had again, or why not; the rows on which it stands
data/counts/<room>.jsonl       what a stat or net room had counted, one row a line
data/rooms/<room>/             a room's declaration, query and refinement, to be read
data/rooms/rooms.json          digest and thresholds in force of each
data/run.json                  the run: its day, what it knew, its version and parameters
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from graph_service.errors import EvidenceError
from graph_service.evidence import package
from graph_service.evidence.material import Material
from graph_service.evidence.rerun.comparison import written
from graph_service.room import Room, Value

_COPIED: Final = ("detector.toml", "swedish.toml", "find.sql", "find.cypher", "refine.py")
_NAMING: Final = ("finding_id", "detector")
_ROOMS: Final = f"{package.ROOMS}/rooms.json"
#: The longest line, and the longest file that is read whole, in characters.
_LONGEST: Final = 64 << 20


class How(StrEnum):
    """How a finding can be had again."""

    ROWS = "rows"  # the room gives it on the packaged rows
    COUNTS = "counts"  # the room concludes it from what it had counted
    SIGNATURE = "signature"  # not at all: the signature attests it


@dataclass(frozen=True, slots=True)
class Told:
    """What rerun.json says of one finding.

    `again_id` is the id that the room gives it on what is packaged, where others are named than
    in the run. `rows` is how many of the rows on which it stands are packaged, `rows_sha256`
    their digest. `attested` names the statistics that are not had again with the rest: the
    signature attests them.
    """

    finding_id: str
    how: How
    again_id: str | None
    why_sv: str | None
    why_en: str | None
    rows: int
    rows_sha256: str
    attested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomTold:
    """What rooms.json says of one room; `counts` are names and SQL types, to be read."""

    digest: str
    strength: str
    thresholds: dict[str, dict[str, Any]]
    counts: dict[str, str] | None

    @property
    def in_force(self) -> dict[str, Value]:
        """The values of its thresholds."""
        return {name: told["value"] for name, told in self.thresholds.items()}


@dataclass(frozen=True, slots=True)
class RunTold:
    """What run.json says: the run's day and version, and what it knew."""

    run_id: str
    as_of: date
    known_by: str | None
    version: str
    batches: list[str]
    parameters: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Packaged:
    """The findings of a package with what is told of them."""

    findings: Mapping[str, Mapping[str, Any]]
    told: tuple[Told, ...]
    rooms: Mapping[str, RoomTold]
    run: RunTold
    data: Path

    def counts(self, room: str) -> list[Mapping[str, Any]]:
        """What a room had counted."""
        return _lines(self.data, f"{package.COUNTS}/{room}.jsonl")

    def is_copy_of(self, room: Room) -> bool:
        """Whether the packaged room, which nobody runs, reads as the installed one."""
        folder = _at(self.data, f"{package.ROOMS}/{room.name}")
        return all(_content(folder / name) == _content(room.folder / name) for name in _COPIED)


def write(
    material: Material,
    root: Path,
    findings: Iterable[Mapping[str, Any]],
    told: Iterable[Told],
    counts: Mapping[str, tuple[Iterable[str], Mapping[str, str]]],
) -> None:
    """Write the files below `root`; `counts` are lines and types by room."""
    _put(root, package.FINDINGS, "".join(f"{written(each)}\n" for each in findings))
    _put_json(root, package.RERUN, [asdict(each) for each in told])
    for name, (lines, _) in sorted(counts.items()):
        _put(root, f"{package.COUNTS}/{name}.jsonl", "".join(f"{line}\n" for line in lines))
    rooms = sorted({finding["detector"] for finding in material.findings})
    described = {}
    for name in rooms:
        room = material.rooms.get(name)
        if room is not None and room.digest == material.digests[name]:
            _copy(root, room)
        described[name] = {
            "digest": material.digests[name],
            "strength": "" if room is None else room.strength.value,
            "thresholds": material.thresholds[name],
            "counts": dict(counts[name][1]) if name in counts else None,
        }
    _put_json(root, _ROOMS, described)
    run = {
        name: material.run[name] for name in RunTold.__dataclass_fields__ if name in material.run
    }
    parameters = {
        name: {"as_of": run["as_of"]}
        | {each: told["value"] for each, told in material.thresholds[name].items()}
        for name in rooms
    }
    _put_json(root, package.RUN, run | {"parameters": parameters})


def read(data: Path) -> Packaged:
    """What the `data` folder of a package tells. Raises EvidenceError, naming the file."""
    findings = _lines(data, package.FINDINGS)
    told = _checked(list[Told], data, package.RERUN)
    if not all(isinstance(each.get(name), str) for each in findings for name in _NAMING):
        raise EvidenceError(f"{package.FINDINGS} has a finding without an id or a detector.")
    named = [each["finding_id"] for each in findings]
    if named != [each.finding_id for each in told] or len(set(named)) < len(named):
        raise EvidenceError(f"{package.RERUN} tells of other findings than {package.FINDINGS}.")
    rooms = _checked(dict[str, RoomTold], data, _ROOMS)
    if any(each["detector"] not in rooms for each in findings):
        raise EvidenceError(f"{_ROOMS} lacks the room of a finding.")
    if any("value" not in each for room in rooms.values() for each in room.thresholds.values()):
        raise EvidenceError(f"{_ROOMS} lacks the value of a threshold.")
    return Packaged(
        findings={told["finding_id"]: told for told in findings},
        told=tuple(told),
        rooms=rooms,
        run=_checked(RunTold, data, package.RUN),
        data=data,
    )


def _copy(root: Path, room: Room) -> None:
    for name in _COPIED:
        content = _content(room.folder / name)
        if content is not None:
            path = root / package.ROOMS / room.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _put_json(root: Path, name: str, told: Any) -> None:
    _put(root, name, json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


def _at(data: Path, name: str) -> Path:
    return data / Path(name).relative_to(package.DATA)


def _text(data: Path, name: str) -> str:
    try:
        with _at(data, name).open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{name} is missing, or is no text in UTF-8.") from error
    if len(text) > _LONGEST:
        raise EvidenceError(f"{name} is far longer than this program writes it.")
    return text


def _lines(data: Path, name: str) -> list[Mapping[str, Any]]:
    try:
        told = [json.loads(line) for line in _text(data, name).split("\n") if line]
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{name} has a line that is no JSON.") from error
    if not all(isinstance(each, dict) for each in told):
        raise EvidenceError(f"{name} has a line that is no JSON object.")
    return told


def _checked(kind: Any, data: Path, name: str) -> Any:
    try:
        return TypeAdapter(kind).validate_json(_text(data, name))
    except ValidationError as error:
        raise EvidenceError(f"{name} is not as this program writes it.") from error
