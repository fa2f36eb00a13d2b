"""The picture of a network: everybody on it, or counted as left out; the same bytes anywhere."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import typst
from hypothesis import given, settings
from lxml import etree
from pypdf import PdfReader

from graph_service.evidence.network.graph import Network, xml_safe
from graph_service.evidence.network.layout import ROWS, laid_out
from graph_service.evidence.network.picture import picture
from graph_service.evidence.network.svg import WIDTH
from tests.evidence_networks import HOSTILE, every_sort, network, networks, node, star, tie

_SVG = "{http://www.w3.org/2000/svg}"


def _drawn(told: Network) -> etree._Element:
    return etree.fromstring(picture(told).encode())


def _texts(root: etree._Element) -> list[str]:
    return [str(each.text) for each in root.iter(f"{_SVG}text")]


def _references(root: etree._Element) -> list[str]:
    return [str(each.text) for each in root.iterfind(f".//{_SVG}g/{_SVG}title")]


@settings(max_examples=60, deadline=None)
@given(networks())
def test_everybody_is_drawn_once_or_counted(told: Network) -> None:
    root = _drawn(told)
    assert sorted(_references(root)) == sorted(each.reference for each in told.nodes)


def test_a_network_too_large_for_a_page_says_what_it_leaves_out() -> None:
    told = star(60, 240)
    root = _drawn(told)
    shown = Counter(each.partition("-")[0] for each in _references(root))
    assert shown == {"organisation": 1, "person": 2 * ROWS}
    note = " ".join(_texts(root))
    assert f"{240 - ROWS} klienter" in note
    assert f"{60 - ROWS} medarbetare" in note
    # A page leaves it 195 mm, where its text is 165 mm wide.
    assert float(root.get("height", "0")) / WIDTH < 195 / 165


def test_those_the_case_is_about_are_drawn_first() -> None:
    told = star(60, 240)
    shown = laid_out(told, lambda node: node.kind).nodes
    clients = [each for each in shown.values() if "Client" in each.roles]
    visited = {tie.target for tie in told.ties if tie.type == "VISITED" and tie.source in shown}
    assert {each.reference for each in clients} <= visited


def test_the_providers_stand_between_who_controls_and_who_works() -> None:
    owner, firm = node("person", 1, roles=("Owner",)), node("organisation", 1)
    provider = node("organisation", 2, roles=("Provider",))
    worker, client = node("person", 2, roles=("Worker",)), node("person", 3, roles=("Client",))
    told = network([owner, firm, provider, worker, client], [])
    columns = laid_out(told, lambda node: node.kind).columns
    assert columns == tuple((each.reference,) for each in (owner, firm, provider, worker, client))


def test_a_line_through_a_column_has_a_place_of_its_own() -> None:
    owner = node("person", 1, roles=("Owner",))
    firm, provider = node("organisation", 1), node("organisation", 2, roles=("Provider",))
    told = network([owner, firm, provider], [tie("OWNS", owner, provider)])
    layout = laid_out(told, lambda node: node.kind)
    assert sorted(layout.columns[1], key=str) == sorted([None, firm.reference], key=str)
    assert layout.routes[owner.reference, provider.reference] == (
        (1, layout.columns[1].index(None)),
    )


def test_ties_of_one_sort_are_one_line_that_says_how_many() -> None:
    owner, provider = node("person", 1, roles=("Owner",)), node("organisation", roles=("Provider",))
    held = {"share": Decimal("0.6"), "interest": "shares"}
    voted = {"share": Decimal("0.7"), "interest": "votes"}
    twice = [tie("OFFICER_OF", owner, provider, n, role="chair") for n in range(2)]
    both = [tie("OWNS", owner, provider, 1, **held), tie("OWNS", owner, provider, 2, **voted)]
    for ties, words in (
        (both[:1], "äger 60 %"),
        (both, "äger 60 % m.m."),
        (twice, "2 × ordförande"),
    ):
        root = _drawn(network([owner, provider], ties))
        assert words in _texts(root)
        assert len(root.findall(f"{_SVG}path")) == 1 + 1  # the line, and the legend's


def test_a_client_whom_visits_tie_to_the_provider_is_not_tied_twice() -> None:
    told = star(1, 1)
    root = _drawn(told)
    assert "12 besök" in _texts(root)
    assert len(root.findall(f"{_SVG}path")) == 2 + 2
    alone = network(told.nodes, [each for each in told.ties if each.type == "CARED_FOR_BY"])
    assert len(_drawn(alone).findall(f"{_SVG}path")) == 1 + 1


def test_hostile_names_are_text() -> None:
    root = _drawn(network([node("organisation", name=xml_safe(HOSTILE))], []))
    assert any("<&>" in words for words in _texts(root))
    assert not root.findall(f".//{_SVG}script")


def test_every_sort_has_its_place_and_its_line() -> None:
    told = every_sort()
    layout = laid_out(told, lambda node: node.kind)
    root = _drawn(told)
    assert set(_references(root)) == set(layout.nodes)
    assert sum(layout.left_out.values()) == len(told.nodes) - len(layout.nodes)


def _page(picture_: str, folder: Path) -> str:
    """The text of a page of a tagged PDF, which may hold no letter that it cannot show."""
    page = folder / "page.typ"
    page.write_text(
        '#set document(title: "x")\n'
        '#image(bytes(sys.inputs.picture), format: "svg", width: 100%, alt: "x")'
    )
    made = typst.compile(
        str(page),
        ignore_system_fonts=True,
        pdf_standards="ua-1",
        sys_inputs={"picture": picture_},
    )
    (only,) = PdfReader(io.BytesIO(made)).pages
    return only.extract_text()


def test_a_page_sets_the_picture_as_text(tmp_path: Path) -> None:
    told = _page(picture(star(3, 3)), tmp_path)
    for words in ("Linden Omsorg AB", "Medarbetare 1", "Klienter", "12 besök"):
        assert words in told


def test_a_page_shows_letters_that_no_typeface_has(tmp_path: Path) -> None:
    names = (xml_safe(HOSTILE), "\u674e", "a\u200db", "\u0e2a", "\u0645", "\x85\u2028")
    firms = [node("organisation", n, name=name) for n, name in enumerate(names)]
    told = _page(picture(network(firms, [])), tmp_path)
    assert "[U+674E]" in told
    assert "[U+202E]" in told


def test_another_process_draws_the_same_bytes() -> None:
    program = (
        "from tests.evidence_networks import star; "
        "from graph_service.evidence.network.picture import picture; "
        "import sys; sys.stdout.buffer.write(picture(star(20, 30)).encode())"
    )
    drawn = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert drawn.stdout == picture(star(20, 30)).encode()
