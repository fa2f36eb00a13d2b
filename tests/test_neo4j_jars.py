"""The server's jars come by their hashes or not at all; the containers by their digests."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from graph_service import settings
from graph_service.errors import StoreError
from graph_service.stores.neo4j import server_jars
from graph_service.stores.neo4j.server_jars import Jar, jars, locked

ROOT = Path(__file__).parent.parent

Served = Callable[[str, bytes], bytes | None]


class Mirror:
    """A Maven repository on this machine with the server's real jars; `serve` may spoil them."""

    def __init__(self, jars: Path) -> None:
        self.jars = jars
        self.serve: Served = lambda name, content: content
        self.asked: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[1]
                file = mirror.jars / name
                content = mirror.serve(name, file.read_bytes()) if file.exists() else None
                mirror.asked.append(name)
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever)

    def __enter__(self) -> Mirror:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of the real jars: fetched once, from Maven Central."""
    return jars(settings.read().cache)


@pytest.fixture
def mirror(real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    with Mirror(real) as started:
        configuration = tmp_path / "jgo.conf"
        address = f"http://127.0.0.1:{started.http.server_port}/maven2"
        configuration.write_text(f"[repositories]\nours = {address}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))
        yield started


@pytest.fixture
def small(real: Path, tmp_path: Path) -> Path:
    """A lock of the twelve smallest jars."""
    _, named = locked()
    return lock_of(tmp_path, sorted(named, key=lambda jar: (real / jar.name).stat().st_size)[:12])


def lock_of(folder: Path, named: list[Jar]) -> Path:
    lock = folder / "small.lock.toml"
    lines = "".join(f'"{jar.coordinate}" = "{jar.sha256}"\n' for jar in named)
    lock.write_text(f'version = "5.26.30"\n[jars]\n{lines}')
    return lock


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def test_the_lock_names_every_jar_by_its_hash_and_no_address() -> None:
    version, named = locked()
    assert version == "5.26.30" and len(named) == 216
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in named)
    assert len({jar.name for jar in named}) == 216
    assert f"org.neo4j:neo4j:{version}" in {jar.coordinate for jar in named}
    assert "://" not in server_jars.LOCK.read_text()


def test_jars_are_fetched_once_and_mended_where_a_byte_changed(
    mirror: Mirror, small: Path, tmp_path: Path
) -> None:
    cache, told = tmp_path / "cache", []
    folder = jars(cache, lock=small, progress=lambda done, total: told.append((done, total)))
    _, named = locked(small)
    assert names(folder) == {jar.name for jar in named}
    assert told == [(n, 12) for n in range(1, 13)]
    first, second, third = (folder / jar.name for jar in named[:3])

    mirror.asked.clear()
    before = {path: path.stat().st_mtime_ns for path in (folder, *folder.iterdir())}
    assert jars(cache, lock=small) == folder
    assert mirror.asked == []
    assert {path: path.stat().st_mtime_ns for path in before} == before, "it was only read"

    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    second.unlink()
    third.write_bytes(b"")
    (folder / "stranger.jar").write_bytes(b"on the class path it would run")
    told.clear()
    jars(cache, lock=small, progress=lambda done, total: told.append((done, total)))
    assert all(jar.stands_in(folder) for jar in named)
    assert names(folder) == {jar.name for jar in named}
    assert told == [(10, 12), (11, 12), (12, 12)]
    fetched = {name for name in mirror.asked if name.endswith(".jar")}
    assert fetched == {first.name, second.name, third.name}


def test_a_jar_that_is_not_the_locks_is_refused_by_name(
    mirror: Mirror, small: Path, tmp_path: Path
) -> None:
    _, named = locked(small)
    spoiled = named[5].name
    mirror.serve = lambda name, content: content + b"!" if name == spoiled else content
    with pytest.raises(StoreError, match=f"{re.escape(spoiled)} as it was fetched is not"):
        jars(tmp_path / "cache", lock=small)
    folder = tmp_path / "cache" / "neo4j-5.26.30"
    assert spoiled not in names(folder) and ".fetch" not in names(folder)
    assert mirror.asked.count(spoiled) == 3
    mirror.serve = lambda name, content: content
    assert all(jar.stands_in(jars(tmp_path / "cache", lock=small)) for jar in named)


#: A refused connection leaves urllib3's socket to the collector, which complains of it.
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_jar_that_cannot_be_had_is_named(mirror: Mirror, small: Path, tmp_path: Path) -> None:
    mirror.serve = lambda name, content: None
    with pytest.raises(StoreError, match=r"\.jar cannot be fetched .* Maven Central"):
        jars(tmp_path / "cache", lock=small)
    (tmp_path / "jgo.conf").write_text("[repositories]\nours = http://127.0.0.1:9/maven2\n")
    with pytest.raises(StoreError, match=r"\.jar cannot be fetched \(ConnectionError\)"):
        jars(tmp_path / "cache", lock=small)
    gc.collect()  # here, where it is expected, and in no later test


def test_a_cache_that_cannot_be_written_is_named(
    mirror: Mirror, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="GRAPH_SERVICE_CACHE"):
        jars(tmp_path / "file" / "cache", lock=small)


def test_a_fetch_that_was_killed_is_finished_by_the_next(
    mirror: Mirror, small: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    folder = cache / "neo4j-5.26.30"
    _, named = locked(small)
    arrived = threading.Event()

    def slowly(name: str, content: bytes) -> bytes:
        if name in {jar.name for jar in named[4:]}:
            arrived.wait(20)
        return content

    mirror.serve = slowly
    program = (
        "from pathlib import Path; from graph_service.stores.neo4j.server_jars import jars; "
        f"jars(Path({str(cache)!r}), lock=Path({str(small)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as fetching:
        while not list(folder.glob("*.jar")):
            assert fetching.poll() is None
            time.sleep(0.01)
        os.kill(fetching.pid, signal.SIGKILL)
    arrived.set()
    assert (folder / ".fetch").exists(), "it was killed in the middle"
    mirror.serve = lambda name, content: content
    jars(cache, lock=small)
    assert names(folder) == {jar.name for jar in named}
    assert all(jar.stands_in(folder) for jar in named)


# ── containers ───────────────────────────────────────────────────────────────────────────


def tree(text: str) -> dict[str, str]:
    """The paths of a YAML file of plain mappings and lists: `services.neo4j.image` → its value."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        above = [(at, name) for at, name in above if at < indent]
        name, _, value = line.strip().partition(": ")
        if line.lstrip().startswith("- "):
            path = ".".join(name for _, name in above)
            found[path] = f"{found.get(path, '')}{line.strip()[2:]}\n"
            continue
        above.append((indent, name.rstrip(":")))
        found[".".join(name for _, name in above)] = value
    return found


