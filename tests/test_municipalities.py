"""Municipalities told by hand, with other services, rhythms and gaps than the synthetic town's.

Each is written as canonical files, loaded and run like a municipality's own; what was planted is
found and nothing else, alone and all in one home. Domain T1, T15, T19, T26, T30.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

import queries
from graph_service.detector import open_rooms
from graph_service.home import Home
from graph_service.run import run
from loaders import reject_file
from loaders.load import Options, load
from tests.house import csv_text, luhn, person

Tables: TypeAlias = dict[str, list[dict[str, Any]]]
#: Detector, provider, and whom or what the finding is about beside providers.
Planted: TypeAlias = set[tuple[str, str, frozenset[str]]]
Municipality: TypeAlias = Callable[[], tuple[Tables, Planted]]

ROOMS = open_rooms(Path(queries.__file__).parent)


def firm(n: int) -> str:
    nine = f"55981{n:04}"
    return nine + luhn(nine)


def giro(n: int) -> str:
    seven = f"998{n:04}"
    return f"BG:{seven}{luhn(seven)}"


def at(day: date, hour: float) -> str:
    """Local wall clock, as a system without offsets writes it."""
    moment = datetime(day.year, day.month, day.day) + timedelta(hours=hour)
    return moment.strftime("%Y-%m-%d %H:%M")


class Diary:
    """Visits as a system writes them that knows neither plans, methods nor devices."""

    def __init__(self, prefix: str, municipality: str, service: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self.fixed = {"municipality": municipality, "service": service}
        self.prefix = prefix

    def note(
        self, org: str, worker: str, client: str, day: date, start: float, end: float, **more: Any
    ) -> None:
        self.rows.append(
            {
                "visit_id": f"{self.prefix}{len(self.rows)}",
                **self.fixed,
                "org_id": org,
                "worker_id": worker,
                "client_id": client,
                "start": at(day, start),
                "end": at(day, end),
                "status": "performed",
                "group_visit": None,
                **more,
            }
        )


# --- personal assistance: whole shifts in the clients' homes (T1) ------------------------------


def assistance() -> tuple[Tables, Planted]:
    """Shifts round the clock in an autumn with its repeated hour; addresses, no coordinates."""
    here, there = Diary("a-", "Norrby kommun", "assistans"), Diary("b-", "0002", "ledsagning")
    one, two = firm(1), firm(2)
    days = [date(2024, 9, 1) + timedelta(n) for n in range(100)]
    streets = ["Björkvägen 4 A", "BJÖRKVÄGEN 4A, 2 tr", "Torget 1", "Åkerstigen 17", "Ögatan 5"]
    persons = [
        {"person_id": f"lss:{n}", "street": street, "postcode": "900 01", "city": "Norrby"}
        for n, street in enumerate(streets)
    ]
    # Client 5 is protected and lives with client 4; nothing is known of clients 6 to 8.
    persons.append({"person_id": "lss:5", "protection": "protected_registration"})
    for number, day in enumerate(days):
        for client in (0, 2, 3, 4, 6, 7):
            for shift, start in enumerate((7, 15, 23)):
                worker = f"hsa:a{client}{(number + shift) % 4}"
                who = [client, *({0: [1], 4: [5]}.get(client, []))]  # couples: one stay
                for home in who:
                    # Whoever leaves checks out two minutes after the next one came.
                    here.note(one, worker, f"lss:{home}", day, start, start + 8 + 2 / 60)
        # Two at one client, and an outing for three that says so.
        here.note(one, "hsa:second", "lss:2", day, 9, 11)
        if day.weekday() == 2:
            for client in (2, 6, 7):
                here.note(one, "hsa:guide", f"lss:{client}", day, 13, 15, group_visit="true")
        # A companion from the other municipality's firm, on the way home before the next.
        there.note(two, "hsa:walks", "lss:8", day, 10, 11.5)
        there.note(two, "hsa:walks", "lss:9", day, 11.5, 12.5)
    # Forgotten check-outs: a shift of eight hours that ends at midnight, one never closed.
    here.note(one, "hsa:forgot", "lss:2", days[30], 7, 24)
    here.note(one, "hsa:forgot", "lss:3", days[30], 16, 20)
    here.note(one, "hsa:forgot", "lss:3", days[40], 7, 7 + 72)
    here.note(one, "hsa:forgot", "lss:2", days[41], 7, 15)
    # Declined at the door while the worker had gone on.
    here.note(one, "hsa:went", "lss:2", days[50], 8, 10, status="declined")
    here.note(one, "hsa:went", "lss:3", days[50], 8.5, 10)
    # In the repeated hour either may be the later one.
    night = date(2024, 10, 27)
    here.note(one, "hsa:night", "lss:2", night, 2, 2.75)
    here.note(one, "hsa:night", "lss:3", night, 2.25, 2.9)
    # Planted: one name on two shifts, and one name in two municipalities on the same mornings.
    for day in days[10:70:6]:
        here.note(one, "hsa:twice", "lss:2", day, 15, 23)
        here.note(one, "hsa:twice", "lss:3", day, 18, 22)
    for day in days[12:60:7]:
        here.note(one, "hsa:both", "lss:6", day, 8, 12)
        there.note(two, "hsa:both", "lss:9", day, 9, 11)
    tables: Tables = {
        "visits": here.rows + there.rows,
        "persons": persons,
        "organisations": [{"org_id": org, "name": "Syntetisk Assistans"} for org in (one, two)],
        "invoices": [
            {
                "invoice_id": f"{org}:{month}",
                "org_id": org,
                "municipality": "Norrby kommun",
                "issued_on": f"2024-{month:02}-28",
                "period_from": f"2024-{month:02}-01",
                "period_to": f"2024-{month:02}-28",
                "amount": "120000",
            }
            for org in (one, two)
            for month in (9, 10, 11)
        ],
    }
    name = "overlapping_visits"
    return tables, {
        (name, one, frozenset({"hsa:twice"})),
        (name, one, frozenset({"hsa:both"})),
        (name, two, frozenset({"hsa:both"})),
    }


# --- accounts that only payments tell of (T30, T19) --------------------------------------------


def ledger() -> tuple[Tables, Planted]:
    """A year of a supplier ledger and of payrolls; no register of accounts at all."""
    town = "212000112" + luhn("212000112")
    payments: list[dict[str, Any]] = []
    invoices: list[dict[str, Any]] = []

    def pay(payee: str, account: str, months: range, payer: str = town, **more: Any) -> None:
        for month in months:
            payments.append(
                {
                    "payment_id": f"p{len(payments)}",
                    "paid_on": f"2025-{month:02}-25",
                    "payer_id": payer,
                    "payer_account": giro(900) if payer == town else None,
                    "payee_id": payee,
                    "payee_account": account,
                    "amount": "50000.00",
                    "invoice_id": None,
                    **more,
                }
            )

    def bill(org: str, month: int, **more: Any) -> str:
        invoices.append(
            {
                "invoice_id": f"{org}:{month}",
                "org_id": org,
                "municipality": "Söderby",
                "issued_on": f"2025-{month:02}-01",
                "period_from": f"2025-{month:02}-01",
                "period_to": f"2025-{month:02}-28",
                "amount": "50000",
                "account": None,
                "factoring": None,
                **more,
            }
        )
        return str(invoices[-1]["invoice_id"])

    year = range(1, 13)
    firms = [firm(100 + n) for n in range(14)]
    for org in firms:
        bill(org, 1)
    pay(firms[0], giro(0), year)
    pay(firms[1], giro(0), range(5, 13))  # planted: two strangers on one account
    pay(firms[2], giro(2), range(1, 5))  # sold in April; the last invoice is paid in May
    pay(firms[3], giro(2), range(5, 13))
    pay(firms[2], giro(2), range(5, 6))
    pay(firms[4], giro(4), year)  # two daughters and their mother
    pay(firms[5], giro(4), year)
    for org in firms[6:8]:  # both sell their invoices to one buyer
        for month in year:
            sold = bill(org, month, invoice_id=f"{org}:s{month}", account=giro(6), factoring="true")
            pay(org, giro(6), range(month, month + 1), invoice_id=sold)
    pay(firms[8], giro(8), year)  # planted: a firm on a private person's account
    pay("hsa:cousin", giro(8), range(2, 12), payer=firms[8], purpose="wages")
    pay(firms[9], giro(9), year)
    staff = {org: [f"hsa:{org}-{n}" for n in range(8)] for org in firms[9:11]}
    for org, workers in staff.items():
        for number, worker in enumerate(workers):
            pay(worker, giro(20 + 10 * firms.index(org) + number), year, payer=org, purpose="wages")
    for worker in staff[firms[9]][:4]:  # planted: four wages on one account
        pay(worker, giro(500), range(3, 12), payer=firms[9], purpose="wages")
    for worker in staff[firms[10]][:2]:  # a couple at one address
        pay(worker, giro(501), year, payer=firms[10], purpose="wages")
    for worker in staff[firms[10]][2:4]:  # perhaps a couple: their homes are unknown
        pay(worker, giro(502), year, payer=firms[10], purpose="wages")
    trader = person(40, "19800101")  # a sole trader is its owner
    bill(trader, 1)
    pay(trader, giro(30), year)
    pay(firms[11], giro(31), year)  # a client's allowance goes to the client's own provider
    pay("lss:allowance", giro(31), year)
    pay(town, giro(900), year, payer=firms[12])  # refunds to the municipality
    pay(firms[12], giro(32), year)
    couple = staff[firms[10]][:2]
    tables: Tables = {
        "payments": payments,
        "invoices": invoices,
        "municipalities": [{"municipality": "Söderby", "org_id": town}],
        "owners": [
            {"org_id": org, "owner_id": firms[13], "owner_kind": "organisation",
             "interest": "shares", "share": "1"}
            for org in firms[4:6]
        ],
        "employments": [
            {"org_id": org, "person_id": worker, "valid_from": "2024-01-01"}
            for org, workers in staff.items()
            for worker in workers
        ],
        "persons": [{"person_id": who, "street": "Allén 9", "city": "Söderby"} for who in couple],
        "enrolments": [
            {"client_id": "lss:allowance", "org_id": firms[11], "municipality": "Söderby",
             "service": "assistans", "valid_from": "2024-01-01"}
        ],
    }  # fmt: skip
    name = "shared_account"
    return tables, {
        (name, firms[0], frozenset({giro(0), firms[1]})),
        (name, firms[1], frozenset({giro(0), firms[0]})),
        (name, firms[8], frozenset({giro(8), "hsa:cousin"})),
        (name, firms[9], frozenset({giro(500), *staff[firms[9]][:4]})),
    }


# --- respite twice a week, known from visits alone (T15) ----------------------------------------


def respite() -> tuple[Tables, Planted]:
    """Three municipalities, visits twice a week, no enrolments and no employments."""
    rng = Random("respite")
    found: Planted = set()
    tables: Tables = {"visits": [], "persons": []}
    for number, tale in enumerate((_led_over, _closed_down, _few_followed)):
        place = f"by-{number}"
        diary = Diary(f"{place}-", place, "avlösning")
        firms = [firm(200 + 10 * number + n) for n in range(4)]
        clients = [f"sol:{place}-{n}" for n in range(96)]
        serving = {
            client: (firms[n // 24], f"hsa:{place}-{n // 24}-{n // 4 % 6}")
            for n, client in enumerate(clients)
        }
        moves = tale(firms, clients, serving)
        for client in rng.sample(clients, 6):  # the usual comings and goings
            if client not in moves:
                org = rng.choice([f for f in firms[1:] if f != serving[client][0]] or firms[1:])
                when = date(2025, 2, 1) + timedelta(rng.randrange(280))
                moves[client] = (when, org, f"hsa:new-{client}")
        _visit_twice_a_week(diary, rng, clients, serving, moves)
        tables["visits"] += diary.rows
        if tale is _led_over:
            found.add(
                ("clients_follow_worker", firms[1], frozenset({firms[0], serving[clients[0]][1]}))
            )
        if tale is _few_followed:
            tables["persons"] += [
                {"person_id": c, "street": "Backen 3", "city": place} for c in clients[:3]
            ]
    return tables, found


Serving: TypeAlias = dict[str, tuple[str, str]]
Moves: TypeAlias = dict[str, tuple[date, str, str]]


def _led_over(firms: list[str], clients: list[str], serving: Serving) -> Moves:
    """All four whom a worker saw go along within two months."""
    worker = serving[clients[0]][1]
    return {
        client: (date(2025, 6, 2) + timedelta(14 * n), firms[1], worker)
        for n, client in enumerate(clients[:4])
    }


def _closed_down(firms: list[str], clients: list[str], serving: Serving) -> Moves:
    """A firm ends; its workers take what they can to three others, and no register says so."""
    return {
        client: (date(2025, 6, 2) + timedelta(n % 20), firms[1 + n // 4 % 3], serving[client][1])
        for n, client in enumerate(clients[:24])
    }


def _few_followed(firms: list[str], clients: list[str], serving: Serving) -> Moves:
    """A household of three goes along with the worker, and nobody else."""
    worker = serving[clients[0]][1]
    return {client: (date(2025, 6, 9), firms[1], worker) for client in clients[:3]}


def _visit_twice_a_week(
    diary: Diary, rng: Random, clients: list[str], serving: Serving, moves: Moves
) -> None:
    """The client's own worker comes four times of five; whoever moved is seen at one place only."""
    gone: dict[str, date] = {}
    for when, org, worker in moves.values():
        if worker in {own for _, own in serving.values()} and org not in (
            {firm_id for firm_id, own in serving.values() if own == worker}
        ):
            gone[worker] = min(when, gone.get(worker, when))
    for week in range(52):
        for number, client in enumerate(clients):
            for half in (0, 3):
                day = date(2025, 1, 6) + timedelta(7 * week + half)
                org, worker = serving[client]
                when, to, follows = moves.get(client, (date.max, org, worker))
                if day >= when:
                    org, worker = to, follows
                elif gone.get(worker, date.max) <= day or rng.random() < 0.2:
                    worker = f"hsa:stand-in-{org}-{number}"
                start = (
                    16 + 1.2 * (number % 4) if day >= when else 8 + 2 * (number % 4)
                ) + rng.randrange(1, 10) / 60
                diary.note(org, worker, client, day, start, start + 1)


