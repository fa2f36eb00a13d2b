"""A sight holds what its reach may see, and not one byte of anything else."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graph_service.access.reference import reference as reference_of
from graph_service.access.sight import Reach
from graph_service.run_file import RunFile
from tests.house import organisation, person
from tests.seen_town import (
    HIDDEN,
    See,
    town,
)
from tests.seen_world import (
    EVERYTHING,
    KEY,
    NORTH,
    REACHES,
    SOUTH,
    TOWN,
    Oracle,
    cells,
    finding,
    hold_together,
    run_of,
    sight_of,
)

PEOPLE = [person(n) for n in range(8)]
TRADER = PEOPLE[7]
FIRMS = [organisation(1), organisation(2), TRADER]
_people = st.sampled_from(PEOPLE[:7])
_maybe_person = st.none() | _people
_maybe_party = st.none() | st.sampled_from([*PEOPLE, *FIRMS])
_units = st.sampled_from([None, NORTH, SOUTH])
_firms = st.sampled_from(FIRMS)
_days = st.integers(1, 28).map(lambda day: f"2025-03-{day:02}")
_tools = st.sampled_from([None, "x", "y"])


def _rows(ids: str | None, **columns: Any) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to four rows; `ids` numbers them in that column."""
    rows = st.lists(st.fixed_dictionaries(columns), max_size=4)
    if ids is None:
        return rows.map(lambda each: list({tuple(row.values()): row for row in each}.values()))
    return rows.map(lambda each: [{ids: f"{ids[:3]}{n}", **row} for n, row in enumerate(each)])


