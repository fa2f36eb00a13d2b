"""Jobs and slots: one at a time, each slot once, the dead told from the living; on both bases."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from graph_service.access.reference import reference
from graph_service.casework.database import Base, Database
from graph_service.casework.history import History
from graph_service.casework.routine_tables import ScoreRow
from graph_service.casework.routines import JobState, Routines, RunMade
from graph_service.engines.duckdb import Engine
from graph_service.errors import CaseworkError, Conflict, NotThere
from graph_service.home import Home
from graph_service.routine.drop_folder import DropFolder
from graph_service.routine.jobs import DIED, Jobs
from graph_service.routine.schedule import Schedule
from graph_service.routine.scheduler import BY_DROP, BY_SCHEDULE, Scheduler
from tests.run_files import node, score, write_run

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
#: A program that does not know what it is asked for and ends at once; and one that stays.
ENDS = ("/bin/true",)
STAYS = (sys.executable, "-c", "import time; time.sleep(120)")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


def jobs_of(
    home: Home, database: Database, clock: Callable[[], datetime], program: Sequence[str] = ENDS
) -> Jobs:
    return Jobs(home, database, clock=clock, program=program)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what is on its way; a test that waits in vain fails."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never came")


def holders(home: Home, job_id: str) -> list[int]:
    """The processes that hold a job's lock, as the kernel tells."""
    path = (home.path / "jobs" / f"{job_id}.alive").resolve()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                held = [handle.readlink() for handle in (process / "fd").iterdir()]
            except OSError:
                continue
            if path in held:
                found.append(int(process.name))
    return found


def test_one_job_runs_at_a_time_and_a_killed_one_gives_way(
    home: Home, database: Database, clock: Clock
) -> None:
    jobs = jobs_of(home, database, clock, STAYS)
    first = jobs.start("somebody")
    assert first.state is JobState.RUNNING
    assert jobs.running() == first
    with pytest.raises(Conflict):
        jobs.start("another")
    # Another worker, which did not begin it, sees the same.
    elsewhere = jobs_of(home, database, clock, STAYS)
    assert elsewhere.job(first.job_id).state is JobState.RUNNING

    (process,) = holders(home, first.job_id)
    os.kill(process, signal.SIGKILL)
    until(lambda: elsewhere.job(first.job_id).state is JobState.FAILED)
    told = jobs.routines.routine(first.job_id)
    assert told is not None and told.reason == DIED and told.run is None
    assert jobs.running() is None

    second = jobs.start("another")
    (process,) = holders(home, second.job_id)
    os.kill(process, signal.SIGKILL)
    until(lambda: jobs.running() is None)
    # Nothing is left but what a job said, and these said nothing.
    until(lambda: not any((home.path / "jobs").glob("*.alive")))
    assert list((home.path / "jobs").iterdir()) == []


def test_the_same_key_starts_one_job_for_one_caller(
    home: Home, database: Database, clock: Clock
) -> None:
    jobs = jobs_of(home, database, clock)
    first = jobs.start("somebody", asked_key="k-1")
    again = jobs.start("somebody", asked_key="k-1")
    assert again.job_id == first.job_id
    until(lambda: jobs.running() is None)
    assert jobs.start("somebody", asked_key="k-1").job_id == first.job_id
    assert jobs.start("another", asked_key="k-1").job_id != first.job_id
    until(lambda: jobs.running() is None)
    assert jobs.start("somebody", asked_key="k-2").job_id != first.job_id
    until(lambda: jobs.running() is None)
    assert len(jobs.routines.jobs(10)) == 3


