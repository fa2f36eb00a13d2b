"""What the municipality consists of before a single visit is made.

Small things (people, firms, spells) are made here in memory, a few hundred bytes an inhabitant
with care; visits and money follow from them in SQL, a month at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal, TypeAlias

import numpy as np

from synth.identifiers import Identifiers

MUNICIPALITY: Final = "9901"
CITY: Final = "Exempelstad"
#: A date after every date of the world; the files leave it empty.
OPEN: Final = date(9999, 12, 31)

Row: TypeAlias = dict[str, object]
Strength: TypeAlias = Literal["weak", "strong"]
#: What becomes of a client's decisions for one service before they are written.
Amendment: TypeAlias = Callable[[list[Row]], list[Row]]


@dataclass(frozen=True, slots=True)
class Building:
    """One street door. Positions are metres from the centre of the town."""

    number: int
    street: str
    postcode: str
    x: int
    y: int
    service_house: bool

    @property
    def lat(self) -> float:
        """Latitude; 60° N, a place chosen for its round number."""
        return round(60.0 + self.y / 111_200, 6)

    @property
    def lon(self) -> float:
        """Longitude; a degree is half as wide here as at the equator."""
        return round(15.5 + self.x / 55_600, 6)


@dataclass(slots=True)
class Spell:
    """A client with a provider, valid_from included and valid_to excluded."""

    org_id: str
    since: date
    until: date = OPEN
    end_reason: str | None = None


@dataclass(slots=True)
class Client:
    """One person with home care. `place` is the rank along a walk through the town, 0 to 1."""

    person_id: str
    building: Building
    flat: str | None
    place: float
    need: int  # 0 weekly service only … 3 several visits a day and nights
    since: date
    until: date
    spells: list[Spell]
    partner: Client | None = None
    stays_with: Client | None = None  # the second of a couple helped in one stay
    double_staffed_by: str | None = None  # the provider whose team has the second worker
    protection: str = "none"
    end_reason: str | None = None

    @property
    def leads_stay(self) -> bool:
        """Whether the partner is helped in the same stay."""
        return self.partner is not None and self.partner.stays_with is self

    def provider_on(self, day: date) -> str | None:
        """The provider that serves the client on a day."""
        for spell in self.spells:
            if spell.since <= day < spell.until:
                return spell.org_id
        return None

    def switch(self, org_id: str, day: date, reason: str) -> bool:
        """Move to another provider for good; False when not served that day or the day before."""
        served = [spell for spell in self.spells if spell.since < day < spell.until]
        if not served or served[0].org_id == org_id:
            return False
        current = served[0]
        end, end_reason = self.until, self.end_reason
        self.spells = [spell for spell in self.spells if spell.until <= current.since]
        self.spells += [
            Spell(current.org_id, current.since, day, reason),
            Spell(org_id, day, end, end_reason),
        ]
        return True


@dataclass(slots=True)
class Tenure:
    """A worker on a post."""

    person_id: str
    since: date
    until: date = OPEN


@dataclass(slots=True)
class Post:
    """A line in a team's rota; who fills it changes over time.

    `kind` is rota, night, service, relief_D, relief_E, second, leader or name_only (employed,
    on no rota); `phase` shifts the
    rota's cycle. `every_other` keeps a relief worker of two providers to even or odd days.
    """

    number: int
    org_id: str
    team: int
    kind: str
    phase: int
    tenures: list[Tenure]
    every_other: int | None = None
    contact: bool = False  # always walks the first route: clients there know who comes
    kept: bool = False  # a plant relies on who holds it: nobody leaves by chance


@dataclass(slots=True)
class Provider:
    """Who gives care. `size` is the share of the clients that the provider aims at."""

    org_id: str
    name: str
    size: float
    private: bool
    teams: int = 1
    since: date = date(2019, 3, 1)
    until: date = OPEN
    scheme: str | None = None  # the detector whose scheme is planted here
    innocents: set[str] = field(default_factory=set)  # detectors whose innocent causes live here


@dataclass(slots=True)
class World:
    """Everything the visits and the money follow from; `rows` go to the contract's files."""

    seed: int
    start: date
    end: date
    inhabitants: int
    rng: np.random.Generator
    identifiers: Identifiers
    buildings: list[Building] = field(default_factory=list)
    providers: list[Provider] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    plan: dict[str, list[Row]] = field(default_factory=dict)
    truth: list[Row] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)  # the account wages are paid to
    fee_payers: dict[str, tuple[str, str]] = field(default_factory=dict)  # client: payer, account
    amendments: dict[tuple[str, str], Amendment] = field(default_factory=dict)  # client, service
    settled: list[Callable[[], None]] = field(default_factory=list)  # waits for clients' last moves
    municipal_id: str = ""
    _by_id: dict[str, Provider] = field(default_factory=dict)

    def add(self, table: str, **values: object) -> None:
        """One row of a contract table."""
        self.rows.setdefault(table, []).append(values)

    def schedule(self, table: str, **values: object) -> None:
        """One row of the plan that visits and money are made from."""
        self.plan.setdefault(table, []).append(values)

    def tell(
        self,
        detector: str,
        kind: Literal["scheme", "innocent", "same", "different"],
        name: str,
        provider: str,
        subjects: list[str],
        since: date,
        until: date,
        **more: object,
    ) -> None:
        """One line of the truth; `until` is excluded here and included in the file."""
        last = min(until, self.end) - timedelta(1)
        self.truth.append(
            {
                "kind": kind,
                "scheme": name,
                "detector": detector,
                "provider": provider,
                "subjects": subjects,
                "since": max(since, self.start).isoformat(),
                "until": last.isoformat(),
                **more,
            }
        )

    @property
    def private(self) -> list[Provider]:
        """Private providers, the largest first."""
        return sorted((p for p in self.providers if p.private), key=lambda p: -p.size)

    def provider(self, org_id: str) -> Provider:
        """The provider with an organisation number."""
        if len(self._by_id) != len(self.providers):
            self._by_id = {provider.org_id: provider for provider in self.providers}
        return self._by_id[org_id]

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def served(self, org_id: str, day: date) -> list[Client]:
        """Clients of a provider on a day, in a fixed order."""
        return [client for client in self.clients if client.provider_on(day) == org_id]

    def staff(self, org_id: str, kind: str) -> list[Post]:
        """Posts of a kind at a provider, in a fixed order."""
        return [post for post in self.posts if post.org_id == org_id and post.kind == kind]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))
