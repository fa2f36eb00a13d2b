"""Search, ownership, card and timeline against plain readings of the same tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.engines.duckdb import Engine
from graph_service.errors import UsageError
from graph_service.graph.declaration import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    KINDS,
    NODE_COLUMNS,
    NODE_PROPERTIES,
)
from graph_service.graph.derive import FOLDER
from graph_service.stores.answers import Entity, as_json
from graph_service.stores.card import SECTIONS, card, timeline
from graph_service.stores.lookups import QUERIES
from graph_service.stores.neighbourhood import TYPES
from graph_service.stores.ownership import ownership
from graph_service.stores.search import find, folded, holds_personal_number, resolve
from tests.networks import (
    FIRST,
    LOOKUPS,
    TODAY,
    Network,
    days,
    edge,
    networks,
    node,
    reading,
    stands,
)

SLOW = settings(deadline=None, max_examples=12)
FIRM, OTHER = "organisation:5520000018", "organisation:5520000026"


def entity(reader: Any, node_id: str) -> Entity:
    return Entity.of(reader.rows("entities", {"nodes": [node_id]})[0]["entity"])


# -- laws of the query files --------------------------------------------------------------------


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_takes_and_returns_what_is_declared(name: str) -> None:
    text = (LOOKUPS / f"{name}.sql").read_text(encoding="utf-8")
    first, second, *_ = text.splitlines()
    assert first.startswith("-- One row ") and second.startswith("-- It matters because ")
    assert set(re.findall(r"\$(\w+)", text)) == set(QUERIES[name].parameters)
    asked: dict[str, Any] = dict.fromkeys(QUERIES[name].parameters)
    for parameter in asked:
        if parameter in ("hub", "limit"):
            asked[parameter] = 1
        elif parameter in ("node", "start", "text", "compact"):
            asked[parameter] = FIRM
        elif parameter == "types":
            asked[parameter] = list(TYPES)
        elif parameter == "kinds":
            asked[parameter] = list(KINDS)
        elif parameter == "words":
            asked[parameter] = ["5520000018"]
        elif parameter != "as_of":
            asked[parameter] = [FIRM, OTHER]
    with reading(_group()) as reader:
        rows = reader.rows(name, asked)
    assert rows and all(tuple(row) == QUERIES[name].columns for row in rows)


def test_every_query_file_is_declared() -> None:
    assert {path.stem for path in LOOKUPS.glob("*.sql")} == set(QUERIES)


def test_an_entitys_dates_are_those_whose_names_say_so() -> None:
    """The timeline tells them by name: a date of another name would be missed."""
    for column in (*NODE_COLUMNS, *NODE_PROPERTIES):
        assert (column.type == "DATE") == bool(re.search("_(on|from|to)$", column.name)), column


def test_the_lists_of_edges_stay_with_the_detectors() -> None:
    lists = {each.name for each in (*EDGE_COLUMNS, *EDGE_PROPERTIES) if each.type.endswith("[]")}
    for name in ("between", "owners", "holdings", "card"):
        text = (LOOKUPS / f"{name}.sql").read_text(encoding="utf-8")
        excluded = re.search(r"EXCLUDE \(([\w, ]+)\)", text)
        assert excluded is not None and set(excluded[1].split(", ")) == lists


# -- search -------------------------------------------------------------------------------------

_latin = st.text(st.characters(max_codepoint=0x24F, exclude_categories=("Cs", "Cc")), max_size=12)


@settings(deadline=None, max_examples=20)
@given(st.lists(_latin, min_size=1, max_size=60))
def test_a_question_is_folded_as_the_names_are(texts: list[str]) -> None:
    with Engine(threads=1) as engine:
        engine.script(FOLDER / "macros.sql")
        rows = engine.rows(
            "SELECT search_words(told) AS words FROM (SELECT unnest($texts) AS told)",
            {"texts": texts},
        )
    assert [row["words"] for row in rows] == [folded(text) for text in texts]


@SLOW
@given(
    networks(most=0),
    st.sampled_from(
        ("asa", "Åsa LIND", "lind asa", "Linden", "om", "55200", "552000-0018", "sy P1")
    ),
    st.sampled_from((tuple(KINDS), ("person", "organisation"), ("account",))),
    st.integers(1, 4),
)
def test_search_finds_every_name_and_key_that_holds_the_words(
    network: Network, text: str, kinds: Sequence[str], limit: int
) -> None:
    words = folded(text)
    compact = words.replace(" ", "") if any(map(str.isdigit, words)) else ""

    def graded(row: Mapping[str, Any]) -> str | None:
        key = folded(row["key"])
        lines = [line for line in (folded(row["name"] or ""), key, key.replace(" ", "")) if line]
        asked = [each for each in (words, compact) if each]
        if row["key"] == "5520000018" and compact == "5520000018":
            return "key"
        if any(line == each for line in lines for each in asked):
            return "whole"
        if any(line.startswith(each) for line in lines for each in asked):
            return "start"
        held = all(any(word in line for line in lines) for word in words.split())
        return "part" if held or any(each in line for each in asked for line in lines) else None

    order = ("key", "whole", "start", "part")
    wanted = [
        (order.index(grade), kinds.index(row["kind"]), row["node_id"])
        for row in network.nodes
        if row["kind"] in kinds and (grade := graded(row)) is not None
    ]
    with reading(network) as reader:
        found = find(reader, text, today=TODAY, kinds=kinds, limit=limit)
    told = [
        (order.index(each.match), kinds.index(each.entity.kind), each.entity.node_id)
        for each in found.matches
    ]
    assert told == sorted(wanted)[:limit]
    assert found.total == len(wanted)
    assert sum(found.left_out.values()) == len(wanted) - len(told)


def _named() -> Network:
    return Network(
        [
            node("organisation", "5520000018", "Åkerlunds Omsorg AB"),
            node("organisation", "5520000026", "Åkerlunds Omsorg AB"),
            node("organisation", "198001022386", "Enskild firma"),
            node("person", "198001022386", "Siv Ek"),
            node("person", "198001022394", "Siv Ek"),
            node("account", "BG:9912346"),
            node("account", "8327-90001"),
            node("phone", "+46812345678"),
            node("email", "anna@example.org"),
            node("address", "storgatan1|11418", "Storgatan 1, 11418 Stockholm"),
        ],
        [],
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FIRM, FIRM),
        ("552000-0018", FIRM),
        (" 165520000018 ", FIRM),
        ("SE552000001801", FIRM),
        ("bankgiro 991-2346", "account:BG:9912346"),
        ("991-2346", "account:BG:9912346"),
        ("8327-9,0001", "account:8327-90001"),
        ("08-123 456 78", "phone:+46812345678"),
        ("Anna@Example.org", "email:anna@example.org"),
        ("storgatan 1, 114 18 Stockholm", None),
        ("Storgatan 1, 11418 stockholm", "address:storgatan1|11418"),
        ("enskild FIRMA", "organisation:198001022386"),
        ("person:198001022386", "person:198001022386"),
        ("800102-2394", "person:198001022394"),
    ],
)
def test_an_entity_is_named_by_id_key_number_or_whole_name(text: str, found: str | None) -> None:
    with reading(_named()) as reader:
        if found is None:
            with pytest.raises(UsageError, match="has no entity"):
                resolve(reader, text, today=TODAY)
        else:
            assert resolve(reader, text, today=TODAY).node_id == found


def test_several_of_one_name_are_refused_by_their_ids_but_no_personal_number_is_told() -> None:
    with reading(_named()) as reader:
        with pytest.raises(UsageError) as named:
            resolve(reader, "åkerlunds omsorg ab", today=TODAY)
        with pytest.raises(UsageError) as keyed:
            resolve(reader, "800102-2386", today=TODAY)
        with pytest.raises(UsageError) as called:
            resolve(reader, "Siv Ek", today=TODAY)
        firm = resolve(reader, "19800102-2386", today=TODAY, kinds=("organisation",))
    assert FIRM in str(named.value) and OTHER in str(named.value)
    for refusal in (keyed, called):
        assert "person:…" in str(refusal.value) and not re.search(r"\d{4}", str(refusal.value))
    assert firm.node_id == "organisation:198001022386"


def test_a_purpose_with_a_personal_number_in_any_form_is_seen() -> None:
    for text in (
        "19800102-2386",
        "case 8001022386 b",
        "800102+2386",
        "19800162 2382",
        "800102T238",
    ):
        assert holds_personal_number(text), text
    for text in ("case 12, run 20261122T101500Z", "5520000018", "552000-0018", "BG:9912346"):
        assert not holds_personal_number(text), text


# -- ownership ----------------------------------------------------------------------------------


def _group() -> Network:
    """A ring: the provider's owner is owned for a part by the provider."""
    people = [node("person", f"syn:p{number}") for number in range(3)]
    firms = [node("organisation", key) for key in ("5520000018", "5520000026", "5520000034")]
    third = "organisation:5520000034"

    def owns(owner: str, owned: str, share: float | None, **more: Any) -> dict[str, Any]:
        return edge("OWNS", owner, owned, share=share, **{"interest": "shares", **more})

    return Network(
        [*firms, *people],
        [
            owns(OTHER, FIRM, 0.5),
            owns("person:syn:p0", FIRM, 0.5),
            owns(FIRM, OTHER, 0.2),
            owns("person:syn:p1", OTHER, 0.8),
            owns(FIRM, third, 0.5),
            owns("person:syn:p2", FIRM, None, interest="beneficial"),
            owns("person:syn:p2", FIRM, 0.9, valid_to=date(2020, 1, 1)),
        ],
        [
            {
                "finding_id": "f1",
                "detector": "ownership_ring",
                "strength": "net",
                "provider_id": "5520000018",
                "subjects": [{"role": "owner", "kind": "organisation", "id": "5520000026"}],
                "since": "2025-01-01",
                "until": "2025-02-01",
                "events": 1,
                "days": 1,
                "summary": {"sv": "a", "en": "b"},
            }
        ],
        [
            {
                "provider_id": "5520000018",
                "score": 12.5,
                "band": "watch",
                "rank": 1,
                "contributions": [
                    {
                        "detector": "ownership_ring",
                        "family": "company",
                        "points": 12.5,
                        "findings": 1,
                        "exposure_sek": None,
                    }
                ],
            }
        ],
    )


