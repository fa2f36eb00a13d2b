"""The application: what it is made of, in the order in which a request meets it."""

from __future__ import annotations

import sys
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.types import StatelessLifespan

from api.http import limits, logs, problems, specification
from api.http.answer_headers import AnswerHeaders
from api.http.door import AuditedRoute
from api.http.limits import Bounded, Fitting, Rates
from api.http.logs import RequestLog
from api.http.metrics import Metrics
from api.http.routes import (
    audit,
    case_contents,
    cases,
    detectors,
    exports,
    findings,
    incidents,
    judgements,
    loads,
    masks,
    network,
    providers,
    retention,
    routines,
    runs,
    session,
    subjects,
    tips,
    users,
    work,
)
from api.http.routes import service as service_routes
from api.http.service import Service


def create_app(service: Service, lifespan: StatelessLifespan[FastAPI] | None = None) -> FastAPI:
    """The HTTP service over what `service` holds."""
    bounds, metrics = service.settings.serve, Metrics(service.settings.serve.metrics)
    app = FastAPI(
        title="graph-service",
        version=version("graph-service"),
        summary="Indicators of organised welfare crime, for people to review.",
        openapi_url="/openapi.json",
        docs_url=None,  # that page would load its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(AnswerHeaders),
            Middleware(RequestLog, metrics=metrics, logger=logs.lines(sys.stderr)),
            Middleware(Fitting, hosts=bounds.allowed_hosts),
            Middleware(Bounded, seconds=bounds.time_limit_seconds),
        ],
    )
    app.state.service = service
    app.state.metrics = metrics
    app.state.rates = Rates(bounds)
    app.router.route_class = AuditedRoute
    problems.install(app)
    specification.install(app)
    app.include_router(service_routes.router)
    each_counted = [Depends(limits.counted)]
    guarded = [*each_counted, Depends(limits.wrong_passwords_counted)]
    app.include_router(session.router, dependencies=guarded)
    for subject in (users, detectors, providers, findings, network, loads, runs, routines, work):
        app.include_router(subject.router, dependencies=each_counted)
    for subject in (cases, case_contents, masks, judgements, tips, exports, incidents):
        app.include_router(subject.router, dependencies=each_counted)
    for subject in (audit, retention):
        app.include_router(subject.router, dependencies=each_counted)
    app.include_router(subjects.router, dependencies=each_counted)
    return app
