"""What stands on the pages before they are set: numbers, letters with a form, what comes first."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from decimal import Decimal

import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from graph_service.evidence.report import layout, printed
from graph_service.evidence.report.contents import Money
from tests.evidence_contents import contents, dossier, finding, finding_id

NO_BREAK = "\N{NO-BREAK SPACE}"


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
    assert all(len(word) <= 40 for word in re.split(r"[\s\N{ZERO WIDTH SPACE}]", said))


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
