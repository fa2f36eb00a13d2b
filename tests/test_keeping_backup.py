"""A backup of a home that is in use comes back the same, and one that was changed does not."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from graph_service.casework.audit.anchor import AnchorFile
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.audit.verification import verify
from graph_service.casework.database import Database, open_database
from graph_service.errors import BackupError, HomeError, UsageError
from graph_service.home import RESTORING, Home
from graph_service.keeping import backup
from graph_service.keeping.manifest import FILES, Manifest
from graph_service.lake import Lake
from graph_service.run import run
from graph_service.run_file import RunFolder
from tests.house import House, row
from tests.keeping_home import BY, decide, keeping_of, stored


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Rows, refused ones too, a run, a decision, and a log with an end outside of it."""
    house = House(tmp_path_factory.mktemp("furnished"))
    rows = [row("tips", tip_id=f"t{n}") for n in range(3)]
    house.load_rows("tips", *rows, row("tips", tip_id=""))
    house.load_rows("tips", row("tips", tip_id="t0", text="told again"))
    house.home.thresholds.write_text("# none\n")
    house.home.reference_key()
    run(house.home, [], clock=house.clock, memory="1GiB")
    decide(house, follow_up=60)
    _tell(house, "one")
    return house


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    """A copy of the furnished one, to oneself."""
    house = House(tmp_path)
    shutil.copytree(furnished.home.path, house.home.path)
    house.now, house.files = furnished.now, furnished.files
    return house


def _tell(house: House, what: str) -> None:
    with open_database(house.home, None) as database, AuditLog(database, house.home.audit) as log:
        log.write(Entry(house.clock(), BY, (), "cli.test", Outcome.ANSWERED, (f"test:{what}",)))


def _back_up(house: House, name: str = "backup") -> Manifest:
    with open_database(house.home, None) as database:
        return backup.back_up(
            house.home,
            house.folder / name,
            database=database,
            anchor=house.home.audit,
            clock=house.clock,
        )


def _told(home: Home) -> dict[str, Any]:
    """What readers of a home see of it."""
    current = RunFolder(home).current()
    assert current is not None
    return {
        "receipts": [receipt.as_json() for receipt in Lake(home).receipts()],
        "rows": sorted(map(str, stored(home, "tips"))),
        "raw": {path.name: path.read_bytes() for path in home.raw.glob("*/*")},
        "rejects": {path.name: path.read_bytes() for path in home.rejects.rglob("*.csv")},
        "run": current.rows("run", order="run_id"),
        "runs": [found.run_id for found in RunFolder(home).all()],
        "key": home.reference_key(),
        "thresholds": home.thresholds.read_text(),
        "version": home.version,
    }


def test_a_restored_home_tells_the_same(house: House) -> None:
    made = _back_up(house)
    restored = Home(house.folder / "restored")
    backup.restore(house.folder / "backup", restored.path)
    assert _told(restored) == _told(house.home)
    with open_database(restored, None) as database:
        assert verify(database, AnchorFile(restored.audit)).holds
    assert made.retention == {"follow_up": "60 months, KS 2026/12"}
    assert made.batches == 2 and made.casework == "sqlite"
    modes = {path.stat().st_mode & 0o077 for path in restored.path.rglob("*") if path.is_file()}
    assert modes == {0} and restored.path.stat().st_mode & 0o077 == 0


def test_a_byte_that_differs_is_named_and_nothing_is_restored(house: House) -> None:
    made = _back_up(house)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    target = house.folder / "restored"
    for name in chance.sample(sorted(name for name, told in made.files.items() if told.bytes), 12):
        path = house.folder / "backup" / FILES / name
        content = path.read_bytes()
        at = chance.randrange(len(content))
        path.write_bytes(
            content[:at] + bytes([content[at] ^ 1 + chance.randrange(255)]) + content[at + 1 :]
        )
        with pytest.raises(BackupError, match=name.replace(".", r"\.")) as refused:
            backup.restore(house.folder / "backup", target)
        assert refused.value.exit_code == 4 and not target.exists()
        path.unlink()
        with pytest.raises(BackupError):
            backup.restore(house.folder / "backup", target)
        path.write_bytes(content)
    manifest = house.folder / "backup" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("KS 2026/12", "KS 2026/13"))
    with pytest.raises(BackupError, match="manifest"):
        backup.restore(house.folder / "backup", target)


def test_a_restore_goes_into_an_empty_home_only(house: House) -> None:
    _back_up(house)
    with pytest.raises(UsageError, match="not empty"):
        backup.restore(house.folder / "backup", house.home.path)
    with pytest.raises(UsageError, match="holds no backup"):
        backup.restore(house.folder / "files", house.folder / "restored")
    empty = house.folder / "empty"
    empty.mkdir()
    backup.restore(house.folder / "backup", empty)
    assert _told(Home(empty)) == _told(house.home)


def test_a_restore_that_was_killed_is_refused_by_all_but_a_restore(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _back_up(house)
    target = house.folder / "restored"
    rename, moved = Path.rename, []

    def dying(path: Path, to: Path) -> Path:
        if len(moved) == 3:
            raise KeyboardInterrupt
        moved.append(path)
        return rename(path, to)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "rename", dying)
        backup.restore(house.folder / "backup", target)
    assert (target / RESTORING).exists() and len(moved) == 3
    with pytest.raises(HomeError, match="not finished"):
        Home(target)
    backup.restore(house.folder / "backup", target)
    assert _told(Home(target)) == _told(house.home)


