"""The law of the rooms: what every detector owes, walked over each of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import expressions as exp

import queries
from graph_service.as_of import open_views
from graph_service.catalogue import catalogue
from graph_service.detector import COLUMNS, Finding, Outcome, detect
from graph_service.engines.duckdb import Engine
from graph_service.graph.derive import derive
from graph_service.opening import open_rooms, words_of_guilt
from graph_service.records import TABLES
from graph_service.resolution.resolve import resolve
from graph_service.room import Room, Strength, Swedish
from graph_service.texts import both
from tests.world import FILE_SHA256, world

FOLDER = Path(queries.__file__).parent
ROOMS = {room.name: room for room in open_rooms(FOLDER)}


def cases(room: Room) -> dict[str, Any]:
    """The worlds of a room by name, each with the rows of the case it is `like`."""
    told = tomllib.loads((room.folder / "cases.toml").read_text(encoding="utf-8"))
    return {name: _grown(told, name) for name in told}


def _grown(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    case = dict(told[name])
    given = {table: list(rows) for table, rows in case.get("given", {}).items()}
    if "like" in case:
        model = _grown(told, case["like"])
        case = {"as_of": model["as_of"], **case}
        given = {
            table: _changed(table, model["given"].get(table, []), given.get(table, []))
            for table in {**model["given"], **given}
        }
    return {**case, "given": given}


def _changed(table: str, rows: list[Any], changes: list[Any]) -> list[Any]:
    key = TABLES[table].key

    def of(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in key)

    changed = {of(row): row for row in rows}
    for row in changes:
        changed[of(row)] = {**changed.get(of(row), {}), **row}
    return [row for row in changed.values() if "gone" not in row]


def find(room: Room, case: Mapping[str, Any]) -> list[Finding]:
    """From a case's rows to findings: the one place that knows how records reach a room."""
    with Engine(threads=1) as engine:
        world(engine, case["given"])
        open_views(engine, case["as_of"])
        if stands_on_graph(room):
            derive(engine)
            resolve(engine)
        return detect(engine, room, as_of=case["as_of"])


@cache
def found_in(room: str, case: str) -> tuple[Finding, ...]:
    """The same, of a case as it is given, once in a process."""
    return tuple(find(ROOMS[room], cases(ROOMS[room])[case]))


def stands_on_graph(room: Room) -> bool:
    """Whether the query asks the graph tables; deriving them takes a second a world."""
    return re.search(r"\b(nodes|edges)\b", room.query) is not None


def every_case() -> Iterator[Any]:
    for room in ROOMS.values():
        for name, case in cases(room).items():
            yield pytest.param(room, name, case, id=f"{room.name}-{name}")


@pytest.mark.parametrize(("room", "name", "case"), list(every_case()))
def test_a_case_finds_what_it_expects_and_nothing_else(
    room: Room, name: str, case: dict[str, Any]
) -> None:
    found = list(found_in(room.name, name))
    expected = case.get("expect", [])
    assert [f.provider_id for f in found] == sorted(e["provider_id"] for e in expected), [
        f.as_json() for f in found
    ]
    left = list(found)
    # Those that name their subjects choose first; the others take what their provider has.
    for wanted in sorted(expected, key=lambda e: "subjects" not in e):
        finding = next(f for f in left if _is_about(f, wanted))
        left.remove(finding)
        _compare(finding, dict(wanted))
        _resolve(finding, case)


def _is_about(finding: Finding, wanted: Mapping[str, Any]) -> bool:
    said = finding.as_json()
    return all(said[name] == wanted[name] for name in ("provider_id", "subjects") if name in wanted)


def _compare(finding: Finding, wanted: dict[str, Any]) -> None:
    said = finding.as_json()
    keys = [next(iter(row["key"].values())) for row in said["evidence"]]
    if "evidence" in wanted:
        assert sorted(keys) == sorted(wanted.pop("evidence"))
    unknown = [t.story for t in finding.innocent if t.outcome is Outcome.UNKNOWN]
    assert unknown == wanted.pop("unknown", [])
    assert list(finding.against) == wanted.pop("against", list(finding.against))
    if wanted.get("exposure_sek") == "unknown":
        wanted["exposure_sek"] = None
    for name, value in wanted.items():
        if name == "statistics":
            assert {key: said[name].get(key) for key in value} == value
        else:
            shown = value.isoformat() if isinstance(value, date) else value
            assert said[name] == shown, name


