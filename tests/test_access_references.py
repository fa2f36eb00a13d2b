"""References, whom they lead back to, and the look-ups that read a sight by them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.cli_network import LOOKUPS
from graph_service.access import reference
from graph_service.access.clear import Clear
from graph_service.access.reference import reference as reference_of
from graph_service.access.sight import Reach
from graph_service.engines.duckdb import Engine
from graph_service.errors import UsageError
from graph_service.run_file import RunFile
from graph_service.stores import card, search
from graph_service.stores.answers import as_json
from graph_service.stores.embedded import open_reader
from tests.house import person
from tests.seen_town import (
    FIRM,
    HIDDEN_CLIENT,
    HIDDEN_WORKER,
    NORTH_CLIENT,
    See,
    town,
)
from tests.seen_town import TRADER as TRADER_OF_TOWN
from tests.seen_world import (
    EVERYTHING,
    REACHES,
    cells,
    ref,
    run_of,
    sight_of,
)


def test_a_case_names_its_own_and_never_whom_it_may_not(whole_town: RunFile) -> None:
    client, hidden = ref("person", NORTH_CLIENT), ref("person", HIDDEN_CLIENT)
    known = Clear(whole_town, [client, hidden, ref("organisation", FIRM), "person-unknown"])
    letters = "".join("abcdefghij"[int(digit)] for digit in NORTH_CLIENT)
    assert {ref: (each.kind, each.key, each.name) for ref, each in known.items()} == {
        client: ("person", NORTH_CLIENT, f"Given{letters} Family{letters}"),
        ref("organisation", FIRM): ("organisation", FIRM, "Firma a"),
    }
    lifted = Clear(whole_town, [hidden], lifted=[hidden])
    assert lifted[hidden].key == HIDDEN_CLIENT
    assert dict(Clear(whole_town, [])) == {}


def test_a_sight_has_the_shape_of_a_run(whole_town: RunFile, see_town: See) -> None:
    def shape(run: RunFile) -> dict[tuple[str, str], str]:
        with run.open() as engine:
            rows = engine.rows(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() "
                "WHERE NOT internal AND NOT starts_with(table_name, 'scope_')"
            )
        return {(row["table_name"], row["column_name"]): row["data_type"] for row in rows}

    beside = {("findings", "provider_ref"), ("scores", "provider_ref")}
    of_run, of_sight = shape(whole_town), shape(see_town(REACHES[1]))
    assert of_run.keys() ^ of_sight.keys() == beside
    assert {at for at in of_run if of_run[at] != of_sight[at]} == {("findings", "subjects")}


def test_a_second_number_of_somebody_protected_is_hidden_too(tmp_path: Path) -> None:
    made, findings = town()
    second, third = person(42), person(43)
    for n, who in enumerate((second, third)):
        made.person(95 + n, who, hidden=False)
    made.add("residences", person_id=third, valid_from="2025-01-01", street="Hemliga gatan 7",
             postcode="111 33", city="Exstad")  # fmt: skip
    run = run_of(
        tmp_path / "run.duckdb", made.tables, findings,
        same=[(second, HIDDEN_CLIENT), (second, third)],
    )  # fmt: skip
    masked = sight_of(run, EVERYTHING, tmp_path / "masked.duckdb")
    told = "\n".join(cell for values in cells(masked).values() for cell in values)
    with masked.open() as engine:
        nodes = {row["node_id"] for row in engine.rows("SELECT node_id FROM nodes")}
    assert not nodes & {ref("person", who) for who in (HIDDEN_CLIENT, second, third)}
    assert "hemliga" not in told.lower()
    lifted = Reach(None, False, frozenset({ref("person", HIDDEN_CLIENT)}))
    with sight_of(run, lifted, tmp_path / "lifted.duckdb").open() as engine:
        nodes = {row["node_id"] for row in engine.rows("SELECT node_id FROM nodes")}
    assert {ref("person", who) for who in (HIDDEN_CLIENT, second, third)} <= nodes
    assert ref("person", HIDDEN_WORKER) not in nodes


def test_look_ups_read_a_sight_as_they_read_a_run(see_town: See) -> None:
    today = date(2025, 7, 1)
    with open_reader(see_town(Reach(None, False)), LOOKUPS) as reader:

        def found(text: str) -> list[str]:
            matches = search.find(reader, text, today=today).matches
            return [match.entity.node_id for match in matches]

        client, trader = ref("person", NORTH_CLIENT), ref("organisation", TRADER_OF_TOWN)
        assert found(client) == [client]
        assert found(NORTH_CLIENT) == found(HIDDEN_CLIENT) == []
        assert found(FIRM)[0] == ref("organisation", FIRM)
        assert search.resolve(reader, client, today=today).name is None
        told = card.card(reader, search.resolve(reader, trader, today=today))
        assert [each.finding_id for each in told.findings] == ["trader"]
        assert told.score is not None
        assert TRADER_OF_TOWN not in json.dumps(as_json(told), ensure_ascii=False)
        with pytest.raises(UsageError) as refusal:
            search.resolve(reader, ref("person", HIDDEN_CLIENT), today=today)
        unknown = ref("person", "nobody")
        with pytest.raises(UsageError) as other:
            search.resolve(reader, unknown, today=today)
        assert str(refusal.value) == str(other.value)


# -- references -----------------------------------------------------------------------------------


@given(key=st.binary(min_size=32, max_size=32), names=st.lists(st.text(min_size=1), max_size=30))
@settings(max_examples=30, deadline=None)
def test_sql_makes_the_same_references(key: bytes, names: list[str]) -> None:
    nodes = [f"person:{name}" for name in names if "\0" not in name]
    with Engine() as engine:
        reference.install(engine, key)
        rows = engine.rows(
            "SELECT node, reference_of(node) AS ref FROM (SELECT unnest($nodes) AS node)",
            {"nodes": nodes},
        )
    assert [row["ref"] for row in rows] == [reference_of(key, row["node"]) for row in rows]
    assert all(reference.PATTERN.fullmatch(row["ref"]) for row in rows)
    assert sorted(row["node"] for row in rows) == sorted(nodes)


def test_a_reference_is_the_mac_that_the_standards_say() -> None:
    # RFC 4231, test case 2: 5bdcc146bf60754e6a042426089575c7…, in the letters of RFC 4648.
    text = "what do ya want for nothing?"
    assert reference_of(b"Jefe", text) == f"{text}-lpomcrv7mb2u42qeeqtarflvy5"


@given(
    st.from_regex(
        r"[A-Z ]{0,3}(19|20)?\d{2}(0\d|1[0-2])[0-3]\d[-+ ]?[\dT]\d{3}[-x]\d{0,3}", fullmatch=True
    )
)
def test_what_python_takes_for_somebody_the_engine_does_too(text: str) -> None:
    with Engine() as engine:
        reference.install(engine, b"k" * 32)
        told = engine.value("SELECT names_somebody($text)", {"text": text})
    assert told or not search.names_somebody(text)


def test_a_row_made_of_somebodys_number_loses_its_key_and_another_does_not() -> None:
    with Engine() as engine:
        reference.install(engine, b"k" * 32)
        for number in (person(1), person(1)[2:], f"{person(1)[2:8]}-{person(1)[8:]}"):
            key = json.dumps({"visit_id": f"b-{number}-3", "line_no": 4})
            told = engine.value("SELECT nameless(CAST($key AS JSON))", {"key": key})
            assert json.loads(told) == {"visit_id": None, "line_no": 4}
        key = json.dumps({"visit_id": "V250615-1235-1", "line_no": 4})
        told = engine.value("SELECT nameless(CAST($key AS JSON))", {"key": key})
        assert json.loads(told) == json.loads(key)