def test_what_goes_round_a_ring_comes_out_where_it_leaves() -> None:
    """Of the provider: p0 0.5 + 0.5·0.2·x …: owned is 0.5·p0 + 0.5·(0.8·p1 + 0.2·owned)."""
    with reading(_group()) as reader:
        found = ownership(reader, entity(reader, FIRM))
    shares = next(each for each in found.interests if each.interest == "shares")
    assert {each.owner_id: each.share for each in shares.owners} == {
        "person:syn:p0": pytest.approx(0.5 / 0.9),
        "person:syn:p1": pytest.approx(0.4 / 0.9),
    }
    assert shares.unaccounted == 0
    assert {each.owned_id: each.share for each in shares.held} == {
        OTHER: 0.2,
        "organisation:5520000034": 0.5,
    }
    assert found.rings == ((FIRM, OTHER),)
    assert "beneficial" in {each.interest for each in found.above}
    assert "person:syn:p2" in {each.owner_id for each in found.above}
    assert not [each for each in found.above if each.valid_to is not None]


def test_on_an_earlier_day_those_count_who_owned_then() -> None:
    with reading(_group()) as reader:
        found = ownership(reader, entity(reader, FIRM), as_of=date(2019, 6, 1))
    shares = found.interests[0]
    assert shares.overstated == (FIRM,)  # 0.5 + 0.5 + 0.9
    assert sum(each.share for each in shares.owners) == pytest.approx(1)


