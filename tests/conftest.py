"""Fixtures that more than one file of tests takes."""

import pytest

from tests.databases import (
    _migrated_file,
    casework_url,
    database,
    migrated_url,
    postgresql,
)
from tests.neo4j_server import _database_to_oneself, empty_database, neo4j
from tests.seen_town import see_town, whole_town
from tests.without_icu import stand_in

stand_in()

__all__ = [
    "_database_to_oneself",
    "_migrated_file",
    "casework_url",
    "database",
    "empty_database",
    "migrated_url",
    "neo4j",
    "postgresql",
    "see_town",
    "whole_town",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process, since they share what it sets up; so do all that ask the
    one Neo4j server, which is started once.
    """
    for item in items:
        asks_neo4j = "neo4j" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("neo4j" if asks_neo4j else item.path.stem))
