"""Follows the holdings above a provider: rings that hold themselves, long chains of companies."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from graph_service.network import Link, effective_shares, longest_chain, owners_above, rings
from graph_service.room import Row, Value

#: Shares come out of a sum of products: a quarter is no more than a quarter.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Holdings:
    """Every holding in force, one for each owner and owned, with the row that shows it."""

    links: tuple[Link, ...]
    rows: Mapping[tuple[str, str], Row]
    people: frozenset[str]
    without_owners: frozenset[str]
    #: Bodies of which somebody is told to be the beneficial owner, or to be in control.
    answered_for: frozenset[str]

    def above(self, owned: str, least: float) -> list[Link]:
        """The holdings above `least` that lead up from `owned`."""
        large = [link for link in self.links if link.share > least + _ROUNDING]
        reach = owners_above(large, owned) | {owned}
        return [link for link in large if link.owned in reach]


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """One row for each ring that holds a provider; without a ring, for its chain if too long."""
    held = _holdings(rows, float(thresholds["control_share"]))
    control = float(thresholds["control_share"])
    majority = float(thresholds["majority_share"])
    longest = int(thresholds["chain_max"])
    providers = {row["provider_id"] for row in rows if row["provider_id"] is not None}
    young = int(thresholds["filing_days"])
    found: list[Row] = []
    for provider in sorted(providers - held.without_owners):
        above = held.above(provider, control)
        circles = [
            members
            for members in rings(above)
            if not held.without_owners.intersection(members)
            and _holds_itself(held, members, majority)
            and _hides_owner(held, provider, members, control, majority)
        ]
        found += [_ring(held, provider, members, above) for members in circles]
        chain = longest_chain([link for link in above if link.owner not in held.people], provider)
        if not rings(above) and len(chain) > longest:
            ends = effective_shares(held.above(provider, 0.0), provider)
            known = (held.without_owners | held.answered_for).intersection(
                {provider, *owners_above(above, provider)}
            )
            if not known and _hidden(held, ends, control, majority):
                steps = list(zip(chain, (provider, *chain), strict=False))
                found.append(_row(held, provider, steps, set(chain), 0))
    return [_weighed(row, held, young) for row in found]


def _weighed(row: Row, held: Holdings, filing_days: int) -> Row:
    """The finding with what the register shows against it."""
    companies = {subject["id"] for subject in row["subjects"]}
    named = companies.intersection(held.answered_for)
    foreign = [name for name in companies if re.match("[A-Z]{2}:", name)]
    told = {
        "somebody_named": bool(named),
        "person_holds_some": row["largest_person_share"] > _ROUNDING,
        "shares_untold": row["untold"] > 0,
        "foreign_register": bool(foreign),
        "filed_lately": (row["until"] - row["since"]).days <= filing_days and row["dated"],
    }
    kept = {name: value for name, value in row.items() if name != "dated"}
    return {
        **kept,
        "named": len(named),
        "foreign": len(foreign),
        "against": [name for name, shown in told.items() if shown],
    }


def _holdings(rows: Sequence[Row], control: float) -> Holdings:
    """Parallel interests of one owner are one holding, the largest; a whole is never exceeded.

    Owners whose share is not told are read as holding the rest in equal parts.
    """
    largest: dict[tuple[str, str], Row] = {}
    for row in sorted(
        rows, key=lambda row: (-(row["share"] or 0.0), row["interest"], str(row["since"]))
    ):
        largest.setdefault((row["owner_id"], row["org_id"]), row)
    by_owned: dict[str, list[Row]] = {}
    for row in largest.values():
        by_owned.setdefault(row["org_id"], []).append(row)
    links: list[Link] = []
    for owned, holders in sorted(by_owned.items()):
        told = sum(row["share"] for row in holders if row["share"] is not None)
        untold = sum(1 for row in holders if row["share"] is None)
        rest = max(0.0, 1.0 - told) / untold if untold else 0.0
        links += [
            Link(
                row["owner_id"],
                owned,
                rest if row["share"] is None else row["share"] / max(1.0, told),
            )
            for row in holders
        ]
    return Holdings(
        tuple(sorted(links, key=lambda link: (link.owned, link.owner))),
        largest,
        frozenset(row["owner_id"] for row in rows if row["natural"]),
        frozenset(row["owner_id"] for row in rows if row["owner_has_members"])
        | frozenset(row["org_id"] for row in rows if row["body_has_members"]),
        frozenset(
            row["org_id"]
            for row in rows
            if row["natural"]
            and row["interest"] in ("beneficial", "control")
            and (row["share"] is None or row["share"] > control)
        ),
    )


def _holds_itself(held: Holdings, members: Collection[str], majority: float) -> bool:
    """Whether each member is held for the most part by the other members."""
    within = dict.fromkeys(members, 0.0)
    for link in held.links:
        if link.owned in within and link.owner in within:
            within[link.owned] += link.share
    return all(share > majority + _ROUNDING for share in within.values())


def _hides_owner(
    held: Holdings, provider: str, members: Collection[str], control: float, majority: float
) -> bool:
    """Whether no person outside holds enough of the provider or of a member of its ring.

    Holdings inside the ring are taken away first: what goes round makes nobody an owner.
    """
    straight = [
        link
        for link in held.above(provider, 0.0)
        if not (link.owned in members and link.owner in members)
    ]
    for owned in sorted({provider, *members}):
        ends = effective_shares(straight, owned)
        if any(
            share > control + _ROUNDING for owner, share in ends.items() if owner in held.people
        ):
            return False
    through = sum(
        share for owner, share in effective_shares(straight, provider).items() if owner in members
    )
    return provider in members or through > majority + _ROUNDING


def _hidden(held: Holdings, ends: Mapping[str, float], control: float, majority: float) -> bool:
    people = sum(share for owner, share in ends.items() if owner in held.people)
    others = sum(share for owner, share in ends.items() if owner not in held.people)
    return people <= control + _ROUNDING and others > majority + _ROUNDING


def _ring(held: Holdings, provider: str, members: Sequence[str], above: Sequence[Link]) -> Row:
    """The ring's own holdings, and the nearest way to it where the provider stands below."""
    inside = [(ln.owner, ln.owned) for ln in above if ln.owned in members and ln.owner in members]
    steps = inside + _way(provider, set(members), above)
    return _row(held, provider, steps, {name for step in steps for name in step} - {provider}, 1)


