"""A provider that carries on an ended one (domain T21), and successions that are in order.

The old firm is most often one that ended before the records of visits begin, known from the
registers alone; in one scheme a provider of the town closes while it is watched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

from synth.care import SLOT_HOURS
from synth.companies import (
    CARE,
    RATES,
    account_of,
    add_business_person,
    add_organisation,
    add_owner,
    add_provider,
    close_provider,
    hold_account,
)
from synth.people import add_worker
from synth.staff import add_post
from synth.world import MUNICIPALITY, OPEN, Client, Provider, Row, Spell, Strength, World

_DETECTOR = "phoenix_company"
_FOUNDED = date(2018, 6, 1)

#: Whose schemes stand in the registers that a new beginning rewrites.
_OF_REGISTERS = {"shared_account", "ownership_ring", "hollow_company", "shared_contact"}
#: Whose twins would take away what a firm has carried over: its owners, account and contacts.
_KEPT = {"ownership_ring", "shared_account", "shared_contact"}

Kind: TypeAlias = Literal["scheme", "innocent"]


@dataclass(frozen=True, slots=True)
class _Carried:
    """What goes over: shares of the old firm's staff and clients, and what is kept."""

    workers: float = 0.0
    clients: float = 0.0
    owner: bool = False
    director: bool = False
    phone: bool = False
    mail: bool = False
    address: bool = False
    account: bool = False


def permit_lost(world: World, provider: Provider, strength: Strength) -> bool:
    """A firm loses its permit, and staff and clients go on in another; weak: staff alone."""
    if strength == "strong":
        carried = _Carried(workers=0.85, clients=0.6, director=True, phone=True)
    else:
        carried = _Carried(workers=0.65)
    return _scheme(world, "permit_lost", provider, "revoked", carried, strength)


def owner_returns(world: World, provider: Provider, strength: Strength) -> bool:
    """The owner of a firm whose contract was terminated starts anew; weak: nobody comes along."""
    if strength == "strong":
        carried = _Carried(workers=0.6, clients=0.4, owner=True, director=True, account=True)
    else:
        carried = _Carried(owner=True, mail=True)
    return _scheme(world, "owner_returns", provider, "terminated", carried, strength)


def bankrupt_and_back(world: World, provider: Provider, strength: Strength) -> bool:
    """A bankrupt firm's address, telephone and mail answer for a new one; weak: and no staff."""
    share = 0.55 if strength == "strong" else 0.2
    carried = _Carried(workers=share, clients=share - 0.1, address=True, phone=True, mail=True)
    return _scheme(world, "bankrupt_and_back", provider, "bankruptcy", carried, strength)


def closes_in_view(world: World, provider: Provider, strength: Strength) -> bool:
    """A provider closes and a new one opens with its people; weak: with a bit over half of them."""
    if world.days < 150 or provider.until < world.end or provider.scheme != _DETECTOR:
        return False
    day = world.start + timedelta(world.pick(50, world.days - 90))
    if len(world.served(provider.org_id, day)) < 12:
        return False
    new = add_provider(world, size=1e-6, since=day)
    new.innocents |= _KEPT
    new.scheme, provider.scheme = _DETECTOR, f"{_DETECTOR}_other"
    strong = strength == "strong"
    carried = _Carried(clients=0.7 if strong else 0.45, owner=True, phone=strong)
    _renew(world, new, day - timedelta(40))
    _share_traits(world, provider.org_id, new, carried, _founder(world, provider.org_id))
    others = [p for p in world.providers if p.until == OPEN and p not in (provider, new)]
    _move_staff(world, provider, new, others, day, 0.8 if strong else 0.6)
    _move_clients(world, provider, new, others, day, carried.clients)
    close_provider(world, provider, day)
    _tell(world, "scheme", "closes_in_view", new, [provider.org_id], strength=strength)
    return True


SCHEMES = (permit_lost, owner_returns, closes_in_view, bankrupt_and_back)


def tenders(world: World, hosts: list[Provider]) -> None:
    """A contract ran out; the winner of the tender took staff and clients over."""
    carried = _Carried(workers=0.9, clients=1.0)
    _innocent(world, "staff_takeover", hosts, "expired", carried)