def test_many_who_start_at_once_begin_one(home: Home, database: Database, clock: Clock) -> None:
    jobs = jobs_of(home, database, clock, STAYS)
    begun, refused = list[str](), list[str]()
    ready = threading.Barrier(8)

    def start(n: int) -> None:
        ready.wait()
        try:
            begun.append(jobs.start(f"caller {n}").job_id)
        except Conflict as error:
            refused.append(str(error))

    threads = [threading.Thread(target=start, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(begun), len(refused)) == (1, 7)
    (process,) = holders(home, begun[0])
    os.kill(process, signal.SIGKILL)
    until(lambda: jobs.running() is None)


def test_a_program_that_cannot_be_begun_is_a_job_that_failed(
    home: Home, database: Database, clock: Clock
) -> None:
    jobs = jobs_of(home, database, clock, ("/nowhere/at/all",))
    with pytest.raises(CaseworkError):
        jobs.start("somebody")
    ((job, ended),) = jobs.routines.jobs(10)
    assert job.state is JobState.FAILED and ended is not None and ended.reason
    assert jobs.running() is None


def test_what_became_of_a_job_is_put_down_once(database: Database, clock: Clock) -> None:
    routines = Routines(database, clock=clock)
    routines.begin("job-1", "somebody", slot=NOW)
    routines.step("job-1", "network", 0.5)
    assert (routines.job("job-1").step, routines.job("job-1").share) == ("network", 0.5)
    assert not routines.cancel_asked("job-1")
    routines.ask_to_cancel("job-1", "another")
    assert routines.cancel_asked("job-1")
    clock.now += timedelta(seconds=90)
    made = RunMade("20261020T120000Z", date(2026, 10, 19), "0.1.0", ["b-1"], [{"room": "a"}])
    routines.end("job-1", JobState.DONE, run=made, loaded_batch="b-1", published=True)
    routines.end("job-1", JobState.FAILED, reason="too late")
    routines.step("job-1", "again", 0.1)
    told = routines.routine("job-1")
    assert told is not None
    assert (told.outcome, told.reason, told.run, told.slot) == (JobState.DONE, None, made, NOW)
    assert told.as_json()["seconds"] == 90
    assert routines.routine("20261020T120000Z") == told
    assert (routines.job("job-1").step, routines.job("job-1").share) == ("network", 1.0)
    with pytest.raises(Conflict):
        routines.ask_to_cancel("job-1", "another")
    for ask in (routines.job, lambda job_id: routines.ask_to_cancel(job_id, "x")):
        with pytest.raises(NotThere):
            ask("job-2")
    assert routines.routine("job-2") is None


def test_the_proofs_are_paged_each_once(database: Database, clock: Clock) -> None:
    routines = Routines(database, clock=clock)
    for n in range(7):
        routines.begin(f"job-{n}", "somebody")
        routines.end(f"job-{n}", JobState.DONE)
        clock.now += timedelta(seconds=n % 2)  # some in the same moment
    seen, before = [], None
    while page := routines.routines(2, before):
        seen += [ended.job_id for ended in page]
        before = (page[-1].asked_at, page[-1].job_id)
    assert seen == [f"job-{n}" for n in reversed(range(7))]


def test_each_slot_of_a_week_is_taken_once_by_two_schedulers(
    home: Home, database: Database
) -> None:
    """Two workers look at the same moments, through the night on which the clock is put back."""
    began = datetime(2026, 10, 22, 0, tzinfo=STOCKHOLM)
    clock = Clock(began)
    jobs = jobs_of(home, database, clock)
    schedule = Schedule("30 2,6 * * *")
    both = [Scheduler(home, database, schedule, clock, jobs=jobs) for _ in range(2)]
    for _ in range(7 * 24 * 2):
        clock.now = (clock.now.astimezone(UTC) + timedelta(minutes=30)).astimezone(STOCKHOLM)
        threads = [threading.Thread(target=each.look) for each in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: jobs.running() is None)
    slots = sorted(job.slot for job, _ in jobs.routines.jobs(100) if job.slot is not None)
    expected = []
    at = schedule.next(began)
    while at is not None and at <= clock.now:
        expected.append(at)
        at = schedule.next(at)
    assert slots == expected and len(slots) == 14
    assert {job.asked_by for job, _ in jobs.routines.jobs(100)} == {BY_SCHEDULE}


def test_after_being_down_one_slot_is_made_up_for(
    home: Home, database: Database, clock: Clock
) -> None:
    jobs = jobs_of(home, database, clock)
    schedule = Schedule("0 6 * * *")

    def taken(now: datetime) -> list[datetime | None]:
        clock.now = now
        before = {job.job_id for job, _ in jobs.routines.jobs(100)}
        scheduler = Scheduler(home, database, schedule, clock, jobs=jobs)
        clock.now += timedelta(minutes=1)
        for _ in range(3):
            scheduler.look()
            until(lambda: jobs.running() is None)
        return [job.slot for job, _ in jobs.routines.jobs(100) if job.job_id not in before]

    day = timedelta(days=1)
    six = datetime(2026, 10, 21, 4, tzinfo=UTC)
    assert taken(NOW) == []  # never ran: nothing was missed
    assert taken(six - timedelta(seconds=30)) == [six]
    assert taken(six + 3 * day + timedelta(hours=7)) == [six + 3 * day]
    assert taken(six + 3 * day + timedelta(hours=8)) == []


def test_a_slot_waits_for_the_routine_that_runs(
    home: Home, database: Database, clock: Clock
) -> None:
    jobs = jobs_of(home, database, clock, STAYS)
    scheduler = Scheduler(home, database, Schedule("0 * * * *"), clock, jobs=jobs)
    running = jobs.start("somebody")
    clock.now += timedelta(hours=1)
    scheduler.look()
    assert [job.job_id for job, _ in jobs.routines.jobs(10)] == [running.job_id]
    (process,) = holders(home, running.job_id)
    os.kill(process, signal.SIGKILL)
    until(lambda: jobs.running() is None)
    scheduler.look()
    newest, _ = jobs.routines.jobs(1)[0]
    assert newest.slot == datetime(2026, 10, 20, 13, tzinfo=UTC)
    (process,) = holders(home, newest.job_id)
    os.kill(process, signal.SIGKILL)
    until(lambda: jobs.running() is None)


def test_a_scheduler_that_is_started_looks_by_itself(
    home: Home, database: Database, clock: Clock
) -> None:
    jobs = jobs_of(home, database, clock)
    scheduler = Scheduler(home, database, Schedule("0 * * * *"), clock, jobs=jobs, every=0.02)
    scheduler.start()
    clock.now += timedelta(hours=1)
    until(lambda: len(jobs.routines.jobs(10)) == 1)
    scheduler.stop()
    until(lambda: jobs.running() is None)
    clock.now += timedelta(hours=1)
    time.sleep(0.1)
    assert len(jobs.routines.jobs(10)) == 1


def test_the_history_keeps_each_full_run_once_by_reference(home: Home, database: Database) -> None:
    firms = [node("organisation", f"55200000{n}8", "Provider") for n in (1, 2)]
    kept = History(database)
    assert kept.record(home) == 0
    runs = []
    for points in (10.0, 30.0):
        scores = [
            score(firm, points + n, as_of="2026-10-19", change=None) for n, firm in enumerate(firms)
        ]
        runs.append(write_run(home, firms, scores=scores))
    for run in runs:
        _say_whose(run.path, run.run_id)
    assert kept.record(home) == 2
    assert kept.record(home) == 0
    ref = reference(home.reference_key(), firms[1]["node_id"])
    assert [(past.run_id, past.score) for past in kept.of(ref)] == [
        (runs[0].run_id, 11.0),
        (runs[1].run_id, 31.0),
    ]
    assert kept.of(ref)[0].contributions[0]["detector"] == "shared_account"
    # It outlives the runs, and holds no number.
    for run in runs:
        run.path.unlink()
    assert kept.record(home) == 0 and len(kept.of(ref)) == 2
    assert kept.of("organisation-unknown") == []


def _say_whose(path: Path, run_id: str) -> None:
    with Engine(path) as engine:
        engine.execute("UPDATE scores SET run_id = $run_id", {"run_id": run_id})


def test_files_that_are_left_start_a_routine(
    home: Home, database: Database, clock: Clock, tmp_path: Path
) -> None:
    jobs = jobs_of(home, database, clock)
    drop = DropFolder(tmp_path / "drop", steady=0.0)
    scheduler = Scheduler(home, database, None, clock, drop=drop, jobs=jobs)
    scheduler.look()
    assert jobs.routines.jobs(10) == []  # the folder is not there yet
    drop.folder.mkdir()
    scheduler.look()
    (drop.folder / "visits.csv.part").write_text("half")
    scheduler.look()
    assert jobs.routines.jobs(10) == []
    (drop.folder / "visits.csv").write_text("whole")
    scheduler.look()
    ((job, _),) = jobs.routines.jobs(10)
    assert (job.asked_by, job.slot) == (BY_DROP, None)
    until(lambda: jobs.running() is None)


def test_the_migration_makes_what_the_models_say(database: Database) -> None:
    ours = {"jobs", "routine_runs", "score_history"}

    def of_ours(thing: Any, name: str, kind: str, *_: object) -> bool:
        return (name if kind == "table" else thing.table.name) in ours

    with database.engine.connect() as connection:
        options = {"include_object": of_ours, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_the_tables_go_down_and_up_with_rows_in_them(database: Database, clock: Clock) -> None:
    for _ in range(2):
        routines = Routines(database, clock=clock)
        routines.begin("job-1", "somebody")
        made = RunMade("20261020T120000Z", date(2026, 10, 19), "0.1.0", ["b-1"], [{"room": "a"}])
        routines.end("job-1", JobState.DONE, run=made)
        assert routines.routine("job-1") is not None
        with database.writing() as session:
            session.add(
                ScoreRow(
                    run_id="r",
                    provider_ref="p",
                    as_of=date(2026, 1, 1),
                    band="none",
                    contributions=[],
                )
            )
        database.downgrade("0002")
        database.migrate()
    assert Routines(database, clock=clock).routines(10) == []
    assert History(database).of("p") == []
