"""The application: what it is made of, in the order in which a request meets it."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from api.http import problems
from api.http.door import AuditedRoute
from api.http.routes import service as service_routes
from api.http.service import Service


def create_app(service: Service) -> FastAPI:
    """The HTTP service over what `service` holds."""
    app = FastAPI(
        title="graph-service",
        version=version("graph-service"),
        summary="Indicators of organised welfare crime, for people to review.",
        openapi_url="/openapi.json",
        redoc_url=None,
    )
    app.state.service = service
    app.router.route_class = AuditedRoute
    problems.install(app)
    for subject in (service_routes,):
        app.include_router(subject.router)
    return app
