"""FollowTheMoney without ICU: its library comes as C++ alone, and spells names in ASCII only.

Nothing that our tests ask of FollowTheMoney's model needs a name in ASCII; what did would raise.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class Transliterator:
    """Made for every script when the library is imported, and asked for none."""

    def transliterate(self, _: str) -> str:
        raise NotImplementedError("ICU is not installed: FollowTheMoney cannot spell in ASCII.")

    @staticmethod
    def createInstance(_: str) -> Transliterator:  # noqa: N802 - ICU's own name
        return Transliterator()


def stand_in() -> None:
    """Let FollowTheMoney be imported where ICU is not installed."""
    if find_spec("icu") is None:
        module: Any = ModuleType("icu")
        module.Transliterator = Transliterator
        sys.modules["icu"] = module