def test_the_containers_are_pinned_watched_and_hold_no_password() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    composed = tree(text)
    version, _ = locked()
    image = composed["services.neo4j.image"]
    assert re.fullmatch(rf"neo4j:{re.escape(version)}@sha256:[0-9a-f]{{64}}", image)
    for service in ("neo4j", "graph-service"):
        assert composed[f"services.{service}.healthcheck.test"].startswith('["CMD", ')
        assert composed[f"services.{service}.volumes"]
        assert "no-new-privileges:true" in composed[f"services.{service}.security_opt"]
    ports = composed["services.neo4j.ports"].split()
    assert all(port.startswith('"127.0.0.1:') for port in ports)
    assert composed["services.graph-service.depends_on.neo4j.condition"] == "service_healthy"
    secret = {path: value for path, value in composed.items() if re.search("(?i)auth|passw", path)}
    assert secret == {
        "services.neo4j.environment.NEO4J_AUTH_FILE": "/run/secrets/neo4j_auth",
        "services.graph-service.environment.NEO4J_PASSWORD_FILE": "/run/secrets/neo4j_password",
        "secrets.neo4j_auth": "",
        "secrets.neo4j_auth.environment": "NEO4J_AUTH",
        "secrets.neo4j_password": "",
        "secrets.neo4j_password.environment": "NEO4J_PASSWORD",
    }
    example = (ROOT / ".env.example").read_text()
    assert re.search(r"^NEO4J_PASSWORD=$", example, re.MULTILINE)
    given = set(re.findall(r"\$\{(\w+)", text)) | {"NEO4J_AUTH", "NEO4J_PASSWORD"}
    assert given == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert ".env" in (ROOT / ".gitignore").read_text().split()


def test_the_image_is_made_from_the_lock_and_runs_as_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert len(bases) == 2 and len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim\S*@sha256:[0-9a-f]{64}", bases[0])
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes -r requirements-neo4j.lock" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]
    last_stage = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM ")) :]
    users = [line.split()[1] for line in last_stage if line.startswith("USER ")]
    assert users == ["10001:10001"]
    assert any(line.startswith("HEALTHCHECK ") for line in last_stage)
    assert not any(line.startswith("ADD ") for line in lines)
    copied = {
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)