def purchases(world: World, hosts: list[Provider]) -> None:
    """A firm was bought, its business moved into the buyer's own: the register says so."""
    carried = _Carried(workers=0.9, clients=0.9, phone=True, address=True)
    old_id, provider = _innocent(world, "acquisition", hosts, "terminated", carried)
    if provider is None:
        return
    bought = provider.since - timedelta(70)
    founder = _founder(world, old_id)
    for row in world.rows["owners"]:
        if row["org_id"] == old_id and row["owner_id"] == founder:
            row["valid_to"] = bought
    add_owner(world, old_id, _founder(world, provider.org_id), 1.0, since=bought)
    world.add(
        "organisation_changes",
        change_id=f"C-{old_id}-owner",
        org_id=old_id,
        changed_on=bought,
        what="owner",
    )


def new_forms(world: World, hosts: list[Provider]) -> None:
    """A partnership's owner forms a company, which goes on with the same people and contract."""
    carried = _Carried(1.0, 1.0, owner=True, director=True, phone=True, mail=True, address=True)
    old_id, provider = _innocent(world, "legal_form", hosts, "expired", carried)
    if provider is not None:
        _firm(world, old_id).update(legal_form="Handelsbolag", share_capital_sek=None)


def auditors(world: World, hosts: list[Provider]) -> None:
    """A firm went bankrupt; the auditor, and the house of offices, serve another as well."""
    old_id, provider = _innocent(
        world, "auditor_in_common", hosts, "bankruptcy", _Carried(0.2, 0.1)
    )
    if provider is None:
        return
    person_id = add_business_person(world)
    for org_id in (old_id, provider.org_id):
        world.add(
            "officers",
            org_id=org_id,
            person_id=person_id,
            role="auditor",
            valid_from=date(2019, 1, 1),
        )
    place = _firm(world, old_id)
    tenants = [row for row in world.rows["organisations"] if row.get("industry") == "47190"][:3]
    for row in (_firm(world, provider.org_id), *tenants):
        row.update(street=place["street"], postcode=place["postcode"], phone=place["phone"])


def newcomers(world: World, hosts: list[Provider]) -> None:
    """A new provider opened after another one lost its contract, and got its lot of the clients."""
    _innocent(world, "free_choice_after_exit", hosts, "terminated", _Carried(0.15, 0.15))


INNOCENTS = (tenders, purchases, new_forms, auditors, newcomers)


def _scheme(
    world: World,
    name: str,
    provider: Provider,
    how: str,
    carried: _Carried,
    strength: Strength,
) -> bool:
    if len(_early_clients(world, provider)) < 10:
        return False
    provider.innocents |= _KEPT
    old_id = _succeed(world, provider, how, carried)
    _tell(world, "scheme", name, provider, [old_id], strength=strength)
    return True


def _innocent(
    world: World, cause: str, hosts: list[Provider], how: str, carried: _Carried
) -> tuple[str, Provider | None]:
    """The cause at a provider that carries nothing yet; without one nothing is planted."""
    free = [
        p
        for p in reversed(hosts)
        if _DETECTOR not in p.innocents
        and p.scheme not in _OF_REGISTERS
        and p.until == OPEN
        and len(_early_clients(world, p)) >= 6
    ]
    if not free:
        return "", None
    provider = min(free, key=lambda p: p.scheme is not None)
    provider.innocents.add(_DETECTOR)
    old_id = _succeed(world, provider, how, carried)
    _tell(world, "innocent", cause, provider, [old_id])
    return old_id, provider


def _succeed(world: World, provider: Provider, how: str, carried: _Carried) -> str:
    """Make a provider one that began shortly before the start, after an older one's end."""
    began = world.start - timedelta(world.pick(60, 200))
    ended = began if how == "expired" else began - timedelta(world.pick(0, 45))
    old_id = add_organisation(world, "Hemvården", industry="88101")
    founder = add_business_person(world)
    add_owner(world, old_id, founder, 1.0, since=_FOUNDED)
    _seat(world, old_id, founder, _FOUNDED)
    _end(world, old_id, how, ended)
    clients = _early_clients(world, provider)
    provider.since = began
    _renew(world, provider, began - timedelta(50))
    _share_traits(world, old_id, provider, carried, founder)
    _rehire(world, provider, old_id, ended, carried.workers)
    _rehouse(world, provider, old_id, clients, ended, carried.clients)
    return old_id


