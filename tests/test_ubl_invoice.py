"""Invoices and credit notes: what they say, that they add up, and that no XML trick passes."""

from __future__ import annotations

import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from graph_service.errors import FileRefused
from graph_service.records import TABLES
from loaders.document import DocumentRoom, DocumentRow, swedish_organisation
from loaders.ubl_invoice import parse

ROOM: DocumentRoom = parse
FOLDER = Path(parse.__file__).parent
SAMPLE = (FOLDER / "sample.xml").read_text(encoding="utf-8")
CREDIT = (FOLDER / "sample.credit_note.xml").read_text(encoding="utf-8")
REAL = Path(__file__).parents[1] / ".." / "shared" / "data" / "invoices_ubl"


def read(path: Path) -> tuple[list[DocumentRow], Counter[str]]:
    counted: Counter[str] = Counter()
    return list(ROOM.read(path, counted=counted)), counted


@pytest.fixture
def rows_of(tmp_path):
    def rows(document: str | bytes) -> tuple[list[DocumentRow], Counter[str]]:
        path = tmp_path / "invoice.xml"
        path.write_bytes(document if isinstance(document, bytes) else document.encode())
        return read(path)

    return rows


def changed(document: str, old: str, new: str, times: int = 1) -> str:
    assert old in document
    return document.replace(old, new, times)


def codes(rows: list[DocumentRow]) -> set[str]:
    return {fault.code for row in rows for fault in row.faults}


# --- what an invoice says ---------------------------------------------------------------------


def test_sample_says_what_stands_in_it():
    (invoice, *lines), counted = read(FOLDER / "sample.xml")
    assert invoice.values == {
        "invoice_id": "5599000006:2024-0301",
        "org_id": "5599000006",
        "municipality": "2999000009",
        "issued_on": "2024-04-02",
        "period_from": "2024-03-01",
        "period_to": "2024-03-31",
        "amount": "6886.88",
        "currency": "SEK",
        "account": "BG:99900011",
        "factoring": "false",
        "credit_of": None,
    }
    assert [line.values["amount"] for line in lines] == ["4987.5", "240", "232"]
    assert [line.values["hours"] for line in lines] == ["12.5", None, None]
    assert [line.values["unit"] for line in lines] == ["hour", "piece", "piece"]
    assert [line.values["day"] for line in lines] == [None, "2024-03-04", None]
    assert [(line.row, line.path) for line in lines][-1] == (3, "/Invoice/InvoiceLine[3]")
    assert not codes([invoice, *lines])
    assert not +counted


def test_credit_note_is_negative_and_names_what_it_credits():
    (credit, line), counted = read(FOLDER / "sample.credit_note.xml")
    assert credit.values["amount"] == "-498.75"
    assert credit.values["credit_of"] == "5599000006:2024-0301"
    assert (line.values["amount"], line.values["quantity"]) == ("-399", "-1")
    assert line.values["hours"] is None  # hours are never negative; positive ones would be work
    assert line.values["unit_price"] == "399"
    assert credit.values["period_from"] == credit.values["period_to"] == "2024-04-15"
    assert counted["missing_period"] == 1


def test_only_columns_of_the_contract_are_given():
    for name in ("sample.xml", "sample.credit_note.xml"):
        for row in read(FOLDER / name)[0]:
            assert set(row.values) <= set(TABLES[row.table].names)
            assert not {"client_id", "ordered_by", "received_by", "approved_by"} & set(row.values)


def test_negative_invoice_credits_but_a_reference_of_an_ordinary_one_does_not(rows_of):
    reference = CREDIT[CREDIT.index("  <cac:BillingReference>") : CREDIT.index("  <cac:Accounting")]
    document = changed(SAMPLE, "  <cac:InvoicePeriod>", reference + "  <cac:InvoicePeriod>")
    assert rows_of(document)[0][0].values["credit_of"] is None


LEGAL = '<cbc:CompanyID schemeID="0007">5599000006</cbc:CompanyID>'


@pytest.mark.parametrize(
    ("legal", "org_id"),
    [
        ('<cbc:CompanyID schemeID="0007">559900-0006</cbc:CompanyID>', "5599000006"),
        ("<cbc:CompanyID>165599000006</cbc:CompanyID>", "5599000006"),
        ("", "5599000006"),  # from the VAT number
        ('<cbc:CompanyID schemeID="0088">7300000000001</cbc:CompanyID>', "5599000006"),
        ("<cbc:CompanyID>8001012387</cbc:CompanyID>", "198001012387"),
        ("<cbc:CompanyID>198001012387</cbc:CompanyID>", "198001012387"),
        ("<cbc:CompanyID>55990000</cbc:CompanyID>", "55990000"),  # the validator refuses it
        ('<cbc:CompanyID schemeID="0192">999000001</cbc:CompanyID>', "NO:999000001"),
    ],
)
def test_supplier_number(rows_of, legal, org_id):
    rows, counted = rows_of(changed(SAMPLE, LEGAL, legal))
    assert rows[0].values["org_id"] == org_id
    assert {row.values["invoice_id"] for row in rows} == {f"{org_id}:2024-0301"}
    assert counted["century_inferred"] == (legal.count("8001012387") and "19800" not in legal)


