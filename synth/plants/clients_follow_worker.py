"""Clients that follow a worker to a new employer (domain T15), and moves that only look so."""

from __future__ import annotations

from datetime import date, timedelta

from synth.care import SLOT_HOURS
from synth.companies import close_provider
from synth.staff import add_post, replace
from synth.world import OPEN, Client, Post, Provider, Strength, World

_DETECTOR = "clients_follow_worker"
#: Visits before the move and clients after it must both be seen.
_BEFORE, _AFTER = 45, 30
#: Hours of care that a route surely holds in a morning; see visits.sql.
_MORNING = 3.6


def lure_clients(world: World, provider: Provider, strength: Strength) -> bool:
    """A worker comes from another provider, and a good part of the clients come after."""
    if not _long_enough(world) or provider.until < world.end:
        return False
    day = _moving_day(world)
    for old in _old_employers(world, provider):
        clients = _settled(world, old, day)
        least, most, share = (4, 6, 0.35) if strength == "strong" else (3, 4, 0.2)
        known = _on_first_route(world, old, clients, day)
        count = min(len(known), max(most, round(share * len(clients))))
        if count < least or count > (len(clients) + 1) // 2:
            continue
        if old.private:
            old.innocents.add(_DETECTOR)
        post = _transfer(world, old, provider, day)
        moved = known[:count]
        for client in moved:
            _follow(world, client, provider, day)
        since, until = day, min(day + timedelta(85), world.end)
        world.tell(
            _DETECTOR,
            "scheme",
            "lured_clients",
            provider.org_id,
            [post.tenures[0].person_id],
            since,
            until,
            strength=strength,
            other_provider=old.org_id,
            clients=[client.person_id for client in moved],
        )
        return True
    return False


SCHEMES = (lure_clients,)


def free_choices(world: World, hosts: list[Provider]) -> None:
    """A worker changes employer and one client chooses to go along."""
    _go_along(world, hosts, "free_choice", 1, couple=False)


def households(world: World, hosts: list[Provider]) -> None:
    """A worker changes employer; a couple goes along, which is one choice and not two."""
    _go_along(world, hosts, "household_moves_together", 0, couple=True)


def exits(world: World, hosts: list[Provider]) -> None:
    """A provider closes: its clients choose others, its staff find work where they go."""
    leaving = [p for p in reversed(hosts) if _is_free(p)]
    if not leaving or not _long_enough(world):
        return
    closing = leaving[0]
    staying = [p for p in world.providers if p is not closing and p.until == OPEN]
    day = _moving_day(world)
    _empty(world, closing, day, staying)
    _tell_move(world, "provider_exit", closing, closing, day)


def acquisitions(world: World, hosts: list[Provider]) -> None:
    """A provider is bought: all clients and all staff go over to the buyer the same day."""
    leaving = [p for p in reversed(hosts) if _is_free(p)]
    buyers = [p for p in hosts if _is_free(p)]
    if len(leaving) < 2 or not _long_enough(world):
        return
    closing, buyer = leaving[0], buyers[0]
    day = _moving_day(world)
    _empty(world, closing, day, [buyer])
    buyer.innocents.add(_DETECTOR)
    _tell_move(world, "acquisition", buyer, closing, day)


def relief_workers(world: World, hosts: list[Provider]) -> None:
    """A relief worker works every other day at each of two providers."""
    staying = [p for p in hosts if p.until == OPEN]
    for one, other in zip(staying[::2], staying[1::2], strict=False):
        post, twin = (world.staff(p.org_id, "relief_D")[0] for p in (one, other))
        person_id = post.tenures[0].person_id
        twin.tenures[0].person_id = person_id
        post.every_other, twin.every_other = 0, 1
        post.kept = twin.kept = True
        for provider in (one, other):
            _tell(world, "relief_worker", provider, [person_id], date.min, world.end)


INNOCENTS = (exits, acquisitions, free_choices, households, relief_workers)


def _long_enough(world: World) -> bool:
    return world.days >= _BEFORE + _AFTER + 5


