"""Answers about the network as a person reads them: tables, and sentences for what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from itertools import pairwise
from typing import Any, Final

from api.listing import Format, emit
from api.session import say
from graph_service.stores.answers import (
    Card,
    Counts,
    Entity,
    Matches,
    Neighbourhood,
    Ownership,
    Paths,
    Relationship,
    Timeline,
)
from graph_service.stores.card import SECTIONS
from graph_service.texts import text

_SECTIONS: Final = frozenset(SECTIONS.values())
#: Properties of a tie that are told beside it, in this order.
_TOLD: Final = ("role", "interest", "share", "amount", "currency", "payments", "visits", "service")


@singledispatch
def show(answer: Any, language: str) -> None:
    """Print an answer on standard output; what was left out goes to standard error."""
    raise TypeError(f"no page for {type(answer).__name__}")


@show.register
def _(answer: Matches, language: str) -> None:
    _rows({**_entity(each.entity), "match": each.match} for each in answer.matches)
    if not answer.matches:
        say(text(language, "network", "nothing"))
    _left_out(answer.left_out, language)


@show.register
def _(answer: Neighbourhood, language: str) -> None:
    ties: dict[str, set[str]] = {}
    for tie in answer.relationships:
        for end in (tie.source_id, tie.target_id):
            ties.setdefault(end, set()).add(tie.type)
    _rows(
        {
            "distance": each.distance,
            **_entity(each.entity),
            "ties": ", ".join(sorted(ties.get(each.entity.node_id, ()))),
        }
        for each in answer.entities
    )
    for hub in answer.hubs:
        words = {"entity": hub.node_id, "type": hub.type}
        number = _number(hub.relationships)
        say(text(language, "network", "hub", **words, relationships=number))
    _left_out(answer.left_out, language)
    if answer.left_out and answer.reached < answer.depth:
        words = {"reached": str(answer.reached), "depth": str(answer.depth)}
        say(text(language, "network", "stopped", **words))
    if answer.relationships_left_out:
        counts = _counts(answer.relationships_left_out)
        say(text(language, "network", "ties_left_out", counts=counts))


@show.register
def _(answer: Paths, language: str) -> None:
    between: dict[frozenset[str], list[Relationship]] = {}
    for tie in answer.relationships:
        between.setdefault(frozenset((tie.source_id, tie.target_id)), []).append(tie)
    names = {each.node_id: _called(each) for each in answer.entities}
    for path in answer.paths:
        steps = (
            f"{_arrow(here, between[frozenset((here, there))])} {names[there]}"
            for here, there in pairwise(path)
        )
        print(" ".join((names[path[0]], *steps)))
    say(
        text(
            language,
            "network",
            answer.outcome,
            total=_number(answer.total),
            length=answer.length,
            max_length=answer.max_length,
            bound=_number(answer.bound),
            searched=answer.searched,
        )
    )
    if answer.left_out:
        say(text(language, "network", "paths_left_out", number=_number(answer.left_out)))


@show.register
def _(answer: Ownership, language: str) -> None:
    names = {each.node_id: each.name for each in answer.entities}
    if not answer.above and not answer.below:
        say(text(language, "network", "no_owners"))
    for holdings in (answer.above, answer.below):
        _rows(
            {
                "step": each.distance,
                "owner": each.owner_id,
                "owner_name": names[each.owner_id],
                "owned": each.owned_id,
                "owned_name": names[each.owned_id],
                "interest": each.interest,
                "share": _percent(each.share),
                "valid_from": each.valid_from,
                "valid_to": each.valid_to,
            }
            for each in holdings
        )
        _gap(holdings)
    for each in answer.interests:
        print(text(language, "network", "effective", interest=each.interest))
        _rows(
            {
                "owner": share.owner_id,
                "owner_name": names[share.owner_id],
                "owned": share.owned_id,
                "owned_name": names[share.owned_id],
                "share": _percent(share.share),
            }
            for share in (*each.owners, *each.held)
        )
        _gap((each,))
        if each.owners and each.unaccounted:
            words = {"percent": _percent(each.unaccounted), "interest": each.interest}
            say(text(language, "network", "unaccounted", **words))
        if each.share_untold:
            say(text(language, "network", "untold", number=each.share_untold))
        if each.overstated:
            say(text(language, "network", "overstated", entities=", ".join(each.overstated)))
    for ring in answer.rings:
        say(text(language, "network", "ring", entities=", ".join(ring)))
    if not answer.complete:
        say(text(language, "network", "incomplete", bound=_number(answer.bound)))


@show.register
def _(answer: Card, language: str) -> None:
    print(_called(answer.entity))
    told = (f"{name}: {value}" for name, value in answer.properties.items())
    print(", ".join(told))
    if answer.score is not None:
        score = answer.score
        words: dict[str, Any] = {"band": text(language, "explain", score.band)}
        if score.score is None:
            print(text(language, "network", "unscored", **words))
        else:
            parts = ", ".join(f"{part.detector} {part.points:.1f}" for part in score.contributions)
            words |= {"score": f"{score.score:.1f}", "rank": score.rank, "parts": parts}
            print(text(language, "network", "score", **words).rstrip())
    total = sum(answer.findings_by_detector.values())
    if answer.findings:
        print("\n" + text(language, "network", "findings", total=_number(total)))
    for finding in answer.findings:
        print(f"  {finding.first}–{finding.last} {finding.summary[language]}")
    names = {each.node_id: each for each in answer.entities}
    for section in answer.sections:
        counts = {"total": _number(section.total), "open": _number(section.open)}
        called = _section(section.section, language)
        amounts = (f"{_number(round(sum_))} {unit}" for unit, sum_ in section.amounts.items())
        print("\n" + text(language, "network", "section", called=called, **counts), *amounts)
        for tie in section.relationships:
            other = names.get(tie.other(answer.entity.node_id), answer.entity)
            print(f"  {_called(other)} {_period(tie)} {_properties(tie)}".rstrip())


@show.register
def _(answer: Timeline, language: str) -> None:
    names = {each.node_id: each.name for each in answer.entities}
    _rows(
        {
            "date": each.date,
            "subject": each.subject,
            "type": each.type,
            "event": each.event,
            "other": each.other_id,
            "other_name": names.get(each.other_id or ""),
        }
        for each in answer.events
    )
    if not answer.events:
        say(text(language, "network", "nothing"))
    if answer.left_out:
        say(text(language, "network", "earlier", number=_number(answer.left_out)))


def _rows(rows: Iterable[Mapping[str, Any]]) -> None:
    emit(rows, Format.TABLE)


def _gap(above: Sequence[Any]) -> None:
    if above:
        print()


def _entity(entity: Entity) -> dict[str, Any]:
    return {
        "entity": entity.node_id,
        "name": entity.name,
        "labels": ", ".join(label for label in entity.labels),
    }


def _called(entity: Entity) -> str:
    return entity.node_id if entity.name is None else f"{entity.node_id} ({entity.name})"


def _arrow(here: str, ties: Sequence[Relationship]) -> str:
    """How a step's ties point, such as `—OWNS→`."""
    told = sorted({(tie.source_id == here, tie.type) for tie in ties})
    return " ".join(f"—{name}→" if outwards else f"←{name}—" for outwards, name in told)


def _period(tie: Relationship) -> str:
    since = tie.valid_from or tie.properties.get("first")
    until = tie.valid_to or tie.properties.get("last")
    return f"{since or ''}–{until or ''}" if since or until else ""


def _properties(tie: Relationship) -> str:
    return ", ".join(f"{tie.properties[name]}" for name in _TOLD if name in tie.properties)


def _section(name: str, language: str) -> str:
    return text(language, "network_section", name) if name in _SECTIONS else name


def _left_out(counts: Counts, language: str) -> None:
    if counts:
        say(text(language, "network", "left_out", counts=_counts(counts)))


def _counts(counts: Counts) -> str:
    return ", ".join(_parts(counts))


def _parts(counts: Counts) -> Iterator[str]:
    return (f"{_number(number)} {name}" for name, number in counts.items())


def _number(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.4g} %"
