"""The casework database: SQLite in the home, or PostgreSQL by DATABASE_URL; one schema, by Alembic.

Every moment is stored as UTC text with microseconds, so that both databases order and compare
it alike. A write takes the database's lock at once: two writers wait for each other and none
reads what the other is about to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Dialect, Engine, String, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from graph_service.errors import CaseworkError
from graph_service.home import Home

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
#: How long a writer waits for another one before it gives up.
_WAIT_SECONDS: Final = 30


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored as `2026-03-01T12:00:00.000000+00:00`."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Base(DeclarativeBase):
    """The mother of every table of casework."""

    type_annotation_map = {datetime: Moment}  # noqa: RUF012 - SQLAlchemy's own way to declare it


class Database:
    """One database, opened once in a process. Close it when the process ends."""

    def __init__(self, url: str) -> None:
        try:
            given = make_url(url)
        except ArgumentError as error:
            raise CaseworkError(
                "DATABASE_URL is no database address. "
                "Give one such as postgresql://user@host/casework."
            ) from error
        if given.get_backend_name() == "postgresql":
            given = given.set(drivername="postgresql+psycopg")
        elif given.get_backend_name() != "sqlite":
            raise CaseworkError("Casework is kept in SQLite or PostgreSQL. Change DATABASE_URL.")
        self.is_sqlite = given.get_backend_name() == "sqlite"
        try:
            self.engine = create_engine(given, pool_pre_ping=not self.is_sqlite)
        except ImportError as error:
            raise CaseworkError(
                "DATABASE_URL names PostgreSQL, whose driver is not installed. "
                "Install the extra `postgresql`."
            ) from error
        if self.is_sqlite:
            _prepare_sqlite(self.engine)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state and changes nothing."""
        with _in_words(), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits when the block ends, or leaves nothing."""
        with _in_words(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={"begin": "IMMEDIATE"})
            yield session

    def migrate(self, revision: str = "head") -> None:
        """Carry the schema up to `revision`; nothing where it is there already."""
        with _in_words(), self.engine.begin() as connection:
            command.upgrade(_alembic(connection), revision)

    def downgrade(self, revision: str) -> None:
        """Carry the schema down to `revision` (`base`: to nothing)."""
        with _in_words(), self.engine.begin() as connection:
            command.downgrade(_alembic(connection), revision)

    def revision(self) -> str | None:
        """Where the schema stands; None before the first migration."""
        with _in_words(), self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def require_current(self) -> None:
        """Refuse a database whose schema is not this program's."""
        if self.revision() != newest_revision():
            raise CaseworkError(
                "The casework database is of another version of the program. "
                "Run `graph-service upgrade`."
            )

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def newest_revision() -> str:
    """The revision that this program's code belongs to."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if head is None:
        raise CaseworkError("The program holds no migration of casework. Install it again.")
    return head


def database_url(home: Home, url: str | None) -> str:
    """DATABASE_URL where one is set, else SQLite in the home."""
    return url or f"sqlite:///{home.casework.resolve()}"


@contextmanager
def open_database(home: Home, url: str | None) -> Iterator[Database]:
    """The casework of a home, its schema carried to the newest version under the home's lock."""
    home.create()
    database = Database(database_url(home, url))
    try:
        if database.revision() != newest_revision():
            with home.writing("casework"):
                database.migrate()
        yield database
    finally:
        database.close()


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _prepare_sqlite(engine: Engine) -> None:
    """Readers never wait for a writer, what was committed survives a power cut, keys hold."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def _in_words() -> Iterator[None]:
    """A database's refusal as one sentence; its own words may hold values of rows."""
    try:
        yield
    except OperationalError as error:
        raise CaseworkError(
            "The casework database cannot be reached, is locked, or its disk is full. "
            "See that it runs and has room, then try again."
        ) from error