@pytest.mark.parametrize(
    ("written", "year", "expected"),
    [
        ("2399000013", 2024, "2399000013"),
        ("0802012383", 2024, "200802012383"),  # 16 that year
        ("0902012382", 2024, "190902012382"),  # 15 would be too young: 115 it is
        ("SE559900000601", 2024, "5599000006"),
        ("559 900-0006", 2024, "5599000006"),
        ("Säte Exempelstad", 2024, None),
        ("", 2024, None),
        ("٥599000006", 2024, None),  # digits of another script
    ],
)
def test_swedish_organisation(written, year, expected):
    assert swedish_organisation(written, year) == expected


GIRO = SAMPLE[SAMPLE.index("<cbc:ID>9990-0011") : SAMPLE.index("    </cac:PayeeFinancialAccount>")]


@pytest.mark.parametrize(
    ("number", "branch", "account"),
    [
        ("99900011", "SE:BANKGIRO", "BG:99900011"),
        ("12345-674", "SE:PLUSGIRO", "PG:12345674"),
        ("SE45 5000 0000 0583 9825 7466", "SWEDSESS", "SE4550000000058398257466"),
        ("12341234567", "NDEASESS", "1234-1234567"),
        ("812341234567", "SWEDSESS", "81234-1234567"),
        ("Kontakta oss", "", None),
    ],
)
def test_account(rows_of, number, branch, account):
    means = (
        f"<cbc:ID>{number}</cbc:ID><cac:FinancialInstitutionBranch><cbc:ID>{branch}</cbc:ID>"
        "</cac:FinancialInstitutionBranch>"
    )
    rows, counted = rows_of(changed(SAMPLE, GIRO, means))
    assert rows[0].values["account"] == account
    assert counted["unusable_account"] == (account is None)


PAYEE = "<cac:PayeeParty><cac:PartyName><cbc:Name>{}</cbc:Name></cac:PartyName>{}</cac:PayeeParty>"


@pytest.mark.parametrize(
    ("addition", "factoring"),
    [
        (PAYEE.format("Finans", ""), "true"),
        (PAYEE.format("Själv", f"<cac:PartyLegalEntity>{LEGAL}</cac:PartyLegalEntity>"), "false"),
        ("<cbc:Note>Denna faktura har överlåtits till Finans.</cbc:Note>", "true"),
        ("<cbc:Note>Fordran är pantsatt\n hos banken</cbc:Note>", "true"),
        ("<cbc:Note>Fakturan får inte överlåtas. Den är inte överlåten.</cbc:Note>", "false"),
        ("<cbc:Note>Tack för ert förtroende</cbc:Note>", "false"),
    ],
)
def test_factoring(rows_of, addition, factoring):
    document = changed(SAMPLE, "  <cac:PaymentMeans>", addition + "  <cac:PaymentMeans>")
    assert rows_of(document)[0][0].values["factoring"] == factoring


def test_line_ids_become_positions_unless_all_ascend(rows_of):
    assert [row.values["line_no"] for row in rows_of(SAMPLE)[0][1:]] == ["1", "2", "3"]
    sparse = changed(SAMPLE, "<cbc:ID>3</cbc:ID>", "<cbc:ID>30</cbc:ID>")
    assert [row.values["line_no"] for row in rows_of(sparse)[0][1:]] == ["1", "2", "30"]
    for other in ("A", "1", "2.5", "٣"):
        document = changed(SAMPLE, "<cbc:ID>3</cbc:ID>", f"<cbc:ID>{other}</cbc:ID>")
        assert [row.values["line_no"] for row in rows_of(document)[0][1:]] == ["1", "2", "3"]


def test_fine_prices_and_quantities_are_rounded_to_the_contract(rows_of):
    document = changed(SAMPLE, ">58.00<", ">58.000049999<")
    document = changed(document, '"EA">4<', '"EA">4.00000000<')
    line = rows_of(document)[0][3].values
    assert (line["unit_price"], line["quantity"]) == ("58", "4")


def test_comments_inside_a_value_do_not_cut_it(rows_of):
    rows, _ = rows_of(changed(SAMPLE, ">2024-0301<", ">2024<!-- x -->-0301<"))
    assert rows[0].values["invoice_id"] == "5599000006:2024-0301"


# --- the sums ---------------------------------------------------------------------------------


def expected_code(path: Path) -> str:
    return path.stem.split("-")[0]


