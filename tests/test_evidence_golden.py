"""A package of a small case, byte for byte, and twice the same but for what may differ.

Where a change is meant: look at it with `python -m tests.golden_evidence --show FOLDER`, then renew
the golden file with `python -m tests.golden_evidence`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from graph_service.evidence import package
from tests.evidence_case import MADE_AT, Town
from tests.golden_evidence import GOLDEN, RECIPIENTS, Made, fixed_town, made

_CURE = "Look at it (--show FOLDER), then renew it with `python -m tests.golden_evidence`."


@pytest.fixture(scope="module")
def of_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with fixed_town(tmp_path_factory.mktemp("golden") / "town") as found:
        yield found


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def packages(of_town: Town, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    folder = tmp_path_factory.mktemp("packages")
    return {recipient: made(of_town, folder, recipient) for recipient in RECIPIENTS}


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_each_byte_is_as_it_was_looked_at(
    packages: dict[str, Made], golden: dict[str, Any], recipient: str
) -> None:
    kept, now = golden[recipient], packages[recipient].manifest
    changed = [name for name in sorted(kept.keys() | now.keys()) if kept.get(name) != now.get(name)]
    told = "\n".join(
        line for name in changed for line in _told(name, kept.get(name), now.get(name))
    )
    assert changed == [], f"{told}\n{_CURE}"


def test_two_exports_at_one_point_differ_in_nothing_else(
    of_town: Town, packages: dict[str, Made], tmp_path: Path
) -> None:
    later = MADE_AT + timedelta(days=3)
    asked = {"export_id": "export-0000000000000002", "asked_at": later, "approved_at": later}
    one = packages["police"].files
    other = made(of_town, tmp_path, "police", at=later, approved_by="cia", **asked).files
    assert one.keys() == other.keys()
    differ = {name for name in one if one[name] != other[name]}
    signed = {package.MANIFEST_SIGNATURE, package.TAG_MANIFEST_SIGNATURE}
    assert differ <= {*package.MAY_DIFFER, *signed}
    assert {package.CUSTODY, package.REPORT, "bag-info.txt"} <= differ, "dates and who approved"


def _told(name: str, kept: dict[str, str] | None, now: dict[str, str] | None) -> Iterator[str]:
    """What became of a file, in lines."""
    if kept is None or now is None:
        yield f"{name}: {'added' if kept is None else 'missing'}"
        return
    yield f"{name}: changed"
    lines = (each.get("text", "").splitlines() for each in (kept, now))
    yield from list(difflib.unified_diff(*lines, "golden", "now", lineterm="", n=0))[:20]
