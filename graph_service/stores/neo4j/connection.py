"""Neo4j, driven here and nowhere else: one place for retries, tags, time limits and refusals.

Every transaction of ours is tagged with the query's name, a digest of its text and the purpose,
so that the server's own log tells what was asked. Parameters are never part of a tag.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import neo4j
from neo4j import GraphDatabase, ManagedTransaction, NotificationMinimumSeverity
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    DriverError,
    IncompleteCommit,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)
from neo4j.time import Date

from graph_service.errors import StoreError
from graph_service.settings import Neo4jSettings

#: The tag by which our own transactions are known among those of other applications.
APPLICATION: Final = "graph-service"
#: How long one question to the graph may take; what is swept waits no longer for a reader.
READ_SECONDS: Final = 30.0
#: CALL (…) { … } with a variable scope came in 5.23; 5.26 is the LTS that our tests run on.
OLDEST: Final = (5, 26)

# What the driver says on its own goes nowhere unless somebody asks: failures are told below.
logging.getLogger("neo4j").addHandler(logging.NullHandler())

_RETRY_SECONDS: Final = 15.0
_CONNECT_SECONDS: Final = 10.0
_FIRST_PAUSE: Final = 0.1
#: Reasons that a user can mend, by the end of the server's code.
_CURES: Final = {
    "DatabaseNotFound": "has no database of that name. Correct NEO4J_DATABASE.",
    "DatabaseUnavailable": "cannot open the database. See the server's log, such as for a full "
    "disk, and start it again.",
    "AuthenticationRateLimit": "refuses logins for a while after wrong passwords. Wait, and "
    "correct NEO4J_USER and NEO4J_PASSWORD_FILE.",
    "CredentialsExpired": "wants a new password for this user. Set one, and put it in "
    "NEO4J_PASSWORD_FILE.",
    "Forbidden": "does not let this user do that. Grant it the right, or name another NEO4J_USER.",
    "ForbiddenOnReadOnlyDatabase": "holds the database for reading only. Open it for writing, or "
    "name another NEO4J_DATABASE.",
    "WriteOnReadOnlyAccessDatabase": "holds the database for reading only. Open it for writing, "
    "or name another NEO4J_DATABASE.",
    "TransactionTimedOut": "ended the query at the time limit. Ask for less.",
    "TransactionTimedOutClientConfiguration": "ended the query at the time limit. Ask for less.",
    "OutOfMemoryError": "ran out of memory. Give it a larger heap.",
    "MemoryPoolOutOfMemoryError": "ran out of memory. Give it a larger heap.",
    "TransactionCommitFailed": "could not store what was written. See that its disk has room.",
    "TransactionLogError": "could not store what was written. See that its disk has room.",
}


#: Asks one question: its text and parameters → rows.
Ask: TypeAlias = Callable[[str, Mapping[str, Any]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Statement:
    """A text with its parameters, and the name that its transaction is tagged with."""

    name: str
    text: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement returned, and what it changed."""

    rows: list[dict[str, Any]]
    counters: neo4j.SummaryCounters


