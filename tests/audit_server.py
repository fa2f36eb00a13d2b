"""A service that is killed while it answers: `python -m tests.audit_server HOME KEY SECONDS…`.

For each of the seconds it serves HOME from a process of its own, asks it from four threads, and
kills it. It prints the month that was asked for by each request that was answered to its end.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from api.http import problems
from api.http.routes import audit
from api.http.service import open_service
from graph_service.settings import Settings

ASKING = 4


def serve(home: Path, listener: socket.socket) -> None:
    """Answer until killed, by the door and the log's routes; all routes take a second to make."""
    app = FastAPI()
    problems.install(app)
    app.include_router(audit.router)
    with open_service(Settings(home=home), lambda: datetime.now(UTC)) as service:
        app.state.service = service
        config = uvicorn.Config(app, log_level="error", ws="none")
        uvicorn.Server(config).run(sockets=[listener])


def killed(home: Path, key: str, seconds: float) -> list[str]:
    """What was answered before the kill, which comes so long after the first answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        child = os.fork()
        if child == 0:
            serve(home, listener)
            os._exit(0)
    begun, answered = threading.Event(), list[str]()

    def ask() -> None:
        drawn = random.Random(threading.get_ident() + child)
        headers = {"Authorization": f"Bearer {key}"}
        # Without TLS there are no certificates to load, which would take longer than the rest.
        with httpx.Client(base_url=url, headers=headers, verify=False, timeout=60) as client:
            while True:
                month = f"20{drawn.randrange(10, 99)}-{drawn.randrange(1, 13):02}"
                try:
                    answer = client.get("/v1/audit/report", params={"month": month})
                except httpx.HTTPError:
                    return
                if answer.status_code == 200 and answer.json()["month"] == month:
                    answered.append(month)
                    begun.set()

    threads = [threading.Thread(target=ask) for _ in range(ASKING)]
    for thread in threads:
        thread.start()
    begun.wait(30)
    timer = threading.Timer(seconds, os.kill, (child, 9))
    timer.start()
    for thread in (timer, *threads):
        thread.join()
    os.waitpid(child, 0)
    return answered


def main() -> None:
    """Kill after each of the seconds."""
    home, key, *after = sys.argv[1:]
    for seconds in after:
        for month in killed(Path(home), key, float(seconds)):
            print(month)


if __name__ == "__main__":
    main()
