"""Clients whose decisions for care a plant amends, and how: cut in time, or scaled in hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

from synth.companies import CARE
from synth.world import OPEN, Client, Provider, Row, World


def steady_clients(world: World, provider: Provider) -> list[Client]:
    """Clients with daily care from one provider all the time, whose decisions are as they were."""
    return [
        client
        for client in _untouched(world)
        if _served_by(provider, client, world.start, world.end)
    ]


def newcomers(world: World, provider: Provider) -> list[Client]:
    """Clients whose daily care begins after the start, and goes on for two months at least."""
    return [
        client
        for client in _untouched(world)
        if world.start < client.since < min(world.end, client.until) - timedelta(60)
        and _served_by(provider, client, client.since, min(world.end, client.until))
    ]


def when_settled(world: World, provider: Provider, act: Callable[[Provider], None]) -> bool:
    """Let `act` choose clients when none moves any more; False where the provider has none now.

    Should other plants have moved them all by then, another provider without a scheme takes over.
    """

    def acts() -> None:
        free = [other for other in world.private if other.scheme is None]
        hosts = [host for host in (provider, *free) if steady_clients(world, host)]
        if hosts:
            hosts[0].scheme = provider.scheme
            act(hosts[0])

    world.settled.append(acts)
    return bool(steady_clients(world, provider))


def amend(
    world: World,
    provider: Provider,
    client: Client,
    change: Callable[[list[Row]], list[Row]],
    kind: Literal["scheme", "innocent"],
    told: tuple[str, str],
    since: date,
    **more: object,
) -> None:
    """Change a client's decisions as they are written, and tell it; `told`: detector, name."""
    detector, name = told
    if kind == "innocent":
        provider.innocents.add(detector)
    world.tell(detector, kind, name, provider.org_id, [client.person_id], since, world.end, **more)
    world.amendments[client.person_id, CARE] = change


def cut(rows: list[Row], *, since: date = date.min, until: date = OPEN) -> list[Row]:
    """The decisions as far as they hold from `since` on and before `until`."""
    kept = []
    for row in rows:
        starts, ends = row["valid_from"], row["valid_to"]
        assert isinstance(starts, date)  # noqa: S101 - as they are made
        assert isinstance(ends, date)  # noqa: S101
        if max(starts, since) < min(ends, until):
            kept.append({**row, "valid_from": max(starts, since), "valid_to": min(ends, until)})
    return kept


def scaled(rows: list[Row], share: float) -> list[Row]:
    """The decisions with a share of their hours."""
    return [
        {**row, "hours_per_month": round(float(str(row["hours_per_month"])) * share, 1)}
        for row in rows
    ]


def middle(world: World) -> date:
    """A day in the middle of a month in the middle of the period."""
    return (world.start + timedelta(world.days // 2)).replace(day=13)


def _served_by(provider: Provider, client: Client, since: date, until: date) -> bool:
    return any(
        spell.org_id == provider.org_id and spell.since <= since and spell.until >= until
        for spell in client.spells
    )


def _untouched(world: World) -> list[Client]:
    return [
        client
        for client in world.clients
        if client.need > 0
        and client.partner is None
        and client.double_staffed_by is None
        and (client.person_id, CARE) not in world.amendments
    ]
