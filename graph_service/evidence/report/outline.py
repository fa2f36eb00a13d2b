"""The first page in sentences: what it is about, how much, how often, and what may not wait."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

from graph_service.evidence.material import Material
from graph_service.evidence.report.contents import Chain, ContractTold, FindingTold, Loss, Money
from graph_service.evidence.report.indicators import titles
from graph_service.evidence.report.standing import standing
from graph_service.evidence.report.words import kronor, listed, said, whom
from graph_service.room import Strength

#: Findings by name that one sentence holds.
_NAMED = 4


def summary(
    material: Material, findings: Sequence[FindingTold], loss: Loss, chains: Sequence[Chain]
) -> tuple[str, ...]:
    """Five to eight sentences that fit a page, each with its figures."""
    return tuple(_summary(material, findings, loss, chains))


def _summary(
    material: Material, findings: Sequence[FindingTold], loss: Loss, chains: Sequence[Chain]
) -> Iterator[str]:
    yield said(
        "summary",
        "about",
        firms=listed(_firms(material)),
        since=min(each.since for each in findings),
        until=max(each.until for each in findings),
        findings=len(findings),
        hard=sum(each.strength == Strength.HARD for each in findings),
    )
    yield said("summary", "findings", titles=listed(_titles(findings)))
    if chains:
        yield said("summary", "chains", chains=len(chains), unpaired=_unpaired(chains))
    if loss.total is None:
        yield said("summary", "no_loss")
    else:
        yield said("summary", "loss", **_bounds(loss.total))
    if loss.fee_effect is not None:
        yield said("summary", "fees", **_bounds(loss.fee_effect))
    against = sum(bool(each.against) for each in findings)
    asked = sum(any(story.outcome == "ask" for story in each.stories) for each in findings)
    yield said(
        "summary",
        "against",
        against=against,
        asked=asked,
        findings=len(findings),
        dismissed=len(findings) - len(standing(material)),
    )
    replies = len(material.case.replies)
    yield said("summary", "replied" if replies else "not_replied", replies=replies)
    yield said("summary", "indicators")


def _firms(material: Material) -> list[str]:
    names = {entity.key: entity.name for entity in material.entities}
    firms = sorted({finding["provider_id"] for finding in material.findings})
    return [f"{names[each]} ({each})" if names.get(each) else each for each in map(whom, firms)]


def _titles(findings: Sequence[FindingTold]) -> list[str]:
    counted = titles(findings)
    told = [said("summary", "title", title=title, count=count) for title, count in counted[:_NAMED]]
    rest = sum(count for _, count in counted[_NAMED:])
    return [*told, said("summary", "others", count=rest)] if rest else told


def _unpaired(chains: Collection[Chain]) -> int:
    """Those of which no line, or more than one, bills them; not those whose line is not given."""
    withheld = said("chain_missing", "line_withheld")
    return sum(chain.invoice_line is None and withheld not in chain.missing for chain in chains)


def _bounds(money: Money) -> dict[str, str]:
    return {"lower": kronor(money.lower), "upper": kronor(money.upper)}


def extent(material: Material, findings: Sequence[FindingTold]) -> tuple[str, ...]:
    """Whether it was once or again and again, by one or by several. What it means is not said."""
    stands = standing(material)
    hard = {each.finding_id for each in findings if each.strength == Strength.HARD} & stands
    if not hard:
        return ()
    (row,) = material.engine.rows(
        "SELECT count(DISTINCT v.worker_id) AS workers, count(DISTINCT v.client_id) AS clients, "
        "count(DISTINCT v.visit_id) AS visits, count(DISTINCT CAST(v.start AT TIME ZONE "
        "'Europe/Stockholm' AS DATE)) AS days, count(DISTINCT date_trunc('month', v.start AT TIME "
        "ZONE 'Europe/Stockholm')) AS months FROM cited AS c JOIN known.visits AS v "
        'ON v._file_sha256 = c.file_sha256 AND v._row = c."row" '
        "WHERE c.\"table\" = 'visits' AND list_contains($hard, c.finding_id)",
        {"hard": sorted(hard)},
    )
    told = [said("extent", "visits", **row)] if row["visits"] else []
    reviewed = material.engine.value(
        "SELECT count(*) FROM known.quality_reviews WHERE outcome <> 'passed'"
    )
    if reviewed:
        told.append(said("extent", "reviews", reviews=reviewed))
    return tuple(told)


def urgency(
    material: Material, chains: Sequence[Chain], contracts: Sequence[ContractTold]
) -> tuple[str, ...]:
    """What may not wait: money that has not left yet, and contracts that go on."""
    unpaid: dict[str, Decimal] = {
        chain.invoice_line: chain.invoiced_sek
        for chain in chains
        if chain.invoice_line
        and chain.invoiced_sek
        and chain.paid_on is None
        and said("chain_missing", "payment_none") in chain.missing
    }
    told = []
    if unpaid:
        amount = kronor(sum(unpaid.values(), Decimal()))
        told.append(said("urgency", "unpaid", lines=len(unpaid), amount=amount))
    running = [
        each.contract_id
        for each in contracts
        if each.valid_from <= material.as_of
        and (each.valid_to is None or each.valid_to > material.as_of)
    ]
    if running:
        told.append(said("urgency", "contracts", contracts=listed(running), day=material.as_of))
    return tuple(told)
