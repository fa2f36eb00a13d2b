"""What a batch changes: stored, superseding, duplicate, conflicting, withdrawn, known at a time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from deltalake import DeltaTable, QueryBuilder

from graph_service.errors import UsageError
from graph_service.records import PROVENANCE, TABLES
from tests.house import House, counts, organisation, row

ORG = organisation()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def decision(n: int, **values: str | None) -> dict[str, str | None]:
    return row("decisions", decision_id=f"d{n}", **values)


NAMES = "SELECT name FROM known.organisations"


# ── duplicates and superseding rows ──────────────────────────────────────────────────────


def test_the_same_bytes_again_change_nothing_whatever_came_between(house) -> None:
    first = house.give(
        "organisations.csv", [row("organisations", name="A"), row("organisations", org_id="x")]
    )
    assert counts(house.load(first)) == [(2, 1, 0, 0, 1)]
    assert counts(house.load(first)) == [(2, 0, 0, 1, 1)]
    assert counts(house.load_rows("organisations", row("organisations", name="B"))) == [
        (1, 0, 1, 0, 0)
    ]
    again = house.load(first)
    assert counts(again) == [(2, 0, 0, 1, 1)]
    assert house.known(NAMES) == [("B",)]
    assert [r.rejected for r in again.receipts] == [len(house.reasons(again))]
    other_bytes = house.give("organisations.csv", f"name,org_id\nA,{ORG}\n")
    assert counts(house.load(other_bytes)) == [(1, 0, 1, 0, 0)]
    assert house.known(NAMES) == [("A",)]
    assert counts(house.load(other_bytes, other_bytes)) == [(1, 0, 0, 1, 0)] * 2


def test_the_same_bytes_are_another_delivery_under_another_table(house) -> None:
    text = "person_id,valid_from\nsyn:1,2026-01-01\n"
    outcome = house.load(house.give("trading_bans.csv", text), house.give("residences.csv", text))
    assert counts(outcome) == [(1, 1, 0, 0, 0)] * 2
    assert house.known("SELECT count(*) FROM known.residences") == [(1,)]


def test_a_row_equal_to_the_one_known_now_is_a_duplicate(house) -> None:
    house.load_rows("decisions", decision(1, hours_per_month="10"), decision(2))
    outcome = house.load_rows(
        "decisions",
        decision(1, hours_per_month="10.000", double_staffed=""),
        decision(2, double_staffed="true"),
        decision(3),
    )
    assert counts(outcome) == [(3, 1, 1, 1, 0)]


def test_an_absent_column_keeps_and_an_empty_cell_clears(house) -> None:
    house.load_rows(
        "organisations", row("organisations", legal_form="AB", city="Ort", status="active")
    )
    house.load_rows("organisations", row("organisations", name="A", legal_form=""))
    found = "SELECT legal_form, city, status FROM known.organisations"
    assert house.known(found) == [(None, "Ort", "active")]
    house.load_rows("organisations", row("organisations", city="", status=" ", legal_form="HB"))
    assert house.known(found) == [("HB", None, None)]


def test_an_empty_cell_of_a_column_with_a_default_is_the_default(house) -> None:
    house.load_rows("visits", row("visits", status="absent"))
    assert counts(house.load_rows("visits", row("visits"))) == [(1, 0, 0, 1, 0)]
    assert counts(house.load_rows("visits", row("visits", status=""))) == [(1, 0, 1, 0, 0)]
    assert house.known("SELECT status FROM known.visits") == [("performed",)]


def test_protection_is_lowered_by_an_explicit_value_only(house) -> None:
    told = ["marked", "", None, "protected_registration", "", "none", ""]
    found = []
    for n, protection in enumerate(told):
        values = {} if protection is None else {"protection": protection}
        house.load_rows("persons", row("persons", given_name=f"n{n}", **values))
        found += house.known("SELECT protection FROM known.persons")
    assert [value for (value,) in found] == [
        *("marked", "marked", "marked"),
        *("protected_registration", "protected_registration"),
        *("none", "none"),
    ]


def test_in_a_key_null_equals_null(house) -> None:
    tag = row("tags", valid_to="2026-01-01")
    assert counts(house.load_rows("tags", {**tag, "valid_from": ""})) == [(1, 1, 0, 0, 0)]
    assert counts(house.load_rows("tags", tag)) == [(1, 0, 0, 1, 0)]
    assert counts(house.load_rows("tags", {**tag, "valid_to": ""})) == [(1, 0, 1, 0, 0)]
    assert counts(house.load_rows("tags", {**tag, "valid_from": "2020-01-01"})) == [(1, 1, 0, 0, 0)]
    outcome = house.load_rows(
        "tags", {**tag, "valid_from": "", "tag_id": "x"}, {**tag, "valid_from": None, "tag_id": "x"}
    )
    assert counts(outcome) == [(2, 1, 0, 1, 0)]


def test_the_same_row_twice_is_stored_once_and_other_words_on_one_key_refuse_all(house) -> None:
    outcome = house.load_rows(
        "decisions",
        decision(1, hours_per_month="5"),
        decision(2, hours_per_month="5"),
        decision(1, hours_per_month="5.0"),
        decision(2, hours_per_month="6"),
        decision(3),
        decision(2, hours_per_month="5"),
    )
    assert counts(outcome) == [(6, 2, 0, 1, 3)]
    assert house.reasons() == [(n, None, "conflicting_key") for n in (3, 5, 7)]
    assert house.known("SELECT decision_id, _row FROM known.decisions ORDER BY 1") == [
        ("d1", 2),
        ("d3", 6),
    ]


def test_a_key_is_compared_as_it_is_stored(house) -> None:
    lines = [row("invoice_lines", line_no=n, amount=a) for n, a in (("1", "5"), ("01", "6"))]
    assert counts(house.load_rows("invoice_lines", *lines)) == [(2, 0, 0, 0, 2)]


def test_several_files_of_one_table_are_taken_in_order(house) -> None:
    files = [house.give("organisations.csv", [row("organisations", name=n)]) for n in "ABA"]
    files += [house.give("organisations.csv", "org_id,name,city\n" + f"{ORG},C,\n")]
    outcome = house.load(*files)
    assert counts(outcome) == [(1, 1, 0, 0, 0), (1, 0, 1, 0, 0), (1, 0, 0, 1, 0), (1, 0, 1, 0, 0)]
    assert house.known(NAMES) == [("C",)]


# ── time and provenance ──────────────────────────────────────────────────────────────────


def test_rows_are_known_as_they_were_at_a_time(house) -> None:
    a = house.load_rows("organisations", row("organisations", name="A"))
    b = house.load_rows("organisations", row("organisations", name="B"))
    at = [outcome.receipts[0].loaded_at for outcome in (a, b)]
    assert house.known(NAMES, at[0]) == [("A",)]
    assert house.known(NAMES, at[1]) == [("B",)]
    before = house.now
    house.withdraw(b)
    assert house.known(NAMES) == [("A",)]
    assert house.known(NAMES, before) == [("B",)]
    house.withdraw(a)
    assert house.known(NAMES) == []
    assert house.known(NAMES, at[0]) == [("A",)]
    assert len(house.lake.receipts()) == 2


def test_a_batch_is_known_from_when_it_is_visible_not_from_when_it_began(house) -> None:
    began = house.now
    outcome = house.load_rows("organisations", row("organisations", name="A"))
    assert house.lake.receipts()[0].loaded_at == outcome.receipts[0].loaded_at == house.now
    assert house.known(NAMES, began) == []


def test_a_withdrawn_batch_is_loaded_anew(house) -> None:
    path = house.give("organisations.csv", [row("organisations", name="A")])
    first = house.load(path)
    house.withdraw(first)
    assert counts(house.load(path)) == [(1, 1, 0, 0, 0)]
    assert house.known(NAMES) == [("A",)]
    with pytest.raises(UsageError):
        house.withdraw(first)
    with pytest.raises(UsageError):
        first.batch = "20200101T000000000000Z"
        house.withdraw(first)


def test_rows_that_a_later_file_repeated_are_named_and_can_be_loaded_again(house) -> None:
    first = house.load_rows("organisations", row("organisations", name="A", city="x"))
    again = house.give(
        "organisations.csv", [row("organisations", name="A"), row("organisations", org_id="NO:1")]
    )
    second = house.load(again)
    third = house.load(again)
    unrelated = house.load_rows("persons", row("persons"))
    assert [counts(o)[0][3] for o in (second, third, unrelated)] == [1, 2, 0]
    assert house.withdraw(first) == [second.batch, third.batch]
    assert house.known("SELECT org_id FROM known.organisations") == [("NO:1",)]
    assert counts(house.load(again)) == [(2, 1, 0, 1, 0)]
    assert counts(house.load(again)) == [(2, 0, 0, 2, 0)]
    assert house.known("SELECT name FROM known.organisations ORDER BY 1") == [("A",), ("name-1",)]


def test_every_row_leads_back_to_its_file(house) -> None:
    path = house.give("decisions.csv", [decision(1), {**decision(2), "org_id": ""}, decision(3)])
    path.write_text("\n" + "\n".join(",".join(map(str, d)) for d in _lines()) + "\n")
    outcome = house.load(path, house.give("persons.csv", [row("persons")]))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert outcome.receipts[0].file_sha256 == sha256
    found = house.known("SELECT decision_id, _batch, _file_sha256, _row FROM known.decisions")
    lines = path.read_text().split("\n")
    assert len(found) == 3
    for decision_id, batch, file_sha256, number in found:
        assert (batch, file_sha256) == (outcome.batch, sha256)
        assert decision_id in lines[number - 1]
    receipt = house.lake.receipts()[0]
    assert (receipt.loader, bool(receipt.loader_version)) == ("graph-service", True)


def _lines() -> list[list[str | None]]:
    rows = [decision(n) for n in (1, 2, 3)]
    return [list(rows[0]), *(list(each.values()) for each in rows)]


def test_the_lake_is_read_by_any_delta_reader(house) -> None:
    house.load_rows("decisions", decision(1, hours_per_month="12.25"), decision(2))
    house.load_rows("decisions", decision(1, hours_per_month="13"))
    table = DeltaTable(str(house.home.lake / "decisions"))
    names = {field.name for field in table.schema().fields}
    assert names == {*TABLES["decisions"].names, *(name for name, _ in PROVENANCE)}
    query = QueryBuilder().register("decisions", table)
    rows = query.execute(
        "SELECT decision_id, cast(hours_per_month AS varchar) AS hours, _row, _supersedes "
        "FROM decisions ORDER BY _batch, _row"
    ).read_all()
    assert [list(rows[name]) for name in range(4)] == [
        ["d1", "d2", "d1"],
        ["12.250000", "0.500000", "13.000000"],
        [2, 3, 2],
        [False, False, True],
    ]


def test_a_home_may_have_any_name(tmp_path) -> None:
    folder = tmp_path / "Förvaltning 50% + å"
    folder.mkdir()
    house = House(folder)
    house.load_rows("organisations", row("organisations", name="A"))
    house.load_rows("organisations", row("organisations", name="B"))
    assert house.known(NAMES) == [("B",)]


# ── --check ──────────────────────────────────────────────────────────────────────────────


def test_a_check_tells_the_same_and_stores_nothing(house) -> None:
    house.load_rows("decisions", decision(1, hours_per_month="5"), decision(2))
    before = sorted(str(p) for p in house.home.path.rglob("*"))
    path = house.give(
        "decisions.csv",
        [decision(1, hours_per_month="6"), decision(2), decision(3), decision(4, valid_to="x")],
    )
    other = house.give("tips.csv", "nothing")
    checked = house.load(path, other, check=True)
    assert sorted(str(p) for p in house.home.path.rglob("*")) == before
    loaded = house.load(path, other)
    told = [
        [
            {k: v for k, v in r.as_json().items() if k not in ("batch", "loaded_at")}
            for r in o.receipts
        ]
        for o in (checked, loaded)
    ]
    assert told[0] == told[1]
    assert counts(loaded)[0] == (4, 1, 1, 1, 1)
    assert checked.exit_code == loaded.exit_code == 3
    assert [(r["row"], r["code"]) for r in checked.rejects] == [(5, "bad_date")]


def test_an_empty_home_has_no_receipts(house) -> None:
    assert house.lake.receipts() == []
    assert house.rejects() == []
    assert house.known("SELECT count(*) FROM known.visits") == [(0,)]


def test_nothing_but_what_was_loaded_stays_in_the_home(house) -> None:
    for n in range(3):
        house.load_rows("decisions", decision(n), decision(n, valid_from="x"))
        house.load_text("nonsense.csv", "a")
    assert house.leftovers() == []
    assert list(house.home.pending.iterdir()) == []
