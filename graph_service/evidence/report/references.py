"""What the rules in a document refer to: publications and ways of acting, by their short names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from graph_service.evidence.report.contents import FindingTold

#: What each short name stands for, in Swedish.
LISTED: Final[Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("references.toml").read_text(encoding="utf-8")
)
_REFERENCE: Final = re.compile(r"\b(?:[ST][0-9]+[a-z]?|grunddokument [0-9]{3})\b")
_PARTS: Final = re.compile(r"([A-Za-z ]+)([0-9]+)([a-z]?)")


def referred(texts: Iterable[str]) -> tuple[str, ...]:
    """The short names in the texts, each once: by letter, then by number."""
    return tuple(sorted({name for each in texts for name in _REFERENCE.findall(each)}, key=_order))


def of_findings(findings: Iterable[FindingTold]) -> list[dict[str, str]]:
    """What the rules of the findings refer to: `name` and `what`."""
    names = referred(part for each in findings for part in _texts(each))
    return [{"name": name, "what": LISTED[name]} for name in names if name in LISTED]


def _texts(finding: FindingTold) -> Iterable[str]:
    yield from (finding.claim, finding.basis, finding.silent_on)
    yield from (limit.why for limit in finding.thresholds)
    yield from (story.text for story in finding.stories)


def _order(name: str) -> tuple[str, int, str]:
    told = _PARTS.fullmatch(name)
    return (name, 0, "") if told is None else (told[1], int(told[2]), told[3])
