"""What a scorecard counts over its towns: tables of figures, each share with its interval."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.scored_town import BANDS, UNKNOWN_AGE, Plant, Said, Scored, ScoredTown
from graph_service.statistics import Interval, clopper_pearson, garwood, wilson

#: Which providers are counted.
Choice: TypeAlias = Callable[[ScoredTown, Scored], bool]

DEPTHS = (1, 3, 5, 10)


def of_size(tercile: int) -> Choice:
    """The providers of one third of their town, by clients."""
    return lambda _, provider: provider.tercile == tercile


def owned(*, municipal: bool) -> Choice:
    """The municipality's own providers, or the others."""
    return lambda _, provider: provider.municipal == municipal


def in_town(seed: int) -> Choice:
    """The providers of one town."""
    return lambda town, _: town.seed == seed


#: What a provider is, as far as errors are compared by it.
GROUPS = {
    "smallest third": of_size(1),
    "middle third": of_size(2),
    "largest third": of_size(3),
    "private": owned(municipal=False),
    "municipal": owned(municipal=True),
}


@dataclass(frozen=True)
class Table:
    """Rows of text under column names."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class Measured:
    """A share or a rate with what it was counted from."""

    hits: float
    of: float
    value: float | None
    interval: Interval

    def text(self, decimals: int = 2) -> str:
        if self.value is None:
            return "–"
        low, high = self.interval.low, self.interval.high
        return f"{self.value:.{decimals}f} ({low:.{decimals}f}–{high:.{decimals}f})"


def share(hits: int, of: int, *, compared: bool = False, per: int = 1) -> Measured:
    """A share of so many; exact (Clopper–Pearson), or Wilson's where groups are `compared`."""
    interval = wilson(hits, of) if compared else clopper_pearson(hits, of)
    among = Interval(per * interval.low, per * interval.high)
    return Measured(hits, of, per * hits / of if of else None, among)


def rate(events: int, exposure: float, per: int = 100) -> Measured:
    """Events per so many units of exposure, with Garwood's interval."""
    interval = garwood(events, exposure / per)
    return Measured(events, exposure, per * events / exposure if exposure else None, interval)


@dataclass(frozen=True)
class Scorecard:
    """The towns with schemes and those without, and the rooms that were asked."""

    rooms: Sequence[str]
    towns: Sequence[ScoredTown]

    @property
    def planted(self) -> list[ScoredTown]:
        return [town for town in self.towns if town.planted]

    @property
    def clean(self) -> list[ScoredTown]:
        return [town for town in self.towns if not town.planted]

    def schemes(self) -> list[tuple[ScoredTown, Plant]]:
        return [(town, plant) for town in self.towns for plant in town.schemes]

    def said(self) -> list[tuple[ScoredTown, Said]]:
        return [(town, said) for town in self.towns for said in town.said]

    def untouched(self) -> list[tuple[ScoredTown, Scored]]:
        """Providers that neither carry a scheme nor are named in one."""
        return [
            (town, provider)
            for town in self.towns
            for provider in town.providers
            if provider.provider not in town.touched
        ]

    def recall(self, room: str, strengths: Collection[str] = ("weak", "strong")) -> Measured:
        of = [(t, p) for t, p in self.schemes() if p.detector == room and p.strength in strengths]
        return share(sum(town.is_found(plant) for town, plant in of), len(of))

    def precision(self, room: str) -> Measured:
        of = [(town, said) for town, said in self.said() if said.detector == room]
        return share(sum(town.is_true(said) for town, said in of), len(of))

    def of_other_schemes(self, room: str) -> int:
        """Findings that are of no scheme of the room's, but name somebody of another room's."""
        return sum(
            any(said.subjects & plant.subjects for plant in town.schemes)
            for town, said in self.said()
            if said.detector == room and not town.is_true(said)
        )

    def false_alarms(self, room: str | None = None, of: Choice | None = None) -> Measured:
        """Findings of no scheme about untouched providers per 100 of their months, of some only."""
        watched = [(t, p) for t, p in self.untouched() if of is None or of(t, p)]
        whose = {(town.seed, provider.provider) for town, provider in watched}
        alarms = [
            said
            for town, said in self.said()
            if (town.seed, said.provider) in whose
            and room in (None, said.detector)
            and not town.is_true(said)
        ]
        return rate(len(alarms), sum(provider.months for _, provider in watched))

    def missed(self, of: Choice) -> Measured:
        """The share of schemes that no finding tells of, at some providers only."""
        hosts = {(t.seed, p.provider) for t in self.towns for p in t.providers if of(t, p)}
        planted = [(t, p) for t, p in self.schemes() if (t.seed, p.provider) in hosts]
        lost = sum(not town.is_found(plant) for town, plant in planted)
        return share(lost, len(planted), compared=True)

    def at(self, depth: int) -> tuple[Measured, float, float]:
        """Precision among the first `depth` providers; the best there could be; and by chance."""
        hits = best = 0
        chance = 0.0
        for town in self.planted:
            hosts = {plant.provider for plant in town.schemes}
            ranked = [p for p in town.providers if p.rank is not None and p.rank <= depth]
            hits += sum(provider.provider in hosts for provider in ranked)
            best += min(depth, len(hosts))
            chance += len(hosts) / len(town.providers)
        shown, towns = depth * len(self.planted), max(1, len(self.planted))
        return share(hits, shown), best / max(1, shown), chance / towns

    def in_review(self) -> tuple[int, Measured]:
        """Providers of the clean towns in band review, and their rate per 100 months."""
        providers = [provider for town in self.clean for provider in town.providers]
        found = sum(provider.band == "review" for provider in providers)
        return len(providers), rate(found, sum(provider.months for provider in providers))


