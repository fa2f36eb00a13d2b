"""kill -9 at any moment of a load: its batch is wholly there or not at all, and nothing stays.

The terminal runs as a process of its own. It is killed at a random moment after its work began;
the next load sweeps. The seed is random and printed when a test fails.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.house import House, row

ROOT = Path(__file__).parents[1]
ROUNDS = 5  # a hundred were tried; each takes two processes
TABLES = ("decisions", "persons", "tips")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def start(house: House, *words: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *map(str, words), "--home", str(house.home.path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def delivery(house: House, name: str) -> list[Path]:
    """A file of each table, 200 rows and a bad one each; all ids start with `name`."""
    keys = {"decisions": "decision_id", "persons": "person_id", "tips": "tip_id"}
    return [
        house.give(
            f"{table}.csv",
            [
                *(row(table, **{key: f"syn:{name}-{n}"}) for n in range(200)),
                row(table, **{key: ""}),
            ],
        )
        for table, key in keys.items()
    ]


def wait_for_work(house: House, process: subprocess.Popen[bytes]) -> None:
    """Until the load has begun (or ended)."""
    while process.poll() is None and not any(house.home.pending.glob("2*")):
        time.sleep(0.001)


def seen(house: House) -> dict[str, int]:
    """Rows known of each table; every receipt's rows are there, and no others."""
    receipts = house.lake.receipts()
    tables = Counter[str]()
    for receipt in receipts:
        tables[str(receipt.table)] += receipt.stored
    per_batch = Counter(receipt.batch for receipt in receipts if receipt.n > 0)
    assert set(per_batch.values()) <= {1, len(TABLES)}
    counted = ", ".join(f"(SELECT count(*) FROM known.{table})" for table in TABLES)
    found = dict(zip(TABLES, house.known(f"SELECT {counted}")[0], strict=True))
    assert found == {table: tables[table] for table in TABLES}
    return found


def test_a_killed_load_is_there_or_not_and_leaves_nothing(house) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    whole = start(house, "load", *delivery(house, "first"))
    wait_for_work(house, whole)
    began = time.monotonic()
    whole.communicate()
    lasts = time.monotonic() - began
    assert whole.returncode == 3
    expected = seen(house)
    for n in range(ROUNDS):
        process = start(house, "load", *delivery(house, f"round-{n}"))
        wait_for_work(house, process)
        time.sleep(chance.uniform(0, lasts))
        process.kill()
        process.communicate()
        after = seen(house)
        assert after in (expected, {table: rows + 200 for table, rows in expected.items()})
        house.load_rows("tips", row("tips", tip_id=f"tip-{n}"))
        assert house.leftovers() == []
        assert list(house.home.pending.iterdir()) == []
        expected = {**after, "tips": after["tips"] + 1}
        assert seen(house) == expected


def test_two_loads_at_once_both_land(house) -> None:
    loads = [start(house, "load", *delivery(house, name)) for name in ("one", "two")]
    for process in loads:
        process.communicate()
    assert [process.returncode for process in loads] == [3, 3]
    assert seen(house) == dict.fromkeys(TABLES, 400)
    assert len({receipt.batch for receipt in house.lake.receipts()}) == 2
    assert house.leftovers() == []


def test_an_interrupted_load_ends_with_130_and_leaves_nothing(house) -> None:
    big = house.give("tips.csv", [row("tips", tip_id=str(n)) for n in range(60_000)])
    process = start(house, "load", big)
    wait_for_work(house, process)
    process.send_signal(2)
    out, _ = process.communicate()
    assert process.returncode in (130, 0)
    assert bool(house.lake.receipts()) == (process.returncode == 0)
    assert b"Traceback" not in out
    assert house.leftovers() == []
