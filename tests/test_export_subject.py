"""A person's own data: all of it by a slow scan of the files, and not a byte of anybody else."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import queries
from api.own_data import whose
from graph_service.access.reference import reference
from graph_service.access.sight import Sights
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database, open_database
from graph_service.casework.export_tables import ExportRow, PackageRow
from graph_service.casework.keeping import Keeping
from graph_service.casework.tips import Channel, Tips
from graph_service.detector import open_rooms
from graph_service.errors import UsageError
from graph_service.evidence.subject.export import BESIDE, Access, Held, export_subject
from graph_service.evidence.subject.rows import OWN, PARTIES, Person
from graph_service.records import TABLES, Kind, Masking, Retention
from graph_service.run import run
from loaders.sources import sources
from tests.casework import ANNA, SECURITY, START, Clock, entity, opened
from tests.evidence_case import told
from tests.house import House, luhn, person, row
from tests.http_service import (
    CLIENTS,
    FIRM,
    HIDDEN_CLIENTS,
    HIDDEN_WORKER,
    OWNER,
    TRADER,
    WORKERS,
    secrets_of,
)

CLIENT, WORKER, HIDDEN = CLIENTS[0], WORKERS[0], HIDDEN_CLIENTS[0]
GUARDIAN, OFFICIAL, STRANGER = person(80), person(81), person(99)
ISSUED = "skola:p1"
ROOMS = {room.name: room for room in open_rooms(Path(queries.__file__).parent)}
PERSONAL_ACCOUNT = f"3300-{CLIENT[2:]}"


def records() -> dict[str, list[dict[str, Any]]]:
    """The case's municipality, and one row of every other way to be named."""
    found = {table: list(rows) for table, rows in told().items()}
    dated = {"valid_from": "2024-01-01"}
    found["visits"] += [_visit("n-1", note="Fick mat, mådde bra.")]
    found["visits"] += [_visit("n-2", note=f"Ring {CLIENTS[1][:8]}-{CLIENTS[1][8:]}.")]
    found["visits"] += [_visit("n-3", note=f"Nyckel hos {_name(OWNER)}s granne.")]
    found["visits"] += [_visit("n-4", client_id=CLIENTS[3], note=f"Väntar på {CLIENT[2:]}!")]
    found["visits"] += [_visit("n-5", edited_by=CLIENTS[4])]
    found["visits"] += [_visit("n-6", worker_id=WORKERS[2], edited_by=f"{WORKER[:8]}-{WORKER[8:]}")]
    found["visits"] += [_visit("n-7", worker_id=WORKERS[2], login_id="L-0", tag_id="T-3")]
    found["visits"] += [_visit(f"n-{ISSUED}", client_id=ISSUED)]
    return found | {
        "employments": [{"org_id": FIRM, "person_id": each} | dated for each in WORKERS[:3]],
        "logins": [
            {"login_id": "L-0", "org_id": FIRM, "person_id": WORKER} | dated,
            {"login_id": "L-2", "org_id": FIRM, "person_id": WORKERS[2]} | dated,
        ],
        "login_events": [
            {"event_id": f"e-{n}", "login_id": login, "device_id": "D-1", "tag_id": tag}
            | {"ip": f"192.0.2.{n}", "at": at, "event": "scan"}
            for n, (login, tag, at) in enumerate(
                (
                    ("L-0", "T-0", "2025-03-03T08:00"),
                    ("L-2", "T-0", "2025-03-03T09:00"),
                    ("L-2", "T-0", "2023-12-31T23:30"),  # before the tag was the client's
                )
            )
        ],
        "tags": [{"tag_id": f"T-{n}", "client_id": CLIENTS[n]} | dated for n in range(4)],
        "mandates": [{"person_id": GUARDIAN, "client_id": CLIENT, "kind": "guardian"} | dated],
        "residences": [
            {"person_id": CLIENT, "valid_from": "2020-01-01", "valid_to": "2024-01-01"}
            | {"care_of": _name(OWNER), "street": "Gamla vägen 1"}
        ],
        "accounts": [
            *found["accounts"],
            {"account": PERSONAL_ACCOUNT, "holder_id": CLIENT, "holder_kind": "person"} | dated,
            {"account": "BG:99900037", "holder_id": WORKER, "holder_kind": "person"} | dated,
        ],
        "payments": [
            *found["payments"],
            _payment("B-2", payee_id=WORKER, payee_account="BG:99900037", purpose="wages"),
            _payment("B-3", payer_id=GUARDIAN, payer_account=PERSONAL_ACCOUNT, client_id=CLIENT),
            _payment("B-4", payer_account=PERSONAL_ACCOUNT, reference="Avgift mars"),
        ],
        "invoices": [
            found["invoices"][0] | {"approved_by": OFFICIAL},
            found["invoices"][0] | {"invoice_id": "F-2", "org_id": TRADER, "account": None},
        ],
        "invoice_lines": [
            *found["invoice_lines"],
            found["invoice_lines"][0] | {"invoice_id": "F-2", "client_id": CLIENTS[9]},
        ],
        "officials": [{"person_id": OFFICIAL, "municipality": "0000", "unit": "Norr"}],
        "incidents": [
            {"incident_id": "h-1", "occurred_on": "2025-05-01", "official_id": OFFICIAL}
            | {"org_id": FIRM, "kind": "threat", "note": "Ringde hem på kvällen."},
            {"incident_id": "h-2", "occurred_on": "2025-05-02", "official_id": None}
            | {"org_id": TRADER, "kind": "bribery", "note": None},
        ],
        "background_checks": [
            {"check_id": "c-1", "person_id": WORKER, "done_on": "2024-01-02", "basis": "Lag"}
        ],
    }


