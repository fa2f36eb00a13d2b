"""When two findings are one: as the run told it, masked, and as a room gives it again.

What is masked has other names: a reference sorts elsewhere than a number, and a finding's id is
made of whom it names. So subjects and rows are compared as sets, and the id not at all. What the
recipient may not read is null in the run's statistics; on masked rows it is a reference or an
ordinal. Everything else must be equal.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graph_service.texts import both

#: Lists that are sets, sorted by what masking changes.
_SETS: Final = ("subjects", "evidence")
_LEFT_OUT: Final = "finding_id"
_STATISTICS: Final = "statistics"


@dataclass(frozen=True, slots=True)
class Again:
    """A finding as it is packaged: with the run's id, and the id that the room gave it.

    `attested` names the statistics that stand as the run told them, where the room gives others.
    """

    finding: Mapping[str, Any]
    again_id: str
    attested: tuple[str, ...] = ()


def written(finding: Mapping[str, Any]) -> str:
    """A finding as the package has it: one line of JSON, keys sorted."""
    return json.dumps(finding, ensure_ascii=False, sort_keys=True)


def found_again(
    findings: Iterable[Mapping[str, Any]],
    given: Collection[Mapping[str, Any]],
    *,
    but_for_statistics: bool = False,
) -> dict[str, Again]:
    """Of the run's findings those that a room gives again, by id; `given` is all that it gives.

    `but_for_statistics` takes those too that have other statistics there: what is compared with
    records of others, who are not in the package, stands as the run told it.
    """
    by_whom: dict[str, list[Mapping[str, Any]]] = {}
    for each in given:
        by_whom.setdefault(_whom(each), []).append(each)
    found = {}
    for finding in findings:
        for each in by_whom.get(_whom(finding), ()):
            attested = _other_statistics(finding, each)
            if _agrees(finding, each) and (but_for_statistics or not attested):
                own_id = {_LEFT_OUT: finding[_LEFT_OUT]}
                told = attest({**each, **own_id}, finding, attested)
                found[finding[_LEFT_OUT]] = Again(told, each[_LEFT_OUT], attested)
                break
    return found


def attest(
    given: Mapping[str, Any], told: Mapping[str, Any], names: Iterable[str]
) -> dict[str, Any]:
    """A finding as a room gives it, with these statistics as they are told."""
    own = {name: told[_STATISTICS].get(name) for name in names}
    return {**given, _STATISTICS: {**given[_STATISTICS], **own}}


def differing(packaged: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The parts in which a finding is not, to the byte, what is packaged; its id aside."""
    names = sorted({*packaged, *given} - {_LEFT_OUT})
    return [
        name
        for name in names
        if written({name: packaged.get(name)}) != written({name: given.get(name)})
    ]


def _whom(finding: Mapping[str, Any]) -> str:
    return json.dumps([finding["detector"], finding["provider_id"], _sorted(finding["subjects"])])


def _agrees(told: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return told.keys() == given.keys() and all(
        _part_agrees(name, told[name], given[name]) for name in told if name != _LEFT_OUT
    )


def _other_statistics(told: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, ...]:
    """The statistics that are not the same."""
    own, others = told[_STATISTICS], given[_STATISTICS]
    return tuple(name for name in own if not _reads_as(own[name], others.get(name)))


def _part_agrees(name: str, told: Any, given: Any) -> bool:
    if name in _SETS:
        return _sorted(told) == _sorted(given)
    if name == _STATISTICS:
        return bool(told.keys() == given.keys())
    return bool(told == given or (name == "summary" and told == both("access", "masked")))


def _reads_as(told: Any, given: Any) -> bool:
    """Whether two values are equal but for texts of `given` that `told` does not tell."""
    if isinstance(told, Mapping) and isinstance(given, Mapping):
        return told.keys() == given.keys() and all(_reads_as(told[k], given[k]) for k in told)
    if isinstance(told, list) and isinstance(given, list):
        return len(told) == len(given) and all(map(_reads_as, told, given))
    if told is None and isinstance(given, str):
        return True
    # A number is no truth value, though Python says that 1 equals True.
    return (type(told) is type(given) or _are_numbers(told, given)) and bool(told == given)


def _are_numbers(told: Any, given: Any) -> bool:
    return {type(told), type(given)} == {int, float}


def _sorted(items: Iterable[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)
