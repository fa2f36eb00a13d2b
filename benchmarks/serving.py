"""Twenty users at once for a minute while runs are swapped, beside the bare queries.

Each user asks one endpoint after another, drawn at random. The current run changes every few
seconds between two. What is not answered by 200 is an error, and ends the measurement in one.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import httpx

import queries
from benchmarks.timing import head, row
from benchmarks.town import SEED, Town
from graph_service import settings
from graph_service.access.sight import Sights
from graph_service.casework.database import open_database
from graph_service.casework.users import Users
from graph_service.detector import open_rooms
from graph_service.home import Home
from graph_service.run import run as make_run
from graph_service.run_file import RunFile, RunFolder
from loaders.batch import Options
from loaders.load import load

_INHABITANTS = 20_000
_USERS = 20
_SECONDS = 60
_SWAP_SECONDS = 5
_GOAL = 1.5


def measure(town: Town, asked: Namespace) -> None:
    """Print p50 and p95 by endpoint, of the service and of the bare routes."""
    home = served_home(town)
    runs = RunFolder(home).all()[-2:]
    seen = Sights(home).of(runs[-1], units=None, insiders=False)
    token = _key(home)
    places = _places(seen)
    shared = {name: paths for name, paths in places.items() if name in _BARE}
    with _process(["-m", "api.cli", "serve", "--home", str(home.path)], "--port") as url:
        whole = asyncio.run(_ask(url, token, places, home=home, runs=runs))
        service = asyncio.run(_ask(url, token, shared, home=home, runs=runs))
    with _process(["-m", "benchmarks.bare", str(seen.path)], None, seen.run_id) as url:
        floor = asyncio.run(_ask(url, "", shared))
    errors = whole.errors + service.errors + floor.errors
    print(
        f"{_USERS} users, {_SECONDS} s, {whole.answers} answers, {errors.total()} errors; ", end=""
    )
    print(f"the run changed {whole.swaps} times\n")
    head("endpoint", "p50, p95 (ms)")
    for name in places:
        row(name, _told(whole, name))
    print("\nThe endpoints that the bare application has too, alone:\n")
    head("endpoint", "p50, p95 (ms)", "bare p50, p95 (ms)", f"ratio of p50 (goal {_GOAL})")
    for name in shared:
        ratio = service.quantiles(name)[0] / floor.quantiles(name)[0]
        row(name, _told(service, name), _told(floor, name), f"{ratio:.2f}")
    if errors:
        raise SystemExit(f"{dict(errors)}")


def _told(load_: _Load, name: str) -> str:
    p50, p95 = load_.quantiles(name)
    return f"{p50:.0f}, {p95:.0f}"


class _Load:
    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.swaps = 0

    @property
    def answers(self) -> int:
        return sum(len(each) for each in self.seconds.values())

    def quantiles(self, name: str) -> tuple[float, float]:
        """Milliseconds, p50 and p95."""
        told = sorted(self.seconds[name])
        return told[len(told) // 2] * 1000, told[int(len(told) * 0.95)] * 1000


#: What the bare application serves too.
_BARE = {
    "providers by rank",
    "a provider",
    "findings",
    "neighbourhood, one step",
    "neighbourhood, two steps",
    "ownership",
    "timeline",
}


def _places(seen: RunFile) -> Mapping[str, Sequence[str]]:
    """Which paths each endpoint is asked with."""
    with seen.open() as engine:
        found = engine.rows(
            "SELECT node_id, kind, list_contains(labels, 'Provider') AS provider FROM nodes "
            "USING SAMPLE reservoir(3000 ROWS) REPEATABLE (7)"
        )
        findings = [r["finding_id"] for r in engine.rows("SELECT finding_id FROM findings")]
        providers = [r["provider_ref"] for r in engine.rows("SELECT provider_ref FROM scores")]
    anybody = [r["node_id"] for r in found if r["kind"] in {"person", "organisation"}]
    return {
        "providers by rank": ["/v1/providers"],
        "a provider": [f"/v1/providers/{ref}" for ref in providers],
        "findings": ["/v1/findings"],
        "a finding": [f"/v1/findings/{one}" for one in findings],
        "rows of a finding": [f"/v1/findings/{one}/rows" for one in findings],
        "neighbourhood, one step": [f"/v1/network/{ref}/neighbourhood" for ref in anybody],
        "neighbourhood, two steps": [f"/v1/network/{ref}/neighbourhood?depth=2" for ref in anybody],
        "ownership": [f"/v1/network/{ref}/ownership" for ref in providers],
        "timeline": [f"/v1/network/{ref}/timeline" for ref in anybody],
        "today": ["/v1/today?hours=6"],
        "stop list": ["/v1/stop-list?period=2025-11"],
        "detectors": ["/v1/detectors"],
    }


async def _ask(
    url: str,
    token: str,
    places: Mapping[str, Sequence[str]],
    *,
    home: Home | None = None,
    runs: Sequence[RunFile] = (),
) -> _Load:
    load_ = _Load()
    ends = time.monotonic() + _SECONDS
    limits = httpx.Limits(max_connections=_USERS, max_keepalive_connections=_USERS)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=60, limits=limits
    ) as client:
        for paths in places.values():  # once each, so that nothing is measured cold
            (await client.get(paths[0])).raise_for_status()

        async def user(number: int) -> None:
            drawn = random.Random(SEED + number)
            while time.monotonic() < ends:
                name = drawn.choice(list(places))
                begun = time.perf_counter()
                answer = await client.get(drawn.choice(places[name]))
                if answer.status_code == httpx.codes.OK:
                    load_.seconds[name].append(time.perf_counter() - begun)
                else:
                    load_.errors[f"{name} {answer.status_code}"] += 1

        async def swap() -> None:
            while home is not None and time.monotonic() < ends:
                await asyncio.sleep(_SWAP_SECONDS)
                _show(home, runs[load_.swaps % len(runs)])
                load_.swaps += 1

        await asyncio.gather(*(user(number) for number in range(_USERS)), swap())
    return load_


def _show(home: Home, run: RunFile) -> None:
    """Make it the current run, as a run that ends does."""
    draft = home.runs / "current.building"
    draft.write_text(f"{run.run_id}\n", encoding="utf-8")
    draft.rename(home.runs / "current")


def served_home(town: Town) -> Home:
    """A home with two runs of one town, made once and kept while the folder is."""
    home = Home(town.folder / "home-serving")
    if not home.path.exists():
        load(home, [town.of(_INHABITANTS)], Options(), clock=_now)
        rooms = open_rooms(Path(queries.__file__).parent)
        for _ in range(2):
            make_run(home, rooms, clock=_now, memory=settings.DEFAULT_MEMORY)
    return home


def _key(home: Home) -> str:
    with open_database(home, None) as database:
        name = "load-" + "".join(secrets.choice(ascii_lowercase) for _ in range(12))
        users = Users(database, clock=_now)
        _, secret = users.issue_key(name, ["reviewer"], None, lasts=timedelta(days=1), by="bench")
    return secret


@contextmanager
def _process(command: list[str], port_option: str | None, *after: str) -> Iterator[str]:
    port = _free_port()
    quiet = subprocess.DEVNULL
    words = [*command, *([port_option] if port_option else []), str(port), *after]
    unlimited: dict[str, str] = {**os.environ, "GRAPH_SERVICE_REQUESTS_PER_MINUTE": "10000000"}
    with subprocess.Popen([sys.executable, *words], stdout=quiet, stderr=quiet, env=unlimited) as p:
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            p.terminate()


def _wait(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the service did not begin to listen")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _now(*_: Any) -> datetime:
    return datetime.now(UTC)