def _visit(visit_id: str, **given: Any) -> dict[str, Any]:
    return {
        "visit_id": visit_id,
        "municipality": "0000",
        "org_id": FIRM,
        "worker_id": WORKER,
        "client_id": CLIENT,
        "service": "omsorg",
        "start": "2025-06-01 08:00",
        "end": "2025-06-01 08:30",
    } | given


def _payment(payment_id: str, **given: Any) -> dict[str, Any]:
    return {"payment_id": payment_id, "paid_on": "2025-04-25", "amount": "100"} | given


def _name(number: str) -> str:
    return f"Förnamn{luhn(number[2:11])}{number[4:11]}"


@dataclass(frozen=True)
class Town:
    house: House
    database: Database
    clock: Clock
    folder: Path
    made: dict[tuple[str, str | None], Export] = field(default_factory=dict)

    def export(self, number: str, ground: str | None = None) -> Export:
        """Their file; made once, for tests that change nothing."""
        if (number, ground) not in self.made:
            self.made[number, ground] = self.fresh(number, ground)
        return self.made[number, ground]

    def fresh(self, number: str, ground: str | None = None) -> Export:
        self.folder.mkdir(exist_ok=True)
        target = self.folder / f"{len(list(self.folder.iterdir()))}.zip"
        held = export_subject(
            self.house.home,
            self.database,
            Access(Person(number), ground),
            target,
            clock=self.clock,
            rooms=ROOMS,
            sources=sources(),
        )
        return Export(target, held)


@dataclass(frozen=True)
class Export:
    path: Path
    held: Held

    @property
    def files(self) -> Mapping[str, str]:
        with ZipFile(self.path) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}

    @property
    def contents(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files["uppgifter.json"])
        return found

    @property
    def text(self) -> str:
        return "\n".join(self.files.values())

    def rows(self, table: str) -> list[dict[str, str]]:
        text = self.files.get(f"tabeller/{table}.csv", "")
        return list(csv.DictReader(io.StringIO(text)))

    def row(self, table: str, key: str, value: str) -> dict[str, str]:
        (found,) = (each for each in self.rows(table) if each[key] == value)
        return found

    @property
    def places(self) -> set[tuple[str, int]]:
        return {(table, int(each["_row"])) for table in TABLES for each in self.rows(table)}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("own_data")
    house = House(folder)
    given = [house.give(f"{table}.csv", rows) for table, rows in records().items()]
    assert house.load(*given).exit_code == 0
    run(house.home, ROOMS.values(), clock=house.clock, memory="1GiB")
    with open_database(house.home, None) as database:
        yield Town(house, database, Clock(), folder / "out")


