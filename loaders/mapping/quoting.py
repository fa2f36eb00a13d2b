"""Names and texts in SQL, and the few tests of text that mappings are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence


def literal(text: str) -> str:
    """An SQL string literal of any text without NUL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL name of any non-empty text without NUL."""
    return '"' + name.replace('"', '""') + '"'


def trimmed(column: str) -> str:
    """The text of a raw column without space, tab or no-break space around it; empty is null."""
    edges = "(' ', '\t', '\u00a0')"
    return (
        f"nullif(CASE WHEN {column}[1] IN {edges} OR {column}[-1] IN {edges} "
        f"THEN trim({column}, ' \t\u00a0') ELSE {column} END, '')"
    )


def matches(text: str, pattern: str) -> str:
    """Whether the whole of a text matches an RE2 pattern."""
    return f"regexp_full_match({text}, {literal(pattern)})"


def among(text: str, words: Sequence[str]) -> str:
    """Whether a text is one of some words, without regard to case."""
    return f"lower({text}) IN ({', '.join(f'lower({literal(word)})' for word in words)})"


def begins_with_word(text: str, words: Sequence[str]) -> str:
    """Whether a text is, or begins with, one of some whole words, without regard to case."""
    either = "|".join(re.escape(word) for word in words)
    return matches(text, rf"(?is)({either})([^\pL\pN].*)?")
