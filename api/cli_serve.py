"""Terminal: serve the API, and start routines by the clock."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

import click

from api.session import Command, Session, current, say
from graph_service import settings
from graph_service.casework.database import open_database
from graph_service.casework.users import Users
from graph_service.errors import UsageError
from graph_service.keeping.prune import remove_spilled
from graph_service.routine.drop_folder import DropFolder
from graph_service.routine.schedule import Schedule
from graph_service.routine.scheduler import Scheduler
from graph_service.settings import Settings, Tls
from graph_service.texts import text

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - what is not a name to be called by


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--schedule", metavar="CRON", help="Start a routine then, such as '0 6 * * 1-5'.")
@click.option(
    "--drop", metavar="FOLDER", type=click.Path(path_type=Path), help="Load what is put there."
)
@click.option(
    "--certificate", metavar="FILE", type=click.Path(path_type=Path), help="PEM, for TLS."
)
@click.option("--key", metavar="FILE", type=click.Path(path_type=Path), help="Its key, PEM.")
@click.option(
    "--demo", is_flag=True, help="Without signing in, from this machine alone: no real data."
)
def serve(
    host: str,
    port: int,
    workers: int,
    schedule: str | None,
    drop: Path | None,
    certificate: Path | None,
    key: Path | None,
    demo: bool,
) -> Callable[[], int]:
    """Serve the API until told to end. Nobody comes in without a password, a key or a token.

    Ctrl-C or SIGTERM ends it: what is under way is answered first.
    """
    session = current()
    if demo and not _is_loopback(host):
        raise UsageError(
            "--demo lets anybody in, so it listens on this machine alone. Drop --host."
        )
    tls = _tls(certificate, key)
    timetable = None if schedule is None else Schedule(schedule)
    watched = None if drop is None else DropFolder(drop)
    session.settings = _chosen(session.settings, host, demo)
    if not demo:
        _require_a_way_in(session)
    bound = listen(host, port)
    exposed = tls is None and not _is_loopback(host)
    _tell(session, _address(bound, host, tls), demo=demo, exposed=exposed)

    def work() -> int:
        from api.http.serving import run  # noqa: PLC0415 - slow to import, and for this alone

        remove_spilled(session.home, session.now())
        with bound, _counted_together(session, workers), _by_the_clock(session, timetable, watched):
            settings.hand_down(session.settings)
            return run(bound, workers=workers, tls=tls, settings=session.settings.serve)

    return work


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there, or a refusal that says why not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, address = found[0][0], found[0][4]
        bound = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"Port {port} is taken by another program. Choose another one with --port."
            ) from error
        raise UsageError(
            f"{host} port {port} cannot be listened on ({error.strerror}). "
            "Choose others with --host and --port."
        ) from error
    bound.set_inheritable(True)
    return bound


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UsageError("TLS needs both: --certificate and --key.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(
            "The certificate and the key cannot be read, or do not belong together. "
            "Give both as PEM files; the key without a passphrase."
        ) from error
    return Tls(certificate, key)


def _chosen(read: Settings, host: str, demo: bool) -> Settings:
    """The settings, with the names that the service may be called by."""
    named = read.serve.allowed_hosts
    if demo or not named:
        own = () if host in _EVERY_ADDRESS or demo else (host,)
        named = tuple(dict.fromkeys((*_LOOPBACK, *own)))
    return replace(read, serve=replace(read.serve, allowed_hosts=named, demo=demo))


def _require_a_way_in(session: Session) -> None:
    chosen = session.settings
    with open_database(session.home, chosen.database_url) as database:
        anybody = chosen.oidc is not None or Users(database, clock=session.now).any_way_in()
    if not anybody:
        raise UsageError(
            "Nobody could sign in: there is no user, no key and no sign-in provider. "
            "Add one with `graph-service user add NAME --role reviewer --all-units`, or set "
            "GRAPH_SERVICE_OIDC_ISSUER. `--demo` serves a synthetic municipality without."
        )


def _address(bound: socket.socket, host: str, tls: Tls | None) -> str:
    name = "127.0.0.1" if host in _EVERY_ADDRESS else host
    shown = f"[{name}]" if ":" in name else name
    return f"{'http' if tls is None else 'https'}://{shown}:{bound.getsockname()[1]}"


def _tell(session: Session, address: str, *, demo: bool, exposed: bool) -> None:
    """Where it is, and what to ask first; `exposed` where others can read along."""
    tell = partial(text, session.language, "serve", address=address)
    if demo:
        say(tell("demo"))
    elif exposed:
        say(tell("plain"))
    print(tell("address"))
    print(tell("first_demo" if demo else "first"), flush=True)


@contextmanager
def _counted_together(session: Session, workers: int) -> Iterator[None]:
    """Where several workers leave their counts, so that one answer tells of all."""
    if workers == 1:
        yield
        return
    folder = Path(mkdtemp(prefix="graph-service-metrics-"))
    serve = replace(session.settings.serve, metrics=folder)
    session.settings = replace(session.settings, serve=serve)
    try:
        yield
    finally:
        rmtree(folder, ignore_errors=True)


@contextmanager
def _by_the_clock(
    session: Session, schedule: Schedule | None, drop: DropFolder | None
) -> Iterator[None]:
    """Routines that start while the block lasts; one scheduler for all workers."""
    if schedule is None and drop is None:
        yield
        return
    with ExitStack() as stack:
        url = session.settings.database_url
        database = stack.enter_context(open_database(session.home, url))
        scheduler = Scheduler(session.home, database, schedule, session.now, drop=drop)
        scheduler.start()
        stack.callback(scheduler.stop)
        yield
