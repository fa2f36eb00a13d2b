"""The canonical room: its samples load, and each malformed file is refused for its one fault."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from loaders.rooms import CANONICAL, rooms
from tests.house import House, counts, person

ROOM = Path(__file__).parents[1] / "loaders" / CANONICAL
MALFORMED = sorted((ROOM / "malformed").iterdir())
#: Codes that refuse the file; the others refuse its second record, at row 3.
OF_FILES = {
    *("not_a_table", "missing_column", "unknown_column", "duplicate_header", "empty_file"),
    *("unknown_source", "unreadable_archive", "too_large"),
}
OF_ROWS = {
    *("missing_required", "bad_date", "bad_timestamp", "bad_number", "out_of_range"),
    *("bad_boolean", "unknown_value", "bad_identifier", "scientific_notation"),
    *("end_before_start", "wrong_column_count", "not_text", "conflicting_key"),
}


def test_every_code_of_tables_has_a_malformed_file() -> None:
    assert {path.name.partition("-")[0] for path in MALFORMED} == OF_FILES | OF_ROWS


def test_the_room_is_what_its_declaration_says() -> None:
    declared = tomllib.loads((ROOM / "source.toml").read_text(encoding="utf-8"))
    assert declared["name"] == CANONICAL
    assert rooms()[CANONICAL].endings == tuple(declared["recognise"]["endings"])


def test_the_samples_load_and_know_each_other(tmp_path: Path) -> None:
    house = House(tmp_path)
    outcome = house.load(ROOM / "sample")
    assert counts(outcome) == [(1, 1, 0, 0, 0), (3, 3, 0, 0, 0), (3, 3, 0, 0, 0)]
    assert [receipt.unresolved for receipt in outcome.receipts] == [{}, {}, {}]
    assert outcome.exit_code == 0


@pytest.mark.parametrize("path", MALFORMED, ids=lambda path: path.name)
def test_each_malformed_file_is_refused_for_its_fault(tmp_path: Path, path: Path) -> None:
    house = House(tmp_path)
    code = path.name.partition("-")[0]
    given = house.give(".".join(path.name.split(".")[1:]), b"")
    shutil.copyfile(path, given)
    outcome = house.load(given)
    [receipt] = outcome.receipts
    if code in OF_FILES:
        assert (receipt.refused, outcome.exit_code) == (code, 2)
        assert house.reasons() == [(None, None, code)]
        return
    rows = [3, 4] if code == "conflicting_key" else [3]
    assert [(row, told) for row, _, told in house.reasons()] == [(row, code) for row in rows]
    assert (receipt.rejected, receipt.stored) == (len(rows), 2)
    whole = code in ("conflicting_key", "wrong_column_count")
    assert all((column is None) == whole for _, column, _ in house.reasons())
    assert outcome.exit_code == 3
    for reject in house.rejects():
        assert person(1) not in str(reject)
