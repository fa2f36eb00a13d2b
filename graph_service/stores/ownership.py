"""Who owns an organisation in the end, and what it owns: chains, rings, effective shares."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from graph_service.network import Link, effective_shares, rings
from graph_service.stores.answers import (
    EffectiveShare,
    Entity,
    Holding,
    Interest,
    Ownership,
    Relationship,
)
from graph_service.stores.lookups import Reader

#: What multiplies along a chain. Benefit and control are told of whoever has them in the end.
_ADD_UP: Final = ("shares", "votes")
#: More holdings than any group of companies near a provider has.
BOUND: Final = 2_000
#: Shares are told to six digits; sums and quotients of them mean nothing beyond nine.
_DIGITS: Final = 9


def ownership(
    reader: Reader, entity: Entity, *, as_of: date | None = None, bound: int = BOUND
) -> Ownership:
    """The owners above `entity`, step by step, and what it holds below.

    As of a day, or without it all that has not ended. An effective share multiplies along each
    chain and adds over chains, rings solved (`network.effective_shares`); a final owner is one
    of whom nobody is known to own that interest. Where an owner is told to hold one interest
    twice, the later counts; the larger of two that begin on one day.
    """
    above, over = _climb(reader, "owners", entity.node_id, as_of, bound)
    below, under = _climb(reader, "holdings", entity.node_id, as_of, bound)
    complete = over and under
    met = {entity.node_id}
    for each in (*above, *below):
        met |= {each.owner_id, each.owned_id}
    rows = reader.rows("names", {"nodes": sorted(met)})
    return Ownership(
        run_id=reader.run_id,
        as_of=as_of,
        node_id=entity.node_id,
        complete=complete,
        bound=bound,
        above=above,
        below=below,
        interests=_interests(entity.node_id, above, below) if complete else (),
        rings=_rings(above),
        entities=tuple(Entity.of(row["entity"]) for row in rows),
    )


def _climb(
    reader: Reader, query: str, start: str, as_of: date | None, bound: int
) -> tuple[tuple[Holding, ...], bool]:
    """The holdings above (owners) or below (holdings), nearest first; False where cut short."""
    upwards = query == "owners"
    seen, frontier = {start}, [start]
    found: dict[str, Holding] = {}
    distance = 0
    while frontier:
        distance += 1
        rows = reader.rows(query, {"nodes": frontier, "as_of": as_of})
        if len(found) + len(rows) > bound:
            return tuple(found.values()), False
        step = [_holding(Relationship.of(row["relationship"]), distance) for row in rows]
        step.sort(key=lambda each: (each.owned_id, each.interest, each.owner_id, each.edge_id))
        found |= {each.edge_id: each for each in step if each.edge_id not in found}
        ends = {each.owner_id if upwards else each.owned_id for each in step}
        frontier = sorted(ends - seen)
        seen |= ends
    return tuple(found.values()), True


def _holding(tie: Relationship, distance: int) -> Holding:
    return Holding(
        distance=distance,
        owner_id=tie.source_id,
        owned_id=tie.target_id,
        interest=tie.properties.get("interest", "other"),
        share=tie.properties.get("share"),
        role=tie.properties.get("role"),
        valid_from=tie.valid_from,
        valid_to=tie.valid_to,
        edge_id=tie.edge_id,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """One interest as it counts: a link for each owner and owned whose share is told."""

    links: tuple[Link, ...]
    share_untold: int
    overstated: tuple[str, ...]


def _told(holdings: Collection[Holding], interest: str) -> _Told:
    """Nobody's owners hold more than the whole: told shares that do are made to fit."""
    latest: dict[tuple[str, str], Holding] = {}
    for each in sorted(
        (each for each in holdings if each.interest == interest),
        key=lambda each: (each.valid_from or date.min, each.share or 0.0, each.edge_id),
    ):
        latest[each.owned_id, each.owner_id] = each
    whole: dict[str, float] = {}
    for (owned, _), each in sorted(latest.items()):
        whole[owned] = whole.get(owned, 0.0) + (each.share or 0.0)
    overstated = tuple(owned for owned, told in whole.items() if round(told, _DIGITS) > 1)
    links = tuple(
        Link(owner, owned, (each.share or 0.0) / max(1.0, whole[owned]))
        for (owned, owner), each in sorted(latest.items())
    )
    return _Told(links, sum(each.share is None for each in latest.values()), overstated)


def _interests(
    node_id: str, above: Sequence[Holding], below: Sequence[Holding]
) -> tuple[Interest, ...]:
    return tuple(
        _interest(name, node_id, above, below)
        for name in _ADD_UP
        if any(each.interest == name for each in (*above, *below))
    )


def _interest(
    name: str, node_id: str, above: Sequence[Holding], below: Sequence[Holding]
) -> Interest:
    up, down = _told(above, name), _told(below, name)
    shares = effective_shares(up.links, node_id)
    # What is held of the entity itself has no part in what it holds.
    away = tuple(link for link in down.links if link.owned != node_id)
    under = sorted({link.owned for link in away})
    held = {owned: effective_shares(away, owned).get(node_id, 0.0) for owned in under}
    return Interest(
        interest=name,
        owners=_largest((owner, node_id, share) for owner, share in shares.items()),
        unaccounted=round(max(0.0, 1.0 - sum(shares.values())), _DIGITS),
        held=_largest((node_id, owned, share) for owned, share in held.items()),
        share_untold=up.share_untold + down.share_untold,
        overstated=tuple(sorted({*up.overstated, *down.overstated})),
    )


def _largest(shares: Iterable[tuple[str, str, float]]) -> tuple[EffectiveShare, ...]:
    told = (EffectiveShare(owner, owned, round(share, _DIGITS)) for owner, owned, share in shares)
    return tuple(
        sorted(
            (each for each in told if each.share > 0),
            key=lambda each: (-each.share, each.owner_id, each.owned_id),
        )
    )


def _rings(above: Sequence[Holding]) -> tuple[tuple[str, ...], ...]:
    """The circles among the owners above, whatever the interest."""
    pairs = sorted({(each.owner_id, each.owned_id) for each in above})
    return tuple(rings([Link(owner, owned, 1.0) for owner, owned in pairs]))
