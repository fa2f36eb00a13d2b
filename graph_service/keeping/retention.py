"""What the decisions in force come to today: rows, refused rows and files that have lapsed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from graph_service.casework.keeping import Covers, Keeping
from graph_service.clock import STOCKHOLM, Clock
from graph_service.engines.duckdb import Engine
from graph_service.home import Home
from graph_service.keeping.due import Due, find, latest_day
from graph_service.keeping.hold import Holds
from graph_service.keeping.lapse import LAPSES
from graph_service.lake import Lake
from graph_service.receipt import Receipt
from graph_service.records import RETENTION_MONTHS, TABLES, Retention

REJECTS: Final = "rejects"
REFUSED_FILES: Final = "refused_files"


@dataclass(frozen=True, slots=True)
class Term:
    """How long a class is kept; `decision` is None where the months are a proposal."""

    retention: Retention
    months: int
    decision: str | None


def terms(keeping: Keeping) -> list[Term]:
    """The term of each class: decided, or else proposed."""
    decided = keeping.decisions()
    return [
        Term(kind, decided[kind].months, decided[kind].decision)
        if kind in decided
        else Term(kind, RETENTION_MONTHS[kind], None)
        for kind in Retention
    ]


def months_decided(keeping: Keeping) -> dict[Retention, int]:
    """Months of the classes that the municipality has decided on; no other is erased."""
    return {kind: decided.months for kind, decided in keeping.decisions().items()}


def holds_of(keeping: Keeping) -> Holds:
    """The holds that stand, and what open cases are about."""
    standing = keeping.holds()
    cases = [hold.named for hold in standing if hold.covers is Covers.CASE]
    return Holds.of(standing, keeping.references_of_cases(cases))


def due(home: Home, keeping: Keeping, *, clock: Clock, memory: str) -> list[Due]:
    """What `erase` would erase now, by table; tables of classes without a decision by proposal."""
    decided, holds = months_decided(keeping), holds_of(keeping)
    proposed: Mapping[Retention, int] = {**RETENTION_MONTHS, **decided}
    today, key, lake = stockholm_day(clock), home.reference_key(), Lake(home)
    found: list[Due] = []
    with home.spill() as spill:
        for months in (decided, proposed):
            with Engine(memory=memory, spill=spill) as engine:
                lapsed = find(engine, lake, months, holds, today=today, key=key)
            known = {each.table for each in found}
            found += [each for table, each in lapsed.due.items() if table not in known]
    return sorted(found, key=lambda each: list(TABLES).index(each.table))


def stockholm_day(clock: Clock) -> date:
    """The day that it is in the municipality."""
    return clock().astimezone(STOCKHOLM).date()


def lapsed_rejects(
    receipts: Sequence[Receipt], months: Mapping[Retention, int], holds: Holds, today: date
) -> list[Receipt]:
    """Receipts whose refused rows have lapsed: their dates may be what is wrong with them, so
    that the day they were told counts. While anybody is held they stay: whom they name is unsure.
    """
    return [
        receipt
        for receipt in receipts
        if receipt.rejected
        and receipt.table is not None
        and receipt.table not in holds.tables
        and not holds.references
        and _has_lapsed(receipt, months.get(TABLES[receipt.table].retention), today)
    ]


def lapsed_files(
    receipts: Sequence[Receipt],
    erased: Collection[str],
    months: Mapping[Retention, int],
    holds: Holds,
    today: date,
) -> list[str]:
    """Files that were refused as a whole and have lapsed, by hash; `erased` ones went before.

    One that tells no table may hold anything: it stays as long as the longest class, and while
    any class is not decided on, or anything is held.
    """
    read = {receipt.file_sha256 for receipt in receipts if receipt.refused is None}
    longest = max(months.values()) if set(months) == set(Retention) else None
    lapsed: dict[str, bool] = {}
    for receipt in receipts:
        sha256 = receipt.file_sha256
        if sha256 is None or sha256 in read or sha256 in erased or holds.references:
            continue
        table = TABLES.get(receipt.table or "")
        term = longest if table is None else months.get(table.retention)
        held = bool(holds.tables) if table is None else table.name in holds.tables
        goes = not held and _has_lapsed(receipt, term, today)
        lapsed[sha256] = lapsed.get(sha256, True) and goes
    return [sha256 for sha256, goes in lapsed.items() if goes]


def _has_lapsed(receipt: Receipt, months: int | None, today: date) -> bool:
    told_on = receipt.loaded_at.astimezone(STOCKHOLM).date()
    return months is not None and months_after(told_on, months) <= today


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def lapsed_on_arrival(home: Home, batch: str, months: Mapping[Retention, int], today: date) -> int:
    """How many rows of a batch had ended so long ago that the next erasure takes them.

    By the rows' own dates: a row that is kept by another's, or by a hold, is counted too.
    """
    lake, count = Lake(home), 0
    for name, lapse in LAPSES.items():
        term, parts = months.get(TABLES[name].retention), lake.files(name, [batch])
        if term is not None and parts and lapse.dates:
            with Engine() as engine:
                count += engine.value(
                    f"SELECT count(*) FROM read_parquet($parts, hive_partitioning = false) AS r "
                    f"WHERE {latest_day('r', TABLES[name])} + INTERVAL ({int(term)}) MONTH <= $day",
                    {"parts": parts, "day": today},
                )
    return count
