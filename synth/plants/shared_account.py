"""One account paid for several parties (domain T30, T19), and accounts rightly shared."""

from __future__ import annotations

from datetime import date, timedelta

from synth.companies import (
    account_of,
    add_business_person,
    add_organisation,
    add_owner,
    hold_account,
    replace_owners,
    use_account,
)
from synth.people import add_worker, any_building, any_flat
from synth.world import OPEN, Post, Provider, Strength, World

_DETECTOR = "shared_account"


def one_account_two_firms(world: World, provider: Provider, strength: Strength) -> bool:
    """Two unrelated firms are paid on one account; weak: the other firm is paid by nobody here."""
    account = account_of(world, provider.org_id)
    others = [p for p in world.private if p.scheme is None and p.until == OPEN]
    if strength == "strong" and others:
        other = others[-1]
        other.scheme = f"{_DETECTOR}_other"
        use_account(world, other.org_id, account)
        other_id = other.org_id
    else:
        other_id = add_organisation(world, "Resursbolaget", industry="78200")
        add_owner(world, other_id, add_business_person(world), 1.0)
    hold_account(world, account, other_id, since=date(2020, 1, 1))
    _scheme(world, "one_account_two_firms", provider.org_id, [account, other_id], strength)
    if strength == "strong" and others:
        subjects = [account, provider.org_id]
        _scheme(world, "one_account_two_firms", other_id, subjects, strength)
    return True


def firm_and_private_person(world: World, provider: Provider, strength: Strength) -> bool:
    """A firm is paid on the account of a private person; weak: the firm is registered on it too."""
    person_id = add_business_person(world)
    account = world.identifiers.iban()
    hold_account(world, account, person_id, kind="person", since=date(2019, 1, 1))
    use_account(world, provider.org_id, account)
    if strength == "weak":
        hold_account(world, account, provider.org_id, since=date(2021, 1, 1))
    subjects = [account, person_id]
    _scheme(world, "firm_and_private_person", provider.org_id, subjects, strength)
    return True


def wages_to_one_account(world: World, provider: Provider, strength: Strength) -> bool:
    """Wages of several workers who share no home go to one account."""
    posts = [p for p in world.staff(provider.org_id, "rota") if not p.kept]
    posts = posts[: 6 if strength == "strong" else 3]
    if len(posts) < 3:
        return False
    people = [post.tenures[0].person_id for post in posts]
    account = world.accounts[people[0]]
    for post in posts:
        post.kept = True
        world.accounts[post.tenures[0].person_id] = account
    _scheme(world, "wages_to_one_account", provider.org_id, [account, *people], strength)
    return True


SCHEMES = (one_account_two_firms, firm_and_private_person, wages_to_one_account)


def factoring(world: World, hosts: list[Provider]) -> None:
    """Small firms sell their invoices; all are paid on the factoring company's account."""
    hosts = _unused(hosts)[-3:-1]
    if len(hosts) < 2:
        return
    company = add_organisation(world, "Fakturaköp", industry="64920")
    account = world.identifiers.bankgiro()
    hold_account(world, account, company, purpose="factoring", since=date(2015, 1, 1))
    for provider in hosts:
        use_account(world, provider.org_id, account, factoring=True)
        _innocent(world, "factoring", provider, [account, company])


def group_cash_pool(world: World, hosts: list[Provider]) -> None:
    """A parent and its daughters use one account of the group."""
    hosts = [p for p in _unused(hosts) if p.scheme != "ownership_ring"][:2]
    if len(hosts) < 2:
        return
    parent = add_organisation(world, "Omsorgsgruppen", industry="70100")
    add_owner(world, parent, add_business_person(world), 0.7)
    add_owner(world, parent, add_business_person(world), 0.3)
    account = world.identifiers.bankgiro()
    hold_account(world, account, parent, purpose="group", since=date(2017, 1, 1))
    for provider in hosts:
        provider.innocents.add("ownership_ring")
        replace_owners(world, provider.org_id)
        add_owner(world, provider.org_id, parent, 1.0, kind="organisation")
        use_account(world, provider.org_id, account)
        hold_account(world, account, provider.org_id, purpose="group", since=date(2017, 1, 1))
        _innocent(world, "group_cash_pool", provider, [account, parent])


