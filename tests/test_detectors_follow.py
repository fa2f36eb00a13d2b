"""clients_follow_worker against a slow oracle: the claim, told in plain loops over the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from math import comb
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import queries
from graph_service.as_of import open_views
from graph_service.detector import Finding, Override, detect
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.opening import open_room
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j.connection import Connection, Statement, connect
from graph_service.stores.neo4j.detect import NetworkQueries
from graph_service.stores.neo4j.publish import publish_graph
from tests.world import world

ROOM = open_room(Path(queries.__file__).parent / "clients_follow_worker")
START = date(2025, 1, 1)
AS_OF = date(2025, 12, 31)
NEVER = 10**6
OLD, NEW, THIRD = FIRMS = ["5520000018", "5520000026", "5520000034"]
WORKERS = ["hsa:w1", "hsa:w2", "hsa:w3"]
CLIENTS = [f"syn:c{number}" for number in range(9)]
MOVED = 150
#: Every move with a client is tested and shown, so that the counts of all can be compared.
OPEN = {"clients_min": 1, "lift_min": 0, "flow_p_max": 1, "q_max": 1}
EXODUS = 0.8
EMPTY = "MATCH (n) WHERE NOT n:GraphServiceDisposable DETACH DELETE n"

Rows: TypeAlias = dict[str, list[dict[str, Any]]]


def day(number: int) -> str:
    return (START + timedelta(number)).isoformat()


def number(told: str | None) -> int:
    return NEVER if told is None else (date.fromisoformat(told[:10]) - START).days


def find(rows: Rows, network: Connection | None = None, **opened: float) -> list[Finding]:
    """The findings by the records, or by the network where one is given: it is filled first."""
    why = {name: Override(value, "to see all", START) for name, value in opened.items()}
    with Engine(threads=1) as engine:
        world(engine, rows)
        open_views(engine, AS_OF)
        derive(engine)
        ask = None
        if network is not None:
            network.write(Statement("empty", EMPTY, {}))
            publish_graph(network, engine, 1)
            ask = NetworkQueries(network, 1)
        return detect(engine, ROOM, as_of=AS_OF, overrides=why, ask=ask)


# --- the oracle ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stay:
    client: str
    org: str
    place: str
    since: int
    until: int
    reason: str | None
    unit: str


@dataclass(frozen=True)
class Move:
    worker: str
    old: str
    new: str
    place: str
    day: int
    last: int


@dataclass
class Town:
    """A world and what the claim says of it."""

    rows: Rows
    least: int

    def __post_init__(self) -> None:
        self.visits = [
            (v["worker_id"], v["client_id"], v["org_id"], v["municipality"], number(v["start"]))
            for v in self.rows["visits"]
            if v["status"] == "performed"
        ]
        self.places = sorted({v[3] for v in self.visits})
        self.seen = {p: max(v[4] for v in self.visits if v[3] == p) for p in self.places}
        self.stays = list(self._stays())
        self.moves = list(self._moves())
        self.switches = list(self._switches())

    def days(self, **of: str) -> list[int]:
        names = ("worker", "client", "org", "place")
        wanted = [(names.index(name), value) for name, value in of.items()]
        return [v[4] for v in self.visits if all(v[n] == value for n, value in wanted)]

    def _moves(self) -> Iterator[Move]:
        for worker, old, new, place in product(WORKERS, FIRMS, FIRMS, self.places):
            before = self.days(worker=worker, org=old, place=place)
            begun = self._begun(worker, new, place)
            if old == new or not before or begun is None:
                continue
            if min(before) >= begun or begun - max(before) > 90:
                continue
            if any(begun + 30 < d <= begun + 120 for d in before):
                continue
            if max(before) >= begun and self.seen[place] - max(before) <= 30:
                continue
            met = {
                v[1]
                for v in self.visits
                if (v[0], v[2], v[3]) == (worker, old, place) and begun - 90 <= v[4] < begun
            }
            if len(met) >= self.least:
                last = max(d for d in before if d <= begun + 30)
                yield Move(worker, old, new, place, begun, last)

    def _begun(self, worker: str, org: str, place: str) -> int | None:
        hired = [
            number(e["valid_from"])
            for e in self.rows["employments"]
            if (e["person_id"], e["org_id"]) == (worker, org)
        ]
        if not self.days(worker=worker, org=org):
            return min(hired, default=None)
        shifts = self.days(worker=worker, org=org, place=place)
        if not shifts:
            return None
        return max((h for h in hired if 0 <= min(shifts) - h <= 90), default=min(shifts))

    def _stays(self) -> Iterator[Stay]:
        told = [
            (e["client_id"], e["org_id"], e["municipality"], number(e["valid_from"]), e)
            for e in self.rows["enrolments"]
        ]
        seen: list[tuple[str, str, str, int, int, str | None]] = []
        for client, org, place in product(CLIENTS, FIRMS, self.places):
            visits = self.days(client=client, org=org, place=place)
            until = NEVER
            if visits and self.seen[place] - max(visits) > 30:
                until = max(visits) + 1
            mine = [t for t in told if t[:3] == (client, org, place)]
            for *_, since, row in mine:
                left = until if visits and max(visits) >= since else NEVER
                end = min(number(row["valid_to"]), left)
                seen.append((client, org, place, since, end, row["end_reason"]))
            if visits and not mine:
                seen.append((client, org, place, min(visits), until, None))
        homes = {
            p["person_id"]: p["street"]
            for p in self.rows["persons"]
            if p["street"] and p["protection"] == "none"
        }
        for client, org, place, since, end, reason in seen:
            here = {s[0] for s in seen if s[2] == place}
            mates = {c for c in here if c in homes and homes[c] == homes.get(client)}
            unit = min(mates) if 1 <= len(mates) <= 4 else client
            yield Stay(client, org, place, since, end, reason, unit)

    def _endings(self, org: str, place: str) -> list[int]:
        days = [
            number(o["deregistered_on"]) for o in self.rows["organisations"] if o["org_id"] == org
        ]
        days += [
            number(c["changed_on"]) for c in self.rows["organisation_changes"] if c["org_id"] == org
        ]
        here = [s for s in self.stays if (s.org, s.place) == (org, place)]
        days += [
            number(e["valid_to"])
            for e in self.rows["enrolments"]
            if (e["org_id"], e["municipality"], e["end_reason"]) == (org, place, "provider_exit")
        ]
        gone = max((s.until for s in here), default=NEVER)
        if self.seen[place] - gone > 60:
            days.append(gone)
        contracts = [
            (number(c["valid_from"]), number(c["valid_to"]))
            for c in self.rows["contracts"]
            if (c["org_id"], c["municipality"]) == (org, place)
        ]
        days += [
            end
            for _, end in contracts
            if end < NEVER and not any(since <= end < until for since, until in contracts)
        ]
        return [d for d in days if d < NEVER]

    def _switches(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        for a, b in product(self.stays, self.stays):
            if (a.client, a.place) != (b.client, b.place) or a.org == b.org or a.since >= b.since:
                continue
            back = any(
                (c.client, c.org) == (b.client, b.org)
                and c.since < b.since
                and b.since - c.until <= 90
                for c in self.stays
            )
            left = -90 <= a.until - b.since <= 30
            moved_all = any(abs(d - b.since) <= 60 for d in self._endings(a.org, a.place))
            if left and not back and not moved_all and a.reason in (None, "client_choice", "other"):
                yield a.unit, a.client, a.org, b.org, a.place, b.since

    def judged(self, move: Move) -> list[dict[str, Any]]:
        """What each circle of the worker's clients did; nothing where too few came."""
        came = [
            s
            for s in self.switches
            if (s[3], s[4]) == (move.new, move.place) and -30 <= s[5] - move.day <= 90
        ]
        ours = [s for s in came if s[2] == move.old]
        if len({s[0] for s in ours}) < self.least:
            return []
        units = {s.client: s.unit for s in self.stays if s.place == move.place}
        window = [
            v
            for v in self.visits
            if v[2:4] == (move.old, move.place) and 0 <= move.last - v[4] < 90
        ]
        own = {c: sum(v[:2] == (move.worker, c) for v in window) for c in CLIENTS}
        all_ = {c: sum(v[1] == c for v in window) for c in CLIENTS}
        near = {c for c in CLIENTS if own[c] and own[c] >= 0.2 * all_[c]}
        known = near | {c for c in CLIENTS if own[c] >= 10}
        excluded = {units[c] for c in known}
        others = {
            s.unit
            for s in self.stays
            if s.place == move.place and s.since < move.day and move.day - s.until <= 90
        }
        at_old = {
            s.unit
            for s in self.stays
            if (s.org, s.place) == (move.old, move.place)
            and s.since < move.day
            and move.day - s.until <= 90
        }
        there = {
            s.unit
            for s in self.stays
            if (s.org, s.place) == (move.new, move.place)
            and move.day - s.since > 30
            and move.day - s.until <= 30
        }
        left = {
            s[0]
            for s in self.switches
            if (s[2], s[4]) == (move.old, move.place) and -30 <= s[5] - move.day <= 90
        }
        moved = {s[0] for s in came}
        others, behind = others - excluded - there, at_old - excluded - there
        found = []
        for circle in [known] if near == known else [known, near]:
            when = {
                c: min(s[5] for s in ours if s[1] == c) for c in circle if c in {s[1] for s in ours}
            }
            again = {
                c
                for c in when
                if self.days(worker=move.worker, client=c, org=move.new, place=move.place)
            }
            found.append(
                {
                    "events": len({units[c] for c in when}),
                    "clients": len({units[c] for c in circle}),
                    "others": len(others),
                    "others_moved": len(others & moved),
                    "left_behind": len(behind),
                    "left_behind_moved": len(behind & moved),
                    "not_met_again": len({units[c] for c in when}) - len({units[c] for c in again}),
                    "ahead": len({units[c] for c in when if when[c] < move.day}),
                    "since": min(when.values(), default=None),
                    "until": max(when.values(), default=None),
                    "days": len(set(when.values())),
                    "all_left": len(at_old & left) >= EXODUS * len(at_old),
                }
            )
        return found


