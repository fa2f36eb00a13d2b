"""The few tests of SQL texts that mappings are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graph_service.engines.known import literal


def trimmed(text: str) -> str:
    """A text without space, tab or no-break space around it; an empty one is null.

    Most texts have none, and looking at their two ends is faster than trimming them.
    """
    edges = "(' ', '\t', '\u00a0')"
    return (
        f"nullif(CASE WHEN {text}[1] IN {edges} OR {text}[-1] IN {edges} "
        f"THEN trim({text}, ' \t\u00a0') ELSE {text} END, '')"
    )


def matches(text: str, pattern: str) -> str:
    """Whether the whole of a text matches an RE2 pattern."""
    return f"regexp_full_match({text}, {literal(pattern)})"


def among(text: str, words: Sequence[str]) -> str:
    """Whether a text is one of some words, without regard to case."""
    # Not IN: DuckDB makes a join of a list whose items are calls.
    return f"({' OR '.join(f'lower({text}) = lower({literal(word)})' for word in words)})"


def begins_with_word(text: str, words: Sequence[str]) -> str:
    """Whether a text is, or begins with, one of some whole words, without regard to case."""
    either = "|".join(re.escape(word) for word in words)
    return matches(text, rf"(?is)({either})([^\pL\pN].*)?")
