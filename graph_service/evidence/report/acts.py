"""What was done, in order of time: who registered or billed what, and what that contradicts.

One line an act. Where a finding has more acts than a reader would read, those of a day are one
line that counts them and names every row. A lead has no act in question: it is one line, by its
own name, from its first day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from graph_service.evidence.material import Material
from graph_service.evidence.report.contents import Act
from graph_service.evidence.report.standing import standing
from graph_service.evidence.report.words import kronor, listed, named, number, said, whom
from graph_service.room import Strength

#: Acts of one finding that are told one by one.
ONE_BY_ONE: Final = 60
_QUERY: Final = Path(__file__).with_name("acts.sql")
_WHO: Final = ("worker", "provider", "officer", "owner", "payee", "payer")


def acts(material: Material) -> tuple[Act, ...]:
    """The acts of the case's findings, the earliest first."""
    titles = {room.name: room.title.sv for room in material.rooms.values()}
    stands = standing(material)
    hard = sorted(stands & {each["finding_id"] for each in material.findings if _is_hard(each)})
    rows = material.engine.rows(_QUERY.read_text(encoding="utf-8"), {"hard": hard})
    of_finding: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of_finding.setdefault(row["finding_id"], []).append(row)
    told: list[Act] = []
    for finding in material.findings:
        against = said("act", "against", title=titles[finding["detector"]])
        own = of_finding.get(finding["finding_id"], [])
        if not own:
            is_standing = finding["finding_id"] in stands
            told.append(_whole(finding, titles[finding["detector"]], is_standing))
        elif len(own) <= ONE_BY_ONE:
            told += [_act(row, against) for row in own]
        else:
            told += _days(own, against)
    return tuple(sorted(told, key=lambda act: (act.day, act.what, act.finding_id)))


def _is_hard(finding: Mapping[str, Any]) -> bool:
    return bool(finding["strength"] == Strength.HARD)


def _whole(finding: Mapping[str, Any], title: str, is_standing: bool) -> Act:
    """A finding that no single act is told of: a lead, dismissed, or with rows that are no acts."""
    key = "dismissed" if not is_standing else "withheld" if _is_hard(finding) else "lead"
    who = tuple(whom(each["id"]) for each in finding["subjects"] if each["role"] in _WHO)
    since, until = finding["since"], finding["until"]
    return Act(
        day=date.fromisoformat(since),
        finding_id=finding["finding_id"],
        what=said("act", key, title=title, since=since, until=until, events=finding["events"]),
        by=who or (whom(finding["provider_id"]),),
        rows=(),
    )


def _act(row: Mapping[str, Any], against: str) -> Act:
    what = _visit(row, against) if row["table"] == "visits" else _line(row, against)
    return Act(row["day"], row["finding_id"], what, _by(row), (_name(row),))


def _visit(row: Mapping[str, Any], against: str) -> str:
    registered = said(
        "act",
        "visit",
        since=f"{row['start']:%H.%M}",
        until=_until(row["start"], row["end"]),
        client=row["client"] or said("act", "nobody"),
        service=row["service"],
        start_method=said("method", row["start_method"] or "untold"),
        end_method=said("method", row["end_method"] or "untold"),
    )
    return f"{registered} {_meets(row['meets']) or against}"


def _meets(others: Sequence[Mapping[str, Any]] | None) -> str | None:
    if not others:
        return None
    told = [
        said(
            "act",
            "other",
            since=f"{other['start']:%H.%M}",
            until=_until(other["start"], other["end"]),
            client=other["client"],
        )
        for other in others
    ]
    return said("act", "meets", others=listed(told))


def _line(row: Mapping[str, Any], against: str) -> str:
    key = "line" if row["hours"] is not None else "line_without_hours"
    billed = said(
        "act",
        key,
        hours=number(row["hours"] or 0),
        service=row["service"],
        client=row["client"] or said("act", "nobody"),
        since=row["day"],
        until=row["until"],
        amount=kronor(row["amount"]) if row["currency"] == "SEK" else row["currency"],
        invoice_id=row["invoice_id"],
        line_no=row["line_no"],
    )
    return f"{billed} {against}"


def _days(rows: Sequence[Mapping[str, Any]], against: str) -> Iterator[Act]:
    """The acts of each day as one, of each table by itself."""
    by_day = sorted(rows, key=itemgetter("day", "table"))
    for (day, table), some in groupby(by_day, key=itemgetter("day", "table")):
        of_day = list(some)
        people = {row["client"] for row in of_day if row["client"]}
        what = said("act", f"day_{table}", count=len(of_day), clients=len(people))
        by = tuple(sorted({who for row in of_day for who in _by(row)}))
        yield Act(day, of_day[0]["finding_id"], f"{what} {against}", by, tuple(map(_name, of_day)))


def _by(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(who for who in (row["worker"], row["provider"]) if who)


def _name(row: Mapping[str, Any]) -> str:
    return named(row["table"], row["file_sha256"], row["row"])


def _until(start: Any, end: Any) -> str:
    return f"{end:%H.%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H.%M}"
