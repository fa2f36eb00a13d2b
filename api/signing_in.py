"""Terminal: how somebody says who they are. A password is never an argument."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from api.session import Session
from graph_service.errors import UsageError

AS: Final = click.option(
    "--as",
    "name",
    metavar="USER",
    help="Sign in as this user. The password is in --password-file, else GRAPH_SERVICE_PASSWORD; "
    "else it is asked for, or read as a line of standard input where there is no terminal.",
)
PASSWORD_FILE: Final = click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The password is the file's first line; else it is asked for.",
)


def password(session: Session, file: Path | None) -> str:
    """The password of who signs in with --as."""
    if file is not None:
        return password_in(file)
    if session.settings.password is not None:
        return session.settings.password
    if sys.stdin.isatty():
        told: str = click.prompt("Password", hide_input=True, err=True)
        return told
    return sys.stdin.readline().rstrip("\r\n")


def new_password(file: Path | None) -> str:
    """The password that somebody gets; asked for twice where no file tells it."""
    if file is not None:
        return password_in(file)
    told: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return told


def password_in(file: Path) -> str:
    """A file's first line. Raises UsageError for one that cannot be read."""
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "The password file cannot be read. Write there the password as one line of UTF-8."
        ) from error