def by_scan(number: str) -> set[tuple[str, int]]:
    """Where a number stands, by looking at every cell of every file, however it is written."""
    forms = [number]
    if number.isdigit():
        forms += [number[2:], f"{number[:8]}-{number[8:]}", f"{number[2:8]}-{number[8:]}"]
    return {
        (table, n)
        for table, rows in records().items()
        for n, each in enumerate(rows, start=2)
        if any(form in str(value) for value in each.values() for form in forms)
    }


def by_things(number: str) -> set[tuple[str, int]]:
    """Where what is somebody's stands, by looking at every cell for it."""
    things = {
        each[key]
        for table, (key, owner) in OWN.items()
        for each in records().get(table, ())
        if each.get(owner) == number
    }
    return {
        (table, n)
        for table, rows in records().items()
        for n, each in enumerate(rows, start=2)
        if things & {value for value in each.values() if isinstance(value, str)}
    }


#: The scan reads no dates: this tag was not yet the client's.
NOT_YET = ("login_events", 4)
PEOPLE = (CLIENT, WORKER, HIDDEN, HIDDEN_WORKER, TRADER, OWNER, GUARDIAN, OFFICIAL, ISSUED)
SECRET = {OFFICIAL: set(), TRADER: {("incidents", 3)}}


@pytest.mark.parametrize("number", PEOPLE)
def test_every_row_that_names_them_is_there_and_no_other(town: Town, number: str) -> None:
    expected = (by_scan(number) | by_things(number)) - {NOT_YET} - SECRET.get(number, set())
    assert expected, "they are named"
    assert town.export(number).places == expected


@pytest.mark.parametrize("number", PEOPLE)
@pytest.mark.parametrize("ground", [None, "OSL 10 kap. 3 §"])
def test_not_a_byte_of_anybody_else(town: Town, number: str, ground: str | None) -> None:
    text = town.export(number, ground).text
    everybody = (*CLIENTS, *WORKERS, OWNER)
    own = set(secrets_of(number)) if number in everybody else set()
    for other in everybody:
        if other != number:
            found = {each for each in secrets_of(other) if each in text} - own - {"111 22"}
            assert found == set()
    for other in (*everybody, TRADER, GUARDIAN, OFFICIAL, ISSUED):
        if other != number:
            assert other[2:] not in text and f"{other[2:8]}-{other[8:]}" not in text
    if number != CLIENT:
        assert PERSONAL_ACCOUNT not in text


def test_what_one_has_oneself_stands_in_clear_also_where_it_is_protected(town: Town) -> None:
    for number in (CLIENT, HIDDEN, HIDDEN_WORKER):
        text = town.export(number).text
        assert all(secret in text for secret in secrets_of(number))


def test_others_are_called_alike_in_all_files(town: Town) -> None:
    export = town.export(CLIENT)
    called = {each["worker_id"] for each in export.rows("visits") if each["visit_id"] == "v0-3-3-0"}
    assert called == {export.row("visits", "visit_id", "n-1")["worker_id"]}
    labels = set(re.findall(r"\bperson \d+\b", export.files["tabeller/visits.csv"]))
    assert len(labels) > 3 and labels <= {f"person {n}" for n in range(1, 99)}
    guardian = export.row("mandates", "kind", "guardian")["person_id"]
    assert guardian == export.row("payments", "payment_id", "B-3")["payer_id"]


