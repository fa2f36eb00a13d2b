"""Terminal: the whole chain on a synthetic municipality, by the commands a user would give."""

from __future__ import annotations

import json
import secrets
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final

import click

from api.cli_serve import listen
from api.listing import Format
from api.session import Command, Session, current, say
from graph_service.errors import Conflict, RunError, UsageError
from graph_service.run_file import RunFile, RunFolder
from graph_service.texts import text

SEED: Final = 6
MONTHS: Final = 12
_PORT: Final = 8000
#: Who approves what the one at the terminal asks for: it takes two people.
COLLEAGUE: Final = "kollega"
PURPOSE: Final = "Granskning av utföraren överst i listan"
LEGAL_GROUND: Final = "OSL 10 kap. 24 §"
#: Findings that the case of the demo is about at most.
_FINDINGS: Final = 40
#: How many ports are tried before the system chooses one.
_PORTS: Final = 20


@click.command(cls=Command)
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--inhabitants", type=click.IntRange(min=1), default=20_000, show_default=True)
@click.option("--months", type=click.IntRange(min=1), default=MONTHS, show_default=True)
@click.option("--serve/--no-serve", default=True, help="Serve the API at the end, or end there.")
def demo(seed: int, inhabitants: int, months: int, serve: bool) -> Any:
    """Make a synthetic municipality in the home folder, load it, run, rank, explain the first.

    A case is opened on the first, exported for the police as two people would (package.zip in the
    home folder) and checked as the police would. Then the API is served on this machine, without
    signing in, until Ctrl-C.
    """
    session = current()
    town = session.home.path / "municipality"
    if not town.exists():
        size = ["--inhabitants", str(inhabitants), "--months", str(months)]
        _give(session, "synth", str(town), "--seed", str(seed), *size)
    _give(session, "load", str(town))
    _give(session, "run")
    _give(session, "scores")
    run, provider = _first(session)
    _give(session, "explain", provider)
    _evidence(session, run, provider)
    if serve:
        return _give(session, "serve", "--demo", "--port", str(_free_port()))
    return None


def _give(session: Session, *words: str) -> Any:
    """Run one command as if it had been typed, and show it; what it returns."""
    say(f"\n$ graph-service {shlex.join(words)}")
    program = click.get_current_context().find_root().command
    shared = ["--home", str(session.home.path), "--language", session.language]
    return program.main([*words, *shared], standalone_mode=False)


def _free_port() -> int:
    """The usual port, or the next one that nobody listens on."""
    for port in range(_PORT, _PORT + _PORTS):
        try:
            listen("127.0.0.1", port).close()
        except UsageError:
            say(f"Port {port} is taken.")
            continue
        return port
    return 0


def _first(session: Session) -> tuple[RunFile, str]:
    run = RunFolder(session.home).current()
    ranked = [] if run is None else run.rows("scores", order="rank NULLS LAST, provider_id")
    if run is None or not ranked:
        raise RunError("The run ranked no provider. Ask for more inhabitants.")
    return run, str(ranked[0]["provider_id"])


def _evidence(session: Session, run: RunFile, provider: str) -> None:
    """From the provider's findings to a package, by two people, and its recipient's check."""
    found = run.rows("findings", order="finding_id", where={"provider_id": provider})
    about = [word for row in found[:_FINDINGS] for word in ("--about", row["finding_id"])]
    ground = ("--legal-ground", LEGAL_GROUND)
    case_id = _told(
        session, "case", "open", "--purpose", PURPOSE, *ground, "--about", provider, *about
    )["case_id"]
    package = str(session.home.path / "package.zip")
    export = ("export", case_id, "--to", "police", *ground, "--out", package)
    colleague = ("--as", COLLEAGUE, "--password-file", str(_password_file(session)))
    try:
        _give(session, *export)
    except Conflict as waits:
        say(str(waits))
    asked = _told(session, "exports", "list", case_id)
    _give(session, "exports", "approve", asked["export_id"], *colleague)
    _give(session, *export)
    _give(session, "verify", package)
    say(text(session.language, "demo", "package", package=package))


def _password_file(session: Session) -> Path:
    """The colleague's password; the colleague is let in when the demo is given first."""
    file = session.home.path / "colleague-password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"{secrets.token_urlsafe(24)}\n", encoding="ascii")
        role = ("--role", "coordinator", "--all-units")
        _give(session, "user", "add", COLLEAGUE, *role, "--password-file", str(file))
    return file


def _told(session: Session, *words: str) -> Any:
    """What a command lists last, shown too."""
    shown = StringIO()
    with redirect_stdout(shown):
        _give(session, *words, "--format", Format.JSONL.value)
    click.echo(shown.getvalue(), nl=False)
    return json.loads(shown.getvalue().splitlines()[-1])
