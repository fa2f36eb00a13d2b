"""The service as a process: who may start it, how it is watched, how it ends; its settings."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api import cli_serve
from api.cli import app
from graph_service import settings
from graph_service.casework.database import open_database
from graph_service.casework.users import Users
from graph_service.errors import UsageError
from graph_service.home import Home
from graph_service.lake import Lake
from tests.house import csv_text, organisation, person, row

ROOT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "api.cli")


def key_of(home: Path, *roles: str) -> str:
    """A robot's key that comes in."""
    with open_database(Home(home), None) as database:
        users = Users(database, clock=lambda: datetime.now(UTC))
        name = f"robot-{'-'.join(roles)}"
        return users.issue_key(name, roles, None, lasts=timedelta(days=1), by="test")[1]


def _hears_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Process:
    """A service that runs, with what it has told."""

    process: subprocess.Popen[str]
    url: str
    told: list[str]
    errors: Path

    def client(self, token: str | None = None, **how: Any) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **how)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        return self.process.wait(60)

    def lines(self) -> list[dict[str, Any]]:
        text = self.errors.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@contextmanager
def serve(home: Path, *options: str, **environment: str) -> Iterator[Process]:
    """`graph-service serve` on a free port, until the block ends."""
    command = [*PROGRAM, "serve", "--home", str(home), "--port", "0", "--language", "en", *options]
    errors = home.parent / f"{home.name}.errors"
    with ExitStack() as stack:
        out = stack.enter_context(errors.open("w"))
        process = stack.enter_context(
            subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
                env=os.environ | environment,
                # A shell that puts tests in the background lets them ignore Ctrl-C.
                preexec_fn=_hears_ctrl_c,  # noqa: PLW1509 - the child does this and becomes another program
            )
        )
        stack.callback(lambda: process.poll() is None and process.kill())
        assert process.stdout is not None
        told = [process.stdout.readline(), process.stdout.readline()]
        found = re.search(r"https?://\S+:\d+", told[0])
        assert found, errors.read_text()
        yield Process(process, found[0], told, errors)


def refused(home: Path, *options: str) -> str:
    """What `serve` says where it does not start."""
    with pytest.raises(UsageError) as error:
        app(["serve", "--home", str(home), *options], standalone_mode=False)
    return str(error.value)


# -- who may start it ------------------------------------------------------------------------


def test_it_does_not_start_where_nobody_could_sign_in(tmp_path: Path) -> None:
    assert "graph-service user add" in refused(tmp_path / "home")


def test_the_demo_is_for_this_machine_alone(tmp_path: Path) -> None:
    assert "--demo" in refused(tmp_path / "home", "--demo", "--host", "0.0.0.0")


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} is taken" in refused(tmp_path / "home", "--demo", "--port", port)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.7", False),
        ("localhost.example.org", False),
    ],
)
def test_which_addresses_are_of_this_machine_alone(host: str, loopback: bool) -> None:
    assert cli_serve._is_loopback(host) is loopback


