"""The rooms before an examiner: towns made by another hand, of seeds that no room was built on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examiner import build, examine
from tests.examiner.schemes import SCHEMES

ALL = [scheme.__name__ for scheme in SCHEMES]


@pytest.mark.parametrize("seed", [501])
def test_what_was_planted_is_found_and_nothing_else(tmp_path: Path, seed: int) -> None:
    examined = examine(tmp_path, *build(seed, ALL, firms=20, weeks=30))
    assert examined.missed == []
    assert [(f["detector"], f["provider_id"]) for f in examined.unfounded] == []
    assert examined.reviewed_clean == []


def test_nothing_is_said_where_nothing_was_planted(tmp_path: Path) -> None:
    examined = examine(tmp_path, *build(503, [], firms=14, weeks=30, thin=True))
    told = [(f["detector"], examined.causes(f), f["statistics"]) for f in examined.unfounded]
    assert told == []