def _moving_day(world: World) -> date:
    latest = world.days - min(90, max(_AFTER, world.days // 3))
    earliest = min(_BEFORE + 45, latest - 1)
    return world.start + timedelta(world.pick(earliest, latest))


def _is_free(provider: Provider) -> bool:
    return (
        provider.scheme is None and provider.until == OPEN and _DETECTOR not in provider.innocents
    )


def _old_employers(world: World, provider: Provider) -> list[Provider]:
    """Who may lose clients: private ones without a part in other plants, then the municipality."""
    return [p for p in world.private if p is not provider and _is_free(p)] + world.providers[:1]


def _settled(world: World, old: Provider, day: date) -> list[Client]:
    """Clients of the first team with daily care, served all the time around the move, alone.

    Those of its first route, who know the worker best, come first.
    """
    clients = [
        client
        for client in world.clients
        if client.provider_on(day) == old.org_id
        and client.provider_on(max(world.start, day - timedelta(80))) == old.org_id
        and client.provider_on(day + timedelta(90)) is not None
        and client.need > 0
        and client.partner is None
        and int(client.place * old.teams) == 0
    ]
    return sorted(clients, key=lambda client: client.place)


def _on_first_route(world: World, old: Provider, clients: list[Client], day: date) -> list[Client]:
    """Those whom the worker has met: nobody follows somebody whom they never saw.

    The first worker on the rota walks the first part of the town, as far as a morning allows.
    """
    walk = [
        client
        for client in world.clients
        if client.provider_on(day) == old.org_id and int(client.place * old.teams) == 0
    ]
    hours, met = 0.0, set()
    for client in sorted(walk, key=lambda client: client.place):
        hours += SLOT_HOURS[client.need][0]
        if hours <= _MORNING:
            met.add(client.person_id)
    return [client for client in clients if client.person_id in met]


def _transfer(world: World, old: Provider, new: Provider, day: date) -> Post:
    """The first worker on the old one's rota starts at the new one two weeks after leaving."""
    post = next(p for p in world.staff(old.org_id, "rota") if not p.kept and p.team == 0)
    post.kept = post.contact = True
    leaver = replace(world, post, day - timedelta(14))
    joined = add_post(world, new.org_id, 0, "rota", 3, since=day, person_id=leaver.person_id)
    joined.kept = True
    return joined


def _follow(world: World, client: Client, to: Provider, day: date) -> None:
    latest = min(80, (world.end - day).days - 2)
    when = day + timedelta(world.pick(3, max(3, latest)))
    for member in filter(None, (client, client.partner)):
        member.switch(to.org_id, when, "client_choice")


def _go_along(
    world: World, hosts: list[Provider], cause: str, singles: int, *, couple: bool
) -> None:
    free = [p for p in hosts if p.until == OPEN and _DETECTOR not in p.innocents]
    if not free or not _long_enough(world):
        return
    new, old = free[0], world.providers[0]
    day = _moving_day(world)
    post = _transfer(world, old, new, day)
    moved = _settled(world, old, day)[:singles]
    if couple:
        pairs = [
            client
            for client in world.clients
            if client.partner is not None
            and client.provider_on(day) == old.org_id
            and client.partner.provider_on(day) == old.org_id
        ]
        moved += pairs[:1]
    for client in moved:
        _follow(world, client, new, day)
    new.innocents.add(_DETECTOR)
    _tell(world, cause, new, [post.tenures[0].person_id], day, day + timedelta(90))


def _empty(world: World, closing: Provider, day: date, receivers: list[Provider]) -> None:
    close_provider(world, closing, day)
    closing.innocents.add(_DETECTOR)
    for client in world.clients:
        to = receivers[client.building.number % len(receivers)].org_id  # a household stays one
        if client.provider_on(day) == closing.org_id:
            client.switch(to, day, "provider_exit")
        for spell in client.spells:
            if spell.org_id == closing.org_id and spell.since >= day:
                spell.org_id = to
    moving = [post for post in world.posts if post.org_id == closing.org_id]
    for number, post in enumerate(moving):
        to_id = receivers[number % len(receivers)].org_id
        last = post.tenures[-1]
        since = max(day, last.since)  # who was to come later comes then, to the new place
        post.kept = True
        if post.kind in ("rota", "relief_D", "relief_E"):
            add_post(world, to_id, 0, post.kind, post.phase, since=since, person_id=last.person_id)


def _tell_move(world: World, cause: str, at: Provider, closing: Provider, day: date) -> None:
    since, until = day - timedelta(60), day + timedelta(90)
    _tell(world, cause, at, [closing.org_id], since, until)


def _tell(
    world: World, cause: str, at: Provider, subjects: list[str], since: date, until: date
) -> None:
    world.tell(_DETECTOR, "innocent", cause, at.org_id, subjects, since, until)
