"""The packaged rows: written as CSV, read back as records, refused where they are not ours."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_service.engines.duckdb import Engine
from graph_service.errors import EvidenceError
from graph_service.evidence import rows
from graph_service.evidence.material import Material
from graph_service.evidence.workspace import _TAKEN
from graph_service.records import TABLES
from tests.world import FILE_SHA256, world

ALL_BUT_VERSIONS = "SELECT * EXCLUDE (_file, _supersedes) FROM known.{} ORDER BY ALL"


OTHER = "ab" * 32
GIVEN = {
    "visits": [
        {"visit_id": "v1", "worker_id": "person-a", "client_id": "person-b", "org_id": "5520000018"}
        | {"municipality": "0000", "service": "omsorg", "start": "2025-03-03T08:00"}
        | {"end": "2025-03-03T08:30:00.25", "note": note, "double_staffed": "true"}
        for note in ("", "två", "tre")
    ],
    "decisions": [
        {"decision_id": "d1", "client_id": "person-b", "municipality": "0000", "service": "omsorg"}
        | {"hours_per_month": "40.125", "valid_from": "2024-01-01"}
    ],
    "invoice_lines": [
        {"invoice_id": "i1", "line_no": "2", "service": "omsorg", "amount": "-12.5"},
    ],
}
TAKEN = """
INSERT INTO taken SELECT $table, _file_sha256, _row, $table || '.csv', _batch,
    TIMESTAMPTZ '2026-03-01 08:00:00.5+01', 'graph-service', '0.1.0', 'stands',
    CASE _row WHEN 2 THEN ['client_id', 'note'] ELSE [] END
