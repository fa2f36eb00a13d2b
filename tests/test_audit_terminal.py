"""The log and its users at the terminal, and the page about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from api.audit_report import as_markdown
from api.desk import terminal_user
from graph_service.access import table
from graph_service.casework.audit.report import report
from graph_service.casework.audit.verification import MOST_FAULTS, Kind
from graph_service.casework.database import Database, open_database
from graph_service.casework.passwords import (
    FAILURES,
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    WINDOW,
)
from graph_service.casework.users import LONGEST_KEY, SESSION, Users
from graph_service.errors import NotSignedIn
from graph_service.home import Home
from tests.logs import entry, hand, write
from tests.test_lookups_terminal import run as run_in

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
PASSWORD = "fyra ord av slumpen"


class House:
    """A home that commands are run in."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.password = folder / "password"
        self.password.write_text(f"{PASSWORD}\nnot this line\n", encoding="utf-8")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    fast = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(PasswordHasher, "from_parameters", lambda _: fast)
    return House(tmp_path)


@pytest.fixture
def database(house: House) -> Iterator[Database]:
    with open_database(house.home, None) as opened:
        yield opened


def run(house: House, *words: str, language: str = "en") -> tuple[int, str, str]:
    return run_in(house, *words, language=language)  # type: ignore[arg-type]


def add(house: House, name: str, *words: str) -> str:
    line = ["user", "add", name, "--password-file", str(house.password), *words]
    code, out, err = run(house, *line)
    assert code == 0, err
    return out.strip()


