"""Fixtures that more than one file of tests takes."""

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
