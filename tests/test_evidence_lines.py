"""The original lines of a package: exact where they are told, silent where they are not."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_service.access.reference import PATTERN
from graph_service.evidence.lines import writing as lines
from graph_service.evidence.lines.cutting import Field, Why
from graph_service.evidence.lines.redaction import MASKED, UNREAD, Packaged, is_of, redacted
from graph_service.evidence.lines.spellings import holds, spellings
from graph_service.evidence.material import Material
from graph_service.evidence.package import LINE_HEADERS, LINES
from graph_service.lake import Lake
from graph_service.records import TABLES
from loaders.cut import cut
from tests.evidence_case import Town, delivered, told, town
from tests.house import House, person
from tests.http_service import CLIENTS, OWNER, SISTER, WORKERS, secrets_of
from tests.keeping_home import decide, erased

EXPORT = (
    "Besöks-ID;Kommun;Utförare orgnr;Personal personnummer;Personal HSA-id;Kund personnummer;"
    "Kundens namn;Insats;Datum;Faktisk start;Faktisk slut;Anteckning;Diagnos"
)


def short(number: str) -> str:
    """A personal number as most systems write it."""
    return f"{number[2:8]}-{number[8:]}"


def exported(house: House) -> list[Path]:
    """The municipality with its visits in a visit system's own export, whose notes name people."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, EXPORT.split(";"), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    old = {"org_id": SISTER, "worker_id": WORKERS[6], "client_id": CLIENTS[8]}
    old |= {"visit_id": "old", "start": "2023-01-03 08:00", "end": "2023-01-03 08:45"}
    visits = told()["visits"]
    for n, visit in enumerate([visits[0] | old, *visits]):
        client, worker = visit["client_id"], visit["worker_id"]
        writer.writerow(
            {
                "Besöks-ID": visit["visit_id"],
                "Kommun": visit["municipality"],
                "Utförare orgnr": visit["org_id"],
                "Personal personnummer": short(worker),
                "Personal HSA-id": f"SE{worker[2:]}",
                "Kund personnummer": f"{client[:8]}-{client[8:]}",
                "Kundens namn": " ".join(secrets_of(client)[1:3]),
                "Insats": visit["service"],
                "Datum": visit["start"][:10],
                "Faktisk start": visit["start"][11:],
                "Faktisk slut": visit["end"][11:],
                "Anteckning": f'Hos {short(client)};\n"sen" enligt {secrets_of(worker)[1]}'
                * (n % 2),
                "Diagnos": f"F{20 + n}",
            }
        )
    export = house.give("besök.csv", text.getvalue().encode("cp1252"))
    return [path for path in delivered(house) if path.stem != "visits"] + [export]


