"""Who stands behind references, for those who read within a case."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph_service.run_file import RunFile

_NAMED: Final = Path(__file__).with_name("clear.sql")


@dataclass(frozen=True, slots=True)
class Named:
    """An entity in clear: the records' own identifier, and its name where one is told."""

    kind: str
    key: str
    name: str | None


class Clear(Mapping[str, Named]):
    """The entities of a run behind the references that are asked for, by reference.

    One that the run does not have is left out, and so is one whose protected identity is not
    lifted (`lifted`: references). `run` is the whole run, not a sight of it.
    """

    def __init__(
        self, run: RunFile, references: Collection[str], lifted: Collection[str] = frozenset()
    ) -> None:
        self._named: dict[str, Named] = {}
        if references:
            asked = {"references": sorted(references), "lifted": sorted(lifted)}
            with run.open() as engine:
                rows = engine.rows(_NAMED.read_text(encoding="utf-8"), asked)
            self._named = {row["ref"]: Named(row["kind"], row["key"], row["name"]) for row in rows}

    def __getitem__(self, reference: str) -> Named:
        return self._named[reference]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)
