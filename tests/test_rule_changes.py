"""A rule that a municipality changes stands in the log with the run that first asked it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from api.cli import app
from tests.house import House
from tests.http_service import rows

CHANGED = """
[overlapping_visits.tolerance_s]
value = 600
reason = "Klockorna går fel"
since = 2020-01-01
"""


def told(home: Path, *words: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(
        app, [*words, "--home", str(home), "--format", "jsonl"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_changed_threshold_is_in_the_log_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    given = [house.give(f"{table}.csv", of_table) for table, of_table in rows().items()]
    assert house.load(*given).exit_code == 0
    home = house.home.path
    told(home, "case", "list")  # with casework the log begins
    told(home, "run")
    house.home.thresholds.write_text(CHANGED, encoding="utf-8")
    (run,) = told(home, "run")
    told(home, "run")
    (entry,) = told(home, "audit", "list", "--action", "rules.changed")
    assert entry["what"] == ["detector:overlapping_visits"]
    assert entry["run_id"] == run["run_id"]
