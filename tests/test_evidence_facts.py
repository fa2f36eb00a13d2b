"""The facts of a document: complete, alike each time, masked for the recipient, without guilt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from graph_service.casework.dispositions import Dispositions, Judged, Verdict
from graph_service.casework.replies import Replies
from graph_service.detector import Outcome
from graph_service.evidence.material import Material
from graph_service.evidence.package import CONTENTS
from graph_service.evidence.report import acts as telling
from graph_service.evidence.report import record
from graph_service.evidence.report.contents import Contents, Money, Party
from graph_service.evidence.report.facts import contents, link
from graph_service.evidence.rerun.writing import How, Rerun
from graph_service.opening import words_of_guilt
from tests.casework import ANNA
from tests.evidence_case import Town, town
from tests.http_service import CLIENTS, FIRM, HIDDEN_CLIENTS, HIDDEN_WORKER, WORKERS, secrets_of

RECIPIENTS = ("police", "fk", "ivo", "ebm", "municipality")


@dataclass(frozen=True)
class Document:
    """What a recipient is told, as facts and as the file that programs read."""

    material: Material
    told: Contents
    text: str


@contextmanager
def document(here: Town, folder: Path, recipient: str = "police") -> Iterator[Document]:
    with here.material(folder, recipient) as material:
        link(material)
        told = contents(material, {})
        record.write(told, folder)
        yield Document(material, told, (folder / CONTENTS).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The case, in which one finding is dismissed, one confirmed, and the provider has answered."""
    with town(tmp_path_factory.mktemp("town")) as made:
        with made.material(tmp_path_factory.mktemp("before")) as material:
            found = {
                subject["id"]: material.own_ids[finding["finding_id"]]
                for finding in material.findings
                for subject in finding["subjects"]
            }
        firm = made.ref("organisation", FIRM)
        dispositions = Dispositions(made.database, clock=made.clock)
        dismissed = Judged(found[WORKERS[1]], "overlapping_visits", firm)
        story = "offline_registration"
        dispositions.judge(ANNA, dismissed, Verdict.DISMISSED, "Eget resonemang", story=story)
        confirmed = Judged(found[WORKERS[2]], "overlapping_visits", firm)
        dispositions.judge(ANNA, confirmed, Verdict.CONFIRMED, "Eget resonemang")
        Replies(made.database, clock=made.clock).record(
            ANNA,
            firm,
            received_on=date(2026, 3, 1),
            text="Telefonen saknade täckning.",
            findings=[found[WORKERS[1]]],
        )
        yield made


@pytest.fixture(scope="module")
def police(here: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Document]:
    with document(here, tmp_path_factory.mktemp("police")) as told:
        yield told


@pytest.fixture(scope="module", params=RECIPIENTS)
def any_document(
    here: Town, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Document]:
    with document(here, tmp_path_factory.mktemp("any"), request.param) as told:
        yield told


class TestEveryRecipient:
    def test_is_told_nobody_whom_it_is_not_to_know(self, any_document: Document) -> None:
        clear = {named.key for named in any_document.material.clear.values()}
        hidden = [each for each in (*CLIENTS, *WORKERS) if each not in clear]
        assert set(HIDDEN_CLIENTS) | {HIDDEN_WORKER} <= set(hidden)
        for number in hidden:
            for secret in secrets_of(number):
                assert not re.search(rf"\b{re.escape(secret)}\b", any_document.text), secret

    def test_is_told_no_word_of_guilt(self, any_document: Document) -> None:
        texts = [*any_document.told.summary, *(act.what for act in any_document.told.acts)]
        texts += [party.degree for party in any_document.told.parties]
        assert texts and words_of_guilt(" ".join(texts)) == []
        assert words_of_guilt(any_document.text) == []

    def test_is_not_told_what_officials_wrote_for_themselves(self, any_document: Document) -> None:
        assert "Eget resonemang" not in any_document.text
        assert not re.search(r"\banna\b", any_document.text)

    def test_is_told_every_finding_and_the_reply(self, any_document: Document) -> None:
        told = any_document.told
        assert len(told.findings) == len(any_document.material.findings) == 8
        (reply,) = told.replies
        assert reply.text == "Telefonen saknade täckning." and len(reply.findings) == 1
        assert 5 <= len(told.summary) <= 8

    def test_is_told_how_much_it_is_not_told(self, any_document: Document) -> None:
        withheld = sum(left.rows for left in any_document.material.workspace.withheld)
        masked = any_document.material.engine.value("SELECT sum(len(masked)) FROM taken")
        persons = sum(
            each.kind == "person" and each.named is None for each in any_document.material.entities
        )
        counted = sum(masked.count for masked in any_document.told.masked)
        assert counted == withheld + masked + persons + 3  # rows of the protected client


