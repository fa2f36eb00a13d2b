"""The innocent causes that domain.md names, each at firms where nothing else explains it away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeAlias

from tests.examiner.schemes import change, close, pass_on, settled
from tests.examiner.town import SERVICE, Client, Firm, Town, giro
from tests.examiner.year import visit

Innocent: TypeAlias = Callable[[Town], None]


def _hosts(town: Town, cause: str, count: int, *detectors: str) -> list[Firm]:
    """Firms without a scheme; what empties a register or closes a firm has it for itself."""
    free = [f for f in town.firms if not f.own and f.until is None]
    free = [f for f in free if not f.marks & {"scheme", "whole", cause}]
    chosen = town.random.sample(free, min(len(free), count))
    for firm in chosen:
        firm.marks.add(cause)
        town.innocent += [(detector, firm.org, cause) for detector in detectors]
    return chosen


def _take_over(town: Town, cause: str, share: float) -> tuple[Firm, date] | None:
    unmarked = [f for f in town.firms if not f.own and not f.marks and f.until is None]
    if not unmarked:
        return None
    firm = town.random.choice(unmarked)
    firm.marks |= {"whole", cause}
    return firm, town.day(share).replace(day=1)


def tender(town: Town) -> None:
    """A contract runs out and another firm wins the tender: staff and clients go along."""
    if taken := _take_over(town, "tender", 0.5):
        firm, end = taken
        new = town.firm("Upphandlad", workers=3, clients=0, since=end)
        new.marks.add("whole")
        close(town, firm, end, "expired")
        pass_on(town, firm, new, end, 0.8, 0.9)
        town.innocent.append(("phoenix_company", new.org, "tender"))


def acquisition(town: Town) -> None:
    """The register says that the buyer owned the firm before it was merged into the buyer."""
    if taken := _take_over(town, "acquisition", 0.6):
        firm, end = taken
        new = town.firm("Köparen", workers=4, clients=6, since=date(2017, 1, 1))
        new.marks.add("whole")
        town.register(new.org)["registered_on"] = date(2012, 3, 3)
        bought = end - timedelta(60)
        for row in town.tables["owners"]:
            if row["org_id"] == firm.org:
                row["valid_to"] = bought
        town.own(firm.org, new.org, valid_from=bought)
        change(town, firm, "owner", bought)
        close(town, firm, end, "expired")
        ended = end + timedelta(60)
        gone = {"status": "deregistered", "status_on": ended, "deregistered_on": ended}
        town.register(firm.org).update(gone)
        pass_on(town, firm, new, end, 0.9, 0.95)
        town.officer(new.org, firm.officers[0], "director", end)
        town.innocent.append(("phoenix_company", new.org, "acquisition"))


def exit_spread(town: Town) -> None:
    """A firm loses its contract; clients and staff spread among those that stand."""
    if taken := _take_over(town, "exit", 0.35):
        firm, end = taken
        close(town, firm, end, "terminated")
        pass_on(town, firm, None, end, 0, 0)
        town.innocent.append(("clients_follow_worker", firm.org, "provider exit"))


def couples(town: Town) -> None:
    """Two clients who live together are helped in one stay, registered on both."""
    for firm in _hosts(town, "couple", 3, "overlapping_visits"):
        pair = [c for c in settled(town, firm) if not c.double][:2]
        if len(pair) == 2:
            town.after_visits.append(partial(_together, town, firm, *pair))


def _together(town: Town, firm: Firm, one: Client, other: Client) -> None:
    home = {name: town.persons[one.id][name] for name in ("street", "postcode", "lat", "lon")}
    town.persons[other.id].update(home)
    visits = [v for v in town.tables["visits"] if v["client_id"] != other.id]
    told = [v for v in visits if v["client_id"] == one.id and v["org_id"] == firm.org]
    visits += [{**v, "visit_id": v["visit_id"] + "b", "client_id": other.id} for v in told]
    town.tables["visits"] = visits


def group_activity(town: Town) -> None:
    for firm in _hosts(town, "group", 2, "overlapping_visits"):
        town.after_visits.append(partial(_meet_weekly, town, firm))


def _meet_weekly(town: Town, firm: Firm) -> None:
    """At a quarter to two, after the rounds of the day."""
    for number in range(2, (town.end - town.start).days, 7):
        day = town.start + timedelta(number)
        clients = [c for c in town.clients.values() if c.firm_on(day) is firm][:5]
        for client in clients:
            visit(town, firm, firm.workers[-1], client, day, 825, 885, group_visit="true")


def double_staffing(town: Town) -> None:
    for firm in _hosts(town, "double", 3, "billed_over_decision", "overlapping_visits"):
        if clients := settled(town, firm):
            clients[-1].double = True


def sloppy_check_outs(town: Town) -> None:
    """Forgotten check-outs, mended by hand on the bill; clocks that go wrong by a minute."""
    for firm in _hosts(town, "forgotten", 3, "overlapping_visits"):
        town.after_visits.append(partial(_forget, town, firm))


def _forget(town: Town, firm: Firm) -> None:
    visits = [v for v in town.tables["visits"] if v["org_id"] == firm.org]
    for row in town.random.sample(visits, 2):
        end = datetime.fromisoformat(row["end"]) + timedelta(hours=3)
        if end.isoformat()[:10] == row["start"][:10]:
            row.update(end=end.isoformat(), end_method="manual", _unbilled=True)
    for row in town.random.sample(visits, 20):
        drift = timedelta(seconds=town.random.randint(10, 110))
        row["end"] = (datetime.fromisoformat(row["end"]) + drift).isoformat()


def new_phones(town: Town) -> None:
    """One worker's telephone is replaced in mid-shift, or everybody's at a re-registration."""
    for firm in _hosts(town, "phone", 3, "login_on_two_devices"):
        campaign = town.random.random() < 0.5
        moment = f"{town.day(town.random.uniform(0.3, 0.7))}T09:00"
        town.after_visits.append(partial(_renew, town, firm, campaign, moment))


def _renew(town: Town, firm: Firm, campaign: bool, moment: str) -> None:
    for row in town.tables["visits"]:
        of_worker = campaign or row["worker_id"] == firm.workers[0]
        if row["org_id"] == firm.org and of_worker and row["start"] >= moment:
            row["device_id"] += "-new"


def trust(town: Town) -> None:
    """A worker changes employer, and one client goes along."""
    for firm in _hosts(town, "trust", 2):
        to = next(iter(_hosts(town, "trusted", 1, "clients_follow_worker")), None)
        worker, clients = firm.workers[-1], settled(town, firm)
        if to in (None, firm) or not clients or worker in town.posts:
            continue
        clients[0].contact = worker
        town.change_post(firm, worker, town.day(0.5), to)
        clients[0].moves.append((town.day(0.5) + timedelta(20), to))  # type: ignore[arg-type]


def factoring(town: Town) -> None:
    factor = town.organisation("Fakturafinans", industry="64920")
    account = giro(town.number())
    row = {"account": account, "holder_id": factor, "holder_kind": "organisation"}
    town.tables["accounts"].append({**row, "valid_from": date(2010, 1, 1), "purpose": "factoring"})
    for firm in _hosts(town, "factoring", 2, "shared_account"):
        firm.account, firm.factoring = account, True


def group(town: Town) -> None:
    """Two daughters of one mother: one account, one switchboard, one chair."""
    told = ("shared_account", "shared_contact", "hollow_company", "ownership_ring")
    firms = _hosts(town, "whole", 2, *told)
    firms = [f for f in firms if not f.factoring]
    mother, person = town.organisation("Koncernen", industry="70100"), town.person()
    town.own(mother, person)
    for firm in firms:
        town.disown(firm.org)
        town.own(firm.org, mother)
        town.register(firm.org)["phone"] = town.register(mother)["phone"]
        town.officer(firm.org, person, "chair")
        firm.account = firms[0].account


def accountants_office(town: Town) -> None:
    """Firms of any trade have their post and their telephone at an accountant's."""
    office = {"care_of": "c/o Redovisningsbyrån", "street": "Torget 1", "postcode": "310 20"}
    phone = {"phone": town.phone()}
    auditor = town.person()
    for firm in _hosts(town, "office", 4, "hollow_company", "shared_contact"):
        town.register(firm.org).update({**office, **phone})
        town.officer(firm.org, auditor, "auditor")
    for number in range(14):
        shop = town.organisation(f"Handel {number}", industry="47110", **office, **phone)
        town.own(shop, town.person())


