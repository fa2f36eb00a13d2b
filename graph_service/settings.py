"""What the environment says. Read here and nowhere else, once, when a command starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph_service.errors import UsageError

#: Texts exist in these languages; the first is the default.
LANGUAGES: Final = ("sv", "en")
DEFAULT_MEMORY: Final = "2GiB"
_MEMORY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the home folder is, and in which language texts are shown."""

    home: Path
    language: str = LANGUAGES[0]


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from GRAPH_SERVICE_HOME and GRAPH_SERVICE_LANGUAGE."""
    environment = os.environ if environment is None else environment
    home = environment.get("GRAPH_SERVICE_HOME") or "graph-service-home"
    return Settings(
        home=Path(home), language=language(environment.get("GRAPH_SERVICE_LANGUAGE") or "sv")
    )


def language(name: str) -> str:
    """One of `LANGUAGES`, or a refusal."""
    if name not in LANGUAGES:
        raise UsageError(f"There are no texts in that language. Use one of {', '.join(LANGUAGES)}.")
    return name


def memory(text: str) -> str:
    """A memory bound as the engine reads it, such as `2GiB`, or a refusal."""
    match = _MEMORY.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError("--memory takes a size such as 2GiB or 512MiB.")
    return f"{match[1]}{match[2]}"