@pytest.mark.parametrize(
    "path", sorted((FOLDER / "malformed").iterdir()), ids=lambda path: path.stem
)
def test_each_malformed_file_is_refused_for_its_fault(path):
    try:
        rows, _ = read(path)
    except FileRefused as refused:
        assert refused.code == expected_code(path)
    else:
        assert expected_code(path) in codes(rows)
        assert all(row.faults for row in rows), "a line must not be stored without its invoice"
        assert all(fault.path.startswith("/Invoice/") for row in rows for fault in row.faults)


def test_tolerance_is_a_hundredth_a_line(rows_of):
    def with_total(net: str) -> str:
        """Three lines of 5459.50 whose stated total is `net`, everything else following it."""
        taxed = Decimal(net) + 50
        document = changed(SAMPLE, ">5459.50<", f">{net}<")
        document = changed(
            document,
            'TaxExclusiveAmount currencyID="SEK">5509.50',
            f'TaxExclusiveAmount currencyID="SEK">{taxed}',
        )
        document = changed(document, ">6886.88<", f">{taxed + Decimal('1377.38')}<")
        return changed(document, ">6887.00<", f">{taxed + Decimal('1377.50')}<")

    assert not codes(rows_of(with_total("5459.53"))[0])
    assert not codes(rows_of(with_total("5459.47"))[0])
    assert codes(rows_of(with_total("5459.54"))[0]) == {"bad_reference"}
    assert codes(rows_of(with_total("5459.46"))[0]) == {"bad_reference"}


def test_tax_in_the_accounting_currency_is_no_part_of_the_sums(rows_of):
    second = '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">120</cbc:TaxAmount></cac:TaxTotal>'
    document = changed(SAMPLE, "  <cac:LegalMonetaryTotal>", second + "  <cac:LegalMonetaryTotal>")
    assert not codes(rows_of(document)[0])


ORE = st.integers(-10_000_000, 10_000_000)
LINES = st.lists(ORE, min_size=1, max_size=6)
PARTS = st.lists(st.tuples(st.booleans(), st.integers(0, 1_000_000)), max_size=3)


def money(ore: int) -> str:
    return f"{Decimal(ore) / 100:f}"


def document(lines, charges, tax, prepaid, rounding, shift=None) -> bytes:
    """An invoice that adds up; `shift` (name, öre) changes one stated amount afterwards."""
    net = sum(lines)
    allowed = sum(amount for is_charge, amount in charges if not is_charge)
    charged = sum(amount for is_charge, amount in charges if is_charge)
    exclusive = net - allowed + charged
    stated = {
        "LineExtensionAmount": net,
        "TaxExclusiveAmount": exclusive,
        "TaxInclusiveAmount": exclusive + tax,
        "AllowanceTotalAmount": allowed,
        "ChargeTotalAmount": charged,
        "PrepaidAmount": prepaid,
        "PayableRoundingAmount": rounding,
        "PayableAmount": exclusive + tax - prepaid + rounding,
    }
    amounts = {"TaxAmount": tax, "Line": lines[0], **stated}
    if shift:
        amounts[shift[0]] += shift[1]
    xml = [
        f'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" '
        f'xmlns:cac="{parse.NAMESPACES["cac"]}" xmlns:cbc="{parse.NAMESPACES["cbc"]}">'
        "<cbc:ID>1</cbc:ID><cbc:IssueDate>2024-01-31</cbc:IssueDate>"
        "<cbc:DocumentCurrencyCode>SEK</cbc:DocumentCurrencyCode>"
    ]
    for is_charge, amount in charges:
        xml.append(
            f"<cac:AllowanceCharge><cbc:ChargeIndicator>{str(is_charge).lower()}</cbc:ChargeIndicator>"
            f"<cbc:Amount>{money(amount)}</cbc:Amount></cac:AllowanceCharge>"
        )
    xml.append(
        f"<cac:TaxTotal><cbc:TaxAmount>{money(amounts['TaxAmount'])}</cbc:TaxAmount></cac:TaxTotal>"
    )
    xml.append("<cac:LegalMonetaryTotal>")
    xml += [f"<cbc:{name}>{money(amounts[name])}</cbc:{name}>" for name in stated]
    xml.append("</cac:LegalMonetaryTotal>")
    for number, amount in enumerate([amounts["Line"], *lines[1:]], 1):
        xml.append(
            f"<cac:InvoiceLine><cbc:ID>{number}</cbc:ID>"
            f"<cbc:LineExtensionAmount>{money(amount)}</cbc:LineExtensionAmount></cac:InvoiceLine>"
        )
    return "".join([*xml, "</Invoice>"]).encode()