FROM known.{}
"""
PLACES = '(finding_id VARCHAR, "table" VARCHAR, file_sha256 VARCHAR, "row" BIGINT)'


@pytest.fixture(scope="module")
def material() -> Iterator[Material]:
    """All that is read of a material here: its engine, with three visits cited by findings."""
    with Engine(threads=1) as engine:
        world(engine, GIVEN)
        engine.execute(
            "UPDATE known.visits SET _file_sha256 = $other WHERE _row = 4", {"other": OTHER}
        )
        columns = ", ".join(f'"{name}" {kind}' for name, kind in _TAKEN.items())
        engine.execute(f"CREATE TABLE taken ({columns})")
        for table in GIVEN:
            engine.execute(TAKEN.format(table), {"table": table})
        for name, finding_ids in (("cited", ["f2", "f1"]), ("support", ["f3"])):
            engine.execute(f"CREATE TABLE {name} {PLACES}")
            engine.execute(
                f"INSERT INTO {name} SELECT unnest($ids), 'visits', _file_sha256, _row "
                "FROM known.visits WHERE _row < 4",
                {"ids": finding_ids},
            )
        yield cast(Material, SimpleNamespace(engine=engine))


@pytest.fixture
def root(material: Material, tmp_path: Path) -> Path:
    rows.write(material, tmp_path)
    return tmp_path


def table_of(root: Path, name: str) -> Path:
    return root / "data" / "rows" / f"{name}.csv"


def told(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_rows_come_back_as_they_were(material: Material, root: Path) -> None:
    with Engine() as engine:
        rows.read(root / "data", engine)
        for table in TABLES.values():
            query = ALL_BUT_VERSIONS.format(f'"{table.name}"')
            assert engine.rows(query) == material.engine.rows(query)
            assert engine.columns(f'FROM known."{table.name}"') == material.engine.columns(
                f'FROM known."{table.name}"'
            )
        cited = "FROM cited ORDER BY ALL"
        assert engine.rows(cited) == material.engine.rows(cited) != []


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    text=st.none()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
    | st.text(st.sampled_from("\",\r\n \\'´åÅ\u2028\ufeff=+"), max_size=12)
)
def test_any_text_comes_back(material: Material, root: Path, text: str | None) -> None:
    change = "UPDATE known.visits SET note = $text"
    before = material.engine.rows("SELECT DISTINCT note FROM known.visits")
    material.engine.execute(change, {"text": text})
    try:
        rows.write(material, root)
    finally:
        material.engine.execute(change, {"text": before[0]["note"]})
    with Engine() as engine:
        rows.read(root / "data", engine)
        assert {row["note"] for row in engine.rows("FROM known.visits")} == {text}
    assert {row["note"] for row in told(table_of(root, "visits"))} == {text or ""}


def test_files_are_in_order_and_say_where_each_row_came_from(root: Path) -> None:
    first, second, third = told(table_of(root, "visits"))
    assert [(line["file_sha256"], line["row"]) for line in (first, second, third)] == [
        (FILE_SHA256, "2"),
        (FILE_SHA256, "3"),
        (OTHER, "4"),
    ]
    assert (first["cited_by"], first["supports"], first["masked"]) == (
        "f1 f2",
        "f3",
        "client_id note",
    )
    assert (third["cited_by"], third["supports"], third["masked"]) == ("", "", "")
    assert (first["file"], first["loaded_at"]) == ("visits.csv", "2026-03-01T07:00:00.500000+00:00")
    assert (first["start"], first["end"]) == (
        "2025-03-03T07:00:00+00:00",
        "2025-03-03T07:30:00.250000+00:00",
    )
    (line,) = told(table_of(root, "invoice_lines"))
    assert (line["amount"], line["line_no"], line["client_id"]) == ("-12.5000", "2", "")
    raw = table_of(root, "visits").read_bytes()
    assert raw.count(b"\r\n") == 4
    assert b',"true",' in raw
    assert not table_of(root, "tips").exists()


def test_each_column_is_explained(root: Path) -> None:
    schema = json.loads((root / "data" / "rows" / "rows.json").read_text(encoding="utf-8"))
    files = {path.stem for path in (root / "data" / "rows").glob("*.csv")}
    assert set(schema["tables"]) == files
    for name, table in schema["tables"].items():
        lines = told(table_of(root, name))
        assert table["rows"] == len(lines)
        assert list(table["columns"]) == list(lines[0]) == list(rows.header(TABLES[name]))
        assert table["key"] == list(TABLES[name].key)
        assert all(column["type"] for column in table["columns"].values())
    money = schema["tables"]["invoice_lines"]["columns"]["amount"]
    assert (money["type"], money["unit"]) == ("money", "SEK")


def renamed(path: Path) -> None:
    path.rename(path.with_name("visits; DROP TABLE x.csv"))


def with_header(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"note"', b'"1); DROP"', 1))


def with_a_field_more(path: Path) -> None:
    path.write_bytes(path.read_bytes().rstrip() + b',"x"\r\n')


def with_no_date(path: Path) -> None:
    path.write_bytes(re.sub(rb'"\d{4}-\d\d-\d\dT', b'"2025-13-01T', path.read_bytes(), count=1))


def with_no_number(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'","2","', b'","two","', 1))


def with_a_long_line(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b'"' + b"x" * (3 << 20) + b'"\r\n')


def not_utf_8(path: Path) -> None:
    path.write_bytes(path.read_bytes().rstrip() + b'\r\n"\xff\xfe"')


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def linked(path: Path) -> None:
    path.symlink_to(path.rename(path.parents[3] / "kept"))


@pytest.mark.parametrize(
    "spoil",
    [
        *(renamed, with_header, with_a_field_more, with_no_date, with_no_number),
        *(with_a_long_line, not_utf_8, emptied, a_folder, linked),
    ],
)
def test_what_is_not_ours_is_refused_by_name(root: Path, spoil: Callable[[Path], None]) -> None:
    spoil(table_of(root, "visits"))
    with Engine() as engine, pytest.raises(EvidenceError, match="rows/visits"):
        rows.read(root / "data", engine)
