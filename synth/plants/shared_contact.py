"""One contact for strangers of two providers (domain T19, T25), and contacts rightly shared."""

from __future__ import annotations

from datetime import date

from synth.companies import add_business_person, add_organisation
from synth.people import add_worker, any_building, any_flat
from synth.world import CITY, OPEN, Client, Provider, Row, Strength, World

_DETECTOR = "shared_contact"
#: Kept for fiction in every American area: the Swedish ranges are used up by firms and twins.
_NUMBERS = tuple(
    f"+1 {area} 555 01{number:02d}" for area in (202, 303, 415, 617) for number in range(100)
)


def officers_on_one_phone(world: World, provider: Provider, strength: Strength) -> bool:
    """Those who run two firms give one telephone, as does one of the firms; weak: one e-mail."""
    other = _other(world, provider)
    if other is None:
        return False
    people = [
        _runs(world, p, "director" if strength == "strong" else "deputy") for p in (provider, other)
    ]
    rows = [_person(world, person_id) for person_id in people]
    if strength == "strong":
        phone = _number(world)
        for row in [*rows, _organisation(world, other.org_id)]:
            row["phone"] = phone
    else:
        rows[0]["email"] = str(rows[1]["email"]).upper()
    _scheme(world, "officers_on_one_phone", (provider, other), people, strength)
    return True


def firms_on_one_contact(world: World, provider: Provider, strength: Strength) -> bool:
    """Two firms give one e-mail; strong: one telephone too, and one seat."""
    other = _other(world, provider)
    if other is None:
        return False
    here, there = (_organisation(world, p.org_id) for p in (provider, other))
    here["email"] = there["email"]
    if strength == "strong":
        here["phone"] = there["phone"] = _number(world)
        here.update(_farm(world, here["org_id"]))
        there.update(_farm(world, here["org_id"]))
    _scheme(world, "firms_on_one_contact", (provider, other), [], strength)
    return True


def staff_on_one_phone(world: World, provider: Provider, strength: Strength) -> bool:
    """Staff of two firms, who live apart, give one number: four of each, or one of each."""
    other = _other(world, provider)
    count = 4 if strength == "strong" else 1
    if other is None:
        return False
    posts = [
        post
        for p in (provider, other)
        for post in [post for post in world.staff(p.org_id, "rota") if not post.kept][:count]
    ]
    if len(posts) < 2 * count:
        return False
    phone = _number(world)
    people = []
    for post in posts:
        post.kept = True
        people.append(add_worker(world))
        post.tenures[-1].person_id = people[-1]
        _person(world, people[-1])["phone"] = phone
    _scheme(world, "staff_on_one_phone", (provider, other), people, strength)
    return True


def seat_at_the_others_home(world: World, provider: Provider, strength: Strength) -> bool:
    """A firm has its seat where the other's director lives; weak: both directors live there."""
    other = _other(world, provider)
    if other is None:
        return False
    farm = _farm(world, provider.org_id)
    people = [_runs(world, other, "director")]
    if strength == "strong":
        _organisation(world, provider.org_id).update(farm)
    else:
        people.append(_runs(world, provider, "director"))
    for person_id in people:
        _move(world, person_id, farm)
    _scheme(world, "seat_at_the_others_home", (provider, other), people, strength)
    return True


def clients_at_anothers_phone(world: World, provider: Provider, strength: Strength) -> bool:
    """Clients of one firm are reached at the director of another: five of them, or one."""
    other = _other(world, provider)
    if other is None:
        return False
    clients = [c for c in _settled(world, provider) if c.partner is None]
    clients = clients[: 5 if strength == "strong" else 1]
    if not clients:
        return False
    phone = _number(world)
    people = [_runs(world, other, "director"), *(client.person_id for client in clients)]
    for person_id in people:
        _person(world, person_id)["phone"] = phone
    _scheme(world, "clients_at_anothers_phone", (provider, other), people, strength)
    return True


SCHEMES = (
    officers_on_one_phone,
    firms_on_one_contact,
    staff_on_one_phone,
    seat_at_the_others_home,
    clients_at_anothers_phone,
)


