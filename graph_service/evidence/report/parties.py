"""Who the case is about, in which roles and since when, and in which degree.

A degree is never of guilt. "May be suspected" is said to those who lead investigations alone, of a
person whom a hard finding names as the one who registered or answered, while nobody has dismissed
it; everybody else is concerned, asked about or heard. Clients are never suspected: what is
registered in their name was registered by others. Whether anybody is a suspect is for the
recipient to decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from graph_service.evidence.material import Entity, Material
from graph_service.evidence.recipients import Role
from graph_service.evidence.report.contents import Party
from graph_service.evidence.report.standing import standing
from graph_service.evidence.report.words import said
from graph_service.room import Strength

#: Who leads investigations of persons, or has them led.
_INVESTIGATE: Final = frozenset({"police", "ebm"})
_KINDS: Final = ("organisation", "person")
#: In these roles somebody registers, or answers for who does.
_ANSWERING: Final = frozenset({"worker", "officer", "owner", "provider"})
#: Relationships that tell a role and its period; of the rest the roles are told without one.
_ROLES: Final = {
    "EMPLOYED_BY": "worker",
    "WORKED_FOR": "worker",
    "OFFICER_OF": "officer",
    "OWNS": "owner",
    "CARED_FOR_BY": "client",
    "CONTRACTED_BY": "contracted",
}


def parties(material: Material) -> tuple[Party, ...]:
    """Firms first, then persons: those whom findings name before those linked or tied to them."""
    named = _named(material)
    periods = _periods(material)
    told = [
        _party(material, entity, named.get(entity.key, {}), periods.get(entity.reference, ()))
        for entity in material.entities
        if entity.kind in _KINDS and (entity.linked or entity.key in named)
    ]
    return tuple(sorted(told, key=_order))


def _order(party: Party) -> tuple[int, bool, str]:
    return _KINDS.index(party.kind), not party.findings, party.number or party.reference


def _named(material: Material) -> Mapping[str, Mapping[str, set[str]]]:
    """Whom the findings name, as they name them: identifier → finding → roles."""
    told: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for finding in material.findings:
        for subject in finding["subjects"]:
            own = told[subject["id"]].setdefault(finding["finding_id"], set())
            own.add(subject["role"])
    return told


def _periods(material: Material) -> Mapping[str, tuple[str, ...]]:
    """Roles by relationship, with their period and to whom, as the network of the case tells."""
    keys = {entity.reference: entity.key for entity in material.entities}
    rows = material.engine.rows(
        "SELECT DISTINCT source_id, target_id, type, role, "
        "coalesce(valid_from, first) AS since, coalesce(valid_to, last) AS until, "
        "first IS NOT NULL AND valid_from IS NULL AS seen "
        "FROM evidence_edges WHERE list_contains($types, type) ORDER BY ALL",
        {"types": list(_ROLES)},
    )
    told: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        other = keys.get(row["target_id"])
        if other is not None:
            told[row["source_id"]].append(_period(row, other))
    return {reference: tuple(dict.fromkeys(roles)) for reference, roles in told.items()}


def _period(row: Mapping[str, Any], other: str) -> str:
    role = said("role", _ROLES[row["type"]])
    if row["role"] and row["type"] == "OFFICER_OF":
        role = said("officer", row["role"])
    return said(
        "party",
        "seen" if row["seen"] else "period",
        role=role,
        other=other,
        since=row["since"] or "",
        until=row["until"] or "",
    )


def _party(
    material: Material,
    entity: Entity,
    found: Mapping[str, set[str]],
    periods: tuple[str, ...],
) -> Party:
    roles = sorted(set().union(*found.values(), entity.roles))
    return Party(
        reference=entity.reference,
        kind=entity.kind,
        number=None if entity.named is None else entity.key,
        name=entity.name,
        roles=(*(said("role", role) for role in roles), *periods),
        degree=said("degree", _degree(material, entity, found)),
        findings=tuple(sorted(found)),
    )


def _degree(material: Material, entity: Entity, found: Mapping[str, set[str]]) -> str:
    """The words for what the findings say of somebody; the strongest that they bear."""
    roles = set().union(*found.values(), entity.roles)
    if "official" in roles:
        return "official"
    stands = standing(material)
    standing_found = {finding: own for finding, own in found.items() if finding in stands}
    answering = {finding for finding, own in standing_found.items() if own & _ANSWERING}
    hard = answering & _hard(material)
    if entity.kind == "organisation":
        key = "provider_hard" if hard else "provider_lead" if answering else "organisation"
    elif hard:
        is_to_investigate = material.recipient.name in _INVESTIGATE
        key = "suspected" if is_to_investigate else "answers"
    elif answering:
        key = "lead"
    elif Role.CLIENT in roles:
        key = "client"
    elif found and not standing_found:
        key = "dismissed"
    else:
        key = "occurs"
    return key


def _hard(material: Material) -> set[str]:
    return {each["finding_id"] for each in material.findings if each["strength"] == Strength.HARD}