def detectors(card: Scorecard) -> Table:
    """Each room: what it found of what was planted, and what it said beside that."""
    rows = []
    for room in card.rooms:
        recall, precision = card.recall(room), card.precision(room)
        rows.append(
            _cells(
                room,
                recall.of,
                recall.hits,
                recall.text(),
                precision.of,
                precision.hits,
                precision.text(),
                card.false_alarms(room).text(),
                card.of_other_schemes(room),
            )
        )
    return Table(
        (
            "detector",
            "planted",
            "found",
            "recall",
            "findings",
            "true",
            "precision",
            "false alarms per 100 clean provider-months",
            "findings of another's scheme",
        ),
        rows,
    )


def strengths(card: Scorecard) -> Table:
    """Recall of each room for weak and for strong schemes."""
    rows = []
    for room in card.rooms:
        weak, strong = card.recall(room, ["weak"]), card.recall(room, ["strong"])
        rows.append(_cells(room, weak.of, weak.text(), strong.of, strong.text()))
    return Table(("detector", "weak planted", "recall", "strong planted", "recall"), rows)


def innocents(card: Scorecard) -> Table:
    """Each innocent cause that was planted, and how many a finding of its room tells of."""
    causes = sorted(
        {(p.detector, p.name) for town in card.towns for p in town.plants if not p.scheme}
    )
    rows = []
    for room, name in causes:
        planted = [
            (town, plant)
            for town in card.towns
            for plant in town.plants
            if not plant.scheme and (plant.detector, plant.name) == (room, name)
        ]
        alarms = sum(_alarms(town, plant) for town, plant in planted)
        rows.append(_cells(room, name, len(planted), alarms))
    return Table(("detector", "innocent cause", "planted", "alarms"), rows)


def _alarms(town: ScoredTown, plant: Plant) -> bool:
    return any(said.tells_of(plant) and not town.is_true(said) for said in town.said)


def ranking(card: Scorecard) -> Table:
    """Precision among the first k providers."""
    rows = []
    for depth in DEPTHS:
        precision, best, chance = card.at(depth)
        rows.append(_cells(depth, precision.text(), f"{best:.2f}", f"{chance:.2f}"))
    return Table(("k", "precision at k", "best there could be", "by chance"), rows)


def review(card: Scorecard) -> Table:
    """Providers of clean towns in band review."""
    providers, found = card.in_review()
    return Table(
        ("clean towns", "providers", "provider-months", "in review", "per 100 provider-months"),
        [_cells(len(card.clean), providers, found.of, found.hits, found.text())],
    )


def providers(card: Scorecard) -> Table:
    """Error rates by what a provider is."""
    return Table(_ERRORS, [_errors(card, name, of) for name, of in GROUPS.items()])


def municipalities(card: Scorecard) -> Table:
    """Error rates by municipality: each town is one."""
    seeds = [town.seed for town in card.towns]
    return Table(_ERRORS, [_errors(card, str(seed), in_town(seed)) for seed in seeds])


_ERRORS = (
    "providers",
    "clean provider-months",
    "false alarms",
    "per 100",
    "schemes",
    "missed",
    "share missed",
)


def _errors(card: Scorecard, name: str, of: Choice) -> tuple[str, ...]:
    alarms, missed = card.false_alarms(of=of), card.missed(of)
    return _cells(
        name, alarms.of, alarms.hits, alarms.text(), missed.of, missed.hits, missed.text()
    )


def ages(card: Scorecard) -> Table:
    """Clients by age, over all towns together: named without cause, and missed with one."""
    rows = []
    for band in [*(name for *_, name in BANDS), UNKNOWN_AGE]:
        clients = {(t.seed, c) for t in card.towns for c, of in t.ages.items() if of == band}
        alarmed = {
            (town.seed, client)
            for town, said in card.said()
            if not town.is_true(said)
            for client in said.clients
        }
        planted, found = _planted_clients(card, clients)
        named = share(len(alarmed & clients), len(clients), compared=True, per=1000)
        missed = share(len(planted - found), len(planted), compared=True)
        rows.append(
            _cells(band, len(clients), named.hits, named.text(1), len(planted), missed.text())
        )
    columns = ("clients", "of them in findings of no scheme", "per 1,000")
    return Table(("age", *columns, "of them in schemes", "share missed"), rows)


def _planted_clients(
    card: Scorecard, clients: Collection[tuple[int, str]]
) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    planted, found = set(), set()
    for town, plant in card.schemes():
        those = {(town.seed, who) for who in plant.subjects}.intersection(clients)
        planted |= those
        found |= those if town.is_found(plant) else set()
    return planted, found


def _cells(*values: object) -> tuple[str, ...]:
    return tuple(f"{v:,.0f}" if isinstance(v, (int, float)) else str(v) for v in values)
