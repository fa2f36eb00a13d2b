"""Every shortest path between two entities: two searches, step by step, until they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice, pairwise
from typing import Any, Final

from graph_service.graph.declaration import KINDS
from graph_service.stores.answers import Entity, Paths, Relationship
from graph_service.stores.lookups import Reader
from graph_service.stores.neighbourhood import TYPES

#: Longer chains join anybody with anybody, and say nothing of either.
LONGEST: Final = 6
PATHS: Final = 20
#: Relationships that a search may pass: some seconds' work, and a municipality's payments more.
BOUND: Final = 200_000
#: More relationships than any entity has: nothing is damped.
NO_HUB: Final = 2**31 - 1
NO_LIMIT: Final = 2**31 - 1


def paths(
    reader: Reader,
    source: Entity,
    target: Entity,
    *,
    max_length: int = LONGEST,
    types: Sequence[str] = TYPES,
    kinds: Sequence[str] = tuple(KINDS),
    as_of: date | None = None,
    hub: int = NO_HUB,
    limit: int = PATHS,
    bound: int = BOUND,
) -> Paths:
    """All shortest paths of at most `max_length` steps, as lists of node_ids from source to target.

    Directions do not count, and relationships side by side make one step. Entities between the
    two are of `kinds`. Of the side whose next step has fewer relationships (the source's, when
    equal) that step is taken, unless the search would then have passed more than `bound` in all.
    Up to `limit` paths are shown, the first by node_ids in order; the others are counted. With
    `hub`, a type of which an entity between has more relationships is not followed there.
    """
    search = _Search(reader, source.node_id, target.node_id, types, kinds, as_of, hub)
    outcome = search.run(max_length, bound)
    steps, total = search.steps() if outcome == "found" else ({}, 0)
    shown = tuple(islice(_walks(steps, source.node_id, target.node_id), limit)) if total else ()
    nodes = sorted({node_id for path in shown for node_id in path})
    consecutive = {frozenset(step) for path in shown for step in pairwise(path)}
    among = {"nodes": nodes, "walked": nodes, "start": "", "limit": NO_LIMIT}
    filters = {"types": list(types), "as_of": as_of, "hub": NO_HUB}
    ties = reader.rows("between", among | filters) if consecutive else ()
    told = [Relationship.of(row["relationship"]) for row in ties]
    return Paths(
        run_id=reader.run_id,
        as_of=as_of,
        source_id=source.node_id,
        target_id=target.node_id,
        outcome=outcome,
        length=search.depth if total else None,
        max_length=max_length,
        searched=search.depth,
        bound=bound,
        paths=shown,
        total=total,
        left_out=total - len(shown),
        entities=tuple(Entity.of(row["entity"]) for row in reader.rows("names", {"nodes": nodes})),
        relationships=tuple(
            tie for tie in told if frozenset((tie.source_id, tie.target_id)) in consecutive
        ),
    )


@dataclass(slots=True)
class _Side:
    """One end's search: the entities of its last step, and for each met those one step nearer."""

    last: list[str]
    nearer: dict[str, list[str]] = field(default_factory=dict)
    weight: int | None = None

    def __post_init__(self) -> None:
        self.nearer |= {node_id: [] for node_id in self.last}


class _Search:
    """Two searches towards each other."""

    def __init__(
        self,
        reader: Reader,
        source: str,
        target: str,
        types: Sequence[str],
        kinds: Sequence[str],
        as_of: date | None,
        hub: int,
    ) -> None:
        self._reader = reader
        self._sides = (_Side([source]), _Side([target]))
        self._met = [source] if source == target else []
        self._types = list(types)
        self._filter: Mapping[str, Any] = {
            "ends": [source, target],
            "kinds": list(kinds),
            "as_of": as_of,
            "hub": hub,
        }
        self.depth = 0

    def run(self, max_length: int, bound: int) -> str:
        """Search until the two sides meet or must stop; what became of it."""
        passed = 0
        while not self._met:
            if self.depth == max_length:
                return "none_within"
            side = min(self._sides, key=self._weight)
            passed += self._weight(side)
            if passed > bound:
                return "bound"
            if not self._step(side):
                return "none"
        return "found"

    def _weight(self, side: _Side) -> int:
        if side.weight is None:
            asked = {"nodes": side.last, "types": self._types}
            side.weight = int(self._reader.rows("weigh", asked)[0]["relationships"])
        return side.weight

    def _step(self, side: _Side) -> bool:
        """One step further out on one side; False where there is nobody further out."""
        asked = {"nodes": side.last, "types": self._types, **self._filter}
        nearer: dict[str, list[str]] = {}
        for row in self._reader.rows("walk", asked):
            if row["other_id"] not in side.nearer:
                nearer.setdefault(row["other_id"], []).append(row["node_id"])
        side.nearer |= nearer
        side.last, side.weight = list(nearer), None
        self.depth += bool(nearer)
        other = next(each for each in self._sides if each is not side)
        self._met = [node_id for node_id in nearer if node_id in other.nearer]
        return bool(nearer)

    def steps(self) -> tuple[dict[str, list[str]], int]:
        """The steps of shortest paths, from source to target, and how many paths there are."""
        steps: dict[str, list[str]] = {}
        from_source, to_target = self._sides
        for node_id, nearer in _towards(from_source, self._met):
            for one in nearer:
                steps.setdefault(one, []).append(node_id)
        for node_id, nearer in _towards(to_target, self._met):
            steps.setdefault(node_id, []).extend(nearer)
        ways = [_ways(side) for side in self._sides]
        return steps, sum(ways[0][node_id] * ways[1][node_id] for node_id in self._met)


def _towards(side: _Side, met: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each entity on a way from the meeting place to the side's end, with those one step nearer."""
    waiting, told = list(met), set(met)
    while waiting:
        node_id = waiting.pop()
        if side.nearer[node_id]:
            yield node_id, side.nearer[node_id]
        waiting.extend(one for one in side.nearer[node_id] if one not in told)
        told.update(side.nearer[node_id])


def _ways(side: _Side) -> dict[str, int]:
    """In how many ways each entity met is reached; those nearer the end come first."""
    ways: dict[str, int] = {}
    for node_id, nearer in side.nearer.items():
        ways[node_id] = sum(ways[one] for one in nearer) if nearer else 1
    return ways


def _walks(
    steps: Mapping[str, Sequence[str]], source: str, target: str
) -> Iterator[tuple[str, ...]]:
    """Every way along the steps, in order of the node_ids on it."""
    waiting: list[tuple[str, ...]] = [(source,)]
    while waiting:
        path = waiting.pop()
        if path[-1] == target:
            yield path
        else:
            waiting += [(*path, one) for one in sorted(steps[path[-1]], reverse=True)]