def _visit(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {**row, "municipality": TOWN, "service": "omsorg"}
    return {**told, "start": f"{row['start']} 08:00", "end": f"{row['start']} 09:00"}


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Records in which people, firms, papers and things hang together in any way."""
    marked = draw(st.sets(st.sampled_from(PEOPLE), max_size=2))
    number = count()
    invoices = draw(_rows("invoice_id", org_id=_firms, unit=_units, account=_tools.map(_account)))
    numbers = [row["invoice_id"] for row in invoices]
    one_of = st.sampled_from([None, *numbers])
    lines = draw(_rows(None, invoice_id=one_of, client_id=_maybe_person))
    dated = {"issued_on": "2025-03-31", "period_from": "2025-03-01", "period_to": "2025-03-31"}
    worker_visits = draw(
        _rows(
            "visit_id",
            org_id=_firms,
            worker_id=_people,
            client_id=_people,
            start=_days,
            tag_id=_tools,
            login_id=_tools,
            device_id=_tools,
        )
    )
    return {
        "persons": [
            {"person_id": each, "protection": "marked" if each in marked else "none",
             "street": f"Gatan {n}", "postcode": "111 11", "city": "Exstad"}
            for n, each in enumerate(PEOPLE)
        ],
        "organisations": [{"org_id": each, "name": f"Firma {n}"} for n, each in enumerate(FIRMS)],
        "decisions": [
            {**row, "municipality": TOWN, "service": "omsorg", "hours_per_month": "9",
             "valid_from": "2025-01-01"}
            for row in draw(_rows("decision_id", client_id=_people, unit=_units))
        ],
        "visits": [_visit(row) for row in worker_visits],
        "invoices": [{**row, **dated, "municipality": TOWN, "amount": "10"} for row in invoices],
        "invoice_lines": [
            {**row, "line_no": next(number), "service": "omsorg", "amount": "5"}
            for row in lines if row["invoice_id"] is not None
        ],
        "payments": [
            {**row, "paid_on": "2025-03-31", "amount": "7"}
            for row in draw(_rows("payment_id", payer_id=_maybe_party, payee_id=_maybe_party,
                                  client_id=_maybe_person, invoice_id=one_of,
                                  payer_account=_tools.map(_account)))
        ],
        "mandates": [
            {**row, "kind": "guardian"}
            for row in draw(_rows(None, person_id=_people, client_id=_people))
        ],
        "officers": [
            {**row, "role": "chair", "valid_from": "2024-01-01"}
            for row in draw(_rows(None, org_id=_firms, person_id=_people))
        ],
        "tags": [
            {"tag_id": "x", "client_id": each} for each in draw(st.lists(_people, max_size=1))
        ],
        "logins": [
            {"login_id": "y", "org_id": FIRMS[0], "person_id": each}
            for each in draw(st.lists(_people, max_size=1))
        ],
    }  # fmt: skip


def _account(tool: str | None) -> str | None:
    return None if tool is None else {"x": "BG:99900011", "y": "BG:99900029"}[tool]


_SLOW = settings(
    max_examples=4, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return lambda: tmp_path_factory.mktemp("sight")


_some = st.lists(_people, min_size=1, max_size=2, unique=True)
_CITABLE = ("visits", "decisions", "invoice_lines", "invoices", "payments", "mandates", "officers")


@st.composite
def findings_in(draw: st.DrawFn, tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Findings about people and firms, each citing rows of any kind."""
    rows: list[tuple[str, int, dict[str, Any]]]
    rows = [(table, n + 2, {}) for table in _CITABLE for n in range(len(tables[table]))]
    firms = st.sampled_from(sorted({row["org_id"] for row in tables["visits"]} | {FIRMS[0]}))
    return [
        finding(f"f{n}", draw(firms), [("worker", "person", who) for who in draw(_some)],
                draw(st.lists(st.sampled_from(rows), max_size=2, unique_by=lambda row: row[:2])))
        for n in range(6 if rows else 0)
    ]  # fmt: skip


@_SLOW
@given(data=st.data(), tables=worlds(), reach=st.sampled_from(REACHES))
def test_who_and_what_is_seen_is_what_the_records_say(
    folder: Any, data: st.DataObject, tables: Any, reach: Reach
) -> None:
    where: Path = folder()
    findings = data.draw(findings_in(tables))
    run = run_of(where / "run.duckdb", tables, findings)
    seen = sight_of(run, reach, where / "sight.duckdb")
    oracle = Oracle(tables, reach)
    with run.open() as engine:
        nodes = engine.rows("SELECT node_id, kind, key FROM nodes")
    with seen.open() as engine:
        shown = {row["node_id"] for row in engine.rows("SELECT node_id FROM nodes")}
    told = {row["node_id"]: reference_of(KEY, row["node_id"]) in shown for row in nodes}
    expected = {row["node_id"]: oracle.sees(row["kind"], row["key"]) for row in nodes}
    judged = {node: said for node, said in expected.items() if said is not None}
    assert {node: told[node] for node in judged} == judged
    assert hold_together(seen)
    found = {row["finding_id"]: row for row in seen.rows("findings", order="finding_id")}
    for each in findings:
        sees, rows = oracle.finding(each)
        assert (each["finding_id"] in found) is sees
        if sees:
            cited = found[each["finding_id"]]["evidence"]
            assert {(row["table"], row["row"]) for row in cited} == (rows or set())


# -- the leak hunt --------------------------------------------------------------------------------


def _forbidden(reach: Reach) -> set[str]:
    """What identifies anybody; and the papers of those who are hidden or of another unit."""
    made, _ = town()
    oracle = Oracle(made.tables, reach)
    told = set().union(*made.identity.values())
    for who, papers in made.papers.items():
        if not oracle.person(who):
            told |= papers
    return told


@pytest.mark.parametrize("reach", [*REACHES, EVERYTHING])
def test_no_byte_of_anybody_is_in_a_sight(see_town: See, reach: Reach) -> None:
    forbidden = _forbidden(reach)
    assert len(forbidden) > 100
    seen = see_town(reach)
    found = {
        (table, text, cell)
        for table, values in cells(seen).items()
        for cell in values
        for text in forbidden
        if text in cell
    }
    assert found == set()
    stored = seen.path.read_bytes()
    assert [text for text in forbidden if text.encode() in stored] == []


def test_the_whole_run_has_what_the_hunt_hunts_for(whole_town: RunFile) -> None:
    everything = "\n".join(cell for values in cells(whole_town).values() for cell in values)
    hunted = _forbidden(Reach(frozenset(), False))
    # A number as it was written stands nowhere in a run, nor does a protected name, street, phone.
    missing = {text for text in hunted if text not in everything and not text.startswith("08-")}
    made, _ = town()
    assert missing < set().union(*(made.identity[who] for who in HIDDEN))
