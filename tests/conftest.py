"""Fixtures that more than one file of tests takes."""

from tests.databases import casework_url, database, postgresql
from tests.neo4j_server import _database_to_oneself, empty_database, neo4j

__all__ = [
    "_database_to_oneself",
    "casework_url",
    "database",
    "empty_database",
    "neo4j",
    "postgresql",
]