def test_a_note_is_told_to_whom_it_is_about_unless_it_names_somebody(town: Town) -> None:
    export = town.export(CLIENT)
    notes = {each["visit_id"]: each["note"] for each in export.rows("visits")}
    assert notes["n-1"] == "Fick mat, mådde bra."
    assert notes["n-2"] == notes["n-3"] == notes["n-4"] == ""
    assert "note" in export.row("visits", "visit_id", "n-2")["_masked"].split()
    of_worker = {each["visit_id"]: each["note"] for each in town.export(WORKER).rows("visits")}
    assert set(of_worker.values()) == {""}, "it is about the client"
    assert town.export(OFFICIAL).row("incidents", "incident_id", "h-1")["note"] != ""
    (lived,) = export.rows("residences")
    assert (lived["care_of"], lived["street"]) == ("", "Gamla vägen 1")


def test_one_sees_ones_own_login_tag_and_account_and_not_the_others(town: Town) -> None:
    worker, client = town.export(WORKER), town.export(CLIENT)
    event = worker.row("login_events", "event_id", "e-0")
    assert (event["login_id"], event["device_id"], event["ip"]) == ("L-0", "D-1", "192.0.2.0")
    assert re.fullmatch(r"tag \d+", event["tag_id"])
    scanned = client.row("login_events", "event_id", "e-0")
    assert (scanned["tag_id"], scanned["ip"]) == ("T-0", "")
    assert re.fullmatch(r"login \d+", scanned["login_id"])
    assert worker.row("visits", "visit_id", "n-7")["_through"] == "login_id"
    paid = client.row("payments", "payment_id", "B-4")
    assert (paid["payer_account"], paid["reference"]) == (PERSONAL_ACCOUNT, "Avgift mars")
    wages = worker.row("payments", "payment_id", "B-2")
    assert wages["payee_account"] == "BG:99900037"


def test_a_sole_traders_firm_is_the_trader(town: Town) -> None:
    export = town.export(TRADER)
    (firm,) = export.rows("organisations")
    assert (firm["org_id"], firm["name"]) == (TRADER, "Eget Namn")
    assert [each["invoice_id"] for each in export.rows("invoice_lines")] == ["F-2"]
    assert re.fullmatch(r"person \d+", export.rows("invoice_lines")[0]["client_id"])


def test_each_row_says_whence_it_came_and_how_long_it_stays(town: Town) -> None:
    keeping = Keeping(town.database, clock=town.clock)
    visit = town.export(WORKER).row("visits", "visit_id", "n-1")
    assert visit["_source"] == "canonical" and visit["_file"] == "visits.csv"
    assert (town.house.home.raw / visit["_file_sha256"][:2] / visit["_file_sha256"]).exists()
    assert visit["_kept_until"] == "2027-06-01" and visit["start"].startswith("2025-06-01T08:00")
    keeping.decide(Retention.VISITS, 36, decision="KS 2026/12", by="cli:test")
    export = town.fresh(WORKER)
    assert export.row("visits", "visit_id", "n-1")["_kept_until"] == "2028-06-01"
    (kept,) = (each["kept"] for each in export.contents["tables"] if each["table"] == "visits")
    assert kept == {"class": "visits", "months": 36, "decision": "KS 2026/12"}
    assert "Kommunallagen" in export.contents["sources"]["canonical"]["basis"]
    assert export.row("employments", "person_id", WORKER)["_kept_until"] == "", "it has no end"


def test_nothing_is_held_of_a_stranger_and_the_file_says_so(town: Town) -> None:
    export = town.export(STRANGER)
    assert export.held.rows == 0 and set(export.files) == {"README.txt", "uppgifter.json"}
    assert "inga uppgifter om dig" in export.files["README.txt"]


