"""What to look at first: the day's queue, and invoices before they are paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from api.http.conditional import IfNoneMatch, answer, reads
from api.http.door import Asked, Asking, AuditedRoute
from api.http.paging import Paging
from api.http.seen import seen
from api.http.shapes.work import StopList, Today
from graph_service import texts
from graph_service.casework.days import day_of
from graph_service.casework.dispositions import Dispositions, Verdict
from graph_service.casework.snoozes import Snoozes
from graph_service.routine import practice, stop_list, today
from graph_service.stores.answers import number

router = APIRouter(prefix="/v1", tags=["work"], route_class=AuditedRoute)

_MONTH: Final = r"^(19|20)\d{2}-(0[1-9]|1[0-2])$"
_HOURS: Final = 6.0
_MOST_HOURS: Final = 100.0
#: Findings that the casework database is asked about at a time.
_AT_A_TIME: Final = 10_000


@router.get(
    "/today",
    response_model=Today,
    summary="What to look at today",
    **reads("today.read", HTTPStatus.NOT_FOUND),
)
def queue(
    ask: Asking,
    hours: Annotated[
        float, Query(gt=0, le=_MOST_HOURS, description="The hours that there are.")
    ] = _HOURS,
    known: IfNoneMatch = None,
) -> Response:
    """Findings by the money that an hour may bring back, and a stated share drawn by lot.

    What is judged or put off is left out. Ties are broken as `order` says, and the same question
    has the same answer all day, for everybody who sees the same.
    """
    service = ask.service
    day = day_of(service.clock())
    asleep = Snoozes(service.database, clock=service.clock).asleep(day)
    with seen(ask) as view:
        found = today.open_findings(
            view.reading.engine,
            asleep=sorted(asleep.findings),
            providers_asleep=sorted(asleep.providers),
        )
        rows = _not_judged(ask, found, day)
        held = _held(ask)
        how = practice.read(service.home.path)
        places = today.queue(
            [today.waiting_of(row) for row in rows.values()],
            hours,
            day=day,
            run_id=view.reading.run.run_id,
            held=held,
            practice=how,
        )
        told = {
            "run_id": view.reading.run.run_id,
            "day": day,
            "hours": hours,
            "hours_planned": round(sum(place.hours for place in places), 2),
            "waiting": len(rows),
            "drawn_share": how.drawn_share,
            "order": today.ORDER,
            "words": texts.both("work", "today"),
            "items": [
                {"place": n}
                | rows[place.finding_id]
                | asdict(place)
                | asdict(held.get(rows[place.finding_id]["detector"], today.Held()))
                | {"drawn": place.drawn_from is not None}
                for n, place in enumerate(places, start=1)
            ],
        }
        return answer(view.told(told), known)


@router.get(
    "/stop-list",
    response_model=StopList,
    summary="Invoices to look at before they are paid",
    **reads("stop_list.read", HTTPStatus.NOT_FOUND),
)
def before_payment(
    ask: Asking,
    page: Paging,
    period: Annotated[
        str | None,
        Query(pattern=_MONTH, description="A month; else the newest billed.", examples=["2026-10"]),
    ] = None,
    known: IfNoneMatch = None,
) -> Response:
    """Unpaid invoices of a period that a finding questions, the most at risk first.

    Each with its reasons and the amount that each concerns. A finding alone never stops a
    payment: a person does.
    """
    service = ask.service
    day = day_of(service.clock())
    set_aside = Dispositions(service.database, clock=service.clock).set_aside(day)
    with seen(ask, page.run_id) as view:
        engine = view.reading.engine
        month = stop_list.newest_period(engine) if period is None else stop_list.Period.read(period)
        found: list[dict[str, Any]] = []
        calendar = None
        if month is not None:
            how = practice.read(service.home.path)
            calendar = asdict(stop_list.calendar_of(month, how, day))
            found = stop_list.questioned(
                engine,
                month,
                set_aside=set_aside,
                limit=page.limit + 1,
                after=None if page.after is None else _after(page.after),
            )
        items, further = page.cut(found, _place, run_id=view.reading.run.run_id)
        told = {
            "run_id": view.reading.run.run_id,
            "period": None if month is None else str(month),
            "calendar": calendar,
            "words": texts.both("work", "stop_list"),
            "items": [_plain(row) for row in items],
            "next": further,
        }
        return answer(view.told(told), known)


def _not_judged(
    ask: Asked, found: Sequence[dict[str, Any]], day: date
) -> Mapping[str, dict[str, Any]]:
    """The findings that nobody has judged, or whose dismissal has expired, by finding_id."""
    rows = {row["finding_id"]: row for row in found}
    dispositions = Dispositions(ask.service.database, clock=ask.service.clock)
    ids = list(rows)
    for start in range(0, len(ids), _AT_A_TIME):
        asked = ids[start : start + _AT_A_TIME]
        for finding_id, judged in dispositions.of_each(asked).items():
            if judged.verdict is Verdict.CONFIRMED or (
                judged.expires_on is not None and judged.expires_on > day
            ):
                del rows[finding_id]
    return rows


def _held(ask: Asked) -> dict[str, today.Held]:
    dispositions = Dispositions(ask.service.database, clock=ask.service.clock)
    return {
        each.detector: today.Held(each.confirmed, each.judged)
        for each in dispositions.precision(insiders=ask.caller.sees_insiders)
    }


def _place(row: Mapping[str, Any]) -> tuple[float, str, str]:
    return float(row["weight"]), str(row["amount"]), row["ref"]


def _after(place: Sequence[str | int | float | None]) -> stop_list.After:
    weight, amount, ref = place
    return float(weight or 0), str(amount), str(ref)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: number(value) for name, value in row.items() if name != "weight"}
