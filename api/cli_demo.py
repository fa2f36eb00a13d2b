"""Terminal: the whole chain on a synthetic municipality, by the commands a user would give."""

from __future__ import annotations

import shlex
from typing import Any, Final

import click

from api.cli_serve import listen
from api.session import Command, Session, current, say
from graph_service.errors import RunError, UsageError
from graph_service.run_file import RunFolder

SEED: Final = 6
MONTHS: Final = 12
_PORT: Final = 8000
#: How many ports are tried before the system chooses one.
_PORTS: Final = 20


@click.command(cls=Command)
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--inhabitants", type=click.IntRange(min=1), default=20_000, show_default=True)
@click.option("--months", type=click.IntRange(min=1), default=MONTHS, show_default=True)
@click.option("--serve/--no-serve", default=True, help="Serve the API at the end, or end there.")
def demo(seed: int, inhabitants: int, months: int, serve: bool) -> Any:
    """Make a synthetic municipality in the home folder, load it, run, rank, explain the first.

    Then the API is served on this machine, without signing in, until Ctrl-C.
    """
    session = current()
    town = session.home.path / "municipality"
    if not town.exists():
        size = ["--inhabitants", str(inhabitants), "--months", str(months)]
        _give(session, "synth", str(town), "--seed", str(seed), *size)
    _give(session, "load", str(town))
    _give(session, "run")
    _give(session, "scores")
    _give(session, "explain", _first(session))
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


def _first(session: Session) -> str:
    run = RunFolder(session.home).current()
    ranked = [] if run is None else run.rows("scores", order="rank NULLS LAST, provider_id")
    if not ranked:
        raise RunError("The run ranked no provider. Ask for more inhabitants.")
    return str(ranked[0]["provider_id"])
