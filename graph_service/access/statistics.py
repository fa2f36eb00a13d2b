"""What a finding's statistics may say in a sight: no identifier that the sight would not show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.stores.search import holds_personal_number

_NAMED: Final = Path(__file__).with_name("statistics_named.sql")
_UNSHOWN: Final = Path(__file__).with_name("statistics_unshown.sql")


def mask(engine: Engine) -> None:
    """Replace each text in `told.statistics` that identifies somebody, in an engine at work.

    A text that is the key of a personal entity becomes its reference; one that is the key of a
    hidden entity, or of a row that is left out, becomes null, as does any with a personal number.
    """
    findings = {
        row["finding_id"]: json.loads(row["statistics"])
        for row in engine.rows("SELECT finding_id, statistics FROM told ORDER BY finding_id")
    }
    texts = sorted({text for said in findings.values() for text in _texts(said)})
    shown = {
        row["key"]: row["shown"]
        for row in engine.rows(_NAMED.read_text(encoding="utf-8"), {"texts": texts})
    }
    unshown: dict[str, set[str]] = {}
    for row in engine.rows(_UNSHOWN.read_text(encoding="utf-8"), {"texts": texts}):
        unshown.setdefault(row["finding_id"], set()).add(row["text"])
    changed = []
    for finding_id, said in findings.items():
        masked = _masked(said, shown | dict.fromkeys(unshown.get(finding_id, ())))
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
        for part in said.values():
            yield from _texts(part)
    elif isinstance(said, list):
        for part in said:
            yield from _texts(part)


def _masked(said: Any, shown: Mapping[str, str | None]) -> Any:
    if isinstance(said, str):
        if said in shown:
            return shown[said]
        return None if holds_personal_number(said) else said
    if isinstance(said, dict):
        return {name: _masked(part, shown) for name, part in said.items()}
    if isinstance(said, list):
        return [_masked(part, shown) for part in said]
    return said
