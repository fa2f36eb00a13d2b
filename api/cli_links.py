"""Terminal: the links between records of one person or firm: list, show, undo, restore."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from api.listing import FORMAT, Format, emit
from api.session import Command, Group, current, say
from graph_service.clock import STOCKHOLM
from graph_service.engines.duckdb import Engine
from graph_service.errors import RunError, UsageError
from graph_service.resolution import undone
from graph_service.resolution.model import Comparison
from graph_service.resolution.resolve import MODELS, PRIOR_PART
from graph_service.resolution.undone import Undone
from graph_service.run_file import RunFile, RunFolder
from graph_service.texts import text

#: What the table of links shows; programs get all.
_SUMMARY: Final = ("kind", "a", "b", "status", "weight", "probability", "reason", "since")
#: Columns of a terminal that the bars of a waterfall take.
_BARS: Final = 48
_RUN: Final = click.option("--run", "run_id", metavar="ID", help="Another run than the current.")


@click.group(cls=Group, name="links", invoke_without_command=True)
@_RUN
@FORMAT
@click.pass_context
def links(context: click.Context, run_id: str | None, form: Format) -> None:
    """List the links between records of one person or firm; records are never merged."""
    if context.invoked_subcommand is None:
        emit(_links(run_id), form, columns=_SUMMARY)


@links.command(cls=Command)
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@_RUN
@FORMAT
def show(one: str, other: str, run_id: str | None, form: Format) -> None:
    """Draw what speaks for and against a link, step by step."""
    link = _link(one, other, run_id)
    if form is Format.TABLE:
        _draw(link, current().language)
    else:
        emit([link], form)


@links.command(cls=Command)
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--reason", required=True, help="Why the two are not one, in a sentence.")
def undo(one: str, other: str, reason: str) -> None:
    """Take a link back: the next run leaves it out, and all that followed from it."""
    session = current()
    if not reason.strip():
        raise UsageError("--reason is empty. Say why in a sentence.")
    link = _link(one, other, None)
    today = session.now().astimezone(STOCKHOLM).date()
    with session.home.writing("links"):
        known = undone.read(session.home.links)
        if any((each.a, each.b) == (link["a"], link["b"]) for each in known):
            raise UsageError("That link is undone already.")
        entry = Undone(link["a"], link["b"], reason.strip(), today)
        undone.write(session.home.links, [*known, entry])
    say(text(session.language, "links", "undone"))


@links.command(cls=Command)
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
def restore(one: str, other: str) -> None:
    """Let a link that was undone stand again from the next run on."""
    session = current()
    with session.home.writing("links"):
        known = undone.read(session.home.links)
        kept = [each for each in known if (each.a, each.b) != undone.pair(one, other)]
        if len(kept) == len(known):
            raise UsageError("No such link is undone. See `graph-service links`.")
        undone.write(session.home.links, kept)
    say(text(session.language, "links", "restored"))


def _links(run_id: str | None) -> list[dict[str, Any]]:
    folder = RunFolder(current().home)
    chosen: RunFile | None = folder.current() if run_id is None else folder.named(run_id)
    if chosen is None:
        say("There is no run yet. Make one with `graph-service run`.")
        return []
    try:
        return chosen.rows("links", order="kind, a, b")
    except Engine.failure as error:
        raise RunError(f"Run {chosen.run_id} is older than links. Make a new one.") from error


def _link(one: str, other: str, run_id: str | None) -> dict[str, Any]:
    wanted = undone.pair(one, other)
    for link in _links(run_id):
        if (link["a"], link["b"]) == wanted:
            return link
    raise UsageError("The run has no link between these two. See `graph-service links`.")


def _draw(link: Mapping[str, Any], language: str) -> None:
    """A waterfall: each bar begins where the one above ended."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("comparison", "level", "bits", "waterfall"):
        justify: Any = "right" if name == "bits" else "left"
        table.add_column(text(language, "links", name), justify=justify, no_wrap=name != "level")
    ends = [0.0]
    for part in link["parts"]:
        ends.append(ends[-1] + part["weight"])
    low, high = min(ends), max(ends)
    for part, start, end in zip(link["parts"], ends, ends[1:], strict=False):
        comparison, level = _words(link["kind"], part, language)
        bar = _bar(start, end, low, high)
        table.add_row(comparison, level, f"{part['weight']:+.1f}", bar)
    table.add_row(
        text(language, "links", "total"),
        text(language, "link_status", link["status"]),
        f"{link['weight']:+.1f}",
        text(language, "links", "odds", percent=f"{100 * link['probability']:.3f}"),
    )
    console = Console(file=sys.stdout, highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, markup=False, width=160)
    console.print(table)


def _bar(start: float, end: float, low: float, high: float) -> str:
    def place(value: float) -> int:
        return round((value - low) / (high - low) * _BARS) if high > low else 0

    left, right = sorted((place(start), place(end)))
    return " " * left + ("█" if end > start else "░") * max(right - left, 1 if start != end else 0)


def _words(kind: str, part: Mapping[str, Any], language: str) -> tuple[str, str]:
    """What a part compares, and how the two agree, as a reader says it."""
    if part["comparison"] == PRIOR_PART:
        return text(language, "links", "prior"), ""
    comparison = _comparison(kind, part["comparison"])
    if part["level"] is None:
        return getattr(comparison.text, language), text(language, "links", "silent")
    level = next(level for level in comparison.levels if level.name == part["level"])
    return getattr(comparison.text, language), getattr(level.text, language)


def _comparison(kind: str, name: str) -> Comparison:
    model = next(model for model in MODELS if model.kind == kind)
    return next(each for each in model.comparisons if each.name == name)
