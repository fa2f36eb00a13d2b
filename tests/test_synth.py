"""The synthetic municipality is in the contract's form, repeatable, and tells the truth."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from schwifty import IBAN
from stdnum import luhn
from stdnum.se import orgnr, personnummer

from graph_service.errors import UsageError
from graph_service.records import TABLES, Kind
from synth.municipality import build, make
from synth.plants import DETECTORS

STOCKHOLM = ZoneInfo("Europe/Stockholm")
Rows = dict[str, list[dict[str, str]]]


def read(directory: Path) -> Rows:
    tables = {}
    for path in sorted(directory.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            tables[path.stem] = list(csv.DictReader(file))
    return tables


def read_truth(directory: Path) -> list[dict[str, object]]:
    lines = directory.with_name(f"{directory.name}.truth.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in lines.splitlines()]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight months with both clock changes of a year, in a town of 10,000."""
    directory = tmp_path_factory.mktemp("synth") / "town"
    make(
        directory,
        seed=11,
        inhabitants=10_000,
        months=8,
        start=date(2025, 3, 15),
        schemes=DETECTORS,
    )
    return directory


@pytest.fixture(scope="module")
def rows(town: Path) -> Rows:
    return read(town)


@pytest.fixture(scope="module")
def truth(town: Path) -> list[dict[str, object]]:
    return read_truth(town)


def digest(directory: Path) -> dict[str, str]:
    truth = directory.with_name(f"{directory.name}.truth.jsonl")
    return {
        path.name.replace(directory.name, ""): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*sorted(directory.iterdir()), truth]
    }


def test_same_seed_same_bytes_and_another_seed_differs(tmp_path: Path) -> None:
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    shape = {"inhabitants": 3_000, "months": 2, "start": date(2024, 10, 1)}
    make(one, seed=1, **shape)
    make(two, seed=1, **shape, memory="300MiB")
    make(other, seed=2, **shape)
    assert digest(one) == digest(two)
    assert digest(one)["visits.csv"] != digest(other)["visits.csv"]
    assert digest(one)["persons.csv"] != digest(other)["persons.csv"]


@pytest.mark.parametrize(
    ("inhabitants", "months", "start"),
    [(1_000, 1, date(2024, 2, 29)), (2_500, 3, date(2023, 12, 31)), (1_200, 14, date(2026, 1, 1))],
)
def test_any_size_and_start(tmp_path: Path, inhabitants: int, months: int, start: date) -> None:
    make(tmp_path / "a", seed=5, inhabitants=inhabitants, months=months, start=start)
    check_contract(read(tmp_path / "a"))


def test_refuses_what_cannot_be_made(tmp_path: Path) -> None:
    shape = {"seed": 1, "months": 1, "start": date(2025, 1, 1)}
    with pytest.raises(UsageError):
        make(tmp_path / "a", inhabitants=10, **shape)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "kept.txt").write_text("mine")
    with pytest.raises(UsageError):
        make(tmp_path / "b", inhabitants=2_000, **shape)
    assert (tmp_path / "b" / "kept.txt").read_text() == "mine"


def test_every_value_and_key_keeps_the_contract(rows: Rows) -> None:
    check_contract(rows)


def check_contract(rows: Rows) -> None:
    for name, records in rows.items():
        table = TABLES[name]
        assert records == [] or tuple(records[0]) == table.names
        for column in table.columns:
            check = CHECKS.get(column.kind)
            values = {record[column.name] for record in records}
            if column.required:
                assert "" not in values, (name, column.name)
            for value in values - {""}:
                assert value == value.strip()
                if column.values:
                    assert value in column.values, (name, column.name, value)
                if check is not None:
                    assert check(value), (name, column.name, value)
                if column.low is not None:
                    assert Decimal(value) >= column.low
                if column.high is not None:
                    assert Decimal(value) <= column.high
        keys = Counter(tuple(record[column] for column in table.key) for record in records)
        assert not [key for key, count in keys.items() if count > 1], name
        for earlier, later in table.after:
            for record in records:
                if record[earlier] and record[later]:
                    assert instant(record[earlier]) <= instant(record[later]), (name, later)
        for column in table.references:
            assert column.refers_to is not None
            target, key = column.refers_to
            known = {record[key] for record in rows.get(target, [])}
            seen = {record[column.name] for record in records} - {""}
            assert seen <= known, (name, column.name, sorted(seen - known)[:3])


def is_person(value: str) -> bool:
    if value.startswith(("syn:", "hsa:")):
        return value[4:].isdigit()
    born_before_1970 = value[:4] < "1970"
    numbers = ("980", "981") if born_before_1970 else ("238", "239")
    if len(value) != 12 or value[8:11] not in numbers:
        return False
    if (day := int(value[6:8])) > 60:  # a samordningsnummer
        date(int(value[:4]), int(value[4:6]), day - 60)
        return luhn.is_valid(value[2:])
    return personnummer.is_valid(value)


