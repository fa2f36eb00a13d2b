"""What the file tells a person to begin with: in Swedish, then in English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from graph_service.texts import text

_SECTION: Final = "own_data"
_LANGUAGES: Final = ("sv", "en")


def readme(contents: Mapping[str, Any]) -> str:
    """The whole text, from what the file says for programs."""
    return "\n".join(line for language in _LANGUAGES for line in _lines(contents, language))


def _lines(contents: Mapping[str, Any], language: str) -> Iterator[str]:
    def say(key: str, **words: object) -> str:
        return text(language, _SECTION, key, **words)

    title = say("title")
    yield from (title, "=" * len(title), "")
    yield say("made", person=contents["person"], made_at=contents["made_at"])
    yield ""
    for heading, lines in (
        ("held", _held(contents, say)),
        ("why", [say("purpose"), *_bases(contents, language)]),
        ("beside", _beside(contents, say)),
        ("masked", [say("masking")]),
        ("secret", _secret(contents, language, say)),
        ("rights", [say("automation"), say("claims")]),
    ):
        told = say(heading)
        yield from (told, "-" * len(told), *lines, "")


def _held(contents: Mapping[str, Any], say: Any) -> Iterator[str]:
    if not contents["tables"]:
        yield say("nothing")
        return
    yield say("rows", rows=contents["rows"])
    for table in contents["tables"]:
        term = table["kept"]
        decided = say("proposed") if term["decision"] is None else term["decision"]
        yield say(
            "table",
            file=table["file"],
            rows=table["rows"],
            stands=table["standing"].get("stands", 0),
            months=term["months"],
            decided=decided,
        )
    yield say("columns")


def _bases(contents: Mapping[str, Any], language: str) -> Iterator[str]:
    for source in contents["sources"].values():
        yield f"- {source['title'][language]}: {source['basis']}"


def _beside(contents: Mapping[str, Any], say: Any) -> Iterator[str]:
    yield say("raw")
    if contents["refused_rows"]:
        yield say("refused", lines=sum(each["lines"] for each in contents["refused_rows"]))
    if contents["possible_other_records"]:
        yield say("other_records")
    times = sum(each["times"] for each in contents["readings"])
    yield say("readings", times=times)


def _secret(contents: Mapping[str, Any], language: str, say: Any) -> Iterator[str]:
    if contents["findings"] is None:
        yield say("left_out")
        return
    yield say("told", ground=contents["legal_ground"])
    for finding in contents["findings"]:
        title = finding["title"]
        yield say(
            "finding",
            title=finding["detector"] if title is None else title[language],
            since=finding["since"],
            until=finding["until"],
            provider=finding["provider"],
        )
    for key, what in (("cases", "cases"), ("tips", "tips"), ("given", "recipients")):
        if contents[what]:
            yield say(key, count=len(contents[what]))