def test_findings_and_cases_are_told_by_decision_only(town: Town) -> None:
    home = town.house.home
    ref = reference(home.reference_key(), f"person:{WORKER}")
    opened(Cases(town.database, clock=town.clock), about=[entity(ref)])
    without, told_of = town.fresh(WORKER), town.fresh(WORKER, "OSL 10 kap. 3 §").contents
    assert [without.contents[name] for name in ("findings", "cases", "tips", "recipients")] == [
        None
    ] * 4
    assert "overlapping_visits" not in without.text and "case-" not in without.text
    found = {each["detector"]: each for each in told_of["findings"]}
    assert "worker" in found["overlapping_visits"]["roles"]
    assert found["overlapping_visits"]["provider"] == FIRM
    assert [case["legal_ground"] for case in told_of["cases"]] == ["KL 10 kap. 8 §"]
    (of_trader,) = (
        each
        for each in town.export(CLIENTS[9], "OSL 10 kap. 3 §").contents["findings"]
        if each["detector"] == "overlapping_visits"
    )
    assert re.fullmatch(r"person \d+", of_trader["provider"]), "a sole trader is a person"


def test_who_reads_the_file_cannot_tell_whether_a_tip_or_a_case_is_left_out(
    tmp_path: Path,
) -> None:
    told_apart = []
    for name in ("quiet", "watched"):
        house = House(tmp_path / name)
        house.load_rows("persons", {"person_id": WORKER, "given_name": "Eva"})
        with open_database(house.home, None) as database:
            clock = Clock()
            if name == "watched":
                _watch(house, database, clock)
            target = tmp_path / f"{name}.zip"
            export_subject(
                house.home,
                database,
                Access(Person(WORKER)),
                target,
                clock=lambda: datetime(2026, 3, 2, tzinfo=UTC),
                rooms=ROOMS,
                sources=sources(),
            )
        told_apart.append(target.read_bytes())
    assert told_apart[0] == told_apart[1]


def _watch(house: House, database: Database, clock: Clock) -> None:
    tip = row("tips", tip_id="t-1", about_id=WORKER, about_kind="person", text="Hörde något")
    house.load_rows("tips", tip)
    ref = reference(house.home.reference_key(), f"person:{WORKER}")
    opened(Cases(database, clock=clock), about=[entity(ref)])
    tips = Tips(database, clock=clock, key=house.home.reference_key())
    day = date(2026, 3, 1)
    tips.record(ANNA, received_on=day, channel=Channel.STAFF, text="En granne såg", about=ref)


def test_a_tip_is_told_without_what_it_says(tmp_path: Path) -> None:
    house = House(tmp_path)
    with open_database(house.home, None) as database:
        _watch(house, database, Clock())
        export = Town(house, database, Clock(), tmp_path / "out").export(WORKER, "beslut")
    (tip,) = export.rows("tips")
    assert (tip["text"], tip["channel"], tip["about_id"]) == ("", "", WORKER)
    assert export.contents["tips"] == [{"received_on": "2026-03-01"}]
    assert "granne" not in export.text and "Hörde" not in export.text


def test_insiders_cases_and_findings_stay_with_security(town: Town) -> None:
    ref = reference(town.house.home.reference_key(), f"person:{OFFICIAL}")
    about = [entity(ref, insider=True)]
    opened(Cases(town.database, clock=town.clock), SECURITY, about=about, restricted=True)
    assert town.fresh(OFFICIAL, "OSL 10 kap. 3 §").contents["cases"] == []


def test_to_whom_packages_of_their_cases_went(tmp_path: Path) -> None:
    house, clock = House(tmp_path), Clock()
    house.load_rows("persons", {"person_id": WORKER})
    ref = reference(house.home.reference_key(), f"person:{WORKER}")
    with open_database(house.home, None) as database:
        case = opened(Cases(database, clock=clock), about=[entity(ref)])
        with database.writing() as session:
            asked = {"export_id": "export-1", "case_id": case.case_id, "case_version": 1}
            asked |= {"told_digest": "0" * 64, "run_id": "r", "recipient": "fk", "lifted": []}
            asked |= {"legal_ground": "SFS 2024:307", "insiders": False, "asked_by": "anna"}
            session.add(ExportRow(**asked, asked_at=clock()))
            session.flush()
            made = {"export_id": "export-1", "number": 1, "made_by": "anna", "sha256": "0" * 64}
            session.add(PackageRow(**made, made_at=START, size=1, findings=1, rows=1))
        town = Town(house, database, clock, tmp_path / "out")
        (given,) = town.export(WORKER, "beslut").contents["recipients"]
        assert town.export(WORKER).contents["recipients"] is None
    assert given["recipient"]["sv"] == "Försäkringskassan"
    assert (given["given_on"], given["legal_ground"]) == ("2026-03-02", "SFS 2024:307")


