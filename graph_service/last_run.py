"""What a run needs of the one before it, read back from that run's file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from graph_service.change import Past
from graph_service.detector import Finding
from graph_service.risk import Band, Contribution, Score
from graph_service.room import Family
from graph_service.run_file import RunFile

#: What may have become of a finding since the last run.
CHANGES: Final = ("new", "still", "gone")


def past_of(last: RunFile) -> Past:
    """The scores, the findings that made them, and the rules of an earlier run."""
    seen: dict[tuple[str, str], set[tuple[str, int, int]]] = {}
    aside = last.set_aside()
    for row in last.rows("findings", order="finding_id"):
        if row["finding_id"] in aside:
            continue
        what = (row["finding_id"], row["events"], row["days"])
        seen.setdefault((row["provider_id"], row["detector"]), set()).add(what)
    scores = (_score(row) for row in last.rows("scores", order="provider_id"))
    return Past(
        {scored.provider_id: scored for scored in scores},
        {key: frozenset(what) for key, what in seen.items()},
        {row["room"]: row["rule"] for row in last.rows("rooms", order="room")},
    )


def changes(findings: Iterable[Finding], last: RunFile | None) -> list[dict[str, str]]:
    """Which findings are new, still there or gone since the last run, by id; none without one."""
    if last is None:
        return []
    before = {row["finding_id"] for row in last.rows("findings", order="finding_id")}
    now = {found.finding_id for found in findings}
    parts = zip(CHANGES, (now - before, now & before, before - now), strict=True)
    return [
        {"finding_id": finding_id, "change": change}
        for change, ids in parts
        for finding_id in sorted(ids)
    ]


def _score(row: Mapping[str, Any]) -> Score:
    return Score(
        row["provider_id"],
        row["score"],
        tuple(row["cannot_assess"] or ()),
        tuple(Family(name) for name in row["not_assessed"]),
        Band(row["band"]),
        row["rank"],
        tuple(_contribution(part) for part in row["contributions"]),
    )


def _contribution(part: Mapping[str, Any]) -> Contribution:
    money = part["exposure_sek"]
    return Contribution(
        part["detector"],
        Family(part["family"]),
        part["points"],
        part["findings"],
        None if money is None else (Decimal(str(money["lower"])), Decimal(str(money["upper"]))),
    )
