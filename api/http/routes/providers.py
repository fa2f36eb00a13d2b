"""Providers of the current run: ranking, search, card, score from run to run, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.http.conditional import IfNoneMatch, answer, reads, tells
from api.http.door import AskingInCase, AuditedRoute
from api.http.paging import Page, Paging
from api.http.routes import findings as of_findings
from api.http.routes.detectors import Named
from api.http.seen import Ref, Seen, seen
from api.http.shapes import example
from api.http.shapes.findings import Finding
from api.http.shapes.network import AsOf, Text
from api.http.shapes.providers import Matched, PastScore, Provider, ProviderCard
from graph_service.casework.history import History
from graph_service.errors import NotThere, UsageError
from graph_service.results.findings import Wanted as WantedFindings
from graph_service.results.providers import Wanted, ranking
from graph_service.risk import Band
from graph_service.room import Family
from graph_service.stores import card as cards
from graph_service.stores import search
from graph_service.stores.answers import as_json
from graph_service.texts import text

router = APIRouter(prefix="/v1/providers", tags=["providers"], route_class=AuditedRoute)

_NO_PROVIDER: Final = "There is no such provider in the current run, or it is not for you to see."
_TIES: Final = 50
_MATCHES: Final = 100


class ProviderWords(BaseModel):
    """Words of a provider's name, or its number."""

    text: Text = Field(examples=["omsorg"])
    limit: int = Field(default=search.MATCHES, ge=1, le=_MATCHES)


@router.get(
    "",
    response_model=Page[Provider],
    summary="Providers by rank",
    **reads("providers.list", example=example("providers.list")),
)
def ranked(
    ask: AskingInCase,
    page: Paging,
    band: Band | None = None,
    min_score: Annotated[float | None, Query(ge=0, le=100)] = None,
    detector: Annotated[Named | None, Query(description="With findings of this detector.")] = None,
    family: Annotated[Family | None, Query(description="With findings of this family.")] = None,
    not_assessed: Annotated[
        Family | None, Query(description="This family lacked its data.")
    ] = None,
    known: IfNoneMatch = None,
) -> Response:
    """The ranking, a page at a time; those that cannot be assessed come last."""
    wanted = Wanted(
        band=band,
        min_score=min_score,
        detector=detector,
        family=family,
        not_assessed=not_assessed,
    )
    with seen(ask, page.run_id) as view:
        found = ranking(view.reading.engine, wanted, after=page.after, limit=page.limit + 1)
        items, further = page.cut(found, lambda one: one.place, run_id=view.reading.run.run_id)
        told = view.told([one.told for one in items])
        return answer({"items": told, "next": further}, known)


@router.post(
    "/search",
    response_model=Matched,
    summary="Find providers by name or number",
    **tells("providers.search", example=example("providers.search")),
)
def find(ask: AskingInCase, asked: ProviderWords) -> Response:
    """The providers whose name or number holds every word, by rank; a search is never in a URL."""
    words = search.folded(asked.text).split()
    if not words:
        raise UsageError("Search for at least two letters or digits.")
    with seen(ask) as view:
        found = ranking(view.reading.engine, Wanted(words=words), limit=asked.limit)
        told = view.told([one.told for one in found])
        left_out = found[0].total - len(found) if found else 0
        run_id = view.reading.run.run_id
        return answer({"run_id": run_id, "items": told, "left_out": left_out})


@router.get(
    "/{ref}",
    response_model=ProviderCard,
    summary="A provider on one page",
    **reads("providers.read", example=example("providers.read")),
)
def card(
    ask: AskingInCase,
    ref: Ref,
    as_of: AsOf = None,
    limit: Annotated[
        int, Query(ge=1, le=_TIES, description="Findings, and ties of each kind, that are shown.")
    ] = cards.SHOWN,
    known: IfNoneMatch = None,
) -> Response:
    """Its score with what it is made of, its findings by detector, and its ties by kind."""
    with seen(ask) as view:
        score = _scored(view, ref)
        found = cards.card(view.lookups, view.entity(ref), as_of=as_of, limit=limit)
        return answer(view.told(as_json(found) | {"score": score}), known)


@router.get(
    "/{ref}/findings",
    response_model=Page[Finding],
    summary="A provider's findings",
    **reads("findings.list", example=example("findings.list")),
)
def findings(ask: AskingInCase, page: Paging, ref: Ref, known: IfNoneMatch = None) -> Response:
    """The findings about it, a page at a time: what breaks a rule first, leads last."""
    with seen(ask, page.run_id) as view:
        _scored(view, ref)
        told = of_findings.page_of(view, page, WantedFindings(provider=ref))
        return answer(told, known)


@router.get(
    "/{ref}/history",
    response_model=Page[PastScore],
    summary="A provider's score from run to run",
    **reads("providers.history", example=example("providers.history")),
)
def history(ask: AskingInCase, page: Paging, ref: Ref, known: IfNoneMatch = None) -> Response:
    """The latest first: each change split into new data, changed rules and changed peers."""
    with seen(ask) as view:
        now = _scored(view, ref)
        view.told({"ref": ref})
    kept = History(ask.service.database).of(ref)
    scores = {past.run_id: _past(asdict(past)) for past in kept} | {now["run_id"]: _past(now)}
    before = page.after[0] if page.after else None
    runs = sorted((run_id for run_id in scores if before is None or run_id < before), reverse=True)
    items, further = page.cut(runs, lambda run_id: (run_id,))
    return answer({"items": [scores[run_id] for run_id in items], "next": further}, known)


def _scored(view: Seen, ref: str) -> dict[str, Any]:
    """The provider's place in the ranking."""
    found = ranking(view.reading.engine, Wanted(ref=ref), limit=1)
    if not found:
        raise NotThere(_NO_PROVIDER)
    return dict(found[0].told)


def _past(scored: Mapping[str, Any]) -> dict[str, Any]:
    """What the history tells of a score; what it rested on then is for who saw that run."""
    told = {name: scored[name] for name in PastScore.model_fields if name != "reason"}
    plain: dict[str, Any] = as_json(told | {"reason": _reason(scored["change"])})
    return plain


def _reason(change: Mapping[str, float] | None) -> dict[str, str] | None:
    """The change in words, in both languages."""
    if change is None:
        return None
    moved = {name: f"{round(points, 1) + 0:+.1f}" for name, points in change.items()}
    swedish = {name: points.replace(".", ",") for name, points in moved.items()}
    return {
        "sv": text("sv", "explain", "change", **swedish),
        "en": text("en", "explain", "change", **moved),
    }
