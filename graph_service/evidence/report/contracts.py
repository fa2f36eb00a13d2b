"""The dossier's order: by contract, and within it by decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from graph_service.evidence.report.contents import Contents, ContractTold, FindingTold, Money
from graph_service.evidence.report.people import clear_names
from graph_service.evidence.report.printed import kronor, number, told
from graph_service.texts import text


def of_contracts(
    contents: Contents, printed: Mapping[str, Any], numbers: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Each contract that a finding is under, then those of no known contract.

    A contract has its findings, its amount, and the printed chains of them by decision.
    """
    if contents.document != "dossier":
        return []
    rows = {each.contract_id: each for each in contents.contracts}
    names = clear_names(printed["parties"])
    under: dict[str | None, list[FindingTold]] = {}
    for each in contents.findings:
        under.setdefault(each.contract_id, []).append(each)
    printed_findings = {each["number"]: each for each in printed["findings"]}
    return [
        {
            "id": None if contract_id is None else told(contract_id),
            "title": _title("contract", "no_contract", contract_id),
            "row": _says(rows.get(contract_id or ""), names),
            "findings": [printed_findings[numbers[each.finding_id]] for each in found],
            **_amount(contents, found),
            "replied": _replied(contents, found),
            "decisions": _decisions(printed["chains"], {numbers[one.finding_id] for one in found}),
        }
        for contract_id, found in sorted(under.items(), key=lambda one: (one[0] is None, one[0]))
    ]


def _title(named: str, unnamed: str, identity: str | None) -> str:
    if identity is None:
        return text("sv", "pages", unnamed)
    return text("sv", "pages", named, **{named: told(identity)})


def _says(contract: ContractTold | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    """What a contract says, as lines."""
    if contract is None:
        return None
    until = contract.valid_to
    span = {"since": contract.valid_from, "until": until}
    return {
        "place": contract.row,
        "provider": told(names.get(contract.provider, contract.provider)),
        "service": told(contract.service),
        "reimbursement": told(contract.reimbursement),
        "rate": text("sv", "pages", "hourly_rate", rate=kronor(contract.hourly_rate_sek)),
        "valid": text("sv", "pages", "until_further_notice" if until is None else "valid", **span),
    }


def _amount(contents: Contents, found: Sequence[FindingTold]) -> dict[str, Any]:
    """The bounds of one contract's findings.

    The total is theirs if the case has no other. Else rows may be shared between findings, so the
    union is at least the largest of the lower bounds and at most the sum of the upper ones.
    """
    if len(found) == len(contents.findings):
        money, how = contents.loss.total, "whole_amount"
    else:
        own = [each.exposure for each in found if each.exposure is not None]
        how = "part_amount"
        money = None
        if own:
            money = Money(
                max(each.lower for each in own), sum((each.upper for each in own), Decimal())
            )
    return {"amount": told(money), "amount_how": text("sv", "pages", how)}


def _replied(contents: Contents, found: Sequence[FindingTold]) -> str:
    """How often the provider answered on these findings; a reply to none of them is to all."""
    ids = {each.finding_id for each in found}
    replies = [one for one in contents.replies if not one.findings or ids & set(one.findings)]
    key = "replied" if replies else "no_reply"
    return text("sv", "pages", key, replies=number(len(replies)))


def _decisions(chains: Sequence[dict[str, Any]], under: set[str]) -> list[dict[str, Any]]:
    """The printed chains of a contract by decision; those without one last."""

    def decision(chain: Mapping[str, Any]) -> tuple[bool, str]:
        named = chain["decision_id"] or chain["decision"]
        return named is None, named or ""

    own = sorted((each for each in chains if each["finding"] in under), key=decision)
    return [
        {"title": _title("decision", "no_decision", named or None), "chains": list(some)}
        for (_, named), some in groupby(own, key=decision)
    ]
