"""Rows read = stored + superseding + duplicates + rejected, against a slow oracle."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.house import House

HEADER = ["client_id", "valid_from", "valid_to", "hourly_fee_sek", "monthly_cap_sek"]
CLIENTS = ["syn:1", "syn:2", " syn:2 ", "syn:3", "", "bad"]
DATES = ["2026-01-01", "2026-02-01", "2026-02-30", "", "\u00a02026-01-01"]
ENDS = ["", "2025-12-31", "2026-03-01"]
MONEY = ["", "1", "1.00", "-1", "1,5", "2"]

ROW = st.tuples(
    st.sampled_from(CLIENTS),
    st.sampled_from(DATES),
    st.sampled_from(ENDS),
    st.sampled_from(MONEY),
    st.sampled_from(MONEY),
).map(list)
ODD = st.sampled_from([[], ["syn:1"], ["syn:1", "2026-01-01", "", "", "", ""]])
RECORDS = st.lists(st.one_of(ROW, ROW, ROW, ROW, ODD), max_size=12)
FILE = st.tuples(RECORDS, st.permutations(range(5)), st.integers(2, 5))


@dataclass
class Oracle:
    """What the contract says becomes of `fees`, one row at a time."""

    known: dict[tuple[str, str], dict[str, str | None]] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)

    def load(
        self, data: bytes, names: list[str], records: list[list[str]]
    ) -> tuple[tuple[int, ...], set[tuple[int, str | None, str]]]:
        rejects: set[tuple[int, str | None, str]] = set()
        good: dict[int, dict[str, str | None]] = {}
        read = 0
        for number, record in enumerate(records, start=2):
            if not record:
                continue
            read += 1
            if len(record) != len(names):
                rejects.add((number, None, "wrong_column_count"))
                continue
            values = {n: v.strip(" \t\u00a0") or None for n, v in zip(names, record, strict=True)}
            faults = set(self._faults(values))
            rejects |= {(number, *fault) for fault in faults}
            if not faults:
                good[number] = {n: self._stored(n, v) for n, v in values.items()}
        keyed = defaultdict(list)
        for number, values in good.items():
            keyed[values["client_id"], values["valid_from"]].append(number)
        stored = superseding = duplicates = 0
        for key, numbers in keyed.items():
            said = [good[n] for n in numbers]
            if any(each != said[0] for each in said):
                rejects |= {(n, None, "conflicting_key") for n in numbers}
                continue
            duplicates += len(numbers) - 1
            old = self.known.get(key)
            empty = dict.fromkeys(HEADER)
            new = {**(old or empty), **said[0]}
            if data in self.seen or new == old:
                duplicates += 1
            elif old is None:
                stored += 1
                self.known[key] = new
            else:
                superseding += 1
                self.known[key] = new
        self.seen.add(data)
        rejected = len({number for number, _, _ in rejects})
        return (read, stored, superseding, duplicates, rejected), rejects

    @staticmethod
    def _faults(values: dict[str, str | None]):
        if values["client_id"] is None:
            yield "client_id", "missing_required"
        elif values["client_id"] == "bad":
            yield "client_id", "bad_identifier"
        if values["valid_from"] is None:
            yield "valid_from", "missing_required"
        elif values["valid_from"] == "2026-02-30":
            yield "valid_from", "bad_date"
        elif values.get("valid_to") and values["valid_to"] < values["valid_from"]:
            yield "valid_to", "end_before_start"
        for name in HEADER[3:]:
            if values.get(name) == "1,5":
                yield name, "bad_number"
            elif values.get(name) == "-1":
                yield name, "out_of_range"

    @staticmethod
    def _stored(name: str, value: str | None) -> str | None:
        return f"{float(value):.4f}" if value and name.endswith("_sek") else value


def _file(records: list[list[str]], order: list[int], width: int) -> tuple[bytes, list[str], list]:
    """The records in another order of columns, the optional ones beyond `width` left out."""
    columns = [i for i in order if i < width]
    names = [HEADER[i] for i in columns]
    laid = [[r[i] for i in columns] if len(r) == len(HEADER) else r for r in records]
    laid = [[*r, "x"] if len(r) == width < len(HEADER) and r == ["syn:1"] else r for r in laid]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([names, *laid])
    return text.getvalue().encode(), names, laid


@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(files=st.lists(FILE, min_size=1, max_size=4), again=st.booleans())
@example(
    files=[
        ([["syn:1", "2026-01-01", "", "1", ""]], [0, 1, 2, 3, 4], 5),
        ([["syn:1", "2026-01-01", "", "2", ""]], [0, 1, 2, 3, 4], 5),
    ],
    again=True,
)
def test_no_row_is_lost_or_made(files, again) -> None:
    made = [_file(*each) for each in files]
    oracle = Oracle()
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        for data, names, records in [*made, *made[:again]]:
            expected, rejects = oracle.load(data, names, records)
            outcome = house.load_text("fees.csv", data)
            [r] = outcome.receipts
            assert r.refused is None
            assert (r.read, r.stored, r.superseding, r.duplicates, r.rejected) == expected
            assert set(house.reasons(outcome)) == rejects
            assert len(house.reasons(outcome)) == len(rejects)
        columns = ", ".join(f"{name}::VARCHAR" for name in HEADER)
        found = house.known(f"SELECT {columns} FROM known.fees")
    assert {row[:2]: dict(zip(HEADER, row, strict=True)) for row in found} == oracle.known
    assert len(found) == len(oracle.known)