def _end(world: World, old_id: str, how: str, ended: date) -> None:
    permit = {"permit_id": f"TF-{old_id}", "org_id": old_id, "service": "hemtjänst", "law": "SoL"}
    world.add("permits", **permit, status="granted", valid_from=_FOUNDED)
    if how == "revoked":
        world.add("permits", **permit, status="revoked", valid_from=ended)
    if how == "bankruptcy":
        _firm(world, old_id).update(status="bankruptcy", status_on=ended)
    world.add(
        "contracts",
        contract_id=f"A-{old_id}",
        org_id=old_id,
        municipality=MUNICIPALITY,
        service=CARE,
        reimbursement="performed",
        hourly_rate_sek=round(RATES[CARE]),
        valid_from=_FOUNDED,
        valid_to=ended,
        end_reason=how,
    )


def _renew(world: World, provider: Provider, registered: date) -> None:
    """Let the register know a firm from a day on; its people take their seats that day."""
    _firm(world, provider.org_id)["registered_on"] = registered
    for table in ("owners", "officers", "accounts", "permits"):
        of_firm = [
            row
            for row in world.rows[table]
            if row.get("org_id", row.get("holder_id")) == provider.org_id
        ]
        for row in of_firm:
            ended = row.get("valid_to")
            if isinstance(ended, date) and ended <= registered:
                world.rows[table].remove(row)  # a firm had no past before it began
            row["valid_from"] = registered


def _share_traits(
    world: World, old_id: str, provider: Provider, carried: _Carried, person_id: str
) -> None:
    """Give the new firm what the old one had."""
    old, new = _firm(world, old_id), _firm(world, provider.org_id)
    old["phone"] = old["phone"] or f"040-6289{len(world.rows['organisations']) % 100:02d}"
    if carried.phone:
        new["phone"] = old["phone"]
    if carried.mail:
        new["email"] = f"kontakt@{str(old['email']).partition('@')[2]}"
    if carried.address:
        new.update(street=old["street"], postcode=old["postcode"])
    if carried.account:
        hold_account(world, account_of(world, provider.org_id), old_id, since=_FOUNDED)
        for row in world.rows["accounts"]:
            if row["holder_id"] == old_id:
                row["valid_to"] = provider.since - timedelta(50)
    since = provider.since - timedelta(50)
    if carried.owner:
        add_owner(world, provider.org_id, person_id, 0.6, interest="control", since=since)
    if carried.director:
        _seat(world, provider.org_id, person_id, since)


def _rehire(world: World, provider: Provider, old_id: str, ended: date, share: float) -> None:
    """The new firm's first staff came from the old one, up to a share of those."""
    posts = world.staff(provider.org_id, "rota") + world.staff(provider.org_id, "service")
    for post in world.posts:
        if post.org_id == provider.org_id:
            post.tenures[0].since = max(post.tenures[0].since, provider.since)
    moved = posts if share >= 0.5 else posts[: max(1, round(share * len(posts)))]
    staff = {post.tenures[0].person_id for post in moved}
    leavers = round(len(staff) * (1 - share) / share) if share else 6
    for person_id in (
        *sorted(staff if share else ()),
        *(add_worker(world) for _ in range(leavers)),
    ):
        world.add(
            "employments",
            org_id=old_id,
            person_id=person_id,
            valid_from=ended - timedelta(world.pick(200, 900)),
            valid_to=ended,
            title="undersköterska",
            hours_per_week=28,
        )


