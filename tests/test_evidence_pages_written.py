"""The pages of a real case, for a recipient told much and for one told little."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdf
import pytest

from graph_service.evidence import network, package
from graph_service.evidence.report import facts, pages
from graph_service.evidence.report.contents import Contents
from graph_service.evidence.rerun import writing as rerun
from tests.evidence_case import Town, town
from tests.evidence_pdf import in_place, pressed, whole, words
from tests.http_service import CLIENTS, FIRM, WORKERS


@dataclass
class Written:
    """What `write` left for a recipient, and of which contents."""

    contents: Contents
    pdf: bytes
    again: bytes
    files: list[str]
    pictures: str


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture(scope="module")
def police(here: Town, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(here, tmp_path_factory.mktemp("police"), "police")


@pytest.fixture(scope="module")
def municipality(here: Town, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(here, tmp_path_factory.mktemp("municipality"), "municipality")


@pytest.fixture(params=["police", "municipality"])
def either(request: pytest.FixtureRequest) -> Written:
    made: Written = request.getfixturevalue(request.param)
    return made


def written(here: Town, folder: Path, recipient: str) -> Written:
    root = folder / "evidence"
    with here.material(folder, recipient) as material:
        reruns = rerun.write(material, root)
        facts.link(material)
        network.write(material, root)
        before = set(root.rglob("*"))
        contents = facts.contents(material, reruns)
        pages.write(contents, material, root)
        made = sorted(each for each in root.rglob("*") if each.is_file() and each not in before)
        (document,) = (each for each in made if each.suffix == ".pdf")
        pdf = document.read_bytes()
        pages.write(contents, material, root)
        return Written(
            contents,
            pdf,
            document.read_bytes(),
            [each.relative_to(root).as_posix() for each in made],
            (root / package.TIMELINE_PICTURE).read_text(encoding="utf-8"),
        )


def test_each_recipient_gets_its_document_and_the_timeline(
    police: Written, municipality: Written
) -> None:
    assert police.files == [package.TIMELINE_PICTURE, package.REPORT]
    assert municipality.files == [package.DOSSIER, package.TIMELINE_PICTURE]
    assert "Rapport till Polismyndigheten" in words(police.pdf)[0]
    assert "Underlag för avtalsprövning till kommunen" in words(municipality.pdf)[0]


def test_the_same_material_gives_the_same_bytes(either: Written) -> None:
    assert either.pdf == either.again


def test_every_finding_is_told_with_all_that_answers_it(either: Written) -> None:
    text = whole(either.pdf)
    assert len(either.contents.findings) == 8
    for each in either.contents.findings:
        for said in (each.finding_id, each.title, each.claim, each.basis, each.silent_on):
            assert pressed(said) in text
        for said in (each.summary, each.rerun_text, *each.against, *each.rows):
            assert pressed(said) in text
        for limit in each.thresholds:
            assert limit.name in text
            assert pressed(limit.why) in text
        for story in each.stories:
            assert pressed(f"{story.text}{story.outcome_text}") in text
    for chain in either.contents.chains:
        for part in (chain.registration, chain.decision, chain.invoice_line, chain.payment):
            assert (part or "") in text
    for origin in either.contents.origins:
        assert origin["file_sha256"] in text


def test_who_is_not_in_clear_is_nowhere_in_the_document(either: Written) -> None:
    clear = {each.number for each in either.contents.parties if each.number}
    text = whole(either.pdf) + either.pictures
    assert FIRM in clear
    for person in (*CLIENTS, *WORKERS):
        assert (person in text) == (person in clear), person
        assert person.encode() not in either.pdf or person in clear


def test_the_municipality_is_told_no_client_or_worker_and_the_police_are_told_those_named(
    police: Written, municipality: Written
) -> None:
    people = {*CLIENTS, *WORKERS}
    assert not people & {each.number for each in municipality.contents.parties}
    assert people & {each.number for each in police.contents.parties}


def test_only_who_may_try_provisions_is_told_of_them_and_who_may_be_heard(
    police: Written, municipality: Written
) -> None:
    told, civil = " ".join(words(police.pdf)), " ".join(words(municipality.pdf))
    for heading in ("Bestämmelser som kan aktualiseras", "Vilka som kan höras"):
        assert heading in told
        assert heading not in civil
    for provision in police.contents.provisions:
        assert provision in told
    heard = told[told.rindex("Vilka som kan höras") : told.rindex("Vidtagna åtgärder")]
    assert CLIENTS[0] in heard
    assert not any(worker in heard for worker in WORKERS)


def test_the_first_page_alone_is_the_summary_and_tells_the_bounds(either: Written) -> None:
    first, second, *_ = words(either.pdf)
    total = either.contents.loss.total
    assert total is not None
    assert "Att känna till" in first
    assert "Innehåll" in second[:200]
    digits = re.sub(r"\D", "", first)
    assert re.sub(r"\D", "", str(total.lower)) in digits
    assert re.sub(r"\D", "", str(total.upper)) in digits


def test_the_pages_are_tagged_and_no_text_lies_upon_other_text(either: Written) -> None:
    root: Any = pypdf.PdfReader(io.BytesIO(either.pdf)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    pictured = [at for at, page in enumerate(words(either.pdf)) if "Maskinläsbart i data" in page]
    assert len(pictured) == 1
    in_place(either.pdf, but=pictured)  # labels of the network lie upon its lines and boxes