def test_tls_needs_a_certificate_and_its_key(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    for pair in ((nothing, None), (None, nothing), (nothing, nothing), (tmp_path, nothing)):
        with pytest.raises(UsageError):
            cli_serve._tls(*pair)


def test_the_environment_alone_makes_no_demo() -> None:
    environment = {"GRAPH_SERVICE_DEMO": "yes", "GRAPH_SERVICE_ALLOWED_HOSTS": "graf.example.org"}
    read = settings.read(environment)
    served = cli_serve._chosen(read, "192.0.2.7", demo=False).serve
    assert not served.demo and served.allowed_hosts == ("graf.example.org",)
    shown = cli_serve._chosen(read, "127.0.0.1", demo=True).serve
    assert shown.demo and shown.allowed_hosts == ("localhost", "127.0.0.1", "::1")
    usual = cli_serve._chosen(settings.read({}), "192.0.2.7", demo=False).serve
    assert usual.allowed_hosts == ("localhost", "127.0.0.1", "::1", "192.0.2.7")


# -- while it serves -------------------------------------------------------------------------


def test_the_demo_says_so_and_answers_its_own_first_request(tmp_path: Path) -> None:
    with serve(tmp_path / "home", "--demo") as served:
        first = re.search(r"curl '(\S+)'", served.told[1])
        assert first and first[1].startswith(served.url)
        answer = httpx.get(first[1], timeout=60)
        assert answer.status_code == 404 and "no run yet" in answer.json()["detail"]
        assert httpx.get(f"{served.url}/ready", timeout=60).json() == {
            "status": "ready",
            "run_id": None,
        }
        assert "server" not in answer.headers
        elsewhere = {"Host": "evil.example"}
        assert httpx.get(f"{served.url}/ready", headers=elsewhere, timeout=60).status_code == 421
        assert served.end(signal.SIGINT) == 130  # as Ctrl-C ends other commands
    told = served.errors.read_text()
    assert "without signing in" in told and "Traceback" not in told


def test_several_workers_serve_one_home_and_count_together(tmp_path: Path) -> None:
    home = tmp_path / "home"
    token, number = key_of(home, "administrator"), person(5)
    with serve(home, "--workers", "2") as served, served.client(token) as asked:
        apart = {"Connection": "close"}  # each a connection of its own, so that both are met
        for n in range(20):
            asked.get(f"/v1/loads/{number}", params={"limit": n + 1}, headers=apart)
        samples = {
            (sample.name, sample.labels.get("operation"), sample.labels.get("status")): sample.value
            for family in text_string_to_metric_families(asked.get("/metrics").text)
            for sample in family.samples
            if "le" not in sample.labels
        }
        assert samples["graph_service_requests_total", "loads.read", "404"] == 20
        workers = _children(served.process.pid)
        assert len(workers) == 2
        assert served.end() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    told = served.errors.read_text()
    assert number not in told and "Traceback" not in told
    assert sum(line.get("operation") == "loads.read" for line in served.lines()) == 20


def _children(pid: int) -> list[int]:
    """The workers that a process has started, as Linux tells."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for path in listed for child in path.read_text().split()]
    return [child for child in found if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]


def test_it_speaks_tls(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    home = tmp_path / "home"
    options = ("--certificate", str(certificate), "--key", str(key))
    with serve(home, "--demo", *options) as served:
        assert served.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(certificate))
        with served.client(verify=trusted) as asked:
            answer = asked.get("/health")
            assert answer.status_code == 200
            assert "max-age" in answer.headers["strict-transport-security"]
        with served.client() as strange, pytest.raises(httpx.ConnectError):
            strange.get("/health")


def _certificate(folder: Path) -> tuple[Path, Path]:
    from cryptography import x509  # noqa: PLC0415 - for this test alone
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    here = x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


# -- how it ends -----------------------------------------------------------------------------


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_under_way_is_answered_before_it_ends(tmp_path: Path, workers: str) -> None:
    home = tmp_path / "home"
    token = key_of(home, "reviewer")
    text = csv_text([row("organisations", org_id=organisation(n)) for n in range(50)])
    whole = httpx.Request("POST", "http://x", files={"files": ("organisations.csv", text)})
    content, kind = whole.read(), whole.headers["content-type"]
    begun, told_to_end = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield content[:200]
        begun.set()
        told_to_end.wait(30)
        yield content[200:]

    with serve(home, "--workers", workers) as served, served.client(token) as asked:
        answers: list[httpx.Response] = []
        headers = {"Content-Type": kind}
        sending = threading.Thread(
            target=lambda: answers.append(
                asked.post("/v1/loads", content=slowly(), headers=headers)
            )
        )
        sending.start()
        assert begun.wait(30)
        while not list((home / "spill").glob("*")):
            threading.Event().wait(0.01)
        served.process.send_signal(signal.SIGTERM)
        _await_no_listener(served.url)
        told_to_end.set()
        sending.join(60)
        assert [answer.status_code for answer in answers] == [201]
        assert served.process.wait(60) == 0
    assert [receipt.stored for receipt in Lake(Home(home)).receipts()] == [50]


def _await_no_listener(url: str) -> None:
    """Until nobody takes a new connection there."""
    address = httpx.URL(url)
    while True:
        try:
            socket.create_connection((address.host, address.port or 0), timeout=5).close()
        except OSError:
            return
        threading.Event().wait(0.02)


# -- settings, containers --------------------------------------------------------------------


def test_the_page_of_settings_names_just_what_is_read() -> None:
    code = (ROOT / "graph_service" / "settings.py").read_text()
    read = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"', code)) - {"IB"}
    page = (ROOT / "docs" / "settings.md").read_text()
    assert set(re.findall(r"^\| `([A-Z0-9_]+)`", page, re.MULTILINE)) == read - {"KMGT"}


def test_the_settings_of_serving_are_read_and_wrong_ones_refused() -> None:
    given = {
        "GRAPH_SERVICE_ALLOWED_HOSTS": "a.example, b.example",
        "GRAPH_SERVICE_TRUSTED_PROXIES": "192.0.2.1",
        "GRAPH_SERVICE_UPLOAD_LIMIT": "1.5 GiB",
        "GRAPH_SERVICE_TIME_LIMIT": "5",
        "GRAPH_SERVICE_REQUESTS_PER_MINUTE": "60",
        "GRAPH_SERVICE_FAILED_SIGN_INS_PER_MINUTE": "3",
    }
    assert settings.read(given).serve == settings.ServeSettings(
        ("a.example", "b.example"), ("192.0.2.1",), 3 << 29, 5, 60, 3
    )
    assert settings.read({}).serve == settings.ServeSettings()
    for name in list(given)[2:]:
        for wrong in ("0", "-1", "x", "1e3", "٣"):
            with pytest.raises(UsageError, match=name):
                settings.read({name: wrong})


def test_the_containers_serve_on_this_machine_alone_and_are_asked_whether_they_are_ready() -> None:
    image = (ROOT / "Dockerfile").read_text()
    command = re.search(r"^CMD (\[.*\])$", image, re.MULTILINE)
    assert command
    name, *options = json.loads(command[1])
    assert name == cli_serve.serve.name
    parsed = cli_serve.serve.make_context(name, options, parent=click.Context(click.Group()))
    assert parsed.params["host"] == "0.0.0.0" and not parsed.params["demo"]
    composed = (ROOT / "docker-compose.yml").read_text()
    assert f"command: {command[1]}" in composed
    for published in re.findall(r'- "([\d.:]+:\d+)"', composed):
        assert published.startswith("127.0.0.1:")
    for text in (image, composed):
        assert text.count("http://127.0.0.1:8000/ready") == 1
