"""What each source declares of itself: its title, the law it stands on, how long it is kept."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from graph_service.evidence.subject.origin import Source
from graph_service.room import Text

_ROOMS: Final = Path(__file__).parent


@cache
def sources() -> dict[str, Source]:
    """Every source of `loaders/`, by the name that receipts call it by."""
    found = {}
    for path in sorted(_ROOMS.glob("*/source.toml")):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        title = Text(told["title"]["sv"], told["title"]["en"])
        found[told["name"]] = Source(title, told["basis"], told["retention"])
    return found
