"""Terminal: ask the network of a run: find, around, paths, owners, card, timeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeAlias

import click

import queries
from api import network_page as page
from api.cli_publish import connected
from api.listing import as_json as as_line
from api.session import Command, Session, current
from graph_service.clock import STOCKHOLM
from graph_service.errors import RunError, UsageError
from graph_service.graph.declaration import KINDS
from graph_service.run_file import RunFolder
from graph_service.stores import card as cards
from graph_service.stores import neighbourhood, ownership, search
from graph_service.stores import paths as shortest
from graph_service.stores.answers import Entity, as_json
from graph_service.stores.embedded import open_reader
from graph_service.stores.lookups import Reader

LOOKUPS: Final = Path(queries.__file__).parent / "lookup"

#: Opens an engine for one command: the session, its name, `--run` and `--purpose` are told.
Opening: TypeAlias = Callable[[Session, str, str | None, str], AbstractContextManager[Reader]]


@contextmanager
def _embedded(session: Session, _name: str, run_id: str | None, _: str) -> Iterator[Reader]:
    folder = RunFolder(session.home)
    run = folder.current() if run_id is None else folder.named(run_id)
    if run is None:
        raise RunError("There is no run yet. Make one with `graph-service run`.")
    with open_reader(run, LOOKUPS) as reader:
        yield reader


@contextmanager
def _neo4j(session: Session, name: str, run_id: str | None, purpose: str) -> Iterator[Reader]:
    with connected(session) as connection:
        from graph_service.stores.neo4j import lookups  # noqa: PLC0415 - an optional group

        with lookups.open_reader(
            connection, LOOKUPS, name=name, purpose=purpose, run_id=run_id
        ) as reader:
            yield reader


ENGINES: Final[Mapping[str, Opening]] = {"embedded": _embedded, "neo4j": _neo4j}


def _purpose(_: click.Context, __: click.Parameter, text: str) -> str:
    if search.holds_personal_number(text):
        raise UsageError("--purpose may hold no personal number: it is logged. Name the case.")
    return text


def _day(_: click.Context, __: click.Parameter, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError("--as-of takes a date such as 2026-01-31.")


def _among(known: Iterable[str], option: str) -> Callable[..., tuple[str, ...]]:
    """Names that the graph declares, each once and in its order; all of them for none."""
    names = tuple(known)

    def chosen(_: click.Context, __: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise UsageError(f"{option} takes one of {', '.join(names)}.")
        return tuple(name for name in names if name in given)

    return chosen


_AS_OF: Final = click.option(
    "--as-of", metavar="DATE", callback=_day, help="Only what stands on that day."
)
_KIND: Final = click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    callback=_among(KINDS, "--kind"),
    help="Walk and show these kinds of entity only; may be repeated.",
)
_WITHOUT: Final = click.option(
    "--without",
    multiple=True,
    metavar="KIND",
    callback=_among(KINDS, "--without"),
    help="Leave these kinds of entity out; may be repeated.",
)
_TYPE: Final = click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    callback=_among(neighbourhood.TYPES, "--type"),
    help="Walk these relationship types only; may be repeated.",
)


def _limit(shown: int, what: str) -> Callable[[Any], Any]:
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=shown,
        show_default=True,
        help=f"{what} shown; the others are counted.",
    )


class LookUp(Command):
    """A command that gets a reader of the network and today's date, and prints what it returns."""

    def __init__(self, *args: Any, **rules: Any) -> None:
        super().__init__(*args, **rules)
        self.params.extend(_shared_options())

    def invoke(self, context: click.Context) -> None:
        """Open the engine, ask, and print the answer as asked for."""
        given = context.params
        form, purpose = given.pop("form"), given.pop("purpose")
        session = current()
        with ENGINES[given.pop("engine")](
            session, str(self.name), given.pop("run_id"), purpose
        ) as reader:
            given["reader"] = reader
            given["today"] = session.now().astimezone(STOCKHOLM).date()
            answer = super().invoke(context)
        if form == "json":
            print(as_line({"lookup": self.name} | as_json(answer)))
        else:
            page.show(answer, session.language)


def _shared_options() -> list[click.Option]:
    return [
        click.Option(["--run", "run_id"], metavar="ID", help="Another run than the current."),
        click.Option(
            ["--engine"],
            type=click.Choice(list(ENGINES)),
            default=next(iter(ENGINES)),
            show_default=True,
            help="What is read; the answer is the same.",
        ),
        click.Option(
            ["--purpose"],
            default="",
            metavar="TEXT",
            callback=_purpose,
            help="Why it is asked, for the engine's log; no personal number.",
        ),
        click.Option(
            ["--format", "form"],
            type=click.Choice(["table", "json"]),
            default="table",
            help="How the answer is printed.",
        ),
    ]


