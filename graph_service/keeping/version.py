"""A home of an older layout is carried up one step at a time.

Each step may be done twice: one that was killed is run again from its start, and the version is
noted only when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from graph_service.casework.database import open_database
from graph_service.home import NEWEST_VERSION, Home

#: Carries a home from the version before to this one; told DATABASE_URL where one is set.
Step: TypeAlias = Callable[[Home, str | None], None]


def upgrade(
    home: Home, database_url: str | None, steps: Mapping[int, Step] | None = None
) -> Iterator[int]:
    """Carry a home to the newest layout, and its casework to the newest tables.

    Yields each version as it is reached; nothing where it is there already.
    """
    known = STEPS if steps is None else steps
    with home.writing("keeping"), home.writing("run"), home.writing("load"):
        for version in range(home.version + 1, max(known, default=NEWEST_VERSION) + 1):
            known[version](home, database_url)
            home.set_version(version)
            yield version
        with open_database(home, database_url):
            pass  # opening carries its tables up


def _keep_casework(home: Home, database_url: str | None) -> None:
    """Version 2: people's own work lies beside the records, and the log's end outside of it."""
    home.audit.mkdir(exist_ok=True, mode=0o700)
    with open_database(home, database_url):
        pass


STEPS: Final[Mapping[int, Step]] = MappingProxyType({2: _keep_casework})
