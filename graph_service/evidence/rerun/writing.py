"""The findings of a package, written as the rooms give them again on what it holds.

Hard rooms are put to the packaged rows, masked as they are; stat and net rooms conclude again
from what they had counted. What cannot be had again is named, with the reason. `again` asks them
once more, when a package is verified.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph_service.counted import is_counted
from graph_service.evidence.material import Material
from graph_service.evidence.rerun import asking, counts, results
from graph_service.evidence.rerun.checking import Outcome, again
from graph_service.evidence.rerun.comparison import Again, found_again
from graph_service.evidence.rerun.counts import Counted
from graph_service.evidence.rerun.results import How, Told
from graph_service.evidence.rerun.support import Step, Support, tables_read
from graph_service.texts import both

__all__ = ["How", "Outcome", "Rerun", "again", "write"]

#: A finding as the contract prints it.
_Finding = Mapping[str, Any]
#: Steps that bring in what is the finding's own. Further ones are for what it would not be found
#: without: figures alone that compare it with others are left to the signature.
_OWN: Final = (Step.RULES, Step.EXAMPLE, Step.MONTHS, Step.SUBJECTS)
#: How a sight calls a subject whose identity is protected, and counts rows that it leaves out.
_PROTECTED: Final = "protected"
_MASKED_ROWS: Final = "masked_rows"


@dataclass(frozen=True, slots=True)
class Rerun:
    """How a finding of a package can be had again; `why` tells in Swedish what cannot, if any."""

    finding_id: str
    how: How
    why: str | None
    why_en: str | None = None


def write(material: Material, root: Path) -> Mapping[str, Rerun]:
    """Bring in the rows that rooms need beside the cited ones, and write the findings below `root`.

    Each is tried as who verifies it will; see `results` for the files. Findings stand as given
    again, those attested by signature as the run told them.
    """
    why = {
        finding["finding_id"]: reason
        for finding in material.findings
        if (reason := _reason(material, finding)) is not None
    }
    open_findings = [each for each in material.findings if each["finding_id"] not in why]
    counted = dict(_from_counts(material, open_findings))
    found = _from_rows(material, open_findings)
    for room in counted.values():
        found |= room.again
    stands_on = asking.stands_on(material.engine)
    told = []
    for finding in material.findings:
        finding_id = finding["finding_id"]
        by_signature = finding_id not in found
        attested = () if by_signature else found[finding_id].attested
        text = _attests(attested)
        if by_signature:
            text = why.get(finding_id) or _compares(material, finding)
        number, digest = stands_on.get(finding_id, (0, asking.digest_of(())))
        told.append(
            Told(
                finding_id=finding_id,
                how=How.SIGNATURE if by_signature else _how(material, finding),
                again_id=None if by_signature else found[finding_id].again_id,
                why_sv=text["sv"] if text else None,
                why_en=text["en"] if text else None,
                rows=number,
                rows_sha256=digest,
                attested=attested,
            )
        )
    results.write(
        material,
        root,
        [_packaged(finding, found) for finding in material.findings],
        told,
        {name: (each.lines, each.columns) for name, each in counted.items()},
    )
    return {
        each.finding_id: Rerun(each.finding_id, each.how, each.why_sv, each.why_en) for each in told
    }


def _packaged(finding: _Finding, found: Mapping[str, Again]) -> _Finding:
    again = found.get(finding["finding_id"])
    return finding if again is None else again.finding


def _how(material: Material, finding: _Finding) -> How:
    return How.COUNTS if is_counted(material.rooms[finding["detector"]]) else How.ROWS


def _reason(material: Material, finding: _Finding) -> dict[str, str] | None:
    """Why no room can give a finding again, where that can be told beforehand."""
    name = finding["detector"]
    room = material.rooms.get(name)
    if room is None or room.digest != material.digests[name]:
        return both("evidence_rerun", "older_rule")
    hidden = any(subject["id"] == _PROTECTED for subject in finding["subjects"])
    if hidden or _MASKED_ROWS in finding["statistics"]:
        return both("evidence_rerun", "protected")
    if is_counted(room):
        return None if counts.are_kept(material, room) else both("evidence_rerun", "older_run")
    cited = {row["table"] for row in finding["evidence"]}
    return _lacks(cited - material.recipient.tables)


def _compares(material: Material, finding: _Finding) -> dict[str, str]:
    """Why a room that was asked did not give a finding again."""
    room = material.rooms[finding["detector"]]
    read = frozenset() if is_counted(room) else tables_read(room)
    return _lacks(read - material.recipient.tables) or both("evidence_rerun", "compares")


def _attests(names: Collection[str]) -> dict[str, str] | None:
    return both("evidence_rerun", "attested", names=", ".join(names)) if names else None


def _lacks(tables: Collection[str]) -> dict[str, str] | None:
    return both("evidence_rerun", "tables", tables=", ".join(sorted(tables))) if tables else None


def _from_counts(material: Material, findings: Sequence[_Finding]) -> Iterator[tuple[str, Counted]]:
    for name, of_room in _by_room(findings).items():
        if is_counted(material.rooms[name]):
            yield name, counts.packaged(material, material.rooms[name], of_room)


def _from_rows(material: Material, findings: Sequence[_Finding]) -> dict[str, Again]:
    """What the hard rooms give again, with the fewest supporting rows at which they do."""
    rooms = {
        name: of_room
        for name, of_room in _by_room(findings).items()
        if not is_counted(material.rooms[name])
    }
    found = _put_to_rows(material, rooms)
    with Support(material) as support:
        for step in Step:
            if missing := _missing(rooms, found):
                if not support.widen(missing, step):
                    break
                of_others = step not in _OWN
                found |= _put_to_rows(material, missing, but_for_statistics=of_others)
            if step is _OWN[-1]:
                missing = _missing(rooms, found)
                found |= _put_to_rows(material, missing, but_for_statistics=True)
    for of_room in _missing(rooms, found).values():
        for finding in of_room:
            material.workspace.release(finding["finding_id"])
    return _put_to_rows(material, rooms, but_for_statistics=True)


def _put_to_rows(
    material: Material,
    rooms: Mapping[str, Sequence[_Finding]],
    *,
    but_for_statistics: bool = False,
) -> dict[str, Again]:
    found: dict[str, Again] = {}
    asked = [material.rooms[name] for name in rooms]
    asking.show(material.engine, material.as_of, asked)
    for name, of_room in rooms.items():
        thresholds = counts.in_force(material.thresholds[name])
        given = asking.given(material.engine, material.rooms[name], thresholds, material.as_of)
        found |= found_again(of_room, given, but_for_statistics=but_for_statistics)
    return found


def _missing(
    rooms: Mapping[str, Sequence[_Finding]], found: Collection[str]
) -> dict[str, list[_Finding]]:
    missing = {
        name: [each for each in of_room if each["finding_id"] not in found]
        for name, of_room in rooms.items()
    }
    return {name: of_room for name, of_room in missing.items() if of_room}


def _by_room(findings: Iterable[_Finding]) -> dict[str, list[_Finding]]:
    by_room: dict[str, list[_Finding]] = {}
    for finding in findings:
        by_room.setdefault(finding["detector"], []).append(finding)
    return by_room
