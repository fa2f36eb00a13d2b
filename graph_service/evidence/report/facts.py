"""The facts of a report or dossier, gathered from the material: all that its pages may say.

Nothing is decided here of anybody. What the findings say is told with what they are silent on, and
what cannot be told is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from graph_service.casework.case_tables import Event
from graph_service.clock import STOCKHOLM
from graph_service.evidence.material import Material
from graph_service.evidence.report.acts import acts
from graph_service.evidence.report.chains import chains
from graph_service.evidence.report.contents import (
    Contents,
    ContractTold,
    Masked,
    Measure,
    ReplyTold,
)
from graph_service.evidence.report.indicators import indicators
from graph_service.evidence.report.linking import link
from graph_service.evidence.report.loss import loss
from graph_service.evidence.report.outline import extent, summary, urgency
from graph_service.evidence.report.parties import parties
from graph_service.evidence.report.words import named, ore, said
from graph_service.evidence.rerun.writing import Rerun
from graph_service.evidence.workspace import rows_in
from graph_service.records import TABLES
from graph_service.texts import keys

__all__ = ["contents", "link"]

#: What happened in a case that its recipient is told; the rest is the members' own.
_MEASURES: Final = frozenset({Event.OPENED, Event.STATUS, Event.MASK_APPROVED, Event.MASK_REVOKED})


def contents(material: Material, reruns: Mapping[str, Rerun]) -> Contents:
    """What the document says of a case. `link` must have been called, and all rows be in.

    `reruns` tells by finding_id how each finding can be had again.
    """
    of_rows, left_out = chains(material)
    amounts = loss(material)
    told = indicators(material, of_rows, amounts, reruns)
    contracts = tuple(_contracts(material))
    name, org_id = _municipality(material)
    request, case = material.request, material.case
    return Contents(
        document=material.recipient.document.value,
        recipient=material.recipient.name,
        recipient_title=material.recipient.title.sv,
        municipality=name,
        case_id=case.case_id,
        title=case.title,
        purpose=case.purpose,
        legal_ground=case.legal_ground,
        export_ground=request.legal_ground,
        authority_reference=request.authority_reference,
        contact=request.contact,
        damages=request.damages,
        made_on=material.made_on,
        run_id=material.run["run_id"],
        as_of=material.as_of,
        version=material.run["version"],
        summary=summary(material, told, amounts, of_rows),
        parties=parties(material),
        acts=acts(material),
        chains=of_rows,
        chains_left_out=left_out,
        loss=amounts,
        findings=told,
        measures=tuple(_measures(material)),
        replies=tuple(_replies(material)),
        masked=tuple(_masked(material)),
        origins=tuple(_origins(material)),
        municipality_org_id=org_id,
        contracts=contracts,
        extent=extent(material, told),
        urgency=urgency(material, of_rows, contracts),
        provisions=_of_recipient("provisions", material),
        secrecy=tuple(said("secrecy", key) for key in keys("evidence_secrecy")),
    )


def _of_recipient(section: str, material: Material) -> tuple[str, ...]:
    """The texts of a section that are for this recipient, one a line."""
    name = material.recipient.name
    return tuple(said(section, name).splitlines()) if name in keys(f"evidence_{section}") else ()


def _municipality(material: Material) -> tuple[str, str | None]:
    """The injured party: by name and number where the records tell them, else by code."""
    told = list(rows_in(material.engine, TABLES["municipalities"]))
    if len(told) == 1:
        (row,) = told
        return row["name"] or row["municipality"], row["org_id"]
    codes = {finding["statistics"].get("municipality") for finding in material.findings}
    codes = {row["municipality"] for row in told} or codes - {None}
    return ", ".join(sorted(codes)) or said("municipality", "untold"), None


def _contracts(material: Material) -> Iterator[ContractTold]:
    firms = {finding["provider_id"] for finding in material.findings}
    for row in rows_in(material.engine, TABLES["contracts"]):
        if row["org_id"] in firms:
            yield ContractTold(
                contract_id=row["contract_id"],
                row=named("contracts", row["_file_sha256"], row["_row"]),
                provider=row["org_id"],
                service=row["service"],
                reimbursement=said("reimbursement", row["reimbursement"]),
                hourly_rate_sek=ore(row["hourly_rate_sek"]),
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
            )


def _measures(material: Material) -> Iterator[Measure]:
    """What was done in the case: by officials, whose names are no part of it."""
    told: list[tuple[date, str]] = []
    for each in material.case.history:
        if each.event in _MEASURES:
            status = said("status", each.after) if each.event is Event.STATUS and each.after else ""
            day = each.at.astimezone(STOCKHOLM).date()
            told.append((day, said("measure", each.event.value, status=status)))
    ours = set(material.own_ids.values())
    for finding_id, judged in sorted(material.case.dispositions.items()):
        if finding_id in ours:
            day = judged.decided_at.astimezone(STOCKHOLM).date()
            told.append((day, said("measure", judged.verdict.value)))
    told += [(each.received_on, said("measure", "replied")) for each in material.case.replies]
    counted: dict[tuple[date, str], int] = {}
    for measure in sorted(told):
        counted[measure] = counted.get(measure, 0) + 1
    for (day, what), times in counted.items():
        yield Measure(day, what if times == 1 else said("measure", "times", what=what, times=times))


def _replies(material: Material) -> Iterator[ReplyTold]:
    told_as = {run_id: finding_id for finding_id, run_id in material.own_ids.items()}
    for reply in sorted(material.case.replies, key=lambda each: (each.received_on, each.reply_id)):
        named_in_case = material.clear.get(reply.provider)
        yield ReplyTold(
            received_on=reply.received_on,
            provider=reply.provider
            if named_in_case is None
            else named_in_case.name or named_in_case.key,
            text=reply.text,
            findings=tuple(sorted(told_as[each] for each in reply.findings if each in told_as)),
        )


def _masked(material: Material) -> Iterator[Masked]:
    """What the recipient is not told: rows by table and reason, values by column, and persons."""
    for left in material.workspace.withheld:
        yield Masked(said("masked", left.why, table=left.table), left.rows)
    values = material.engine.rows(
        'SELECT "table", "column", count(*) AS values FROM ('
        'SELECT "table", unnest(masked) AS "column" FROM taken) GROUP BY ALL ORDER BY ALL'
    )
    for row in values:
        yield Masked(
            said("masked", "column", table=row["table"], column=row["column"]), row["values"]
        )
    persons = sum(each.kind == "person" and each.named is None for each in material.entities)
    if persons:
        yield Masked(said("masked", "persons"), persons)
    hidden = sum(
        int(each["statistics"].get("masked_rows") or Decimal()) for each in material.findings
    )
    if hidden:
        yield Masked(said("masked", "cited"), hidden)


def _origins(material: Material) -> Iterator[Mapping[str, Any]]:
    """The files that the rows came from, each with its hash and how many rows of it go along."""
    yield from material.engine.rows(
        'SELECT file_sha256, "table", file, batch, loaded_at, loader, loader_version, '
        "count(*) AS rows FROM taken GROUP BY ALL ORDER BY ALL"
    )