class Connection:
    """One database of one server. Safe to use from several threads."""

    def __init__(self, driver: neo4j.Driver, uri: str, database: str) -> None:
        self._driver = driver
        self._uri = uri
        self._database = database

    def read(
        self,
        text: str,
        parameters: Mapping[str, Any],
        name: str,
        *,
        purpose: str = "",
        seconds: float | None = READ_SECONDS,
    ) -> list[dict[str, Any]]:
        """The rows of one question, dates as Python's own. Asked again on a transient failure."""
        unit = _unit(Statement(name, text, dict(parameters)), purpose, seconds)
        with self._in_words(), self._session(neo4j.READ_ACCESS) as session:
            return [
                {name: plain(value) for name, value in row.items()}
                for row in session.execute_read(unit).rows
            ]

    @contextmanager
    def asking(self, name: str, texts: str, *, purpose: str = "") -> Iterator[Ask]:
        """Several questions in one transaction, so that they see one publish.

        `texts` are all that may be asked: the tag tells their digest. Not asked again on a
        failure, since what was answered may have been used.
        """
        tag = _tag(Statement(name, texts, {}), purpose)
        with (
            self._in_words(),
            self._session(neo4j.READ_ACCESS) as session,
            session.begin_transaction(metadata=tag, timeout=READ_SECONDS) as transaction,
        ):

            def ask(text: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
                found = transaction.run(text, dict(parameters))
                return [
                    {column: plain(value) for column, value in row.items()} for row in found.data()
                ]

            yield ask

    def write(self, *statements: Statement, purpose: str = "publish") -> list[Answer]:
        """Statements in one transaction, whole or not at all; again on a transient failure.

        A commit whose outcome is unknown is not tried again: StoreError.
        """

        def work(transaction: ManagedTransaction) -> list[Answer]:
            return [_answer(transaction.run(each.text, each.parameters)) for each in statements]

        unit = neo4j.unit_of_work(metadata=_tag(statements[0], purpose))(work)
        with self._in_words(), self._session(neo4j.WRITE_ACCESS) as session:
            return session.execute_write(unit)

    def repeat(self, statement: Statement, purpose: str = "publish") -> Answer:
        """A statement that makes its own transactions, or changes the schema.

        It must do no harm when run twice: a transient failure has it run again.
        """
        query = neo4j.Query(statement.text, metadata=_tag(statement, purpose))
        give_up, pause = time.monotonic() + _RETRY_SECONDS, _FIRST_PAUSE
        with self._in_words():
            while True:
                try:
                    with self._session(neo4j.WRITE_ACCESS) as session:
                        return _answer(session.run(query, statement.parameters))
                except (Neo4jError, DriverError) as error:
                    if not error.is_retryable() or time.monotonic() + pause > give_up:
                        raise
                time.sleep(pause)
                pause *= 2

    def check(self) -> str:
        """The server's version, or a refusal: not reachable, wrong login, too old."""
        with self._in_words():
            self._driver.verify_connectivity()
        found = self.read("CALL dbms.components() YIELD name, versions", {}, "version")
        version: str = next((row["versions"][0] for row in found if "Kernel" in row["name"]), "0")
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if numbers < OLDEST:
            raise StoreError(
                f"Neo4j at {self._uri} is version {version}. Use {OLDEST[0]}.{OLDEST[1]} or later."
            )
        return version

    def _session(self, access: str) -> neo4j.Session:
        return self._driver.session(database=self._database, default_access_mode=access)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """The driver's failures as one sentence; the server's own words may hold values."""
        where = f"Neo4j at {self._uri}"
        try:
            yield
        except AuthError as error:
            cure = _CURES.get(_reason(error))
            raise StoreError(
                f"{where} {cure}"
                if cure
                else f"{where} refuses the user or the password. Correct NEO4J_USER and "
                "NEO4J_PASSWORD_FILE (or NEO4J_PASSWORD)."
            ) from error
        except IncompleteCommit as error:
            raise StoreError(
                f"The connection to {where} broke while it stored what was written. "
                "Do it again when the server runs: what is half done is mended first."
            ) from error
        except (ServiceUnavailable, SessionExpired) as error:
            raise StoreError(
                f"{where} does not answer. Start it (`graph-service neo4j start`), or correct "
                "NEO4J_URI."
            ) from error
        except Neo4jError as error:
            reason = _reason(error)
            cure = _CURES.get(reason, f"refused with {error.code}. See the server's log.")
            raise StoreError(f"{where} {cure}") from error
        except (DriverError, ConfigurationError) as error:
            raise StoreError(
                f"{where} cannot be talked to: {type(error).__name__}. Correct NEO4J_URI."
            ) from error


@contextmanager
def connect(target: Neo4jSettings) -> Iterator[Connection]:
    """A checked connection: StoreError unless the server answers, lets us in and is not too old."""
    driver = GraphDatabase.driver(
        target.uri,
        auth=(target.user, target.secret()),
        connection_timeout=_CONNECT_SECONDS,
        max_transaction_retry_time=_RETRY_SECONDS,
        notifications_min_severity=NotificationMinimumSeverity.OFF,
        user_agent=APPLICATION,
    )
    with driver:
        connection = Connection(driver, target.uri, target.database)
        connection.check()
        yield connection


def digest(text: str) -> str:
    """What a transaction is tagged with, to know the very text that was asked."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain(value: Any) -> Any:
    """A value as Python's own, at any depth: Neo4j's dates become `date`."""
    if isinstance(value, Date):
        return value.to_native()
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value


def _unit(statement: Statement, purpose: str, seconds: float | None) -> Any:
    def work(transaction: ManagedTransaction) -> Answer:
        return _answer(transaction.run(statement.text, statement.parameters))

    return neo4j.unit_of_work(metadata=_tag(statement, purpose), timeout=seconds)(work)


def _answer(result: neo4j.Result) -> Answer:
    rows = result.data()
    return Answer(rows, result.consume().counters)


def _tag(statement: Statement, purpose: str) -> dict[str, str]:
    return {
        "application": APPLICATION,
        "query": statement.name,
        "digest": digest(statement.text),
        "purpose": purpose,
    }


def _reason(error: Neo4jError) -> str:
    return (error.code or "").rpartition(".")[2]