def account_succession(world: World, hosts: list[Provider]) -> None:
    """After a bank merger an account number passes from one firm to another, years apart."""
    for provider in _unused(hosts)[:2]:
        account = account_of(world, provider.org_id)
        former = add_organisation(world, "Bokhandeln", industry="47610")
        add_owner(world, former, add_business_person(world), 1.0)
        merged = world.start - timedelta(500)
        for row in world.rows["accounts"]:
            if row["account"] == account and row["holder_id"] == provider.org_id:
                row["valid_from"] = merged
        hold_account(world, account, former, since=date(2010, 1, 1), until=merged)
        world.add(
            "organisation_changes",
            change_id=f"C-{account[3:]}",
            org_id=provider.org_id,
            changed_on=merged,
            what="account",
            after=account,
        )
        _innocent(world, "account_succession", provider, [account, former])


def couples_at_work(world: World, hosts: list[Provider]) -> None:
    """Two workers are married, live in one home and have their wages paid to one account."""
    for provider in (world.providers[0], *hosts[:2]):
        posts = [p for p in world.staff(provider.org_id, "rota") if not p.kept][-2:]
        if len(posts) == 2:
            _marry(world, provider, posts)


def couples_with_care(world: World, hosts: list[Provider]) -> None:
    """A couple pays both partners' fees from a joint account."""
    for client in world.clients:
        if client.stays_with is None or not world.chance(0.6):
            continue
        payer_id, account = world.fee_payers[client.stays_with.person_id]
        world.fee_payers[client.person_id] = (client.person_id, account)
        hold_account(world, account, client.person_id, kind="person")
        _innocent_clients(world, "couple_joint_account", account, [payer_id, client.person_id])


def trustees(world: World, hosts: list[Provider]) -> None:
    """A trustee pays the fees of several clients; the court's mandate says so."""
    clients = [c for c in world.clients if c.partner is None and c.protection == "none"]
    count = max(1, len(clients) // 150)
    for number in range(count):
        wards = clients[number * 23 % len(clients) :: max(1, len(clients) // 5)][:4]
        wards = [w for w in wards if world.fee_payers[w.person_id][0] == w.person_id]
        trustee = add_worker(world)
        account = world.accounts.pop(trustee)
        for ward in wards:
            world.fee_payers[ward.person_id] = (trustee, account)
            world.add(
                "mandates",
                person_id=trustee,
                client_id=ward.person_id,
                kind="trustee" if number % 2 else "guardian",
                valid_from=date(2021, 1, 1),
            )
        subjects = [trustee, *(ward.person_id for ward in wards)]
        _innocent_clients(world, "trustee", account, subjects)


INNOCENTS = (
    group_cash_pool,
    factoring,
    account_succession,
    couples_at_work,
    couples_with_care,
    trustees,
)


def _unused(hosts: list[Provider]) -> list[Provider]:
    return [p for p in hosts if _DETECTOR not in p.innocents and p.until == OPEN]


def _marry(world: World, provider: Provider, posts: list[Post]) -> None:
    building = any_building(world)
    flat = any_flat(world, building)
    couple = [add_worker(world, building, flat) for _ in posts]
    account = world.accounts[couple[0]]
    world.accounts[couple[1]] = account
    hold_account(world, account, couple[1], kind="person")
    for post, person_id in zip(posts, couple, strict=True):
        post.tenures[0].person_id = person_id
        post.kept = True
    _innocent(world, "couple_joint_account", provider, [account, *couple])


def _scheme(world: World, name: str, org_id: str, subjects: list[str], strength: Strength) -> None:
    world.tell(
        _DETECTOR, "scheme", name, org_id, subjects, world.start, world.end, strength=strength
    )


def _innocent(world: World, cause: str, provider: Provider, subjects: list[str]) -> None:
    provider.innocents.add(_DETECTOR)
    world.tell(_DETECTOR, "innocent", cause, provider.org_id, subjects, world.start, world.end)


def _innocent_clients(world: World, cause: str, account: str, people: list[str]) -> None:
    """A cause among clients concerns the municipality, which sees the fees, not a provider."""
    subjects = [account, *people]
    world.tell(_DETECTOR, "innocent", cause, world.municipal_id, subjects, world.start, world.end)
