"""What the report and the dossier say: the facts, before any page is made of them.

`facts` fills it, `pages` sets it, and `contents.json` in the package holds it for programs.
Texts are in the document's language (Swedish). Money is in SEK to the öre, days are Stockholm
dates. Persons in clear have a name and a number; all others are told by reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its certain lower and its probable upper bound."""

    lower: Decimal
    upper: Decimal


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody or some firm that the case is about, and in which degree.

    `degree` is words such as "kan misstänkas" or "uppgiftslämnare"; never of guilt.
    `roles` as the findings and the registers tell, with their period where one is told.
    """

    reference: str
    kind: str
    number: str | None
    name: str | None
    roles: tuple[str, ...]
    degree: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was done, in order of time: by whom, by which statement, what followed."""

    day: date
    finding_id: str
    what: str
    by: tuple[str, ...]
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """A questioned registration ↔ decision ↔ invoice line ↔ payment, with what is missing said.

    Each part is a row of the package, named `<table>:<file, 8 digits>:<row>`; amounts in SEK.
    `joined_by` tells how the parts were found to belong together (decision_id, or person,
    service and day). A registration stands here once, under the first of the `findings` that
    question it. `missing` says for each part that is not named why: there is none, several fit,
    or the recipient is not given it. `invoiced_sek` and `invoiced_hours` are the whole line's,
    `paid_sek` all that was paid for the invoice.
    """

    finding_id: str
    day: date
    client: str | None
    worker: str | None
    service: str | None
    minutes: int | None
    registration: str | None
    decision: str | None
    granted_hours_per_month: Decimal | None
    invoice_line: str | None
    invoice_id: str | None
    invoiced_sek: Decimal | None
    payment: str | None
    paid_on: date | None
    paid_sek: Decimal | None
    account: str | None
    joined_by: str
    findings: tuple[str, ...] = ()
    provider: str | None = None
    decision_id: str | None = None
    contract: str | None = None
    contract_id: str | None = None
    registered: str | None = None
    invoiced_hours: Decimal | None = None
    invoiced_from: date | None = None
    invoiced_to: date | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """What the municipality lost, at least and at most, by which method; and the clients' fees.

    `total` counts no krona twice where findings share rows; `by_finding` are the findings' own.
    `unpriced` are findings that no amount can be told of, `fees_untold` those whose effect on the
    clients' fees cannot. `undated` is what of the total cannot be told by month.
    """

    total: Money | None
    by_finding: Mapping[str, Money]
    by_month: tuple[tuple[date, Money], ...]
    fee_effect: Money | None
    unpriced: tuple[str, ...]
    method: tuple[str, ...]
    undated: Money | None = None
    fees_untold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThresholdTold:
    """A threshold in force: value and unit, the room's own value, and the reasons."""

    name: str
    value: Any
    unit: str
    room_value: Any
    why: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class StoryTold:
    """An innocent explanation, and what became of it: ruled out, unknown, or to be asked."""

    text: str
    outcome: str
    outcome_text: str
    ask: str | None


@dataclass(frozen=True, slots=True)
class FindingTold:
    """One indicator with all that answers it. `rows` is the smallest set on which it stands."""

    finding_id: str
    room: str
    title: str
    strength: str
    strength_text: str
    claim: str
    basis: str
    silent_on: str
    since: date
    until: date
    events: int
    days: int
    exposure: Money | None
    summary: str
    statistics: Mapping[str, Any]
    thresholds: tuple[ThresholdTold, ...]
    stories: tuple[StoryTold, ...]
    against: tuple[str, ...]
    rows: tuple[str, ...]
    supporting: int
    rerun: str
    rerun_text: str
    disposition: str | None
    contract_id: str | None = None
    provider: str | None = None
    subjects: tuple[str, ...] = ()
    masked_rows: int = 0
    replies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A step that somebody took in the case, and when."""

    day: date
    what: str


@dataclass(frozen=True, slots=True)
class ReplyTold:
    """What a provider answered, in its own words."""

    received_on: date
    provider: str
    text: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContractTold:
    """What a contract of a provider says: SEK an hour, and what is paid for."""

    contract_id: str
    row: str
    provider: str
    service: str
    reimbursement: str
    hourly_rate_sek: Decimal
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Masked:
    """Something that this recipient is not told, and how much of it."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A whole document. Lists are in the order in which they are printed."""

    document: str
    recipient: str
    recipient_title: str
    municipality: str
    case_id: str
    title: str
    purpose: str
    legal_ground: str
    export_ground: str
    authority_reference: str | None
    made_on: date
    run_id: str
    as_of: date
    version: str
    summary: tuple[str, ...]
    parties: tuple[Party, ...]
    acts: tuple[Act, ...]
    chains: tuple[Chain, ...]
    chains_left_out: int
    loss: Loss
    findings: tuple[FindingTold, ...]
    measures: tuple[Measure, ...]
    replies: tuple[ReplyTold, ...]
    masked: tuple[Masked, ...]
    origins: tuple[Mapping[str, Any], ...]
    #: Whom the recipient may ask, and what the municipality claims, in its own words.
    contact: str | None = None
    damages: str | None = None
    #: The injured party's own number.
    municipality_org_id: str | None = None
    contracts: tuple[ContractTold, ...] = ()
    #: How often the same thing was seen: persons, clients, days, months.
    extent: tuple[str, ...] = ()
    #: What may not wait: invoices not yet paid, contracts in force.
    urgency: tuple[str, ...] = ()
    #: Provisions that the recipient may try the facts against; the municipality tries none.
    provisions: tuple[str, ...] = ()
    secrecy: tuple[str, ...] = ()
