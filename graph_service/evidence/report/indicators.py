"""Each finding with all that answers it: rule, thresholds, what was tested, what speaks against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from graph_service.casework.dispositions import Disposition, Verdict
from graph_service.clock import STOCKHOLM
from graph_service.detector import Outcome
from graph_service.errors import UsageError
from graph_service.evidence.material import Material
from graph_service.evidence.report.chains import contract_of
from graph_service.evidence.report.contents import (
    Chain,
    FindingTold,
    Loss,
    StoryTold,
    ThresholdTold,
)
from graph_service.evidence.report.words import named, said, whom
from graph_service.evidence.rerun.writing import How, Rerun
from graph_service.room import Room
from graph_service.texts import text

#: Hard findings come first: they say most.
_STRENGTHS: Final = ("hard", "stat", "net")
#: How the text begins that a finding's summary ends with, where something speaks against it.
_AGAINST: Final = text("sv", "finding", "against", texts="")
_NOTHING: Final = text("sv", "finding", "nothing_against")


def indicators(
    material: Material, chains: tuple[Chain, ...], loss: Loss, reruns: Mapping[str, Rerun]
) -> tuple[FindingTold, ...]:
    """The case's findings, the strongest and then the dearest first."""
    rows = {name: _rows(material, name) for name in ("cited", "support")}
    told = []
    for finding in material.findings:
        room = _room(material, finding["detector"])
        finding_id = finding["finding_id"]
        summary, against = _said(finding, room)
        judged = material.case.dispositions.get(material.own_ids[finding_id])
        again = reruns.get(finding_id)
        told.append(
            FindingTold(
                finding_id=finding_id,
                room=room.name,
                title=room.title.sv,
                strength=finding["strength"],
                strength_text=said("strength", finding["strength"]),
                claim=room.swedish.claim,
                basis=room.swedish.basis,
                silent_on=room.swedish.silent_on,
                since=date.fromisoformat(finding["since"]),
                until=date.fromisoformat(finding["until"]),
                events=finding["events"],
                days=finding["days"],
                exposure=loss.by_finding.get(finding_id),
                summary=summary,
                statistics=finding["statistics"],
                thresholds=tuple(_thresholds(material, room)),
                stories=tuple(_stories(finding, room)),
                against=against,
                rows=rows["cited"].get(finding_id, ()),
                supporting=len(rows["support"].get(finding_id, ())),
                rerun=How.SIGNATURE.value if again is None else again.how.value,
                rerun_text=_rerun_text(again),
                disposition=None if judged is None else _disposition(judged, room),
                contract_id=contract_of(finding, chains),
                provider=whom(finding["provider_id"]),
                subjects=tuple(
                    said("subject", "told", role=said("role", each["role"]), id=whom(each["id"]))
                    for each in finding["subjects"]
                ),
                masked_rows=int(finding["statistics"].get("masked_rows") or 0),
                replies=tuple(
                    reply.reply_id
                    for reply in material.case.replies
                    if material.own_ids[finding_id] in reply.findings
                ),
            )
        )
    return tuple(sorted(told, key=_order))


def _order(told: FindingTold) -> tuple[int, Any, str, str]:
    dear = 0 if told.exposure is None else told.exposure.upper
    return _STRENGTHS.index(told.strength), -dear, told.since.isoformat(), told.finding_id


def _room(material: Material, name: str) -> Room:
    try:
        return material.rooms[name]
    except KeyError:
        raise UsageError(
            f"The run asked a detector {name} that is not installed. Make a new run, and ask anew."
        ) from None


def _rows(material: Material, table: str) -> Mapping[str, tuple[str, ...]]:
    """The rows of each finding that the package has, by name."""
    found: dict[str, list[str]] = {}
    for row in material.engine.rows(
        f'SELECT DISTINCT finding_id, "table", file_sha256, "row" FROM {table} ORDER BY ALL'
    ):
        name = named(row["table"], row["file_sha256"], row["row"])
        found.setdefault(row["finding_id"], []).append(name)
    return {finding_id: tuple(rows) for finding_id, rows in found.items()}


def _said(finding: Mapping[str, Any], room: Room) -> tuple[str, tuple[str, ...]]:
    """What the rows show, and apart from it what they show that speaks against it."""
    shown, _, against = finding["summary"]["sv"].partition(_AGAINST)
    if not against:
        return shown.removesuffix(_NOTHING).strip(), ()
    words = {**finding["statistics"], **finding}
    told = [
        sentence
        for each in room.against
        if (sentence := _filled(each.text.sv, words)) is not None and sentence in against
    ]
    whole = " ".join(told) == against
    return shown.strip(), tuple(told) if whole else (against,)


def _filled(sentence: str, words: Mapping[str, Any]) -> str | None:
    try:
        return sentence.format_map(words)
    except (KeyError, ValueError, TypeError):  # a statistic that this recipient is not told
        return None


def _thresholds(material: Material, room: Room) -> Iterator[ThresholdTold]:
    for name, told in material.thresholds[room.name].items():
        words, declared = room.swedish.thresholds.get(name), room.thresholds.get(name)
        unit = told["unit"]
        # A run of another version may have counted in another unit, which is told as it was.
        if words is not None and declared is not None and declared.unit == unit:
            unit = words.unit
        yield ThresholdTold(
            name=name,
            value=told["value"],
            unit=unit,
            room_value=told["room_value"],
            why="" if words is None else words.why,
            reason=told["reason"],
        )


def _stories(finding: Mapping[str, Any], room: Room) -> Iterator[StoryTold]:
    declared = {story.name: story for story in room.innocent}
    for told in finding["innocent"]:
        story = declared.get(told["story"])
        if story is not None:
            yield StoryTold(
                text=story.story.sv,
                outcome=told["outcome"],
                outcome_text=said("outcome", told["outcome"]),
                ask=story.ask.sv if story.ask and told["outcome"] == Outcome.ASK else None,
            )


def _rerun_text(again: Rerun | None) -> str:
    """How the finding can be had again from the package alone."""
    if again is None:
        return said("rerun", How.SIGNATURE)
    told = said("rerun", again.how.value)
    return told if again.why is None else f"{told} {again.why}"


def _disposition(judged: Disposition, room: Room) -> str:
    """What somebody judged, and when; not in whose words, since those are the members' own."""
    stories = {story.name: story.story.sv for story in room.innocent}
    day = judged.decided_at.astimezone(STOCKHOLM).date()
    if judged.verdict is Verdict.DISMISSED and judged.story in stories:
        return said("disposition", "explained", day=day, story=stories[judged.story])
    return said("disposition", judged.verdict.value, day=day)


def titles(findings: Sequence[FindingTold]) -> tuple[tuple[str, int], ...]:
    """What the findings are called, and how many of each, in the findings' order."""
    counted: dict[str, int] = {}
    for told in findings:
        counted[told.title] = counted.get(told.title, 0) + 1
    return tuple(counted.items())
