"""What the answers over HTTP look like, where no dataclass of the house says it already.

`examples.json` holds one answer of each route, from a synthetic town, its lists cut short; a test
holds them to the specification.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

_EXAMPLES: Final = Path(__file__).with_name("examples.json")


def example(name: str) -> Any:
    """One answer of a route."""
    return _examples()[name]


@cache
def _examples() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return told
