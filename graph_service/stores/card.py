"""A provider on one card, and the dated events of an entity in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from graph_service.stores.answers import (
    Card,
    Contribution,
    Entity,
    Event,
    Indication,
    Relationship,
    Scored,
    Section,
    Timeline,
    properties,
)
from graph_service.stores.lookups import Reader, Row
from graph_service.stores.neighbourhood import TYPES

#: Ties of each kind, and findings, that a card shows; the others are counted.
SHOWN: Final = 10
EVENTS: Final = 200
#: What a provider's ties are called, in the order of a card; others follow by type.
SECTIONS: Final = MappingProxyType(
    {
        ("OWNS", "in"): "owners",
        ("OFFICER_OF", "in"): "officers",
        ("OWNS", "out"): "holdings",
        ("CONTRACTED_BY", "out"): "contracts",
        ("HOLDS_PERMIT", "out"): "permits",
        ("ACTIVE_IN", "out"): "municipalities",
        ("EMPLOYED_BY", "in"): "employments",
        ("WORKED_FOR", "in"): "workers",
        ("ENROLLED_WITH", "in"): "enrolments",
        ("CARED_FOR_BY", "in"): "clients",
        ("PLACED_WITH", "in"): "placements",
        ("SERVED_IN", "out"): "visits",
        ("SUBCONTRACTS_TO", "out"): "subcontractors",
        ("SUBCONTRACTS_TO", "in"): "contractors",
        ("HOLDS_ACCOUNT", "out"): "accounts",
        ("REGISTERED_AT", "out"): "addresses",
        ("REACHED_AT", "out"): "contacts",
        ("INVOICED", "out"): "invoices",
        ("PAID_TO", "in"): "payments",
        ("TRANSFERRED_TO", "in"): "received",
        ("TRANSFERRED_TO", "out"): "sent",
        ("CHANGED", "out"): "changes",
        ("REVIEWED", "out"): "reviews",
    }
)
_PLACES: Final = {section: place for place, section in enumerate(SECTIONS.values())}


def card(reader: Reader, entity: Entity, *, as_of: date | None = None, limit: int = SHOWN) -> Card:
    """The organisation with its score, its findings, and its ties by kind, each with totals.

    With `as_of` the ties that stand on that day; without, all that the run knows, `open` of them
    not ended. Up to `limit` of each kind are shown, the open and the latest first. The score and
    the findings are those of the run.
    """
    rows = reader.rows("card", {"node": entity.node_id, "as_of": as_of, "limit": limit})
    by_section: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_section.setdefault((row["relationship"]["type"], row["direction"]), []).append(row)
    sections = [_section(*told, found) for told, found in by_section.items()]
    sections.sort(key=lambda each: (_PLACES.get(each.section, len(_PLACES)), each.section))
    whole = reader.rows("entities", {"nodes": [entity.node_id]})
    findings = reader.rows("findings", {"node": entity.node_id, "limit": limit})
    others = {tie.other(entity.node_id) for section in sections for tie in section.relationships}
    return Card(
        run_id=reader.run_id,
        as_of=as_of,
        entity=entity,
        properties=properties(whole[0]["entity"]),
        score=_scored(reader.rows("score", {"node": entity.node_id})),
        findings=tuple(_indication(row) for row in findings),
        findings_by_detector=dict(sorted(findings[0]["found"].items())) if findings else {},
        sections=tuple(sections),
        entities=_entities(reader, others),
    )


def timeline(
    reader: Reader,
    entity: Entity,
    *,
    types: Sequence[str] = TYPES,
    as_of: date | None = None,
    limit: int = EVENTS,
) -> Timeline:
    """The last `limit` dated events of an entity, on or before `as_of` where it is given.

    Its own dates, the beginning and end of its ties of `types`, and the first and last day of
    each finding about it.
    """
    asked = {"node": entity.node_id, "types": list(types), "as_of": as_of, "limit": limit}
    rows = reader.rows("timeline", asked)
    found = dict(sorted(rows[0]["found"].items())) if rows else {}
    events = tuple(
        Event(**{name: row[name] for name in Event.__dataclass_fields__}) for row in reversed(rows)
    )
    return Timeline(
        run_id=reader.run_id,
        as_of=as_of,
        node_id=entity.node_id,
        events=events,
        total=found,
        left_out=sum(found.values()) - len(events),
        entities=_entities(reader, {each.other_id for each in events if each.other_id}),
    )


def _section(type_: str, direction: str, rows: Sequence[Row]) -> Section:
    first = rows[0]
    return Section(
        section=SECTIONS.get((type_, direction), f"{type_.lower()}_{direction}"),
        type=type_,
        direction=direction,
        total=first["total"],
        open=first["open"],
        others=first["others"],
        amounts=dict(sorted(first["amounts"].items())),
        relationships=tuple(Relationship.of(row["relationship"]) for row in rows),
    )


def _scored(rows: Sequence[Row]) -> Scored | None:
    if not rows:
        return None
    row = rows[0]
    parts = zip(row["detectors"] or (), row["points"] or (), strict=True)
    return Scored(
        score=row["score"],
        band=row["band"],
        rank=row["rank"],
        contributions=tuple(Contribution(*part) for part in parts),
        cannot_assess=tuple(row["cannot_assess"] or ()),
        not_assessed=tuple(row["not_assessed"] or ()),
    )


def _indication(row: Row) -> Indication:
    told = {name: row[name] for name in Indication.__dataclass_fields__ if name != "summary"}
    return Indication(**told, summary={"sv": row["summary_sv"], "en": row["summary_en"]})


def _entities(reader: Reader, node_ids: set[str]) -> tuple[Entity, ...]:
    rows = reader.rows("names", {"nodes": sorted(node_ids)})
    return tuple(Entity.of(row["entity"]) for row in rows)
