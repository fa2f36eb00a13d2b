"""Look-ups asked of Neo4j: the rows and the answers of the run file, and one run at a time."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_service.engines.duckdb import Engine
from graph_service.errors import RunError
from graph_service.graph.declaration import KINDS
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores import card as cards
from graph_service.stores import neighbourhood, ownership, paths, search
from graph_service.stores.answers import as_json
from graph_service.stores.embedded import EmbeddedReader
from graph_service.stores.lookups import QUERIES, Reader
from graph_service.stores.neo4j.connection import Connection, connect
from graph_service.stores.neo4j.lookups import open_reader
from graph_service.stores.neo4j.publish import publication
from tests.networks import LOOKUPS, TODAY, Network, days, edge, networks, node, write

SLOW = settings(
    deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_seconds = itertools.count()


def clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(_seconds))


@pytest.fixture
def connection(empty_database: Neo4jSettings) -> Iterator[Connection]:
    with connect(empty_database) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def show(connection: Connection, home: Home, engine: Engine, run_id: str = "run") -> None:
    token = (f"token-{number}" for number in itertools.count())
    with publication(connection, home, run_id, clock=clock, token=lambda: next(token)) as made:
        made.write_graph(engine)
        made.write_findings(engine)
        made.show()


@contextmanager
def both(connection: Connection, home: Home, network: Network) -> Iterator[tuple[Reader, Reader]]:
    """A reader of each engine, of one network."""
    with Engine(threads=1) as engine:
        write(engine, network)
        show(connection, home, engine)
        with open_reader(connection, LOOKUPS, name="test", purpose="a test") as reader:
            yield EmbeddedReader("run", engine, LOOKUPS), reader


#: What an engine keeps for itself, or what no answer shows.
_OWN = {"number", "since", "until", "search", "by_month", "days", "amounts"}


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: plain(part) for name, part in value.items() if name not in _OWN}
        return {name: part for name, part in kept.items() if part is not None}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def rows(reader: Reader, query: str, given_: Mapping[str, Any]) -> list[Any]:
    found = reader.rows(query, given_)
    assert all(set(row) == set(QUERIES[query].columns) for row in found)
    return [plain({name: _number(part) for name, part in row.items()}) for row in found]


def _number(value: Any) -> Any:
    return float(value) if type(value).__name__ == "Decimal" else value


_TEXTS = (
    ("lind", ""),
    ("asa lind", ""),
    ("omsorg", ""),
    ("552", "552"),
    ("552000 0018", "5520000018"),
    ("syn", ""),
    ("storgatan1 11418", "storgatan111418"),
)
_SOME_TYPES = st.lists(st.sampled_from(neighbourhood.TYPES), max_size=4, unique=True)


def drawn(data: st.DataObject, network: Network) -> dict[str, Any]:
    ids = [row["node_id"] for row in network.nodes]
    some = st.lists(st.sampled_from([*ids, "person:nobody"]), max_size=4, unique=True)
    types = st.just(list(neighbourhood.TYPES)) | st.just(["OWNS", "TRANSFERRED_TO"]) | _SOME_TYPES
    nodes, walked = data.draw(some), data.draw(some)
    text, compact = data.draw(st.sampled_from(_TEXTS))
    return {
        "nodes": sorted({*nodes, *walked}),
        "walked": walked,
        "seen": sorted({*nodes, *data.draw(some)}),
        "ends": data.draw(some),
        "keys": data.draw(some),
        "node": data.draw(st.sampled_from(ids)),
        "start": data.draw(st.sampled_from([*ids, ""])),
        "types": data.draw(types),
        "kinds": data.draw(st.sampled_from([list(KINDS), ["organisation", "person"], ["account"]])),
        "as_of": data.draw(st.none() | days),
        "hub": data.draw(st.integers(0, 4)),
        "limit": data.draw(st.integers(0, 5)),
        "text": text,
        "compact": compact,
        "words": sorted(text.split(), key=len, reverse=True),
    }


@SLOW
@given(networks(), st.data())
def test_each_question_has_the_same_rows(
    connection: Connection, home: Home, network: Network, data: st.DataObject
) -> None:
    with both(connection, home, network) as (embedded, neo4j):
        for _ in range(3):
            given_ = drawn(data, network)
            for query, told in QUERIES.items():
                named = {name: given_[name] for name in told.parameters}
                assert rows(neo4j, query, named) == rows(embedded, query, named), query


def answers(reader: Reader, network: Network, as_of: date | None) -> Iterator[Any]:
    """Every look-up of every entity, as JSON without what names the engine's run."""
    for row in network.nodes:
        entity = search.resolve(reader, row["node_id"], today=TODAY)
        for depth in (1, 2, 3):
            yield neighbourhood.around(reader, entity, depth=depth, as_of=as_of, hub=2, limit=4)
        yield cards.timeline(reader, entity, as_of=as_of, limit=6)
        other = search.resolve(reader, network.nodes[0]["node_id"], today=TODAY)
        yield paths.paths(reader, entity, other, as_of=as_of)
        if row["kind"] == "organisation":
            yield ownership.ownership(reader, entity, as_of=as_of)
            yield cards.card(reader, entity, as_of=as_of, limit=3)
    for text in ("lind", "omsorg ab", "552000-0018", "åsa", "nobody at all"):
        yield search.find(reader, text, today=TODAY)


