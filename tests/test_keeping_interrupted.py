"""An erasure that is killed between any two of its steps ends the same when it is run again."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from graph_service import run_file
from graph_service.casework.keeping import Keeping
from graph_service.engines.duckdb import Engine
from graph_service.keeping import erase as erasing
from graph_service.keeping import redaction
from graph_service.lake import Lake
from graph_service.run_file import RunFolder
from tests.house import House, organisation, person, row
from tests.keeping_home import decide, erased, holding, keeping_of, stored

#: What each step of an erasure is done by; it is killed after each call of them.
STEPS = (
    (Keeping, "begin"),
    (Keeping, "finish"),
    (Lake, "replace"),
    (Lake, "remove_unnamed"),
    (Lake, "redact"),
    (redaction, "_take_in"),
    (redaction, "_remove_unnamed"),
    (erasing, "remove_runs"),
    (Path, "unlink"),
)
OLD, NEW = "2024-03-01", "2026-10-01"


class Killed(BaseException):
    """As a kill does, it passes every handler."""


@contextmanager
def killed_at(patch: pytest.MonkeyPatch, step: int) -> Iterator[list[str]]:
    """Die after the n-th step; tells the steps done."""
    passed: list[str] = []

    def moment(name: str) -> None:
        passed.append(name)
        if len(passed) == step + 1:
            raise Killed(name)

    def killing(name: str, done: Callable[..., Any]) -> Callable[..., Any]:
        def told(*given: Any, **named: Any) -> Any:
            result = done(*given, **named)
            moment(name)
            return result

        return told

    with patch.context() as patched:
        for owner, name in STEPS:
            patched.setattr(owner, name, killing(name, getattr(owner, name)))
        yield passed


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Old and new visits in files of their own and together, a refused row, and a run."""
    house = House(tmp_path)
    old, new = (
        [
            row(
                "visits",
                visit_id=f"{name}-{n}",
                org_id=organisation(),
                client_id=person(n),
                start=f"{day}T08:00",
                end=f"{day}T09:00",
                note=f"mark-{name}-{n}",
            )
            for n in range(3)
        ]
        for name, day in (("old", OLD), ("new", NEW))
    )
    house.load_rows("visits", *old[:2])
    house.load_rows("visits", *old, *new, row("visits", visit_id="", note="mark-refused"))
    _run(house)
    decide(house, visits=12)
    return house


def _run(house: House) -> None:
    """A run that holds nothing but what it was made of: the visits that it saw."""
    about = {"run_id": "", "complete": True, "started_at": house.clock().isoformat()}
    with house.home.writing("run"):
        folder = RunFolder(house.home)
        with folder.building(f"{house.now:%Y%m%dT%H%M%SZ}") as built:
            with Engine(built.path) as engine:
                house.lake.open_records(engine)
                engine.execute("CREATE TABLE nodes AS FROM known.visits")
                engine.execute("DROP SCHEMA known CASCADE")
                run_file.write(engine, "run", [about | {"run_id": built.run_id}])
            folder.publish(built, current=True)


def _state(house: House) -> dict[str, Any]:
    """What readers and files tell, but for names that are made anew each time."""
    redactions = house.lake.redactions()
    with keeping_of(house) as keeping:
        ended = [each.finished_at is not None for each in keeping.erasures()]
    return {
        "rows": sorted(map(str, stored(house.home, "visits"))),
        "raw": {path.name: path.read_bytes() for path in house.home.raw.glob("*/*")},
        "stands": {name: told.stands_sha256 for name, told in redactions.items()},
        "receipts": [receipt.as_json() for receipt in house.lake.receipts()],
        "runs": len(RunFolder(house.home).all()),
        "current": RunFolder(house.home).current() is not None,
        "ended": all(ended),
    }


def test_a_killed_erasure_ends_the_same_when_it_is_run_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    house.home.path.rename(begun)

    def anew() -> None:
        shutil.rmtree(house.home.path, ignore_errors=True)
        shutil.copytree(begun, house.home.path)

    anew()
    counts = erased(house, rerun=lambda: _run(house)).counts
    assert counts == {
        "visits": 3,
        "files_redacted": 1,
        "files_erased": 1,
        "runs": 1,
    }
    expected = _state(house)
    assert expected["ended"] and expected["current"] and expected["runs"] == 1
    assert holding(house.home.path, "mark-old") == []
    anew()
    with killed_at(monkeypatch, -1) as steps:
        erased(house, rerun=lambda: _run(house))
    assert set(steps) == {name for _, name in STEPS} and len(steps) > len(STEPS)
    # A third of the moments each time, whichever: all of them take a minute.
    moments = list(enumerate(steps))
    for step, name in moments[secrets.randbelow(3) :: 3]:
        anew()
        with killed_at(monkeypatch, step), pytest.raises(Killed):
            erased(house, rerun=lambda: _run(house))
        erased(house, rerun=lambda: _run(house))
        assert _state(house) == expected, name
        assert holding(house.home.path, "mark-old") == [], name


def test_rows_that_were_erased_do_not_come_back_with_the_same_file(house: House) -> None:
    files = sorted(house.folder.glob("files/*/visits.csv"))
    erased(house, rerun=lambda: _run(house))
    before = _state(house)
    again = house.load(*files)
    assert [(r.stored, r.superseding) for r in again.receipts] == [(0, 0), (0, 0)]
    assert stored(house.home, "visits") and _state(house)["rows"] == before["rows"]
    erased(house, rerun=lambda: _run(house))
    assert {name: _state(house)[name] for name in ("rows", "raw")} == {
        name: before[name] for name in ("rows", "raw")
    }
    assert holding(house.home.path, "mark-old") == []


def test_rows_that_come_back_in_other_bytes_are_erased_again(house: House) -> None:
    erased(house, rerun=lambda: _run(house))
    text = (house.folder / "files" / "1" / "visits.csv").read_text()
    outcome = house.load_text("visits.csv", text + "\n")
    assert outcome.receipts[0].stored == 2  # told in the receipt: it is not done in silence
    assert erased(house, rerun=lambda: _run(house)).counts["visits"] == 2
    assert holding(house.home.path, "mark-old") == []