def houses(town: Town) -> None:
    """A service house with one switchboard; an apartment block where staff of many firms live."""
    clients = list(town.clients.values())
    house = {"street": "Servicegatan 2", "postcode": "310 30", "phone": town.phone()}
    for client in clients[:9] + clients[-6:]:
        town.persons[client.id].update({**house, "lat": 57.06, "lon": 13.31})
    for firm in town.firms[1:9]:
        for who in firm.workers[2:4]:
            town.persons[who].update(street="Höghuset 4", postcode="310 40")


def couple_at_work(town: Town) -> None:
    """Two workers of two firms live together and have one telephone at home."""
    firms = _hosts(town, "pair", 2, "shared_contact")
    home = {**town.street(), "phone": town.phone()}
    for firm in firms:
        town.persons[firm.workers[1]].update(home)


def rightful_forms(town: Town) -> None:
    """A cross-holding under a person, and a cooperative that nobody owns."""
    for firm in _hosts(town, "whole", 1, "ownership_ring"):
        side, boss = town.organisation("Sidobolaget", industry="70100"), firm.officers[0]
        town.disown(firm.org)
        for org, owner, share in ((firm.org, boss, 0.8), (firm.org, side, 0.2)):
            town.own(org, owner, share)
        town.own(side, boss, 0.9)
        town.own(side, firm.org, 0.1)
        town.own(firm.org, boss, 0.82, interest="beneficial")
    for firm in _hosts(town, "whole", 1, "ownership_ring"):
        town.disown(firm.org)
        town.register(firm.org)["legal_form"] = "Ekonomisk förening"