def test_more_holdings_than_the_bound_give_no_shares() -> None:
    with reading(_group()) as reader:
        found = ownership(reader, entity(reader, FIRM), bound=2)
    assert not found.complete and not found.interests


@SLOW
@given(networks(most=30), st.none() | days, st.data())
def test_effective_shares_are_where_a_payment_out_of_the_owned_ends(
    network: Network, as_of: date | None, data: st.DataObject
) -> None:
    """Each share is passed on, owner by owner, and followed until almost nothing moves."""
    firms = [row["node_id"] for row in network.nodes if row["kind"] == "organisation"]
    if not firms:
        return
    asked = data.draw(st.sampled_from(firms))
    latest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in network.edges:
        standing = row["valid_to"] is None if as_of is None else stands(row, as_of)
        if row["type"] != "OWNS" or row["interest"] != "shares" or not standing:
            continue
        pair = row["target_id"], row["source_id"]
        if pair not in latest or _later(row) > _later(latest[pair]):
            latest[pair] = row
    owners: dict[str, dict[str, float]] = {}
    for (owned, owner), row in latest.items():
        owners.setdefault(owned, {})[owner] = row["share"] or 0.0
    for owned, shares in owners.items():
        whole = max(1.0, sum(shares.values()))
        owners[owned] = {owner: share / whole for owner, share in shares.items()}
        owners[owned].pop(owned, None)
    with reading(network) as reader:
        found = ownership(reader, entity(reader, asked), as_of=as_of)
    told = next((each for each in found.interests if each.interest == "shares"), None)
    kept: Counter[str] = Counter()
    moving = {asked: 1.0} if owners.get(asked) else {}
    for _ in range(3_000):
        passed: Counter[str] = Counter()
        for here, amount in moving.items():
            for owner, share in owners[here].items():
                (passed if owners.get(owner) else kept)[owner] += amount * share
        moving = {each: amount for each, amount in passed.items() if amount > 1e-13}
    final = {each: share for each, share in kept.items() if share > 1e-6}
    if told is None:
        assert not final
        return
    ended = {each.owner_id: each.share for each in told.owners}
    rings = {member for ring in found.rings for member in ring}
    for owner, share in final.items():
        assert ended[owner] == pytest.approx(share, abs=1e-6)
    assert all(owner in final or owner in rings for owner in ended)


