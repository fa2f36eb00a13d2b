"""Who runs which tests: a file's go to one process, and all that ask Neo4j to the same one.

A server takes seconds to start, and its first plan of each long question takes more; so there
is one. Its tests are the longest chain and come first.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT: Final = Path(__file__).parents[1]
_FIXTURE: Final = "empty_database"


@cache
def asks_neo4j(file: Path) -> bool:
    """Whether tests of this file take the server's fixture."""
    return _FIXTURE in file.read_text(encoding="utf-8")


class OneServer(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """As `--dist loadfile`, but for the files that ask Neo4j: they are one."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return _FIXTURE if asks_neo4j(ROOT / file) else file


@pytest.hookimpl(optionalhook=True)  # one process has none
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneServer:
    """The scheduler, whatever `--dist` says."""
    return OneServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest chain first; otherwise as they were found."""
    items.sort(key=lambda item: not asks_neo4j(item.path))