def boards(town: Town) -> None:
    """A professional chair; an administrator of estates; a move with a new auditor; a sale."""
    chair, administrator = town.person(), town.person()
    for number in range(6):
        works = town.organisation(f"Industri {number}", industry="25110")
        town.officer(works, chair, "chair")
        failed = {"status": "bankruptcy", "status_on": date(2022, 3, 1)}
        estate = town.organisation(f"Konkursbo {number}", industry="56100", **failed)
        town.officer(estate, administrator, "liquidator", date(2022, 3, 1))
    for firm in _hosts(town, "chair", 3, "hollow_company"):
        town.officer(firm.org, chair, "chair", date(2019, 1, 1))
    for firm in _hosts(town, "administrator", 1, "hollow_company"):
        town.officer(firm.org, administrator, "deputy", date(2021, 1, 1))
    for firm in _hosts(town, "moved", 2, "hollow_company"):
        for number, what in enumerate(("address", "auditor")):
            change(town, firm, what, town.day(0.4) + timedelta(5 * number))
    for firm in _hosts(town, "sold", 1, "hollow_company"):
        for number, what in enumerate(("owner", "board", "address")):
            change(town, firm, what, town.day(0.4) + timedelta(5 * number))


def newcomer(town: Town) -> None:
    """A small honest firm, newly begun at the owner's home and on the owner's telephone."""
    firm = town.firm("Nyfirma", workers=4, clients=6, since=town.start - timedelta(20))
    firm.marks.add("whole")
    boss = town.persons[firm.officers[0]]
    boss["phone"] = town.phone()
    town.register(firm.org).update(
        registered_on=town.start - timedelta(120),
        street=boss["street"],
        postcode=boss["postcode"],
        care_of="c/o ägaren",
        phone=boss["phone"],
        employees=0,
        share_capital_sek=25_000,
    )
    town.innocent += [(name, firm.org, "newcomer") for name in ("hollow_company", "shared_contact")]


def decisions(town: Town) -> None:
    """Raised in mid-month; two at once; entered late; a gap at renewal; a guest from elsewhere."""
    for firm in _hosts(town, "raised", 2, "billed_over_decision"):
        town.after_money.append(partial(_raise, town, _plain(town, firm)))
    for firm in _hosts(town, "two", 2, "billed_over_decision"):
        town.after_money.append(partial(_halve, town, _plain(town, firm)))
    for firm in _hosts(town, "late", 2, "billed_without_decision"):
        client = town.enrol(firm, town.day(0.3))
        town.undecided[client.id] = (client.since - timedelta(3), client.since + timedelta(4))
    for firm in _hosts(town, "gap", 2, "billed_without_decision"):
        if client := _plain(town, firm):
            renewed = town.day(0.5)
            town.undecided[client.id] = (renewed, renewed + timedelta(2))
    for firm in _hosts(town, "guest", 2, "billed_without_decision"):
        guest = town.enrol(firm, town.day(0.4))
        guest.until = town.day(0.4) + timedelta(20)
        town.undecided[guest.id] = (date.min, date.max)
        town.after_money.append(partial(_comes_from_elsewhere, town, guest))


def _plain(town: Town, firm: Firm) -> Client | None:
    """A client of the firm to whom nothing else happens."""
    busy = {*town.undecided, *town.inflated, *town.regranted}
    clients = [c for c in settled(town, firm) if c.id not in busy and not c.double]
    if not clients:
        return None
    town.regranted.add(clients[-1].id)
    return clients[-1]


def _raise(town: Town, client: Client | None) -> None:
    for row in [d for d in town.tables["decisions"] if client and d["client_id"] == client.id]:
        cut = town.day(0.35).replace(day=14)
        town.tables["decisions"].append(
            {**row, "decision_id": row["decision_id"] + "-1", "valid_to": cut}
        )
        row.update(valid_from=cut, hours_per_month=round(1.5 * row["hours_per_month"], 1))


def _halve(town: Town, client: Client | None) -> None:
    for row in [d for d in town.tables["decisions"] if client and d["client_id"] == client.id]:
        row["hours_per_month"] = round(row["hours_per_month"] / 2 + 0.1, 1)
        town.tables["decisions"].append({**row, "decision_id": row["decision_id"] + "-2"})


def _comes_from_elsewhere(town: Town, guest: Client) -> None:
    for name in ("visits", "enrolments"):
        for row in town.tables[name]:
            if row["client_id"] == guest.id:
                row["municipality"] = "1382"
    town.tables["decisions"].append(
        {
            "decision_id": f"{town.prefix}guest{guest.id}",
            "client_id": guest.id,
            "municipality": "1382",
            "service": SERVICE,
            "hours_per_month": 80,
            "double_staffed": "false",
            "valid_from": town.start - timedelta(300),
            "valid_to": None,
        }
    )


#: What takes a firm for itself comes first.
INNOCENTS: tuple[Innocent, ...] = (
    tender,
    acquisition,
    exit_spread,
    group,
    rightful_forms,
    newcomer,
    couples,
    group_activity,
    double_staffing,
    sloppy_check_outs,
    new_phones,
    trust,
    factoring,
    accountants_office,
    houses,
    couple_at_work,
    boards,
    decisions,
)
