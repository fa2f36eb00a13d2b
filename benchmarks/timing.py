"""Seconds of whole steps, the best of a few, told beside each other."""

from __future__ import annotations

import time
from collections.abc import Callable


def best(work: Callable[[], object], repeat: int) -> float:
    """Seconds of the fastest of `repeat` runs: noise only ever adds."""
    return min(_seconds(work) for _ in range(repeat))


def in_turn(
    first: Callable[[], object], second: Callable[[], object], repeat: int
) -> tuple[float, float]:
    """The best seconds of two pieces of work, run A B A B, so that drift meets both."""
    pairs = [(_seconds(first), _seconds(second)) for _ in range(repeat)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def row(*cells: object) -> None:
    """One line of a Markdown table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def head(*cells: str) -> None:
    """The first two lines of a Markdown table."""
    row(*cells)
    row(*("---" for _ in cells))