INVOICES = st.tuples(LINES, PARTS, ORE, ORE, st.integers(-50, 50))
STATED = st.sampled_from(
    (
        "Line",
        "TaxAmount",
        "LineExtensionAmount",
        "TaxExclusiveAmount",
        "TaxInclusiveAmount",
        "AllowanceTotalAmount",
        "ChargeTotalAmount",
        "PrepaidAmount",
        "PayableAmount",
    )
)


@given(INVOICES)
@settings(max_examples=60, deadline=None)
def test_invoices_that_add_up_are_accepted(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("invoice") / "i.xml"
    path.write_bytes(document(*parts))
    rows, _ = read(path)
    assert not codes(rows)
    # the slow oracle: the document's own numbers, read by hand
    assert [Decimal(row.values["amount"] or "x") for row in rows[1:]] == [
        Decimal(line) / 100 for line in parts[0]
    ]


@given(INVOICES, STATED, st.integers(7, 1_000_000), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_changed_amount_refuses_invoice_and_lines(tmp_path_factory, parts, name, shift, down):
    path = tmp_path_factory.mktemp("invoice") / "i.xml"
    path.write_bytes(document(*parts, shift=(name, -shift if down else shift)))
    rows, _ = read(path)
    assert all("bad_reference" in {fault.code for fault in row.faults} for row in rows)


# --- XML --------------------------------------------------------------------------------------


def test_utf16_says_the_same(rows_of):
    utf16 = changed(SAMPLE, 'encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    assert rows_of(utf16) == rows_of(SAMPLE)


def test_doctype_is_refused_in_any_encoding(rows_of):
    laughs = (FOLDER / "malformed" / "unsafe_xml-billion_laughs.xml").read_text(encoding="utf-8")
    utf16 = changed(laughs, 'encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    for hostile in (laughs.encode(), utf16):
        with pytest.raises(FileRefused, match=r"^unsafe_xml"):
            rows_of(hostile)


def test_a_field_over_the_bound_is_too_large(rows_of):
    rows_of(changed(SAMPLE, ">Matdistribution<", f">{'x' * (1 << 20)}<"))
    for size in ((1 << 20) + 1, 11 << 20):
        with pytest.raises(FileRefused, match=r"^too_large"):
            rows_of(changed(SAMPLE, ">Matdistribution<", f">{'x' * size}<"))
    with pytest.raises(FileRefused, match=r"^too_large"):
        rows_of(changed(SAMPLE, "  <cac:InvoicePeriod>", "<a>" * 400))


def test_an_attachment_is_no_field(rows_of):
    attachment = (
        "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
        f"<cbc:EmbeddedDocumentBinaryObject>{'QUJD' * (1 << 19)}</cbc:EmbeddedDocumentBinaryObject>"
        "</cac:Attachment></cac:AdditionalDocumentReference>"
    )
    document = changed(
        SAMPLE, "  <cac:AccountingSupplier", attachment + "  <cac:AccountingSupplier"
    )
    assert rows_of(document) == rows_of(SAMPLE)


@pytest.mark.parametrize("cut", range(0, len(SAMPLE) - 12, 997))
def test_a_cut_file_is_refused_before_its_first_row(tmp_path, cut):
    path = tmp_path / "cut.xml"
    path.write_bytes(SAMPLE.encode()[:cut])
    with pytest.raises(FileRefused) as refused:
        next(ROOM.read(path, counted=Counter()))
    assert refused.value.code in {"bad_structure", "empty_file"}


def test_refusals_quote_nothing_from_the_document(rows_of):
    with pytest.raises(FileRefused) as refused:
        rows_of(changed(SAMPLE, "</Invoice>", "</hemligt-8001012387>"))
    assert "8001012387" not in str(refused.value)


def test_room_is_declared():
    declared = tomllib.loads((FOLDER / "source.toml").read_text(encoding="utf-8"))
    assert declared["name"] == FOLDER.name
    for document_text in (SAMPLE, CREDIT):
        assert any(mark in document_text for mark in declared["recognise"]["contains_any"])


# --- real files -------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/invoices_ubl")
def test_real_files_parse_and_their_totals_agree_with_their_lines():
    paths = sorted(REAL.glob("*.xml"))
    assert len(paths) == 29
    namespaces = parse.NAMESPACES
    for path in paths:
        (invoice, *lines), _ = read(path)
        assert not codes([invoice, *lines]), path.name
        root = etree.parse(path).getroot()
        sign = -1 if root.tag.endswith("CreditNote") else 1
        total = root.findtext("cac:LegalMonetaryTotal/cbc:LineExtensionAmount", None, namespaces)
        assert sum(Decimal(line.values["amount"]) for line in lines) == sign * Decimal(total)
        stated = root.findtext("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", None, namespaces)
        assert Decimal(invoice.values["amount"]) == sign * Decimal(stated)
        assert (
            invoice.values["factoring"]
            == str(root.find("cac:PayeeParty", namespaces) is not None).lower()
        )