def is_organisation(value: str) -> bool:
    if re.fullmatch(r"[A-Z]{2}:\w+", value):
        return True
    return len(value) == 10 and value[2] >= "2" and orgnr.is_valid(value)


def is_account(value: str) -> bool:
    if value[:3] in ("BG:", "PG:"):
        return luhn.is_valid(value[3:]) and len(value[3:]) <= 8
    if value.startswith("SE"):
        return IBAN(value, allow_invalid=True).is_valid
    return re.fullmatch(r"\d{4}-\d+", value) is not None


def instant(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=STOCKHOLM, fold=0)


def is_moment(value: str) -> bool:
    """A wall-clock time that exists: the hour that spring skips does not."""
    if len(value) < 16:
        return False
    moment = instant(value)
    utc = moment.astimezone(ZoneInfo("UTC"))
    return utc.astimezone(moment.tzinfo).replace(fold=0) == moment.replace(fold=0)


CHECKS = {
    Kind.PERSON: is_person,
    Kind.ORGANISATION: is_organisation,
    Kind.PARTY: lambda value: is_person(value) or is_organisation(value),
    Kind.ACCOUNT: is_account,
    Kind.DATE: lambda value: date.fromisoformat(value).isoformat() == value,
    Kind.TIMESTAMP: is_moment,
    Kind.BOOLEAN: lambda value: value in ("true", "false"),
    Kind.MONEY: lambda value: re.fullmatch(r"-?\d+(\.\d{1,4})?", value) is not None,
    Kind.DECIMAL: lambda value: re.fullmatch(r"-?\d+(\.\d{1,6})?", value) is not None,
    Kind.INTEGER: lambda value: re.fullmatch(r"-?\d+", value) is not None,
}


def test_every_table_that_the_detectors_may_need_is_there(rows: Rows) -> None:
    assert set(rows) >= set(TABLES) - {"trading_bans"}
    assert all(rows.values())


def test_organisations_are_marked_synthetic_and_protected_persons_have_no_address(
    rows: Rows,
) -> None:
    assert all("syntetisk" in row["name"] for row in rows["organisations"])
    hidden = {row["person_id"] for row in rows["persons"] if row["protection"] != "none"}
    assert hidden
    for row in rows["persons"]:
        if row["person_id"] in hidden:
            assert not row["street"] and not row["lat"] and not row["phone"]
    assert not hidden & {row["person_id"] for row in rows["residences"]}


