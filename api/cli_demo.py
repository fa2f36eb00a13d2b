"""Terminal: the whole chain on a synthetic municipality, by the commands a user would give."""

from __future__ import annotations

import shlex
from typing import Final

import click

from api.session import Command, Session, current, say
from graph_service.errors import RunError
from graph_service.run_file import RunFolder

SEED: Final = 6
MONTHS: Final = 12


@click.command(cls=Command)
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--inhabitants", type=click.IntRange(min=1), default=20_000, show_default=True)
@click.option("--months", type=click.IntRange(min=1), default=MONTHS, show_default=True)
def demo(seed: int, inhabitants: int, months: int) -> None:
    """Make a synthetic municipality in the home folder, load it, run, rank, explain the first."""
    session = current()
    town = session.home.path / "municipality"
    if not town.exists():
        size = ["--inhabitants", str(inhabitants), "--months", str(months)]
        _give(session, "synth", str(town), "--seed", str(seed), *size)
    _give(session, "load", str(town))
    _give(session, "run")
    _give(session, "scores")
    _give(session, "explain", _first(session))


def _give(session: Session, *words: str) -> None:
    """Run one command as if it had been typed, and show it."""
    say(f"\n$ graph-service {shlex.join(words)}")
    program = click.get_current_context().find_root().command
    shared = ["--home", str(session.home.path), "--language", session.language]
    program.main([*words, *shared], standalone_mode=False)


def _first(session: Session) -> str:
    run = RunFolder(session.home).current()
    ranked = [] if run is None else run.rows("scores", order="rank NULLS LAST, provider_id")
    if not ranked:
        raise RunError("The run ranked no provider. Ask for more inhabitants.")
    return str(ranked[0]["provider_id"])