@settings(SLOW, max_examples=4)
@given(networks(), st.none() | days)
def test_each_look_up_has_the_same_answer(
    connection: Connection, home: Home, network: Network, as_of: date | None
) -> None:
    with both(connection, home, network) as (embedded, neo4j):
        pairs = zip(answers(embedded, network, as_of), answers(neo4j, network, as_of), strict=True)
        for one, other in pairs:
            assert as_json(other) == as_json(one)


# -- findings, foreign graphs, hubs -------------------------------------------------------------

FIRM, OTHER = "organisation:5520000018", "organisation:5520000026"


def judged() -> Network:
    def finding(name: str, strength: str, day: date, *subjects: tuple[str, str, str]) -> Any:
        return {
            "finding_id": name,
            "detector": f"room_{strength}",
            "strength": strength,
            "provider_id": "5520000018",
            "subjects": [{"role": r, "kind": k, "id": i} for r, k, i in subjects],
            "since": "2025-01-01",
            "until": day.isoformat(),
            "events": 3,
            "days": 2,
            "exposure_sek": {"lower": 0.5, "upper": 100.25} if strength == "hard" else None,
            "summary": {"sv": "Indikation.", "en": "Indicator."},
        }

    provider = ("provider", "organisation", "5520000018")
    return Network(
        [node("organisation", "5520000018", "Lind AB"), node("organisation", "5520000026"),
         node("person", "syn:1", "Åsa")],
        [edge("EMPLOYED_BY", "person:syn:1", FIRM, valid_from=date(2025, 1, 1))],
        findings=[
            finding("f1", "net", date(2025, 3, 1), provider, ("worker", "person", "syn:1"),
                    ("shared", "person", "syn:1")),
            finding("f2", "hard", date(2025, 2, 1), provider),
            finding("f3", "net", date(2025, 4, 1), provider, ("worker", "person", "syn:1")),
            finding("f4", "stat", date(2025, 1, 1), ("other", "organisation", "5520000026")),
        ],
        scores=[
            {"provider_id": "5520000018", "score": 61.5, "band": "review", "rank": 1,
             "cannot_assess": [], "not_assessed": ["billing"],
             "contributions": [{"detector": "room_hard", "family": "identity", "points": 61.5,
                                "findings": 1, "exposure_sek": {"lower": 0, "upper": 1}}]},
            {"provider_id": "5520000026", "score": None, "band": "cannot_assess", "rank": None,
             "cannot_assess": ["visits"], "not_assessed": [], "contributions": []},
        ],
    )  # fmt: skip


def test_findings_and_scores_are_told_alike(connection: Connection, home: Home) -> None:
    with both(connection, home, judged()) as (embedded, neo4j):
        for node_id in (FIRM, OTHER, "person:syn:1"):
            for query in ("findings", "score", "timeline"):
                given_ = {"node": node_id, "types": list(neighbourhood.TYPES), "as_of": None}
                given_ = {k: v for k, v in (given_ | {"limit": 9}).items()
                          if k in QUERIES[query].parameters}  # fmt: skip
                assert rows(neo4j, query, given_) == rows(embedded, query, given_)
        told = neo4j.rows("findings", {"node": "person:syn:1", "limit": 9})
        assert [(row["finding_id"], row["role"]) for row in told] == [
            ("f3", "worker"), ("f1", "shared"),
        ]  # fmt: skip
        told = neo4j.rows("findings", {"node": FIRM, "limit": 9})
        assert [row["finding_id"] for row in told] == ["f2", "f4", "f3", "f1"]
        assert neo4j.rows("findings", {"node": FIRM, "limit": 1})[0]["found"] == {
            "room_hard": 1, "room_stat": 1, "room_net": 2,
        }  # fmt: skip


def test_a_foreign_graph_is_not_seen(connection: Connection, home: Home) -> None:
    with both(connection, home, judged()) as (embedded, neo4j):
        before = [as_json(each) for each in answers(neo4j, judged(), None)]
        assert before == [as_json(each) for each in answers(embedded, judged(), None)]
    from graph_service.stores.neo4j.connection import Statement  # noqa: PLC0415

    connection.write(
        Statement(
            "foreign",
            "MATCH (n:GraphService {node_id: $node}) "
            "CREATE (x:Person:Organisation {node_id: $node, key: 'x', kind: 'person', since: 1, "
            "until: 9, search: '\\nlind\\n'}) CREATE (x)-[:OWNS {since: 0}]->(n) "
            "CREATE (n)-[:OWNS {share: 1.0}]->(n) CREATE (n)-[:KNOWS]->(:Thing)",
            {"node": FIRM},
        )
    )
    with open_reader(connection, LOOKUPS, name="test", purpose="") as reader:
        assert [as_json(each) for each in answers(reader, judged(), None)] == before


