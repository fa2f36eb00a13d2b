"""Refusals over HTTP: problem details (RFC 9457), each with a cure, none with a row's value."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from graph_service import errors

MEDIA_TYPE: Final = "application/problem+json"
#: When to ask again, where the service itself could not answer.
_RETRY_SECONDS: Final = 30

#: The status of each kind of refusal; the nearest ancestor counts.
STATUSES: Final[tuple[tuple[type[errors.GraphServiceError], HTTPStatus], ...]] = (
    (errors.NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (errors.NotAllowed, HTTPStatus.FORBIDDEN),
    (errors.NotThere, HTTPStatus.NOT_FOUND),
    (errors.SignInUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.AuditError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.CaseworkError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.OutOfTime, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.HomeError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.RunError, HTTPStatus.CONFLICT),
    (errors.GraphServiceError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


class Refusal(HTTPException):
    """A refusal that is of HTTP alone; `detail` is shown as it is, so it says the cure."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status.value, detail, headers)


class Fault(BaseModel):
    """One part of a request that does not fit; its value is not repeated."""

    where: str = Field(examples=["query.limit"])
    reason: str = Field(examples=["Input should be less than or equal to 200"])


class Problem(BaseModel):
    """Why it was refused, and what to do (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "There is no such provider, or it is not for you to see.",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[Fault] | None = None


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    faults: list[Fault] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An answer that refuses."""
    told = Problem(title=status.phrase, status=status.value, detail=detail, faults=faults)
    if status is HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": "Bearer", **(headers or {})}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"Retry-After": str(_RETRY_SECONDS), **(headers or {})}
    return JSONResponse(
        told.model_dump(exclude_none=True),
        status_code=status.value,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """What a route's specification says of its refusals."""
    return {
        status.value: {
            "description": status.phrase,
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def status_of(error: errors.GraphServiceError) -> HTTPStatus:
    """The HTTP status of a refusal."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def install(app: FastAPI) -> None:
    """Answer every refusal of the house, of FastAPI and of Starlette as a problem."""

    @app.exception_handler(errors.GraphServiceError)
    def refused(_: Request, error: errors.GraphServiceError) -> JSONResponse:
        return problem(status_of(error), str(error))

    @app.exception_handler(RequestValidationError)
    def unfit(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            Fault(where=".".join(str(part) for part in fault["loc"]), reason=fault["msg"])
            for fault in error.errors()
        ]
        detail = "The request does not fit the specification. Mend what `faults` names."
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults=faults)

    @app.exception_handler(HTTPException)
    def declined(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        headers = dict(error.headers or {})
        if isinstance(error, Refusal):
            return problem(status, error.detail, headers=headers)
        cure = "See /openapi.json for what there is and how it is asked."
        return problem(status, f"{status.phrase}. {cure}", headers=headers)