def switchboard(world: World, hosts: list[Provider]) -> None:
    """Members of an association are reached through its switchboard."""
    hosts = hosts[:1]
    others = [add_organisation(world, "Föreningshuset", industry="81210") for _ in range(5)]
    phone = _number(world)
    for org_id in [*others, *(p.org_id for p in hosts)]:
        _organisation(world, org_id)["phone"] = phone
    for provider in hosts:
        _innocent(world, "switchboard", provider, others)


def accountants_office(world: World, hosts: list[Provider]) -> None:
    """Small firms give the e-mail of the office that keeps their accounts."""
    office = add_organisation(world, "Redovisningen", industry="69.201")
    for provider in hosts[-1:]:
        _organisation(world, provider.org_id)["email"] = _organisation(world, office)["email"]
        _innocent(world, "accountants_office", provider, [office])


def business_hotel(world: World, hosts: list[Provider]) -> None:
    """Two firms have their seats in a business hotel, where a director lives upstairs."""
    landlord = add_organisation(world, "Kontorshotellet", industry="68203")
    house = _farm(world, landlord)
    hosts = hosts[:2]
    for org_id in (landlord, *(p.org_id for p in hosts)):
        _organisation(world, org_id).update(house)
    for provider in hosts[:1]:
        _move(world, _runs(world, provider, "director"), house)
    for provider in hosts:
        _innocent(world, "business_hotel", provider, [landlord])


def professional_chair(world: World, hosts: list[Provider]) -> None:
    """One chair on two boards, and both firms give the chair's number."""
    hosts = hosts[:2]
    if len(hosts) < 2:
        return
    chair = add_business_person(world)
    phone = _number(world)
    _person(world, chair)["phone"] = phone
    for provider in hosts:
        world.add(
            "officers",
            org_id=provider.org_id,
            person_id=chair,
            role="chair",
            valid_from=max(provider.since, date(2021, 1, 1)),
        )
        _organisation(world, provider.org_id)["phone"] = phone
        _innocent(world, "professional_chair", provider, [chair])


def service_house(world: World, hosts: list[Provider]) -> None:
    """Residents of a service house, helped by several, give the number of the one that runs it."""
    for provider in hosts[:1]:
        houses: dict[int, list[Client]] = {}
        for client in world.clients:
            if client.building.service_house and client.protection == "none":
                houses.setdefault(client.building.number, []).append(client)
        residents = max(houses.values(), key=len, default=[])[:4]
        phone = _organisation(world, provider.org_id)["phone"]
        if len(residents) < 3 or phone is None:
            return
        for client in residents:
            _person(world, client.person_id)["phone"] = phone
        _innocent(world, "service_house", provider, [c.person_id for c in residents])


def couple_at_two_firms(world: World, hosts: list[Provider]) -> None:
    """A couple share a home and a telephone, and work for a firm each."""
    hosts = hosts[:2]
    posts = [[p for p in world.staff(host.org_id, "rota") if not p.kept][-1:] for host in hosts]
    if len(posts) < 2 or not all(posts):
        return
    building = any_building(world)
    flat = any_flat(world, building)
    couple = [add_worker(world, building, flat) for _ in posts]
    phone = _number(world)
    for (post,), person_id in zip(posts, couple, strict=True):
        post.kept = True
        post.tenures[-1].person_id = person_id
        _person(world, person_id)["phone"] = phone
    for provider in hosts:
        _innocent(world, "couple_at_two_firms", provider, couple)


def relatives_with_mandates(world: World, hosts: list[Provider]) -> None:
    """A worker answers a parent's telephone, and the municipality knows of the mandate."""
    for number, provider in enumerate(hosts[:2]):
        posts = [p for p in world.staff(provider.org_id, "rota") if not p.kept]
        clients = [
            client
            for host in world.private
            if host is not provider
            for client in _settled(world, host)
            if not _person(world, client.person_id).get("phone")
        ]
        if not posts or not clients:
            continue
        posts[-1].kept = True
        worker, parent = posts[-1].tenures[-1].person_id, clients[number].person_id
        phone = _number(world)
        for person_id in (worker, parent):
            _person(world, person_id)["phone"] = phone
        kind = "agent" if number else "approved_relative"
        world.add(
            "mandates", person_id=worker, client_id=parent, kind=kind, valid_from=date(2021, 1, 1)
        )
        _innocent(world, "relative_with_mandate", provider, [worker, parent])