def tail(hits: int, trials: int, other_hits: int, others: int) -> float:
    """Fisher's exact test by counting: the share of all ways to draw with as many or more."""
    all_, marked = trials + others, hits + other_hits
    ways = sum(
        comb(marked, k) * comb(all_ - marked, trials - k)
        for k in range(hits, min(trials, marked) + 1)
    )
    return ways / comb(all_, trials)


def expected(rows: Rows, least: int) -> dict[tuple[str, ...], dict[str, Any]]:
    town = Town(rows, least)
    shown: dict[tuple[str, ...], dict[str, Any]] = {}
    for place in town.places:
        tests: list[tuple[Move, dict[str, Any] | None, float]] = []
        for move in (m for m in town.moves if m.place == place):
            circles = [c for c in town.judged(move) if not c["all_left"]]
            p_values = [
                tail(c["events"], c["clients"], c["others_moved"], c["others"]) for c in circles
            ]
            if not circles:
                tests.append((move, None, 1.0))
                continue
            looks = len({(c["events"], c["clients"]) for c in circles})
            p, _, best = min(
                (p, -c["events"], n) for n, (p, c) in enumerate(zip(p_values, circles, strict=True))
            )
            tests.append((move, circles[best], min(1.0, p * looks)))
        ranked = sorted(p for *_, p in tests)
        for move, circle, p in tests:
            q = min(r * len(ranked) / n for n, r in enumerate(ranked, 1) if r >= p)
            if circle is not None and circle["events"] >= least:
                key = (move.new, move.old, move.worker, place)
                shown[key] = {**circle, "p_value": p, "q_value": min(1.0, q), "tests": len(tests)}
    return shown


