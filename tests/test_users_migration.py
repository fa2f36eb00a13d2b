"""The tables of people and the log are the models', and go up and down with data in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from argon2 import PasswordHasher
from sqlalchemy import inspect

from graph_service.casework import people
from graph_service.casework.audit import tables
from graph_service.casework.database import Base, Database
from graph_service.casework.users import SignInRefused, Users
from tests.logs import entry, verified, write

TABLES = {
    mapper.class_.__tablename__
    for mapper in Base.registry.mappers
    if mapper.class_.__module__ in {people.__name__, tables.__name__}
}
PASSWORD = "fyra ord av slumpen"


def fill(database: Database, folder: Path) -> None:
    """A row in every table."""
    fast = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    users = Users(database, clock=lambda: datetime(2026, 3, 2, tzinfo=UTC), hasher=fast)
    users.add("anna", PASSWORD, ["reviewer"], ["norr"])
    users.issue_key("robot", ["auditor"], None, lasts=timedelta(days=9), by="test")
    users.caller_of(users.sign_in("anna", PASSWORD).token)
    try:
        users.sign_in("anna", "something else")
    except SignInRefused:
        write(database, folder, [entry(number) for number in range(3)])


def test_the_migration_makes_what_the_models_say(database: Database) -> None:
    def ours(thing: Any, name: str, kind: str, *_: object) -> bool:
        return (name if kind == "table" else thing.table.name) in TABLES

    with database.engine.connect() as connection:
        options = {"include_object": ours, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_it_goes_up_and_down_with_data_in_it(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path / "one")
    with database.engine.connect() as connection:
        for table in sorted(TABLES):
            counted = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            assert counted > 0, table
    database.downgrade("base")
    with database.engine.connect() as connection:
        assert not TABLES & set(inspect(connection).get_table_names())
    database.migrate()
    fill(database, tmp_path / "two")
    assert verified(database, tmp_path / "two").holds
