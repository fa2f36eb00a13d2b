"""A town by another hand than synth's: plain loops, other services, rhythms and identifiers.

Written from the contract and the domain alone, without a look at the rooms, so that what they
find here is no echo of what they were built on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.house import luhn

Row = dict[str, Any]
SERVICE = "Omvårdnad i hemmet"
CITY = "Björkby"
LAT, LON = 57.05, 13.30

_STREETS = ("Storgatan", "Kyrkogatan", "Ågatan", "Södra vägen", "Lillgatan", "Torggatan")
_GIVEN = ("Asta", "Birk", "Cleo", "Dag", "Elof", "Frans", "Gro", "Hedda", "Ivar", "Jon", "Kaj")
_FAMILY = ("Ek", "Lind", "Berg", "Dal", "Strand", "Holm", "Sjö", "Fors", "Kvist", "Rask", "Falk")
_ENDINGS = ("", "man", "ström", "qvist", "gren", "lund", "stedt")


def giro(number: int) -> str:
    seven = f"997{number:04}"
    return f"BG:{seven}{luhn(seven)}"


@dataclass
class Firm:
    org: str
    account: str
    since: date
    own: bool = False  # the municipality's
    rate: int = 430
    four_weeks: bool = False  # invoices for 28 days, not for months
    by_day: bool = False  # invoice lines name days
    pooled: bool = False  # telephones are fetched from a shelf
    until: date | None = None
    factoring: bool = False
    workers: list[str] = field(default_factory=list)
    officers: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)  # what is planted here


@dataclass
class Client:
    id: str
    firm: Firm
    since: date
    minutes: int
    evening: bool
    contact: str | None = None
    until: date | None = None
    moves: list[tuple[date, Firm]] = field(default_factory=list)
    granted: float = 1.2  # hours granted over the most given in a month
    double: bool = False

    def firm_on(self, day: date) -> Firm | None:
        if day < self.since or (self.until and day >= self.until):
            return None
        return [self.firm, *(firm for moved, firm in self.moves if day >= moved)][-1]

    @property
    def settled(self) -> bool:
        return not self.moves and self.until is None


class Town:
    """Rows of the contract's tables in `tables`; what is hidden in them in `planted`."""

    def __init__(self, seed: int, *, firms: int, weeks: int, municipality: str = "0584") -> None:
        self.random = Random(seed)
        self.seed, self.municipality = seed, municipality
        self.prefix = f"{municipality}-"
        self.start = date(2024, 2, 5) + timedelta(7 * self.random.randint(0, 6))
        self.end = self.start + timedelta(7 * weeks)
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self.persons: dict[str, Row] = {}
        self.firms: list[Firm] = []
        self.clients: dict[str, Client] = {}
        self.planted: list[tuple[str, str, str]] = []  # detector, provider, strength
        self.innocent: list[tuple[str, str, str]] = []  # detector, provider, cause
        self.after_visits: list[Callable[[], None]] = []
        self.after_money: list[Callable[[], None]] = []
        self.posts: dict[str, list[tuple[date, Firm | None]]] = {}  # where a worker is, from when
        self.undecided: dict[str, tuple[date, date]] = {}  # client: days without a decision
        self.inflated: dict[str, tuple[float, date, date]] = {}
        self.regranted: set[str] = set()  # clients whose decisions have an innocent story
        self._numbers = iter(range(1000 * (seed % 9) + 300 * (int(municipality) % 3), 9999))
        self._opaque = self.random.random() < 0.6  # workers by the system's ids
        self._months_are_weeks = self.random.random() < 0.5
        self._visits = self._streets = self._phones = 0
        nine = f"212000{500 + int(municipality) % 400}"
        self.org = nine + luhn(nine)
        self._settle(firms)

    def day(self, share: float) -> date:
        """The day when a share of the time has passed."""
        return self.start + timedelta(int((self.end - self.start).days * share))

    # --- people and firms -----------------------------------------------------------------------

    def number(self) -> int:
        return next(self._numbers)

    def street(self) -> dict[str, str]:
        self._streets += 1
        street = f"{_STREETS[self._streets % 6]} {self._streets // 6 + 1}"
        return {"street": street, "postcode": f"31{self._streets % 3} {10 + self._streets % 80}"}

    def phone(self) -> str:
        """A number of the series kept for fiction, in one of its spellings."""
        self._phones += 1
        number = self._phones % 95
        spelled = (f"08-465 00 4{number:02d}", f"+46 40 6 28 04 {number:02d}")
        return self.random.choice(spelled) if self._phones < 95 else f"070-17406{number:02d}"

    def person(self, *, opaque: bool = False, old: bool = False, **values: Any) -> str:
        if opaque:
            person_id = f"hsa:{self.prefix}w{len(self.persons)}"
        else:
            person_id = self._personnummer(*((1935, 1950) if old else (1960, 1998)))
        self.persons[person_id] = {
            "person_id": person_id,
            "given_name": self.random.choice(_GIVEN),
            "family_name": self.random.choice(_FAMILY) + self.random.choice(_ENDINGS),
            **self.street(),
            "city": CITY,
            "lat": round(LAT + self.random.uniform(-0.05, 0.05), 5),
            "lon": round(LON + self.random.uniform(-0.09, 0.09), 5),
            **values,
        }
        return person_id

    def _personnummer(self, first: int, last: int) -> str:
        while True:
            year = self.random.randint(first, last)
            born = date(year, 1, 1) + timedelta(self.random.randint(0, 364))
            kept = ("238", "239") if year >= 1970 else ("980", "981")
            nine = f"{born:%y%m%d}{self.random.choice(kept)}"
            person_id = f"{year // 100}{nine}{luhn(nine)}"
            if person_id not in self.persons:
                return person_id

    def organisation(self, name: str, **values: Any) -> str:
        nine = f"55977{self.number():04}"
        org = nine + luhn(nine)
        self.tables["organisations"].append(
            {
                "org_id": org,
                "name": f"{name} (påhittat)",
                "legal_form": "AB",
                "registered_on": date(self.random.randint(2005, 2018), 3, 14),
                "status": "active",
                "industry": "88101",
                **self.street(),
                "city": CITY,
                "phone": self.phone(),
                "email": f"kontakt@f{org}.example",
                "f_tax": "true",
                "employer": "true",
                "employees": 14,
                "share_capital_sek": self.random.choice((25_000, 50_000, 100_000)),
                **values,
            }
        )
        return org

    def register(self, org: str) -> Row:
        return next(row for row in self.tables["organisations"] if row["org_id"] == org)

    def own(self, org: str, owner: str, share: float = 1, **values: Any) -> None:
        kind = "person" if owner in self.persons else "organisation"
        row = {"org_id": org, "owner_id": owner, "owner_kind": kind, "interest": "shares"}
        since = date(2018, 1, 1)
        self.tables["owners"].append({**row, "share": share, "valid_from": since, **values})

    def disown(self, org: str) -> None:
        self.tables["owners"] = [r for r in self.tables["owners"] if r["org_id"] != org]

    def officer(self, org: str, who: str, role: str, since: date = date(2018, 1, 1)) -> None:
        row = {"org_id": org, "person_id": who, "role": role, "valid_from": since}
        self.tables["officers"].append(row)

    def firm(self, name: str, *, workers: int, clients: int, since: date) -> Firm:
        org = self.organisation(name)
        firm = Firm(
            org,
            giro(self.number()),
            since,
            rate=self.random.randint(390, 470),
            four_weeks=self._months_are_weeks and self.random.random() < 0.6,
            by_day=self.random.random() < 0.4,
            pooled=self.random.random() < 0.4,
        )
        self.firms.append(firm)
        firm.officers = [self.person(), self.person()]
        boss, second = firm.officers
        self.own(org, boss, 0.7, valid_from=since)
        self.own(org, second, 0.3, valid_from=since)
        self.own(org, boss, 0.7, interest="beneficial", valid_from=since)
        for who, role in ((boss, "chair"), (boss, "ceo"), (second, "director")):
            self.officer(org, who, role, since)
        self.tables["accounts"].append(
            {
                "account": firm.account,
                "holder_id": org,
                "holder_kind": "organisation",
                "valid_from": since,
                "purpose": "own",
            }
        )
        self.tables["contracts"].append(
            {
                "contract_id": f"k-{org}",
                "org_id": org,
                "municipality": self.municipality,
                "service": SERVICE,
                "reimbursement": "performed",
                "hourly_rate_sek": firm.rate,
                "valid_from": since,
                "valid_to": None,
                "end_reason": None,
            }
        )
        self.permit(org, "granted", since - timedelta(40))
        for _ in range(workers):
            self.hire(firm)
        for _ in range(clients):
            self.enrol(firm)
        return firm

    def permit(self, org: str, status: str, since: date) -> None:
        row = {"permit_id": f"t-{org}", "org_id": org, "service": SERVICE, "law": "SoL"}
        self.tables["permits"].append({**row, "status": status, "valid_from": since})

    def hire(self, firm: Firm, since: date | None = None, who: str | None = None) -> str:
        who = who or self.person(opaque=self._opaque)
        firm.workers.append(who)
        row = {"org_id": firm.org, "person_id": who, "valid_from": since or firm.since}
        self.tables["employments"].append({**row, "valid_to": None})
        return who

    def leave(self, firm: Firm, who: str, day: date) -> None:
        for row in self.tables["employments"]:
            if (row["org_id"], row["person_id"]) == (firm.org, who):
                row["valid_to"] = max(day, row["valid_from"])

    def change_post(self, firm: Firm, who: str, day: date, to: Firm | None) -> None:
        """A worker leaves a firm on a day, for another one or for good."""
        self.leave(firm, who, day)
        self.posts.setdefault(who, [(date.min, firm)]).append((day, to))
        if to is not None:
            self.hire(to, day, who)

    def enrol(self, firm: Firm, since: date | None = None) -> Client:
        person_id = self.person(old=True)
        client = Client(
            person_id,
            firm,
            since or self.start - timedelta(self.random.randint(10, 700)),
            self.random.choice((20, 25, 30, 40, 45)),
            self.random.random() < 0.6,
            self.random.choice(firm.workers) if firm.workers else None,
        )
        self.clients[person_id] = client
        return client

    def _settle(self, firms: int) -> None:
        self.tables["municipalities"].append(
            {"municipality": self.municipality, "name": f"{CITY} (påhittad)", "org_id": self.org}
        )
        town = Firm(self.org, "", date(2001, 1, 1), own=True, pooled=True)
        self.firms.append(town)
        for _ in range(16):
            self.hire(town)
        for _ in range(40):
            self.enrol(town)
        for number in range(firms):
            workers, clients = self.random.randint(7, 11), self.random.randint(12, 24)
            self.firm(f"Omsorg {number}", workers=workers, clients=clients, since=date(2019, 3, 1))
        for client in list(self.clients.values()):
            if self.random.random() < 0.08:  # of their own accord
                to = self.random.choice([f for f in self.firms if f is not client.firm])
                client.moves.append((self.day(self.random.uniform(0.1, 0.9)), to))
            if self.random.random() < 0.03:
                client.until = self.day(self.random.uniform(0.15, 1))