def _resolve(finding: Finding, case: dict[str, Any]) -> None:
    """Each row of evidence is a row of the case, at the place it names."""
    assert finding.evidence
    for row in finding.evidence:
        given = case["given"][row.table][row.row - 2]
        assert row.key == tuple(given.get(name) or None for name in TABLES[row.table].key)
        assert row.file_sha256 == FILE_SHA256
    assert finding.since <= finding.until <= case["as_of"]
    assert finding.events >= 1
    assert finding.days >= 1


#: Worlds of a room that are told in another order: each takes a second.
_TURNED = 6


@pytest.mark.parametrize("name", ROOMS)
class TestLaw:
    def test_every_innocent_case_differs_from_a_firing_one_and_is_silent(self, name: str) -> None:
        room, told = ROOMS[name], cases(ROOMS[name])
        named = {cause.case for cause in room.innocent if cause.case is not None}
        assert named <= set(told)
        assert all(not told[case].get("expect") for case in named)
        assert all(told[told[case]["like"]].get("expect") for case in named)
        assert any(case.get("expect") for case in told.values())

    def test_columns_are_those_of_a_finding(self, name: str) -> None:
        room = ROOMS[name]
        with Engine(threads=1) as engine:
            world(engine, {})
            open_views(engine, date(2025, 1, 1))
            derive(engine)
            sql = room.query
            for parameter in sorted(room.parameters, key=len, reverse=True):
                value = room.thresholds.get(parameter)
                literal = "DATE '2025-01-01'" if value is None else repr(value.value)
                sql = sql.replace(f"${parameter}", literal)
            columns = [column for column, _ in engine.columns(sql)]
        assert set(COLUMNS) <= set(columns)
        assert len(set(columns)) == len(columns)

    def test_an_empty_world_is_silent(self, name: str) -> None:
        assert find(ROOMS[name], {"given": {}, "as_of": date(2025, 1, 1)}) == []

    def test_statistical_findings_carry_p_and_q(self, name: str) -> None:
        room = ROOMS[name]
        if room.strength is Strength.STAT:
            firing = next(case for case, told in cases(room).items() if told.get("expect"))
            for finding in found_in(name, firing):
                assert 0 <= finding.statistics["p_value"] <= finding.statistics["q_value"] <= 1

    def test_equal_data_gives_equal_findings_whatever_the_order_of_rows(self, name: str) -> None:
        room = ROOMS[name]
        firing = {each: case for each, case in cases(room).items() if case.get("expect")}
        for each, case in list(firing.items())[:_TURNED]:
            turned = {table: rows[::-1] for table, rows in case["given"].items()}
            once, again = found_in(name, each), find(room, {**case, "given": turned})
            assert [_without_rows(f) for f in once] == [_without_rows(f) for f in again]
            assert all(f.detector_digest == room.digest for f in once)
        each, case = next(iter(firing.items()))
        assert [f.as_json() for f in found_in(name, each)] == [
            f.as_json() for f in find(room, case)
        ]

    def test_what_speaks_against_is_said_with_the_claim(self, name: str) -> None:
        room = ROOMS[name]
        texts, said = {told.name: told.text for told in room.against}, set[str]()
        for each, case in cases(room).items():
            for finding in found_in(name, each) if case.get("expect") else ():
                for against in finding.against:
                    # Up to the first number that is filled in.
                    assert texts[against].sv.partition("{")[0] in finding.summary.sv
                    assert texts[against].en.partition("{")[0] in finding.summary.en
                if not finding.against:
                    assert finding.summary.en.endswith(both("finding", "nothing_against")["en"])
                said.update(finding.against)
        assert said
        assert said == set(texts), "each is shown by a case"

    def test_no_word_of_guilt(self, name: str) -> None:
        declared = (ROOMS[name].folder / "detector.toml").read_text(encoding="utf-8")
        swedish = (ROOMS[name].folder / "swedish.toml").read_text(encoding="utf-8")
        told = (ROOMS[name].folder / "cases.toml").read_text(encoding="utf-8")
        assert words_of_guilt(declared) == []
        assert words_of_guilt(swedish) == []
        assert words_of_guilt(told) == []

    def test_the_rule_is_told_in_swedish_and_says_the_same(self, name: str) -> None:
        """In other words, but with the same numbers, laws and sources."""
        english, swedish = _rule(ROOMS[name]), _rule(ROOMS[name].swedish)
        assert list(english) == list(swedish)
        for part, told in swedish.items():
            assert told.casefold() != english[part].casefold(), part
            assert not ENGLISH.findall(told), part
            assert sorted(_FIGURE.findall(told)) == sorted(_FIGURE.findall(english[part])), part

    def test_the_query_carries_over_to_spark(self, name: str) -> None:
        assert portability_faults(ROOMS[name].query) == []

    def test_files_are_small(self, name: str) -> None:
        for path in ROOMS[name].folder.iterdir():
            if path.suffix in {".sql", ".py"}:
                assert len(path.read_text(encoding="utf-8").splitlines()) <= 360, path.name


