"""One person at two clients at once: a login that several people work under (domain T1, T5)."""

from __future__ import annotations

from datetime import date, timedelta

from synth.staff import ROTA, add_post, gather
from synth.world import Client, Post, Provider, Strength, World

_DETECTOR = "overlapping_visits"


def share_login(world: World, provider: Provider, strength: Strength) -> bool:
    """Colleagues work under one login, on most days or on some."""
    posts = world.staff(provider.org_id, "rota")
    if _served(world, provider) < 18 or provider.until < world.end:
        return False
    lender = posts[0]
    borrowers = _same_shifts(lender, posts[1:])[: 3 if strength == "strong" else 2]
    _lend(world, provider, lender, borrowers, strength, "shared_login")
    return True


def share_login_across_providers(world: World, provider: Provider, strength: Strength) -> bool:
    """People of this provider work under the login of someone who works at another one."""
    posts = world.staff(provider.org_id, "rota")
    if _served(world, provider) < 8 or provider.until < world.end:
        return False
    other = _other_employer(world, provider)
    lender = world.staff(other.org_id, "rota")[0]
    name_only = add_post(
        world,
        provider.org_id,
        0,
        "name_only",
        0,
        since=max(provider.since, world.start - timedelta(200)),
        person_id=lender.tenures[0].person_id,
    )
    name_only.kept = True
    borrowers = _same_shifts(lender, posts)[: 3 if strength == "strong" else 2]
    _lend(world, provider, lender, borrowers, strength, "shared_login_across_providers")
    world.truth.append(
        {**world.truth[-1], "provider": other.org_id, "other_provider": provider.org_id}
    )
    world.truth[-2]["other_provider"] = other.org_id
    return True


SCHEMES = (share_login, share_login_across_providers)


def cohabiting_couples(world: World, hosts: list[Provider]) -> None:
    """A couple in one home is helped in one stay; the world is full of them."""
    for client in world.clients:
        if client.stays_with is not None:
            for spell in client.spells:
                if spell.until > world.start and spell.since < world.end:
                    subjects = [client.stays_with.person_id, client.person_id]
                    _tell(world, "cohabiting_couple", spell.org_id, subjects)


def one_building(world: World, hosts: list[Provider]) -> None:
    """In a service house the check-out is made at the next door."""
    found: dict[tuple[str, int], list[str]] = {}
    for client in world.clients:
        if client.building.service_house:
            for spell in client.spells:
                if spell.until > world.start and spell.since < world.end:
                    door = spell.org_id, client.building.number
                    found.setdefault(door, []).append(client.person_id)
    for (org_id, _), clients in found.items():
        if len(clients) > 1:
            _tell(world, "one_building", org_id, clients)


def group_activities(world: World, hosts: list[Provider]) -> None:
    """A leader registers everybody of a group; the municipality and the largest provider."""
    for weekday, provider in enumerate((world.providers[0], *hosts[:2])):
        clients = [c for c in world.served(provider.org_id, world.start) if c.need > 0][:9]
        if len(clients) >= 3:
            leader = gather(world, provider, clients, weekday)
            _tell(world, "group_activity", provider.org_id, [leader, *_ids(clients)])


def forgotten_check_outs(world: World, hosts: list[Provider]) -> None:
    """Someone forgets to check out now and then; half of it is corrected the next day."""
    _mark(world, hosts[::2], "forgotten_check_out", 1)


def drifting_clocks(world: World, hosts: list[Provider]) -> None:
    """A phone whose clock is up to two minutes wrong."""
    _mark(world, hosts[1::2], "clock_drift", 1)


INNOCENTS = (
    cohabiting_couples,
    one_building,
    group_activities,
    forgotten_check_outs,
    drifting_clocks,
)


def _served(world: World, provider: Provider) -> int:
    """Clients at the least: where all go on one route, two workers never seem to be one."""
    days = (world.start, world.start + timedelta(world.days // 2), world.end - timedelta(1))
    return min(len(world.served(provider.org_id, day)) for day in days)


def _same_shifts(lender: Post, posts: list[Post]) -> list[Post]:
    """The posts of a first team that are most often on the lender's shift, best first."""
    posts = [post for post in posts if post.team == 0 and not post.kept]
    rota = [(ROTA * 2)[lender.phase :][:14], *((ROTA * 2)[post.phase :][:14] for post in posts)]
    shared = [
        sum(one == two != "." for one, two in zip(rota[0], days, strict=True)) for days in rota[1:]
    ]
    return [posts[index] for index in sorted(range(len(posts)), key=lambda i: (-shared[i], i))]


def _other_employer(world: World, provider: Provider) -> Provider:
    free = [p for p in world.private if p.scheme is None and p.size < provider.size]
    if len(world.private) >= 16 and free:
        free[0].scheme = f"{_DETECTOR}_other"
        return free[0]
    return world.providers[0]


def _lend(
    world: World,
    provider: Provider,
    lender: Post,
    borrowers: list[Post],
    strength: Strength,
    name: str,
) -> None:
    since = world.start + timedelta(world.days // (10 if strength == "strong" else 3))
    for post in (lender, *borrowers):
        post.kept = True
    for borrower in borrowers:
        world.schedule(
            "lent",
            org_id=provider.org_id,
            borrower_id=borrower.tenures[0].person_id,
            lender_id=lender.tenures[0].person_id,
            since=since,
            until=world.end,
            percent=80 if strength == "strong" else 40,
        )
    world.tell(
        _DETECTOR,
        "scheme",
        name,
        provider.org_id,
        [lender.tenures[0].person_id],
        since,
        world.end,
        strength=strength,
    )


def _mark(world: World, hosts: list[Provider], cause: str, a_provider: int) -> None:
    for provider in hosts or world.providers[:1]:
        taken = {row["person_id"] for row in world.plan.get("quirk", ())}
        free = [p for p in world.staff(provider.org_id, "rota") if not p.kept][:a_provider]
        for post in free:
            post.kept = True
            person_id = post.tenures[0].person_id
            if person_id not in taken:
                world.schedule("quirk", org_id=provider.org_id, person_id=person_id, cause=cause)
                _tell(world, cause, provider.org_id, [person_id])


def _tell(world: World, cause: str, org_id: str, subjects: list[str]) -> None:
    world.tell(_DETECTOR, "innocent", cause, org_id, subjects, date.min, world.end)


def _ids(clients: list[Client]) -> list[str]:
    return [client.person_id for client in clients]
