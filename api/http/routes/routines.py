"""The proof that routines ran."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from api.http.door import Asking, AuditedRoute, does
from api.http.paging import Page, Paging
from api.http.shapes.runs import RoutineRan
from graph_service.casework.routines import Routines

router = APIRouter(prefix="/v1/routines", tags=["runs"], route_class=AuditedRoute)


@router.get("", summary="Routines that ended, the newest first", **does("routines.read"))
def listing(ask: Asking, page: Paging) -> Page[RoutineRan]:
    """Each one's rooms with their digests, data, duration and outcome, as put down at its end."""
    routines = Routines(ask.service.database, clock=ask.service.clock)
    before = None
    if page.after is not None:
        at, job_id = page.after
        before = (datetime.fromisoformat(str(at)), str(job_id))
    found = [RoutineRan.of(each) for each in routines.routines(page.limit + 1, before)]
    items, cursor = page.cut(found, lambda ran: (ran.asked_at.isoformat(), ran.job_id))
    return Page(items=items, next=cursor)