class TestAct:
    def test_tells_who_said_what_and_what_it_contradicts(self, police: Document) -> None:
        (act,) = [
            act
            for act in police.told.acts
            if act.day == date(2025, 3, 3)
            and WORKERS[0] in act.by
            and "08.00–08.45" in act.what[:50]
        ]
        assert act.by == (WORKERS[0], FIRM)
        assert f"Registrerat besök kl. 08.00–08.45 hos {CLIENTS[0]}" in act.what
        assert "Samma person är samtidigt registrerad kl. 08.15–08.55 hos person-" in act.what

    def test_each_cited_registration_is_in_just_one(self, police: Document) -> None:
        stands = [
            each for each in police.told.findings if "Avskriven" not in (each.disposition or "")
        ]
        cited = sorted(
            (each.finding_id, row)
            for each in stands
            for row in each.rows
            if row.split(":")[0] in ("visits", "invoice_lines")
        )
        told = sorted((act.finding_id, row) for act in police.told.acts for row in act.rows)
        assert told == cited

    def test_many_of_a_day_are_one_that_names_every_row(
        self, police: Document, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = {(act.finding_id, row) for act in police.told.acts for row in act.rows}
        monkeypatch.setattr(telling, "ONE_BY_ONE", 3)
        grouped = telling.acts(police.material)
        assert len(grouped) < len(police.told.acts)
        assert {(act.finding_id, row) for act in grouped for row in act.rows} == whole
        assert any("2 registrerade besök hos 2 klienter" in act.what for act in grouped)

    def test_stands_in_order_of_time(self, police: Document) -> None:
        days = [act.day for act in police.told.acts]
        assert days == sorted(days)

    def test_of_a_dismissed_finding_is_told_once_and_as_that(self, police: Document) -> None:
        (one,) = [act for act in police.told.acts if WORKERS[1] in act.by]
        assert one.what.startswith("Avskriven indikation") and one.rows == ()


def _party(told: Contents, number: str) -> Party:
    (party,) = [each for each in told.parties if each.number == number]
    return party


class TestDegree:
    def test_of_a_worker_whom_a_hard_finding_names_is_the_lowest(self, police: Document) -> None:
        degree = _party(police.told, WORKERS[0]).degree
        assert degree.startswith("Kan misstänkas") and "inte utrett" in degree

    def test_of_a_client_is_never_of_suspicion(self, any_document: Document) -> None:
        clients = [each for each in any_document.told.parties if each.roles[0] == "klient"]
        assert clients and all("inte misstänkt" in each.degree for each in clients)

    def test_of_a_dismissed_finding_is_nothing(self, police: Document) -> None:
        assert "avskrivit" in _party(police.told, WORKERS[1]).degree

    def test_is_of_suspicion_to_those_who_investigate_alone(self, any_document: Document) -> None:
        said = any("Kan misstänkas" in each.degree for each in any_document.told.parties)
        assert said == (any_document.told.recipient in ("police", "ebm"))

    def test_of_the_provider_says_that_it_is_concerned(self, any_document: Document) -> None:
        provider = _party(any_document.told, FIRM)
        assert provider.degree.startswith("Berörs av hårda indikationer")

    def test_stands_beside_roles_with_their_period(self, police: Document) -> None:
        roles = _party(police.told, WORKERS[0]).roles
        assert "medarbetare, 5520000018: 2020-01-01–" in roles
        assert "medarbetare, 5520000018: enligt registreringar 2025-03-03–2025-03-05" in roles


class TestFinding:
    def test_tells_rule_thresholds_and_every_story(self, police: Document) -> None:
        for told in police.told.findings:
            room = police.material.rooms[told.room]
            assert (told.claim, told.basis, told.silent_on) == (
                room.swedish.claim,
                room.swedish.basis,
                room.swedish.silent_on,
            )
            assert {each.name: (each.unit, each.why) for each in told.thresholds} == {
                name: (each.unit, each.why) for name, each in room.swedish.thresholds.items()
            }
            assert [each.text for each in told.stories] == [each.story.sv for each in room.innocent]
            assert all(
                (each.ask is not None) == (each.outcome == Outcome.ASK) for each in told.stories
            )

    def test_tells_what_speaks_against_it_apart(self, police: Document) -> None:
        (billed,) = [each for each in police.told.findings if each.room == "billed_over_decision"]
        assert billed.against == ("Det gäller en enda period.",)
        assert "Mot detta" not in billed.summary and billed.summary.endswith("timmar över.")
        (other,) = {
            each.against for each in police.told.findings if each.room == "overlapping_visits"
        }
        assert other == ()

    def test_tells_what_somebody_judged_without_whose_words(self, police: Document) -> None:
        told = {each.disposition for each in police.told.findings}
        assert told == {
            None,
            "Bekräftad av handläggare 2026-03-02.",
            "Avskriven av handläggare 2026-03-02. Förklaring: Telefonen saknade täckning och "
            "tiderna fördes in i efterhand.",
        }

    def test_tells_its_contract_and_how_it_can_be_had_again(self, police: Document) -> None:
        finding_id = police.told.findings[0].finding_id
        again = {finding_id: Rerun(finding_id, How.SIGNATURE, "Rader är utelämnade.")}
        told = contents(police.material, again).findings[0]
        assert told.contract_id == f"k-{FIRM}"
        assert told.rerun == "signature" and told.rerun_text.endswith("Rader är utelämnade.")

    def test_that_is_dismissed_adds_nothing_to_the_loss(self, police: Document) -> None:
        (dismissed,) = [
            each for each in police.told.findings if "Avskriven" in (each.disposition or "")
        ]
        assert dismissed.finding_id in police.told.loss.by_finding
        # One worker less than the seven of test_evidence_loss: 600 and 1,700.
        assert police.told.loss.total == Money(Decimal("10400.00"), Decimal("18200.00"))
        assert all(dismissed.finding_id not in chain.findings for chain in police.told.chains)


def test_the_same_is_told_each_time(here: Town, police: Document, tmp_path: Path) -> None:
    with document(here, tmp_path) as again:
        assert again.text == police.text


def test_the_injured_party_is_named_by_the_records(police: Document) -> None:
    assert (police.told.municipality, police.told.municipality_org_id) == ("Exstad", "2120009994")


def test_origins_count_every_packaged_row(police: Document) -> None:
    rows = police.material.engine.value("SELECT count(*) FROM taken")
    assert sum(each["rows"] for each in police.told.origins) == rows
    assert all(re.fullmatch(r"[0-9a-f]{64}", each["file_sha256"]) for each in police.told.origins)


def test_the_record_is_sorted_and_exact(police: Document) -> None:
    def floats(value: Any, path: str = "") -> Iterator[str]:
        if isinstance(value, float):
            yield path
        elif isinstance(value, dict):
            assert list(value) == sorted(value), path
            for key, part in value.items():
                yield from floats(part, f"{path}.{key}")
        elif isinstance(value, list):
            for part in value:
                yield from floats(part, path)

    told = json.loads(police.text)
    assert told["loss"]["total"] == {"lower": "10400.00", "upper": "18200.00"}
    assert told["made_on"] == "2026-03-03"
    of_rooms = (".findings.statistics", ".findings.thresholds")
    assert [path for path in floats(told) if not path.startswith(of_rooms)] == []
