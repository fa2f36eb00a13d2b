"""The rooms run again on a package: what holds, what is attested by signature, what was altered."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_service import counted
from graph_service.as_of import open_views
from graph_service.detector import ask_room
from graph_service.engines.duckdb import Engine
from graph_service.errors import EvidenceError
from graph_service.evidence import rows
from graph_service.evidence.rerun import counts
from graph_service.evidence.rerun import writing as rerun
from graph_service.evidence.rerun.counts import Reach
from graph_service.evidence.rerun.homes import _house
from graph_service.evidence.rerun.opaque import Opaque
from graph_service.evidence.rerun.writing import How, Outcome, Rerun
from graph_service.records import TABLES, Kind, Masking
from graph_service.room import Strength
from graph_service.run_file import RunFolder
from tests import evidence_rooms
from tests.evidence_case import ROOMS, Town
from tests.evidence_rooms import AS_OF, about_one
from tests.test_rooms import cases
from tests.world import world

HARD = {room.name for room in ROOMS if room.strength is Strength.HARD}


@dataclass
class Made:
    """What was written for one recipient."""

    root: Path
    reruns: dict[str, Rerun]
    findings: list[dict[str, Any]]
    told: dict[str, dict[str, Any]]
    in_clear: set[str]
    places: list[dict[str, Any]]

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def packaged(self) -> list[dict[str, Any]]:
        text = (self.data / "findings" / "findings.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def again(self) -> list[Outcome]:
        return rerun.again(self.data, ROOMS)


def made(town: Town, folder: Path, recipient: str) -> Made:
    with town.material(folder, recipient) as material:
        reruns = dict(rerun.write(material, folder / "bag"))
        rows.write(material, folder / "bag")
        whole = material.whole_run.rows("findings", order="finding_id")
        by_id = {found["finding_id"]: found for found in whole}
        places = material.engine.rows(
            'SELECT "table", file_sha256, "row", list_sort(list(finding_id)) AS needed_by '
            "FROM taken LEFT JOIN (FROM cited UNION FROM support) "
            'USING ("table", file_sha256, "row") GROUP BY ALL'
        )
        return Made(
            root=folder / "bag",
            reruns=reruns,
            findings=[dict(finding) for finding in material.findings],
            told={own: by_id[run_id] for own, run_id in material.own_ids.items()},
            in_clear={named.key for named in material.clear.values()},
            places=places,
        )


def hidden_in(package: Made) -> list[str]:
    """The findings that the recipient is not given all rows of, since they are somebody's home."""
    hidden = [each for each in package.findings if "masked_rows" in each["statistics"]]
    return [each["finding_id"] for each in hidden]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with evidence_rooms.town(tmp_path_factory.mktemp("town")) as told:
        yield told


