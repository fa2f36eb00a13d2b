"""What ownership looks like as a network: rings, chains, and who owns how much in the end.

Links are (owner, owned, share); one pair occurs once, whoever builds the links having settled
parallel interests. igraph does the walking; every question here ends on circular ownership.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import igraph
import numpy as np

#: Less than this of a holding is rounding, not ownership.
_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Link:
    """`owner` holds `share` (0..1) of `owned`."""

    owner: str
    owned: str
    share: float


def rings(links: Collection[Link]) -> list[tuple[str, ...]]:
    """The strongly connected components of two members or more, each sorted, in order.

    A company that owns its own shares is no ring.
    """
    graph, names = _graph(links)
    components = graph.connected_components(mode="strong")
    return sorted(
        tuple(sorted(names[vertex] for vertex in members))
        for members in components
        if len(members) > 1
    )


def owners_above(links: Collection[Link], owned: str) -> frozenset[str]:
    """Everyone who owns in `owned`, directly or through others; itself only within a ring."""
    above = _owners_of(links)
    found: set[str] = set()
    waiting = [link.owner for link in above.get(owned, ())]
    while waiting:
        owner = waiting.pop()
        if owner not in found:
            found.add(owner)
            waiting.extend(link.owner for link in above.get(owner, ()))
    return frozenset(found)


def longest_chain(links: Collection[Link], owned: str) -> tuple[str, ...]:
    """The longest chain of owners above `owned`, nearest first; a ring counts as one step.

    Ties go to the first in order of name, so that equal data gives equal chains.
    """
    reach = owners_above(links, owned) | {owned}
    inside = [link for link in links if link.owned in reach and link.owner in reach]
    if not inside:
        return ()
    ring_of = {name: members[0] for members in rings(inside) for name in members}
    above: dict[str, set[str]] = {}
    for link in inside:
        lower, upper = ring_of.get(link.owned, link.owned), ring_of.get(link.owner, link.owner)
        if lower != upper:
            above.setdefault(lower, set()).add(upper)
    graph = igraph.Graph.TupleList(
        sorted((lower, upper) for lower, uppers in above.items() for upper in uppers), directed=True
    )
    best: dict[str, tuple[str, ...]] = {}
    for vertex in reversed(graph.topological_sorting() if graph.vcount() else []):
        name = graph.vs[vertex]["name"]
        choices = [(upper, *best[upper]) for upper in sorted(above.get(name, ()))]
        best[name] = max(choices, key=len, default=())
    return best.get(ring_of.get(owned, owned), ())


def effective_shares(links: Collection[Link], owned: str) -> dict[str, float]:
    """What each final owner holds of `owned` through every path together.

    Shares multiply along a path and add over paths; circular holdings are solved as
    (I − A)⁻¹, so money that goes round comes out where it leaves the ring. A ring that nobody
    outside owns keeps what reaches it, and stands in the answer under its first member. A
    final owner is one in whom nobody is known to own.
    """
    reach = sorted(owners_above(links, owned) | {owned})
    inside = [link for link in links if link.owned in reach and link.owner in reach]
    sealed = {
        name: members[0]
        for members in rings(inside)
        if not any(link.owned in members and link.owner not in members for link in inside)
        for name in members
    }
    passing = sorted({link.owned for link in inside if link.owner != link.owned} - set(sealed))
    if owned not in passing:
        return {sealed[owned]: 1.0} if owned in sealed else {}
    place = {name: number for number, name in enumerate(passing)}
    onward = np.zeros((len(passing), len(passing)))
    leaving: list[Link] = []
    for link in inside:
        if link.owned not in place or link.owner == link.owned:
            continue
        if link.owner in place:
            onward[place[link.owned], place[link.owner]] += link.share
        else:
            leaving.append(link)
    start = np.zeros(len(passing))
    start[place[owned]] = 1.0
    # lstsq, because a ring may hold all of itself beside owners whose share is unknown (0)
    arrived = np.linalg.lstsq((np.eye(len(passing)) - onward).T, start, rcond=None)[0]
    shares: dict[str, float] = {}
    for link in leaving:
        final = sealed.get(link.owner, link.owner)
        shares[final] = shares.get(final, 0.0) + float(arrived[place[link.owned]]) * link.share
    return {name: min(1.0, share) for name, share in sorted(shares.items()) if share > _NOTHING}


def _owners_of(links: Iterable[Link]) -> dict[str, list[Link]]:
    above: dict[str, list[Link]] = {}
    for link in links:
        above.setdefault(link.owned, []).append(link)
    return above


def _graph(links: Collection[Link]) -> tuple[igraph.Graph, Sequence[str]]:
    names = sorted({link.owner for link in links} | {link.owned for link in links})
    place = {name: number for number, name in enumerate(names)}
    edges = sorted((place[link.owner], place[link.owned]) for link in links)
    return igraph.Graph(n=len(names), edges=edges, directed=True), names