def overlaps(visits: list[dict[str, str]]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Every pair of performed visits of one worker that overlap, the slow obvious way."""
    by_worker: dict[str, list[tuple[datetime, datetime, dict[str, str]]]] = defaultdict(list)
    for row in visits:
        if row["status"] == "performed":
            spell = instant(row["start"]).timestamp(), instant(row["end"]).timestamp()
            by_worker[row["worker_id"]].append((*spell, row))  # type: ignore[arg-type]
    found = []
    for spells in by_worker.values():
        spells.sort(key=lambda spell: spell[:2])
        for index, (_, end, row) in enumerate(spells):
            for start, _, later in spells[index + 1 :]:
                if start >= end:
                    break
                found.append((row, later))
    return found


def test_a_worker_is_at_two_clients_at_once_only_where_the_truth_says_so(
    rows: Rows, truth: list[dict[str, object]]
) -> None:
    told = [line for line in truth if line["detector"] == "overlapping_visits"]
    workers = {
        subject: line["scheme"]
        for line in told
        if line["kind"] == "scheme"
        or line["scheme"] in ("forgotten_check_out", "clock_drift", "dst_night")
        for subject in line["subjects"]  # type: ignore[attr-defined]
    }
    together = [
        set(line["subjects"])  # type: ignore[call-overload]
        for line in told
        if line["scheme"] in ("cohabiting_couple", "one_building")
    ]
    causes: Counter[str] = Counter()
    for one, two in overlaps(rows["visits"]):
        clients = {one["client_id"], two["client_id"]}
        if one["group_visit"] == two["group_visit"] == "true":
            causes["group_activity"] += 1
        elif any(clients <= home for home in together):
            causes["same door"] += 1
        else:
            assert one["worker_id"] in workers, (one, two)
            causes[str(workers[one["worker_id"]])] += 1
    assert causes["group_activity"] and causes["same door"]
    assert causes["clock_drift"] and causes["forgotten_check_out"]


def test_a_planted_shared_login_is_seen_on_enough_days(
    rows: Rows, truth: list[dict[str, object]]
) -> None:
    pairs = overlaps(rows["visits"])
    schemes = [
        line
        for line in truth
        if line["detector"] == "overlapping_visits" and line["kind"] == "scheme"
    ]
    assert schemes
    for line in schemes:
        worker = line["subjects"][0]  # type: ignore[index]
        starts = {
            one["start"][:10]
            for one, two in pairs
            if one["worker_id"] == worker
            and line["provider"] in (one["org_id"], two["org_id"])
            and one["device_id"] != two["device_id"]
        }
        assert len(starts) >= 2
        assert line["since"] <= min(starts) and max(starts) <= line["until"]  # type: ignore[operator]


def test_workers_have_time_to_travel_and_rest(rows: Rows, truth: list[dict[str, object]]) -> None:
    """Median speed and rest are believable for those that no plant touches."""
    where = {row["person_id"]: (row["lat"], row["lon"]) for row in rows["persons"]}
    planted = {s for line in truth for s in line["subjects"]}  # type: ignore[attr-defined]
    days: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for row in rows["visits"]:
        if row["status"] == "performed" and row["worker_id"] not in planted:
            if row["client_id"] in planted:
                continue
            start, end = (instant(row[c]).timestamp() for c in ("start", "end"))
            days[row["worker_id"]].append((start, end, row["client_id"]))
    breaches = legs = short_rests = 0
    for spells in days.values():
        spells.sort()
        for (_, end, here), (start, _, there) in pairwise(spells):
            gap = start - end
            if "" in (*where[here], *where[there]) or gap > 7200:
                short_rests += 5 * 3600 < gap < 10 * 3600
                continue
            (lat, lon), (lat2, lon2) = (map(float, where[c]) for c in (here, there))
            metres = ((lat - lat2) ** 2 * 111_200**2 + (lon - lon2) ** 2 * 55_600**2) ** 0.5
            legs += 1
            breaches += gap < 0 or metres > (gap + 1) * 60 / 3.6
    assert legs > 5_000
    assert breaches == 0
    assert short_rests < legs / 200


def test_visits_look_like_home_care(rows: Rows) -> None:
    visits = rows["visits"]
    minutes = [(instant(row["end"]) - instant(row["start"])).total_seconds() / 60 for row in visits]
    assert 22 < sum(minutes) / len(minutes) < 36
    a_day = len(visits) / len({row["start"][:10] for row in visits})
    assert 300 <= a_day <= 530  # 3,000–5,300 a day per 100,000 inhabitants
    by_hour = Counter(row["start"][11:13] for row in visits)
    assert by_hour["08"] > 2 * by_hour["15"] and by_hour["12"] > by_hour["14"]
    assert by_hour["19"] > by_hour["22"]
    assert 0.03 < sum(row["status"] != "performed" for row in visits) / len(visits) < 0.05
    manual = [row for row in visits if "manual" in (row["start_method"], row["end_method"])]
    assert 0.05 < len(manual) / len(visits) < 0.10
    assert all(row["note"] for row in manual)
    exact = sum(row["start"] == row["planned_start"] for row in visits)
    assert exact < len(visits) / 50
    switches = [row for row in rows["enrolments"] if row["end_reason"] == "client_choice"]
    clients = {row["client_id"] for row in rows["enrolments"]}
    yearly = len({row["client_id"] for row in switches}) / len(clients) * 12 / 8
    assert 0.03 < yearly < 0.25


def test_a_client_meets_about_fifteen_workers_in_a_fortnight(rows: Rows) -> None:
    met: dict[str, set[str]] = defaultdict(set)
    visits: Counter[str] = Counter()
    for row in rows["visits"]:
        if "2025-05-05" <= row["start"][:10] < "2025-05-19" and row["status"] == "performed":
            met[row["client_id"]].add(row["worker_id"])
            visits[row["client_id"]] += 1
    often = [len(met[client]) for client, count in visits.items() if count >= 35]
    assert 9 <= sum(often) / len(often) <= 20


def test_visits_fall_within_enrolments_employments_and_contracts(rows: Rows) -> None:
    enrolled = defaultdict(list)
    for row in rows["enrolments"]:
        key = row["client_id"], row["org_id"], row["service"]
        enrolled[key].append((row["valid_from"], row["valid_to"] or "9999"))
    employed = defaultdict(list)
    for row in rows["employments"]:
        key = row["person_id"], row["org_id"]
        employed[key].append((row["valid_from"], row["valid_to"] or "9999"))  # type: ignore[index]
    for row in rows["visits"]:
        started = instant(row["start"])
        days = {str(started.date()), str((started - timedelta(hours=9)).date())}
        spells = enrolled[row["client_id"], row["org_id"], row["service"]]
        assert any(since <= day < until for since, until in spells for day in days), row
        jobs = employed[row["worker_id"], row["org_id"]]  # type: ignore[index]
        assert any(since <= day < until for since, until in jobs for day in days), row


def with_amended_decisions(truth: list[dict[str, object]]) -> set[object]:
    """Clients whose decisions a plant has changed: too small, too late, two at once, or none."""
    lines = [line for line in truth if str(line["detector"]).startswith("billed_")]
    return {subject for line in lines for subject in line["subjects"]}  # type: ignore[attr-defined]


def test_enrolments_and_decisions_of_a_service_do_not_overlap(
    rows: Rows, truth: list[dict[str, object]]
) -> None:
    amended = with_amended_decisions(truth)
    for table in ("enrolments", "decisions"):
        spells = defaultdict(list)
        for row in rows[table]:
            if table == "decisions" and row["client_id"] in amended:
                continue
            spell = row["valid_from"], row["valid_to"] or "9999"
            spells[row["client_id"], row["service"]].append(spell)
        for periods in spells.values():
            periods.sort()
            for (_, until), (since, _) in pairwise(periods):
                assert until <= since


def test_invoices_add_up_and_are_paid(rows: Rows) -> None:
    lines: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows["invoice_lines"]:
        amount = Decimal(row["quantity"]) * Decimal(row["unit_price"])
        assert abs(amount - Decimal(row["amount"])) <= Decimal("0.005")
        lines[row["invoice_id"]] += Decimal(row["amount"])
    paid = {row["invoice_id"]: row for row in rows["payments"] if row["invoice_id"]}
    assert paid
    for row in rows["invoices"]:
        assert Decimal(row["amount"]) == lines[row["invoice_id"]]
        payment = paid.get(row["invoice_id"])
        if payment is not None:
            assert payment["payee_account"] == row["account"]
            assert Decimal(payment["amount"]) == Decimal(row["amount"])
            waited = date.fromisoformat(payment["paid_on"]) - date.fromisoformat(row["issued_on"])
            assert waited == timedelta(30)


def test_no_more_is_billed_than_decided_but_where_the_truth_says_so(
    rows: Rows, truth: list[dict[str, object]]
) -> None:
    amended = with_amended_decisions(truth)
    granted = defaultdict(list)
    for row in rows["decisions"]:
        key = row["client_id"], row["service"]
        granted[key].append((row["valid_from"], row["valid_to"] or "9999", row["hours_per_month"]))
    month = {row["invoice_id"]: row["period_from"] for row in rows["invoices"]}
    for row in rows["invoice_lines"]:
        if row["client_id"] in amended:
            continue
        day = month[row["invoice_id"]]
        spells = granted[row["client_id"], row["service"]]
        hours = [Decimal(h) for since, until, h in spells if since[:7] <= day[:7] < until[:7]]
        assert hours, row
        assert Decimal(row["hours"] or 0) <= sum(hours), row


def test_every_detector_has_a_scheme_and_innocent_causes() -> None:
    """In a town of some twenty private providers; a small one has room for a few schemes only."""
    told = defaultdict(set)
    start, end = date(2025, 1, 1), date(2026, 1, 1)
    world = build(seed=11, inhabitants=150_000, start=start, end=end, schemes=DETECTORS)
    for line in world.truth:
        told[line["detector"], line["kind"]].add(line["scheme"])
    assert len(told.pop(("resolution", "same"))) >= 4
    assert len(told.pop(("resolution", "different"))) >= 4
    assert {detector for detector, _ in told} == set(DETECTORS)
    for detector in DETECTORS:
        assert told[detector, "scheme"], detector
        assert len(told[detector, "innocent"]) >= 3, detector


def test_truth_names_what_the_files_hold(rows: Rows, truth: list[dict[str, object]]) -> None:
    known = {row["person_id"] for row in rows["persons"]}
    known |= {row["org_id"] for row in rows["organisations"]}
    known |= {row["account"] for row in rows["accounts"]}
    hosts = Counter()
    for line in truth:
        assert {line["provider"], *line["subjects"]} <= known  # type: ignore[misc]
        assert "2025-03-15" <= line["since"] <= line["until"] < "2025-11-16"  # type: ignore[operator]
        if line["kind"] == "scheme":
            hosts[line["provider"], line["detector"]] += 1
    innocent = {
        (line["provider"], line["detector"]) for line in truth if line["kind"] == "innocent"
    }
    register = {"shared_account", "ownership_ring", "clients_follow_worker"}
    both = {host for host in hosts if host[1] in register} & innocent
    assert not {host for host in both if host[0] != rows["municipalities"][0]["org_id"]}
