"""What the document says, for programs: contents.json, beside the pages.

Amounts and decimal numbers are texts, exactly as they are counted (SEK to the öre); days are ISO
8601. Keys are sorted, so that equal contents are equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from graph_service.evidence import package
from graph_service.evidence.report.contents import Contents


def write(contents: Contents, root: Path) -> None:
    """Write `contents.json` below the root of a package."""
    path = root / package.CONTENTS
    path.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps(_plain(contents), ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(f"{told}\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """Any part of the contents as JSON says it."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value
