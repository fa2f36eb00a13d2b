"""The drop folder: what is taken, when, and where it ends up; loaded once whatever happens."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.routine import Routine
from api.session import Session
from graph_service.casework.database import Database, open_database
from graph_service.casework.routines import JobState
from graph_service.errors import GraphServiceError, HomeError
from graph_service.lake import Lake
from graph_service.routine.drop_folder import Delivery, DropFolder
from graph_service.routine.jobs import Jobs
from graph_service.settings import Settings
from loaders import load as loading
from tests.house import House, csv_text, organisation, row


class Watch:
    """Seconds that pass when somebody sleeps; `meanwhile` is done in each sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meanwhile: Callable[[], object] = lambda: None

    def seconds(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.meanwhile()
        self.now += seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def drop(tmp_path: Path, watch: Watch) -> DropFolder:
    folder = tmp_path / "drop"
    folder.mkdir()
    return DropFolder(folder, steady=10, seconds=watch.seconds, sleep=watch.sleep)


def names(files: list[Path]) -> list[str]:
    return [file.name for file in files]


def test_a_file_is_complete_when_nothing_of_it_changes_for_a_while(
    drop: DropFolder, watch: Watch
) -> None:
    file = drop.folder / "visits.csv"
    file.write_text("a")
    assert drop.complete() == []
    watch.now = 9.9
    assert drop.complete() == []
    file.write_text("ab")
    watch.now = 15
    assert drop.complete() == []
    # The same size and the same time of change, but another file.
    kept = file.stat()
    other = drop.folder / ".visits"
    other.write_text("xy")
    os.utime(other, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    other.rename(file)
    watch.now = 24
    assert drop.complete() == []
    watch.now = 34
    assert names(drop.complete()) == ["visits.csv"]


def test_a_done_file_says_that_it_is_complete(drop: DropFolder) -> None:
    (drop.folder / "visits.csv").write_text("a")
    (drop.folder / "tags.csv").write_text("a")
    (drop.folder / "tags.csv.done").touch()
    assert names(drop.complete()) == ["tags.csv"]
    with drop.taking("job-1") as delivery:
        assert [file.name for file in delivery.files] == ["tags.csv", "visits.csv"]
        assert not list(drop.folder.glob("*.done"))
        drop.put_away(delivery, (), [])
    assert sorted(path.name for path in drop.folder.rglob("*.csv")) == ["tags.csv", "visits.csv"]


def test_what_is_still_written_during_the_wait_stays(drop: DropFolder, watch: Watch) -> None:
    (drop.folder / "tags.csv").write_text("whole")
    growing = drop.folder / "visits.csv"
    growing.write_text("half")
    watch.meanwhile = lambda: growing.write_text("half and more")
    with drop.taking("job-1") as delivery:
        assert [file.name for file in delivery.files] == ["tags.csv"]
    assert growing.read_text() == "half and more"


def test_links_folders_and_unfinished_names_are_left_alone(
    drop: DropFolder, watch: Watch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("not for you")
    (drop.folder / "link.csv").symlink_to(secret)
    (drop.folder / "gone.csv").symlink_to(tmp_path / "nowhere")
    (drop.folder / "folder.csv").mkdir()
    os.mkfifo(drop.folder / "pipe.csv")
    for name in (".hidden.csv", "visits.csv.part", "visits.csv.FILEPART", "x.tmp", "alone.done"):
        (drop.folder / name).write_text("a")
    with drop.taking("job-1") as delivery:
        assert delivery.files == ()
    assert secret.read_text() == "not for you"
    assert (drop.folder / "link.csv").is_symlink()


def test_a_link_put_there_between_two_looks_is_not_followed(
    drop: DropFolder, watch: Watch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("not for you")
    file = drop.folder / "visits.csv"
    file.write_text("a")
    whole = DropFolder.complete

    def swapped(this: DropFolder) -> list[Path]:
        found = whole(this)
        if found:
            file.unlink()
            file.symlink_to(secret)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DropFolder, "complete", swapped)
        with drop.taking("job-1") as delivery:
            assert delivery.files == ()
    assert secret.read_text() == "not for you"


@pytest.mark.parametrize("name", ["taken", "refused", ".taking"])
def test_a_place_of_ours_that_is_a_link_is_refused(
    drop: DropFolder, tmp_path: Path, name: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (drop.folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HomeError, match=name), drop.taking("job-1"):
        raise AssertionError("it was taken")


def test_two_takers_at_once_take_each_file_once(tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    for n in range(20):
        (folder / f"{n}.csv").write_text(str(n))
        (folder / f"{n}.csv.done").touch()
    taken = list[tuple[str, str]]()
    ready = threading.Barrier(4)

    def take(job_id: str) -> None:
        drop = DropFolder(folder, steady=0)
        ready.wait()
        with drop.taking(job_id) as delivery:
            taken.extend((file.name, file.read_text()) for file in delivery.files)
            drop.put_away(delivery, (), [])

    threads = [threading.Thread(target=take, args=(f"job-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted((f"{n}.csv", str(n)) for n in range(20))
    assert len(list((folder / "taken").rglob("*.csv"))) == 20


def test_what_a_job_had_taken_when_it_died_is_taken_up(drop: DropFolder) -> None:
    (drop.folder / "tags.csv").write_text("first")

    def dies() -> Iterator[Delivery]:
        with drop.taking("job-1") as delivery:
            yield delivery
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(dies())
    (drop.folder / "tags.csv").write_text("second")
    with drop.taking("job-2") as delivery:
        assert [file.read_text() for file in delivery.files] == ["first", "second"]
        drop.put_away(delivery, (), [])
    assert {path.read_text() for path in drop.folder.rglob("*tags.csv")} == {"first", "second"}
    assert list((drop.folder / ".taking").iterdir()) == []


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def database(house: House) -> Iterator[Database]:
    with open_database(house.home, None) as opened:
        yield opened


def carry_out(house: House, database: Database, drop: DropFolder) -> tuple[int, str]:
    """A routine in this process; its exit code and its job."""
    jobs = Jobs(house.home, database, clock=house.clock)
    with jobs.within("test") as job:
        work = Routine(
            Session(Settings(home=house.home.path)), database, jobs, job.job_id, "1GiB", drop
        )
        return work.carry_out(), job.job_id


def test_a_routine_loads_what_came_and_runs_on_it(
    house: House, database: Database, drop: DropFolder
) -> None:
    firm = csv_text([row("organisations", org_id=organisation())])
    bad = csv_text([row("organisations", org_id=organisation(1)), row("organisations", org_id="x")])
    odd = os.fsdecode(b"tags\xff.csv")
    (drop.folder / "organisations.csv").write_text(firm)
    (drop.folder / odd).write_text("no table\n1\n")
    code, job_id = carry_out(house, database, drop)
    assert code == 3  # done, and a file was refused
    told = Jobs(house.home, database, clock=house.clock).routines.routine(job_id)
    assert told is not None and told.outcome is JobState.DONE and told.run is not None
    assert told.loaded_batch in told.run.batches
    assert house.known("SELECT org_id FROM known.organisations") == [(organisation(),)]
    taken, refused = (drop.folder / name / job_id for name in ("taken", "refused"))
    assert {path.name for path in taken.iterdir()} == {"receipts.jsonl", "organisations.csv"}
    assert {path.name for path in refused.iterdir()} == {"receipts.jsonl", odd}
    receipts = [json.loads(line) for line in (refused / "receipts.jsonl").read_text().splitlines()]
    assert [r["refused"] for r in receipts] == [None, "unknown_source"]

    # A row that is refused does not keep its file from being taken.
    (drop.folder / "organisations.csv").write_text(bad)
    code, job_id = carry_out(house, database, drop)
    assert code == 3 and (drop.folder / "taken" / job_id / "organisations.csv").is_file()
    # Nothing came: a run all the same, and no delivery.
    code, job_id = carry_out(house, database, drop)
    told = Jobs(house.home, database, clock=house.clock).routines.routine(job_id)
    assert code == 0 and told is not None and told.loaded_batch is None and told.run is not None


def test_what_was_loaded_when_the_job_died_is_not_loaded_twice(
    house: House, database: Database, drop: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drop.folder / "organisations.csv").write_text(
        csv_text([row("organisations", org_id=organisation())])
    )

    class Died(Exception):
        pass

    def dies(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(DropFolder, "put_away", dies)
        with pytest.raises(Died):
            carry_out(house, database, drop)
    code, job_id = carry_out(house, database, drop)
    assert code == 0
    first, second = Lake(house.home).receipts()
    assert (first.stored, second.stored, second.duplicates) == (1, 0, 1)
    assert (drop.folder / "taken" / job_id / "organisations.csv").is_file()


def test_a_load_that_fails_is_a_job_that_failed_and_keeps_the_files(
    house: House, database: Database, drop: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drop.folder / "organisations.csv").write_text(
        csv_text([row("organisations", org_id=organisation())])
    )

    def refuses(*_: object, **__: object) -> None:
        raise GraphServiceError("The memory does not suffice; give more with --memory.")

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load", refuses)
        with pytest.raises(GraphServiceError):
            carry_out(house, database, drop)
    routines = Jobs(house.home, database, clock=house.clock).routines
    (failed,) = routines.routines(10)
    assert failed.outcome is JobState.FAILED and "memory" in str(failed.reason)
    code, job_id = carry_out(house, database, drop)
    assert code == 0 and (drop.folder / "taken" / job_id / "organisations.csv").is_file()
