"""Which new providers have from an ended one what strangers would not, and what explains it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from graph_service.room import Row, Value
from graph_service.statistics import binomial_excess, wilson

_PEOPLE: Final = ("officers", "owners")
_CONTACTS: Final = ("address", "phone", "email")
_LEAST: Final = {"workers": "worker_share", "clients": "client_share"}
_COUNTS: Final = (
    *("workers", "workers_carried", "clients", "clients_carried"),
    *("alternatives", "newcomers", "newcomers_here"),
)
_HARD: Final = ("revoked", "bankruptcy")  # ends that no purchase of the shares explains
_SMALL: Final = 5  # persons on whom a share rests uneasily
_LATE: Final = 180  # days
#: A sole trader or a partnership, which becomes a company when it grows.
_PERSONAL: Final = re.compile(r"enskild|handelsbolag|kommanditbolag|sole", re.IGNORECASE)


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """The pairs of an ended and a new provider that stand, each with its shares and its doubts.

    A row holds a pair, the counts of staff and clients, and `traits`: the people, contacts,
    accounts and register entries of both. A share has its Wilson interval beside it; the chance
    is binomial, of so many choosing one of the providers open to them.
    """
    found = []
    for row in rows:
        pair = _Pair(row, thresholds)
        if pair.stands():
            found.append(pair.told())
    return found


@dataclass(frozen=True, slots=True)
class _Shared:
    """What both firms have: its value, and their rows."""

    kind: str
    id: str
    rows: tuple[Mapping[str, Any], ...]


class _Pair:
    """An ended provider and one that began about then."""

    def __init__(self, row: Row, thresholds: Mapping[str, Value]) -> None:
        self.row = row = {**row, **{name: row[name] or 0 for name in _COUNTS}}
        self.limits = {k: float(v) for k, v in thresholds.items() if not isinstance(v, str)}
        self.ended, self.started = row["ended_on"], row["started_on"]
        self.latest = max(self.ended, self.started)
        self.mine = [t for t in row["traits"] or () if t["is_new"]]
        self.old = [t for t in row["traits"] or () if not t["is_new"]]
        self.shared = self._shared()
        self.workers = self._share("workers")
        self.clients = self._share("clients")

    # ── what is carried ──────────────────────────────────────────────────────────────────

    def _shared(self) -> dict[str, dict[str, _Shared]]:
        """Sign → value → what both have, people only while they sat."""
        wide = {
            "officers": _PEOPLE,  # who owned the one may run the other
            "owners": _PEOPLE,
        }
        shared: dict[str, dict[str, _Shared]] = {}
        for sign in (*_PEOPLE, *_CONTACTS, "account"):
            mine = _by_value(t for t in self.mine if t["sign"] == sign and self._sits(t))
            old = _by_value(
                t for t in self.old if t["sign"] in wide.get(sign, (sign,)) and self._sat(t)
            )
            shared[sign] = {
                value: _Shared(
                    mine[value][0]["kind"],
                    min(t["id"] for t in mine[value]),
                    (*_fewest(mine[value], sign), *_fewest(old[value], sign)),
                )
                for value in sorted(mine.keys() & old.keys())
            }
        exact = {value: s for value, s in shared["email"].items() if "@" in value}
        shared["email"] = exact or shared["email"]
        return shared

    def _sits(self, trait: Mapping[str, Any]) -> bool:
        return trait["valid_to"] is None or trait["valid_to"] > self.started

    def _sat(self, trait: Mapping[str, Any]) -> bool:
        lately = self.ended - timedelta(self.limits["people_days"])
        return (trait["valid_to"] is None or trait["valid_to"] > lately) and (
            trait["valid_from"] is None or trait["valid_from"] <= self.latest
        )

    def _share(self, sign: str) -> bool:
        """Whether so large a part was carried; one or two persons are none."""
        carried, all_of_them = self.row[f"{sign}_carried"], self.row[sign]
        least = self.limits[_LEAST[sign]]
        return bool(carried >= self.limits["people_min"] and carried >= least * all_of_them)

    def _chance(self, sign: str) -> float:
        """The chance that so many come to one of the places open to them."""
        rate = 1 / max(2, self.row["alternatives"])
        if sign == "clients" and self.row["newcomers"] > 0:
            rate = max(rate, self.row["newcomers_here"] / (self.row["newcomers"] + 1))
        return binomial_excess(self.row[f"{sign}_carried"], self.row[sign], rate)

    @property
    def signs(self) -> list[str]:
        return [sign for sign, values in self.shared.items() if values]

    @property
    def binding(self) -> bool:
        """Whether people or money are shared, not only premises and telephones."""
        return any(sign in self.signs for sign in (*_PEOPLE, "account"))

    @property
    def fresh(self) -> bool:
        """Newly registered, or a shelf company with new people in every seat."""
        since = self.ended - timedelta(self.limits["carry_days"])
        if self.row["known_since"] >= since:
            return True
        seats = [t["valid_from"] for t in self.mine if t["sign"] in _PEOPLE and self._sits(t)]
        return bool(seats) and all(seat is not None and seat >= since for seat in seats)

    # ── whether it stands ────────────────────────────────────────────────────────────────

    def stands(self) -> bool:
        carried = self._after_cause() if self.row["cause"] else self._after_quiet_end()
        return carried and not self._lawful()

    def _after_cause(self) -> bool:
        """The rule of T21; staff or clients alone must beat chance, and go to a new firm."""
        if len(self.signs) >= self.limits["signs_min"]:
            return True
        if self.workers:
            likely = self.clients or self._chance("workers") <= self.limits["workers_p_max"]
            return self.binding or (self.fresh and (likely or bool(self.signs)))
        if self.clients:
            chance = self._chance("clients")
            most = self.limits["workers_p_max" if self.signs else "clients_p_max"]
            return self.binding or (self.fresh and chance <= most)
        return False

    def _after_quiet_end(self) -> bool:
        """Nothing tells against the old firm: staff and clients follow a tender lawfully."""
        several = len(self.signs) >= self.limits["signs_min"]
        if self.row["ended_by"] == "expired":
            return self.binding and several
        if self.binding:
            return several or self.workers or self.clients
        # Only with the contract still open was it nothing but the old firm's will that ended it;
        # and a contract whose end is not told may have run out, so a sign must stand beside it.
        left = self.row["ended_by"] == "stopped" and self.row["contracted"]
        carried = self.workers and self.clients and bool(self.signs)
        return bool(left and carried and self.fresh)

    # ── what makes it lawful ─────────────────────────────────────────────────────────────

    def _lawful(self) -> bool:
        if self._merged():
            return True
        if self.row["ended_by"] in _HARD:
            return False
        people = {value for sign in _PEOPLE for value in self.shared[sign]}
        buyers = {value for value in people if self._bought(value)}
        if buyers and buyers == people:
            return True
        if not self.row["cause"] and self._reorganised(people):
            return True
        return any(self._explains(change, people) for change in self._owner_changes())

    def _merged(self) -> bool:
        """The register says that the new firm owns the old one, or took it over by name."""
        new_id = self.row["provider_id"]
        own = any(
            t["sign"] == "owners"
            and t["value"] == f"organisation:{new_id}"
            and (t["valid_from"] is None or t["valid_from"] <= self.latest)
            for t in self.old
        )
        return own or any(self._names(t, [new_id]) for t in self._changes())

    def _bought(self, value: str) -> bool:
        """Became an owner of the old firm shortly before its end, as another one left."""
        stakes = [t for t in self.old if t["sign"] == "owners"]
        own = [t["valid_from"] or date.min for t in stakes if t["value"] == value]
        if not own or min(own) < self.ended - timedelta(self.limits["bought_days"]):
            return False
        near = timedelta(self.limits["prepared_days"])
        sold = [t["valid_to"] for t in stakes if t["value"] != value and t["valid_to"] is not None]
        return any(abs(day - min(own)) <= near for day in sold)

    def _reorganised(self, people: set[str]) -> bool:
        """Moved within a group, or from a person's own firm into a company of theirs."""
        if any(value.startswith("organisation:") for value in self.shared["owners"]):
            return True
        forms = [t["kind"] for t in self.old if t["sign"] == "self"]
        personal = re.fullmatch(r"\d{12}", self.row["old_id"]) or any(map(_PERSONAL.search, forms))
        mine = [t["kind"] for t in self.mine if t["sign"] == "self"]
        return bool(people and personal) and not any(map(_PERSONAL.search, mine))

    def _changes(self) -> list[Mapping[str, Any]]:
        """What the register tells of the old firm near its end, in time for a takeover."""
        first = self.ended - timedelta(self.limits["bought_days"])
        last = self.latest + timedelta(self.limits["prepared_days"])
        told = [t for t in self.old if t["sign"] == "change" and first <= t["valid_from"] <= last]
        return [t for t in told if t["kind"] in ("owner", "status", "name")]

    def _owner_changes(self) -> list[Mapping[str, Any]]:
        return [t for t in self._changes() if t["kind"] == "owner"]

    def _explains(self, change: Mapping[str, Any], people: set[str]) -> bool:
        """An owner change that names the new firm's owner, or names nobody and suits strangers."""
        owners = [t["id"] for t in self.mine if t["sign"] == "owners"]
        before = {
            t["value"]
            for t in self.old
            if t["sign"] in _PEOPLE and (t["valid_from"] or date.min) < change["valid_from"]
        }
        if self._names(change, owners):  # a director may stay when the owners change
            return not before.intersection(self.shared["owners"])
        return not people & before and not re.search(r"\d{10}|:", change["value"])

    def _names(self, change: Mapping[str, Any], ids: Sequence[str]) -> bool:
        names = [t["value"] for t in self.mine if t["sign"] == "self"]
        said = change["value"].casefold()
        return any(
            len(word) > _SMALL and word.casefold() in said
            for word in (*ids, *(names if self.row["provider_id"] in ids else ()))
        )

    # ── how it is told ───────────────────────────────────────────────────────────────────

    def told(self) -> Row:
        row, signs = self.row, set(self.signs)
        signs |= {sign for sign in ("workers", "clients") if getattr(self, sign)}
        matched = [(sign, s) for sign in self.shared for s in self.shared[sign].values()]
        days = [max(m["day"], self.started) for m in row["moves"] or () if m["sign"] in signs]
        events = len(days) + len(matched)
        if matched:
            days.append(self.started)
        evidence = [r for r in row["evidence"] or () if r["sign"] in signs | {"end"}]
        evidence += [r for _, s in matched for r in s.rows]
        people = {s.id for sign, s in matched if sign in _PEOPLE}
        hidden = ("traits", "moves", "cause", "contracted", "old_id", "known_since", "newcomers")
        kept = {name: value for name, value in row.items() if name not in hidden}
        kept.pop("newcomers_here")
        return {
            **kept,
            **self._statistics(),
            "people": len(people),
            "subjects": self._subjects(matched),
            "since": min(days),
            "until": max(days),
            "events": events,
            "days": len(set(days)),
            "evidence": evidence,
            "against": self._against(),
            "untested": self._untested(),
        }

    def _subjects(self, matched: Sequence[tuple[str, _Shared]]) -> list[dict[str, str]]:
        subjects = [
            {"role": "provider", "kind": "organisation", "id": self.row["provider_id"]},
            {"role": "other", "kind": "organisation", "id": self.row["old_id"]},
        ]
        for sign, shared in matched:
            role = sign.removesuffix("s") if sign in _PEOPLE else "shared"
            subjects.append({"role": role, "kind": shared.kind, "id": shared.id})
        return subjects

    def _statistics(self) -> dict[str, Any]:
        told: dict[str, Any] = {"signs": len(self.signs)}
        for sign in ("workers", "clients"):
            carried, of = self.row[f"{sign}_carried"], self.row[sign]
            name = sign.removesuffix("s")
            told[f"{name}_share"] = carried / of if of else None
            told[f"{name}_share_low"] = wilson(carried, of).low if of else None
            told[f"{name}_chance"] = self._chance(sign) if of else None
        told |= {sign: len(self.shared[sign]) for sign in _PEOPLE}
        told["accounts"] = len(self.shared["account"])
        told["contacts"] = sum(1 for sign in _CONTACTS if self.shared[sign])
        return told

    def _against(self) -> list[str]:
        carried = [self.row[f"{s}_carried"] for s in ("workers", "clients") if getattr(self, s)]
        people = {value for sign in _PEOPLE for value in self.shared[sign]}
        permits = [t["valid_from"] for t in self.mine if t["sign"] == "permit"]
        shown = {
            "owner_change": bool(self._owner_changes()) or any(map(self._bought, people)),
            "permit_reviewed": any(day is not None and day >= self.ended for day in permits),
            "ran_out": self.row["ended_by"] == "expired",
            "few_persons": bool(carried) and max(carried) < _SMALL,
            "few_alternatives": bool(carried) and self.row["alternatives"] <= 2,
            "late_start": (self.started - self.ended).days > _LATE,
        }
        return [name for name, holds in shown.items() if holds]

    def _untested(self) -> list[str]:
        register = any(t["sign"] in ("owners", "change") for t in self.old)
        sold = [] if register else ["business_bought", "owner_change_told", "merger"]
        forms = [{t["kind"] for t in side if t["sign"] == "self"} for side in (self.old, self.mine)]
        unknown = [] if all(kinds - {""} for kinds in forms) else ["legal_form"]
        tender = [] if self.row["contracted"] else ["staff_takeover", "retender"]
        return sold + tender + unknown


def _by_value(traits: Any) -> dict[str, list[Mapping[str, Any]]]:
    grouped: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for trait in sorted(traits, key=lambda t: (t["sign"], t["table"], [k or "" for k in t["key"]])):
        grouped[trait["value"]].append(trait)
    return grouped


def _fewest(traits: Sequence[Mapping[str, Any]], sign: str) -> Sequence[Mapping[str, Any]]:
    """One row that says it by itself, best of the same sign; of a holding between, both rows."""
    direct = [t for t in traits if t["table"] != "owners" or t["key"][:2] == [t["firm"], t["id"]]]
    return sorted(direct, key=lambda t: t["sign"] != sign)[:1] or traits
