"""The scorecard's page holds what it promises: every room, in tables that parse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import queries
from benchmarks import scorecard_page
from benchmarks.scored_town import Plant, Said, Scored, ScoredTown
from benchmarks.tally import Scorecard, detectors, innocents, providers, rate, review, share
from graph_service.opening import words_of_guilt

ROOMS = sorted(path.parent.name for path in Path(queries.__file__).parent.glob("*/detector.toml"))
DOCS = Path(__file__).parent.parent / "docs"
NUMBER = r"\d[\d,]*(\.\d+)?"
CELL = re.compile(rf"–|{NUMBER}( \({NUMBER}–({NUMBER}|inf)\))?")


def tables(page: str) -> list[list[list[str]]]:
    """The cells of each table of a page, the ruled line left out."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    rows = [[line.strip("|\n ").split(" | ") for line in block.splitlines()] for block in blocks]
    return [[row for row in block if set("".join(row)) != {"-"}] for block in rows]


def plant(detector: str, provider: str, *who: str, scheme: bool = True, **more: Any) -> Plant:
    strength = more.get("strength", "weak")
    return Plant(detector, more.get("name", "x"), scheme, strength, provider, frozenset(who))


def said(detector: str, provider: str, *who: str, clients: tuple[str, ...] = ()) -> Said:
    return Said(detector, provider, frozenset(who), frozenset(clients))


def town(seed: int, plants: tuple[Plant, ...], told: tuple[Said, ...]) -> ScoredTown:
    homes = tuple(
        Scored(name, 10, 1 + place, name == "c", place + 1, "review" if name == "a" else "none")
        for place, name in enumerate("abc")
    )
    return ScoredTown(seed, any(p.scheme for p in plants), plants, told, homes, {"k": "80–89"})


CARD = Scorecard(
    ["ring", "visits"],
    [
        town(
            1,
            (
                plant("ring", "a", "x"),
                plant("visits", "a", "w1", strength="strong"),
                plant("visits", "b", "w2", scheme=False, name="couple"),
            ),
            (said("ring", "a", "x"), said("visits", "b", "w2", "k", clients=("k",))),
        ),
        town(2, (plant("ring", "b", "y", scheme=False, name="group"),), ()),
    ],
)


def test_a_finding_is_true_when_it_names_somebody_of_the_scheme() -> None:
    scheme = plant("ring", "a", "x")
    assert said("ring", "b", "x").tells_of(scheme)
    assert said("ring", "a").tells_of(scheme)
    assert not said("ring", "a", "z").tells_of(scheme)
    assert not said("visits", "a", "x").tells_of(scheme)


def test_figures_are_counted_as_the_page_says() -> None:
    found = {row[0]: row[1:] for row in detectors(CARD).rows}
    assert found["ring"][:6] == ("1", "1", "1.00 (0.03–1.00)", "1", "1", "1.00 (0.03–1.00)")
    # Of town 1, b and c are clean, ten months each; of town 2 all three.
    assert found["visits"][:2] == ("1", "0")
    assert found["visits"][6].startswith("2.00 (")
    assert [found[room][7] for room in CARD.rooms] == ["0", "0"]
    assert [row[2:] for row in innocents(CARD).rows] == [("1", "0"), ("1", "1")]
    by = {row[0]: row[1:] for row in providers(CARD).rows}
    assert by["middle third"][:2] == ("20", "1")
    assert by["municipal"][:2] == ("20", "0")
    assert by["smallest third"][3:5] == ("2", "1")
    assert review(CARD).rows[0][:4] == ("1", "3", "30", "1")
    precision, best, chance = CARD.at(1)
    assert (precision.value, best) == (1.0, 1.0)
    assert chance == pytest.approx(1 / 3)


def test_nothing_counted_says_so() -> None:
    assert share(0, 0).text() == rate(0, 0).text() == "–"


def test_equal_figures_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        scorecard_page.write(tmp_path / name, CARD, 1000, 10)
    one, two = (sorted((tmp_path / name).rglob("*.*")) for name in ("one", "two"))
    assert len(one) == 4
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_the_page_names_every_room_and_its_tables_parse() -> None:
    page = (DOCS / "scorecard.md").read_text(encoding="utf-8")
    assert not words_of_guilt(page)
    told = tables(page)
    assert len(told) == 8
    for head, *rows in told:
        assert rows
        assert all(len(row) == len(head) for row in rows)
        for row in rows:
            named = 2 if head[1] == "innocent cause" else 1
            assert all(CELL.fullmatch(cell) for cell in row[named:]), row
    assert [row[0] for row in told[0][1:]] == [row[0] for row in told[1][1:]] == ROOMS
    for figure in re.findall(r"\]\((.+\.svg)\)", page):
        assert (DOCS / figure).is_file()
