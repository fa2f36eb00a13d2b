"""Threats, harassment and bribery against officials: for the role security alone."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.http.door import AskingInCase, AuditedRoute, does
from api.http.paging import Page, Paging
from graph_service.access.incidents import incidents

router = APIRouter(prefix="/v1/incidents", tags=["incidents"], route_class=AuditedRoute)


class Incident(BaseModel):
    """What was told of one incident; who was its target stands there by reference."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "incident_id": "h-17",
                    "occurred_on": "2026-02-11",
                    "official": "person-4kq2mz7d3x5vapn6wctg2jhsru",
                    "org_id": "5520000018",
                    "kind": "threat",
                    "note": None,
                }
            ]
        }
    )

    incident_id: str | None
    occurred_on: date
    official: str | None = Field(description="By reference; by number inside a case of theirs.")
    org_id: str | None
    kind: Literal["threat", "harassment", "bribery", "other"]
    note: str | None = Field(description="Inside a case that shows everybody it names.")


@router.get(
    "", summary="Incidents, the latest first", **does("incidents.read", HTTPStatus.NOT_FOUND)
)
def listing(ask: AskingInCase, page: Paging) -> Page[Incident]:
    """What was loaded of incidents, whoever's unit it was."""
    after = None if page.after is None else (date.fromisoformat(page.after[0]), str(page.after[1]))
    found = incidents(
        ask.service.home, ask.run(), clear=ask.clear, after=after, limit=page.limit + 1
    )
    shown, cursor = page.cut(found, lambda one: (one.place[0].isoformat(), one.place[1]))
    ask.tells("incident", [one.place[1][:16] for one in shown])
    items = [
        Incident.model_validate({**one.columns, "official": one.columns["official_id"]})
        for one in shown
    ]
    return Page(items=items, next=cursor)
