"""What is planted, strong or weak, one scheme a firm (domain T1, T5, T12a, T13, T15, T21–T30)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

from tests.examiner.town import Client, Firm, Row, Town
from tests.examiner.year import visit

Scheme: TypeAlias = Callable[[Town, Firm, bool], None]


def host(town: Town) -> Firm:
    """A private firm at which nothing else is planted."""
    free = [f for f in town.firms if not f.own and not f.marks and f.until is None]
    firm = town.random.choice(free)
    firm.marks.add("scheme")
    return firm


def _tell(town: Town, detector: str, firm: Firm, strong: bool) -> None:
    town.planted.append((detector, firm.org, "strong" if strong else "weak"))


def settled(town: Town, firm: Firm) -> list[Client]:
    return [c for c in town.clients.values() if c.firm is firm and c.settled]


def _visits_of(town: Town, firm: Firm, worker: str) -> dict[str, list[Row]]:
    """A worker's visits by day, in order."""
    days: dict[str, list[Row]] = {}
    rows = [v for v in town.tables["visits"] if (v["worker_id"], v["org_id"]) == (worker, firm.org)]
    for row in sorted(rows, key=lambda v: v["start"]):
        days.setdefault(row["start"][:10], []).append(row)
    return days


def _some_days(town: Town, days: dict[str, list[Row]], count: int) -> list[list[Row]]:
    return [days[day] for day in sorted(town.random.sample(sorted(days), min(len(days), count)))]


def overlapping_visits(town: Town, firm: Firm, strong: bool) -> None:
    worker = firm.workers[0]

    def plant() -> None:
        for rows in _some_days(town, _visits_of(town, firm, worker), 14 if strong else 6):
            row = town.random.choice(rows)
            begin = datetime.fromisoformat(row["start"]) + timedelta(minutes=3)
            day = begin.date()
            others = [c for c in town.clients.values() if c.firm_on(day) is firm]
            others = [c for c in others if c.id != row["client_id"]]
            minute = begin.hour * 60 + begin.minute
            other = town.random.choice(others)
            visit(town, firm, worker, other, day, minute, minute + (35 if strong else 16))

    town.after_visits.append(plant)
    _tell(town, "overlapping_visits", firm, strong)


