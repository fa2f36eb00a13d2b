"""The report and the dossier as PDF: whole, tagged, the same again, led by nothing they tell."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2
import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from graph_service.evidence.report import layout, pages, printed
from graph_service.evidence.report.contents import Contents, ContractTold, Money, Party
from graph_service.evidence.report.timeline import timeline
from graph_service.evidence.report.words import said as sv
from graph_service.texts import text as text_of
from tests.evidence_contents import CLIENT, chain, contents, finding, finding_id, stress

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


def dossier() -> Contents:
    """Two findings under one contract, one under none; chains of two decisions and of none."""
    first, second = finding(1), finding(2)
    third = finding(3, contract_id=None, title="Faktura utan registrerat besök")
    chains = (
        chain(1, first, decision_id="B-1"),
        chain(2, first, decision_id="B-2"),
        chain(3, third, decision_id=None, decision=None, missing=("inget beslut finns",)),
    )
    return replace(
        contents(3, 0, 3, document="dossier"),
        recipient_title="kommunen, den civila vägen",
        findings=(first, second, third),
        chains=chains,
        contracts=(
            ContractTold(
                contract_id="avtal-17",
                row="contracts:0a0b0c0d:4",
                provider="5590000001",
                service="omsorg",
                reimbursement="utförd tid",
                hourly_rate_sek=Decimal("412.5"),
                valid_from=date(2024, 1, 1),
                valid_to=date(2027, 1, 1),
            ),
        ),
    )


@cache
def words(pdf: bytes) -> list[str]:
    """The text of each page, each run of white space one space."""
    read = pypdf.PdfReader(io.BytesIO(pdf))
    return [re.sub(r"\s+", " ", page.extract_text()) for page in read.pages]


@cache
def whole(pdf: bytes) -> str:
    """All text without any white space, and without what each page has above and below it."""
    around = rf"(Rapport|{sv_pages('dossier')}) · ärende \S+ sida \d+ av \d+|{sv_pages('footer')}"
    inside = "".join(re.sub(around, "", page) for page in words(pdf))
    return re.sub(r"[\s\N{ZERO WIDTH SPACE}]", "", inside)


def sv_pages(key: str) -> str:
    return re.escape(text_of("sv", "pages", key)).replace(r"\ ", " ")


def pressed(text: str) -> str:
    return re.sub(r"\s", "", text)


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


def in_place(pdf: bytes) -> None:
    """All text of a PDF is within its margins, and none upon other text."""
    for width, height, boxes in printed_boxes(pdf):
        for left, bottom, right, top in boxes:
            assert left > MARGIN
            assert right < width - MARGIN
            assert bottom > FOOT
            assert top < height - FOOT
        for at, one in enumerate(boxes):
            assert not any(upon(one, other) for other in boxes[at + 1 :])


Box = tuple[float, float, float, float]
#: In points: what is left of the margins beside and below the text.
MARGIN, FOOT = 60.0, 30.0


def printed_boxes(pdf: bytes) -> Iterator[tuple[float, float, list[Box]]]:
    """Of each page its size and where its text lies, in points from the lower left corner."""
    with pypdfium2.PdfDocument(pdf) as read:
        for page in read:
            text = page.get_textpage()
            yield *page.get_size(), [text.get_rect(at) for at in range(text.count_rects())]
            text.close()
            page.close()


def upon(one: Box, other: Box) -> bool:
    """Whether two boxes share more than the edges that letters of neighbouring lines share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return across > 1.0 and high > 3.0


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


def structure(node: Any) -> list[str]:
    """The kinds of all elements of a tagged PDF, in reading order; figures have their words."""
    node = node.get_object()
    if not isinstance(node, dict):
        return []
    kinds = [str(node["/S"])] if "/S" in node else []
    if kinds == ["/Figure"]:
        assert len(node["/Alt"]) > 20
    under = node.get("/K", [])
    under = under.get_object() if hasattr(under, "get_object") else under
    for each in under if isinstance(under, list) else [under]:
        if not isinstance(each, int):
            kinds += structure(each)
    return kinds


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


def test_a_pdf_with_a_character_without_a_form_is_refused() -> None:
    """So that the next test can fail."""
    for typeface in ("Libertinus Serif", "DejaVu Sans Mono"):
        with pytest.raises(typst.TypstError, match="could not be displayed"):
            compiled("\u738b", typeface)