def _rehouse(
    world: World,
    provider: Provider,
    old_id: str,
    clients: list[Client],
    ended: date,
    share: float,
) -> None:
    """Clients of the new firm were the old one's, up to a share of those; others came from home."""
    count = round(len(clients) * (1.0 if share > 0.25 else share))
    for number, client in enumerate(clients):
        former = old_id if number < count else world.municipal_id
        since, first = client.since, client.spells[0]
        first.since = provider.since
        stays = [Spell(former, since, ended, "provider_exit")]
        if number >= count or ended == provider.since:
            stays = [Spell(former, since, provider.since, "client_choice")]
            stays[0].end_reason = "provider_exit" if number < count else "client_choice"
        elif ended < provider.since:
            stays.append(Spell(world.municipal_id, ended, provider.since, "client_choice"))
        client.spells = [stay for stay in stays if stay.since < stay.until] + client.spells
    elsewhere = round(count * (1 - share) / share) if share else 12
    older = {p.org_id for p in world.providers if p.since < ended and p is not provider}
    for client in world.clients:
        if elsewhere <= 0:
            break
        first = client.spells[0]
        if client.partner is not None:
            continue
        settled = first.since == client.since < ended - timedelta(30) and ended < first.until
        if settled and first.org_id in older:
            first.since = ended
            client.spells.insert(0, Spell(old_id, client.since, ended, "provider_exit"))
            elsewhere -= 1


def _move_staff(
    world: World,
    old: Provider,
    new: Provider,
    others: list[Provider],
    day: date,
    share: float,
) -> None:
    """Staff go over, up to a share; the rest find work elsewhere, or come from new to fill up."""
    posts = [p for p in world.posts if p.org_id == old.org_id]
    for number, post in enumerate(posts):
        post.kept = True
        last = post.tenures[-1]
        goes = number < round(share * len(posts))
        to = new if goes else others[number % len(others)]
        since = max(day, last.since)
        if goes or post.kind in ("rota", "relief_D", "relief_E"):
            moved = add_post(
                world, to.org_id, 0, post.kind, post.phase, since=since, person_id=last.person_id
            )
            moved.kept = True
    for kind in ("service", "second", "relief_D", "relief_E"):
        if not world.staff(new.org_id, kind):
            add_post(world, new.org_id, 0, kind, 0, since=day)
    load = sum(SLOT_HOURS[c.need][0] for c in world.served(old.org_id, day))
    while len(world.staff(new.org_id, "rota")) < max(6, load / 1.1):
        add_post(world, new.org_id, 0, "rota", 3 * len(world.posts) % 14, since=day)


def _move_clients(
    world: World,
    old: Provider,
    new: Provider,
    others: list[Provider],
    day: date,
    share: float,
) -> None:
    """Households go over, up to a share; the rest choose among those who were there."""
    for client in world.clients:
        lot = client.building.number * 37 % 100
        to = new if lot < 100 * share else others[lot % len(others)]
        if client.provider_on(day) == old.org_id:
            client.switch(to.org_id, day, "provider_exit")
        for spell in client.spells:
            if spell.org_id == old.org_id and spell.since >= day:
                spell.org_id = to.org_id


def _early_clients(world: World, provider: Provider) -> list[Client]:
    """Clients of a provider from well before the start, whose first provider it is."""
    return [
        c
        for c in world.clients
        if c.spells[0].org_id == provider.org_id
        and c.since < world.start - timedelta(250)
        and c.spells[0].until > world.start
    ]


def _founder(world: World, org_id: str) -> str:
    """The first person who owns a firm; where only firms do, somebody is added to them."""
    for row in world.rows["owners"]:
        if row["org_id"] == org_id and row["owner_kind"] == "person":
            return str(row["owner_id"])
    person_id = add_business_person(world)
    add_owner(world, org_id, person_id, 0.3)
    return person_id


def _seat(world: World, org_id: str, person_id: str, since: date) -> None:
    world.add("officers", org_id=org_id, person_id=person_id, role="director", valid_from=since)


def _firm(world: World, org_id: str) -> Row:
    return next(row for row in world.rows["organisations"] if row["org_id"] == org_id)


def _tell(
    world: World, kind: Kind, name: str, provider: Provider, subjects: list[str], **more: object
) -> None:
    """The truth; what a firm carries over is questioned from the day it began."""
    since = max(provider.since, world.start)
    world.tell(_DETECTOR, kind, name, provider.org_id, subjects, since, world.end, **more)
