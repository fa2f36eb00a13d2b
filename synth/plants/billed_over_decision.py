"""More hours billed than granted (domain T12a), and decisions that only look too small."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from synth.decisions import (
    amend,
    cut,
    middle,
    newcomers,
    scaled,
    steady_clients,
    when_settled,
)
from synth.world import Provider, Row, Strength, World

_DETECTOR = "billed_over_decision"


def more_than_granted(world: World, provider: Provider, strength: Strength) -> bool:
    """Month after month more is billed than granted: half as much again, or a fifth for one."""
    share = 1 / 2.4 if strength == "strong" else 1 / 1.92  # decisions leave a margin of up to 1.6

    def act(host: Provider) -> None:
        for client in steady_clients(world, host)[: 5 if strength == "strong" else 1]:
            amend(
                world,
                host,
                client,
                lambda rows: scaled(rows, share),
                "scheme",
                (_DETECTOR, "more_than_granted"),
                world.start,
                strength=strength,
            )

    return when_settled(world, provider, act)


def need_that_fell(world: World, provider: Provider, strength: Strength) -> bool:
    """The decision is lowered and the invoices are not, from early on or from half-time."""
    fell = world.start + timedelta(world.days // (4 if strength == "strong" else 2))

    def act(host: Provider) -> None:
        for client in steady_clients(world, host)[: 4 if strength == "strong" else 1]:
            amend(
                world,
                host,
                client,
                lambda rows: [*cut(rows, until=fell), *scaled(cut(rows, since=fell), 0.4)],
                "scheme",
                (_DETECTOR, "need_that_fell"),
                fell,
                strength=strength,
            )

    return when_settled(world, provider, act)


SCHEMES = (more_than_granted, need_that_fell)


def mid_month_changes(world: World, hosts: list[Provider]) -> None:
    """In the middle of a month a new decision grants a little more."""
    day = middle(world)
    _innocents(
        world,
        hosts,
        "mid_month_change",
        lambda rows: [*cut(rows, until=day), *scaled(cut(rows, since=day), 1.1)],
    )


def several_decisions(world: World, hosts: list[Provider]) -> None:
    """Two decisions hold at once: one of old, and what came with an illness."""
    _innocents(
        world,
        hosts,
        "several_decisions",
        lambda rows: [*scaled(rows, 0.7), *scaled(rows, 0.4)],
    )


def renewal_gaps(world: World, hosts: list[Provider]) -> None:
    """Twelve days lie between a decision and the next."""
    day = middle(world)
    _innocents(
        world,
        hosts,
        "renewal_gap",
        lambda rows: [*cut(rows, until=day), *cut(rows, since=day + timedelta(12))],
    )


def decisions_entered_late(world: World, hosts: list[Provider]) -> None:
    """The hospital sent the client home; the decision came three weeks after the first visit."""

    def act() -> None:
        for provider in (host for host in hosts if host.scheme != _DETECTOR):
            for client in newcomers(world, provider)[:1]:
                day = client.since + timedelta(20)
                amend(
                    world,
                    provider,
                    client,
                    lambda rows, day=day: cut(rows, since=day),  # type: ignore[misc]
                    "innocent",
                    (_DETECTOR, "decision_not_entered"),
                    client.since,
                )

    world.settled.append(act)


INNOCENTS = (mid_month_changes, several_decisions, renewal_gaps, decisions_entered_late)


def _innocents(
    world: World, hosts: list[Provider], cause: str, change: Callable[[list[Row]], list[Row]]
) -> None:
    """The cause at one client of each of three hosts."""

    def act() -> None:
        able = [host for host in hosts if host.scheme != _DETECTOR and steady_clients(world, host)]
        for host in able[:3] or world.providers[:1]:
            for client in steady_clients(world, host)[:1]:
                told = (_DETECTOR, cause)
                amend(world, host, client, change, "innocent", told, world.start)

    world.settled.append(act)
