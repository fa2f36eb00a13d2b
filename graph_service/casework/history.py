"""The history of scores: what each run that was the current one said of each provider.

It outlives the run files. A provider stands here by its opaque reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from graph_service.access.reference import reference
from graph_service.casework.database import Database
from graph_service.casework.routine_tables import ScoreRow
from graph_service.home import Home
from graph_service.run_file import RunFile, RunFolder


@dataclass(frozen=True, slots=True)
class PastScore:
    """A provider's score in one run. `change` is since the run before, split by its reason.

    `contributions` count the findings of every unit: they are for those who see every unit.
    """

    run_id: str
    as_of: date
    score: float | None
    band: str
    rank: int | None
    change: Mapping[str, float] | None
    contributions: Sequence[Mapping[str, Any]]


class History:
    """The scores that are kept of earlier runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, home: Home) -> int:
        """Put down what is not yet here of the runs that the home holds; how many runs it was.

        To be called after each run, and before runs are removed.
        """
        runs = RunFolder(home).all()
        known = self._known()
        new = [run for run in runs if run.run_id not in known and _was_current(run)]
        key = home.reference_key() if new else b""
        for run in new:
            self._put(run, key)
        return len(new)

    def of(self, provider_ref: str) -> list[PastScore]:
        """The scores of a provider, the oldest first; none of one that there is not."""
        wanted = select(ScoreRow).where(ScoreRow.provider_ref == provider_ref)
        with self._database.reading() as session:
            return [
                PastScore(
                    row.run_id,
                    row.as_of,
                    row.score,
                    row.band,
                    row.rank,
                    row.change,
                    row.contributions,
                )
                for row in session.scalars(wanted.order_by(ScoreRow.run_id))
            ]

    def _known(self) -> frozenset[str]:
        with self._database.reading() as session:
            return frozenset(session.scalars(select(ScoreRow.run_id).distinct()))

    def _put(self, run: RunFile, key: bytes) -> None:
        rows = [_row(row, key) for row in run.rows("scores", order="provider_id")]
        # Another process may be first: what it put down is the same.
        with suppress(IntegrityError), self._database.writing() as session:
            session.add_all(rows)


def _was_current(run: RunFile) -> bool:
    """A full run of the present; those of some rooms or of a past day are compared with none."""
    return bool(run.rows("run", order="run_id")[0]["complete"])


def _row(scored: Mapping[str, Any], key: bytes) -> ScoreRow:
    return ScoreRow(
        run_id=scored["run_id"],
        provider_ref=reference(key, f"organisation:{scored['provider_id']}"),
        as_of=date.fromisoformat(scored["as_of"]),
        score=scored["score"],
        band=scored["band"],
        rank=scored["rank"],
        change=scored["change"],
        contributions=scored["contributions"],
    )
