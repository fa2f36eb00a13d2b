"""The custody log of a package: who brought, read, unmasked, approved and made, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from graph_service.casework import custody as handling
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.exports import Exports
from graph_service.casework.masks import Masks
from graph_service.casework.notes import Notes
from graph_service.evidence import custody
from graph_service.evidence.material import Material
from graph_service.evidence.package import CUSTODY
from graph_service.lake import Lake
from tests.casework import ANNA, LAWYER, START
from tests.evidence_case import MADE_AT, Town, told, town
from tests.http_service import CLIENTS, HIDDEN_WORKER, OWNER, WORKERS

Json = dict[str, Any]
Materials = Mapping[str, Material]
GROUND = "OSL 10 kap. 24 §"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as made:
        Notes(made.database, clock=made.clock).write(made.case.case_id, ANNA, "Privat lapp")
        yield made


@pytest.fixture(scope="module")
def materials(place: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Materials]:
    """The case as the police and as the municipality's own dossier are told it."""
    folder = tmp_path_factory.mktemp("materials")
    with (
        place.material(folder / "police", "police", authority_reference="5000-K1") as police,
        place.material(folder / "civil", "municipality") as civil,
    ):
        yield {"police": police, "municipality": civil}


def entry(case_id: str | None, n: int = 0, **given: Any) -> Entry:
    usual: Json = {
        "at": START + timedelta(minutes=n),
        "user_id": "user:0000000000000001",
        "roles": ("reviewer",),
        "action": "findings.read",
        "outcome": Outcome.ANSWERED,
        "case_id": case_id,
        "purpose": "Kontroll av tid",
        "what": (f"person:person-{n}",),
    }
    return Entry(**usual | given)


def written(
    place: Town, materials: Materials, root: Path, recipient: str = "police", **asked: Any
) -> Json:
    material = materials[recipient]
    material = replace(material, request=replace(material.request, **asked))
    custody.write(material, place.database, root, made_by="anna")
    found: Json = json.loads((root / CUSTODY).read_text("utf-8"))
    return found


def test_it_tells_to_whom_on_what_ground_and_by_which_two(
    place: Town, materials: Materials, tmp_path: Path
) -> None:
    export = written(place, materials, tmp_path)["export"]
    assert export == {
        "export_id": "export-0000000000000001",
        "case_id": place.case.case_id,
        "case_version": place.case.version + 1,
        "run_id": export["run_id"],
        "recipient": "police",
        "recipient_title": {"sv": "Polismyndigheten", "en": "the Police"},
        "legal_ground": GROUND,
        "authority_reference": "5000-K1",
        "asked_by": "anna",
        "asked_at": MADE_AT.isoformat(),
        "approved_by": "bo",
        "approved_at": MADE_AT.isoformat(),
        "made_by": "anna",
        "made_at": MADE_AT.isoformat(),
    }


def test_it_tells_of_each_file_when_it_came_and_how_many_rows_are_of_it(
    place: Town, materials: Materials, tmp_path: Path
) -> None:
    found = written(place, materials, tmp_path)
    receipts = {
        (each.table, each.file_sha256): each
        for each in Lake(place.home).receipts()
        if each.refused is None
    }
    loaded = found["loaded"]
    assert {each["table"] for each in loaded} >= {"visits"}
    assert {each["table"] for each in loaded} <= set(told())
    for each in loaded:
        receipt = receipts[each["table"], each["file_sha256"]]
        assert each["file"] == receipt.file
        assert (each["batch"], each["loader"]) == (receipt.batch, receipt.loader)
        assert each["loaded_at"] == receipt.loaded_at.isoformat()
        assert 0 < each["rows"] <= receipt.read
        assert (each["loaded_by"], each["redacted"]) == (None, None)
    assert found["run"]["run_id"] == found["export"]["run_id"]


def test_who_uploaded_a_batch_is_told_by_the_log(
    place: Town, materials: Materials, tmp_path: Path
) -> None:
    (batch,) = {each["batch"] for each in written(place, materials, tmp_path)["loaded"]}
    upload: Json = {"action": "loads.upload", "user_id": "user:00000000000000aa"}
    with AuditLog(place.database, tmp_path / "audit") as log:
        log.write(entry(None, what=("batch:another",), **upload))
        log.write(entry(None, what=("file:x", f"batch:{batch}"), **upload))
        log.write(entry(None, what=(f"batch:{batch}",), action="loads.read"))
    loaded = written(place, materials, tmp_path)["loaded"]
    assert {each["loaded_by"] for each in loaded} == {"user:00000000000000aa"}


