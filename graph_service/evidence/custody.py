"""The custody log of a package: from whom each row came, who handled the case, who let it go.

It tells officials by the numbers that the municipality's log gives them, and of that log where it
ended: so the log can be shown, later and by others, to be the same. Bounded, whatever was read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from graph_service.casework.audit.reading import Numbered
from graph_service.casework.custody import Earlier, Handled, handled
from graph_service.casework.database import Database
from graph_service.evidence.material import Material
from graph_service.evidence.package import CUSTODY
from graph_service.lake import Lake, Redaction
from graph_service.stores.search import names_somebody

_SQL: Final = Path(__file__).with_name("custody.sql")
_RUN: Final = ("run_id", "as_of", "known_by", "started_at", "finished_at", "version")


def write(material: Material, database: Database, root: Path, *, made_by: str) -> None:
    """Write `data/custody.json` below the bag's folder; `made_by` is who makes the package."""
    engine, request = material.engine, material.request
    engine.script(_SQL)
    sources = engine.rows("FROM custody_sources")
    found = handled(
        database,
        request.case_id,
        lifted=request.lifted,
        batches={source["batch"] for source in sources if source["batch"] is not None},
    )
    told = {
        "export": _export(material, made_by),
        "loaded": _loaded(material, sources, found.uploaded_by),
        "run": {name: material.run[name] for name in _RUN},
        "case": _case(material),
        "read": _read(found, purposes=material.recipient.free_text),
        "masked": {
            "rows": [each._asdict() for each in material.workspace.withheld],
            "columns": engine.rows("FROM custody_masked"),
        },
        "lifted": [asdict(mask) for mask in found.lifted],
        "earlier": _earlier(material, found),
        "log": asdict(found.anchor),
    }
    path = root / CUSTODY
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, ensure_ascii=False, indent=1, default=_plain)
    path.write_text(f"{text}\n", encoding="utf-8")


def _export(material: Material, made_by: str) -> dict[str, Any]:
    """To whom, on what ground, and which people: who asked is never who approved."""
    request = material.request
    return {
        "export_id": request.export_id,
        "case_id": request.case_id,
        "case_version": request.case_version,
        "run_id": request.run_id,
        "recipient": request.recipient,
        "recipient_title": asdict(material.recipient.title),
        "legal_ground": request.legal_ground,
        "authority_reference": request.authority_reference,
        "asked_by": request.asked_by,
        "asked_at": request.asked_at,
        "approved_by": request.approved_by,
        "approved_at": request.approved_at,
        "made_by": made_by,
        "made_at": material.made_at,
    }


def _loaded(
    material: Material, sources: list[dict[str, Any]], uploaded_by: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Each file: when it came, by which loader; `redacted` where other bytes stand for it now.

    `loaded_by` is null where the terminal loaded it: the log does not tell who sat there.
    """
    redactions = Lake(material.home).redactions()
    return [
        source
        | {
            "loaded_by": uploaded_by.get(source["batch"]),
            "redacted": _redacted(redactions.get(source["file_sha256"])),
        }
        for source in sources
    ]


def _redacted(redaction: Redaction | None) -> dict[str, Any] | None:
    if redaction is None:
        return None
    return {"at": redaction.redacted_at, "stands_sha256": redaction.stands_sha256}


def _case(material: Material) -> dict[str, Any]:
    """Who did what to the case and when; what they wrote is theirs."""
    case = material.case
    return {
        "opened_by": case.opened_by,
        "opened_at": case.opened_at,
        "history": [
            {"version": each.version, "event": each.event, "by": each.by, "at": each.at}
            for each in case.history
        ],
    }


def _read(found: Handled, *, purposes: bool) -> dict[str, Any]:
    return {
        "entries": sum(acts.times for acts in found.acts),
        "acts": [asdict(acts) for acts in found.acts],
        "newest": [_entry(each, purposes=purposes) for each in found.newest],
    }


def _entry(numbered: Numbered, *, purposes: bool) -> dict[str, Any]:
    """An entry without whom it was about. A purpose is free text, told to who is told any."""
    entry, purpose = numbered.entry, numbered.entry.purpose
    told = purposes and purpose is not None and not names_somebody(purpose)
    return {
        "seq": numbered.seq,
        "at": entry.at,
        "user_id": entry.user_id,
        "roles": entry.roles,
        "action": entry.action,
        "outcome": entry.outcome,
        "purpose": purpose if told else None,
    }


def _earlier(material: Material, found: Handled) -> dict[str, Any]:
    """What this recipient was given before; of others' packages, that there are so many."""
    recipient = material.request.recipient
    same = [each for each in found.earlier if each.recipient == recipient]
    return {
        "to_this_recipient": [asdict(each) for each in same],
        "packages_to_others": _packages(found.earlier) - _packages(same),
    }


def _packages(exports: list[Earlier] | tuple[Earlier, ...]) -> int:
    return sum(len(each.packages) for each in exports)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")
