"""What can be wrong with a package. Texts stand in `texts.toml`, section `verify_fault`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """One way in which a package does not hold."""

    CHANGED = "changed"  # other bytes than the manifest says
    MISSING = "missing"
    ROW_MISSING = "row_missing"  # a packaged row that the original lines beside it tell of
    ADDED = "added"  # no manifest lists it
    UNREADABLE = "unreadable"  # not written as such a file is
    NOT_SIGNED = "not_signed"  # the signature is not of these bytes by this key
    NO_KEY = "no_key"
    OTHER_KEY = "other_key"  # another than the one that was expected
    STAMP = "stamp"  # the time stamp does not hold
    DAMAGED = "damaged"  # the archive cannot be opened
    REPACKED = "repacked"  # the archive is not as this program packs
    TWICE = "twice"  # two entries that some system takes for one
    UNSAFE = "unsafe"  # a name or a kind of file that evidence never has
    TOO_LARGE = "too_large"
    DIFFERS = "differs"  # a finding is not given again
    NOT_RUN = "not_run"  # the rooms cannot be run on what is there


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, the file in which it is (by its path from the bag's root), and what else to say."""

    kind: FaultKind
    file: str
    words: Mapping[str, str] = field(default_factory=dict)
