"""Cases at the terminal; and what a judgement, and no tip, does to the next run's scores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import select

import queries
from api.cli_case import case
from api.cli_run import COMMANDS
from api.desk import terminal_user
from api.session import Group
from graph_service.access.reference import reference
from graph_service.casework.audit.tables import AuditRow
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database, open_database
from graph_service.casework.dispositions import Dispositions, Judged, Verdict
from graph_service.casework.tips import Channel, Tips
from graph_service.detector import open_rooms
from graph_service.errors import GraphServiceError
from graph_service.run import run
from graph_service.run_file import RunFile, RunFolder
from tests.casework import ANNA, opened
from tests.house import House, row
from tests.http_service import CLIENTS, FIRM, SISTER, WORKERS, rows

ROOMS = open_rooms(Path(queries.__file__).parent)
Json = dict[str, Any]


@click.group(cls=Group)
def app() -> None:
    """The commands of these tests."""


for command in (case, *COMMANDS):
    app.add_command(command)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A municipality with one run, to be copied."""
    made = House(tmp_path_factory.mktemp("town"))
    outcome = made.load(*(made.give(f"{table}.csv", told) for table, told in rows().items()))
    assert outcome.exit_code == 0
    make(made)
    return made


@pytest.fixture
def house(town: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    shutil.copytree(town.home.path, tmp_path / "home")
    made = House(tmp_path)
    made.now = town.now
    return made


@pytest.fixture
def database(house: House) -> Iterator[Database]:
    with open_database(house.home, None) as opened:
        yield opened


def make(house: House, aside: frozenset[str] = frozenset()) -> RunFile:
    return run(house.home, ROOMS, clock=house.clock, memory="1GiB", set_aside=aside).run


def current(house: House) -> RunFile:
    standing = RunFolder(house.home).current()
    assert standing is not None
    return standing


def say(house: House, *words: str) -> list[Json]:
    """What a command prints, as JSON lines."""
    done = CliRunner().invoke(
        app, [*words, "--home", str(house.home.path), "--format", "jsonl"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(house: House, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--home", str(house.home.path)])
    assert done.exit_code != 0
    return str(done.exception) if isinstance(done.exception, GraphServiceError) else done.output


def scores(run_file: RunFile) -> list[Json]:
    """The scores but for the names of their run."""
    return [
        {name: value for name, value in each.items() if name not in {"run_id", "change"}}
        for each in run_file.rows("scores", order="provider_id")
    ]


def score_of(run_file: RunFile, provider: str) -> Json:
    (found,) = run_file.rows("scores", order="rank", where={"provider_id": provider})
    return found


# -- what a judgement does to scores --------------------------------------------------------------


def test_what_is_dismissed_is_listed_and_counts_no_more_until_it_expires(
    house: House, database: Database
) -> None:
    first = current(house)
    hers = first.rows("findings", order="finding_id", where={"provider_id": SISTER})
    assert len(hers) == 3
    dispositions = Dispositions(database, clock=house.clock)
    for found in first.rows("findings", order="finding_id"):
        verdict = Verdict.DISMISSED if found in hers else Verdict.CONFIRMED
        judged = Judged(found["finding_id"], found["detector"], found["provider_id"])
        dispositions.judge(ANNA, judged, verdict, "Så var det")
    today = house.now.date()
    second = make(house, dispositions.set_aside(today))
    # Nothing that was found is hidden, hard findings least of all.
    assert second.rows("findings", order="finding_id") == first.rows("findings", order="finding_id")
    assert second.set_aside() == {found["finding_id"] for found in hers}
    before, after = score_of(first, SISTER), score_of(second, SISTER)
    assert before["score"] > 0
    assert (after["score"], after["contributions"], after["band"]) == (0, [], "none")
    assert after["change"] == {
        "new_data": pytest.approx(-before["score"]),
        "changed_rule": 0,
        "changed_peers": 0,
    }
    again = make(house, dispositions.set_aside(today))
    assert scores(again) == scores(second)
    still = {"new_data": 0, "changed_rule": 0, "changed_peers": 0}
    assert score_of(again, SISTER)["change"] == still
    expired = make(house, dispositions.set_aside(today + timedelta(days=200)))
    assert expired.set_aside() == frozenset()
    assert scores(expired) == scores(first)
    assert score_of(expired, SISTER)["change"]["new_data"] == pytest.approx(before["score"])


def test_no_tip_is_an_input_to_a_score(house: House, database: Database) -> None:
    first = current(house)
    tips = Tips(database, clock=house.clock, key=house.home.reference_key())
    for key in (f"organisation:{FIRM}", f"person:{WORKERS[0]}"):
        tips.record(
            ANNA,
            received_on=date(2026, 3, 1),
            channel=Channel.PHONE,
            text="Fusk överallt",
            about=reference(house.home.reference_key(), key),
            credibility=5,
        )
    told = {"received_on": "2025-03-01", "channel": "phone", "credibility": "5", "text": "Fusk"}
    house.load_rows(
        "tips",
        row("tips", tip_id="t1", about_kind="organisation", about_id=FIRM, **told),
        row("tips", tip_id="t2", about_kind="person", about_id=WORKERS[0], **told),
    )
    second = make(house)
    assert json.dumps(scores(second)) == json.dumps(scores(first))
    assert second.rows("findings", order="finding_id") == first.rows("findings", order="finding_id")


# -- the terminal ---------------------------------------------------------------------------------


def test_a_case_lives_at_the_terminal(house: House) -> None:
    finding_id = say(house, "findings", "--provider", SISTER)[0]["finding_id"]
    texts = ("--purpose", "Kontroll före utbetalning", "--legal-ground", "KL 10 kap. 8 §")
    (made,) = say(house, "case", "open", "Uppslag", *texts, "--about", SISTER)
    case_id = made["case_id"]
    assert (made["status"], made["members"]) == ("new", [terminal_user()])
    assert [each["case_id"] for each in say(house, "case", "list")] == [case_id]
    say(house, "case", "link", case_id, FIRM, finding_id)
    say(house, "case", "link", case_id, FIRM, "--remove")
    say(house, "case", "note", case_id, "Listor är begärda")
    say(house, "case", "status", case_id, "under_review", "--reason", "Tre indikationer")
    (shown,) = say(house, "case", "show", case_id)
    assert [(each["kind"], each.get("key")) for each in shown["links"]] == [
        ("entity", SISTER),
        ("finding", None),
    ]
    assert [each["text"] for each in shown["notes"]] == ["Listor är begärda"]
    told = [each["event"] for each in shown["history"]]
    assert told == ["opened", "linked", "linked", "unlinked", "noted", "status"]
    (judged,) = say(house, "case", "judge", case_id, finding_id, "dismissed", "--reason", "Dubbelt")
    assert judged["verdict"] == "dismissed"
    say(house, "run")
    standing = say(house, "findings", "--provider", SISTER)
    assert finding_id in {each["finding_id"] for each in standing}
    (scored,) = (each for each in say(house, "scores") if each["provider_id"] == SISTER)
    assert sum(part["findings"] for part in scored["contributions"]) == len(standing) - 1
    say(house, "case", "dismiss", case_id, "--reason", "Dubbelregistrering")
    (closed,) = say(house, "case", "close", case_id, "--reason", "Klart")
    assert closed["status"] == "closed"
    (shown,) = say(house, "case", "show", case_id)
    assert all("key" not in each for each in shown["links"])
    assert say(house, "case", "list", "--status", "new") == []


def test_each_command_is_in_the_log_and_no_number_is(house: House, database: Database) -> None:
    texts = ("--purpose", "Kontroll", "--legal-ground", "KL")
    (made,) = say(house, "case", "open", *texts, "--about", FIRM)
    worker = reference(house.home.reference_key(), f"person:{WORKERS[0]}")
    say(house, "case", "link", made["case_id"], worker)
    say(house, "case", "show", made["case_id"])
    refused(house, "case", "show", "case-0000000000000000")
    with database.reading() as session:
        told = list(session.scalars(select(AuditRow).order_by(AuditRow.seq)))
    assert [(each.action, each.outcome, each.case_id, each.purpose) for each in told] == [
        ("cli.case.open", "answered", made["case_id"], "Kontroll"),
        ("cli.case.link", "answered", made["case_id"], "Kontroll"),
        ("cli.case.show", "answered", made["case_id"], "Kontroll"),
        ("cli.case.show", "refused", None, None),
    ]
    assert {each.user_id for each in told} == {terminal_user()}
    assert f"person:{worker}" in told[2].what
    everything = " ".join(each.what for each in told)
    assert not any(number in everything for number in (*CLIENTS, *WORKERS))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("open", "Uppslag", "--legal-ground", "KL"), "--purpose"),
        (("open", "Uppslag", "--purpose", "K"), "--legal-ground"),
        (("open", "--purpose", " ", "--legal-ground", "KL"), "empty"),
        (
            ("open", "--purpose", "K", "--legal-ground", "KL", "--about", "5520000999"),
            "has no such",
        ),
        (("open", "--purpose", "K", "--legal-ground", "KL", "--about", "x"), "by number"),
        (("show", "case-0000000000000000"), "no such case"),
        (("note", "nothing", "x"), "no such case"),
        (("close", "nothing"), "--reason"),
        (("close", "nothing", "--reason", "x"), "no such case"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    house: House, words: tuple[str, ...], why: str
) -> None:
    assert why in refused(house, "case", *words)
    assert say(house, "case", "list") == []


def test_others_cases_are_not_met_at_the_terminal(house: House, database: Database) -> None:
    case_id = opened(Cases(database, clock=house.clock)).case_id
    assert say(house, "case", "list") == []
    assert "no such case" in refused(house, "case", "show", case_id)
    Cases(database, clock=house.clock).add_member(case_id, ANNA, terminal_user())
    assert [each["case_id"] for each in say(house, "case", "list")] == [case_id]
