"""Writing the log: durable before it is acknowledged, one chain of many writers, or AuditError."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DatabaseError

from api.http.service import open_service
from graph_service.casework import database as databases
from graph_service.casework.audit import log as logs
from graph_service.casework.audit.anchor import Anchor, AnchorFile
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.audit.reading import Wanted, as_stored, links, oldest_first
from graph_service.casework.database import Database, open_database
from graph_service.errors import AuditError
from graph_service.home import Home
from graph_service.settings import Settings
from tests.logs import entry, verified, write

ROOT = Path(__file__).parents[1]
KILLS = 30


def purposes(database: Database) -> list[str | None]:
    with as_stored(database) as session:
        return [link.purpose for link in links(session)]


def run(module: str, *words: str) -> str:
    line = [sys.executable, "-m", module, *words]
    return subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_what_was_written_is_there_in_order(database: Database, tmp_path: Path) -> None:
    entries = [entry(number) for number in range(5)]
    write(database, tmp_path, entries)
    with as_stored(database) as session:
        found = list(links(session))
    assert [link.seq for link in found] == [1, 2, 3, 4, 5]
    assert [json.loads(link.what) for link in found] == [list(each.what) for each in entries]
    assert found[0].at == "2026-03-02T09:00:00.000000+00:00"
    assert [link.status for link in found] == [200] * 5


def test_writers_of_several_processes_make_one_unbroken_chain(
    casework_url: str, tmp_path: Path
) -> None:
    database = Database(casework_url)
    database.migrate()
    with ThreadPoolExecutor(3) as pool:
        begun = [
            pool.submit(
                run, "tests.audit_writer", "write", casework_url, str(tmp_path), str(first), "25"
            )
            for first in (0, 1000, 2000)
        ]
        told = [int(line) for each in begun for line in each.result().split()]
    found = verified(database, tmp_path)
    assert (found.holds, found.entries, found.ahead) == (True, 300, 0)
    assert sorted(told) == sorted(int(purpose or -1) for purpose in purposes(database))
    database.close()


def test_every_acknowledged_entry_outlives_a_kill(casework_url: str, tmp_path: Path) -> None:
    database = Database(casework_url)
    database.migrate()
    drawn = random.Random(9)
    after = [f"{drawn.uniform(0.001, 0.12):.4f}" for _ in range(KILLS // 2)]
    told = {
        int(line)
        for line in run("tests.audit_writer", "kill", casework_url, str(tmp_path), *after).split()
    }
    assert len({number // 10_000_000 for number in told}) == KILLS // 2, "each wrote something"
    assert told <= {int(purpose or -1) for purpose in purposes(database)}
    assert verified(database, tmp_path).holds
    database.close()


def test_every_answered_read_outlives_thirty_kills_of_the_service(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with open_service(settings, lambda: datetime.now(UTC)) as service:
        users = service.users
        _, key = users.issue_key("a", ["auditor"], [], lasts=timedelta(days=1), by="test")
    drawn = random.Random(9)
    after = [f"{drawn.uniform(0.001, 0.2):.4f}" for _ in range(KILLS)]
    answered = run("tests.audit_server", str(settings.home), key, *after).split()
    assert len(answered) >= KILLS
    with open_database(Home(settings.home), None) as database:
        with database.reading() as session:
            told = [each.entry for each in oldest_first(session, Wanted(action="audit.read"))]
        logged = Counter(each.what for each in told if each.status == 200)
        assert Counter((f"month:{month}",) for month in answered) <= logged
        assert verified(database, settings.home / "audit").holds


def test_entries_that_wait_go_into_one_transaction(tmp_path: Path) -> None:
    """Fifty users at once do not pay fifty disk flushes."""
    database = _sqlite(tmp_path)
    commits = list[object]()

    async def fifty() -> None:
        with _held(tmp_path):
            event.listen(database.engine, "commit", commits.append)
            waiting = await _handed_over(log, 50)
        await asyncio.gather(*waiting)

    with AuditLog(database, tmp_path) as log:
        asyncio.run(fifty())
    assert len(commits) <= 2, "the first may have gone alone"
    assert verified(database, tmp_path).entries == 50
    database.close()


def test_waiting_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    database = _sqlite(tmp_path)

    async def several() -> int:
        turns = 0
        with _held(tmp_path):
            written = asyncio.gather(*(log.write_soon(entry(number)) for number in range(20)))
            for _ in range(50):
                await asyncio.sleep(0)
                turns += 1
            assert not written.done()
        await written
        return turns

    with AuditLog(database, tmp_path) as log:
        assert asyncio.run(several()) == 50
    assert verified(database, tmp_path).entries == 20
    database.close()


def test_an_entry_is_written_though_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    """A client that leaves takes nothing out of the log."""
    database = _sqlite(tmp_path)

    async def leave() -> None:
        with _held(tmp_path):
            waiting = asyncio.create_task(log.write_soon(entry()))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    with AuditLog(database, tmp_path) as log:
        asyncio.run(leave())
    assert verified(database, tmp_path).entries == 1
    database.close()


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    database = _sqlite(tmp_path)

    async def close() -> None:
        with _held(tmp_path):
            waiting = await _handed_over(log, 20)
            closing_too = asyncio.create_task(asyncio.to_thread(log.close))
            await asyncio.sleep(0.05)
            assert not closing_too.done()
        await asyncio.gather(*waiting, closing_too)

    with AuditLog(database, tmp_path) as log:
        asyncio.run(close())
        with pytest.raises(AuditError, match="closed"):
            log.write(entry())
    assert verified(database, tmp_path).entries == 20
    database.close()


def test_a_log_whose_table_is_gone_refuses(database: Database, tmp_path: Path) -> None:
    with AuditLog(database, tmp_path) as log:
        log.write(entry(0))
        _rename(database, "audit_entries", "elsewhere")
        for _ in range(2):
            with pytest.raises(AuditError, match="No answer"):
                log.write(entry(1))
        _rename(database, "elsewhere", "audit_entries")
        log.write(entry(2))
    assert verified(database, tmp_path).entries == 2


def test_a_log_whose_table_is_gone_cannot_be_opened(database: Database, tmp_path: Path) -> None:
    _rename(database, "audit_entries", "elsewhere")
    with pytest.raises(AuditError), AuditLog(database, tmp_path):
        pass


def test_a_full_disk_refuses_each_who_waits(tmp_path: Path) -> None:
    database = _sqlite(tmp_path)

    def full(connection: Any, _: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(database.engine, "connect", full)
    database.engine.dispose()  # connections made before know no bound
    with AuditLog(database, tmp_path) as log, ThreadPoolExecutor(10) as pool:
        large = entry(purpose="x" * 100_000)
        waiting = [pool.submit(log.write, large) for _ in range(10)]
        assert all(isinstance(each.exception(), AuditError) for each in waiting)
    assert verified(database, tmp_path).entries == 0
    database.close()


def test_a_locked_log_refuses_when_the_wait_is_over(
    casework_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_WAIT_SECONDS", 0.1)
    monkeypatch.setitem(logs._POSTGRESQL, "lock_timeout", "100ms")
    database, other = Database(casework_url), Database(casework_url)
    database.migrate()
    with AuditLog(database, tmp_path) as log:
        with other.writing() as session, pytest.raises(AuditError, match="No answer"):
            if not other.is_sqlite:
                session.execute(select(func.pg_advisory_xact_lock(logs._CHAIN_LOCK)))
            log.write(entry())
        log.write(entry())
    assert verified(database, tmp_path).entries == 1
    database.close()
    other.close()


def test_more_than_may_wait_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_WAITING", 3)
    database, taken = _sqlite(tmp_path), threading.Event()

    async def many() -> list[BaseException | None]:
        with _held(tmp_path):
            first = await _handed_over(log, 1)
            await asyncio.to_thread(taken.wait)  # the writer has it, and waits for the lock
            more = await _handed_over(log, 5)
        return await asyncio.gather(*first, *more, return_exceptions=True)

    with AuditLog(database, tmp_path) as log:
        event.listen(database.engine, "checkout", lambda *_: taken.set())
        ended = asyncio.run(many())
    assert [isinstance(each, AuditError) for each in ended] == [False] * 4 + [True] * 2
    assert verified(database, tmp_path).entries == 4
    database.close()


def test_an_entry_that_cannot_be_stored_fails_alone(tmp_path: Path) -> None:
    database = _sqlite(tmp_path)
    with AuditLog(database, tmp_path) as log:
        with pytest.raises(ValueError, match="zone"):
            log.write(entry(at=entry().at.replace(tzinfo=None)))
        log.write(entry())
    assert verified(database, tmp_path).entries == 1
    database.close()


def test_an_anchor_that_cannot_be_moved_stops_the_next_entry(tmp_path: Path) -> None:
    """The entry before it stands in the log, which is then one transaction ahead of the anchor."""
    database, folder = _sqlite(tmp_path), tmp_path / "audit"
    with AuditLog(database, folder) as log:
        (folder / "anchor").unlink()
        (folder / "anchor").mkdir()
        log.write(entry(0))
        for _ in range(2):
            with pytest.raises(AuditError, match="anchor"):
                log.write(entry(1))
        (folder / "anchor").rmdir()
        AnchorFile(folder).renew(Anchor(0, "0" * 64))
        log.write(entry(2))
    found = verified(database, folder)
    assert (found.holds, found.entries, found.ahead) == (True, 2, 0)
    database.close()


def test_the_anchor_never_moves_back(tmp_path: Path) -> None:
    anchor = AnchorFile(tmp_path)
    anchor.begin(Anchor(0, "0" * 64))
    numbers = list(range(1, 60))
    random.Random(4).shuffle(numbers)
    seen = list[int]()

    def move(number: int) -> None:
        anchor.advance(Anchor(number, "a" * 64), lambda _: True)
        stands = anchor.read()
        assert stands is not None and stands.seq >= number
        seen.append(stands.seq)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(move, numbers))
    stands = anchor.read()
    assert stands is not None and stands.seq == 59
    assert len(seen) == 59


def test_the_anchor_stays_where_the_log_is_another_one(tmp_path: Path) -> None:
    anchor = AnchorFile(tmp_path)
    anchor.begin(Anchor(0, "0" * 64))
    anchor.advance(Anchor(5, "a" * 64), lambda _: True)
    anchor.advance(Anchor(9, "b" * 64), lambda stands: stands.digest != "a" * 64)
    stands = anchor.read()
    assert stands is not None and stands.seq == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET purpose = 'another'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE seq = 2",
    ],
)
def test_the_database_itself_refuses_changes(
    statement: str, database: Database, tmp_path: Path
) -> None:
    write(database, tmp_path, [entry(number) for number in range(3)])
    with (
        pytest.raises(DatabaseError, match="append-only"),
        database.engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert verified(database, tmp_path).holds


def test_sqlite_refuses_to_replace_an_entry(tmp_path: Path) -> None:
    database = _sqlite(tmp_path)
    write(database, tmp_path, [entry(number) for number in range(3)])
    with (
        closing(sqlite3.connect(tmp_path / "casework.sqlite")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute("REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE seq = 2")
    assert verified(database, tmp_path).holds
    database.close()


async def _handed_over(log: AuditLog, number: int) -> list[asyncio.Task[None]]:
    """So many entries, all of them waiting to be written."""
    waiting = [asyncio.create_task(log.write_soon(entry(each))) for each in range(number)]
    await asyncio.sleep(0)
    return waiting


def _sqlite(folder: Path) -> Database:
    database = Database(f"sqlite:///{folder / 'casework.sqlite'}")
    database.migrate()
    return database


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Somebody else holds the database's lock."""
    with closing(sqlite3.connect(folder / "casework.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _rename(database: Database, old: str, new: str) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
