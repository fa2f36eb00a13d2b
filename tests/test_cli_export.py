"""Exports at the terminal, driven as two people drive it: no terminal, no way around the second."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from api.cli import COMMANDS
from api.desk import terminal_user
from api.session import Program, Session
from graph_service.access.table import Caller, Role
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.case_tables import LinkKind, LinkRow
from graph_service.casework.database import open_database
from graph_service.casework.exports import DAYS, Exports
from graph_service.casework.keeping import Keeping
from graph_service.errors import GraphServiceError
from graph_service.evidence.kept import Kept
from graph_service.home import Home
from tests.casework import Clock
from tests.evidence_case import run_on
from tests.house_once import house_once
from tests.http_service import CLIENTS, FIRM, HIDDEN_WORKER, OWNER, WORKERS

Json = dict[str, Any]
WORD = "fyra ord av slumpen"
GROUND = "OSL 10 kap. 24 §"
PEOPLE = {"lars": "lawyer", "anna": "reviewer", "cia": "coordinator", "adam": "administrator"}


@click.group(cls=Program, where=COMMANDS)
def app() -> None:
    """The commands as they are."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A municipality with one run and a case of who sits at the terminal, to be copied."""
    house = house_once("town-tests.evidence_case", tmp_path_factory.mktemp("whole"), run_on)
    word = house.folder / "word"
    word.write_text(WORD)
    for name, role in PEOPLE.items():
        units = [] if role == "administrator" else ["--all-units"]
        secret = ("--password-file", str(word))
        done = _run(house.home, "user", "add", name, "--role", role, *units, *secret)
        assert done.exit_code == 0, done.output
    return house.home


