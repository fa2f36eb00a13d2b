"""The neighbourhood of an entity: step by step outwards, hubs damped, capped with a count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from graph_service.errors import UsageError
from graph_service.graph.declaration import KINDS, RELATIONSHIPS
from graph_service.stores.answers import (
    Counts,
    Entity,
    Hub,
    Neighbourhood,
    Placed,
    Relationship,
    left_out,
)
from graph_service.stores.lookups import Reader

TYPES: Final = tuple(each.type for each in RELATIONSHIPS)
DEEPEST: Final = 3
#: A household, a board, a small firm's staff stay below; a provider's clients, an authority's
#: payments and a block of flats lie above, and through them everybody is near everybody.
HUB: Final = 50
#: What one reader can take in, and one picture can hold.
ENTITIES: Final = 200
TIES: Final = 500


def around(
    reader: Reader,
    start: Entity,
    *,
    depth: int = 1,
    types: Sequence[str] = TYPES,
    kinds: Sequence[str] = tuple(KINDS),
    as_of: date | None = None,
    hub: int = HUB,
    limit: int = ENTITIES,
    ties: int = TIES,
) -> Neighbourhood:
    """Who stands within `depth` steps (1 to 3) of `start`, walking `types` and `kinds` only.

    Directions do not count. With `as_of`, only what stands on that day; without, all that the run
    knows, ended or not. A type of which an entity other than `start` has more than `hub`
    relationships is not followed there: `hubs` tells. At most `limit` entities beside `start` are
    shown; the step that would pass it is the last, those of rare ties kept (`around` in
    `lookups.QUERIES` says which) and the others counted. Of the ties between an entity whose own
    were walked and one that is shown, up to `ties` are shown, rare types first. Raises UsageError
    for another depth.
    """
    if not 1 <= depth <= DEEPEST:
        raise UsageError(f"--depth takes 1 to {DEEPEST}.")
    placed = [Placed(0, start)]
    frontier, reached = [start.node_id], 0
    rest: Counts = {}
    filters = {"types": list(types), "as_of": as_of, "hub": hub, "start": start.node_id}
    while frontier and reached < depth and not rest:
        reached += 1
        seen = [each.entity.node_id for each in placed]
        room = limit + 1 - len(seen)
        step = {"nodes": frontier, "seen": seen, "kinds": list(kinds), "limit": room}
        rows = reader.rows("around", filters | step)
        near = [Entity.of(row["entity"]) for row in rows if row["entity"] is not None]
        frontier = [each.node_id for each in near]
        rest = left_out(dict(rows[0]["found"]) if rows else {}, near)
        placed += [Placed(reached, each) for each in near]
    walked = [each.entity.node_id for each in placed if each.distance < reached]
    shown = {"nodes": [each.entity.node_id for each in placed], "walked": walked, "limit": ties}
    rows = reader.rows("between", filters | shown)
    told = tuple(Relationship.of(row["relationship"]) for row in rows)
    damped = {"nodes": walked[1:], "types": list(types), "hub": hub}
    return Neighbourhood(
        run_id=reader.run_id,
        as_of=as_of,
        node_id=start.node_id,
        depth=depth,
        reached=reached if rest else depth,
        entities=tuple(sorted(placed, key=lambda one: (one.distance, one.entity.node_id))),
        relationships=told,
        hubs=tuple(Hub(**row) for row in reader.rows("hubs", damped)) if walked[1:] else (),
        left_out=rest,
        relationships_left_out=left_out(
            dict(rows[0]["found"]) if rows else {}, (tie.type for tie in told)
        ),
    )