# --- the worlds: small and dense, their days at the bounds of the claim's windows ---------------

#: Around a move: the windows' ends (30, 60, 90 and 120 days) and a day to either side.
BOUNDS = sorted({s * (b + d) for b in (0, 30, 60, 90, 120) for d in (-1, 0, 1) for s in (-1, 1)})
near_move = st.sampled_from(BOUNDS).map(lambda offset: MOVED + offset)
soon = st.sampled_from([-31, -30, -5, 0, 1, 10, 29, 30, 31, 60, 89, 90, 91]).map(
    lambda n: MOVED + n
)


@st.composite
def towns(draw: st.DrawFn) -> Rows:
    visits: list[tuple[str, str, str, str, int]] = []
    enrolments: list[dict[str, Any]] = []
    place = "0000"
    for client in CLIENTS:
        first = draw(st.sampled_from([OLD, OLD, OLD, THIRD]))
        switched = draw(st.one_of(st.none(), soon))
        to = draw(st.sampled_from([NEW, NEW, THIRD if first != THIRD else OLD]))
        end = (
            330 if switched is None else switched + draw(st.sampled_from([0, 0, 0, -1, 29, 30, 31]))
        )
        for worker in draw(st.sets(st.sampled_from(WORKERS), min_size=1, max_size=2)):
            stop = MOVED if worker == "hsa:w1" else end
            since, step = draw(st.integers(30, 70)), draw(st.sampled_from([9, 30, 60]))
            days = range(since, min(end, stop), step)
            visits += [(worker, client, first, place, at) for at in days]
        if switched is not None:
            worker = draw(st.sampled_from(WORKERS))
            visits += [(worker, client, to, place, at) for at in range(switched, 331, 45)]
        if draw(st.booleans()):
            told = {"client_id": client, "municipality": place, "service": "omsorg"}
            reason = draw(st.sampled_from([None, None, "client_choice", "moved", "provider_exit"]))
            enrolments.append(
                {**told, "org_id": first, "valid_from": day(0),
                 "valid_to": None if switched is None else day(end), "end_reason": reason}
            )  # fmt: skip
            if switched is not None and draw(st.booleans()):
                enrolments.append(
                    {**told, "org_id": to, "valid_from": day(switched), "valid_to": None,
                     "end_reason": None}
                )  # fmt: skip
    for worker in ("hsa:w1", draw(st.sampled_from(WORKERS))):
        begun = MOVED + draw(st.sampled_from([0, 0, 1, 30]))
        visits.append((worker, draw(st.sampled_from(CLIENTS)), NEW, place, begun))
    for at in draw(st.lists(near_move, max_size=2)):
        visits.append(("hsa:w1", draw(st.sampled_from(CLIENTS)), OLD, place, at))
    if draw(st.booleans()):  # somebody else's shifts show how far the data reach
        visits.append(("hsa:w9", "syn:c0", THIRD, place, 333))
    events = draw(st.lists(near_move, max_size=1))
    return {
        "visits": [
            {
                "visit_id": f"v{n}",
                "municipality": where,
                "org_id": org,
                "worker_id": worker,
                "client_id": client,
                "service": "omsorg",
                "start": f"{day(at)} 08:{n % 60:02}",
                "end": f"{day(at)} 09:00",
                "status": draw(st.sampled_from(["performed"] * 9 + ["declined"]))
                if n % 5 == 0
                else "performed",
            }
            for n, (worker, client, org, where, at) in enumerate(visits)
        ],
        "enrolments": enrolments,
        "employments": [
            {"org_id": NEW, "person_id": "hsa:w1", "valid_from": day(at)}
            for at in draw(st.lists(soon, max_size=1))
        ],
        "persons": [
            {"person_id": client, "postcode": "11111",
             "street": draw(st.sampled_from(["Ekgatan 1", "Ekgatan 2", ""])),
             "protection": draw(st.sampled_from(["none"] * 5 + ["marked"]))}
            for client in CLIENTS
            if draw(st.booleans())
        ],
        "organisations": [
            {"org_id": OLD, "deregistered_on": day(at)} for at in events if draw(st.booleans())
        ],
        "organisation_changes": [
            {"change_id": "x", "org_id": OLD, "changed_on": day(at), "what": "owner"}
            for at in events
            if draw(st.booleans())
        ],
        "contracts": [
            {"contract_id": f"k{n}", "org_id": OLD, "municipality": place, "service": "omsorg",
             "reimbursement": "granted", "hourly_rate_sek": "1", "valid_from": day(-400),
             "valid_to": day(at)}
            for n, at in enumerate(draw(st.lists(near_move, max_size=2)))
        ],
    }  # fmt: skip