@pytest.fixture(scope="module")
def police(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(town, tmp_path_factory.mktemp("police"), "police")


@pytest.fixture(scope="module")
def ivo(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(town, tmp_path_factory.mktemp("ivo"), "ivo")


@pytest.fixture(scope="module")
def outcomes(police: Made) -> list[Outcome]:
    return police.again()


@pytest.fixture
def altered(police: Made, tmp_path: Path) -> Made:
    """A copy of the police's package, to be altered."""
    shutil.copytree(police.root, tmp_path / "bag")
    return Made(**{**vars(police), "root": tmp_path / "bag"})


def test_every_room_gives_its_findings_again_to_the_police(
    police: Made, outcomes: list[Outcome]
) -> None:
    assert {finding["detector"] for finding in police.findings} == {room.name for room in ROOMS}
    seen = [each for each in police.findings if each["finding_id"] not in hidden_in(police)]
    for finding in seen:
        how = How.ROWS if finding["detector"] in HARD else How.COUNTS
        assert police.reruns[finding["finding_id"]] == Rerun(finding["finding_id"], how, None)
    assert [each.finding_id for each in outcomes] == [
        each["finding_id"] for each in police.packaged
    ]
    (hidden,) = hidden_in(police)
    assert all(each.holds for each in outcomes if each.finding_id != hidden), outcomes


def test_rows_of_the_protected_are_not_given_and_the_reason_is_told(
    police: Made, outcomes: list[Outcome]
) -> None:
    (hidden,) = hidden_in(police)
    assert police.reruns[hidden].how is How.SIGNATURE
    assert "identitet är skyddad" in (police.reruns[hidden].why or "")
    (outcome,) = [each for each in outcomes if each.finding_id == hidden]
    assert (outcome.holds, "identity is protected" in outcome.said) == (None, True)


def test_what_is_packaged_says_what_the_run_said(police: Made, ivo: Made) -> None:
    same: tuple[str, ...] = (
        "detector",
        "detector_digest",
        "strength",
        "provider_id",
        "since",
        "until",
        "events",
    )
    same += ("days", "exposure_sek", "summary", "innocent")
    for package in (police, ivo):
        for packaged in package.packaged:
            run = package.told[packaged["finding_id"]]
            assert {name: packaged[name] for name in same} == {name: run[name] for name in same}
            hidden = packaged["finding_id"] in hidden_in(package)
            assert len(packaged["evidence"]) == len(run["evidence"]) - hidden
            figures = {k: v for k, v in run["statistics"].items() if not isinstance(v, str | list)}
            assert figures.items() <= packaged["statistics"].items()


def test_a_masked_package_holds_but_where_the_recipient_lacks_a_table(ivo: Made) -> None:
    outcomes = {each.finding_id: each for each in ivo.again()}
    for finding in ivo.findings:
        told, outcome = ivo.reruns[finding["finding_id"]], outcomes[finding["finding_id"]]
        if finding["finding_id"] in hidden_in(ivo):
            assert (told.how, outcome.holds) == (How.SIGNATURE, None)
        elif finding["detector"].startswith("billed_"):
            assert (told.how, outcome.holds) == (How.SIGNATURE, None)
            assert "invoice_lines" in (told.why or "")
            assert "invoice_lines" in outcome.said
        else:
            assert told.how is (How.ROWS if finding["detector"] in HARD else How.COUNTS)
            assert outcome.holds is True


def test_each_packaged_row_is_needed(police: Made, ivo: Made) -> None:
    for package in (police, ivo):
        cited = {
            (row["table"], row["file_sha256"], row["row"], finding["finding_id"])
            for finding in package.findings
            for row in finding["evidence"]
        }
        for place in package.places:
            assert place["needed_by"] != [None]
            for finding_id in place["needed_by"]:
                by_room = package.reruns[finding_id].how is How.ROWS
                at = (place["table"], place["file_sha256"], place["row"], finding_id)
                assert by_room or at in cited


def test_the_same_material_gives_the_same_bytes(town: Town, tmp_path: Path) -> None:
    one = about_one(town, "overlapping_visits")
    first, second = (made(one, tmp_path / name, "police").root for name in ("first", "second"))
    files = {path.relative_to(first) for path in first.rglob("*") if path.is_file()}
    assert files == {path.relative_to(second) for path in second.rglob("*") if path.is_file()}
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


# ── nobody outside the case ──────────────────────────────────────────────────────────────


def identifying() -> set[str]:
    """Every text of the town by which somebody, a firm's people or a home is known."""
    told = set()
    for table, there in evidence_rooms.told().items():
        declared = {column.name: column for column in TABLES[table].columns}
        for row in there:
            for name, value in row.items():
                column = declared[name]
                personal = column.masking in (Masking.NAME, Masking.ADDRESS, Masking.CONTACT)
                parties = (Kind.PERSON, Kind.ORGANISATION, Kind.PARTY, Kind.ACCOUNT)
                if value and (personal or column.kind in parties) and name != "city":
                    told.add(value)
    return told


def everything(root: Path) -> str:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_a_case_of_one_room_tells_nobody_of_the_others(town: Town, tmp_path: Path) -> None:
    package = made(about_one(town, "clients_follow_worker"), tmp_path, "ivo")
    assert [each.how for each in package.reruns.values()] == [How.COUNTS]
    (finding,) = package.findings
    firms = {each["id"] for each in finding["subjects"] if each["kind"] == "organisation"}
    said = everything(package.root)
    assert {text for text in identifying() if text in said} == package.in_clear | firms


def test_figures_of_others_name_nobody(town: Town, tmp_path: Path) -> None:
    """Were every row of every room packaged, as where a claim compares with all of them."""
    one = about_one(town, "overlapping_visits")
    with one.material(tmp_path, "police") as material:
        told = {named.key for named in material.clear.values()}
        for room in (room for room in ROOMS if counted.is_counted(room)):
            with material.whole_run.open() as engine:
                kept = engine.rows(f'FROM "{counted.table_of(room)}"')
            assert kept or room.name == "login_on_two_devices"
            opaque = Opaque(material, room)
            said = "\n".join(map(counted.as_line, counts._masked(kept, [], Reach.ALL, opaque)))
            whole = "\n".join(counted.as_line(opaque.whole(row)) for row in kept)
            assert {text for text in identifying() if text in said + whole} <= told, room.name
            assert '"file_sha256"' not in said


# ── what was altered ─────────────────────────────────────────────────────────────────────


def named(outcomes: list[Outcome], detector: str, package: Made) -> list[Outcome]:
    detectors = {each["finding_id"]: each["detector"] for each in package.findings}
    return [each for each in outcomes if detectors[each.finding_id] == detector]


def text_of(path: Path) -> str:
    """A file's text with its line ends."""
    return path.read_bytes().decode()


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(told)), encoding="utf-8")


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_without_any_one_cited_row_it_does_not_hold(
    police: Made, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("dropped") / "bag"
    shutil.copytree(police.root, folder)
    dropped = Made(**{**vars(police), "root": folder})
    path = data.draw(st.sampled_from(sorted((dropped.data / "rows").glob("*.csv"))))
    lines = text_of(path).split("\r\n")[:-1]
    cited = [
        (number, row["cited_by"].split())
        for number, row in enumerate(csv.DictReader(lines), start=1)
        if row["cited_by"]
    ]
    if not cited:
        return
    number, findings = data.draw(st.sampled_from(cited))
    kept = [line for at, line in enumerate(lines) if at != number]
    path.write_text("".join(f"{line}\r\n" for line in kept), encoding="utf-8", newline="")
    outcomes = {each.finding_id: each for each in dropped.again()}
    for finding_id in findings:
        assert outcomes[finding_id].holds is False
        assert "of which" in outcomes[finding_id].said


def test_another_value_is_named(altered: Made) -> None:
    path = altered.data / "rows" / "invoice_lines.csv"
    text = text_of(path)
    row = next(csv.DictReader(text.splitlines()))
    path.write_text(text.replace(row["amount"], "1.0000", 1), encoding="utf-8", newline="")
    outcomes = {each.finding_id: each for each in altered.again()}
    for finding_id in row["cited_by"].split():
        assert outcomes[finding_id].holds is False
        assert "another value" in outcomes[finding_id].said


def test_a_supporting_row_that_is_gone_is_missed(altered: Made) -> None:
    (altered.data / "rows" / "fees.csv").unlink()
    (over,) = named(altered.again(), "billed_over_decision", altered)
    assert (over.holds, "statistics" in over.said) == (False, True)


def test_an_altered_finding_threshold_count_or_rule_is_named(altered: Made) -> None:
    findings = altered.data / "findings" / "findings.jsonl"
    findings.write_text(findings.read_text(encoding="utf-8").replace('"events": 4', '"events": 5'))
    counts_of = altered.data / "counts"
    (counts_of / "ownership_ring.jsonl").write_text("{}\n", encoding="utf-8")
    shared = counts_of / "shared_account.jsonl"
    shared.write_text(shared.read_text(encoding="utf-8").replace("2025-", "2024-"))
    rule = altered.data / "rooms" / "phoenix_company" / "find.sql"
    rule.write_text(rule.read_text(encoding="utf-8") + "-- more\n", encoding="utf-8")
    (altered.data / "rooms" / "hollow_company" / "refine.py").unlink()

    def lowered(rooms: Any) -> Any:
        rooms["overlapping_visits"]["thresholds"]["overlong_times"]["value"] = 0.0001
        rooms["overlapping_visits"]["thresholds"]["tolerance_s"]["value"] = 86400
        del rooms["login_on_two_devices"]["thresholds"]["days_min"]
        return rooms

    edit(altered.data / "rooms" / "rooms.json", lowered)
    outcomes = altered.again()

    def said(detector: str) -> str:
        of_room = [each for each in named(outcomes, detector, altered) if each.holds is not None]
        assert {each.holds for each in of_room} == {False}, of_room
        return of_room[0].said

    assert "events" in said("clients_follow_worker")
    assert "does not give it" in said("ownership_ring")
    assert "otherwise" in said("shared_account") or "does not give it" in said("shared_account")
    assert "copy of the rule" in said("phoenix_company")
    assert "copy of the rule" in said("hollow_company")
    assert "does not give it" in said("overlapping_visits")
    assert "thresholds" in said("login_on_two_devices")
    for detector in ("billed_over_decision", "billed_without_decision", "shared_contact"):
        assert all(each.holds for each in named(outcomes, detector, altered))


def test_a_rule_of_another_version_is_left_to_the_signature(altered: Made) -> None:
    def other(rooms: Any) -> Any:
        rooms["shared_contact"]["digest"] = "0" * 64
        return rooms

    edit(altered.data / "rooms" / "rooms.json", other)
    edit(altered.data / "run.json", lambda run: run | {"version": "9.9\x1b[31m"})
    outcomes = named(altered.again(), "shared_contact", altered)
    assert {each.holds for each in outcomes} == {None}
    assert all("install version 9.9\\x1b[31m" in each.said for each in outcomes)


def test_without_the_room_itself_too(altered: Made) -> None:
    outcomes = rerun.again(altered.data, [room for room in ROOMS if room.name != "shared_contact"])
    assert {each.holds for each in named(outcomes, "shared_contact", altered)} == {None}


# ── what is not as this program writes it ────────────────────────────────────────────────

DEEP = "[" * 200_000 + "]" * 200_000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("findings/findings.jsonl", "no JSON\n"),
        ("findings/findings.jsonl", "[1]\n"),
        ("findings/findings.jsonl", '{"finding_id": ["x"], "detector": {}}\n'),
        ("findings/findings.jsonl", DEEP),
        ("findings/findings.jsonl", ""),
        ("findings/rerun.json", "{}"),
        ("findings/rerun.json", DEEP),
        ("findings/rerun.json", '[{"finding_id": 1}]'),
        ("rooms/rooms.json", '{"x": {"digest": "", "strength": "", "thresholds": {}}}'),
        ("rooms/rooms.json", "{}"),
        ("run.json", '{"as_of": "never"}'),
        ("counts/shared_account.jsonl", '{"provider_id": \n'),
        ("counts/shared_account.jsonl", "3\n"),
        ("counts/shared_account.jsonl", None),
        ("run.json", None),
    ],
)
def test_a_file_that_is_none_of_ours_is_named(altered: Made, name: str, text: str | None) -> None:
    path = altered.data / name
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match=path.name):
        altered.again()


