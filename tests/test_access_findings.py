"""A finding, a sum and a rank are told of what a reach sees, and masked where they must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_service.access import reference
from graph_service.access.sight import Reach
from graph_service.run_file import RunFile
from tests.house import person
from tests.seen_town import (
    BOTH_WORKER,
    FIRM,
    HIDDEN_CLIENT,
    HIDDEN_WORKER,
    NORTH_CLIENT,
    NORTH_CLIENT_2,
    NORTH_WORKER,
    See,
    town,
)
from tests.seen_town import PEOPLE as PEOPLE_OF_TOWN
from tests.seen_town import TRADER as TRADER_OF_TOWN
from tests.seen_world import (
    EVERYTHING,
    NORTH,
    REACHES,
    SOUTH,
    TOWN,
    cells,
    finding,
    found_in,
    hold_together,
    ref,
    run_of,
    sight_of,
)

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
    see_town: See, reach: Reach, expected: set[str]
) -> None:
    seen = see_town(reach)
    assert set(found_in(seen)) == expected
    (run,) = seen.rows("run", order="run_id")
    (room,) = seen.rows("rooms", order="room")
    assert (run["findings"], room["findings"]) == (len(expected), len(expected))
    told = {row["provider_id"]: row["contributions"] for row in seen.rows("scores", order="rank")}
    of_firm = [name for name in expected if not name.startswith(("was", "trader"))]
    assert [part["findings"] for part in told[FIRM]] == [len(of_firm)]
    assert run["providers"] == len(told) == 3
    assert ref("organisation", TRADER_OF_TOWN) in told


def test_a_protected_subject_is_told_as_protected_and_nothing_beside(
    see_town: See,
) -> None:
    told = found_in(see_town(EVERYTHING))[f"billed-{PEOPLE_OF_TOWN.index(HIDDEN_CLIENT)}"]
    firm = ref("organisation", FIRM)
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


def test_rows_of_the_protected_are_left_out_and_counted(
    see_town: See,
) -> None:
    told = found_in(see_town(EVERYTHING))["visits-north"]
    made, _ = town()
    shown = {made.tables["visits"][row["row"] - 2]["client_id"] for row in told["evidence"]}
    assert shown == {NORTH_CLIENT, NORTH_CLIENT_2}
    assert told["statistics"]["masked_rows"] == 1
    assert told["statistics"]["worst"] == ref("person", NORTH_CLIENT)
    cited = {row["key"]["visit_id"] for row in told["evidence"]}
    assert {text for text in told["statistics"]["certificate"] if text} == cited
    assert told["subjects"][1]["id"] == told["subjects"][1]["ref"] == ref("person", NORTH_WORKER)


def test_statistics_name_nobody(see_town: See) -> None:
    told = found_in(see_town(EVERYTHING))["was"]["statistics"]
    trader = ref("organisation", TRADER_OF_TOWN)
    assert told == {"old_id": trader, "older_id": None, "at": FIRM, "town": TOWN}


def test_two_people_may_lift_one_mask_and_no_other(see_town: See) -> None:
    client = ref("person", HIDDEN_CLIENT)
    lifted = Reach(None, False, frozenset({client}))
    told = found_in(see_town(lifted))[f"billed-{PEOPLE_OF_TOWN.index(HIDDEN_CLIENT)}"]
    assert told["subjects"][0]["id"] == client
    assert len(told["evidence"]) == 2
    found = found_in(see_town(lifted))[f"visits-{PEOPLE_OF_TOWN.index(HIDDEN_WORKER)}"]
    assert found["subjects"][1]["id"] == "protected"
    with see_town(lifted).open() as engine:
        nodes = {row["node_id"] for row in engine.rows("SELECT node_id FROM nodes")}
    assert client in nodes
    assert ref("person", HIDDEN_WORKER) not in nodes


def _sums(seen: RunFile, type_: str) -> dict[tuple[str, str], int]:
    with seen.open() as engine:
        rows = engine.rows(
            "SELECT source_id, target_id, visits FROM edges WHERE type = $type", {"type": type_}
        )
    return {(row["source_id"], row["target_id"]): row["visits"] for row in rows}


def test_sums_are_of_what_is_seen_so_that_no_difference_tells(
    see_town: See,
) -> None:
    def worked(reach: Reach, worker: str) -> int | None:
        return _sums(see_town(reach), "WORKED_FOR").get(
            (ref("person", worker), ref("organisation", FIRM))
        )

    everything, north = Reach(None, False), Reach(frozenset({NORTH}), False)
    assert worked(everything, NORTH_WORKER) == 4  # two more were to somebody protected
    assert worked(everything, BOTH_WORKER) == 4
    assert worked(north, BOTH_WORKER) == 2
    assert worked(everything, HIDDEN_WORKER) is None
    cared = _sums(see_town(everything), "CARED_FOR_BY")
    firm = ref("organisation", FIRM)
    assert cared[ref("person", NORTH_CLIENT), firm] == 4  # two more were by somebody protected
    assert set(_sums(see_town(everything), "SERVED_IN").values()) == {None}


@pytest.mark.parametrize("reach", REACHES)
def test_every_table_is_about_what_the_sight_has(see_town: See, reach: Reach) -> None:
    seen = see_town(reach)
    assert hold_together(seen)
    found = set(found_in(seen))
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
    for told in found_in(seen).values():
        refs = {subject["ref"] for subject in told["subjects"]} | {told["provider_ref"]}
        assert refs - {None} <= set(nodes)


def test_the_role_of_an_official_is_for_insiders_alone(
    see_town: See,
) -> None:
    def labels(insiders: bool) -> set[str]:
        with see_town(Reach(None, insiders)).open() as engine:
            rows = engine.rows("SELECT unnest(labels) AS label FROM nodes")
        return {row["label"] for row in rows}

    assert labels(True) - labels(False) == {"Official"}


def test_another_unit_changes_nothing(see_town: See, tmp_path: Path) -> None:
    made, findings = town()
    before = cells(see_town(Reach(frozenset({NORTH}), False)))
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
