"""Ownership statements: which are refused and where, and what the valid ones become."""

from __future__ import annotations

import csv
import json
import random
import tomllib
from collections import Counter
from copy import deepcopy
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.errors import FileRefused
from graph_service.records import TABLES
from loaders.bods import parse
from loaders.document import DocumentRoom, DocumentRow

ROOM: DocumentRoom = parse
FOLDER = Path(parse.__file__).parent
SAMPLE = json.loads((FOLDER / "sample.json").read_text(encoding="utf-8"))
REAL = Path(__file__).parents[1] / ".." / "shared" / "data" / "ownership_bods"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/ownership_bods")


def read(path: Path) -> tuple[list[DocumentRow], Counter[str]]:
    counted: Counter[str] = Counter()
    return list(ROOM.read(path, counted=counted)), counted


@pytest.fixture
def rows_of(tmp_path):
    def rows(*statements: object, lines: bool = False) -> tuple[list[DocumentRow], Counter[str]]:
        path = tmp_path / "ownership.json"
        texts = [json.dumps(statement) for statement in statements]
        path.write_text("\n".join(texts) if lines else json.dumps(statements))
        return read(path)

    return rows


def statement(kind: str, record: str, details: dict, **over: object) -> dict:
    """A valid statement; its id is made from the record, its parts may be overridden."""
    return {
        "statementId": f"synthetic-statement-of-{record:0>32}"[:64],
        "statementDate": "2024-05-01",
        "declarationSubject": "org",
        "recordId": record,
        "recordType": kind,
        "recordDetails": {"isComponent": False, **details},
        **over,
    }


def entity(record: str, **details: object) -> dict:
    return statement("entity", record, {"entityType": {"type": "registeredEntity"}, **details})


def person(record: str, **details: object) -> dict:
    return statement("person", record, {"personType": "knownPerson", **details})


def relationship(subject: object, party: object, *interests: dict, **over: object) -> dict:
    details = {"subject": subject, "interestedParty": party, "interests": list(interests)}
    return statement("relationship", over.pop("record", "rel"), details, **over)


def identified(scheme: str, number: str) -> dict:
    return {"identifiers": [{"scheme": scheme, "id": number}]}


def named(scheme_name: str, number: str) -> dict:
    return {"identifiers": [{"schemeName": scheme_name, "id": number}]}


def owners(rows: list[DocumentRow]) -> list[tuple[str | None, ...]]:
    columns = ("org_id", "owner_id", "owner_kind", "interest", "share", "valid_from", "valid_to")
    return [tuple(row.values[name] for name in columns) for row in rows if row.table == "owners"]


def only(rows: list[DocumentRow], table: str) -> dict[str, str | None]:
    (found,) = (dict(row.values) for row in rows if row.table == table)
    return found


# --- the sample -------------------------------------------------------------------------------


def test_array_and_lines_say_the_same():
    assert read(FOLDER / "sample.json") == read(FOLDER / "sample.jsonl")


def test_sample_says_what_stands_in_it():
    rows, counted = read(FOLDER / "sample.json")
    assert not any(row.faults for row in rows)
    assert only([row for row in rows if row.row == 3], "persons") == {
        "person_id": "198001012387",
        "given_name": "Test",
        "family_name": "Testsson",
    }
    assert only([row for row in rows if row.row == 2], "organisations") == {
        "org_id": "5599000006",
        "name": "Exempelomsorg AB (synthetic)",
        "country": "SE",
        "registered_on": "2019-05-02",
        "street": "Provgatan 1, Exempelstad",
        "postcode": "123 45",
    }
    me, firm, holding = "198001012387", "5599000006", "GB:99000001"
    assert owners(rows) == [
        (firm, me, "person", "beneficial", "0.75", "2020-01-01", None),
        (firm, me, "person", "shares", "0.75", "2020-01-01", None),
        (firm, me, "person", "votes", "0.6", "2020-01-01", None),
        (firm, holding, "organisation", "shares", "0.1", None, None),
        (holding, "XX:org-3", "organisation", "control", None, None, None),
        (holding, "bods:rel-4", "unknown", "other", None, None, None),
        ("XX:org-3", firm, "organisation", "shares", "0.4", None, "2024-04-30"),
        ("XX:org-3", "bods:per-2", "unknown", "beneficial", None, None, None),
    ]
    assert counted["dropped:nationality"] == counted["dropped:country_of_birth"] == 1
    assert counted["replaced_statements"] == 1