def verified(house: House, *words: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = run(house, "audit", "verify", "--format", "json", *words)
    told: dict[str, Any] = json.loads(out)
    return code, told


def entries(house: House, *words: str) -> list[dict[str, Any]]:
    code, out, err = run(house, "audit", "list", "--format", "jsonl", *words)
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_a_user_is_added_listed_and_disabled_and_each_act_is_in_the_log(house: House) -> None:
    anna = add(house, "Anna", "--role", "reviewer", "--role", "lawyer", "--unit", "norr")
    add(house, "admin", "--role", "administrator")
    code, out, _ = run(house, "user", "list", "--format", "jsonl")
    listed = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [each["name"] for each in listed] == ["admin", "anna"]
    assert (listed[1]["roles"], listed[1]["units"]) == (["lawyer", "reviewer"], ["norr"])
    assert run(house, "user", "disable", "anna")[0] == 0
    told = entries(house)
    assert [each["action"] for each in told] == [
        "cli.user.add",
        "cli.user.add",
        "cli.user.list",
        "cli.user.disable",
        "cli.audit.list",
    ]
    assert told[0]["what"] == told[3]["what"] == [anna]
    assert {each["user_id"] for each in told} == {terminal_user()}
    assert PASSWORD not in json.dumps(told)


def test_the_password_is_the_files_first_line(house: House, database: Database) -> None:
    add(house, "anna", "--role", "reviewer", "--all-units")
    users = Users(database, clock=lambda: datetime.now(UTC))
    token = users.sign_in("anna", PASSWORD).token
    house.password.write_text("ett annat långt ord", encoding="utf-8")
    words = ["user", "password", "anna", "--password-file", str(house.password)]
    assert run(house, *words)[0] == 0
    with pytest.raises(NotSignedIn):
        users.caller_of(token)
    assert users.sign_in("anna", "ett annat långt ord").caller.units is None


@pytest.mark.parametrize(
    "words",
    [
        ["add", "anna", "--role", "reviewer"],
        ["add", "anna", "--role", "reviewer", "--unit", "norr", "--all-units"],
        ["add", "anna", "--role", "root", "--all-units"],
        ["add", "900101-2385", "--role", "lawyer", "--all-units"],
        ["disable", "nobody"],
        ["password", "nobody"],
        ["revoke", "nothing"],
        ["key", "robot", "--role", "auditor", "--days", "401"],
        ["key", "robot", "--role", "reviewer", "--days", "4"],
    ],
    ids=" ".join,
)
def test_what_does_not_fit_is_refused_in_words(words: list[str], house: House) -> None:
    if words[0] in ("add", "password"):
        words = [*words, "--password-file", str(house.password)]
    code, out, err = run(house, "user", *words)
    assert (code, out) == (2, "") and err and "Traceback" not in err
    assert "900101" not in err


def test_a_password_file_that_cannot_be_read_is_refused(house: House) -> None:
    house.password.unlink()
    line = ["user", "add", "anna", "--role", "reviewer", "--all-units"]
    code, _, err = run(house, *line, "--password-file", str(house.password))
    assert code == 2 and "one line of UTF-8" in err


def test_a_key_is_printed_once_and_revoked(house: House, database: Database) -> None:
    words = ["user", "key", "robot", "--role", "auditor", "--days", "9"]
    code, out, _ = run(house, *words)
    users = Users(database, clock=lambda: datetime.now(UTC))
    assert code == 0
    caller = users.caller_of(out.strip())
    assert caller.name == "robot"
    code, listed, _ = run(house, "user", "list")
    assert out.strip() not in listed and "robot" in listed
    assert run(house, "user", "revoke", "robot")[0] == 0
    with pytest.raises(NotSignedIn):
        users.caller_of(out.strip())


def test_verify_ends_with_0_or_names_what_is_wrong_and_ends_with_4(house: House) -> None:
    for name in ("anna", "bo", "cecilia"):
        add(house, name, "--role", "reviewer", "--all-units")
    code, told = verified(house)
    assert (code, told["holds"], told["entries"], told["faults"]) == (0, True, 3, [])
    with hand(house.home.casework) as reach:
        reach.change(2, "user_id", "cli:other")
        code, told = verified(house)
        assert (code, told["holds"]) == (4, False)
        fault = {"kind": "changed", "first": 2, "last": 2, "belongs_at": None}
        assert told["faults"][0] == fault
        for language, words in (("en", "Entry 2 was changed."), ("sv", "Loggpost 2 har ändrats.")):
            code, out, err = run(house, "audit", "verify", language=language)
            assert code == 4 and words in out and err
        reach.restore()
        reach.remove(3)
    assert verified(house)[1]["faults"][0]["kind"] == "cut_off"


def test_a_home_without_a_log_holds(house: House) -> None:
    assert verified(house)[0] == 0


def test_verifying_is_no_entry(house: House) -> None:
    add(house, "anna", "--role", "reviewer", "--all-units")
    assert [verified(house)[1]["entries"] for _ in range(3)] == [1, 1, 1]


def test_a_line_of_the_diary_finds_a_log_made_anew(house: House) -> None:
    add(house, "anna", "--role", "reviewer", "--all-units")
    code, out, _ = run(house, "audit", "anchor")
    line = out.strip()
    assert code == 0 and re.fullmatch(r"1:[0-9a-f]{64}", line)
    assert verified(house, "--anchor", line)[0] == 0
    house.home.casework.unlink()
    (house.home.audit / "anchor").unlink()
    for file in house.home.path.glob("casework.sqlite-*"):
        file.unlink()
    add(house, "bo", "--role", "reviewer", "--all-units")
    assert verified(house)[0] == 0
    code, told = verified(house, "--anchor", line)
    assert (code, told["faults"][0]["kind"]) == (4, "rewritten")
    code, _, err = run(house, "audit", "verify", "--anchor", "1:abc")
    assert code == 2 and "seq:digest" in err


def test_an_anchor_is_renewed_with_a_reason_that_stands_in_the_log(house: House) -> None:
    for name in ("anna", "bo"):
        add(house, name, "--role", "reviewer", "--all-units")
    stood = run(house, "audit", "anchor")[1].strip()
    with hand(house.home.casework) as reach:
        reach.remove(2)
    assert verified(house)[0] == 4
    code, out, _ = run(house, "audit", "anchor", "--renew", "Återställd från säkerhetskopia")
    assert code == 0 and out.startswith("2:")
    kinds = [fault["kind"] for fault in verified(house)[1]["faults"]]
    assert kinds == ["unguarded"], "the hand took the guards away"
    told = entries(house, "--action", "cli.audit.anchor")
    assert told[0]["purpose"] == "Återställd från säkerhetskopia"
    assert told[0]["what"] == [f"anchor:{stood}"]
    code, _, err = run(house, "audit", "anchor", "--renew", "Enligt 19900101-2385")
    assert code == 2 and "personal number" in err and "2385" not in err


def test_without_an_anchor_none_is_printed(house: House) -> None:
    add(house, "anna", "--role", "reviewer", "--all-units")
    (house.home.audit / "anchor").unlink()
    code, out, err = run(house, "audit", "anchor")
    assert (code, out) == (4, "") and "--renew" in err


def test_entries_are_listed_by_day_user_action_and_case(house: House, database: Database) -> None:
    begun = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # half past midnight on the 2nd in Stockholm
    write(
        database,
        house.home.audit,
        [
            entry(n, at=begun + timedelta(hours=12 * n), user_id=f"user:{n % 2}", case_id=f"c{n}")
            for n in range(6)
        ],
    )
    for words, seqs in (
        (["--until", "2026-03-02"], [1, 2]),
        (["--since", "2026-03-03"], [3, 4, 5, 6]),
        (["--since", "2026-03-02", "--until", "2026-03-02"], [1, 2]),
        (["--since", "2026-03-02T12:31"], [3, 4, 5, 6]),
        (["--until", "2026-03-02T11:30:00Z"], [1]),
        (["--until", "2026-03-03", "--user", "user:1"], [2, 4]),
        (["--case", "c3"], [4]),
        (["--action", "providers."], [1, 2, 3, 4, 5, 6]),
        (["--action", "providers"], []),
    ):
        told = [each["seq"] for each in entries(house, *words) if each["seq"] <= 6]
        assert told == seqs, words
    for wrong in ("yesterday", "2026-13-01", "2026-03-02T25:00"):
        code, _, err = run(house, "audit", "list", "--since", wrong)
        assert code == 2 and "--since" in err


def test_the_review_is_told_in_both_languages_and_as_json(house: House, database: Database) -> None:
    write(database, house.home.audit, [entry(n) for n in range(6)])
    for language, title in (
        ("sv", "# Loggkontroll 2026-03"),
        ("en", "# Review of the log 2026-03"),
    ):
        code, out, _ = run(house, "audit", "report", "--month", "2026-03", language=language)
        assert code == 0 and out.startswith(title + "\n")
        rows = [line for line in out.splitlines() if line.startswith("| user:")]
        assert len(rows) == 3
        widths = {line.count("|") for line in out.split("##")[0].splitlines() if line[:1] == "|"}
        assert widths == {11}
    code, out, _ = run(house, "audit", "report", "--month", "2026-03", "--format", "json")
    assert json.loads(out)["entries"] == 6
    assert run(house, "audit", "report", "--month", "March")[0] == 2
    assert entries(house, "--action", "cli.audit.report")[0]["what"] == ["month:2026-03"]
    assert as_markdown(report(database, "2025-01"), "en")


def test_without_the_log_nothing_is_told(house: House, database: Database) -> None:
    add(house, "anna", "--role", "reviewer", "--all-units")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_entries RENAME TO elsewhere")
    code, out, err = run(house, "user", "list")
    assert (code, out) == (4, "") and err


def test_the_pages_script_checks_a_log_with_nothing_of_this_program(
    house: House, database: Database, tmp_path: Path
) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    write(database, house.home.audit, [entry(n) for n in range(30)])
    (tmp_path / "check.py").write_text(script, encoding="utf-8")
    line = [sys.executable, "-I", str(tmp_path / "check.py"), str(house.home.casework)]
    told = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    assert told == run(house, "audit", "anchor")[1]
    with hand(house.home.casework) as reach:
        for act in (
            lambda: reach.change(9, "purpose", "other"),
            lambda: reach.remove(9),
            lambda: reach.swap(9, 20),
        ):
            act()
            ended = subprocess.run(line, check=False, capture_output=True, text=True)
            assert (ended.returncode, ended.stderr) == (1, "entry 9 is not as it was written\n")
            reach.restore()


def test_the_page_names_every_kind_and_figure() -> None:
    for kind in Kind:
        assert f"| `{kind.value}` |" in PAGE
    assert f"At most {MOST_FAULTS} faults" in PAGE
    assert f"after {SESSION // timedelta(hours=1)} hours" in PAGE
    assert f"at most {LONGEST_KEY.days} days" in PAGE
    assert f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters" in PAGE
    assert FAILURES == 5 and "Five failures within" in PAGE
    assert f"within {WINDOW // timedelta(minutes=1)} minutes" in PAGE
    allowed = table.operation("audit.read").roles
    assert allowed == table.roles(["auditor", "security"]) and "auditor and security" in PAGE