def stand_ins(world: World, hosts: list[Provider]) -> None:
    """Where a number is asked for and none is known, somebody types noughts."""
    for provider in hosts[:2]:
        person_id = _runs(world, provider, "deputy")
        _person(world, person_id)["phone"] = "070-0000000"
        _innocent(world, "stand_in", provider, [person_id])


_CAUSES = (
    switchboard,
    couple_at_two_firms,
    accountants_office,
    relatives_with_mandates,
    service_house,
    business_hotel,
    stand_ins,
    professional_chair,
)


def rightly_shared(world: World, hosts: list[Provider]) -> None:
    """Each cause at hosts of its own, from one that the seed draws, while there are hosts left."""
    turn = world.pick(0, len(_CAUSES) - 1)
    for number in range(len(_CAUSES)):
        _CAUSES[(turn + number) % len(_CAUSES)](world, _unused(hosts))


INNOCENTS = (rightly_shared,)


def _other(world: World, provider: Provider) -> Provider | None:
    """A second provider, who then carries the same scheme."""
    free = [p for p in world.private if p.scheme is None and p.until == OPEN and p is not provider]
    return free[-1] if free else None


def _unused(hosts: list[Provider]) -> list[Provider]:
    """Those without an innocent cause of this detector: two on one host would tie both."""
    free = [p for p in hosts if p.until == OPEN and _DETECTOR not in p.innocents]
    # A shell that nobody can reach may not be given a telephone.
    return [p for p in free if p.scheme != "hollow_company"]


def _settled(world: World, provider: Provider) -> list[Client]:
    """Clients of a provider from the start to the end, and of no other."""
    return [
        client
        for client in world.clients
        if [spell.org_id for spell in client.spells] == [provider.org_id]
        and client.since <= world.start
        and client.until == OPEN
        and client.protection == "none"
    ]


def _runs(world: World, provider: Provider, role: str) -> str:
    return next(
        str(row["person_id"])
        for row in world.rows["officers"]
        if row["org_id"] == provider.org_id and row["role"] == role
    )


def _number(world: World) -> str:
    """A telephone that nobody has."""
    used = {row.get("phone") for table in ("persons", "organisations") for row in world.rows[table]}
    return next(number for number in _NUMBERS if number not in used)


def _person(world: World, person_id: str) -> Row:
    return next(row for row in world.rows["persons"] if row["person_id"] == person_id)


def _organisation(world: World, org_id: str) -> Row:
    return next(row for row in world.rows["organisations"] if row["org_id"] == org_id)


def _farm(world: World, owner: object) -> Row:
    """An address of its own, outside the town."""
    return {"street": f"Gården {str(owner)[-5:]}", "postcode": "99999", "city": CITY}


def _move(world: World, person_id: str, home: Row) -> None:
    _person(world, person_id).update(home)
    for row in world.rows["residences"]:
        if row["person_id"] == person_id and row["valid_to"] is None:
            row.update(home)


def _scheme(
    world: World,
    name: str,
    providers: tuple[Provider, Provider],
    people: list[str],
    strength: Strength,
) -> None:
    one, two = providers
    two.scheme = f"{_DETECTOR}_other"
    for provider in providers:
        provider.innocents.add("shared_account")  # no cash pool shall make them one group
        world.tell(
            _DETECTOR,
            "scheme",
            name,
            provider.org_id,
            [one.org_id, two.org_id, *people],
            world.start,
            world.end,
            strength=strength,
        )


def _innocent(world: World, cause: str, provider: Provider, subjects: list[str]) -> None:
    provider.innocents.add(_DETECTOR)
    world.tell(_DETECTOR, "innocent", cause, provider.org_id, subjects, world.start, world.end)
