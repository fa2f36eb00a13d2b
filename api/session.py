"""What every command of the terminal shares: the home folder, the language, the clock."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from graph_service import settings
from graph_service.home import Home

#: Set when Ctrl-C was pressed; what works outside the engine looks at it between two steps.
stop_asked: Final = threading.Event()


@dataclass(slots=True)
class Session:
    """One command's surroundings."""

    settings: settings.Settings

    @property
    def home(self) -> Home:
        return Home(self.settings.home)

    @property
    def language(self) -> str:
        return self.settings.language

    @staticmethod
    def now() -> datetime:
        """The wall clock in UTC; the only place that reads it for a command."""
        return datetime.now(UTC)


def current() -> Session:
    """The session of the command that is running."""
    found = click.get_current_context().find_root().ensure_object(dict)
    return _session(found)


def say(text: str) -> None:
    """A message for the person at the terminal: standard error, never mixed with results."""
    print(text, file=sys.stderr)


def _session(store: dict[str, Session]) -> Session:
    if "session" not in store:
        store["session"] = Session(settings.read())
    return store["session"]


def _set_home(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        session = _session(context.find_root().ensure_object(dict))
        session.settings = replace(session.settings, home=Path(value))


def _set_language(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        session = _session(context.find_root().ensure_object(dict))
        session.settings = replace(session.settings, language=settings.language(value))


def _shared_options() -> list[click.Option]:
    return [
        click.Option(
            ["--home"],
            help="The home folder (else GRAPH_SERVICE_HOME).",
            metavar="FOLDER",
            expose_value=False,
            callback=_set_home,
        ),
        click.Option(
            ["--language"],
            help="sv or en (else GRAPH_SERVICE_LANGUAGE).",
            metavar="LANGUAGE",
            expose_value=False,
            callback=_set_language,
        ),
    ]


class Command(click.Command):
    """A command that takes --home and --language, wherever they stand on the line."""

    def __init__(self, *args: Any, **rules: Any) -> None:
        super().__init__(*args, **rules)
        self.params.extend(_shared_options())


class Group(click.Group):
    """The whole program, with the same two options before the command's name."""

    command_class = Command

    def __init__(self, *args: Any, **rules: Any) -> None:
        super().__init__(*args, **rules)
        self.params.extend(_shared_options())


class Program(Group):
    """A group whose commands stand in modules of this package, each read when it is asked for.

    `where` maps a command's name to `module:function`.
    """

    def __init__(self, *args: Any, where: Mapping[str, str], **rules: Any) -> None:
        super().__init__(*args, **rules)
        self._where = where

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._where})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._where.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, function = place.partition(":")
        found: click.Command = getattr(import_module(f"api.{module}"), function)
        return found
