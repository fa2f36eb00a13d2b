"""What the pages show of the contents: numbered, cut where a page would drown, said to be cut.

Everything is ready to be printed (`printed.told`); the templates only set it. What is not printed
is counted and where it stands is told: nothing is left out in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from graph_service.clock import STOCKHOLM
from graph_service.evidence.report import references, timeline
from graph_service.evidence.report.contents import Contents, FindingTold, Loss
from graph_service.evidence.report.contracts import of_contracts
from graph_service.evidence.report.opening import opening
from graph_service.evidence.report.people import by_degree, clear_names, with_name, witnesses
from graph_service.evidence.report.printed import number, told
from graph_service.texts import keys, text

#: Rows of a table that a reader may be asked to leaf through; programs read the rest.
CHAINS: Final = 400
ACTS: Final = 400
_ROWS: Final = 60
_ACT_ROWS: Final = 6
#: What a finding has from the rule that made it.
_rule: Final = attrgetter("room", "claim", "basis", "silent_on", "thresholds")


def laid_out(contents: Contents) -> dict[str, Any]:
    """The contents and the words around them, as JSON for the templates."""
    numbers = {each.finding_id: str(at) for at, each in enumerate(contents.findings, start=1)}
    printed = told(
        replace(
            contents,
            acts=contents.acts[:ACTS],
            chains=contents.chains[:CHAINS],
            findings=tuple(replace(each, rows=each.rows[:_ROWS]) for each in contents.findings),
        )
    )
    _number(printed, numbers)
    _acts(printed, contents)
    _findings(printed, contents, numbers)
    printed["loss"] = _loss(contents, numbers)
    printed["origins"] = [_origin(each) for each in contents.origins]
    return {"contents": printed, "words": _words(contents, printed, numbers)}


def _number(printed: dict[str, Any], numbers: Mapping[str, str]) -> None:
    """Findings are told by number, the numbers of a party's in one line; who has a name, by it."""
    for each in (*printed["acts"], *printed["chains"]):
        each["finding"] = numbers.get(each["finding_id"])
    for each in printed["findings"]:
        each["number"] = numbers[each["finding_id"]]
    for each in printed["parties"]:
        each["numbers"] = in_words([numbers[one] for one in each["findings"] if one in numbers])
    names = clear_names(printed["parties"])
    for each in printed["acts"]:
        each["by"] = [names.get(one, one) for one in each["by"]]
    for each in printed["findings"]:
        each["provider"] = names.get(each["provider"], each["provider"])
        each["subjects"] = [with_name(one, names) for one in each["subjects"]]


def _acts(printed: dict[str, Any], contents: Contents) -> None:
    for each, act in zip(printed["acts"], contents.acts, strict=False):
        rest = len(act.rows) - _ACT_ROWS
        each["rows"] = each["rows"][:_ACT_ROWS]
        each["rows_rest"] = _pages("more_act_rows", rest=number(rest)) if rest > 0 else None


def _findings(printed: dict[str, Any], contents: Contents, numbers: Mapping[str, str]) -> None:
    first: list[FindingTold] = []
    for each, finding in zip(printed["findings"], contents.findings, strict=True):
        alike = next((one for one in first if _rule(one) == _rule(finding)), None)
        each["rule_at"] = None if alike is None else numbers[alike.finding_id]
        if alike is None:
            first.append(finding)
        rest = len(finding.rows) - _ROWS
        each["rows_rest"] = _pages("more_rows", rest=number(rest)) if rest > 0 else None
        each["statistics"] = [
            {"name": name, "value": _value(value)} for name, value in each["statistics"].items()
        ]
        for limit, threshold in zip(each["thresholds"], finding.thresholds, strict=True):
            limit["value"], limit["room_value"] = (
                _value(limit["value"]),
                _value(limit["room_value"]),
            )
            limit["changed"] = threshold.value != threshold.room_value
        for story, outcome in zip(each["stories"], finding.stories, strict=True):
            story["tested"] = outcome.outcome == "ruled_out"


