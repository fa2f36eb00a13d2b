"""What each recipient of evidence needs: the declared profiles, read in one place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from graph_service.errors import DeclarationError, UsageError
from graph_service.records import TABLES
from graph_service.room import Text

_PROFILES: Final = Path(__file__).with_name("recipients.toml")
_ALL: Final = "all"
#: What belongs to the municipality's own affairs, and leaves it in no package.
NEVER: Final = frozenset({"officials", "incidents", "tips", "background_checks"})


class Document(StrEnum):
    """Which document tells the case."""

    REPORT = "report"
    DOSSIER = "dossier"


class Role(StrEnum):
    """What a person is in a case; a package names in clear those whose role is needed."""

    WORKER = "worker"
    CLIENT = "client"
    OFFICER = "officer"
    OWNER = "owner"
    PARTY = "party"  # none of these: pays, is paid, shares an account or an address


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient's profile. `tables` are those of the contract whose rows go along."""

    name: str
    title: Text
    document: Document
    clear: frozenset[Role]
    tables: frozenset[str]
    free_text: bool


@cache
def recipients() -> Mapping[str, Recipient]:
    """Every recipient by name. Raises DeclarationError for a profile that contradicts itself."""
    told = tomllib.loads(_PROFILES.read_text(encoding="utf-8"))
    return {name: _recipient(name, profile) for name, profile in told.items()}


def recipient(name: str) -> Recipient:
    """One recipient; raises UsageError for one that there is not."""
    try:
        return recipients()[name]
    except KeyError:
        known = ", ".join(recipients())
        raise UsageError(f"There is no recipient {name}. Use one of {known}.") from None


def _recipient(name: str, told: Mapping[str, Any]) -> Recipient:
    asked = told["tables"]
    tables = frozenset(TABLES if asked == [_ALL] else asked)
    unknown = sorted(tables - set(TABLES))
    if unknown:
        raise DeclarationError(f"{_PROFILES.name}: {name} names no table {unknown[0]} there is.")
    return Recipient(
        name,
        Text(told["name"]["sv"], told["name"]["en"]),
        Document(told["document"]),
        frozenset(Role(role) for role in told["clear"]),
        tables - NEVER,
        told["free_text"],
    )
