"""The README's morning, as it is written there, asked of a demo that is served."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import queries
from graph_service.detector import open_rooms
from graph_service.run import run
from tests.house import House
from tests.http_service import rows
from tests.serving_killed import demo_served

README = Path(__file__).parent.parent / "README.md"
#: What the README needs of curl, for machines without it.
CURL = """#!{python}
import sys
import httpx
words, headers, method, data = sys.argv[1:], {{}}, None, None
while words:
    word = words.pop(0)
    if word == "-H":
        name, _, value = words.pop(0).partition(": ")
        headers[name] = value
    elif word == "-X":
        method = words.pop(0)
    elif word == "-d":
        data = words.pop(0).encode()
    elif word != "-s":
        url = word
method = method or ("GET" if data is None else "POST")
answer = httpx.request(method, url, headers=headers, content=data)
print(answer.status_code, method, url, file=sys.stderr)
sys.stdout.write(answer.text + "\\n")
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("morning")
    house = House(folder)
    given = [house.give(f"{table}.csv", told) for table, told in rows().items()]
    assert house.load(*given).exit_code == 0
    rooms = open_rooms(Path(queries.__file__).parent)
    run(house.home, rooms, clock=house.clock, memory="1GiB")
    with demo_served(house.home, folder / "serve.log") as url:
        yield url


def test_the_morning_is_as_the_readme_says(address: str, tmp_path: Path) -> None:
    blocks = re.findall(r"<!-- morning -->\n```sh\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    script = "\n".join(blocks).replace("http://127.0.0.1:8000", address)
    curl = tmp_path / "curl"
    curl.write_text(CURL.format(python=sys.executable), encoding="utf-8")
    curl.chmod(0o700)
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    statuses = [line.split()[0] for line in told.stderr.splitlines() if line[:1].isdigit()]
    asked = len(re.findall(r"\bcurl -s", script))
    assert len(statuses) == asked
    assert set(statuses) <= {"200", "201"}, told.stderr
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    rows_before, rows_inside = [a["items"] for a in answers if "standing" in json.dumps(a)[:2000]]
    workers = [{row["columns"]["worker_id"] for row in each} for each in (rows_before, rows_inside)]
    assert all(worker.startswith("person-") for worker in workers[0])
    assert all(worker.isdigit() for worker in workers[1]), "the case shows whom it is about"
