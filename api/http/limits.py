"""What a request may take: its host, its size, its time, and how many may come from one caller.

Each worker counts requests for itself, so that a caller of several workers may reach the limit in
each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from math import ceil
from time import time
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.door import Asked, asked
from api.http.problems import Refusal, problem
from graph_service.engines.time_limit import TimeLimit, time_limit
from graph_service.errors import NotSignedIn
from graph_service.settings import ServeSettings

#: Bytes of a body that is no upload: the longest texts that people write fit many times over.
BODY_BYTES: Final = 1 << 20
#: Bytes of a request's headers together.
HEADER_BYTES: Final = 32 << 10
#: How long the next part of a body may be waited for.
_IDLE_SECONDS: Final = 30
_BOUNDS: Final = "bounds"


class Rates:
    """How many requests a caller, and how many wrong passwords an address, may send a minute."""

    def __init__(self, settings: ServeSettings) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(settings.requests_per_minute)
        self._failures = RateLimitItemPerMinute(settings.failed_sign_ins_per_minute)

    def take(self, caller: str) -> None:
        """Count a request; Refusal where there were too many."""
        if not self._window.hit(self._requests, "caller", caller):
            raise self._refusal("caller", self._requests, caller)

    def try_password(self, address: str) -> None:
        """Refuse an address from which too many wrong passwords came."""
        if not self._window.test(self._failures, "address", address):
            raise self._refusal("address", self._failures, address)

    def count_failure(self, address: str) -> None:
        """Count a wrong password."""
        self._window.hit(self._failures, "address", address)

    def _refusal(self, of: str, item: RateLimitItemPerMinute, who: str) -> Refusal:
        reset, left = self._window.get_window_stats(item, of, who)
        seconds = max(1, ceil(reset - time()))
        return Refusal(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"Too many requests in a minute. Wait {seconds} seconds, then send fewer at a time.",
            headers={
                "Retry-After": str(seconds),
                "RateLimit-Policy": f'"{of}";q={item.amount};w=60',
                "RateLimit": f'"{of}";r={max(0, left)};t={seconds}',
            },
        )


async def counted(request: Request, ask: Annotated[Asked, Depends(asked)]) -> None:
    """Count the request for its caller, or for its address where nobody is signed in."""
    _rates(request).take(ask.user_id if ask.is_signed_in else _address(request))


async def wrong_passwords_counted(request: Request) -> AsyncIterator[None]:
    """Count sign-ins that fail, for their address; those that succeed are not counted."""
    if request.method != "POST":
        yield
        return
    _rates(request).try_password(_address(request))
    try:
        yield
    except NotSignedIn:
        _rates(request).count_failure(_address(request))
        raise


class Fitting:
    """Refuses a request for a host that is not served here, or with headers beyond all measure.

    A page elsewhere can turn a name of its own to this address, and its scripts then ask us.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if self._hosts and _host(scope) not in self._hosts:
            detail = "This host is not served here. Name it in GRAPH_SERVICE_ALLOWED_HOSTS."
            return problem(HTTPStatus.MISDIRECTED_REQUEST, detail)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            detail = f"The headers take more than {HEADER_BYTES} bytes. Send shorter ones."
            return problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        return None


class Bounded:
    """Stops what the engines do for a request that takes too long, and a body without an end."""

    def __init__(self, app: ASGIApp, seconds: int) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the bound on its time ends where its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = TimeLimit(self._seconds)
        timer = asyncio.get_running_loop().call_later(self._seconds, limit.end)
        body = _Body(receive, Headers(scope=scope).get("content-length", ""), timer)
        scope.setdefault("state", {})[_BOUNDS] = body

        async def sent(message: Message) -> None:
            timer.cancel()
            await send(message)

        before = time_limit.set(limit)
        try:
            await self._app(scope, body.receive, sent)
        finally:
            timer.cancel()
            time_limit.reset(before)


def allow_upload(request: Request, most: int) -> None:
    """Let a request bring up to `most` bytes, and take as long as they take to come and be kept."""
    body: _Body = getattr(request.state, _BOUNDS)
    body.most = most
    body.timer.cancel()


async def unhurried(request: Request) -> None:
    """Let the engines take as long as they need: for a request that makes a file."""
    body: _Body = getattr(request.state, _BOUNDS)
    body.timer.cancel()


class _Body:
    """A body on its way: no longer than it may be, and never waited for without end."""

    def __init__(self, receive: Receive, declared: str, timer: asyncio.TimerHandle) -> None:
        self.most = BODY_BYTES
        self.timer = timer
        self._receive = receive
        self._came = 0
        self._declared = int(declared) if declared.isascii() and declared.isdecimal() else 0
        self._complete = False

    async def receive(self) -> Message:
        """The next part."""
        if self._complete:
            return await self._receive()
        self._refuse_beyond(self._declared)
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            detail = "The rest of the request did not come. Send it again."
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, detail) from None
        self._came += len(message.get("body", b""))
        self._refuse_beyond(self._came)
        self._complete = not message.get("more_body", False)
        return message

    def _refuse_beyond(self, size: int) -> None:
        if size > self.most:
            detail = f"The request takes more than {self.most} bytes. Send less at a time."
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _rates(request: Request) -> Rates:
    found = request.app.state.rates
    assert isinstance(found, Rates)  # noqa: S101 - the application is made with it
    return found


def _address(request: Request) -> str:
    return "-" if request.client is None else request.client.host


def _host(scope: Scope) -> str | None:
    try:
        return urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
    except ValueError:
        return None
