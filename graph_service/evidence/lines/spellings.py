"""Whether a text holds a value in any spelling: with other separators, case, accents, or shorter.

Made to hide too much rather than too little: what is found is hidden, and nobody reads it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

_WORD: Final = re.compile(r"[^\W_]+")
#: A number of nine signs and more is known by its last eight, whichever stands before them: a
#: century, 16, SE or +46. The eight of a personal number are month, day and birth number.
_LONG_NUMBER, _TAIL = 9, 8
#: Shorter ones are sought as words, since any text would hold them by chance.
_SHORT: Final = 6
#: The shortest word of a name or an address that is sought by itself.
_OF_A_NAME: Final = 4
#: What is shorter says nothing of whom it belongs to.
_OF_LETTERS, _OF_DIGITS = 2, 3


def spellings(value: Any, *, by_word: bool = False) -> frozenset[str]:
    """What to look for so as to find a value; `by_word` also each longer word of it."""
    text = format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
    parts = {text, text.partition(":")[2]}
    if by_word:
        parts.update(word for word in _words(text) if len(word) >= _OF_A_NAME)
    return frozenset(found for part in parts if (found := _sought("".join(_words(part)))))


def _sought(squeezed: str) -> str:
    digits = sum(map(str.isdigit, squeezed))
    if len(squeezed) >= _LONG_NUMBER and 2 * digits > len(squeezed):
        return squeezed[-_TAIL:]
    shortest = _OF_LETTERS if squeezed.isalpha() else _OF_DIGITS
    return squeezed if len(squeezed) >= shortest else ""


def holds(text: str, sought: Iterable[str]) -> bool:
    """Whether a text holds any of what `spellings` gave."""
    words = _words(text)
    squeezed = "".join(words)
    runs = frozenset(_runs(words))
    return any(
        each in squeezed if len(each) >= _SHORT else each in runs or f"{each}s" in runs
        for each in sought
    )


def _runs(words: list[str]) -> Iterator[str]:
    """Each word, and up to three side by side: 111 22 is one postcode."""
    for start in range(len(words)):
        for length in (1, 2, 3):
            yield "".join(words[start : start + length])


def _words(text: str) -> list[str]:
    """Letters and digits, without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(sign for sign in plain if not unicodedata.combining(sign)))
