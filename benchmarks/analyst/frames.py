"""The contract's tables as data frames, and what every script asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from graph_service.records import TABLES, Kind

Tables: TypeAlias = Mapping[str, pd.DataFrame]
#: Pairs of a provider and whom or what a finding is about.
Answer: TypeAlias = set[tuple[str, str]]


def read(folder: Path, last: date) -> Tables:
    """Every table of a folder, visits up to a day: moments as moments, numbers as numbers."""
    tables = {path.stem: _read(path) for path in sorted(folder.glob("*.csv"))}
    visits = tables["visits"]
    tables["visits"] = visits[visits.start < pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1)]
    return tables


def _read(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype=str)
    for column in TABLES[path.stem].columns:
        if column.name not in frame:
            frame[column.name] = None
        given = frame[column.name]
        if column.kind is Kind.TIMESTAMP:
            frame[column.name] = _moments(given)
        elif column.kind is Kind.DATE:
            frame[column.name] = pd.to_datetime(given, utc=True)
        elif column.kind in _NUMBERS:
            frame[column.name] = pd.to_numeric(given)
    return frame


def _moments(given: pd.Series) -> pd.Series:
    """Moments in UTC, from Stockholm's time where no offset is told; the first of a repeated."""
    offset = given.str.contains(r"(?:Z|[+-]\d\d:\d\d)$", na=False)
    local = pd.to_datetime(given.mask(offset), format="ISO8601").dt.tz_localize(
        "Europe/Stockholm", [True] * len(given), nonexistent="NaT"
    )
    told = pd.to_datetime(given.where(offset), format="ISO8601", utc=True)
    return local.dt.tz_convert("UTC").fillna(told)


_NUMBERS = (Kind.MONEY, Kind.DECIMAL, Kind.INTEGER)


def performed(t: Tables) -> pd.DataFrame:
    """The visits that were made and have a length."""
    visits = t["visits"]
    return visits[visits.status.fillna("performed").eq("performed") & (visits.start < visits.end)]


def building(t: Tables, *, flat: bool = False) -> pd.Series:
    """The street door of each person or firm, or home where `flat`, with the postcode."""
    both = [t["persons"].set_index("person_id"), t["organisations"].set_index("org_id")]
    persons = pd.concat([frame[["street", "postcode"]] for frame in both]).dropna(subset=["street"])
    street = persons.street.str.lower().str.strip()
    if not flat:
        street = street.str.extract(r"^(\D*\d+)", expand=False).fillna(street)
    postcode = persons.postcode.fillna("").str.replace(r"\D", "", regex=True)
    return street + "|" + postcode


def providers(t: Tables) -> set[str]:
    """Organisations with a contract, an enrolment, a visit, an invoice or a placement."""
    tables = ("contracts", "enrolments", "visits", "invoices", "placements")
    return {who for name in tables if name in t for who in t[name].org_id.unique()}