def test_counts_of_wrong_types_give_nothing_again(altered: Made) -> None:
    path = altered.data / "counts" / "shared_account.jsonl"
    path.write_text('{"since": "no day", "events": "many", "evidence": 7}\n', encoding="utf-8")
    outcomes = named(altered.again(), "shared_account", altered)
    assert {each.holds for each in outcomes} == {False}


# ── the engine, the run file, the homes ──────────────────────────────────────────────────


def test_a_sealed_engine_reaches_nothing(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n", encoding="utf-8")
    with Engine() as engine:
        assert engine.value("FROM read_csv($path)", {"path": str(outside)}) == 1
        engine.seal()
        for statement in (
            f"FROM read_csv('{outside}')",
            f"ATTACH '{tmp_path / 'other.duckdb'}' AS other",
            f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
        ):
            with pytest.raises(Engine.failure):
                engine.execute(statement)


def test_a_run_that_kept_no_counts_is_attested_by_signature(town: Town, tmp_path: Path) -> None:
    one = about_one(town, "ownership_ring")
    path = RunFolder(town.home).all()[-1].path
    kept = tmp_path / "kept.duckdb"
    shutil.copy(path, kept)
    try:
        with Engine(path) as engine:
            engine.execute("DROP TABLE counted_ownership_ring")
        package = made(one, tmp_path / "old", "police")
    finally:
        shutil.copy(kept, path)
    (told,) = package.reruns.values()
    assert (told.how, told.why_en) == (
        How.SIGNATURE,
        "The run was made by an older version of the program, which did not keep what the rule "
        "had counted.",
    )
    (outcome,) = package.again()
    assert outcome.holds is None
    assert not (package.data / "counts").exists()


def test_what_a_network_counts_is_kept_in_the_types_of_the_query() -> None:
    room = next(room for room in ROOMS if room.name == "ownership_ring")
    given = {**room.in_force({}, AS_OF), "as_of": AS_OF}
    with Engine(threads=1) as engine:
        world(engine, cases(room)["ring_of_three"]["given"])
        open_views(engine, AS_OF)
        asked = list(ask_room(engine, room, given))
        kept = list(counted.keep(engine, room, given))
        types = engine.columns(f'FROM "{counted.table_of(room)}"')
        other = list(counted.keep(engine, room, given, lambda *_: iter(asked)))
        assert engine.columns(f'FROM "{counted.table_of(room)}"') == types

    def order(found: list[dict[str, Any]]) -> list[str]:
        return sorted(map(repr, found))

    assert order(asked) == order(kept) == order(other) != []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("Ekgatan 1", "111 22", None), ("ekgatan  1 lgh 1101", "11122", "X"), True),
        (("Ekgatan 1", "11122", None), ("Ekgatan 11", "11122", None), False),
        (("Ekgatan 1", "11122", None), ("Ekgatan 1", "22211", None), False),
        (("Ekgatan 1", None, "Exstad"), ("Ekgatan 1 B", None, "exstad"), True),
        (("Gården", None, None), ("gården", None, None), True),
    ],
)
def test_homes_of_one_house_have_one_word(one: Any, other: Any, same: bool) -> None:
    def of(street: str, postcode: str | None, city: str | None) -> str | None:
        spot = {"lat": None, "lon": None}
        return _house({"street": street, "postcode": postcode, "city": city, **spot})

    assert (of(*one) == of(*other)) is same


def test_masked_homes_are_told_apart_and_nothing_else(ivo: Made) -> None:
    text = (ivo.data / "rows" / "persons.csv").read_text(encoding="utf-8")
    homes = [row for row in csv.DictReader(text.splitlines()) if "street" in row["masked"].split()]
    streets = {row["street"] for row in homes}
    assert len(streets) > 1
    assert all(street.startswith("hus ") and street[4:].isalpha() for street in streets)
    assert {row[name] for row in homes for name in ("postcode", "city", "lat", "care_of")} == {""}