class Told(NamedTuple):
    """What a recipient is given: the material, its lines, and how each file is written."""

    place: Town
    material: Material
    lines: list[dict[str, str]]
    headers: list[dict[str, str]]
    folder: Path

    @property
    def masked(self) -> set[str]:
        """The people whom the recipient is not told."""
        return {*CLIENTS, *WORKERS, OWNER} - {each.key for each in self.material.clear.values()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town"), exported) as found:
        yield found


@pytest.fixture(scope="module", params=["police", "ebm", "ivo"])
def given_to(
    place: Town, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp(request.param)
    with place.material(folder / "work", request.param) as material:
        lines.write(material, folder, cut)
        yield Told(place, material, table(folder / LINES), table(folder / LINE_HEADERS), folder)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def raw_of(home_of: Town, line: Mapping[str, str]) -> bytes:
    path = Lake(home_of.home).raw(line["file_sha256"])
    assert path is not None
    assert path.name == line["raw_sha256"]
    return path.read_bytes()[int(line["first_byte"]) : int(line["end_byte"])]


def fields_of(line: str, delimiter: str = ";") -> list[str]:
    (values,) = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter)
    return values


def test_each_packaged_row_has_its_line(given_to: Told) -> None:
    engine = given_to.material.engine
    taken = engine.rows('SELECT "table", file_sha256, "row" FROM taken')
    at = [(each["table"], each["file_sha256"], int(each["row"])) for each in given_to.lines]
    assert sorted(at) == sorted((row["table"], row["file_sha256"], row["row"]) for row in taken)
    assert all(not each["why"] for each in given_to.lines)
    visits = {row["_row"]: row for row in engine.rows("FROM known.visits")}
    assert visits
    for each in given_to.lines:
        if each["table"] == "visits":
            line = dict(zip(EXPORT.split(";"), fields_of(each["line"]), strict=True))
            row = visits[int(each["row"])]
            assert row["visit_id"] == f"{line['Kommun']}:{line['Besöks-ID']}"
            for told_as, name in (("Personal", "worker_id"), ("Kund", "client_id")):
                number = line[f"{told_as} personnummer"]
                read = number if "person" in number else number.replace("-", "")[-10:]
                assert row[name] in (read, f"19{read}")
            assert line["Anteckning"] in (row["note"] or "", MASKED)
            assert line["Kundens namn"] == line["Diagnos"] == line["Personal HSA-id"] == UNREAD
            assert {"Personal HSA-id", "#7", "Diagnos"} <= set(each["redacted"].split("; "))


def test_a_line_is_the_bytes_of_its_file(given_to: Told) -> None:
    whole = given_to.material.recipient.name == "police"  # others are not told all of any row
    assert any(each["line_sha256"] for each in given_to.lines) or not whole
    for each in given_to.lines:
        content = raw_of(given_to.place, each)
        if each["redacted"]:
            # A number could be tried on the hash of a line of which all else is told.
            assert each["line_sha256"] == ""
            assert each["line"] != content.decode(each["encoding"])
        else:
            assert each["line"].encode(each["encoding"]) == content
            assert each["line_sha256"] == hashlib.sha256(content).hexdigest()
        delimiter = ";" if each["file"] == "besök.csv" else ","
        shown, stands = (
            fields_of(text, delimiter) for text in (each["line"], content.decode(each["encoding"]))
        )
        changed = [one for one, other in zip(shown, stands, strict=True) if one != other]
        assert len(changed) == len(each["redacted"].split("; ") if each["redacted"] else [])
        assert all(one in (MASKED, UNREAD) or PATTERN.fullmatch(one) for one in changed)


def test_nobody_masked_is_told_in_any_spelling(given_to: Told) -> None:
    text = "".join(
        (given_to.folder / name).read_text(encoding="utf-8") for name in (LINES, LINE_HEADERS)
    )
    # The hashes of files are no texts: their letters would hold any short word by chance.
    text = re.sub("[0-9a-f]{64}", "", text)
    assert given_to.masked
    for number in given_to.masked:
        assert not holds(text, spellings(number))
        for secret in secrets_of(number)[1:]:
            assert secret == "111 22" or secret not in text
    if given_to.material.recipient.name == "ivo":
        assert given_to.masked >= {*CLIENTS, *WORKERS}
        of_visits = [each["line"] for each in given_to.lines if each["table"] == "visits"]
        assert of_visits
        assert all(line.count("person-") == 2 for line in of_visits)


def test_columns_that_no_source_is_known_to_have_are_not_named(given_to: Told) -> None:
    assert "besök.csv" in {each["file"] for each in given_to.headers}
    for each in given_to.headers:
        assert not each["why"]
        if each["file"] == "besök.csv":
            told_of = (each["room"], each["encoding"], each["delimiter"])
            assert told_of == ("visit_export", "cp1252", ";")
            assert each["header"] == EXPORT.replace("Kundens namn", UNREAD)
        else:
            assert each["room"] == "canonical"
            assert set(each["header"].split(",")) <= set(TABLES[Path(each["file"]).stem].names)


def test_the_same_material_gives_the_same_bytes_however_few_at_a_time(
    given_to: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_AT_A_TIME", 3)
    lines.write(given_to.material, tmp_path, cut)
    for name in (LINES, LINE_HEADERS):
        assert (tmp_path / name).read_bytes() == (given_to.folder / name).read_bytes()


def test_lines_are_cut_from_the_bytes_that_stand_for_a_file_now(tmp_path: Path) -> None:
    with town(tmp_path, exported) as place, place.material(tmp_path / "work") as material:

        def written(name: str) -> list[dict[str, str]]:
            lines.write(material, tmp_path / name, cut)
            return table(tmp_path / name / LINES)

        def note(name: str, file: str) -> dict[str, str]:
            return {e["file"]: e for e in table(tmp_path / name / LINE_HEADERS)}[file]

        whole = written("whole")
        decide(place.house, visits=24)
        assert erased(place.house).counts["files_redacted"] == 1
        after = written("redacted")
        assert [each["line"] for each in after] == [each["line"] for each in whole]
        moved = [each for each in after if each["raw_sha256"] != each["file_sha256"]]
        assert {each["file"] for each in moved} == {"besök.csv"}
        for each in moved:
            stands = fields_of(raw_of(place, each).decode(each["encoding"]))
            pairs = zip(fields_of(each["line"]), stands, strict=True)
            changed = [shown for shown, stood in pairs if shown != stood]
            assert len(changed) == len(each["redacted"].split("; "))
        assert "gallrade" in note("redacted", "besök.csv")["note_sv"]

        damaged, missing = moved[0], next(e for e in after if e["table"] == "invoices")
        for each, change in ((damaged, b" "), (missing, None)):
            path = Lake(place.home).raw(each["file_sha256"])
            assert path is not None
            content = path.read_bytes()
            path.unlink()
            if change is not None:
                path.write_bytes(content + change)
        for each, was in zip(written("hurt"), after, strict=True):
            if was["file"] not in (damaged["file"], missing["file"]):
                assert each == was
                continue
            assert each["why"] == (Why.DAMAGED if was["table"] == "visits" else Why.MISSING)
            assert {each[name] for name in ("line", "first_byte", "line_sha256")} == {""}
        assert "kontrollsumma" in note("hurt", damaged["file"])["note_sv"]
        assert note("hurt", missing["file"])["why"] == Why.MISSING


def packaged(name: str, told_as: Mapping[str, Any], **stored: Any) -> Packaged:
    """A packaged row: of what is stored, `told_as` is told otherwise."""
    whole = dict.fromkeys(TABLES[name].names) | stored
    return Packaged(name, whole | told_as, whole, frozenset(told_as))


def field(text: str, *columns: str, part: tuple[str, ...] = (), name: str = "visits") -> Field:
    return Field(
        text,
        text.strip('"'),
        tuple((name, column) for column in columns),
        tuple((name, column) for column in part),
    )


NUMBER = person(4)
ROW = packaged(
    "visits",
    {"client_id": "person-abc", "note": None, "tag_id": "tag-xyz"},
    visit_id="0180:1",
    municipality="0180",
    client_id=NUMBER,
    note="Ring Åsa",
    tag_id="0180:T-77",
    service="Omsorg",
    start="2026-03-01",
)


@pytest.mark.parametrize(
    ("told_field", "instead"),
    [
        (field("Omsorg", "service"), None),
        (field(short(NUMBER), "client_id"), "person-abc"),
        (field('"Ring Åsa"', "note"), MASKED),
        (field("x"), UNREAD),  # no column was made of it
        (field(""), UNREAD),
        (replace(field(""), padding=True), None),  # a delimiter at the end of the line
        (field("", "edited_by"), None),  # an empty field of a column that the row has
        (field("kim", "edited_by"), UNREAD),  # what became nothing was judged by nobody
        (field("kim", "kind", name="absences"), UNREAD),  # a row that is not packaged
        (field("0180", "municipality", part=("tag_id", "visit_id")), None),
        (field("T-77", part=("tag_id",)), "tag-xyz"),
        (field("2026-03-01", part=("start", "tag_id")), "tag-xyz"),
        (field("2026-03-01", part=("start",)), None),
        (field(NUMBER, "service", "client_id"), "person-abc"),
        # The same in another column of the row, in whichever spelling.
        (field(f"Omsorg {NUMBER}", "service"), MASKED),
        (field(f"Omsorg {short(NUMBER)}", "service"), MASKED),
        (field(f"o{' '.join(short(NUMBER).replace('-', '+'))}", "service"), MASKED),
        (field("ring asa", "service"), MASKED),
        (field("tagg t 77", "service"), MASKED),
        (field("tagg 778", "service"), None),
        (field("a\udce5", "service"), UNREAD),  # a byte that is no letter
    ],
)
def test_a_field_is_told_where_a_told_column_says_the_same(
    told_field: Field, instead: str | None
) -> None:
    assert redacted([told_field], [ROW]) == [instead]


@pytest.mark.parametrize(
    ("told_field", "is_its"),
    [
        (field(short(NUMBER), "client_id"), True),
        (field(f" {NUMBER[:8]} {NUMBER[8:]}", "client_id"), True),
        (field(short(person(6)), "client_id"), False),
        (field("", "client_id"), False),
        (field("anybody", "service"), True),  # a word may have been looked up
        (field(short(person(6)), "worker_id"), True),  # of whom the row says nothing
        (field(short(person(6)), "client_id", name="absences"), True),  # not packaged
    ],
)
def test_a_line_of_somebody_else_is_no_line_of_a_row(told_field: Field, is_its: bool) -> None:
    assert is_of([told_field], [ROW]) == is_its


def test_what_one_table_masks_no_other_tells() -> None:
    other = packaged("absences", {}, absence_id="a", client_id=NUMBER, kind="hospital")
    shared = Field(NUMBER, NUMBER, (("absences", "client_id"), ("visits", "client_id")))
    assert redacted([shared], [other]) == [None]
    assert redacted([shared], [other, ROW]) == ["person-abc"]
    assert redacted([field(NUMBER, "absence_id", name="absences")], [other, ROW]) == [MASKED]


def test_names_are_sought_word_by_word() -> None:
    row = packaged(
        "persons",
        {"given_name": None, "street": None, "lat": None, "phone": None},
        given_name="Anna Maria",
        street="Storgatan 12 B",
        lat=Decimal("59.329300"),
        phone="070-123 45 67",
        city="Exstad",
    )
    for text, found in (
        ("hos Annas mor", True),
        ("MARIA", True),
        ("annan dag", False),
        ("vid storgatan", True),
        ("59.3293", True),
        ("+46 70 123 45 67", True),
        ("Exstad", False),
    ):
        instead = redacted([field(text, "city", name="persons")], [row])
        assert instead == [MASKED if found else None], text


separators = st.sampled_from(["", "", "-", " ", "+", ".", "\u00a0", "–", "/"])


@given(
    n=st.integers(0, 5_000),
    short_form=st.booleans(),
    between=st.lists(separators, min_size=12, max_size=12),
    around=st.tuples(*[st.text("abc ;,", max_size=3)] * 2),
)
def test_a_number_is_found_in_every_spelling(
    n: int, short_form: bool, between: list[str], around: tuple[str, str]
) -> None:
    number = person(n)
    digits = number[2:] if short_form else number
    spelled = "".join(map("".join, zip(digits, between, strict=False)))
    assert holds(f"{around[0]}{spelled}{around[1]}", spellings(number))
    other = person(n + 2)
    assert holds(spelled, spellings(other)) == (spelled == other)
