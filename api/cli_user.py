"""Terminal: who may come in with a password or a key. Secrets are never arguments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from api.desk import at_desk
from api.listing import FORMAT, Format, as_json, emit
from api.session import Command, Group, current, say
from api.signing_in import PASSWORD_FILE, new_password
from graph_service.access import table
from graph_service.access.table import Role, Shows
from graph_service.casework.people import Key, User
from graph_service.casework.users import LONGEST_KEY
from graph_service.errors import UsageError
from graph_service.texts import text

_ROLES: Final = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they do; may be repeated.",
)
_UNITS: Final = click.option(
    "--unit", "units", multiple=True, metavar="UNIT", help="A unit that they see; may be repeated."
)
_ALL_UNITS: Final = click.option("--all-units", is_flag=True, help="They see every unit.")


@click.group(cls=Group, name="user")
def user() -> None:
    """Who may come in: people with a password, robots with a key."""


@user.command(cls=Command)
@click.argument("name")
@_ROLES
@_UNITS
@_ALL_UNITS
@PASSWORD_FILE
def add(
    name: str,
    roles: Sequence[str],
    units: Sequence[str],
    all_units: bool,
    password_file: Path | None,
) -> None:
    """Let somebody in by name and password, as one or more roles, for some units or all."""
    session, seen = current(), _units(roles, units, all_units)
    with at_desk(session, "user.add") as desk:
        made = desk.users.add(name, new_password(password_file), roles, seen)
        desk.tells("user", [_reference(made.user_id)])
    say(text(session.language, "user", "added", name=made.name))
    print(made.user_id)


@user.command("list", cls=Command)
@FORMAT
def list_users(form: Format) -> None:
    """List who may come in: people, then keys, by name."""
    with at_desk(current(), "user.list") as desk:
        rows = [_user_line(each) for each in desk.users.everybody()]
        rows += [_key_line(each) for each in desk.users.every_key()]
    emit(rows, form)


@user.command(cls=Command)
@click.argument("name")
@click.option("--again", is_flag=True, help="Let them in again.")
def disable(name: str, again: bool) -> None:
    """Let somebody in no longer, at once; what they did stays in the log."""
    session = current()
    with at_desk(session, "user.disable") as desk:
        found = desk.users.named(name)
        desk.tells("user", [_reference(found.user_id)])
        desk.users.change(found.user_id, disabled=not again)
    say(text(session.language, "user", "enabled" if again else "disabled", name=found.name))


@user.command(cls=Command)
@click.argument("name")
@PASSWORD_FILE
def password(name: str, password_file: Path | None) -> None:
    """Give somebody a new password; their sessions end."""
    session = current()
    with at_desk(session, "user.password") as desk:
        found = desk.users.named(name)
        desk.tells("user", [_reference(found.user_id)])
        desk.users.change(found.user_id, password=new_password(password_file))
    say(text(session.language, "user", "password", name=found.name))


@user.command(cls=Command)
@click.argument("name")
@_ROLES
@_UNITS
@_ALL_UNITS
@click.option(
    "--days", type=click.IntRange(1, LONGEST_KEY.days), required=True, help="How long it holds."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def key(
    name: str, roles: Sequence[str], units: Sequence[str], all_units: bool, days: int, form: str
) -> None:
    """Make an API key for a robot and print it; it is shown this once."""
    session, seen, lasts = current(), _units(roles, units, all_units), timedelta(days=days)
    with at_desk(session, "user.key") as desk:
        made, secret = desk.users.issue_key(name, roles, seen, lasts=lasts, by=desk.user_id)
        desk.tells("key", [_reference(made.key_id)])
    if form == "json":
        print(as_json(_key_line(made) | {"key": secret}))
        return
    say(text(session.language, "user", "key", name=made.name, until=made.expires_at.date()))
    print(secret)


@user.command(cls=Command)
@click.argument("name")
def revoke(name: str) -> None:
    """End a key at once."""
    session = current()
    with at_desk(session, "user.revoke") as desk:
        found = desk.users.key_named(name)
        desk.tells("key", [_reference(found.key_id)])
        desk.users.revoke_key(found.key_id)
    say(text(session.language, "user", "revoked", name=found.name))


def _units(roles: Sequence[str], units: Sequence[str], all_units: bool) -> Sequence[str] | None:
    """None is every unit. Who sees data must be given units; nobody gets all by silence."""
    if units and all_units:
        raise UsageError("Give --unit or --all-units, not both.")
    if not units and not all_units and _see_data(roles):
        raise UsageError("Say which units they see: --unit UNIT, once or more, or --all-units.")
    return None if all_units else units


def _see_data(roles: Sequence[str]) -> bool:
    data = {Shows.PROVIDERS, Shows.PERSONS, Shows.CASEWORK, Shows.INCIDENTS}
    return any(
        each.roles is not None and each.shows in data and each.roles & table.roles(roles)
        for each in table.operations().values()
    )


def _reference(identity: str) -> str:
    """`user:ab12` stands in the log as that, not as `user:user:ab12`."""
    return identity.partition(":")[2]


def _user_line(found: User) -> dict[str, Any]:
    return {
        "id": found.user_id,
        "name": found.name,
        "roles": sorted(found.roles),
        "units": None if found.units is None else sorted(found.units),
        "created_at": found.created_at,
        "ended_at": found.disabled_at,
    }


def _key_line(found: Key) -> dict[str, Any]:
    return {
        "id": found.key_id,
        "name": found.name,
        "roles": sorted(found.roles),
        "units": None if found.units is None else sorted(found.units),
        "created_at": found.created_at,
        "ended_at": found.revoked_at,
        "expires_at": found.expires_at,
        "last_used_on": found.last_used_on,
    }