def star(leaves: int) -> Network:
    people = [node("person", f"syn:{number:06}") for number in range(leaves)]
    ties = [edge("ENROLLED_WITH", row["node_id"], FIRM) for row in people]
    owner = node("person", "syn:owner")
    return Network(
        [node("organisation", "5520000018"), owner, *people],
        [edge("OWNS", "person:syn:owner", FIRM, share=1.0), *ties],
    )


def test_a_hub_is_shown_and_not_walked_through(connection: Connection, home: Home) -> None:
    network = star(120)
    with both(connection, home, network) as readers:
        told = []
        for reader in readers:
            entity = search.resolve(reader, "person:syn:000001", today=TODAY)
            found = neighbourhood.around(reader, entity, depth=2, hub=50)
            assert {each.entity.node_id for each in found.entities} == {
                "person:syn:000001", FIRM, "person:syn:owner",
            }  # fmt: skip
            told.append(as_json(found))
        assert told[0] == told[1]


# -- one run at a time --------------------------------------------------------------------------


def test_before_the_first_publish_it_is_said(connection: Connection) -> None:
    with pytest.raises(RunError, match="graph-service publish"):
        open_reader(connection, LOOKUPS, name="test", purpose="").__enter__()


def test_another_run_than_the_shown_one_is_refused(connection: Connection, home: Home) -> None:
    with Engine(threads=1) as engine:
        write(engine, star(1))
        show(connection, home, engine, "shown-run")
    with (
        pytest.raises(RunError, match="shown-run"),
        open_reader(connection, LOOKUPS, name="test", purpose="", run_id="another"),
    ):
        pass


def _ring(size: int) -> Network:
    firms = [node("organisation", f"XX:{number}") for number in range(size)]
    ids = [row["node_id"] for row in firms]
    ties = [edge("OWNS", a, b, share=1.0 / size) for a, b in itertools.pairwise([*ids, ids[0]])]
    return Network(firms, ties)


def test_a_look_up_of_many_steps_sees_one_run(
    connection: Connection, empty_database: Neo4jSettings, home: Home
) -> None:
    """Rings of two sizes take turns; a walk of three steps meets the one or the other."""
    rings = (_ring(7), _ring(9))
    expected = set()
    for ring in rings:
        with Engine(threads=1) as engine:
            write(engine, ring)
            expected.add(_walk(EmbeddedReader("run", engine, LOOKUPS)))
            show(connection, home, engine)
    assert len(expected) == 2
    done, failed = threading.Event(), []

    def publish() -> None:
        try:
            with connect(empty_database) as other:
                for number in range(6):
                    with Engine(threads=1) as engine:
                        write(engine, rings[number % 2])
                        show(other, home, engine)
        except BaseException as error:  # told by the test, which would else end well
            failed.append(error)
        finally:
            done.set()

    publisher = threading.Thread(target=publish)
    publisher.start()
    met: list[str] = []
    while not done.is_set():
        with open_reader(connection, LOOKUPS, name="walk", purpose="a test") as reader:
            met.append(_walk(reader))
    publisher.join()
    assert not failed, failed
    assert set(met) == expected


def _walk(reader: Reader) -> str:
    entity = search.resolve(reader, "organisation:XX:0", today=TODAY)
    found = neighbourhood.around(reader, entity, depth=3)
    return json.dumps(as_json(found) | {"run_id": ""}, sort_keys=True)


# -- the files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("query", QUERIES)
class TestFile:
    def text(self, query: str) -> str:
        return (LOOKUPS / f"{query}.cypher").read_text(encoding="utf-8")

    def test_it_says_what_a_row_is_and_what_to_give_it(self, query: str) -> None:
        one, why, given_ = self.text(query).splitlines()[:3]
        sql = (LOOKUPS / f"{query}.sql").read_text(encoding="utf-8").splitlines()[:2]
        assert [line.removeprefix("// ") for line in (one, why)] == [
            line.removeprefix("-- ") for line in sql
        ]
        named = set(re.findall(r"(\w+): ", given_.removeprefix("// :params ")))
        code = re.sub(r"//[^\n]*", "", self.text(query))
        assert named == {*QUERIES[query].parameters, "run"}
        assert named == set(re.findall(r"\$(\w+)", code))

    def test_every_element_is_of_the_run_that_is_shown(self, query: str) -> None:
        code = re.sub(r"//[^\n]*", "", self.text(query))
        bound = set(re.findall(r"-\[(\w+)[:\]]", code))
        assert bound <= set(re.findall(r"(\w+)\.since <= \$run < \1\.until", code))
        assert re.search(r"\bn\.since <= \$run < n\.until", code)


def test_no_other_files_lie_there() -> None:
    names: Callable[[str], Sequence[str]] = lambda kind: sorted(  # noqa: E731
        path.stem for path in LOOKUPS.glob(f"*.{kind}")
    )
    assert names("cypher") == names("sql") == sorted(QUERIES)