def _loss(contents: Contents, numbers: Mapping[str, str]) -> dict[str, Any]:
    """The loss, its months with the length of their bars in percent, its findings by number."""
    loss = contents.loss
    titles = {each.finding_id: each.title for each in contents.findings}
    most = max((money.upper for _, money in loss.by_month), default=Decimal()) or Decimal(1)
    by_finding = sorted(
        (one for one in loss.by_finding.items() if one[0] in numbers),
        key=lambda one: int(numbers[one[0]]),
    )
    printed: dict[str, Any] = told(replace(loss, by_month=(), by_finding={}))
    printed["by_month"] = [
        {
            "month": f"{month:%Y-%m}",
            **told(money),
            "lower_share": _share(money.lower, most),
            "upper_share": _share(money.upper, most),
        }
        for month, money in loss.by_month
    ]
    printed["by_finding"] = [
        {"finding": numbers[each], "title": told(titles[each]), **told(money)}
        for each, money in by_finding
    ]
    return printed


def _share(part: Decimal, whole: Decimal) -> int:
    return max(0, min(100, round(100 * part / whole)))


def _origin(origin: Mapping[str, Any]) -> dict[str, Any]:
    """A file that rows came from. Its name and digest are told letter for letter."""
    loaded_at: datetime = origin["loaded_at"]
    return {
        "name": told(origin["file"]),
        "sha256": origin["file_sha256"],
        "table": origin["table"],
        "loaded": f"{loaded_at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}",
        "loader": told(f"{origin['loader']} {origin['loader_version']}"),
        "rows": number(origin["rows"]),
    }


def _words(
    contents: Contents, printed: Mapping[str, Any], numbers: Mapping[str, str]
) -> dict[str, Any]:
    """What the templates say beside the contents."""
    return {
        "document": _pages(contents.document),
        "made": [contents.made_on.year, contents.made_on.month, contents.made_on.day],
        "footer": _pages("footer"),
        **opening(contents, printed, numbers),
        "degrees": by_degree(printed["parties"]),
        "witnesses": witnesses(contents, printed["parties"]),
        "timeline_alt": timeline.described(contents),
        "timeline_bin": _pages(f"by_{timeline.column_of(contents)}"),
        "network_alt": _pages("network"),
        "acts_rest": _rest("more_acts", "acts", len(contents.acts), ACTS),
        "chains_rest": _chains_rest(contents),
        **_untold(contents.loss, numbers),
        "reruns": _reruns(contents.findings),
        "references": told(references.of_findings(contents.findings)),
        "to_decide": [
            {"what": text("sv", "pages_to_decide", key), "who": text("sv", "pages_decides", key)}
            for key in keys("pages_to_decide")
        ],
        "contracts": of_contracts(contents, printed, numbers),
    }


def _chains_rest(contents: Contents) -> str | None:
    told = [
        _rest("more_chains", "chains", len(contents.chains), CHAINS),
        _pages("chains_left_out", rest=number(contents.chains_left_out))
        if contents.chains_left_out
        else None,
    ]
    return " ".join(each for each in told if each) or None


def _rest(key: str, name: str, every: int, most: int) -> str | None:
    if every <= most:
        return None
    counts = {name: number(every), "shown": number(most), "rest": number(every - most)}
    return _pages(key, **counts)


def _untold(loss: Loss, numbers: Mapping[str, str]) -> dict[str, str | None]:
    def of(key: str, findings: Sequence[str]) -> str | None:
        known = [numbers[each] for each in findings if each in numbers]
        return _pages(key, numbers=in_words(known)) if known else None

    undated = (
        _pages("undated", **told(loss.undated)) if loss.undated and loss.undated.upper else None
    )
    return {
        "unpriced": of("unpriced", loss.unpriced),
        "fees_untold": of("fees_untold", loss.fees_untold),
        "undated": undated,
    }


def _reruns(findings: Sequence[FindingTold]) -> list[dict[str, str]]:
    counted = Counter(each.rerun_text for each in findings)
    return [{"how": told(how), "count": number(count)} for how, count in sorted(counted.items())]


def _value(value: Any) -> str:
    """A threshold or a measure as one line."""
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_value(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_value(part) for part in value)
    return str(value)


def in_words(numbers: Sequence[str]) -> str:
    """`1, 2 och 5–8`."""
    ordered = _runs(sorted({int(each) for each in numbers}))
    return " och ".join(part for part in (", ".join(ordered[:-1]), *ordered[-1:]) if part)


def _runs(numbers: Sequence[int]) -> list[str]:
    """Numbers, three or more in a row as one run."""
    told = []
    for _, some in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        run = [str(each) for _, each in some]
        told += [f"{run[0]}–{run[-1]}"] if len(run) > 2 else run
    return told


def _pages(key: str, **words: object) -> str:
    return text("sv", "pages", key, **words)
