"""What a finding's statistics may say in a sight: no identifier that the sight would not show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine

_NAMED: Final = Path(__file__).with_name("statistics_named.sql")
_CITED: Final = Path(__file__).with_name("statistics_cited.sql")
#: Words and days; any other text with a digit in it may be somebody's or something's identifier.
_HARMLESS: Final = re.compile(r"\D*|\d{4}-\d{2}-\d{2}")


def mask(engine: Engine) -> None:
    """Replace each text in `told.statistics` that identifies somebody, in an engine at work.

    The key of a personal entity becomes its reference, that of a hidden one or of a row that is
    left out null. Of other texts only words, days and what the sight shows by the same name stand:
    statistics are a room's own, and no declaration says what their texts mean.
    """
    findings = {
        row["finding_id"]: json.loads(row["statistics"])
        for row in engine.rows("SELECT finding_id, statistics FROM told ORDER BY finding_id")
    }
    texts = sorted({text for said in findings.values() for text in _texts(said)})
    shown: dict[str, str | None] = {
        row["key"]: row["shown"]
        for row in engine.rows(_NAMED.read_text(encoding="utf-8"), {"texts": texts})
    }
    cited: dict[str, dict[str, str | None]] = {}
    for row in engine.rows(_CITED.read_text(encoding="utf-8"), {"texts": texts}):
        of_finding = cited.setdefault(row["finding_id"], {})
        of_finding[row["text"]] = row["text"] if row["shown"] else None
    changed = []
    for finding_id, said in findings.items():
        masked = _masked(said, cited.get(finding_id, {}) | shown)
        if masked != said:
            changed.append((finding_id, json.dumps(masked, ensure_ascii=False)))
    if changed:
        ids, values = zip(*changed, strict=True)
        engine.execute(
            "UPDATE told SET statistics = masked.statistics FROM ("
            "SELECT unnest($ids) AS finding_id, unnest($values) AS statistics) AS masked "
            "WHERE masked.finding_id = told.finding_id",
            {"ids": list(ids), "values": list(values)},
        )


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        yield from said
        for part in said.values():
            yield from _texts(part)
    elif isinstance(said, list):
        for part in said:
            yield from _texts(part)


def _masked(said: Any, shown: Mapping[str, str | None]) -> Any:
    if isinstance(said, str):
        return shown[said] if said in shown else said if _HARMLESS.fullmatch(said) else None
    if isinstance(said, dict):
        named = ((shown.get(name, name), part) for name, part in said.items())
        return {name: _masked(part, shown) for name, part in named if name is not None}
    if isinstance(said, list):
        return [_masked(part, shown) for part in said]
    return said