def test_only_columns_of_the_contract_are_given_and_nothing_sensitive():
    rows, _ = read(FOLDER / "sample.json")
    for row in rows:
        assert set(row.values) <= set(TABLES[row.table].names)
    assert "Norway" not in repr(rows)
    assert "isNotPep" not in repr(rows)


def test_order_of_statements_does_not_matter(rows_of):
    def facts(statements):
        rows, counted = rows_of(*statements)
        return sorted(repr((row.table, dict(row.values))) for row in rows), counted

    shuffled = deepcopy(SAMPLE)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert facts(shuffled) == facts(SAMPLE)


# --- identities -------------------------------------------------------------------------------

SWEDEN = {"jurisdiction": {"name": "Sweden", "code": "SE"}}


@pytest.mark.parametrize(
    ("details", "org_id"),
    [
        (identified("SE-BLV", "5599000006"), "5599000006"),
        (identified("SE-BLV", "559900-0006"), "5599000006"),
        (identified("SE-BLV", "165599000006"), "5599000006"),
        (identified("SWE-ORG", "5599000006"), "5599000006"),
        (identified("SE-BLV", "8001012387"), "198001012387"),  # a sole trader
        (identified("SE-BLV", "55990"), "55990"),  # the validator refuses it
        (named("Organisationsnummer", "559900-0006") | SWEDEN, "5599000006"),
        (named("Own list", "A7") | SWEDEN, "XX:org"),
        (named("Own list", "A7"), "XX:org"),
        (identified("GB-COH", "99000001"), "GB:99000001"),
        (identified("IRL-BAU", "990001"), "IE:990001"),
        (identified("XI-LEI", "TESTLEI0000000000001"), "XX:TESTLEI0000000000001"),
        ({"identifiers": [{"scheme": "GB-COH"}]}, "XX:org"),
        ({}, "XX:org"),
    ],
)  # fmt: skip
def test_organisation_number(rows_of, details, org_id):
    rows, _ = rows_of(entity("org", **details), relationship("org", "org"))
    assert only(rows, "organisations")["org_id"] == org_id
    assert owners(rows) == [(org_id, org_id, "organisation", "other", None, None, None)]


def test_a_swedish_number_goes_before_a_foreign_one(rows_of):
    both = (
        identified("GB-COH", "99000001")["identifiers"]
        + identified("SE-BLV", "5599000006")["identifiers"]
    )
    assert (
        only(rows_of(entity("org", identifiers=both))[0], "organisations")["org_id"] == "5599000006"
    )


@pytest.mark.parametrize(
    ("number", "scheme", "born", "person_id"),
    [
        ("198001012387", "SWE-TAXID", None, "198001012387"),
        ("19800101-2387", "SE-SKV", None, "198001012387"),
        ("800101-2387", "SWE-TAXID", "1980-01-01", "198001012387"),
        ("800101-2387", "SWE-TAXID", "1980", "198001012387"),
        ("800101-2387", "SWE-TAXID", None, "bods:per"),  # the century is not guessed
        ("800101-2387", "SWE-TAXID", "1981-01-01", "bods:per"),
        ("198001012387", "SWE-PASSPORT", None, "bods:per"),
        ("198001012387", "NOR-TAXID", None, "bods:per"),
    ],
)
def test_personal_number(rows_of, number, scheme, born, person_id):
    details = identified(scheme, number) | ({"birthDate": born} if born else {})
    rows, _ = rows_of(person("per", **details), relationship("org", "per"))
    assert only(rows, "persons")["person_id"] == person_id
    assert owners(rows)[0][:3] == ("XX:org", person_id, "person")


def test_a_record_of_another_file_keeps_its_record_id(rows_of):
    rows, counted = rows_of(relationship("org", "per", {"type": "shareholding"}))
    assert owners(rows) == [("XX:org", "bods:per", "unknown", "shares", None, None, None)]
    assert counted["party_not_in_file"] == 1


@pytest.mark.parametrize("kind", ["anonymousPerson", "unknownPerson"])
def test_an_unknown_person_is_an_unknown_owner(rows_of, kind):
    rows, _ = rows_of(person("per", personType=kind), relationship("org", "per"))
    assert owners(rows)[0][1:3] == ("bods:per", "unknown")


