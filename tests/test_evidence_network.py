"""The network in the formats of other tools: nothing lost, nothing told that may not be."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.evidence import network as handed_on
from graph_service.evidence import package
from graph_service.evidence.network import graphml, i2
from graph_service.evidence.network.graph import Network, network_of, xml_safe
from graph_service.evidence.network.words import tie_label
from tests.evidence_case import Town, town
from tests.evidence_networks import HOSTILE, every_sort, network, networks, node, tie
from tests.http_service import CLIENTS, FIRM, HIDDEN_CLIENTS, HIDDEN_WORKER, WORKERS, secrets_of

PATHS = (
    package.GRAPHML,
    package.I2_ENTITIES,
    package.I2_LINKS,
    package.I2_GUIDE,
    package.FTM,
    package.CASE,
    package.NETWORK_PICTURE,
)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("network") / "town") as made:
        yield made


@dataclass(frozen=True)
class Given:
    """What a recipient is given: the files, the network, whom it is told."""

    files: Mapping[str, bytes]
    told: Network
    clear: frozenset[str]


@pytest.fixture(scope="module")
def handed(case: Town, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Given]:
    return cache(lambda recipient: _handed(case, tmp_path_factory.mktemp(recipient), recipient))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def _handed(case: Town, folder: Path, recipient: str) -> Given:
    with case.material(folder, recipient) as material:
        handed_on.write(material, folder)
        files = {path: (folder / path).read_bytes() for path in PATHS}
        keys = frozenset(named.key for named in material.clear.values())
        return Given(files, network_of(material), keys)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_graphml_holds_the_same_nodes_ties_and_attributes(folder: Path, told: Network) -> None:
    path = folder / "told.graphml"
    graphml.write(told, path)
    read = networkx.read_graphml(path, force_multigraph=True)

    assert set(read) == {each.reference for each in told.nodes}
    for each in told.nodes:
        known = {"kind": each.kind, "key": each.key, "name": each.name, "linked": each.linked}
        found = {
            name: value for name, value in read.nodes[each.reference].items() if name != "label"
        }
        assert found == _known(known | dict(each.properties))
    assert {(source, target, key) for source, target, key in read.edges(keys=True)} == {
        (each.source, each.target, each.tie_id) for each in told.ties
    }
    for each in told.ties:
        known = {"type": each.type, "valid_from": each.valid_from, "valid_to": each.valid_to}
        found = dict(read.edges[each.source, each.target, each.tie_id])
        del found["label"]
        assert found == _known(known | dict(each.properties))

    again = folder / "again.graphml"
    networkx.write_graphml_lxml(read, again, named_key_ids=True)
    other = networkx.read_graphml(again, force_multigraph=True)
    assert dict(other.nodes(data=True)) == dict(read.nodes(data=True))
    assert sorted(other.edges(keys=True)) == sorted(read.edges(keys=True))


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    """What networkx reads of attributes: days as text, decimals as numbers, nothing of none."""

    def read(value: Any) -> Any:
        if isinstance(value, Decimal):
            return float(value)
        return value.isoformat() if isinstance(value, date) else value

    return {name: read(value) for name, value in told.items() if value is not None}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("OWNS", {"share": Decimal("0.6000"), "interest": "shares"}), "äger 60 %"),
        (("OWNS", {"share": Decimal(1)}), "äger 100 %"),
        (("OWNS", {"share": Decimal("0.335"), "interest": "votes"}), "röstar för 33,5 %"),
        (
            ("OWNS", {"interest": "control", "role": "sole_trader"}),
            "kontrollerar (enskild näringsidkare)",
        ),
        (("WORKED_FOR", {"visits": 1}), "arbetade för (1 besök)"),
        (("VISITED", {"visits": 1200}), "besökte (1\u00a0200 besök)"),
        (("OFFICER_OF", {"role": "ceo"}), "företräder (vd)"),
        (("SAME_AS", {"probability": 0.9731}), "kan vara samma som (97 %)"),
        (
            ("TRANSFERRED_TO", {"amount": Decimal("-24000.5"), "currency": "SEK"}),
            "betalade till \u221224\u00a0000,50 SEK",
        ),
    ],
)
def test_a_tie_is_told_in_a_few_words(told: tuple[str, dict[str, Any]], words: str) -> None:
    tie_type, properties = told
    one, other = node("organisation", 1), node("organisation", 2)
    assert tie_label(tie(tie_type, one, other, **properties)) == words


def test_every_kind_and_type_is_worded_in_every_format(folder: Path) -> None:
    told = every_sort()
    graphml.write(told, folder / "every.graphml")
    i2.write_entities(told, folder / "entities.csv")
    i2.write_links(told, folder / "links.csv")
    read = networkx.read_graphml(folder / "every.graphml")
    assert len(read) == len(told.nodes)
    assert all(data["label"] for _, data in read.nodes(data=True))
    assert len(_table((folder / "links.csv").read_bytes())) == len(told.ties)


def test_several_ties_between_two_stay_several(folder: Path) -> None:
    one, other = node("person"), node("organisation")
    ties = [tie("EMPLOYED_BY", one, other, n, title=f"tjänst {n}") for n in range(3)]
    graphml.write(network([one, other], ties), folder / "several.graphml")
    read = networkx.read_graphml(folder / "several.graphml")
    assert sorted(data["title"] for *_, data in read.edges(data=True)) == [
        "tjänst 0",
        "tjänst 1",
        "tjänst 2",
    ]


def _table(data: bytes) -> list[dict[str, str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@settings(max_examples=60, deadline=None)
@given(networks())
def test_i2_has_a_row_for_each_and_both_ends_are_there(folder: Path, told: Network) -> None:
    i2.write_entities(told, folder / "entities.csv")
    i2.write_links(told, folder / "links.csv")
    entities = _table((folder / "entities.csv").read_bytes())
    links = _table((folder / "links.csv").read_bytes())
    assert [row["identity"] for row in entities] == [each.reference for each in told.nodes]
    assert [row["identity"] for row in links] == [each.tie_id for each in told.ties]
    types = {row["identity"]: row["type"] for row in entities}
    for row, each in zip(links, told.ties, strict=True):
        assert (row["end1_identity"], row["end2_identity"]) == (each.source, each.target)
        assert row["end1_type"] == types[each.source]
        assert row["end2_type"] == types[each.target]
        assert row["direction_code"] == ("0" if each.type == "SAME_AS" else "1")
        assert row["valid_from"] == "2020-01-01"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("=+-@ \t\r\n',;\"a1Å"), min_size=1).map("".join))
def test_no_name_becomes_a_formula_or_breaks_a_line(folder: Path, name: str) -> None:
    told = network([node("organisation", name=xml_safe(name))], [])
    i2.write_entities(told, folder / "entities.csv")
    data = (folder / "entities.csv").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 2
    (row,) = _table(data)
    line = " ".join(name.split())
    assert row["label"] == (f"'{line}" if line[:1] in set("=+-@") and line else line)


def test_the_guide_tells_each_column_in_both_languages(folder: Path) -> None:
    i2.write_guide(folder / "columns.txt")
    swedish, english = (folder / "columns.txt").read_text(encoding="utf-8").split("\n\nTHE NETWORK")
    for columns in (i2.ENTITY_COLUMNS, i2.LINK_COLUMNS):
        for column in columns:
            assert f"\n  {column} " in swedish
            assert f"\n  {column} " in english


def test_strength_tells_record_from_conclusion_from_likeness(folder: Path) -> None:
    firm, account = node("organisation"), node("account")
    like = tie("SAME_AS", firm, node("organisation", 1))
    paid = tie("HOLDS_ACCOUNT", firm, account, 1, role="paid")
    held = tie("HOLDS_ACCOUNT", firm, account, 2, role="registered")
    told = network([firm, account, node("organisation", 1)], [like, paid, held])
    i2.write_links(told, folder / "links.csv")
    found = {
        row["identity"]: (row["strength"], row["strength_code"])
        for row in _table((folder / "links.csv").read_bytes())
    }
    assert found == {
        like.tie_id: ("Tentative", "2"),
        paid.tie_id: ("Unconfirmed", "1"),
        held.tie_id: ("Confirmed", "0"),
    }


@pytest.mark.parametrize("recipient", ["police", "fk", "ivo"])
def test_no_file_names_whom_the_recipient_is_not_told(
    handed: Callable[[str], Given], recipient: str
) -> None:
    given_ = handed(recipient)
    everybody = {*CLIENTS, *WORKERS}
    for number_ in sorted(everybody - given_.clear):
        for secret in secrets_of(number_):
            for path, data in given_.files.items():
                assert secret.encode() not in data, path
    assert not {*HIDDEN_CLIENTS, HIDDEN_WORKER} & {each.key for each in given_.told.nodes}
    # What may be told is told: else the loop above would prove nothing.
    told = sorted(everybody & given_.clear)
    assert bool(told) == (recipient != "ivo")
    for number_ in [FIRM, *told]:
        for path in set(PATHS) - {package.I2_GUIDE, package.I2_LINKS}:
            assert number_.encode() in given_.files[path], path


def test_the_same_case_gives_the_same_bytes(
    case: Town, handed: Callable[[str], Given], tmp_path: Path
) -> None:
    assert _handed(case, tmp_path, "police").files == handed("police").files


def test_a_recipient_gets_no_tie_of_a_table_that_it_does_not_need(
    case: Town, tmp_path: Path
) -> None:
    """IVO is given neither accounts, invoices nor payments, and so not who holds an account."""
    account, firm = case.ref("account", "BG:99900011"), case.ref("organisation", FIRM)
    with case.material(tmp_path, "ivo") as material:
        material.engine.execute(
            "INSERT INTO evidence_edges BY NAME SELECT 'HOLDS_ACCOUNT:x' AS edge_id, "
            "'HOLDS_ACCOUNT' AS type, CAST($firm AS VARCHAR) AS source_id, "
            "CAST($account AS VARCHAR) AS target_id",
            {"firm": firm, "account": account},
        )
        told = network_of(material)
    assert "HOLDS_ACCOUNT" not in {each.type for each in told.ties}
    assert account not in {each.reference for each in told.nodes}
    assert {"VISITED", "WORKED_FOR"} <= {each.type for each in told.ties}


def test_what_xml_cannot_hold_is_replaced_and_nothing_else() -> None:
    assert xml_safe(HOSTILE) == HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")


def test_no_two_things_have_one_name(handed: Callable[[str], Given]) -> None:
    files = handed("police").files
    for names in (
        [json.loads(line)["id"] for line in files[package.FTM].splitlines()],
        [each["@id"] for each in json.loads(files[package.CASE])["@graph"]],
    ):
        assert len(names) == len(set(names)) > len(handed("police").told.nodes)