def compiled(told: str, typeface: str) -> None:
    """Set a text in a typeface and what the program falls back to, by the pages' standard."""
    code = f'#set document(title: "T")\n#set text(font: "{typeface}", lang: "sv")\n'
    typst.compile(
        (code + "#json(bytes(sys.inputs.told))").encode(),
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards="ua-1",
        sys_inputs={"told": json.dumps(told)},
    )


def test_the_typefaces_draw_every_character_that_is_printed_as_it_is() -> None:
    """PDF/UA refuses a character without a form, so that one compile tries them all."""
    letters = [
        chr(code)
        for first, last in printed._DRAWN
        for code in range(first, last + 1)
        if unicodedata.normalize("NFC", chr(code)) == chr(code)
        and printed.printable(chr(code)) == chr(code)
    ]
    assert len(letters) > 500
    for typeface in ("Libertinus Serif", "DejaVu Sans Mono"):
        compiled(" ".join(letters), typeface)


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


def test_the_bounds_of_one_contract_of_several_count_no_krona_twice() -> None:
    told = dossier()
    told = replace(
        told,
        findings=(
            finding(1, exposure=Money(Decimal(100), Decimal(200))),
            finding(2, exposure=Money(Decimal(150), Decimal(170))),
            finding(3, contract_id=None, exposure=None),
        ),
    )
    one, other = layout.laid_out(told)["words"]["contracts"]
    assert one["amount"] == {"lower": f"150,00{NO_BREAK}kr", "upper": f"370,00{NO_BREAK}kr"}
    assert other["amount"] is None


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


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Decimal("1234.5"), "1 234,50 kr"),
        (Decimal("0"), "0,00 kr"),
        (Decimal("-1000000.005"), "\N{MINUS SIGN}1 000 000,00 kr"),
        (Decimal("1E+3"), "1 000,00 kr"),
        (Decimal("999.999"), "1 000,00 kr"),
    ],
)
def test_money_is_written_as_in_swedish(value: Decimal, said: str) -> None:
    assert printed.kronor(value) == said.replace(" ", NO_BREAK)


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=2))
def test_money_reads_back_as_it_was(value: Decimal) -> None:
    said = printed.kronor(value).removesuffix(f"{NO_BREAK}kr")
    plain = said.replace(NO_BREAK, "").replace(",", ".").replace("\N{MINUS SIGN}", "-")
    assert Decimal(plain) == value


@given(st.text(max_size=300))
def test_what_is_printed_can_be_seen_and_a_line_can_hold_it(text: str) -> None:
    said = printed.told(text)
    assert printed.printable(said.replace("\N{ZERO WIDTH SPACE}", "")) == said.replace(
        "\N{ZERO WIDTH SPACE}", ""
    )
    assert all(len(word) <= 64 for word in re.split(r"[\s\N{ZERO WIDTH SPACE}]", said))


def test_hours_are_told_without_the_zeros_of_their_column() -> None:
    assert printed.told(Decimal("40.000000")) == "40"
    assert printed.told(Decimal("1500.250000")) == f"1{NO_BREAK}500,25"
    assert printed.told({"paid_sek": Decimal("40")}) == {"paid_sek": "40,00"}


def test_findings_are_told_by_number_and_the_heaviest_come_first() -> None:
    told = replace(
        contents(1),
        findings=(
            finding(1, strength="net", exposure=Money(Decimal(9), Decimal(9))),
            finding(2, strength="hard", exposure=Money(Decimal(1), Decimal(9))),
            finding(3, strength="hard", exposure=Money(Decimal(2), Decimal(9))),
            finding(4, strength="hard", exposure=None),
        ),
        acts=(),
        chains=(),
    )
    leading = layout.laid_out(told)["words"]["leading"]
    assert [each["number"] for each in leading] == ["3", "2", "4", "1"]
    assert layout.in_words(["10", "2", "1"]) == "1, 2 och 10"
    assert layout.in_words(["7", "3", "1", "2", "9", "8"]) == "1–3 och 7–9"
    assert layout.in_words([]) == ""
    assert finding_id(1) != finding_id(2)


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