def test_readings_are_counted_by_month_and_those_of_casework_only_by_decision(
    tmp_path: Path,
) -> None:
    house, clock = House(tmp_path), Clock()
    ref = reference(house.home.reference_key(), f"person:{WORKER}")
    told_of = (f"person:{ref}",)
    with open_database(house.home, None) as database:
        with AuditLog(database, house.home.audit) as log:
            for action, case_id, purpose in (
                ("network.read", None, None),
                ("network.read", "case-1", "Kontroll före utbetalning"),
                ("network.read", "case-1", f"Fråga om {CLIENT[:8]}-{CLIENT[8:]}"),
                ("cases.open", None, None),
                ("cli.case.link", None, None),
            ):
                entry = Entry(clock(), "user:1", (), action, Outcome.ANSWERED, told_of)
                log.write(replace(entry, case_id=case_id, purpose=purpose))
            log.write(Entry(clock(), "user:1", (), "network.read", Outcome.REFUSED, told_of))
        town = Town(house, database, clock, tmp_path / "out")
        without, by_decision = town.export(WORKER), town.export(WORKER, "beslut")
    assert without.contents["readings"] == [{"month": "2026-03", "times": 1, "purpose": None}]
    read = by_decision.contents["readings"]
    assert sum(each["times"] for each in read) == 5
    assert {each["purpose"] for each in read} == {None, "Kontroll före utbetalning"}
    assert "user:1" not in by_decision.text


def test_of_who_lives_with_them_no_more_than_that_somebody_does(tmp_path: Path) -> None:
    house = House(tmp_path)
    lodger = {"person_id": CLIENT, "care_of": f"c/o {WORKER[2:8]}-{WORKER[8:]}", "street": "Ek 1"}
    house.load_rows("persons", lodger | {"protection": "marked", "deceased_on": "2024-05-06"})
    firm = {"org_id": TRADER, "name": "Evas Städ", "care_of": f"Märkt {WORKER}", "city": "Ort"}
    house.load_rows("organisations", firm)
    with open_database(house.home, None) as database:
        export = Town(house, database, Clock(), tmp_path / "out").export(WORKER)
    (other,), (firm,) = export.rows("persons"), export.rows("organisations")
    told = {name for name in TABLES["persons"].names if other[name]}
    assert told <= {"person_id", "care_of"} and re.fullmatch(r"person \d", other["person_id"])
    assert not {name for name in TABLES["organisations"].names if firm[name]} - {
        "org_id",
        "care_of",
    }
    assert not any(word in export.text for word in ("marked", "2024-05-06", "Evas", "Ek 1"))


