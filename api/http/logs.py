"""Log lines: one JSON object a request on standard error, and nothing that a person is known by.

A line names the operation and the route's template. The path, the query, headers and bodies are
never looked at, and of an error only its kind and where it was raised: a message may hold a
row's value. What other libraries log goes through the same filter.
"""

from __future__ import annotations

import logging.config
import re
import secrets
import sys
import traceback
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from api.http.door import OPERATION, Asked
from api.http.metrics import Metrics
from api.http.problems import problem
from graph_service.casework.audit.entry import NOBODY

#: The status of a request whose caller left before the answer; nginx has made it usual.
_CALLER_LEFT: Final = 499
#: Personal and organisation numbers, however they are written.
_NUMBER: Final = re.compile(r"(?<!\d)(?:\d{2})?\d{6}[-+ ]?\d{4}(?!\d)")
_MASK: Final = "…"
#: Made here, at random: digits in them are nobody's.
_OWN: Final = frozenset({"request_id", "user_id", "timestamp"})


def without_numbers(_: Any, __: str, line: EventDict) -> EventDict:
    """Mask whatever may be a personal number, in whatever text it stands."""
    return {
        key: value if key in _OWN or not isinstance(value, str) else _NUMBER.sub(_MASK, value)
        for key, value in line.items()
    }


def without_messages(_: Any, __: str, line: EventDict) -> EventDict:
    """Of an error its kind and its frames, never what it says."""
    told = line.pop("exc_info", None)
    error = told[1] if isinstance(told, tuple) else told
    if error is True:
        error = sys.exc_info()[1]
    return {**line, **about(error)} if isinstance(error, BaseException) else line


def about(error: BaseException) -> dict[str, Any]:
    """What may be logged of an error."""
    return {"error": type(error).__name__, "at": _frames(error.__traceback__)}


def _frames(trace: TracebackType | None) -> list[str]:
    found = traceback.extract_tb(trace)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in found]


_FILTERS: Final[tuple[Processor, ...]] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    without_messages,
    without_numbers,
)


def lines(stream: TextIO) -> FilteringBoundLogger:
    """A logger that writes JSON lines to `stream`."""
    made: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[*_FILTERS, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return made


def adopt() -> None:
    """Write what other libraries log in this process as the same lines, warnings and worse."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _FILTERS,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            without_messages,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        "use_get_message": True,
        "keep_exc_info": False,
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
        }
    )


class RequestLog:
    """A line and a count for each request, and the answer to our defects."""

    def __init__(self, app: ASGIApp, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self._app = app
        self._metrics = metrics
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and tell of it when it has ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        request_id = secrets.token_hex(8)
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except ClientDisconnect:
            status = status or _CALLER_LEFT
        except Exception as error:
            self._logger.error("defect", request_id=request_id, **about(error))
            if status:
                raise
            detail = f"A defect of the program. Tell those who maintain it: request {request_id}."
            await problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)(scope, receive, sent)
        finally:
            self._tell(scope, request_id, status or _CALLER_LEFT, perf_counter() - began)

    def _tell(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = scope.get("route")
        operation = (getattr(route, "openapi_extra", None) or {}).get(OPERATION, NOBODY)
        asked = scope.get("state", {}).get("asked")
        self._metrics.count(operation, status, seconds)
        self._logger.info(
            "request",
            request_id=request_id,
            method=scope["method"] if route is not None else NOBODY,
            route=getattr(route, "path", NOBODY),
            operation=operation,
            status=status,
            ms=round(seconds * 1000, 1),
            user_id=asked.user_id if isinstance(asked, Asked) else NOBODY,
        )
