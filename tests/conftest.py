"""Fixtures that more than one file of tests takes."""

from tests.neo4j_server import _database_to_oneself, empty_database, neo4j

__all__ = ["_database_to_oneself", "empty_database", "neo4j"]
