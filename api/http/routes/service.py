"""Whether the service lives and is ready, and what it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from api.http.door import Asking, AuditedRoute, does
from api.http.metrics import Metrics

_PROMETHEUS = {"text/plain": {"schema": {"type": "string"}}}

router = APIRouter(tags=["service"], route_class=AuditedRoute)


class Health(BaseModel):
    """It answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """What it can answer about."""

    status: Literal["ready"] = "ready"
    run_id: str | None


@router.get("/health", **does("service.health"))
def health() -> Health:
    """Whether the process answers at all."""
    return Health()


@router.get("/ready", **does("service.health"))
def ready(ask: Asking) -> Ready:
    """Whether casework can be reached and a run stands; 503 where not."""
    ask.service.database.require_current()
    standing = ask.service.sights.standing()
    return Ready(run_id=None if standing is None else standing.run_id)


@router.get(
    "/metrics",
    response_class=Response,
    **does("service.metrics")
    | {"responses": does("service.metrics")["responses"] | {200: {"content": _PROMETHEUS}}},
)
def metrics(request: Request, ask: Asking) -> Response:
    """Counts and durations by operation, for Prometheus; a robot's key signs it in."""
    counted: Metrics = request.app.state.metrics
    standing = ask.service.sights.standing()
    age = None
    if standing is not None:
        (about,) = standing.rows("run", order="run_id")
        finished = datetime.fromisoformat(about["finished_at"])
        age = (ask.service.clock() - finished).total_seconds()
    text = counted.text(run_age_seconds=age, audit_waiting=ask.service.log.waiting)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