def test_who_read_is_counted_and_the_newest_are_told_one_by_one(
    place: Town, materials: Materials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "ENTRIES", 7)
    case_id = place.case.case_id
    before = written(place, materials, tmp_path)["read"]
    other = {"user_id": "user:0000000000000002", "roles": ("lawyer", "security")}
    with AuditLog(place.database, tmp_path / "audit") as log:
        for n in range(40):
            log.write(entry(case_id, n))
        log.write(entry("case-ffffffffffffffff", 41))
        log.write(entry(case_id, 42, outcome=Outcome.REFUSED, action="masks.ask", **other))
        log.write(entry(case_id, 43, purpose=f"Om {WORKERS[0]}", **other))
    found = written(place, materials, tmp_path)
    read, log_ends = found["read"], found["log"]
    assert read["entries"] == before["entries"] + 42
    by_one = {(each["user_id"], each["action"], each["outcome"]): each for each in read["acts"]}
    mine = by_one["user:0000000000000001", "findings.read", "answered"]
    assert (mine["times"], mine["roles"]) == (40, ["reviewer"])
    assert mine["first_at"] == START.isoformat()
    assert mine["last_at"] == (START + timedelta(minutes=39)).isoformat()
    assert by_one["user:0000000000000002", "masks.ask", "refused"]["times"] == 1
    newest = read["newest"]
    assert len(newest) == 7
    assert [each["seq"] for each in newest] == sorted((e["seq"] for e in newest), reverse=True)
    assert newest[0]["purpose"] is None  # it holds somebody's number
    assert newest[1]["purpose"] == "Kontroll av tid"
    assert log_ends["seq"] == newest[0]["seq"]
    with place.database.engine.connect() as connection:
        asked = "SELECT digest FROM audit_entries ORDER BY seq DESC LIMIT 1"
        assert log_ends["digest"] == connection.exec_driver_sql(asked).scalar_one()


def test_a_recipient_without_free_text_is_told_no_purpose(
    place: Town, materials: Materials, tmp_path: Path
) -> None:
    with AuditLog(place.database, tmp_path / "audit") as log:
        log.write(entry(place.case.case_id, purpose="Hemligt skäl"))
    found = written(place, materials, tmp_path, "municipality")
    assert found["read"]["newest"]
    assert {each["purpose"] for each in found["read"]["newest"]} == {None}
    assert "Hemligt" not in json.dumps(found)


@pytest.mark.parametrize("recipient", ["police", "municipality"])
def test_it_names_nobody_and_says_what_was_masked(
    place: Town, materials: Materials, tmp_path: Path, recipient: str
) -> None:
    found = written(place, materials, tmp_path, recipient)
    text = json.dumps(found, ensure_ascii=False)
    assert not [number for number in (*CLIENTS, *WORKERS, OWNER) if number in text]
    material = materials[recipient]
    withheld = [each._asdict() for each in material.workspace.withheld]
    assert found["masked"]["rows"] == withheld
    counted: dict[tuple[str, str], int] = {}
    for row in material.engine.rows('SELECT "table", masked FROM taken'):
        for column in row["masked"]:
            counted[row["table"], column] = counted.get((row["table"], column), 0) + 1
    told_of = found["masked"]["columns"]
    assert {(each["table"], each["column"]): each["rows"] for each in told_of} == counted
    assert counted or recipient == "police"  # the municipality's own dossier masks clients


def test_earlier_exports_are_told_to_who_had_them(
    place: Town, materials: Materials, tmp_path: Path
) -> None:
    exports = Exports(place.database, clock=place.clock)
    for recipient in ("police", "police", "fk"):
        asked = exports.ask(
            place.case.case_id,
            ANNA,
            recipient=recipient,
            legal_ground=f"{GROUND} {recipient}",
            run_id="r",
        )
        exports.approve(asked.export_id, LAWYER)
        for n in range(2):
            exports.made(asked.export_id, ANNA, sha256=f"{n}" * 64, size=9, findings=1, rows=2)
    found = written(place, materials, tmp_path)["earlier"]
    assert found["packages_to_others"] == 2
    assert [len(each["packages"]) for each in found["to_this_recipient"]] == [2, 2]
    for each in found["to_this_recipient"]:
        assert (each["recipient"], each["legal_ground"]) == ("police", f"{GROUND} police")
        assert (each["asked_by"], each["approved_by"]) == ("anna", "lars")
        assert [made["sha256"] for made in each["packages"]] == ["0" * 64, "1" * 64]
    nothing = written(place, materials, tmp_path, "municipality")["earlier"]
    assert nothing == {"to_this_recipient": [], "packages_to_others": 6}


def test_lifted_masks_of_the_export_are_told_with_both_people(
    place: Town, materials: Materials, tmp_path: Path
) -> None:
    masks = Masks(place.database, clock=place.clock)
    refs = [place.ref("person", HIDDEN_WORKER), place.ref("person", CLIENTS[5])]
    for mask in masks.ask(place.case.case_id, ANNA, refs, "Anmälan"):
        masks.approve(mask.mask_id, LAWYER)
    (lifted,) = written(place, materials, tmp_path, lifted=frozenset(refs[:1]))["lifted"]
    assert lifted["reference"] == refs[0]
    assert (lifted["asked_by"], lifted["approved_by"]) == ("anna", "lars")
    nobody = written(place, materials, tmp_path)
    assert nobody["lifted"] == []
    assert refs[0] not in json.dumps(nobody)


def test_the_history_tells_who_and_when_and_no_words(
    place: Town, materials: Materials, tmp_path: Path
) -> None:
    found = written(place, materials, tmp_path)
    events = [(each["event"], each["by"]) for each in found["case"]["history"]]
    assert events[0] == ("opened", "anna") and events[-1] == ("noted", "anna")
    assert "Privat" not in json.dumps(found, ensure_ascii=False)
