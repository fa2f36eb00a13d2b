"""The monthly review of the log as a page for whoever answers for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from graph_service.casework.audit.report import CLOSES, MOST_READ, OPENS, Line, Report
from graph_service.texts import text

_COLUMNS: Final = ("acts", "reads", "searches", "persons", "persons_in_case", "without_case",
            "out_of_hours", "refusals", "failures")  # fmt: skip


def as_markdown(report: Report, language: str) -> str:
    """The review in Markdown."""

    def say(key: str, **words: object) -> str:
        return text(language, "audit_report", key, **words)

    lines = [
        f"# {say('title', month=report.month)}",
        "",
        say("summary", entries=report.entries, failures=report.failures,
            unknown=report.unknown_failures),
        "",
        say("hours", opens=f"{OPENS:02}", closes=CLOSES),
        "",
        *_table([say("who"), *(say(name) for name in _COLUMNS)], map(_row, report.people)),
    ]  # fmt: skip
    if report.most_read:
        rows = ([each.reference, str(each.reads), str(each.readers)] for each in report.most_read)
        header = [say("reference"), say("reads"), say("readers")]
        lines += ["", f"## {say('most_read', most=MOST_READ)}", "", *_table(header, rows)]
    return "\n".join([*lines, "", say("meaning")])


def _row(line: Line) -> list[str]:
    who = line.user_id if line.name is None else f"{line.name} ({line.user_id})"
    return [who, *(str(getattr(line, name)) for name in _COLUMNS)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of GitHub's Markdown; the first column is of words, the others of numbers."""
    yield _cells(header)
    yield "|".join(["", " --- ", *(" ---: " for _ in header[1:]), ""])
    yield from map(_cells, rows)


def _cells(values: Sequence[str]) -> str:
    return "|".join(["", *(f" {value.replace('|', chr(92) + '|')} " for value in values), ""])
