"""Findings in order, as the contract prints them, and the rule that made one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeAlias

from graph_service.engines.duckdb import Engine

_FOLDER: Final = Path(__file__).parent
_LISTED: Final = (_FOLDER / "findings.sql").read_text(encoding="utf-8")
_GONE: Final = (_FOLDER / "gone.sql").read_text(encoding="utf-8")
_RULE: Final = (_FOLDER / "rule.sql").read_text(encoding="utf-8")

#: Subjects and rows that are told of each finding; the others are counted in `…_left_out`.
SUBJECTS: Final = 200
EVIDENCE: Final = 20
GONE: Final = "gone"

#: Where a finding stands: how much it says, the age of its last day, its id.
Place: TypeAlias = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings: all, or those that fit everything that is given.

    `provider` is a reference; `since` and `until` are days, and what lies in part between them
    fits; `change` is what became of it since the run before; `among` are finding_ids.
    """

    finding_id: str | None = None
    detector: str | None = None
    provider: str | None = None
    strength: str | None = None
    change: str | None = None
    since: date | None = None
    until: date | None = None
    among: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding: what is told of it, and where it stands."""

    told: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Rule:
    """A detector as a run asked it; thresholds by name with value, unit, the room's own, reason."""

    digest: str
    thresholds: Mapping[str, Mapping[str, Any]]


def listed(
    engine: Engine,
    wanted: Wanted,
    *,
    after: Place | None = None,
    limit: int,
    evidence: int = EVIDENCE,
    gone: bool = False,
) -> list[Listed]:
    """The first `limit` findings that are wanted, after a place; `gone` says that they are."""
    grade, age, finding_id = after or (None, None, None)
    asked = {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}
    asked |= {"after_grade": grade, "after_age": age, "after_id": finding_id, "limit": limit}
    asked |= {"subjects": SUBJECTS, "evidence": evidence, "gone": GONE if gone else None}
    return [
        Listed(json.loads(row["told"]), (row["grade"], row["age"], row["finding_id"]))
        for row in engine.rows(_LISTED, asked)
    ]


def gone(engine: Engine) -> tuple[str | None, list[str]]:
    """The run that this one was compared with, and the ids of the findings that only that one has.

    None and nothing where it was compared with none.
    """
    row = engine.rows(_GONE)[0]
    return row["run_id"], row["finding_ids"] or []


def rule(engine: Engine, detector: str) -> Rule:
    """How the run asked a detector that it asked."""
    row = engine.rows(_RULE, {"detector": detector})[0]
    return Rule(row["digest"], json.loads(row["thresholds"]))