@pytest.mark.parametrize("kind", ["anonymousEntity", "unknownEntity"])
def test_an_unknown_entity_is_an_unknown_owner(rows_of, kind):
    rows, _ = rows_of(entity("hidden", entityType={"type": kind}), relationship("org", "hidden"))
    assert owners(rows)[0][1:3] == ("XX:hidden", "unknown")


def test_unspecified_parties_keep_the_relationship(rows_of):
    reason = {"reason": "subjectExemptFromDisclosure"}
    rows, counted = rows_of(relationship(reason, reason))
    assert owners(rows) == [("XX:rel", "bods:rel", "unknown", "other", None, None, None)]
    assert counted["unspecified:subjectExemptFromDisclosure"] == 1


# --- interests --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interest", "expected"),
    [
        ({"type": "shareholding"}, {"shares"}),
        ({"type": "votingRights"}, {"votes"}),
        ({"type": "boardChair"}, {"control"}),
        ({"type": "trustee"}, {"control"}),
        ({"type": "settlor"}, {"other"}),
        ({}, {"other"}),
        ({"type": "shareholding", "beneficialOwnershipOrControl": True}, {"shares", "beneficial"}),
        ({"type": "settlor", "beneficialOwnershipOrControl": True}, {"beneficial"}),
        ({"type": "shareholding", "beneficialOwnershipOrControl": False}, {"shares"}),
    ],
)
def test_kind_of_interest(rows_of, interest, expected):
    assert {
        owner[3] for owner in owners(rows_of(relationship("org", "per", interest))[0])
    } == expected


def test_a_summary_of_components_does_not_count_their_shares_again(rows_of):
    indirect = {"type": "shareholding", "directOrIndirect": "indirect", "share": {"exact": 30}}
    alone = relationship("org", "per", indirect)
    assert owners(rows_of(alone)[0])[0][3] == "shares"
    summary = deepcopy(alone)
    summary["recordDetails"]["componentRecords"] = ["rel-a", "rel-b"]
    assert owners(rows_of(summary)[0])[0][3] == "other"


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        ({"exact": 75}, "0.75"),
        ({"exact": 33.333333333}, "0.333333"),
        ({"exact": 100}, "1"),
        ({"exact": 0}, "0"),
        ({"exact": 50, "minimum": 25, "maximum": 75}, "0.5"),
        ({"minimum": 25, "exclusiveMaximum": 50}, "0.25"),
        ({"exclusiveMinimum": 25, "maximum": 50}, "0.25"),
        ({"maximum": 50}, None),
        ({}, None),
    ],
)
def test_share(rows_of, share, expected):
    assert (
        owners(rows_of(relationship("org", "per", {"type": "votingRights", "share": share}))[0])[0][
            4
        ]
        == expected
    )


@given(st.decimals(0, 100, places=6))
@settings(max_examples=50, deadline=None)
def test_share_is_exact_to_the_contract(tmp_path_factory, percent):
    path = tmp_path_factory.mktemp("bods") / "share.json"
    body = json.dumps([relationship("org", "per", {"type": "shareholding", "share": {"exact": 0}})])
    path.write_text(body.replace('"exact": 0', f'"exact": {percent:f}'))
    (owner,) = owners(read(path)[0])
    assert owner[4] is not None
    assert abs(Decimal(owner[4]) - percent / 100) <= Decimal("0.0000005")
    assert len(owner[4].partition(".")[2]) <= 6


def test_parallel_interests_are_never_added(rows_of):
    def held(share: int, **dates: str) -> dict:
        return {"type": "shareholding", "share": {"exact": share}, **dates}

    rows, counted = rows_of(relationship("org", "per", held(10), held(30), held(20)))
    assert [owner[4] for owner in owners(rows)] == ["0.3"]
    assert counted["parallel_interests"] == 2
    ended = relationship("org", "per", held(90, endDate="2020-01-01"), record="rel-1")
    rows, _ = rows_of(ended, relationship("org", "per", held(25), record="rel-2"))
    assert [owner[4:] for owner in owners(rows)] == [("0.25", None, None)]
    apart = (held(10, startDate="2020-01-01"), held(30, startDate="2021-01-01"))
    assert len(owners(rows_of(relationship("org", "per", *apart))[0])) == 2