def test_a_load_under_way_is_not_in_a_backup(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are committed, its receipt is not: the tables go back to what the receipts tell."""
    before = _told(house.home)
    commit, taken = Lake.commit_receipts, []

    def slow(lake: Lake, batch: str, receipts: Any) -> None:
        taken.append(_back_up(house))
        commit(lake, batch, receipts)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "commit_receipts", slow)
        house.load_rows("tips", row("tips", tip_id="under-way"))
    backup.restore(house.folder / "backup", house.folder / "restored")
    restored = Home(house.folder / "restored")
    assert _told(restored) == before
    again = House(house.folder / "again")
    again.home, again.lake, again.now = restored, Lake(restored), house.now
    again.load_rows("tips", row("tips", tip_id="after"))
    assert again.known("SELECT count(*) FROM known.tips") == [(4,)]
    assert len(house.lake.receipts()) == 3 and taken[0].batches == 2


def test_backups_while_files_are_loaded_and_the_log_is_written_all_hold(house: House) -> None:
    """Each is a state that the home was in: as many rows as its receipts tell."""
    over = threading.Event()
    failed: list[BaseException] = []

    def loading() -> None:
        try:
            for n in range(40):
                if over.is_set():
                    return
                house.load_rows("tips", row("tips", tip_id=f"meanwhile-{n}"))
                _tell(house, f"loaded-{n}")
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=loading)
    worker.start()
    try:
        seen = [_back_up(house, f"backup-{n}").batches for n in range(4)]
    finally:
        over.set()
        worker.join()
    assert not failed
    for n, batches in enumerate(seen):
        target = Home(house.folder / f"restored-{n}")
        backup.restore(house.folder / f"backup-{n}", target.path)
        receipts = Lake(target).receipts()
        assert len({receipt.batch for receipt in receipts}) == batches
        told = sum(receipt.stored + receipt.superseding for receipt in receipts)
        assert len(stored(target, "tips")) == told
        with open_database(target, None) as database:
            assert verify(database, AnchorFile(target.audit)).holds
    assert seen == sorted(seen)


def _inodes(folder: Path) -> dict[Path, int]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.stat().st_ino for path in files}


def test_a_second_backup_takes_over_what_has_not_changed(house: House) -> None:
    _back_up(house)
    files = house.folder / "backup" / FILES
    first = {
        path.relative_to(files): path.stat().st_ino for path in files.rglob("*") if path.is_file()
    }
    house.load_rows("tips", row("tips", tip_id="new"))
    made = _back_up(house)
    second = {
        path.relative_to(files): path.stat().st_ino for path in files.rglob("*") if path.is_file()
    }
    same = {path for path, inode in first.items() if second[path] == inode}
    assert {path.parts[0] for path in same} >= {"lake", "raw", "runs", "rejects"}
    assert set(second) - set(first) and made.batches == 3
    made.check(house.folder / "backup")
    backup.restore(house.folder / "backup", house.folder / "restored")
    assert _told(Home(house.folder / "restored")) == _told(house.home)


def test_a_backup_that_dies_leaves_the_one_before(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = house.folder / "backup"
    before = _back_up(house)
    house.load_rows("tips", row("tips", tip_id="new"))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Manifest, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        _back_up(house)
    assert Manifest.read(target).batches == before.batches
    os.rename(target, target.with_name("backup.replaced"))  # noqa: PTH104 - as a kill leaves it
    assert _back_up(house).batches == 3
    assert not target.with_name("backup.replaced").exists()


def test_a_folder_of_something_else_is_not_written_over(house: House) -> None:
    other = house.folder / "other"
    other.mkdir()
    (other / "letters.txt").write_text("mine")
    with open_database(house.home, None) as database, pytest.raises(UsageError, match="no backup"):
        backup.back_up(
            house.home, other, database=database, anchor=house.home.audit, clock=house.clock
        )
    assert (other / "letters.txt").read_text() == "mine"


def test_casework_on_a_server_is_left_to_the_server(house: House, postgresql: Any) -> None:
    with ExitStack() as stack:
        database = Database(postgresql())
        stack.callback(database.close)
        database.migrate()
        made = backup.back_up(
            house.home,
            house.folder / "backup",
            database=database,
            anchor=house.home.audit,
            clock=house.clock,
        )
    assert made.casework == "elsewhere" and "casework.sqlite" not in made.files


def test_a_backup_says_after_which_erasure_it_was_made(house: House) -> None:
    assert _back_up(house).last_erasure is None
    with keeping_of(house) as keeping:
        keeping.begin({}, {"tips": 1}, by=BY)
        keeping.finish({"tips": 1})
        ended = keeping.erasures()[0].finished_at
    made = _back_up(house)
    assert ended is not None and made.last_erasure == ended.isoformat()
    told = json.loads((house.folder / "backup" / "manifest.json").read_text())
    assert told["last_erasure"] == made.last_erasure
