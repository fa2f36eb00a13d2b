"""Why a score is not what it was: new data, a changed rule, or changed peers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from graph_service.detector import Finding
from graph_service.risk import Change, Score, rounded_to
from graph_service.room import Room, Value


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier run, as far as a change is told from it."""

    scores: Mapping[str, Score]
    findings: Mapping[tuple[str, str], frozenset[tuple[str, int, int]]]
    rules: Mapping[str, str]


def past(scores: Iterable[Score], findings: Iterable[Finding], rules: Mapping[str, str]) -> Past:
    """What a later run needs of this one. `rules` come from `rule_of`."""
    seen: dict[tuple[str, str], set[tuple[str, int, int]]] = {}
    for found in findings:
        what = (found.finding_id, found.events, found.days)
        seen.setdefault((found.provider_id, found.detector), set()).add(what)
    return Past(
        {scored.provider_id: scored for scored in scores},
        {key: frozenset(what) for key, what in seen.items()},
        dict(rules),
    )


def rule_of(room: Room, in_force: Mapping[str, Value]) -> str:
    """One text that differs whenever the room or a threshold in force does."""
    return f"{room.digest} {sorted(in_force.items())}"


def compare(now: Past, before: Past) -> list[Score]:
    """The scores of now with their change since before, in their order.

    A room whose rule changed moved its points by that; one that found the same of the provider
    moved them because the peers did; anything else is new data. Strengths add where points do
    not, so the difference is split by strength.
    """
    return [replace(scored, change=_change(scored, now, before)) for scored in now.scores.values()]


def _change(scored: Score, now: Past, before: Past) -> Change | None:
    earlier = before.scores.get(scored.provider_id)
    if earlier is None or earlier.score is None or scored.score is None:
        return None
    moved = {"new_data": 0.0, "changed_rule": 0.0, "changed_peers": 0.0}
    after, prior = _parts(scored), _parts(earlier)
    for room in sorted({*after, *prior}):
        key = (scored.provider_id, room)
        if now.rules.get(room) != before.rules.get(room):
            cause = "changed_rule"
        elif now.findings.get(key) == before.findings.get(key):
            cause = "changed_peers"
        else:
            cause = "new_data"
        step = after.get(room, 0.0) - prior.get(room, 0.0)
        if cause != "changed_peers" or abs(step) > _rounding(scored) + _rounding(earlier):
            moved[cause] += step
    # Adding nought makes a negative one plain.
    total, difference = sum(moved.values()), round(scored.score - earlier.score, 2) + 0.0
    if abs(total) < 1e-12:
        return Change(difference, 0.0, 0.0)
    points = rounded_to(difference, [part * difference / total for part in moved.values()])
    return Change(*points)


def _rounding(scored: Score) -> float:
    """How far a strength read back from a score and points in hundredths may be off."""
    if not scored.score:
        return 0.0
    whole = -math.log1p(-scored.score / 100)
    return 0.01 / (100 - scored.score) + 0.01 * whole / scored.score


def _parts(scored: Score) -> dict[str, float]:
    """Each room's strength, −log(1 − p), read back from its points."""
    if not scored.score:
        return {}
    whole = -math.log1p(-scored.score / 100)
    return {part.detector: whole * part.points / scored.score for part in scored.contributions}
