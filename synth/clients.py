"""Clients: who they are, where they live, how long they stay and which provider serves them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from synth.people import add_person, any_building, any_flat, place_in_town
from synth.world import OPEN, Building, Client, Spell, World

#: Home-care clients per inhabitant (259,000 of 10.3 million; domain, section 5).
_CLIENT_SHARE: Final = 0.025
#: Yearly rates: death or a nursing home, moving away, choosing another provider (T15: 11 %).
_DEATHS, _MOVES, _SWITCHES = 0.12, 0.03, 0.11


def build_clients(world: World) -> None:
    """Fill `world.clients`: those served at the start and those who come later."""
    served = max(40, round(world.inhabitants * _CLIENT_SHARE))
    weights = [provider.size if provider.private else 0.0 for provider in world.providers]
    weights[0] = 1.0 - sum(weights)
    arrivals = round(served * (_DEATHS + _MOVES) * world.days / 365)
    places = {building.number: place_in_town(building) for building in world.buildings}
    houses = [building for building in world.buildings if building.service_house]
    while len(world.clients) < served:
        _add_household(world, weights, houses, new=False)
    while len(world.clients) < served + arrivals:
        _add_household(world, weights, houses, new=True)
    order = sorted(places.values())
    ranks = {place: rank / len(order) for rank, place in enumerate(order)}
    for client in world.clients:
        client.place = ranks[places[client.building.number]]


def switch_freely(world: World) -> None:
    """Clients choose another provider at the base rate; a household chooses together."""
    hazard = _SWITCHES * world.days / 365
    choices = [provider for provider in world.providers if provider.until == OPEN]
    weights = [p.size if p.private else 0.7 for p in choices]
    for client in world.clients:
        if not world.chance(hazard / (2 if client.partner else 1)):
            continue
        day = world.start + timedelta(world.pick(5, world.days - 1))
        to = choices[_weighted(world, weights)].org_id
        for member in filter(None, (client, client.partner)):
            member.switch(to, day, "client_choice")


def _weighted(world: World, weights: list[float]) -> int:
    point = float(world.rng.random()) * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return len(weights) - 1


def _add_household(
    world: World, weights: list[float], houses: list[Building], *, new: bool
) -> None:
    in_house = bool(houses) and world.chance(0.06)
    building = houses[world.pick(0, len(houses) - 1)] if in_house else any_building(world)
    flat = any_flat(world, building)
    provider = world.providers[_weighted(world, weights)]
    since = max(provider.since, date(2018, 6, 1)) + timedelta(world.pick(0, 1_200))
    since = min(since, world.start - timedelta(world.pick(1, 400)))
    if new:
        since = world.start + timedelta(world.pick(1, world.days - 1))
    couple = world.chance(0.06)
    members = [
        _add_client(world, building, flat, since, provider.org_id) for _ in range(1 + couple)
    ]
    if couple:
        first, second = members
        first.partner, second.partner = second, first
        first.need = second.need = world.pick(1, 3)
        second.stays_with = first if world.chance(0.5) else None


def _add_client(
    world: World, building: Building, flat: str | None, since: date, org_id: str
) -> Client:
    need = _weighted(world, [0.42, 0.27, 0.18, 0.13])
    until, reason = OPEN, None
    gone = timedelta(int(world.rng.exponential(365 / (_DEATHS + _MOVES))) + 5)
    if max(since, world.start) + gone < world.end:
        until = max(since, world.start) + gone
        reason = "deceased" if world.chance(_DEATHS / (_DEATHS + _MOVES)) else "moved"
    protection = "none"
    if world.chance(0.004):
        protection = "marked" if world.chance(0.5) else "protected_registration"
    person_id = add_person(
        world,
        youngest=date(1962, 12, 31),
        oldest=date(1926, 1, 1),
        building=building,
        flat=flat,
        protection=protection,
        deceased_on=until if reason == "deceased" else None,
        moved_in=since - timedelta(world.pick(400, 4_000)),
        moved_out=until if reason == "moved" else None,
    )
    client = Client(
        person_id, building, flat, 0.0, need, since, until, [Spell(org_id, since, until, reason)]
    )
    client.protection, client.end_reason = protection, reason
    account = world.identifiers.clearing()
    world.add("accounts", account=account, holder_id=person_id, holder_kind="person", purpose="own")
    world.fee_payers[person_id] = (person_id, account)
    world.clients.append(client)
    return client