# --- a record's life --------------------------------------------------------------------------


def version(share: int, date: str, status: str) -> dict:
    held = {"type": "shareholding", "share": {"exact": share}, "startDate": "2020-01-01"}
    return relationship("org", "per", held, statementDate=date, recordStatus=status)


def test_the_latest_statement_counts_whatever_the_order(rows_of):
    old, new = version(60, "2021-01-01", "new"), version(40, "2022-01-01", "updated")
    for order in ((old, new), (new, old)):
        rows, counted = rows_of(*order)
        assert [owner[4] for owner in owners(rows)] == ["0.4"]
        assert counted["replaced_statements"] == 1


def test_on_one_day_closed_comes_after_updated_and_new(rows_of):
    day = "2022-01-01"
    life = [version(40, day, "closed"), version(50, day, "updated"), version(60, day, "new")]
    assert [owner[4:] for owner in owners(rows_of(*life)[0])] == [("0.4", "2020-01-01", day)]


def test_moments_are_compared_in_time(rows_of):
    earlier = version(60, "2022-01-01T23:30:00+02:00", "updated")
    later = version(40, "2022-01-01T22:00:00Z", "updated")
    assert [owner[4] for owner in owners(rows_of(later, earlier)[0])] == ["0.4"]


def test_closing_ends_open_interests_only(rows_of):
    closed = version(40, "2022-06-01", "closed")
    assert owners(rows_of(closed)[0])[0][6] == "2022-06-01"
    closed["recordDetails"]["interests"][0]["endDate"] = "2022-03-01"
    assert owners(rows_of(closed)[0])[0][6] == "2022-03-01"


def test_a_firm_repeated_in_each_declaration_is_one_row(rows_of):
    older = entity("a", name="Old", **identified("SE-BLV", "5599000006")) | {
        "statementDate": "2020-01-01"
    }
    newer = entity("b", name="New", **identified("SE-BLV", "5599000006"))
    rows, counted = rows_of(newer, older, relationship("a", "b"))
    assert only(rows, "organisations")["name"] == "New"
    assert owners(rows)[0][:2] == ("5599000006", "5599000006")
    assert counted["repeated_parties"] == 1


def test_a_ring_is_rows_and_ends(rows_of):
    size = 200
    ring = [relationship(f"o{n}", f"o{(n + 1) % size}", record=f"r{n}") for n in range(size)]
    rows, _ = rows_of(*ring, *(entity(f"o{n}") for n in range(size)))
    assert len(owners(rows)) == size


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", sorted((FOLDER / "malformed").iterdir()), ids=lambda path: path.stem
)
def test_each_malformed_file_is_refused_for_its_fault(path):
    code = path.stem.split("-")[0]
    try:
        rows, _ = read(path)
    except FileRefused as refused:
        assert refused.code == code
    else:
        (refused_row,) = (row for row in rows if row.faults)
        assert {fault.code for fault in refused_row.faults} == {code}
        assert refused_row.path == f"$[{refused_row.row - 1}]"
        assert all(fault.path.startswith(refused_row.path) for fault in refused_row.faults)


def test_a_bad_statement_leaves_the_others(rows_of):
    whole = len(rows_of(*SAMPLE)[0])
    for lines in (False, True):
        rows, _ = rows_of(*SAMPLE[:4], {"recordType": "person"}, *SAMPLE[4:], lines=lines)
        (refused,) = (row for row in rows if row.faults)
        assert (refused.table, refused.row) == ("persons", 5)
        assert "$[4].statementId" in {fault.path for fault in refused.faults}
        assert len(rows) == whole + 1


def test_first_line_broken_is_that_line_alone(tmp_path):
    path = tmp_path / "o.jsonl"
    path.write_text('{"statementId"\n' + json.dumps(entity("org")) + "\n")
    rows, _ = read(path)
    assert [(row.row, bool(row.faults)) for row in rows] == [(1, True), (2, False)]


