"""The door of every route: who asks, whether they may, for what purpose; and the log of it.

A route names its operation of the access table with `**does("providers.read")`. Before it runs,
the table is asked. When it has answered, and before the answer leaves, what it told is written
in the log; where the log cannot be written, the answer is not given.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import unquote

from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from api.http.problems import documented, status_of
from api.http.service import Service
from graph_service.access import table
from graph_service.access.table import Caller
from graph_service.casework.audit.entry import NOBODY, Entry, Outcome
from graph_service.errors import GraphServiceError, NotAllowed, NotThere, UsageError
from graph_service.run_file import RunFile
from graph_service.stores.search import holds_personal_number

OPERATION: Final = "x-operation"
_LONGEST_PURPOSE: Final = 500
_TOKEN: Final = HTTPBearer(
    auto_error=False, description="A session's token, an API key, or an OIDC access token."
)


class Asked:
    """One request: who asks, why, within which case; and what the answer tells."""

    def __init__(self, service: Service, caller: Caller | None) -> None:
        self.service = service
        self._caller = caller
        self.case_id: str | None = None
        self.purpose: str | None = None
        self.run_id: str | None = None
        self.clear: frozenset[str] = frozenset()
        self.lifted: frozenset[str] = frozenset()
        self.what: list[str] = []

    @property
    def caller(self) -> Caller:
        """Who asks; only for operations that need somebody signed in."""
        if self._caller is None:
            raise RuntimeError("an operation for anyone asked who its caller is")
        return self._caller

    @property
    def is_signed_in(self) -> bool:
        """Whether anybody is known to ask."""
        return self._caller is not None

    @property
    def user_id(self) -> str:
        """Who asks, as the log names them."""
        return NOBODY if self._caller is None else self._caller.user_id

    def tells(self, kind: str, references: Iterable[str]) -> None:
        """Note for the log what the answer is about."""
        self.what += [f"{kind}:{reference}" for reference in references]

    def enter(self, case_id: str | None, purpose: str | None) -> None:
        """Read within a case, for a purpose: what it lets one see in clear."""
        if case_id is None and purpose is None:
            return
        if case_id is None or not purpose:
            raise NotAllowed(
                "Persons are shown in clear inside an open case and for a stated purpose only. "
                "Send both headers, Case and Purpose, or neither."
            )
        if holds_personal_number(purpose):
            raise UsageError("Purpose may hold no personal number: it is logged. Say it in words.")
        inside = self.service.cases.inside(case_id, self.caller)
        self.case_id, self.purpose = case_id, purpose
        self.clear, self.lifted = inside.clear, inside.lifted

    def run(self) -> RunFile:
        """What the caller may see of the current run; it is the same run for the whole request."""
        seen = self.service.sights.current(
            units=self.caller.units, insiders=self.caller.sees_insiders, lifted=self.lifted
        )
        if seen is None:
            raise NotThere("There is no run yet. Start one with POST /v1/runs.")
        self.run_id = seen.run_id
        return seen

    def entry(self, operation: str, outcome: Outcome, status: int) -> Entry:
        """What the log says of it."""
        caller = self._caller
        return Entry(
            at=self.service.clock(),
            user_id=self.user_id,
            roles=() if caller is None else tuple(sorted(caller.roles)),
            action=operation,
            outcome=outcome,
            what=tuple(dict.fromkeys(self.what)),
            case_id=self.case_id,
            purpose=self.purpose,
            run_id=self.run_id,
            status=status,
        )


class AuditedRoute(APIRoute):
    """A route whose answers and refusals are in the log before anybody has them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        name = (self.openapi_extra or {}).get(OPERATION)
        if name is None:
            raise RuntimeError(f"{self.path} names no operation of the access table")
        operation = table.operation(name)
        if not operation.audited:
            return answer

        async def audited(request: Request) -> Response:
            try:
                response = await answer(request)
            except Exception as error:
                status = _status(error)
                refused = status < HTTPStatus.INTERNAL_SERVER_ERROR
                outcome = Outcome.REFUSED if refused else Outcome.FAILED
                await _write(request, name, outcome, status)
                raise
            outcome = (
                Outcome.ANSWERED
                if response.status_code < HTTPStatus.BAD_REQUEST
                else Outcome.REFUSED
            )
            await _write(request, name, outcome, response.status_code)
            return response

        return audited


def does(operation: str, *refusals: HTTPStatus) -> dict[str, Any]:
    """What a route says of itself: its operation, who may, and how it may refuse."""
    told = table.operation(operation)
    usual = [HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    usual += [HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS]
    usual += [HTTPStatus.SERVICE_UNAVAILABLE]
    if told.roles is not None:
        usual += [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN]
    extra: dict[str, Any] = {OPERATION: operation}
    if told.roles is None:
        extra["security"] = [{}]  # a token may be sent, and none need be
    return {
        "openapi_extra": extra,
        "dependencies": [Depends(_permitted(operation))],
        "responses": documented(*sorted({*usual, *refusals})),
    }


def service_of(request: Request) -> Service:
    """The service that the application was made with."""
    found: Service = request.app.state.service
    return found


def asked(
    request: Request,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(_TOKEN)] = None,
) -> Asked:
    """Who asks: made once for each request."""
    found = getattr(request.state, "asked", None)
    if isinstance(found, Asked):
        return found
    service = service_of(request)
    request.state.asked = Asked(service, service.stand_in if token is None else None)
    if token is not None:
        request.state.asked = Asked(service, service.caller_of(token.credentials))
    made: Asked = request.state.asked
    return made


async def inside_case(
    ask: Annotated[Asked, Depends(asked)],
    case: Annotated[
        str | None, Header(max_length=64, description="The open case within which you read.")
    ] = None,
    purpose: Annotated[
        str | None,
        Header(
            max_length=_LONGEST_PURPOSE,
            description="Why you read, in words; percent-encode what is not ASCII.",
        ),
    ] = None,
) -> Asked:
    """Who asks, within the case and for the purpose that the headers name."""
    if case is not None or purpose is not None:
        await run_in_threadpool(
            ask.enter, case, None if purpose is None else unquote(purpose).strip()
        )
    return ask


#: Who asks; for routes whose answers hold no persons.
Asking = Annotated[Asked, Depends(asked)]
#: The same, where a case may be named to see its persons in clear.
AskingInCase = Annotated[Asked, Depends(inside_case)]


def _permitted(operation: str) -> Callable[[Asked], Coroutine[Any, Any, None]]:
    async def permitted(ask: Annotated[Asked, Depends(asked)]) -> None:
        table.require(operation, ask._caller)

    return permitted


def _status(error: Exception) -> int:
    if isinstance(error, GraphServiceError):
        return status_of(error).value
    if isinstance(error, RequestValidationError):
        return HTTPStatus.UNPROCESSABLE_ENTITY.value
    if isinstance(error, HTTPException):
        return error.status_code
    return HTTPStatus.INTERNAL_SERVER_ERROR.value


async def _write(request: Request, operation: str, outcome: Outcome, status: int) -> None:
    service = service_of(request)
    ask = getattr(request.state, "asked", None) or Asked(service, None)
    await service.log.write_soon(ask.entry(operation, outcome, status))
