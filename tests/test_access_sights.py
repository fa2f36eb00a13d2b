"""A sight holds what its reach may see, and not one byte of anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graph_service.access import reference
from graph_service.access.clear import Clear
from graph_service.access.reference import reference as reference_of
from graph_service.access.sight import Reach
from graph_service.engines.duckdb import Engine
from graph_service.run_file import RunFile
from tests.house import organisation, person
from tests.seen_town import (
    BOTH_WORKER,
    FIRM,
    HIDDEN,
    HIDDEN_CLIENT,
    HIDDEN_WORKER,
    NORTH_CLIENT,
    NORTH_CLIENT_2,
    NORTH_WORKER,
    town,
)
from tests.seen_town import PEOPLE as PEOPLE_OF_TOWN
from tests.seen_town import TRADER as TRADER_OF_TOWN
from tests.seen_world import (
    KEY,
    NORTH,
    SOUTH,
    TOWN,
    Oracle,
    cells,
    finding,
    run_of,
    sight_of,
)

PEOPLE = [person(n) for n in range(8)]
TRADER = PEOPLE[7]
FIRMS = [organisation(1), organisation(2), TRADER]
EVERYTHING = Reach(None, True)
REACHES = [
    Reach(None, False),
    Reach(frozenset({NORTH}), False),
    Reach(frozenset({SOUTH}), False),
    Reach(frozenset({NORTH, SOUTH}), True),
    Reach(frozenset(), False),
]

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
    max_examples=8, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
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
    assert _hold_together(seen)
    found = {row["finding_id"]: row for row in seen.rows("findings", order="finding_id")}
    for each in findings:
        sees, rows = oracle.finding(each)
        assert (each["finding_id"] in found) is sees
        if sees:
            cited = found[each["finding_id"]]["evidence"]
            assert {(row["table"], row["row"]) for row in cited} == (rows or set())


def _hold_together(seen: RunFile) -> bool:
    """No relationship, link or finding of a sight leads out of it."""
    with seen.open() as engine:
        loose = engine.value(
            "SELECT count(*) FROM edges WHERE source_id NOT IN (SELECT node_id FROM nodes) "
            "OR target_id NOT IN (SELECT node_id FROM nodes)"
        )
    return bool(loose == 0)


# -- the leak hunt --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFile:
    made, findings = town()
    return run_of(tmp_path_factory.mktemp("whole") / "run.duckdb", made.tables, findings)


@pytest.fixture(scope="module")
def see(whole: RunFile, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Reach], RunFile]:
    @cache
    def seen(reach: Reach) -> RunFile:
        return sight_of(whole, reach, tmp_path_factory.mktemp("seen") / "sight.duckdb")

    return seen


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
def test_no_byte_of_anybody_is_in_a_sight(see: Callable[[Reach], RunFile], reach: Reach) -> None:
    forbidden = _forbidden(reach)
    assert len(forbidden) > 100
    seen = see(reach)
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


def test_the_whole_run_has_what_the_hunt_hunts_for(whole: RunFile) -> None:
    everything = "\n".join(cell for values in cells(whole).values() for cell in values)
    hunted = _forbidden(Reach(frozenset(), False))
    # A number as it was written stands nowhere in a run, nor does a protected name, street, phone.
    missing = {text for text in hunted if text not in everything and not text.startswith("08-")}
    made, _ = town()
    assert missing < set().union(*(made.identity[who] for who in HIDDEN))


# -- findings, scores and sums --------------------------------------------------------------------


def _found(seen: RunFile) -> dict[str, dict[str, Any]]:
    return {row["finding_id"]: row for row in seen.rows("findings", order="finding_id")}


def _ref(kind: str, key: str) -> str:
    return reference_of(KEY, f"{kind}:{key}")


#: Findings of `town` by who may see them: everybody, one district, whoever sees every district.
_OPEN = {"trader", "was"}
_NORTH = {"visits-north", f"billed-{0}", f"billed-{1}", f"billed-{3}", f"visits-{7}"}
_SOUTH = {f"visits-{5}", f"billed-{2}"}
_BOTH = {f"visits-{6}"}


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (Reach(None, False), _OPEN | _NORTH | _SOUTH | _BOTH),
        (Reach(None, True), _OPEN | _NORTH | _SOUTH | _BOTH | {"inside"}),
        (Reach(frozenset({NORTH}), False), _OPEN | _NORTH),
        (Reach(frozenset({NORTH}), True), _OPEN | _NORTH | {"inside"}),
        (Reach(frozenset({SOUTH}), True), _OPEN | _SOUTH),
        (Reach(frozenset({NORTH, SOUTH}), False), _OPEN | _NORTH | _SOUTH | _BOTH),
        (Reach(frozenset(), False), _OPEN),
    ],
)
def test_a_finding_is_for_whoever_may_see_all_that_it_rests_on(
    see: Callable[[Reach], RunFile], reach: Reach, expected: set[str]
) -> None:
    seen = see(reach)
    assert set(_found(seen)) == expected
    (run,) = seen.rows("run", order="run_id")
    (room,) = seen.rows("rooms", order="room")
    assert (run["findings"], room["findings"]) == (len(expected), len(expected))
    told = {row["provider_id"]: row["contributions"] for row in seen.rows("scores", order="rank")}
    of_firm = [name for name in expected if not name.startswith(("was", "trader"))]
    assert [part["findings"] for part in told[FIRM]] == [len(of_firm)]
    assert run["providers"] == len(told) == 3
    assert _ref("organisation", TRADER_OF_TOWN) in told


def test_a_protected_subject_is_told_as_protected_and_nothing_beside(
    see: Callable[[Reach], RunFile],
) -> None:
    told = _found(see(EVERYTHING))[f"billed-{PEOPLE_OF_TOWN.index(HIDDEN_CLIENT)}"]
    firm = _ref("organisation", FIRM)
    assert told["subjects"] == [
        {"role": "client", "kind": "person", "id": "protected", "ref": None},
        {"role": "provider", "kind": "organisation", "id": FIRM, "ref": firm},
    ]
    assert (told["provider_id"], told["provider_ref"]) == (FIRM, firm)
    assert told["evidence"] == []
    assert told["statistics"] == {"masked_rows": 2, "p_value": 0.001, "q_value": 0.01}
    assert "skyddade" in told["summary"]["sv"]
    assert told["exposure_sek"] is None
    assert told["events"] == 3


def test_rows_of_the_protected_are_left_out_and_counted(see: Callable[[Reach], RunFile]) -> None:
    told = _found(see(EVERYTHING))["visits-north"]
    made, _ = town()
    shown = {made.tables["visits"][row["row"] - 2]["client_id"] for row in told["evidence"]}
    assert shown == {NORTH_CLIENT, NORTH_CLIENT_2}
    assert told["statistics"]["masked_rows"] == 1
    assert told["statistics"]["worst"] == _ref("person", NORTH_CLIENT)
    cited = {row["key"]["visit_id"] for row in told["evidence"]}
    assert {text for text in told["statistics"]["certificate"] if text} == cited
    assert told["subjects"][1]["id"] == told["subjects"][1]["ref"] == _ref("person", NORTH_WORKER)


def test_statistics_name_nobody(see: Callable[[Reach], RunFile]) -> None:
    told = _found(see(EVERYTHING))["was"]["statistics"]
    trader = _ref("organisation", TRADER_OF_TOWN)
    assert told == {"old_id": trader, "older_id": None, "at": FIRM, "town": TOWN}


def test_two_people_may_lift_one_mask_and_no_other(see: Callable[[Reach], RunFile]) -> None:
    client = _ref("person", HIDDEN_CLIENT)
    lifted = Reach(None, False, frozenset({client}))
    told = _found(see(lifted))[f"billed-{PEOPLE_OF_TOWN.index(HIDDEN_CLIENT)}"]
    assert told["subjects"][0]["id"] == client
    assert len(told["evidence"]) == 2
    found = _found(see(lifted))[f"visits-{PEOPLE_OF_TOWN.index(HIDDEN_WORKER)}"]
    assert found["subjects"][1]["id"] == "protected"
    with see(lifted).open() as engine:
        nodes = {row["node_id"] for row in engine.rows("SELECT node_id FROM nodes")}
    assert client in nodes
    assert _ref("person", HIDDEN_WORKER) not in nodes


def _sums(seen: RunFile, type_: str) -> dict[tuple[str, str], int]:
    with seen.open() as engine:
        rows = engine.rows(
            "SELECT source_id, target_id, visits FROM edges WHERE type = $type", {"type": type_}
        )
    return {(row["source_id"], row["target_id"]): row["visits"] for row in rows}


def test_sums_are_of_what_is_seen_so_that_no_difference_tells(
    see: Callable[[Reach], RunFile],
) -> None:
    def worked(reach: Reach, worker: str) -> int | None:
        return _sums(see(reach), "WORKED_FOR").get(
            (_ref("person", worker), _ref("organisation", FIRM))
        )

    everything, north = Reach(None, False), Reach(frozenset({NORTH}), False)
    assert worked(everything, NORTH_WORKER) == 4  # two more were to somebody protected
    assert worked(everything, BOTH_WORKER) == 4
    assert worked(north, BOTH_WORKER) == 2
    assert worked(everything, HIDDEN_WORKER) is None
    cared = _sums(see(everything), "CARED_FOR_BY")
    firm = _ref("organisation", FIRM)
    assert cared[_ref("person", NORTH_CLIENT), firm] == 4  # two more were by somebody protected
    assert set(_sums(see(everything), "SERVED_IN").values()) == {None}


@pytest.mark.parametrize("reach", REACHES)
def test_every_table_is_about_what_the_sight_has(
    see: Callable[[Reach], RunFile], reach: Reach
) -> None:
    seen = see(reach)
    assert _hold_together(seen)
    found = set(_found(seen))
    with seen.open() as engine:
        tables = {row["table_name"] for row in engine.rows("FROM duckdb_tables()")}
        nodes = {row["node_id"]: row for row in engine.rows("SELECT * FROM nodes")}
        loose = engine.value(
            "SELECT count(*) FROM adjacency WHERE node NOT IN (SELECT number FROM nodes) "
            "OR other NOT IN (SELECT number FROM nodes) OR edge NOT IN (SELECT number FROM edges)"
        )
    assert loose == 0
    assert not {table for table in tables if table.startswith("scope")}
    assert all(reference.PATTERN.fullmatch(node_id) for node_id in nodes)
    assert {row["finding_id"] for row in seen.rows("changes", order="finding_id")} <= found
    for told in _found(seen).values():
        refs = {subject["ref"] for subject in told["subjects"]} | {told["provider_ref"]}
        assert refs - {None} <= set(nodes)


def test_the_role_of_an_official_is_for_insiders_alone(see: Callable[[Reach], RunFile]) -> None:
    def labels(insiders: bool) -> set[str]:
        with see(Reach(None, insiders)).open() as engine:
            rows = engine.rows("SELECT unnest(labels) AS label FROM nodes")
        return {row["label"] for row in rows}

    assert labels(True) - labels(False) == {"Official"}


def test_another_unit_changes_nothing(see: Callable[[Reach], RunFile], tmp_path: Path) -> None:
    made, findings = town()
    before = cells(see(Reach(frozenset({NORTH}), False)))
    newcomers = [person(40), person(41)]
    for n, who in enumerate(newcomers):
        made.person(90 + n, who, hidden=False)
    client, worker = newcomers
    # fmt: off
    made.add("decisions", client, decision_id="decision-new", unit=SOUTH, client_id=client,
             municipality=TOWN, service="omsorg", hours_per_month="9", valid_from="2025-01-01")
    for day in ("2025-03-10", "2025-03-11"):
        made.add("visits", visit_id=f"visit-new-{day}", municipality=TOWN, org_id=FIRM,
                 worker_id=worker, client_id=client, service="omsorg", start=f"{day} 08:00",
                 end=f"{day} 09:00", tag_id="tag-new", login_id="login-new", device_id="new")
    # fmt: on
    made.bill(client, SOUTH, FIRM)
    last = len(made.tables["visits"]) + 1
    findings = [
        *findings,
        finding("new", FIRM, [("worker", "person", worker)], [("visits", last, {"visit_id": "v"})]),
    ]
    run = run_of(tmp_path / "run.duckdb", made.tables, findings)
    after = cells(sight_of(run, Reach(frozenset({NORTH}), False), tmp_path / "sight.duckdb"))
    assert after == before


def test_a_case_names_its_own_and_never_whom_it_may_not(whole: RunFile) -> None:
    client, hidden = _ref("person", NORTH_CLIENT), _ref("person", HIDDEN_CLIENT)
    known = Clear(whole, [client, hidden, _ref("organisation", FIRM), "person-unknown"])
    letters = "".join("abcdefghij"[int(digit)] for digit in NORTH_CLIENT)
    assert {ref: (each.kind, each.key, each.name) for ref, each in known.items()} == {
        client: ("person", NORTH_CLIENT, f"Given{letters} Family{letters}"),
        _ref("organisation", FIRM): ("organisation", FIRM, "Firma a"),
    }
    lifted = Clear(whole, [hidden], lifted=[hidden])
    assert lifted[hidden].key == HIDDEN_CLIENT
    assert dict(Clear(whole, [])) == {}


def test_a_sight_has_the_shape_of_a_run(whole: RunFile, see: Callable[[Reach], RunFile]) -> None:
    def shape(run: RunFile) -> dict[tuple[str, str], str]:
        with run.open() as engine:
            rows = engine.rows(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() "
                "WHERE NOT internal AND NOT starts_with(table_name, 'scope_')"
            )
        return {(row["table_name"], row["column_name"]): row["data_type"] for row in rows}

    beside = {("findings", "provider_ref"), ("scores", "provider_ref")}
    of_run, of_sight = shape(whole), shape(see(REACHES[1]))
    assert of_run.keys() ^ of_sight.keys() == beside
    assert {at for at in of_run if of_run[at] != of_sight[at]} == {("findings", "subjects")}


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