# --- owners, known with gaps (T26) ---------------------------------------------------------------


def holdings() -> tuple[Tables, Planted]:
    """Owners as a register and a questionnaire give them: parallel interests, unknown shares."""
    owners: list[dict[str, Any]] = []

    def own(
        owned: str, owner: str, share: str | None, interest: str = "shares", **more: Any
    ) -> None:
        kind = "person" if owner.startswith("bv:") else "organisation"
        row = {"org_id": owned, "owner_id": owner, "owner_kind": kind, "interest": interest}
        owners.append({**row, "share": share, "valid_from": None, "valid_to": None, **more})

    def chain(owned: str, *above: str) -> None:
        for lower, upper in zip((owned, *above), above, strict=False):
            own(lower, upper, "1")

    p = [firm(300 + n) for n in range(12)]
    h = [firm(330 + n) for n in range(30)]
    abroad = [f"NL:{n}" for n in range(10)]
    own(p[0], h[0], "0.8")  # planted: two holdings hold each other
    own(p[0], "bv:anna", "0.2")
    own(h[0], h[1], "1")
    own(h[1], h[0], "1")
    own(h[1], h[0], "1", "votes")
    chain(p[1], h[2], abroad[0], abroad[1], "CY:7")  # planted: four abroad, then nobody
    chain(p[2], h[3], h[4], h[5], h[6])  # as long, but a person at the end
    own(h[6], "bv:olle", "0.6")
    own(h[6], "bv:eva", "0.4")
    chain(p[3], h[7], h[8], h[9], "DK:9")  # the questionnaire names who is in control
    own(p[3], "bv:kim", None, "beneficial")
    own(p[4], h[10], "0.9")  # a tenth held crosswise
    own(p[4], "bv:pia", "0.1")
    own(h[10], "bv:pia", "0.9")
    own(h[10], p[4], "0.1")
    own(p[5], h[11], "1", valid_to="2023-01-01")  # a ring that was undone
    own(h[11], p[5], "1", valid_to="2023-01-01")
    own(p[5], "bv:ulf", "1", valid_from="2023-01-01")
    own(p[6], "bv:a", None)  # three partners, shares not told
    own(p[6], "bv:b", None)
    own(p[6], "bv:c", None)
    chain(p[7], h[12], h[13], h[14], h[15])  # at the top a body with members
    union = "769000112" + luhn("769000112")
    own(h[15], union, "1")
    chain(p[8], h[16], h[17], h[18], h[19])
    own(p[9], h[20], "1")  # a holding company over an operating one, whose owner is not known
    own(p[10], "bv:solo", "1")
    own(p[10], "bv:solo", "1", "votes")
    tables: Tables = {
        "owners": owners,
        "organisations": [
            {"org_id": h[19], "name": "Syntetiska Gruppen AB (publ)", "legal_form": None},
        ],
        "placements": [
            {"placement_id": f"x{n}", "client_id": f"barn:{n}", "org_id": org,
             "start": "2025-01-01", "day_rate_sek": "3000"}
            for n, org in enumerate(p)
        ],
    }  # fmt: skip
    return tables, {
        ("ownership_ring", p[0], frozenset({h[0], h[1]})),
        ("ownership_ring", p[1], frozenset({h[2], abroad[0], abroad[1], "CY:7"})),
    }


