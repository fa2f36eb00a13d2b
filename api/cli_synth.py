"""Terminal: make a synthetic municipality."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Final

import click

from api.progress import shares
from api.session import Command, say
from graph_service import settings
from graph_service.errors import UsageError
from synth import municipality

#: Fixed, so that the same command gives the same bytes on any day.
START: Final = date(2025, 1, 1)


@click.command(cls=Command)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", type=int, required=True, help="Same seed, same bytes.")
@click.option("--inhabitants", type=click.IntRange(min=1), required=True)
@click.option("--months", type=click.IntRange(min=1), required=True)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default=START.isoformat(),
    show_default=True,
    help="The first day.",
)
@click.option(
    "--plant",
    "planted",
    multiple=True,
    metavar="DETECTOR",
    help="Plant a scheme for this detector only; may be repeated.",
)
@click.option("--clean", is_flag=True, help="Plant no scheme, only innocent causes.")
@click.option("--memory", default=settings.DEFAULT_MEMORY, show_default=True)
def synth(
    directory: Path,
    seed: int,
    inhabitants: int,
    months: int,
    start: datetime,
    planted: tuple[str, ...],
    clean: bool,
    memory: str,
) -> None:
    """Write a synthetic municipality's files to DIRECTORY, and what is planted beside it."""
    if clean and planted:
        raise UsageError("A clean town has nothing planted. Give --plant or --clean, not both.")
    with shares() as progress:
        municipality.make(
            directory,
            seed=seed,
            inhabitants=inhabitants,
            months=months,
            start=start.date(),
            schemes=planted if planted or clean else None,
            progress=progress,
            memory=settings.memory(memory),
        )
    say(f"{directory}; what is planted stands in {directory}.truth.jsonl")
