"""Half a page that can be read aloud: why a provider has its score, and what to ask."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from graph_service.errors import UsageError
from graph_service.room import Room
from graph_service.run_file import RunFile
from graph_service.texts import text

_WIDTH: Final = 100
#: Half a page: findings told for each detector, and stories and questions; the rest are counted.
_FINDINGS: Final = 2
_STORIES: Final = 2
_ALL: Final = sys.maxsize


def explanation(
    run: RunFile,
    provider: str,
    rooms: Mapping[str, Room],
    language: str,
    *,
    full: bool = False,
) -> str:
    """The explanation of one provider's score in one run; UsageError if it is not a provider.

    Half a page to be read aloud, or with `full` every finding, story and question.
    """
    scores = run.rows("scores", order="rank NULLS LAST, provider_id")
    scored = next((row for row in scores if row["provider_id"] == provider), None)
    if scored is None:
        raise UsageError(
            f"Run {run.run_id} knows no such provider. Name one listed by `graph-service scores`."
        )
    ranked = sum(row["rank"] is not None for row in scores)
    findings = run.rows(
        "findings", order="since, until, finding_id", where={"provider_id": provider}
    )
    told = _Telling(language, *((_ALL, _ALL) if full else (_FINDINGS, _STORIES)))
    return "\n".join((*told.head(run, scored, ranked), *told.body(scored, findings, rooms)))


class _Telling:
    """The same facts in the words of one language."""

    def __init__(self, language: str, findings: int, stories: int) -> None:
        self._language = language
        self._findings = findings
        self._stories = stories

    def head(self, run: RunFile, scored: Mapping[str, Any], ranked: int) -> Iterator[str]:
        provider = scored["provider_id"]
        name = run.name_of(provider)
        if name is None:
            yield self._say("provider_unnamed", provider=provider)
        else:
            yield self._say("provider", provider=provider, name=name)
        yield self._say("run", run=run.run_id, as_of=scored["as_of"])
        band = self._say(scored["band"])
        if scored["score"] is None:
            missing = ", ".join(name.replace("|", "/") for name in scored["cannot_assess"] or ())
            yield self._say("unscored", band=band, missing=missing)
        else:
            score = self._number(scored["score"])
            yield self._say("scored", band=band, score=score, rank=scored["rank"], ranked=ranked)
        if scored["not_assessed"]:
            families = ", ".join(self._say(family) for family in scored["not_assessed"])
            yield self._say("not_assessed", families=families)
        if scored["change"] is not None and any(scored["change"].values()):
            moved = {
                name: f"{round(points, 1) + 0:+.1f}" for name, points in scored["change"].items()
            }
            yield self._say("change", **{name: self._comma(said) for name, said in moved.items()})

    def body(
        self,
        scored: Mapping[str, Any],
        findings: Sequence[Mapping[str, Any]],
        rooms: Mapping[str, Room],
    ) -> Iterator[str]:
        if not findings:
            yield ""
            yield self._say("nothing")
        points = {part["detector"]: part for part in scored["contributions"]}
        found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in points}
        for finding in findings:
            found.setdefault(finding["detector"], []).append(finding)
        for detector, among in found.items():
            yield ""
            yield from self._detector(detector, among, points.get(detector), rooms.get(detector))

    def _detector(
        self,
        detector: str,
        findings: Sequence[Mapping[str, Any]],
        part: Mapping[str, Any] | None,
        room: Room | None,
    ) -> Iterator[str]:
        yield self._filled(
            self._say(
                "contribution",
                title=detector if room is None else getattr(room.title, self._language),
                detector=detector,
                strength=self._say(findings[0]["strength"]),
                points=self._number(part["points"] if part else 0.0),
                findings=len(findings),
                exposure=self._money(part["exposure_sek"] if part else None),
            ),
            "",
        )
        for finding in findings[: self._findings]:
            summary = finding["summary"][self._language]
            period = {"since": finding["since"], "until": finding["until"]}
            yield self._filled(self._say("finding", **period, summary=summary), "  ")
        if len(findings) > self._findings:
            yield "  " + self._say(
                "more",
                more=len(findings) - self._findings,
                provider=findings[0]["provider_id"],
                detector=detector,
            )
        if room is not None:
            yield from self._innocent(findings, room)

    def _innocent(self, findings: Sequence[Mapping[str, Any]], room: Room) -> Iterator[str]:
        """A story that one finding could not test is told as such, whatever the others say."""
        outcomes: dict[str, set[str]] = {}
        for finding in findings:
            for told in finding["innocent"]:
                outcomes.setdefault(told["story"], set()).add(told["outcome"])
        parts: dict[str, list[str]] = {"ruled_out": [], "unknown": [], "ask": []}
        for cause in room.innocent:
            became = outcomes.get(cause.name, set())
            for outcome in ("ask", "unknown", "ruled_out"):
                if outcome in became:
                    words = cause.ask if outcome == "ask" and cause.ask else cause.story
                    parts[outcome].append(getattr(words, self._language))
                    break
        for outcome, key in (("ruled_out", "stories"), ("unknown", "stories"), ("ask", "asks")):
            if parts[outcome]:
                told = " ".join(parts[outcome][: self._stories])
                if len(parts[outcome]) > self._stories:
                    told += " " + self._say("and_more", more=len(parts[outcome]) - self._stories)
                yield self._filled(self._say(outcome, **{key: told}), "  ")

    def _say(self, key: str, **words: object) -> str:
        return text(self._language, "explain", key, **words)

    def _money(self, exposure: Mapping[str, float] | None) -> str:
        if exposure is None:
            return self._say("money_unknown")
        lower, upper = (f"{exposure[end]:,.0f}".replace(",", " ") for end in ("lower", "upper"))
        return self._say("money", lower=lower, upper=upper)

    def _number(self, value: float) -> str:
        return self._comma(f"{value:.1f}")

    def _comma(self, number: str) -> str:
        return number.replace(".", ",") if self._language == "sv" else number

    def _filled(self, told: str, indent: str) -> str:
        return textwrap.fill(told, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
