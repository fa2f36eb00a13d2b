"""The page that a lawyer reads says what the table says, and names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

from graph_service.access.page import PAGE, page, table
from graph_service.access.table import Caller, Role, operations, require, role_names
from graph_service.errors import NotAllowed

TESTS = Path(__file__).parent


def test_the_page_prints_the_table() -> None:
    told = PAGE.read_text(encoding="utf-8")
    assert page(told) == told


def test_each_mark_is_what_the_code_answers() -> None:
    names = role_names("en")
    lines = [line for line in table().splitlines() if line.startswith("| `")]
    assert len(lines) == len(operations())
    for line in lines:
        name, *marks = (cell.strip(" `") for cell in line.strip("|").split("|"))
        for role, mark in zip(Role, marks, strict=False):
            caller = Caller("u", names[role], frozenset({role}))
            try:
                require(name, caller)
                allowed = True
            except NotAllowed:
                allowed = False
            assert (mark in ("yes", "anyone")) is allowed


def test_every_test_that_the_page_names_is_there() -> None:
    told = PAGE.read_text(encoding="utf-8")
    written = "".join(path.read_text(encoding="utf-8") for path in TESTS.glob("test_access_*.py"))
    named = set(re.findall(r"test_[a-z_]+(?=`|\b)", told)) - {
        "test_access_sights",
        "test_access_home",
    }
    assert len(named) > 10
    assert {name for name in named if f"def {name}(" not in written} == set()