def test_older_versions_are_there_and_say_what_they_are(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.load_rows("employments", row("employments", person_id=WORKER, title="Vikarie"))
    house.load_rows("employments", row("employments", person_id=WORKER, title="Chef"))
    wrong = house.load_rows("trading_bans", row("trading_bans", person_id=WORKER))
    house.withdraw(wrong)
    with open_database(house.home, None) as database:
        export = Town(house, database, Clock(), tmp_path / "out").export(WORKER)
    standing = {each["title"]: each["_standing"] for each in export.rows("employments")}
    assert standing == {"Vikarie": "superseded", "Chef": "stands"}
    assert export.rows("trading_bans")[0]["_standing"] == "withdrawn"


def test_a_login_that_was_corrected_to_another_gives_its_events_to_that_one(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    for owner in (WORKERS[1], WORKER):
        house.load_rows("logins", row("logins", login_id="L-1", person_id=owner))
    house.load_rows("login_events", row("login_events", login_id="L-1"))
    with open_database(house.home, None) as database:
        made = Town(house, database, Clock(), tmp_path / "out")
        before, now = made.export(WORKERS[1]), made.export(WORKER)
    assert [each["_standing"] for each in before.rows("logins")] == ["superseded"]
    assert before.rows("login_events") == [] and len(now.rows("login_events")) == 1


def test_refused_lines_that_hold_the_number_are_counted_and_not_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.load_rows("employments", row("employments", person_id=WORKER, valid_from="igår"))
    house.load_text("visits.csv", f"visit_id,okänd\nv-1,{WORKER}\nv-2,{CLIENT}\n")
    with open_database(house.home, None) as database:
        export = Town(house, database, Clock(), tmp_path / "out").export(WORKER)
    refused = export.contents["refused_rows"]
    assert [(each["table"], each["lines"]) for each in refused] == [
        ("employments", 1),
        ("visits", 1),
    ]
    assert "2 rader som avvisades" in export.files["README.txt"]
    assert "igår" not in export.text


def test_by_whichever_column_they_are_named_others_are_not_told(tmp_path: Path) -> None:
    house, other = House(tmp_path), person(7, "19700101")
    named = {
        table.name: [column.name for column in table.columns if column.kind in PARTIES]
        for table in TABLES.values()
    }
    house.load_rows("persons", {"person_id": other, "given_name": "Okänd", "street": "Okändgatan"})
    for n in range(max(map(len, named.values()))):
        given = [
            house.give(f"{table}.csv", [_naming(table, columns[n], other, n)])
            for table, columns in named.items()
            if n < len(columns)
        ]
        outcome = house.load(*given)
        assert outcome.exit_code == 0, house.reasons(outcome)
    with open_database(house.home, None) as database:
        export = Town(house, database, Clock(), tmp_path / "out").export(WORKER, "beslut")
    through = {
        (table, column)
        for table in TABLES
        for each in export.rows(table)
        for column in each["_through"].split()
    }
    assert through == {(table, each) for table, columns in named.items() for each in columns}
    assert other not in export.text and "Okänd" not in export.text


def _naming(table: str, column: str, other: str, n: int) -> dict[str, str | None]:
    """A row that names WORKER in one column, and somebody else wherever else it may."""
    given: dict[str, str | None] = {}
    for each in TABLES[table].columns:
        if each.kind in PARTIES and each.kind is not Kind.ORGANISATION:
            given[each.name] = other
        elif each.kind is Kind.ID and each.key:
            given[each.name] = f"{table} {n}"
        elif each.masking is Masking.FREE_TEXT or each.name == "care_of":
            given[each.name] = f"Okänd {each.name}"
        elif each.masking is not Masking.NONE and each.kind is Kind.TEXT:
            given[each.name] = "Okänd" if _others(table, column) else "Känd"
    return row(table, **given | {column: WORKER})


def _others(table: str, column: str) -> set[str]:
    return {
        each.name
        for each in TABLES[table].columns
        if each.kind in (Kind.PERSON, Kind.PARTY) and each.name != column
    }


def test_the_same_is_told_twice_in_the_same_bytes(town: Town) -> None:
    clock, files = town.clock.now, []
    for _ in range(2):
        town.clock.now = clock
        files.append(town.fresh(WORKER).path.read_bytes())
    assert files[0] == files[1]
    assert set(BESIDE) <= set(town.export(WORKER).rows("visits")[0])


def test_a_reference_leads_to_its_number_and_an_error_repeats_nothing(town: Town) -> None:
    home, today = town.house.home, date(2026, 3, 2)
    assert Sights(home).standing() is not None
    ref = reference(home.reference_key(), f"person:{HIDDEN}")
    assert whose(home, ref, today=today) == Person(HIDDEN)
    assert whose(home, f" {CLIENT[:8]}-{CLIENT[8:]}\n", today=today) == Person(CLIENT)
    for wrong in (CLIENT[2:], CLIENT[:-1] + "0", FIRM, ""):
        with pytest.raises(UsageError) as refused:
            whose(home, wrong, today=today)
        assert not wrong or wrong not in str(refused.value)
