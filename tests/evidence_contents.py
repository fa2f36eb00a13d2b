"""Contents of a document, told by hand: for tests of the pages and the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from graph_service.evidence.report.contents import (
    Act,
    Chain,
    Contents,
    ContractTold,
    FindingTold,
    Loss,
    Masked,
    Measure,
    Money,
    Party,
    ReplyTold,
    StoryTold,
    ThresholdTold,
)

FIRM = "Exempelomsorgen i Exstad AB"
#: No line breaks before a digit, so that these are as wide as a reference can be.
PROVIDER = "organisation-2aaaaaaaaaaaaaaaaaaaaaaaaa"
WORKER = "person-3bbbbbbbbbbbbbbbbbbbbbbbbb"
CLIENT = "person-4ccccccccccccccccccccccccc"
FIRST_DAY = date(2025, 3, 3)


def money(lower: int | str, upper: int | str) -> Money:
    return Money(Decimal(lower), Decimal(upper))


def finding_id(number: int) -> str:
    return f"{number:032x}"


def finding(number: int = 1, **given: Any) -> FindingTold:
    """An indicator of overlapping visits, whole."""
    since = FIRST_DAY + timedelta(days=7 * (number - 1))
    told: dict[str, Any] = {
        "finding_id": finding_id(number),
        "room": "overlapping_visits",
        "title": "Besök som överlappar varandra på olika platser",
        "strength": "hard",
        "strength_text": "kan inte vara sant så som det är registrerat",
        "claim": "En medarbetare är registrerad hos två klienter på olika adresser samtidigt.",
        "basis": "Den som utför ett besök är hos klienten under hela den registrerade tiden.",
        "silent_on": "Vem som gjorde registreringen, och om något av besöken blev av.",
        "since": since,
        "until": since + timedelta(days=24),
        "events": 12,
        "days": 9,
        "exposure": money("8412.50", "11230.00"),
        "summary": "Tolv gånger på nio dagar är samma medarbetare registrerad på två platser.",
        "statistics": {"overlap_minutes": 612},
        "thresholds": (
            ThresholdTold(
                "overlap_s",
                300,
                "s",
                300,
                "Klockorna går olika, och vägen till dörren tar tid.",
                None,
            ),
            ThresholdTold(
                "apart_m",
                250,
                "m",
                100,
                "Två hem i samma kvarter kan nås inom några minuter.",
                "Tätorten har långa kvarter (beslut 2025-01-15).",
            ),
        ),
        "stories": (
            StoryTold(
                "Två sammanboende fick hjälp samtidigt.",
                "ruled_out",
                "Uteslutet: olika adresser.",
                None,
            ),
            StoryTold(
                "En kollega glömde att registrera slutet.",
                "to_ask",
                "Går inte att pröva i uppgifterna.",
                "Schemat och de rättade registreringarna för dagarna.",
            ),
        ),
        "against": ("Utföraren hade driftstörning i registreringen 2025-03-10 enligt eget svar.",),
        "rows": tuple(f"visits:1a2b3c4d:{row}" for row in range(2, 2 + 12)),
        "supporting": 14,
        "rerun": "rows",
        "rerun_text": "Kan räknas om på raderna i paketet.",
        "disposition": "Bekräftad av handläggare 2026-02-20",
        "contract_id": "avtal-17",
    }
    return FindingTold(**told | given)


def act(number: int, finding: FindingTold, day: date | None = None) -> Act:
    when = day or finding.since + timedelta(days=number % 25)
    return Act(
        day=when,
        finding_id=finding.finding_id,
        what="Registrerat besök 08:00–09:30 hos klient A och 08:15–09:00 hos klient B.",
        by=("199001012384",) if number % 3 else (WORKER, PROVIDER),
        rows=(f"visits:1a2b3c4d:{2 + number}", f"visits:1a2b3c4d:{3 + number}"),
    )


def chain(number: int, of: FindingTold, **given: Any) -> Chain:
    day = of.since + timedelta(days=number % 25)
    told: dict[str, Any] = {
        "finding_id": of.finding_id,
        "day": day,
        "client": CLIENT,
        "worker": "199001012384",
        "service": "omsorg",
        "minutes": 90,
        "registration": f"visits:1a2b3c4d:{2 + number}",
        "decision": "decisions:5e6f7a8b:14",
        "granted_hours_per_month": Decimal("40"),
        "invoice_line": f"invoice_lines:9c0d1e2f:{number + 2}",
        "invoice_id": "F-2025-0003",
        "invoiced_sek": Decimal("1234.50"),
        "payment": "payments:3a4b5c6d:7",
        "paid_on": day + timedelta(days=40),
        "paid_sek": Decimal("1234.50"),
        "account": "BG:99900011",
        "joined_by": "decision_id",
    }
    return Chain(**told | given)


def contents(
    findings: int = 2, chains: int = 6, acts: int = 6, document: str = "report", **given: Any
) -> Contents:
    """A whole document of so many findings, chains and acts."""
    found = tuple(finding(number) for number in range(1, findings + 1))
    told: dict[str, Any] = {
        "document": document,
        "recipient": "police",
        "recipient_title": "Polismyndigheten",
        "municipality": "Exstad",
        "case_id": "case-00000000000000aa",
        "title": "Registrerade besök hos Exempelomsorgen",
        "purpose": "Utreda om ersättning har betalats för besök som inte utförts.",
        "legal_ground": "Kommunallagen 10 kap. 8 §, avtalsuppföljning",
        "export_ground": "OSL 10 kap. 24 §",
        "authority_reference": "K-0000-26",
        "contact": "Granskare vid Exstads kommun, 000-000 00 00",
        "damages": "Kommunen yrkar skadestånd med det belopp som utredningen visar.",
        "made_on": date(2026, 3, 3),
        "run_id": "run-2026-02-28",
        "as_of": date(2026, 2, 28),
        "version": "0.1.0",
        "summary": (
            "Kommunen har prövat registreringar, beslut, fakturor och betalningar för en utförare.",
            f"{findings} indikationer rör perioden 2025-03-03 till 2025-06-30.",
            "Det som talar emot har prövats och står vid varje indikation.",
        ),
        "parties": parties(found),
        "acts": tuple(act(number, found[number % findings]) for number in range(acts)),
        "chains": tuple(chain(number, found[number % findings]) for number in range(chains)),
        "chains_left_out": 0,
        "loss": loss(found),
        "findings": found,
        "measures": (
            Measure(date(2026, 1, 12), "Ärendet öppnades."),
            Measure(date(2026, 2, 3), "Utföraren fick indikationerna för svar."),
        ),
        "replies": (
            ReplyTold(date(2026, 2, 17), FIRM, "Vi hade driftstörning i mars.\nRättelser bifogas."),
        ),
        "masked": (
            Masked("personer som står med referens i stället för namn", 14),
            Masked("rader som mottagaren inte behöver", 3),
        ),
        "origins": origins(3),
    }
    return Contents(**told | given)


def parties(found: Sequence[FindingTold]) -> tuple[Party, ...]:
    ids = tuple(each.finding_id for each in found)
    firm = ("utförare, avtal 2024-01-01–2026-12-31",)
    return (
        Party(PROVIDER, "organisation", "5590000001", FIRM, firm, "berörs av indikationer", ids),
        Party(
            WORKER,
            "person",
            "199001012384",
            "Test Medarbetare",
            ("medarbetare 2020-01-01–",),
            "kan misstänkas",
            ids,
        ),
        Party(CLIENT, "person", None, None, ("klient",), "uppgiftslämnare", ids[:1]),
    )


def loss(found: Sequence[FindingTold]) -> Loss:
    own = {each.finding_id: each.exposure for each in found if each.exposure is not None}
    lower = sum((each.lower for each in own.values()), Decimal())
    upper = sum((each.upper for each in own.values()), Decimal())
    return Loss(
        total=Money(lower, upper),
        by_finding=own,
        by_month=(
            (date(2025, 3, 1), money("6412.50", "9000.00")),
            (date(2025, 4, 1), money("1500.00", "8230.00")),
            (date(2025, 5, 1), money("0", "5230.00")),
        ),
        fee_effect=money("320.00", "910.00"),
        unpriced=tuple(each.finding_id for each in found if each.exposure is None),
        method=(
            "Den säkra nedre gränsen räknar varje krona en gång.",
            "Den troliga övre gränsen är summan, begränsad av det som fakturerats.",
        ),
    )


def origins(number: int) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "file": f"besok-2025-{month:02d}.csv",
            "file_sha256": f"{month:064x}".replace("0", "a"),
            "table": "visits",
            "batch": "20260228T070000Z",
            "loaded_at": datetime(2026, 2, 28, 7, tzinfo=UTC),
            "loader": "canonical",
            "loader_version": "0.1.0",
            "rows": 14 * month,
        }
        for month in range(1, number + 1)
    )


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


def stress() -> Contents:
    """A case with 40 findings, 5,000 chains, 3,000 acts, and long words in every place."""
    whole = contents(findings=40, chains=5_000, acts=3_000)
    long = "Omsorgsverksamhetsutförarsammanslutningen" * 3
    return replace(
        whole,
        title=f"Registrerade besök hos {long} och {'mycket lång titel ' * 8}",
        summary=tuple("Detta är en lång mening om vad ärendet gäller. " * 5 for _ in range(8)),
        legal_ground="Offentlighets- och sekretesslagen 10 kap. 24 § och 28 §, " * 6,
        parties=whole.parties
        + tuple(
            replace(whole.parties[1], reference=f"person-{n:026d}", name=f"Test {long} {n}")
            for n in range(60)
        ),
        origins=origins(80),
        masked=whole.masked * 20,
        measures=whole.measures * 40,
        replies=tuple(replace(whole.replies[0], text="Ett långt svar. " * 400) for _ in range(3)),
    )