#: Words that no Swedish sentence has.
ENGLISH = re.compile(
    r"\b(the|of|and|is|which|with|their|than|days|hours|share|seed|domain|proposed)\b"
)
#: A number, or the name of a source, a law or a requirement.
_FIGURE = re.compile(r"\b[A-Z]?\d+(?::\d+)?(?:-[A-Z]+|[a-z]\b)?")


def _rule(told: Room | Swedish) -> dict[str, str]:
    """Each text of a rule by its name."""
    return {
        **{part: getattr(told, part) for part in ("claim", "silent_on", "basis")},
        **{f"{name}.unit": limit.unit for name, limit in told.thresholds.items()},
        **{f"{name}.why": limit.why for name, limit in told.thresholds.items()},
    }


def _without_rows(finding: Finding) -> dict[str, Any]:
    said = finding.as_json()
    return {**said, "evidence": [(row["table"], row["key"]) for row in said["evidence"]]}


def portability_faults(sql: str) -> list[str]:
    """What would not survive, or silently change meaning, on the way to Spark SQL."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    faults = [f"unknown function {node.name}" for node in tree.find_all(exp.Anonymous)]
    faults += ["ordered list" for node in tree.find_all(exp.ArrayAgg) if node.find(exp.Order)]
    faults += ["ASOF JOIN" for node in tree.find_all(exp.Join) if node.method == "ASOF"]
    faults += ["map literal" for _ in tree.find_all(exp.ToMap)]
    faults += [
        "materialized hint" for cte in tree.find_all(exp.CTE) if cte.args.get("materialized")
    ]
    faults += [
        "quantile" for _ in tree.find_all(exp.PercentileCont, exp.PercentileDisc, exp.Quantile)
    ]
    faults += ["any_value" for _ in tree.find_all(exp.AnyValue)]
    faults += ["recursive query" for node in tree.find_all(exp.With) if node.args.get("recursive")]
    spark = tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    try:
        again = sqlglot.parse_one(spark, dialect="spark")
    except sqlglot.errors.ParseError:
        return [*faults, "no Spark SQL comes of it"]
    return faults + [f"unknown to Spark: {node.name}" for node in again.find_all(exp.Anonymous)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(x ORDER BY y) FROM t",
        "SELECT array_agg(x ORDER BY y DESC) FROM t",
        "SELECT * FROM a ASOF JOIN b ON a.x >= b.x",
        "SELECT epoch_us(x) FROM t",
        "SELECT MAP {'a': x} FROM t",
        "SELECT quantile_cont(x, 0.5) FROM t",
    ],
)
def test_the_spark_law_sees_what_passes_silently(sql: str) -> None:
    assert portability_faults(sql)


def test_rooms_are_found() -> None:
    assert set(ROOMS) >= {
        "overlapping_visits",
        "shared_account",
        "clients_follow_worker",
        "ownership_ring",
    }


def test_catalogue_is_written() -> None:
    page = FOLDER.parent / "docs" / "detectors.md"
    assert page.read_text(encoding="utf-8") == catalogue(list(ROOMS.values()))
