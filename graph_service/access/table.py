"""Who may do what: the declared table, and the one function that asks it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from graph_service.errors import DeclarationError, NotAllowed, NotSignedIn

_TABLE: Final = Path(__file__).with_name("table.toml")
_ANYONE: Final = "anyone"
_ALL: Final = "all"


class Role(StrEnum):
    """What somebody does in the municipality; one person may have several."""

    REVIEWER = "reviewer"
    CONTROLLER = "controller"
    COORDINATOR = "coordinator"
    LAWYER = "lawyer"
    AUDITOR = "auditor"
    SECURITY = "security"
    ADMINISTRATOR = "administrator"


class Shows(StrEnum):
    """The most that an answer may hold."""

    NOTHING = "nothing"
    PROVIDERS = "providers"
    PERSONS = "persons"
    CASEWORK = "casework"
    INCIDENTS = "incidents"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done. `roles` is None where nobody need be signed in."""

    name: str
    roles: frozenset[Role] | None
    shows: Shows
    audited: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person or a robot. `units` is None for one who sees every unit."""

    user_id: str
    name: str
    roles: frozenset[Role]
    units: frozenset[str] | None = None

    @property
    def sees_insiders(self) -> bool:
        """Whether findings about the municipality's own people are for this one."""
        return Role.SECURITY in self.roles


@cache
def operations() -> Mapping[str, Operation]:
    """Every operation of the table. Raises DeclarationError where the table contradicts itself."""
    told = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    if set(told["roles"]) != {role.value for role in Role}:
        raise DeclarationError(f"{_TABLE.name} does not name each role once. Name those of Role.")
    return {name: _operation(name, row) for name, row in told["operations"].items()}


@cache
def role_names(language: str) -> Mapping[Role, str]:
    """What each role is called."""
    told = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["roles"]
    return {role: told[role.value][language] for role in Role}


def operation(name: str) -> Operation:
    """One operation of the table."""
    try:
        return operations()[name]
    except KeyError:
        raise DeclarationError(
            f"The operation {name} is not in {_TABLE.name}. Add a row that says who may."
        ) from None


def require(name: str, caller: Caller | None) -> Operation:
    """The operation, for one who may; else NotSignedIn or NotAllowed."""
    asked = operation(name)
    if asked.roles is None:
        return asked
    if caller is None:
        raise NotSignedIn("Sign in first: this needs a bearer token that stands.")
    if not caller.roles & asked.roles:
        raise NotAllowed("Your role does not allow this. Ask a colleague whose role does.")
    return asked


def roles(names: Collection[str]) -> frozenset[Role]:
    """Roles by name; raises DeclarationError for one that there is not."""
    unknown = sorted(set(names) - {role.value for role in Role})
    if unknown:
        raise DeclarationError(
            f"There is no role {unknown[0]}. Use {', '.join(role.value for role in Role)}."
        )
    return frozenset(Role(name) for name in names)


def _operation(name: str, row: Mapping[str, object]) -> Operation:
    named = row.get("roles")
    if set(row) != {"roles", "shows", "audited"} or not isinstance(named, list) or not named:
        raise DeclarationError(f"{name} in {_TABLE.name} needs `roles`, `shows` and `audited`.")
    shows, audited = row["shows"], row["audited"]
    if named == [_ANYONE]:
        allowed = None
    elif named == [_ALL]:
        allowed = frozenset(Role)
    else:
        allowed = roles(named)
    if not isinstance(audited, bool) or shows not in set(Shows):
        raise DeclarationError(f"{name} in {_TABLE.name} says no `shows` or `audited` there is.")
    if shows is not Shows.NOTHING and shows != Shows.NOTHING.value and not audited:
        raise DeclarationError(f"{name} in {_TABLE.name} shows data and must be audited.")
    return Operation(name, allowed, Shows(str(shows)), audited)
