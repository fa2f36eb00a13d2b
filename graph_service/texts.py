"""The catalogue of texts that users see: Swedish and English, one entry a key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_CATALOGUE = Path(__file__).with_name("texts.toml")


@cache
def _catalogue() -> Mapping[str, Any]:
    return tomllib.loads(_CATALOGUE.read_text(encoding="utf-8"))


def both(section: str, key: str, **words: object) -> dict[str, str]:
    """A text in both languages, with `{words}` filled in."""
    entry = _catalogue()[section][key]
    return {language: entry[language].format(**words) for language in ("sv", "en")}


def text(language: str, section: str, key: str, **words: object) -> str:
    """A text in one language."""
    return both(section, key, **words)[language]


def keys(section: str) -> tuple[str, ...]:
    """The keys of a section, in the catalogue's order."""
    return tuple(_catalogue()[section])
