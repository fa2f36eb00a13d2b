"""No text of ours calls anybody guilty: it tells of indicators, leads and deviations."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_service.opening import words_of_guilt

ROOT = Path(__file__).parents[1]
#: Words that judge somebody, beside those that no room may use.
JUDGING = re.compile(
    r"\b(fraudster\w*|crook\w*|cheat(?:er|ers|s|ed|ing)?|perpetrator\w*|felon\w*|convict\w*|wrongdo\w*|"
    r"scam\w*|liar\w*|gärningsm\w*|brottsling\w*|bedragar\w*|skurk\w*|lurendrej\w*|tjuv\w*|"
    r"lögn\w*|ljug\w*)\b",
    re.IGNORECASE,
)
#: What the words may stand in: names of laws, authorities, crimes as such, and of this law itself.
ALLOWED = (
    r"welfare crime",
    r"words? of guilt",
    r"Economic Crime Authority",
    r"skyldighet\w*",
)


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a TOML file, with the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(part, f"{path}.{key}")
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part, path)


def _guilt(text: str) -> list[str]:
    for allowed in ALLOWED:
        text = re.sub(allowed, "", text, flags=re.IGNORECASE)
    return [*words_of_guilt(text), *JUDGING.findall(text)]


TOML = sorted(
    path
    for folder in ("graph_service", "queries", "loaders", "synth", "api")
    for path in (ROOT / folder).rglob("*.toml")
    if path.name != "cases.toml"
)
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "graph_service").rglob("*.typ"),
        *(ROOT / "graph_service").rglob("*.txt"),
    ]
)


@pytest.mark.parametrize("path", TOML, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_that_is_shown_judges_anybody(path: Path) -> None:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    assert [(where, said) for where, text in _texts(told) if (said := _guilt(text))] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_judges_anybody(path: Path) -> None:
    assert _guilt(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "en bedragare",
        "the culprit",
        "skyldig till",
        "brottslingen",
        "fusk",
        "a Fraudster",
        "tjuven",
    ],
)
def test_a_judging_word_is_seen(text: str) -> None:
    assert _guilt(text)


@pytest.mark.parametrize(
    "text", ["kan misstänkas", "avvikelse", "Ekobrottsmyndigheten", "BrB 9 kap."]
)
def test_a_neutral_word_passes(text: str) -> None:
    assert not _guilt(text)
