"""kill -9 of the service while people read: every read that was answered is in the log."""

from __future__ import annotations

from pathlib import Path

import queries
from graph_service.detector import open_rooms
from graph_service.run import run
from tests.house import House
from tests.http_service import rows
from tests.serving_killed import Killing, broken

#: More are killed by `python -m benchmarks killed_serving`.
KILLS = 2


def test_every_answered_read_is_in_the_log(tmp_path: Path) -> None:
    house = House(tmp_path)
    given = [house.give(f"{table}.csv", told) for table, told in rows().items()]
    assert house.load(*given).exit_code == 0
    rooms = open_rooms(Path(queries.__file__).parent)
    run(house.home, rooms, clock=house.clock, memory="1GiB")
    killed = list(Killing(house.home, tmp_path / "serve.log").kill(KILLS, seed=5))
    assert len(killed) == KILLS
    assert sum(each.answered for each in killed) > 0, "somebody was answered"
    assert [each.missing for each in killed] == [set()] * KILLS
    assert broken(house.home) == []
