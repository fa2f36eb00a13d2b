"""From pairs that share a contact to one finding for each provider and contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from graph_service.room import Row, Value

#: Provider, contact and a party there: a sole trader and the firm have one identifier.
_Place: TypeAlias = tuple[str, str, str, bool]

#: Ranks of a party, as the query gives them.
_ITSELF: Final = 1
_RUNS: Final = 3
_WORKER: Final = 4
_CLIENT: Final = 5
_ROLES: Final = {1: "provider", 2: "owner", 3: "officer", 4: "worker", 5: "client"}


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """One row for each provider and contact that its people share with another's.

    Pairs come in both directions. Clients of a service house are reached at a firm. A worker who
    answers for one home may be the client's child. Two persons who run nothing and whose homes
    are not both known may be a couple, unless more share with them. Two seats at one address say
    nothing unless the two providers share another contact.
    """
    told = _without_lodgers(rows, thresholds)
    told = _without_couples(_without_families(told, thresholds), thresholds)
    linked = {(row["provider_id"], row["other_id"]) for row in told if not _are_seats(row)}
    found: dict[tuple[str, str], list[Row]] = {}
    contacts: dict[tuple[str, str], set[str]] = {}
    for row in told:
        if (row["provider_id"], row["other_id"]) in linked:
            found.setdefault((row["provider_id"], row["value"]), []).append(row)
            contacts.setdefault((row["provider_id"], row["other_id"]), set()).add(row["value"])
    papers = _papers(told)
    return [
        _finding(provider_id, value, pairs, papers, contacts)
        for (provider_id, value), pairs in sorted(found.items())
    ]


def _without_lodgers(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """Leaves out clients who give the number of a firm as enough others behind their door do.

    Those others may be the firm's own clients: the house is its, and some chose another provider.
    """
    lodgers = {
        (row["value"], row["party_id"])
        for row in rows
        if row["rank"] == _CLIENT
        and row["stranger_firm"]
        and (row["residents"] or 0) >= int(thresholds["lodgers"])
    }
    return [
        row
        for row in rows
        if (row["value"], row["party_id"]) not in lodgers
        and (row["value"], row["stranger_id"]) not in lodgers
    ]


def _without_families(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """Leaves out workers who answer for too few homes; clients of unknown homes are one home."""
    homes: dict[tuple[str, str], set[str | None]] = {}
    for row in rows:
        if (row["rank"], row["stranger_rank"]) == (_CLIENT, _WORKER):
            homes.setdefault((row["value"], row["stranger_id"]), set()).add(row["door"])
    children = {
        worker for worker, doors in homes.items() if len(doors) < int(thresholds["families"])
    }
    return [
        row
        for row in rows
        if {row["rank"], row["stranger_rank"]} != {_WORKER, _CLIENT}
        or children.isdisjoint(
            ((row["value"], row["party_id"]), (row["value"], row["stranger_id"]))
        )
    ]


def _without_couples(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    sharing: dict[str, set[str]] = {}
    for row in rows:
        sharing.setdefault(row["value"], set()).update((row["party_id"], row["stranger_id"]))
    least = int(thresholds["no_couple"])
    return [row for row in rows if len(sharing[row["value"]]) >= least or not _may_be_a_couple(row)]


def _may_be_a_couple(row: Row) -> bool:
    runs_nothing = row["rank"] > _RUNS and row["stranger_rank"] > _RUNS
    return _are_persons(row) and runs_nothing and not _are_housed(row)


def _are_housed(row: Row) -> bool:
    return row["door"] is not None and row["stranger_door"] is not None


def _are_persons(row: Row) -> bool:
    return not row["is_firm"] and not row["stranger_firm"]


def _are_seats(row: Row) -> bool:
    return _is_address(row["value"]) and row["is_firm"] and row["stranger_firm"]


def _is_address(value: str) -> bool:
    return value.startswith("address:")


def _papers(rows: Iterable[Row]) -> dict[_Place, list[Row]]:
    """The evidence of each party at each provider, by its highest role there."""
    papers: dict[_Place, tuple[int, list[Row]]] = {}
    for row in rows:
        place = (row["provider_id"], row["value"], row["party_id"], row["is_firm"])
        if place not in papers or row["rank"] < papers[place][0]:
            papers[place] = (row["rank"], row["evidence"])
    return {place: evidence for place, (_, evidence) in papers.items()}


def _finding(
    provider_id: str,
    value: str,
    pairs: Sequence[Row],
    papers: Mapping[_Place, list[Row]],
    contacts: Mapping[tuple[str, str], set[str]],
) -> Row:
    others = sorted({row["other_id"] for row in pairs})
    subjects = {("provider", "organisation", provider_id), _shared(value)}
    subjects |= {("other", "organisation", other) for other in others}
    evidence: list[Row] = []
    ranks: dict[tuple[str, str, bool], int] = {}
    for row in pairs:
        own = (provider_id, row["party_id"], row["is_firm"])
        strange = (row["other_id"], row["stranger_id"], row["stranger_firm"])
        ranks[own] = min(row["rank"], ranks.get(own, row["rank"]))
        ranks[strange] = min(row["stranger_rank"], ranks.get(strange, row["stranger_rank"]))
    for (org_id, party_id, is_firm), rank in ranks.items():
        evidence += papers[org_id, value, party_id, is_firm]
        if rank > _ITSELF:
            kind = "organisation" if is_firm else "person"
            subjects.add((_ROLES[rank], kind, party_id))
    parties = {party_id for _, party_id, _ in ranks}
    persons = {party_id for _, party_id, is_firm in ranks if not is_firm}
    return {
        "provider_id": provider_id,
        "subjects": [{"role": role, "kind": kind, "id": id_} for role, kind, id_ in subjects],
        "since": min(row["since"] for row in pairs),
        "until": max(row["until"] for row in pairs),
        "events": len(parties),
        "days": 1,
        "exposure_lower": None,
        "exposure_upper": None,
        "evidence": evidence,
        "contact": value.partition(":")[0],
        "parties": len(parties),
        "persons": len(persons),
        "providers": 1 + len(others),
        "houses": max(row["houses"] for row in pairs),
        "shared_contacts": max(len(contacts[provider_id, other]) for other in others),
        "untested": _untested(pairs),
        "against": _against(pairs, ranks.values(), [contacts[provider_id, o] for o in others]),
    }


def _shared(value: str) -> tuple[str, str, str]:
    kind, _, key = value.partition(":")
    return "shared", kind, key


def _untested(pairs: Sequence[Row]) -> list[str]:
    """Stories that need a home or a register that these rows lack."""
    names = []
    if any(_are_persons(row) and not _are_housed(row) for row in pairs):
        names.append("household")
    if not all(row["registered"] for row in pairs):
        names += ["one_owner", "one_officer"]
    return names


def _against(pairs: Sequence[Row], ranks: Iterable[int], contacts: Sequence[set[str]]) -> list[str]:
    names = []
    if all(len(shared) == 1 for shared in contacts):
        names.append("one_contact")
    if _is_address(pairs[0]["value"]):
        names.append("one_address")
    if all(rank > _RUNS for rank in ranks):
        names.append("staff_only")
    if any(_CLIENT in (row["rank"], row["stranger_rank"]) for row in pairs):
        names.append("client_contact")
    if any(row["changed"] for row in pairs):
        names.append("owner_changed")
    return names
