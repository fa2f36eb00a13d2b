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
        for client in _untouched(world, provider)
        if client.since < world.start and client.until >= world.end
    ]


def newcomers(world: World, provider: Provider) -> list[Client]:
    """Clients whose daily care begins after the start, and goes on for two months at least."""
    return [
        client
        for client in _untouched(world, provider)
        if world.start < client.since < min(world.end, client.until) - timedelta(60)
    ]


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
    """Change a client's decisions as they are written, and tell it then; `told`: detector, name.

    Nothing is done or told for a client whom another plant has moved to another provider since.
    """

    def amended(rows: list[Row]) -> list[Row]:
        if [spell.org_id for spell in client.spells] != [provider.org_id]:
            return rows
        detector, name = told
        subjects = [client.person_id]
        world.tell(detector, kind, name, provider.org_id, subjects, since, world.end, **more)
        return change(rows)

    if kind == "innocent":
        provider.innocents.add(told[0])
    world.amendments[client.person_id, CARE] = amended


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


def _untouched(world: World, provider: Provider) -> list[Client]:
    return [
        client
        for client in world.clients
        if client.need > 0
        and [spell.org_id for spell in client.spells] == [provider.org_id]
        and client.partner is None
        and client.double_staffed_by is None
        and (client.person_id, CARE) not in world.amendments
    ]