@pytest.fixture
def home(whole: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("DATABASE_URL", "GRAPH_SERVICE_PASSWORD", "GRAPH_SERVICE_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(whole.path, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def case_id(home: Home) -> str:
    found = [
        each["finding_id"]
        for each in say(home, "findings", "--provider", FIRM)
        if HIDDEN_WORKER not in {subject["id"] for subject in each["subjects"]}
    ][:2]
    about = [word for each in found for word in ("--about", each)]
    texts = ("--purpose", "Kontroll före utbetalning", "--legal-ground", "KL 10 kap. 8 §")
    (made,) = say(home, "case", "open", *texts, *about)
    return str(made["case_id"])


def _run(home: Home, *words: str, typed: str | None = None, **env: str) -> Any:
    return CliRunner().invoke(app, [*words, "--home", str(home.path)], input=typed, env=env)


def say(home: Home, *words: str, typed: str | None = None, **env: str) -> list[Json]:
    """What a command prints, as JSON lines."""
    done = _run(home, *words, "--format", "jsonl", typed=typed, **env)
    assert done.exception is None, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(home: Home, *words: str, typed: str | None = None, **env: str) -> str:
    """Why a command refuses; its exit code is 2."""
    done = _run(home, *words, "--format", "jsonl", typed=typed, **env)
    assert isinstance(done.exception, GraphServiceError | SystemExit), done.exception
    code = getattr(done.exception, "exit_code", done.exit_code)
    assert code == 2, done.output
    return str(done.exception) if isinstance(done.exception, GraphServiceError) else done.output


def ask(home: Home, case_id: str, out: Path, *more: str, to: str = "police") -> str:
    """Ask for an export; its id."""
    words = ("export", case_id, "--to", to, "--out", str(out), *more)
    assert "waits for another person" in refused(home, *words, "--legal-ground", GROUND)
    return str(say(home, "exports", "list", case_id)[-1]["export_id"])


def approve(home: Home, export_id: str, name: str = "lars") -> Json:
    words = ("exports", "approve", export_id, "--as", name)
    (told,) = say(home, *words, GRAPH_SERVICE_PASSWORD=WORD)
    return told


@pytest.fixture
def log(home: Home) -> Iterator[Any]:
    with open_database(home, None) as database:

        def read(action: str) -> list[AuditRow]:
            asked = select(AuditRow).where(AuditRow.action == action).order_by(AuditRow.seq)
            with database.reading() as session:
                return list(session.scalars(asked))

        yield read


def test_one_asks_another_approves_and_then_the_package_is_made(
    home: Home, case_id: str, tmp_path: Path, log: Any
) -> None:
    out = tmp_path / "given" / "package.zip"
    words = ("export", case_id, "--to", "police", "--out", str(out))
    assert "no folder" in refused(home, *words)
    out.parent.mkdir()
    assert "--legal-ground" in refused(home, *words)
    assert say(home, "exports", "list") == []
    (anna,) = (each["id"] for each in say(home, "user", "list") if each["name"] == "anna")
    say(home, "case", "member", case_id, anna)
    told = ("--reference", "5000-K118-26", "--contact", "Anna, 000-000 00 00")
    export_id = ask(home, case_id, out, *told)
    # Asked twice, it is asked once; and nobody's file is anywhere.
    for _ in range(2):
        assert export_id in refused(home, *words)
    (listed,) = say(home, "exports", "list")
    assert (listed["export_id"], listed["contact"]) == (export_id, told[-1])
    assert list(out.parent.iterdir()) == []
    waits = say(home, "exports", "list", "--waiting", "--as", "lars", typed=f"{WORD}\n")
    assert [each["export_id"] for each in waits] == [export_id]
    assert approve(home, export_id)["state"] == "approved"
    (made,) = say(home, *words)
    assert (made["export_id"], made["package"]) == (export_id, str(out))
    assert (made["size"], made["findings"]) == (out.stat().st_size, 2)
    assert sum(made["again"].values()) == 2 and made["rows"] > 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [each.name for each in out.parent.iterdir()] == ["package.zip"]
    custody = json.loads(zipfile.ZipFile(out).read("evidence/data/custody.json"))["export"]
    assert (custody["asked_by"], custody["made_by"]) == (terminal_user(), terminal_user())
    assert (custody["authority_reference"], custody["legal_ground"]) == ("5000-K118-26", GROUND)
    assert custody["approved_by"].startswith("user:")
    # A colleague on the case may make it too while the approval holds; each making is noted.
    (again,) = say(home, *words, "--as", "anna", GRAPH_SERVICE_PASSWORD=WORD)
    assert again["export_id"] == export_id
    (listed,) = say(home, "exports", "list", case_id)
    assert listed["packages"] == 2
    told = log("cli.export")[-1]
    assert (told.outcome, told.case_id, told.user_id) == ("answered", case_id, anna)
    assert f"export:{export_id}" in told.what and '"person:person-' in told.what
    (approval,) = log("cli.exports.approve")
    assert approval.user_id == custody["approved_by"]
    assert (approval.roles, approval.case_id) == ('["lawyer"]', case_id)
    assert f"account:{terminal_user()}" in approval.what
    everything = " ".join(row.what for row in (*log("cli.export"), approval))
    assert not [number for number in (*CLIENTS, *WORKERS, OWNER) if number in everything]


@pytest.mark.parametrize("name", ["anna", "adam"])
def test_nobody_approves_whose_role_or_case_it_is_not(
    home: Home, case_id: str, tmp_path: Path, name: str
) -> None:
    export_id = ask(home, case_id, tmp_path / "p.zip")
    words = ("exports", "approve", export_id, "--as", name)
    told = refused(home, *words, GRAPH_SERVICE_PASSWORD=WORD)
    assert "no such export" in told or "role does not allow" in told
    assert say(home, "exports", "list", case_id)[0]["state"] == "asked"


def test_who_signs_in_and_asks_does_not_approve(home: Home, case_id: str, tmp_path: Path) -> None:
    (cia,) = (each["id"] for each in say(home, "user", "list") if each["name"] == "cia")
    say(home, "case", "member", case_id, cia)
    signed = ("--as", "cia", "--legal-ground", GROUND)
    words = ("export", case_id, "--to", "fk", "--out", str(tmp_path / "p.zip"), *signed)
    assert "waits" in refused(home, *words, GRAPH_SERVICE_PASSWORD=WORD)
    (listed,) = say(home, "exports", "list", case_id)
    assert listed["asked_by"] == cia
    for what in ("approve", "refuse"):
        reason = ("--reason", "nej") if what == "refuse" else ()
        words = ("exports", what, listed["export_id"], "--as", "cia", *reason)
        why = "Ask a colleague" if what == "approve" else "Withdraw it instead"
        assert why in refused(home, *words, GRAPH_SERVICE_PASSWORD=WORD)
    assert say(home, "exports", "list", case_id)[0]["state"] == "asked"


def test_the_account_at_the_terminal_approves_nothing(
    home: Home, case_id: str, tmp_path: Path
) -> None:
    export_id = ask(home, case_id, tmp_path / "p.zip")
    assert "--as USER" in refused(home, "exports", "approve", export_id)
    assert say(home, "exports", "list", "--waiting") == []


@pytest.mark.parametrize(
    ("typed", "env"),
    [("", {}), ("wrong\n", {}), (f"{WORD}\n", {"GRAPH_SERVICE_PASSWORD": "wrong"})],
)
def test_a_wrong_password_approves_nothing_and_is_in_the_log(
    home: Home, case_id: str, tmp_path: Path, log: Any, typed: str, env: dict[str, str]
) -> None:
    export_id = ask(home, case_id, tmp_path / "p.zip")
    words = ("exports", "approve", export_id, "--as", "lars")
    assert "password is wrong" in refused(home, *words, typed=typed, **env)
    assert say(home, "exports", "list", case_id)[0]["state"] == "asked"
    (entry,) = log("session.open")
    assert (entry.outcome, entry.user_id) == ("refused", terminal_user())
    (lars,) = (each["id"] for each in say(home, "user", "list") if each["name"] == "lars")
    assert json.loads(entry.what) == [lars]


def test_signing_in_leaves_no_session(home: Home, case_id: str, tmp_path: Path, log: Any) -> None:
    approve(home, ask(home, case_id, tmp_path / "p.zip"))
    assert [entry.outcome for entry in log("session.open")] == ["answered"]
    with open_database(home, None) as database, database.engine.connect() as connection:
        counted = connection.exec_driver_sql("SELECT count(*) FROM user_sessions")
        assert counted.scalar_one() == 0


def test_once_the_case_has_changed_it_is_asked_anew(
    home: Home, case_id: str, tmp_path: Path
) -> None:
    out = tmp_path / "p.zip"
    first = ask(home, case_id, out)
    approve(home, first)
    say(home, "case", "note", case_id, "Vänta")
    words = ("export", case_id, "--to", "police", "--out", str(out))
    assert "--legal-ground" in refused(home, *words)
    second = ask(home, case_id, out)
    states = [(e["export_id"], e["state"]) for e in say(home, "exports", "list", case_id)]
    assert states == [(first, "outdated"), (second, "asked")]
    assert not out.exists()


def test_another_recipient_ground_or_person_is_another_export(
    home: Home, case_id: str, tmp_path: Path
) -> None:
    out = tmp_path / "p.zip"
    first = ask(home, case_id, out)
    approve(home, first)
    assert ask(home, case_id, out, to="fk") != first
    words = ("export", case_id, "--to", "police", "--out", str(out))
    assert "waits" in refused(home, *words, "--legal-ground", "en annan grund")
    hidden = f"person-{'a' * 26}"
    unmask = (*words, "--legal-ground", GROUND, "--unmask", hidden)
    assert "not lifted" in refused(home, *unmask)
    assert "reference" in refused(home, *words, "--unmask", HIDDEN_WORKER)
    assert not out.exists()
    states = [each["state"] for each in say(home, "exports", "list", case_id)]
    assert states == ["approved", "asked", "asked"]


def test_what_is_refused_or_withdrawn_is_not_made(home: Home, case_id: str, tmp_path: Path) -> None:
    out = tmp_path / "p.zip"
    first = ask(home, case_id, out)
    approve(home, first)
    words = ("exports", "refuse", first, "--reason", "Kommunicera först", "--as", "cia")
    (told,) = say(home, *words, GRAPH_SERVICE_PASSWORD=WORD)
    assert (told["state"], told["end_reason"]) == ("refused", "Kommunicera först")
    second = ask(home, case_id, out)
    (told,) = say(home, "exports", "withdraw", second)
    assert told["state"] == "withdrawn"
    third = ask(home, case_id, out)
    assert len({first, second, third}) == 3 and not out.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("export", "case-0000000000000000", "--to", "police", "--legal-ground", "x"),
        ("exports", "withdraw", "export-0000000000000000"),
        ("exports", "refuse", "export-0000000000000000", "--reason", "x"),
        ("exports", "list", "case-0000000000000000"),
        ("exports", "list", "case-0000000000000000", "--waiting"),
        ("export", "case-0000000000000000", "--to", "press", "--legal-ground", "x"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    home: Home, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = ("--out", str(tmp_path / "p.zip")) if words[0] == "export" else ()
    assert refused(home, *words, *out).strip()
    assert not (tmp_path / "p.zip").exists()


# -- what is kept ---------------------------------------------------------------------------------


def test_prune_removes_packages_whose_approval_has_ended(
    home: Home, case_id: str, tmp_path: Path
) -> None:
    stands, ended = ask(home, case_id, tmp_path / "p.zip"), ""
    approve(home, stands)
    ended = ask(home, case_id, tmp_path / "p.zip", to="fk")
    kept = Kept(home)
    for export_id in (stands, ended):
        kept.place(export_id).write_bytes(b"zip")
    left = kept.place(stands).with_name(f".{stands}.zip.building")
    left.write_bytes(b"killed")
    gone = [row for row in say(home, "prune", "--dry-run") if row["what"] == "package"]
    assert len(gone) == 2 and kept.place(ended).exists() and left.exists()
    gone = [row for row in say(home, "prune") if row["what"] == "package"]
    assert [row["name"] for row in gone] == [ended]
    assert kept.place(stands).exists()
    assert not kept.place(ended).exists() and not left.exists()
    say(home, "case", "close", case_id, "--reason", "Klart")
    assert [row["name"] for row in say(home, "prune") if row["what"] == "package"] == [stands]


def test_an_erasure_leaves_no_package(home: Home, case_id: str, tmp_path: Path) -> None:
    export_id = ask(home, case_id, tmp_path / "p.zip")
    approve(home, export_id)
    place = Kept(home).place(export_id)
    place.write_bytes(b"zip")
    say(home, "retention", "run")
    assert not place.exists()


def test_the_run_of_an_export_is_kept_while_it_may_be_made(home: Home, case_id: str) -> None:
    now = datetime.now(UTC)
    caller = Caller(terminal_user(), "x", frozenset({Role.REVIEWER}))
    lawyer = Caller("user:l", "l", frozenset({Role.LAWYER}))
    with open_database(home, None) as database:
        exports = Exports(database, clock=lambda: now)
        words: Json = {"recipient": "fk", "legal_ground": GROUND}
        asked = exports.ask(case_id, caller, run_id="20250101T000000Z", **words)
        before = Keeping(database, clock=lambda: now).runs_of_cases()
        assert "20250101T000000Z" in before
        exports.approve(asked.export_id, lawyer)
        for days, kept in ((DAYS - 1, True), (DAYS, False)):
            clock = Clock(now + timedelta(days=days))
            held = Keeping(database, clock=clock).runs_of_cases()
            assert ("20250101T000000Z" in held) is kept
            assert before - held <= {"20250101T000000Z"}
        with database.reading() as session:
            findings = select(LinkRow.run_id).where(LinkRow.kind == LinkKind.FINDING)
            assert set(session.scalars(findings)) <= before


def test_help_tells_how_two_people_do_it(home: Home) -> None:
    told = " ".join(_run(home, "export", "--help").output.split())
    for word in ("two people", "exit 2", "exports approve", "seven days", "--unmask", "--as"):
        assert word in told, word
    assert "GRAPH_SERVICE_PASSWORD" in told
    assert isinstance(Session.now(), datetime)
