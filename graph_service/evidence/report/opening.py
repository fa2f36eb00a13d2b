"""The first page: who tells whom, what it is about, and as much as one page has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from graph_service.evidence.report.contents import Contents, FindingTold
from graph_service.evidence.report.printed import shortened, told
from graph_service.room import Strength
from graph_service.texts import text

#: Findings, urgent things, letters of a summary, a title, a line of it.
_LEADING: Final = 8
_URGENT: Final = 3
_SUMMARY: Final = 1_600
_TITLE: Final = 140
_LINE: Final = 180
_STRENGTH: Final = tuple(Strength)


def opening(
    contents: Contents, printed: Mapping[str, Any], numbers: Mapping[str, str]
) -> dict[str, Any]:
    """What the first page says beside the contents; what it has no room for is counted."""
    brief = _brief(printed["summary"])
    return {
        "title": shortened(printed["title"], _TITLE),
        "injured": _injured(contents, printed),
        "period": _period(contents.findings),
        "brief": brief,
        "brief_is_cut": brief != printed["summary"],
        **_leading(contents, numbers),
        "know": [shortened(each, _LINE) for each in _know(contents, printed)],
    }


def _brief(summary: Sequence[str]) -> list[str]:
    """The summary's first sentences, as long as a page has room for them."""
    brief: list[str] = []
    left = _SUMMARY
    for each in summary:
        if len(each) > left:
            return brief or [shortened(each, left)]
        brief.append(each)
        left -= len(each)
    return brief


def _injured(contents: Contents, printed: Mapping[str, Any]) -> str:
    named: str = printed["municipality"]
    if contents.municipality_org_id is None:
        return named
    return _pages("injured", municipality=named, org_id=contents.municipality_org_id)


def _period(findings: Sequence[FindingTold]) -> str | None:
    if not findings:
        return None
    since, until = min(each.since for each in findings), max(each.until for each in findings)
    return f"{since} – {until}"


def _leading(contents: Contents, numbers: Mapping[str, str]) -> dict[str, Any]:
    """The findings of the first page, and what is said where so many of them are shown."""
    first = sorted(
        contents.findings, key=lambda each: (_weight(each), int(numbers[each.finding_id]))
    )
    leading = first[:_LEADING]
    every = len(contents.findings)
    return {
        "leading": [
            {
                "number": numbers[each.finding_id],
                "title": shortened(told(each.title), _LINE),
                "strength": _strength(each),
                "period": f"{each.since} – {each.until}",
                "exposure": told(each.exposure),
            }
            for each in leading
        ],
        "leading_titles": [
            _pages("leading", shown=shown, findings=every) for shown in range(len(leading) + 1)
        ],
        "rest_of": [
            _pages("more_findings", rest=every - shown, findings=every) if shown < every else None
            for shown in range(len(leading) + 1)
        ],
    }


def _strength(finding: FindingTold) -> str:
    """A strength's name; what it means stands after the colon, and with the finding."""
    return shortened(told(finding.strength_text.partition(":")[0]), _LINE)


def _weight(finding: FindingTold) -> tuple[int, Decimal]:
    """What cannot be true comes first, then what most is known to be at stake in."""
    at_least = Decimal() if finding.exposure is None else finding.exposure.lower
    rank = _STRENGTH.index(finding.strength) if finding.strength in _STRENGTH else len(_STRENGTH)
    return rank, -at_least


def _know(contents: Contents, printed: Mapping[str, Any]) -> list[str]:
    """What the first page says may not wait, is secret, masked, answered, and signed."""
    urgent = list(printed["urgency"])
    know = urgent[:_URGENT]
    if len(urgent) > _URGENT:
        know.append(_pages("more_urgent", rest=len(urgent) - _URGENT))
    know += printed["secrecy"][:1]
    know.append(_pages("masked" if contents.masked else "not_masked"))
    replies = len(contents.replies)
    know.append(_pages("replied", replies=replies) if replies else _pages("no_reply"))
    return [*know, _pages("signed")]


def _pages(key: str, **words: object) -> str:
    return text("sv", "pages", key, **words)
