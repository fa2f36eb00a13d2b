"""The report and the dossier as PDF: whole, tagged, the same again, led by nothing they tell."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdf
import pytest

from graph_service.evidence.report import layout, pages
from graph_service.evidence.report.contents import Contents, Party
from graph_service.evidence.report.timeline import timeline
from graph_service.evidence.report.words import said as sv
from tests.evidence_contents import CLIENT, chain, contents, dossier, finding, finding_id, stress
from tests.evidence_pdf import in_place, pressed, structure, whole, words

NO_BREAK = "\N{NO-BREAK SPACE}"
NETWORK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100">'
    '<text x="10" y="50">Knuten till</text></svg>'
)


def made(told: Contents, network: str | None = None) -> bytes:
    return pages.pages(told, timeline(told), network)


@cache
def small() -> bytes:
    return made(contents())


@cache
def large() -> bytes:
    return made(stress())


@cache
def civil() -> bytes:
    return made(dossier())


@pytest.mark.parametrize("document", [small, civil])
def test_every_finding_stands_with_its_rule_its_limits_and_what_answers_it(
    document: Callable[[], bytes],
) -> None:
    told = contents() if document is small else dossier()
    text = whole(document())
    for each in told.findings:
        assert each.title in " ".join(words(document()))
        for said in (each.finding_id, each.claim, each.basis, each.silent_on, each.summary):
            assert pressed(said) in text
        for limit in each.thresholds:
            assert pressed(f"{limit.value} {limit.unit}") in text
            assert pressed(limit.why) in text
            assert pressed(limit.reason or "") in text
        for story in each.stories:
            assert pressed(story.text) in text
            assert pressed(story.outcome_text) in text
            assert pressed(story.ask or "") in text
        for said in (*each.against, *each.rows, each.rerun_text):
            assert pressed(said) in text
    for one in told.chains:
        for part in (one.registration, one.decision, one.invoice_line, one.payment, one.account):
            assert pressed(part or "") in text
        assert all(pressed(each) in text for each in one.missing)
    for party in told.parties:
        assert pressed(party.degree) in text
        assert party.reference in text
    for origin in told.origins:
        assert origin["file_sha256"] in text
    for reply in told.replies:
        assert pressed(reply.text) in text
    assert pressed(told.contact or "-") in text and pressed(told.damages or "-") in text


def test_a_limit_that_the_municipality_changed_tells_both_values_and_the_reason() -> None:
    text = " ".join(words(small()))
    assert "Kommunen har ändrat gränsen från 100 m: Tätorten har långa kvarter" in text


def test_a_rule_stands_in_full_once_and_its_claim_with_each_finding() -> None:
    first, again = finding(1), finding(2)
    other = finding(3, thresholds=first.thresholds[:1])
    told = replace(contents(), findings=(first, again, other), acts=(), chains=())
    text = " ".join(words(made(told)))
    assert text.count(first.claim) == 3
    assert text.count(first.silent_on) == 2
    assert text.count(first.thresholds[0].why) == 2
    assert text.count(first.thresholds[1].why) == 1
    assert "är desamma som för Indikation 1." in text


def test_who_may_be_heard_is_told_to_who_may_try_provisions_clients_only_in_clear() -> None:
    degree = sv("degree", "client")
    masked = Party(CLIENT, "person", None, None, ("klient",), degree, (finding_id(1),))
    clear = replace(masked, reference=f"{CLIENT}2", number="198003022384", name="Test Klient")
    told = replace(contents(), parties=(*contents().parties[:2], masked, clear))
    assert layout.laid_out(told)["words"]["witnesses"] is None
    told = replace(told, provisions=("BrB 9 kap. 1–3 §§", "Kommunen har inte tagit ställning."))
    text = " ".join(words(made(told)))
    heard = text[text.rindex("Vilka som kan höras") : text.rindex("Vidtagna åtgärder")]
    assert "Test Klient 198003022384" in heard
    assert "som därför inte nämns här: 1." in heard
    assert "Test Medarbetare" not in heard
    assert CLIENT not in heard
    at = text.rindex("Bestämmelser som kan aktualiseras")
    assert "Uppgifterna kan aktualisera följande bestämmelser." in text[at : at + 200]
    assert "BrB 9 kap. 1–3 §§" in text[at : at + 300]


@pytest.mark.parametrize("document", [small, large, civil])
def test_no_text_leaves_the_page_or_lies_upon_other_text(document: Callable[[], bytes]) -> None:
    in_place(document())


def test_the_pdf_is_tagged_titled_and_in_swedish() -> None:
    read = pypdf.PdfReader(io.BytesIO(small()))
    root: Any = read.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "sv-SE"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert read.xmp_metadata is not None
    assert "pdfuaid:part" in read.xmp_metadata.stream.get_data().decode()
    assert read.metadata is not None
    assert read.metadata["/Title"] == "Rapport: Registrerade besök hos Exempelomsorgen"
    kinds = structure(root["/StructTreeRoot"])
    assert {"/Table", "/TH", "/TD", "/H1", "/H2", "/Figure", "/L", "/LI", "/TOC"} <= set(kinds)


def test_the_headings_go_down_one_step_at_a_time() -> None:
    for pdf in (small(), civil()):
        root: Any = pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]
        kinds = structure(root["/StructTreeRoot"])
        levels = [int(kind[2:]) for kind in kinds if re.fullmatch(r"/H\d", kind)]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("document", [small, large, civil])
def test_the_first_page_alone_holds_the_summary(document: Callable[[], bytes]) -> None:
    told = words(document())
    for said in ("Uppgiftslämnare", "Målsägande", "Belopp i fråga", "Att känna till", "README"):
        assert said in told[0]
    assert "Innehåll" in told[1][:200]
    assert "Att känna till" not in " ".join(told[1:])


def test_what_the_first_page_has_no_room_for_is_counted_and_stands_later() -> None:
    told = words(large())
    assert re.search(r"Därtill \d+ av 40 indikationer", told[0])
    assert "Hela sammanfattningen" in told[0]
    assert "Detta är en lång mening" in " ".join(told[2:])


def test_pages_are_numbered_and_say_which_case() -> None:
    told = words(small())
    for number, page in enumerate(told, start=1):
        assert f"sida {number} av {len(told)}" in page
        assert "case-00000000000000aa" in page


def test_five_thousand_chains_are_printed_in_part_and_the_rest_counted() -> None:
    text = " ".join(words(large()))
    assert f"De 400 första av 5{NO_BREAK}000 kopplade rader".replace(NO_BREAK, " ") in text
    assert "De övriga 4 600 står i data/contents.json (chains)" in text
    assert "De 400 första av 3 000 händelser" in text


def test_tables_repeat_their_header_on_every_page() -> None:
    told = [page for page in words(large()) if "invoice_lines:9c0d1e2f" in page]
    assert len(told) > 20
    assert all("Registrering Beslut Fakturarad Betalning" in page for page in told)


def test_the_same_contents_give_the_same_bytes() -> None:
    assert made(contents()) == small()
    assert str(Path(pages.__file__).parent).encode() not in small()
    again = made(replace(contents(), made_on=date(2026, 3, 4)))
    assert again != small()


def test_what_a_file_says_is_printed_as_it_stands_and_never_run() -> None:
    hostile = '#eval("1 + 1") *_$ #panic() <svar> @svar [x] \\ // /* `raw` = H "q" \N{BULLET} ~'
    told = replace(
        contents(),
        title=hostile,
        municipality=hostile,
        findings=(finding(title=hostile, summary=hostile, against=(hostile,)),),
        chains=(chain(1, finding(), account=hostile, client=hostile),),
    )
    text = whole(made(told))
    assert text.count(pressed(hostile)) >= 6


def test_what_no_typeface_draws_and_what_deceives_the_eye_is_printed_by_its_code() -> None:
    said = "Omsorg 王 \N{RIGHT-TO-LEFT OVERRIDE}BA\N{ZERO WIDTH SPACE}\x07\N{GRINNING FACE}\ud800"
    told = replace(contents(), title=said)
    assert pressed("Omsorg [U+738B] [U+202E]BA[U+200B][U+0007][U+1F600][U+D800]") in whole(
        made(told)
    )


def test_the_network_stands_in_the_report_if_it_was_drawn() -> None:
    assert "Nätverket kring ärendet" not in " ".join(words(small()))
    with_picture = " ".join(words(made(contents(), NETWORK)))
    assert "Nätverket kring ärendet" in with_picture


def test_the_dossier_goes_by_contract_and_by_decision() -> None:
    text = " ".join(words(civil()))
    assert "Underlag för avtalsprövning" in text
    at = text.index("Vad avtalet säger")
    for said in ("412,50 kr per timme", "utförd tid", "2024-01-01 – 2027-01-01"):
        assert text.index(said, at) > at
    order = [text.rindex(said) for said in ("Beslut B-1", "Beslut B-2", "Utan känt beslut")]
    assert order == sorted(order)
    assert "Ska avtalet sägas upp eller hävas? nämnden" in text
    assert "Utan känt avtal" in text


def test_a_case_with_nothing_in_it_but_a_finding_has_every_section() -> None:
    bare = replace(
        contents(1, 0, 0),
        summary=(),
        parties=(),
        measures=(),
        replies=(),
        masked=(),
        origins=(),
        findings=(finding(thresholds=(), stories=(), against=(), rows=(), statistics={}),),
    )
    text = " ".join(words(made(bare)))
    for said in (
        "Inga händelser är upptagna.",
        "Utföraren har inte lämnat något svar.",
        "Inget har utelämnats eller dolts för denna mottagare.",
        "Inga rader lämnas till denna mottagare.",
    ):
        assert said in text


def test_what_is_longer_than_a_page_goes_on_upon_the_next() -> None:
    wide, name = "W" * 39, "Omsorgsverksamhetsutförarsammanslutningen"
    only = finding(
        statistics={"certificate": [wide[:30]] * 600},
        subjects=tuple(f"medarbetare: {number}" for number in range(80)),
        thresholds=(replace(finding().thresholds[1], reason="Skäl. " * 1_500),),
        summary="ord " * 3_000,
    )
    whole_case = contents(1)
    told = replace(
        whole_case,
        findings=(only,),
        acts=(replace(whole_case.acts[0], what="Besök. " * 900, by=(CLIENT,) * 120),),
        parties=(replace(whole_case.parties[1], name=wide, roles=("medarbetare 2020-",) * 150),),
        chains=(
            chain(1, only, decision_id=wide, invoice_id=name, missing=("fattas " * 300,)),
            chain(2, only, account=wide, service=name),
        ),
        measures=(replace(whole_case.measures[0], what="Åtgärd. " * 900),),
    )
    for document in ("report", "dossier"):
        pdf = made(replace(told, document=document))
        in_place(pdf)
        text = whole(pdf)
        assert text.count("fattas") == 300
        assert text.count("Skäl.") == 1_500
