"""The network of the current run: who is tied to whom, how, and since when."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.http.conditional import IfNoneMatch, answer, reads, tells
from api.http.door import AskingInCase, AuditedRoute
from api.http.seen import Ref, seen
from api.http.shapes import example
from api.http.shapes.network import AsOf, Kinds, SearchFor, ShownPaths, Timeline, Types
from graph_service.clock import STOCKHOLM
from graph_service.graph.declaration import KINDS
from graph_service.stores import card, neighbourhood, ownership, paths, search
from graph_service.stores.answers import Matches, Neighbourhood, Ownership, Paths

router = APIRouter(prefix="/v1/network", tags=["network"], route_class=AuditedRoute)

#: The most that one answer shows; what is beyond is counted.
_ENTITIES: Final = 500
_EVENTS: Final = 1000
_PATHS: Final = 100
_TIES: Final = 1000
_HUB: Final = 1_000_000


@router.post(
    "/search",
    response_model=Matches,
    summary="Find entities by words",
    **tells("network.search", example=example("network.search")),
)
def find(ask: AskingInCase, asked: SearchFor) -> Response:
    """Entities whose name, number or address holds the words, the best first; others counted."""
    today = ask.service.clock().astimezone(STOCKHOLM).date()
    with seen(ask) as view:
        found = search.find(
            view.lookups,
            asked.text,
            today=today,
            kinds=tuple(asked.kinds or KINDS),
            limit=asked.limit,
        )
        return answer(view.told(found))


@router.get(
    "/paths",
    response_model=ShownPaths,
    summary="Every shortest path between two entities",
    **reads("network.read", example=example("network.paths")),
)
def between(
    ask: AskingInCase,
    source: Annotated[str, Query(alias="from", max_length=100, description="A reference.")],
    target: Annotated[str, Query(alias="to", max_length=100, description="A reference.")],
    max_length: Annotated[int, Query(ge=1, le=paths.LONGEST)] = paths.LONGEST,
    types: Types = None,
    kinds: Kinds = None,
    as_of: AsOf = None,
    hub: Annotated[
        int | None, Query(ge=0, le=_HUB, description="Pass no type with more at one entity.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_PATHS)] = paths.PATHS,
    known: IfNoneMatch = None,
) -> Response:
    """All shortest paths; counted where too many, and said where the search had to stop."""
    with seen(ask) as view:
        found = paths.paths(
            view.lookups,
            view.entity(source),
            view.entity(target),
            max_length=max_length,
            types=types or neighbourhood.TYPES,
            kinds=kinds or tuple(KINDS),
            as_of=as_of,
            hub=paths.NO_HUB if hub is None else hub,
            limit=limit,
        )
        return answer(view.told(_shown(found)), known)


@router.get(
    "/{ref}/neighbourhood",
    response_model=Neighbourhood,
    summary="Who and what stands around an entity",
    **reads("network.read", example=example("network.neighbourhood")),
)
def around(
    ask: AskingInCase,
    ref: Ref,
    depth: Annotated[int, Query(ge=1, le=neighbourhood.DEEPEST, description="Steps.")] = 1,
    types: Types = None,
    kinds: Kinds = None,
    as_of: AsOf = None,
    hub: Annotated[
        int, Query(ge=0, le=_HUB, description="Follow no type with more at one entity.")
    ] = neighbourhood.HUB,
    limit: Annotated[int, Query(ge=1, le=_ENTITIES)] = neighbourhood.ENTITIES,
    known: IfNoneMatch = None,
) -> Response:
    """Step by step outwards; hubs are named and not followed, and what is left out is counted."""
    with seen(ask) as view:
        found = neighbourhood.around(
            view.lookups,
            view.entity(ref),
            depth=depth,
            types=types or neighbourhood.TYPES,
            kinds=kinds or tuple(KINDS),
            as_of=as_of,
            hub=hub,
            limit=limit,
        )
        return answer(view.told(found), known)


@router.get(
    "/{ref}/ownership",
    response_model=Ownership,
    summary="Who owns an organisation in the end",
    **reads("network.read", example=example("network.ownership")),
)
def owners(ask: AskingInCase, ref: Ref, as_of: AsOf = None, known: IfNoneMatch = None) -> Response:
    """The owners above and what it holds below, with effective shares; `complete` if not cut."""
    with seen(ask) as view:
        organisation = view.entity(ref, kind="organisation")
        found = ownership.ownership(view.lookups, organisation, as_of=as_of)
        return answer(view.told(found), known)


@router.get(
    "/{ref}/timeline",
    response_model=Timeline,
    summary="The dated events of an entity",
    **reads("network.read", example=example("network.timeline")),
)
def timeline(
    ask: AskingInCase,
    ref: Ref,
    types: Types = None,
    as_of: AsOf = None,
    limit: Annotated[int, Query(ge=1, le=_EVENTS)] = card.EVENTS,
    known: IfNoneMatch = None,
) -> Response:
    """Its own dates, its ties' and its findings': the last of them; earlier ones are counted."""
    with seen(ask) as view:
        found = card.timeline(
            view.lookups,
            view.entity(ref),
            types=types or neighbourhood.TYPES,
            as_of=as_of,
            limit=limit,
        )
        return answer(view.told(found), known)


def _shown(found: Paths) -> ShownPaths:
    """The paths, with no more relationships than one can take in; two firms may have thousands."""
    told = {each.name: getattr(found, each.name) for each in fields(found)}
    told["relationships"] = found.relationships[:_TIES]
    return ShownPaths(**told, relationships_left_out=len(found.relationships[_TIES:]))
