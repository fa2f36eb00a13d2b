"""What a package is made of: what each recipient is told, and what nobody but the case is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_service.access.table import Role as Roles
from graph_service.casework.case_file import Subject
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.cases import Cases
from graph_service.casework.masks import Masks
from graph_service.errors import Conflict, UsageError
from graph_service.evidence.material import Material
from graph_service.evidence.recipients import NEVER, recipient, recipients
from graph_service.evidence.workspace import Place, Withheld, file_name
from graph_service.records import TABLES
from graph_service.run_file import RunFolder
from tests.casework import ANNA, entity, somebody
from tests.evidence_case import Town, town
from tests.http_service import CLIENTS, FIRM, HIDDEN_WORKER, OVERLAPS, WORKERS, secrets_of

EVERYBODY = sorted(recipients())
IN_CASE = [0, 1, 2, 3, 4, 9, 10]  # the workers of FIRM's findings that nobody protects


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


def _everything(material: Material) -> str:
    """All that the workspace and the material tell, as one text."""
    engine = material.engine
    names = [f'known."{name}"' for name in TABLES] + ["taken", "cited", "support"]
    names += ["evidence_nodes", "evidence_edges"]
    told = [engine.rows(f"FROM {name}") for name in names]
    return json.dumps([told, material.findings, material.entities], default=str)


@pytest.mark.parametrize("name", EVERYBODY)
def test_nobody_is_told_but_whom_the_recipient_needs(
    standing: Town, tmp_path: Path, name: str
) -> None:
    needed = {role.value for role in recipient(name).clear}
    clear = {CLIENTS[0]} if "client" in needed else set()
    clear |= {WORKERS[n] for n in IN_CASE} if "worker" in needed else set()
    with standing.material(tmp_path, name) as material:
        told = _everything(material)
        assert {each.key for each in material.clear.values() if each.kind == "person"} == clear
    for number in (*CLIENTS, *WORKERS):
        for secret in secrets_of(number):
            # A town may share a postcode; a number, a name, a street, a telephone it does not.
            if secret not in {"111 22", "marked", "protected_registration"}:
                assert (secret in told) <= (number in clear), (name, secret)


def test_a_row_says_what_is_stored_but_for_what_is_masked(standing: Town, tmp_path: Path) -> None:
    with standing.material(tmp_path) as material:
        (row,) = material.engine.rows("FROM known.invoice_lines")
        assert (row["client_id"], float(row["hours"]), row["_row"]) == (CLIENTS[0], 60.0, 2)
        visits = material.engine.rows("FROM known.visits ORDER BY visit_id")
        masked = {
            each["row"]: each["masked"]
            for each in material.engine.rows("FROM taken WHERE \"table\" = 'visits'")
        }
        whose = {standing.ref("person", client): client for client in CLIENTS}
        for visit in visits:
            assert visit["worker_id"] in WORKERS
            client = visit["client_id"]
            hidden = client != CLIENTS[0]
            assert masked[visit["_row"]] == (["client_id"] if hidden else [])
            assert (client in whose) == hidden
        assert [each.rows for each in material.workspace.withheld] == []


def test_findings_rest_on_the_rows_that_they_name(standing: Town, tmp_path: Path) -> None:
    with standing.material(tmp_path) as material:
        cited = material.engine.rows("FROM cited")
        for finding in material.findings:
            named = {Place(e["table"], e["file_sha256"], e["row"]) for e in finding["evidence"]}
            own = {
                Place(row["table"], row["file_sha256"], row["row"])
                for row in cited
                if row["finding_id"] == finding["finding_id"]
            }
            assert named == own and named


def test_a_masked_finding_does_not_tell_its_own_id(standing: Town, tmp_path: Path) -> None:
    with standing.material(tmp_path / "police") as material:
        own = {finding["finding_id"] for finding in material.findings}
        assert {*material.own_ids} == own == {*material.own_ids.values()}
    with standing.material(tmp_path / "ivo", "ivo") as material:
        told = {finding["finding_id"] for finding in material.findings}
        assert not told & own and {*material.own_ids.values()} == own
        assert not own & set(_everything(material).replace('"', " ").split())


def test_tables_that_a_recipient_does_not_need_are_counted_not_told(
    standing: Town, tmp_path: Path
) -> None:
    with standing.material(tmp_path, "ivo") as material:
        assert material.workspace.withheld == (
            Withheld("invoice_lines", "not_needed", 1),
            Withheld("invoices", "not_needed", 1),
        )
        assert material.engine.rows("FROM known.invoices") == []


def test_two_gatherings_are_equal(standing: Town, tmp_path: Path) -> None:
    with standing.material(tmp_path / "a") as one:
        first = _everything(one)
    with standing.material(tmp_path / "b") as other:
        assert _everything(other) == first


def test_the_municipalitys_own_affairs_leave_in_no_package() -> None:
    assert set(TABLES) >= NEVER
    for profile in recipients().values():
        assert not profile.tables & NEVER
        assert profile.tables <= set(TABLES)


def test_an_unknown_recipient_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="police, fk, ivo, ebm, municipality"):
        recipient("press")


# -- the point of the case ------------------------------------------------------------------------


@pytest.fixture
def own_town(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path / "town") as made:
        yield made


def test_a_case_that_changed_since_is_not_exported(own_town: Town, tmp_path: Path) -> None:
    request = own_town.request()
    cases = Cases(own_town.database, clock=own_town.clock)
    cases.link(own_town.case.case_id, ANNA, entity(own_town.ref("person", CLIENTS[3])))
    given: dict[str, Any] = {"case_version": request.case_version}
    with (
        pytest.raises(Conflict, match="changed since"),
        own_town.material(tmp_path / "m", **given),
    ):
        pass


def test_whom_the_case_links_is_told_and_the_protected_only_when_two_people_said_so(
    own_town: Town, tmp_path: Path
) -> None:
    cases = Cases(own_town.database, clock=own_town.clock)
    case_id = own_town.case.case_id
    reference = own_town.ref("person", HIDDEN_WORKER)
    masks = Masks(own_town.database, clock=own_town.clock)
    (asked,) = masks.ask(case_id, ANNA, [reference], "hotbild")
    masks.approve(asked.mask_id, somebody("siv", Roles.SECURITY))
    run = RunFolder(own_town.home).current()
    assert run is not None
    hidden = next(n for n, overlap in enumerate(OVERLAPS) if overlap.worker == HIDDEN_WORKER)
    assert OVERLAPS[hidden].firm == FIRM
    (finding,) = (
        row["finding_id"]
        for row in run.rows("findings", order="finding_id")
        if {"role": "worker", "kind": "person", "id": HIDDEN_WORKER} in row["subjects"]
    )
    cases.link(case_id, ANNA, entity(own_town.ref("person", CLIENTS[3])))
    about = Subject(LinkKind.FINDING, finding, frozenset({reference}), run.run_id)
    cases.link(case_id, ANNA, about)
    with own_town.material(tmp_path / "masked") as material:
        assert HIDDEN_WORKER not in _everything(material)
        assert CLIENTS[3] in {each.key for each in material.clear.values()}
        (told,) = (each for each in material.findings if each["since"] == "2025-02-03")
        assert {each["id"] for each in told["subjects"]} == {FIRM, "protected"}
        assert told["finding_id"] != finding and told["evidence"] == []
    with own_town.material(tmp_path / "lifted", lifted=frozenset({reference})) as material:
        (told,) = (each for each in material.findings if each["finding_id"] == finding)
        assert {each["id"] for each in told["subjects"]} == {FIRM, HIDDEN_WORKER}
        assert len(told["evidence"]) == 6
        assert material.engine.value(
            "SELECT count(*) FROM known.visits WHERE worker_id = $worker", {"worker": HIDDEN_WORKER}
        )


def test_a_file_called_by_somebodys_number_is_called_by_its_hash() -> None:
    sha256 = "e4075a45011afc13" * 4
    assert file_name(f"tid {WORKERS[0]}.csv", sha256) == "e4075a45"
    assert file_name(f"tid {WORKERS[0][2:8]}-{WORKERS[0][8:]}.csv", sha256) == "e4075a45"
    assert file_name("visits 2025-03.csv", sha256) == "visits 2025-03.csv"
