"""The table of who may do what, as `docs/access.md` prints it.

`python -m graph_service.access.page` writes it there, below its heading.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from graph_service.access.table import Operation, Role, operations, role_names

PAGE: Final = Path(__file__).parents[2] / "docs" / "access.md"
HEADING: Final = "## The table"

_INTRODUCTION: Final = """\
Made from `graph_service/access/table.toml` by `python -m graph_service.access.page`; do not edit
below this line. *Shows* is the most that an answer may hold; *logged* says whether each answer and
each refusal is in the log before it leaves."""


def table() -> str:
    """The heading and all below it."""
    return "\n".join(_lines()) + "\n"


def page(told: str) -> str:
    """The page with its table made anew; what stands above the heading is kept."""
    return told.partition(HEADING)[0] + table()


def _lines() -> Iterator[str]:
    names = role_names("en")
    yield from (HEADING, "", _INTRODUCTION, "")
    yield f"| operation | {' | '.join(names[role] for role in Role)} | shows | logged |"
    yield f"| --- |{' --- |' * (len(Role) + 2)}"
    for name, operation in operations().items():
        marks = " | ".join(_mark(operation, role) for role in Role)
        logged = "yes" if operation.audited else "no"
        yield f"| `{name}` | {marks} | {operation.shows} | {logged} |"


def _mark(operation: Operation, role: Role) -> str:
    if operation.roles is None:
        return "anyone"
    return "yes" if role in operation.roles else "–"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
