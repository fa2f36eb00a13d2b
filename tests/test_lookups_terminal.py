"""The look-ups at the terminal: the examples of docs/lookups.md, refusals, and what is said."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import queries
from api.cli import main
from api.cli_network import COMMANDS
from graph_service.detector import open_rooms
from graph_service.engines.duckdb import Engine
from graph_service.run import run as make_run
from graph_service.run_file import RunFolder
from graph_service.stores import answers
from tests.house import House

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "lookups.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"```console\n\$ graph-service ([^\n]*) --format json\n```\n```json\n(.*?)```", PAGE, re.DOTALL
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The files of the page's examples, loaded and run."""
    made = House(tmp_path_factory.mktemp("house"))
    files = sorted((ROOT / "docs" / "examples" / "network").glob("*.csv"))
    assert not any(receipt.rejected for receipt in made.load(*files).receipts)
    rooms = open_rooms(Path(queries.__file__).parent)
    make_run(made.home, rooms, clock=made.clock, memory="1GiB")
    return made


def run(house: House, *words: str, language: str = "en") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    out, err = io.StringIO(), io.StringIO()
    line = ["graph-service", *words, "--home", str(house.home.path), "--language", language]
    with (
        mock.patch.object(sys, "argv", line),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def ask(house: House, *words: str) -> dict[str, Any]:
    code, out, err = run(house, *words, "--format", "json")
    assert (code, err) == (0, "")
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize(("command", "told"), EXAMPLES, ids=[each[0] for each in EXAMPLES])
def test_an_example_of_the_page_is_what_is_answered(house: House, command: str, told: str) -> None:
    wanted = json.loads(told)
    found = ask(house, *command.split())
    current = RunFolder(house.home).current()
    assert current is not None and found.pop("run_id") == current.run_id
    del wanted["run_id"]
    assert found == wanted


def test_the_page_has_an_example_of_every_look_up() -> None:
    assert {command.split()[0] for command, _ in EXAMPLES} == {each.name for each in COMMANDS}
    for command in COMMANDS:
        assert f"## {command.name}\n" in PAGE


def _keys(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        yield from told
    for each in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _keys(each)


def test_every_key_of_an_answer_stands_on_the_page() -> None:
    shown = {key for _, told in EXAMPLES for key in _keys(json.loads(told))}
    said = set(re.findall(r"`(\w+)`", PAGE))
    for each in vars(answers).values():
        if dataclasses.is_dataclass(each):
            names = {field.name for field in dataclasses.fields(each)}
            assert names <= shown | said, each


@pytest.mark.parametrize("command", [command for command, _ in EXAMPLES])
@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_look_up_reads_as_a_table_in_both_languages(
    house: House, command: str, language: str
) -> None:
    _, told, _ = run(house, *command.split(), "--format", "json")
    code, out, err = run(house, *command.split(), language=language)
    assert code == 0 and "{" not in out + err
    for entity in json.loads(told).get("entities", ()):
        assert entity.get("entity", entity)["node_id"] in out


def test_what_is_left_out_is_said(house: House) -> None:
    _, out, err = run(house, "around", "5520000018", "--depth", "2", "--limit", "2")
    assert len(out.splitlines()) == 1 + 3
    assert "Not shown: " in err and "ended at step 1 of 2" in err
    _, _, err = run(house, "around", "5520000018", "--depth", "2", "--hub", "0")
    assert re.search(r"organisation:5520000034 has \d+ OWNS and was not followed", err)
    _, _, err = run(house, "timeline", "5520000018", "--limit", "1")
    assert "Earlier events not shown: " in err
    _, _, err = run(house, "paths", "5520000018", "5520000026", "--limit", "1")
    assert re.search(r"Shortest paths: [2-9], of 2 steps", err) and "Paths not shown" in err
    _, _, err = run(house, "paths", "5520000034", "5520000026", "--bound", "3")
    assert "The search stopped" in err
    _, _, err = run(house, "paths", "5520000034", "5520000026", "--max-length", "1")
    assert "No path of 1 steps or fewer" in err
    _, _, err = run(house, "paths", "5520000034", "5520000026", "--kind", "payment")
    assert "No path joins the two" in err
    assert "Nothing found" in run(house, "find", "ingenstans")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("around", "nobody"), "has no entity with that id, key or name"),
        (("owners", "account:BG:9912346"), "has no entity of kind organisation"),
        (("around", "5520000018", "--depth", "4"), "--depth takes 1 to 3"),
        (("around", "5520000018", "--kind", "cat"), "--kind takes one of organisation, "),
        (("around", "5520000018", "--type", "owns"), "--type takes one of OWNS, "),
        (("owners", "5520000018", "--as-of", "2025-02-30"), "--as-of takes a date"),
        (("find", "-"), "at least two letters or digits"),
        (("find", "lunden", "--limit", "0"), "--limit"),
        (("find", "lunden", "--run", "nosuch"), "There is no run nosuch"),
        (("find", "lunden", "--engine", "paper"), "--engine"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_2(
    house: House, words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(house, *words)
    assert (code, out) == (2, "") and said in err


def test_no_personal_number_is_in_a_refusal_or_taken_as_a_purpose(house: House) -> None:
    for words in (("around", "199001012380"), ("find", "lunden", "--purpose", "om 900101-2385")):
        code, out, err = run(house, *words)
        assert (code, out) == (2, "") and not re.search(r"9001", err)


def test_a_person_with_protected_identity_is_found_by_key_alone(house: House) -> None:
    assert ask(house, "find", "Skyddad")["total"] == 0
    found = ask(house, "find", "900102-2384")["matches"]
    assert [each["entity"]["name"] for each in found] in ([], [None])


def test_before_the_first_run_and_of_a_run_without_look_ups_it_is_said(tmp_path: Path) -> None:
    house = House(tmp_path)
    code, _, err = run(house, "find", "lunden")
    assert code == 2 and "no run yet" in err
    house.home.create()
    with Engine(house.home.runs / "20250101T000000Z.duckdb") as engine:
        engine.execute("CREATE TABLE nodes (node_id VARCHAR)")
    code, _, err = run(house, "find", "lunden", "--run", "20250101T000000Z")
    assert code == 2 and "older than look-ups" in err
