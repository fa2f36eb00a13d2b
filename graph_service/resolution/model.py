"""What is compared, and what each agreement and disagreement weighs.

Fellegi and Sunter (1969): a level's weight is log2(m / u), m the chance of it between two records
of one person or firm, u between records of two. The weights add up, from `PRIOR`, to the log2 odds
that the two are one. The chances are declared, not estimated: in a small town there are too few
links to learn from, and the same data must give the same links. Where a level counts `by` a value,
u is that value's share of the records, drawn towards `typical` and never below `rarest`: a common
name says less.

No sensitive attribute is read. The birth date stands in the number and is compared as a part of
it; the digit that tells sex is not, and no weight hangs on having one kind of number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from graph_service.room import Text


@dataclass(frozen=True, slots=True)
class Level:
    """One way to agree; `when` is SQL over the columns of both cards, `_l` and `_r`."""

    name: str
    when: str
    m: float
    u: float
    text: Text
    why: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Levels tried in order; what is `unknown` weighs nothing."""

    name: str
    text: Text
    unknown: str
    levels: tuple[Level, ...]

    def with_level(self, level: Level, *, after: str) -> Comparison:
        """The same with one level more, behind the one that is named."""
        at = [each.name for each in self.levels].index(after) + 1
        return replace(self, levels=(*self.levels[:at], level, *self.levels[at:]))


@dataclass(frozen=True, slots=True)
class Frequency:
    """How common a value of a column is.

    Its share of the other records, drawn towards `typical` as by one record more that has it among
    1 / `typical` that may; never below `rarest`.
    """

    column: str
    typical: float
    rarest: float
    why: str


@dataclass(frozen=True, slots=True)
class Model:
    """All that decides how alike two records of a kind are; `kind` is also that of their nodes."""

    kind: str
    table: str
    key: str
    comparisons: tuple[Comparison, ...]
    frequencies: tuple[Frequency, ...]


def weight_of(probability: float) -> float:
    """Bits: log2 of the odds."""
    return math.log2(probability / (1 - probability))


#: The chance that two records taken at random are one: two pairs in a hundred thousand, which is
#: 640 in a register of 8,000. Declared, so that people elsewhere change no link here.
PRIOR: Final = 2e-5
#: Odds of 99 to 1. A wrong link hurts somebody innocent; a missing one leaves what the records say
#: by themselves. Measured in docs/resolution.md.
THRESHOLD: Final = 0.99
#: Bits (100 to 1) by which a link must outdo another one to the same register, else neither stands.
MARGIN: Final = 6.64
#: A value that more records share is no key to compare by: pairs never exceed
#: records × keys × this / 2, and what a household shares stays below.
MOST_ON_A_KEY: Final = 20
#: How many may share what a household shares; 8 lets each of four be there twice.
HOUSEHOLD: Final = 8
#: What more than these share belongs to a house or an office, and tells nothing.
CROWD: Final = 40
#: The condition of a last level.
ELSE: Final = "ELSE"