def _later(row: Mapping[str, Any]) -> tuple[date, float, str]:
    return row["valid_from"] or date.min, row["share"] or 0.0, row["edge_id"]


# -- card and timeline --------------------------------------------------------------------------


@SLOW
@given(networks(most=40), st.none() | days, st.integers(1, 3), st.data())
def test_a_card_counts_every_tie_and_shows_the_open_and_the_latest(
    network: Network, as_of: date | None, limit: int, data: st.DataObject
) -> None:
    here = data.draw(st.sampled_from([row["node_id"] for row in network.nodes]))
    with reading(network) as reader:
        found = card(reader, entity(reader, here), as_of=as_of, limit=limit)
    ties: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in network.edges:
        if stands(row, as_of) and here in (row["source_id"], row["target_id"]):
            direction = "out" if row["source_id"] == here else "in"
            ties.setdefault((row["type"], direction), []).append(row)
    assert {(each.type, each.direction) for each in found.sections} == set(ties)
    for section in found.sections:
        rows = ties[section.type, section.direction]
        rows.sort(key=lambda row: row["edge_id"])
        rows.sort(key=_latest, reverse=True)
        rows.sort(key=lambda row: row["valid_to"] is not None)
        assert [tie.edge_id for tie in section.relationships] == [
            row["edge_id"] for row in rows[:limit]
        ]
        assert section.total == len(rows)
        assert section.open == sum(row["valid_to"] is None for row in rows)
        far = "target_id" if section.direction == "out" else "source_id"
        assert section.others == len({row[far] for row in rows})
        sums: Counter[str] = Counter()
        for row in rows:
            if row["amount"] is not None and row["currency"] is not None:
                sums[row["currency"]] += row["amount"]
                sums[row["currency"]] += 0
        told = {row["currency"] for row in rows if row["amount"] is not None}
        assert section.amounts == {currency: float(sums[currency]) for currency in told}


def _latest(row: Mapping[str, Any]) -> date:
    found = (row["last"], row["valid_from"], row["first"])
    return next((each for each in found if each is not None), date.min)


def test_a_card_tells_the_score_and_what_was_found() -> None:
    with reading(_group()) as reader:
        found = card(reader, entity(reader, FIRM))
        beside = card(reader, entity(reader, OTHER))
    assert found.score is not None and found.score.score == 12.5
    assert [part.detector for part in found.score.contributions] == ["ownership_ring"]
    assert [(each.finding_id, each.role) for each in found.findings] == [("f1", "provider")]
    assert beside.score is None
    assert [(each.finding_id, each.role) for each in beside.findings] == [("f1", "owner")]
    assert [each.section for each in found.sections] == ["owners", "holdings"]
    assert as_json(found)["findings_by_detector"] == {"ownership_ring": 1}


def test_sections_are_of_types_that_the_graph_has() -> None:
    assert {type_ for type_, _ in SECTIONS} <= set(TYPES)
    assert len(set(SECTIONS.values())) == len(SECTIONS)


@SLOW
@given(networks(most=30), st.none() | days, st.integers(1, 12), st.data())
def test_a_timeline_tells_the_last_events_in_order_and_counts_the_earlier(
    network: Network, as_of: date | None, limit: int, data: st.DataObject
) -> None:
    here = data.draw(st.sampled_from([row["node_id"] for row in network.nodes]))
    with reading(network) as reader:
        found = timeline(reader, entity(reader, here), as_of=as_of, limit=limit)
    own = network.node(here)
    events = [
        (own[name], "entity", own["kind"], name, "", here)
        for name in ("registered_on",)
        if own.get(name) is not None
    ]
    for row in network.edges:
        ends = [row["source_id"], row["target_id"]]
        if here not in ends:
            continue
        ends.remove(here)
        for name in ("valid_from", "valid_to", "first", "last"):
            same = name == "last" and row["last"] == row["first"]
            if row[name] is not None and not same:
                events.append(
                    (row[name], "relationship", row["type"], name, ends[0], row["edge_id"])
                )
    events = sorted(each for each in events if as_of is None or each[0] <= as_of)
    told = [
        (each.date, each.subject, each.type, each.event, each.other_id or "", each.id)
        for each in found.events
    ]
    assert told == events[-limit:]
    assert found.left_out == len(events) - len(told)
    assert found.total == dict(Counter(each[1] for each in events))


def test_findings_stand_in_the_timeline_of_provider_and_subject() -> None:
    with reading(_group()) as reader:
        for node_id in (FIRM, OTHER):
            found = timeline(reader, entity(reader, node_id))
            told = [(each.date, each.event) for each in found.events if each.subject == "finding"]
            assert told == [(FIRST, "first"), (date(2025, 2, 1), "last")]