def _way(start: str, goal: Collection[str], above: Sequence[Link]) -> list[tuple[str, str]]:
    ways: dict[str, list[tuple[str, str]]] = {start: []}
    layer = [start]
    while layer:
        for name in layer:
            if name in goal:
                return ways[name]
        following = []
        for link in above:
            if link.owned in layer and link.owner not in ways:
                ways[link.owner] = [*ways[link.owned], (link.owner, link.owned)]
                following.append(link.owner)
        layer = sorted(following)
    return []


def _row(
    held: Holdings,
    provider: str,
    steps: Sequence[tuple[str, str]],
    owners: Collection[str],
    circles: int,
) -> Row:
    shown = [held.rows[step] for step in steps]
    begun = [row["since"] for row in shown if row["since"] is not None]
    until = shown[0]["until"]
    ends = effective_shares(held.above(provider, 0.0), provider)
    return {
        "provider_id": provider,
        "subjects": [
            {"role": "provider", "kind": "organisation", "id": provider},
            *({"role": "owner", "kind": "organisation", "id": owner} for owner in sorted(owners)),
        ],
        # It stands as it is since the last of its holdings began.
        "since": max(begun, default=until),
        "until": until,
        "events": len(steps),
        "days": max(1, len(set(begun))),
        "exposure_lower": None,
        "exposure_upper": None,
        "evidence": [found for row in shown for found in row["evidence"]],
        "rings": circles,
        "links": len(steps),
        "companies": len(owners),
        "untold": sum(row["share"] is None for row in shown),
        "dated": bool(begun),
        "largest_person_share": max((ends[who] for who in ends if who in held.people), default=0.0),
    }
