"""What a package says of itself to somebody who has nothing of ours installed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

_TEXT: Final = Path(__file__).with_name("readme.toml")


def readme() -> str:
    """The text of README.txt, Swedish first. It is the same in every package."""
    told = tomllib.loads(_TEXT.read_text(encoding="utf-8"))
    return f"{told['sv']}\n{told['en']}"