def test_one_object_on_one_line_is_json_lines(rows_of):
    assert only(rows_of(entity("org"), lines=True)[0], "organisations")["org_id"] == "XX:org"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "empty_file"),
        (b" \n\t ", "empty_file"),
        (b'"text"', "bad_structure"),
        (b"<xml/>", "bad_structure"),
        (b"[{}", "bad_structure"),
        (b"[{}] []", "bad_structure"),
        (b"[NaN]", "bad_structure"),
        (b'["\xff"]', "bad_structure"),
        ("[]".encode("utf-16"), "bad_structure"),
        (b"[" * 100_000, "too_large"),
        (b'["' + b"x" * ((1 << 20) + 1) + b'"]', "too_large"),
        (b'{"a":"' + b"x" * ((1 << 20) + 1) + b'"}', "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_refused_as_a_whole(tmp_path, text, code):
    path = tmp_path / "o.json"
    path.write_bytes(text)
    with pytest.raises(FileRefused) as refused:
        next(ROOM.read(path, counted=Counter()))
    assert refused.value.code == code


def test_a_byte_order_mark_and_an_empty_array_are_fine(tmp_path):
    path = tmp_path / "o.json"
    path.write_bytes(b"\xef\xbb\xbf []")
    assert read(path)[0] == []


def test_half_a_character_is_no_text(tmp_path):
    path = tmp_path / "o.jsonl"
    path.write_text(json.dumps(entity("org", name="x")).replace('"x"', r'"\ud800"') + "\n")
    ((row,), _) = read(path)
    assert row.faults[0].code == "not_text"


def test_refusals_name_no_value(rows_of):
    rows, _ = rows_of(
        person("per", **identified("SWE-TAXID", "198001012387"), birthDate="198001012387")
    )
    assert rows[0].faults
    assert "198001012387" not in repr(rows)


def test_room_is_declared():
    declared = tomllib.loads((FOLDER / "source.toml").read_text(encoding="utf-8"))
    assert declared["name"] == FOLDER.name
    assert any(mark in json.dumps(SAMPLE) for mark in declared["recognise"]["contains_any"])


# --- the standard's own statements ------------------------------------------------------------

STANDARD = REAL / "data-standard"
#: Refused as a file, not as a statement; `loaders/bods/README.md` says why.
EXCEPTIONS = ("statements_not_array.json",)


@needs_real
def test_every_valid_statement_loads():
    valid = sorted((STANDARD / "tests/data/valid-statements").glob("*.json"))
    examples = sorted((STANDARD / "examples").glob("*.json"))
    fixtures = sorted((REAL / "bods-v04-fixtures").rglob("*.json"))
    assert len(valid) == 111
    for path in valid + examples + fixtures:
        rows, counted = read(path)
        assert rows, path.name
        assert not any(row.faults for row in rows), path.name
        keys = [
            (row.table, *(row.values.get(key) for key in TABLES[row.table].key)) for row in rows
        ]
        assert len(keys) == len(set(keys)), "rows of one key would refuse each other"
        seen = {row.row for row in rows}
        total = len(json.loads(path.read_text(encoding="utf-8")))
        merged = (
            counted["replaced_statements"]
            + counted["repeated_parties"]
            + counted["parallel_interests"]
        )
        assert total - merged <= len(seen) <= total


@needs_real
def test_every_invalid_statement_is_refused_where_the_standard_says():
    folder = STANDARD / "tests/data/invalid-statements"
    with (folder / "expected_errors.csv").open(encoding="utf-8") as table:
        expected = {name: rest for name, *rest in csv.reader(table)}
    paths = {path.name: path for path in folder.glob("*.json")}
    assert len(paths) == 192
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in EXCEPTIONS:
        assert name in readme
        with pytest.raises(FileRefused, match=r"^bad_structure"):
            read(paths.pop(name))
    for name, path in paths.items():
        rows, _ = read(path)
        rule, place, missing = expected[name]
        where = f"{place}.{missing}" if rule == "required" else place
        for row in rows:
            assert {fault.code for fault in row.faults} == {"bad_structure"}, name
        assert where in {fault.path for row in rows for fault in row.faults}, name


@needs_real
def test_circular_ownership_stands_as_both_its_sides():
    rows, _ = read(REAL / "bods-v04-fixtures/edge-cases/10-circular-ownership.json")
    alpha, beta = "GB:10000010", "GB:10000011"
    assert {(owner[0], owner[1], owner[4]) for owner in owners(rows)} == {
        (beta, alpha, "1"),
        (alpha, beta, "1"),
    }
