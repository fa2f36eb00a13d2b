"""Tips: recorded, read by those who may see whom they are about; their source by one role alone."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic_core import to_jsonable_python

from api.http.casework import PartId, day, entities_among, entities_of, shows, within, writes
from api.http.conditional import IfNoneMatch, answer
from api.http.door import Asked, Asking, AuditedRoute
from api.http.paging import Page, Paging
from api.http.shapes.casework import TipCase, TipReceived, TipSource
from graph_service.access.reference import kind_of
from graph_service.casework.tips import Tip, Tips
from graph_service.errors import NotThere

router = APIRouter(prefix="/v1/tips", tags=["tips"], route_class=AuditedRoute)


@router.get(
    "",
    response_model=Page[Tip],
    summary="Tips",
    **shows("tips.read", "tip", page=True),
)
def listing(ask: Asking, page: Paging, known: IfNoneMatch = None) -> Response:
    """Tips about what you may see, of your cases and recorded by you; the newest first."""
    after = None if page.after is None else (day(page.after[0]), str(page.after[1]))
    found = _tips(ask).page(ask.caller, _seen(ask), after=after, limit=page.limit + 1)
    items, further = page.cut(found, lambda tip: (tip.received_on.isoformat(), tip.tip_id))
    _tell(ask, items)
    return answer(to_jsonable_python({"items": items, "next": further}), known)


@router.post(
    "",
    summary="Record a tip",
    **writes("tips.record", "tip", HTTPStatus.NOT_FOUND, status=HTTPStatus.CREATED),
)
def recorded(ask: Asking, asked: TipReceived, response: Response) -> Tip:
    """A reason to look, and never an input to a score. Who told it is sealed and kept apart."""
    if asked.about is not None:
        entities_of(ask, [asked.about])
    tip = _tips(ask).record(
        ask.caller,
        received_on=asked.received_on,
        channel=asked.channel,
        text=asked.text,
        about=asked.about,
        credibility=asked.credibility,
        source=asked.source,
    )
    _tell(ask, [tip])
    response.headers["Location"] = f"/v1/tips/{tip.tip_id}"
    return tip


@router.get(
    "/{tip_id}",
    response_model=Tip,
    summary="One tip",
    **shows("tips.read", "tip", HTTPStatus.NOT_FOUND),
)
def one(ask: Asking, tip_id: PartId, known: IfNoneMatch = None) -> Response:
    """A tip without its source."""
    tip = _tips(ask).read(tip_id, ask.caller, _seen(ask))
    _tell(ask, [tip])
    return answer(to_jsonable_python(tip), known)


@router.put(
    "/{tip_id}/case",
    summary="Put a tip to a case",
    **writes("cases.change", "tip", HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def linked(ask: Asking, tip_id: PartId, asked: TipCase) -> Tip:
    """The case's members then read it too."""
    within(ask, asked.case_id)
    tip = _tips(ask).link(tip_id, asked.case_id, ask.caller, _seen(ask))
    _tell(ask, [tip])
    return tip


@router.get(
    "/{tip_id}/source",
    response_model=TipSource,
    summary="Who told a tip",
    **shows("tips.source", "tip_source", HTTPStatus.NOT_FOUND),
)
def source(ask: Asking, tip_id: PartId, known: IfNoneMatch = None) -> Response:
    """For the role security alone; each reading is in the log."""
    told = _tips(ask).source(tip_id)
    ask.tells("tip", [tip_id])
    return answer({"source": told}, known)


def _seen(ask: Asked) -> frozenset[str]:
    """Whom there are tips about, of those whom the caller may see; none before the first run."""
    try:
        return frozenset(entities_among(ask, _tips(ask).abouts()))
    except NotThere:
        return frozenset()


def _tell(ask: Asked, tips: list[Tip]) -> None:
    for tip in tips:
        ask.tells("tip", [tip.tip_id])
        if tip.about is not None:
            ask.tells(kind_of(tip.about), [tip.about])


def _tips(ask: Asked) -> Tips:
    service = ask.service
    return Tips(service.database, clock=service.clock, key=service.home.reference_key())