# --- home care in short rounds, with registers (T1, T15, T30) -----------------------------------


def rounds() -> tuple[Tables, Planted]:
    """Twelve short visits a round, no plan; flats by address, a group home without any."""
    rng = Random("rounds")
    diary = Diary("r-", "1499", "Hemtjänst")
    orgs = [firm(400 + n) for n in range(3)]
    clients = [f"sol:r{n}" for n in range(72)]
    persons = [
        {"person_id": client, "street": f"Gårdsgatan {7 + n}", "postcode": "45001", "city": "Mo"}
        for n, client in enumerate(clients)
    ]
    persons[1]["street"] = persons[0]["street"] + " B"  # two stairs of one house
    # A worker leaves the first firm for the second; five of the six clients go along by July.
    leaver, left = "hsa:r0-0", date(2025, 5, 30)
    moved = {f"sol:r{n}": date(2025, 6, 16) + timedelta(9 * n) for n in range(2, 7)}
    # Of the third firm's clients some move house, and are served by the second where they go.
    moved |= {f"sol:r{n}": date(2025, 6, 20) + timedelta(n % 9) for n in range(60, 66)}
    enrolments = []
    for n, client in enumerate(clients):
        own, end = orgs[n // 24], moved.get(client)
        row = {"client_id": client, "municipality": "1499", "service": "Hemtjänst"}
        reason = None if end is None else "moved" if n >= 60 else "client_choice"
        enrolments.append(
            {
                **row,
                "org_id": own,
                "valid_from": "2022-01-01",
                "valid_to": end,
                "end_reason": reason,
            }
        )
        if end is not None:
            enrolments.append(
                {**row, "org_id": orgs[1], "valid_from": end, "valid_to": None, "end_reason": None}
            )
    for number in range(180):
        day = date(2025, 3, 3) + timedelta(number)
        for line in range(12):  # a round of six clients each, morning and evening
            for begins, turn in ((7.5, 0), (17.0, 1)):
                worker = f"hsa:r{line}-{2 * turn + (number % 2 if line else 0)}"
                if worker == leaver and day > left:
                    worker = "hsa:r0-1"
                clock = begins
                for n in range(6 * line, 6 * line + 6):
                    client = clients[n]
                    org = orgs[1] if day >= moved.get(client, date.max) else orgs[n // 24]
                    who = worker if org == orgs[n // 24] else f"hsa:r1-9{n}"
                    if day >= moved.get(client, date.max) and n < 24 and turn == 0:
                        who = leaver
                    length = rng.choice([10, 12, 15, 20, 25]) / 60
                    drift = rng.randrange(-2, 3) / 60  # clocks of two phones
                    diary.note(org, who, client, day, clock + drift, clock + length + 1 / 60)
                    clock += length + 4 / 60
    # A group home: nobody knows its address; whoever works there checks in on two at a time.
    for number in range(60):
        day = date(2025, 3, 3) + timedelta(number)
        for hour in (8, 12, 19):
            pair = rng.sample([f"sol:home{n}" for n in range(4)], 2)
            for resident in pair:
                diary.note(orgs[2], f"hsa:home{number % 5}", resident, day, hour, hour + 1)
    # Planted: in one round of the third firm the next check-in comes before the door is left.
    early = date(2025, 4, 1)
    for number in range(0, 40, 2):
        day = early + timedelta(number)
        diary.note(orgs[2], "hsa:early", clients[70], day, 13, 13.5)
        diary.note(orgs[2], "hsa:early", clients[71], day, 13.25, 13.75)
    tables: Tables = {
        "visits": diary.rows,
        "persons": persons,
        "enrolments": enrolments,
        "employments": [
            {"org_id": orgs[0], "person_id": leaver, "valid_from": "2021-01-01", "valid_to": left},
            {"org_id": orgs[1], "person_id": leaver, "valid_from": "2025-06-09", "valid_to": None},
        ],
    }
    return tables, {
        ("overlapping_visits", orgs[2], frozenset({"hsa:early"})),
        ("clients_follow_worker", orgs[1], frozenset({orgs[0], leaver})),
    }


# --- the way of every municipality ---------------------------------------------------------------

ALL: tuple[Municipality, ...] = (assistance, ledger, respite, holdings, rounds)


def found_in(folder: Path, tables: Tables) -> Planted:
    files = folder / "files"
    files.mkdir()
    for table, rows in tables.items():
        (files / f"{table}.csv").write_text(csv_text(rows), encoding="utf-8")
    home = Home(folder / "home")
    now = _clock()
    outcome = load(home, [files], Options(), clock=lambda: next(now))
    assert [reject["reason"] for reject in reject_file.listing(home, outcome.batch)] == []
    assert [receipt.refused for receipt in outcome.receipts if receipt.refused] == []
    made = run(home, ROOMS, clock=lambda: next(now), memory="1GiB")
    return {
        (
            finding["detector"],
            finding["provider_id"],
            frozenset(s["id"] for s in finding["subjects"]) - {finding["provider_id"]},
        )
        for finding in made.run.rows("findings", order="finding_id")
    }


def _clock() -> Iterator[datetime]:
    now = datetime(2026, 2, 1, 12, tzinfo=UTC)
    while True:
        now += timedelta(seconds=1)
        yield now


@pytest.mark.parametrize("municipality", ALL, ids=lambda told: str(told.__name__))
def test_what_was_planted_is_found_and_nothing_else(
    tmp_path: Path, municipality: Municipality
) -> None:
    tables, planted = municipality()
    assert found_in(tmp_path, tables) == planted


def test_municipalities_in_one_home_do_not_disturb_each_other(tmp_path: Path) -> None:
    together: Tables = {}
    expected: Planted = set()
    for municipality in ALL:
        tables, planted = municipality()
        expected |= planted
        for table, rows in tables.items():
            together.setdefault(table, []).extend(rows)
    assert found_in(tmp_path, together) == expected
