"""The server: a socket, its workers, and the application that each of them makes for itself.

A worker is a new process that reads the settings anew; what was chosen on the command line is
handed down to it by the environment (`settings.hand_down`).
"""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from multiprocessing import parent_process
from socket import socket
from typing import Final

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api.http import logs
from api.http.app import create_app
from api.http.limits import HEADER_BYTES
from api.http.service import open_service
from graph_service.engines.duckdb import interrupt_all
from graph_service.errors import GraphServiceError
from graph_service.settings import ServeSettings, Tls, read

#: How long requests that are under way may take to end when the service is told to.
GRACE_SECONDS: Final = 20
#: After so long without a sign a worker is taken for dead and replaced. A new one imports for
#: seconds, on a busy machine for many, and says nothing meanwhile.
_SILENCE_SECONDS: Final = 60


def run(bound: socket, *, workers: int, tls: Tls | None, settings: ServeSettings) -> int:
    """Serve on `bound` until SIGTERM or Ctrl-C, which let requests under way end; the exit code.

    Needs the main thread, where signals arrive.
    """
    logs.adopt()
    config = uvicorn.Config(
        "api.http.serving:application",
        factory=True,
        workers=workers,
        http="h11",  # the one that bounds headers
        h11_max_incomplete_event_size=HEADER_BYTES,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=_SILENCE_SECONDS,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
    )
    if workers > 1:
        _Workers(config, sockets=[bound]).run()
        return 0
    # uvicorn raises the signal again when all requests have ended; being told to end is no fault.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(config).run(sockets=[bound])
    return 0


class _Workers(Multiprocess):
    """Uvicorn's own, which would go on taking connections that nobody answers any more."""

    def terminate_all(self) -> None:
        """Tell the workers to end, and stop listening here too."""
        for bound in self.sockets:
            bound.close()
        super().terminate_all()


def application() -> FastAPI:
    """The application of one worker, over a service that is open as long as the worker lives."""
    logs.adopt()
    opened = ExitStack()
    try:
        service = opened.enter_context(open_service(read(), _now))
    except GraphServiceError as error:
        if parent_process() is None:
            raise
        print(error, file=sys.stderr)
        sys.exit(STARTUP_FAILURE)  # so that the one who started it starts no other

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened:
            yield
            interrupt_all()  # what outlasted the grace
            app.state.metrics.end()

    return create_app(service, lifespan)


def _now() -> datetime:
    return datetime.now(UTC)
