"""The public catalogue of detectors: nobody need sign in to know what is looked for, and why."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, StringConstraints

import queries
from api.http.conditional import IfNoneMatch, answer, reads
from api.http.door import AuditedRoute
from api.http.shapes import example
from api.http.shapes.detectors import Detector, detector
from graph_service.detector import open_rooms
from graph_service.errors import NotThere
from graph_service.room import Room

router = APIRouter(prefix="/v1/detectors", tags=["detectors"], route_class=AuditedRoute)

_ROOMS: Final = Path(queries.__file__).parent


class Catalogue(BaseModel):
    """Every detector there is, by name."""

    items: list[Detector]


@cache
def rooms() -> Mapping[str, Room]:
    """The detectors by name; their files are read once."""
    return {room.name: room for room in open_rooms(_ROOMS)}


def _known(name: str) -> str:
    """A misspelt detector would else read as one that found nothing."""
    if name not in rooms():
        raise ValueError("there is no such detector; GET /v1/detectors lists them")
    return name


#: A detector's name as a filter.
Named = Annotated[str, StringConstraints(max_length=100), AfterValidator(_known)]


@router.get(
    "",
    response_model=Catalogue,
    summary="Every detector",
    **reads("detectors.read", example=example("detectors.list")),
)
def catalogue(known: IfNoneMatch = None) -> Response:
    """What is looked for: claims, their basis and limits, thresholds, innocent stories, queries."""
    told = Catalogue(items=[detector(room) for room in rooms().values()])
    return answer(told.model_dump(mode="json"), known)


@router.get(
    "/{name}",
    response_model=Detector,
    summary="One detector",
    **reads("detectors.read", HTTPStatus.NOT_FOUND, example=example("detectors.read")),
)
def one(name: str, known: IfNoneMatch = None) -> Response:
    """The same of one of them."""
    room = rooms().get(name)
    if room is None:
        raise NotThere("There is no such detector. GET /v1/detectors lists them.")
    return answer(detector(room).model_dump(mode="json"), known)
