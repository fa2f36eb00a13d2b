"""The terminal's own promises: exit codes, results on standard output, no value in any message."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from api.cli import main
from tests.house import House, person, row

UBL = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
#: A number that must be in no message: its check digit is wrong.
MARK = person(7)[:-1] + str((int(person(7)[-1]) + 1) % 10)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(house: House, *words: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    out, err = io.StringIO(), io.StringIO()
    line = ["graph-service", *map(str, words), "--home", str(house.home.path)]
    with (
        mock.patch.object(sys, "argv", line),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def listed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_delivery_from_load_to_withdrawal(house) -> None:
    assert run(house, "batches", "--format", "jsonl") == (0, "", "")
    assert run(house, "rejects", "--format", "jsonl") == (0, "", "")
    good = house.give("persons.csv", [row("persons")])
    bad = house.give("persons.csv", [row("persons", person_id="x"), row("persons", lat="91")])
    code, out, err = run(house, "load", good, "--format", "jsonl")
    [receipt] = listed(out)
    assert (code, err) == (0, "")
    assert set(receipt) == {
        *("batch", "source", "file", "file_sha256", "table", "read", "stored", "superseding"),
        *("duplicates", "rejected", "refused", "dropped_columns", "unresolved", "unusable"),
        *("ambiguous_times", "loaded_at", "loader", "loader_version"),
    }
    assert (receipt["source"], receipt["table"], receipt["stored"]) == ("canonical", "persons", 1)
    assert run(house, "load", bad)[0] == 3
    assert run(house, "load", house.folder / "missing.csv")[0] == 2
    assert run(house, "load", good, house.folder / "missing.csv")[0] == 3
    assert [r["stored"] for r in listed(run(house, "batches", "--format", "jsonl")[1])] == [
        1,
        0,
        0,
        0,
        0,
    ]
    rejects = listed(run(house, "rejects", "--format", "jsonl")[1])
    assert [(r["row"], r["column"], r["code"]) for r in rejects] == [
        (2, "person_id", "bad_identifier"),
        (3, "lat", "out_of_range"),
        *[(None, None, "not_readable")] * 2,
    ]
    assert set(rejects[0]) == {
        *("batch", "file", "file_sha256", "table", "row", "column", "code", "reason", "cure")
    }
    of_one = run(house, "rejects", rejects[0]["batch"], "--format", "jsonl")[1]
    assert listed(of_one) == rejects[:2]
    code, out, err = run(house, "withdraw", receipt["batch"], "--language", "en")
    assert (code, out) == (0, "")
    assert "persons.csv" in err
    assert run(house, "withdraw", receipt["batch"])[0] == 2
    assert house.known("SELECT count(*) FROM known.persons") == [(0,)]
    assert listed(run(house, "load", good, "--format", "jsonl")[1])[0]["stored"] == 1


def test_wrong_usage_ends_with_2(house) -> None:
    good = house.give("persons.csv", [row("persons")])
    for words in (
        ["load"],
        ["load", good, "--source", "nowhere"],
        ["load", good, "--memory", "much"],
        ["load", good, "--mapping", house.folder / "m.toml"],
        ["withdraw", "20260101T000000000000Z"],
    ):
        code, out, err = run(house, *words)
        assert (code, out) == (2, ""), words
        assert "Traceback" not in err
    assert house.lake.receipts() == []


def test_no_value_of_a_row_is_in_any_message(house) -> None:
    """One number in every place where a file can go wrong, in all formats of the terminal."""
    texts = {
        "persons.csv": f"person_id,lat\n{MARK},{MARK}\nx,y,{MARK}\n",
        "tips.csv": f"{MARK}\n{MARK}\n",
        "fees.csv": f'client_id,valid_from\n{MARK},"{MARK}\n',
        "tags.csv": f"tag_id,client_id,{MARK}\n",
        "visits.csv": f"{MARK},{MARK}\n",
        "decisions.csv": f"decision_id\0{MARK}\n",
        "owners.json": f'[{{"statementId": "{MARK}", "recordDetails": {MARK}',
        "invoice.xml": f"<Invoice xmlns='{UBL}'>{MARK}<",
        "trading_bans.csv": f"person_id,valid_from\n{MARK},{MARK}\nsyn:1,{MARK}\n",
        "logins.csv": f'login_id,org_id,person_id\n{MARK},{MARK},{MARK}\n5" x,{MARK},"{MARK}"\n',
    }
    files = [house.give(name, text) for name, text in texts.items()]
    told = [run(house, "load", *files, "--check"), run(house, "load", *files)]
    told += [run(house, "rejects", "--format", form) for form in ("table", "jsonl", "csv")]
    assert [code for code, _, _ in told] == [3, 3, 0, 0, 0]
    for _, out, err in told:
        assert MARK not in out + err
        assert "Traceback" not in err
    assert len(house.reasons()) >= len(texts)
