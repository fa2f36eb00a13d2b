"""What a rule names by a short name, a recipient can look up in the report itself."""

from __future__ import annotations

from dataclasses import replace

from graph_service.evidence.report.references import LISTED, of_findings, referred
from graph_service.room import Room
from tests.evidence_contents import contents, finding
from tests.evidence_pdf import words
from tests.test_evidence_pages import made
from tests.test_rooms import ROOMS


def _texts(room: Room) -> str:
    stories = " ".join(story.story.sv for story in room.innocent)
    return f"{stories} {(room.folder / 'swedish.toml').read_text(encoding='utf-8')}"


def test_every_short_name_in_a_rule_is_listed_and_none_that_no_rule_names() -> None:
    assert set(referred(map(_texts, ROOMS.values()))) == set(LISTED)


def test_short_names_are_found_once_in_order_and_nothing_else_is_one() -> None:
    told = ("domän T12a, källa S16 och S3 (S26-NE), T2", "T2, grunddokument 003, S-15, STAT4, TS1")
    assert referred(told) == ("S3", "S16", "S26", "T2", "T12a", "grunddokument 003")


def test_the_report_says_what_its_own_rules_refer_to() -> None:
    basis = "Checklistan säger flera (källa S16, domän T22)."
    told = replace(contents(), findings=(finding(1, basis=basis),), acts=(), chains=())
    listed = of_findings(told.findings)
    assert [each["name"] for each in listed] == ["S16", "T22"]
    text = " ".join(words(made(told)))
    at = text.rindex("Vad kontrollernas grunder hänvisar till")
    for each in listed:
        assert each["what"] in text[at:]
    assert LISTED["S3"] not in text


def test_a_report_whose_rules_refer_to_nothing_has_no_list() -> None:
    assert of_findings(contents().findings) == []
    assert "hänvisar till" not in " ".join(words(made(contents())))
