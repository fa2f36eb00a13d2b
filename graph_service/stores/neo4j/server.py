"""A Neo4j server without Docker, Java or root: one for a home, on loopback only.

HOME/neo4j/password      the password of the user neo4j, generated once, mode 600
HOME/neo4j/server.json   where the server that was started last listens, and whether it was ready
HOME/neo4j/pid           its process
HOME/neo4j/alive         locked by that process for as long as it lives
HOME/neo4j/{conf,data,import,logs,plugins,run}   Neo4j's own folders
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from filelock import FileLock
from neo4j import GraphDatabase
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph_service.errors import HomeError, StoreError
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j import server_jars, server_process
from graph_service.stores.neo4j.server_command import (
    BOLT_PORT,
    HEAP,
    HTTP_PORT,
    PAGE_CACHE,
    administering,
    configure,
    free_port,
    serving,
)
from graph_service.stores.neo4j.server_log import FULL_DISK, meaning, reason
from graph_service.stores.neo4j.server_process import lives

USER: Final = "neo4j"
#: How long a server may take to answer; a store of many GB is recovered first.
_START_SECONDS: Final = 600
#: How long one question whether it answers may take.
_ANSWER_SECONDS: Final = 5
_FOLDERS: Final = ("conf", "data", "import", "logs", "plugins", "run")
#: Told a stage, how much of it is done, and of how much. What it raises ends the start.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Server:
    """A home's server. `folder` is HOME/neo4j; `ready` once a login has worked."""

    folder: Path
    uri: str
    http: str
    version: str
    ready: bool = False

    @property
    def user(self) -> str:
        return USER

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text(encoding="ascii"))

    def settings(self) -> Neo4jSettings:
        """How to log in there, as if the environment had said it."""
        return Neo4jSettings(self.uri, self.user, password_file=self.password_file)


def running(home: Home) -> Server | None:
    """The home's server if it runs and has answered."""
    folder = _folder(home)
    server = _written(folder)
    return server if server is not None and server.ready and lives(folder) else None


def start(
    home: Home,
    cache: Path,
    *,
    password: str,
    heap: str = HEAP,
    page_cache: str = PAGE_CACHE,
    java: Sequence[str] = (),
    settings: Sequence[str] = (),
    progress: Progress = lambda stage, done, total: None,
) -> tuple[Server, bool]:
    """The home's server, answering, and whether this call started it.

    `password` becomes the password of a home that has none: letters and digits. `heap` and
    `page_cache` are sizes as Java and Neo4j write them (`1g`); `java` are further options of Java,
    `settings` further lines of neo4j.conf. StoreError says why a server does not come up.
    """
    folder = _make(home)
    with _commanding(folder):
        if lives(folder):
            server = _written(folder)
            if server is None:
                raise StoreError(
                    f"A server that is not written down runs in {folder}. End its process first."
                )
            fresh = False
        else:
            jars = server_jars.jars(
                cache, progress=lambda done, total: progress("fetch", done, total)
            )
            _set_password(folder, jars, password)
            with _choosing_ports(cache):
                server = _launch(
                    folder, jars, heap=heap, page_cache=page_cache, java=java, settings=settings
                )
                server = _ready(server, progress)
            fresh = True
        return _ready(server, progress), fresh


def stop(home: Home) -> bool:
    """End the home's server; False if none ran. Returns when its process is gone."""
    folder = _folder(home)
    if not lives(folder):
        return False
    with _commanding(folder):
        return server_process.end(folder)


def administer(home: Home, cache: Path, *arguments: str) -> int:
    """Run one command of neo4j-admin on the home's stopped server; its exit code.

    Its output goes where this process's goes.
    """
    folder = _make(home)
    with _commanding(folder):
        if lives(folder):
            raise StoreError(
                "The server runs, and its files are in use. "
                "Stop it first with `graph-service neo4j stop`."
            )
        if not (folder / "conf" / "neo4j.conf").exists():
            configure(folder)
        jars = server_jars.jars(cache)
        command = administering(folder, jars, *arguments)
        return subprocess.run(command, check=False).returncode  # noqa: S603 - the lock's own jars


# ── the folder ───────────────────────────────────────────────────────────────────────────


def _folder(home: Home) -> Path:
    return home.path.resolve() / "neo4j"


