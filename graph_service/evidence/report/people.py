"""The parties as the pages tell them: by degree, by name if in clear, and who may be heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graph_service.evidence.report.contents import Contents
from graph_service.texts import text

#: The degrees of those who are heard, never suspected.
_HEARD: Final = ("official", "client")


def by_degree(parties: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Printed parties under the degree that is said of them, in the order of the contents."""
    told: dict[str, list[Mapping[str, Any]]] = {}
    for each in parties:
        told.setdefault(each["degree"], []).append(each)
    return [{"degree": degree, "parties": some} for degree, some in told.items()]


def clear_names(parties: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """How somebody in clear is told beside an act: name and number, by number."""
    return {
        each["number"]: f"{each['name']} ({each['number']})"
        for each in parties
        if each["number"] and each["name"]
    }


def with_name(subject: str, names: Mapping[str, str]) -> str:
    """`medarbetare: <number>` with the name that goes with the number, if it is in clear."""
    role, colon, number = subject.rpartition(": ")
    return f"{role}{colon}{names.get(number, number)}"


def witnesses(contents: Contents, parties: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Who may be heard, for a recipient that may try provisions: only such a one hears witnesses.

    Officials are told by their task. Clients are named if they are in clear, else counted.
    """
    if not contents.provisions:
        return None
    degrees = {text("sv", "evidence_degree", each) for each in _HEARD}
    heard = [
        printed
        for party, printed in zip(contents.parties, parties, strict=True)
        if party.degree in degrees
    ]
    hidden = sum(each["number"] is None for each in heard)
    said = [text("sv", "pages", "officials")]
    if hidden:
        said.append(text("sv", "pages", "unnamed_witnesses", count=hidden))
    return {
        "said": said,
        "named": [
            {"name": each["name"], "number": each["number"], "role": each["degree"]}
            | {"numbers": each["numbers"]}
            for each in heard
            if each["number"] is not None
        ],
    }