def _kinds(kinds: Sequence[str], without: Sequence[str] = ()) -> tuple[str, ...]:
    return tuple(kind for kind in kinds or KINDS if kind not in without)


def _organisation(reader: Reader, today: date, text: str) -> Entity:
    return search.resolve(reader, text, today=today, kinds=("organisation",))


@click.command(cls=LookUp)
@click.argument("text", nargs=-1, required=True)
@_KIND
@_limit(search.MATCHES, "Entities")
def find(
    reader: Reader, today: date, text: tuple[str, ...], kinds: Sequence[str], limit: int
) -> Any:
    """Find entities by name, number, telephone, account or address, whole or in part."""
    return search.find(reader, " ".join(text), today=today, kinds=_kinds(kinds), limit=limit)


@click.command(cls=LookUp)
@click.argument("entity")
@click.option("--depth", type=int, default=1, show_default=True, help="Steps: 1 to 3.")
@_KIND
@_WITHOUT
@_TYPE
@_AS_OF
@click.option(
    "--hub",
    type=click.IntRange(min=0),
    default=neighbourhood.HUB,
    show_default=True,
    help="Follow no type of which an entity has more relationships; the entity asked about apart.",
)
@_limit(neighbourhood.ENTITIES, "Entities")
def around(
    reader: Reader,
    today: date,
    entity: str,
    kinds: Sequence[str],
    without: Sequence[str],
    types: Sequence[str],
    **given: Any,
) -> Any:
    """Show who and what stands within some steps of an entity, and by which ties."""
    return neighbourhood.around(
        reader,
        search.resolve(reader, entity, today=today),
        kinds=_kinds(kinds, without),
        types=types or neighbourhood.TYPES,
        **given,
    )


@click.command(cls=LookUp)
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option(
    "--max-length",
    type=click.IntRange(min=0),
    default=shortest.LONGEST,
    show_default=True,
    help="Steps of the longest path that is looked for.",
)
@_KIND
@_WITHOUT
@_TYPE
@_AS_OF
@click.option(
    "--hub",
    type=click.IntRange(min=0),
    default=shortest.NO_HUB,
    help="Follow no type of which an entity between the two has more relationships.",
)
@_limit(shortest.PATHS, "Paths")
@click.option(
    "--bound",
    type=click.IntRange(min=1),
    default=shortest.BOUND,
    show_default=True,
    help="Relationships that the search may pass before it stops.",
)
def paths(
    reader: Reader,
    today: date,
    one: str,
    other: str,
    kinds: Sequence[str],
    without: Sequence[str],
    types: Sequence[str],
    **given: Any,
) -> Any:
    """Show every shortest path between two entities."""
    return shortest.paths(
        reader,
        search.resolve(reader, one, today=today),
        search.resolve(reader, other, today=today),
        kinds=_kinds(kinds, without),
        types=types or neighbourhood.TYPES,
        **given,
    )


@click.command(cls=LookUp)
@click.argument("organisation", metavar="ORG")
@_AS_OF
def owners(reader: Reader, today: date, organisation: str, as_of: date | None) -> Any:
    """Show who owns an organisation in the end, and what it owns, with effective shares."""
    found = _organisation(reader, today, organisation)
    return ownership.ownership(reader, found, as_of=as_of)


@click.command(cls=LookUp)
@click.argument("organisation", metavar="ORG")
@_AS_OF
@_limit(cards.SHOWN, "Findings, and ties of each kind,")
def card(reader: Reader, today: date, organisation: str, **given: Any) -> Any:
    """Show a provider on one card: score, findings, owners, people, money, papers."""
    return cards.card(reader, _organisation(reader, today, organisation), **given)


@click.command(cls=LookUp)
@click.argument("entity")
@_TYPE
@_AS_OF
@_limit(cards.EVENTS, "Events, the last ones,")
def timeline(reader: Reader, today: date, entity: str, types: Sequence[str], **given: Any) -> Any:
    """Show the dated events of an entity in order: its own, its ties', its findings'."""
    found = search.resolve(reader, entity, today=today)
    return cards.timeline(reader, found, types=types or neighbourhood.TYPES, **given)


COMMANDS: Final = (find, around, paths, owners, card, timeline)