@settings(max_examples=7, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=towns(), least=st.sampled_from([1, 1, 2]))
def test_equals_plain_loops(rows: Rows, least: int) -> None:
    wanted = expected(rows, least)
    found = {
        (
            f.provider_id,
            _subject(f, "other"),
            _subject(f, "worker"),
            f.statistics["municipality"],
        ): f
        for f in find(rows, **{**OPEN, "clients_min": least})
    }
    assert set(found) == set(wanted)
    for key, finding in found.items():
        _compare(finding, wanted[key])


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=towns())
def test_the_network_counts_the_same(empty_database: Neo4jSettings, rows: Rows) -> None:
    """On towns where somebody is shown: the rest has its silence in the cases."""
    assume(expected(rows, 1))
    with connect(empty_database) as network:
        asked = [finding.as_json() for finding in find(rows, network, **OPEN)]
    assert asked == [finding.as_json() for finding in find(rows, **OPEN)] != []


def _compare(finding: Finding, wanted: Mapping[str, Any]) -> None:
    said = {**finding.statistics, "events": finding.events, "days": finding.days}
    for name in set(wanted) - {"since", "until", "all_left", "p_value", "q_value"}:
        assert said[name] == wanted[name], name
    assert (finding.since, finding.until) == tuple(
        START + timedelta(wanted[name]) for name in ("since", "until")
    )
    for name in ("p_value", "q_value"):
        assert said[name] == pytest.approx(wanted[name], rel=1e-8)


def _subject(finding: Finding, role: str) -> str:
    return next(subject.id for subject in finding.subjects if subject.role == role)


def test_the_worlds_put_the_claim_to_the_proof() -> None:
    """Among drawn worlds some hold a move that is found."""
    drawn: list[int] = []

    @settings(max_examples=200, database=None, deadline=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(rows=towns())
    def draw(rows: Rows) -> None:
        drawn.append(len(expected(rows, 1)))

    draw()
    assert sum(count > 0 for count in drawn) >= 3