def _make(home: Home) -> Path:
    home.create()
    folder = _folder(home)
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        for name in _FOLDERS:
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise HomeError(f"The folder {folder} cannot be written ({error.strerror}).") from error
    return folder


@contextmanager
def _commanding(folder: Path) -> Iterator[None]:
    """One command at a time starts or stops the server; a second waits for the first."""
    with FileLock(folder / ".command.lock"):
        yield


@contextmanager
def _choosing_ports(cache: Path) -> Iterator[None]:
    """Servers of several homes start one after the other: a port is free until it is listened on,
    and whoever came second would ask the first one's server for an answer.
    """
    with FileLock(cache / ".ports.lock"):
        yield


def _written(folder: Path) -> Server | None:
    try:
        told = json.loads((folder / "server.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Server(folder, told["uri"], told["http"], told["version"], told["ready"])


def _write(server: Server) -> Server:
    told = {
        "uri": server.uri,
        "http": server.http,
        "version": server.version,
        "ready": server.ready,
    }
    _write_whole(server.folder / "server.json", json.dumps(told))
    return server


def _write_whole(path: Path, text: str) -> None:
    """A file that only its owner reads, there as a whole or not at all."""
    begun = path.with_name(f".{path.name}")
    begun.unlink(missing_ok=True)
    with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    begun.replace(path)


# ── one server's life ────────────────────────────────────────────────────────────────────


def _set_password(folder: Path, jars: Path, password: str) -> None:
    """Keep a generated password and tell it to a database that has never run."""
    file = folder / "password"
    if not file.exists():
        _write_whole(file, password + "\n")
    if (folder / "data" / "databases" / "system").exists():
        return
    configure(folder)
    # By a file, for a command line can be read by every user of the machine.
    told = subprocess.run(  # noqa: S603 - the lock's own jars
        administering(folder, jars, "dbms", "set-initial-password", f"@{file}"),
        check=False,
        capture_output=True,
        text=True,
    )
    if told.returncode != 0:
        lines = told.stderr.strip().splitlines() or [f"exit {told.returncode}"]
        raise StoreError(f"The server's password cannot be set: {lines[0]}")


def _launch(
    folder: Path,
    jars: Path,
    *,
    heap: str,
    page_cache: str,
    java: Sequence[str],
    settings: Sequence[str],
) -> Server:
    bolt, http = free_port(BOLT_PORT), free_port(HTTP_PORT)
    configure(folder, bolt=bolt, http=http, page_cache=page_cache, settings=settings)
    version, _ = server_jars.locked()
    for name in ("neo4j.log", "debug.log", "console.log"):
        # What an earlier server wrote is kept, aside: the reason of a failure is looked up here.
        if (folder / "logs" / name).exists():
            (folder / "logs" / name).replace(folder / "logs" / f"{name}.before")
    server = _write(Server(folder, f"bolt://127.0.0.1:{bolt}", f"http://127.0.0.1:{http}", version))
    server_process.begin(serving(folder, jars, heap=heap, java=java), folder)
    return server


def _ready(server: Server, progress: Progress) -> Server:
    if server.ready:
        return server
    _await(server, progress)
    return _write(replace(server, ready=True))


def _await(server: Server, progress: Progress) -> None:
    """Return when a login works; end the server if that is not to be."""
    asked = time.monotonic()
    try:
        while not _answers(server):
            waited = int(time.monotonic() - asked)
            # On a full disk it tries for ever.
            if not lives(server.folder) or meaning(server.logs) == FULL_DISK:
                raise StoreError(reason(server.logs))
            if waited > _START_SECONDS:
                raise StoreError(
                    f"The server has not answered for {waited} s. Its log is in {server.logs}."
                )
            progress("start", waited, _START_SECONDS)
            time.sleep(0.2)
    except BaseException:
        server_process.kill(server.folder)
        raise


def _answers(server: Server) -> bool:
    password = server.settings().secret()
    try:
        with (
            GraphDatabase.driver(
                server.uri,
                auth=(USER, password),
                connection_timeout=_ANSWER_SECONDS,
                connection_acquisition_timeout=_ANSWER_SECONDS,
            ) as driver,
            driver.session(database="neo4j") as session,
        ):
            session.run("RETURN 1").consume()
    except AuthError as error:
        raise StoreError(
            f"The server refuses the password in {server.password_file}. "
            "Write there the one that it was given."
        ) from error
    except (DriverError, Neo4jError):
        return False
    return True