def login_on_two_devices(town: Town, firm: Firm, strong: bool) -> None:
    """One login to and fro between two telephones; or one used weeks after its holder left."""
    firm.pooled = False
    worker = firm.workers[0]

    def alternate() -> None:
        for rows in _some_days(town, _visits_of(town, firm, worker), 20 if strong else 7):
            for row in rows[::2]:
                row["device_id"] = f"{town.prefix}other-{firm.org[-5:]}"

    def outlive() -> None:
        days = sorted(_visits_of(town, firm, worker))
        gone = date.fromisoformat(days[len(days) * 2 // 3])
        town.leave(firm, worker, gone - timedelta(40 if strong else 20))

    town.after_visits.append(town.random.choice((alternate, outlive)))
    _tell(town, "login_on_two_devices", firm, strong)


def clients_follow_worker(town: Town, firm: Firm, strong: bool) -> None:
    to = host(town)
    worker, other = firm.workers[:2]
    clients = settled(town, firm)
    while len(clients) < 14:
        clients.append(town.enrol(firm, town.start - timedelta(200)))
    circle = clients[: 8 if strong else 7]
    for client in clients:
        client.contact = worker if client in circle else other
    moved = town.day(town.random.uniform(0.4, 0.6))
    town.change_post(firm, worker, moved, to)
    for client in circle[: 6 if strong else 4]:
        client.moves.append((moved + timedelta(town.random.randint(3, 60 if strong else 80)), to))
    _tell(town, "clients_follow_worker", to, strong)


def phoenix_company(town: Town, firm: Firm, strong: bool) -> None:
    end = town.day(town.random.uniform(0.4, 0.55))
    since = end + timedelta(town.random.randint(-20, 25))
    new = town.firm("Nystart", workers=3, clients=0, since=since)
    new.marks.add("scheme")
    town.register(new.org)["registered_on"] = end - timedelta(town.random.randint(30, 200))
    close(town, firm, end, town.random.choice(("terminated", "revoked", "bankruptcy")))
    pass_on(town, firm, new, end, *((0.8, 0.7) if strong else (0.55, 0.35)))
    if strong:
        town.register(new.org)["phone"] = town.register(firm.org)["phone"]
    town.officer(new.org, firm.officers[1 if strong else 0], "signatory", since)
    _tell(town, "phoenix_company", new, strong)


def close(town: Town, firm: Firm, end: date, how: str) -> None:
    """The firm's time with the municipality ends."""
    firm.until = end
    for row in town.tables["contracts"]:
        if row["org_id"] == firm.org:
            row.update(valid_to=end, end_reason=how)
    if how == "revoked":
        town.permit(firm.org, "revoked", end)
    if how == "bankruptcy":
        town.register(firm.org).update(status="bankruptcy", status_on=end)


def pass_on(
    town: Town, firm: Firm, new: Firm | None, end: date, workers: float, clients: float
) -> None:
    """Shares of workers and clients go to the new firm, the rest to whoever stands."""
    others = [f for f in town.firms if f not in (firm, new) and f.until is None]
    others = [f for f in others if f.since <= town.start]
    begin = max(end, new.since) if new else end
    for number, who in enumerate(list(firm.workers)):
        taken = number < round(workers * len(firm.workers))
        town.change_post(firm, who, begin if taken else end, new if taken else None)
    served = [c for c in town.clients.values() if c.firm_on(end - timedelta(1)) is firm]
    for client in town.clients.values():  # nobody comes to a firm that has closed
        later = [(day, f) for day, f in client.moves if day >= end]
        client.moves = [move for move in client.moves if move[0] < end]
        if client not in served:
            client.moves += [
                (d, f if f is not firm else town.random.choice(others)) for d, f in later
            ]
    for number, client in enumerate(served):
        taken = new is not None and number < round(clients * len(served))
        move = (begin, new) if taken and new else (end, town.random.choice(others))
        client.moves.append(move)


def shared_account(town: Town, firm: Firm, strong: bool) -> None:
    if strong:
        other = host(town)
        other.account = firm.account
        _tell(town, "shared_account", other, strong)
    else:
        holder = town.person()
        row = {"account": firm.account, "holder_id": holder, "holder_kind": "person"}
        town.tables["accounts"].append({**row, "valid_from": date(2020, 1, 1), "purpose": "own"})
    _tell(town, "shared_account", firm, strong)


def shared_contact(town: Town, firm: Firm, strong: bool) -> None:
    """Two strange firms answer one telephone and mailbox; weak: their leaders share a number."""
    other = host(town)
    if strong:
        of = town.register(firm.org)
        town.register(other.org).update(phone=of["phone"], email=of["email"])
    else:
        number = f"{5 + town.seed % 90:02d}"
        town.persons[firm.officers[0]]["phone"] = f"070-174 06 {number}"
        town.persons[other.officers[0]]["phone"] = f"+46701 7406{number}"
    _tell(town, "shared_contact", firm, strong)
    _tell(town, "shared_contact", other, strong)


def ownership_ring(town: Town, firm: Firm, strong: bool) -> None:
    town.disown(firm.org)
    links = [town.organisation(f"Holding {n}", industry="70100") for n in range(2 if strong else 3)]
    last = firm.org if strong else f"CY:HE40{town.seed % 9000:04d}"
    chain = [firm.org, *links, last]
    for org, owner in pairwise(chain):
        town.own(org, owner)
    _tell(town, "ownership_ring", firm, strong)


def hollow_company(town: Town, firm: Firm, strong: bool) -> None:
    row = town.register(firm.org)
    row.update(f_tax="false", employer="false", employees=0, street="Box 77", postcode="310 99")
    row["registered_on"] = firm.since - timedelta(60 if strong else 150)
    boss = firm.officers[0]
    if strong:
        row.update(care_of="c/o Kontorsservice", phone=None, email=None, industry="41200")
        ban = {"person_id": boss, "valid_from": firm.since - timedelta(100)}
        town.tables["trading_bans"].append(ban)
        for number, what in enumerate(("board", "industry", "address")):
            change(town, firm, what, town.day(0.3) + timedelta(6 * number))
    else:
        for number in range(5):
            failed = {"status": "bankruptcy", "status_on": date(2022, 5, 1)} if number < 2 else {}
            board = town.organisation(f"Bolag {number}", industry="47110", **failed)
            town.officer(board, boss, "director", date(2019, 5, 1))
    _tell(town, "hollow_company", firm, strong)


def change(town: Town, firm: Firm, what: str, day: date) -> None:
    number = len(town.tables["organisation_changes"])
    row = {"change_id": f"{town.prefix}c{number}", "org_id": firm.org, "changed_on": day}
    town.tables["organisation_changes"].append({**row, "what": what})


def billed_over_decision(town: Town, firm: Firm, strong: bool) -> None:
    count, more, since, until = (5, 1.5, 0.2, 0.9) if strong else (2, 1.25, 0.4, 0.75)
    for client in settled(town, firm)[:count]:
        client.granted = 1
        town.inflated[client.id] = (more, town.day(since), town.day(until))
    _tell(town, "billed_over_decision", firm, strong)


def billed_without_decision(town: Town, firm: Firm, strong: bool) -> None:
    """Clients whom nobody ever granted anything; weak: one whose decision ended."""
    for client in settled(town, firm)[: 4 if strong else 1]:
        town.undecided[client.id] = (date.min if strong else town.day(0.7), date.max)
    _tell(town, "billed_without_decision", firm, strong)


SCHEMES: tuple[Scheme, ...] = (
    overlapping_visits,
    login_on_two_devices,
    clients_follow_worker,
    phoenix_company,
    shared_account,
    shared_contact,
    ownership_ring,
    hollow_company,
    billed_over_decision,
    billed_without_decision,
)
