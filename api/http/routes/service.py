"""Whether the service lives and is ready."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.http.door import Asking, AuditedRoute, does

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
